/// One thing that a plan charges: one entry of the list that a plan is, see `Plan`.
public struct PlanComponent: Hashable, Sendable {
  /// What is charged, and by which numbers.
  public let kind: Kind
  /// The printed name.
  public let title: String
  /// The printed name in Chinese.
  public let titleChinese: String
  /// Where the prices were published.
  public let provenance: Provenance
  /// True when the component's lines are part of the money that a power-factor adjustment is a percentage of.
  ///
  /// By default energy and basic charges are, funds and everything derived from other lines are not.
  public let isInPowerFactorBase: Bool
  /// What becomes of less than half a fen and more, on each of its lines.
  public let rounding: LineRounding

  /// What is charged, each kind a value with the numbers of its own rule.
  public enum Kind: Hashable, Sendable {
    /// Every kWh at the price of its period.
    case energy(PeriodPrices)
    /// Each tier's kWh at the tier's price, from tier 1 on. 分档电价
    case tierPrices([Price])
    /// Every kWh at the price of the tier that the last one falls in, from tier 1 on.
    case wholeVolume([Price])
    /// An adder on each kWh of a higher tier, on top of another component. 递增加价
    case tierAdders([TierAdder])
    /// Every kWh at a price that changes from month to month. 代理购电
    case monthlyPrices(MonthlyPrices)
    /// Every kWh at a price that is collected for others. 政府性基金及附加
    case fund(Price)
    /// The basic charge by running transformer capacity. 容量电费
    case capacity(CapacityCharge)
    /// The basic charge by highest demand. 需量电费
    case demand(DemandCharge)
    /// A reward or surcharge on other lines. 功率因数调整电费
    case powerFactor(PowerFactorAdjustment)
    /// Reverse energy, paid for to the user. 上网电费
    case export(Price)
    /// What is missing to the least that a bill costs.
    case minimum(Money)
    /// Charges for each day of a debt. 违约金
    case lateCharge(LateCharge)
  }

  /// The kind's name in tariff files and on stored bills.
  public var kindName: String {
    switch kind {
    case .energy: "energy"
    case .tierPrices: "tier-prices"
    case .wholeVolume: "whole-volume"
    case .tierAdders: "tier-adders"
    case .monthlyPrices: "monthly-prices"
    case .fund: "fund"
    case .capacity: "capacity"
    case .demand: "demand"
    case .powerFactor: "power-factor"
    case .export: "export"
    case .minimum: "minimum"
    case .lateCharge: "late-charge"
    }
  }

  /// Every name that `kindName` can be, in the order in which they are listed to people.
  static let kindNames = [
    "energy", "tier-prices", "whole-volume", "tier-adders", "monthly-prices", "fund", "capacity", "demand",
    "power-factor", "export", "minimum", "late-charge",
  ]
}

extension PlanComponent.Kind {
  /// What `isInPowerFactorBase` is where the tariff file does not say.
  var isUsuallyInPowerFactorBase: Bool {
    switch self {
    case .energy, .tierPrices, .wholeVolume, .tierAdders, .monthlyPrices, .capacity, .demand: true
    case .fund, .powerFactor, .export, .minimum, .lateCharge: false
    }
  }

  /// True for kinds that are computed from lines, debts or reverse energy: no part of a power-factor base.
  var isDerived: Bool {
    switch self {
    case .powerFactor, .export, .minimum, .lateCharge: true
    case .energy, .tierPrices, .wholeVolume, .tierAdders, .monthlyPrices, .fund, .capacity, .demand: false
    }
  }

  /// True when each kWh of a bill has its price here; adders and funds are on top of one that has.
  var pricesEveryUnit: Bool {
    switch self {
    case .energy, .tierPrices, .wholeVolume, .monthlyPrices: true
    case .tierAdders, .fund, .capacity, .demand, .powerFactor, .export, .minimum, .lateCharge: false
    }
  }
}

/// How a line's exact amount becomes fen. Source: full bills in print round half up; one invoice cut off.
public enum LineRounding: String, Hashable, Sendable, CaseIterable {
  /// To the nearest fen, exact halves away from zero.
  case halfUp = "half-up"
  /// Towards zero.
  case cut

  /// `number / divisor` as a whole number; `divisor` > 0.
  public func quotient(_ number: Int128, by divisor: Int128) -> Int128 {
    switch self {
    case .halfUp: dividedHalfUp(number, by: divisor)
    case .cut: number / divisor
    }
  }
}

/// One price for all periods, or one for each in the order of the plan's periods.
public enum PeriodPrices: Hashable, Sendable {
  /// One for all.
  case same(Price)
  /// One for each, in the plan's order.
  case byPeriod([Price])
}

/// What the kWh of one tier cost on top.
public struct TierAdder: Hashable, Sendable {
  /// From 1.
  public let tier: Int
  /// The adder, or one for each period.
  public let prices: PeriodPrices
  /// Which kWh of a period count as this tier's, where adders differ by period.
  public let spread: TierSpread
}

/// Which kWh of which period are above a limit: no register says it, so each plan does.
public enum TierSpread: String, Hashable, Sendable, CaseIterable {
  /// As many of each period as its share of the bill's kWh is.
  case proRata = "pro-rata"
  /// Those that were used after the window had reached the limit: by a load profile, which the usage must have.
  case timeOrder = "time-order"
}
