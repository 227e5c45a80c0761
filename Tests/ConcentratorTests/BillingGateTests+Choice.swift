import Billing
import Foundation
import Metering
import Store
import Testing

@testable import Concentrator

/// Parts of a trial that are accepted by themselves, and what of it cannot be accepted unseen.
extension BillingGateTests {
  /// Two accounts that end with their only bill, so that nothing more is due on any day; both price tables have changed.
  private func bothChanged() async throws -> (DeskBench, Station) {
    let bench = try await billed()
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    try bench.edit("version-2026", "\"0.717\"", "\"0.727\"")
    return (bench, try Station(configuration(ended(bench))))
  }

  private func ended(_ bench: DeskBench) -> String {
    "trust-host-clock = true\n"
      + bench.settings.replacing("from = \"2026-10-01\"", with: "from = \"2026-10-01\"\nto = \"2026-11-01\"")
  }

  /// What waits after a look at all accounts.
  private func holds(_ bench: DeskBench, _ station: Station) async throws -> [String] {
    let store = try Store(path: bench.store.path)
    try await bench.desk(of: station, opened: store).pass(all: true)
    let holds = try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" }
    await store.close()
    return holds
  }

  @Test func `an account that waits for a trial is listed before anything of it is due`() async throws {
    let (bench, station) = try await bothChanged()
    await bench.store.close()
    let reason =
      "1 of the account's bills come out otherwise by tariff, program or master data alone; look at meterd bill trial"
    #expect(try await holds(bench, station) == ["A-1 2026-10 \(reason)", "A-2 2026-10 \(reason)"])
    let trial = try BillingRun.trial(station, reader: reader(bench))
    try await BillingRun.acceptTrial(station, shown: trial.shown, actor: "li", reason: "meant")
    #expect(try await holds(bench, station) == [])
    // The month of the bill was billed; that something waits there is no cycle to be billed.
    #expect(try BooksCheck.steps(station, reader: reader(bench), at: bench.now).first?.isBalanced == true)
  }

  @Test func `one account's differences are accepted, and another's go on waiting`() async throws {
    let (bench, station) = try await bothChanged()
    await bench.store.close()
    let one = TrialChoice(accounts: ["A-1"])
    let whole = try BillingRun.trial(station, reader: reader(bench))
    let part = try whole.choosing(one)
    #expect(Set(whole.rows.map(\.account)) == ["A-1", "A-2"] && Set(part.rows.map(\.account)) == ["A-1"])
    #expect(part.shown != whole.shown)
    // Who saw all has not said which part is meant.
    let refusal = await #expect(throws: Complaint.self) {
      try await BillingRun.acceptTrial(station, shown: whole.shown, one, actor: "li", reason: "meant")
    }
    #expect(refusal?.headline.hasPrefix("the trial comes out as \(part.shown.prefix(12)) now") == true)
    #expect(try reader(bench).acceptedResults().isEmpty)
    let count = try await BillingRun.acceptTrial(
      station, shown: String(part.shown.prefix(12)), one, actor: "li", reason: "meant")
    #expect(count == part.rows.count { !$0.isSame } && count > 0)
    let after = try BillingRun.trial(station, reader: reader(bench))
    #expect(after.rows.allSatisfy { $0.isFree == ($0.account == "A-1") })
    // The basis as a whole is not accepted: another start looks again, and holds the other account.
    #expect(try await holds(bench, station).map { $0.prefix(11) } == ["A-2 2026-10"])
    var audited: [AuditRecord] = []
    try reader(bench).audit { audited.append($0.record) }
    #expect(audited.last?.detail == "\(count) of A-1: meant")
    try await BillingRun.acceptTrial(
      station, shown: try after.choosing(TrialChoice(accounts: ["A-2"])).shown, TrialChoice(accounts: ["A-2"]),
      actor: "li", reason: "meant too")
    #expect(try await holds(bench, station) == [])
  }

  @Test func `a plan and a first day choose rows, and a name that is none is told`() async throws {
    let (bench, station) = try await bothChanged()
    await bench.store.close()
    let trial = try BillingRun.trial(station, reader: reader(bench))
    func accounts(_ choice: TrialChoice) throws -> Set<String> { Set(try trial.choosing(choice).rows.map(\.account)) }
    #expect(try accounts(TrialChoice(validFrom: ["2026-01-01"])) == ["A-2"])
    #expect(try accounts(TrialChoice(plans: ["shanghai-residential"])) == ["A-1", "A-2"])
    #expect(try accounts(TrialChoice(plans: ["shanghai-residential"], validFrom: ["2012-07-01"])) == ["A-1"])
    #expect(try accounts(TrialChoice(accounts: ["A-1"], validFrom: ["2026-01-01"])) == [])
    for (choice, words) in [
      (TrialChoice(accounts: ["A-7"]), "account \"A-7\""), (TrialChoice(plans: ["homes"]), "plan \"homes\""),
      (TrialChoice(validFrom: ["1999-01-01"]), "a version valid from \"1999-01-01\""),
    ] {
      #expect(throws: Complaint.self) { try trial.choosing(choice) }
      do {
        _ = try trial.choosing(choice)
      } catch {
        #expect(error.headline == "the trial has nothing of \(words)")
      }
    }
  }

  @Test func `a version that the trial has no amount for is accepted by an explicit word only`() async throws {
    let bench = try await billed()
    try bench.copy("version-2012", to: "fortnight") {
      $0.replacing("\"0.617\"", with: "\"6.17\"").replacing(
        "\"2012-07-01\"", with: "\"2026-12-10\"", maxReplacements: 1
      )
      .replacing("currency ", with: "valid-to = \"2026-12-20\"\ncurrency ")
    }
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    let first = "tariff = \"version-2012\""
    let station = try Station(
      configuration(ended(bench).replacing(first, with: "\(first)\nversions = [\"fortnight\"]")))
    await bench.store.close()
    let trial = try BillingRun.trial(station, reader: reader(bench))
    let row = try #require(trial.rows.first { $0.version == "shanghai-residential valid from 2026-12-10" })
    #expect(row.againFen == nil && !row.isFree)
    let refusal = await #expect(throws: Complaint.self) {
      try await BillingRun.acceptTrial(station, shown: trial.shown, actor: "li", reason: "meant")
    }
    #expect(
      refusal?.headline
        == "nothing was accepted: the trial has no amount for plan shanghai-residential valid from 2026-12-10, account A-1:"
        + " \(row.reasons.joined(separator: "; "))")
    #expect(refusal?.advice.first?.contains("--without-amount") == true)
    #expect(try reader(bench).acceptedResults().isEmpty)
    // The others can be accepted without it.
    let others = TrialChoice(accounts: ["A-1"], validFrom: ["2012-07-01"])
    let part = try trial.choosing(others)
    #expect(part.rows.contains { !$0.isFree })
    try await BillingRun.acceptTrial(station, shown: part.shown, others, actor: "li", reason: "meant")
    let rest = try BillingRun.trial(station, reader: reader(bench))
    #expect(rest.rows.filter { !$0.isFree }.map(\.version) == [row.version])
    try await BillingRun.acceptTrial(
      station, shown: rest.shown, TrialChoice(withoutAmount: true), actor: "li", reason: "eleven days of it")
    #expect(try BillingRun.trial(station, reader: reader(bench)).isAccepted)
  }
}
