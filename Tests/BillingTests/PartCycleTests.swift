import Billing
import Metering
import Rating
import Testing

/// Months that a customer has in part: moving in and out, and what changes in between.
@Suite struct PartCycleTests {
  struct GrantCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let window: String
    let from: String
    var to: String?
    let cycle: String
    let months: Int
  }

  static let grants = [
    GrantCase(
      testDescription: "who stays has it to the end of the year", window: "year", from: "2026-03", cycle: "2026-10",
      months: 10),
    GrantCase(
      testDescription: "who moves out has it to the month of the last bill", window: "year", from: "2026-03",
      to: "2026-10-12", cycle: "2026-10", months: 8),
    GrantCase(
      testDescription: "that the last day comes is known with the last bill", window: "year", from: "2026-03",
      to: "2026-11-12", cycle: "2026-10", months: 10),
    GrantCase(
      testDescription: "a last day that closes a month", window: "year", from: "2026-03", to: "2026-11-01",
      cycle: "2026-10", months: 8),
    GrantCase(
      testDescription: "the first month of two", window: "two-months", from: "2026-03", to: "2026-09-12",
      cycle: "2026-09", months: 1),
    GrantCase(testDescription: "both months", window: "two-months", from: "2026-03", cycle: "2026-09", months: 2),
    GrantCase(
      testDescription: "a month by itself", window: "month", from: "2026-03", to: "2026-10-12", cycle: "2026-10",
      months: 1),
    GrantCase(
      testDescription: "in the month of moving out", window: "year", from: "2026-10", to: "2026-10-12",
      cycle: "2026-10", months: 1),
    GrantCase(
      testDescription: "not yet", window: "year", from: "2026-11", to: "2026-11-12", cycle: "2026-10", months: 0),
  ]

  @Test(arguments: grants)
  func `a household has its grant for the months in which it has the supply`(_ each: GrantCase) throws {
    let tiers = """

      [tiers]
      window = "\(each.window)"
      grant-per-month = "100"
      source = "a test"
      primary = true
      tier = [{ from = "0", to = "1200" }, { from = "1200" }]

      """
    let plan = try plan(
      "home", from: "2020-01-01", periods: tiers,
      components: component("tier-prices", "prices = [\"0.5\", \"0.6\"]"))
    let account = Account(
      id: "A-1001", meters: [MeterAssignment(meter: try meter(), register: try household())],
      terms: [SupplyTerms(plan: plan.name)], from: try day("2026-01-01"), to: try each.to.map(day),
      grantFrom: try month(each.from))
    let cycle = try #require(account.cycle(month(each.cycle)))
    var journal = Journal()
    try journal.note("1000.00", at: "\(cycle.from.date)T00:00")
    try journal.note("1100.00", at: "\(cycle.to.date)T00:00")
    let closing = try closeCycle(
      account: account, cycle: cycle, readings: journal.readings, windowState: nil, plan: plan)
    #expect(try #require(closing.closed, "\(closing.reasons)").bill.usage.grantedMonths == each.months)
  }

  @Test func `what is charged by the month is charged for the days of an account that ends in it`() throws {
    let terms = SupplyTerms(
      plan: "mill", basicCharge: .capacity, running: Power(millionths: 1_000_000_000),
      contracted: Power(millionths: 1_000_000_000), isExemptFromPowerFactor: true)
    let whole = try mill([terms], multiplier: .one)
    let ending = Account(
      id: whole.id, meters: whole.meters, terms: whole.terms, from: try day("2026-01-01"), to: try day("2026-10-12"))
    var journal = Journal()
    try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "0.00")
    try journal.note("160.00", at: "2026-10-12T00:00", kind: .dailyFreeze)
    let cycle = try #require(ending.cycle(month("2026-10")))
    let closing = closeCycle(
      account: ending, cycle: cycle, readings: journal.readings, windowState: nil,
      plans: try PlanCatalogue([try twoPart()]), knownOn: try day("2026-11-01"))
    let bill = try #require(closing.closed, "\(closing.reasons)").bill
    // 1000 kVA × 30 × 11/31, and 60 kWh × 0.6.
    #expect(bill.lines.map { bill.formula(of: $0) }.contains("1000.00 kVA x 30.00000000 x 11/31 = 10645.16"))
    #expect("\(bill.total)" == "10681.16")
  }

  struct PartCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var settlement = 25
    let cycle: String
    var from = "2020-01-01"
    var to: String?
    /// The day on which another capacity begins to hold.
    var change: String?
    /// Days of how many, for each stretch; nothing for the whole month.
    let parts: [String]
  }

  static let parts = [
    PartCase(testDescription: "a whole cycle", cycle: "2026-02", parts: [""]),
    PartCase(
      testDescription: "31 days from January to February, two stretches", cycle: "2026-02", change: "2026-02-10",
      parts: ["16/31", "15/31"]),
    PartCase(
      testDescription: "28 days from February to March, two stretches", cycle: "2026-03", change: "2026-03-10",
      parts: ["13/28", "15/28"]),
    PartCase(
      testDescription: "29 days in a leap year", cycle: "2028-03", change: "2028-03-10", parts: ["14/29", "15/29"]),
    PartCase(
      testDescription: "the account begins before the month does", cycle: "2026-02", from: "2026-01-28",
      parts: ["28/31"]
    ),
    PartCase(
      testDescription: "the account begins after it", cycle: "2026-02", from: "2026-02-03", parts: ["22/31"]),
    PartCase(
      testDescription: "it begins, and its capacity changes", cycle: "2026-02", from: "2026-02-03",
      change: "2026-02-10", parts: ["7/31", "15/31"]),
    PartCase(
      testDescription: "the account ends before the month does", cycle: "2026-02", to: "2026-01-28", parts: ["3/31"]),
    PartCase(testDescription: "the account ends after it", cycle: "2026-03", to: "2026-03-10", parts: ["13/28"]),
    PartCase(
      testDescription: "the change is on the first of the month", cycle: "2026-02", change: "2026-02-01",
      parts: ["7/31", "24/31"]),
    PartCase(
      testDescription: "by the first, two stretches", settlement: 1, cycle: "2026-02", change: "2026-02-10",
      parts: ["9/28", "19/28"]),
    PartCase(
      testDescription: "by the first, the account begins", settlement: 1, cycle: "2026-02", from: "2026-02-10",
      parts: ["19/28"]),
  ]

  @Test(arguments: parts)
  func `what is charged by the month is shared by the days of the cycle, which add up to one`(_ each: PartCase) throws {
    func terms(_ from: String?, _ running: Int64) throws -> SupplyTerms {
      SupplyTerms(
        from: try from.map(day), plan: "mill", basicCharge: .capacity, running: Power(millionths: running * 1_000_000),
        contracted: Power(millionths: 1_000_000_000), isExemptFromPowerFactor: true)
    }
    let agreed = try [terms(nil, 310)] + (each.change.map { [try terms($0, 620)] } ?? [])
    let settlement = try #require(SettlementDay(day: each.settlement))
    let account = Account(
      id: "A-1001", meters: try mill([terms(nil, 310)], multiplier: .one).meters, terms: agreed, settlement: settlement,
      from: try day(each.from), to: try each.to.map(day))
    let cycle = try #require(account.cycle(month(each.cycle)))
    var journal = Journal()
    try journal.noteMill("\(cycle.from.date)T00:00", total: "100.00", reactive: "0.00")
    try journal.noteMill("\(cycle.to.date)T00:00", total: "160.00", reactive: "0.00")
    let closing = closeCycle(
      account: account, cycle: cycle, readings: journal.readings, windowState: nil,
      plans: try PlanCatalogue([try twoPart()]), knownOn: try day("2030-01-01"))
    let bills = try #require(closing.closed, "\(closing.reasons)").bills
    let formulas = bills.flatMap { bill in
      bill.lines.filter { $0.rule == .capacity }.map { bill.formula(of: $0) }
    }
    #expect(formulas.count == each.parts.count)
    for (index, part) in each.parts.enumerated() {
      let share = part.isEmpty ? "" : " x \(part)"
      #expect(
        formulas[index].hasPrefix("\(index == 0 ? 310 : 620).00 kVA x 30.00000000\(share) = "), "\(formulas[index])")
    }
  }
}
