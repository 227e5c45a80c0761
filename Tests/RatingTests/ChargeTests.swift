import Metering
import Rating
import Testing

/// Days of a debt and the lines that come of them.
struct DebtCase: Sendable, CustomTestStringConvertible {
  let name: String
  let amount: Int64
  let due: String
  let paid: String
  let formulas: [String]
  var testDescription: String { name }
}

struct LossCase: Sendable, CustomTestStringConvertible {
  let name: String
  let total: String
  var days: Int?
  var lineLoss: Int?
  let billed: String
  let reactive: String
  var testDescription: String { name }
}

@Suite struct ChargeTests {
  @Test func `funds keep eight places, and the month's price of purchase floats with the periods`() throws {
    let monthly = Mill.component(
      "monthly-prices", "factors = { peak = \"1.6\", flat = \"1\", valley = \"0.45\" }",
      "month = [{ month = \"2026-09\", price = \"0.4\" }, { month = \"2026-10\", price = \"0.41234567\" }]")
    let plan = try Mill.plan(Mill.periods, monthly, Mill.fund)
    let usage = try mill("1000", ["peak": "300", "valley": "200"])
    #expect(
      try rate(usage, under: plan).formulas == [
        "300.00 kWh x 0.65975307 = 197.93", "500.00 kWh x 0.41234567 = 206.17", "200.00 kWh x 0.18555555 = 37.11",
        "1000.00 kWh x 0.00196875 = 1.97",
      ])
    let november = try mill("1", ["peak": "0", "valley": "0"], try days("2026-11-01", "2026-12-01"))
    let error = #expect(throws: RatingError.self) { _ = try rate(november, under: plan) }
    #expect(
      error.map { "\($0)" }
        == "plan mill, component 1 (T): it has no price for 2026-11; add that month's price to the plan")
  }

  @Test func `a line is cut off where its component says so, both ways`() throws {
    let cut = Mill.energy.replacing("kind = \"energy\"", with: "kind = \"energy\"\nrounding = \"cut\"")
    let factor = Mill.component("power-factor", "standard = \"0.90\"", "rounding = \"cut\"")
    let supply = Supply(reactive: ReactiveUse(forward: .zero), exported: try energy("0.03"))
    let export = Mill.component("export", "price = \"0.6\"", "rounding = \"cut\"")
    let usage = try mill("33.33", [:], nil, supply)
    #expect(
      try rate(usage, under: try Mill.plan(cut, factor, export)).formulas == [
        "33.33 kWh x 0.60000000 = 19.99", "19.99 yuan x -0.00750000 = -0.14", "0.03 kWh x -0.60000000 = -0.01",
      ])
    #expect(
      try rate(usage, under: try Mill.plan(Mill.energy, Mill.powerFactor, Mill.component("export", "price = \"0.6\"")))
        .formulas == [
          "33.33 kWh x 0.60000000 = 20.00", "20.00 yuan x -0.00750000 = -0.15", "0.03 kWh x -0.60000000 = -0.02",
        ])
    #expect(try Mill.plan(cut).digest != Mill.plan(Mill.energy).digest)
  }

  @Test func `one price a month for all kWh`() throws {
    let monthly = Mill.component("monthly-prices", "month = [{ month = \"2026-10\", price = \"0.4\" }]")
    #expect(try rate(try mill("10"), under: try Mill.plan(monthly)).formulas == ["10.00 kWh x 0.40000000 = 4.00"])
  }

  static let losses = [
    LossCase(name: "first band", total: "10000", billed: "10304.00", reactive: "2000.00"),
    LossCase(name: "second band", total: "10000.01", billed: "10410.01", reactive: "2500.00"),
    LossCase(name: "20 days of 30: 202.67 is 203", total: "10000", days: 20, billed: "10203.00", reactive: "1333.00"),
    LossCase(
      name: "line loss of 3 % on top of both", total: "10000", lineLoss: 300, billed: "10613.12", reactive: "2078.00"),
  ]

  @Test(arguments: losses) func `losses of a table are added to what was metered`(_ example: LossCase) throws {
    let loss = Mill.loss(
      "band = [{ from = \"0\", to = \"10000\", active = \"304\", reactive = \"2000\" },"
        + " { from = \"10000\", active = \"410\", reactive = \"2500\" }]")
    let plan = try Mill.plan(loss, Mill.energy, Mill.powerFactor)
    let month = try #require(YearMonth("2026-10"))
    let supply = Supply(
      part: example.days.flatMap { PartMonth(days: $0, of: month) },
      reactive: ReactiveUse(forward: try energy("600")),
      transformer: Transformer(model: "S9", capacity: try power("200")),
      lineLoss: example.lineLoss)
    let bill = try rate(try mill(example.total, [:], nil, supply), under: plan)
    #expect(bill.totals.energy.description == example.billed)
    #expect(bill.lines.first?.energy.description == example.billed)
    #expect(bill.canonicalText.contains("\"reactive\":\"\(example.reactive)\"},\"power_factor\""))
  }

  @Test func `losses by the formula, once rounded`() throws {
    // 0.48 x 720 + 2.6 x (20000² + 5000²) / (200² x 720) = 345.6 + 38.368...; I0 2 %, Uk 4 %:
    // 4 x 720 + 8 x 425000000 / 28800000 = 2880 + 118.055...
    let loss = Mill.loss(
      "no-load = \"0.48\"\nload = \"2.6\"\nno-load-current = \"0.02\"\nimpedance = \"0.04\"", dayShare: "calendar")
    let supply = Supply(
      reactive: ReactiveUse(forward: try energy("5000")),
      transformer: Transformer(model: "S9", capacity: try power("200")))
    let plan = try Mill.plan(Mill.periods, loss, Mill.energyByPeriod)
    let bill = try rate(try mill("20000", ["peak": "5000", "valley": "6000"], nil, supply), under: plan)
    #expect(bill.totals.energy.description == "20383.97")
    #expect(bill.losses?.transformer.description == "383.97")
    #expect(bill.losses?.reactive.description == "2998.06")
    #expect(
      bill.canonicalText.contains(
        "\"losses\":{\"metered\":\"20000.00\",\"transformer\":\"383.97\",\"line\":\"0.00\",\"reactive\":\"2998.06\"}"))
    // Valley first, then flat, each rounded; peak takes the rest.
    #expect(bill.totals.byPeriod.map(\.description) == ["5095.99", "9172.79", "6115.19"])
    #expect(bill.totals.byPeriod.reduce(.zero, +) == bill.totals.energy)
  }

  @Test func `a minimum tops up the lines before it, and reverse energy is a credit of its own`() throws {
    let minimum = Mill.component("minimum", "least = \"10.00\"")
    let export = Mill.component("export", "price = \"0.4153\"")
    let plan = try Mill.plan(Mill.energy, minimum, export)
    #expect(
      try rate(try mill("5", [:], nil, Supply(exported: try energy("100"))), under: plan).formulas == [
        "5.00 kWh x 0.60000000 = 3.00", "7.00 yuan x 1.00000000 = 7.00", "100.00 kWh x -0.41530000 = -41.53",
      ])
    #expect(try rate(try mill("50"), under: plan).formulas == ["50.00 kWh x 0.60000000 = 30.00"])
  }

  static let debts = [
    DebtCase(
      name: "across New Year both rates, each for its days", amount: 100_000, due: "2025-12-20", paid: "2026-01-10",
      formulas: ["1000.00 yuan x 0.00200000 x 11 days = 22.00", "1000.00 yuan x 0.00300000 x 10 days = 30.00"]),
    DebtCase(
      name: "within the year", amount: 100_000, due: "2026-03-01", paid: "2026-03-11",
      formulas: ["1000.00 yuan x 0.00200000 x 10 days = 20.00"]),
    DebtCase(
      name: "due on the last day of the year", amount: 100_000, due: "2025-12-31", paid: "2026-01-01",
      formulas: ["1000.00 yuan x 0.00300000 x 1 day = 3.00"]),
    DebtCase(
      name: "under one yuan is one yuan", amount: 5_000, due: "2026-03-01", paid: "2026-03-03",
      formulas: ["50.00 yuan x 0.00200000 x 2 days = 0.20", "0.80 yuan x 1.00000000 = 0.80"]),
    DebtCase(name: "paid in time", amount: 5_000, due: "2026-03-01", paid: "2026-03-01", formulas: []),
  ]

  @Test(arguments: debts) func `a debt is charged day by day`(_ example: DebtCase) throws {
    let plan = try Mill.plan(
      Mill.energy, Mill.component("late-charge", "own-year = \"0.002\"", "later = \"0.003\"", "least = \"1.00\""))
    let debt = Arrears(
      bill: "B-0", amount: Money(fen: example.amount), due: try #require(CivilDate(example.due)),
      paid: try #require(CivilDate(example.paid)))
    let bill = try rate(try mill("0", [:], nil, Supply(arrears: [debt])), under: plan)
    #expect(bill.formulas == example.formulas)
  }
}
