import Documents
import Metering
import Rating
import TOML
import Testing

/// Bills by columns are the bills of `rate(_:under:)`, whatever the plan and however broken the usage.
@Suite struct CompiledPlanTests {
  private static let bills = 10_000
  private static let billsPerPlan = 200

  @Test(arguments: PlanKind.allCases)
  func `a batch is what its usages are one by one, lines, totals, errors and digests`(_ kind: PlanKind) throws {
    var random = Seeded("\(kind.rawValue) in batches", cases: Self.bills)
    for number in 0..<Self.bills / Self.billsPerPlan {
      let made = try kind.plan(&random)
      let plan = try Plan(try Document(toml: made.toml, file: "random.toml"))
      let usages = try (0..<Self.billsPerPlan).map { _ in
        let (usage, _) = try made.bill(&random)
        return Int.random(in: 0..<8, using: &random) == 0 ? try broken(usage, &random) : usage
      }
      let compiled = try CompiledPlan(plan, for: usages[0].days)
      var sheet = BillSheet()
      compiled.rate(usages, into: &sheet)
      try compare(sheet, usages, plan, "seed \(random.seed), plan \(number)\n\(made.toml)")
    }
  }

  static let columnar: [PlanKind] = [.slices, .baseAndAdders, .wholeVolume, .tiersByPeriod, .grant, .purchase]

  @Test(arguments: columnar)
  func `columns of numbers are what their rows are one by one`(_ kind: PlanKind) throws {
    var random = Seeded("\(kind.rawValue) in columns", cases: Self.bills)
    for number in 0..<Self.bills / 500 {
      let plan = try Plan(try Document(toml: try kind.plan(&random).toml, file: "random.toml"))
      try compareColumns(plan, rows: 500, &random, "seed \(random.seed), plan \(number)")
    }
  }

  @Test func `columns under every tariff that is shipped`() throws {
    var random = Seeded("shipped tariffs in columns", cases: Self.bills)
    for name in Tariffs.names {
      let plan = try Tariffs.plan(name)
      try compareColumns(plan, rows: 1000, &random, "seed \(random.seed), \(name)")
    }
  }

  @Test func `which plans are rated by columns`() throws {
    let october = try days("2026-10-01", "2026-11-01")
    let rated = try Tariffs.names.filter { name in
      let plan = try Tariffs.plan(name)
      let days = plan.applies(to: october) ? october : try days("2026-01-01", "2026-02-01")
      return try CompiledPlan(plan, for: days).isColumnar
    }
    #expect(rated == Tariffs.names.filter { $0.contains("residential") || $0.contains("single-part") })
  }

  @Test func `minimum, cut lines, credits and prices below nothing`() throws {
    let plans = [
      try Mill.plan(Mill.energy, Mill.component("minimum", "least = \"12.34\""), Mill.fund),
      try Mill.plan(
        Mill.energy, Mill.component("minimum", "least = \"12.34\""), Mill.component("fund", "price = \"-0.02\"")),
      try Mill.plan(Mill.component("energy", "price = \"0.60886875\"", "rounding = \"cut\""), Mill.fund),
      try Mill.plan(Mill.energy, Mill.component("fund", "price = \"-0.01234567\"")),
      try Mill.plan(Mill.periods, Mill.energyByPeriod, Mill.component("fund", "price = \"0\"")),
      try Mill.plan(
        Mill.energy, Mill.component("export", "price = \"0.3\""),
        Mill.component("late-charge", "own-year = \"0.001\"\nlater = \"0.002\"")),
      try Mill.plan(Mill.component("energy", "price = \"1000\"")),
      try Mill.plan(Mill.component("energy", "price = \"0.00000001\"")),
    ]
    var random = Seeded("plain plans in columns", cases: Self.bills)
    for (number, plan) in plans.enumerated() {
      try compareColumns(plan, rows: Self.bills / 8, &random, "seed \(random.seed), plan \(number)")
    }
  }

  @Test func `a sheet is used again, and forgets what it held`() throws {
    let plan = try Tariffs.plan("hunan-residential-2012")
    let compiled = try CompiledPlan(plan, for: try days("2026-10-01", "2026-11-01"))
    var sheet = BillSheet()
    let all = (0..<1000).map { Energy(millionths: Int64($0) * 1_000_000) }
    compiled.rate(UsageColumns(totals: all + [Energy(millionths: -1)]), into: &sheet)
    #expect(sheet.refusals.map(\.row) == [1000])
    compiled.rate(UsageColumns(totals: [try energy("650"), .zero]), into: &sheet)
    #expect(sheet.count == 2)
    #expect(sheet.refusals.isEmpty)
    #expect(sheet.totals.map(\.fen) == [48_070, 0])
    #expect(sheet.lines.map(\.amount.fen) == [38_220, 850, 9000])
    #expect(sheet.lineRange(of: 1).isEmpty)
    #expect(sheet.kinds.map(\.rule) == [.energy, .tierAdder, .tierAdder])
    #expect(sheet.total == Money(fen: 48_070))
  }

  @Test func `one sheet serves plans by turns, and none leaves anything to the next`() throws {
    // Of one layout, so that they share the place where bills are worked out; with and without a least bill.
    let plans = [
      try Mill.plan(Mill.energy, Mill.component("minimum", "least = \"12.34\""), Mill.fund),
      try Mill.plan(Mill.component("energy", "price = \"0.1\""), Mill.component("fund", "price = \"0.2\"")),
      try Mill.plan(Mill.energy, Mill.fund, Mill.component("minimum", "least = \"0.01\"")),
      try Mill.plan(Mill.component("energy", "price = \"0.60886875\"", "rounding = \"cut\""), Mill.fund),
    ]
    let days = try days("2026-10-01", "2026-11-01")
    var random = Seeded("plans by turns on one sheet", cases: Self.bills)
    var sheet = BillSheet()
    for turn in 0..<40 {
      let plan = plans[Int.random(in: plans.indices, using: &random)]
      let totals = (0..<Self.bills / 40).map { _ in
        Energy(millionths: Int64.random(in: -1...5_000, using: &random) * 10_000)
      }
      let columns = UsageColumns(totals: totals)
      try CompiledPlan(plan, for: days).rate(columns, into: &sheet)
      let usages = totals.indices.map { columns.usage(at: $0, id: "B-\($0)", account: "A", days: days) }
      try compare(sheet, usages, plan, "seed \(random.seed), turn \(turn)")
    }
  }

  @Test func `a plan that cannot bill the days is no compiled plan`() throws {
    let plan = try Tariffs.plan("zhejiang-residential-2012")
    #expect(throws: RatingError.crossesWindow(try days("2026-12-01", "2027-02-01"), plan: plan.name)) {
      try CompiledPlan(plan, for: try days("2026-12-01", "2027-02-01"))
    }
    #expect(
      throws: RatingError.outsideValidity(
        try days("1999-12-01", "2000-01-01"), plan: plan.name, from: plan.validFrom, to: plan.validTo)
    ) {
      try CompiledPlan(plan, for: try days("1999-12-01", "2000-01-01"))
    }
  }

  /// A usage that something is wrong with, or that the columns cannot hold.
  private func broken(_ usage: Usage, _ random: inout Seeded) throws -> Usage {
    var usage = usage
    switch Int.random(in: 0..<9, using: &random) {
    case 0: usage.total = Energy(millionths: -1_000_000)
    case 1: usage.total = Energy(millionths: usage.total.millionths + 1)
    case 2: usage.parts.append(PeriodEnergy("noon", .zero))
    case 3: usage.parts = Array(usage.parts.dropLast())
    case 4: usage.earlier = .byTier([.zero])
    case 5: usage.grantedMonths = Int.random(in: -1...130, using: &random)
    case 6: usage.total = Energy(millionths: Int64.random(in: 0...1_000_000_000_000, using: &random) * 10_000)
    case 7: usage.days = try days("2026-12-15", "2027-01-15")
    default:
      usage.tolerance = Energy(millionths: 30_000)
      usage.total = max(.zero, usage.total - Energy(millionths: 20_000))
    }
    return usage
  }

  /// Columns with what a plan may take, and now and then what it may not.
  private func compareColumns(_ plan: Plan, rows: Int, _ random: inout Seeded, _ what: String) throws {
    let month = plan.validTo == nil ? Int.random(in: 1...11, using: &random) : 1
    let year = plan.validFrom.year == 2026 || plan.validTo != nil ? 2026 : 2027
    let start = try #require(YearMonth(year: year, month: month))
    let days = try days("\(start)-01", "\(start + 1)-01")
    func column(_ most: Int64) -> [Energy] {
      (0..<rows).map { _ in
        let energy = random.energy(upTo: most)
        switch Int.random(in: 0..<400, using: &random) {
        case 0: return Energy(millionths: -10_000)
        case 1: return Energy(millionths: energy.millionths + 1)
        case 2: return Energy(millionths: energy.millionths * 1_000_000)
        case 3: return Energy(millionths: .max)
        default:
          return plan.energyDecimals == 0 ? Energy(millionths: energy.millionths / 1_000_000 * 1_000_000) : energy
        }
      }
    }
    var columns = UsageColumns(totals: column(1500))
    for (index, period) in plan.periods.enumerated() where index != plan.residualPeriod {
      columns.periods[period.name] = column(1200 / Int64(plan.periods.count))
    }
    if Bool.random(using: &random) { columns.tolerance = Energy(millionths: 500_000_000) }
    if let residual = plan.residualPeriod, Bool.random(using: &random) {
      columns.periods[plan.periods[residual].name] = column(300)
    }
    switch Int.random(in: 0..<3, using: &random) {
    case 0: columns.earlier = .total(column(900))
    case 1: columns.earlier = .byTier((0..<(plan.tiers?.count ?? 1)).map { _ in column(400) })
    default: break
    }
    if plan.tiers?.grantPerMonth != nil || Int.random(in: 0..<4, using: &random) == 0 {
      columns.grantedMonths = (0..<rows).map { _ in
        Bool.random(using: &random) ? 0 : Int.random(in: -1...121, using: &random)
      }
    }
    var sheet = BillSheet()
    try CompiledPlan(plan, for: days).rate(columns, into: &sheet)
    let usages = (0..<rows).map { columns.usage(at: $0, id: "B-\($0)", account: "A", days: days) }
    try compare(sheet, usages, plan, what)
  }

  private func compare(_ sheet: BillSheet, _ usages: [Usage], _ plan: Plan, _ what: String) throws {
    guard sheet.count == usages.count else {
      Issue.record("\(sheet.count) rows of \(usages.count), \(what)")
      return
    }
    var refusals = sheet.refusals[...]
    for (row, usage) in usages.enumerated() {
      do throws(RatingError) {
        let bill = try rate(usage, under: plan)
        let lines = sheet.lines(of: row)
        let isSame =
          lines.count == bill.lines.count && sheet.totals[row] == bill.total
          && zip(lines, bill.lines).allSatisfy { mine, other in
            let kind = sheet.kinds[mine.kind]
            return mine.quantityMillionths == other.quantityMillionths && mine.price == other.price
              && mine.amount == other.amount && kind.rule == other.rule && kind.tier == other.tier
              && kind.period == other.period && kind.component == other.component && kind.unit == other.unit
          }
        let made = try sheet.bill(at: row, of: usage, under: plan)
        guard isSame, made == bill, row % 16 != 0 || made.canonicalText == bill.canonicalText else {
          Issue.record("row \(row): \(Array(lines)) is not \(bill.formulas), \(usage.canonicalText), \(what)")
          return
        }
      } catch {
        guard refusals.first?.row == row, refusals.first?.error == error, sheet.lines(of: row).isEmpty,
          sheet.totals[row] == .zero
        else {
          Issue.record("row \(row): \(String(describing: refusals.first)) is not \(error), \(what)")
          return
        }
        refusals.removeFirst()
      }
    }
    #expect(refusals.isEmpty)
  }
}
