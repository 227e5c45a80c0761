public import Metering

/// What is known of a meter apart from its readings: the facts against which they are judged.
///
/// `nil` is "not known": a rule that needs the fact is then not applied, or decides against the reading.
public struct MeterFile: Hashable, Sendable {
  /// How a register drops the digits it does not show.
  public enum Rounding: String, Hashable, Sendable, CaseIterable {
    case truncated, rounded
  }

  /// Phases of the service, 1...3.
  public let phases: Int
  /// Voltage between a phase and neutral, in millionths of a volt, as the registers count it.
  public let nominalVoltage: Int64?
  /// Maximum current of the meter, in millionths of an ampere, as the registers count it: for a meter that
  /// counts the secondary side of a transformer, its own; for one that counts the primary side, the primary one.
  public let maximumCurrent: Int64?
  /// How many digits an energy register has before the point, 1...12; it starts again at zero after them.
  public let integerDigits: Int?
  /// How many rates (费率) the meter counts.
  public let rates: Int?
  public let rounding: Rounding?
  /// When the meter was installed, in milliseconds since 1970 UTC.
  public let installedAt: Int64?
  /// The zone of the meter's clock.
  public let zone: ZoneOffset
  public let limits: Limits

  /// A meter's file. Numbers beyond any service (more than a million volts or amperes, zero or less, more than
  /// 12 digits) count as not known.
  public init(
    phases: Int, nominalVoltage: Int64? = nil, maximumCurrent: Int64? = nil, integerDigits: Int? = nil,
    rates: Int? = nil, rounding: Rounding? = nil, installedAt: Int64? = nil, zone: ZoneOffset = .china,
    limits: Limits = Limits()
  ) {
    self.phases = min(max(phases, 1), 3)
    self.nominalVoltage = nominalVoltage.flatMap(Self.plausible)
    self.maximumCurrent = maximumCurrent.flatMap(Self.plausible)
    self.integerDigits = integerDigits.flatMap { (1...12).contains($0) ? $0 : nil }
    self.rates = rates.flatMap { (1...63).contains($0) ? $0 : nil }
    self.rounding = rounding
    self.installedAt = installedAt
    self.zone = zone
    self.limits = limits
  }

  private static func plausible(_ millionths: Int64) -> Int64? {
    (1...1_000_000_000_000).contains(millionths) ? millionths : nil
  }
}

extension MeterFile {
  /// The number at which an energy register starts again at zero, in millionths of its unit.
  public var modulus: Int64? {
    integerDigits.map { digits in (0..<digits).reduce(Int64(1_000_000)) { product, _ in product * 10 } }
  }

  /// The most that `phases` of the service can carry, in milliwatts, rounded up; `nil` where it is not known.
  ///
  /// Un x Imax x phases bounds active, reactive and apparent power alike and needs no history.
  func maximumPower(phases: Int) -> Int64? {
    guard let volts = nominalVoltage, let amperes = maximumCurrent else { return nil }
    let product = Int128(phases) * Int128(volts) * Int128(amperes)
    return Int64(clamping: (product + 999_999_999) / 1_000_000_000)
  }
}

/// The numbers of the rules that are chosen, not derived.
public struct Limits: Hashable, Sendable {
  /// Use above so many percent of the physical maximum is flagged.
  public var runawayFlagPercent: Int64 = 120
  /// Use above so many percent of the physical maximum is rejected.
  public var runawayRejectPercent: Int64 = 200
  /// A meter's clock may be off by so much without a word, in milliseconds.
  public var clockMark: Int64 = 60_000
  /// Beyond this a meter's intervals and the dates of its memories are uncertain, in milliseconds.
  public var clockLimit: Int64 = 300_000
  /// An instant may lie so far ahead of the host's clock, in milliseconds.
  public var future: Int64 = 300_000
  /// How long the host's clock may run alone before what it labels is flagged, in seconds.
  ///
  /// A week at 50 parts per million is 30 seconds.
  public var holdover: Int64 = 604_800

  public init() {}
}
