import Metering
import Rating
import Testing

@Suite struct StatementTests {
  private func home(_ from: String, _ to: String, _ total: String, _ parts: [String: String] = [:]) throws -> Usage {
    try mill(total, parts, try days(from, to))
  }

  private func date(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

  @Test func `a new version in the middle of a month goes on with the room that the old one left`() throws {
    let old = try Tariffs.plan("guangdong-residential-2012")
    let statement = try rate(
      [
        Stretch(try home("2026-10-01", "2026-10-11", "200"), under: old),
        Stretch(try home("2026-10-11", "2026-11-01", "500"), under: old),
      ], id: "S")
    #expect(
      statement.bills.map(\.formulas) == [
        ["200.00 kWh x 0.62000000 = 124.00"],
        ["60.00 kWh x 0.62000000 = 37.20", "340.00 kWh x 0.67000000 = 227.80", "100.00 kWh x 0.92000000 = 92.00"],
      ])
    // As in one piece.
    #expect(statement.total == Money(fen: 48_100))
    #expect(statement.bills.last?.windowAfter?.byTier.map(\.description) == ["260.00", "340.00", "100.00"])
  }

  @Test func `a cycle across two months has the limits of its one month, however it is cut`() throws {
    let plan = try Tariffs.plan("guangdong-residential-2012")
    let whole = try rate(try home("2026-10-25", "2026-11-25", "700"), under: plan)
    let cut = try rate(
      [
        Stretch(try home("2026-10-25", "2026-11-01", "300"), under: plan),
        Stretch(try home("2026-11-01", "2026-11-25", "400"), under: plan),
      ], id: "S")
    #expect(cut.total == whole.total)
    #expect(cut.bills.last?.windowAfter?.byTier == whole.windowAfter?.byTier)
  }

  @Test func `a change of class gives the allowance of a whole month to each`() throws {
    let statement = try rate(
      [
        Stretch(
          try home("2026-10-01", "2026-10-16", "300"), under: try Tariffs.plan("guangdong-residential-2012")),
        Stretch(try home("2026-10-16", "2026-11-01", "200"), under: try Tariffs.plan("hunan-residential-2012")),
      ], id: "S")
    #expect(
      statement.bills.map(\.formulas) == [
        ["260.00 kWh x 0.62000000 = 161.20", "40.00 kWh x 0.67000000 = 26.80"],
        ["200.00 kWh x 0.58800000 = 117.60", "20.00 kWh x 0.05000000 = 1.00"],
      ])
  }

  @Test func `a mill that grows in the month: no periods and no power factor before, both after`() throws {
    let before = try Mill.plan(Mill.energy)
    let after = try Mill.plan(Mill.periods, Mill.capacity, Mill.energyByPeriod, Mill.powerFactor)
    var late = try home("2026-09-11", "2026-10-01", "3000", ["peak": "1000", "valley": "1000"])
    late.supply = Supply(
      basicCharge: .capacity, running: try power("400"), reactive: ReactiveUse(forward: try energy("2000")))
    let statement = try rate(
      [Stretch(try home("2026-09-01", "2026-09-11", "1000"), under: before), Stretch(late, under: after)], id: "S")
    #expect(
      statement.bills.map(\.formulas) == [
        ["1000.00 kWh x 0.60000000 = 600.00"],
        [
          "400.00 kVA x 28.00000000 x 20/30 = 7466.67", "1000.00 kWh x 0.90000000 = 900.00",
          "1000.00 kWh x 0.60000000 = 600.00", "1000.00 kWh x 0.30000000 = 300.00",
          "9266.67 yuan x 0.03500000 = 324.33",
        ],
      ])
    #expect(statement.bills.reduce(.zero) { $0 + $1.total } == statement.total)
  }

  @Test func `capacity that changes is paid day by day, and the day of the change is of the new state`() throws {
    let plan = try Mill.plan(
      Mill.energy, Mill.component("capacity", "price = \"28\"", "day-share = \"calendar\""))
    func usage(_ from: String, _ to: String, _ running: String) throws -> Usage {
      try mill("0", [:], try days(from, to), Supply(basicCharge: .capacity, running: try power(running)))
    }
    let statement = try rate(
      [
        Stretch(try usage("2026-10-01", "2026-10-11", "315"), under: plan),
        Stretch(try usage("2026-10-11", "2026-11-01", "630"), under: plan),
      ], id: "S")
    #expect(
      statement.bills.flatMap(\.formulas) == [
        "315.00 kVA x 28.00000000 x 10/31 = 2845.16", "630.00 kVA x 28.00000000 x 21/31 = 11949.68",
      ])
  }

  @Test func `days of a cycle across two months add up to one month, whichever of them is longer`() throws {
    let plan = try Mill.plan(
      Mill.energy, Mill.component("capacity", "price = \"28\"", "day-share = \"calendar\""))
    func shares(_ from: String, _ change: String, _ to: String) throws -> [String] {
      func usage(_ from: String, _ to: String) throws -> Usage {
        try mill("0", [:], try days(from, to), Supply(basicCharge: .capacity, running: try power("100")))
      }
      return try rate(
        [Stretch(try usage(from, change), under: plan), Stretch(try usage(change, to), under: plan)], id: "S"
      ).bills.flatMap(\.formulas)
    }
    #expect(
      try shares("2026-01-25", "2026-02-10", "2026-02-25") == [
        "100.00 kVA x 28.00000000 x 16/31 = 1445.16", "100.00 kVA x 28.00000000 x 15/31 = 1354.84",
      ])
    #expect(
      try shares("2026-02-25", "2026-03-10", "2026-03-25") == [
        "100.00 kVA x 28.00000000 x 13/28 = 1300.00", "100.00 kVA x 28.00000000 x 15/28 = 1500.00",
      ])
  }

  @Test func `the load rate is of the cycle's energy, not of one stretch`() throws {
    let plan = try Mill.plan(
      Mill.component(
        "demand", "price = \"38\"\nday-share = \"calendar\"\nload-rate = { from = \"260\", price = \"34.2\" }"),
      Mill.energy)
    let supply = Supply(
      basicCharge: .actualDemand, contracted: try power("100"), feeds: [FeedDemand(measured: try power("90"))])
    let stretches = [
      Stretch(try mill("13000", [:], try days("2026-10-01", "2026-10-11"), supply), under: plan),
      Stretch(try mill("13000", [:], try days("2026-10-11", "2026-11-01"), supply), under: plan),
    ]
    #expect(try rate(stretches, id: "S").bills.map { $0.lines[0].price.description } == ["34.20000000", "34.20000000"])
    #expect(try rate(stretches[1].usage, under: plan).lines[0].price.description == "38.00000000")
  }

  @Test func `stretches that are no cycle are refused`() throws {
    let plan = try Tariffs.plan("guangdong-residential-2012")
    let first = Stretch(try home("2026-10-01", "2026-10-11", "1"), under: plan)
    let gap = Stretch(try home("2026-10-12", "2026-11-01", "1"), under: plan)
    let overlap = Stretch(try home("2026-10-10", "2026-11-01", "1"), under: plan)
    for other in [gap, overlap] {
      #expect(throws: RatingError.notEndToEnd(first.usage.days, other.usage.days)) {
        _ = try rate([first, other], id: "S")
      }
    }
    #expect(throws: RatingError.noStretch) { _ = try rate([], id: "S") }
    var stranger = gap.usage
    stranger.account = "X"
    #expect(throws: RatingError.otherAccount("A", "X")) {
      _ = try rate([first, Stretch(stranger, under: plan)], id: "S")
    }
  }

  @Test func `energy without a frozen register is cut by days or by months, and the last part gets the rest`() throws {
    let use = try home("2026-07-01", "2026-08-31", "100", ["valley": "33.33"])
    let byDays = try #require(use.cut(at: [try date("2026-07-11"), try date("2026-08-01")], by: .days, decimals: 2))
    #expect(byDays.map(\.total.description) == ["16.39", "34.42", "49.19"])
    #expect(byDays.map { $0.parts[0].energy.description } == ["5.46", "11.47", "16.40"])
    #expect(byDays.map(\.id) == ["B/1", "B/2", "B/3"])
    // Introduction of tiers in July 2012: a two-month reading was split half and half.
    let byMonths = try #require(use.cut(at: [try date("2026-08-01")], by: .months, decimals: 0))
    #expect(byMonths.map(\.total.description) == ["50.00", "50.00"])
    #expect(use.cut(at: [try date("2026-07-01")], by: .days, decimals: 2) == nil)
    #expect(use.cut(at: [try date("2026-08-31")], by: .days, decimals: 2) == nil)
  }

  @Test func `cuts by days conserve every energy, and a month cut anywhere costs what it costs in one piece`() throws {
    var random = Seeded("cuts conserve", cases: 10_000)
    let plan = try Tariffs.plan("guangdong-residential-tou-2012")
    for _ in 0..<10_000 {
      let (peak, flat, valley) = (random.energy(upTo: 600), random.energy(upTo: 600), random.energy(upTo: 600))
      let usage = Usage(
        id: "B", account: "A", days: try days("2026-10-01", "2026-11-01"), total: peak + flat + valley,
        parts: [PeriodEnergy("peak", peak), PeriodEnergy("valley", valley)])
      let day = try #require(CivilDate(year: 2026, month: 10, day: Int.random(in: 2...31, using: &random)))
      let cut = try #require(usage.cut(at: [day], by: .days, decimals: 2))
      let statement = try rate(cut.map { Stretch($0, under: plan) }, id: "S", proration: .days)
      let whole = try rate(usage, under: plan)
      let lines = statement.bills.reduce(0) { $0 + $1.lines.count } + whole.lines.count
      guard cut.reduce(.zero, { $0 + $1.total }) == usage.total,
        statement.bills.reduce(.zero, { $0 + $1.totals.byPeriod[0] }) == peak,
        abs(statement.total.fen - whole.total.fen) <= lines,
        statement.bills.last?.windowAfter?.used == whole.windowAfter?.used,
        statement.total + statement.reversed().total == .zero
      else {
        Issue.record("seed \(random.seed): \(peak), \(flat), \(valley), cut on \(day)")
        return
      }
    }
  }

  @Test func `a statement carries its bills whole, and a digest of all their inputs`() throws {
    let plan = try Tariffs.plan("guangdong-residential-2012")
    func statement(_ total: String, _ proration: Proration? = nil) throws -> Statement {
      try rate(
        [
          Stretch(try home("2026-10-01", "2026-10-11", "1"), under: plan),
          Stretch(try home("2026-10-11", "2026-11-01", total), under: plan),
        ], id: "S", proration: proration)
    }
    let text = try statement("2").canonicalText
    #expect(text.hasPrefix("{\"statement\":\"S\",\"account\":\"A\",\"from\":\"2026-10-01\",\"to\":\"2026-11-01\","))
    for bill in try statement("2").bills { #expect(text.contains(bill.canonicalText)) }
    #expect(try statement("2") == statement("2"))
    #expect(try statement("2").inputDigest != statement("3").inputDigest)
    #expect(try statement("2").inputDigest != statement("2", .days).inputDigest)
  }
}
