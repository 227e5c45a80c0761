/// The tables of single bits that a meter may have.
public enum BitFunction: UInt8, Hashable, Sendable, CaseIterable {
  case coils = 1
  case discreteInputs = 2

  public var code: FunctionCode { FunctionCode(rawValue: rawValue) }
}

/// Asks one meter for consecutive coils or discrete inputs.
///
/// Source: "Modbus Application Protocol Specification" V1.1b3, sections 6.1 and 6.2.
public struct BitRequest: Hashable, Sendable {
  public let unit: UInt8
  public let function: BitFunction
  /// The first bit by its number on the wire, from 0.
  public let first: UInt16
  /// 1...2000.
  public let count: UInt16

  /// The most bits one reply can carry.
  public static let maximumCount = 2000

  /// `nil` for no bit, more than 2000, or bits past 65535.
  public init?(unit: UInt8, function: BitFunction, first: UInt16, count: UInt16) {
    guard (1...Self.maximumCount).contains(Int(count)), Int(first) + Int(count) <= 65_536 else { return nil }
    self.unit = unit
    self.function = function
    self.first = first
    self.count = count
  }

  /// Reads a request from a message that is taken for one.
  public init(_ message: Message) throws(FrameError) {
    guard let function = BitFunction(rawValue: message.function.rawValue) else { throw .function(message.function) }
    let (first, count) = try message.firstAndCount()
    guard let request = BitRequest(unit: message.unit, function: function, first: first, count: count) else {
      throw .bits(first: first, count: count)
    }
    self = request
  }

  public var message: Message { Message(unit: unit, function: function.code, words: [first, count]) }

  /// Bytes of a reply that hold the bits: 1...250.
  public var byteCount: UInt8 { UInt8(truncatingIfNeeded: (count &+ 7) / 8) }
}

extension Message {
  /// A message whose payload is 16-bit numbers.
  init(unit: UInt8, function: FunctionCode, words: [UInt16]) {
    var payload: [UInt8] = []
    for word in words { payload.append(word: word) }
    self.init(unit: unit, function: function, payload: payload)
  }

  /// The two numbers that most payloads consist of.
  func firstAndCount() throws(FrameError) -> (UInt16, UInt16) {
    guard payload.count == 4 else { throw .length(payload.count, expected: 4) }
    return (word(payload[0], payload[1]), word(payload[2], payload[3]))
  }
}

/// Bits as Modbus packs them: the first one lowest in the first byte, the last byte filled with 0.
func packed(_ bits: [Bool]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
  for (index, bit) in bits.enumerated() where bit { bytes[index / 8] |= 1 << UInt8(index % 8) }
  return bytes
}

/// The first `count` bits of `bytes`, or as many as there are.
func unpacked(_ bytes: some RandomAccessCollection<UInt8>, count: Int) -> [Bool] {
  var bits: [Bool] = []
  bits.reserveCapacity(min(count, bytes.count * 8))
  for byte in bytes {
    for place in 0..<8 where bits.count < count { bits.append(byte >> UInt8(place) & 1 == 1) }
  }
  return bits
}
