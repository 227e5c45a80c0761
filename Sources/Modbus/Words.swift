internal import Metering

/// A 16-bit number from two bytes, high byte first, as Modbus sends its registers.
func word(_ high: UInt8, _ low: UInt8) -> UInt16 { UInt16(high) << 8 | UInt16(low) }

extension UInt16 {
  var highByte: UInt8 { UInt8(truncatingIfNeeded: self >> 8) }
  var lowByte: UInt8 { UInt8(truncatingIfNeeded: self) }
}

/// Four upper-case hex digits.
func hexWord(_ word: UInt16) -> String { hexPair(word.highByte) + hexPair(word.lowByte) }

extension Array where Element == UInt8 {
  /// Adds a register, high byte first.
  mutating func append(word: UInt16) {
    append(word.highByte)
    append(word.lowByte)
  }
}
