/// One line that a bill under a plan may have: the plan's components laid out flat, in printed order.
///
/// Laid out once when the plan is read, so that rating walks one list and decides nothing twice.
struct PlanStep: Hashable, Sendable {
  /// From 0.
  let componentNumber: UInt8
  /// From 1; 0 where the line is not of one tier.
  let tierNumber: UInt8
  /// From 1; 0 where the line is not of one period.
  var periodNumber: UInt8
  var rule: Rule
  /// How many days the line is for; 0 where it is not of days.
  var days: UInt16 = 0
  /// Which feed or debt the line is for, from 1; 0 where there is only one.
  var part: UInt8 = 0
  /// Into how many parts the price is cut for a day; 0 where it is not.
  var divisor: UInt8 = 0
  // Last, so that everything before it fits into one word.
  var price: Price

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
        for adder in adders {
          add(
            adder.prices, tier: adder.tier, same: .tierAdder,
            byPeriod: adder.spread == .timeOrder ? .tierAdderInOrder : .tierAdderProRata)
        }
      case .fund(let price): add(.fund, price)
      // One place in the order of the bill; which lines come there, and at which price, is found when it is rated.
      case .monthlyPrices: add(.monthlyPrice, .one)
      case .capacity(let charge): add(.capacity, charge.price)
      case .demand(let charge): add(.demandContract, charge.price)
      case .powerFactor: add(.powerFactor, .one)
      case .export(let price): add(.export, price)
      case .minimum: add(.minimum, .one)
      case .lateCharge(let charge): add(.lateOwnYear, charge.ownYear)
      }
    }
    return steps
  }
}
