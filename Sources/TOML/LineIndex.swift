/// On which line of a TOML text each key stands.
///
/// The parser gives values without their places, so the places are found by a second, simpler look at a text
/// that is already known to be well-formed: headers and `key =` at the start of a line, outside strings and
/// lists. A path without a line of its own takes that of the nearest thing around it. It works on bytes: a
/// configuration of a thousand meters is read at each start, and all that matters here is ASCII.
struct LineIndex {
  private var lines: [String: Int] = [:]
  /// The first header without a name, by its line and by the bytes before that line.
  private(set) var unnamedHeader: (line: Int, bytesBefore: Int)?

  init(toml: String) {
    var table = ""
    var counts: [String: Int] = [:]
    var nesting = Nesting()
    var bytes = Array(toml.utf8)[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    for (index, text) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard nesting.isTop else {
        nesting.pass(text)
        continue
      }
      let line = text.drop(while: Self.isBlank)
      guard line.first == UInt8(ascii: "[") else {
        if let key = Self.key(line) { lines[table.isEmpty ? key : "\(table).\(key)"] = index + 1 }
        nesting.pass(line)
        continue
      }
      let isList = line.dropFirst().first == UInt8(ascii: "[")
      let header = line.dropFirst(isList ? 2 : 1)
      if unnamedHeader == nil, !Self.hasName(header) { unnamedHeader = (index + 1, text.startIndex) }
      table = Self.resolve(Self.header(header), counts)
      if isList {
        counts[table, default: -1] += 1
        if lines[table] == nil { lines[table] = index + 1 }
        table = "\(table)[\(counts[table, default: 0])]"
      }
      lines[table] = index + 1
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  /// True where a name may begin after the brackets, or where there is something else that the parser refuses.
  private static func hasName(_ header: ArraySlice<UInt8>) -> Bool {
    guard let first = header.drop(while: isBlank).first else { return false }
    switch first {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "\""),
      UInt8(ascii: "'"), UInt8(ascii: "]"):
      return true
    default: return false
    }
  }

  /// The line of `path`, or of what encloses it; 0 for the top of the file.
  func line(of path: String) -> Int {
    var place = path[...]
    while !place.isEmpty {
      if let line = lines[String(place)] { return line }
      guard let cut = place.lastIndex(where: { $0 == "." || $0 == "[" }) else { return 0 }
      place = place[..<cut]
    }
    return 0
  }

  /// Puts the number of the open element behind each list in a header: `line.meter` in the second line is
  /// `line[1].meter`.
  private static func resolve(_ header: String, _ counts: [String: Int]) -> String {
    let parts = header.split(separator: ".").map(String.init)
    var path = ""
    for (index, part) in parts.enumerated() {
      path = path.isEmpty ? part : "\(path).\(part)"
      if index < parts.count - 1, let count = counts[path] { path += "[\(count)]" }
    }
    return path
  }

  private static func header(_ text: ArraySlice<UInt8>) -> String {
    plain(text.prefix { $0 != UInt8(ascii: "]") })
  }

  /// The key before `=`, without quotes; `nil` when the line is no assignment.
  private static func key(_ line: ArraySlice<UInt8>) -> String? {
    guard let first = line.first, first != UInt8(ascii: "#"), let equals = line.firstIndex(of: UInt8(ascii: "="))
    else { return nil }
    let name = plain(line[..<equals])
    return name.isEmpty ? nil : name
  }

  /// Without blanks and quotes.
  private static func plain(_ text: ArraySlice<UInt8>) -> String {
    String(
      decoding: text.filter { byte in
        byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\t") && byte != UInt8(ascii: "\"")
          && byte != UInt8(ascii: "'")
      }, as: UTF8.self)
  }
}
