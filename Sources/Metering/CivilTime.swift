/// A date of the Gregorian calendar.
public struct CivilDate: Hashable, Sendable {
  /// 1...9999.
  public let year: Int
  /// 1...12.
  public let month: Int
  /// 1...31, as the month has days.
  public let day: Int

  /// A date; `nil` when the month has no such day. Years 1...9999.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year)
    else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// Days in a month, 28...31.
  public static func days(inMonth month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days since 1970-01-01, negative before.
  ///
  /// Counts from 1 March so that the leap day ends its year (H. Hinnant, "chrono-compatible low-level date
  /// algorithms").
  public var daysSince1970: Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return Int64(era) * 146_097 + Int64(dayOfEra) - 719_468
  }

  /// The date so many days after 1970-01-01; held within years 1...9999.
  public init(daysSince1970 days: Int64) {
    let held = min(max(days, -719_162), 2_932_896)
    let shifted = held + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    month = Int(monthIndex < 10 ? monthIndex + 3 : monthIndex - 9)
    year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
  }

  /// 1 Monday ... 7 Sunday (ISO 8601).
  public var weekday: Int {
    let sinceThursday = (daysSince1970 % 7 + 7) % 7
    return Int((sinceThursday + 3) % 7) + 1
  }

  /// The first day of the month `count` months later.
  public func firstOfMonth(addingMonths count: Int = 0) -> CivilDate {
    let months = year * 12 + (month - 1) + count
    let held = min(max(months, 12), 9999 * 12 + 11)
    return CivilDate(year: held / 12, month: held % 12 + 1, day: 1) ?? self
  }
}

extension CivilDate: Comparable, CustomStringConvertible {
  public static func < (a: Self, b: Self) -> Bool { (a.year, a.month, a.day) < (b.year, b.month, b.day) }

  /// `2026-11-22`.
  public var description: String { "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))" }

  /// Reads `2026-11-22`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count == 4, parts[1].count == 2, parts[2].count == 2,
      let year = digits(parts[0]), let month = digits(parts[1]), let day = digits(parts[2])
    else { return nil }
    self.init(year: year, month: month, day: day)
  }
}

/// A time of day by some clock, 00:00:00...23:59:59.
public struct TimeOfDay: Hashable, Sendable {
  /// 0...23.
  public let hour: Int
  /// 0...59.
  public let minute: Int
  /// `nil` where the source tells no seconds.
  public let second: Int?

  /// A time of day; `nil` when out of range.
  public init?(hour: Int, minute: Int, second: Int? = nil) {
    guard (0...23).contains(hour), (0...59).contains(minute), second.map((0...59).contains) ?? true else { return nil }
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// Seconds since midnight; absent seconds count as 0.
  public var secondsOfDay: Int { hour * 3600 + minute * 60 + (second ?? 0) }
}

extension TimeOfDay: Comparable, CustomStringConvertible {
  public static func < (a: Self, b: Self) -> Bool { a.secondsOfDay < b.secondsOfDay }

  /// `21:53:55`, or `21:53` without seconds.
  public var description: String {
    let short = "\(padded(hour, 2)):\(padded(minute, 2))"
    return second.map { "\(short):\(padded($0, 2))" } ?? short
  }

  /// Reads `21:53` or `21:53:55`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, parts.allSatisfy({ $0.count == 2 }), let hour = digits(parts[0]),
      let minute = digits(parts[1])
    else { return nil }
    if parts.count == 3 {
      guard let second = digits(parts[2]) else { return nil }
      self.init(hour: hour, minute: minute, second: second)
    } else {
      self.init(hour: hour, minute: minute)
    }
  }
}

/// A non-negative number from plain digits only; `nil` for signs and anything else.
func digits(_ text: some StringProtocol) -> Int? {
  guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
  return Int(text)
}

/// A whole number with leading zeros up to `width`.
func padded(_ number: Int, _ width: Int) -> String {
  let text = String(number.magnitude)
  let zeros = String(repeating: "0", count: max(0, width - text.count))
  return (number < 0 ? "-" : "") + zeros + text
}
