import Billing
import Foundation
import Host
import Metering
import Rating
import Store
import Synchronization
import Testing

@testable import Concentrator

/// What people change in files, and what of it gets onto bills.
@Suite(.timeLimit(.minutes(2))) struct BillingGateTests {
  /// Two accounts of two tariff files with October billed by `settings`, 100 kWh each.
  func billed(_ extra: String = "") async throws -> DeskBench {
    let bench = try DeskBench(tariffs: ["version-2012", "version-2026"], extra: extra)
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    try await bench.desk().pass(all: true)
    #expect(try bench.bills().map(\.totalFen) == [6170, 7170])
    return bench
  }

  /// A later run with its configuration.
  func pass(_ bench: DeskBench, _ text: String) async throws -> Station {
    let station = try Station(configuration(text))
    try await bench.desk(of: station).pass(all: true)
    return station
  }

  func reader(_ bench: DeskBench) throws -> StoreReader { try StoreReader(path: bench.store.path) }

  func told(_ bench: DeskBench) throws -> [String] {
    try bench.bills().map { "\($0.account) \($0.cycle) \($0.kind) \($0.totalFen)" }
  }

  /// What a trial shows now.
  func trial(_ bench: DeskBench, _ station: Station) throws -> BillingTrial {
    try BillingTrial(
      reader: reader(bench), accounts: station.accounts, plans: station.plansByAccount,
      all: station.configuration.review.correctsByItself, at: bench.host.now.withLock(\.unixMilliseconds))
  }

  /// Accepts what a trial shows now.
  func accept(_ bench: DeskBench, _ station: Station) async throws {
    try await trial(bench, station).accept(in: bench.store, actor: "li", reason: "meant", at: 9)
  }

  static let automatic = "[review]\ncorrect-automatically = true\n"

  @Test func `other words, sources and dates of a tariff neither stop nor correct anything`() async throws {
    let bench = try await billed(Self.automatic)
    try bench.edit("version-2012", "\"Shanghai residential, annual tiers\"", "\"Shanghai, homes\"")
    try bench.edit("version-2012", "\"Energy charge\"", "\"Energy\"")
    try bench.edit("version-2012", "currency ", "valid-to = \"2027-12-31\"\ncurrency ")
    let station = try await pass(bench, bench.settings + Self.automatic)
    #expect(try bench.bills().count == 2)
    #expect(try bench.holds().isEmpty)
    #expect(try BillingRun.findings(station, reader: try reader(bench)).isEmpty)
    // The next month goes on, and no rule takes it for another plan.
    try await bench.note("M-1", 300, at: "2026-12-01T00:00")
    bench.wait(days: 30)
    _ = try await pass(bench, bench.settings + "[review]\nhold = [\"plan-changed\"]\n")
    #expect(try told(bench).last == "A-1 2026-11 original 6170")
    await bench.store.close()
  }

  @Test
  func `another price in a file corrects nothing before somebody has accepted just that, and stops no other account`()
    async throws
  {
    let bench = try await billed(Self.automatic)
    let text = bench.settings + Self.automatic
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 300, at: "2026-12-01T00:00") }
    bench.wait(days: 30)
    let station = try await pass(bench, text)
    #expect(try told(bench) == ["A-1 2026-10 original 6170", "A-2 2026-10 original 7170", "A-2 2026-11 original 7170"])
    #expect(
      try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" } == [
        "A-1 2026-11 1 of the account's bills come out otherwise by tariff, program or master data alone; look at meterd"
          + " bill trial"
      ])
    #expect(try BooksCheck.steps(station, reader: try reader(bench), at: bench.now).allSatisfy(\.isBalanced))
    try await accept(bench, station)
    _ = try await pass(bench, text)
    #expect(
      try told(bench).suffix(3) == [
        "A-1 2026-10 reversal -6170", "A-1 2026-10 original 6270", "A-1 2026-11 original 6270",
      ])
    // An edit that has nothing to do with it asks nobody again, and neither does the other account's.
    try bench.edit("version-2026", "\"0.717\"", "\"0.727\"")
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 400, at: "2027-01-01T00:00") }
    bench.wait(days: 31)
    _ = try await pass(bench, text)
    #expect(try told(bench).last == "A-1 2026-12 original 6270")
    #expect(try bench.holds().map(\.account) == ["A-2"])
    await bench.store.close()
  }

  @Test func `a correction that comes out other than what was accepted is for a person`() async throws {
    let bench = try await billed(Self.automatic)
    let text = bench.settings + Self.automatic
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    let station = try await pass(bench, text)
    try await accept(bench, station)
    let revised = RegisterValue(millionths: 250_000_000, resolution: 10_000)
    try await bench.store.revise(Revision(reading: 2, value: revised, actor: "li", reason: "site", at: 7))
    _ = try await pass(bench, text)
    #expect(try bench.bills().count == 2)
    #expect(
      try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" } == [
        "A-1 2026-10 its correction by 32.35 yuan is not what the trial showed, as other readings count for it now; look at"
          + " it and issue it: meterd bill correct A-1 2026-10"
      ])
    await bench.store.close()
  }

  @Test func `a difference that was accepted and left as it is stops nothing at the next edit`() async throws {
    let bench = try await billed()
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    let station = try Station(configuration(bench.settings))
    try await accept(bench, station)
    try bench.edit("version-2026", "\"Energy charge\"", "\"Energy\"")
    try await bench.note("M-1", 300, at: "2026-12-01T00:00")
    bench.wait(days: 10)
    _ = try await pass(bench, bench.settings)
    // October stands as it was; it would be different, and somebody knows.
    #expect(try told(bench) == ["A-1 2026-10 original 6170", "A-2 2026-10 original 7170", "A-1 2026-11 original 6270"])
    #expect(try !bench.holds().contains { $0.account == "A-1" })
    // Another price of the same bill is another difference.
    try bench.edit("version-2012", "\"0.627\"", "\"0.637\"")
    try await bench.note("M-1", 400, at: "2027-01-01T00:00")
    bench.wait(days: 31)
    _ = try await pass(bench, bench.settings)
    #expect(try bench.holds().contains { $0.account == "A-1" && $0.reason.contains("meterd bill trial") })
    await bench.store.close()
  }

  @Test func `what is accepted is what was shown`() async throws {
    let bench = try await billed()
    try bench.edit("version-2012", "\"0.617\"", "\"0.627\"")
    let before = try Station(configuration("trust-host-clock = true\n" + bench.settings))
    let shown = try BillingRun.trial(before, reader: try reader(bench)).shown
    try bench.edit("version-2012", "\"0.627\"", "\"6.27\"")
    let station = try Station(configuration("trust-host-clock = true\n" + bench.settings))
    await bench.store.close()
    for wrong in [shown, "", "3f"] {
      let refusal = await #expect(throws: Complaint.self) {
        try await BillingRun.acceptTrial(station, shown: wrong, actor: "li", reason: "meant")
      }
      #expect(refusal?.headline.hasPrefix("the trial comes out as") == true)
    }
    #expect(try reader(bench).acceptedResults().isEmpty)
    let now = try BillingRun.trial(station, reader: try reader(bench))
    #expect(now.rows.filter { !$0.isSame }.map(\.againFen) == [62_700, 62_700])
    #expect(now.rows.map(\.version) == [nil, "shanghai-residential valid from 2012-07-01", nil])
    try await BillingRun.acceptTrial(station, shown: String(now.shown.prefix(12)), actor: "li", reason: "meant")
    #expect(try BillingRun.trial(station, reader: try reader(bench)).isAccepted)
  }

  @Test func `prices that come as a new version wait until somebody has seen what they make of the last use`()
    async throws
  {
    let bench = try await billed()
    try bench.copy("version-2012", to: "version-2027") {
      $0.replacing("\"0.617\"", with: "\"6.17\"").replacing("\"2012-07-01\"", with: "\"2026-11-01\"")
    }
    try bench.edit("version-2012", "currency ", "valid-to = \"2026-10-31\"\ncurrency ")
    let text = bench.settings.replacing(
      "tariff = \"version-2012\"", with: "tariff = \"version-2012\"\nversions = [\"version-2027\"]")
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 300, at: "2026-12-01T00:00") }
    bench.wait(days: 30)
    let station = try await pass(bench, text)
    #expect(try told(bench).last == "A-2 2026-11 original 7170")
    #expect(
      try bench.holds().map(\.reason) == [
        "plan shanghai-residential valid from 2026-11-01 has prices or rules that nothing was billed by yet; meterd bill"
          + " trial shows what they make of the last use, and accepts them"
      ])
    let trial = try BillingTrial(
      reader: reader(bench), accounts: station.accounts, plans: station.plansByAccount,
      at: bench.host.now.withLock(\.unixMilliseconds))
    #expect(trial.rows.map(\.version) == [nil, "shanghai-residential valid from 2026-11-01", nil])
    #expect(trial.rows.map(\.isSame) == [true, false, true])
    #expect(trial.rows.map(\.againFen) == [6170, 61_700, 7170])
    #expect(!trial.isAccepted)
    try await accept(bench, station)
    _ = try await pass(bench, text)
    // Seen and accepted, and still ten times the price: a rule stops the bill itself.
    #expect(try bench.holds().map { $0.reason.contains("price-jump (stop): a kWh costs 6.1700 yuan") } == [true])
    await bench.store.close()
  }

  @Test func `a month before the first bill waits for a trial of the older version that it is billed by`() async throws
  {
    let bench = try await billed()
    try bench.copy("version-2012", to: "older") {
      $0.replacing("\"0.617\"", with: "\"0.517\"")
        .replacing("currency ", with: "valid-to = \"2026-09-30\"\ncurrency ")
    }
    try bench.edit("version-2012", "\"2012-07-01\"", "\"2026-10-01\"")
    let text = bench.settings.replacing(
      "tariff = \"version-2012\"", with: "tariff = \"version-2012\"\nversions = [\"older\"]")
    // While September is not due nothing waits for the older version.
    let before = try await pass(bench, text)
    #expect(try trial(bench, before).rows.map(\.version) == [nil, nil])
    try await bench.note("M-1", 40, at: "2026-09-01T00:00")
    let first = try #require(text.range(of: "from = \"2026-10-01\""))
    let moved = text.replacingCharacters(in: first, with: "from = \"2026-09-01\"")
    let station = try await pass(bench, moved)
    #expect(
      try bench.holds().map { "\($0.cycle) \($0.reason)" } == [
        "2026-09 plan shanghai-residential valid from 2012-07-01 has prices or rules that nothing was billed by yet;"
          + " meterd bill trial shows what they make of the last use, and accepts them"
      ])
    let rows = try trial(bench, station).rows
    #expect(rows.map(\.version) == [nil, "shanghai-residential valid from 2012-07-01", nil])
    #expect(rows.map(\.againFen) == [6170, 5170, 7170])
    #expect(
      rows[1].reasons == [
        "no bill was made by shanghai-residential valid from 2012-07-01 as its file says it now; the use of 2026-09-01 to"
          + " 2026-10-01 at its prices"
      ])
    try await accept(bench, station)
    _ = try await pass(bench, moved)
    #expect(try told(bench).last == "A-1 2026-09 original 3102")
    #expect(try bench.holds().isEmpty)
    await bench.store.close()
  }

  @Test func `a version that holds again once another ends is shown before it holds`() async throws {
    let bench = try await billed()
    try bench.copy("version-2012", to: "older") {
      $0.replacing("\"0.617\"", with: "\"0.517\"")
        .replacing("\"2012-07-01\"", with: "\"2012-01-01\"", maxReplacements: 1)
    }
    try bench.edit("version-2012", "currency ", "valid-to = \"2026-12-31\"\ncurrency ")
    let station = try await pass(
      bench,
      bench.settings.replacing(
        "tariff = \"version-2012\"", with: "tariff = \"version-2012\"\nversions = [\"older\"]"))
    #expect(
      try trial(bench, station).rows.compactMap(\.version) == ["shanghai-residential valid from 2012-01-01"])
    await bench.store.close()
  }

  /// A-1 has a plan of another name from November on.
  private func movedToAnotherPlan(_ bench: DeskBench) throws -> String {
    try bench.copy("version-2026", to: "homes") { $0.replacing("\"shanghai-residential\"", with: "\"homes\"") }
    let first = try #require(bench.settings.range(of: "from = \"2026-10-01\""))
    return bench.settings.replacingCharacters(
      in: first, with: "from = \"2026-10-01\"\n[[account.change]]\nfrom = \"2026-11-01\"\ntariff = \"homes\"")
  }

  @Test func `a plan of another name waits for a trial like another version of the old one`() async throws {
    let bench = try await billed()
    let text = try movedToAnotherPlan(bench)
    // It is shown as soon as it is agreed, with the last use at its prices.
    let early = try trial(bench, try Station(configuration(text)))
    #expect(early.rows.map(\.version) == [nil, "homes valid from 2026-01-01", nil])
    #expect(early.rows.map(\.againFen) == [6170, 7170, 7170])
    for meter in ["M-1", "M-2"] { try await bench.note(meter, 350, at: "2026-12-01T00:00") }
    bench.wait(days: 30)
    let station = try await pass(bench, text)
    #expect(try told(bench).last == "A-2 2026-11 original 10755")
    #expect(
      try bench.holds().map(\.reason) == [
        "plan homes valid from 2026-01-01 has prices or rules that nothing was billed by yet; meterd bill trial shows what"
          + " they make of the last use, and accepts them"
      ])
    let rows = try trial(bench, station).rows
    #expect(rows.map(\.againFen) == [6170, 10_755, 10_755])
    #expect(rows[1].reasons == ["no bill was made by homes valid from 2026-01-01 yet; 2026-11 is the first"])
    try await accept(bench, station)
    _ = try await pass(bench, text)
    #expect(try told(bench).last == "A-1 2026-11 original 10755")
    #expect(try bench.holds().isEmpty)
    await bench.store.close()
  }

  @Test func `the first look at an account is free of trials, whatever plans it finds`() async throws {
    let bench = try DeskBench(tariffs: ["version-2012", "version-2026"])
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
      try await bench.note(meter, 350, at: "2026-12-01T00:00")
    }
    bench.wait(days: 30)
    let station = try await pass(bench, movedToAnotherPlan(bench))
    #expect(
      try told(bench) == [
        "A-1 2026-10 original 6170", "A-1 2026-11 original 10755", "A-2 2026-10 original 7170",
        "A-2 2026-11 original 10755",
      ])
    #expect(try bench.holds().isEmpty)
    #expect(try trial(bench, station).isAccepted)
    await bench.store.close()
  }

  @Test func `a correction that a rule holds waits for a decision, and is carried out after it`() async throws {
    let extra = "[review]\ncorrect-automatically = true\nhold = [\"zero-use\", \"estimated\"]\nmost-yuan = \"200\"\n"
    let bench = try await billed(extra)
    let text = bench.settings + extra
    func revise(_ reading: Int64, _ energy: Int64) async throws {
      try await bench.store.revise(
        Revision(
          reading: reading, value: RegisterValue(millionths: energy * 1_000_000, resolution: 10_000), actor: "li",
          reason: "site", at: 7))
    }
    try await revise(2, 500)
    let station = try await pass(bench, text)
    #expect(try bench.bills().count == 2)
    #expect(
      try bench.holds().map { "\($0.account) \($0.cycle) \($0.reason)" } == [
        "A-1 2026-10 its correction by 185.10 yuan: waits for a look: most (stop): the total is 246.80 yuan, more than"
          + " 200.00; meterd review list shows it"
      ])
    #expect(
      try BooksCheck.steps(station, reader: try reader(bench), at: bench.now).filter { !$0.isBalanced }.map(\.name) == [
        "newest"
      ])
    let review = try #require(try reader(bench).reviews().first)
    #expect(review.review.totalFen == 24_680)
    try await bench.store.decide(review.id, ReviewDecision(.accepted, actor: "li", at: 8, reason: "read on site"))
    _ = try await pass(bench, text)
    #expect(try told(bench).suffix(2) == ["A-1 2026-10 reversal -6170", "A-1 2026-10 original 24680"])
    #expect(try bench.holds().isEmpty)
    await bench.store.close()
  }

  @Test func `a rule that is only worth a look holds corrections too where the configuration says so`() async throws {
    let extra = "[review]\ncorrect-automatically = true\nhold = [\"jump\"]\nband-percent = 1\nband-least-kwh = \"1\"\n"
    let bench = try DeskBench(extra: extra)
    let times = ["2026-06", "2026-07", "2026-08", "2026-09", "2026-10"]
    let text = (bench.settings + extra).replacing("from = \"2026-10-01\"", with: "from = \"2026-06-01\"")
    for (index, month) in times.enumerated() {
      try await bench.note("M-1", Int64(index) * 3100, at: "\(month)-01T00:00")
    }
    _ = try await pass(bench, text.replacing("hold = [\"jump\"]\n", with: ""))
    let before = try bench.bills().count
    #expect(before == 4)
    try await bench.store.revise(
      Revision(
        reading: 5, value: RegisterValue(millionths: 12_900_000_000, resolution: 10_000), actor: "li", reason: "site",
        at: 7))
    _ = try await pass(bench, text)
    #expect(try bench.bills().count == before)
    #expect(try bench.holds().first { $0.cycle == "2026-09" }?.reason.contains("jump (look)") == true)
    _ = try await pass(bench, text.replacing("hold = [\"jump\"]\n", with: ""))
    #expect(try bench.bills().count == before + 2)
    await bench.store.close()
  }

  @Test func `another meter's first bill waits, another plan's waits for its trial alone, unless there is none`() throws
  {
    let bench = try DeskBench()
    let findings = ReviewRule.allCases.map { ReviewFinding($0, .look, "") }
    func held(_ text: String) throws -> [String] {
      let review = try configuration(bench.settings + text).review
      return findings.filter(review.holds).map(\.rule.rawValue)
    }
    let metering = ["first-bill", "meter-changed", "multiplier-changed"]
    #expect(try held("") == metering)
    #expect(try held("[review]\nfirst-bills = true") == metering)
    #expect(
      try held("[review]\ntrial = false") == ["first-bill", "plan-changed", "meter-changed", "multiplier-changed"])
    #expect(try held("[review]\nfirst-bills = false\nhold = [\"jump\"]") == ["jump"])
  }

  @Test func `a decision on a bill that has changed since is refused in words`() async throws {
    let bench = try DeskBench(looksAtFirstBills: true)
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    try await bench.desk().pass(all: true)
    try await bench.store.revise(
      Revision(
        reading: 4, value: RegisterValue(millionths: 201_000_000, resolution: 10_000), actor: "li", reason: "site",
        at: 7))
    await bench.store.close()
    let station = try Station(
      configuration("trust-host-clock = true\n" + bench.settings))
    let refused = await #expect(throws: Complaint.self) {
      try await BillingRun.decide(station, review: 2, ReviewDecision(.accepted, actor: "li", at: 5, reason: "checked"))
    }
    #expect(
      refused?.headline == "review 2 is of a bill of A-2 for 2026-10 that is not the one that waits now")
    #expect(try reader(bench).reviews().map(\.decision) == [nil, nil])
    _ = try await BillingRun.decide(
      station, review: 1, ReviewDecision(.accepted, actor: "li", at: 5, reason: "checked"))
    #expect(try reader(bench).reviews().map { $0.decision?.word } == [.accepted, nil])
    _ = try await BillingRun.once(station)
    #expect(try reader(bench).reviews().map(\.review.totalFen) == [6170, 6170, 6232])
  }
}

extension DeskBench {
  func wait(days: Int64) {
    host.now.withLock {
      $0 = HostInstant(unixMilliseconds: $0.unixMilliseconds + days * 86_400_000, clock: $0.clock)
    }
  }

  /// Changes a tariff file; stations that are made later read it.
  func edit(_ tariff: String, _ old: String, _ new: String) throws {
    let path = "\(folder)/\(tariff).toml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(old), "\(old) is in \(tariff)")
    try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
  }

  func copy(_ tariff: String, to other: String, _ change: (String) -> String) throws {
    let text = try String(contentsOfFile: "\(folder)/\(tariff).toml", encoding: .utf8)
    try change(text).write(toFile: "\(folder)/\(other).toml", atomically: true, encoding: .utf8)
  }
}
