/// A plan made ready for one billing period, for bills by the million: everything that does not depend on the meter is
/// worked out once. 批量计费
///
/// Dated prices are those of the month, limits those of the months that the days touch, prices are whole numbers
/// without their trailing zeros. Usages come as columns of numbers, lines go to one flat buffer, and nothing is
/// allocated for a single bill. The bills are those of `rate(_:under:)`, line by line: what the columns cannot hold, be
/// it a component of the plan or a single usage, is rated by that function one by one, slower and never otherwise.
public struct CompiledPlan: Sendable {
  /// What the bills are made under.
  public let plan: Plan
  /// What they are for.
  public let days: DayRange
  /// Every line that a bill by columns can have, in printed order; a line of a bill tells its own by number.
  public let kinds: [BillLineKind]
  /// Yuan for one unit of each of `kinds`.
  public var prices: [Price] { charges.map(\.step.price) }
  /// False where each bill is rated by itself: a basic charge, losses, a power factor, a limit finer than the billed step.
  public let isColumnar: Bool

  let charges: [ColumnCharge]
  /// Room of each tier but the last, in billed steps, without grants.
  let widths: [Int64]
  /// Room that a granted month adds to the first tier; 0 where there is no grant.
  let grant: Int64
  /// The most billed steps that every product and sum of a bill holds in 64 bits.
  let most: Int64

  /// - Throws: `RatingError` where the plan does not hold on `days`, or no bill could be for them.
  public init(_ plan: Plan, for days: DayRange) throws(RatingError) {
    guard plan.applies(to: days) else { throw plan.outsideValidity(days) }
    let months = days.months
    guard months.upperBound.index - months.lowerBound.index < 24 else { throw .tooLong(days) }
    if let tiers = plan.tiers, tiers.windowStart(of: months) == nil { throw .crossesWindow(days, plan: plan.name) }
    self.plan = plan
    self.days = days
    let step = plan.energyStep.millionths
    var isColumnar = true
    var widths: [Int64] = []
    var grant: Int64 = 0
    if let tiers = plan.tiers {
      var lower = Energy.zero
      for tier in 0..<tiers.count - 1 {
        let upper = tiers.limit(tier, for: days, step: plan.energyStep)
        if (upper - lower).millionths % step != 0 { isColumnar = false }
        widths.append((upper - lower).millionths / step)
        lower = upper
      }
      let granted = (tiers.grantPerMonth ?? .zero).millionths
      if granted % step != 0 { isColumnar = false }
      grant = granted / step
    }
    var charges: [ColumnCharge]? = []
    for line in plan.steps {
      guard let found = try plan.columnCharges(line, for: days) else {
        charges = nil
        break
      }
      charges?.append(contentsOf: found)
    }
    self.charges = charges ?? []
    // So small that a block of bills of any plan fits the processor's nearest memory.
    self.isColumnar = isColumnar && charges != nil && self.charges.count <= 64 && ColumnCharge.areBounded(self.charges)
    self.widths = widths
    self.grant = grant
    kinds = self.charges.map { BillLineKind(step: $0.step) }
    most = ColumnCharge.most(self.charges, step: step)
  }
}

/// One kind of line that bills have: what is the same on all of them.
public struct BillLineKind: Hashable, Sendable {
  let step: PlanStep

  /// Which of the plan's components, from 0.
  public var component: Int { Int(step.componentNumber) }
  /// From 1; `nil` where the line is not of one tier.
  public var tier: Int? { step.tierNumber == 0 ? nil : Int(step.tierNumber) }
  /// Which of the plan's periods, from 0; `nil` where the line is not of one period.
  public var period: Int? { step.periodNumber == 0 ? nil : Int(step.periodNumber) - 1 }
  /// By which rule the line came to be.
  public var rule: Rule { step.rule }
  /// What the line counts.
  public var unit: LineUnit { step.rule.unit }
}

/// One line of every bill: which column its energy stands in, and the price as a whole number over a power of ten.
struct ColumnCharge: Hashable, Sendable {
  /// Where the energy of a line comes from.
  enum Source: Hashable, Sendable {
    /// All that is billed.
    case billed
    /// The energy of a period, from 0.
    case period(Int)
    /// The energy of a tier, from 0.
    case tier(Int)
    /// All that is billed where the last unit falls in a tier, from 0; else nothing.
    case whole(Int)
    /// The part of a tier that a period has, both from 0.
    case spread(tier: Int, period: Int)
    /// What the lines before lack to a least amount.
    case minimum(Money)

    var isMinimum: Bool { if case .minimum = self { true } else { false } }
  }

  let step: PlanStep
  let source: Source
  /// Fen for a billed step are `multiplier / 10^tens`.
  let multiplier: UInt64
  let tens: Int
  let isNegative: Bool
  let isCut: Bool

  init(_ step: PlanStep, _ source: Source, price: Price, energyDecimals: Int, rounding: LineRounding) {
    var step = step
    step.price = price
    self.step = step
    self.source = source
    isNegative = price.hundredMillionths < 0
    isCut = rounding == .cut
    // 10⁻⁸ yuan a kWh are 10⁻⁶ fen a kWh.
    var multiplier = price.hundredMillionths.magnitude
    var tens = 6 + energyDecimals
    while multiplier % 10 == 0, multiplier > 0, tens > 0 {
      multiplier /= 10
      tens -= 1
    }
    self.multiplier = multiplier
    self.tens = tens
  }

  /// False where what lacks to a least amount could be beyond it: after credits.
  static func areBounded(_ charges: [ColumnCharge]) -> Bool {
    !charges.contains { $0.source.isMinimum } || !charges.contains(where: \.isNegative)
  }

  /// The most billed steps that no bill of `charges` can leave 64 bits with, nor an energy its range.
  static func most(_ charges: [ColumnCharge], step: Int64) -> Int64 {
    var most = 10_000_000_000_000_000 / step
    var perStep: UInt64 = 1
    for charge in charges {
      // Half of the range, so that half a divisor more does no harm.
      most = min(most, Int64(clamping: (UInt64(1) << 62) / max(1, charge.multiplier)))
      let divisor = (0..<charge.tens).reduce(UInt64(1)) { power, _ in power * 10 }
      perStep += charge.multiplier / divisor + 1
      if case .spread = charge.source { most = min(most, 1 << 31) }
    }
    return min(most, Int64(clamping: (UInt64(1) << 62) / perStep))
  }
}

extension Plan {
  /// The lines that `line` becomes on bills for `days` without a supply; `nil` where columns cannot hold them.
  fileprivate func columnCharges(_ line: PlanStep, for days: DayRange) throws(RatingError) -> [ColumnCharge]? {
    let component = components[Int(line.componentNumber)]
    func charge(_ step: PlanStep, _ source: ColumnCharge.Source, _ price: Price) -> ColumnCharge {
      ColumnCharge(step, source, price: price, energyDecimals: energyDecimals, rounding: component.rounding)
    }
    let (tier, period) = (Int(line.tierNumber) - 1, Int(line.periodNumber) - 1)
    switch line.rule {
    case .energy, .fund: return [charge(line, .billed, line.price)]
    case .energyOfPeriod: return [charge(line, .period(period), line.price)]
    case .tierPrice, .tierAdder: return [charge(line, .tier(tier), line.price)]
    case .wholeVolume: return [charge(line, .whole(tier), line.price)]
    case .tierAdderProRata: return [charge(line, .spread(tier: tier, period: period), line.price)]
    case .monthlyPrice, .monthlyPriceOfPeriod:
      guard case .monthlyPrices(let prices) = component.kind else { return nil }
      let month = days.months.upperBound
      func error(_ problem: LineProblem) -> RatingError {
        .line(plan: name, component: Int(line.componentNumber) + 1, title: component.title, problem)
      }
      guard days.isOneMonth else { throw error(.notOneMonth(days)) }
      switch prices[month] {
      case nil: throw error(.noPrice(month))
      case .same(let price): return [charge(line, .billed, price)]
      case .byPeriod(let prices):
        return prices.enumerated().map { period, price in
          var line = line
          line.rule = .monthlyPriceOfPeriod
          line.periodNumber = UInt8(truncatingIfNeeded: period + 1)
          return charge(line, .period(period), price)
        }
      }
    case .minimum:
      // The line itself is an amount of money at the price of one.
      guard case .minimum(let least) = component.kind, (0...100_000_000_000_000).contains(least.fen) else { return nil }
      return [charge(line, .minimum(least), .one)]
    // Without a supply there is nothing to credit and no debt.
    case .export, .lateOwnYear, .lateLater, .lateLeast: return []
    case .tierAdderInOrder, .capacity, .capacitySuspended, .demandContract, .demandExcess, .demandActual, .powerFactor:
      return nil
    }
  }
}
