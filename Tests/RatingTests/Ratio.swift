/// An exact fraction, for tests that work out bills a second time.
struct Ratio: Comparable, Sendable, CustomStringConvertible {
  let top: Int128
  /// More than nothing.
  let bottom: Int128

  init(_ top: Int128, _ bottom: Int128 = 1) {
    self.top = bottom < 0 ? -top : top
    self.bottom = bottom < 0 ? -bottom : bottom
  }

  static func + (a: Self, b: Self) -> Self {
    a.bottom == b.bottom
      ? Self(a.top + b.top, a.bottom) : Self(a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom)
  }
  static func - (a: Self, b: Self) -> Self { a + Self(-b.top, b.bottom) }
  static func * (a: Self, b: Self) -> Self { Self(a.top * b.top, a.bottom * b.bottom) }
  static func / (a: Self, b: Self) -> Self { Self(a.top * b.bottom, a.bottom * b.top) }
  static func < (a: Self, b: Self) -> Bool { a.top * b.bottom < b.top * a.bottom }
  static func == (a: Self, b: Self) -> Bool { a.top * b.bottom == b.top * a.bottom }

  static let zero = Self(0)

  /// The nearest whole number, halves away from zero.
  var whole: Int128 {
    let magnitude = top < 0 ? -top : top
    let rounded = (2 * magnitude + bottom) / (2 * bottom)
    return top < 0 ? -rounded : rounded
  }

  /// Rounded to a multiple of `1 / parts`.
  func rounded(_ parts: Int128) -> Self { Self((self * Self(parts)).whole, parts) }

  var description: String { "\(top)/\(bottom)" }
}
