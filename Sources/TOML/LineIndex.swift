/// On which line of a TOML text each key stands.
///
/// The parser gives values without their places, so the places are found by a second, simpler look at a text
/// that is already known to be well-formed: headers and `key =` at the start of a line, outside strings and
/// lists. A path without a line of its own takes that of the nearest thing around it. It works on bytes: a
/// configuration of a thousand meters is read at each start, and all that matters here is ASCII.
struct LineIndex {
  private var lines: [String: Int] = [:]

  init(toml: String) {
    var table = ""
    var counts: [String: Int] = [:]
    var depth = 0
    var multiline: [UInt8]?
    let bytes = Array(toml.utf8)
    for (index, text) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let line = text.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      if let quotes = multiline {
        if line.contains(quotes) { multiline = nil }
        continue
      }
      let opens = line.first == UInt8(ascii: "[")
      if depth == 0, opens, line.dropFirst().first == UInt8(ascii: "[") {
        let name = Self.resolve(Self.header(line.dropFirst(2)), counts)
        counts[name, default: -1] += 1
        table = "\(name)[\(counts[name, default: 0])]"
        if lines[name] == nil { lines[name] = index + 1 }
        lines[table] = index + 1
      } else if depth == 0, opens {
        table = Self.resolve(Self.header(line.dropFirst()), counts)
        lines[table] = index + 1
      } else {
        if depth == 0, let key = Self.key(line) {
          let path = table.isEmpty ? key : "\(table).\(key)"
          lines[path] = index + 1
        }
        depth = max(0, depth + Self.bracketBalance(line, opening: &multiline))
      }
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

  /// Brackets opened less brackets closed outside strings and comments; `opening` becomes the quotes of a
  /// multi-line string that this line starts and does not end.
  private static func bracketBalance(_ line: ArraySlice<UInt8>, opening: inout [UInt8]?) -> Int {
    var balance = 0
    var quote: UInt8?
    var escaped = false
    var rest = line
    while let byte = rest.first {
      let isQuote = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
      if quote == nil, isQuote, rest.count >= 3, rest.prefix(3).allSatisfy({ $0 == byte }) {
        let quotes = [byte, byte, byte]
        guard let end = rest.dropFirst(3).firstRange(of: quotes) else {
          opening = quotes
          return balance
        }
        rest = rest[end.upperBound...]
        continue
      }
      rest = rest.dropFirst()
      if let open = quote {
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\"), open == UInt8(ascii: "\"") {
          escaped = true
        } else if byte == open {
          quote = nil
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = byte
      case UInt8(ascii: "#"): return balance
      case UInt8(ascii: "["), UInt8(ascii: "{"): balance += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): balance -= 1
      default: break
      }
    }
    return balance
  }
}
