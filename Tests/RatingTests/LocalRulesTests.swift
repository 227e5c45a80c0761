import Documents
import Metering
import Rating
import TOML
import Testing

/// Rules that hold where a plan says so, and nowhere else: limits by days, tiers in the order of time, half price for
/// suspended capacity.
@Suite struct LocalRulesTests {
  private static func tiers(_ rest: String, window: String = "month") -> String {
    """

    [tiers]
    window = "\(window)"
    source = "a test"
    primary = true
    \(rest)
    tier = [{ from = "0", to = "260" }, { from = "260", to = "600" }, { from = "600" }]

    """
  }
  private static let prices = Mill.component("tier-prices", "prices = [\"0.62\", \"0.67\", \"0.92\"]")

  @Test func `no more months carry a grant than the tier window has`() throws {
    let monthly = try Mill.plan(Self.tiers("grant-per-month = \"100\""), Self.prices)
    let yearly = try Mill.plan(Self.tiers("grant-per-month = \"100\"", window: "year"), Self.prices)
    func bill(_ plan: Plan, _ months: Int, _ from: String = "2026-10-01") throws -> Bill {
      var usage = try mill("700", [:], try days(from, "2026-11-01"))
      usage.grantedMonths = months
      usage.earlier = .byTier([.zero, .zero, .zero])
      return try rate(usage, under: plan)
    }
    for (plan, months, from) in [(monthly, 1, "2026-10-01"), (monthly, 2, "2026-09-01"), (yearly, 12, "2026-10-01")] {
      #expect(try bill(plan, months, from).usage.grantedMonths == months)
    }
    #expect(throws: RatingError.grantedMonths(7, most: 1, plan: monthly.name)) { try bill(monthly, 7) }
    #expect(throws: RatingError.grantedMonths(3, most: 2, plan: monthly.name)) { try bill(monthly, 3, "2026-09-01") }
    #expect(throws: RatingError.grantedMonths(50, most: 12, plan: yearly.name)) { try bill(yearly, 50) }
    #expect("\(RatingError.grantedMonths(50, most: 12, plan: "home"))".contains("has 12 for this bill"))
  }

  @Test func `limits follow the months in which a customer has the supply, where the plan says so`() throws {
    let moving = try Mill.plan(Self.tiers("moving = \"months\"", window: "year"), Self.prices)
    let whole = try Mill.plan(Self.tiers("", window: "year"), Self.prices)
    func usage(_ energy: String, months: Int?, earlier: EarlierUse = .nothing) throws -> Usage {
      var usage = try mill(energy, [:], try days("2026-10-01", "2026-11-01"))
      usage.earlier = earlier
      if let months { usage.supply = Supply(windowMonths: months) }
      return usage
    }
    // 8 of 12 months: 173.333 and 400 kWh.
    let bill = try rate(usage("500", months: 8), under: moving)
    #expect(bill.totals.byTier.map(\.description) == ["173.33", "226.67", "100.00"])
    #expect(bill.explanation(of: try #require(bill.lines.first)).contains("up to 173.33 kWh for 8 of 12 months in"))
    #expect(try usage("500", months: 8).canonicalText.contains("\"window_months\":8"))
    // What was billed in the first tier before it was known stays there, and leaves no room.
    let after = try rate(usage("100", months: 6, earlier: .byTier([try energy("200"), .zero, .zero])), under: moving)
    #expect(after.totals.byTier.map(\.description) == ["0.00", "100.00", "0.00"])
    for months in [nil, 12] {
      #expect(
        try rate(usage("500", months: months), under: moving).totals.byTier
          == rate(usage("500", months: nil), under: whole).totals.byTier)
    }
    for (months, plan) in [(0, moving), (13, moving), (-1, moving), (8, whole)] {
      #expect(throws: RatingError.windowMonths(months, plan: plan.name)) {
        try rate(usage("500", months: months), under: plan)
      }
    }
    #expect(throws: RatingError.windowMonths(8, plan: "mill")) {
      try rate(usage("500", months: 8), under: try Mill.plan(Mill.energy))
    }
    #expect(throws: DocumentError.self) { try Mill.plan(Self.tiers("moving = \"months\""), Self.prices) }
    // A batch sets such a usage aside, and makes the same bill of it.
    var sheet = BillSheet()
    let usages = try [nil, 8, 3, nil].map { try usage("500", months: $0) }
    try CompiledPlan(moving, for: usages[0].days).rate(usages, into: &sheet)
    #expect(sheet.totals == (try usages.map { try rate($0, under: moving).total }))
    let record = UsageRecord(
      id: "B", account: "A", from: "2026-10-01", to: "2026-11-01", energy: ["total": "500"])
    let json =
      #"{"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":{"total":"500"},"supply":{"window_months":8}}"#
    let read = try UsageRecord(json: Array(json.utf8)[...])
    #expect(read.supply?.windowMonths == 8)
    #expect(read != record)
    #expect(try rate(read.usage(), under: moving).totals.byTier == bill.totals.byTier)
  }

  @Test func `limits by days are those of the days, rounded once`() throws {
    let byDays = try Mill.plan(Self.tiers("part-month = \"days\""), Self.prices)
    // 22 of 31 days: 184.516 and 425.806 kWh.
    let late = try rate(try mill("500", [:], try days("2026-10-10", "2026-11-01")), under: byDays)
    #expect(late.totals.byTier.map(\.description) == ["184.52", "241.29", "74.19"])
    // 20 of 28 and 11 of 31: 277.9724 and 641.4747 kWh.
    let across = try rate(try mill("700", [:], try days("2026-02-09", "2026-03-12")), under: byDays)
    #expect(across.totals.byTier.map(\.description) == ["277.97", "363.50", "58.53"])
    let whole = try Mill.plan(Self.tiers(""), Self.prices)
    for (from, to) in [("2026-10-01", "2026-11-01"), ("2026-02-01", "2026-04-01")] {
      let usage = try mill("1500", [:], try days(from, to))
      #expect(try rate(usage, under: byDays).totals.byTier == rate(usage, under: whole).totals.byTier)
    }
    let line = try #require(late.lines.first)
    #expect(late.explanation(of: line).contains("up to 184.52 kWh"))
    #expect(throws: DocumentError.self) {
      try Mill.plan(Self.tiers("part-month = \"days\"", window: "year"), Self.prices)
    }
  }

  private static let clock = """

    [calendar]
    source = "a test"
    primary = true
    [[calendar.season]]
    name = "all"
    months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    [[calendar.season.day]]
    types = ["weekday", "weekend", "holiday"]
    slots = ["00:00-08:00 valley", "08:00-11:00 peak", "11:00-19:00 flat", "19:00-22:00 peak", "22:00-24:00 flat"]

    """

  private static func adders(_ spread: String) -> String {
    Mill.component(
      "tier-adders", spread,
      "tier = [{ tier = 2, adders = { peak = \"0.06\", flat = \"0.05\", valley = \"0.03\" } }, { tier = 3, adders = { peak = \"0.36\", flat = \"0.3\", valley = \"0.18\" } }]"
    )
  }

  private func inOrder(_ spread: String = "spread = \"time-order\"") throws -> Plan {
    try Mill.plan(
      Mill.periods, Self.clock, Self.tiers("grant-per-month = \"100\"", window: "year"), Mill.energyByPeriod,
      Self.adders(spread))
  }

  private func settled(_ hours: [Int64], _ earlier: EarlierUse, _ grants: Int, _ plan: Plan) throws -> Usage {
    let range = try days("2026-10-01", "2026-11-01")
    let energies = hours.map { Energy(millionths: $0 * 10_000) }
    let total = energies.reduce(.zero, +)
    let series = IntervalSeries(
      start: MeterTime(localSeconds: range.from.daysSince1970 * 86_400), minutes: 60, energies: energies)
    let usage = Usage(id: "B", account: "A", days: range, total: total, earlier: earlier, grantedMonths: grants)
    return usage.settled(by: try plan.settle(series, days: range, register: total, bound: .zero))
  }

  @Test func `kWh above a limit are of the hours that used them`() throws {
    // 1 kWh an hour on two days and nothing after them; the limit comes after 10.
    let hours = Array(repeating: Int64(100), count: 48) + Array(repeating: 0, count: 696)
    let earlier = EarlierUse.byTier([try energy("250"), .zero, .zero])
    let bill = try rate(try settled(hours, earlier, 0, try inOrder()), under: try inOrder())
    let tiered = bill.lines.filter { $0.tier != nil }
    // Valley to 8, two of three hours of peak in tier 1; then one peak, ten flat and three peak, and the whole second day.
    #expect(tiered.map { $0.energy.description } == ["10.00", "20.00", "8.00"])
    #expect(tiered.map(\.rule) == [.tierAdderInOrder, .tierAdderInOrder, .tierAdderInOrder])
    let plain = try inOrder("")
    let proRata = try rate(try settled(hours, earlier, 0, plain), under: plain).lines.filter { $0.tier != nil }
    #expect(proRata.map { $0.energy.description } == ["9.50", "15.83", "12.67"])
  }

  @Test func `tiers in the order of time agree with a count hour by hour`() throws {
    var random = Seeded("tiers in the order of time", cases: 400)
    let plan = try inOrder()
    for number in 0..<400 {
      let hours = (0..<744).map { _ in Int64.random(in: 0...200, using: &random) }
      let used = (0..<3).map { _ in Int64.random(in: 0...30_000, using: &random) }
      let grants = Int.random(in: 0...3, using: &random)
      let usage = try settled(hours, .byTier(used.map { Energy(millionths: $0 * 10_000) }), grants, plan)
      let bill = try rate(usage, under: plan)
      var rooms = [max(0, 26_000 + 10_000 * Int64(grants) - used[0]), max(0, 34_000 - used[1])]
      var above = [[Int64]](repeating: [0, 0, 0], count: 3)
      for (index, energy) in hours.enumerated() {
        let period = [2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1][index % 24]
        var rest = energy
        for tier in 0..<2 {
          let part = min(rest, rooms[tier])
          rooms[tier] -= part
          rest -= part
          above[tier][period] += part
        }
        above[2][period] += rest
      }
      let expected = (above[1] + above[2]).filter { $0 > 0 }
      let found = bill.lines.filter { $0.tier != nil }.map { $0.energy.millionths / 10_000 }
      guard found == expected else {
        Issue.record("seed \(random.seed), case \(number): \(found) is not \(expected)")
        return
      }
    }
  }

  @Test func `without a load profile no order of time is known`() throws {
    let plan = try inOrder()
    let usage = try mill("700", ["peak": "300", "valley": "100"])
    #expect(throws: RatingError.line(plan: "mill", component: 2, title: "T", .needs(.intervals))) {
      try rate(usage, under: plan)
    }
    #expect(try !CompiledPlan(plan, for: usage.days).isColumnar)
  }

  @Test func `suspended capacity pays half where the plan says so`() throws {
    func plan(_ rest: String, price: String = "28") throws -> Plan {
      try Mill.plan(
        Mill.component("capacity", "price = \"\(price)\"", "day-share = \"thirtieth\"", rest), Mill.energy)
    }
    var supply = Supply(basicCharge: .capacity, running: try power("1000"), suspended: try power("630"))
    let half = try rate(try mill("0", [:], nil, supply), under: try plan("suspended = \"half\""))
    #expect(half.formulas == ["1000.00 kVA x 28.00000000 = 28000.00", "630.00 kVA x 14.00000000 = 8820.00"])
    #expect(half.lines.map(\.rule) == [.capacity, .capacitySuspended])
    #expect(try rate(try mill("0", [:], nil, supply), under: try plan("")).formulas == [half.formulas[0]])
    let october = try #require(YearMonth(year: 2026, month: 10))
    supply.part = PartMonth(days: 10, of: october)
    let days = try rate(try mill("0", [:], nil, supply), under: try plan("suspended = \"half\""))
    #expect(days.formulas.last == "630.00 kVA x 14.00000000 x 10/30 = 2940.00")
    #expect(throws: DocumentError.self) { try plan("suspended = \"half\"", price: "28.00000001") }
    #expect(throws: DocumentError.self) { try plan("suspended = \"twice\"") }
    let record = try UsageRecord(
      json: Array(
        #"{"id":"B","account":"A","from":"2026-10-01","to":"2026-11-01","energy":{"total":"0"},"supply":{"suspended":"630"}}"#
          .utf8)[...])
    #expect(try record.usage().supply?.suspended == power("630"))
  }
}
