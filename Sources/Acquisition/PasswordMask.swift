/// Finds the passwords in what is said on a line, byte by byte, so that no trace keeps them.
///
/// DL/T 645 sends them in clear, only with 33H added. Bytes are judged by the header that came before them, whether
/// or not the frame is whole; a byte too many is rather hidden than one too few.
///
/// | edition | functions | password from the first data byte |
/// |---|---|---|
/// | 2007 | 14H | bytes 4...7 |
/// | 2007 | 18H, 98H | bytes 4...11; 0...3 |
/// | 2007 | 19H 1AH 1BH 1CH | bytes 0...3 |
/// | 1997 | 04H; 0FH, 8FH; 10H | bytes 2...5; 0...7; 0...3 |
///
/// Source: DL/T 645-2007 and -1997 control codes, as in the layouts that wuhuangrui/C82_DL689 and 600888/dlt645 build.
public struct PasswordMask: Hashable, Sendable {
  /// A header of ten bytes and the twelve data bytes that can hold passwords.
  private static let reach = 22
  private var last: [UInt8] = []

  public init() {}

  /// True where the next byte of the line is one of a password.
  public mutating func isSecret(_ byte: UInt8) -> Bool {
    if last.count == Self.reach { last.removeFirst() }
    last.append(byte)
    let here = last.count - 1
    // The byte may be data 0...11 of a frame, whose header starts 10...21 bytes before it.
    for place in 0..<12 {
      let start = here - 10 - place
      guard start >= 0 else { break }
      guard last[start] == 0x68, last[start + 7] == 0x68, place < Int(last[start + 9]) else { continue }
      if Self.secret(last[start + 8])?.contains(place) ?? false { return true }
    }
    return false
  }

  /// Which of `bytes`, the next of the line, are of passwords.
  public mutating func hidden(_ bytes: [UInt8]) -> [Bool] { bytes.map { isSecret($0) } }

  /// Where the password stands in the data of a frame with this control code.
  private static func secret(_ control: UInt8) -> Range<Int>? {
    switch control {
    case 0x14: 4..<8
    case 0x18: 4..<12
    case 0x19, 0x1A, 0x1B, 0x1C, 0x10, 0x98: 0..<4
    case 0x04: 2..<6
    case 0x0F, 0x8F: 0..<8
    default: nil
    }
  }
}
