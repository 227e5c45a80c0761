internal import Metering

/// What is agreed for a point of supply, and measured beside its import energy, in one billing period.
///
/// Homes have none. A plan asks only for what its components need, and refuses to bill without it.
public struct Supply: Hashable, Sendable {
  /// How the basic charge of a two-part plan is found; `nil` where the plan has none. 基本电费计收方式
  public var basicCharge: BasicCharge?
  /// Capacity in service, in kVA: hot standby included, sealed cold standby not. 运行容量
  public var running: Power?
  /// Capacity that is suspended within two years of its installation, in kVA; where the plan asks nothing for it, it is
  /// no matter. 暂停容量
  public var suspended: Power?
  /// Capacity of all transformers and high-voltage motors of the supply, in kVA. 合同容量
  public var contracted: Power?
  /// Demand of each feed that is in use at the same time; charged one by one.
  public var feeds: [FeedDemand]
  /// Energy of all the user's meter points in the month, for a load-rate discount; `nil` where this bill's is all.
  public var monthEnergy: Energy?
  /// The part of a month that the basic charge and a loss table's kWh are for; `nil` for a whole month, however many days
  /// the usage has. Records must say it where those are no whole month.
  public var part: PartMonth?
  /// Reactive energy, in kvarh.
  public var reactive: ReactiveUse?
  /// What the supply is held to, where the plan leaves it open.
  public var powerFactorStandard: PowerFactorStandard?
  /// True where the supply is held to no power factor at all, as below 100 kVA.
  public var isExemptFromPowerFactor: Bool
  /// Energy made and used on the spot, in kWh. 自发自用
  public var selfUse: Energy
  /// Reverse active energy, in kWh: a line of its own, never taken off the import. 上网电量
  public var exported: Energy?
  /// The transformer whose losses the user pays, where metering is on its low side. 高供低计
  public var transformer: Transformer?
  /// Line loss by agreement, in hundredths of a percent of metered energy and transformer loss. The same share is added
  /// to kvarh: unverified, the exam questions that show it speak of kWh alone.
  public var lineLoss: Int?
  /// Debts that late charges are due on.
  public var arrears: [Arrears]
  /// The days of all stretches of the plan in a cycle, where the usage is one of them: the tier limits of their months
  /// count. Set by `rate(_:id:proration:)`.
  public var cycle: DayRange?
  /// What the whole month used, where the usage is a part of it that differs from the others in nothing but the version
  /// of its plan. Set by `rate(_:id:proration:)`.
  public var month: MonthUse?
  /// What the usage was cut from, where no register was frozen at a change. Set by `Usage.cut(at:by:decimals:)`.
  public var share: UsageShare?
  /// In how many months of the tier window the customer has the supply, where that is not in all and the plan's limits
  /// follow them: 1 to 11 of a year.
  public var windowMonths: Int?
  /// What the energy of the periods was made of, where it was not of rate registers. Set by `Usage.settled(by:)`.
  public var intervals: IntervalRecord?

  /// A supply of which only what applies is given.
  public init(
    basicCharge: BasicCharge? = nil, running: Power? = nil, suspended: Power? = nil, contracted: Power? = nil,
    feeds: [FeedDemand] = [],
    monthEnergy: Energy? = nil, part: PartMonth? = nil, reactive: ReactiveUse? = nil,
    powerFactorStandard: PowerFactorStandard? = nil, isExemptFromPowerFactor: Bool = false, selfUse: Energy = .zero,
    exported: Energy? = nil,
    transformer: Transformer? = nil, lineLoss: Int? = nil, arrears: [Arrears] = [], cycle: DayRange? = nil,
    windowMonths: Int? = nil, intervals: IntervalRecord? = nil
  ) {
    self.basicCharge = basicCharge
    self.running = running
    self.suspended = suspended
    self.contracted = contracted
    self.feeds = feeds
    self.monthEnergy = monthEnergy
    self.part = part
    self.reactive = reactive
    self.powerFactorStandard = powerFactorStandard
    self.isExemptFromPowerFactor = isExemptFromPowerFactor
    self.selfUse = selfUse
    self.exported = exported
    self.transformer = transformer
    self.lineLoss = lineLoss
    self.arrears = arrears
    self.cycle = cycle
    self.windowMonths = windowMonths
    self.intervals = intervals
  }
}

/// How the basic charge of a two-part plan is found.
public enum BasicCharge: String, Hashable, Sendable, CaseIterable {
  /// By transformer capacity. 按容量
  case capacity
  /// By the demand in the contract, and what goes beyond it. 按合同最大需量
  case contractDemand = "contract-demand"
  /// By the highest demand of the month. 按实际最大需量
  case actualDemand = "actual-demand"
}

/// The highest demand of one feed in the month.
public struct FeedDemand: Hashable, Sendable {
  /// kW, after the multiplier.
  public let measured: Power
  /// The contract's value, in kW; `nil` without one.
  public let contract: Power?
  /// Transformers and high-voltage motors behind the feed, in kVA; `nil` for the supply's contracted capacity.
  public let capacity: Power?

  /// A feed's demand; it is checked when it is charged.
  public init(measured: Power, contract: Power? = nil, capacity: Power? = nil) {
    self.measured = measured
    self.contract = contract
    self.capacity = capacity
  }
}

/// Days of a month, for charges by the month.
public struct PartMonth: Hashable, Sendable {
  /// 1...31; a part of a day counts as a day, and the day of a change belongs to what holds after it.
  public let days: Int
  /// The month whose length the whole billing period has: where that is no calendar month, the one in which it begins.
  public let month: YearMonth
  /// So many days are the whole, whatever the plan's rule: where nothing changed in a whole month but the version of its
  /// plan, its parts must add up to it. `nil` where the rule says.
  public let whole: Int?

  /// `nil` unless the month has so many days.
  public init?(days: Int, of month: YearMonth) {
    guard (1...9999).contains(month.year), (1...CivilDate.days(inMonth: month.month, of: month.year)).contains(days)
    else { return nil }
    self.days = days
    self.month = month
    whole = nil
  }

  /// All days of `month` are the whole; `nil` unless it has so many.
  init?(days: Int, ofAll month: YearMonth) {
    guard let part = PartMonth(days: days, of: month) else { return nil }
    self.days = part.days
    self.month = month
    whole = CivilDate.days(inMonth: month.month, of: month.year)
  }
}

/// Reactive energy of a billing period, in kvarh counted like kWh. 无功电量
public struct ReactiveUse: Hashable, Sendable {
  /// Taken from the grid, not negative.
  public let forward: Energy
  /// What was fed back by over-compensation, not negative.
  public let reverse: Energy

  /// Both directions; there is no reverse where it is left out.
  public init(forward: Energy, reverse: Energy = .zero) {
    self.forward = forward
    self.reverse = reverse
  }
}

/// A part of a supply that a plan or one of its lines can ask for, by its key in usage records.
public enum SupplyInput: String, Hashable, Sendable, CaseIterable {
  /// How the basic charge is found.
  case basicCharge = "basic_charge"
  /// Capacity in service.
  case running
  /// Capacity that is suspended.
  case suspended
  /// Capacity of all transformers.
  case contracted
  /// Demand of each feed.
  case feeds
  /// The contract's demand of a feed.
  case contract
  /// The capacity behind a feed, where it is one of several.
  case feedCapacity = "capacity"
  /// Reactive energy.
  case reactive
  /// The standard that the supply is held to.
  case powerFactorStandard = "power_factor_standard"
  /// Reverse energy.
  case exported
  /// The transformer whose losses are billed.
  case transformer
  /// Line loss by agreement.
  case lineLoss = "line_loss"
  /// Debts.
  case arrears
  /// A load profile.
  case intervals
}

/// Keeps a value out of line, so that those who have none pay one word for it.
final class Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
  static func == (a: Boxed, b: Boxed) -> Bool { a.value == b.value }
  func hash(into hasher: inout Hasher) { hasher.combine(value) }
}
