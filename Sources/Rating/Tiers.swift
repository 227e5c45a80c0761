internal import Metering

/// How consumption in a window of time is cut into tiers. 阶梯
public struct Tiers: Hashable, Sendable {
  /// How long use adds up before it starts from nothing again.
  public enum Window: Hashable, Sendable {
    /// The months of one bill; limits of the months covered are added.
    case month
    /// January and February, March and April, and so on.
    case twoMonths
    /// Twelve months from the first of `startMonth` (1...12).
    case year(startMonth: Int)
  }

  /// How long use adds up.
  public let window: Window
  /// 2...`EnergyRow.most`.
  public let count: Int
  /// Upper limits of the tiers but the last, by month of the year when the window is a month (twelve rows), else
  /// one row for the window.
  public let limits: [[Energy]]
  /// kWh that each granted month adds to every limit of a large household; `nil` where there is no such grant.
  /// 一户多人口
  public let grantPerMonth: Energy?
  /// What a part of a month counts for limits.
  public let partMonth: PartMonthLimits
  /// What limits of a window of several months are for a customer who has the supply in some of them.
  public let moving: MovingLimits
  /// Where the limits were published.
  public let provenance: Provenance

  /// How many months a window of several has; `nil` for one of the months of a bill.
  public var windowLength: Int? {
    switch window {
    case .month: nil
    case .twoMonths: 2
    case .year: 12
    }
  }

  /// The first month of the window that `month` belongs to.
  public func windowStart(of month: YearMonth) -> YearMonth {
    switch window {
    case .month: month
    case .twoMonths: YearMonth(index: month.index - month.index % 2)
    case .year(let startMonth): YearMonth(index: month.index - (month.index - (startMonth - 1)) % 12)
    }
  }

  /// The first month of the one window that `months` lie in; `nil` when they lie in two.
  ///
  /// A monthly window stretches over all months of a bill, so it is never left.
  public func windowStart(of months: ClosedRange<YearMonth>) -> YearMonth? {
    if case .month = window { return months.lowerBound }
    let start = windowStart(of: months.lowerBound)
    return windowStart(of: months.upperBound) == start ? start : nil
  }

  /// The upper limit of `tier` (from 0, not the last) for the window of a bill over `months`, without grants.
  public func limit(_ tier: Int, over months: ClosedRange<YearMonth>) -> Energy {
    guard case .month = window else { return limits[0][tier] }
    var sum = Energy.zero
    for index in months.lowerBound.index...months.upperBound.index { sum += limits[index % 12][tier] }
    return sum
  }
}

/// What a part of a month counts for limits by the month.
public enum PartMonthLimits: String, Hashable, Sendable, CaseIterable {
  /// As much as a whole one. Source: a tier example of Hunan in print, and the national start of tiers in July 2012,
  /// both of which split by months.
  case whole
  /// So many parts as days are billed, of as many as the month has; for plans that say so.
  case days
}

/// What the limits of a window are for a customer who moves in or out in it. 过户、销户
public enum MovingLimits: String, Hashable, Sendable, CaseIterable {
  /// Those of the whole window, whoever has the supply.
  case whole
  /// So many parts of them as months are used, of as many as the window has; a part of a month counts as a whole one.
  /// Source: a tier example of Hunan in print, on changes of owner. For windows of a year: unverified.
  case months
}

/// What the window of a bill has already seen. 已用电量
public enum EarlierUse: Hashable, Sendable {
  /// The bill is the first of its window.
  case nothing
  /// So many kWh, filled into the tiers from below. Enough where no household grant was given.
  case total(Energy)
  /// So many kWh in each tier, as earlier bills say.
  case byTier([Energy])
}

extension Tiers {
  /// Cuts `use` into the room that `earlier` use of the window has left in each tier.
  ///
  /// Room, not position, is what is kept: when `grant` raises every limit in the middle of a window, kWh already
  /// billed in a higher tier stay there and the new room of the first tier is used next.
  func split(
    _ use: Energy, earlier: EnergyRow, grant: Energy, for days: DayRange, months: Int? = nil, step: Energy
  ) -> EnergyRow {
    var parts = EnergyRow()
    var rest = use
    var lower = Energy.zero
    for tier in 0..<count - 1 {
      let upper = limit(tier, for: days, months: months, step: step)
      let width = tier == 0 ? upper + grant : upper - lower
      let part = min(rest, max(.zero, width - earlier[tier]))
      parts[tier] = part
      rest -= part
      lower = upper
    }
    parts[count - 1] = rest
    return parts
  }

  /// The room that is left in each tier but the last.
  func rooms(
    earlier: EnergyRow, grant: Energy, for days: DayRange, months: Int? = nil, step: Energy
  ) -> [Energy] {
    (0..<count - 1).map { tier in
      let lower = tier == 0 ? -grant : limit(tier - 1, for: days, months: months, step: step)
      return max(.zero, limit(tier, for: days, months: months, step: step) - lower - earlier[tier])
    }
  }

  /// The most months of a bill's tier window that can carry a grant: those of the window, or of the bill where the window is
  /// as long as that.
  func mostGrantedMonths(over months: ClosedRange<YearMonth>) -> Int {
    windowLength ?? months.upperBound.index - months.lowerBound.index + 1
  }

  /// What so many granted months add to every limit.
  func grant(months: Int) -> Energy { Energy(millionths: (grantPerMonth ?? .zero).millionths * Int64(months)) }

  /// The upper limit of `tier` (from 0, not the last) for a bill of `days`, without grants; by days, and for so many
  /// `months` of the window, it is rounded half up once, to `step`.
  func limit(_ tier: Int, for days: DayRange, months: Int? = nil, step: Energy) -> Energy {
    if let months, let length = windowLength {
      let share = Int128(limits[0][tier].millionths) * Int128(months)
      let steps = dividedHalfUp(share, by: Int128(length) * Int128(step.millionths))
      return Energy(millionths: Int64(clamping: steps) * step.millionths)
    }
    guard partMonth == .days, case .month = window else { return limit(tier, over: days.months) }
    // The least common multiple of the lengths of months.
    let parts: Int128 = 377_580
    var sum: Int128 = 0
    for index in YearMonth(of: days.from).index...YearMonth(of: days.last).index {
      let month = YearMonth(index: index)
      guard let first = CivilDate(year: month.year, month: month.month, day: 1) else { continue }
      let length = Int64(CivilDate.days(inMonth: month.month, of: month.year))
      let from = max(first.daysSince1970, days.from.daysSince1970)
      let billed = min(first.daysSince1970 + length, days.to.daysSince1970) - from
      sum += Int128(limits[index % 12][tier].millionths) * Int128(billed) * (parts / Int128(length))
    }
    let steps = dividedHalfUp(sum, by: parts * Int128(step.millionths))
    return Energy(millionths: Int64(clamping: steps) * step.millionths)
  }
}
