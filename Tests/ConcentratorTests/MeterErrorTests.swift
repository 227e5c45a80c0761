import Billing
import Documents
import Foundation
import Host
import Metering
import Rating
import Store
import Testing

@testable import Concentrator

/// What an inspection finds of a meter, from the configuration to the books.
@Suite(.timeLimit(.minutes(1))) struct MeterErrorTests {
  /// The bench's configuration with an error of its first meter.
  private func station(_ bench: DeskBench, _ errors: String, meter: String = "") throws -> Station {
    let place = "account = \"A-1\"\n"
    let range = try #require(bench.settings.range(of: place))
    let text = bench.settings.replacingCharacters(in: range, with: "\(place)\(meter)\n\(errors)\n")
    return try Station(configuration("trust-host-clock = true\n\(text)[review]\nfirst-bills = false\n"))
  }

  private func error(_ percent: String, _ from: String, _ to: String) -> String {
    "[[line.meter.error]]\npercent = \"\(percent)\"\nfrom = \"\(from)\"\nto = \"\(to)\"\n"
  }

  @Test(arguments: CorrectionForm.allCases)
  func `a slow meter's bills are corrected by its error, each with its reason, and the books balance`(
    _ form: CorrectionForm
  ) async throws {
    let bench = try DeskBench()
    for (month, energy) in [("10", 100), ("11", 200), ("12", 300)] as [(String, Int64)] {
      for meter in ["M-1", "M-2"] { try await bench.note(meter, energy, at: "2026-\(month)-01T00:00") }
    }
    try await bench.note("M-1", 130, at: "2026-10-11T00:00", kind: .dailyFreeze)
    let later = try DeskBench.instant("2026-12-22T12:00")
    bench.host.now.withLock { $0 = later }
    try await bench.desk().pass(all: true)
    await bench.store.close()
    // 70 of October's 100 kWh, and all of November's.
    let mended = try station(bench, error("-3.00", "2026-10-11", "2026-12-01"))
    let october =
      "meter M-1 from 2026-10-11T00:00:00 to 2026-11-01T00:00:00 was inspected at -3.00 %: counted / 0.9700, with its own"
      + " multiplier x 100/97"
    // 30 + 72.16 kWh and 103.09 kWh at 0.617, billed in hundredths.
    let found = try BillingRun.findings(mended, reader: StoreReader(path: bench.store.path))
    #expect(found.map(\.differenceFen) == [133, 191])
    #expect(found.first?.reasons.first == october)
    let trial = try BillingRun.trial(mended, reader: StoreReader(path: bench.store.path), cycles: 2)
    try await BillingRun.acceptTrial(mended, shown: trial.shown, cycles: 2, actor: "li", reason: "inspection 77")
    let corrected = try await BillingRun.correct(
      mended, account: "A-1", from: "2026-10", form: form, actor: "li", reason: "inspection 77")
    #expect(corrected.issued.count == (form == .reversal ? 4 : 2))
    #expect(corrected.issued.reduce(0) { $0 + $1.record.totalFen } == 133 + 191)
    #expect(
      corrected.issued.last?.record.correction?.reason.hasPrefix("inspection 77 (meter M-1 from 2026-11-01") == true)
    let reader = try StoreReader(path: bench.store.path)
    #expect(try BillingRun.findings(mended, reader: reader).isEmpty)
    #expect(
      try BooksCheck.steps(mended, reader: reader, at: later).filter { !$0.isBalanced }.map(\.name) == [])
    let stored = try #require(try reader.bill(corrected.issued[form == .reversal ? 1 : 0].bill))
    let explanation = try BillExplanation(stored, station: mended, reader: reader)
    #expect(explanation.isReproduced)
    #expect(explanation.text.contains("Meter error 计量误差 \(october)"))
    #expect(
      explanation.json.text.contains(
        #""meter_errors":[{"meter":"M-1","from":"2026-10-11T00:00:00","to":"2026-11-01T00:00:00","percent":"-3.00","multiplier":"100/97"}]"#
      ))
    // What goes on after it is billed as it is counted.
    let store = try Store(path: bench.store.path)
    let desk = try BillingDesk(
      store: store, accounts: mended.accounts, plans: mended.plansByAccount, review: mended.configuration.review,
      now: { later }, report: { _ in })
    try await desk.pass(all: true)
    #expect(try reader.holds().isEmpty)
    await store.close()
  }

  @Test func `a month with an error is billed with it at once, or waits for the reading of its first instant`()
    async throws
  {
    let bench = try DeskBench()
    for (month, energy) in [("10", 100), ("11", 200)] as [(String, Int64)] {
      for meter in ["M-1", "M-2"] { try await bench.note(meter, energy, at: "2026-\(month)-01T00:00") }
    }
    let fast = try station(bench, error("25", "2026-10-11", "2026-11-01"))
    try await bench.desk(of: fast).pass(all: true)
    #expect(try bench.bills().map(\.account) == ["A-2"])
    #expect(
      try bench.holds().first?.reason.hasPrefix(
        "meter M-1: its error of +25.00 % begins at 2026-10-11T00:00:00, inside the cycle from 2026-10-01T00:00:00 to"
          + " 2026-11-01T00:00:00, and nothing was read of energy.import.active.total then;") == true)
    try await bench.note("M-1", 150, at: "2026-10-11T00:00", kind: .dailyFreeze)
    try await bench.desk(of: fast).pass(all: true)
    // 50 + 50 / 1.25 kWh.
    #expect(try bench.bills().last.map { "\($0.account) \($0.totalFen)" } == "A-1 5553")
    let reader = try StoreReader(path: bench.store.path)
    let stored = try #require(try reader.bill(2))
    let page = try BillExplanation(stored, station: fast, reader: reader).page
    #expect(page.filter { $0.contains("multiplier") }.allSatisfy { $0 == "电能表 Meter        M-1  倍率 multiplier 1" })
    #expect(
      page.filter { $0.contains("Error") } == [
        "  计量误差 Error of the meter by inspection  +25.00 %  电量 energy = 计得 counted / 1.2500"
      ])
    await bench.store.close()
  }

  @Test func `an error from a settlement on changes no bill before it, with seconds or without`() async throws {
    let bench = try DeskBench()
    for (month, energy) in [("10", 100), ("11", 200), ("12", 300)] as [(String, Int64)] {
      for meter in ["M-1", "M-2"] { try await bench.note(meter, energy, at: "2026-\(month)-01T00:00") }
    }
    let later = try DeskBench.instant("2026-12-22T12:00")
    bench.host.now.withLock { $0 = later }
    try await bench.desk().pass(all: true)
    let reader = try StoreReader(path: bench.store.path)
    for (from, to) in [
      ("2026-11-01", "2026-12-01"), ("2026-11-01T00:00", "2026-12-01T00:00"),
      ("2026-11-01T00:00:00", "2026-12-01T00:00"),
    ] {
      let found = try BillingRun.findings(try station(bench, error("-3.00", from, to)), reader: reader)
      #expect(found.map { "\($0.cycle) \($0.differenceFen ?? 0)" } == ["2026-11 191"], "\(from)")
    }
    await bench.store.close()
  }

  @Test func `errors are read from the configuration, each mistake with its line`() throws {
    let bench = try DeskBench()
    let good = try station(
      bench, error("-3.2", "2026-10-11T09:30", "2026-11-01") + error("0.50", "2026-11-01", "2026-12-01"),
      meter: "ct = \"150/5\"")
    let meters = try #require(good.accounts.first?.meters)
    #expect(
      meters.map { "\($0.multiplier) \($0.from.map { "\($0)" } ?? "-") \($0.to.map { "\($0)" } ?? "-")" } == [
        "30 - 2026-10-11T09:30:00", "3750/121 2026-10-11T09:30:00 2026-11-01T00:00:00",
        "2000/67 2026-11-01T00:00:00 2026-12-01T00:00:00", "30 2026-12-01T00:00:00 -",
      ])
    #expect(meters.map { $0.error?.percent } == [nil, "-3.20", "+0.50", nil])
    let from = "from = \"2026-10-01\"", to = "to = \"2026-11-01\""
    for (errors, message) in [
      (error("0", "2026-10-01", "2026-11-01"), "a slow meter has \"-3.2\""),
      (error("-3.217", "2026-10-01", "2026-11-01"), "a slow meter has \"-3.2\""),
      (error("-91", "2026-10-01", "2026-11-01"), "a slow meter has \"-3.2\""),
      (error("1", "2026-11-01", "2026-10-01"), "it is not after from, 2026-11-01T00:00:00"),
      ("[[line.meter.error]]\npercent = \"1\"\n\(to)", "say since when it counts, such as from = \"2026-08-16\""),
      ("[[line.meter.error]]\npercent = \"1\"\n\(from)", "say when it was mended, such as to = \"2026-10-01\""),
      (
        error("1", "2026-10-01", "2026-11-01") + error("1", "2026-10-31", "2026-12-01"),
        "2026-10-31T00:00:00 is before the end of the error before, 2026-11-01T00:00:00"
      ),
    ] {
      let found = #expect(throws: DocumentError.self) { try station(bench, errors) }
      #expect(found.map { "\($0)".hasSuffix(message) } == true, "\(found.map { "\($0)" } ?? "")")
    }
    let beyond = #expect(throws: DocumentError.self) {
      try station(bench, error("-3.21", "2026-10-01", "2026-11-01"), meter: "ct = \"999999937\"")
    }
    #expect(
      beyond.map {
        "\($0)".contains("more than 1000000000 above or below its line, and there is no such multiplier; write")
      }
        == true)
    let outside = #expect(throws: DocumentError.self) {
      try station(bench, error("1", "2026-09-01", "2026-11-01"), meter: from)
    }
    #expect(
      outside.map {
        "\($0)".hasSuffix("the meter does not count for its account from 2026-09-01T00:00:00 to 2026-11-01T00:00:00")
      } == true)
  }
}
