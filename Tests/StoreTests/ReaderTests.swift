import Metering
import Testing

@testable import Store

@Suite struct ReaderTests {
  let folder: TemporaryFolder
  let store: Store
  init() async throws {
    folder = try TemporaryFolder()
    store = try eager(folder.database)
    let rejected = Verdict(status: .rejected, findings: [Finding(.runaway, "x")], ruleVersion: 1)
    _ = try await store.append(
      Store.Submission([
        judged(1), judged(2, at: noon + 10), judged(3, quantity: "voltage.l1"),
        judged(4, kind: .dailyFreeze), judged(5, meter: "M-0002"), judged(6, at: noon + 20, verdict: rejected),
      ]))
  }

  private func sequences(_ change: (inout ReadingFilter) throws -> Void) throws -> [Int64] {
    var filter = ReadingFilter()
    try change(&filter)
    return try StoreReader(path: folder.database).all(filter).map(\.sequence)
  }

  @Test func `each part of a filter limits, and all together`() throws {
    #expect(try sequences { _ in } == [1, 2, 3, 4, 5, 6])
    #expect(try sequences { $0.meter = MeterID("M-0002") } == [5])
    #expect(try sequences { $0.meter = MeterID("M-0009") } == [])
    #expect(try sequences { $0.quantity = Quantity(name: "voltage.l1") } == [3])
    #expect(try sequences { $0.kind = .dailyFreeze } == [4])
    #expect(try sequences { $0.since = noon + 10 } == [2, 6])
    #expect(try sequences { $0.until = noon + 10 } == [1, 3, 4, 5])
    #expect(try sequences { $0.usableOnly = true } == [1, 2, 3, 4, 5])
    #expect(try sequences { $0.after = 4 } == [5, 6])
    #expect(try sequences { $0.limit = 2 } == [1, 2])
    #expect(
      try sequences {
        $0.meter = MeterID("M-0001")
        $0.quantity = Quantity(name: "energy.import.active.total")
        $0.kind = .instantaneous
        $0.usableOnly = true
        $0.since = noon + 1
      } == [2])
  }

  @Test func `a reader sees what was committed while it is open, and changes nothing`() async throws {
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.counts().readings == 6)
    _ = try await store.appendOne(judged(7, at: noon + 30))
    #expect(try reader.counts().lastSequence == 7)
    #expect(try reader.reading(7)?.reading.value.description == "0.07")
    #expect(throws: StoreError.self) { try reader.connection.execute("DELETE FROM hold") }
  }

  @Test func `a reader can be asked again while it hands out readings`() throws {
    let reader = try StoreReader(path: folder.database)
    var pairs = 0
    try reader.readings { outer throws(StoreError) in
      try reader.readings { inner throws(StoreError) in pairs += inner.sequence == outer.sequence ? 1 : 0 }
    }
    #expect(pairs == 6)
  }

  @Test func `the view shows words for a person with the sqlite shell`() async throws {
    let rows = try await store.number(
      "SELECT count(*) FROM readings WHERE meter = 'M-0001' AND kind = 'daily-freeze' AND status = 'accepted'")
    #expect(rows == 1)
  }

  @Test func `a store that was closed is read without its daemon`() async throws {
    await store.close()
    #expect(try StoreReader(path: folder.database).counts().readings == 6)
  }
}
