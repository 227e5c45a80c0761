/// Asks one meter for consecutive registers: the request that reading meters is made of.
///
/// Whatever else a meter can be asked is an ``Inquiry``.
public struct ReadRequest: Hashable, Sendable {
  public let unit: UInt8
  public let function: ReadFunction
  /// The first register by its number on the wire, from 0.
  public let register: UInt16
  /// 1...125.
  public let count: UInt16

  /// The most registers one reply can carry.
  public static let maximumCount = 125

  /// `nil` for no register, more than 125, or registers past 65535.
  public init?(unit: UInt8, function: ReadFunction, register: UInt16, count: UInt16) {
    guard (1...Self.maximumCount).contains(Int(count)), Int(register) + Int(count) <= 65_536 else { return nil }
    self.unit = unit
    self.function = function
    self.register = register
    self.count = count
  }

  /// Reads a request from a message that is taken for one.
  public init(_ message: Message) throws(FrameError) {
    guard let function = ReadFunction(rawValue: message.function.rawValue) else { throw .function(message.function) }
    let payload = message.payload
    guard payload.count == 4 else { throw .length(payload.count, expected: 4) }
    let first = word(payload[0], payload[1])
    let count = word(payload[2], payload[3])
    guard let request = ReadRequest(unit: message.unit, function: function, register: first, count: count) else {
      throw .registers(first: first, count: count)
    }
    self = request
  }

  public var message: Message {
    Message(
      unit: unit, function: function.code,
      payload: [register.highByte, register.lowByte, count.highByte, count.lowByte])
  }

  /// Length of an RTU reply that brings the registers: 7...255.
  public var replyLength: Int { 5 + 2 * Int(count) }
}

/// What a meter answered.
///
/// Neither form names the register that was asked for: on a serial line a late reply to another question looks
/// the same, so the one who asks has to keep the line quiet after a time-out.
public enum ReadReply: Hashable, Sendable {
  case registers([UInt16])
  case exception(ExceptionCode)

  /// Length of an RTU reply that refuses.
  public static let exceptionLength = 5

  /// Reads the reply to `request`; throws where the message answers something else.
  public init(_ message: Message, to request: ReadRequest) throws(FrameError) {
    guard message.unit == request.unit else { throw .unit(message.unit, expected: request.unit) }
    guard message.function.requested == request.function.code else { throw .function(message.function) }
    self = try ReadReply(message)
    guard case .registers(let registers) = self, registers.count != Int(request.count) else { return }
    throw .byteCount(
      UInt8(truncatingIfNeeded: 2 &* registers.count), expected: UInt8(truncatingIfNeeded: 2 &* request.count))
  }

  /// Reads a reply to a question that is not known.
  public init(_ message: Message) throws(FrameError) {
    guard ReadFunction(rawValue: message.function.requested.rawValue) != nil else { throw .function(message.function) }
    let payload = message.payload
    if message.function.isException {
      guard payload.count == 1 else { throw .length(payload.count, expected: 1) }
      self = .exception(ExceptionCode(rawValue: payload[0]))
      return
    }
    guard let bytes = payload.first else { throw .length(0, expected: 3) }
    guard bytes >= 2, bytes & 1 == 0, bytes <= 250 else { throw .byteCount(bytes, expected: bytes & 0xFE) }
    guard payload.count == Int(bytes) + 1 else { throw .length(payload.count, expected: Int(bytes) + 1) }
    self = .registers(stride(from: 1, to: payload.count, by: 2).map { word(payload[$0], payload[$0 + 1]) })
  }

  /// The reply as a meter sends it. Registers beyond the 125th are left out.
  public func message(unit: UInt8, function: ReadFunction) -> Message {
    switch self {
    case .exception(let code):
      return Message(unit: unit, function: function.code.refused, payload: [code.rawValue])
    case .registers(let registers):
      let sent = registers.prefix(ReadRequest.maximumCount)
      var payload = [UInt8(truncatingIfNeeded: 2 &* sent.count)]
      for register in sent { payload.append(word: register) }
      return Message(unit: unit, function: function.code, payload: payload)
    }
  }
}
