import Billing
import Metering
import Rating
import Testing

/// Cycles before the one that is looked at, and what is said of it.
struct LookCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// kWh of October 2025, where there is a bill of it, and of July, August and September 2026.
  var yearAgo: Int?
  var before: [Int] = [300, 300, 300]
  var used = 300
  var limits = ReviewLimits()
  /// `rule weight` of each finding.
  var found: [String] = []
  /// Rules that must be among those that could not say anything.
  var silent: [ReviewRule] = []
  var testDescription: String { name }
}

@Suite struct ReviewTests {
  private static let limited: ReviewLimits = {
    var limits = ReviewLimits()
    limits.most = Money(fen: 18_510)
    return limits
  }()

  static let cases = [
    LookCase(name: "as always", yearAgo: 310),
    LookCase(
      name: "the first bill", before: [], found: ["first-bill look"], silent: [.jump, .brokenChain, .meterChanged]),
    LookCase(name: "two cycles are too few for a pace", before: [300, 300], used: 3000, silent: [.jump]),
    // 900 kWh in 92 days make 303.26 in the 31 of October; half as much again is 454.89.
    LookCase(name: "half as much again is inside the band", used: 454, silent: [.most, .demandImpossible]),
    LookCase(name: "one kWh above the band", used: 455, found: ["jump look"]),
    LookCase(name: "below the band", used: 100, found: ["jump look"]),
    LookCase(name: "outside the band by less than 100 kWh", before: [100, 100, 100], used: 200),
    LookCase(name: "as much as a year ago", yearAgo: 900, used: 900),
    LookCase(name: "far more than both", yearAgo: 300, used: 1000, found: ["jump stop"]),
    LookCase(name: "nothing", before: [0, 90, 90], used: 0, found: ["zero-use note"]),
    LookCase(name: "nothing for three cycles", before: [90, 0, 0], used: 0, found: ["zero-use look"]),
    LookCase(name: "at the limit", limits: limited),
    LookCase(name: "above the limit", used: 301, limits: limited, found: ["most stop"]),
  ]

  /// The bills of `uses` from `first` on, and the journal they rest on.
  private func bills(_ uses: [Int], from first: YearMonth, _ plan: Plan, start: inout Int) throws -> [ClosedBill] {
    var journal = Journal()
    var made: [ClosedBill] = []
    for (index, use) in uses.enumerated() {
      let label = "\(first + index)"
      try journal.settle("\(label)-01T00:00", total: "\(start).00")
      start += use
      try journal.settle("\(first + index + 1)-01T00:00", total: "\(start).00")
      let closing = try closeCycle(
        account: try account(plan), cycle: try cycle(label), readings: journal.readings, windowState: nil, plan: plan)
      made.append(try #require(closing.closed))
    }
    return made
  }

  @Test(arguments: cases) func `a bill is held against what was billed before`(_ look: LookCase) throws {
    let plan = try tariff("shanghai-residential-2012")
    var register = 1000
    var history: [IssuedBill] = []
    if let yearAgo = look.yearAgo {
      history += try bills([yearAgo], from: month("2025-10"), plan, start: &register).map { try $0.issued() }
    }
    let uses = look.before + [look.used]
    let made = try bills(uses, from: month("2026-10") + -look.before.count, plan, start: &register)
    history += try made.dropLast().map { try $0.issued() }
    let review = review(try #require(made.last), after: history, limits: look.limits)
    #expect(review.findings.map { "\($0.rule.rawValue) \($0.weight.rawValue)" } == look.found)
    #expect(Set(look.silent).isSubset(of: review.notEvaluated))
  }

  @Test func `another plan, meter or multiplier is worth a look, a gap in the registers stops`() throws {
    let plan = try tariff("shanghai-residential-2012")
    var register = 1000
    let before = try bills([300], from: month("2026-09"), plan, start: &register).map { try $0.issued() }
    func found(_ account: Account, _ plan: Plan, start: String, name: String = "M-0001") throws -> [String] {
      var journal = Journal()
      try journal.note(start, at: "2026-10-01T00:00", meter: name)
      try journal.note("1600.00", at: "2026-11-01T00:00", meter: name)
      let closing = try closeCycle(
        account: account, cycle: try cycle("2026-10"), readings: journal.readings, windowState: nil, plan: plan)
      return review(try #require(closing.closed), after: before).findings.map { "\($0)" }
    }
    #expect(try found(try account(plan), plan, start: "1300.00") == [])
    let other = try tariff("zhejiang-residential-2012")
    #expect(
      try found(try account(other), other, start: "1300.00") == [
        "plan-changed (look): plan zhejiang-residential after shanghai-residential"
      ])
    #expect(
      try found(try account(plan, multiplier: Multiplier(2) ?? .one), plan, start: "1300.00") == [
        "multiplier-changed (look): meter M-0001 with multiplier 2 after 1"
      ])
    let second = [MeterAssignment(meter: try meter("M-2"), register: try household())]
    #expect(
      try found(try account(plan, meters: second), plan, start: "1300.00", name: "M-2") == [
        "meter-changed (look): meter M-2 after M-0001"
      ])
    #expect(
      try found(try account(plan), plan, start: "1300.01") == [
        "broken-chain (stop): energy.import.active.total of meter M-0001 starts at 1300.01, and the bill before ended at"
          + " 1300.00; correct that one first"
      ])
  }

  @Test func `other prices of the same plan are worth a look, far other ones stop`() throws {
    func version(_ price: String) throws -> Plan {
      try plan("home", from: "2020-01-01", components: component("energy", "price = \"\(price)\""))
    }
    for (price, kept, found) in [
      ("0.50", true, []),
      ("0.60", true, ["plan-changed look"]), ("0.60", false, ["plan-changed look"]),
      ("0.7501", true, ["plan-changed look", "price-jump look"]),
      ("5.00", true, ["plan-changed look", "price-jump stop"]),
      ("0.05", true, ["plan-changed look", "price-jump stop"]),
    ] {
      var journal = Journal()
      try journal.settle("2026-09-01T00:00", total: "100.00")
      try journal.settle("2026-10-01T00:00", total: "400.00")
      try journal.settle("2026-11-01T00:00", total: "700.00")
      let (old, new) = (try version("0.50"), try version(price))
      let before = try #require(try close(try account(old), "2026-09", journal, [old]).closed)
      let after = try #require(try close(try account(new), "2026-10", journal, [new]).closed)
      let issued = try before.issued()
      let history = kept ? try issued.keeping(before.pricing) : issued
      #expect(
        review(after, after: [history]).findings.map { "\($0.rule.rawValue) \($0.weight.rawValue)" } == found,
        "\(price)")
    }
  }

  @Test func `a kWh whose lines are rounded to the fen is no jump`() throws {
    let plan = try plan("home", from: "2020-01-01", components: component("energy", "price = \"0.617\""))
    var journal = Journal()
    for (at, total) in [("2026-09-01", "100.00"), ("2026-10-01", "400.00"), ("2026-11-01", "400.01")] {
      try journal.settle("\(at)T00:00", total: total)
    }
    let before = try #require(try close(try account(plan), "2026-09", journal, [plan]).closed)
    let after = try #require(try close(try account(plan), "2026-10", journal, [plan]).closed)
    // 0.01 kWh cost 0.01 yuan, which is 1 yuan a kWh.
    #expect("\(after.total)" == "0.01")
    #expect(review(after, after: [try before.issued()]).findings.map(\.rule.rawValue) == [])
  }

  @Test func `no bill of any schedule costs more or less a kWh than its prices explain`() throws {
    var random = Seeded("prices explain each bill's average", cases: 2000)
    let plans = try [
      "shanghai-residential-tou-2012", "zhejiang-residential-2012", "guangdong-residential-tou-2012",
      "hunan-residential-2012",
    ].map(tariff)
    for round in 0..<2000 {
      let plan = plans[round % plans.count]
      var journal = Journal()
      for rate in UInt8(0)...4 { try journal.note("0.00", at: "2026-10-01T00:00", rate: rate) }
      var total = Int64(0)
      for rate in UInt8(1)...4 where plan.periods.contains(where: { $0.rates.contains(rate) }) || rate == 3 {
        let use = Int64.random(in: 0...60_000, using: &random)
        total += use
        try journal.note(decimalString(use * 10_000, decimals: 2), at: "2026-11-01T00:00", rate: rate)
      }
      if !plan.periods.contains(where: { $0.rates.contains(3) }), !plan.periods.isEmpty {
        total = try journal.sum(of: plan.periods.flatMap(\.rates), at: "2026-11-01T00:00")
      }
      try journal.note(decimalString(total * 10_000, decimals: 2), at: "2026-11-01T00:00")
      let closing = try closeCycle(
        account: try account(plan), cycle: try cycle("2026-10"), readings: journal.readings, windowState: nil,
        plan: plan)
      let closed = try #require(closing.closed, "\(closing.reasons)")
      let found = review(closed, after: [])
      guard !found.findings.contains(where: { $0.rule == .averagePrice }),
        total == 0 || !found.notEvaluated.contains(.averagePrice)
      else {
        Issue.record("seed \(random.seed), round \(round): \(found.findings)")
        return
      }
    }
  }

  @Test func `what mends an error of a meter is no other multiplier, in its month and after it`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let error = try #require(
      MeterError(tenThousandths: -320, from: time("2026-10-01T00:00"), to: time("2026-11-01T00:00"), of: .one))
    let whole = MeterAssignment(meter: try meter(), register: try household())
    let account = try account(plan, meters: whole.divided(by: [error]))
    var journal = Journal()
    for (at, total) in [
      ("2026-09-01T00:00", "0.00"), ("2026-10-01T00:00", "300.00"), ("2026-11-01T00:00", "600.00"),
      ("2026-12-01T00:00", "900.00"),
    ] {
      try journal.settle(at, total: total)
    }
    var history: [IssuedBill] = []
    for (label, multiplier, found) in [
      ("2026-09", "1", ["first-bill"]), ("2026-10", "125/121", []), ("2026-11", "1", []),
    ] {
      let closed = try #require(
        try closeCycle(
          account: account, cycle: try cycle(label), readings: journal.readings, windowState: nil, plan: plan
        ).closed)
      #expect(closed.bill.usage.segments.map { "\($0.multiplier)" } == [multiplier])
      #expect(review(closed, after: history).findings.map(\.rule.rawValue) == found, "\(label)")
      history.append(try closed.issued())
    }
    // Other transformers are, beside an error too.
    let other = MeterAssignment(
      meter: try meter(), multiplier: Multiplier(2) ?? .one, from: try time("2026-11-01T00:00"),
      register: try household())
    let late = try #require(
      MeterError(
        tenThousandths: -320, from: time("2026-11-01T00:00"), to: time("2026-12-01T00:00"), of: other.multiplier))
    let changed = try #require(
      try closeCycle(
        account: try BillingTests.account(plan, meters: other.divided(by: [late])), cycle: try cycle("2026-11"),
        readings: journal.readings, windowState: nil, plan: plan
      ).closed)
    #expect(
      review(changed, after: Array(history.prefix(1))).findings.map { "\($0)" } == [
        "multiplier-changed (look): meter M-0001 with multiplier 2 after 1"
      ])
  }

  @Test func `a bill that ends at a time without seconds is followed by the next one`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let change = try time("2026-10-01T00:00")
    let meters = [
      MeterAssignment(meter: try meter(), to: change, register: try household()),
      MeterAssignment(meter: try meter(), from: change, register: try household()),
    ]
    let account = try account(plan, meters: meters)
    func close(_ label: String, _ start: String, _ stop: String) throws -> ClosedBill {
      var journal = Journal()
      try journal.settle("\(label)-01T00:00", total: start)
      try journal.settle("\(try month(label) + 1)-01T00:00", total: stop)
      return try #require(
        try closeCycle(
          account: account, cycle: try cycle(label), readings: journal.readings, windowState: nil, plan: plan
        ).closed)
    }
    let before = [try close("2026-09", "100.00", "200.00").issued()]
    #expect(review(try close("2026-10", "200.00", "300.00"), after: before).findings.map(\.rule) == [])
    #expect(review(try close("2026-10", "201.00", "300.00"), after: before).findings.map(\.rule) == [.brokenChain])
  }

  @Test func `an estimate is worth a look, a second one stops`() throws {
    let plan = try tariff("shanghai-residential-2012")
    var journal = Journal()
    try journal.settle("2026-09-01T00:00", total: "100.00")
    try journal.note("200.00", at: "2026-10-01T00:00", kind: .estimate, quality: .estimated)
    try journal.note("300.00", at: "2026-11-01T00:00", kind: .estimate, quality: .estimated)
    var history: [IssuedBill] = []
    for (label, found) in [
      ("2026-09", ["first-bill", "estimated"]), ("2026-10", ["estimated", "prolonged-estimate"]),
    ] {
      let closing = try closeCycle(
        account: try account(plan), cycle: try cycle(label), readings: journal.readings, windowState: nil, plan: plan)
      let closed = try #require(closing.closed)
      #expect(review(closed, after: history).findings.map(\.rule.rawValue) == found)
      history.append(try closed.issued())
    }
  }

  @Test func `a demand below the mean load stops, at the mean load with the register's step it does not`() throws {
    let terms = SupplyTerms(plan: "mill", basicCharge: .actualDemand, powerFactorStandard: .ninety)
    // 744 kWh in 744 hours: 1 kW. The register shows 0.0001 kW steps.
    for (demand, stops) in [("0.9999", false), ("0.9998", true), ("1.0000", false)] {
      var journal = Journal()
      try journal.noteMill("2026-10-01T00:00", total: "0.00", reactive: "0.00")
      try journal.noteMill(
        "2026-11-01T00:00", total: "744.00", reactive: "0.00", demand: demand, occurred: "2026-10-20T14:15")
      let closed = try #require(
        try close(try mill([terms], multiplier: .one), "2026-10", journal, [try twoPart()]).closed)
      let found = review(closed, after: []).findings.map(\.rule)
      #expect(found.contains(.demandImpossible) == stops, "\(demand)")
    }
  }
}
