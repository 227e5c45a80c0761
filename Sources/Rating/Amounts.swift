internal import Metering

/// Active energy, counted exactly in millionths of a kilowatt-hour.
public struct Energy: Hashable, Comparable, Sendable {
  /// Millionths of a kWh; a billed energy is at most 10¹⁶ of them (10¹⁰ kWh), see `isBillable`.
  public let millionths: Int64

  /// So many millionths of a kWh.
  public init(millionths: Int64) { self.millionths = millionths }

  /// Reads kWh in decimal, such as `650` or `123.45`; `nil` for anything else and beyond six places.
  public init?(kilowattHours text: some StringProtocol) {
    guard let millionths = exactDecimal(text, scale: 6) else { return nil }
    self.init(millionths: millionths)
  }

  /// No energy.
  public static let zero = Energy(millionths: 0)

  /// Not negative, and so small that no sum over a bill can leave 64 bits.
  public var isBillable: Bool { (0...10_000_000_000_000_000).contains(millionths) }

  public static func < (a: Self, b: Self) -> Bool { a.millionths < b.millionths }
  /// Both together.
  public static func + (a: Self, b: Self) -> Self { Self(millionths: a.millionths + b.millionths) }
  /// What is left; below nothing where more is taken than there is.
  public static func - (a: Self, b: Self) -> Self { Self(millionths: a.millionths - b.millionths) }
  /// Adds to it.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// Takes from it.
  public static func -= (a: inout Self, b: Self) { a = a - b }
  /// The same with the other sign.
  public static prefix func - (a: Self) -> Self { Self(millionths: -a.millionths) }

  /// kWh in decimal with so many places (0...6).
  public func text(decimals: Int) -> String { decimalString(millionths, decimals: decimals) }
}

extension Energy: CustomStringConvertible {
  /// kWh with at least two places: `123.45`.
  public var description: String { text(decimals: millionths % 10_000 == 0 ? 2 : 6) }
}

/// Yuan per kilowatt-hour, or per unit of what else a line counts, exactly as published, in units of 10⁻⁸ yuan.
public struct Price: Hashable, Sendable {
  /// Hundred-millionths of a yuan per kWh.
  public let hundredMillionths: Int64

  /// `nil` beyond ±1000 yuan per kWh: such a number is a slip of the pen.
  public init?(hundredMillionths: Int64) {
    guard (-100_000_000_000...100_000_000_000).contains(hundredMillionths) else { return nil }
    self.hundredMillionths = hundredMillionths
  }

  private init(valid hundredMillionths: Int64) { self.hundredMillionths = hundredMillionths }

  /// One yuan.
  static let one = Price(valid: 100_000_000)

  /// So many hundredths of a percent of a yuan, for shares of money: -20000...20000.
  init(basisPoints: Int) {
    self.init(valid: Int64(min(max(basisPoints, -20_000), 20_000)) * 10_000)
  }

  /// This times a factor in ten-thousandths, rounded half up to eight places; `nil` beyond the range of a price.
  func times(_ tenThousandths: Int64) -> Price? {
    let product = dividedHalfUp(Int128(hundredMillionths) * Int128(tenThousandths), by: 10_000)
    return Int64(exactly: product).flatMap { Price(hundredMillionths: $0) }
  }

  /// Reads a published price such as `0.60886875`; `nil` beyond eight places.
  public init?(yuan text: some StringProtocol) {
    guard let units = exactDecimal(text, scale: 8) else { return nil }
    self.init(hundredMillionths: units)
  }
}

extension Price: CustomStringConvertible {
  /// Yuan with all eight places: `0.53800000`.
  public var description: String {
    let magnitude = hundredMillionths.magnitude
    let fraction = String(magnitude % 100_000_000)
    let zeros = String(repeating: "0", count: 8 - fraction.count)
    return "\(hundredMillionths < 0 ? "-" : "")\(magnitude / 100_000_000).\(zeros)\(fraction)"
  }
}

/// An amount of money in whole fen (0.01 yuan). 分
public struct Money: Hashable, Comparable, Sendable {
  /// Hundredths of a yuan; negative for a credit or a reversal.
  public let fen: Int64

  /// So many fen.
  public init(fen: Int64) { self.fen = fen }

  /// No money.
  public static let zero = Money(fen: 0)
  public static func < (a: Self, b: Self) -> Bool { a.fen < b.fen }
  /// Both together.
  public static func + (a: Self, b: Self) -> Self { Self(fen: a.fen + b.fen) }
  /// What is left.
  public static func - (a: Self, b: Self) -> Self { Self(fen: a.fen - b.fen) }
  /// Adds to it.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// The same with the other sign.
  public static prefix func - (a: Self) -> Self { Self(fen: -a.fen) }
}

extension Money: CustomStringConvertible {
  /// Yuan with two places: `64.56`.
  public var description: String {
    let cents = fen.magnitude % 100
    return "\(fen < 0 ? "-" : "")\(fen.magnitude / 100).\(cents < 10 ? "0" : "")\(cents)"
  }
}

/// The charge for `energy` at `price`, rounded half away from zero to the fen, once.
///
/// `nil` beyond 9.2 × 10¹⁸ fen, which no billable energy reaches at a valid price.
public func charge(_ energy: Energy, at price: Price) -> Money? {
  // Millionths of a kWh times 10⁻⁸ yuan are 10⁻¹⁴ yuan: 10¹² of them make a fen. 64 bits would end near 1.8 GWh.
  let exact = Int128(energy.millionths) * Int128(price.hundredMillionths)
  return Int64(exactly: dividedHalfUp(exact, by: 1_000_000_000_000)).map(Money.init(fen:))
}

/// The charge for `energy` at `price`, in fen by a rule of rounding other than the usual one.
func charge(_ energy: Energy, at price: Price, rounding: LineRounding) -> Money? {
  let exact = Int128(energy.millionths) * Int128(price.hundredMillionths)
  return Int64(exactly: rounding.quotient(exact, by: 1_000_000_000_000)).map(Money.init(fen:))
}

/// `number / divisor` rounded to the nearest whole number, exact halves away from zero; `divisor` > 0.
func dividedHalfUp(_ number: Int128, by divisor: Int128) -> Int128 {
  // Nearly all products of a home's bill fit in 64 bits, where the processor divides by itself.
  guard let short = Int64(exactly: number), let by = Int64(exactly: divisor) else {
    return quotientHalfUp(number, divisor)
  }
  return Int128(quotientHalfUp(short, by))
}

@inline(__always)
private func quotientHalfUp<Number: FixedWidthInteger & SignedInteger>(_ number: Number, _ divisor: Number) -> Number {
  let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
  guard rest.magnitude >= (divisor.magnitude + 1) / 2 else { return quotient }
  return number < 0 ? quotient - 1 : quotient + 1
}
