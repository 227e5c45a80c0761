internal import Metering

/// Writes JSON with the keys in the order they are given, without spaces: the same values, the same bytes.
struct CanonicalJSON {
  private(set) var bytes: [UInt8]
  private var first = true
  /// False for texts that leave out where values were published.
  private(set) var hasProvenance = true

  /// Goes on behind what stands in `bytes`.
  init(after bytes: consuming [UInt8] = []) { self.bytes = bytes }

  /// What members of an object `fill` writes, without the braces, to be written many times.
  static func members(_ fill: (inout CanonicalJSON) -> Void) -> [UInt8] {
    var json = CanonicalJSON()
    fill(&json)
    return json.bytes
  }

  /// Members that are JSON already; at least one.
  mutating func members(_ members: [UInt8]) {
    if !first { bytes.append(UInt8(ascii: ",")) }
    first = false
    bytes.append(contentsOf: members)
  }

  /// A string of digits and other plain characters that `fill` appends.
  mutating func plain(_ key: String, _ fill: (inout [UInt8]) -> Void) {
    open(key)
    bytes.append(UInt8(ascii: "\""))
    fill(&bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  mutating func energy(_ key: String, _ energy: Energy, decimals: Int) {
    plain(key) { $0.append(millionths: energy.millionths, places: decimals) }
  }

  /// A list of as many energies as asked for.
  mutating func energies(_ key: String, count: Int, decimals: Int, _ energy: (Int) -> Energy) {
    open(key)
    bytes.append(UInt8(ascii: "["))
    for index in 0..<count {
      bytes.append(contentsOf: index > 0 ? ",\"".utf8 : "\"".utf8)
      bytes.append(millionths: energy(index).millionths, places: decimals)
      bytes.append(UInt8(ascii: "\""))
    }
    bytes.append(UInt8(ascii: "]"))
  }

  mutating func date(_ key: String, _ date: CivilDate) { plain(key) { $0.append(date) } }

  /// A complete object.
  static func object(hasProvenance: Bool = true, _ fill: (inout CanonicalJSON) -> Void) -> String {
    var json = CanonicalJSON()
    json.hasProvenance = hasProvenance
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

  mutating func braces(_ fill: (inout CanonicalJSON) -> Void) {
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
