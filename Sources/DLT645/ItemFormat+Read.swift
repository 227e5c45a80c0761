import Metering

/// What is wrong with the bytes of one item.
enum ItemFault: Error, Hashable {
  /// A nibble that is no decimal digit.
  case digit
  /// Digits that are no date or time.
  case date
  /// A byte that is no printable character.
  case character
}

extension ItemFormat {
  /// Reads an item of `size` bytes, without the 33H.
  func read(_ bytes: Span<UInt8>) throws(ItemFault) -> ItemContent {
    if isFilled(bytes) { return ItemContent(.absent) }
    switch self {
    case .number(let size, let decimals, let signed):
      return ItemContent(try readNumber(bytes.extracting(0..<size), decimals: decimals, signed: signed))
    case .demand(let signed):
      let value = try readNumber(bytes.extracting(0..<3), decimals: 4, signed: signed)
      let time = bytes.extracting(3..<8)
      return ItemContent(value, occurred: isFilled(time) ? nil : try readMinuteTime(time))
    case .timeOfDay: return ItemContent(.timeOfDay(try readTimeOfDay(bytes)))
    case .minuteTime: return ItemContent(try readMinuteTime(bytes).map(Value.instant) ?? .absent)
    case .secondTime: return ItemContent(try readInstant(bytes, dateAt: 3).map(Value.instant) ?? .absent)
    case .dateTime:
      // The weekday is checked as digits only: many meters are set with a wrong one.
      _ = try pair(bytes, 3)
      return ItemContent(try readInstant(bytes, dateAt: 4).map(Value.instant) ?? .absent)
    case .date:
      _ = try pair(bytes, 0)
      let (day, month, year) = (try pair(bytes, 1), try pair(bytes, 2), try pair(bytes, 3))
      if isZero(bytes) { return ItemContent(.absent) }
      guard let date = CivilDate(year: 2000 + year, month: month, day: day) else { throw .date }
      return ItemContent(.date(date))
    case .monthTime, .zone, .period, .holiday: return ItemContent(try readTableEntry(bytes))
    case .dayHour, .digits:
      for index in bytes.indices { _ = try pair(bytes, index) }
      return ItemContent(.text(reversedHex(bytes)))
    case .code: return ItemContent(.text(reversedHex(bytes)))
    case .characters: return ItemContent(.text(try readCharacters(bytes)))
    case .bits(let size): return ItemContent(.bits(UInt32(truncatingIfNeeded: packed(bytes)), width: 8 * size))
    case .raw: return ItemContent(.text(hexString(bytes.indices.map { bytes[$0] })))
    }
  }

  /// Dates without a year and entries of time-of-use tables. All 0 is an entry that was never set.
  private func readTableEntry(_ bytes: Span<UInt8>) throws(ItemFault) -> Value {
    let number = try pair(bytes, 0)
    let first = try pair(bytes, 1)
    let second = try pair(bytes, 2)
    let third = bytes.count > 3 ? try pair(bytes, 3) : 0
    if isZero(bytes) { return .absent }
    switch self {
    case .monthTime:
      guard isDay(second, of: third), TimeOfDay(hour: first, minute: number) != nil else { throw .date }
      return .text("\(two(third))-\(two(second)) \(two(first)):\(two(number))")
    case .zone:
      guard isDay(first, of: second) else { throw .date }
      return .text("\(two(second))-\(two(first)) table \(number)")
    case .period:
      guard TimeOfDay(hour: second, minute: first) != nil else { throw .date }
      return .text("\(two(second)):\(two(first)) rate \(number)")
    default:
      guard let date = CivilDate(year: 2000 + third, month: second, day: first) else { throw .date }
      return .text("\(date) table \(number)")
    }
  }
}

/// True for the days that a month of some year has, 29 February included.
func isDay(_ day: Int, of month: Int) -> Bool { CivilDate(year: 2000, month: month, day: day) != nil }

/// True where every byte is FFH, or every byte EEH: the meter has nothing to say.
func isFilled(_ bytes: Span<UInt8>) -> Bool {
  guard !bytes.isEmpty, bytes[0] == 0xFF || bytes[0] == 0xEE else { return false }
  for index in bytes.indices where bytes[index] != bytes[0] { return false }
  return true
}

private func isZero(_ bytes: Span<UInt8>) -> Bool {
  for index in bytes.indices where bytes[index] != 0 { return false }
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

/// The two digits of a byte, 0...99.
private func pair(_ bytes: Span<UInt8>, _ index: Int) throws(ItemFault) -> Int {
  let byte = bytes[index]
  guard byte >> 4 < 10, byte & 0xF < 10 else { throw .digit }
  return Int(byte >> 4) * 10 + Int(byte & 0xF)
}

private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

private func reversedHex(_ bytes: Span<UInt8>) -> String {
  bytes.indices.reversed().map { hexPair(bytes[$0]) }.joined()
}

/// ss mm hh.
private func readTimeOfDay(_ bytes: Span<UInt8>) throws(ItemFault) -> TimeOfDay {
  let (second, minute, hour) = (try pair(bytes, 0), try pair(bytes, 1), try pair(bytes, 2))
  guard let time = TimeOfDay(hour: hour, minute: minute, second: second) else { throw .date }
  return time
}

/// ss mm hh, and DD MM YY from `start` on; `nil` where all are 0, which means never.
private func readInstant(_ bytes: Span<UInt8>, dateAt start: Int) throws(ItemFault) -> MeterTime? {
  let (second, minute, hour) = (try pair(bytes, 0), try pair(bytes, 1), try pair(bytes, 2))
  let (day, month, year) = (try pair(bytes, start), try pair(bytes, start + 1), try pair(bytes, start + 2))
  if isZero(bytes) { return nil }
  guard
    let time = MeterTime(year: 2000 + year, month: month, day: day, hour: hour, minute: minute, second: second)
  else { throw .date }
  return time
}

/// mm hh DD MM YY; `nil` where all are 0, which means never.
private func readMinuteTime(_ bytes: Span<UInt8>) throws(ItemFault) -> MeterTime? {
  let (minute, hour) = (try pair(bytes, 0), try pair(bytes, 1))
  let (day, month, year) = (try pair(bytes, 2), try pair(bytes, 3), try pair(bytes, 4))
  if isZero(bytes) { return nil }
  guard let time = MeterTime(year: 2000 + year, month: month, day: day, hour: hour, minute: minute)
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
