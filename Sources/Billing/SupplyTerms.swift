public import Metering
public import Rating

/// What is agreed for an account from some day on: its plan, and what a two-part plan asks of a supply. 用电合同
///
/// A new set of terms begins at midnight of its first day: another class, capacity, contract or tariff.
public struct SupplyTerms: Hashable, Sendable {
  /// The first day on which they hold; `nil` for always.
  public var from: CivilDate?
  /// Name of the plan; which of its versions holds follows from the days.
  public var plan: String
  /// How the basic charge is found; `nil` where the plan has none. 基本电费计收方式
  public var basicCharge: BasicCharge?
  /// Capacity in service, in kVA. 运行容量
  public var running: Power?
  /// Capacity that is suspended within two years of its installation, in kVA. 暂停容量
  public var suspended: Power?
  /// Capacity of all transformers and high-voltage motors, in kVA. 合同容量
  public var contracted: Power?
  /// Demand in the contract, in kW. 合同最大需量
  public var contractDemand: Power?
  /// What the supply is held to, where the plan leaves it open.
  public var powerFactorStandard: PowerFactorStandard?
  /// True where the supply is held to no power factor, as below 100 kVA.
  public var isExemptFromPowerFactor: Bool
  /// The transformer whose losses are billed, where metering is on its low side. 高供低计
  public var transformer: Transformer?
  /// Line loss by agreement, in hundredths of a percent.
  public var lineLoss: Int?
  /// How intervals settle the periods; `nil` where rate registers do.
  public var intervals: IntervalTerms?

  public init(
    from: CivilDate? = nil, plan: String, basicCharge: BasicCharge? = nil, running: Power? = nil,
    suspended: Power? = nil, contracted: Power? = nil, contractDemand: Power? = nil,
    powerFactorStandard: PowerFactorStandard? = nil,
    isExemptFromPowerFactor: Bool = false, transformer: Transformer? = nil, lineLoss: Int? = nil,
    intervals: IntervalTerms? = nil
  ) {
    self.intervals = intervals
    self.from = from
    self.plan = plan
    self.basicCharge = basicCharge
    self.running = running
    self.suspended = suspended
    self.contracted = contracted
    self.contractDemand = contractDemand
    self.powerFactorStandard = powerFactorStandard
    self.isExemptFromPowerFactor = isExemptFromPowerFactor
    self.transformer = transformer
    self.lineLoss = lineLoss
  }

  static func isEarlier(_ a: CivilDate?, _ b: CivilDate?) -> Bool {
    switch (a, b) {
    case (_, nil): false
    case (nil, _): true
    case (let a?, let b?): a < b
    }
  }

  /// True where the two agree on everything but their first day.
  func saysTheSame(as other: SupplyTerms) -> Bool {
    var other = other
    other.from = from
    return self == other
  }
}

/// Days of a cycle in which one version of one plan and one set of terms hold.
struct RuleStretch: Hashable, Sendable {
  var days: DayRange
  let terms: SupplyTerms
  let plan: Plan

  var isByIntervals: Bool { terms.intervals != nil }
}

extension Account {
  /// The rules of `days`, end to end, as plans were known on a day.
  func rules(
    over days: DayRange, plans: PlanCatalogue, knownOn day: CivilDate
  ) throws(HoldReason) -> [RuleStretch] {
    var stretches: [RuleStretch] = []
    let changes = terms.compactMap(\.from).filter { days.from < $0 && $0 < days.to }
    for (from, to) in zip([days.from] + changes, changes + [days.to]) {
      // Two sets of terms of one day: the later one holds, the stretch between them is none.
      guard let range = DayRange(from: from, to: to) else { continue }
      guard let terms = terms(on: from) else { throw .noTerms(account: id, on: from) }
      guard let versions = plans.versions(terms.plan, over: range, knownOn: day) else {
        let isKnown = plans.plans.contains { $0.name == terms.plan }
        throw isKnown ? .planNotValid(plan: terms.plan, range, knownOn: day) : .noPlan(terms.plan)
      }
      for version in versions {
        if let last = stretches.last, last.plan == version.plan, last.terms.saysTheSame(as: terms),
          let joined = DayRange(from: last.days.from, to: version.days.to)
        {
          stretches[stretches.count - 1].days = joined
        } else {
          stretches.append(RuleStretch(days: version.days, terms: terms, plan: version.plan))
        }
      }
    }
    return stretches
  }

  /// The versions of plans that a cycle is rated by, one after the other, as they were known on a day.
  ///
  /// - Returns: each with its days of the cycle; empty where the rules of some day are not at hand.
  public func versions(
    in cycle: Cycle, plans: PlanCatalogue, knownOn day: CivilDate
  ) -> [(days: DayRange, plan: Plan)] {
    guard let days = DayRange(from: cycle.from.date, to: cycle.to.date),
      let rules = try? rules(over: days, plans: plans, knownOn: day)
    else { return [] }
    return rules.map { ($0.days, $0.plan) }
  }
}

/// What a plan wants measured beside import energy.
struct Wanted: Hashable {
  var reactive = false
  var exported = false
  var demand = false
  /// True where a bill needs a supply at all; homes have none.
  var supply = false
  /// Periods are made of intervals, and no rate registers are wanted.
  var intervals = false

  /// What either wants.
  func joined(_ other: Wanted) -> Wanted {
    var all = self
    all.reactive = reactive || other.reactive
    all.exported = exported || other.exported
    all.demand = demand || other.demand
    all.supply = supply || other.supply
    all.intervals = intervals && other.intervals
    return all
  }

  init(_ stretch: RuleStretch) { self.init(stretch.terms, under: stretch.plan) }

  init(_ terms: SupplyTerms, under plan: Plan) {
    for component in plan.components {
      switch component.kind {
      case .energy, .tierPrices, .wholeVolume, .tierAdders, .monthlyPrices, .fund, .minimum, .lateCharge: break
      case .capacity: supply = true
      case .demand:
        supply = true
        if let mode = terms.basicCharge, mode != .capacity { demand = true }
      case .powerFactor:
        supply = true
        reactive = !terms.isExemptFromPowerFactor
      case .export:
        supply = true
        exported = true
      }
    }
    intervals = terms.intervals != nil
    // Terms that the plan has nothing for are refused when it is rated, rather than forgotten here.
    if terms.basicCharge != nil || terms.transformer != nil || terms.lineLoss != nil { supply = true }
  }
}

extension SupplyTerms {
  /// What is agreed, as a supply to which the measured parts are added; charged for `days`.
  func supply(over days: DayRange, isWhole: Bool) -> Supply {
    var supply = agreed
    if !isWhole { supply.transformer = transformer?.within(days) }
    return supply
  }

  private var agreed: Supply {
    Supply(
      basicCharge: basicCharge, running: running, suspended: suspended, contracted: contracted,
      powerFactorStandard: powerFactorStandard,
      isExemptFromPowerFactor: isExemptFromPowerFactor, transformer: transformer, lineLoss: lineLoss)
  }

  /// Why no month under `plan` can be billed by what is agreed, whatever was measured in it; `nil` where one can.
  public func problem(under plan: Plan) -> RatingError? {
    let wanted = Wanted(self, under: plan)
    guard wanted.supply else { return nil }
    var supply = agreed
    if wanted.reactive { supply.reactive = ReactiveUse(forward: .zero) }
    if wanted.exported { supply.exported = .zero }
    if wanted.demand { supply.feeds = [FeedDemand(measured: .zero, contract: contractDemand)] }
    return plan.problem(of: supply)
  }
}
