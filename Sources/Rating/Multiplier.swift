/// By how much a meter behind transformers counts too little, as an exact fraction. 倍率
///
/// Never a decimal number: current transformers of 150/5, 150/5 and 200/5 on three phases make 100/3.
public struct Multiplier: Hashable, Sendable {
  /// Both parts are positive and have no common factor.
  public let numerator: Int64
  /// Positive, without a common factor with the numerator.
  public let denominator: Int64

  /// A meter without transformers.
  public static let one = Multiplier(reduced: 1, 1)

  private init(reduced numerator: Int64, _ denominator: Int64) {
    self.numerator = numerator
    self.denominator = denominator
  }

  /// `nil` unless both are 1...10⁹.
  public init?(_ numerator: Int64, _ denominator: Int64 = 1) {
    let allowed = 1...Int64(1_000_000_000)
    guard allowed.contains(numerator), allowed.contains(denominator) else { return nil }
    var (a, b) = (numerator, denominator)
    while b != 0 { (a, b) = (b, a % b) }
    self.init(reduced: numerator / a, denominator / a)
  }

  /// Reads a ratio as it stands on a transformer, `150/5` or `20`; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let first = parts.first, let numerator = Int64(first), parts.count <= 2 else { return nil }
    guard parts.count == 2 else {
      self.init(numerator)
      return
    }
    guard let denominator = Int64(parts[1]) else { return nil }
    self.init(numerator, denominator)
  }

  /// Current transformers of each phase times the voltage transformer.
  ///
  /// Unequal current transformers count as their mean, which is right for equal loads on the phases.
  /// `nil` for no transformer at all, or when the fraction leaves the range of `init(_:_:)`.
  public init?(current: [Multiplier], voltage: Multiplier = .one) {
    guard !current.isEmpty, current.count <= 3 else { return nil }
    var (numerator, denominator) = (Int128(0), Int128(1))
    for ratio in current {
      numerator = numerator * Int128(ratio.denominator) + Int128(ratio.numerator) * denominator
      denominator *= Int128(ratio.denominator)
    }
    guard let mean = Self(numerator, denominator * Int128(current.count)) else { return nil }
    self.init(
      Int128(mean.numerator) * Int128(voltage.numerator), Int128(mean.denominator) * Int128(voltage.denominator))
  }

  private init?(_ numerator: Int128, _ denominator: Int128) {
    var (a, b) = (numerator, denominator)
    while b != 0 { (a, b) = (b, a % b) }
    guard a > 0, let top = Int64(exactly: numerator / a), let bottom = Int64(exactly: denominator / a) else {
      return nil
    }
    self.init(top, bottom)
  }

  /// `power` times this, rounded half up once to four places of a kW; `nil` beyond what can be charged.
  public func power(_ power: Power) -> Power? {
    let units = dividedHalfUp(Int128(power.millionths) * Int128(numerator), by: Int128(denominator) * 100)
    guard let product = Int64(exactly: units * 100).map(Power.init(millionths:)), product.isChargeable else {
      return nil
    }
    return product
  }

  /// `energy` times this, rounded half up once to `decimals` places of a kWh; `nil` when it is not billable.
  public func energy(_ energy: Energy, decimals: Int) -> Energy? {
    let step = Int128(energyStep(decimals: decimals).millionths)
    let steps = dividedHalfUp(
      Int128(energy.millionths) * Int128(numerator), by: Int128(denominator) * step)
    guard let millionths = Int64(exactly: steps * step) else { return nil }
    let product = Energy(millionths: millionths)
    return product.isBillable ? product : nil
  }
}

extension Multiplier: CustomStringConvertible {
  /// `20`, or `100/3`.
  public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }
}

/// The smallest energy of a plan that bills so many decimal places (0...6) of a kWh.
func energyStep(decimals: Int) -> Energy {
  Energy(millionths: (0..<max(0, 6 - decimals)).reduce(Int64(1)) { step, _ in step * 10 })
}
