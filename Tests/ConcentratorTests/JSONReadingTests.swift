import Concentrator
import Testing

/// JSON as it comes over the control socket.
@Suite struct JSONReadingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let outcome: String
    var testDescription: String { text.count > 60 ? "\(text.prefix(60))..." : text }

    init(_ text: String, _ outcome: String) {
      self.text = text
      self.outcome = outcome
    }
  }

  static let cases = [
    Case("", "the text ends where a value must be at byte 0"),
    Case("  ", "the text ends where a value must be at byte 2"),
    Case("nul", "no value at byte 3"),
    Case("nulL", "no value at byte 3"),
    Case("NaN", "no value at byte 0"),
    Case("'a'", "no value at byte 0"),
    Case("1.5", "numbers are whole here; others are strings at byte 1"),
    Case("1e3", "numbers are whole here; others are strings at byte 1"),
    Case("-", "no number at byte 1"),
    Case("+1", "no value at byte 0"),
    Case("01", "no number at byte 2"),
    Case("9223372036854775808", "a number of more than 64 bits at byte 0"),
    Case("1 2", "more behind the value at byte 2"),
    Case("{\"a\":1,}", "no name of a member at byte 7"),
    Case("{\"a\" 1}", "no colon at byte 5"),
    Case("{\"a\":1 \"b\":2}", "an object does not end at byte 7"),
    Case("{\"a\":1,\"a\":2}", "\"a\" is there twice at byte 7"),
    Case("{\"a\":1", "an object does not end at byte 6"),
    Case("[1,]", "no value at byte 3"),
    Case("[1", "a list does not end at byte 2"),
    Case("\"a", "a string does not end at byte 2"),
    Case("\"a\\", "a string does not end at byte 3"),
    Case("\"\\x41\"", "no escape at byte 2"),
    Case("\"\\u12G4\"", "no four digits at byte 3"),
    Case("\"\\uD800\"", "half a character at byte 7"),
    Case("\"\\uD800\\u0041\"", "half a character at byte 13"),
    Case("\"\\uDC00\"", "half a character at byte 7"),
    Case("\"a\tb\"", "a control character in a string at byte 2"),
    Case(String(repeating: "[", count: 18), "more than 16 levels at byte 17"),
    Case(String(repeating: "{\"a\":", count: 60_000), "more than 16 levels at byte 85"),
    Case(" {\"a\" : [1, -2 ,true,false,null] , \"b\":{}} \r\n", #"{"a":[1,-2,true,false,null],"b":{}}"#),
    Case("-9223372036854775808", "-9223372036854775808"),
    Case("0", "0"),
    Case(#""\"\\\/\b\f\n\r\tAé⚡🔌""#, #""\"\\/\u0008\u000c\n\r\tAé⚡🔌""#),
    Case(#""\u0041\u00e9\uD83D\uDD0C""#, #""Aé🔌""#),
    Case("\"电能表\"", "\"电能表\""),
  ]

  @Test(arguments: cases)
  func `a text is read as it stands, or its first mistake is told with its place`(_ row: Case) {
    do throws(JSONError) {
      #expect(try JSON(reading: Array(row.text.utf8)).text == row.outcome)
    } catch {
      #expect("\(error)" == row.outcome)
    }
  }

  @Test func `bytes that are no UTF-8 are no string`() {
    #expect(throws: JSONError.self) { try JSON(reading: [0x22, 0xC3, 0x28, 0x22]) }
    #expect(throws: JSONError.self) { try JSON(reading: [0x22, 0xFF, 0x22]) }
  }

  @Test func `what is written is read back the same`() throws {
    var dice = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0 ... .max, using: &dice)
    var random = Lottery(seed)
    for _ in 0..<2000 {
      let value = random.json(depth: 0)
      #expect(try JSON(reading: Array(value.text.utf8)) == value, "seed \(seed)")
    }
  }

  @Test func `any bytes are read or refused`() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = Lottery(seed)
    let alphabet = Array("{}[]\",:\\u0123456789abtrufalsen -\u{1}é".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
      if let value = try? JSON(reading: bytes) {
        #expect((try? JSON(reading: Array(value.text.utf8))) == value, "seed \(seed)")
      }
    }
  }
}

/// Random values by a seed.
private struct Lottery {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func below(_ limit: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, limit)))
  }

  mutating func text() -> String {
    let characters = ["a", "\"", "\\", "\n", "\u{1}", "é", "表", "🔌", " ", "/"]
    return (0..<below(8)).map { _ in characters[below(characters.count)] }.joined()
  }

  mutating func json(depth: Int) -> JSON {
    switch below(depth > 5 ? 4 : 6) {
    case 0: return .null
    case 1: return .boolean(below(2) == 0)
    case 2: return .integer(Int64(below(1 << 40)) - 1 << 39)
    case 3: return .string(text())
    case 4: return .array((0..<below(4)).map { _ in json(depth: depth + 1) })
    default:
      return .object((0..<below(4)).map { index in JSON.Member("\(index)\(text())", json(depth: depth + 1)) })
    }
  }
}
