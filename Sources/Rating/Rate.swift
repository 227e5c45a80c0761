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
  var printer = LinePrinter(plan: plan, usage: usage, periods: periods, tiers: tierUse?.used ?? EnergyRow())
  printer.lines.reserveCapacity(plan.components.count * 4)
  for index in plan.components.indices { try printer.print(component: index) }
  return Bill(
    kind: .original, plan: plan, usage: usage, lines: printer.lines, total: printer.total, byPeriod: periods,
    tierUse: tierUse)
}

/// Puts the lines of one component after the other.
private struct LinePrinter {
  let plan: Plan
  let usage: Usage
  let periods: EnergyRow
  let tiers: EnergyRow
  var lines: [BillLine] = []
  var total = Money.zero

  mutating func print(component index: Int) throws(RatingError) {
    switch plan.components[index].kind {
    case .energy(let prices):
      try print(usage.total, split: periods, at: prices, index, tier: nil, .energy)
    case .tierPrices(let prices):
      for (tier, price) in prices.enumerated() {
        try print(tiers[tier], at: price, index, tier: tier + 1, period: nil, .tierPrice)
      }
    case .wholeVolume(let prices):
      guard let last = prices.indices.last(where: { tiers[$0] > .zero }) else { return }
      try print(usage.total, at: prices[last], index, tier: last + 1, period: nil, .wholeVolume)
    case .tierAdders(let adders):
      for adder in adders {
        let energy = tiers[adder.tier - 1]
        // Which kWh of a period were above the limit, no register says; equal adders need not know.
        guard case .byPeriod = adder.prices else {
          try print(energy, split: periods, at: adder.prices, index, tier: adder.tier, .tierAdder)
          continue
        }
        let split = plan.allocated(energy, over: periods, of: usage.total)
        try print(energy, split: split, at: adder.prices, index, tier: adder.tier, .tierAdderProRata)
      }
    }
  }

  /// One line, or one for each period where prices differ by period.
  private mutating func print(
    _ energy: Energy, split: EnergyRow, at prices: PeriodPrices, _ component: Int, tier: Int?, _ rule: Rule
  ) throws(RatingError) {
    switch prices {
    case .same(let price):
      try print(energy, at: price, component, tier: tier, period: nil, rule)
    case .byPeriod(let prices):
      let rule = rule == .energy ? Rule.energyOfPeriod : rule
      for (period, price) in prices.enumerated() {
        try print(split[period], at: price, component, tier: tier, period: period, rule)
      }
    }
  }

  /// A line without energy is not printed.
  private mutating func print(
    _ energy: Energy, at price: Price, _ component: Int, tier: Int?, period: Int?, _ rule: Rule
  ) throws(RatingError) {
    guard energy > .zero else { return }
    guard let amount = charge(energy, at: price) else { throw .amountTooLarge(energy, price) }
    total += amount
    lines.append(
      BillLine(
        ordinal: lines.count + 1, component: component, tier: tier, period: period, rule: rule, energy: energy,
        price: price, amount: amount, segments: usage.segments.indices))
  }
}
