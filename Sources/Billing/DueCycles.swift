internal import Metering
public import Rating

/// Which cycles of an account can be closed now.
public struct DueCycles: Hashable, Sendable {
  /// In the order in which they must be closed: each has readings at both of its settlements.
  public let ready: [Cycle]
  /// The first cycle that is over without readings at both its settlements: it keeps those after it waiting, since
  /// tiers fill in the order of time.
  public let waiting: Cycle?
}

/// The cycles of `account` after `lastClosed` that can be closed with readings at `instants`.
///
/// A cycle is over when there is a reading at its end or later, or when it ended by `overdueAt`.
///
/// - Parameters:
///   - account: its settlement and zone say where cycles begin and end, its `from` which one is the first.
///   - lastClosed: the month of the last bill; `nil` when there is none. Then cycles begin with the account's first
///     day, or, where it has none, at the first instant that is a settlement of the account.
///   - instants: milliseconds since 1970 of the boundary readings at hand, in any order.
///   - overdueAt: milliseconds since 1970; cycles that ended until then should have their readings. `nil` when only
///     readings tell how late it is.
/// - Returns: the cycles to close now, in order, and the one that keeps others waiting.
public func dueCycles(
  of account: Account, after lastClosed: YearMonth?, instants: some Sequence<Int64>, overdueAt: Int64? = nil
) -> DueCycles {
  let available = Set(instants)
  func isThere(_ time: MeterTime) -> Bool { available.contains(account.zone.unixMilliseconds(of: time)) }
  let settlement = account.settlement
  guard let last = [available.max(), overdueAt].compactMap({ $0 }).max() else {
    return DueCycles(ready: [], waiting: nil)
  }
  var month = lastClosed.map { $0 + 1 }
  if let from = account.from {
    var first = YearMonth(of: from)
    while let cycle = Cycle(first, settlement: settlement), cycle.from.date < from { first = first + 1 }
    month = max(month ?? first, first)
  } else if month == nil, let earliest = available.min() {
    var candidate = YearMonth(of: account.zone.local(unixMilliseconds: earliest).date) + -1
    while let cycle = Cycle(candidate, settlement: settlement), account.zone.unixMilliseconds(of: cycle.from) <= last {
      if isThere(cycle.from) {
        month = candidate
        break
      }
      candidate = candidate + 1
    }
  }
  var ready: [Cycle] = []
  while let current = month, let cycle = Cycle(current, settlement: settlement),
    account.zone.unixMilliseconds(of: cycle.to) <= last
  {
    guard isThere(cycle.from), isThere(cycle.to) else { return DueCycles(ready: ready, waiting: cycle) }
    ready.append(cycle)
    month = current + 1
  }
  return DueCycles(ready: ready, waiting: nil)
}

/// The tier window that a bill of `month` starts from: the sum of the window's earlier bills.
///
/// `nil` where the plan has no tiers. Reversals are taken off, so a corrected bill counts once. The order of `bills`
/// does not matter.
public func windowState(before month: YearMonth, under plan: Plan, bills: some Sequence<Bill>) -> WindowState? {
  guard let tiers = plan.tiers else { return nil }
  let start = tiers.windowStart(of: month)
  var byTier = Array(repeating: Energy.zero, count: tiers.count)
  for bill in bills {
    guard let after = bill.windowAfter, after.start == start, after.byTier.count == byTier.count,
      bill.usage.days.months.upperBound < month
    else { continue }
    for (tier, energy) in bill.totals.byTier.enumerated() { byTier[tier] += energy }
  }
  return WindowState(start: start, byTier: byTier)
}
