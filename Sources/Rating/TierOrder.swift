extension Charging {
  /// The line of the kWh that a period used while the window stood in a tier, by the load profile's own order.
  ///
  /// The tier's kWh are those of the bill; the profile says which share of them each period has. Where it says none, as in
  /// a tier that only billed losses reach, they are spread pro rata.
  mutating func addInOrder(_ step: PlanStep) throws(RatingError) {
    guard let tiers = plan.tiers, let use = try plan.tierUse(of: usage, details.billed) else { return }
    guard let runs = supply?.intervals?.inOrder else { throw error(step, .needs(.intervals)) }
    let tier = Int(step.tierNumber) - 1
    var shares = EnergyRow()
    var whole = Energy.zero
    var rooms = tiers.rooms(
      earlier: use.before, grant: tiers.grant(months: usage.grantedMonths), for: usage.limitDays,
      months: usage.windowMonths, step: plan.energyStep)
    for run in runs {
      guard let period = plan.period(named: run.period) else { continue }
      var rest = run.energy
      for index in 0..<tiers.count where rest > .zero {
        let part = index < rooms.count ? min(rest, rooms[index]) : rest
        if index < rooms.count { rooms[index] -= part }
        if index == tier {
          shares[period] += part
          whole += part
        }
        rest -= part
      }
    }
    let spread =
      whole > .zero
      ? plan.allocated(use.used[tier], over: shares, of: whole)
      : plan.allocated(use.used[tier], over: periods, of: details.billed)
    try add(step, millionths: spread[Int(step.periodNumber) - 1].millionths, at: step.price)
  }
}
