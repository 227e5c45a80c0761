internal import Rating

extension Account {
  /// Months that carry the household grant in the window of a monthly bill.
  ///
  /// They begin with the grant, and end with the window or with the month in which the household moves out, which
  /// counts as a whole one. Like the limits of such a window, they are known to be fewer with the last bill: kWh that
  /// were billed until then stay in their tiers.
  func grantedMonths(in cycle: Cycle, under plan: Plan) -> Int {
    let month = cycle.tierMonth
    guard let tiers = plan.tiers, tiers.grantPerMonth != nil, let first = grantFrom, first <= month else { return 0 }
    let start = tiers.windowStart(of: month)
    let end = cycle.to == ends ? month + 1 : start + (tiers.windowLength ?? 1)
    return end.index - max(first, start).index
  }

  /// In how many months of a cycle's tier window the customer has the supply, a part of a month counting as a whole
  /// one; `nil` where that is all of them, or the plan's limits do not follow them.
  ///
  /// That the customer moves out is known with the last bill: kWh that were billed until then stay in their tiers.
  func months(in cycle: Cycle, of tiers: Tiers) -> Int? {
    guard tiers.moving == .months, let length = tiers.windowLength else { return nil }
    let start = tiers.windowStart(of: cycle.tierMonth)
    let first = max(movedIn ?? start, start)
    let end = cycle.to == ends ? cycle.tierMonth + 1 : start + length
    let months = end.index - first.index
    return (1..<length).contains(months) ? months : nil
  }
}
