/// CRC-32C (Castagnoli) over the columns of a row, so that a flipped bit in the file is found.
///
/// SQLite's own integrity check does not look at the data in a page. Numbers count as eight bytes, least
/// significant first; text and bytes are led by their length, so that no two rows read alike.
struct Checksum {
  private var state: UInt32 = .max

  var value: Int64 { Int64(~state) }

  mutating func add(_ number: Int64) { add(word: UInt64(bitPattern: number)) }

  mutating func add(_ number: Int64?) {
    add(byte: number == nil ? 0 : 1)
    if let number { add(number) }
  }

  mutating func add(_ text: String) {
    add(Int64(text.utf8.count))
    add(bytes: text.utf8)
  }

  mutating func add(_ text: String?) {
    add(byte: text == nil ? 0 : 1)
    if let text { add(text) }
  }

  mutating func add(_ bytes: [UInt8]) {
    add(Int64(bytes.count))
    add(bytes: bytes)
  }

  /// Bytes without a length before them.
  mutating func add(bytes: some Sequence<UInt8>) {
    var word: UInt64 = 0
    var filled: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << filled
      filled += 8
      guard filled == 64 else { continue }
      add(word: word)
      word = 0
      filled = 0
    }
    while filled > 0 {
      add(byte: UInt8(truncatingIfNeeded: word))
      word >>= 8
      filled -= 8
    }
  }

  private mutating func add(byte: UInt8) {
    state = state >> 8 ^ Self.tables[Int(UInt8(truncatingIfNeeded: state) ^ byte)]
  }

  /// Eight bytes at once, each through the table of its distance from the end (M. Kounavis, F. Berry, 2005).
  private mutating func add(word: UInt64) {
    var rest = word ^ UInt64(state)
    var next: UInt32 = 0
    for distance in (0..<8).reversed() {
      next ^= Self.tables[distance << 8 | Int(rest & 0xFF)]
      rest >>= 8
    }
    state = next
  }

  /// Eight tables of 256: the first for the last byte of eight.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    tables.reserveCapacity(2048)
    for byte in UInt32(0)..<256 {
      tables.append((0..<8).reduce(byte) { rest, _ in rest >> 1 ^ (rest & 1 == 1 ? 0x82F6_3B78 : 0) })
    }
    for index in 256..<2048 {
      let before = tables[index - 256]
      tables.append(before >> 8 ^ tables[Int(before & 0xFF)])
    }
    return tables
  }()
}
