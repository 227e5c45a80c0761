/// One line that a bill under a plan may have: the plan's components laid out flat, in printed order.
///
/// Laid out once when the plan is read, so that rating walks one list and decides nothing twice.
struct PlanStep: Hashable, Sendable {
  /// From 0.
  let componentNumber: UInt8
  /// From 1; 0 where the line is not of one tier.
  let tierNumber: UInt8
  /// From 1; 0 where the line is not of one period.
  let periodNumber: UInt8
  let rule: Rule
  let price: Price

  /// More components than this are refused when a plan is read.
  static let mostComponents = 64

  /// Every line that `components` can print; adders that differ by period are spread over the periods.
  static func all(of components: [PlanComponent]) -> [PlanStep] {
    var steps: [PlanStep] = []
    for (index, component) in components.enumerated() {
      func add(_ rule: Rule, tier: Int = 0, period: Int = 0, _ price: Price) {
        steps.append(
          PlanStep(
            componentNumber: UInt8(truncatingIfNeeded: index), tierNumber: UInt8(truncatingIfNeeded: tier),
            periodNumber: UInt8(truncatingIfNeeded: period), rule: rule, price: price))
      }
      func add(_ prices: PeriodPrices, tier: Int = 0, same: Rule, byPeriod: Rule) {
        switch prices {
        case .same(let price): add(same, tier: tier, price)
        case .byPeriod(let prices):
          for (period, price) in prices.enumerated() { add(byPeriod, tier: tier, period: period + 1, price) }
        }
      }
      switch component.kind {
      case .energy(let prices): add(prices, same: .energy, byPeriod: .energyOfPeriod)
      case .tierPrices(let prices):
        for (tier, price) in prices.enumerated() { add(.tierPrice, tier: tier + 1, price) }
      case .wholeVolume(let prices):
        for (tier, price) in prices.enumerated() { add(.wholeVolume, tier: tier + 1, price) }
      case .tierAdders(let adders):
        // Which kWh of a period were above the limit, no register says; equal adders need not know.
        for adder in adders { add(adder.prices, tier: adder.tier, same: .tierAdder, byPeriod: .tierAdderProRata) }
      }
    }
    return steps
  }
}
