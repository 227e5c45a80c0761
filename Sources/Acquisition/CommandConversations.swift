internal import DLT645
internal import Line
internal import Metering
internal import Modbus

/// A DL/T 645 command carried over a line: sent once, whatever comes of it.
struct CommandConversation: Conversation {
  private(set) var exchange: CommandExchange
  private(set) var outcome: CommandExchange.Outcome?
  private let wakeUps: Int
  private let renewed: ((BootInstant) -> Command?)?
  /// Nothing was sent: when the line was silent it was not to be sent any more.
  private(set) var isHeldBack = false

  /// `renewed` makes the command anew for the instant at which its last byte is through, where it tells the time; `nil`
  /// where it must not go out then.
  init(
    _ command: Command, to meter: IndividualAddress, wakeUps: Int, renewed: ((BootInstant) -> Command?)? = nil
  ) {
    exchange = CommandExchange(command, to: meter, wakeUps: wakeUps)
    self.wakeUps = wakeUps
    self.renewed = renewed
  }

  var command: Command { exchange.command }
  var tellsTime: Bool { renewed != nil }

  mutating func sending(through end: BootInstant) -> [UInt8]? {
    if let command = renewed?(end) {
      exchange = CommandExchange(command, to: exchange.meter, wakeUps: wakeUps)
      if case .send(let bytes) = exchange.start() { return bytes }
    }
    isHeldBack = true
    return nil
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
  /// As for a command.
  var renewed: ((BootInstant) -> [UInt8]?)?
  private(set) var isHeldBack = false

  init(bytes: [UInt8], renewed: ((BootInstant) -> [UInt8]?)? = nil) {
    self.bytes = bytes
    self.renewed = renewed
  }

  var tellsTime: Bool { renewed != nil }

  mutating func sending(through end: BootInstant) -> [UInt8]? {
    let made = renewed?(end)
    isHeldBack = made == nil
    return made
  }

  mutating func start() -> ConversationStep { .send(bytes, longestReply: 0) }
  mutating func receive(_ byte: UInt8) -> ConversationStep { .listen }
  mutating func interrupted() {}
  mutating func timedOut() -> ConversationStep { .finished }
}

/// Any Modbus request carried over a line, and the first sound answer to it.
struct RequestConversation<Request: Answerable>: Conversation {
  enum Outcome: Hashable {
    case told(Request.Reply)
    /// Bytes came that cannot be believed; why.
    case damaged(String)
    case silent
  }

  private let request: Request
  private let transaction: UInt16?
  private let afterEcho: Bool
  private var serial: ReplyFinder<Request>
  private var network: TCPReplyFinder<Request>
  private var heard = 0
  private var found: Found<Request.Reply>?
  private var isContradicted = false

  /// Over a serial line where there is no transaction number. `afterEcho` where the adapter is known to hear itself;
  /// it matters for requests whose answer is their copy.
  init(_ request: Request, transaction: UInt16?, afterEcho: Bool) {
    self.request = request
    self.transaction = transaction
    self.afterEcho = afterEcho
    serial = ReplyFinder(expecting: request, afterEcho: afterEcho)
    network = TCPReplyFinder(expecting: request, transaction: transaction ?? 0)
  }

  /// Over TCP nothing hears itself.
  var repeatsRequest: Bool { transaction != nil || request.answerShape.repeatsRequest }

  mutating func start() -> ConversationStep {
    .send(transaction.map { request.tcp(transaction: $0) } ?? request.rtu, longestReply: 260)
  }

  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard += 1
    if let next = transaction == nil ? serial.receive(byte) : network.receive(byte) {
      isContradicted = isContradicted || found.map { $0.frame != next.frame } ?? false
      found = found ?? next
    }
    return found == nil ? .listen : .finished
  }

  mutating func interrupted() { serial = ReplyFinder(expecting: request, afterEcho: afterEcho) }
  mutating func timedOut() -> ConversationStep { .finished }

  var isAnswered: Bool { found != nil && !isContradicted }

  var outcome: Outcome {
    guard !isContradicted else { return .damaged("two answers that differ: two meters have this address") }
    if let found { return .told(found.reply) }
    guard heard > 0 else { return .silent }
    if transaction != nil { return network.noise + network.pending > 0 ? .damaged("no sound reply") : .silent }
    let skipped = serial.skipped
    return heard >= ReadReply.exceptionLength && skipped.foreign.isEmpty
      ? .damaged("no sound reply: \(skipped)") : .silent
  }
}
