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
  @Test(arguments: [
    "[[a] ]", "[[a]\t]\nx = 1", "[[a]", "d = 2020-02-30", "d = 2021-02-29", "d = 1900-02-29T00:00:00Z",
    "d = 2026-04-31",
    "d = 0000-01-01",
  ])
  func `brackets apart and days of no calendar are refused`(_ toml: String) {
    #expect(throws: DocumentError.self) { try document(toml) }
  }

  @Test(arguments: [
    "[[a]]", "[[ a ]]", "d = 2020-02-29", "d = 2000-02-29T00:00:00Z", "d = 0001-12-31", "d = 2026-04-30",
  ])
  func `brackets together and days of the calendar are read`(_ toml: String) {
    #expect(throws: Never.self) { try document(toml) }
  }

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

  @Test(arguments: [1, 16, 17, 40]) func `a table is read by its names, however many it has`(_ count: Int) throws {
    let names = (0..<count).map { "key-\($0)" }
    let text = names.map { "\($0) = \($0.utf8.count)" }.joined(separator: "\n")
    var reader = try document(text).reader()
    #expect(reader.keys == names)
    for name in names.reversed() { #expect(try reader.integer(name) == name.utf8.count) }
    #expect(try reader.optionalInteger("absent") == nil)
    try reader.finish()
    let last = try #require(names.last)
    #expect(throws: DocumentError.self) { try document("\(text)\n\(last) = 1") }
    #expect(
      complaint("\(text)\ne\u{301}tage = 1") { _ in }.contains("not TOML"), "names without quotes are ASCII")
    let unread = complaint("\(text)\n\"e\u{301}\" = 1") { reader in
      for name in names + ["\u{E9}", "absent", "absent"] { _ = try reader.optionalInteger(name) }
    }
    let known = (names + ["\u{E9}", "absent"]).sorted().joined(separator: ", ")
    #expect(unread == "test.toml:\(count + 1): e\u{301}: unknown key; keys here are \(known)")
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

  struct Fault: Sendable, CustomTestStringConvertible {
    let text: String
    let says: String
    var testDescription: String { String(text.prefix(40)) }
  }

  static let faults = [
    Fault(text: "[# comment", says: ##"1: not TOML: a name must stand here, not "#""##),
    Fault(text: "a = 1\n[", says: "2: not TOML: a name must stand here, not the end of the text"),
    Fault(text: "[[\t= x", says: #"1: not TOML: a name must stand here, not "=""#),
    Fault(text: "[a]]", says: #"1: not TOML: the line must end here, not go on with "]""#),
    Fault(text: "[[a]", says: #"1: not TOML: "]" must follow the header of a table, not the end of the text"#),
    Fault(text: "\u{FEFF}[\u{E9}]", says: "1: not TOML: a name must stand here, not a character beyond ASCII"),
    Fault(text: "a = [\n1,,", says: #"2: not TOML: a value must stand here, not ",""#),
    Fault(text: "a = [1 2]", says: #"1: not TOML: "," must follow an item of a list, not "2""#),
    Fault(text: "a = {b = 1,}", says: #"1: not TOML: a name must stand here, not "}""#),
    Fault(text: "a = 2026-13-01", says: "1: not TOML: 2026-13-01 is no value; texts stand in quotes"),
    Fault(text: "a = 2054_726-12-017", says: "1: not TOML: 2054_726-12-017 is no value; texts stand in quotes"),
    Fault(text: "a = 000123", says: "1: not TOML: 000123 is no value; texts stand in quotes"),
    Fault(text: "a = bus1", says: "1: not TOML: bus1 is no value; texts stand in quotes"),
    Fault(
      text: "a = 9223372036854775808",
      says: "1: not TOML: 9223372036854775808 is a whole number beyond 64 bits; numbers of such length stand in quotes"),
    Fault(
      text: "a = [-9_223_372_036_854_775_809]",
      says:
        "1: not TOML: -9_223_372_036_854_775_809 is a whole number beyond 64 bits; numbers of such length stand in quotes"
    ),
    Fault(
      text: "a = 0x8000000000000000",
      says: "1: not TOML: 0x8000000000000000 is a whole number beyond 64 bits; numbers of such length stand in quotes"),
    Fault(
      text: "a = " + String(repeating: "9", count: 50),
      says:
        "1: not TOML: \(String(repeating: "9", count: 40))... is a whole number beyond 64 bits; numbers of such length stand in quotes"
    ),
    Fault(
      text: "a = 0129223372036854775808", says: "1: not TOML: 0129223372036854775808 is no value; texts stand in quotes"
    ),
    Fault(text: "a =", says: "1: not TOML: a value must stand here, not the end of the text"),
    Fault(text: "a 1", says: #"1: not TOML: "=" must follow a name, not "1""#),
    Fault(text: "a = 1 b = 2", says: #"1: not TOML: the line must end here, not go on with "b""#),
    Fault(text: "a = \"x\nb = 1", says: "1: not TOML: the end of the line in a string that began on line 1"),
    Fault(text: "a = '''\n\nx", says: "1: not TOML: the string that began here does not end"),
    Fault(text: #"a = "\q""#, says: #"1: not TOML: a backslash before "q""#),
    Fault(text: #"a = "\uD800""#, says: #"1: not TOML: \u without the number of a character"#),
    Fault(text: "a = 1\n\na = 2", says: "3: not TOML: a is there already"),
    Fault(text: "[a]\n[b]\n[a]", says: "3: not TOML: a is there already"),
    Fault(text: "[a.b]\n[a]\nb.c = 1", says: "3: not TOML: b is there already and takes nothing more"),
    // What a header or a name with points has made, tomllib lets no other extend.
    Fault(text: "[a.b.c]\n[a]\nb.c.d = 1", says: "3: not TOML: c is there already and takes nothing more"),
    Fault(text: "[a.b.c]\n[a]\nb.d = 1\n[a.b]", says: "4: not TOML: b is there already"),
    Fault(text: "[a.b.c]\n[a]\nb.d = 1\n[[a.b]]", says: "4: not TOML: b is there already"),
    Fault(text: "[a.b.c]\n[a]\nb = 1", says: "3: not TOML: b is there already"),
    Fault(text: "[[a.b]]\n[a]\nb.c = 1", says: "3: not TOML: b is there already and takes nothing more"),
    Fault(
      text: "[a.b.c.d]\n[a.b]\nc.e = 1\n[a]\nb.x = 1", says: "5: not TOML: b is there already and takes nothing more"),
    Fault(text: "a = {}\n[a.b]", says: "2: not TOML: a is there already and takes nothing more"),
    Fault(text: "a = [{}]\n[[a]]", says: "2: not TOML: a is there already"),
    Fault(
      text: "a = " + String(repeating: "[", count: 100_000), says: "1: not TOML: more than 32 lists in one another"),
    Fault(text: "a" + String(repeating: ".a", count: 100_000), says: "1: not TOML: a name of more than 32 parts"),
  ]

  @Test(arguments: faults)
  func `a text that is no TOML is an error with its line`(_ fault: Fault) {
    #expect(complaint(fault.text) { _ in } == "test.toml:" + fault.says)
  }

  @Test func `numbers, strings and names are what TOML says they are`() throws {
    let text = #"""
      whole = [0, -17, +1_000, 0xFF, 0o17, 0b101, -9223372036854775808]
      fractions = [1.5, -0.0, 1e3, 6.02_2E+23, inf, -nan]
      dates = [2026-10-15, 07:32:00.5, 2026-10-15T07:32:00+08:00, 2026-10-15 07:32:00Z]
      strings = ["a\tb\u00e9\U0001F600\"", 'C:\x', '', """
      one \
         line""""]
      'a b'."c".d = true
      """#
    let root = try document(text).root
    func list(_ key: TableKey) -> [EntryValue] {
      guard case .array(let items) = root.entries[key]?.value else { return [] }
      return items.map(\.value)
    }
    #expect(list("whole") == [0, -17, 1000, 255, 15, 5, Int64.min].map(EntryValue.integer))
    #expect(list("fractions") == ["1.5", "-0.0", "1e3", "6.02_2E+23", "inf", "-nan"].map(EntryValue.fraction))
    #expect(
      list("dates")
        == ["2026-10-15", "07:32:00.5", "2026-10-15T07:32:00+08:00", "2026-10-15 07:32:00Z"].map(EntryValue.date))
    #expect(list("strings") == ["a\tb\u{E9}\u{1F600}\"", "C:\\x", "", "one line\""].map(EntryValue.string))
    let flag = Entry(line: 7, value: .boolean(true))
    let inner = Entry(line: 7, value: .table(Table(line: 7, entries: ["d": flag])))
    #expect(root.entries["a b"]?.value == .table(Table(line: 7, entries: ["c": inner])))
  }

  @Test func `a table that only the path of a header has named takes names with points`() throws {
    for text in ["[a.b.c]\n[a]\nb.d=1", "[a.b.c]\n[a]\nb.d=1\n[a.b.e]", "[a.b.c]\n[a]\nb.d=1\nb.e=2"] {
      guard case .table(let a) = try document(text).root.entries["a"]?.value,
        case .table(let b) = a.entries["b"]?.value
      else {
        Issue.record("no table in \(text)")
        continue
      }
      #expect(b.entries["d"]?.value == .integer(1))
      #expect(b.entries["c"]?.value == .table(Table(line: 1, entries: [:])))
    }
  }

  @Test func `names that only look alike are two`() throws {
    let text = "\"\u{E9}\" = 1\n\"e\u{301}\" = 2\n[\"\u{C5}\"]\n[\"A\u{30A}\"]\n"
    let root = try document(text).root
    #expect(root.entries.count == 4)
    #expect(root.entries["\u{E9}"]?.value == .integer(1))
    #expect(root.entries["e\u{301}"]?.value == .integer(2))
    var reader = try document("\"\u{E9}\" = 1\n\"e\u{301}\" = 2").reader()
    #expect(try reader.integer("\u{E9}") == 1)
    #expect(throws: DocumentError.self) { try reader.finish() }
    #expect(try reader.integer("e\u{301}") == 2)
    #expect(throws: Never.self) { try reader.finish() }
    #expect(throws: DocumentError.self) { try document("\"\u{E9}\" = 1\n\"\u{E9}\" = 2") }
  }

  @Test func `a number with a point may be of any length`() throws {
    let root = try document("a = 12345678901234567890.5\nb = 123456789012345678901e1").root
    #expect(root.entries["a"]?.value == .fraction("12345678901234567890.5"))
    #expect(root.entries["b"]?.value == .fraction("123456789012345678901e1"))
  }

  @Test func `numbers out of range say the range`() {
    #expect(complaint("n = 7") { _ = try $0.integer("n", in: 1...5) } == "test.toml:1: n: 7 is outside 1 to 5")
  }
}
