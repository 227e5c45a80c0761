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
    #expect(isDamage(await storeError { _ = try await PageCheck(path: folder.database).run() }))
    // What lies on other pages is as good as before.
    #expect(try await store.latestUsable().count == 1)
    _ = try await store.appendOne(judged(101, at: noon + 1))
  }

  @Test func `a look at all pages is broken off whenever somebody says so, before it begins too`() async throws {
    let store = try eager(folder.database)
    for index in 0..<40 { _ = try await store.appendOne(judged(100, at: noon + Int64(index))) }
    let check = try PageCheck(path: folder.database)
    #expect(try await check.run())
    // Between the look at what was said and the first page.
    #expect(try await !check.run { check.stop() })
    let late = try PageCheck(path: folder.database)
    late.stop()
    #expect(try await !late.run())
    #expect(try await PageCheck(path: folder.database).run())
  }

  @Test(arguments: ["energy.import.active.total", "M-0001", "accepted"])
  func `a damaged text that rows name by number refuses the start`(_ text: String) async throws {
    do {
      let store = try eager(folder.database)
      for index in 0..<3 { _ = try await store.appendOne(judged(100, at: noon + Int64(index))) }
      await store.close()
    }
    // The table has it before its index, or behind it: both tries change one of the two.
    let sound = try #require(FileManager.default.contents(atPath: folder.database))
    let places = sound.indices.filter { sound[$0...].starts(with: Data(text.utf8)) }
    #expect(places.count == 2)
    for place in places {
      var bytes = sound
      bytes[place] ^= 0x01
      try bytes.write(to: URL(fileURLWithPath: folder.database))
      #expect(try await PageCheck(path: folder.database).run(), "no page is damaged")
      let error = await storeError { _ = try eager(folder.database) }
      guard case .corrupt(_, let detail) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(detail.hasPrefix("term ") && detail.hasSuffix("and its index knows another text"))
    }
  }

  @Test(arguments: [(47, false), (48, true), (60, true)])
  func `a journal whose newest rows are all damaged refuses the start`(_ damaged: Int, _ isRefused: Bool)
    async throws
  {
    do {
      let store = try eager(folder.database)
      _ = try await store.append(
        Store.Submission((0..<Int64(damaged)).map { try judged(100 + $0, at: noon + $0) }))
      try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET value = 5")
      await store.close()
    }
    let error = await storeError { _ = try eager(folder.database) }
    let words = "none of the newest \(damaged) readings, down from \(damaged), is as it was written"
    #expect(error == (isRefused ? .corrupt(path: folder.database, detail: words) : nil))
  }

  @Test func `nobody looks behind a thousand damaged rows of a series for a sound one`() async throws {
    let store = try patient(folder.database, rows: 1)
    _ = try await store.append(
      Store.Submission((0..<1002).map { try judged(100 + $0, at: noon + $0) }))
    try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET value = 5 WHERE seq > 3")
    #expect(try await store.latestUsable().map(\.sequence) == [3])
    try await store.execute("UPDATE reading SET value = 5 WHERE seq > 2")
    #expect(try await store.latestUsable().isEmpty)
  }

  @Test func `a damaged freeze is not held, and what takes its place is`() async throws {
    let store = try eager(folder.database)
    for day in Int64(0)..<3 { _ = try await store.appendOne(judged(100 + day, kind: .dailyFreeze, at: noon + day)) }
    try await store.execute("DROP TRIGGER reading_as_written; UPDATE reading SET value = 5 WHERE seq = 2")
    let key = try judged(0).reading.key
    func held() async throws -> Set<Int64> {
      let found = try await store.instants(.dailyFreeze, of: [key.meter: [key.quantity]], since: noon)
      return Set(found[key.meter]?.keys.map { $0 - noon } ?? [])
    }
    #expect(try await held() == [0, 2])
    #expect(await store.takeDamaged().count == 1)
    #expect(try await store.appendOne(judged(101, kind: .dailyFreeze, at: noon + 1)) == .stored(sequence: 4))
    #expect(try await held() == [0, 1, 2])
  }

  @Test
  func `a row that names what is not there stops nobody who asks what is held, and is told over a new connection`()
    async throws
  {
    let store = try eager(folder.database)
    for (index, meter) in ["M-1", "M-2"].enumerated() {
      _ = try await store.appendOne(judged(100 + Int64(index), meter: meter))
    }
    try await store.execute(
      """
      DROP TRIGGER reading_as_written;
      UPDATE reading SET meter = 9999 WHERE seq = (
        SELECT seq FROM reading JOIN term ON term.id = meter WHERE text = 'M-1')
      """)
    let key = try judged(0).reading.key
    let found = try await store.quantities(.instantaneous, of: [key.quantity], at: [noon])
    #expect(found[noon]?.keys.map(\.text) == ["M-2"])
    // A refused transaction may cost the connection.
    let lost = StoreError.corrupt(path: folder.database, detail: "a test")
    #expect(await storeError { try await store.refuse(lost) } == lost)
    #expect(
      await store.takeDamaged() == ["a row of table reading names what is not there: term 9999 is not there"])
  }

  @Test(arguments: [
    "until = 9223372036854775807", "until = instant + 400000000000", "instant = -9223372036854775808",
  ])
  func `a gap that cannot be is told and passed over`(_ change: String) async throws {
    let store = try eager(folder.database)
    let meter = try #require(MeterID("M-1"))
    func gap(_ from: Int64, _ through: Int64) -> Gap {
      Gap(
        meter: meter, subject: "p", instant: noon + from * 900_000, reason: "late", until: noon + through * 900_000,
        rounds: Int(through - from) + 1, every: 900_000)
    }
    _ = try await store.record([gap(0, 3)])
    try await store.execute("UPDATE gap SET \(change)")
    _ = try await store.record([gap(2, 9)])
    try await store.fill([Store.Fill(.records([noon + 4 * 900_000], every: 900_000), of: "p", meter: meter, at: noon)])
    let left = try await store.gaps(of: "p", meter: meter, since: noon)
    #expect(
      left.map { [($0.instant - noon) / 900_000, $0.until.map { ($0 - noon) / 900_000 } ?? -1] } == [[2, 3], [5, 9]])
    #expect(await store.takeDamaged().count == 1)
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
