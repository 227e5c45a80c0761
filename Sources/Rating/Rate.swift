/// Stands on every bill; grows when the same usage and plan would give another bill.
public let ratingEngineVersion = 2

/// Prices a usage under a plan: the itemised bill.
///
/// Pure: the same usage and plan give the same bill, byte for byte. Each line is the exact product of its energy and
/// price, rounded half up once to the fen; the total is the sum of the lines as printed.
///
/// - Throws: `RatingError` when the usage does not fit the plan; nothing is guessed.
public func rate(_ usage: Usage, under plan: Plan) throws(RatingError) -> Bill {
  guard plan.applies(to: usage.days) else { throw plan.outsideValidity(usage.days) }
  let months = usage.days.months
  guard months.upperBound.index - months.lowerBound.index < 24 else { throw .tooLong(usage.days) }
  try plan.check(usage.total, "a total")
  var periods = try plan.periodEnergies(of: usage)
  var billed = usage.total
  var details: Boxed<BillDetails>?
  if !plan.isPlain || usage.hasSupply {
    let found = try plan.details(of: usage, &periods)
    (billed, details) = (found.billed, Boxed(found))
  }
  let tierUse = try plan.tierUse(of: usage, billed, rest: details?.value.month?.rest)
  let tiers = tierUse?.used ?? EnergyRow()
  let segments = usage.segments.indices
  var lines: [BillLine] = []
  lines.reserveCapacity(plan.steps.count)
  var total = Money.zero
  var spread = EnergyRow()
  var spreadTier: UInt8 = 0
  for step in plan.steps {
    let energy: Energy
    switch step.rule {
    case .energy, .fund: energy = billed
    case .energyOfPeriod: energy = periods[Int(step.periodNumber) - 1]
    case .tierPrice, .tierAdder: energy = tiers[Int(step.tierNumber) - 1]
    case .wholeVolume: energy = Int(step.tierNumber) == tierUse?.reached ? billed : .zero
    case .tierAdderProRata:
      if step.tierNumber != spreadTier {
        spread = plan.allocated(tiers[Int(step.tierNumber) - 1], over: periods, of: billed)
        spreadTier = step.tierNumber
      }
      energy = spread[Int(step.periodNumber) - 1]
    case .tierAdderInOrder, .monthlyPrice, .monthlyPriceOfPeriod, .capacity, .capacitySuspended, .demandContract,
      .demandExcess, .demandActual, .powerFactor, .export, .minimum, .lateOwnYear, .lateLater, .lateLeast:
      let draft = BillDraft(lines: lines, total: total, details: details)
      lines = []
      let after = try charge(step, usage, plan, periods, draft)
      (lines, total, details) = (after.lines, after.total, after.details)
      continue
    }
    // A line without energy is not printed.
    guard energy > .zero else { continue }
    let exact =
      plan.cutsLines
      ? charge(energy, at: step.price, rounding: plan.components[Int(step.componentNumber)].rounding)
      : charge(energy, at: step.price)
    guard let amount = exact else { throw .amountTooLarge(energy, step.price) }
    total += amount
    lines.append(
      BillLine(
        ordinal: lines.count + 1, step: step, count: energy.millionths, amount: amount, segments: segments))
  }
  return Bill(
    kind: .original, plan: plan, usage: usage, lines: lines, total: total, byPeriod: periods, tierUse: tierUse,
    details: details)
}

/// A bill up to some line.
private struct BillDraft {
  var lines: [BillLine]
  var total: Money
  var details: Boxed<BillDetails>?
}

/// Adds what a component other than plain energy charges; kept out of the way of bills that have none.
@inline(never)
private func charge(
  _ step: PlanStep, _ usage: Usage, _ plan: Plan, _ periods: EnergyRow, _ draft: consuming BillDraft
) throws(RatingError) -> BillDraft {
  var charging = Charging(
    plan: plan, usage: usage, supply: usage.supply, periods: periods, lines: draft.lines, total: draft.total,
    details: draft.details?.value ?? BillDetails(metered: usage.total))
  draft.lines = []
  try charging.add(step)
  return BillDraft(lines: charging.lines, total: charging.total, details: Boxed(charging.details))
}
