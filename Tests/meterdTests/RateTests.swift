import Foundation
import Testing

/// `meterd rate`: records in, bills out.
@Suite(.serialized) struct RateTests {
  static let tariff = Program.root + "/tariffs/hunan-residential-2012.toml"

  static func record(_ id: String, _ energy: String) -> String {
    #"{"id":"\#(id)","account":"A-1","from":"2026-10-01","to":"2026-11-01","energy":{"total":"\#(energy)"}}"# + "\n"
  }

  private struct Bill: Decodable {
    let bill: String
    let total: String
    let currency: String
  }

  private func bills(_ seen: Child.Seen) throws -> [Bill] {
    try seen.output.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Bill.self, from: Data($0)) }
  }

  @Test func `one bill a record, in the order of the records`() async throws {
    let input = (1...500).map { Self.record("B-\($0)", "\($0)") }.joined()
    let seen = try await Folder().run(["rate", "--tariff", Self.tariff], input: input)
    #expect(seen.status == 0)
    #expect(seen.errorText == "")
    let bills = try bills(seen)
    #expect(bills.map(\.bill) == (1...500).map { "B-\($0)" })
    // 180 at 0.588, 170 at 0.638, 150 at 0.888.
    #expect(bills.last?.total == "347.50")
    #expect(bills.allSatisfy { $0.currency == "CNY" })
  }

  @Test func `a bad record is told by its line, and the others are billed in order`() async throws {
    let records = [
      Self.record("B-1", "650"), "no JSON\n", Self.record("B-3", "-1"), "\n",
      #"{"id":"B-5","account":"A-1","from":"2026-10-01","to":"2026-11-01","energy":{"total":650}}"# + "\n",
      #"{"id":"B-6","from":"2026-10-01","to":"2026-11-01","energy":{"total":"1"}}"# + "\n",
      #"{"id":"B-7","account":"A-1","from":"2026-10-01","to":"2026-10-01","energy":{"total":"1"}}"# + "\n",
      Self.record("B-8", "10"),
    ]
    let seen = try await Folder().run(["rate", "--tariff", Self.tariff], input: records.joined())
    #expect(seen.status == 65)
    #expect(
      seen.errorText == """
        meterd: line 2: not a JSON object on one line; byte 1 does not belong there
        meterd: line 3: energy.total: -1 is out of range: from 0 to 10000000000 kWh
        meterd: line 5: energy.total: not of the kind that belongs here; numbers stand in quotes
        meterd: line 6: account: this key is required
        meterd: line 7: to: 2026-10-01 is not after 2026-10-01
        meterd: 5 of 8 lines were not billed
          The others were. Each is named above.

        """)
    #expect(try bills(seen).map(\.bill) == ["B-1", "B-8"])
    #expect(try bills(seen).map(\.total) == ["480.70", "5.88"])
  }

  @Test func `of a single line that is no record nothing is said of others`() async throws {
    let seen = try await Folder().run(["rate", "--tariff", Self.tariff], input: "x\n")
    #expect(seen.status == 65)
    #expect(
      seen.errorText == """
        meterd: line 1: not a JSON object on one line; byte 1 does not belong there
        meterd: 1 of 1 line was not billed
          Each is named above.

        """)
  }

  @Test func `lines that no record can be are named and skipped: no UTF-8, a NUL, megabytes, keys twice`()
    async throws
  {
    let long = String(repeating: "x", count: 3 << 20)
    let twice = Self.record("B-5", "1").replacing(#""id":"B-5""#, with: #""id":"B-5","id":"B-6""#)
    let parts: [[UInt8]] = [
      [0xFF, 0xFE, 0x0A], Array("{\"id\":\"\u{0}\"}\n".utf8), Array("\(long)\n".utf8),
      Array(Self.record("B-4", "10").utf8),
      Array(twice.utf8), Array(Self.record("B-7", "10").dropLast().utf8),
    ]
    let folder = try Folder()
    let input = folder.path + "/usage.ndjson"
    try Data(parts.joined()).write(to: URL(filePath: input))
    let child = try Child(["rate", "--tariff", Self.tariff], in: folder.path, inputFile: input)
    defer { child.end() }
    let seen = try await child.finish()
    #expect(seen.status == 65)
    #expect(
      seen.errorText == """
        meterd: line 1: not a JSON object on one line; byte 1 does not belong there
        meterd: line 2: not a JSON object on one line; byte 8 does not belong there
        meterd: line 3: longer than 1 MiB, which is no record
        meterd: line 5: id: this key stands there twice
        meterd: 4 of 6 lines were not billed
          The others were. Each is named above.

        """)
    #expect(try bills(seen).map(\.bill) == ["B-4", "B-7"])
  }

  @Test func `bills that cannot be written are no success`() async throws {
    let seen = try await Folder().run(
      ["rate", "--tariff", Self.tariff], input: Self.record("B-1", "650"), output: "/dev/full")
    #expect(
      seen.errorText == """
        meterd: cannot write to standard output: No space left on device
          What was printed is not whole. Make room, or send it elsewhere.

        """)
    #expect(seen.status == 74)
  }

  @Test func `the schemas are JSON, and need no tariff`() async throws {
    for name in ["usage", "bill"] {
      let seen = try await Folder().run(["rate", "--schema", name])
      #expect(seen.status == 0)
      let schema = try JSONSerialization.jsonObject(with: Data(seen.output)) as? [String: Any]
      #expect(schema?["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
      #expect(schema?["$id"] as? String == "urn:meterd:rate:\(name):1")
    }
  }

  @Test func `a tariff that is not there`() async throws {
    try await expect(
      Folder(), ["rate", "--tariff", "none.toml"], fails: 78,
      """
      meterd: there is no tariff none.toml
        Check the path; it counts from the folder you are in.
      """)
  }
}
