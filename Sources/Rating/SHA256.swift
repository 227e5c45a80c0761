/// SHA-256 of `bytes`, in lower-case hex. Source: FIPS 180-4, sections 5.1.1, 5.3.3 and 6.2.
public func sha256Hex(_ bytes: some Collection<UInt8>) -> String {
  var state = SHA256()
  // Almost everything comes in one piece.
  if bytes.withContiguousStorageIfAvailable({ unsafe state.append($0.span) }) == nil {
    for byte in bytes { state.append(byte) }
  }
  return state.finish()
}

/// SHA-256 over bytes that come one after the other.
struct SHA256 {
  private var hash: [8 of UInt32] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
  ]
  private var block: [64 of UInt8] = .init(repeating: 0)
  private var filled = 0
  private var length: UInt64 = 0

  mutating func append(_ bytes: Span<UInt8>) {
    var at = 0
    // Whole blocks are read where they stand.
    if filled == 0 {
      while bytes.count - at >= 64 {
        compress(bytes.extracting(at..<at + 64))
        length &+= 512
        at += 64
      }
    }
    while at < bytes.count {
      append(bytes[at])
      at += 1
    }
  }

  mutating func append(_ byte: UInt8) {
    block[filled] = byte
    filled += 1
    length &+= 8
    if filled == 64 {
      let whole = block
      compress(whole.span)
      filled = 0
    }
  }

  /// Pads, and gives the digest in hex.
  mutating func finish() -> String {
    let bits = length
    append(0x80)
    while filled != 56 { append(0) }
    for shift in stride(from: 56, through: 0, by: -8) { append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
    var text = ""
    text.reserveCapacity(64)
    for index in hash.indices {
      let word = String(hash[index], radix: 16)
      text += String(repeating: "0", count: 8 - word.count) + word
    }
    return text
  }

  private mutating func compress(_ block: Span<UInt8>) {
    var schedule: [16 of UInt32] = .init(repeating: 0)
    for index in 0..<16 {
      let at = index &* 4
      schedule[index] =
        UInt32(block[at]) << 24 | UInt32(block[at &+ 1]) << 16 | UInt32(block[at &+ 2]) << 8 | UInt32(block[at &+ 3])
    }
    var (a, b, c, d) = (hash[0], hash[1], hash[2], hash[3])
    var (e, f, g, h) = (hash[4], hash[5], hash[6], hash[7])
    let constants = Self.constants.span
    for index in 0..<64 {
      let slot = index & 15
      // From the seventeenth on, each word follows from four of the sixteen before it.
      if index >= 16 {
        let (early, late) = (schedule[(slot &+ 1) & 15], schedule[(slot &+ 14) & 15])
        let small0 = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
        let small1 = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
        schedule[slot] = schedule[slot] &+ small0 &+ schedule[(slot &+ 9) & 15] &+ small1
      }
      let big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      let first = h &+ big1 &+ (e & f ^ ~e & g) &+ constants[index] &+ schedule[slot]
      let big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
      let second = big0 &+ (a & b ^ a & c ^ b & c)
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
    }
    hash[0] &+= a
    hash[1] &+= b
    hash[2] &+= c
    hash[3] &+= d
    hash[4] &+= e
    hash[5] &+= f
    hash[6] &+= g
    hash[7] &+= h
  }

  /// Rotated right by `count` bits.
  @inline(__always)
  private func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = [
    0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
    0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
    0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
    0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
    0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
    0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
    0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
    0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
  ]
}
