internal import Documents

/// Values without quotes.
enum Scalar {
  /// Whether `word` is a whole number that 64 bits do not hold: TOML, but no number here.
  static func isTooLong(_ word: ArraySlice<UInt8>) -> Bool {
    let text = String(decoding: word, as: UTF8.self)
    return wholeDigits(text) != nil || basedDigits(text) != nil
  }

  /// What `word` is; `nil` for nothing that TOML knows.
  static func read(_ word: ArraySlice<UInt8>) -> EntryValue? {
    let text = String(decoding: word, as: UTF8.self)
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "inf", "+inf", "-inf", "nan", "+nan", "-nan": return .fraction(text)
    default: return integer(text) ?? based(text) ?? fraction(text) ?? date(text)
    }
  }

  /// A sign, and digits of which the first is no 0 where there are more.
  private static func integer(_ text: String) -> EntryValue? {
    wholeDigits(text).flatMap { Int64((text.hasPrefix("-") ? "-" : "") + $0) }.map(EntryValue.integer)
  }

  /// The digits of a whole number of any length.
  private static func wholeDigits(_ text: String) -> String? {
    let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
    guard let digits = plain(text.dropFirst(isSigned ? 1 : 0), radix: 10), digits == "0" || !digits.hasPrefix("0")
    else { return nil }
    return digits
  }

  private static func based(_ text: String) -> EntryValue? {
    basedDigits(text).flatMap { Int64($0.digits, radix: $0.radix) }.map(EntryValue.integer)
  }

  private static func basedDigits(_ text: String) -> (digits: String, radix: Int)? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
      return plain(text.dropFirst(2), radix: radix).map { ($0, radix) }
    }
    return nil
  }

  /// Digits without the `_` between them; `nil` where there is anything else or a `_` elsewhere.
  private static func plain(_ text: Substring, radix: Int) -> String? {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    let isWhole = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { digit($0).map { $0 < radix } == true }
    }
    return isWhole ? parts.joined() : nil
  }

  private static func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }

  /// A number with a point, an exponent, or both.
  private static func fraction(_ text: String) -> EntryValue? {
    let halves = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
    let parts = halves[0].split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 1 && halves.count == 2, wholeDigits(String(parts[0])) != nil else {
      return nil
    }
    if parts.count == 2, plain(parts[1], radix: 10) == nil { return nil }
    if halves.count == 2 {
      let exponent = halves[1].hasPrefix("-") || halves[1].hasPrefix("+") ? halves[1].dropFirst() : halves[1]
      guard plain(exponent, radix: 10) != nil else { return nil }
    }
    return .fraction(text)
  }

  /// `2026-10-15`, `07:32:00`, or both with a `T` or a space between them and perhaps an offset.
  private static func date(_ text: String) -> EntryValue? {
    var rest = text[...]
    let isDay = numbers(&rest, [4, 2, 2], "-", [1...9999, 1...12, 1...31])
    if isDay {
      guard isOfCalendar(text.prefix(10)) else { return nil }
      guard let between = rest.popFirst() else { return .date(text) }
      guard "Tt ".contains(between) else { return nil }
    }
    guard numbers(&rest, [2, 2, 2], ":", [0...23, 0...59, 0...60]) else { return nil }
    if rest.hasPrefix(".") {
      let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty else { return nil }
      rest = rest.dropFirst(1 + digits.count)
    }
    if rest.isEmpty { return .date(text) }
    guard isDay else { return nil }
    if rest == "Z" || rest == "z" { return .date(text) }
    guard rest.hasPrefix("+") || rest.hasPrefix("-") else { return nil }
    rest = rest.dropFirst()
    return numbers(&rest, [2, 2], ":", [0...23, 0...59]) && rest.isEmpty ? .date(text) : nil
  }

  /// Whether the month of `2026-10-15` has such a day.
  private static func isOfCalendar(_ day: Substring) -> Bool {
    let parts = day.split(separator: "-").compactMap { Int($0) }
    guard parts.count == 3 else { return false }
    let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
    let last =
      switch parts[1] {
      case 2: isLeap ? 29 : 28
      case 4, 6, 9, 11: 30
      default: 31
      }
    return parts[2] <= last
  }

  /// Takes numbers of so many digits with `separator` between them; takes nothing where they are not there.
  private static func numbers(
    _ text: inout Substring, _ widths: [Int], _ separator: Character, _ ranges: [ClosedRange<Int>]
  ) -> Bool {
    var rest = text
    for (index, (width, range)) in zip(widths, ranges).enumerated() {
      if index > 0, rest.popFirst() != separator { return false }
      let digits = rest.prefix(width)
      guard digits.count == width, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits),
        range.contains(number)
      else { return false }
      rest = rest.dropFirst(width)
    }
    text = rest
    return true
  }
}
