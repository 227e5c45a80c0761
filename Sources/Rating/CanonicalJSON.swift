/// Writes JSON with the keys in the order they are given, without spaces: the same values, the same bytes.
struct CanonicalJSON {
  private(set) var text = ""
  private var first = true

  /// A complete object.
  static func object(_ fill: (inout CanonicalJSON) -> Void) -> String {
    var json = CanonicalJSON()
    json.text.reserveCapacity(2048)
    json.braces(fill)
    return json.text
  }

  mutating func string(_ key: String, _ value: String?) {
    open(key)
    if let value { quote(value) } else { text += "null" }
  }

  mutating func number(_ key: String, _ value: Int?) {
    open(key)
    text += value.map { "\($0)" } ?? "null"
  }

  mutating func boolean(_ key: String, _ value: Bool) {
    open(key)
    text += value ? "true" : "false"
  }

  mutating func object(_ key: String, _ fill: (inout CanonicalJSON) -> Void) {
    open(key)
    braces(fill)
  }

  mutating func strings(_ key: String, _ values: some Sequence<String>) {
    list(key, values) { json, value in json.quote(value) }
  }

  mutating func numbers(_ key: String, _ values: some Sequence<Int>) {
    list(key, values) { json, value in json.text += "\(value)" }
  }

  mutating func objects<Item>(
    _ key: String, _ items: some Sequence<Item>, _ fill: (inout CanonicalJSON, Item) -> Void
  ) {
    list(key, items) { json, item in json.braces { fill(&$0, item) } }
  }

  private mutating func list<Item>(
    _ key: String, _ items: some Sequence<Item>, _ write: (inout CanonicalJSON, Item) -> Void
  ) {
    open(key)
    text += "["
    var separator = ""
    for item in items {
      text += separator
      separator = ","
      write(&self, item)
    }
    text += "]"
  }

  private mutating func braces(_ fill: (inout CanonicalJSON) -> Void) {
    text += "{"
    first = true
    fill(&self)
    text += "}"
    first = false
  }

  private mutating func open(_ key: String) {
    text += first ? "\"" : ",\""
    first = false
    text += key
    text += "\":"
  }

  /// A string in quotes; only what JSON demands is escaped.
  private mutating func quote(_ value: String) {
    text += "\""
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      text += value
    } else {
      for scalar in value.unicodeScalars { escape(scalar) }
    }
    text += "\""
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    case "\u{0}"..."\u{1F}": text += (scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)
    default: text.unicodeScalars.append(scalar)
    }
  }
}
