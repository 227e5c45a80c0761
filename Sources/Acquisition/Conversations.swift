internal import DLT645
internal import Line
internal import Metering
internal import Modbus

/// How a question ended, before anybody looks at what the answer holds.
enum ConversationEnd {
  case answered
  /// The meter answered that it will not.
  case refused(String)
  case damaged
  case silent

  /// What another answer could contradict.
  var isAnswer: Bool {
    switch self {
    case .answered, .refused: true
    case .damaged, .silent: false
    }
  }
}

/// A DL/T 645 read carried over a line.
struct DLT645Conversation: Conversation {
  private(set) var exchange: ReadExchange
  private(set) var outcome: ReadExchange.Outcome?
  private var heard = 0

  init(_ request: ReadExchange.Request, to address: Address, wakeUps: Int, rates: Int) {
    exchange = ReadExchange(request, to: address, wakeUps: wakeUps, rates: rates > 0 ? rates : nil)
  }

  mutating func start() -> ConversationStep { step(exchange.start()) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard += 1
    return step(exchange.receive(byte))
  }
  var bytesToCome: Int { exchange.missingBytes }
  mutating func interrupted() { exchange.interrupted() }
  mutating func timedOut() -> ConversationStep { step(exchange.timedOut()) }

  private mutating func step(_ action: ReadExchange.Action) -> ConversationStep {
    switch action {
    case .send(let bytes): return .send(bytes, longestReply: exchange.expectedReplyBytes)
    case .listen: return .listen
    case .finish(let outcome):
      self.outcome = outcome
      return .finished
    }
  }

  var end: ConversationEnd {
    switch outcome {
    case .data, .address: .answered
    case .refused(let word, _, _): .refused("\(word)")
    case .failed: .damaged
    case .silent, .none:
      // A handful of stray bytes is an undriven pair; more was meant to be a frame.
      hasDamage || (exchange.ignored.isEmpty && heard >= shortestFrame) ? .damaged : .silent
    }
  }

  /// 68H, six of address, 68H, control, length, sum, 16H.
  private var shortestFrame: Int { 12 }

  /// A second answer came that says something else: two meters have this address.
  var isContradicted: Bool { if case .failed(.contradicted) = outcome { true } else { false } }

  private var hasDamage: Bool {
    exchange.ignored.contains { if case .damaged = $0.reason { true } else { false } }
  }

  /// Why nothing was believed, in words.
  var damage: String {
    if case .failed(let error) = outcome { return "\(error)" }
    for frame in exchange.ignored {
      if case .damaged(let error) = frame.reason { return "damaged reply: \(error)" }
    }
    return "\(heard) bytes and no frame in them; check baud rate and parity"
  }
}

/// A Modbus read over a serial line: libmodbus makes the request and judges the reply, the finder finds it.
struct ModbusConversation: Conversation {
  private let request: [UInt8]
  private let read: ReadRequest
  private(set) var finder: ReplyFinder
  private(set) var found: Found?
  /// A second answer came that says something else: two meters have this address.
  private(set) var isContradicted = false
  private var heard = 0
  private var isRefusal = false

  init(_ read: ReadRequest, request: [UInt8]) {
    self.read = read
    self.request = request
    finder = ReplyFinder(expecting: read)
  }

  mutating func start() -> ConversationStep { .send(request, longestReply: read.replyLength) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard += 1
    if heard == 2 { isRefusal = byte == read.function.code.refused.rawValue }
    if let next = finder.receive(byte) {
      isContradicted = isContradicted || found.map { $0.frame != next.frame } ?? false
      found = found ?? next
    }
    return found == nil ? .listen : .finished
  }
  /// By the first bytes: a refusal is short. Noise before the reply makes this too small, never too large by more
  /// than a refusal after noise.
  var bytesToCome: Int {
    guard heard >= 2 else { return ReadReply.exceptionLength - heard }
    return max(1, (isRefusal ? ReadReply.exceptionLength : read.replyLength) - heard)
  }
  mutating func interrupted() { finder = ReplyFinder(expecting: read) }
  mutating func timedOut() -> ConversationStep { .finished }

  var end: ConversationEnd {
    guard !isContradicted else { return .damaged }
    return switch found?.reply {
    case .registers: .answered
    case .exception(let code): .refused("\(code)")
    case .none: heard >= ReadReply.exceptionLength && finder.skipped.foreign.isEmpty ? .damaged : .silent
    }
  }

  /// Why nothing was believed, in words.
  var damage: String { isContradicted ? "\(ExchangeError.contradicted)" : "no sound reply: \(finder.skipped)" }
}
