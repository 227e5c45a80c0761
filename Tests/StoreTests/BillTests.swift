import Metering
import Testing

@testable import Store

func billRecord(
  cycle: String = "2026-11", version: Int64 = 0, total: Int64 = 12_345, issuedAt: Int64 = noon, readings: [Int64] = [1]
) -> BillRecord {
  BillRecord(
    account: "A-1001", cycle: cycle, version: version, digest: "sha256:\(total)", totalFen: total, issuedAt: issuedAt,
    document: Array("total \(total)".utf8),
    lines: [
      BillRecord.Line(text: "peak 100.00 kWh", rule: "peak", amountFen: total + 1),
      BillRecord.Line(text: "rounding", amountFen: -1),
    ], readings: readings)
}

@Suite struct BillTests {
  let folder: TemporaryFolder
  let store: Store
  init() async throws {
    folder = try TemporaryFolder()
    store = try eager(folder.database)
    _ = try await store.append(Store.Submission([judged(1), judged(2, at: noon + 1)]))
  }

  @Test func `a bill is issued once, and the cursor moves with it`() async throws {
    let bill = billRecord(readings: [2, 1, 2])
    #expect(try await store.issue([bill], consumer: "billing", through: 2) == [.issued(bill: 1)])
    #expect(try await store.cursor(of: "billing") == 2)
    let again = billRecord(issuedAt: noon + 5000, readings: [1, 2])
    #expect(try await store.issue([again], consumer: "billing", through: 1) == [.alreadyIssued(bill: 1)])
    #expect(try await store.cursor(of: "billing") == 2)
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.bill(1) == StoredBill(id: 1, bill: bill))
    #expect(try reader.bill(2) == nil)
  }

  @Test func `the same bill twice in one call is issued once`() async throws {
    let issues = try await store.issue([billRecord(), billRecord()], consumer: "billing", through: 1)
    #expect(issues == [.issued(bill: 1), .alreadyIssued(bill: 1)])
  }

  @Test func `another bill for a billed cycle is refused, and takes its companions with it`() async throws {
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    let error = await storeError {
      _ = try await store.issue([billRecord(cycle: "2026-12"), billRecord(total: 1)], consumer: "billing", through: 2)
    }
    #expect(error == .billDiffers(account: "A-1001", cycle: "2026-11", version: 0, bill: 1))
    #expect(try await store.cursor(of: "billing") == 1)
    #expect(try StoreReader(path: folder.database).counts().bills == 1)
    let correction = billRecord(version: 1, total: 1)
    #expect(try await store.issue([correction], consumer: "billing", through: 2) == [.issued(bill: 2)])
  }

  @Test func `a commit of unknown outcome issues a bill once`() async throws {
    await store.fail(.after(FailureTests.fault))
    #expect(try await store.issue([billRecord()], consumer: "billing", through: 1) == [.issued(bill: 1)])
    await store.fail(.before(FailureTests.fault))
    let next = billRecord(cycle: "2026-12")
    #expect(try await store.issue([next], consumer: "billing", through: 2) == [.issued(bill: 2)])
    var bills: [BillRecord] = []
    try StoreReader(path: folder.database).bills { bills.append($0.bill) }
    #expect(bills == [billRecord(), next])
  }

  @Test func `a bill names only readings that are there, a cursor only rows`() async throws {
    #expect(
      await storeError { _ = try await store.issue([billRecord(readings: [3])], consumer: "billing", through: 2) }
        == .unknownReading(sequence: 3))
    #expect(
      await storeError { try await store.advance("export", through: 3) }
        == .cursorBeyondJournal(consumer: "export", sequence: 3, last: 2))
    #expect(try await store.cursor(of: "export") == 0)
  }

  @Test func `a consumer goes through the journal in order and never back`() async throws {
    let first = try await store.readings(after: store.cursor(of: "export"), limit: 1)
    #expect(first.map(\.sequence) == [1])
    try await store.advance("export", through: 1)
    #expect(try await store.readings(after: store.cursor(of: "export"), limit: 10).map(\.sequence) == [2])
    try await store.advance("export", through: 0)
    #expect(try await store.cursor(of: "export") == 1)
  }

  @Test func `holds keep their age, gaps their reason`() async throws {
    try await store.hold(Hold(account: "A", cycle: "2026-11", reason: "BACK", since: 1))
    try await store.hold(Hold(account: "A", cycle: "2026-11", reason: "SUM", since: 2))
    try await store.hold(Hold(account: "B", cycle: "2026-11", reason: "gap", since: 3))
    try await store.release(account: "B", cycle: "2026-11")
    let meter = try #require(MeterID("M-0001"))
    let gap = Gap(meter: meter, subject: "daily-freeze", instant: noon, reason: "silent")
    try await store.record([gap, Gap(meter: meter, subject: "daily-freeze", instant: noon + 1, reason: "silent")])
    try await store.record([Gap(meter: meter, subject: "daily-freeze", instant: noon, reason: "later")])
    let answered = Gap(meter: meter, subject: "daily-freeze", instant: noon + 9, reason: "gone")
    try await store.record([Gap(meter: meter, subject: "daily-freeze", instant: noon + 9, reason: "silent")])
    try await store.record([answered])
    try await store.fill([Store.Fill(.one(noon + 1), of: "daily-freeze", meter: meter, at: noon + 2)])
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.holds() == [Hold(account: "A", cycle: "2026-11", reason: "SUM", since: 1)])
    #expect(try reader.openGaps() == [gap, answered])
  }

  @Test func `a run of rounds is one gap that grows, and gaps of times to come are hidden until then`() async throws {
    let meter = try #require(MeterID("M-0001"))
    func run(_ until: Int64, _ rounds: Int) -> Gap {
      Gap(meter: meter, subject: "task e", instant: noon, reason: "outage", until: until, rounds: rounds)
    }
    #expect(try await store.record([run(noon + 900_000, 2)]).count == 1)
    #expect(try await store.record([run(noon + 900_000, 2)]).isEmpty)
    #expect(try await store.record([run(noon + 1_800_000, 3)]).count == 1)
    let later = Gap(meter: meter, subject: "DI 05060101", instant: noon + 86_400_000, reason: "stale")
    #expect(try await store.record([later]) == [later])
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.openGaps() == [run(noon + 1_800_000, 3), later])
    #expect(try reader.countOfGaps(at: noon + 86_400_000) == 4)
    // The host's clock goes back a day, and later it is right again.
    #expect(try reader.countOfGaps(at: noon + 60_000) == 3)
    #expect(try reader.countOfGaps(ahead: noon + 60_000) == 1)
    // A run that began and is not over reaches into times to come as well.
    #expect(try await store.gaps(ahead: noon + 60_000) == [run(noon + 1_800_000, 3), later])
    #expect(try await store.gaps(ahead: noon + 1_800_000) == [later])
    for (now, expected) in [
      (noon + 60_000, [run(noon + 1_800_000, 3)]), (noon + 86_400_000, [run(noon + 1_800_000, 3), later]),
    ] {
      var filter = GapFilter()
      filter.now = now
      var found: [Gap] = []
      try reader.gaps(filter) { found.append($0.gap) }
      #expect(found == expected)
    }
    // One value does not close a run.
    try await store.fill([Store.Fill(.one(noon), of: "task e", meter: meter, at: noon)])
    #expect(try reader.countOfGaps(at: noon + 60_000) == 3)
    // A run that ends within what is asked for is part of it.
    var filter = GapFilter()
    filter.since = noon + 1_000_000
    var found: [Gap] = []
    try reader.gaps(filter) { found.append($0.gap) }
    #expect(found == [run(noon + 1_800_000, 3), later])
    try await store.fill([Store.Fill(.run(noon), of: "task e", meter: meter, at: noon)])
    #expect(try reader.openGaps() == [later])
  }

  @Test func `a meter is known since it was first configured, by a clock that was not ahead`() async throws {
    let (one, two) = ("M-1", "task energy")
    // This store has readings from before meters were noted.
    let first = try StoreReader(path: folder.database).all().map(\.reading.hostTime.unixMilliseconds).min()
    #expect(try await store.knownSince([one], now: noon + 5) == [one: min(first ?? noon + 5, noon + 5)])
    #expect(try await store.knownSince([two], now: noon + 900_000)[two] == noon + 900_000)
    #expect(try await store.knownSince([two], now: noon + 950_000)[two] == noon + 900_000)
    #expect(try await store.knownSince([two], now: noon + 700_000)[two] == noon + 700_000)
    let last = try StoreReader(path: folder.database).all().last?.reading.hostTime.unixMilliseconds
    #expect(try await store.lastAtWork(before: noon + 950_000) == last)
    try await store.noteAtWork(noon + 900_000)
    #expect(try await store.lastAtWork(before: noon + 950_000) == noon + 900_000)
    #expect(try await store.lastAtWork(before: noon + 800_000) == last)
  }
}
