/// The lines of a TOML file, as far as a test needs them: `key = value`, also inside `{ }`.
struct DataFile {
  let lines: [Substring]

  init(_ text: String) {
    lines = text.split(whereSeparator: \.isNewline).filter { !$0.drop(while: \.isWhitespace).starts(with: "#") }
  }

  /// The strings that `key` is set to, in order.
  func strings(_ key: String) -> [String] {
    lines.flatMap { line in
      line.matches(of: /(?:^|[\s{,])([A-Za-z0-9_-]+)\s*=\s*"([^"]*)"/).filter { $0.1 == key }.map { String($0.2) }
    }
  }

  /// True where at least one source is given, and none is empty.
  var hasSource: Bool {
    let sources = strings("source")
    return !sources.isEmpty && sources.allSatisfy { $0.contains(where: \.isLetter) }
  }
}
