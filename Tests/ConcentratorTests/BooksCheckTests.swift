import Billing
import Host
import Metering
import Store
import Testing

@testable import Concentrator

/// What the check of the books must not pass over.
@Suite(.timeLimit(.minutes(1))) struct BooksCheckTests {
  /// Both accounts of the bench with October billed, a month later than that or at once.
  private func billed(monthLater: Bool = true) async throws -> DeskBench {
    let bench = try DeskBench()
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    try await bench.desk().pass(all: true)
    guard monthLater else { return bench }
    let later = try DeskBench.instant("2026-12-22T12:00")
    bench.host.now.withLock { $0 = later }
    return bench
  }

  private func steps(
    _ bench: DeskBench, _ station: Station? = nil, cycle: String? = nil
  ) throws -> [String: ReconciliationStep] {
    let steps = try BooksCheck.steps(
      station ?? bench.station, reader: StoreReader(path: bench.store.path), cycle: cycle, at: bench.now)
    return Dictionary(uniqueKeysWithValues: steps.map { ($0.name, $0) })
  }

  /// The bench's configuration without its second account.
  private func withoutSecond(_ bench: DeskBench) throws -> Station {
    let text = bench.settings.replacing("account = \"A-2\"", with: "").replacing(
      "[[account]]\nid = \"A-2\"\ntariff = \"version-2012\"\nfrom = \"2026-10-01\"\n", with: "")
    #expect(!text.contains("A-2"))
    return try Station(configuration(text))
  }

  @Test func `what the meters of an account count after it is gone from the configuration is told, with its last bill`()
    async throws
  {
    let bench = try await billed()
    let station = try withoutSecond(bench)
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 300, at: "2026-12-01T00:00") }
    try await bench.desk(of: station).pass(all: true)
    let found = try steps(bench, station)
    #expect(found.values.filter { !$0.isBalanced }.map(\.name) == [])
    #expect(
      found["settled"]?.explained == [
        "reading 6, settlement of M-2 at 2026-12-01T00:00:00: no account names meter M-2, which was billed to A-2 until"
          + " 2026-11-01T00:00:00 (bill 2): that account is gone from the configuration"
      ])
    #expect(
      found["cycles"]?.explained == [
        "account A-2 is gone from the configuration and was billed to 2026-10: nothing bills what its meters count after"
          + " that"
      ])
    #expect(found["cycles"].map { [$0.left, $0.right] } == ["3", "3"], "two months of one, and one of what is gone")
    #expect(
      found["due"]?.unchecked == [
        "account A-2 is gone from the configuration: nothing says which settlements it needs"
      ])
  }

  @Test func `a reading of an account that is gone is not the newest where another one counts by now`() async throws {
    let bench = try await billed()
    let station = try withoutSecond(bench)
    try await bench.store.revise(
      Revision(
        reading: 4, value: RegisterValue(millionths: 210_000_000, resolution: 10_000), actor: "li", reason: "site",
        at: 7))
    let found = try steps(bench, station)
    #expect(
      found["newest"]?.differences == [
        "bill 2 of A-2 for 2026-10: reading 5 counts at 2026-11-01T00:00:00 now instead of 4; see meterd bill list"
      ])
  }

  @Test func `a cycle that waits is told, also of an account that was never billed and is gone`() async throws {
    let bench = try await billed(monthLater: false)
    try await bench.store.hold(Hold(account: "A-8", cycle: "2026-10", reason: "no reading", since: 5))
    let found = try steps(bench)
    #expect(
      found["cycles"]?.explained == [
        "A-8 2026-10 waits: no reading",
        "account A-8 is gone from the configuration and was never billed: nothing bills what its meters count after that",
      ])
    #expect(found["cycles"].map { [$0.left, $0.right] } == ["3", "3"])
    try await bench.desk().pass(all: true)
    #expect(try steps(bench)["cycles"] == found["cycles"], "a whole look releases no cycle that nobody bills")
  }

  @Test func `a bill on an estimate is sound, whatever else was frozen at a boundary that the meter closes by itself`()
    async throws
  {
    let bench = try DeskBench()
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00", kind: .estimate)
      try await bench.note(meter, 201, at: "2026-11-01T00:00", kind: .dailyFreeze)
    }
    try await bench.desk().pass(all: true)
    #expect(try bench.bills().map(\.account) == ["A-1", "A-2"])
    #expect(try steps(bench)["newest"]?.differences == [])
    let gone = try withoutSecond(bench)
    #expect(try steps(bench, gone)["newest"]?.differences == [])
    try await bench.note("M-2", 200, at: "2026-11-01T00:00")
    #expect(
      try steps(bench, gone)["newest"]?.differences.map { $0.hasPrefix("bill 2 of A-2 for 2026-10: reading 7 counts") }
        == [true])
  }

  @Test func `a step that compared nothing says why, and one with freezes of some midnights which`() async throws {
    let bench = try await billed(monthLater: false)
    let found = try steps(bench)
    #expect(found.values.filter { !$0.isBalanced }.map(\.name) == [])
    #expect(
      found["records"].map { "\($0.compared) \($0.unchecked)" } == "0 [\"there is no load profile under a bill\"]")
    #expect(found["chain"]?.unchecked == ["there is no cycle billed after another"])
    #expect(found["days"]?.compared == 0)
    #expect(
      found["days"]?.unchecked.sorted().first
        == "bill 1 of A-1 for 2026-10, meter M-1: 0 of its 32 midnights have a daily freeze")
    for step in ["due", "journal", "settled", "readings", "registers", "ledger", "once", "day-chain"] {
      #expect(found[step]?.compared ?? 0 > 0 && found[step]?.unchecked == [], "\(step)")
    }
    let empty = try DeskBench()
    let none = try steps(empty)
    #expect(none.values.filter { $0.compared == 0 && $0.unchecked.isEmpty }.map(\.name) == [])
  }

  @Test func `settlements of one cycle are those of the account's own settlement day`() async throws {
    let bench = try DeskBench()
    let text = bench.settings.replacing("from = \"2026-10-01\"", with: "from = \"2026-09-25\"\nsettlement-day = 25")
    let station = try Station(configuration(text))
    for (index, time) in ["2026-09-25", "2026-10-25", "2026-11-25"].enumerated() {
      for meter in ["M-1", "M-2"] { try await bench.note(meter, Int64(100 + 100 * index), at: "\(time)T00:00") }
    }
    let later = try DeskBench.instant("2026-12-22T12:00")
    bench.host.now.withLock { $0 = later }
    // The meters close the months of the calendar, too, and one is no account's.
    try await bench.note("M-1", 250, at: "2026-11-01T00:00")
    try await bench.note("X-9", 7, at: "2026-11-01T00:00")
    try await bench.desk(of: station).pass(all: true)
    #expect(try bench.bills().count == 4)
    let october = try #require(try steps(bench, station, cycle: "2026-10")["settled"])
    #expect((october.left, october.right) == ("3", "3"))
    #expect(
      october.explained == [
        "reading 8, settlement of X-9 at 2026-11-01T00:00:00: no account names meter X-9"
      ])
    let november = try #require(try steps(bench, station, cycle: "2026-11")["settled"])
    #expect((november.left, november.right) == ("3", "3"))
    #expect(
      november.explained == [
        "reading 7, settlement of M-1 at 2026-11-01T00:00:00: no cycle of A-1 that is over begins or ends with it"
      ])
  }
}
