/// A fraction of whole numbers of any size, slow and plain: what the fast arithmetic is compared with.
///
/// Limbs hold 32 bits, the lowest first.
struct Exact {
  private var isNegative: Bool
  private var numerator: [UInt32]
  private var denominator: [UInt32]

  /// A finite binary number.
  init(_ number: Double) {
    isNegative = number.sign == .minus
    let exponent = number == 0 ? 0 : Int(number.exponent) - 60
    let significand = number == 0 ? 0 : UInt64((number.magnitude.significand) * 0x1p60)
    numerator = [UInt32(truncatingIfNeeded: significand), UInt32(significand >> 32)]
    denominator = [1]
    if exponent >= 0 {
      numerator = Self.shifted(numerator, exponent)
    } else {
      denominator = Self.shifted(denominator, -exponent)
    }
  }

  /// `number` × 10^`power`.
  init(_ number: Int64, tenTo power: Int) {
    isNegative = number < 0
    numerator = [UInt32(truncatingIfNeeded: number.magnitude), UInt32(number.magnitude >> 32)]
    denominator = [1]
    for _ in 0..<abs(power) {
      if power > 0 { numerator = Self.product(numerator, [10]) } else { denominator = Self.product(denominator, [10]) }
    }
  }

  func times(_ other: Exact) -> Exact {
    var result = self
    result.isNegative = isNegative != other.isNegative
    result.numerator = Self.product(numerator, other.numerator)
    result.denominator = Self.product(denominator, other.denominator)
    return result
  }

  /// The nearest whole number, half away from zero; `nil` beyond 64 bits.
  func rounded() -> Int64? {
    // floor((2n + d) / 2d), bit by bit from the top.
    let dividend = Self.sum(Self.shifted(numerator, 1), denominator)
    let divisor = Self.shifted(denominator, 1)
    if Self.compare(dividend, Self.shifted(divisor, 64)) >= 0 { return nil }
    var quotient: UInt64 = 0
    var rest = dividend
    for bit in (0..<64).reversed() {
      let step = Self.shifted(divisor, bit)
      guard Self.compare(rest, step) >= 0 else { continue }
      rest = Self.difference(rest, step)
      quotient |= 1 << UInt64(bit)
    }
    return Int64(exactly: isNegative ? -Int128(quotient) : Int128(quotient))
  }

  private static func shifted(_ a: [UInt32], _ count: Int) -> [UInt32] {
    let zeros = [UInt32](repeating: 0, count: count / 32)
    return zeros + product(a, [1 << UInt32(count % 32)])
  }

  private static func product(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var result = [UInt32](repeating: 0, count: a.count + b.count)
    for (i, x) in a.enumerated() {
      var carry: UInt64 = 0
      for (j, y) in b.enumerated() {
        let total = UInt64(x) * UInt64(y) + UInt64(result[i + j]) + carry
        result[i + j] = UInt32(truncatingIfNeeded: total)
        carry = total >> 32
      }
      result[i + b.count] = UInt32(carry)
    }
    return result
  }

  private static func limb(_ a: [UInt32], _ index: Int) -> UInt32 { index < a.count ? a[index] : 0 }

  private static func sum(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var carry: UInt64 = 0
    return (0...max(a.count, b.count)).map { index in
      let total = UInt64(limb(a, index)) + UInt64(limb(b, index)) + carry
      carry = total >> 32
      return UInt32(truncatingIfNeeded: total)
    }
  }

  private static func difference(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var borrow: Int64 = 0
    return (0..<a.count).map { index in
      let total = Int64(limb(a, index)) - Int64(limb(b, index)) - borrow
      borrow = total < 0 ? 1 : 0
      return UInt32(truncatingIfNeeded: total)
    }
  }

  private static func compare(_ a: [UInt32], _ b: [UInt32]) -> Int {
    for index in (0..<max(a.count, b.count)).reversed() where limb(a, index) != limb(b, index) {
      return limb(a, index) < limb(b, index) ? -1 : 1
    }
    return 0
  }
}
