import Testing

@testable import Store

@Suite struct ChecksumTests {
  // Source: RFC 3720, appendix B.4, and the usual check word.
  @Test(
    arguments: [
      (Array("123456789".utf8), 0xE306_9283), (Array(repeating: UInt8(0), count: 32), 0x8A91_36AA),
      (Array(UInt8(0)...31), 0x46DD_794E), ([], 0),
    ] as [([UInt8], Int64)])
  func `known bytes have their known sums`(_ bytes: [UInt8], _ expected: Int64) {
    var sum = Checksum()
    sum.add(bytes: bytes)
    #expect(sum.value == expected)
  }

  @Test func `text that moves from one column to the next changes the sum`() {
    var first = Checksum(), second = Checksum()
    first.add("ab")
    first.add("c")
    second.add("a")
    second.add("bc")
    #expect(first.value != second.value)
  }
}
