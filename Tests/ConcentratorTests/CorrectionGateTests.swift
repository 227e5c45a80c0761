import Billing
import Foundation
import Host
import Metering
import Rating
import Store
import Testing

@testable import Concentrator

/// Corrections by hand, and what keeps them from being issued.
@Suite(.timeLimit(.minutes(2))) struct CorrectionGateTests {
  /// One account with October billed, 100 kWh; reading 2 is its end.
  private func billed(_ extra: String = "") async throws -> (bench: DeskBench, station: Station) {
    let bench = try DeskBench()
    try await bench.note("M-1", 100, at: "2026-10-01T00:00")
    try await bench.note("M-1", 200, at: "2026-11-01T00:00")
    try await bench.desk().pass(all: true)
    #expect(try bench.bills().map(\.totalFen) == [6170])
    await bench.store.close()
    return (bench, try Station(configuration("trust-host-clock = true\n" + bench.settings + extra)))
  }

  private func value(_ energy: Int64) -> RegisterValue {
    RegisterValue(millionths: energy * 1_000_000, resolution: 10_000)
  }

  private func carryOut(_ act: BookOrder.Act, _ station: Station) async throws -> JSON {
    try #require(try await BookOrder(act, reason: "site", name: "li", station: station).carryOut(station, user: 7))
  }

  private func audit(_ bench: DeskBench, _ function: String) throws -> [AuditRecord] {
    var found: [AuditRecord] = []
    try StoreReader(path: bench.store.path).audit {
      if $0.record.function == function { found.append($0.record) }
    }
    return found
  }

  @Test(arguments: CorrectionForm.allCases)
  func `a new bill that a rule holds is issued by a correction only where a person names each rule`(
    _ form: CorrectionForm
  ) async throws {
    let (bench, station) = try await billed("[review]\nmost-yuan = \"100\"\nhold = [\"estimated\"]\n")
    let reading = try await carryOut(.revise(reading: 2, value(500)), station)["reading"]?.number
    #expect(reading == 3)
    func correct(_ rules: [String], _ shown: String? = nil) async throws -> JSON {
      try await carryOut(
        .correct(account: "A-1", cycle: "2026-10", form: form.rawValue, accepting: rules, shown: shown), station)
    }
    func number(_ refusal: Complaint?) -> String {
      let advice: String = refusal?.advice.joined() ?? ""
      #expect(advice.contains("--accept most --shown "))
      return String(advice.dropLast().suffix(12))
    }
    var shown = ""
    let says = "246.80 yuan instead of 61.70: most (stop): the total is 246.80 yuan, more than 100.00"
    for rules in [[], ["jump"], ["most"]] {
      let refusal = await #expect(throws: Complaint.self) { try await correct(rules) }
      #expect(refusal?.status == .tryLater)
      #expect(
        refusal?.headline == "the correction of A-1 waits for a look: its bill for 2026-10, \(says)")
      shown = number(refusal)
      #expect(try bench.bills().count == 1)
    }
    // Another reading makes another bill: what was looked at is not that.
    _ = try await carryOut(.revise(reading: reading ?? 0, value(600)), station)
    for (accepted, word) in [(["most"], shown), (["most"], "0123"), (["jump"], shown)] {
      let refusal = await #expect(throws: Complaint.self) { try await correct(accepted, word) }
      #expect(refusal?.status == .tryLater)
      let now = number(refusal)
      #expect(now != shown)
      #expect(
        refusal?.headline.hasPrefix(
          "the correction of A-1 comes out as \(now) now, not as \(word): its bill for 2026-10, ") == true)
      #expect(try bench.bills().count == 1)
    }
    _ = try await carryOut(.revise(reading: 4, value(500)), station)
    // It rests on another version of the reading, so it is another bill for all that it charges the same.
    let last = await #expect(throws: Complaint.self) { try await correct(["most"], shown) }
    #expect(number(last) != shown)
    shown = number(last)
    let unknown = await #expect(throws: Complaint.self) { try await correct(["dear"]) }
    #expect(unknown?.status == .usage)
    #expect(try audit(bench, "bill-review").isEmpty)
    let issued = try #require(try await correct(["most"], shown)["issued"]?.items)
    #expect(issued.compactMap { $0["amount"]?.word } == (form == .reversal ? ["-61.70", "246.80"] : ["185.10"]))
    #expect(issued.last?["findings"]?.items.compactMap(\.word).contains { $0.hasPrefix("most (stop)") } == true)
    let review = try #require(try StoreReader(path: bench.store.path).reviews().first)
    #expect(review.decision?.word == .accepted && review.review.findings.count == 1)
    let record = try #require(try audit(bench, "bill-review").first)
    #expect(record.actor == "li (uid 7)" && record.detail.contains("site (its correction accepts most (stop)"))
    // The day counts what stands: as the batch does.
    let report = try BooksCheck.report(station, reader: try StoreReader(path: bench.store.path), at: bench.now)
    #expect(report.days.reduce(Energy.zero) { $0 + $1.energy } == Energy(millionths: 400_000_000))
    #expect(report.steps.filter { !$0.isBalanced }.map(\.name) == [])
  }

  @Test func `what the refusal says to write is enough, also where all rules of one cycle were named before`()
    async throws
  {
    let bench = try DeskBench()
    let first = try #require(bench.settings.range(of: "from = \"2026-10-01\""))
    let settings = bench.settings.replacingCharacters(in: first, with: "from = \"2026-07-01\"")
    for (energy, day) in [
      (Int64(100), "2026-07-01"), (200, "2026-08-01"), (200, "2026-09-01"), (200, "2026-10-01"), (300, "2026-11-01"),
    ] {
      try await bench.note("M-1", energy, at: "\(day)T00:00")
    }
    try await bench.desk(of: Station(configuration(settings))).pass(all: true)
    #expect(try bench.bills().map(\.totalFen) == [6170, 0, 0, 6170])
    await bench.store.close()
    let review = "[review]\nmost-yuan = \"100\"\nhold = [\"zero-use\"]\n"
    let station = try Station(configuration("trust-host-clock = true\n" + settings + review))
    _ = try await carryOut(.revise(reading: 1, value(0)), station)
    _ = try await carryOut(.revise(reading: 5, value(200)), station)
    func correct(_ rules: [String], _ shown: String?) async throws -> JSON {
      try await carryOut(
        .correct(account: "A-1", cycle: "2026-07", form: nil, accepting: rules, shown: shown), station)
    }
    for rules in [[], ["most"], ["zero-use"]] {
      let refusal = await #expect(throws: Complaint.self) { try await correct(rules, nil) }
      #expect(
        refusal?.advice.joined().contains(" --accept most --accept zero-use --shown ") == true,
        "\(refusal.map { "\($0)" } ?? "")")
    }
    let refusal = await #expect(throws: Complaint.self) { try await correct([], nil) }
    let advice: String = refusal?.advice.joined() ?? ""
    let issued = try await correct(["most", "zero-use"], String(advice.dropLast().suffix(12)))["issued"]?.items ?? []
    #expect(issued.count >= 4)
  }

  @Test func `what people changed in files is corrected once somebody has accepted the trial of it`() async throws {
    let (bench, station) = try await billed()
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    let dearer = try Station(station.configuration)
    let act = BookOrder.Act.correct(account: "A-1", cycle: "2026-10", form: nil)
    let refusal = await #expect(throws: Complaint.self) { try await carryOut(act, dearer) }
    #expect(refusal?.status == .tryLater)
    #expect(refusal?.advice.joined().contains("meterd bill trial --account A-1 --cycles 1") == true)
    #expect(try bench.bills().count == 1)
    let trial = try BillingRun.trial(dearer, reader: try StoreReader(path: bench.store.path))
    #expect(trial.rows.compactMap(\.version).count == 1)
    #expect(
      trial.rows.last?.reasons.first?.hasPrefix(
        "no bill was made by shanghai-residential valid from 2012-07-01 as its file says it now;") == true)
    _ = try await carryOut(.acceptTrial(shown: trial.shown, cycles: 1, TrialChoice()), dearer)
    #expect(try await carryOut(act, dearer)["issued"]?.items.compactMap { $0["amount"]?.word } == ["-61.70", "62.70"])
  }

  @Test func `a value that a person gave is told as that, with who, when, why and instead of what`() async throws {
    let (bench, station) = try await billed()
    _ = try await carryOut(.revise(reading: 2, value(250)), station)
    _ = try await carryOut(.correct(account: "A-1", cycle: "2026-10", form: nil), station)
    let reader = try StoreReader(path: bench.store.path)
    let stored = try #require(try reader.bill(3))
    let explanation = try BillExplanation(stored, station: station, reader: reader)
    let lines = explanation.text.filter { $0.contains("entered by a person 人工录入 (li (uid 7), at ") }
    #expect(lines.count == 1)
    #expect(
      lines.allSatisfy { $0.contains(": \"site\") instead of reading 2, 200.00") && !$0.contains(", read ") })
    #expect(explanation.json.text.contains(#""instead_of":{"reading":2,"value":"200.00"}"#))
    #expect(
      explanation.json.text.contains(#""value":"250.00","instant":"2026-11-01T00:00:00.000+08:00","host_time":null"#))
    #expect(
      explanation.page.filter { $0.contains("entered by a person, not told by the meter") }.map {
        $0.contains("止码 end 250.00")
      } == [true])
    // The bill is whole without its audit log.
    let file = URL(fileURLWithPath: bench.store.path)
    var bytes = Array(try Data(contentsOf: file))
    let place = try #require(bytes.firstRange(of: Array("200.00, is now 3, 250.00".utf8)))
    bytes[place.lowerBound] ^= 1
    try Data(bytes).write(to: file)
    let damaged = try BillExplanation(stored, station: station, reader: try StoreReader(path: bench.store.path))
    #expect(damaged.isReproduced)
    #expect(damaged.page == explanation.page)
    #expect(damaged.text.last?.hasPrefix("The audit log is damaged, ") == true)
    #expect(!explanation.text.contains { $0.contains("damaged") })
  }

  @Test func `only the version that stands is corrected, and only by what its register can show`() async throws {
    let (bench, station) = try await billed()
    _ = try await carryOut(.revise(reading: 2, value(250)), station)
    // The very same again is no other decision.
    #expect(try await carryOut(.revise(reading: 2, value(250)), station)["reading"]?.number == 3)
    for other in [value(260), nil] {
      let refusal = await #expect(throws: Complaint.self) { try await carryOut(.revise(reading: 2, other), station) }
      #expect(refusal?.headline == "reading 2, 200.00, was replaced: reading 3, 250.00, stands")
    }
    let time = try #require(MeterTime("2026-12-01T00:00:00"))
    let acts: [BookOrder.Act] = [
      .revise(reading: 3, value(1_000_000)),
      .enter(meter: "M-1", quantity: "energy.import.active.total", at: time, value(99_999_999), occurred: nil),
    ]
    for act in acts {
      let refusal = await #expect(throws: Complaint.self) { try await carryOut(act, station) }
      #expect(refusal?.headline.hasSuffix("its register counts from 0 to below 1000000") == true)
    }
    #expect(try StoreReader(path: bench.store.path).reading(4) == nil)
    _ = try await carryOut(.revise(reading: 3, value(999_999)), station)
    // Nor is a reading said to be right that counts again as it was.
    _ = try await carryOut(.revise(reading: 4, value(200)), station)
    #expect(try await carryOut(.revise(reading: 2, nil), station)["reading"]?.number == 5)
    let negative = #expect(throws: Complaint.self) { try RegisterValue(typed: "-5") }
    #expect(negative?.headline == "a register shows no negative value such as -5")
  }

  @Test func `a correction whose person and reason are gone is found, a month billed again is none`() async throws {
    let (bench, station) = try await billed()
    let store = try Store(path: bench.store.path)
    let old = try #require(try BillBook(reader: StoreReader(path: store.path)).documents(of: "A-1").first)
    func record(_ version: Int64, _ kind: String, at: Int64) throws -> BillRecord {
      let text = kind == "reversal" ? old.reversalDocument : old.standing
      let fen = kind == "reversal" ? -old.total.fen : old.total.fen
      return BillRecord(
        account: "A-1", cycle: "2026-10", version: version, kind: kind, digest: old.digest, totalFen: fen, issuedAt: at,
        document: Array(text.utf8),
        lines: old.parts.flatMap(\.lines).map {
          BillRecord.Line(text: "", rule: $0.rule, amountFen: kind == "reversal" ? -$0.amount.fen : $0.amount.fen)
        }, readings: old.readings)
    }
    let now = bench.now.unixMilliseconds
    _ = try await store.issue(
      [
        try record(2, "reversal", at: now), try record(3, "original", at: now), try record(4, "reversal", at: now + 1),
        try record(5, "original", at: now + 2),
      ], consumer: "billing", through: 2)
    await store.close()
    let steps = try BooksCheck.steps(station, reader: try StoreReader(path: bench.store.path), at: bench.now)
    #expect(steps.filter { !$0.isBalanced }.map(\.name) == ["corrections"])
    #expect(
      steps.flatMap(\.differences).map { $0.prefix { $0 != ":" } } == [
        "bill 2, reversal of A-1 for 2026-10", "bill 3, original of A-1 for 2026-10",
        "bill 4, reversal of A-1 for 2026-10",
      ])
  }
}
