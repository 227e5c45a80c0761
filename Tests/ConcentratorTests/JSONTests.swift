import Acquisition
import Concentrator
import Foundation
import Metering
import Modbus
import Testing

@Suite struct JSONTests {
  static let texts = [
    "plain", "\"quoted\" \\ and back", "line\nfeed\r\ttab", "\u{0}\u{1}\u{1F}", "\u{7F} \u{85}", "\u{2028}\u{2029}",
    "电能表 ⚡️",
    "</script>", "", "a\u{301}",
  ]

  @Test(arguments: texts)
  func `any text comes back through another parser`(_ text: String) throws {
    let line = JSON.object(["text": .string(text), text: .null]).text
    #expect(!line.contains("\n"))
    let parsed = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    #expect(parsed?["text"] as? String == text || text == "text")
    #expect(parsed?.keys.contains(text) == true)
  }

  @Test func `members keep their order and numbers their form`() {
    let value = JSON.object([
      "z": 1, "a": -9_223_372_036_854_775_808, "m": .array([true, false]), "n": .optional(nil), "s": .optional("x"),
      "e": .array([]),
    ])
    #expect(value.text == #"{"z":1,"a":-9223372036854775808,"m":[true,false],"n":null,"s":"x","e":[]}"#)
    #expect(JSON.string("\u{1}\n").text == #""\u0001\n""#)
  }

  @Test func `an observation prints its number as a string and absence as null`() throws {
    let voltage = try #require(Quantity(name: "voltage.l1"))
    let number = RegisterValue(millionths: 220_100_000, resolution: 100_000)
    #expect(
      Observation(quantity: voltage, value: .number(number)).json.text
        == #"{"quantity":"voltage.l1","obis":"1-0:32.7.0","value":"220.1","unit":"V"}"#)
    #expect(
      Observation(quantity: .energyTotal(.importActive), value: .absent, memory: .settlement(2)).json.text
        == #"{"quantity":"energy.import.active.total","obis":"1-0:1.8.0","value":null,"unit":"kWh","settlement":2}"#)
  }
}

@Suite struct StationCountsTests {
  @Test func `each event counts where it belongs`() throws {
    let meter = try #require(MeterID("M"))
    let key = ReadingKey(meter: meter, quantity: .energyTotal(.importActive), kind: .settlement, instant: 0)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: 1, resolution: 1), quality: .actual,
      hostTime: HostInstant(unixMilliseconds: 0, clock: .synchronised), bootTime: BootInstant(nanoseconds: 0))
    func verdict(_ status: Verdict.Status, _ codes: FindingCode...) -> Verdict {
      Verdict(status: status, findings: codes.map { Finding($0, "") }, ruleVersion: 1)
    }
    let query = Query.registers(function: .inputRegisters, start: 0, count: 2)
    let events: [StationEvent] = [
      .stored(line: "b", reading, verdict(.accepted), .new(sequence: 1)),
      .stored(line: "b", reading, verdict(.flagged, .runaway), .duplicate(sequence: 1)),
      .stored(line: "b", reading, verdict(.held, .backward, .rateSum), .conflict(sequence: 1)),
      .stored(line: "b", reading, verdict(.rejected, .backward), .new(sequence: 2)),
      .line(.late(line: "b", meter: meter, bytes: 9)),
      .line(.missed(line: "b", meter: meter, queries: [query, query], reason: .silent, slot: 0)),
      .line(.rejected(line: "b", meter: meter, query: query, reason: "refused: 02")),
      .line(.rejected(line: "b", meter: meter, query: query, reason: "damaged reply")),
      .line(.portLost(line: "b", reason: "gone")),
      .unlabelled(meter: meter, quantity: .energyTotal(.importActive), reason: "r"),
      .storeFailed(reason: "full", readings: 3),
      .billed(account: "A", cycle: "2026-10", kind: "original", totalFen: 1234, isNew: true),
      .billed(account: "A", cycle: "2026-10", kind: "original", totalFen: 1234, isNew: false),
      .held(account: "A", cycle: "2026-11", reason: "r"),
    ]
    var counts = StationCounts()
    for event in events { counts.add(event) }
    var expected = StationCounts()
    expected.read = 4
    expected.stored = 2
    expected.duplicates = 1
    expected.conflicts = 1
    expected.flagged = 1
    expected.held = 1
    expected.rejected = 1
    expected.findings = [.runaway: 1, .backward: 2, .rateSum: 1]
    expected.lateBytes = 9
    expected.missed = 2
    expected.refused = 1
    expected.damaged = 1
    expected.unlabelled = 1
    expected.billed = 1
    expected.billsHeld = 1
    expected.totalFen = 1234
    #expect(counts == expected)
  }
}
