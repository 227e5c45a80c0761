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

  private func unbalanced(_ change: (inout Billing.Reconciliation) throws -> Void) rethrows -> [String] {
    var check = Reconciliation()
    try change(&check)
    return check.steps.filter { !$0.isBalanced }.map { "\($0.name): \($0.differences.joined(separator: "; "))" }
  }

  @Test func `a due reading that is neither there nor noted, and a settlement on no bill, are named`() throws {
    let (at, name) = (try time("2026-11-01T00:00:00"), try meter())
    func due(_ state: DueReading.State) throws -> [String] {
      unbalanced { $0.add([DueReading(meter: name, at: at, state: state)], of: "A-1") }
    }
    #expect(try due(.acquired) == [])
    #expect(try due(.missing("silent")) == [])
    #expect(
      try due(.lost) == [
        "due: A-1: settlement of M-0001 at 2026-11-01T00:00:00 is neither in the journal nor noted as missing"
      ])
    func settled(_ state: SettledReading.State) -> [String] {
      unbalanced { $0.add([SettledReading(sequence: 7, meter: name, at: at, state: state)]) }
    }
    #expect(settled(.rated) == [])
    #expect(settled(.held("no account names meter M-0001")) == [])
    #expect(
      settled(.lost(cycle: "A-1 2026-10")) == [
        "settled: reading 7, settlement of M-0001 at 2026-11-01T00:00:00 is accepted, A-1 2026-10 is billed, and no bill"
          + " has the meter at that time"
      ])
    var check = Reconciliation()
    check.add([SettledReading(sequence: 7, meter: name, at: at, state: .held("no account names meter M-0001"))])
    #expect(
      check.steps.flatMap(\.explained) == [
        "reading 7, settlement of M-0001 at 2026-11-01T00:00:00: no account names meter M-0001"
      ])
  }

  @Test func `rows that are gone from the journal, and values that nobody has vouched for, are named`() throws {
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "1.00")
    try journal.note("2.00", at: "2026-10-02T00:00", status: .held)
    try journal.note("3.00", at: "2026-10-03T00:00", status: .rejected)
    try journal.note("4.00", at: "2026-10-04T00:00", quality: .substituted)
    try journal.note("5.00", at: "2026-10-05T00:00", kind: .instantaneous, quality: .synthetic)
    func census(_ rows: [JournalReading], approved: Set<Int64> = [4]) -> JournalCensus {
      var census = JournalCensus()
      for row in rows { census.count(row, isApproved: approved.contains(row.sequence)) }
      return census
    }
    let rows = journal.readings
    #expect(unbalanced { $0.add(census(rows), last: 5) } == [])
    #expect(
      unbalanced { $0.add(census(rows), last: 7) } == [
        "journal: readings 6 to 7 were acquired and are not in the journal"
      ])
    #expect(
      unbalanced { $0.add(census([rows[0]] + rows[2...]), last: 5) } == [
        "journal: reading 2 was acquired and is not in the journal"
      ])
    #expect(
      unbalanced { $0.add(census(rows, approved: []), last: 5) } == [
        "accepted: reading 4 of energy.import.active.total of M-0001, 4.00, is substituted and usable, and nobody's word"
          + " for it is in the audit log"
      ])
  }

  @Test func `daily freezes that do not add up to a bill's register, or fall, are named`() throws {
    let bill = try #require(try books([30_000]).posted.first?.bill)
    let segment = try #require(bill.parts.first?.segments.first)
    let register = try #require(segment.registers.first)
    #expect(register.rolledOver, "the register passes its capacity in this month")
    func values(_ texts: [String]) throws -> [(sequence: Int64, value: RegisterValue)] {
      try texts.enumerated().map { index, text in
        (Int64(index + 40), RegisterValue(millionths: try #require(exactDecimal(text, scale: 6)), resolution: 10_000))
      }
    }
    func days(_ texts: [String], capacity: Int64? = 1_000_000_000_000) throws -> [String] {
      let freezes = try values(texts)
      return unbalanced { $0.add(freezes: freezes, of: segment, on: "bill 1", capacity: capacity) }
    }
    let (start, stop) = (register.start.value, register.stop.value)
    #expect(try days([start, "999999.99", "100.00", stop]) == [])
    let short = try days([start, "999999.99", "100.00", "200.00"])
    #expect(
      short.count == 1
        && short.allSatisfy { $0.hasPrefix("days: bill 1, meter M-0001: its daily freezes, readings 40 to 43") })
    #expect(
      try days([start, "120.00", "100.00", stop]) == [
        "days: bill 1, meter M-0001: reading 42 is 100.00 after 120.00 a day before"
      ])
    #expect(try days([start, stop], capacity: nil) == [], "of an unknown capacity nothing can be said")
  }

  @Test func `a posting in the wrong batch, a bill that is gone and another hash of a day are found`() throws {
    let bills = try books([30_000, 60_000, 45_000]).posted.map(\.bill)
    #expect(unbalanced { $0.add(batch: "2026-01", bills: [bills[0]], postings: bills[0].amount) } == [])
    #expect(
      unbalanced { $0.add(batch: "2026-01", bills: [bills[0]], postings: .zero) } == [
        "batches: 2026-01: its bills add up to \(bills[0].amount), its postings to 0.00"
      ])
    let days = BillDay.chain(bills, zone: .china)
    #expect(days.map(\.count) == [3])
    let day = try #require(days.first)
    #expect((day.first, day.last) == (1, 3))
    #expect(day.amount == bills.reduce(Money.zero) { $0 + $1.amount })
    func chain(_ bills: [IssuedBill], posted: Set<Int64> = [1, 2, 3], kept: [String: String] = [:]) -> [String] {
      unbalanced {
        $0.add(
          BillDay.chain(bills, zone: .china), bills: Set(bills.map(\.id)), posted: posted,
          kept: kept.map { ($0.key, $0.value) })
      }
    }
    #expect(chain(bills, kept: [day.day: day.hash]) == [])
    #expect(chain(bills, posted: [1, 2, 3, 4]) == ["day-chain: bill 4 was posted and is not in the store"])
    #expect(chain([bills[0], bills[2]]) == ["day-chain: bill 2 was posted and is not in the store"])
    let other = try IssuedBill(
      id: 2, account: "A-1001", cycle: "2026-02", version: 1, kind: "original", digest: bills[1].digest,
      totalFen: bills[1].amount.fen + 1, issuedAt: bills[1].issuedAt, document: Array(bills[1].standing.utf8),
      readings: bills[1].readings)
    let found = chain([bills[0], other, bills[2]], kept: [day.day: day.hash])
    #expect(found.count == 1 && found.allSatisfy { $0.hasSuffix("kept was \(day.hash)") })
    #expect(chain(bills, kept: ["2020-01-01": day.hash]).first?.contains("nothing was issued") == true)
  }

  @Test func `the hash of a day covers the days before it`() throws {
    let first = try books([30_000, 60_000]).posted.map(\.bill)
    func later(_ bill: IssuedBill, fen: Int64) throws -> IssuedBill {
      try IssuedBill(
        id: bill.id, account: bill.account, cycle: "\(bill.cycle)", version: 1, kind: "original", digest: bill.digest,
        totalFen: bill.amount.fen + fen, issuedAt: bill.issuedAt + 86_400_000 * (bill.id - 1),
        document: Array(bill.standing.utf8), readings: bill.readings)
    }
    let right = BillDay.chain(try first.map { try later($0, fen: 0) }, zone: .china)
    let wrong = BillDay.chain([try later(first[0], fen: 1), try later(first[1], fen: 0)], zone: .china)
    #expect(right.count == 2)
    #expect(right.map(\.hash) != wrong.map(\.hash))
    #expect(right.last?.amount == wrong.last?.amount)
    #expect(right.last?.hash != wrong.last?.hash, "a day after the one that was changed has another hash, too")
  }

  @Test func `days follow the numbers of bills, also where the host's clock went back over midnight`() throws {
    let bills = try books([30_000, 60_000, 45_000]).posted.map(\.bill)
    func issued(_ bill: IssuedBill, day: Int64) throws -> IssuedBill {
      try IssuedBill(
        id: bill.id, account: bill.account, cycle: "\(bill.cycle)", version: 1, kind: "original", digest: bill.digest,
        totalFen: bill.amount.fen, issuedAt: day * 86_400_000, document: Array(bill.standing.utf8),
        readings: bill.readings)
    }
    let first = try [issued(bills[0], day: 20_000), issued(bills[1], day: 20_001)]
    let kept = BillDay.chain(first, zone: .china)
    let days = BillDay.chain([try issued(bills[2], day: 20_000)] + first, zone: .china)
    #expect(days.map(\.day) == ["2024-10-04", "2024-10-05", "2024-10-04"])
    #expect(days.prefix(2) == kept[...], "no day changes that is over by the numbers of its bills")
    func step(_ kept: KeyValuePairs<String, String>) -> ReconciliationStep? {
      var check = Reconciliation()
      check.add(days, bills: [1, 2, 3], posted: [1, 2, 3], kept: kept.map { ($0.key, $0.value) })
      return check.steps.first { $0.name == "day-chain" }
    }
    #expect(step(["2024-10-04": kept[0].hash])?.isBalanced == true)
    #expect(step(["2024-10-04": days[2].hash])?.isBalanced == true)
    #expect(step(["2024-10-04": days[1].hash])?.isBalanced == false)
    #expect(step(["2024-10-04": kept[0].hash, "2024-10-04": days[2].hash])?.isBalanced == true)
    let mixed = step(["2024-10-04": days[1].hash, "2024-10-04": days[2].hash])
    #expect(mixed?.differences.count == 1, "a right hash makes no wrong one right")
    #expect(
      step([:])?.explained == [
        "bill 3 bears 2024-10-04, and bill 2 before it 2024-10-05: the host's clock went back; the chain goes by the"
          + " numbers of bills"
      ])
  }

  @Test func `a register past its capacity is not compared where nobody says any more what that is`() throws {
    var books = try books([30_000])
    books.account = Account(id: books.account.id, meters: [], terms: books.account.terms)
    var check = Reconciliation()
    check.add(books.account, due: books.due, posted: books.posted, readings: books.readings)
    let step = try #require(check.steps.first { $0.name == "registers" })
    #expect(step.isBalanced)
    #expect(step.unchecked.count == 2)
    #expect(
      step.unchecked.allSatisfy {
        $0.hasSuffix("passed its capacity, and account A-1001 names the meter no more: nobody says what that is")
      })
    let segment = try #require(books.posted.first?.bill.parts.first?.segments.first)
    check.add(freezes: [], of: segment, on: "bill 1", capacity: nil)
    #expect(
      check.steps.first { $0.name == "days" }?.unchecked == [
        "bill 1, meter M-0001: its register passed its capacity, and nobody says any more what that is"
      ])
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
