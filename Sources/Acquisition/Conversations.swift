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

/// A question of either protocol that can say how it ended.
protocol JudgedConversation: Conversation {
  var end: ConversationEnd { get }
  /// Two different answers came.
  var isContradicted: Bool { get }
  /// Why nothing was believed, in words.
  var damage: String { get }
}

/// A DL/T 645 read carried over a line.
struct DLT645Conversation: JudgedConversation {
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

extension Line {
  /// A register read as this line frames it: over Modbus TCP with a transaction number, far from those of the engine
  /// of register reads, which counts from 1.
  func conversation(reading read: ReadRequest) -> ModbusConversation {
    guard address.isModbusTCP else { return ModbusConversation(read, request: read.rtu) }
    let transaction = 0x8000 | UInt16(truncatingIfNeeded: counters.requests)
    return ModbusConversation(read, request: read.tcp(transaction: transaction), overTCP: true)
  }
}

/// A Modbus read over a line: libmodbus makes the request and judges the reply, the finder finds it.
struct ModbusConversation: JudgedConversation {
  private let request: [UInt8]
  private let read: ReadRequest
  private let overTCP: Bool
  /// One of these two looks for the reply.
  private var serial: ReplyFinder<ReadRequest>?
  private var network: TCPReplyFinder<ReadRequest>?
  private(set) var found: Found<ReadReply>?
  /// A second answer came that says something else: two meters have this address.
  private(set) var isContradicted = false
  private var heard = 0
  private var isRefusal = false

  /// `request` is the frame of `read` as libmodbus built it.
  init(_ read: ReadRequest, request: [UInt8], overTCP: Bool = false) {
    self.read = read
    self.request = request
    self.overTCP = overTCP
    look()
  }

  /// Begins to look for the reply, whatever came before.
  private mutating func look() {
    if overTCP {
      let transaction = request.prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
      network = TCPReplyFinder(expecting: read, transaction: transaction)
    } else {
      serial = ReplyFinder(expecting: read)
    }
  }

  mutating func start() -> ConversationStep { .send(request, longestReply: longestReply) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard += 1
    if heard == 2 { isRefusal = byte == read.function.code.refused.rawValue }
    if let next = serial?.receive(byte) ?? network?.receive(byte) {
      isContradicted = isContradicted || found.map { $0.frame != next.frame } ?? false
      found = found ?? next
    }
    return found == nil ? .listen : .finished
  }

  /// Units other than the one asked whose sound frames came.
  var foreign: [UInt8] { serial?.skipped.foreign ?? [] }

  /// Over TCP the header is four bytes longer than a checksum.
  private var longestReply: Int { read.replyLength + (overTCP ? 4 : 0) }

  /// By the first bytes: a refusal is short. Noise before the reply makes this too small, never too large by more
  /// than a refusal after noise. On a network nobody sleeps for bytes.
  var bytesToCome: Int {
    guard !overTCP else { return 1 }
    guard heard >= 2 else { return ReadReply.exceptionLength - heard }
    return max(1, (isRefusal ? ReadReply.exceptionLength : read.replyLength) - heard)
  }
  mutating func interrupted() { look() }
  mutating func timedOut() -> ConversationStep { .finished }

  var end: ConversationEnd {
    guard !isContradicted else { return .damaged }
    switch found?.reply {
    case .registers: return .answered
    // The gateway speaks for a meter that does not.
    case .exception(.gatewayTargetFailed): return .silent
    case .exception(let code): return .refused("\(code)")
    case .none: return hasDamage ? .damaged : .silent
    }
  }

  /// Something came that was meant for us and is no sound reply.
  private var hasDamage: Bool {
    if let serial { return heard >= ReadReply.exceptionLength && serial.skipped.foreign.isEmpty }
    guard let network else { return false }
    return network.noise + network.pending > 0 || network.stale.contains(network.transaction)
  }

  /// Why nothing was believed, in words.
  var damage: String {
    guard !isContradicted else { return "\(ExchangeError.contradicted)" }
    if let serial { return "no sound reply: \(serial.skipped)" }
    guard let network else { return "no sound reply" }
    let others = network.stale.map(String.init).joined(separator: " ")
    return "no sound reply to transaction \(network.transaction): \(network.noise + network.pending) bytes of no frame"
      + (others.isEmpty ? "" : ", transactions \(others)")
  }
}
