public import Metering

/// What one account used in one billing period, ready to be priced.
public struct Usage: Hashable, Sendable {
  /// Names the bill that comes of it; the caller keeps it unique.
  public var id: String
  /// Whose use it is.
  public var account: String
  /// The days that are billed.
  public var days: DayRange
  /// The energy that is billed.
  public var total: Energy
  /// Energy of the plan's periods. The residual period may be left out; what is said of it is only checked.
  public var parts: [PeriodEnergy]
  /// By how much the parts may disagree with the total, either way.
  public var tolerance: Energy
  /// Use before this bill in the same tier window.
  public var earlier: EarlierUse
  /// Months of the tier window that carry a household grant, as known when this bill is made. In a window of a year
  /// all months from the application to its end count at once.
  public var grantedMonths: Int
  /// The stretches of metering that the energy is the sum of; empty where the caller does not say.
  public var segments: [UsageSegment]
  /// What else was agreed and measured; `nil` for homes.
  public var supply: Supply? {
    get { boxedSupply?.value }
    set { boxedSupply = newValue.map(Boxed.init) }
  }
  private var boxedSupply: Boxed<Supply>?
  var hasSupply: Bool { boxedSupply != nil }

  /// A usage; it is checked against a plan when it is rated.
  public init(
    id: String, account: String, days: DayRange, total: Energy, parts: [PeriodEnergy] = [],
    tolerance: Energy = .zero, earlier: EarlierUse = .nothing, grantedMonths: Int = 0, segments: [UsageSegment] = [],
    supply: Supply? = nil
  ) {
    self.id = id
    self.account = account
    self.days = days
    self.total = total
    self.parts = parts
    self.tolerance = tolerance
    self.earlier = earlier
    self.grantedMonths = grantedMonths
    self.segments = segments
    boxedSupply = supply.map(Boxed.init)
  }
}

extension Usage {
  /// True when a reading it rests on was made by a method and not read from the meter. 估抄
  public var isEstimated: Bool {
    segments.contains { segment in
      segment.registers.contains { $0.start.quality == .estimated || $0.stop.quality == .estimated }
        || segment.demand?.mark.quality == .estimated || (segment.profile?.estimated ?? 0) > 0
    }
  }
}

/// The energy of one period, by the period's name in the plan.
public struct PeriodEnergy: Hashable, Sendable {
  /// The period's name in the plan.
  public let period: String
  /// kWh of that period.
  public let energy: Energy

  /// The energy of the period of this name.
  public init(_ period: String, _ energy: Energy) {
    self.period = period
    self.energy = energy
  }
}

/// One meter with one multiplier between two instants.
public struct UsageSegment: Hashable, Sendable {
  /// The meter's identifier.
  public let meter: String
  /// What its registers are multiplied by.
  public let multiplier: Multiplier
  /// When the segment starts, local time.
  public let from: MeterTime
  /// When it ends, local time.
  public let to: MeterTime
  /// The total first, then the rates, then reactive and reverse energy where they are billed.
  public let registers: [RegisterUse]
  /// The highest demand that the meter told of the segment; `nil` where demand is not billed.
  public let demand: DemandMark?
  /// The load profile that the periods were made of; `nil` where they were made of rate registers.
  public let profile: ProfileUse?

  /// A segment as it was metered.
  public init(
    meter: String, multiplier: Multiplier, from: MeterTime, to: MeterTime, registers: [RegisterUse],
    demand: DemandMark? = nil, profile: ProfileUse? = nil
  ) {
    self.demand = demand
    self.profile = profile
    self.meter = meter
    self.multiplier = multiplier
    self.from = from
    self.to = to
    self.registers = registers
  }
}

/// What one register counted between two readings.
public struct RegisterUse: Hashable, Sendable {
  /// Which register it was.
  public let quantity: Quantity
  /// The reading that starts the segment.
  public let start: RegisterMark
  /// The reading that ends it.
  public let stop: RegisterMark
  /// True when the register passed its capacity in between. 翻转
  public let rolledOver: Bool
  /// After the multiplier, at the plan's energy scale.
  public let energy: Energy

  /// A register's use as its two readings tell it.
  public init(quantity: Quantity, start: RegisterMark, stop: RegisterMark, rolledOver: Bool, energy: Energy) {
    self.quantity = quantity
    self.start = start
    self.stop = stop
    self.rolledOver = rolledOver
    self.energy = energy
  }
}

/// The records of a load profile that a segment's intervals are the differences of. 负荷曲线
///
/// A month has some 3,000 of them, so a bill does not list them: meter, times and interval say which they are, `newest`
/// says which version of each counted in a journal that only grows, and `digest` that they are the same ones.
public struct ProfileUse: Hashable, Sendable {
  /// From one record to the next: 15, 30 or 60.
  public let minutes: Int
  /// How many records there were.
  public let records: Int
  /// Number in the journal of the one that was stored last; 0 where there is none.
  public let newest: Int64
  /// SHA-256 of time, number, value and quality of each, in the order of time.
  public let digest: String
  /// What all intervals of the segment add up to after the multiplier, to a millionth of a kWh.
  public let energy: Energy
  /// How many of the records were made by a method and not read from the meter.
  public let estimated: Int

  /// The records of a segment in short.
  public init(minutes: Int, records: Int, newest: Int64, digest: String, energy: Energy, estimated: Int) {
    self.minutes = minutes
    self.records = records
    self.newest = newest
    self.digest = digest
    self.energy = energy
    self.estimated = estimated
  }
}

/// A demand register as it was read, and what it makes after the multiplier.
public struct DemandMark: Hashable, Sendable {
  /// The reading.
  public let mark: RegisterMark
  /// When the demand occurred, by the meter's clock; `nil` where the meter does not say.
  public let occurred: MeterTime?
  /// kW after the multiplier.
  public let power: Power

  /// A demand of the journal.
  public init(mark: RegisterMark, occurred: MeterTime?, power: Power) {
    self.mark = mark
    self.occurred = occurred
    self.power = power
  }
}

/// A reading that starts or ends a segment.
public struct RegisterMark: Hashable, Sendable {
  /// Number of the reading in the journal.
  public let sequence: Int64
  /// What the register showed.
  public let value: RegisterValue
  /// How the reading came to be.
  public let quality: Quality

  /// A reading of the journal.
  public init(sequence: Int64, value: RegisterValue, quality: Quality) {
    self.sequence = sequence
    self.value = value
    self.quality = quality
  }
}
