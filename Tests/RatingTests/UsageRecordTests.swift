import Foundation
import Metering
import Rating
import Testing

/// Records as bytes: what is read, and why the rest is not.
@Suite struct UsageRecordTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    let text: String
    let error: UsageRecordError
    var testDescription: String { text.isEmpty ? "nothing" : String(text.prefix(60)) }
    init(_ text: String, _ error: UsageRecordError) {
      self.text = text
      self.error = error
    }
  }

  private static func record(_ rest: String, energy: String = #"{"total":"1"}"#) -> String {
    #"{"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":\#(energy)\#(rest)}"#
  }

  static let refusals = [
    Refusal("", .notJSON(offset: 0)),
    Refusal("[]", .notJSON(offset: 0)),
    Refusal("null", .notJSON(offset: 0)),
    Refusal("{", .notJSON(offset: 1)),
    Refusal(#"{"id"}"#, .notJSON(offset: 5)),
    Refusal(#"{"id":"B""#, .notJSON(offset: 9)),
    Refusal(#"{"id":"B","#, .notJSON(offset: 10)),
    Refusal(#"{"id":"B",}"#, .notJSON(offset: 10)),
    Refusal(#"{'id':"B"}"#, .notJSON(offset: 1)),
    Refusal("{\"id\":\"B\u{0}\"}", .notJSON(offset: 8)),
    Refusal("{\"id\":\"B\n\"}", .notJSON(offset: 8)),
    Refusal(#"{"id":"\x"}"#, .notJSON(offset: 8)),
    Refusal(#"{"id":"\u12g4"}"#, .notJSON(offset: 11)),
    Refusal(#"{"id":"\ud800"}"#, .notJSON(offset: 13)),
    Refusal(#"{"id":"\ud800\u0041"}"#, .notJSON(offset: 19)),
    Refusal(#"{"id":"\udc00"}"#, .notJSON(offset: 13)),
    Refusal(#"{"id":true}"#, .kind(key: "id")),
    Refusal(#"{"id":null}"#, .kind(key: "id")),
    Refusal(#"{"id":"B","id":"B"}"#, .twice(key: "id")),
    Refusal(#"{"name":"B"}"#, .unknown(key: "name")),
    Refusal(#"{}"#, .missing(key: "id")),
    Refusal(record("") + "x", .notJSON(offset: 85)),
    Refusal(record("") + record(""), .notJSON(offset: 85)),
    Refusal(record("", energy: "\"1\""), .kind(key: "energy")),
    Refusal(record("", energy: #"{"total":1}"#), .kind(key: "energy.total")),
    Refusal(record("", energy: #"{"total":"1","total":"1"}"#), .twice(key: "energy.total")),
    Refusal(record(#","granted_months":1.5"#), .integer(key: "granted_months")),
    Refusal(record(#","granted_months":1e2"#), .integer(key: "granted_months")),
    Refusal(record(#","granted_months":"1""#), .integer(key: "granted_months")),
    Refusal(record(#","granted_months":99999999999999999999"#), .integer(key: "granted_months")),
    Refusal(record(#","granted_months":-"#), .notJSON(offset: 103)),
    Refusal(record(#","granted_months":01"#), .notJSON(offset: 104)),
    Refusal(record(#","used_before_by_tier":["1",2]"#), .kind(key: "used_before_by_tier")),
    Refusal(record(#","used_before_by_tier":["1",]"#), .notJSON(offset: 112)),
    Refusal(record(#","used_before":nil"#), .notJSON(offset: 100)),
    Refusal(record(#","intervals":{"start":"2026-10-01T00:00"}"#), .missing(key: "intervals.minutes")),
    Refusal(record(#","intervals":{"begin":1}"#), .unknown(key: "intervals.begin")),
    Refusal(record(#","segments":[{}]"#), .missing(key: "segments.meter")),
    Refusal(record(#","segments":{}"#), .kind(key: "segments")),
    Refusal(record(#","supply":{"part":{"days":"10"}}"#), .integer(key: "supply.part.days")),
    Refusal(record(#","supply":{"line_loss":1,"line_loss":2}"#), .twice(key: "supply.line_loss")),
    Refusal(record(#","supply":{"arrears":[{"bill":"B","fine":"1"}]}"#), .unknown(key: "supply.arrears.fine")),
  ]

  @Test(arguments: refusals)
  func `what is no record says which byte or key is to blame`(_ refusal: Refusal) {
    #expect(throws: refusal.error) { try UsageRecord(json: Array(refusal.text.utf8)[...]) }
  }

  /// A record with something in it that no usage has.
  static let slips = [
    Refusal(record("").replacing("\"id\":\"B\"", with: "\"id\":\"\""), .empty(key: "id")),
    Refusal(record("").replacing("\"account\":\"A\"", with: "\"account\":\"\""), .empty(key: "account")),
    Refusal(record("", energy: #"{"total":"+650"}"#), .energy(key: "energy.total", "+650")),
    Refusal(record("", energy: #"{"total":"6,5"}"#), .energy(key: "energy.total", "6,5")),
    Refusal(record("", energy: #"{"total":"650."}"#), .energy(key: "energy.total", "650.")),
    Refusal(record("", energy: #"{"total":"0.0000001"}"#), .energy(key: "energy.total", "0.0000001")),
    Refusal(
      record("", energy: #"{"total":"-1"}"#), .outOfRange(key: "energy.total", "-1", range: "from 0 to 10000000000 kWh")
    ),
    Refusal(
      record("", energy: #"{"total":"10000000000.01"}"#),
      .outOfRange(key: "energy.total", "10000000000.01", range: "from 0 to 10000000000 kWh")),
    Refusal(
      record("", energy: #"{"total":"99999999999999999999"}"#),
      .outOfRange(key: "energy.total", "99999999999999999999", range: "from 0 to 10000000000 kWh")),
    Refusal(record(#","supply":{"running":"+630"}"#), .power(key: "supply.running", "+630")),
    Refusal(record(#","supply":{"running":"630.00001"}"#), .power(key: "supply.running", "630.00001")),
    Refusal(
      record(#","supply":{"running":"100000001"}"#),
      .outOfRange(
        key: "supply.running", "100000001", range: "from 0 to 100000000 with at most four places")),
    Refusal(
      record(#","supply":{"arrears":[{"bill":"B","amount":"+1","due":"2026-01-01","paid":"2026-01-02"}]}"#),
      .money(key: "supply.arrears.amount", "+1")),
    Refusal(
      record(segments("0.99")), .segments(sum: Energy(millionths: 990_000), total: Energy(millionths: 1_000_000))),
    Refusal(
      record(segments("0.6", "0.5")),
      .segments(sum: Energy(millionths: 1_100_000), total: Energy(millionths: 1_000_000))),
  ]

  private static func segments(_ energies: String...) -> String {
    let mark = #"{"reading":"1","value":"0.00","quality":"actual"}"#
    let all = energies.map { energy in
      #"{"meter":"M","multiplier":"1","from":"2026-10-01T00:00","to":"2026-11-01T00:00","registers":["#
        + #"{"quantity":"energy.import.active.total","start":\#(mark),"stop":\#(mark),"energy":"\#(energy)"}]}"#
    }
    return #","segments":[\#(all.joined(separator: ","))]"#
  }

  @Test(arguments: slips)
  func `what is a record and no usage says which key is to blame and how`(_ refusal: Refusal) throws {
    let record = try UsageRecord(json: Array(refusal.text.utf8)[...])
    #expect(throws: refusal.error) { try record.usage() }
  }

  @Test func `segments that add up to the total are taken, and those of other registers say nothing of it`() throws {
    for segments in [Self.segments("1.00"), Self.segments("0.4", "0.6"), ""] {
      _ = try UsageRecord(json: Array(Self.record(segments).utf8)[...]).usage()
    }
    let reactive = Self.segments("7").replacing(
      "energy.import.active.total", with: Quantity.energyTotal(.combinedReactive1).name)
    _ = try UsageRecord(json: Array(Self.record(reactive).utf8)[...]).usage()
    #expect("\(UsageRecordError.integer(key: "granted_months"))".contains("without quotes"))
    #expect("\(UsageRecordError.outOfRange(key: "k", "-1", range: "from 0"))" == "k: -1 is out of range: from 0")
  }

  @Test func `bytes that are no UTF-8 are named, wherever they stand`() {
    for bytes in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      let inValue = Array(#"{"id":"B"#.utf8) + bytes + Array(#""}"#.utf8)
      #expect(throws: UsageRecordError.notUTF8(offset: 7)) { try UsageRecord(json: inValue[...]) }
      let escaped = Array(#"{"id":"\n"#.utf8) + bytes + Array(#""}"#.utf8)
      #expect(throws: UsageRecordError.notUTF8(offset: 7)) { try UsageRecord(json: escaped[...]) }
      let outside = bytes + Array("{}".utf8)
      #expect(throws: UsageRecordError.notJSON(offset: 0)) { try UsageRecord(json: outside[...]) }
    }
  }

  @Test func `escapes, space and nulls`() throws {
    let text =
      " {\t\"id\" : \"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t中\" ,\"account\":\"\",\r\n\"from\":\"f\",\"to\":\"t\",\"energy\":{ },"
      + "\"used_before\":null,\"used_before_by_tier\":null,\"granted_months\":-0,\"tolerance\":null,\"intervals\":null,"
      + "\"segments\":[],\"supply\":{\"feeds\":[ ],\"reactive\":null}} "
    let record = try UsageRecord(json: Array(text.utf8)[...])
    #expect(record.id == "é😀\"\\/\u{8}\u{C}\n\r\t中")
    #expect(record.grantedMonths == 0)
    #expect(record.supply?.feeds == [])
    #expect(try JSONDecoder().decode(UsageRecord.self, from: Data(text.utf8)) == record)
  }

  @Test func `a record cut short anywhere, or with any byte changed, never ends the program`() throws {
    var random = Seeded("damaged records", cases: 20_000)
    let text = Self.record(
      #","intervals":{"start":"2026-10-01T00:00","minutes":60,"energies":["0.5",null]},"supply":{"line_loss":300}"#)
    let bytes = Array(text.utf8)
    for end in bytes.indices {
      #expect(throws: UsageRecordError.self) { try UsageRecord(json: bytes[..<end]) }
    }
    for _ in 0..<20_000 {
      var damaged = bytes
      damaged[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      guard let record = try? UsageRecord(json: damaged[...]) else { continue }
      guard try JSONDecoder().decode(UsageRecord.self, from: Data(damaged)) == record else {
        Issue.record("seed \(random.seed): \(String(decoding: damaged, as: UTF8.self))")
        return
      }
    }
  }

  @Test func `intervals become periods, and a profile that is not whole is refused`() throws {
    let plan = try Tariffs.plan("hubei-two-part-10kv-2026")
    var record = UsageRecord(
      id: "B", account: "A", from: "2026-01-01", to: "2026-02-01", energy: ["total": "744"],
      intervals: IntervalsRecord(
        start: "2026-01-01T00:00", minutes: 60, energies: Array(repeating: "1", count: 744)))
    let usage = try record.usage(under: plan)
    // Six hours and the two of noon; two hours after six; two and four hours; the rest.
    #expect(usage.parts.map { $0.energy.text(decimals: 0) } == ["62", "186", "248", "248"])
    #expect(throws: UsageRecordError.intervalsWithoutPlan) { try record.usage() }
    record.intervals?.energies[30] = nil
    let missing = MeterTime(localSeconds: usage.days.from.daysSince1970 * 86_400 + 30 * 3600)
    #expect(throws: UsageRecordError.intervals(.missing(at: missing))) { try record.usage(under: plan) }
    record.intervals?.energies[30] = "1"
    record.energy["peak"] = "1"
    #expect(throws: UsageRecordError.periodsTwice) { try record.usage(under: plan) }
    record.energy["peak"] = nil
    record.intervals?.reconciliation = "guess"
    #expect(
      throws: UsageRecordError.choice(key: "intervals.reconciliation", "guess", known: ["residual", "scaled"])
    ) { try record.usage(under: plan) }
  }
}
