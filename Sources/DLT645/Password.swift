import Metering

/// A meter's password and its level, PA P0 P1 P2 on the wire. 密码
///
/// Neither its description nor its reflection shows the digits; only the bytes of a frame do.
/// Source: DL/T 645-2007, write data; that a password of the 1997 edition has the same four bytes is unverified.
public struct Password: Hashable, Sendable {
  /// 0...9, 0 the highest.
  public let level: Int
  /// Six packed digits, the printed first one highest.
  private let digits: UInt32

  /// `digits` are exactly six; `nil` for anything else and for a level beyond 0...9.
  public init?(level: Int, digits: some StringProtocol) {
    guard (0...9).contains(level), digits.utf8.count == 6, let packed = packedDigits(digits) else { return nil }
    self.level = level
    self.digits = packed
  }

  /// From four bytes in wire order, PA first; `nil` for another count, another level or a nibble that is no digit.
  public init?(wire bytes: some Collection<UInt8>) {
    guard bytes.count == 4, let level = bytes.first, level <= 9 else { return nil }
    let packed = bytes.dropFirst().reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard isDecimal(UInt64(packed)) else { return nil }
    self.level = Int(level)
    digits = packed
  }

  /// PA P0 P1 P2: the level, then the digits with the lowest two first.
  var wireBytes: [UInt8] {
    [UInt8(truncatingIfNeeded: level)] + (0..<3).map { UInt8(truncatingIfNeeded: digits >> (8 * $0)) }
  }

  /// Where the level's password lies: 04000C01 for level 0 to 04000C0A for level 9.
  var identifier: DataIdentifier { DataIdentifier(0x04, 0x00, 0x0C, UInt8(truncatingIfNeeded: level &+ 1)) }

  /// What stands for the digits wherever a password is told.
  public static let mask = "......"
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `level 2 ......`.
  public var description: String { "level \(level) \(Self.mask)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["level": level], displayStyle: .struct) }
}

/// Who gave a command, as the meter writes it into its records: eight digits. 操作者代码
public struct OperatorCode: Hashable, Sendable {
  /// Eight packed digits, the printed first one highest.
  private let digits: UInt32

  /// Reads 1...8 digits, padded with zeros on the left; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    guard (1...8).contains(text.utf8.count), let packed = packedDigits(text) else { return nil }
    digits = packed
  }

  /// From four bytes in wire order, whatever they hold: other masters put other things than digits there.
  public init?(wire bytes: some Collection<UInt8>) {
    guard bytes.count == 4 else { return nil }
    digits = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// C0 C1 C2 C3, lowest digits first.
  public var wireBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: digits >> (8 * $0)) } }
}

extension OperatorCode: CustomStringConvertible {
  /// Eight digits.
  public var description: String { wireBytes.reversed().map { hexPair($0) }.joined() }
}

/// Decimal digits as packed nibbles; `nil` where a character is none. At most eight.
private func packedDigits(_ text: some StringProtocol) -> UInt32? {
  var packed: UInt32 = 0
  for byte in text.utf8 {
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    packed = packed << 4 | UInt32(byte & 0x0F)
  }
  return packed
}
