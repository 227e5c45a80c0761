import Billing
import Metering
import Rating
import Testing

/// A store as the check sees it.
private struct Books {
  var account: Account
  var due: [YearMonth: [CycleState]] = [:]
  var posted: [PostedBill] = []
  var readings: [JournalReading] = []

  /// Names of the steps that do not balance.
  var unbalanced: [String] {
    var check = Reconciliation()
    check.add(account, due: due, posted: posted, readings: readings)
    return check.steps.filter { !$0.isBalanced }.map(\.name)
  }

  /// The same document with `old` changed to `new`.
  mutating func edit(_ index: Int, _ old: String, _ new: String) throws {
    let bill = posted[index].bill
    #expect(bill.standing.contains(old), "\(old) is in the document")
    let text = bill.standing.replacing(old, with: new)
    posted[index] = PostedBill(
      bill: try IssuedBill(
        id: bill.id, account: bill.account, cycle: "\(bill.cycle)", version: Int64(bill.version),
        kind: bill.kind.rawValue, digest: bill.digest, totalFen: bill.amount.fen, issuedAt: bill.issuedAt,
        document: Array(text.utf8), readings: bill.readings), linesFen: posted[index].linesFen,
      postedFen: posted[index].postedFen)
  }
}

@Suite struct ReconciliationTests {
  private func books(_ uses: [Int64], multiplier: Multiplier = .one) throws -> Books {
    let plan = try tariff("shanghai-residential-tou-2012")
    let plans = try PlanCatalogue([plan])
    let account = try account(plan, multiplier: multiplier)
    var journal = Journal()
    var (peak, valley) = (Int64(99_999_000), Int64(500))
    func settle(_ index: Int) throws {
      func text(_ cents: Int64) -> String { decimalString(cents % 100_000_000 * 10_000, decimals: 2) }
      try journal.settle(
        "\(try month("2026-01") + index)-01T00:00", total: text(peak + valley), peak: text(peak), valley: text(valley))
    }
    try settle(0)
    var books = Books(account: account)
    var window: OpenWindow?
    for (index, use) in uses.enumerated() {
      peak += use
      valley += use / 3
      try settle(index + 1)
      let cycle = try cycle("\(try month("2026-01") + index)")
      let closed = try #require(
        closeCycle(
          account: account, cycle: cycle, readings: journal.readings,
          windowState: window?.state(for: cycle, of: account, plans: plans, knownOn: day("2099-01-01")), plans: plans,
          knownOn: try day("2099-01-01")
        ).closed)
      window = OpenWindow(after: closed)
      books.due[cycle.month] = [.billed]
      books.posted.append(
        PostedBill(
          bill: try closed.issued(id: Int64(index + 1)), linesFen: closed.total.fen, postedFen: closed.total.fen))
    }
    books.readings = journal.readings
    return books
  }

  @Test func `what was billed from the journal balances at every step`() throws {
    var random = Seeded("books made by billing balance", cases: 1000)
    for _ in 0..<1000 {
      let uses = (0..<Int.random(in: 1...4, using: &random)).map { _ in Int64.random(in: 0...90_000, using: &random) }
      let factor =
        Multiplier(Int64.random(in: 1...100, using: &random), Int64.random(in: 1...7, using: &random)) ?? .one
      let unbalanced = try books(uses, multiplier: factor).unbalanced
      guard unbalanced.isEmpty else {
        Issue.record("seed \(random.seed): \(uses), \(factor): \(unbalanced)")
        return
      }
    }
  }

  @Test func `each thing that is lost, doubled or changed is found at its step`() throws {
    let whole = try books([30_000, 60_000, 45_000])
    #expect(whole.unbalanced == [])
    func broken(_ change: (inout Books) throws -> Void) throws -> [String] {
      var books = whole
      try change(&books)
      return books.unbalanced
    }
    #expect(try broken { $0.due[try month("2026-02")] = [] } == ["cycles"])
    #expect(try broken { $0.due[try month("2026-02")] = [.billed, .held] } == ["cycles"])
    #expect(try broken { $0.readings.removeAll { $0.sequence == 4 } }.contains("readings"))
    #expect(
      try broken { books in
        let found = books.readings[3]
        books.readings[3] = JournalReading(
          sequence: found.sequence, reading: found.reading,
          verdict: Verdict(status: .rejected, findings: [], ruleVersion: 1))
      } == ["readings"])
    #expect(
      try broken { books in
        let found = books.readings[3]
        books.readings.append(JournalReading(sequence: 99, reading: found.reading, verdict: found.verdict))
      } == ["newest"])
    // February begins two days late, and March by tiers that February has not left.
    #expect(
      try broken { try $0.edit(1, "\"from\":\"2026-02-01T00:00", "\"from\":\"2026-02-03T00:00") }.contains("chain"))
    let after = try #require(whole.posted[1].bill.windowAfter?.after.first)
    #expect(
      try broken { try $0.edit(1, "\"used_after\":[\"\(after)\"", "\"used_after\":[\"1.00\"") }.contains("chain"))
    let first = whole.posted[0].bill
    let part = try #require(first.parts.first)
    let register = try #require(part.segments.first?.registers.first)
    // One digit of what the document says of a reading, a segment, a line, its total.
    #expect(
      try broken { try $0.edit(0, "\"value\":\"\(register.stop.value)\"", "\"value\":\"1.00\"") }.contains("readings"))
    #expect(
      try broken { try $0.edit(0, "\"rolled_over\":true", "\"rolled_over\":false") }.contains("registers"))
    #expect(
      try broken { try $0.edit(0, "\"energy\":\"\(register.energy)\"}", "\"energy\":\"1.00\"}") } == [
        "registers", "usage",
      ])
    let line = try #require(part.lines.first)
    #expect(
      try broken { try $0.edit(0, "\"amount\":\"\(line.amount)\"", "\"amount\":\"\(line.amount + Money(fen: 1))\"") }
        .contains("lines-fen"))
    #expect(
      try broken { books in
        let old = books.posted[1]
        books.posted[1] = PostedBill(bill: old.bill, linesFen: old.linesFen - 1, postedFen: old.postedFen)
      } == ["documents"])
    #expect(
      try broken { books in
        let old = books.posted[1]
        books.posted[1] = PostedBill(bill: old.bill, linesFen: old.linesFen, postedFen: nil)
      } == ["ledger", "corrections"])
    #expect(try broken { $0.posted.append($0.posted[2]) } == ["corrections"])
  }

  @Test func `a line that is there twice is found, two components of one title are not`() throws {
    let twice =
      component("energy", "price = \"0.5\"") + component("fund", "price = \"0.01\"")
      + component("fund", "price = \"0.02\"")
    let plan = try plan("home", from: "2020-01-01", components: twice)
    let account = try account(plan)
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "100.00")
    try journal.settle("2026-11-01T00:00", total: "400.00")
    let closed = try #require(try close(account, "2026-10", journal, [plan]).closed)
    var books = Books(account: account, readings: journal.readings)
    books.due[try month("2026-10")] = [.billed]
    books.posted = [
      PostedBill(bill: try closed.issued(), linesFen: closed.total.fen, postedFen: closed.total.fen)
    ]
    #expect(books.unbalanced == [])
    // The second fund is written with the price of the first: one fund, twice.
    try books.edit(0, "\"price\":\"0.02000000\"", "\"price\":\"0.01000000\"")
    #expect(books.unbalanced.contains("lines-kwh"))
  }

  @Test func `a bill is held against those of other accounts, stretch by stretch`() throws {
    let plan = try tariff("shanghai-residential-2012")
    func closed(_ id: String, _ from: String, _ to: String, meter name: String = "M-0001") throws -> ClosedBill {
      let assignment = MeterAssignment(
        meter: try meter(name), from: try time(from), to: try time(to), register: try household())
      let account = Account(
        id: id, meters: [assignment], terms: [SupplyTerms(plan: plan.name)],
        from: try time(from).date, to: try time(to).date)
      var journal = Journal()
      try journal.note("100.00", at: from, meter: name, kind: .event)
      try journal.note("130.00", at: to, meter: name, kind: .event)
      let cycle = try #require(account.cycle(month("2026-10")))
      let closing = closeCycle(
        account: account, cycle: cycle, readings: journal.readings, windowState: nil, plans: try PlanCatalogue([plan]),
        knownOn: try day("2026-12-01"))
      return try #require(closing.closed, "\(closing.reasons)")
    }
    let mine = try closed("A-2", "2026-10-10T00:00", "2026-10-20T00:00")
    for (from, to, name, twice) in [
      ("2026-10-01T00:00", "2026-10-10T00:00", "M-0001", false),
      ("2026-10-01T00:00", "2026-10-11T00:00", "M-0001", true),
      ("2026-10-12T00:00", "2026-10-14T00:00", "M-0001", true),
      ("2026-10-20T00:00:00", "2026-11-01T00:00", "M-0001", false),
      ("2026-10-12T00:00", "2026-10-14T00:00", "M-7", false),
    ] {
      let other = try closed("A-1", from, to, meter: name).issued()
      #expect(billedElsewhere(mine, others: [other]).count == (twice ? 1 : 0), "\(from) \(to) \(name)")
    }
    #expect(billedElsewhere(mine, others: [try mine.issued()]).isEmpty, "a bill may be put in the place of itself")
    let own = try mine.issued()
    let before = try IssuedBill(
      id: 7, account: own.account, cycle: "2026-09", version: 1, kind: "original", digest: own.digest,
      totalFen: own.amount.fen, issuedAt: 0, document: Array(own.standing.utf8), readings: own.readings)
    #expect(
      billedElsewhere(mine, others: [before]).map(\.description) == [
        "meter M-0001 from 2026-10-10T00:00:00 to 2026-10-20T00:00 was billed for 2026-09 (bill 7); the same energy is"
          + " not charged twice: a settlement day that is moved counts from where the last bill ends"
      ])
  }

  @Test func `the same energy on bills of two accounts is found, one after the other is not`() throws {
    let plan = try tariff("shanghai-residential-2012")
    func books(_ id: String, _ from: String, _ to: String) throws -> Books {
      let assignment = MeterAssignment(meter: try meter(), register: try household())
      let account = Account(id: id, meters: [assignment], plan: plan.name)
      var journal = Journal()
      try journal.settle("\(from)-01T00:00", total: "100.00")
      try journal.settle("\(to)-01T00:00", total: "400.00")
      let closed = try #require(try close(account, from, journal, [plan]).closed)
      return Books(
        account: account, due: [try month(from): [.billed]],
        posted: [PostedBill(bill: try closed.issued(), linesFen: closed.total.fen, postedFen: closed.total.fen)],
        readings: journal.readings)
    }
    func differences(_ all: [Books]) -> [String] {
      var check = Reconciliation()
      for books in all { check.add(books.account, due: books.due, posted: books.posted, readings: books.readings) }
      return check.steps.flatMap(\.differences)
    }
    var renamed = try books("A-2", "2026-10", "2026-11")
    let first = try books("A-1", "2026-10", "2026-11")
    renamed.posted = [
      PostedBill(
        bill: try IssuedBill(
          id: 2, account: "A-2", cycle: "2026-10", version: 1, kind: "original", digest: "", totalFen: 18_510,
          issuedAt: 0, document: Array(renamed.posted[0].bill.standing.utf8), readings: [1, 2]), linesFen: 18_510,
        postedFen: 18_510)
    ]
    #expect(
      differences([first, renamed]) == [
        "meter M-0001 from 2026-10-01T00:00:00 to 2026-11-01T00:00:00 is on bill 1 of A-1 for 2026-10, and on bill 2 of"
          + " A-2 for 2026-10"
      ])
    #expect(differences([first, try books("A-2", "2026-11", "2026-12")]) == [])
  }
}
