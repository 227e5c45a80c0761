import Foundation
import Metering
import Store
import Testing

/// `meterd events` over a store that holds events of a meter and findings beside them.
@Suite struct EventsCommandTests {
  private let folder: Folder
  private let store: String

  init() async throws {
    folder = try Folder()
    store = folder.path + "/m.db"
    let writer = try Store(path: store)
    let meter = try #require(MeterID("M-1"))
    let noon: Int64 = 1_795_320_000_000
    func evidence(_ seconds: Int64) -> Evidence {
      Evidence(line: "bus1", meter: meter, requests: [[0x68]], replies: [[0x68]], at: noon + seconds * 1000)
    }
    func failure(_ ordinal: Int64, _ state: EventEntry.State, minute: UInt8) -> EventEntry {
      let begin = MeterTime(localSeconds: 1_795_348_800 + Int64(minute) * 60)
      return EventEntry(
        kind: "power-fail", begin: state == .held ? nil : begin, end: state == .held ? nil : begin, ordinal: ordinal,
        identifier: 0x0311_0001,
        data: [0, minute, 0x12, 0x22, state == .held ? 0x13 : 0x11, 0x26] + [0, minute, 0x12, 0x22, 0x11, 0x26],
        state: state, doubt: state == .held ? "no month" : nil, evidence: evidence(0))
    }
    _ = try await writer.append(
      Store.EventSubmission(
        meter: meter, counts: [:],
        events: [failure(1, .history, minute: 1), failure(2, .new, minute: 2), failure(3, .held, minute: 3)],
        evidence: evidence(0)))
    _ = try await writer.append(
      Store.EventSubmission(
        meter: meter, counts: [:],
        events: [
          EventEntry(
            kind: "status.l1.voltage-loss", begin: MeterTime(localSeconds: 1_795_348_900), end: nil, ordinal: 0,
            identifier: 0x0400_0504, data: [0, 0, 0, 0, 0, 1, 0, 0, 0], state: .new, doubt: nil, evidence: evidence(20))
        ], findings: [Finding(.eventsCleared, "power-fail: the count went from 9 to 3")], evidence: evidence(10)))
    await writer.close()
  }

  private func lines(_ arguments: String...) async throws -> [[String: JSONText]] {
    let seen = try await folder.run(["events", "--store", store, "--json"] + arguments)
    #expect(seen.status == 0, "\(seen.errorText)")
    return try seen.outputText.split(separator: "\n").map {
      try JSONDecoder().decode([String: JSONText].self, from: Data($0.utf8))
    }
  }

  /// A member that is text, or nothing that is looked at here.
  private struct JSONText: Decodable, Hashable {
    let text: String?
    init(from decoder: any Decoder) { text = try? decoder.singleValueContainer().decode(String.self) }
  }

  @Test func `events and findings are one list in the order in which they were heard`() async throws {
    let all = try await lines()
    #expect(
      all.map { $0["kind"]?.text ?? $0["code"]?.text } == [
        "power-fail", "power-fail", "power-fail", "ECLR", "status.l1.voltage-loss",
      ])
    #expect(all.map { $0["state"]?.text } == ["history", "new", "held", nil, "new"])
    #expect(all[0]["begin"]?.text == "2026-11-22T12:01:00")
    #expect(all[0]["title_zh"]?.text == "掉电" && all[0]["identifier"]?.text == "03110001")
    #expect(all[2]["doubt"]?.text == "no month")
    #expect(all.map { $0["begin_is"]?.text } == ["recorded", "recorded", nil, nil, "seen"])
    #expect(all[4]["title"]?.text == "Loss of voltage, phase A: set")
  }

  @Test func `a kind or a code picks what is asked for`() async throws {
    #expect(try await lines("--kind", "power-fail").count == 3)
    #expect(try await lines("--kind", "status").count == 1)
    #expect(try await lines("--kind", "power").count == 3)
    #expect(try await lines("--kind", "cover-open").isEmpty)
    #expect(try await lines("--code", "eclr").map { $0["code"]?.text } == ["ECLR"])
    #expect(try await lines("--meter", "M-2").isEmpty)
    let seen = try await folder.run(["events", "--store", store, "--code", "ECLR", "--kind", "status"])
    #expect(seen.status == 64)
    #expect(seen.errorText.contains("--code is of findings and --kind of events"))
  }

  @Test func `the table says what it was, when, and why a record is held`() async throws {
    let table = try await folder.run("events", "--store", store).outputText
    #expect(table.contains("Power failure, 2026-11-22T12:01:00 to 2026-11-22T12:01:00"))
    #expect(table.contains("held: no month"))
    #expect(table.contains("Loss of voltage, phase A: set, seen 2026-11-22T12:01:40, word 0000 before and 0001 now"))
  }
}
