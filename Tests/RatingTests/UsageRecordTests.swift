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
      record("", energy: #"{"total":"-0"}"#),
      .outOfRange(key: "energy.total", "-0", range: "from 0 to 10000000000 kWh, without a sign")),
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
    func mark(_ value: String) -> String { #"{"reading":"1","value":"\#(value)","quality":"actual"}"# }
    let all = energies.enumerated().map { index, energy in
      #"{"meter":"M-\#(index)","multiplier":"1","from":"2026-10-01T00:00","to":"2026-11-01T00:00","registers":["#
        + #"{"quantity":"energy.import.active.total","start":\#(mark("0.00")),"stop":\#(mark(energy)),"energy":"\#(energy)"}]}"#
    }
    return #","segments":[\#(all.joined(separator: ","))]"#
  }

  /// A record that a segment is wrong in, as a change of one that is right.
  struct FalseSegment: Sendable, CustomTestStringConvertible {
    let name: String
    let old: String
    let new: String
    let segment: Int
    let problem: String
    var testDescription: String { name }
  }

  /// 21.60 times 30 are 648 kWh until the 15th, then two more behind other transformers.
  private static let twoSegments =
    #"{"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":{"total":"650"},"segments":["#
    + #"{"meter":"M","multiplier":"150/5","from":"2026-10-01T00:00","to":"2026-10-15T09:30","registers":[{"#
    + #""quantity":"energy.import.active.total","start":{"reading":"1","value":"100.00","quality":"actual"},"#
    + #""stop":{"reading":"2","value":"121.60","quality":"actual"},"rolled_over":false,"energy":"648"}],"#
    + #""demand":{"reading":"4","value":"0.1312","quality":"actual","occurred":"2026-10-14T19:45","power":"3.936"}},"#
    + #"{"meter":"M","multiplier":"1","from":"2026-10-15T09:30","to":"2026-11-01T00:00","registers":[{"#
    + #""quantity":"energy.import.active.total","start":{"reading":"2","value":"121.60","quality":"actual"},"#
    + #""stop":{"reading":"3","value":"123.60","quality":"actual"},"energy":"2"}]}]}"#

  static let falseSegments = [
    FalseSegment(
      name: "an energy that the readings do not make", old: #""energy":"648""#, new: #""energy":"999""#, segment: 1,
      problem: "energy.import.active.total from 100.00 to 121.60 times 30 is 648.00 kWh, and energy says 999.00"),
    FalseSegment(
      name: "another multiplier", old: "150/5", new: "100/5", segment: 1,
      problem: "energy.import.active.total from 100.00 to 121.60 times 20 is 432.00 kWh, and energy says 648.00"),
    FalseSegment(
      name: "a demand that the reading does not make", old: "3.936", new: "3.937", segment: 1,
      problem: "a demand of 0.1312 times 30 is 3.9360 kW, and power says 3.9370"),
    FalseSegment(
      name: "a register that runs backward", old: #""value":"123.60""#, new: #""value":"119.60""#, segment: 2,
      problem:
        "energy.import.active.total falls from 121.60 to 119.60; where it passed its capacity say \"rolled_over\":true"),
    FalseSegment(
      name: "a rollover without a fall", old: #""rolled_over":false"#, new: #""rolled_over":true"#, segment: 1,
      problem: "energy.import.active.total is said to have rolled over, and does not fall from 100.00 to 121.60"),
    FalseSegment(
      name: "a reading beyond the register", old: #""rolled_over":false"#,
      new: #""rolled_over":false,"capacity":"120""#, segment: 1,
      problem: "energy.import.active.total cannot show 121.60: it counts to 120 kWh"),
    FalseSegment(
      name: "a segment of other years", old: "2026-10-01T00:00", new: "2020-10-01T00:00", segment: 1,
      problem:
        "it is from 2020-10-01T00:00 to 2026-10-15T09:30, and the bill is for 2026-10-01 to 2026-11-01"),
    FalseSegment(
      name: "a segment that ends before it begins", old: #""to":"2026-11-01T00:00""#,
      new: #""to":"2026-10-02T00:00""#, segment: 2,
      problem: "it ends at 2026-10-02T00:00, which is not after 2026-10-15T09:30"),
    FalseSegment(
      name: "the first days on no segment", old: "2026-10-01T00:00", new: "2026-10-03T00:00", segment: 1,
      problem:
        "the segments of import energy are from 2026-10-03T00:00 to 2026-11-01T00:00, and the bill is for"
        + " 2026-10-01 to 2026-11-01; they begin and end on its days"),
    FalseSegment(
      name: "a gap between two segments", old: #""from":"2026-10-15T09:30""#, new: #""from":"2026-10-16T09:30""#,
      segment: 2,
      problem:
        "energy.import.active.total is billed to 2026-10-15T09:30 and from 2026-10-16T09:30 on; segments of one"
        + " meter's register join end to end"),
    FalseSegment(
      name: "a segment that says nothing",
      old: #"{"quantity":"energy.import.active.total","start":{"reading":"2","value":"121.60","quality":"actual"},"#
        + #""stop":{"reading":"3","value":"123.60","quality":"actual"},"energy":"2"}"#,
      new: "", segment: 2,
      problem: "it has neither registers nor a demand; write what it is billed by, or leave it out"),
    FalseSegment(
      name: "a register that leaps between two segments",
      old: #""start":{"reading":"2","value":"121.60""#, new: #""start":{"reading":"2","value":"121.61""#, segment: 2,
      problem: "energy.import.active.total from 121.61 to 123.60 times 1 is 1.99 kWh, and energy says 2.00"),
  ]

  @Test(arguments: falseSegments)
  func `a segment must be what its readings, its multiplier and its days make it`(_ each: FalseSegment) throws {
    func usage(_ text: String) throws -> Usage {
      try UsageRecord(json: Array(text.utf8)[...]).usage(under: try Tariffs.plan("hunan-residential-2012"))
    }
    #expect(try usage(Self.twoSegments).segments.count == 2)
    #expect(Self.twoSegments.contains(each.old))
    let error = #expect(throws: UsageRecordError.self) {
      try usage(Self.twoSegments.replacing(each.old, with: each.new))
    }
    #expect(
      error.map { "\($0)" } == "segments, number \(each.segment) of meter M: \(each.problem)")
  }

  @Test func `between two meters there may be a gap, and a segment may be a demand alone`() throws {
    let gap = Self.twoSegments.replacing(
      #"{"meter":"M","multiplier":"1","from":"2026-10-15T09:30""#,
      with: #"{"meter":"N","multiplier":"1","from":"2026-10-20T00:00""#)
    #expect(try UsageRecord(json: Array(gap.utf8)[...]).usage().segments.map(\.meter) == ["M", "N"])
    let demand =
      #"{"meter":"M","multiplier":"1","from":"2026-10-01T00:00","to":"2026-11-01T00:00","registers":[],"#
      + #""demand":{"reading":"4","value":"1.5","quality":"actual","occurred":null,"power":"1.5"}}"#
    let alone =
      #"{"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":{"total":"650"},"segments":[\#(demand)]}"#
    #expect(try UsageRecord(json: Array(alone.utf8)[...]).usage().segments.map(\.registers.count) == [0])
  }

  @Test func `a register that leaps between two segments is found though each is right by itself`() throws {
    let text = Self.twoSegments
      .replacing(#""start":{"reading":"2","value":"121.60""#, with: #""start":{"reading":"2","value":"131.60""#)
      .replacing("123.60", with: "133.60")
    let error = #expect(throws: UsageRecordError.self) { try UsageRecord(json: Array(text.utf8)[...]).usage() }
    #expect(error.map { "\($0)" }?.contains("ends at 121.60 and begins at 131.60 at the same instant") == true)
  }

  @Test func `a register that rolled over counts to its capacity, or to the next power of ten`() throws {
    func energy(_ start: String, _ stop: String, _ energy: String, _ capacity: String = "") throws -> Energy {
      let text = Self.record(
        #","segments":[{"meter":"M","multiplier":"1","from":"2026-10-01T00:00","to":"2026-11-01T00:00","registers":[{"#
          + #""quantity":"energy.import.active.total","start":{"reading":"1","value":"\#(start)","quality":"actual"},"#
          + #""stop":{"reading":"2","value":"\#(stop)","quality":"actual"},"rolled_over":true\#(capacity),"#
          + #""energy":"\#(energy)"}]}]"#, energy: #"{"total":"\#(energy)"}"#)
      return try UsageRecord(json: Array(text.utf8)[...]).usage().total
    }
    #expect(try energy("999990.00", "15.00", "25.00") == Energy(millionths: 25_000_000))
    #expect(try energy("999990.00", "15.00", "25.00", #","capacity":"1000000""#) == Energy(millionths: 25_000_000))
    #expect(
      try energy("4294960.00", "2.70", "9.99", #","capacity":"4294967.29""#) == Energy(millionths: 9_990_000))
    #expect(throws: UsageRecordError.self) { try energy("4294960.00", "2.70", "9.99") }
    #expect(throws: UsageRecordError.self) { try energy("999990.00", "15.00", "25.00", #","capacity":"10000000""#) }
  }

  @Test func `an energy is rounded half up to the places that the plan bills`() throws {
    let whole = try Tariffs.plan("guangdong-residential-2012")
    func usage(_ said: String) throws -> Usage {
      let text = Self.record(
        Self.segments("7").replacing("\"1\",\"from\"", with: "\"10/3\",\"from\"")
          .replacing("\"energy\":\"7\"", with: "\"energy\":\"\(said)\""), energy: #"{"total":"\#(said)"}"#)
      return try UsageRecord(json: Array(text.utf8)[...]).usage(under: whole)
    }
    let right = try #require(Multiplier(10, 3)?.energy(Energy(millionths: 7_000_000), decimals: whole.energyDecimals))
    #expect(try usage("\(right)").total == right)
    #expect(throws: UsageRecordError.self) { try usage("23.4") }
    #expect(throws: UsageRecordError.self) { try usage("23.333") }
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
