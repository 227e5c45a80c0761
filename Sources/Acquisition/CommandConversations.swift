internal import DLT645
internal import Line
internal import Metering
internal import Modbus

/// A DL/T 645 command carried over a line: sent once, whatever comes of it.
struct CommandConversation: Conversation {
  private(set) var exchange: CommandExchange
  private(set) var outcome: CommandExchange.Outcome?

  init(_ command: Command, to meter: IndividualAddress, wakeUps: Int) {
    exchange = CommandExchange(command, to: meter, wakeUps: wakeUps)
  }

  mutating func start() -> ConversationStep { step(exchange.start()) }
  mutating func receive(_ byte: UInt8) -> ConversationStep { step(exchange.receive(byte)) }
  var bytesToCome: Int { exchange.missingBytes }
  mutating func interrupted() { exchange.interrupted() }
  mutating func timedOut() -> ConversationStep { step(exchange.timedOut()) }

  private mutating func step(_ action: CommandExchange.Action) -> ConversationStep {
    switch action {
    case .send(let bytes): return .send(bytes, longestReply: exchange.expectedReplyBytes)
    case .listen: return .listen
    case .finish(let outcome):
      self.outcome = outcome
      return .finished
    }
  }
}

/// What nobody answers: it is sent, and the line is listened to until it is quiet.
struct Announcement: Conversation {
  let bytes: [UInt8]

  mutating func start() -> ConversationStep { .send(bytes, longestReply: 0) }
  mutating func receive(_ byte: UInt8) -> ConversationStep { .listen }
  mutating func interrupted() {}
  mutating func timedOut() -> ConversationStep { .finished }
}

/// Any Modbus request over a serial line, and the first sound answer to it.
struct RequestConversation<Request: Answerable>: Conversation {
  private let request: Request
  private var finder: ReplyFinder<Request>
  private let afterEcho: Bool
  private(set) var found: Found<Request.Reply>?
  /// Another answer says something else: two meters have this address.
  private(set) var isContradicted = false

  /// `afterEcho` where the adapter is known to hear itself; it matters for requests whose answer is their copy.
  init(_ request: Request, afterEcho: Bool) {
    self.request = request
    self.afterEcho = afterEcho
    finder = ReplyFinder(expecting: request, afterEcho: afterEcho)
  }

  var repeatsRequest: Bool { request.answerShape.repeatsRequest }
  mutating func start() -> ConversationStep { .send(request.rtu, longestReply: 256) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    if let next = finder.receive(byte) {
      isContradicted = isContradicted || found.map { $0.frame != next.frame } ?? false
      found = found ?? next
    }
    return found == nil ? .listen : .finished
  }
  mutating func interrupted() { finder = ReplyFinder(expecting: request, afterEcho: afterEcho) }
  mutating func timedOut() -> ConversationStep { .finished }
}
