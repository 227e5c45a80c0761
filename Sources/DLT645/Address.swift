/// The address of a meter: twelve decimal digits, as printed on its plate. 通信地址
///
/// A digit may also be `A`, "any digit", in an address that a request is sent to. On the wire the lowest two
/// digits travel first.
///
/// Source: DL/T 645-2007, address field; wildcard and shortened addressing as published in vendor manuals.
public struct Address: Hashable, Sendable {
  /// Twelve nibbles, the printed first digit highest; the upper 16 bits are 0.
  let nibbles: UInt64

  init(nibbles: UInt64) { self.nibbles = nibbles & 0xFFFF_FFFF_FFFF }

  /// Any meter may answer.
  public static let wildcard = Address(nibbles: 0xAAAA_AAAA_AAAA)
  /// Every meter obeys and none answers.
  public static let broadcast = Address(nibbles: 0x9999_9999_9999)

  /// Reads a printed number of 1...12 digits, padded with zeros on the left, or a full twelve characters whose
  /// leading pairs are `AA`: the shortened address of all meters that end in the digits after them.
  ///
  /// `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    guard (1...12).contains(text.utf8.count) else { return nil }
    var bits: UInt64 = 0
    var wild = 0
    var digits = 0
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        bits = bits << 4 | UInt64(byte & 0x0F)
        digits += 1
      case UInt8(ascii: "A"), UInt8(ascii: "a"):
        guard digits == 0 else { return nil }
        bits = bits << 4 | 0xA
        wild += 1
      default: return nil
      }
    }
    guard wild == 0 || (wild % 2 == 0 && wild + digits == 12) else { return nil }
    nibbles = bits
  }

  /// From six bytes in wire order, whatever they hold; `nil` for another count.
  public init?(wire bytes: [UInt8]) {
    guard bytes.count == 6 else { return nil }
    self.init(nibbles: bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// Six bytes in wire order, lowest digits first.
  public var wireBytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: nibbles >> (8 * $0)) } }

  /// True where all twelve are digits, so that it can be one meter's own.
  public var isComplete: Bool { isDecimal(nibbles) }

  /// True where every digit is 0...9 or `A`: all that a frame of the protocol carries.
  var isPossible: Bool {
    // BH...FH have the eight set with the four, or with the two and the one.
    nibbles & (nibbles << 1 | (nibbles << 2 & nibbles << 3)) & 0x8888_8888_8888 == 0
  }

  /// True where `meter` is an address that a request sent to this one reaches: equal digit by digit, `A` standing
  /// for any digit.
  public func matches(_ meter: Address) -> Bool {
    for shift in stride(from: UInt64(0), to: 48, by: 4) {
      let asked = nibbles >> shift & 0xF
      let found = meter.nibbles >> shift & 0xF
      guard asked == found || (asked == 0xA && found <= 9) else { return false }
    }
    return true
  }
}

extension Address: CustomStringConvertible {
  /// Twelve characters as printed on the meter, `000000000161`.
  public var description: String {
    let text = String(nibbles, radix: 16, uppercase: true)
    return String(repeating: "0", count: 12 - text.count) + text
  }
}

/// True where every nibble of `packed` is 0...9.
func isDecimal(_ packed: UInt64) -> Bool {
  // A nibble passes 9 when its eight is set together with its four or its two.
  packed & (packed << 1 | packed << 2) & 0x8888_8888_8888_8888 == 0
}
