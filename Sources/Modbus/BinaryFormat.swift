/// The layout of an IEEE 754 binary number, so that it is taken apart and put together in whole numbers.
struct BinaryFormat {
  let exponentBits: Int
  let fractionBits: Int

  static let binary32 = BinaryFormat(exponentBits: 8, fractionBits: 23)
  static let binary64 = BinaryFormat(exponentBits: 11, fractionBits: 52)

  private var bias: Int { 1 << (exponentBits - 1) - 1 }
  private var highestExponent: Int { 1 << exponentBits - 1 }

  /// The number is `mantissa` × 2^`exponent`, and its last bit is worth 2^`exponent`.
  ///
  /// `nil` for infinities and what is not a number.
  func parts(of bits: UInt64) -> (mantissa: Int128, exponent: Int)? {
    let fraction = bits & (1 << UInt64(fractionBits) - 1)
    let exponent = Int(bits >> UInt64(fractionBits)) & highestExponent
    guard exponent != highestExponent else { return nil }
    let isNegative = bits >> UInt64(exponentBits + fractionBits) & 1 == 1
    let mantissa = Int128(exponent == 0 ? fraction : fraction | 1 << UInt64(fractionBits))
    return (isNegative ? -mantissa : mantissa, max(exponent, 1) - bias - fractionBits)
  }

  /// The bits of the number nearest to `numerator` / `denominator`, ties to the even one.
  ///
  /// For numerators below 2^74 and positive denominators below 2^51, whose quotients are all normal numbers.
  func nearest(numerator: Int128, denominator: Int128) -> UInt64 {
    let sign: UInt64 = numerator < 0 ? 1 << UInt64(exponentBits + fractionBits) : 0
    let magnitude = Int128(numerator.magnitude)
    guard magnitude > 0 else { return sign }
    let top: Int128 = 1 << Int128(fractionBits + 1)
    var exponent = bitCount(magnitude) - bitCount(denominator) - 1 - fractionBits
    var (mantissa, rest, divisor) = divide(magnitude, denominator, exponent)
    if mantissa >= top {
      exponent += 1
      (mantissa, rest, divisor) = divide(magnitude, denominator, exponent)
    }
    let isOdd = mantissa & 1 == 1
    if rest * 2 > divisor || rest * 2 == divisor && isOdd { mantissa += 1 }
    if mantissa == top {
      mantissa >>= 1
      exponent += 1
    }
    let fraction = UInt64(truncatingIfNeeded: mantissa) & (1 << UInt64(fractionBits) - 1)
    return sign | UInt64(truncatingIfNeeded: exponent + fractionBits + bias) << UInt64(fractionBits) | fraction
  }

  private func bitCount(_ number: Int128) -> Int { 128 - number.leadingZeroBitCount }

  /// `numerator` / (`denominator` × 2^`exponent`) with the rest and the divisor it is a rest of.
  private func divide(_ numerator: Int128, _ denominator: Int128, _ exponent: Int) -> (Int128, Int128, Int128) {
    let dividend = exponent < 0 ? numerator << Int128(-exponent) : numerator
    let divisor = exponent < 0 ? denominator : denominator << Int128(exponent)
    let (quotient, rest) = dividend.quotientAndRemainder(dividingBy: divisor)
    return (quotient, rest, divisor)
  }
}
