/// What the customer's terminals carry at one instant, in whole small units.
///
/// It belongs to the load curve: the active power is the curve's, the rest follows from it and the seed.
public struct LoadMoment: Hashable, Sendable {
  /// W of the three phases; their sum is the curve's power.
  public let watts: [Int64]
  /// Tenths of a volt between each phase and neutral.
  public let decivolts: [Int64]
  /// mA of each phase.
  public let milliamperes: [Int64]
  /// var of each phase; positive is inductive.
  public let vars: [Int64]
  /// VA of each phase.
  public let voltamperes: [Int64]
  /// Thousandths; the same in all phases.
  public let powerFactor: Int64
  /// Tenths of a degree between voltage and current.
  public let decidegrees: Int64
  /// Hundredths of a hertz.
  public let centihertz: Int64

  /// Angle, cosine and sine in tenths of a degree and thousandths.
  private static let angles: [(decidegrees: Int64, cosine: Int64, sine: Int64)] = [
    (81, 990, 141), (115, 980, 199), (141, 970, 243), (163, 960, 280), (182, 950, 312), (199, 940, 341),
    (231, 920, 392), (258, 900, 436), (284, 880, 475), (318, 850, 527),
  ]

  init(watts total: Int64, phases: Int, nominalDecivolts: Int64, seed: UInt64, seconds: Int64) {
    // Values wander from minute to minute and the angle from hour to hour.
    let minute = UInt64(bitPattern: seconds / 60), hour = UInt64(bitPattern: seconds / 3600)
    let wander = SplitMix64.number(seed: seed, index: minute)
    let angle = Self.angles[Int(SplitMix64.number(seed: ~seed, index: hour) % UInt64(Self.angles.count))]
    let first = total * 33 / 100, second = total * 32 / 100
    let watts = phases == 1 ? [total, 0, 0] : [first, second, total - first - second]
    let volts = (0..<3).map { phase in nominalDecivolts + Int64(wander >> (8 * UInt64(phase)) & 0x3F) - 32 }
    self.watts = watts
    decivolts = volts
    milliamperes = (0..<3).map { watts[$0] * 10_000_000 / (volts[$0] * angle.cosine) }
    vars = watts.map { $0 * angle.sine / angle.cosine }
    voltamperes = watts.map { $0 * 1000 / angle.cosine }
    powerFactor = angle.cosine
    decidegrees = angle.decidegrees
    centihertz = 4995 + Int64((wander >> 32) % 11)
  }
}

extension LoadCurve {
  /// What the terminals of a meter with 1 or 3 phases carry at a second of local time.
  public func moment(at seconds: Int64, phases: Int = 3, nominalDecivolts: Int64 = 2200) -> LoadMoment {
    LoadMoment(
      watts: watts(at: seconds), phases: phases, nominalDecivolts: max(500, nominalDecivolts), seed: seed,
      seconds: seconds)
  }
}
