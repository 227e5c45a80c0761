import Documents
import Metering
import Rating
import TOML
import Testing

/// A month in which a new version of the plan comes into force, and nothing else changes.
@Suite struct VersionCutTests {
  private func version(_ toml: String, from: String = "2023-01-01") throws -> Plan {
    try Plan(try Document(toml: toml.replacing("2023-01-01", with: from), file: "random.toml"))
  }

  /// A bill's usage in two parts of its days, with `shares` hundredths of each energy in the first.
  private func cut(_ usage: Usage, at day: CivilDate, share: Int64) throws -> [Usage] {
    let first = try #require(DayRange(from: usage.days.from, to: day))
    let second = try #require(DayRange(from: day, to: usage.days.to))
    func part(_ energy: Energy) -> Energy {
      Energy(millionths: Int64(Int128(energy.millionths) * Int128(share) / 1_000_000) * 10_000)
    }
    var (before, after) = (usage, usage)
    (before.days, after.days) = (first, second)
    before.parts = usage.parts.map { PeriodEnergy($0.period, part($0.energy)) }
    // Each period by itself, the residual one too.
    let residual = usage.parts.reduce(usage.total) { $0 - $1.energy }
    before.total = before.parts.reduce(part(residual)) { $0 + $1.energy }
    after.total = usage.total - before.total
    after.parts = zip(usage.parts, before.parts).map { PeriodEnergy($0.period, $0.energy - $1.energy) }
    after.earlier = .nothing
    if let supply = usage.supply {
      if let reactive = supply.reactive {
        let early = ReactiveUse(forward: part(reactive.forward), reverse: part(reactive.reverse))
        before.supply?.reactive = early
        after.supply?.reactive = ReactiveUse(
          forward: reactive.forward - early.forward, reverse: reactive.reverse - early.reverse)
      }
      before.supply?.selfUse = part(supply.selfUse)
      after.supply?.selfUse = supply.selfUse - part(supply.selfUse)
      if let exported = supply.exported {
        before.supply?.exported = part(exported)
        after.supply?.exported = exported - part(exported)
      }
      after.supply?.arrears = []
    }
    return [before, after]
  }

  @Test(arguments: PlanKind.allCases)
  func `a month cut by a version with the same prices costs what it costs in one piece`(_ kind: PlanKind) throws {
    let count = OracleTests.bills / 10
    var random = Seeded("\(kind.rawValue) cut by a version", cases: count)
    var compared = 0
    for _ in 0..<count / 20 {
      let made = try kind.plan(&random)
      let old = try version(made.toml)
      // Published anew, with the same numbers.
      let new = try version(made.toml.replacing("a test", with: "another notice"), from: "2024-01-01")
      for _ in 0..<20 {
        let (usage, _) = try made.bill(&random)
        // A part of a month that the usage says is the caller's own matter.
        guard usage.days.months.lowerBound == usage.days.months.upperBound, usage.supply?.part == nil else { continue }
        let length = Int(usage.days.to.daysSince1970 - usage.days.from.daysSince1970)
        let day = CivilDate(
          daysSince1970: usage.days.from.daysSince1970 + Int64(Int.random(in: 1..<length, using: &random)))
        let parts = try cut(usage, at: day, share: Int64.random(in: 0...100, using: &random))
        // The plan's own look at energies is not what is tried here.
        guard let whole = try? rate(usage, under: old) else { continue }
        let statement = try rate([Stretch(parts[0], under: old), Stretch(parts[1], under: new)], id: "S")
        compared += 1
        let lines = statement.bills.reduce(0) { $0 + $1.lines.count } + whole.lines.count
        let factors = statement.bills.compactMap(\.powerFactor?.factor)
        guard abs(statement.total.fen - whole.total.fen) <= lines,
          factors.allSatisfy({ $0 == whole.powerFactor?.factor }),
          statement.bills.reduce(.zero, { $0 + $1.totals.energy }) == whole.totals.energy
        else {
          Issue.record(
            "seed \(random.seed): \(statement.bills.map(\.formulas)) instead of \(whole.formulas)\n\(made.toml)")
          return
        }
      }
    }
    #expect(compared > 0)
  }

  private func halves(
    _ plan: Plan, _ energies: (String, String), _ supplies: (Supply?, Supply?)
  ) throws -> Statement {
    try rate(
      [
        Stretch(try mill(energies.0, [:], try days("2026-10-01", "2026-10-11"), supplies.0), under: plan),
        Stretch(try mill(energies.1, [:], try days("2026-10-11", "2026-11-01"), supplies.1), under: plan),
      ], id: "S")
  }

  @Test func `the power factor is the month's, and so each part's adjustment`() throws {
    let plan = try Mill.plan(Mill.energy, Mill.powerFactor)
    func supply(_ kilovarhours: String) throws -> Supply {
      Supply(reactive: ReactiveUse(forward: try energy(kilovarhours)))
    }
    // 10 000 kWh and 4 000 kvarh in all: 0.93; the first part alone had 0.45, the second 1.00.
    let statement = try halves(plan, ("2000", "8000"), (try supply("4000"), try supply("0")))
    #expect(statement.bills.map { $0.powerFactor?.factor.description } == ["0.93", "0.93"])
    #expect(statement.bills.map { $0.powerFactor?.active.description } == ["10000.00", "10000.00"])
  }

  @Test func `the least charge of a month is asked for once, with what it lacks in all`() throws {
    let plan = try Mill.plan(Mill.energy, Mill.component("minimum", "least = \"100\""))
    let statement = try halves(plan, ("100", "50"), (nil, nil))
    #expect(statement.bills.map(\.total.description) == ["60.00", "40.00"])
    #expect(try halves(plan, ("100", "0"), (nil, nil)).bills.map(\.total.description) == ["60.00", "40.00"])
    #expect(try halves(plan, ("200", "0"), (nil, nil)).total.description == "120.00")
  }

  @Test func `parts of a month in thirtieths add up to the month where only the version changes`() throws {
    let plan = try Mill.plan(
      Mill.energy, Mill.component("capacity", "price = \"28\"", "day-share = \"thirtieth\""))
    let supply = Supply(basicCharge: .capacity, running: try power("1000"))
    #expect(
      try halves(plan, ("0", "0"), (supply, supply)).bills.flatMap(\.formulas) == [
        "1000.00 kVA x 28.00000000 x 10/31 = 9032.26", "1000.00 kVA x 28.00000000 x 21/31 = 18967.74",
      ])
    // Capacity that changes is paid by the rule.
    let more = Supply(basicCharge: .capacity, running: try power("2000"))
    #expect(
      try halves(plan, ("0", "0"), (supply, more)).bills.flatMap(\.formulas) == [
        "1000.00 kVA x 28.00000000 x 10/30 = 9333.33", "2000.00 kVA x 28.00000000 x 21/30 = 39200.00",
      ])
  }

  @Test func `a price for all kWh is that of the tier which the whole month reaches`() throws {
    let plan = try version(
      Mill.head + "\n[tiers]\nwindow = \"month\"\nsource = \"a test\"\nprimary = true\n"
        + "[[tiers.tier]]\nfrom = \"0\"\nto = \"100\"\n[[tiers.tier]]\nfrom = \"100\"\n"
        + Mill.component("whole-volume", "prices = [\"0.5\", \"1\"]"))
    #expect(try halves(plan, ("90", "20"), (nil, nil)).bills.map(\.total.description) == ["90.00", "20.00"])
    #expect(try halves(plan, ("60", "40"), (nil, nil)).bills.map(\.total.description) == ["30.00", "20.00"])
  }
}
