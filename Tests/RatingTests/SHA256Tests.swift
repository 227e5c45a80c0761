import Rating
import Testing

struct DigestCase: Sendable, CustomTestStringConvertible {
  let name: String
  let message: [UInt8]
  let digest: String
  var testDescription: String { name }
}

@Suite struct SHA256Tests {
  /// Source: NIST, examples for FIPS 180-4, and the CAVP short messages.
  static let cases = [
    DigestCase(
      name: "empty", message: [], digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    DigestCase(
      name: "abc", message: Array("abc".utf8),
      digest: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    DigestCase(
      name: "two blocks", message: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
      digest: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    DigestCase(
      name: "four blocks",
      message: Array(
        ("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
          + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu").utf8),
      digest: "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"),
    DigestCase(
      name: "one byte", message: [0xD3], digest: "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
    DigestCase(
      name: "a million a", message: Array(repeating: UInt8(ascii: "a"), count: 1_000_000),
      digest: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]

  @Test(arguments: cases) func `a message has its published digest`(_ example: DigestCase) {
    #expect(sha256Hex(example.message) == example.digest)
  }
}
