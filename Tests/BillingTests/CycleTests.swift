import Billing
import Metering
import Rating
import Testing

@Suite struct CycleTests {
  @Test func `a cycle is named by the month of its last day`() throws {
    let october = try month("2026-10")
    let first = try #require(Cycle(october, settlement: .firstOfMonth))
    #expect("\(first.from) \(first.to) \(first.label)" == "2026-10-01T00:00:00 2026-11-01T00:00:00 2026-10")
    let settlement = try #require(SettlementDay(day: 25, hour: 8))
    let day25 = try #require(Cycle(october, settlement: settlement))
    #expect("\(day25.from) \(day25.to)" == "2026-09-25T08:00:00 2026-10-25T08:00:00")
    #expect(SettlementDay(day: 29) == nil)
  }

  private func instants(_ times: [String]) throws -> [Int64] {
    try times.map { ZoneOffset.china.unixMilliseconds(of: try time($0)) }
  }

  @Test func `cycles with both settlements are due in order, and a gap keeps the later ones waiting`() throws {
    let account = try account(try tariff("shanghai-residential-2012"))
    let three = try instants(["2026-03-01T00:00", "2026-01-01T00:00", "2026-02-01T00:00", "2026-02-11T00:00"])
    let due = dueCycles(of: account, billed: [], instants: three)
    #expect(due.ready.map(\.label) == ["2026-01", "2026-02"])
    #expect(due.waiting == nil)
    let rest = dueCycles(of: account, billed: [try month("2026-01")], instants: three)
    #expect(rest.ready.map(\.label) == ["2026-02"])
    let gap = try instants(["2026-01-01T00:00", "2026-02-01T00:00", "2026-04-01T00:00", "2026-05-01T00:00"])
    let held = dueCycles(of: account, billed: [], instants: gap)
    #expect(held.ready.map(\.label) == ["2026-01"])
    #expect(held.waiting?.label == "2026-02")
    #expect(dueCycles(of: account, billed: [try month("2026-04")], instants: gap).ready == [])
    #expect(dueCycles(of: account, billed: [], instants: []).ready == [])
  }

  @Test func `every month from the first day on is due until it has a document, and a hole holds`() throws {
    let plan = try tariff("shanghai-residential-2012")
    func account(from first: String?) throws -> Account {
      Account(
        id: "A-1001", meters: [MeterAssignment(meter: try meter(), register: try household())], plan: plan.name,
        from: try first.map(day))
    }
    let all = try instants((1...6).map { "2026-0\($0)-01T00:00" })
    func due(_ from: String?, _ billed: [String], _ instants: [Int64], now: String = "2026-06-15") throws -> String {
      let found = dueCycles(
        of: try account(from: from), billed: try billed.map(month), instants: instants,
        now: ZoneOffset.china.unixMilliseconds(of: try time("\(now)T00:00")))
      return found.ready.map(\.label).joined(separator: " ") + (found.waiting.map { " waits \($0.label)" } ?? "")
    }
    // The first day was moved back from March to January when March and April had been billed.
    #expect(try due("2026-03-01", ["2026-03", "2026-04"], all) == "2026-05")
    #expect(try due("2026-01-01", ["2026-03", "2026-04"], all) == "2026-01 2026-02 2026-05")
    #expect(try due("2026-01-01", ["2026-02", "2026-03", "2026-05"], all) == "2026-01 2026-04")
    #expect(try due(nil, ["2026-02", "2026-04"], all) == "2026-03 2026-05")
    let lacking = try instants(["2026-02-01T00:00", "2026-03-01T00:00", "2026-05-01T00:00", "2026-06-01T00:00"])
    #expect(try due("2026-01-01", ["2026-02"], lacking) == " waits 2026-01")
    #expect(try due("2026-02-01", ["2026-05"], lacking) == "2026-02 waits 2026-03")
    // A meter whose clock runs ahead makes it no later than it is.
    let ahead = try all + instants(["2099-01-01T00:00"])
    #expect(try due("2026-01-01", [], ahead, now: "2026-03-15") == "2026-01 2026-02")
    #expect(try due(nil, [], ahead, now: "2026-03-15") == "2026-01 2026-02")
  }

  @Test func `an account that begins or ends in a month is billed for its days of it`() throws {
    let plan = try tariff("shanghai-residential-2012")
    func account(_ from: String, _ to: String?, day settlement: Int = 1) throws -> Account {
      Account(
        id: "A-1001", meters: [MeterAssignment(meter: try meter(), register: try household())],
        terms: [SupplyTerms(plan: plan.name)], settlement: try #require(SettlementDay(day: settlement)),
        from: try day(from), to: try to.map(day))
    }
    func cycles(_ account: Account, _ instants: [Int64], billed: [String] = []) throws -> [String] {
      dueCycles(of: account, billed: try billed.map(month), instants: instants).ready.map {
        "\($0.label) \($0.from.date) \($0.to.date)"
      }
    }
    let all = try instants([
      "2026-08-20T00:00", "2026-09-01T00:00", "2026-10-01T00:00", "2026-10-12T00:00", "2026-11-01T00:00",
    ])
    let moved = try account("2026-08-20", "2026-10-12")
    let found = ["2026-08 2026-08-20 2026-09-01", "2026-09 2026-09-01 2026-10-01", "2026-10 2026-10-01 2026-10-12"]
    #expect(try cycles(moved, all) == found)
    #expect(try cycles(moved, all, billed: ["2026-09"]) == [found[0], found[2]])
    // Nobody has read at the first day, and a later month is billed: the rest goes on, and the first part is named.
    #expect(try cycles(moved, Array(all.dropFirst()), billed: ["2026-09"]) == [found[2]])
    let unread = dueCycles(of: moved, billed: [try month("2026-09")], instants: Array(all.dropFirst()))
    #expect(unread.unread?.label == "2026-08")
    #expect(unread.waiting == nil)
    #expect(dueCycles(of: moved, billed: [try month("2026-09")], instants: all).unread == nil)
    // Before any bill it keeps the rest waiting.
    #expect(try cycles(moved, Array(all.dropFirst())) == [])
    let first = dueCycles(of: moved, billed: [], instants: Array(all.dropFirst()))
    #expect(first.unread == nil && first.waiting?.label == "2026-08")
    #expect(
      try cycles(account("2026-10-03", "2026-10-12"), instants(["2026-10-03T00:00", "2026-10-12T00:00"])) == [
        "2026-10 2026-10-03 2026-10-12"
      ])
    // By the 25th, October ends on it, and what is left of the month belongs to the next cycle.
    let by25 = try account("2026-09-28", "2026-10-28", day: 25)
    #expect(
      try cycles(by25, instants(["2026-09-28T00:00", "2026-10-25T00:00", "2026-10-28T00:00"])) == [
        "2026-10 2026-09-28 2026-10-25", "2026-11 2026-10-25 2026-10-28",
      ])
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "100.00")
    try journal.note("160.00", at: "2026-10-12T00:00", kind: .dailyFreeze)
    let last = try #require(moved.cycle(month("2026-10")))
    let closed = try #require(
      closeCycle(
        account: moved, cycle: last, readings: journal.readings, windowState: nil, plans: PlanCatalogue([plan]),
        knownOn: day("2026-11-01")
      ).closed)
    #expect("\(closed.bill.usage.days) \(closed.total)" == "2026-10-01 to 2026-10-12 37.02")
    // The very same is rated again, and nothing is to be corrected.
    let again = replay(
      moved, standing: [try closed.issued()], readings: journal.readings, plans: try PlanCatalogue([plan]),
      knownOn: try day("2026-11-02"))
    #expect(again.corrections.isEmpty && again.stuck.isEmpty)
    #expect(moved.cycle(try month("2026-11")) == nil)
    // With another last day the bill has no place any more, and is cancelled.
    let shorter = replay(
      try account("2026-08-20", "2026-10-01"), standing: [try closed.issued()], readings: journal.readings,
      plans: try PlanCatalogue([plan]), knownOn: try day("2026-11-02"))
    #expect(shorter.stuck.isEmpty)
    #expect(shorter.corrections.map { "\($0.original.cycle) \($0.amount)" } == ["2026-10 -37.02"])
    #expect(shorter.corrections.allSatisfy { $0.replacement == nil })
    #expect(
      shorter.corrections.flatMap(\.causes).map(\.description) == [
        "by its from and to account A-1001 has no day in 2026-10"
      ])
  }

  @Test func `a customer who moved in or out has the limits of the months between`() throws {
    let tiers = """

      [tiers]
      window = "year"
      moving = "months"
      source = "a test"
      primary = true
      tier = [{ from = "0", to = "1200" }, { from = "1200", to = "2400" }, { from = "2400" }]

      """
    let plan = try plan(
      "home", from: "2020-01-01", periods: tiers,
      components: component("tier-prices", "prices = [\"0.5\", \"0.6\", \"0.9\"]"))
    func account(_ movedIn: String?, _ to: String?) throws -> Account {
      Account(
        id: "A-1001", meters: [MeterAssignment(meter: try meter(), register: try household())],
        terms: [SupplyTerms(plan: plan.name)], from: try day("2026-01-01"), to: try to.map(day),
        movedIn: try movedIn.map(month))
    }
    func byTier(_ account: Account, _ label: String, used: String, earlier: String = "0") throws -> [String] {
      let cycle = try #require(account.cycle(month(label)))
      var journal = Journal()
      try journal.note("1000.00", at: "\(cycle.from.date)T00:00")
      try journal.note("\(1000 + (Int(used) ?? 0)).00", at: "\(cycle.to.date)T00:00")
      let closing = closeCycle(
        account: account, cycle: cycle, readings: journal.readings,
        windowState: WindowState(start: try month("2026-01"), byTier: [try energy(earlier), .zero, .zero]),
        plans: try PlanCatalogue([plan]), knownOn: try day("2026-12-01"))
      return try #require(closing.closed, "\(closing.reasons)").bill.totals.byTier.map(\.description)
    }
    #expect(try byTier(account(nil, nil), "2026-06", used: "1300") == ["1200.00", "100.00", "0.00"])
    // May to December: 800 and 1600 kWh; that there is a last day counts with the last bill.
    for to in [nil, "2026-10-12"] {
      #expect(try byTier(account("2026-05", to), "2026-06", used: "1000") == ["800.00", "200.00", "0.00"])
    }
    // May to October: 600 and 1200 kWh.
    #expect(
      try byTier(account("2026-05", "2026-10-12"), "2026-10", used: "100", earlier: "550") == [
        "50.00", "50.00", "0.00",
      ])
    // The next year is a whole one.
    let next = try account("2025-05", nil)
    #expect(try byTier(next, "2026-06", used: "1300") == ["1200.00", "100.00", "0.00"])
  }

  @Test func `a year of bills crosses both limits by replay, and a corrected month counts once`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let account = try account(plan)
    var journal = Journal()
    for month in 1...12 {
      try journal.settle("2026-\(month < 10 ? "0" : "")\(month)-01T00:00", total: "\((month - 1) * 500).00")
    }
    try journal.settle("2027-01-01T00:00", total: "6000.00")
    try journal.settle("2027-02-01T00:00", total: "6500.00")
    var bills: [Bill] = []
    let due = dueCycles(of: account, billed: [], instants: journal.readings.map(\.reading.key.instant))
    #expect(due.ready.count == 13)
    for cycle in due.ready {
      let state = windowState(before: cycle.month, under: plan, bills: bills)
      let closing = try closeCycle(
        account: account, cycle: cycle, readings: journal.readings, windowState: state, plan: plan)
      bills.append(try #require(closing.closed).bill)
    }
    // 3120 is passed in July (3000 before it), 4800 in October (4500 before it).
    #expect(bills[6].totals.byTier == [try energy("120"), try energy("380"), .zero])
    #expect(bills[9].totals.byTier == [.zero, try energy("300"), try energy("200")])
    #expect(bills[11].windowAfter?.used == (try energy("6000")))
    #expect(bills[12].totals.byTier == [try energy("500"), .zero, .zero])
    let corrected = bills[0..<9] + [bills[3].reversed(), bills[3]]
    let october = try month("2026-10")
    #expect(
      windowState(before: october, under: plan, bills: corrected.reversed())
        == windowState(before: october, under: plan, bills: bills))
  }

  @Test func `a bill explains itself down to its evidence`() throws {
    let plan = try tariff("shanghai-residential-2012")
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "999990.00")
    try journal.settle("2026-11-01T00:00", total: "5.00")
    let state = WindowState(start: try month("2026-01"), byTier: [try energy("2900"), .zero, .zero])
    let closing = try closeCycle(
      account: try account(plan, multiplier: Multiplier(20) ?? .one), cycle: try cycle("2026-10"),
      readings: journal.readings, windowState: state, plan: plan)
    let text = explain(try #require(closing.closed).bill) { ["frame of reading \($0)"] }
    #expect(
      text == [
        "Bill 账单 A-1001/2026-10/original/1",
        "Account 户号 A-1001, 2026-10-01 to 2026-11-01",
        "Plan 电价 Shanghai residential, annual tiers 上海居民阶梯电价 (shanghai-residential, valid from 2012-07-01)",
        "Energy 电量 300.00 kWh",
        "1. Energy charge 电度电费",
        "   300.00 kWh x 0.61700000 = 185.10",
        "   all kWh of the bill at one price; price from Shanghai home prices, youhuo.youhuohao.com 468720 (reprint)"
          + " (not a primary source)",
        "   from segment 1",
        "2. Tier adder, tier 2 递增电费 第2档",
        "   80.00 kWh x 0.05000000 = 4.00",
        "   an adder on kWh of tier 2 (above 3120.00 and up to 4800.00 kWh in the window from 2026-01, of which"
          + " 2900.00 kWh were used before); price from Shanghai home prices, youhuo.youhuohao.com 468720 (reprint)"
          + " (not a primary source)",
        "   from segment 1",
        "Total 合计 189.10 yuan 元",
        "Segment 区段 1: meter 电能表 M-0001, multiplier 倍率 20, 2026-10-01T00:00:00 to 2026-11-01T00:00:00",
        "   energy.import.active.total 正向有功电能总: (5.00 - 999990.00, past its capacity 翻转) x 20 = 300.00 kWh",
        "      start 起度: reading 1, 999990.00 (actual)",
        "         frame of reading 1",
        "      stop 止度: reading 2, 5.00 (actual)",
        "         frame of reading 2",
      ])
  }
}
