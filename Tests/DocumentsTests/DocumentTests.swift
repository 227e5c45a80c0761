import Documents
import TOML
import Testing

private func document(_ toml: String) throws -> Document { try Document(toml: toml, file: "test.toml") }

/// What the first error of reading `toml` says.
private func complaint(_ toml: String, _ read: (inout TableReader) throws -> Void) -> String {
  do {
    var reader = try document(toml).reader()
    try read(&reader)
    try reader.finish()
    return "no error"
  } catch {
    return "\(error)"
  }
}

@Suite struct DocumentTests {
  @Test func `values of every kind are read`() throws {
    let text = """
      name = "bus1"
      baud = 9600
      echo = true
      read = ["a", "b"]
      [inner]
      x = 1
      [[line]]
      [[line]]
      y = 2
      """
    var reader = try document(text).reader()
    #expect(try reader.string("name") == "bus1")
    #expect(try reader.integer("baud", in: 300...115_200) == 9600)
    #expect(try reader.optionalBoolean("echo") == true)
    #expect(try reader.optionalStrings("read") == ["a", "b"])
    var inner = try #require(try reader.optionalTable("inner"))
    #expect(try inner.integer("x") == 1)
    #expect(try reader.tables("line").count == 2)
    try reader.finish()
  }

  @Test func `an unknown key is an error with file, line and key`() {
    let text = "name = \"x\"\n\n# comment\nnmae = 1\n"
    #expect(complaint(text) { _ = try $0.string("name") } == "test.toml:4: nmae: unknown key; keys here are name")
  }

  @Test func `a key of a nested list names its element and line`() {
    let text = """
      [[line]]
      name = "a"
      [[line.meter]]
      address = "1"
      [[line]]
      name = "b"
      [[line.meter]]
      address = "2"
      [[line.meter]]
      address = 3
      """
    let message = complaint(text) { reader in
      for var line in try reader.tables("line") {
        _ = try line.string("name")
        for var meter in try line.tables("meter") { _ = try meter.string("address") }
      }
    }
    #expect(message == "test.toml:10: line[1].meter[1].address: expected a string in quotes, found a whole number")
  }

  @Test func `a missing key is reported at its table`() {
    #expect(
      complaint("\n[station]\n") { reader in
        var inner = try #require(try reader.optionalTable("station"))
        _ = try inner.string("name")
      } == "test.toml:2: station.name: this key is required")
  }

  @Test func `a binary fraction is refused where a decimal string belongs`() {
    #expect(
      complaint("price = 0.65") { _ = try $0.string("price") }
        == "test.toml:1: price: expected a string in quotes, found a number with a point")
  }

  @Test func `brackets and equals signs inside strings and lists do not move lines`() {
    let text = """
      a = "x = [["
      b = [
        "one",
        "two = 2",
      ]
      c = \"\"\"
      d = 4
      \"\"\"
      e = 5
      """
    #expect(
      complaint(text) { reader in
        _ = try reader.string("a")
        _ = try reader.optionalStrings("b")
        _ = try reader.string("c")
      } == "test.toml:9: e: unknown key; keys here are a, b, c")
  }

  @Test func `a syntax error tells its line`() {
    #expect(complaint("a = 1\nb = 000123\n") { _ in }.hasPrefix("test.toml:2: not TOML: "))
  }

  @Test func `lists and strings of several lines end where they end`() {
    let text = """
      a = [\"\"\"
      [not = 1\"\"\", "]", 'x',
      ] # ]
      b = { c = \"\"\"\\\"\"\"
      "\"\"\"\" }
      [late]
      e = 5
      """
    #expect(
      complaint(text) { reader in
        _ = try reader.optionalStrings("a")
        _ = try reader.optionalTable("b")
        let late = try #require(try reader.optionalTable("late"))
        try late.finish()
      } == "test.toml:7: late.e: unknown key")
  }

  /// Each of these ends the process inside the parser, unless it is kept from it.
  @Test(arguments: [
    "[# comment", "[", "[[\t= x", "[\"a\".]\n[.b]", "[\n]", "\u{FEFF}[\u{E9}]", "a = [\"\"\"\n\"\"\"]\n[{}]",
  ])
  func `a header without a name is an error with its line`(_ text: String) {
    #expect(complaint("\(text)\n") { _ in }.contains("not TOML: "))
  }

  @Test func `a mistake before a header without a name is told first`() {
    #expect(complaint("a = 1\nb = 000123\n[#\n") { _ in }.hasPrefix("test.toml:2: not TOML: "))
    #expect(complaint("a = 1\n[#\n") { _ in } == "test.toml:2: not TOML: the name of a table must follow its bracket")
  }

  @Test func `numbers out of range say the range`() {
    #expect(complaint("n = 7") { _ = try $0.integer("n", in: 1...5) } == "test.toml:1: n: 7 is outside 1 to 5")
  }
}
