/// Active over apparent energy of a month, in whole hundredths. 功率因数
public struct PowerFactor: Hashable, Comparable, Sendable {
  /// 0...100.
  public let hundredths: Int

  /// `nil` outside 0...100.
  public init?(hundredths: Int) {
    guard (0...100).contains(hundredths) else { return nil }
    self.hundredths = hundredths
  }

  /// `active / sqrt(active² + reactive²)`, rounded half up to two decimals by whole numbers alone.
  ///
  /// `nil` for a month with neither, which has no factor, and for energy that is not billable.
  public init?(active: Energy, reactive: Energy) {
    guard active.isBillable, reactive.isBillable, active > .zero || reactive > .zero else { return nil }
    let p2 = Int128(active.millionths) * Int128(active.millionths)
    let apparent2 = p2 + Int128(reactive.millionths) * Int128(reactive.millionths)
    // At least k hundredths after rounding means at least (2k - 1)/200 before. Energies up to 10¹⁶ keep both products
    // below 10³⁷, inside 128 bits.
    func reaches(_ k: Int) -> Bool {
      let edge = Int128(2 * k - 1)
      return p2 * 40_000 >= edge * edge * apparent2
    }
    var (low, high) = (0, 100)
    while low < high {
      let middle = (low + high + 1) / 2
      if reaches(middle) { low = middle } else { high = middle - 1 }
    }
    hundredths = low
  }

  public static func < (a: Self, b: Self) -> Bool { a.hundredths < b.hundredths }
}

extension PowerFactor: CustomStringConvertible {
  /// `0.65`.
  public var description: String {
    hundredths == 100 ? "1.00" : "0.\(hundredths < 10 ? "0" : "")\(hundredths)"
  }
}

/// The power factor that a class of customers is held to.
///
/// 0.90: high-voltage industry above 160 kVA; 0.85: other industry and irrigation of 100 kVA and above; 0.80: farming
/// and bulk resale of 100 kVA and above. Below 100 kVA, and at homes, there is no adjustment. Source: method for
/// adjusting charges by power factor, water and power finance (83) 215, after reprints of its tables.
public enum PowerFactorStandard: Int, Hashable, Sendable, CaseIterable {
  /// High-voltage industry above 160 kVA.
  case ninety = 90
  /// Other industry and irrigation of 100 kVA and above.
  case eightyFive = 85
  /// Farming and bulk resale of 100 kVA and above.
  case eighty = 80

  /// Reads `0.90`, `0.85` or `0.80`; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == text }) else { return nil }
    self = found
  }

  /// `0.90`.
  public var name: String { "0.\(rawValue)" }

  /// The adjustment at a power factor, in hundredths of a percent: 1500 is a surcharge of 15 %, -75 a reward of 0.75 %.
  ///
  /// A reward of 0.10 % for each hundredth up to 0.90 and of 0.15 % above it, up to a cap; a surcharge of 0.5 % for each
  /// of the first twenty hundredths below the standard, of 1 % for each of the next five, of 2 % for each after those.
  /// Source: the tables of the same method for the three standards.
  public func adjustment(at factor: PowerFactor) -> Int {
    let above = min(factor.hundredths, rewardCap) - rawValue
    guard above < 0 else {
      let upToNinety = min(above, 90 - rawValue)
      return -10 * upToNinety - 15 * (above - upToNinety)
    }
    let below = -above
    return 50 * min(below, 20) + 100 * min(max(below - 20, 0), 5) + 200 * max(below - 25, 0)
  }

  /// The factor from which on the reward does not grow.
  private var rewardCap: Int {
    switch self {
    case .ninety: 95
    case .eightyFive: 94
    case .eighty: 92
    }
  }
}
