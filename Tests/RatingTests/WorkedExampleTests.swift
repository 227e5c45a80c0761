import Documents
import Metering
import Rating
import TOML
import Testing

/// A published or recomputed bill, line by line.
struct WorkedExample: Sendable, CustomTestStringConvertible {
  let name: String
  let plan: String
  var from = "2026-10-01"
  var to = "2026-11-01"
  let total: String
  var parts: [String: String] = [:]
  var before: String?
  var granted = 0
  let formulas: [String]
  let amount: String

  var testDescription: String { name }

  func bill() throws -> Bill {
    let parts = try self.parts.sorted { $0.key < $1.key }.map { PeriodEnergy($0.key, try energy($0.value)) }
    let usage = Usage(
      id: "B", account: "A", days: try days(from, to), total: try energy(total), parts: parts,
      earlier: try before.map { .total(try energy($0)) } ?? .nothing, grantedMonths: granted)
    return try rate(usage, under: try Tariffs.plan(plan))
  }
}

@Suite struct WorkedExampleTests {
  static let cases = [
    WorkedExample(
      name: "Guangdong, October, 700 kWh", plan: "guangdong-residential-2012", total: "700",
      formulas: [
        "260.00 kWh x 0.62000000 = 161.20", "340.00 kWh x 0.67000000 = 227.80", "100.00 kWh x 0.92000000 = 92.00",
      ], amount: "481.00"),
    WorkedExample(
      name: "Guangdong, November is a winter month", plan: "guangdong-residential-2012", from: "2026-11-01",
      to: "2026-12-01", total: "450",
      formulas: [
        "200.00 kWh x 0.62000000 = 124.00", "200.00 kWh x 0.67000000 = 134.00", "50.00 kWh x 0.92000000 = 46.00",
      ], amount: "304.00"),
    WorkedExample(
      name: "Guangdong, two months September and October: 520 and 1200", plan: "guangdong-residential-2012",
      from: "2026-09-01", to: "2026-11-01", total: "1300",
      formulas: [
        "520.00 kWh x 0.62000000 = 322.40", "680.00 kWh x 0.67000000 = 455.60", "100.00 kWh x 0.92000000 = 92.00",
      ], amount: "870.00"),
    WorkedExample(
      name: "Guangdong, April and May of two seasons: 460 and 1000", plan: "guangdong-residential-2012",
      from: "2026-04-01", to: "2026-06-01", total: "1001",
      formulas: [
        "460.00 kWh x 0.62000000 = 285.20", "540.00 kWh x 0.67000000 = 361.80", "1.00 kWh x 0.92000000 = 0.92",
      ], amount: "647.92"),
    WorkedExample(
      name: "Guangdong, a granted household in summer: 360 and 700", plan: "guangdong-residential-2012", total: "701",
      granted: 1,
      formulas: [
        "360.00 kWh x 0.62000000 = 223.20", "340.00 kWh x 0.67000000 = 227.80", "1.00 kWh x 0.92000000 = 0.92",
      ], amount: "451.92"),
    WorkedExample(
      name: "Guangdong with periods: adders on kWh above the limit whatever the period",
      plan: "guangdong-residential-tou-2012", total: "650", parts: ["peak": "200", "valley": "150"],
      formulas: [
        "200.00 kWh x 0.97380000 = 194.76", "300.00 kWh x 0.59020000 = 177.06", "150.00 kWh x 0.29510000 = 44.27",
        "340.00 kWh x 0.05000000 = 17.00", "50.00 kWh x 0.30000000 = 15.00",
      ], amount: "448.09"),
    WorkedExample(
      name: "Hunan, 7 July to 7 August, 300 to 950", plan: "hunan-residential-2012", from: "2026-07-07",
      to: "2026-08-07", total: "650",
      formulas: [
        "650.00 kWh x 0.58800000 = 382.20", "270.00 kWh x 0.05000000 = 13.50", "200.00 kWh x 0.30000000 = 60.00",
      ], amount: "455.70"),
    WorkedExample(
      name: "Shanghai with periods, 60 kWh in tier 2: valley 20, peak 40", plan: "shanghai-residential-tou-2012",
      total: "300", parts: ["peak": "200", "valley": "100"], before: "2880",
      formulas: [
        "200.00 kWh x 0.61700000 = 123.40", "100.00 kWh x 0.30700000 = 30.70", "40.00 kWh x 0.06000000 = 2.40",
        "20.00 kWh x 0.03000000 = 0.60",
      ], amount: "157.10"),
    WorkedExample(
      name: "Shanghai, one large read crosses both limits of the year", plan: "shanghai-residential-2012",
      total: "2000", before: "3000",
      formulas: [
        "2000.00 kWh x 0.61700000 = 1234.00", "1680.00 kWh x 0.05000000 = 84.00", "200.00 kWh x 0.30000000 = 60.00",
      ], amount: "1378.00"),
    WorkedExample(
      name: "Zhejiang, 120 kWh in the first tier", plan: "zhejiang-residential-2012", total: "120",
      formulas: ["120.00 kWh x 0.53800000 = 64.56"], amount: "64.56"),
    WorkedExample(
      name: "Shanxi, October stands in the window of September", plan: "shanxi-residential-2012", total: "250",
      before: "300",
      formulas: [
        "250.00 kWh x 0.47700000 = 119.25", "180.00 kWh x 0.05000000 = 9.00", "30.00 kWh x 0.30000000 = 9.00",
      ], amount: "137.25"),
    WorkedExample(
      name: "nothing used", plan: "shanghai-residential-2012", total: "0", before: "5000", formulas: [], amount: "0.00"),
  ]

  @Test(arguments: cases) func `a worked bill comes out line by line`(_ example: WorkedExample) throws {
    let bill = try example.bill()
    #expect(bill.lines.map { bill.formula(of: $0) } == example.formulas)
    #expect("\(bill.total)" == example.amount)
  }

  @Test func `a grant in February opens room in the first tier and double counts nothing`() throws {
    let plan = try Tariffs.plan("zhejiang-residential-2012")
    // 3000 kWh in January: 2760 in tier 1, 240 in tier 2. The grant of 11 months gives tier 1 another 1100 kWh.
    let usage = Usage(
      id: "B", account: "A", days: try days("2026-02-01", "2026-03-01"), total: try energy("3000"),
      earlier: .byTier([try energy("2760"), try energy("240"), .zero]), grantedMonths: 11)
    let bill = try rate(usage, under: plan)
    #expect(bill.totals.byTier == [try energy("1100"), try energy("1800"), try energy("100")])
    #expect(bill.windowAfter?.used == (try energy("6000")))
  }

  @Test func `a window of a year can start in another month`() throws {
    let toml = PlanErrorTests.good.replacing(
      "window = \"month\"", with: "window = \"year\"\nyear-starts-in-month = 7")
    let tiers = try #require(try Plan(try Document(toml: toml, file: "test.toml")).tiers)
    #expect("\(tiers.windowStart(of: try days("2026-06-01", "2026-07-01").months.upperBound))" == "2025-07")
    #expect("\(tiers.windowStart(of: try days("2026-07-01", "2026-08-01").months.upperBound))" == "2026-07")
    #expect(tiers.windowStart(of: try days("2026-06-01", "2026-08-01").months) == nil)
  }

  @Test func `a whole-volume plan prices every kWh in the bracket of the last`() throws {
    let plan = try plan(
      adding: "kind = \"whole-volume\"\ntitle = \"All\"\ntitle-zh = \"全\"\nprices = [\"0.5\", \"0.6\"]")
    let usage = Usage(id: "B", account: "A", days: try days("2026-02-01", "2026-03-01"), total: try energy("101"))
    let bill = try rate(usage, under: plan)
    #expect(bill.lines.map { bill.formula(of: $0) } == ["101.00 kWh x 0.60000000 = 60.60"])
    #expect(bill.name(of: bill.lines[0]) == "All, tier 2")
  }
}

/// A plan with tiers up to 100 kWh a month and the one component given.
func plan(adding component: String) throws -> Plan {
  try Plan(
    try PlanErrorTests.document(
      replacing: "kind = \"energy\"\ntitle = \"E\"\ntitle-zh = \"电\"\nprice = \"0.5\"", component))
}
