/// Writes JSON with the keys in the order they are given, without spaces: the same values, the same bytes.
struct CanonicalJSON {
  private var bytes: [UInt8] = []
  private var first = true

  /// A complete object.
  static func object(_ fill: (inout CanonicalJSON) -> Void) -> String {
    var json = CanonicalJSON()
    json.bytes.reserveCapacity(4096)
    json.braces(fill)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  mutating func string(_ key: String, _ value: String?) {
    open(key)
    if let value { quote(value) } else { write("null") }
  }

  mutating func number(_ key: String, _ value: Int?) {
    open(key)
    write(value.map { "\($0)" } ?? "null")
  }

  mutating func boolean(_ key: String, _ value: Bool) {
    open(key)
    write(value ? "true" : "false")
  }

  mutating func object(_ key: String, _ fill: (inout CanonicalJSON) -> Void) {
    open(key)
    braces(fill)
  }

  mutating func strings(_ key: String, _ values: some Sequence<String>) {
    list(key, values) { json, value in json.quote(value) }
  }

  mutating func numbers(_ key: String, _ values: some Sequence<Int>) {
    list(key, values) { json, value in json.write("\(value)") }
  }

  mutating func objects<Item>(
    _ key: String, _ items: some Sequence<Item>, _ fill: (inout CanonicalJSON, Item) -> Void
  ) {
    list(key, items) { json, item in json.braces { fill(&$0, item) } }
  }

  /// Texts that are JSON already.
  mutating func texts(_ key: String, _ values: some Sequence<String>) {
    list(key, values) { json, value in json.write(value) }
  }

  private mutating func list<Item>(
    _ key: String, _ items: some Sequence<Item>, _ put: (inout CanonicalJSON, Item) -> Void
  ) {
    open(key)
    write("[")
    var separator = ""
    for item in items {
      write(separator)
      separator = ","
      put(&self, item)
    }
    write("]")
  }

  private mutating func braces(_ fill: (inout CanonicalJSON) -> Void) {
    write("{")
    first = true
    fill(&self)
    write("}")
    first = false
  }

  private mutating func open(_ key: String) {
    write(first ? "\"" : ",\"")
    first = false
    write(key)
    write("\":")
  }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// A string in quotes; only what JSON demands is escaped.
  private mutating func quote(_ value: String) {
    write("\"")
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      write(value)
    } else {
      for scalar in value.unicodeScalars { escape(scalar) }
    }
    write("\"")
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\"": write("\\\"")
    case "\\": write("\\\\")
    case "\n": write("\\n")
    case "\r": write("\\r")
    case "\t": write("\\t")
    case "\u{0}"..."\u{1F}": write((scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16))
    default: write(String(scalar))
    }
  }
}
