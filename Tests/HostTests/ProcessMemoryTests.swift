import Testing

@testable import Host

@Suite struct ProcessMemoryTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let line: String
    let range: Range<UInt>?
    var testDescription: String { line }

    init(_ line: String, _ range: Range<UInt>? = nil) {
      self.line = line
      self.range = range
    }
  }

  static let rows = [
    Row(
      "55d0c0000000-55d0c1400000 r-xp 00000000 08:01 131090                     /usr/bin/meterd\n",
      0x55D0_C000_0000..<0x55D0_C140_0000),
    Row("7f00-7f10 r-xp 00000000 08:01 9 /usr/lib/a b.so\n", 0x7F00..<0x7F10),
    // Relocated, written, private or the kernel's: what is dropped there is lost, or nothing.
    Row("55d0c1400000-55d0c1480000 r--p 013e1000 08:01 131090                     /usr/bin/meterd\n"),
    Row("55d0c1480000-55d0c1700000 rw-p 01461000 08:01 131090                     /usr/bin/meterd\n"),
    Row("7f2da8000000-7f2da8021000 r-xp 00000000 00:00 0\n"),
    Row("7ffd1b5f2000-7ffd1b5f4000 r-xp 00000000 00:00 0                          [vdso]\n"),
    Row("7f10-7f00 r-xp 00000000 08:01 9 /usr/lib/a.so\n"), Row("x-y r-xp 0 0 0 /a\n"), Row(""),
  ]

  @Test(arguments: rows) func `only code of files is let go`(_ row: Row) {
    #expect(ProcessMemory.codeRange(of: Array(row.line.utf8)) == row.range)
  }

  @Test func `what was let go comes back when it is needed`() {
    for _ in 0..<3 {
      ProcessMemory.release()
      #expect([3, 1, 2].sorted() == [1, 2, 3])
    }
  }
}
