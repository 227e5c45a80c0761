public import Metering

/// A month of the calendar, such as `2026-10`.
public struct YearMonth: Hashable, Comparable, Sendable {
  /// Months since January of year 0.
  public let index: Int

  /// So many months after January of year 0.
  public init(index: Int) { self.index = index }
  /// The month that `date` lies in.
  public init(of date: CivilDate) { index = date.year * 12 + date.month - 1 }

  /// `nil` unless `month` is 1...12 and `year` 1...9999.
  public init?(year: Int, month: Int) {
    guard (1...9999).contains(year), (1...12).contains(month) else { return nil }
    index = year * 12 + month - 1
  }

  /// 1...9999 for months of dates.
  public var year: Int { index / 12 }
  /// 1...12.
  public var month: Int { index % 12 + 1 }

  public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
  /// So many months later.
  public static func + (a: Self, months: Int) -> Self { Self(index: a.index + months) }
}

extension YearMonth: CustomStringConvertible {
  /// `2026-10`.
  public var description: String {
    let digits = String(year)
    return "\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)-\(month < 10 ? "0" : "")\(month)"
  }

  /// Reads `2026-10`.
  public init?(_ text: some StringProtocol) {
    guard let first = CivilDate("\(text)-01") else { return nil }
    self.init(of: first)
  }
}

/// The days a bill is for: from the start of one day to the start of another.
public struct DayRange: Hashable, Sendable {
  /// The first day that is billed.
  public let from: CivilDate
  /// The first day that is not billed any more.
  public let to: CivilDate

  /// `nil` unless `from` is before `to`.
  public init?(from: CivilDate, to: CivilDate) {
    guard from < to else { return nil }
    self.from = from
    self.to = to
  }

  /// How many days there are, at least one.
  public var count: Int { Int(clamping: to.daysSince1970 - from.daysSince1970) }

  /// The last day that is billed.
  public var last: CivilDate { CivilDate(daysSince1970: to.daysSince1970 - 1) }

  /// The months that count for tier limits; a part of a month counts as a whole one.
  ///
  /// The last is the month of the last day; before it come as many as the days reach back in month steps. From
  /// 25 September to 25 October is one month, October; from 5 October to 1 November is October too; from
  /// 25 September to 1 November is two.
  public var months: ClosedRange<YearMonth> {
    let lastMonth = YearMonth(index: YearMonth(of: to).index - (to.day == 1 ? 1 : 0))
    var count = YearMonth(of: to).index - YearMonth(of: from).index
    // Whole steps from `from` fall short of `to` when its day of the month is later.
    if to.day > from.day { count += 1 }
    return YearMonth(index: lastMonth.index - max(count, 1) + 1)...lastMonth
  }

  /// True when `months` is a single one.
  var isOneMonth: Bool { months.lowerBound == months.upperBound }

  /// True from a day of one month to the same day of the next, or to its last where it has no such day.
  var isWholeMonth: Bool {
    let next = YearMonth(of: from) + 1
    return YearMonth(of: to) == next && to.day == min(from.day, CivilDate.days(inMonth: next.month, of: next.year))
  }
}

extension DayRange: CustomStringConvertible {
  /// `2026-10-01 to 2026-11-01`.
  public var description: String { "\(from) to \(to)" }
}
