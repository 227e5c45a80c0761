public import Host
internal import Metering
internal import Synchronization

/// The control socket of a running daemon: takes requests of its clients, line by line, and carries the answers back.
///
/// It works on a thread of its own and waits for no client: what one does not read is dropped from streams and told
/// as a number, and one that reads no replies at all is cut off. Who speaks is told by the kernel.
public actor ControlServer {
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// Carries out what a client asked for; called on no thread in particular, several times at once.
  public typealias Serve = @Sendable (ControlRequest, LocalPeer, ControlReply) async -> Void

  /// A client with whom this server parted by itself, or whom it let not in.
  public struct Parting: Hashable, Sendable {
    public enum Reason: String, Hashable, Sendable {
      case tooMany = "too many clients"
      case notPermitted = "not permitted"
      case overlong = "a request without end"
      case halfSaid = "a request was begun and not ended"
      case takesNothing = "takes nothing of what waits for it"
      case idle = "asked for nothing"
    }
    public let reason: Reason
    public let peer: LocalPeer
  }

  /// Bounds of patience; tests have less of it.
  struct Patience: Sendable {
    /// For a line that was begun.
    var half = BootInstant.Span.seconds(10)
    /// For a client that takes nothing of what waits for it.
    var stuck = BootInstant.Span.seconds(10)
    /// For a client that asks for nothing.
    var idle = BootInstant.Span.seconds(300)
  }

  public static let mostClients = 16
  /// Requests of one client that are carried out at once; later ones wait in its line.
  static let mostAtOnce = 8
  /// Requests of clients that may be gone, too.
  static let mostUnderWay = 64
  /// How often streams are looked after.
  private static let streamPace = BootInstant.Span.milliseconds(100)

  private final class Client {
    let connection: LocalConnection
    var session: ControlSession
    var underWay: [Int: Task<Void, Never>] = [:]
    /// By number of the reply.
    var streams: [Int: Stream] = [:]
    /// Nothing more comes of it.
    var hasEnded = false
    /// It is closed once everything was sent.
    var isLeaving = false

    init(_ connection: LocalConnection, at now: BootInstant) {
      self.connection = connection
      session = ControlSession(at: now)
    }

    var listens: Bool { !hasEnded && !isLeaving && session.wantsInput }
    /// Nothing is done for it now.
    var rests: Bool { underWay.isEmpty && streams.isEmpty }

    func refuse(_ id: JSON, _ complaint: Complaint, at now: BootInstant) {
      _ = session.put(ControlReply.text(id, .init("error", complaint.json)), at: now)
      isLeaving = true
    }
  }

  private struct Stream {
    let id: JSON
    let source: any ControlSource
    var dropped = 0
  }

  private let thread = OwnedThread(name: "control")
  private nonisolated let bell = Doorbell()
  private nonisolated let stopping = Atomic(false)
  private nonisolated let mailbox: ControlMailbox
  private nonisolated let serve: Serve
  private nonisolated let report: @Sendable (Parting) -> Void
  private var listener: LocalListener?
  private let patience: Patience
  private var clients: [Int: Client] = [:]
  private var lastClient = 0
  private var lastReply = 0
  private var underWay = 0
  private var watch = LocalWatch()
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  /// Listens at `path`; throws where it cannot. Nothing is served before `run`. `report` takes what becomes of clients
  /// that do not go by themselves; where a client goes, the task that serves its request is cancelled.
  public init(
    path: String, report: @escaping @Sendable (Parting) -> Void = { _ in }, serve: @escaping Serve
  ) throws(Complaint) {
    try self.init(path: path, patience: Patience(), report: report, serve: serve)
  }

  init(
    path: String, patience: Patience, report: @escaping @Sendable (Parting) -> Void = { _ in }, serve: @escaping Serve
  ) throws(Complaint) {
    do throws(LocalSocketError) {
      listener = try LocalListener(path: path)
    } catch {
      throw Complaint(listeningAt: path, error)
    }
    self.patience = patience
    self.report = report
    self.serve = serve
    mailbox = ControlMailbox(bell: bell)
  }

  deinit { thread.stop() }

  /// Ends `run`; clients are cut off.
  public nonisolated func stop() {
    stopping.store(true, ordering: .releasing)
    bell.ring()
  }

  /// Works until `stop` is called.
  public func run() async {
    while !stopping.load(ordering: .acquiring) {
      // In the order of their numbers, so that places of the watch are places in this list.
      let numbers = clients.keys.sorted()
      wait(for: numbers)
      let now = HostClock.boot
      deliver(at: now)
      for (place, number) in numbers.enumerated() {
        guard let client = clients[number] else { continue }
        if client.listens {
          if watch.canRead(place) { hear(client, at: now) }
        } else if watch.isGone(place) {
          drop(number)
          continue
        }
        work(number, client, at: now)
      }
      pump(at: now)
      for (number, client) in clients { flush(number, client, at: now) }
      for (number, client) in clients { dismiss(number, client, at: now) }
      if watch.hasCaller { welcome(at: now) }
    }
    for number in Array(clients.keys) { drop(number) }
    listener = nil
  }

  private func wait(for numbers: [Int]) {
    let now = HostClock.boot
    var until = now + .seconds(60)
    watch.begin(listener, bell)
    for client in numbers.compactMap({ clients[$0] }) {
      watch.add(client.connection, reads: client.listens, writes: client.session.hasOutput)
      if !client.streams.isEmpty { until = min(until, now + Self.streamPace) }
      if let limit = limit(of: client) { until = min(until, limit) }
    }
    watch.wait(until: until, quieting: bell)
  }

  /// When patience with a client ends.
  private func limit(of client: Client) -> BootInstant? {
    if let since = client.session.stuckSince { return since + patience.stuck }
    guard client.rests else { return nil }
    return client.session.halfSince.map { $0 + patience.half } ?? client.session.lastHeard + patience.idle
  }

  private func welcome(at now: BootInstant) {
    while let connection = listener?.accept() {
      let client = Client(connection, at: now)
      let peer = connection.peer
      if clients.count >= Self.mostClients {
        report(Parting(reason: .tooMany, peer: peer))
        client.refuse(
          .null,
          Complaint(.tryLater, "\(Self.mostClients) clients are connected", "Try again when one of them has gone."),
          at: now)
      } else if !peer.mayLook {
        report(Parting(reason: .notPermitted, peer: peer))
        client.refuse(
          .null,
          Complaint(
            .notPermitted, "user \(peer.user) may not speak to this daemon",
            "Root may, the daemon's own user, and who is in the group of the socket."), at: now)
      } else {
        lastClient += 1
        clients[lastClient] = client
        continue
      }
      // The last word to somebody who is not let in; a new connection has room for it.
      _ = connection.send(client.session.waiting)
    }
  }

  private func hear(_ client: Client, at now: BootInstant) {
    guard let count = client.connection.read(into: &buffer) else {
      // A client that has said all still gets what it asked for.
      client.hasEnded = true
      client.session.end()
      return
    }
    if count > 0 { client.session.receive(buffer[..<count], at: now) }
  }

  /// Starts what a client has asked for, as far as it may have that at once.
  private func work(_ number: Int, _ client: Client, at now: BootInstant) {
    while !client.isLeaving, client.underWay.count + client.streams.count < Self.mostAtOnce {
      switch client.session.next(at: now) {
      case nil: return
      case .overlong:
        report(Parting(reason: .overlong, peer: client.connection.peer))
        client.refuse(
          .null,
          Complaint(
            .badData, "a request has more than \(ControlRequest.longest >> 10) KiB",
            "A request is one object in one line."), at: now)
      case .line(let line):
        do throws(ControlRequest.Refusal) {
          let request = try ControlRequest(line)
          try admit(request, client)
          underWay += 1
          lastReply += 1
          client.underWay[lastReply] = begin(
            request, client.connection.peer,
            ControlReply(number: lastReply, client: number, id: request.id, mailbox: mailbox))
        } catch {
          let line = ControlReply.text(error.id, .init("error", error.complaint.json))
          if !client.session.put(line, at: now) {
            report(Parting(reason: .takesNothing, peer: client.connection.peer))
            client.isLeaving = true
          }
        }
      }
    }
  }

  private func admit(_ request: ControlRequest, _ client: Client) throws(ControlRequest.Refusal) {
    let peer = client.connection.peer
    guard peer.may(request.right) else {
      throw ControlRequest.Refusal(
        id: request.id,
        complaint: Complaint(
          .notPermitted, "user \(peer.user) may not ask for that",
          "Root and the daemon's own user may; under systemd there is: systemctl reload meterd"))
    }
    guard underWay < Self.mostUnderWay else {
      throw ControlRequest.Refusal(
        id: request.id, complaint: Complaint(.tryLater, "too much is under way", "Try again in a moment."))
    }
  }

  /// Leaves the request to the pool, where nothing blocks: this thread waits for clients.
  private nonisolated func begin(
    _ request: ControlRequest, _ peer: LocalPeer, _ reply: ControlReply
  ) -> Task<Void, Never> {
    Task { [serve] in
      await serve(request, peer, reply)
      reply.finish()
    }
  }

  /// Hands over what came of requests.
  private func deliver(at now: BootInstant) {
    for letter in mailbox.take() {
      underWay -= 1
      switch letter {
      case .end(let number, let reply, let line):
        guard let client = clients[number] else { continue }
        client.underWay[reply] = nil
        if !client.session.put(line, at: now) { drop(number, .takesNothing) }
      case .stream(let number, let reply, let id, let source):
        guard let client = clients[number] else {
          source.close()
          continue
        }
        client.underWay[reply] = nil
        client.streams[reply] = Stream(id: id, source: source)
      }
    }
  }

  private func pump(at now: BootInstant) {
    for client in clients.values {
      for (key, var stream) in client.streams {
        let (items, lost) = stream.source.take()
        stream.dropped += lost
        for item in items {
          let line = ControlReply.text(stream.id, item, dropped: stream.dropped)
          if client.session.offer(line, at: now) { stream.dropped = 0 } else { stream.dropped += 1 }
        }
        client.streams[key] = stream
      }
    }
  }

  private func flush(_ number: Int, _ client: Client, at now: BootInstant) {
    while client.session.hasOutput {
      guard let count = client.connection.send(client.session.waiting) else { return drop(number) }
      client.session.sent(count, at: now)
      guard count > 0 else { return }
    }
  }

  /// Parts with clients that are done, gone, or try our patience.
  private func dismiss(_ number: Int, _ client: Client, at now: BootInstant) {
    guard clients[number] != nil else { return }
    if let since = client.session.stuckSince {
      // A client that cannot take a stream as fast as it comes is not stuck while it takes anything.
      if now - since >= patience.stuck { drop(number, .takesNothing) }
    } else if client.isLeaving || client.hasEnded && client.rests {
      drop(number)
    } else if client.rests, let since = client.session.halfSince, now - since >= patience.half {
      report(Parting(reason: .halfSaid, peer: client.connection.peer))
      client.refuse(
        .null,
        Complaint(.tryLater, "a request was begun and not ended", "A request is one line, ended by a line feed."),
        at: now)
      flush(number, client, at: now)
    } else if client.rests, client.session.halfSince == nil, now - client.session.lastHeard >= patience.idle {
      drop(number, .idle)
    }
  }

  /// With a reason where it is this server that parts.
  private func drop(_ number: Int, _ reason: Parting.Reason? = nil) {
    guard let client = clients.removeValue(forKey: number) else { return }
    if let reason { report(Parting(reason: reason, peer: client.connection.peer)) }
    for task in client.underWay.values { task.cancel() }
    for stream in client.streams.values { stream.source.close() }
  }
}

extension LocalPeer {
  var mayRule: Bool { user == 0 || user == LocalPeer.ownUser }
  var mayLook: Bool { mayRule || isInGroup }

  func may(_ right: ControlRequest.Right) -> Bool {
    switch right {
    case .look: mayLook
    case .rule: mayRule
    }
  }
}

extension Complaint {
  /// A control socket that cannot be made.
  init(listeningAt path: String, _ error: LocalSocketError) {
    switch error {
    case .pathTooLong(let longest):
      self.init(
        .configuration, "the control socket's path \(path) has \(path.utf8.count) bytes; a socket takes \(longest)",
        "Name a shorter one in the configuration, such as control-socket = \"/run/meterd/control.sock\".")
    case .inUse:
      self.init(
        .tryLater, "the control socket \(path) is in use",
        "Another daemon listens there. Stop it, or give this one another control-socket in its configuration.")
    case .taken:
      self.init(
        .cannotCreate, "\(path) is no socket, so the control socket cannot be made there",
        "It was not touched. Move it away, or name another control-socket in the configuration.")
    case .notPermitted:
      self.init(
        .notPermitted, "not permitted to make the control socket \(path)",
        "This user must be allowed to write in its folder; the unit makes /run/meterd for it.")
    case .nobody:
      self.init(
        .cannotCreate, "the folder of the control socket \(path) is not there",
        "Make it, or name another control-socket in the configuration.")
    case .failed(let code):
      self.init(.cannotCreate, "cannot make the control socket \(path): \(systemError(code))")
    }
  }
}
