/// Usages of one billing period as columns of numbers, one row an account: what `CompiledPlan` rates by the million.
///
/// Whose use a row is, the caller knows; a bill that is made of a row by `usage(at:id:account:days:)` says it.
public struct UsageColumns: Sendable {
  /// Use before this bill in the same tier window, for every row.
  public enum Earlier: Sendable {
    /// Every bill is the first of its window.
    case nothing
    /// So much in each row, filled into the tiers from below.
    case total([Energy])
    /// From tier 1 on, so much in each row.
    case byTier([[Energy]])
  }

  /// What is billed, one for each row.
  public var totals: [Energy]
  /// By the name of the plan's period, one for each row. The residual period may be left out.
  public var periods: [String: [Energy]]
  /// By how much the periods of a row may disagree with its total, either way.
  public var tolerance: Energy
  /// Use before these bills.
  public var earlier: Earlier
  /// Months with a household grant, one for each row; empty without any.
  public var grantedMonths: [Int]

  /// Columns of equal length; they are checked when they are rated.
  public init(
    totals: [Energy], periods: [String: [Energy]] = [:], tolerance: Energy = .zero, earlier: Earlier = .nothing,
    grantedMonths: [Int] = []
  ) {
    self.totals = totals
    self.periods = periods
    self.tolerance = tolerance
    self.earlier = earlier
    self.grantedMonths = grantedMonths
  }

  /// How many usages there are: rows that a shorter column leaves without a number do not count.
  public var count: Int {
    var lengths = [totals.count] + periods.values.map(\.count)
    switch earlier {
    case .nothing: break
    case .total(let energies): lengths.append(energies.count)
    case .byTier(let tiers): lengths += tiers.map(\.count)
    }
    if !grantedMonths.isEmpty { lengths.append(grantedMonths.count) }
    return lengths.min() ?? 0
  }

  /// One row as a usage of its own, its periods in the order of their names.
  public func usage(at row: Int, id: String, account: String, days: DayRange) -> Usage {
    let before: EarlierUse =
      switch earlier {
      case .nothing: .nothing
      case .total(let energies): .total(energies[row])
      case .byTier(let tiers): .byTier(tiers.map { $0[row] })
      }
    return Usage(
      id: id, account: account, days: days, total: totals[row],
      parts: periods.sorted { $0.key < $1.key }.map { PeriodEnergy($0.key, $0.value[row]) }, tolerance: tolerance,
      earlier: before, grantedMonths: grantedMonths.isEmpty ? 0 : grantedMonths[row])
  }
}
