internal import Metering

/// The load profile of a usage record:
///
///     "intervals":{"start":"2026-10-01T00:00","minutes":60,"energies":["0.52","0.48",null],"bound":"7.45",
///       "reconciliation":"residual"}
///
/// One energy for each interval of the billed days, in kWh after the multiplier; `null` where none is known, which no bill
/// is made of. `bound` is by how much their sum may honestly differ from `energy.total`, nothing where it is left out;
/// `reconciliation` is "residual", also when it is left out, or "scaled". 负荷曲线
public struct IntervalsRecord: Codable, Hashable, Sendable {
  /// Start of the first interval, local time.
  public var start: String
  /// 15, 30 or 60.
  public var minutes: Int
  /// kWh of each interval.
  public var energies: [String?]
  /// kWh between the register and the intervals that may be.
  public var bound: String?
  /// `residual` or `scaled`.
  public var reconciliation: String?

  /// A load profile as it would be read from JSON.
  public init(
    start: String, minutes: Int, energies: [String?], bound: String? = nil, reconciliation: String? = nil
  ) {
    self.start = start
    self.minutes = minutes
    self.energies = energies
    self.bound = bound
    self.reconciliation = reconciliation
  }

  /// The series, how far it may be from the register, and what becomes of the difference.
  func series() throws(UsageRecordError) -> (IntervalSeries, bound: Energy, by: Reconciliation) {
    guard let first = MeterTime(start) else { throw .time(key: "intervals.start", start) }
    var series: [Energy?] = []
    series.reserveCapacity(energies.count)
    for text in energies {
      series.append(try text.map { text throws(UsageRecordError) in try energy("energies", text) })
    }
    var rule = Reconciliation.residual
    if let reconciliation {
      guard let known = Reconciliation(rawValue: reconciliation) else {
        throw .choice(key: "intervals.reconciliation", reconciliation, known: Reconciliation.allCases.map(\.rawValue))
      }
      rule = known
    }
    let bound = try bound.map { text throws(UsageRecordError) in try energy("bound", text) } ?? .zero
    return (IntervalSeries(start: first, minutes: minutes, energies: series), bound, rule)
  }

  private func energy(_ key: String, _ text: String) throws(UsageRecordError) -> Energy {
    try RecordNumber.energy("intervals.\(key)", text)
  }
}

/// One meter with one multiplier, as a usage record and a bill tell of it:
///
///     "segments":[{"meter":"M-1","multiplier":"150/5","from":"2026-10-01T00:00","to":"2026-11-01T00:00",
///       "registers":[{"quantity":"energy.import.active.total",
///         "start":{"reading":"1201","value":"100.00","quality":"actual"},
///         "stop":{"reading":"1888","value":"121.60","quality":"actual"},"rolled_over":false,"energy":"648"}]}]
///
/// Values are what the register showed, with as many decimal places as it has. A segment lies within the billed days,
/// those of one meter's register join end to end, between two meters there may be a gap, and each energy is the difference of its readings times the multiplier. A register
/// may say its `capacity`, which one that rolled over needs unless that is a power of ten. A segment may have a `demand`: a reading
/// with `occurred`, the time by the meter's clock or null, and `power`, kW after the multiplier.
public struct SegmentRecord: Codable, Hashable, Sendable {
  /// The meter's identifier.
  public var meter: String
  /// A ratio such as `150/5` or `20`.
  public var multiplier: String
  /// When it starts, local time.
  public var from: String
  /// When it ends, local time.
  public var to: String
  /// The total first, then the rates.
  public var registers: [Register]
  /// The highest demand that the meter told of it.
  public var demand: Demand?

  /// A demand register as it was read.
  public struct Demand: Codable, Hashable, Sendable {
    /// The reading's number where it is kept.
    public var reading: String
    /// What the register showed, in kW.
    public var value: String
    /// How the reading came to be, such as `actual` or `estimated`.
    public var quality: String
    /// When it occurred, local time.
    public var occurred: String?
    /// kW after the multiplier.
    public var power: String
  }

  /// What one register counted between two readings.
  public struct Register: Codable, Hashable, Sendable {
    /// The quantity's name, such as `energy.import.active.total`.
    public var quantity: String
    /// The reading that starts the segment.
    public var start: Mark
    /// The reading that ends it.
    public var stop: Mark
    /// True when the register passed its capacity; false where it is left out.
    public var rolledOver: Bool?
    /// How far it counts in kWh, such as `1000000`; where it is left out a register that rolled over counts to the
    /// smallest power of ten above the reading it started from.
    public var capacity: String?
    /// kWh after the multiplier: the difference of the readings times it, rounded half up once.
    public var energy: String

    private enum CodingKeys: String, CodingKey {
      case quantity, start, stop, capacity, energy
      case rolledOver = "rolled_over"
    }
  }

  /// A reading that starts or ends a segment.
  public struct Mark: Codable, Hashable, Sendable {
    /// The reading's number where it is kept.
    public var reading: String
    /// What the register showed.
    public var value: String
    /// How the reading came to be, `actual`, `confirmed`, `synthetic`, `estimated` or `substituted`.
    public var quality: String
  }

  /// The segment that the record tells of, which is what its readings make, as `check` sees them; `number` is from 1.
  func segment(_ number: Int, checkedBy check: SegmentCheck) throws(UsageRecordError) -> UsageSegment {
    guard let ratio = Multiplier(multiplier) else {
      throw .text(key: "segments.multiplier", multiplier, example: "150/5")
    }
    guard let first = MeterTime(from) else { throw .time(key: "segments.from", from) }
    guard let last = MeterTime(to) else { throw .time(key: "segments.to", to) }
    var uses: [RegisterUse] = []
    var capacities: [Energy?] = []
    for register in registers {
      guard let quantity = Quantity(name: register.quantity) else {
        throw .text(key: "segments.registers.quantity", register.quantity, example: "energy.import.active.total")
      }
      let energy = try RecordNumber.energy("segments.registers.energy", register.energy)
      capacities.append(
        try register.capacity.map { text throws(UsageRecordError) in
          try RecordNumber.energy("segments.registers.capacity", text)
        })
      uses.append(
        RegisterUse(
          quantity: quantity, start: try register.start.mark("start"), stop: try register.stop.mark("stop"),
          rolledOver: register.rolledOver ?? false, energy: energy))
    }
    let segment = UsageSegment(
      meter: meter, multiplier: ratio, from: first, to: last, registers: uses, demand: try demand?.demand())
    do throws(SegmentProblem) {
      try check.check(segment, capacities: capacities)
    } catch {
      throw .segment(number, meter: meter, error)
    }
    return segment
  }
}

extension SegmentRecord.Demand {
  fileprivate func demand() throws(UsageRecordError) -> DemandMark {
    let kilowatts = try RecordNumber.power("segments.demand.power", power)
    let time = try occurred.map { text throws(UsageRecordError) in
      guard let time = MeterTime(text) else { throw .time(key: "segments.demand.occurred", text) }
      return time
    }
    let mark = try SegmentRecord.Mark(reading: reading, value: value, quality: quality).mark("demand")
    return DemandMark(mark: mark, occurred: time, power: kilowatts)
  }
}

extension SegmentRecord.Mark {
  fileprivate func mark(_ which: String) throws(UsageRecordError) -> RegisterMark {
    let key = which == "demand" ? "segments.demand" : "segments.registers.\(which)"
    guard let sequence = Int64(reading), sequence >= 0 else {
      throw .text(key: "\(key).reading", reading, example: "1201")
    }
    let places = value.utf8.firstIndex(of: UInt8(ascii: ".")).map {
      value.utf8.distance(from: $0, to: value.utf8.endIndex) - 1
    }
    guard let millionths = exactDecimal(value, scale: 6), let step = RegisterValue.step(decimals: places ?? 0) else {
      throw .text(key: "\(key).value", value, example: "121.60")
    }
    guard let quality = Quality(rawValue: quality) else {
      throw .choice(key: "\(key).quality", quality, known: Quality.allCases.map(\.rawValue))
    }
    return RegisterMark(
      sequence: sequence, value: RegisterValue(millionths: millionths, resolution: step), quality: quality)
  }
}
