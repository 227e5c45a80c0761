/// Everything that a meter can be asked without changing it: functions 1, 2, 3, 4, 17 and 43/14.
///
/// Requests that change a meter are another type, ``WriteRequest``: what takes an inquiry cannot be handed one.
/// Source: "Modbus Application Protocol Specification" V1.1b3, section 6.
public enum Inquiry: Hashable, Sendable {
  case bits(BitRequest)
  case registers(ReadRequest)
  /// Function 17; serial lines only by the specification, though meters answer it over TCP too.
  case serverID(unit: UInt8)
  case identification(IdentificationRequest)
}

extension Inquiry: Answerable {
  /// Reads a request from a message that is taken for one.
  public init(_ message: Message) throws(FrameError) {
    switch message.function.rawValue {
    case 1, 2: self = .bits(try BitRequest(message))
    case 3, 4: self = .registers(try ReadRequest(message))
    case 17:
      guard message.payload.isEmpty else { throw .length(message.payload.count, expected: 0) }
      self = .serverID(unit: message.unit)
    case 43: self = .identification(try IdentificationRequest(message))
    default: throw .function(message.function)
    }
  }

  public var message: Message {
    switch self {
    case .bits(let request): request.message
    case .registers(let request): request.message
    case .serverID(let unit): Message(unit: unit, function: .reportServerID, payload: [])
    case .identification(let request): request.message
    }
  }

  public var unit: UInt8 {
    switch self {
    case .bits(let request): request.unit
    case .registers(let request): request.unit
    case .serverID(let unit): unit
    case .identification(let request): request.unit
    }
  }

  public var answerShape: AnswerShape {
    switch self {
    case .bits(let request):
      AnswerShape(
        header: [request.unit, request.function.rawValue, request.byteCount], length: .fixed(5 + Int(request.byteCount))
      )
    case .registers(let request): request.answerShape
    case .serverID(let unit): AnswerShape(header: [unit, FunctionCode.reportServerID.rawValue], length: .counted)
    case .identification(let request):
      AnswerShape(
        header: [
          request.unit, FunctionCode.encapsulatedInterface.rawValue, IdentificationRequest.interface,
          request.access.rawValue,
        ], length: .objects)
    }
  }

  public func reply(from message: Message) throws(FrameError) -> InquiryReply {
    try message.check(unit: unit, function: self.message.function)
    let reply = try InquiryReply(message)
    switch (self, reply) {
    case (.bits(let request), .bits(let bits)):
      guard bits.count == 8 * Int(request.byteCount) else {
        throw .byteCount(UInt8(truncatingIfNeeded: bits.count / 8), expected: request.byteCount)
      }
      return .bits(Array(bits.prefix(Int(request.count))))
    case (.registers(let request), .registers(let registers)):
      guard registers.count == Int(request.count) else {
        throw .byteCount(
          UInt8(truncatingIfNeeded: 2 &* registers.count), expected: UInt8(truncatingIfNeeded: 2 &* request.count))
      }
      return reply
    case (.identification(let request), .identification(let identification)):
      guard identification.access == request.access else { throw .access(identification.access.rawValue) }
      return reply
    case (_, .exception), (.serverID, .serverID): return reply
    case (.bits, _), (.registers, _), (.serverID, _), (.identification, _): throw .function(message.function)
    }
  }
}

/// What a meter answered to an inquiry.
public enum InquiryReply: Hashable, Sendable {
  /// Read without its request, a reply tells the bits that fill its last byte too.
  case bits([Bool])
  case registers([UInt16])
  case serverID(ServerID)
  case identification(Identification)
  case exception(ExceptionCode)

  /// Reads a reply to a question that is not known.
  public init(_ message: Message) throws(FrameError) {
    if message.function.isException {
      guard [1, 2, 3, 4, 17, 43].contains(message.function.requested.rawValue) else {
        throw .function(message.function)
      }
      self = .exception(try message.exception())
      return
    }
    switch message.function.rawValue {
    case 1, 2:
      let bytes = try message.counted()
      guard (1...250).contains(bytes.count) else {
        throw .byteCount(UInt8(truncatingIfNeeded: bytes.count), expected: UInt8(min(max(bytes.count, 1), 250)))
      }
      self = .bits(unpacked(bytes, count: 8 * bytes.count))
    case 3, 4:
      switch try ReadReply(message) {
      case .registers(let registers): self = .registers(registers)
      case .exception(let code): self = .exception(code)
      }
    case 17: self = .serverID(ServerID(bytes: Array(try message.counted())))
    case 43: self = .identification(try Identification(payload: message.payload))
    default: throw .function(message.function)
    }
  }

  /// The reply as a meter sends it to `inquiry`. What does not fit into a frame is left out.
  public func message(to inquiry: Inquiry) -> Message {
    let asked = inquiry.message
    switch self {
    case .exception(let code):
      return Message(unit: asked.unit, function: asked.function.refused, payload: [code.rawValue])
    case .bits(let bits): return asked.answered(packed(Array(bits.prefix(BitRequest.maximumCount))))
    case .registers(let registers):
      var bytes: [UInt8] = []
      for register in registers.prefix(ReadRequest.maximumCount) { bytes.append(word: register) }
      return asked.answered(bytes)
    case .serverID(let id): return asked.answered(Array(id.bytes.prefix(251)))
    case .identification(let identification): return identification.message(unit: asked.unit)
    }
  }
}

extension Message {
  /// Throws where the message is of another unit or answers another function.
  func check(unit: UInt8, function: FunctionCode) throws(FrameError) {
    guard self.unit == unit else { throw .unit(self.unit, expected: unit) }
    guard self.function.requested == function else { throw .function(self.function) }
  }

  /// The one byte of a refusal.
  func exception() throws(FrameError) -> ExceptionCode {
    guard payload.count == 1 else { throw .length(payload.count, expected: 1) }
    return ExceptionCode(rawValue: payload[0])
  }

  /// What follows a byte that counts it.
  func counted() throws(FrameError) -> ArraySlice<UInt8> {
    guard let count = payload.first else { throw .length(0, expected: 1) }
    guard payload.count == Int(count) + 1 else { throw .length(payload.count, expected: Int(count) + 1) }
    return payload.dropFirst()
  }

  /// The reply to this request that brings `bytes` after their count.
  fileprivate func answered(_ bytes: [UInt8]) -> Message {
    Message(unit: unit, function: function, payload: [UInt8(truncatingIfNeeded: bytes.count)] + bytes)
  }
}
