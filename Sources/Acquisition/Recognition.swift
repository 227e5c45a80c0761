internal import Devices
internal import DLT645
internal import Metering
internal import Modbus

/// Which profile a meter looks like, judged by what it answers: a guess, with what spoke for it.
///
/// A Modbus meter says nothing of its registers, so the voltage and the frequency are read where each profile has
/// them: a map whose values are those of a grid is likely the meter's.
public struct Recognition: Sendable {
  /// A profile and what speaks for it.
  public struct Guess: Hashable, Sendable {
    public let profile: String
    public let points: Int
    /// Such as `voltage.l1 230.2 V`.
    public let evidence: [String]
  }

  /// Values of a grid at work, in millionths.
  private static let frequencies: ClosedRange<Int64> = 45_000_000...65_000_000
  private static let voltages: ClosedRange<Int64> = 80_000_000...300_000_000

  private static let signs: [Quantity] = ["voltage.l1", "frequency", "voltage.l2", "power-factor.total"]
    .compactMap { Quantity(name: $0) }

  /// The questions that tell profiles apart, one or none for each sign.
  static func queries(_ meter: LineMeter) -> [Query] {
    var queries: [Query] = []
    for sign in signs {
      for query in meter.queries(for: [.quantity(sign)]) where !queries.contains(query) { queries.append(query) }
    }
    return queries
  }

  /// How much of what was told looks like a grid, for a meter of `profile`.
  static func judge(_ told: [Observation], _ profile: DeviceProfile) -> Guess {
    var points = 0
    var evidence: [String] = []
    var seen: Set<Quantity> = []
    for observation in told where seen.insert(observation.quantity).inserted {
      guard let number = observation.value.number?.millionths else { continue }
      let gain: Int
      switch observation.quantity.measurand {
      case .voltage:
        let isLive = isVoltage(number, of: profile)
        // Phases that show 0 are more likely not there than dead; three live ones say more than one.
        gain = isLive ? (observation.quantity.part == .phase(.l1) ? 3 : 2) : (number == 0 ? -1 : -3)
      case .frequency: gain = frequencies.contains(number) ? 3 : -3
      case .powerFactor: gain = (-1_000_000...1_000_000).contains(number) && number != 0 ? 1 : 0
      default: gain = 0
      }
      points += gain
      if gain > 0 {
        let unit = observation.quantity.unit.flatMap { $0 == .one ? nil : " \($0.rawValue)" } ?? ""
        evidence.append("\(observation.quantity.name) \(observation.value)\(unit)")
      }
    }
    return Guess(profile: profile.name, points: points, evidence: evidence)
  }

  private static func isVoltage(_ millionths: Int64, of profile: DeviceProfile) -> Bool {
    guard let nominal = profile.nominalVoltage?.millionths else { return voltages.contains(millionths) }
    // Between phase and neutral, and between two phases where a meter is connected so.
    return (nominal * 8 / 10...nominal * 12 / 10).contains(millionths)
  }

  /// The likely profiles, the best first: those with the most points, where these are enough to believe anything.
  static func best(_ guesses: [Guess]) -> [Guess] {
    guard let most = guesses.map(\.points).max(), most >= 3 else { return [] }
    return guesses.filter { $0.points == most }.sorted { $0.profile < $1.profile }
  }
}
