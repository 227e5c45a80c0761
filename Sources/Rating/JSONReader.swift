/// Reads the JSON of a usage record, strictly: RFC 8259, each key once, and only what its caller asks for.
///
/// Nothing that stands in the bytes can end the program, and nothing is kept but what is asked for.
struct JSONReader {
  private let bytes: ArraySlice<UInt8>
  private var at: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  /// How many bytes are read.
  var offset: Int { at - bytes.startIndex }

  private var byte: UInt8? { at < bytes.endIndex ? bytes[at] : nil }

  private var misplaced: UsageRecordError { .notJSON(offset: offset) }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { at += 1 }
  }

  private mutating func take(_ character: UInt8) throws(UsageRecordError) {
    guard byte == character else { throw misplaced }
    at += 1
  }

  private mutating func has(_ character: UInt8) -> Bool {
    guard byte == character else { return false }
    at += 1
    return true
  }

  /// Holds that nothing but space is left.
  mutating func finish() throws(UsageRecordError) {
    skipSpace()
    guard byte == nil else { throw misplaced }
  }

  /// Reads an object; `member` reads the value of the key it is given.
  mutating func object(
    _ key: @autoclosure () -> String, _ member: (inout JSONReader, String) throws(UsageRecordError) -> Void
  ) throws(UsageRecordError) {
    try begin(UInt8(ascii: "{"), key())
    if has(UInt8(ascii: "}")) { return }
    while true {
      skipSpace()
      let name = try quoted()
      skipSpace()
      try take(UInt8(ascii: ":"))
      try member(&self, name)
      skipSpace()
      if has(UInt8(ascii: "}")) { return }
      try take(UInt8(ascii: ","))
    }
  }

  /// Reads a list; `item` reads one value of it.
  mutating func list(
    _ key: @autoclosure () -> String, _ item: (inout JSONReader) throws(UsageRecordError) -> Void
  ) throws(UsageRecordError) {
    try begin(UInt8(ascii: "["), key())
    if has(UInt8(ascii: "]")) { return }
    while true {
      try item(&self)
      skipSpace()
      if has(UInt8(ascii: "]")) { return }
      try take(UInt8(ascii: ","))
    }
  }

  private mutating func begin(_ bracket: UInt8, _ key: @autoclosure () -> String) throws(UsageRecordError) {
    skipSpace()
    guard byte == bracket else { throw otherKind(key()) }
    at += 1
    skipSpace()
  }

  /// True, and read over, where `null` stands.
  mutating func isNull() throws(UsageRecordError) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: "n") else { return false }
    for character in "null".utf8 { try take(character) }
    return true
  }

  mutating func string(_ key: @autoclosure () -> String) throws(UsageRecordError) -> String {
    skipSpace()
    guard byte == UInt8(ascii: "\"") else { throw otherKind(key()) }
    return try quoted()
  }

  mutating func boolean(_ key: @autoclosure () -> String) throws(UsageRecordError) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: "t") || byte == UInt8(ascii: "f") else { throw otherKind(key()) }
    let isTrue = byte == UInt8(ascii: "t")
    for character in (isTrue ? "true" : "false").utf8 { try take(character) }
    return isTrue
  }

  /// A whole number without a fraction or an exponent.
  mutating func integer(_ key: @autoclosure () -> String) throws(UsageRecordError) -> Int {
    skipSpace()
    let start = at
    let isNegative = has(UInt8(ascii: "-"))
    let first = at
    var number = 0
    while let digit = byte, (0x30...0x39).contains(digit) {
      let (shifted, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.subtractingReportingOverflow(Int(digit) - 0x30)
      guard !overflow, !carry else { throw .integer(key: key()) }
      number = sum
      at += 1
    }
    guard at > first else {
      if isNegative { throw misplaced }
      at = start
      let other = otherKind(key())
      if case .kind(let key) = other { throw .integer(key: key) }
      throw other
    }
    if bytes[first] == UInt8(ascii: "0"), at > first + 1 { throw misplaced }
    if let byte, byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      throw .integer(key: key())
    }
    guard isNegative || number > Int.min else { throw .integer(key: key()) }
    return isNegative ? number : -number
  }

  /// A value that begins like one, but like another kind; or no value at all.
  private func otherKind(_ key: @autoclosure () -> String) -> UsageRecordError {
    let name = key()
    guard let byte, !name.isEmpty, "{[\"tfn-0123456789".utf8.contains(byte) else { return misplaced }
    return .kind(key: name)
  }

  /// A string, from its first quotation mark on.
  private mutating func quoted() throws(UsageRecordError) -> String {
    try take(UInt8(ascii: "\""))
    let start = at
    while let next = byte {
      switch next {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes[start..<at], as: UTF8.self) else {
          throw .notUTF8(offset: start - bytes.startIndex)
        }
        at += 1
        return text
      case UInt8(ascii: "\\"): return try escaped(from: start)
      case 0..<0x20: throw misplaced
      default: at += 1
      }
    }
    throw misplaced
  }

  /// A string with at least one escape, of which everything before `at` is plain.
  private mutating func escaped(from start: Int) throws(UsageRecordError) -> String {
    var text = Array(bytes[start..<at])
    while let next = byte {
      at += 1
      switch next {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw .notUTF8(offset: start - bytes.startIndex)
        }
        return string
      case UInt8(ascii: "\\"): text.append(contentsOf: Array(String(try escape()).utf8))
      case 0..<0x20:
        at -= 1
        throw misplaced
      default: text.append(next)
      }
    }
    throw misplaced
  }

  /// What stands after a backslash.
  private mutating func escape() throws(UsageRecordError) -> Unicode.Scalar {
    guard let letter = byte else { throw misplaced }
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      if let scalar = Unicode.Scalar(first) { return scalar }
      // A character beyond the first plane comes as two halves; one half alone is none.
      guard first < 0xDC00, has(UInt8(ascii: "\\")), has(UInt8(ascii: "u")) else { throw misplaced }
      let second = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { throw misplaced }
      return scalar
    default:
      at -= 1
      throw misplaced
    }
  }

  private mutating func hexadecimal() throws(UsageRecordError) -> UInt32 {
    var number: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = byte.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }), byte ?? 0x80 < 0x80 else {
        throw misplaced
      }
      number = number << 4 | UInt32(digit)
      at += 1
    }
    return number
  }
}
