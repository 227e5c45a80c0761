import Foundation
import Metering
import Testing

@testable import Store

@Suite struct DamageTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// What a reader can say of a store, or that it found damage.
  private func content(_ path: String) -> (readings: [StoredReading], evidence: [Evidence?], bill: StoredBill?)? {
    do {
      let reader = try StoreReader(path: path)
      guard try reader.verify().faults.isEmpty else { return nil }
      let readings = try reader.all()
      return (readings, try readings.map { try reader.evidence($0.evidence ?? 0) }, try reader.bill(1))
    } catch {
      return nil
    }
  }

  @Test func `no flipped bit changes a reading, its evidence or a bill unseen`() async throws {
    let store = try eager(folder.database)
    for index in 0..<40 {
      let quantity = index % 2 == 0 ? "energy.import.active.total" : "energy.import.active.rate1"
      _ = try await store.appendOne(
        judged(100 + Int64(index), quantity: quantity, at: noon + Int64(index)), evidence: exchange())
    }
    _ = try await store.issue([billRecord()], consumer: "billing", through: 40)
    await store.close()
    let sound = try #require(content(folder.database))
    #expect(sound.readings.count == 40)
    let bytes = try #require(FileManager.default.contents(atPath: folder.database))
    let seed = UInt64.random(in: .min ... .max)
    var random = Seeded(seed: seed)
    var detected = 0
    for round in 0..<300 {
      var damaged = bytes
      let offset = Int.random(in: 0..<bytes.count, using: &random)
      damaged[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      let path = folder.path + "/\(round).db"
      try damaged.write(to: URL(fileURLWithPath: path))
      guard let found = content(path) else {
        detected += 1
        continue
      }
      #expect(found.readings == sound.readings, "seed \(seed), byte \(offset)")
      #expect(found.evidence == sound.evidence, "seed \(seed), byte \(offset)")
      #expect(found.bill == sound.bill, "seed \(seed), byte \(offset)")
    }
    #expect(detected > 0, "seed \(seed)")
  }

  @Test func `a changed value among the newest rows stops the start, and verify names the row`() async throws {
    do {
      let store = try eager(folder.database)
      for index in 0..<3 { _ = try await store.appendOne(judged(100, at: noon + Int64(index))) }
      try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET value = value + 10000 WHERE seq = 2")
      await store.close()
    }
    let damaged = StoreError.corrupt(path: folder.database, detail: "reading 2 does not match its checksum")
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.verify().faults == ["reading 2 does not match its checksum"])
    #expect(throws: damaged) { try reader.all() }
    #expect(throws: damaged) { try Connection.writing(folder.database, checkedRows: 2) }
    _ = try Connection.writing(folder.database, checkedRows: 1)
  }

  @Test func `a row that is gone is a hole in the journal`() async throws {
    let store = try eager(folder.database)
    for index in 0..<4 { _ = try await store.appendOne(judged(100, at: noon + Int64(index))) }
    try await store.execute("DROP TRIGGER reading_stays; DELETE FROM reading WHERE seq IN (2, 3)")
    #expect(try StoreReader(path: folder.database).verify().faults == ["the journal has no reading 2...3"])
  }

  @Test(arguments: ["reading", "evidence", "bill"])
  func `a row with the last number there can be is damage, not a trap`(_ table: String) async throws {
    let store = try eager(folder.database)
    _ = try await store.appendOne(judged(1), evidence: exchange())
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    let column = table == "reading" ? "seq" : "id"
    try await store.execute(
      """
      PRAGMA foreign_keys = OFF; DROP TRIGGER \(table)_as_written;
      UPDATE \(table) SET \(column) = 9223372036854775807 WHERE \(column) = 1
      """)
    let error = await storeError {
      _ = try await store.appendOne(judged(2, at: noon + 1), evidence: exchange())
      _ = try await store.issue([billRecord(cycle: "2026-12", readings: [2])], consumer: "billing", through: 2)
    }
    #expect(error == .corrupt(path: folder.database, detail: "\(table) cannot have a row 9223372036854775807"))
    #expect(try !StoreReader(path: folder.database).verify().faults.isEmpty)
    _ = try StoreReader(path: folder.database).counts().readings
  }

  @Test func `frames whose lengths do not fit are damage, not frames`() {
    #expect(separated([0, 0, 0, 1]) == nil)
    #expect(separated([0xFF, 0xFF, 0xFF, 0xFF, 1]) == nil)
    #expect(separated([0, 0, 0]) == nil)
    #expect(separated([0, 0, 0, 0]) == [[]])
    #expect(separated([]) == [])
    #expect(separated(joined([[1, 2], [], [3]])) == [[1, 2], [], [3]])
  }
}
