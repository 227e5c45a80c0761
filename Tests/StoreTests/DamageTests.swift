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

  /// What each kind of damage to a row is called; `seq` is 2.
  private static let damages = [
    ("value = value + 10000", "does not match its checksum: M-0001, instantaneous of energy.import.active.total"),
    ("crc = crc + 1", "does not match its checksum: M-0001, instantaneous of energy.import.active.total"),
    ("quantity = 9999", "cannot be read: term 9999 is not there"),
    ("status = 0", "cannot be read: term 0 is not there"),
    ("findings = char(0)", "does not match its checksum: M-0001, instantaneous of energy.import.active.total"),
  ]

  @Test(arguments: damages)
  func `a damaged row is named, stops no start, and costs nothing but itself`(_ change: String, _ words: String)
    async throws
  {
    do {
      let store = try eager(folder.database)
      for index in 0..<2 { _ = try await store.appendOne(judged(100 + Int64(index), at: noon + Int64(index))) }
      _ = try await store.appendOne(judged(7, quantity: "energy.export.active.total", at: noon))
      #expect(await store.takeDamaged() == [])
      try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET \(change) WHERE seq = 2")
      await store.close()
    }
    let damaged = "reading 2 \(words)"
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.verify().faults == [damaged])
    #expect(throws: StoreError.corrupt(path: folder.database, detail: damaged)) { try reader.all() }
    var sound: [Int64] = []
    var filter = ReadingFilter()
    filter.passesDamaged = true
    try reader.readings(filter) { sound.append($0.sequence) }
    #expect(sound == [1, 3])
    let store = try eager(folder.database)
    #expect(await store.takeDamaged() == [damaged])
    #expect(await store.takeDamaged() == [], "told once")
    // The row before it is the last that counts; the other series has all it had.
    let latest = try await store.latestUsable()
    #expect(Set(latest.map(\.sequence)) == [1, 3])
    #expect(await store.takeDamaged() == [])
    _ = try await store.appendOne(judged(200, at: noon + 2))
  }

  @Test func `what the meter tells again takes the place of a damaged row`() async throws {
    let store = try eager(folder.database)
    for index in 0..<2 { _ = try await store.appendOne(judged(100 + Int64(index), at: noon + Int64(index))) }
    try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET value = 5 WHERE seq = 2")
    #expect(try await store.appendOne(judged(101, at: noon + 1)) == .stored(sequence: 3))
    #expect(try await store.appendOne(judged(101, at: noon + 1)) == .duplicate(sequence: 3))
    let latest = try await store.latestUsable()
    #expect(latest.map(\.sequence) == [3])
    #expect(latest.map(\.version) == [1])
    #expect(await store.takeDamaged().count == 1)
    #expect(try StoreReader(path: folder.database).all().map(\.sequence) == [1, 3])
    // Nor does it stand in the way of a person.
    try await store.execute("UPDATE reading SET value = 6 WHERE seq = 3")
    let entered = try await store.enter(
      judged(101, at: noon + 1).reading, actor: "li", reason: "read from its display", at: noon + 10)
    #expect(try StoreReader(path: folder.database).reading(entered)?.version == 2)
  }

  @Test func `a gap that names no meter is told and stops no start`() async throws {
    let store = try eager(folder.database)
    let meters = try ["M-1", "M-2"].map { try #require(MeterID($0)) }
    _ = try await store.record(meters.map { Gap(meter: $0, subject: "a", instant: noon, reason: "late") })
    try await store.execute("UPDATE gap SET meter = '' WHERE meter = 'M-1'")
    #expect(try await store.openGaps(reason: "late").map(\.meter) == [meters[1]])
    #expect(try await store.openSubjects(of: ["a"]).keys.sorted() == [meters[1]])
    #expect(await store.takeDamaged() == ["a row of table gap names no meter: \"\""])
  }

  @Test(arguments: [true, false])
  func `a damaged page is looked for before all else after a kill, and beside the lines after an orderly end`(
    _ wasClosed: Bool
  ) async throws {
    var root: Int64 = 0
    var page: Int64 = 0
    do {
      let store = try eager(folder.database)
      _ = try await store.appendOne(judged(100))
      root = try #require(
        try await store.number("SELECT rootpage FROM sqlite_schema WHERE name = 'finding_of_reading'"))
      page = try #require(try await store.number("PRAGMA page_size"))
      await store.close()
    }
    var bytes = try #require(FileManager.default.contents(atPath: folder.database))
    bytes[Int((root - 1) * page)] = 0x77
    try bytes.write(to: URL(fileURLWithPath: folder.database))
    if !wasClosed { try Data("4711\n".utf8).write(to: URL(fileURLWithPath: folder.database + ".lock")) }
    func isDamage(_ error: StoreError?) -> Bool { if case .corrupt = error { true } else { false } }
    guard wasClosed else {
      #expect(isDamage(await storeError { _ = try eager(folder.database) }))
      return
    }
    let store = try eager(folder.database)
    #expect(isDamage(await storeError { try StoreReader(path: folder.database).checkPages() }))
    // What lies on other pages is as good as before.
    #expect(try await store.latestUsable().count == 1)
    _ = try await store.appendOne(judged(101, at: noon + 1))
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
