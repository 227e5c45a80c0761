internal import Documents

/// What is wrong with a text that is no TOML.
struct SyntaxFault: Error {
  /// From 1.
  let line: Int
  let detail: String
}

/// Reads a TOML text, byte by byte; every path through it ends in a table or in a fault with its line.
///
/// Source: TOML v1.0.0, toml.io. Names without quotes are ASCII; at most `deepest` levels stand in one another.
struct Parser {
  static let deepest = 32

  private(set) var bytes: ArraySlice<UInt8>
  private(set) var line = 1

  /// The tables of a text, the outermost first.
  static func parse(_ text: String) throws(SyntaxFault) -> Building {
    var parser = Parser(bytes: Array(text.utf8)[...])
    return try parser.document()
  }

  private mutating func document() throws(SyntaxFault) -> Building {
    let root = Building(line: 0, origin: .header)
    var table = root
    // A byte-order mark.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    while true {
      skipBlanks()
      switch bytes.first {
      case nil: return root
      case UInt8(ascii: "["): table = try header(from: root)
      case UInt8(ascii: "#"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): break
      case .some: try assignment(into: table, depth: 0)
      }
      try endOfLine()
    }
  }

  /// The table that the lines after a header belong to.
  private mutating func header(from root: Building) throws(SyntaxFault) -> Building {
    let isList = bytes.starts(with: [UInt8(ascii: "["), UInt8(ascii: "[")])
    bytes = bytes.dropFirst(isList ? 2 : 1)
    let start = line
    let path = try keyPath()
    try expect(UInt8(ascii: "]"), "the header of a table")
    // The two brackets of a list stand together.
    if isList, !take(UInt8(ascii: "]")) {
      throw fault("\"]\" must follow the header of a table, not \(described(bytes.first))")
    }
    do throws(Building.Clash) {
      return try root.open(path, asList: isList, line: start)
    } catch {
      throw fault(error.detail, at: start)
    }
  }

  private mutating func assignment(into table: Building, depth: Int) throws(SyntaxFault) {
    let start = line
    let path = try keyPath()
    try expect(UInt8(ascii: "="), "a name")
    skipBlanks()
    let value = try value(depth: depth)
    do throws(Building.Clash) {
      try table.set(path, to: Entry(line: start, value: value), line: start)
    } catch {
      throw fault(error.detail, at: start)
    }
  }

  /// Names with points between them, and the blanks around.
  private mutating func keyPath() throws(SyntaxFault) -> [String] {
    var path: [String] = []
    repeat {
      skipBlanks()
      path.append(try key())
      skipBlanks()
      guard path.count <= Self.deepest else { throw fault("a name of more than \(Self.deepest) parts") }
    } while take(UInt8(ascii: "."))
    return path
  }

  private mutating func key() throws(SyntaxFault) -> String {
    switch bytes.first {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      let quote = bytes.first ?? 0
      guard !bytes.starts(with: [quote, quote, quote]) else { throw fault("a name of several lines") }
      return try string()
    default:
      let name = bytes.prefix { isNameByte($0) }
      guard !name.isEmpty else { throw fault("a name must stand here, not \(described(bytes.first))") }
      bytes = bytes.dropFirst(name.count)
      return String(decoding: name, as: UTF8.self)
    }
  }
}

extension Parser {
  private mutating func value(depth: Int) throws(SyntaxFault) -> EntryValue {
    guard depth <= Self.deepest else { throw fault("more than \(Self.deepest) lists in one another") }
    switch bytes.first {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
    case UInt8(ascii: "["): return .array(try list(depth: depth))
    case UInt8(ascii: "{"): return .table(try inlineTable(depth: depth))
    default: return try scalar()
    }
  }

  private mutating func list(depth: Int) throws(SyntaxFault) -> [Entry] {
    bytes = bytes.dropFirst()
    var items: [Entry] = []
    while true {
      try skipLines()
      if take(UInt8(ascii: "]")) { return items }
      let start = line
      items.append(Entry(line: start, value: try value(depth: depth + 1)))
      try skipLines()
      if take(UInt8(ascii: "]")) { return items }
      try expect(UInt8(ascii: ","), "an item of a list")
    }
  }

  private mutating func inlineTable(depth: Int) throws(SyntaxFault) -> Table {
    bytes = bytes.dropFirst()
    let table = Building(line: line, origin: .inline)
    skipBlanks()
    if take(UInt8(ascii: "}")) { return table.finished() }
    while true {
      try assignment(into: table, depth: depth + 1)
      skipBlanks()
      if take(UInt8(ascii: "}")) { return table.finished() }
      try expect(UInt8(ascii: ","), "a value of a table in braces")
    }
  }

  /// A number, a date, true or false: all that has no quotes.
  private mutating func scalar() throws(SyntaxFault) -> EntryValue {
    var word = bytes.prefix { isScalarByte($0) }
    // A date may be followed by its time after one space.
    if word.count == 10, word.dropFirst(4).first == UInt8(ascii: "-"), bytes.dropFirst(10).first == UInt8(ascii: " "),
      bytes.dropFirst(11).first.map(isDigit) == true
    {
      word = bytes.prefix(11 + bytes.dropFirst(11).prefix { isScalarByte($0) }.count)
    }
    guard !word.isEmpty else { throw fault("a value must stand here, not \(described(bytes.first))") }
    guard let value = Scalar.read(word) else {
      let text = String(decoding: word.prefix(40), as: UTF8.self) + (word.count > 40 ? "..." : "")
      guard !Scalar.isTooLong(word) else {
        throw fault("\(text) is a whole number beyond 64 bits; numbers of such length stand in quotes")
      }
      throw fault("\(text) is no value; texts stand in quotes")
    }
    bytes = bytes.dropFirst(word.count)
    return value
  }
}

extension Parser {
  /// A string with its quotes, of one line or of several.
  private mutating func string() throws(SyntaxFault) -> String {
    let quote = bytes.first ?? 0
    let isLong = bytes.starts(with: [quote, quote, quote])
    bytes = bytes.dropFirst(isLong ? 3 : 1)
    let start = line
    var text: [UInt8] = []
    if isLong { _ = takeLineEnd() }
    while let byte = bytes.first {
      if byte == quote, !isLong || bytes.starts(with: [quote, quote, quote]) {
        bytes = bytes.dropFirst(isLong ? 3 : 1)
        // Up to two quotes may stand right before those that end a string of several lines.
        for _ in 0..<(isLong ? 2 : 0) where take(quote) { text.append(quote) }
        return String(decoding: text, as: UTF8.self)
      }
      if isLong, takeLineEnd() {
        text.append(UInt8(ascii: "\n"))
      } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        bytes = bytes.dropFirst()
        if isLong, skipsLineEnd() { continue }
        text += try escape()
      } else {
        guard byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t") else {
          throw fault("\(described(byte)) in a string that began on line \(start)")
        }
        text.append(byte)
        bytes = bytes.dropFirst()
      }
    }
    throw fault("the string that began here does not end", at: start)
  }

  /// What follows a backslash.
  private mutating func escape() throws(SyntaxFault) -> [UInt8] {
    guard let letter = bytes.popFirst() else { throw fault("the text ends in a backslash") }
    switch letter {
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [letter]
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = letter == UInt8(ascii: "u") ? 4 : 8
      let digits = bytes.prefix(count)
      guard digits.count == count, digits.allSatisfy(isHexDigit),
        let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16), let scalar = Unicode.Scalar(code)
      else { throw fault("\\\(Character(Unicode.Scalar(letter))) without the number of a character") }
      bytes = bytes.dropFirst(count)
      return Array(String(Character(scalar)).utf8)
    default: throw fault("a backslash before \(described(letter))")
    }
  }

  /// Passes over blanks and lines up to the next text, where a backslash ended its line.
  private mutating func skipsLineEnd() -> Bool {
    var rest = self
    rest.skipBlanks()
    guard rest.takeLineEnd() else { return false }
    repeat { rest.skipBlanks() } while rest.takeLineEnd()
    self = rest
    return true
  }
}

extension Parser {
  private func fault(_ detail: String, at line: Int? = nil) -> SyntaxFault {
    SyntaxFault(line: line ?? self.line, detail: detail)
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard bytes.first == byte else { return false }
    bytes = bytes.dropFirst()
    return true
  }

  private mutating func expect(_ byte: UInt8, _ after: String) throws(SyntaxFault) {
    skipBlanks()
    guard take(byte) else { throw fault("\(described(byte)) must follow \(after), not \(described(bytes.first))") }
  }

  private mutating func skipBlanks() { bytes = bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }

  private mutating func takeLineEnd() -> Bool {
    guard bytes.first == UInt8(ascii: "\n") || bytes.starts(with: [0x0D, 0x0A]) else { return false }
    bytes = bytes.dropFirst(bytes.first == 0x0A ? 1 : 2)
    line += 1
    return true
  }

  private mutating func skipComment() throws(SyntaxFault) {
    guard bytes.first == UInt8(ascii: "#") else { return }
    bytes = bytes.drop { $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") }
    guard bytes.isEmpty || bytes.first == 0x0A || bytes.first == 0x0D else {
      throw fault("\(described(bytes.first)) in a comment")
    }
  }

  /// Blanks, comments and line ends, as between the items of a list.
  private mutating func skipLines() throws(SyntaxFault) {
    repeat {
      skipBlanks()
      try skipComment()
    } while takeLineEnd()
  }

  private mutating func endOfLine() throws(SyntaxFault) {
    skipBlanks()
    try skipComment()
    guard takeLineEnd() || bytes.isEmpty else {
      throw fault("the line must end here, not go on with \(described(bytes.first))")
    }
  }
}

/// What a person calls the byte that stands in the way.
private func described(_ byte: UInt8?) -> String {
  switch byte {
  case nil: "the end of the text"
  case UInt8(ascii: "\n"), UInt8(ascii: "\r"): "the end of the line"
  case .some(let byte) where (0x21...0x7E).contains(byte): "\"\(Character(Unicode.Scalar(byte)))\""
  case UInt8(ascii: " "): "a space"
  case .some(let byte) where byte >= 0x80: "a character beyond ASCII"
  case .some: "a control character"
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func isHexDigit(_ byte: UInt8) -> Bool {
  isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
}

private func isNameByte(_ byte: UInt8) -> Bool {
  isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
}

private func isScalarByte(_ byte: UInt8) -> Bool {
  isNameByte(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
}
