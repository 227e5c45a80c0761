import Metering

/// Why a value cannot be put into the bytes of an item.
///
/// Items are given by name.
public enum PayloadError: Error, Hashable, Sendable {
  /// The catalogue does not know the identifier.
  case unknownIdentifier(String)
  /// The value is of another kind than the item: a text for a number, a date for a status word.
  case kind(String)
  /// The value has more digits, characters or bits than the item, or a sign where there is no room for one.
  case range(String)
  /// Text that is no value of the item.
  case text(String, String)
  /// So many values for so many items.
  case count(expected: Int, received: Int)
}

extension PayloadError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownIdentifier(let identifier): "no layout is known for \(identifier)"
    case .kind(let item): "\(item): the value is of another kind than the item"
    case .range(let item): "\(item): the value does not fit the item"
    case .text(let item, let text): "\(item): \"\(text)\" is no value of this item"
    case .count(let expected, let received): "\(received) values for \(expected) items"
    }
  }
}

/// Why a value does not fit its item.
enum ItemMisfit: Error {
  case kind, range
}

extension ItemFormat {
  /// The bytes of an item, without the 33H: the inverse of `read`.
  ///
  /// An absent value fills the item with FFH. Digits finer than the item's last are cut off, as a register does.
  func write(_ value: Value, occurred: MeterTime?) throws(ItemMisfit) -> [UInt8] {
    if value == .absent { return [UInt8](repeating: 0xFF, count: size) }
    switch (self, value) {
    case (.number(let size, let decimals, let signed), .number(let number)):
      return try numberBytes(number, size: size, decimals: decimals, signed: signed)
    case (.demand(let signed), .number(let number)):
      return try numberBytes(number, size: 3, decimals: 4, signed: signed) + (try minuteBytes(occurred))
    case (.date, .date(let date)):
      return [weekdayByte(date)] + (try dateBytes(date))
    case (.timeOfDay, .timeOfDay(let time)): return timeBytes(time)
    case (.dateTime, .instant(let instant)):
      return timeBytes(instant.time) + [weekdayByte(instant.date)] + (try dateBytes(instant.date))
    case (.secondTime, .instant(let instant)): return timeBytes(instant.time) + (try dateBytes(instant.date))
    case (.minuteTime, .instant(let instant)): return try minuteBytes(instant)
    case (.monthTime, .text(let text)): return try monthTimeBytes(text)
    case (.zone, .text(let text)), (.period, .text(let text)), (.holiday, .text(let text)):
      return try entryBytes(text)
    case (.dayHour, .text(let text)), (.digits, .text(let text)): return try digitBytes(text, size: size)
    case (.code(let size), .text(let text)):
      guard text.utf8.count == 2 * size, let bytes = try? hexBytes(text) else { throw .range }
      return bytes.reversed()
    case (.raw(let size), .text(let text)):
      guard let bytes = try? hexBytes(text), bytes.count == size else { throw .range }
      return bytes
    case (.characters(let size), .text(let text)):
      guard text.utf8.count <= size, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw .range }
      return text.utf8.reversed() + [UInt8](repeating: 0, count: size - text.utf8.count)
    case (.bits(let size), .bits(let bits, _)):
      guard size >= 4 || bits >> UInt32(8 * size) == 0 else { throw .range }
      return (0..<size).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) }
    case (.number, _), (.demand, _), (.date, _), (.timeOfDay, _), (.dateTime, _), (.minuteTime, _), (.secondTime, _),
      (.monthTime, _), (.dayHour, _), (.zone, _), (.period, _), (.holiday, _), (.digits, _), (.code, _),
      (.characters, _), (.bits, _), (.raw, _):
      throw .kind
    }
  }

  /// `hh:mm rate N`, `MM-DD table N` or `YYYY-MM-DD table N`.
  private func entryBytes(_ text: String) throws(ItemMisfit) -> [UInt8] {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].utf8.count <= 2, let number = wholeNumber(words[2]) else { throw .range }
    let numberByte = decimalByte(number)
    switch self {
    case .period:
      guard words[1] == "rate", let time = TimeOfDay(words[0]), time.second == nil else { throw .range }
      return [numberByte, decimalByte(time.minute), decimalByte(time.hour)]
    case .zone:
      guard words[1] == "table", let (month, day) = monthAndDay(words[0]) else { throw .range }
      return [numberByte, decimalByte(day), decimalByte(month)]
    default:
      guard words[1] == "table", let date = CivilDate(words[0]) else { throw .range }
      return [numberByte] + (try dateBytes(date))
    }
  }
}

private func numberBytes(
  _ value: RegisterValue, size: Int, decimals: Int, signed: Bool
) throws(ItemMisfit) -> [UInt8] {
  guard let step = RegisterValue.step(decimals: decimals) else { throw .range }
  let digits = value.millionths / step
  var rest = digits.magnitude
  // Not the digits: a value between -1 and 0 of the last place has none.
  guard value.millionths >= 0 || signed else { throw .range }
  var bytes: [UInt8] = []
  for _ in 0..<size {
    bytes.append(decimalByte(Int(rest % 100)))
    rest /= 100
  }
  guard rest == 0 else { throw .range }
  if signed {
    guard bytes[size - 1] < 0x80 else { throw .range }
    if digits < 0 { bytes[size - 1] |= 0x80 }
  }
  return bytes
}

private func digitBytes(_ text: String, size: Int) throws(ItemMisfit) -> [UInt8] {
  let digits = Array(text.utf8)
  guard digits.count == 2 * size, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
  else { throw .range }
  return (0..<size).reversed().map { digits[2 * $0] << 4 | digits[2 * $0 + 1] & 0x0F }
}

/// `MM-DD hh:mm` as mm hh DD MM.
private func monthTimeBytes(_ text: String) throws(ItemMisfit) -> [UInt8] {
  let words = text.split(separator: " ", omittingEmptySubsequences: false)
  guard words.count == 2, let (month, day) = monthAndDay(words[0]), let time = TimeOfDay(words[1]), time.second == nil
  else { throw .range }
  return [decimalByte(time.minute), decimalByte(time.hour), decimalByte(day), decimalByte(month)]
}

/// `MM-DD`, a day that some year has.
private func monthAndDay(_ text: Substring) -> (month: Int, day: Int)? {
  let parts = text.split(separator: "-", omittingEmptySubsequences: false)
  guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let month = wholeNumber(parts[0]),
    let day = wholeNumber(parts[1]), isDay(day, of: month)
  else { return nil }
  return (month, day)
}

private func wholeNumber(_ text: Substring) -> Int? {
  text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
}

/// mm hh DD MM YY; all 0 for never.
private func minuteBytes(_ instant: MeterTime?) throws(ItemMisfit) -> [UInt8] {
  guard let instant else { return [0, 0, 0, 0, 0] }
  return [decimalByte(instant.time.minute), decimalByte(instant.time.hour)] + (try dateBytes(instant.date))
}

private func timeBytes(_ time: TimeOfDay) -> [UInt8] {
  [decimalByte(time.second ?? 0), decimalByte(time.minute), decimalByte(time.hour)]
}

/// DD MM YY; the year is 2000...2099.
private func dateBytes(_ date: CivilDate) throws(ItemMisfit) -> [UInt8] {
  guard (2000...2099).contains(date.year) else { throw .range }
  return [decimalByte(date.day), decimalByte(date.month), decimalByte(date.year - 2000)]
}

/// 00 Sunday ... 06 Saturday.
private func weekdayByte(_ date: CivilDate) -> UInt8 { decimalByte(date.weekday % 7) }

/// 0...99 as two packed digits.
private func decimalByte(_ number: Int) -> UInt8 { UInt8(truncatingIfNeeded: (number / 10) << 4 | number % 10) }
