import Metering

/// How one item is laid out, low byte first.
///
/// Source: DL/T 645-2007, data formats; layouts per identifier as in `DataIdentifier.layout`.
public enum ItemFormat: Hashable, Sendable {
  /// Packed decimal. Where it is signed, the top bit of the highest byte is the sign and no digit.
  case number(bytes: Int, decimals: Int, signed: Bool)
  /// A maximum demand, XX.XXXX, and when it occurred: mm hh DD MM YY.
  case demand(signed: Bool)
  /// WW DD MM YY; WW 00 is Sunday.
  case date
  /// ss mm hh.
  case timeOfDay
  /// ss mm hh WW DD MM YY.
  case dateTime
  /// mm hh DD MM YY.
  case minuteTime
  /// hh DD, told as the text `DDhh`: a day and hour of each month.
  case dayHour
  /// Decimal digits that are a name, not a number: leading zeros count.
  case digits(bytes: Int)
  /// ASCII, the last character first, padded with NUL.
  case characters(bytes: Int)
  /// A status word. One with every bit set reads as absent, since that is also how an item is filled.
  case bits(bytes: Int)

  /// Bytes of one item.
  public var size: Int {
    switch self {
    case .number(let bytes, _, _), .digits(let bytes), .characters(let bytes), .bits(let bytes): bytes
    case .demand: 8
    case .date: 4
    case .timeOfDay: 3
    case .dateTime: 7
    case .minuteTime: 5
    case .dayHour: 2
    }
  }
}

/// What is wrong with the bytes of one item.
enum ItemFault: Error, Hashable {
  /// A nibble that is no decimal digit.
  case digit
  /// Digits that are no date or time.
  case date
  /// A byte that is no printable character.
  case character
}

/// What one item says.
struct ItemContent {
  var value: Value
  var occurred: MeterTime?
}

extension ItemFormat {
  /// Reads an item of `size` bytes, without the 33H.
  func read(_ bytes: Span<UInt8>) throws(ItemFault) -> ItemContent {
    if isFilled(bytes) { return ItemContent(value: .absent) }
    switch self {
    case .number(let size, let decimals, let signed):
      return ItemContent(value: try readNumber(bytes.extracting(0..<size), decimals: decimals, signed: signed))
    case .demand(let signed):
      let value = try readNumber(bytes.extracting(0..<3), decimals: 4, signed: signed)
      let time = bytes.extracting(3..<8)
      return ItemContent(value: value, occurred: isFilled(time) ? nil : try readMinuteTime(time))
    case .date:
      let digits = try decimals(bytes)
      if digits.allSatisfy({ $0 == 0 }) { return ItemContent(value: .absent) }
      guard let date = CivilDate(year: 2000 + digits[3], month: digits[2], day: digits[1]) else { throw .date }
      return ItemContent(value: .date(date))
    case .timeOfDay:
      let digits = try decimals(bytes)
      guard let time = TimeOfDay(hour: digits[2], minute: digits[1], second: digits[0]) else { throw .date }
      return ItemContent(value: .timeOfDay(time))
    case .dateTime:
      let digits = try decimals(bytes)
      if digits.allSatisfy({ $0 == 0 }) { return ItemContent(value: .absent) }
      guard
        let time = MeterTime(
          year: 2000 + digits[6], month: digits[5], day: digits[4], hour: digits[2], minute: digits[1],
          second: digits[0])
      else { throw .date }
      return ItemContent(value: .instant(time))
    case .minuteTime:
      return ItemContent(value: try readMinuteTime(bytes).map(Value.instant) ?? .absent)
    case .dayHour, .digits:
      _ = try decimals(bytes)
      return ItemContent(value: .text(bytes.indices.reversed().map { hexPair(bytes[$0]) }.joined()))
    case .characters: return ItemContent(value: .text(try readCharacters(bytes)))
    case .bits(let size):
      return ItemContent(value: .bits(UInt32(truncatingIfNeeded: packed(bytes)), width: 8 * size))
    }
  }
}

/// True where every byte is FFH, or every byte EEH: the meter has nothing to say.
private func isFilled(_ bytes: Span<UInt8>) -> Bool {
  guard !bytes.isEmpty, bytes[0] == 0xFF || bytes[0] == 0xEE else { return false }
  for index in bytes.indices where bytes[index] != bytes[0] { return false }
  return true
}

/// At most eight bytes as one integer, the first byte lowest.
private func packed(_ bytes: Span<UInt8>) -> UInt64 {
  var bits: UInt64 = 0
  for index in 0..<min(bytes.count, 8) { bits |= UInt64(bytes[index]) << UInt64(8 &* index) }
  return bits
}

private func readNumber(_ bytes: Span<UInt8>, decimals: Int, signed: Bool) throws(ItemFault) -> Value {
  var bits = packed(bytes)
  let signBit: UInt64 = 1 << UInt64(8 &* bytes.count &- 1)
  // The sign is no part of the digits: A0H on top is minus and 20, not a bad digit.
  let negative = signed && bits & signBit != 0
  if negative { bits &= ~signBit }
  guard isDecimal(bits) else { throw .digit }
  var digits: Int64 = 0
  for shift in stride(from: 8 * bytes.count - 4, through: 0, by: -4) {
    digits = digits &* 10 &+ Int64(bits >> UInt64(shift) & 0xF)
  }
  guard let value = RegisterValue(digits: negative ? -digits : digits, decimals: decimals) else { throw .digit }
  return .number(value)
}

/// Two digits a byte, in wire order.
private func decimals(_ bytes: Span<UInt8>) throws(ItemFault) -> [Int] {
  var numbers: [Int] = []
  for index in bytes.indices {
    guard isDecimal(UInt64(bytes[index])) else { throw .digit }
    numbers.append(Int(bytes[index] >> 4) * 10 + Int(bytes[index] & 0xF))
  }
  return numbers
}

/// mm hh DD MM YY; `nil` where all are 0, which means never.
private func readMinuteTime(_ bytes: Span<UInt8>) throws(ItemFault) -> MeterTime? {
  let digits = try decimals(bytes)
  if digits.allSatisfy({ $0 == 0 }) { return nil }
  guard
    let time = MeterTime(
      year: 2000 + digits[4], month: digits[3], day: digits[2], hour: digits[1], minute: digits[0])
  else { throw .date }
  return time
}

private func readCharacters(_ bytes: Span<UInt8>) throws(ItemFault) -> String {
  var text = ""
  for index in bytes.indices.reversed() {
    let byte = bytes[index]
    if byte == 0 { continue }
    guard (0x20...0x7E).contains(byte) else { throw .character }
    text.unicodeScalars.append(Unicode.Scalar(byte))
  }
  return text
}
