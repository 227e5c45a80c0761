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
    let own = address.isModbusTCP ? .network : settings ?? self.settings
    // Two meters at one address betray themselves in the silence that ends the frame.
    switch try put(inquiry, settings: own, replyTimeout: replyTimeout, gap: gap, listening: own.frameSilence) {
    case .told(let reply): return .told(reply)
    case .damaged(let reason): return .damaged(reason)
    case .silent: return .silent
    }
  }

  /// Puts any Modbus request once and listens for `listening` after its answer.
  func put<Request: Answerable>(
    _ request: Request, settings own: SerialSettings, replyTimeout: BootInstant.Span,
    gap: BootInstant.Span = .milliseconds(100), listening: BootInstant.Span
  ) throws(LineError) -> RequestConversation<Request>.Outcome {
    // The engine of register reads counts from 1, so these are far from all that may still be on their way.
    let transaction = 0x8000 | UInt16(truncatingIfNeeded: counters.requests)
    var conversation = RequestConversation(
      request, transaction: address.isModbusTCP ? transaction : nil, afterEcho: hearsItself)
    let timing = ExchangeTiming(silence: own.frameSilence, reply: replyTimeout, gap: gap)
    _ = try run(&conversation, settings: own, timing: timing)
    guard conversation.isAnswered else { return conversation.outcome }
    try settle(&conversation, silence: listening)
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
