internal import Metering
public import Rating

/// What came of closing a cycle.
public enum Closing: Hashable, Sendable {
  case bill(ClosedBill)
  /// Every reason that was found, at least one.
  case hold([HoldReason])
}

/// A bill and what must be stored with it in one transaction.
public struct ClosedBill: Hashable, Sendable {
  public let key: BillKey
  public let bill: Bill
  /// Numbers of the readings it was made of, in ascending order.
  public let readings: [Int64]
  /// Where the tier window stands now; `nil` where the plan has no tiers.
  public let windowAfter: WindowState?
}

/// Closes one cycle of an account: readings to segments to usage to bill.
///
/// Pure: the same readings give the same bill, in whatever order they come.
///
/// - Parameters:
///   - account: whose cycle it is.
///   - cycle: from which settlement to which.
///   - readings: at least those at the boundaries of the cycle and of its meter assignments; others do no harm.
///   - windowState: from `windowState(before:under:bills:)`; `nil` when the cycle is the first of its window.
///   - plan: the version of the account's plan that applies to the cycle.
///   - version: from 1; counts on when a cycle is billed again after a reversal.
/// - Returns: the bill, or every reason why there is none.
public func closeCycle(
  account: Account, cycle: Cycle, readings: some Sequence<JournalReading>, windowState: WindowState?, plan: Plan,
  version: Int = 1
) -> Closing {
  var reasons: [HoldReason] = []
  guard let days = DayRange(from: cycle.from.date, to: cycle.to.date) else {
    return .hold([.noMeter(from: cycle.from, to: cycle.to)])
  }
  if account.plan != plan.name { reasons.append(.otherPlan(account: account.plan, given: plan.name)) }
  if !plan.applies(to: days) { reasons.append(.planNotValid(plan: plan.name, days)) }
  if let start = plan.tiers?.windowStart(of: cycle.month), let windowState, windowState.start != start {
    reasons.append(.otherWindow(expected: start, given: windowState.start))
  }
  var builder = SegmentBuilder(account: account, plan: plan, readings: BoundaryReadings(readings))
  builder.build(cycle)
  reasons += builder.reasons
  guard reasons.isEmpty else { return .hold(reasons) }

  let key = BillKey(account: account.id, cycle: cycle.label, version: version)
  let usage = Usage(
    id: "\(key)", account: account.id, days: days,
    total: builder.segments.reduce(.zero) { $0 + ($1.registers.first?.energy ?? .zero) },
    parts: plan.partsBesideResidual(of: builder.segments), tolerance: builder.tolerance,
    earlier: plan.tiers == nil ? .nothing : windowState.map { .byTier($0.byTier) } ?? .nothing,
    grantedMonths: plan.grantedMonths(in: cycle.month, from: account.grantFrom), segments: builder.segments)
  do throws(RatingError) {
    let bill = try rate(usage, under: plan)
    let used = usage.segments.flatMap(\.registers).flatMap { [$0.start.sequence, $0.stop.sequence] }
    return .bill(
      ClosedBill(key: key, bill: bill, readings: Set(used).sorted(), windowAfter: bill.windowAfter))
  } catch {
    return .hold([.rating(error)])
  }
}

extension Plan {
  /// The energy of every period but the residual one, which gets what is left of the total.
  fileprivate func partsBesideResidual(of segments: [UsageSegment]) -> [PeriodEnergy] {
    periods.indices.filter { $0 != residualPeriod }.map { index in
      let period = periods[index]
      var sum = Energy.zero
      for register in segments.flatMap(\.registers) {
        if case .rate(let rate) = register.quantity.part, period.rates.contains(rate) { sum += register.energy }
      }
      return PeriodEnergy(period.name, sum)
    }
  }

  /// Months that carry the household grant in the window of a monthly bill.
  fileprivate func grantedMonths(in month: YearMonth, from first: YearMonth?) -> Int {
    guard let tiers, tiers.grantPerMonth != nil, let first, first <= month else { return 0 }
    let start = tiers.windowStart(of: month)
    let length: Int
    switch tiers.window {
    case .month: length = 1
    case .twoMonths: length = 2
    case .year: length = 12
    }
    return start.index + length - max(first, start).index
  }
}
