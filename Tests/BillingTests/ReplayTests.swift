import Billing
import Metering
import Rating
import Testing

/// Cycles billed and corrected as people do it, against the same cycles billed once with what is known at the end.
@Suite struct ReplayTests {
  private func zhejiang() throws -> (Account, PlanCatalogue) {
    let plan = try tariff("zhejiang-residential-2012")
    return (try account(plan), try PlanCatalogue([plan]))
  }

  /// Bills each month of `journal` from nothing.
  private func bill(
    _ account: Account, _ months: [String], _ journal: Journal, _ plans: PlanCatalogue, version: Int = 1
  ) throws -> [ClosedBill] {
    var bills: [ClosedBill] = []
    var window: OpenWindow?
    for label in months {
      let cycle = try cycle(label)
      let closed = try #require(
        closeCycle(
          account: account, cycle: cycle, readings: journal.readings,
          windowState: window?.state(for: cycle, of: account, plans: plans, knownOn: day("2099-01-01")), plans: plans,
          knownOn: try day("2099-01-01"),
          version: version
        ).closed)
      window = OpenWindow(after: closed)
      bills.append(closed)
    }
    return bills
  }

  private let months = (1...6).map { "2026-0\($0)" }

  @Test func `what another program makes of the very same is told by the charges, not by the digest`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let account = try account(plan)
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "100.00")
    try journal.settle("2026-11-01T00:00", total: "160.00")
    let closed = try #require(
      closeCycle(account: account, cycle: cycle("2026-10"), readings: journal.readings, windowState: nil, plan: plan)
        .closed)
    #expect("\(closed.total)" == "37.02")
    /// As a program issued it that cut off where this one rounds.
    func issued(engine: Int) throws -> IssuedBill {
      let text = closed.document.replacing("37.02", with: "37.01").replacing(
        "\"engine\":\(ratingEngineVersion)", with: "\"engine\":\(engine)")
      return try IssuedBill(
        id: 1, account: account.id, cycle: "2026-10", version: 1, kind: "original",
        digest: engine == ratingEngineVersion ? closed.digest : "other", totalFen: 3701, issuedAt: 1_795_320_000_000,
        document: Array(text.utf8), readings: closed.readings)
    }
    for engine in [ratingEngineVersion, ratingEngineVersion - 1] {
      let again = replay(
        account, standing: [try issued(engine: engine)], readings: journal.readings, plans: try PlanCatalogue([plan]),
        knownOn: try day("2026-11-22"))
      #expect(again.corrections.map { "\($0.amount)" } == ["0.01"])
      #expect(again.corrections.map(\.causes) == [[.engine]])
    }
  }

  @Test func `another program, tariff or account is another basis`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let plans = try ["A-1001": PlanCatalogue([plan])]
    func basis(_ account: Account, _ plans: [String: PlanCatalogue], program: String = "1.0") -> String {
      ratingBasis(accounts: [account], plans: plans, program: program)
    }
    let usual = basis(try account(plan), plans)
    #expect(basis(try account(plan), plans) == usual)
    #expect(basis(try account(plan), plans, program: "1.1") != usual)
    #expect(basis(try account(plan, multiplier: Multiplier(20) ?? .one), plans) != usual)
    #expect(basis(try account(plan), [:]) != usual)
  }

  @Test func `with nothing changed nothing comes out`() throws {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    for month in 1...7 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 900).00") }
    let standing = try bill(account, months, journal, plans).enumerated().map { try $1.issued(id: Int64($0)) }
    let again = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(again.corrections.isEmpty && again.stuck.isEmpty)
  }

  @Test func `a newer reading corrects its two cycles and every later one of the window, and the causes are told`()
    throws
  {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    for month in 1...7 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 900).00") }
    let standing = try bill(account, months, journal, plans).enumerated().map { try $1.issued(id: Int64($0)) }
    try journal.note("2000.00", at: "2026-02-01T00:00", quality: .substituted)
    let again = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    // January has 200 kWh more and February 200 less; the tiers of March start as before.
    #expect(again.corrections.map { "\($0.original.cycle) \($0.amount)" } == ["2026-01 107.60", "2026-02 -107.60"])
    #expect(
      again.corrections.first?.causes.map(\.description) == [
        "reading 2 has a newer one, 8: meter M-0001, energy.import.active.total at 2026-02-01T00:00:00, 1800.00 is now"
          + " 2000.00"
      ])
    #expect(again.corrections.last?.causes.last == .window)
    #expect(again.corrections.map { $0.replacement?.key.version } == [3, 3])
  }

  struct StuckCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Instants of readings that are read again, 10 kWh more.
    let again: [String]
    let free: [String]
    var waits: String?
    var on = "2026-04"
  }

  static let stuckCases = [
    StuckCase(
      testDescription: "a month that comes out the same lies between", again: ["2026-02"], free: ["2026-01", "2026-02"]),
    StuckCase(
      testDescription: "the last of them leaves tiers and registers as they were", again: ["2026-03"],
      free: ["2026-02", "2026-03"]),
    StuckCase(
      testDescription: "the month that cannot be billed begins with it", again: ["2026-04"], free: [], waits: "2026-03"),
    StuckCase(
      testDescription: "one of two hangs together with it", again: ["2026-02", "2026-04"],
      free: ["2026-01", "2026-02"],
      waits: "2026-03"),
    StuckCase(testDescription: "the tiers of all move", again: ["2026-01"], free: [], waits: "2026-01"),
    StuckCase(testDescription: "after it alone", again: ["2026-07"], free: ["2026-06"]),
    StuckCase(
      testDescription: "on both sides", again: ["2026-02", "2026-07"], free: ["2026-01", "2026-02", "2026-06"]),
    StuckCase(
      testDescription: "after it, from another reading than it ended with", again: ["2026-06"], free: [],
      waits: "2026-06", on: "2026-05"),
  ]

  @Test(arguments: stuckCases)
  func `what does not hang together with a cycle that cannot be billed is corrected all the same`(_ each: StuckCase)
    throws
  {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    for month in 1...7 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 9).00") }
    let standing = try bill(account, months, journal, plans).enumerated().map { try $1.issued(id: Int64($0)) }
    try journal.note("45.00", at: "2026-05-01T00:00", status: .held)
    for label in each.again {
      let month = try #require(Int64(label.suffix(1)))
      try journal.note("\(month * 9 + (label == "2026-01" ? -1 : 1)).00", at: "\(label)-01T00:00")
    }
    let all = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(all.stuck.keys.sorted().map(\.description) == ["2026-04", "2026-05"])
    let (free, waiting) = all.untilStuck(standing)
    #expect(free.corrections.map { "\($0.original.cycle)" } == each.free)
    #expect(waiting.map { "\($0.cycle)" } == each.waits)
    #expect(waiting.map { "\($0.stuck)" } == (each.waits == nil ? nil : each.on))
  }

  @Test func `a later version with another tier window leaves the one before in its own`() throws {
    func home(_ window: String, from: String, to: String? = nil) throws -> Plan {
      let tiers = """

        [tiers]
        window = "\(window)"
        source = "a test"
        primary = true
        tier = [{ from = "0", to = "500" }, { from = "500" }]

        """
      return try plan(
        "home", from: from, to: to, periods: tiers, components: component("tier-prices", "prices = [\"0.5\", \"0.6\"]"))
    }
    let year = try home("year", from: "2020-01-01")
    let account = try account(year)
    var journal = Journal()
    for month in 1...7 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 400).00") }
    let standing = try bill(account, months, journal, PlanCatalogue([year])).map { try $0.issued() }
    // 400 kWh at 0.5; 100 at 0.5 and 300 at 0.6; and so on.
    #expect(standing.map { "\($0.total)" } == ["200.00", "230.00", "240.00", "240.00", "240.00", "240.00"])
    let plans = try PlanCatalogue([
      home("year", from: "2020-01-01", to: "2026-06-30"), home("month", from: "2026-07-01"),
    ])
    let again = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(again.corrections.map { "\($0.original.cycle) \($0.amount)" } == [])
    for (bill, before) in zip(standing.dropFirst(), standing) {
      let closing = rateAgain(bill, after: before, account: account, readings: journal.readings, plans: plans)
      #expect(closing.closed?.total == bill.total, "\(bill.cycle) \(closing.reasons)")
    }
  }

  @Test func `a bill is rated again from the tier window that it was made from, whatever stands before it by now`()
    throws
  {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    for month in 1...7 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 900).00") }
    let closed = try bill(account, months, journal, plans)
    let standing = try closed.map { try $0.issued() }
    // March was billed first, and all before it later: it began at nothing.
    let early = try #require(try bill(account, ["2026-03"], journal, plans).first)
    let march = try early.issued()
    for (bill, before, began) in [
      (standing[2], standing[1], true), (standing[0], nil, true), (march, nil, true), (march, standing[1], false),
      (standing[2], nil, false),
    ] {
      #expect(bill.began(after: before) == began)
      let again = rateAgain(bill, after: before, account: account, readings: journal.readings, plans: plans)
      #expect(again.closed?.total == bill.total)
      if bill == march || began { #expect(again.closed?.document == bill.standing) }
    }
  }

  @Test func `a bill that a later error cuts is rated again with the reading of its first instant`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let plans = try PlanCatalogue([plan])
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "100.00")
    try journal.settle("2026-11-01T00:00", total: "200.00")
    try journal.note("150.00", at: "2026-10-11T00:00", kind: .dailyFreeze)
    // Nothing cuts the month here.
    try journal.note("170.00", at: "2026-10-20T00:00", kind: .dailyFreeze)
    let whole = MeterAssignment(meter: try meter(), register: try household())
    let error = try #require(
      MeterError(tenThousandths: 2_500, from: time("2026-10-11T00:00"), to: time("2026-11-01T00:00"), of: .one))
    let mended = try account(plan, meters: whole.divided(by: [error]))
    let issued = try #require(try bill(try account(plan), ["2026-10"], journal, plans).first).issued()
    let again = rateAgain(issued, after: nil, account: mended, readings: journal.readings, plans: plans)
    #expect(again.reasons == [])
    #expect(again.closed?.bill.totals.energy == (try energy("90")))
    // Once it rests on that reading, a later version of it does not count.
    let corrected = try #require(try bill(mended, ["2026-10"], journal, plans).first)
    try journal.note("160.00", at: "2026-10-11T00:00", kind: .dailyFreeze)
    let same = rateAgain(
      try corrected.issued(), after: nil, account: mended, readings: journal.readings, plans: plans)
    #expect(same.closed?.document == corrected.document)
  }

  @Test func `other words and other dates of a tariff, or another engine, correct nothing, another price does`() throws
  {
    func notice(_ title: String, price: String = "0.5", to: String? = nil, known: String = "2020-01-01") throws -> Plan
    {
      let text = component("energy", "price = \"\(price)\"").replacing(
        "title = \"energy\"", with: "title = \"\(title)\"")
      return try plan("home", from: "2020-01-01", to: to, known: known, components: text)
    }
    let old = try notice("Energy")
    let account = try account(old)
    var journal = Journal()
    for month in 1...3 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 280).00") }
    let standing = try ["2026-01", "2026-02"].map {
      try #require(try close(account, $0, journal, [old], knownOn: "2026-03-02").closed).issued()
    }
    func corrected(_ plans: [Plan]) throws -> [String] {
      let again = replay(
        account, standing: standing, readings: journal.readings, plans: try PlanCatalogue(plans),
        knownOn: try day("2026-03-02"))
      return again.corrections.map { "\($0.original.cycle) \($0.amount)" }
    }
    let others = [
      try notice("Energy charge, corrected spelling"), try notice("Energy", to: "2026-12-31"),
      try notice("Energy", known: "2026-03-01"),
    ]
    for other in others {
      #expect(other.digest != old.digest)
      #expect(other.pricingDigest == old.pricingDigest)
      #expect(try corrected([other]) == [])
    }
    #expect(try corrected([old, others[2]]) == [])
    let dearer = try notice("Energy", price: "0.6")
    #expect(dearer.pricingDigest != old.pricingDigest)
    #expect(try corrected([dearer]) == ["2026-01 28.00", "2026-02 28.00"])
    // Another document of the same charges is told apart from another charge by what it says, not by its digest.
    let first = try #require(standing.first)
    let words = first.standing.replacing(
      "\"engine\":\(ratingEngineVersion)", with: "\"engine\":\(ratingEngineVersion + 1)")
    #expect(words != first.standing)
    let again = try IssuedBill(
      id: 9, account: first.account, cycle: "\(first.cycle)", version: 1, kind: "original", digest: "other",
      totalFen: first.amount.fen, issuedAt: 0, document: Array(words.utf8), readings: first.readings)
    #expect(Charges(again.parts) == Charges(first.parts))
  }

  @Test func `a late actual takes the place of an estimate, and the difference is settled at the prices of its days`()
    throws
  {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    try journal.settle("2026-01-01T00:00", total: "0.00")
    try journal.note("500.00", at: "2026-02-01T00:00", kind: .estimate, quality: .estimated)
    try journal.settle("2026-03-01T00:00", total: "1000.00")
    let standing = try bill(account, ["2026-01", "2026-02"], journal, plans).map { try $0.issued() }
    #expect(standing.map { $0.parts[0].isEstimated } == [true, true])
    try journal.settle("2026-02-01T00:00", total: "450.00")
    let again = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(again.corrections.map { "\($0.amount)" } == ["-26.90", "26.90"])
    #expect(again.corrections.allSatisfy { $0.replacement?.bill.usage.isEstimated == false })
  }

  @Test func `a notice that comes late corrects the days it is for, from the day it is known`() throws {
    func version(_ price: String, _ from: String, known: String) throws -> Plan {
      try plan("home", from: from, known: known, components: component("energy", "price = \"\(price)\""))
    }
    let old = try version("0.5", "2020-01-01", known: "2020-01-01")
    let plans = try PlanCatalogue([old, try version("0.6", "2026-02-15", known: "2026-04-10")])
    let account = try account(old)
    var journal = Journal()
    for month in 1...4 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 280).00") }
    let standing = try (1...3).map { month in
      try close(account, "2026-0\(month)", journal, plans.plans, knownOn: "2026-04-02").closed
    }.map { try #require($0).issued() }
    for (today, found) in [
      ("2026-04-09", []), ("2026-04-10", ["2026-02 14.00", "2026-03 28.00"]),
    ] {
      let again = replay(
        account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day(today))
      #expect(again.corrections.map { "\($0.original.cycle) \($0.amount)" } == found)
      // February has two stretches now: that is no other program, and none for March, which has one.
      #expect(
        again.corrections.allSatisfy { correction in
          correction.causes.count == 1 && correction.causes.allSatisfy { if case .plan = $0 { true } else { false } }
        }, "\(again.corrections.map(\.causes))")
    }
  }

  @Test func `power factor and demand of a mill are replayed with its readings`() throws {
    let terms = SupplyTerms(
      plan: "mill", basicCharge: .actualDemand, contracted: Power(millionths: 1_000_000_000),
      powerFactorStandard: .ninety)
    let account = try mill([terms])
    var journal = Journal()
    try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
    try journal.noteMill(
      "2026-11-01T00:00", total: "150.00", reactive: "109.00", demand: "0.7000", occurred: "2026-10-20T14:15")
    let plans = [try twoPart()]
    let first = try #require(try close(account, "2026-10", journal, plans).closed)
    // The reactive register and the demand were read wrong.
    try journal.note("74.00", of: .energyTotal(.combinedReactive1), at: "2026-11-01T00:00")
    let demand = try #require(Quantity(.maximumDemand(.importActive), .total))
    try journal.note("0.5000", of: demand, at: "2026-11-01T00:00", occurred: "2026-10-20T14:15")
    let again = replay(
      account, standing: [try first.issued()], readings: journal.readings, plans: try PlanCatalogue(plans),
      knownOn: try day("2099-01-01"))
    let correction = try #require(again.corrections.first)
    #expect(correction.causes.count == 2)
    // 700 kW × 40 + 30000, +15 %, becomes 500 kW × 40 + 30000, factor 0.90.
    #expect("\(first.total) \(try #require(correction.replacement).total)" == "66700.00 50000.00")
  }

  @Test func `a cycle that cannot be billed any more is named and what was issued stands`() throws {
    let (account, plans) = try zhejiang()
    var journal = Journal()
    for month in 1...4 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 900).00") }
    let standing = try bill(account, ["2026-01", "2026-02", "2026-03"], journal, plans).map { try $0.issued() }
    try journal.note("2700.00", at: "2026-03-01T00:00", status: .held, codes: [.runaway])
    let again = replay(
      account, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(again.corrections.isEmpty)
    #expect(again.stuck.keys.sorted().map { "\($0)" } == ["2026-02", "2026-03"])
  }

  @Test func `another multiplier is a change of the books that waits for a person`() throws {
    let (before, plans) = try zhejiang()
    let after = try BillingTests.account(try tariff("zhejiang-residential-2012"), multiplier: Multiplier(2) ?? .one)
    var journal = Journal()
    for month in 1...2 { try journal.settle("2026-0\(month)-01T00:00", total: "\(month * 100).00") }
    let standing = try bill(before, ["2026-01"], journal, plans).map { try $0.issued() }
    let again = replay(
      after, standing: standing, readings: journal.readings, plans: plans, knownOn: try day("2099-01-01"))
    #expect(again.corrections.map(\.causes) == [[.multiplier(meter: "M-0001", old: "1", new: "2")]])
    #expect(
      again.corrections.allSatisfy { correction in
        correction.causes.contains { if case .multiplier = $0 { true } else { false } }
      })
  }

  @Test func `corrections in any order and form leave the ledger where billing once would`() throws {
    var random = Seeded("corrected books are those of billing once", cases: 1000)
    let (account, plans) = try zhejiang()
    for round in 0..<1000 {
      var journal = Journal()
      var registers: [Int64] = [Int64.random(in: 0...50_000, using: &random)]
      for _ in 1...6 { registers.append(registers[registers.count - 1] + Int64.random(in: 0...90_000, using: &random)) }
      for (index, register) in registers.enumerated() {
        try journal.settle("2026-0\(index + 1)-01T00:00", total: decimalString(register * 10_000, decimals: 2))
      }
      var standing = try bill(account, months, journal, plans).map { try $0.issued() }
      var ledger = Dictionary(uniqueKeysWithValues: standing.map { ($0.cycle, $0.amount) })
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 1...5, using: &random)
        registers[index] = Int64.random(in: registers[index - 1]...registers[index + 1], using: &random)
        try journal.note(
          decimalString(registers[index] * 10_000, decimals: 2), at: "2026-0\(index + 1)-01T00:00")
        let form: CorrectionForm = Bool.random(using: &random) ? .reversal : .difference
        let again = replay(
          account, standing: standing, readings: journal.readings.shuffled(using: &random), plans: plans,
          knownOn: try day("2099-01-01"), form: form)
        for correction in again.corrections {
          let old = correction.original
          let place = try #require(standing.firstIndex { $0.cycle == old.cycle })
          let new = try #require(correction.replacement)
          switch form {
          case .reversal:
            ledger[old.cycle, default: .zero] += try mirrored(old) + new.total
            standing[place] = try new.issued()
          case .difference:
            let document = try old.differenceDocument(to: new, reason: "a test")
            let bill = try IssuedBill(
              id: 1, account: old.account, cycle: "\(old.cycle)", version: Int64(new.key.version), kind: "difference",
              digest: new.digest, totalFen: correction.amount.fen, issuedAt: 0, document: Array(document.utf8),
              readings: new.readings)
            let lines = old.differences(to: bill.parts).reduce(Money.zero) { $0 + $1.amount }
            guard lines == correction.amount else {
              Issue.record("seed \(random.seed), round \(round): lines \(lines), amount \(correction.amount)")
              return
            }
            ledger[old.cycle, default: .zero] += lines
            standing[place] = bill
          }
        }
      }
      let once = try bill(account, months, journal, plans)
      guard once.map(\.total) == standing.map(\.total),
        once.map(\.total) == standing.map({ ledger[$0.cycle, default: .zero] }),
        once.map(\.windowAfter?.byTier) == standing.map({ $0.windowAfter?.after })
      else {
        Issue.record("seed \(random.seed), round \(round): \(once.map(\.total)), \(standing.map(\.total)), \(ledger)")
        return
      }
    }
  }

  @Test func `a difference bill is what the core's correction says, byte for byte`() throws {
    let (account, plans) = try zhejiang()
    var random = Seeded("difference documents as the core writes them", cases: 1000)
    for round in 0..<1000 {
      var journal = Journal()
      let use = Int64.random(in: 0...900_000, using: &random)
      try journal.settle("2026-01-01T00:00", total: "10.00")
      try journal.settle("2026-02-01T00:00", total: decimalString((1000 + use) * 10_000, decimals: 2))
      let old = try bill(account, ["2026-01"], journal, plans)[0]
      let other = Int64.random(in: 0...900_000, using: &random)
      try journal.note(decimalString((1000 + other) * 10_000, decimals: 2), at: "2026-02-01T00:00")
      let new = try bill(account, ["2026-01"], journal, plans, version: 2)[0]
      let core = try Correction(of: old.bill, by: new.bill, reason: "read again")
      let own = try old.issued().differenceDocument(to: new, reason: "read again")
      guard core.canonicalText == own else {
        Issue.record("seed \(random.seed), round \(round): \(own)\n\(core.canonicalText)")
        return
      }
    }
  }
}

/// The total of a bill's reversal document.
private func mirrored(_ bill: IssuedBill) throws -> Money {
  try IssuedBill(
    id: 2, account: bill.account, cycle: "\(bill.cycle)", version: Int64(bill.version + 1), kind: "original",
    digest: bill.digest, totalFen: 0, issuedAt: 0, document: Array(bill.reversalDocument.utf8), readings: []
  ).total
}
