public import Line
public import Metering
public import Modbus

/// What came of an inquiry.
public enum InquiryOutcome: Hashable, Sendable {
  case told(InquiryReply)
  /// Bytes came that cannot be believed; why.
  case damaged(String)
  case silent
}

extension Line {
  /// Asks a Modbus meter anything that changes nothing in it: once, without retries.
  ///
  /// Registers of a profile are read by the daemon through libmodbus; this is for what else a meter can tell, above
  /// all who it is. After a silence or damage call `quarantine` before the next.
  /// - Parameters:
  ///   - inquiry: what is asked; over Modbus TCP it gets a transaction number of its own.
  ///   - settings: the meter's serial settings; the line's own when left out.
  ///   - replyTimeout: from the end of the question to the first byte of the answer.
  ///   - gap: the longest pause within the answer.
  /// - Returns: the answer, a refusal included.
  /// - Throws: `LineError` when the port fails.
  public func ask(
    _ inquiry: Inquiry, settings: SerialSettings? = nil, replyTimeout: BootInstant.Span,
    gap: BootInstant.Span = .milliseconds(100)
  ) throws(LineError) -> InquiryOutcome {
    // The engine of register reads counts from 1, so these are far from all that may still be on their way.
    let transaction = 0x8000 | UInt16(truncatingIfNeeded: counters.requests)
    var conversation = InquiryConversation(inquiry, transaction: address.isModbusTCP ? transaction : nil)
    let own = address.isModbusTCP ? .network : settings ?? self.settings
    let timing = ExchangeTiming(silence: own.frameSilence, reply: replyTimeout, gap: gap)
    _ = try run(&conversation, settings: own, timing: timing)
    guard conversation.isAnswered else { return conversation.outcome }
    // Two meters at one address betray themselves in the silence that ends the frame.
    try settle(&conversation, silence: own.frameSilence)
    return conversation.outcome
  }

  /// All that a meter tells of itself by function 43/14, part by part; `nil` where it does not.
  public func identification(
    of unit: UInt8, access: IdentificationAccess = .regular, settings: SerialSettings? = nil,
    replyTimeout: BootInstant.Span
  ) throws(LineError) -> [IdentificationObject]? {
    var objects: [IdentificationObject] = []
    var request: IdentificationRequest? = IdentificationRequest(unit: unit, access: access)
    while let asked = request {
      let outcome = try ask(.identification(asked), settings: settings, replyTimeout: replyTimeout)
      guard case .told(.identification(let part)) = outcome else { return nil }
      objects += part.objects
      request = asked.next(after: part)
    }
    return objects
  }
}

/// An inquiry carried over a line.
struct InquiryConversation: Conversation {
  private let inquiry: Inquiry
  private let transaction: UInt16?
  private var serial: ReplyFinder<Inquiry>
  private var network: TCPReplyFinder<Inquiry>
  private var heard = 0
  private var found: Found<InquiryReply>?
  private var isContradicted = false

  /// Over a serial line where there is no transaction number.
  init(_ inquiry: Inquiry, transaction: UInt16?) {
    self.inquiry = inquiry
    self.transaction = transaction
    serial = ReplyFinder(expecting: inquiry)
    network = TCPReplyFinder(expecting: inquiry, transaction: transaction ?? 0)
  }

  mutating func start() -> ConversationStep {
    .send(transaction.map { inquiry.tcp(transaction: $0) } ?? inquiry.rtu, longestReply: 260)
  }

  mutating func receive(_ byte: UInt8) -> ConversationStep {
    heard += 1
    if let next = transaction == nil ? serial.receive(byte) : network.receive(byte) {
      isContradicted = isContradicted || found.map { $0.frame != next.frame } ?? false
      found = found ?? next
    }
    return found == nil ? .listen : .finished
  }

  mutating func interrupted() { serial = ReplyFinder(expecting: inquiry) }
  mutating func timedOut() -> ConversationStep { .finished }

  var isAnswered: Bool { found != nil && !isContradicted }

  var outcome: InquiryOutcome {
    guard !isContradicted else { return .damaged("two answers that differ: two meters have this address") }
    if let found { return .told(found.reply) }
    guard heard > 0 else { return .silent }
    if transaction != nil { return network.noise + network.pending > 0 ? .damaged("no sound reply") : .silent }
    let skipped = serial.skipped
    return heard >= ReadReply.exceptionLength && skipped.foreign.isEmpty
      ? .damaged("no sound reply: \(skipped)") : .silent
  }
}
