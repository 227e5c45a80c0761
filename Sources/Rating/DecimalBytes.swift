internal import Metering

/// Numbers and dates as text, straight into a buffer: what a bill's text is mostly made of.
extension [UInt8] {
  mutating func append(text: String) { append(contentsOf: text.utf8) }

  /// A whole number, with zeros in front up to `width` digits.
  mutating func append(number: UInt64, width: Int = 1) {
    var digits: [20 of UInt8] = .init(repeating: UInt8(ascii: "0"))
    var (rest, first) = (number, 20)
    while rest > 0 {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
    for index in Swift.min(first, 20 - width)..<20 { append(digits[index]) }
  }

  /// `number / 10^places`, with that many places.
  mutating func append(decimal number: Int64, places: Int) {
    if number < 0 { append(UInt8(ascii: "-")) }
    guard places > 0 else { return append(number: number.magnitude) }
    let scale = (0..<places).reduce(UInt64(1)) { power, _ in power * 10 }
    let (whole, fraction) = number.magnitude.quotientAndRemainder(dividingBy: scale)
    append(number: whole)
    append(UInt8(ascii: "."))
    append(number: fraction, width: places)
  }

  /// Millionths with `places` (0...6) decimal places; digits beyond them are cut off.
  mutating func append(millionths: Int64, places: Int) {
    // A number that is cut to nothing keeps its sign, as it does in `decimalString`.
    let cut = (places..<6).reduce(Int64(1)) { power, _ in power * 10 }
    if millionths < 0, millionths / cut == 0 { append(UInt8(ascii: "-")) }
    append(decimal: millionths / cut, places: places)
  }

  mutating func append(_ price: Price) { append(decimal: price.hundredMillionths, places: 8) }

  mutating func append(_ money: Money) { append(decimal: money.fen, places: 2) }

  mutating func append(_ date: CivilDate) {
    append(number: UInt64(date.year), width: 4)
    append(UInt8(ascii: "-"))
    append(number: UInt64(date.month), width: 2)
    append(UInt8(ascii: "-"))
    append(number: UInt64(date.day), width: 2)
  }
}
