import Billing
import Foundation
import Metering
import Store
import Testing

@testable import Concentrator

/// What people change in an account's days, and what was billed of them before.
extension BillingGateTests {
  @Test func `the same energy is not charged to an account of another name`() async throws {
    let bench = try await billed()
    let text = bench.settings.replacing("\"A-1\"", with: "\"B-1\"")
    let station = try await pass(bench, text)
    #expect(try bench.bills().count == 2)
    #expect(
      try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" } == [
        "B-1 2026-10 meter M-1 from 2026-10-01T00:00:00 to 2026-11-01T00:00:00 was billed to account A-1 (bill 1); the"
          + " same energy is not charged twice: write from which day on it counts for this account"
      ])
    #expect(try BooksCheck.steps(station, reader: try reader(bench), at: bench.now).allSatisfy(\.isBalanced))
    // From where the other one ends it goes on.
    try await bench.note("M-1", 300, at: "2026-12-01T00:00")
    bench.wait(days: 10)
    let later = try #require(text.range(of: "from = \"2026-10-01\""))
    let after = try await pass(bench, text.replacingCharacters(in: later, with: "from = \"2026-11-01\""))
    #expect(try told(bench).last == "B-1 2026-11 original 6170")
    // Somebody has put a bill of the same days beside it: the check over all accounts of the ledger finds it.
    let stored = try #require(try reader(bench).bill(1)).bill
    let copy = BillRecord(
      account: "C-1", cycle: stored.cycle, version: 1, digest: stored.digest, totalFen: stored.totalFen, issuedAt: 1,
      document: stored.document, lines: stored.lines, readings: stored.readings)
    _ = try await bench.store.issue([copy], consumer: "test", through: 1)
    let steps = try BooksCheck.steps(after, reader: try reader(bench), at: bench.now).filter { !$0.isBalanced }
    #expect(steps.map(\.name) == ["once"])
    #expect(steps.first?.left == "400.00")
    #expect(steps.first?.right == "300.00")
    await bench.store.close()
  }

  @Test func `months before the first bill are billed when the first day is moved back, and a hole waits`() async throws
  {
    let bench = try await billed()
    try await bench.note("M-1", 40, at: "2026-08-01T00:00")
    try await bench.note("M-1", 60, at: "2026-09-01T00:00")
    let text = bench.settings.replacing("from = \"2026-10-01\"", with: "from = \"2026-07-01\"")
    let station = try await pass(bench, text)
    #expect(try told(bench).count == 2)
    let held = try bench.holds()
    #expect(held.map { "\($0.account) \($0.cycle)" } == ["A-1 2026-07", "A-2 2026-07"])
    #expect(try BooksCheck.steps(station, reader: try reader(bench), at: bench.now).allSatisfy(\.isBalanced))
    try await bench.note("M-1", 10, at: "2026-07-01T00:00")
    _ = try await pass(bench, text)
    #expect(
      try told(bench).dropFirst(2) == [
        "A-1 2026-07 original 1851", "A-1 2026-08 original 1234", "A-1 2026-09 original 2468",
      ])
    await bench.store.close()
  }

  @Test
  func `days before the first bill that nobody has read are told, keep nothing waiting, and are billed once read`()
    async throws
  {
    let bench = try await billed()
    try await bench.note("M-1", 300, at: "2026-12-01T00:00")
    bench.wait(days: 10)
    let first = try #require(bench.settings.range(of: "from = \"2026-10-01\""))
    let text = bench.settings.replacingCharacters(in: first, with: "from = \"2026-09-20\"")
    let station = try await pass(bench, text)
    #expect(try told(bench).last == "A-1 2026-11 original 6170")
    #expect(
      try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" }.first
        == "A-1 2026-09 account A-1 begins on 2026-09-20, and what it used until 2026-10-01 is on no bill: nothing was read"
        + " at one of the two; with the reading it is billed after all; where nothing of it is to be billed, write"
        + " from = \"2026-10-01\"; meter M-1: no reading of energy.import.active.total at 2026-09-20T00:00:00; read the"
        + " meter's settlement again, or enter the value: meterd review enter")
    #expect(try BooksCheck.steps(station, reader: try reader(bench), at: bench.now).allSatisfy(\.isBalanced))
    try await bench.note("M-1", 70, at: "2026-09-20T00:00", kind: .estimate)
    _ = try await pass(bench, text)
    #expect(try told(bench).last == "A-1 2026-09 original 1851")
    #expect(try !bench.holds().contains { $0.account == "A-1" })
    await bench.store.close()
  }

  @Test(arguments: [false, true])
  func `a bill whose tier window begins elsewhere by now is no difference of the books, and is told what to do`(
    _ corrects: Bool
  ) async throws {
    let extra = corrects ? Self.automatic : ""
    let bench = try DeskBench(extra: extra)
    try await bench.note("M-1", 5000, at: "2026-10-01T00:00")
    try await bench.note("M-1", 5100, at: "2026-11-01T00:00")
    try await bench.desk().pass(all: true)
    #expect(try told(bench) == ["A-1 2026-10 original 6170"])
    // September comes to light, and with it 3100 kWh of the year's first 3120.
    try await bench.note("M-1", 1900, at: "2026-09-01T00:00")
    let first = try #require(bench.settings.range(of: "from = \"2026-10-01\""))
    let text =
      bench.settings.replacingCharacters(in: first, with: "from = \"2026-09-01\"") + extra
    _ = try await pass(bench, text)
    #expect(try told(bench).last == "A-1 2026-09 original 191270")
    // Any edit of the books has the last bills tried again.
    try bench.edit("version-2012", "\"Energy charge\"", "\"Energy\"")
    let station = try Station(configuration(text))
    let tried = try trial(bench, station)
    #expect(tried.isAccepted)
    #expect(tried.rows.map(\.isSame) == [true])
    #expect(
      tried.rows.first?.reasons == [
        "it was made from another point of its tier window than the cycle before it leaves now, as an earlier one was"
          + " billed or corrected after it; meterd bill correct A-1 2026-10 takes that up"
      ])
    try await bench.note("M-1", 5300, at: "2026-12-01T00:00")
    bench.wait(days: 10)
    _ = try await pass(bench, text)
    #expect(try !bench.holds().contains { $0.account == "A-1" })
    // 20 kWh in the first tier and 80 in the second cost 4.00 more; 200 in the second after them, or 180 of them.
    #expect(
      try told(bench).dropFirst(2)
        == (corrects
          ? ["A-1 2026-10 reversal -6170", "A-1 2026-10 original 6570", "A-1 2026-11 original 13340"]
          : ["A-1 2026-11 original 12340"]))
    await bench.store.close()
  }
}
