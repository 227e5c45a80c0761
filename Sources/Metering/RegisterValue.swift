/// What a register shows: an exact number and how fine the register counts.
///
/// Both are whole millionths of the quantity's unit. 123456.78 kWh from a register with two decimals is
/// `millionths == 123_456_780_000` and `resolution == 10_000`. Range: about ±9.2 × 10¹² units.
public struct RegisterValue: Hashable, Sendable {
  /// The number, in millionths of the unit.
  public let millionths: Int64
  /// What one step of the register's last digit is worth, in millionths of the unit; at least 1.
  public let resolution: Int64

  /// A value of a register; a resolution below 1 counts as 1.
  public init(millionths: Int64, resolution: Int64) {
    self.millionths = millionths
    self.resolution = max(1, resolution)
  }

  /// A register of `decimals` places that shows `digits` without the point.
  ///
  /// `nil` when more than six places are asked for or the number is too large.
  public init?(digits: Int64, decimals: Int) {
    guard let step = Self.step(decimals: decimals) else { return nil }
    let (product, overflow) = digits.multipliedReportingOverflow(by: step)
    guard !overflow else { return nil }
    self.init(millionths: product, resolution: step)
  }

  /// Millionths in one step of a register with `decimals` places; `nil` outside 0...6.
  public static func step(decimals: Int) -> Int64? {
    guard (0...6).contains(decimals) else { return nil }
    return (0..<(6 - decimals)).reduce(Int64(1)) { step, _ in step * 10 }
  }

  /// Decimal places that show this number without hiding a step of the register.
  public var decimals: Int {
    var step = Int64(1_000_000)
    var places = 0
    while places < 6, resolution % step != 0 || millionths % step != 0 {
      step /= 10
      places += 1
    }
    return places
  }
}

extension RegisterValue: CustomStringConvertible {
  /// The number in decimal, with as many places as the register has: `"123456.78"`.
  public var description: String { decimalString(millionths, decimals: decimals) }
}

/// `millionths` of a unit as a decimal with `decimals` places (0...6); digits beyond them are cut off.
public func decimalString(_ millionths: Int64, decimals: Int = 6) -> String {
  let magnitude = millionths.magnitude
  let whole = String(magnitude / 1_000_000)
  let sign = millionths < 0 ? "-" : ""
  guard decimals > 0 else { return sign + whole }
  let fraction = String(magnitude % 1_000_000)
  let padded = String(repeating: "0", count: 6 - fraction.count) + fraction
  return "\(sign)\(whole).\(padded.prefix(min(decimals, 6)))"
}

/// Reads a plain decimal such as `-12.5` into `10^-scale` of a unit, exactly.
///
/// `nil` for anything but digits with an optional sign and point, for more than `scale` places that are not
/// zero, and for numbers that do not fit. `scale` is 0...18.
public func exactDecimal(_ text: some StringProtocol, scale: Int) -> Int64? {
  guard (0...18).contains(scale) else { return nil }
  var digits = text.utf8[...]
  var negative = false
  if let first = digits.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
    negative = first == UInt8(ascii: "-")
    digits = digits.dropFirst()
  }
  var total: Int64 = 0
  var places: Int?
  var seen = false
  var endsWithPoint = false
  for byte in digits {
    endsWithPoint = byte == UInt8(ascii: ".")
    if endsWithPoint {
      guard places == nil, seen else { return nil }
      places = 0
      continue
    }
    guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
    seen = true
    if let count = places {
      guard count < scale else {
        guard byte == UInt8(ascii: "0") else { return nil }
        continue
      }
      places = count + 1
    }
    let (shifted, overflow) = total.multipliedReportingOverflow(by: 10)
    let (sum, carry) = shifted.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
    guard !overflow, !carry else { return nil }
    total = sum
  }
  guard seen, !endsWithPoint else { return nil }
  for _ in (places ?? 0)..<scale {
    let (shifted, overflow) = total.multipliedReportingOverflow(by: 10)
    guard !overflow else { return nil }
    total = shifted
  }
  return negative ? -total : total
}
