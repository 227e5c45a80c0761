public import Metering

/// What one account used in one billing period, ready to be priced.
public struct Usage: Hashable, Sendable {
  /// Names the bill that comes of it; the caller keeps it unique.
  public var id: String
  public var account: String
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
    }
  }
}

/// The energy of one period, by the period's name in the plan.
public struct PeriodEnergy: Hashable, Sendable {
  public let period: String
  public let energy: Energy

  public init(_ period: String, _ energy: Energy) {
    self.period = period
    self.energy = energy
  }
}

/// One meter with one multiplier between two instants.
public struct UsageSegment: Hashable, Sendable {
  public let meter: String
  public let multiplier: Multiplier
  public let from: MeterTime
  public let to: MeterTime
  /// The total first, then the rates.
  public let registers: [RegisterUse]

  public init(meter: String, multiplier: Multiplier, from: MeterTime, to: MeterTime, registers: [RegisterUse]) {
    self.meter = meter
    self.multiplier = multiplier
    self.from = from
    self.to = to
    self.registers = registers
  }
}

/// What one register counted between two readings.
public struct RegisterUse: Hashable, Sendable {
  public let quantity: Quantity
  public let start: RegisterMark
  public let stop: RegisterMark
  /// True when the register passed its capacity in between. 翻转
  public let rolledOver: Bool
  /// After the multiplier, at the plan's energy scale.
  public let energy: Energy

  public init(quantity: Quantity, start: RegisterMark, stop: RegisterMark, rolledOver: Bool, energy: Energy) {
    self.quantity = quantity
    self.start = start
    self.stop = stop
    self.rolledOver = rolledOver
    self.energy = energy
  }
}

/// A reading that starts or ends a segment.
public struct RegisterMark: Hashable, Sendable {
  /// Number of the reading in the journal.
  public let sequence: Int64
  public let value: RegisterValue
  public let quality: Quality

  public init(sequence: Int64, value: RegisterValue, quality: Quality) {
    self.sequence = sequence
    self.value = value
    self.quality = quality
  }
}
