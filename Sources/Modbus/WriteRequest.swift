/// What a write changes in a meter: functions 5, 6, 15 and 16.
///
/// Source: "Modbus Application Protocol Specification" V1.1b3, sections 6.5, 6.6, 6.11 and 6.12.
public enum Change: Hashable, Sendable {
  case coil(UInt16, Bool)
  case register(UInt16, UInt16)
  /// 1...1968 coils from the first.
  case coils(first: UInt16, [Bool])
  /// 1...123 registers from the first.
  case registers(first: UInt16, [UInt16])

  /// The most coils and registers of one write.
  public static let maximumCoils = 1968
  public static let maximumRegisters = 123

  public var function: FunctionCode {
    switch self {
    case .coil: .writeSingleCoil
    case .register: .writeSingleRegister
    case .coils: .writeMultipleCoils
    case .registers: .writeMultipleRegisters
    }
  }

  /// False for no coil or register, more than one write takes, or any past 65535.
  var isPossible: Bool {
    switch self {
    case .coil, .register: true
    case .coils(let first, let bits):
      (1...Self.maximumCoils).contains(bits.count) && Int(first) + bits.count <= 65_536
    case .registers(let first, let words):
      (1...Self.maximumRegisters).contains(words.count) && Int(first) + words.count <= 65_536
    }
  }

  /// What follows the function code.
  var payload: [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .coil(let place, let isOn):
      bytes.append(word: place)
      bytes.append(word: isOn ? 0xFF00 : 0)
    case .register(let place, let value):
      bytes.append(word: place)
      bytes.append(word: value)
    case .coils(let first, let bits):
      let packed = packed(bits)
      bytes.append(word: first)
      bytes.append(word: UInt16(truncatingIfNeeded: bits.count))
      bytes.append(UInt8(truncatingIfNeeded: packed.count))
      bytes += packed
    case .registers(let first, let words):
      bytes.append(word: first)
      bytes.append(word: UInt16(truncatingIfNeeded: words.count))
      bytes.append(UInt8(truncatingIfNeeded: 2 &* words.count))
      for word in words { bytes.append(word: word) }
    }
    return bytes
  }

  /// Reads what a message that is taken for a write wants changed, whatever unit it is for.
  init(of message: Message) throws(FrameError) {
    let payload = message.payload
    switch message.function {
    case .writeSingleCoil:
      let (place, value) = try message.firstAndCount()
      guard value == 0 || value == 0xFF00 else { throw .coilValue(value) }
      self = .coil(place, value == 0xFF00)
    case .writeSingleRegister:
      let (place, value) = try message.firstAndCount()
      self = .register(place, value)
    case .writeMultipleCoils, .writeMultipleRegisters:
      guard payload.count >= 5 else { throw .length(payload.count, expected: 6) }
      let first = word(payload[0], payload[1]), count = word(payload[2], payload[3])
      guard payload.count == 5 + Int(payload[4]) else { throw .length(payload.count, expected: 5 + Int(payload[4])) }
      let data = payload.dropFirst(5)
      let areBits = message.function == .writeMultipleCoils
      let expected = areBits ? (Int(count) + 7) / 8 : 2 * Int(count)
      let change: Change =
        areBits
        ? .coils(first: first, unpacked(data, count: Int(count)))
        : .registers(
          first: first, stride(from: 5, to: payload.count - 1, by: 2).map { word(payload[$0], payload[$0 + 1]) })
      guard data.count == expected else { throw .byteCount(payload[4], expected: UInt8(min(expected, 255))) }
      guard change.isPossible else {
        throw areBits ? .bits(first: first, count: count) : .registers(first: first, count: count)
      }
      self = change
    default: throw .function(message.function)
    }
  }
}

/// Changes one meter. meterd reads; nothing in it sends one of these but what was built to write.
public struct WriteRequest: Hashable, Sendable, Answerable {
  /// Never 0: what all meters obey is a ``BroadcastWrite``.
  public let unit: UInt8
  public let change: Change

  /// `nil` for unit 0, which is all meters at once, and for a change that no frame can carry.
  public init?(unit: UInt8, _ change: Change) {
    guard unit != 0, change.isPossible else { return nil }
    self.unit = unit
    self.change = change
  }

  /// Reads a request from a message that is taken for one; `broadcast` where it is for all meters.
  public init(_ message: Message) throws(FrameError) {
    guard message.unit != 0 else { throw .broadcast }
    unit = message.unit
    change = try Change(of: message)
  }

  public var message: Message { Message(unit: unit, function: change.function, payload: change.payload) }

  /// Always eight bytes; of a single coil or register the request once more.
  public var answerShape: AnswerShape {
    let isSingle = change.payload.count == 4
    return AnswerShape(
      header: [unit, change.function.rawValue] + change.payload.prefix(4), length: .fixed(8), repeatsRequest: isSingle)
  }

  public func reply(from message: Message) throws(FrameError) -> WriteReply {
    try message.check(unit: unit, function: change.function)
    if message.function.isException { return .exception(try message.exception()) }
    _ = try message.firstAndCount()
    guard message.payload.elementsEqual(change.payload.prefix(4)) else { throw .otherWrite }
    return .written
  }
}

/// Changes every meter on a serial line at once; none of them answers.
///
/// A type of its own, so that no write becomes one by a wrong unit number.
public struct BroadcastWrite: Hashable, Sendable {
  public let change: Change

  /// `nil` for a change that no frame can carry.
  public init?(_ change: Change) {
    guard change.isPossible else { return nil }
    self.change = change
  }

  /// Reads one from a message that is taken for one: a write to unit 0.
  public init(_ message: Message) throws(FrameError) {
    guard message.unit == 0 else { throw .unit(message.unit, expected: 0) }
    change = try Change(of: message)
  }

  public var message: Message { Message(unit: 0, function: change.function, payload: change.payload) }
}

/// What a meter answered to a write.
public enum WriteReply: Hashable, Sendable {
  /// The meter says that it did what it was asked.
  case written
  case exception(ExceptionCode)

  /// The reply as a meter sends it to `request`.
  public func message(to request: WriteRequest) -> Message {
    switch self {
    case .exception(let code):
      Message(unit: request.unit, function: request.change.function.refused, payload: [code.rawValue])
    case .written:
      Message(
        unit: request.unit, function: request.change.function, payload: Array(request.change.payload.prefix(4)))
    }
  }
}
