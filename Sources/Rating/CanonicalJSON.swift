/// Writes JSON with the keys in the order they are given, without spaces: the same values, the same bytes.
struct CanonicalJSON {
  private(set) var text = "{"
  private var first = true

  /// A complete object.
  static func object(_ fill: (inout CanonicalJSON) -> Void) -> String {
    var json = CanonicalJSON()
    fill(&json)
    return json.text + "}"
  }

  mutating func string(_ key: String, _ value: String?) { raw(key, value.map(Self.quoted) ?? "null") }
  mutating func number(_ key: String, _ value: Int?) { raw(key, value.map { "\($0)" } ?? "null") }
  mutating func boolean(_ key: String, _ value: Bool) { raw(key, value ? "true" : "false") }
  mutating func strings(_ key: String, _ values: some Sequence<String>) { list(key, values.map(Self.quoted)) }
  mutating func numbers(_ key: String, _ values: some Sequence<Int>) { list(key, values.map { "\($0)" }) }
  mutating func object(_ key: String, _ fill: (inout CanonicalJSON) -> Void) { raw(key, Self.object(fill)) }
  mutating func objects<Item>(
    _ key: String, _ items: some Sequence<Item>, _ fill: (inout CanonicalJSON, Item) -> Void
  ) {
    list(key, items.map { item in Self.object { fill(&$0, item) } })
  }

  private mutating func list(_ key: String, _ items: [String]) { raw(key, "[\(items.joined(separator: ","))]") }

  private mutating func raw(_ key: String, _ value: String) {
    if !first { text += "," }
    first = false
    text += "\"\(key)\":\(value)"
  }

  /// A string in quotes; only what JSON demands is escaped.
  private static func quoted(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{0}"..."\u{1F}":
        text +=
          scalar.value < 16 ? "\\u000\(String(scalar.value, radix: 16))" : "\\u00\(String(scalar.value, radix: 16))"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
