internal import Host
internal import Synchronization

/// The way back to a client that asked for something. It is told once: a result, an error, or a stream.
public final class ControlReply: Sendable {
  private let number: Int
  private let client: Int
  private let id: JSON
  private let mailbox: ControlMailbox
  private let isTold = Atomic(false)

  init(number: Int, client: Int, id: JSON, mailbox: ControlMailbox) {
    self.number = number
    self.client = client
    self.id = id
    self.mailbox = mailbox
  }

  public func succeed(_ result: JSON) { tell(Self.text(id, .init("result", result))) }
  public func fail(_ complaint: Complaint) { tell(Self.text(id, .init("error", complaint.json))) }

  /// Goes on with what `source` gives until the client has enough.
  public func stream(_ source: any ControlSource) {
    guard !isTold.exchange(true, ordering: .acquiringAndReleasing) else { return source.close() }
    mailbox.put(.stream(client: client, reply: number, id: id, source))
  }

  private func tell(_ line: String) {
    guard !isTold.exchange(true, ordering: .acquiringAndReleasing) else { return }
    mailbox.put(.end(client: client, reply: number, line))
  }

  /// Says that nothing more comes, where nothing came.
  func finish() {
    guard !isTold.load(ordering: .acquiring) else { return }
    fail(Complaint(.software, "the daemon has no answer to that"))
  }

  /// The last line of an answer.
  static func text(_ id: JSON, _ outcome: JSON.Member) -> String {
    JSON.object([JSON.Member("id", id), outcome, JSON.Member("end", true)]).text
  }

  /// A line of a stream; `dropped` are those before it that found no room.
  static func text(_ id: JSON, _ item: JSON, dropped: Int) -> String {
    var members = [JSON.Member("id", id), JSON.Member("item", item)]
    if dropped > 0 { members.append(JSON.Member("dropped", .integer(Int64(dropped)))) }
    return JSON.object(members).text
  }
}

/// What a stream is made of. Called by the thread of the control socket, which must not be held up.
public protocol ControlSource: Sendable {
  /// What there is since the last call, and how many items were lost in between.
  func take() -> (items: [JSON], lost: Int)
  /// Nobody listens any more.
  func close()
}

/// What came of requests, on its way to the thread that owns the clients.
final class ControlMailbox: Sendable {
  enum Letter: Sendable {
    case end(client: Int, reply: Int, String)
    case stream(client: Int, reply: Int, id: JSON, any ControlSource)
  }

  private let letters = Guarded<[Letter]>([])
  private let bell: Doorbell

  init(bell: Doorbell) { self.bell = bell }

  func put(_ letter: Letter) {
    letters.withLock { $0.append(letter) }
    bell.ring()
  }

  func take() -> [Letter] {
    letters.withLock { letters in
      defer { letters = [] }
      return letters
    }
  }
}
