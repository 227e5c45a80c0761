internal import Metering
public import Rating

/// Which cycles of an account can be closed now.
public struct DueCycles: Hashable, Sendable {
  /// In the order in which they must be closed: each has readings at both of its settlements.
  public let ready: [Cycle]
  /// The first cycle with a settlement later on but not at both its own: it keeps those after it waiting, since tiers
  /// fill in the order of time.
  public let waiting: Cycle?
}

/// The cycles of `account` after `lastClosed` that can be closed with settlement readings at `instants`.
///
/// - Parameters:
///   - account: its settlement and zone say where cycles begin and end.
///   - lastClosed: the month of the last bill; `nil` when there is none, and then cycles begin at the first instant
///     that is a settlement of the account.
///   - instants: milliseconds since 1970 of the settlement readings at hand, in any order.
/// - Returns: the cycles to close now, in order, and the one that keeps others waiting.
public func dueCycles(of account: Account, after lastClosed: YearMonth?, instants: some Sequence<Int64>) -> DueCycles {
  let available = Set(instants)
  func isThere(_ time: MeterTime) -> Bool { available.contains(account.zone.unixMilliseconds(of: time)) }
  let settlement = account.settlement
  guard let last = available.max(), let earliest = available.min() else { return DueCycles(ready: [], waiting: nil) }
  var month = lastClosed.map { $0 + 1 }
  if month == nil {
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
