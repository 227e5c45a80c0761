internal import Metering

/// What one step of a register is worth in the quantity's unit, exactly; negative turns the sign around.
public struct Scale: Hashable, Sendable {
  /// Billionths of the unit; never 0, at most 10¹⁵ either way.
  public let billionths: Int64

  private static let limit: Int64 = 1_000_000_000_000_000

  public static let one = Scale(valid: 1_000_000_000)
  private init(valid billionths: Int64) { self.billionths = billionths }

  /// Reads a decimal such as `0.001`; `nil` for 0, more than nine places, or beyond a million.
  public init?(_ decimal: some StringProtocol) {
    guard let billionths = exactDecimal(decimal, scale: 9), billionths != 0,
      (-Self.limit...Self.limit).contains(billionths)
    else { return nil }
    self.billionths = billionths
  }

  /// `mantissa` × 10^`power` steps in millionths of the unit, rounded half away from zero once.
  ///
  /// - Throws: `overflow` where the result does not fit a `RegisterValue`. The mantissa has at most 64 bits, and the
  ///   power is -10...10.
  func value(mantissa: Int128, tenTo power: Int) throws(RegisterError) -> RegisterValue {
    let factor = tenTo(max(0, power)), divisor = 1000 * tenTo(max(0, -power))
    let (product, isTooLarge) = (mantissa * Int128(billionths)).multipliedReportingOverflow(by: factor)
    guard !isTooLarge else { throw .overflow }
    let exact = quotient(product, divisor, .halfAway)
    guard let millionths = Int64(exactly: exact) else { throw .overflow }
    let step = quotient(Int128(billionths.magnitude) * factor, divisor, .up)
    return RegisterValue(millionths: millionths, resolution: Int64(exactly: step) ?? Int64.max)
  }

  /// `mantissa` × 2^`exponent` steps in millionths of the unit, rounded half away from zero once.
  ///
  /// - Throws: `overflow` where the result does not fit a `RegisterValue`. The mantissa has at most 64 bits.
  func value(mantissa: Int128, exponent: Int) throws(RegisterError) -> RegisterValue {
    let product = mantissa * Int128(billionths)
    guard let exact = thousandth(of: product, timesTwoTo: exponent, .halfAway), let millionths = Int64(exactly: exact)
    else { throw .overflow }
    let step = thousandth(of: Int128(billionths.magnitude), timesTwoTo: exponent, .up)
    return RegisterValue(millionths: millionths, resolution: step.flatMap(Int64.init(exactly:)) ?? Int64.max)
  }

  /// How many whole steps times 10^`power` come nearest to `millionths` of the unit, half away from zero.
  func steps(of millionths: Int64, tenTo power: Int = 0) -> Int128 {
    // Steps = millionths × 1000 / billionths; doubled so that the half is exact for odd divisors.
    let divisor = Int128(billionths.magnitude) * tenTo(max(0, power))
    let magnitude = (Int128(millionths.magnitude) * 2000 * tenTo(max(0, -power)) + divisor) / (2 * divisor)
    return (millionths < 0) == (billionths < 0) ? magnitude : -magnitude
  }
}

extension Scale: CustomStringConvertible {
  /// The decimal without needless zeros: `0.001`.
  public var description: String {
    let whole = billionths.magnitude / 1_000_000_000
    var fraction = String(billionths.magnitude % 1_000_000_000 + 1_000_000_000).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return (billionths < 0 ? "-" : "") + "\(whole)" + (fraction.isEmpty ? "" : ".\(fraction)")
  }
}

private enum Rounding { case halfAway, up }

/// `number` × 2^`exponent` / 1000; `nil` past 126 bits. `number` has at most 114 bits.
private func thousandth(of number: Int128, timesTwoTo exponent: Int, _ rounding: Rounding) -> Int128? {
  let magnitude = Int128(number.magnitude)
  guard magnitude > 0 else { return 0 }
  var divisor: Int128 = 1000
  var dividend = magnitude
  if exponent >= 0 {
    guard 128 - magnitude.leadingZeroBitCount + exponent <= 126 else { return nil }
    dividend <<= Int128(exponent)
  } else if exponent >= -115 {
    divisor <<= Int128(-exponent)
  } else {
    // The dividend has fewer bits than the divisor would: less than half a millionth is left.
    return rounding == .up ? 1 : 0
  }
  return quotient(number < 0 ? -dividend : dividend, divisor, rounding)
}

/// `number` / `divisor`, rounded by its size. The divisor is even.
private func quotient(_ number: Int128, _ divisor: Int128, _ rounding: Rounding) -> Int128 {
  let magnitude = number < 0 ? -number : number
  let (quotient, rest) = magnitude.quotientAndRemainder(dividingBy: divisor)
  let raises = rounding == .up ? rest > 0 : rest >= divisor / 2
  return (quotient + (raises ? 1 : 0)) * (number < 0 ? -1 : 1)
}

/// 10^`power` for 0...10; what is beyond counts as the nearest of these.
private func tenTo(_ power: Int) -> Int128 { (0..<min(max(power, 0), 10)).reduce(1) { product, _ in product * 10 } }
