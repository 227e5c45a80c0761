internal import Metering
public import Rating

/// Which cycles of an account can be closed now.
public struct DueCycles: Hashable, Sendable {
  /// In the order in which they must be closed: each has readings at both of its settlements.
  public let ready: [Cycle]
  /// The first cycle that is over without readings at both its settlements: it keeps those after it waiting, since
  /// tiers fill in the order of time.
  public let waiting: Cycle?
  /// The part of a cycle in which the account begins, where nothing was read at one of its ends and later cycles were
  /// billed all the same. It keeps none waiting; `nil` for none.
  public let unread: Cycle?

  init(ready: [Cycle], waiting: Cycle?, unread: Cycle? = nil) {
    self.ready = ready
    self.waiting = waiting
    self.unread = unread
  }
}

/// The cycles of `account` that have no document yet and can be closed with readings at `instants`.
///
/// A cycle is over when there is a reading at its end or later, or when it ended by `overdueAt`. Every month from the
/// account's first day on is due until it has a document, also one between or before months that have: a first day that
/// is moved back, or a month that was left out, is billed after all, and keeps later ones waiting while it cannot be.
/// The cycles in which the account begins and ends are the parts of them that lie between its days.
///
/// - Parameters:
///   - account: its settlement and zone say where cycles begin and end, its `from` which one is the first.
///   - billed: months that have a document, in any order. Where the account has no first day, cycles begin with the
///     first of them, or, without any, at the first instant that is a settlement of the account.
///   - instants: milliseconds since 1970 of the boundary readings at hand, in any order.
///   - now: milliseconds since 1970; readings of a time to come do not make it later. `nil` when only readings tell
///     how late it is.
///   - overdueAt: milliseconds since 1970; cycles that ended until then should have their readings.
/// - Returns: the cycles to close now, in order, the one that keeps others waiting, and the first part where nobody has
///   read it.
public func dueCycles(
  of account: Account, billed: some Sequence<YearMonth>, instants: some Sequence<Int64>, now: Int64? = nil,
  overdueAt: Int64? = nil
) -> DueCycles {
  let documents = Set(billed)
  let available = Set(instants)
  func isThere(_ time: MeterTime) -> Bool { available.contains(account.zone.unixMilliseconds(of: time)) }
  let settlement = account.settlement
  guard var last = [available.max(), overdueAt].compactMap({ $0 }).max() else {
    return DueCycles(ready: [], waiting: nil)
  }
  if let now { last = min(last, now) }
  var month = documents.min()
  if let from = account.from {
    // On a settlement's own day, before or after its hour, two months come into question.
    month = [0, 1].map { YearMonth(of: from) + $0 }.first { account.cycle($0) != nil }
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
  var unread: Cycle?
  while let current = month, let cycle = account.cycle(current),
    account.zone.unixMilliseconds(of: cycle.to) <= last
  {
    month = current + 1
    guard !documents.contains(current) else { continue }
    // A first day that was written down late may lie where nobody has read, and months after it are billed: they go on,
    // and what it needs is told.
    if !cycle.isWhole, ready.isEmpty, cycle.from == account.begins, documents.contains(where: { $0 > current }),
      !isThere(cycle.from) || !isThere(cycle.to)
    {
      unread = cycle
      continue
    }
    guard isThere(cycle.from), isThere(cycle.to) else {
      return DueCycles(ready: ready, waiting: cycle, unread: unread)
    }
    ready.append(cycle)
  }
  return DueCycles(ready: ready, waiting: nil, unread: unread)
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
