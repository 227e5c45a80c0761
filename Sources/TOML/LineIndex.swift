/// On which line of a TOML text each key stands.
///
/// The parser gives values without their places, so the places are found by a second, simpler look at a text
/// that is already known to be well-formed: headers and `key =` at the start of a line, outside strings and
/// lists. A path without a line of its own takes that of the nearest thing around it.
struct LineIndex {
  private var lines: [String: Int] = [:]

  init(toml: String) {
    var table = ""
    var counts: [String: Int] = [:]
    var depth = 0
    var multiline: String?
    for (index, text) in toml.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = text.drop { $0 == " " || $0 == "\t" }
      if let quotes = multiline {
        if line.contains(quotes) { multiline = nil }
        continue
      }
      if depth == 0, line.hasPrefix("[[") {
        let name = Self.resolve(Self.header(line.dropFirst(2)), counts)
        counts[name, default: -1] += 1
        table = "\(name)[\(counts[name, default: 0])]"
        if lines[name] == nil { lines[name] = index + 1 }
        lines[table] = index + 1
      } else if depth == 0, line.hasPrefix("[") {
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

  private static func header(_ text: Substring) -> String {
    String(text.prefix { $0 != "]" }.filter { $0 != " " && $0 != "\"" && $0 != "'" })
  }

  /// The key before `=`, without quotes; `nil` when the line is no assignment.
  private static func key(_ line: Substring) -> String? {
    guard let first = line.first, first != "#", let equals = line.firstIndex(of: "=") else { return nil }
    let name = line[..<equals].filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" }
    return name.isEmpty ? nil : String(name)
  }

  /// Brackets opened less brackets closed outside strings and comments; `opening` becomes the quotes of a
  /// multi-line string that this line starts and does not end.
  private static func bracketBalance(_ line: Substring, opening: inout String?) -> Int {
    var balance = 0
    var quote: Character?
    var escaped = false
    var rest = line
    while let character = rest.first {
      if quote == nil, rest.hasPrefix("\"\"\"") || rest.hasPrefix("'''") {
        let quotes = String(rest.prefix(3))
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
        } else if character == "\\", open == "\"" {
          escaped = true
        } else if character == open {
          quote = nil
        }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if character == "#" {
        return balance
      } else if character == "[" || character == "{" {
        balance += 1
      } else if character == "]" || character == "}" {
        balance -= 1
      }
    }
    return balance
  }
}
