import Metering
import Rating
import Testing

struct DemandCase: Sendable, CustomTestStringConvertible {
  var name = ""
  var excess = "over-105-double"
  var rest = ""
  var mode = BasicCharge.contractDemand
  var contract: String? = "1000"
  let measured: String
  var energy = "1000"
  let formulas: [String]
  var testDescription: String { "\(excess), \(mode.rawValue), \(measured) kW\(name)" }
}

struct ShareCase: Sendable, CustomTestStringConvertible {
  let rule: String
  let days: Int
  let month: String
  let formula: String
  var testDescription: String { "\(days) days of \(month), \(rule)" }
}

@Suite struct TwoPartTests {
  @Test func `hot standby counts, sealed cold standby does not: 2000 kVA of three transformers`() throws {
    let supply = Supply(basicCharge: .capacity, running: try power("2000"))
    let bill = try rate(try mill("0", [:], nil, supply), under: try Mill.plan(Mill.energy, Mill.capacity))
    #expect(bill.formulas == ["2000.00 kVA x 28.00000000 = 56000.00"])
    #expect(bill.total == Money(fen: 5_600_000))
  }

  static let demands = [
    DemandCase(measured: "900", formulas: ["1000.00 kW x 38.00000000 = 38000.00"]),
    DemandCase(measured: "1050", formulas: ["1000.00 kW x 38.00000000 = 38000.00"]),
    DemandCase(
      measured: "1200",
      formulas: ["1000.00 kW x 38.00000000 = 38000.00", "150.00 kW x 76.00000000 = 11400.00"]),
    DemandCase(
      excess: "over-105-double-band-paid", measured: "900", formulas: ["1000.00 kW x 38.00000000 = 38000.00"]),
    DemandCase(
      excess: "over-105-double-band-paid", measured: "1050", formulas: ["1050.00 kW x 38.00000000 = 39900.00"]),
    DemandCase(
      excess: "over-105-double-band-paid", measured: "1200",
      formulas: ["1050.00 kW x 38.00000000 = 39900.00", "150.00 kW x 76.00000000 = 11400.00"]),
    DemandCase(
      excess: "over-100-double-past-105", measured: "900", formulas: ["950.00 kW x 38.00000000 = 36100.00"]),
    DemandCase(
      excess: "over-100-double-past-105", measured: "1050", formulas: ["1050.00 kW x 38.00000000 = 39900.00"]),
    DemandCase(
      excess: "over-100-double-past-105", measured: "1200",
      formulas: ["1000.00 kW x 38.00000000 = 38000.00", "200.00 kW x 76.00000000 = 15200.00"]),
    DemandCase(mode: .actualDemand, contract: nil, measured: "812.4", formulas: ["812.40 kW x 38.00000000 = 30871.20"]),
    DemandCase(
      name: ", contract under 40 % of 3150 kVA", rest: "floor = { percent = 40 }", measured: "900",
      formulas: ["1260.00 kW x 38.00000000 = 47880.00"]),
    DemandCase(
      name: ", no floor by actual demand", rest: "floor = { percent = 40 }", mode: .actualDemand, measured: "900",
      formulas: ["900.00 kW x 38.00000000 = 34200.00"]),
    DemandCase(
      name: ", floor on the measured value", rest: "floor = { percent = 40, on = \"measured\" }", mode: .actualDemand,
      measured: "900", formulas: ["1260.00 kW x 38.00000000 = 47880.00"]),
    DemandCase(
      name: ", one kWh under 260 a kVA", rest: "load-rate = { from = \"260\", price = \"34.2\" }", measured: "900",
      energy: "818999", formulas: ["1000.00 kW x 38.00000000 = 38000.00"]),
    DemandCase(
      name: ", 260 kWh a kVA", rest: "load-rate = { from = \"260\", price = \"34.2\" }", measured: "1200",
      energy: "819000",
      formulas: ["1000.00 kW x 34.20000000 = 34200.00", "150.00 kW x 68.40000000 = 10260.00"]),
  ]

  @Test(arguments: demands) func `demand is charged by the rule of the plan`(_ example: DemandCase) throws {
    let plan = try Mill.plan(
      Mill.component(
        "demand", "price = \"38\"\nday-share = \"calendar\"\nexcess = \"\(example.excess)\"\n\(example.rest)"),
      Mill.energy)
    let feed = FeedDemand(measured: try power(example.measured), contract: try example.contract.map { try power($0) })
    let supply = Supply(basicCharge: example.mode, contracted: try power("3150"), feeds: [feed])
    let bill = try rate(try mill(example.energy, [:], nil, supply), under: plan)
    #expect(bill.formulas.dropLast() == example.formulas[...])
  }

  @Test func `each feed is charged by itself`() throws {
    let feeds = [
      FeedDemand(measured: try power("1200"), contract: try power("1000")),
      FeedDemand(measured: try power("100"), contract: try power("500")),
    ]
    let bill = try rate(
      try mill("0", [:], nil, Supply(basicCharge: .contractDemand, feeds: feeds)),
      under: try Mill.plan(Mill.energy, Mill.demand))
    #expect(
      bill.formulas == [
        "1000.00 kW x 38.00000000 = 38000.00", "150.00 kW x 76.00000000 = 11400.00",
        "500.00 kW x 38.00000000 = 19000.00",
      ])
    #expect(bill.lines.map(\.part) == [1, 1, 2])
    #expect(bill.lines.map { bill.name(of: $0) } == ["T, no. 1", "T, no. 1", "T, no. 2"])
  }

  static let shares = [
    ShareCase(rule: "thirtieth", days: 10, month: "2026-10", formula: "315.00 kVA x 28.00000000 x 10/30 = 2940.00"),
    ShareCase(rule: "thirtieth", days: 30, month: "2026-10", formula: "315.00 kVA x 28.00000000 = 8820.00"),
    ShareCase(rule: "thirtieth", days: 31, month: "2026-10", formula: "315.00 kVA x 28.00000000 = 8820.00"),
    ShareCase(rule: "thirtieth", days: 28, month: "2026-02", formula: "315.00 kVA x 28.00000000 x 28/30 = 8232.00"),
    ShareCase(rule: "calendar", days: 10, month: "2026-10", formula: "315.00 kVA x 28.00000000 x 10/31 = 2845.16"),
    ShareCase(rule: "calendar", days: 30, month: "2026-10", formula: "315.00 kVA x 28.00000000 x 30/31 = 8535.48"),
    ShareCase(rule: "calendar", days: 31, month: "2026-10", formula: "315.00 kVA x 28.00000000 = 8820.00"),
    ShareCase(rule: "calendar", days: 28, month: "2026-02", formula: "315.00 kVA x 28.00000000 = 8820.00"),
    ShareCase(rule: "calendar", days: 28, month: "2028-02", formula: "315.00 kVA x 28.00000000 x 28/29 = 8515.86"),
  ]

  @Test(arguments: shares) func `a day of a month is what the plan's date makes of it`(_ example: ShareCase) throws {
    let month = try #require(YearMonth(example.month))
    let part = try #require(PartMonth(days: example.days, of: month))
    let supply = Supply(basicCharge: .capacity, running: try power("315"), part: part)
    let plan = try Mill.plan(
      Mill.energy, Mill.component("capacity", "price = \"28\"", "day-share = \"\(example.rule)\""))
    let bill = try rate(
      try mill("0", [:], try days("\(month)-01", "\(month + 1)-01"), supply), under: plan)
    #expect(bill.formulas == [example.formula])
  }

  @Test func `an article's bill: 50000 kWh, 59000 kvarh, standard 0.90, and the same at 0.95`() throws {
    let plan = try Mill.plan(Mill.energy, Mill.powerFactor)
    func bill(_ reactive: String) throws -> Bill {
      let use = ReactiveUse(forward: try energy(reactive))
      return try rate(try mill("50000", [:], nil, Supply(reactive: use)), under: plan)
    }
    #expect(
      try bill("59000").formulas == [
        "50000.00 kWh x 0.60000000 = 30000.00", "30000.00 yuan x 0.15000000 = 4500.00",
      ])
    #expect(try bill("16434").formulas.last == "30000.00 yuan x -0.00750000 = -225.00")
    #expect(try bill("24216").lines.count == 1)
    #expect(try bill("24216").powerFactor?.factor == PowerFactor(hundredths: 90))
    #expect(try bill("59000").powerFactor?.adjustment == 1500)
    #expect(try bill("59000").losses == nil)
  }

  @Test func `the power factor is of the lines that its flags say, and of reactive energy both ways`() throws {
    let inBase = Mill.fund.replacing("kind = \"fund\"", with: "kind = \"fund\"\nin-power-factor-base = true")
    let outside = Mill.energy.replacing("kind = \"energy\"", with: "kind = \"energy\"\nin-power-factor-base = false")
    let supply = Supply(
      basicCharge: .capacity, running: try power("400"),
      reactive: ReactiveUse(forward: try energy("50000"), reverse: try energy("9000")))
    let usage = try mill("50000", [:], nil, supply)
    func last(_ plan: Plan) throws -> String? { try rate(usage, under: plan).formulas.last }
    #expect(
      try last(try Mill.plan(Mill.capacity, Mill.energy, Mill.fund, Mill.powerFactor))
        == "41200.00 yuan x 0.15000000 = 6180.00")
    #expect(
      try last(try Mill.plan(Mill.capacity, Mill.energy, inBase, Mill.powerFactor))
        == "41298.44 yuan x 0.15000000 = 6194.77")
    #expect(
      try last(try Mill.plan(Mill.capacity, outside, Mill.fund, Mill.powerFactor))
        == "11200.00 yuan x 0.15000000 = 1680.00")
    let forward = Mill.component("power-factor", "standard = \"0.90\"", "reactive = \"forward\"")
    #expect(try last(try Mill.plan(Mill.energy, Mill.capacity, forward)) == "41200.00 yuan x 0.09500000 = 3914.00")
  }

  @Test func `a derived line starts from printed lines, or from exact ones where the plan says so`() throws {
    let energies = Mill.component("energy", "price = \"0.00333334\"")
    let two = energies + energies
    // Twice 0.00500001 yuan: printed 0.01 and 0.01.
    let supply = Supply(reactive: ReactiveUse(forward: try energy("100000")))
    let usage = try mill("1.5", [:], nil, supply)
    let exact = Mill.component("power-factor", "standard = \"0.90\"", "base = \"exact\"")
    #expect(try rate(usage, under: try Mill.plan(two, Mill.powerFactor)).lines.last?.amount == Money(fen: 3))
    #expect(try rate(usage, under: try Mill.plan(two, exact)).lines.last?.amount == Money(fen: 1))
  }

  @Test func `a supply below 100 kVA is held to no power factor, whatever the plan says of others`() throws {
    let plan = try Mill.plan(Mill.energy, Mill.component("power-factor", "standard = \"by-supply\""))
    let bill = try rate(try mill("100", [:], nil, Supply(isExemptFromPowerFactor: true)), under: plan)
    #expect(bill.formulas == ["100.00 kWh x 0.60000000 = 60.00"])
    #expect(throws: RatingError.self) { _ = try rate(try mill("100", [:], nil, Supply()), under: plan) }
  }

  @Test func `sub-users' energy is taken off the reseller's demand`() throws {
    let feed = FeedDemand(measured: try power("500"), contract: try power("400"))
    let rest = feed.without([
      (try energy("1800"), .oneShift), (try energy("3600"), .twoShifts), (try energy("5400"), .threeShifts),
      (try energy("100"), .farming),
    ])
    #expect(rest?.measured.description == "469.6296")
    #expect(rest?.contract == (try power("400")))
    #expect(feed.without([(try energy("1000000"), .oneShift)])?.measured == .zero)
    #expect(feed.without([(try energy("-1"), .oneShift)]) == nil)
  }

  @Test func `energy made and used on the spot counts as active where the plan says so`() throws {
    let rule = Mill.component("power-factor", "standard = \"by-supply\"", "counts-self-use = true")
    let supply = Supply(
      reactive: ReactiveUse(forward: try energy("600")), powerFactorStandard: .eightyFive,
      selfUse: try energy("700"))
    let bill = try rate(try mill("100", [:], nil, supply), under: try Mill.plan(Mill.energy, rule))
    #expect(bill.formulas.last == "60.00 yuan x 0.02500000 = 1.50")
    #expect(bill.canonicalText.contains("\"factor\":\"0.80\",\"standard\":\"0.85\""))
  }

  @Test func `every line of a two-part bill is mirrored by its reversal`() throws {
    let supply = Supply(
      basicCharge: .contractDemand, contracted: try power("3150"),
      feeds: [FeedDemand(measured: try power("1200"), contract: try power("1000"))],
      reactive: ReactiveUse(forward: try energy("100")))
    let plan = try Mill.plan(Mill.periods, Mill.demand, Mill.energyByPeriod, Mill.fund, Mill.powerFactor)
    let bill = try rate(try mill("5000.55", ["peak": "1200.11", "valley": "900.07"], nil, supply), under: plan)
    let reversal = bill.reversed()
    #expect(bill.lines.count == 7)
    #expect(
      zip(bill.lines, reversal.lines).allSatisfy {
        $0.amount + $1.amount == .zero && $0.quantityMillionths + $1.quantityMillionths == 0 && $0.price == $1.price
      })
    #expect(bill.total + reversal.total == .zero)
    #expect(reversal.reversed() == bill)
    #expect(bill.lines.reduce(.zero) { $0 + $1.amount } == bill.total)
  }
}
