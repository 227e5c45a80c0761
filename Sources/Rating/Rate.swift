/// Stands on every bill; grows when the same usage and plan would give another bill.
public let ratingEngineVersion = 1

/// Prices a usage under a plan: the itemised bill.
///
/// Pure: the same usage and plan give the same bill, byte for byte. Each line is the exact product of its energy and
/// price, rounded half up once to the fen; the total is the sum of the lines as printed.
///
/// - Throws: `RatingError` when the usage does not fit the plan; nothing is guessed.
public func rate(_ usage: Usage, under plan: Plan) throws(RatingError) -> Bill {
  guard plan.applies(to: usage.days) else { throw .outsideValidity(usage.days, plan: plan.name) }
  let months = usage.days.months
  guard months.upperBound.index - months.lowerBound.index < 24 else { throw .tooLong(usage.days) }
  try plan.check(usage.total, "a total")
  let periods = try plan.periodEnergies(of: usage)
  let tierUse = try plan.tierUse(of: usage)
  let tiers = tierUse?.used ?? EnergyRow()
  var lines: [BillLine] = []
  lines.reserveCapacity(plan.steps.count)
  var total = Money.zero
  var spread = EnergyRow()
  var spreadTier: UInt8 = 0
  for step in plan.steps {
    let energy: Energy
    switch step.rule {
    case .energy: energy = usage.total
    case .energyOfPeriod: energy = periods[Int(step.periodNumber) - 1]
    case .tierPrice, .tierAdder: energy = tiers[Int(step.tierNumber) - 1]
    case .wholeVolume: energy = Int(step.tierNumber) == tiers.used ? usage.total : .zero
    case .tierAdderProRata:
      if step.tierNumber != spreadTier {
        spread = plan.allocated(tiers[Int(step.tierNumber) - 1], over: periods, of: usage.total)
        spreadTier = step.tierNumber
      }
      energy = spread[Int(step.periodNumber) - 1]
    }
    // A line without energy is not printed.
    guard energy > .zero else { continue }
    guard let amount = charge(energy, at: step.price) else { throw .amountTooLarge(energy, step.price) }
    total += amount
    lines.append(
      BillLine(ordinal: lines.count + 1, step: step, energy: energy, amount: amount, segments: usage.segments.indices))
  }
  return Bill(
    kind: .original, plan: plan, usage: usage, lines: lines, total: total, byPeriod: periods, tierUse: tierUse)
}
