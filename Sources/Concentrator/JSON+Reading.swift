internal import Metering

/// Why a text is not the JSON that is taken here.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public let detail: String
  /// In bytes from the start.
  public let offset: Int

  public var description: String { "\(detail) at byte \(offset)" }
}

extension JSON {
  /// Objects and lists stand no deeper in each other than this.
  static let deepest = 16

  /// Reads one value, by RFC 8259 and stricter: a name stands once in an object, numbers are whole and fit 64 bits, as
  /// all that meterd writes.
  public init(reading bytes: [UInt8]) throws(JSONError) {
    var reader = JSONReader(bytes)
    self = try reader.document()
  }

  /// The member of that name; `nil` where there is none, and for what is no object.
  public subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  public var word: String? { if case .string(let word) = self { word } else { nil } }
  public var number: Int64? { if case .integer(let number) = self { number } else { nil } }
  public var flag: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
  /// What a list holds; nothing for all else.
  public var items: [JSON] { if case .array(let items) = self { items } else { [] } }
}

private struct JSONReader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func error(_ detail: String) -> JSONError { JSONError(detail: detail, offset: at) }

  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private mutating func skipSpace() {
    while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { at += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    at += 1
    return true
  }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value(depth: 0)
    skipSpace()
    guard next == nil else { throw error("more behind the value") }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSON {
    guard depth <= JSON.deepest else { throw error("more than \(JSON.deepest) levels") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case .some(let byte):
      guard byte == UInt8(ascii: "-") || isDigit(byte) else { throw error("no value") }
      return try number()
    case nil: throw error("the text ends where a value must be")
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    for byte in text.description.utf8 {
      guard take(byte) else { throw error("no value") }
    }
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSON {
    at += 1
    var members: [JSON.Member] = []
    var names: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("no name of a member") }
      let start = at
      let name = try string()
      guard names.insert(name).inserted else { throw JSONError(detail: "\"\(name)\" is there twice", offset: start) }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw error("no colon") }
      members.append(JSON.Member(name, try value(depth: depth + 1)))
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "}")) else { throw error("an object does not end") }
      return .object(members)
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSON {
    at += 1
    var items: [JSON] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(items) }
    while true {
      items.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: ",")) { continue }
      guard take(UInt8(ascii: "]")) else { throw error("a list does not end") }
      return .array(items)
    }
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = at
    _ = take(UInt8(ascii: "-"))
    let first = at
    while let byte = next, isDigit(byte) { at += 1 }
    guard at > first, at - first == 1 || bytes[first] != UInt8(ascii: "0") else { throw error("no number") }
    if let byte = next, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(byte) {
      throw error("numbers are whole here; others are strings")
    }
    guard let number = Int64(String(decoding: bytes[start..<at], as: UTF8.self)) else {
      throw JSONError(detail: "a number of more than 64 bits", offset: start)
    }
    return .integer(number)
  }

  private mutating func string() throws(JSONError) -> String {
    at += 1
    var text: [UInt8] = []
    let start = at
    while let byte = next {
      at += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw JSONError(detail: "a string is no UTF-8", offset: start)
        }
        return string
      case UInt8(ascii: "\\"): text += Array(String(try escaped()).utf8)
      case 0..<0x20: throw JSONError(detail: "a control character in a string", offset: at - 1)
      default: text.append(byte)
      }
    }
    throw error("a string does not end")
  }

  private mutating func escaped() throws(JSONError) -> Unicode.Scalar {
    guard let byte = next else { throw error("a string does not end") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try unit()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // Two halves of a character beyond the basic plane.
      guard unit < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half a character") }
      let low = try self.unit()
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x1_0000 + (UInt32(unit) - 0xD800) << 10 + UInt32(low) - 0xDC00)
      else { throw error("half a character") }
      return scalar
    default: throw JSONError(detail: "no escape", offset: at - 1)
    }
  }

  private mutating func unit() throws(JSONError) -> UInt16 {
    guard at + 4 <= bytes.count, bytes[at..<at + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let unit = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
    else { throw error("no four digits") }
    at += 4
    return unit
  }
}
