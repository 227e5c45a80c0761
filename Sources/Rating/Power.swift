internal import Metering

/// Electric power, counted exactly in millionths: of a kW where it is demand, of a kVA where it is capacity.
///
/// Which of the two it is says the name of the value that holds it.
public struct Power: Hashable, Comparable, Sendable {
  /// Millionths of a kW or kVA.
  public let millionths: Int64

  /// So many millionths of a kW or kVA.
  public init(millionths: Int64) { self.millionths = millionths }

  /// Reads kW or kVA in decimal, such as `2000` or `812.4`; `nil` for anything else and beyond six places.
  public init?(_ text: some StringProtocol) {
    guard let millionths = exactDecimal(text, scale: 6) else { return nil }
    self.init(millionths: millionths)
  }

  /// No power.
  public static let zero = Power(millionths: 0)

  /// Not negative, at most 10⁸ kW or kVA, and no finer than four decimal places: so that every share of it that a rule
  /// can ask for is exact.
  public var isChargeable: Bool { (0...100_000_000_000_000).contains(millionths) && millionths % 100 == 0 }

  public static func < (a: Self, b: Self) -> Bool { a.millionths < b.millionths }
  /// Both together.
  public static func + (a: Self, b: Self) -> Self { Self(millionths: a.millionths + b.millionths) }
  /// What is left.
  public static func - (a: Self, b: Self) -> Self { Self(millionths: a.millionths - b.millionths) }

  /// So many hundredths of this; exact for a chargeable power.
  func hundredths(_ count: Int64) -> Power { Power(millionths: millionths / 100 * count) }
}

extension Power: CustomStringConvertible {
  /// With at least two places: `812.40`.
  public var description: String { decimalString(millionths, decimals: places(of: millionths)) }
}

/// Two decimal places, or four or six where millionths need them.
func places(of millionths: Int64) -> Int {
  if millionths % 10_000 == 0 { return 2 }
  return millionths % 100 == 0 ? 4 : 6
}
