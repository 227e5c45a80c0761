import Billing
import Documents
import Foundation
import Host
import Metering
import Rating
import Store
import Synchronization
import Testing

@testable import Concentrator

/// Bills that wait, are corrected, tried again and reconciled, with a store of their own.
@Suite(.timeLimit(.minutes(2))) struct BillingBooksTests {
  /// Two accounts with a month each, and 100 kWh in it.
  private func filled(_ extra: String = "", looksAtFirstBills: Bool = false) async throws -> DeskBench {
    let bench = try DeskBench(extra: extra, looksAtFirstBills: looksAtFirstBills)
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00")
      try await bench.note(meter, 200, at: "2026-11-01T00:00")
    }
    return bench
  }

  /// The same a month later.
  private func monthLater(_ bench: DeskBench) throws {
    let later = try DeskBench.instant("2026-12-22T12:00")
    bench.host.now.withLock { $0 = later }
  }

  private func records(_ bench: DeskBench) throws -> [String] {
    var found: [String] = []
    try StoreReader(path: bench.store.path).audit {
      found.append("\($0.record.function) \($0.record.actor) \($0.record.outcome)")
    }
    return found
  }

  private func reader(_ bench: DeskBench) throws -> StoreReader { try StoreReader(path: bench.store.path) }

  private func unbalanced(_ bench: DeskBench, _ station: Station? = nil) throws -> [String] {
    try BooksCheck.steps(station ?? bench.station, reader: try reader(bench), at: bench.now).filter { !$0.isBalanced }
      .flatMap(
        \.differences)
  }

  @Test func `settlements that no account names are listed, and a value that nobody has vouched for is found`()
    async throws
  {
    let bench = try await filled()
    try await bench.desk().pass(all: true)
    try await bench.note("X-9", 5, at: "2026-11-01T00:00")
    func steps() throws -> [ReconciliationStep] {
      try BooksCheck.steps(bench.station, reader: try reader(bench), at: bench.now)
    }
    let whole = try steps()
    #expect(whole.filter { !$0.isBalanced }.map(\.name) == [])
    let settled = try #require(whole.first { $0.name == "settled" })
    #expect((settled.left, settled.right) == ("5", "5"))
    #expect(
      settled.explained == [
        "reading 5, settlement of X-9 at 2026-11-01T00:00:00: no account names meter X-9"
      ])
    #expect(whole.first { $0.name == "due" }.map { "\($0.left) \($0.right)" } == "4 4")
    #expect(whole.first { $0.name == "journal" }.map { "\($0.left) \($0.right)" } == "5 5")
    #expect(
      whole.first { $0.name == "batches" }?.explained == ["2026-10: 2 documents of 2 accounts, 200.00 kWh, 123.40 yuan"]
    )
    try await bench.note("X-9", 6, at: "2026-11-02T00:00", kind: .estimate, quality: .substituted)
    #expect(try steps().filter { !$0.isBalanced }.map(\.name) == ["accepted"])
  }

  @Test func `daily freezes of a whole cycle are added up beside its bill`() async throws {
    let bench = try await filled()
    try await bench.desk().pass(all: true)
    for day in 1...31 {
      let text = "2026-10-\(day < 10 ? "0" : "")\(day)T00:00"
      try await bench.note("M-1", 100 + Int64(day - 1) * 3, at: text, kind: .dailyFreeze)
    }
    func days() throws -> ReconciliationStep? {
      try BooksCheck.steps(bench.station, reader: try reader(bench), at: bench.now).first { $0.name == "days" }
    }
    #expect(try days().map { [$0.left, $0.right] } == ["0.00", "0.00"], "the last midnight is not there")
    try await bench.note("M-1", 201, at: "2026-11-01T00:00", kind: .dailyFreeze)
    let found = try #require(try days())
    #expect((found.left, found.right) == ("101.00", "100.00"))
    #expect(found.differences.count == 1)
    #expect(
      found.differences.allSatisfy { $0.contains("of A-1 for 2026-10, meter M-1: its daily freezes, readings 5 to 36") }
    )
  }

  @Test func `a first bill waits until somebody has looked at it, and a rejected one as long as it is the same`()
    async throws
  {
    // Nothing is said of it in the file.
    let bench = try await filled(looksAtFirstBills: true)
    let desk = try bench.desk()
    try await desk.pass(all: true)
    #expect(try bench.bills().isEmpty)
    #expect(
      try bench.holds().map(\.reason)
        == ["A-1", "A-2"].map {
          "waits for a look: first-bill (look): account \($0) was never billed here; meterd review list shows it"
        })
    #expect(try unbalanced(bench) == [])
    let reviews = try reader(bench).reviews()
    #expect(reviews.map(\.review.totalFen) == [6170, 6170])
    #expect(reviews.map(\.decision) == [nil, nil])
    try await desk.pass(all: true)
    #expect(try reader(bench).reviews().count == 2, "it is opened once")
    try await bench.store.decide(reviews[0].id, ReviewDecision(.accepted, actor: "li", at: 5, reason: "checked"))
    try await bench.store.decide(reviews[1].id, ReviewDecision(.rejected, actor: "li", at: 6, reason: "wrong class"))
    try await desk.pass(all: true)
    #expect(try bench.bills().map(\.account) == ["A-1"])
    #expect(try bench.holds().map(\.reason) == ["rejected by li: wrong class (review 2)"])
    // Made of another reading it is another bill, which nobody has looked at.
    try await bench.store.revise(
      Revision(
        reading: 4, value: RegisterValue(millionths: 201_000_000, resolution: 10_000), actor: "li", reason: "site",
        at: 7))
    try await desk.pass(all: true)
    #expect(try reader(bench).reviews().map(\.review.totalFen) == [6170, 6170, 6232])
    #expect(
      try records(bench) == [
        "bill-trial daemon accepted", "bill-review li accepted", "bill-review li rejected", "reading-revise li done",
      ])
    await bench.store.close()
  }

  @Test func `a newer reading is found, corrected in either form, and the ledger adds up to the new bill`() async throws
  {
    for form in CorrectionForm.allCases {
      let bench = try await filled("[review]\ncorrect-automatically = true\ncorrect-by = \"\(form.rawValue)\"\n")
      let plain = try Station(configuration(bench.settings))
      try await bench.desk(of: plain).pass(all: true)
      try await bench.note("M-1", 350, at: "2026-12-01T00:00")
      try monthLater(bench)
      try await bench.desk(of: plain).pass(all: true)
      #expect(try bench.bills().filter { $0.account == "A-1" }.map(\.totalFen) == [6170, 9255])
      try await bench.store.revise(
        Revision(
          reading: 2, value: RegisterValue(millionths: 210_000_000, resolution: 10_000), actor: "li", reason: "site",
          at: 7))
      let found = try BillingRun.findings(plain, reader: try reader(bench))
      #expect(
        found.map(\.text) == [
          "bill 1 of A-1 for 2026-10 would be different by 6.17: reading 2 has a newer one, 6: meter M-1,"
            + " energy.import.active.total at 2026-11-01T00:00:00, 200.00 is now 210.00",
          "bill 3 of A-1 for 2026-11 would be different by -6.17: reading 2 has a newer one, 6: meter M-1,"
            + " energy.import.active.total at 2026-11-01T00:00:00, 200.00 is now 210.00; an earlier cycle of the tier"
            + " window has changed",
        ])
      #expect(try unbalanced(bench).count == 2, "the newest reading is not the one that was billed")
      try await bench.desk().pass(all: true)
      let kinds = try bench.bills().map { "\($0.cycle) \($0.kind) \($0.version) \($0.totalFen)" }
      switch form {
      case .reversal:
        #expect(
          kinds.suffix(4) == [
            "2026-10 reversal 2 -6170", "2026-10 original 3 6787", "2026-11 reversal 2 -9255",
            "2026-11 original 3 8638",
          ])
      case .difference: #expect(kinds.suffix(2) == ["2026-10 difference 2 617", "2026-11 difference 2 -617"])
      }
      #expect(try BillingRun.findings(plain, reader: try reader(bench)).isEmpty)
      #expect(try unbalanced(bench) == [])
      let before = kinds.count
      try await bench.desk().pass(all: true)
      #expect(try bench.bills().count == before, "nothing is corrected twice")
      for id in 1...before {
        let look = try reader(bench)
        let stored = try #require(try look.bill(Int64(id)))
        let explanation = try BillExplanation(stored, station: plain, reader: look)
        #expect(explanation.isReproduced == true, "\(id): \(explanation.text.last ?? "")")
        #expect(explanation.page.contains { $0.contains("应交 To pay") || $0.contains("应退 Paid back") })
      }
      await bench.store.close()
    }
  }

  @Test func `a cycle that is closed together with a correction starts from the corrected one`() async throws {
    let bench = try await filled("[review]\ncorrect-automatically = true\n")
    let desk = try bench.desk()
    try await desk.pass(all: true)
    // Together: October's end was wrong by 4000 kWh, beyond the tiers' limits, and November's has come.
    try await bench.store.revise(
      Revision(
        reading: 2, value: RegisterValue(millionths: 4_200_000_000, resolution: 10_000), actor: "li", reason: "site",
        at: 7))
    try await bench.note("M-1", 4300, at: "2026-12-01T00:00")
    try monthLater(bench)
    try await desk.pass(all: true)
    // 4100 kWh: 4100 × 0.617 + (4100 - 3120) × 0.05; 100 kWh in the second tier after them.
    #expect(
      try bench.bills().filter { $0.account == "A-1" }.map { "\($0.cycle) \($0.kind) \($0.totalFen)" } == [
        "2026-10 original 6170", "2026-10 reversal -6170", "2026-10 original 257870", "2026-11 original 6670",
      ])
    #expect(try unbalanced(bench) == [])
    await bench.store.close()
  }

  @Test func `bills that come out otherwise by the books alone stop billing until somebody says why`() async throws {
    let bench = try DeskBench()
    let settings = bench.settings.replacing("2026-10-01", with: "2026-09-01")
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-09-01T00:00")
      try await bench.note(meter, 200, at: "2026-10-01T00:00")
    }
    let october = try DeskBench.instant("2026-10-01T12:00")
    bench.host.now.withLock { $0 = october }
    try await bench.desk(of: Station(configuration(settings))).pass(all: true)
    #expect(try bench.bills().count == 2)
    try await bench.note("M-1", 300, at: "2026-11-01T00:00")
    let text = settings.replacingOccurrences(of: "account = \"A-1\"", with: "account = \"A-1\"\nct = \"10/5\"")
    let other = try Station(configuration(text))
    let station = try Station(configuration("trust-host-clock = true\n" + text + "[review]\nfirst-bills = false\n"))
    try await bench.desk(of: other).pass(all: true)
    #expect(try bench.bills().count == 2)
    #expect(
      bench.host.events.withLock { $0.contains { if case .billingWaitsForTrial(1) = $0 { true } else { false } } })
    let trial = try BillingRun.trial(other, reader: try reader(bench))
    #expect(trial.rows.map(\.isSame) == [false, true])
    #expect(trial.rows[0].reasons == ["meter M-1 has multiplier 2 instead of 1"])
    #expect(trial.rows.map(\.issuedFen) == [6170, 6170])
    #expect(trial.rows.map(\.againFen) == [12340, 6170])
    #expect(!trial.isAccepted)
    await bench.store.close()
    try await BillingRun.acceptTrial(
      other, shown: trial.shown, actor: "li", reason: "the transformers are 10/5")
    let events = try await BillingRun.once(station)
    #expect(events.contains { if case .billed("A-1", "2026-10", "original", 12340, true) = $0 { true } else { false } })
    #expect(try records(bench) == ["bill-trial daemon accepted", "bill-trial li accepted"])
    // What was issued with the wrong multiplier is corrected by a person.
    let issued = try await BillingRun.correct(
      station, account: "A-1", from: "2026-09", form: .reversal, actor: "li", reason: "wrong multiplier")
    // October was billed with the new multiplier, but from the window that September left with the old one.
    #expect(
      issued.issued.map { "\($0.record.cycle) \($0.record.kind) \($0.record.totalFen)" } == [
        "2026-09 reversal -6170", "2026-09 original 12340", "2026-10 reversal -12340", "2026-10 original 12340",
      ])
    #expect(try unbalanced(bench, station) == [])
    let none = try await BillingRun.correct(
      station, account: "A-1", from: "2026-09", form: .reversal, actor: "li", reason: "again")
    #expect(none.issued.isEmpty)
  }

  @Test func `a meter that closes no month is billed by daily freezes of the boundaries, one that does is not`()
    async throws
  {
    let bench = try DeskBench()
    let text = bench.settings.replacingOccurrences(
      of: "id = \"M-2\"\nprofile = \"dlt645-2007-three-phase\"\naddress = \"202311110002\"",
      with: "id = \"M-2\"\nprofile = \"eastron-sdm630\"\naddress = \"2\"")
    #expect(text != bench.settings)
    let station = try Station(configuration(text))
    for meter in ["M-1", "M-2"] {
      try await bench.note(meter, 100, at: "2026-10-01T00:00", kind: .dailyFreeze)
      try await bench.note(meter, 150, at: "2026-10-20T00:00", kind: .dailyFreeze)
      try await bench.note(meter, 200, at: "2026-11-01T00:00", kind: .dailyFreeze)
    }
    try await bench.desk(of: station).pass(all: true)
    #expect(try bench.bills().map { "\($0.account) \($0.totalFen)" } == ["A-2 6170"])
    #expect(try bench.holds().map(\.account) == ["A-1"])
    #expect(try unbalanced(bench, station) == [])
    await bench.store.close()
  }

  @Test
  func
    `a billed month that is not the account's any more is cancelled by hand, and billed again when it is`()
    async throws
  {
    for form in CorrectionForm.allCases {
      let extra = "[review]\ncorrect-automatically = true\ncorrect-by = \"\(form.rawValue)\"\n"
      let bench = try await filled(extra)
      try await bench.note("M-1", 350, at: "2026-12-01T00:00")
      try monthLater(bench)
      try await bench.desk().pass(all: true)
      func told() throws -> [String] {
        try bench.bills().filter { $0.account == "A-1" }.map { "\($0.cycle) \($0.kind) \($0.version) \($0.totalFen)" }
      }
      let first = ["2026-10 original 1 6170", "2026-11 original 1 9255"]
      #expect(try told() == first)
      // The customer left on 1 November, and somebody wrote it down in December.
      let range = try #require(bench.settings.range(of: "from = \"2026-10-01\""))
      let text = bench.settings.replacingCharacters(in: range, with: "from = \"2026-10-01\"\nto = \"2026-11-01\"")
      let ended = try Station(configuration("trust-host-clock = true\n" + text + extra))
      #expect(
        try BillingRun.findings(ended, reader: try reader(bench)).map(\.text) == [
          "bill 2 of A-1 for 2026-11 would be different by -92.55: by its from and to account A-1 has no day in 2026-11"
        ])
      // It is what a person changed: nothing is cancelled before somebody does it, whatever was accepted.
      try await bench.desk(of: ended).pass(all: true)
      #expect(try told() == first)
      let trial = try BillingRun.trial(ended, reader: try reader(bench))
      #expect(
        trial.rows.filter { !$0.isSame }.flatMap(\.reasons) == [
          "2026-11 was billed, and by its from and to account A-1 has no day in it; mend from and to, or cancel the bill:"
            + " meterd bill correct A-1 2026-11"
        ])
      try await trial.accept(in: bench.store, actor: "li", reason: "moved out", at: 9)
      try await bench.desk(of: ended).pass(all: true)
      #expect(try told() == first)
      #expect(
        try bench.holds().filter { $0.account == "A-1" }.map { "\($0.cycle) \($0.reason)" } == [
          "2026-11 it is billed with 92.55 yuan and is not the account's month any more; mend from and to, or cancel the"
            + " bill: meterd bill correct A-1 2026-11"
        ])
      await bench.store.close()
      _ = try await BillingRun.correct(
        ended, account: "A-1", from: "2026-11", form: form, actor: "li", reason: "moved out")
      #expect(try told() == first + ["2026-11 reversal 2 -9255"], "there is nothing to bill instead in either form")
      #expect(try unbalanced(bench, ended) == [])
      #expect(try BillingRun.findings(ended, reader: try reader(bench)).isEmpty)
      let stored = try #require(try reader(bench).bill(4))
      let explanation = try BillExplanation(stored, station: ended, reader: try reader(bench))
      #expect(explanation.isReproduced)
      #expect(explanation.text.first?.contains("by its from and to account A-1 has no day in 2026-11") == true)
      // A mistake after all: the month is billed again, and counts on.
      let again = try Store(path: bench.store.path)
      try await bench.desk(opened: again).pass(all: true)
      #expect(try told().last == "2026-11 original 3 9255")
      #expect(try unbalanced(bench) == [])
      await again.close()
    }
  }

  @Test(arguments: [true, false])
  func `an earlier correction does not wait for a later month that cannot be billed, one that it builds on does`(
    _ byItself: Bool
  ) async throws {
    let extra = "[review]\ncorrect-automatically = \(byItself)\n"
    let bench = try await filled(extra)
    for (index, month) in ["2026-12", "2027-01", "2027-02"].enumerated() {
      try await bench.note("M-1", Int64(300 + 100 * index), at: "\(month)-01T00:00")
    }
    let late = try DeskBench.instant("2027-02-10T12:00")
    bench.host.now.withLock { $0 = late }
    try await bench.desk().pass(all: true)
    func told() throws -> [String] {
      try bench.bills().filter { $0.account == "A-1" }.map { "\($0.cycle) \($0.kind) \($0.totalFen)" }
    }
    let first = ["2026-10 original 6170", "2026-11 original 6170", "2026-12 original 6170", "2027-01 original 6170"]
    #expect(try told() == first)
    let numbers = Dictionary(
      try BillBook(reader: reader(bench)).documents(of: "A-1").flatMap(\.parts).flatMap(\.segments).flatMap(\.marks)
        .map { ($0.at, $0.mark.reading) }, uniquingKeysWith: { first, _ in first })
    func revise(_ month: String, _ energy: Int64) async throws {
      try await bench.store.revise(
        Revision(
          reading: try #require(numbers["\(month)-01T00:00:00"]),
          value: RegisterValue(millionths: energy * 1_000_000, resolution: 10_000), actor: "li", reason: "site", at: 7))
    }
    // January's last reading falls below its first: it cannot be billed any more. October's was 10 kWh more.
    try await revise("2027-02", 350)
    try await revise("2026-11", 210)
    let after = ["2026-10 reversal -6170", "2026-10 original 6787", "2026-11 reversal -6170", "2026-11 original 5553"]
    let station = try Station(configuration("trust-host-clock = true\n" + bench.settings + extra))
    if byItself {
      try await bench.desk().pass(all: true)
      #expect(try told() == first + after)
      #expect(try bench.holds().filter { $0.account == "A-1" }.isEmpty)
      // December ends where January begins: that one waits.
      try await revise("2027-01", 390)
      try await bench.desk().pass(all: true)
      #expect(try told() == first + after)
      #expect(
        try bench.holds().filter { $0.account == "A-1" }.map { "\($0.cycle) \($0.reason.prefix(60))" } == [
          "2026-12 its correction waits for 2027-01, which cannot be billed: me"
        ])
      await bench.store.close()
      return
    }
    await bench.store.close()
    let issued = try await BillingRun.correct(
      station, account: "A-1", from: "2026-10", form: .reversal, actor: "li", reason: "site")
    #expect(issued.issued.map { "\($0.record.cycle) \($0.record.kind) \($0.record.totalFen)" } == after)
    // Nothing was left out that could not be corrected, and so nothing waits.
    #expect(issued.waiting == nil)
    let refusal = await #expect(throws: Complaint.self) {
      try await BillingRun.correct(
        station, account: "A-1", from: "2027-01", form: .reversal, actor: "li", reason: "site")
    }
    #expect(refusal?.headline.hasPrefix("2027-01 of A-1 cannot be billed now: meter M-1:") == true)
    // October again, and December, which ends where January begins: that one is left out, and it is said.
    let open = try Store(path: bench.store.path)
    for (reading, energy) in [("2026-11", 220), ("2027-01", 390)] as [(String, Int64)] {
      try await open.revise(
        Revision(
          reading: try #require(numbers["\(reading)-01T00:00:00"]),
          value: RegisterValue(millionths: energy * 1_000_000, resolution: 10_000), actor: "li", reason: "site", at: 8))
    }
    await open.close()
    let order = BookOrder(
      .correct(account: "A-1", cycle: "2026-10", form: nil), reason: "site", name: nil, station: station)
    let result = try #require(try await order.carryOut(station, user: 7))
    #expect((result["issued"]?.items ?? []).compactMap { $0["cycle"]?.word }.last == "2026-11")
    #expect(result["issued"]?.items.count == 4)
    let waiting = try #require(result["waiting"])
    #expect(waiting["cycle"]?.word == "2026-12" && waiting["waits_for"]?.word == "2027-01")
    #expect(waiting["because"]?.items.first?.word?.hasPrefix("meter M-1:") == true)
    #expect(try bench.bills().last?.correction?.actor == "uid 7")
  }

  @Test func `a correction that makes no sense is refused in words`() async throws {
    let bench = try await filled()
    try await bench.desk().pass(all: true)
    await bench.store.close()
    let station = try Station(configuration("trust-host-clock = true\n" + bench.settings))
    func refusal(_ account: String, _ cycle: String) async -> String? {
      do {
        _ = try await BillingRun.correct(
          station, account: account, from: cycle, form: .reversal, actor: "li", reason: "because")
        return nil
      } catch {
        return error.headline
      }
    }
    #expect(await refusal("A-7", "2026-10")?.hasSuffix("has no account \"A-7\"") == true)
    #expect(await refusal("A-1", "October") == "\"October\" is no cycle")
    #expect(await refusal("A-1", "2026-09") == "no bill of A-1 for 2026-09 stands")
    #expect(await refusal("A-1", "2026-10") == nil)
  }

  @Test func `what is agreed for an account is read from the configuration, each mistake with its line`() throws {
    let bench = try DeskBench()
    let component = "[[component]]\ntitle = \"T\"\ntitle-zh = \"题\"\nsource = \"a test\"\nprimary = true\n"
    // By the contract's demand, with a power factor, losses, and a grant for large households: no true one has all.
    let mill = """
      name = "mill"
      title = "Mill"
      title-zh = "厂"
      currency = "CNY"
      valid-from = "2023-01-01"
      known-since = "2023-01-01"
      energy-scale = 2
      sources = ["a test"]
      [tiers]
      window = "month"
      grant-per-month = "100"
      source = "a test"
      primary = true
      tier = [{ from = "0", to = "100" }, { from = "100" }]
      [loss]
      day-share = "calendar"
      source = "a test"
      primary = true
      [[loss.transformer]]
      model = "S9"
      capacity = "1000"
      band = [{ from = "0", active = "1", reactive = "1" }]
      \(component)kind = "demand"
      price = "38"
      day-share = "calendar"
      \(component)kind = "tier-prices"
      prices = ["0.5", "0.6"]
      \(component)kind = "power-factor"
      standard = "by-supply"
      """
    try mill.write(toFile: "\(bench.folder)/mill.toml", atomically: true, encoding: .utf8)
    let settings = bench.settings.replacing("tariff = \"version-2012\"", with: "tariff = \"mill\"", maxReplacements: 1)
    func station(_ extra: String) throws -> Station {
      let from = try #require(settings.range(of: "from = \"2026-10-01\""))
      var text = settings
      text.replaceSubrange(from, with: "from = \"2026-10-01\"\n\(extra)")
      return try Station(configuration(text))
    }
    let terms = try station(
      """
      basic-charge = "contract-demand"
      contracted = "1000"
      contract-demand = "600"
      power-factor = "0.90"
      line-loss-percent = "3.5"
      large-household-from = "2026-02"
      proration = "months"
      transformer = { model = "S9", capacity = "1000" }
      [[account.change]]
      from = "2026-10-15"
      contract-demand = "700"
      power-factor = "none"
      [[account.change]]
      from = "2026-12-01"
      tariff = "version-2026"
      """
    ).accounts[0]
    #expect(terms.proration == .months)
    #expect(terms.grantFrom.map { "\($0)" } == "2026-02")
    #expect(terms.terms.map { $0.contractDemand.map { "\($0)" } } == ["600.00", "700.00", nil])
    #expect(terms.terms.map(\.isExemptFromPowerFactor) == [false, true, false])
    #expect(terms.terms.map(\.lineLoss) == [350, 350, nil])
    #expect(terms.terms[0].transformer?.hours == 720)
    for (extra, message) in [
      ("basic-charge = \"both\"", "\"both\" is none of capacity, contract-demand, actual-demand"),
      ("running = \"-1\"", "\"-1\" is no number of kVA with at most four places, such as \"630\""),
      ("power-factor = \"0.95\"", "\"0.95\" is none of 0.90, 0.85, 0.80 and none"),
      ("line-loss-percent = \"51\"", "\"51\" is no percentage from 0 to 50 with two places, such as \"3.5\""),
      ("large-household-from = \"soon\"", "\"soon\" is no month; write \"2026-10\""),
      ("proration = \"hours\"", "\"hours\" is neither \"days\" nor \"months\""),
      ("[[account.change]]\nrunning = \"5\"", "say from which day on this holds, such as from = \"2026-10-15\""),
      (
        "[[account.change]]\nfrom = \"2026-10-15\"\n[[account.change]]\nfrom = \"2026-10-15\"",
        "2026-10-15 is not after the change before, 2026-10-15"
      ),
    ] {
      let error = #expect(throws: DocumentError.self) { try station(extra) }
      #expect(error.map { "\($0)".hasSuffix(message) } == true, "\(extra)")
    }
  }
}
