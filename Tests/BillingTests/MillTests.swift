import Billing
import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

/// A plan in TOML with what each test says of it.
func plan(
  _ name: String = "mill", from: String = "2023-01-01", to: String? = nil, known: String? = nil, periods: String = "",
  components: String
) throws -> Plan {
  let end = to.map { "valid-to = \"\($0)\"\n" } ?? ""
  let head = """
    name = "\(name)"
    title = "Mill"
    title-zh = "厂"
    currency = "CNY"
    valid-from = "\(from)"
    known-since = "\(known ?? from)"
    energy-scale = 2
    sources = ["a test"]

    """
  let text = head + end + periods + components
  return try Plan(try Document(toml: text, file: "\(name).toml"))
}

/// One component of a plan.
func component(_ kind: String, _ keys: String) -> String {
  """

  [[component]]
  kind = "\(kind)"
  title = "\(kind)"
  title-zh = "\(kind)"
  source = "a test"
  primary = true
  \(keys)
  """
}

/// Energy at 0.6, capacity at 30, demand at 40, and a power factor that the supply says.
func twoPart(
  _ name: String = "mill", price: String = "0.6", from: String = "2023-01-01", to: String? = nil, known: String? = nil
)
  throws -> Plan
{
  try plan(
    name, from: from, to: to, known: known,
    components: component("capacity", "price = \"30\"\nday-share = \"calendar\"")
      + component("demand", "price = \"40\"\nday-share = \"calendar\"")
      + component("energy", "price = \"\(price)\"") + component("power-factor", "standard = \"by-supply\""))
}

extension Journal {
  /// The highest demand, and both reactive registers, of the usual meter.
  mutating func noteMill(
    _ instant: String, total: String, reactive: String, reverse: String = "0.00", demand: String? = nil,
    occurred: String? = nil, meter name: String = "M-0001", kind: ReadingKind = .settlement
  ) throws {
    try note(total, at: instant, meter: name, kind: kind)
    try note(reactive, of: .energyTotal(.combinedReactive1), at: instant, meter: name, kind: kind)
    try note(reverse, of: .energyTotal(.combinedReactive2), at: instant, meter: name, kind: kind)
    if let demand {
      let quantity = try #require(Quantity(.maximumDemand(.importActive), .total))
      try note(demand, of: quantity, at: instant, meter: name, kind: kind, occurred: occurred)
    }
  }
}

func mill(
  _ terms: [SupplyTerms], multiplier: Multiplier = Multiplier(1000) ?? .one, meters: [MeterAssignment]? = nil
) throws -> Account {
  let usual = [MeterAssignment(meter: try meter(), multiplier: multiplier, register: try household())]
  return Account(id: "A-9", meters: meters ?? usual, terms: terms)
}

func close(
  _ account: Account, _ label: String, _ journal: Journal, _ plans: [Plan], knownOn day: String = "2099-01-01",
  window: WindowState? = nil, version: Int = 1
) throws -> Closing {
  closeCycle(
    account: account, cycle: try cycle(label), readings: journal.readings, windowState: window,
    plans: try PlanCatalogue(plans), knownOn: try BillingTests.day(day), version: version)
}

@Suite struct MillTests {
  private let contract = SupplyTerms(
    plan: "mill", basicCharge: .contractDemand, contracted: Power(millionths: 1_000_000_000),
    contractDemand: Power(millionths: 600_000_000), powerFactorStandard: .ninety)

  private func month() throws -> Journal {
    var journal = Journal()
    try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
    try journal.noteMill(
      "2026-11-01T00:00", total: "150.00", reactive: "109.00", demand: "0.7000", occurred: "2026-10-20T14:15")
    return journal
  }

  @Test func `a month of a mill is billed from settlement registers alone`() throws {
    let closed = try #require(try close(try mill([contract]), "2026-10", try month(), [try twoPart()]).closed)
    let bill = closed.bill
    // 50 × 1000 kWh, 59 × 1000 kvarh: ratio 1.18, factor 0.65, +15 % of basic and energy charge.
    // 600 kW × 40 + (700 - 630) × 80 = 29600; 50000 × 0.6 = 30000; 15 % of 59600 = 8940.
    #expect(
      bill.lines.map { "\($0.rule.rawValue) \($0.amount)" } == [
        "demand.contract 24000.00", "demand.excess 5600.00", "energy 30000.00", "power-factor 8940.00",
      ])
    #expect("\(bill.total)" == "68540.00")
    #expect(closed.readings == [1, 2, 3, 4, 5, 6, 7])
    let told = explain(closed)
    #expect(told.contains { $0.contains("maximum demand 最大需量: 0.7000 x 1000 = 700.00 kW, at 发生于 2026-10-20T14:15") })
    #expect(told.contains { $0.contains("= 59000.00 kvarh") })
  }

  @Test func `terms have a problem just where no month can be billed by them`() throws {
    let loss = """

      [loss]
      day-share = "calendar"
      source = "a test"
      primary = true
      [[loss.transformer]]
      model = "S9"
      capacity = "200"
      band = [{ from = "0", active = "1", reactive = "1" }]
      """
    let plans = [
      try twoPart(), try plan(components: component("energy", "price = \"0.6\"")),
      try plan(
        periods: loss,
        components: component(
          "demand",
          "price = \"40\"\nday-share = \"calendar\"\nfloor = { percent = 40 }\nload-rate = { from = \"260\", price = \"38\" }"
        )
          + component("energy", "price = \"0.6\"") + component("power-factor", "standard = \"0.85\"")),
    ]
    let journal = try month()
    let some = Power(millionths: 600_000_000)
    let transformers = [nil, "S9", "S11"].map {
      $0.map { Transformer(model: $0, capacity: Power(millionths: 200_000_000)) }
    }
    var (good, bad) = (0, 0)
    for number in 0..<4 * 2 * 2 * 2 * 2 * 2 * 3 * 2 {
      var rest = number
      func pick<Value>(_ values: [Value]) -> Value {
        defer { rest /= values.count }
        return values[rest % values.count]
      }
      var terms = SupplyTerms(plan: "mill")
      terms.basicCharge = pick([nil] + BasicCharge.allCases)
      terms.running = pick([nil, some])
      terms.contracted = pick([nil, some])
      terms.contractDemand = pick([nil, some])
      terms.powerFactorStandard = pick([nil, .ninety])
      terms.isExemptFromPowerFactor = pick([false, true])
      terms.transformer = pick(transformers)
      terms.lineLoss = pick([nil, 300])
      for plan in plans {
        let closing = try close(try mill([terms]), "2026-10", journal, [plan])
        #expect((closing.closed != nil) == (terms.problem(under: plan) == nil), "\(terms) under \(plan.canonicalText)")
        if closing.closed == nil { bad += 1 } else { good += 1 }
      }
    }
    #expect(good > 100 && bad > 100)
  }

  @Test func `what is missing is named as the configuration calls it`() throws {
    var journal = Journal()
    try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
    try journal.noteMill("2026-11-01T00:00", total: "150.00", reactive: "109.00")
    let plans = [try twoPart()]
    #expect(
      try close(try mill([contract]), "2026-10", journal, plans).reasons == [
        "meter M-0001: no reading of demand.import.active.total at 2026-11-01T00:00:00; read the meter's"
          + " settlement again, or enter the value: meterd review enter"
      ])
    var open = contract
    open.contractDemand = nil
    #expect(
      try close(try mill([open]), "2026-10", try month(), plans).reasons == [
        "demand of plan mill needs the demand in the contract (contract-demand); write it under account A-9"
      ])
    open = SupplyTerms(plan: "mill", basicCharge: .capacity, powerFactorStandard: .ninety)
    #expect(
      try close(try mill([open]), "2026-10", try month(), plans).reasons == [
        "capacity of plan mill needs the capacity in service (running); write it under account A-9"
      ])
    open = SupplyTerms(plan: "mill")
    #expect(
      try close(try mill([open]), "2026-10", try month(), plans).reasons == [
        "capacity of plan mill needs how the basic charge is found (basic-charge); write it under account A-9"
      ])
    var later = contract
    later.from = try day("2026-10-05")
    #expect(
      try close(try mill([later]), "2026-10", try month(), plans).reasons == [
        "nothing is agreed for account A-9 on 2026-10-01; write from which day on its terms hold"
      ])
    #expect(
      try close(try mill([contract]), "2026-10", try month(), [try twoPart(from: "2026-11-01")]).reasons == [
        "plan mill is not valid on all days of 2026-10-01 to 2026-11-01, as known on 2099-01-01; add the version that is"
      ])
  }

  @Test func `a demand that occurred outside the cycle is none of it`() throws {
    for (occurred, isRight) in [
      ("2026-09-30T23:45", false), ("2026-10-01T00:00", true), ("2026-11-01T00:00", true), ("2026-11-01T00:15", false),
    ] {
      var journal = Journal()
      try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
      try journal.noteMill("2026-11-01T00:00", total: "150.00", reactive: "60.00", demand: "0.5", occurred: occurred)
      let closing = try close(try mill([contract]), "2026-10", journal, [try twoPart()])
      #expect((closing.closed != nil) == isRight, "\(occurred)")
      #expect(closing.reasons.allSatisfy { $0.contains("its maximum demand occurred at \(occurred)") })
    }
  }

  @Test func `a demand behind changed transformers counts by those at which it occurred`() throws {
    let change = try time("2026-10-15T00:00")
    let meters = [
      MeterAssignment(meter: try meter(), multiplier: Multiplier(1000) ?? .one, to: change, register: try household()),
      MeterAssignment(
        meter: try meter(), multiplier: Multiplier(2000) ?? .one, from: change, register: try household()),
    ]
    for (occurred, kilowatts) in [("2026-10-03T10:00", "500.00"), ("2026-10-20T10:00", "1000.00")] {
      var journal = Journal()
      try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
      try journal.noteMill(
        "2026-10-15T00:00", total: "120.00", reactive: "55.00", demand: occurred < "2026-10-15" ? "0.5" : "0.1",
        occurred: occurred < "2026-10-15" ? occurred : "2026-10-02T10:00", kind: .event)
      try journal.noteMill("2026-11-01T00:00", total: "130.00", reactive: "60.00", demand: "0.5", occurred: occurred)
      let closed = try #require(
        try close(try mill([contract], meters: meters), "2026-10", journal, [try twoPart()]).closed)
      #expect(closed.bill.usage.supply?.feeds.map { "\($0.measured)" } == [kilowatts])
      #expect(closed.bill.totals.energy == (try energy("40000")))
    }
  }

  @Test func `an error that begins in mid-cycle waits for all that was not frozen, and says where it may begin`() throws
  {
    let error = try #require(
      MeterError(tenThousandths: -320, from: time("2026-10-11T00:00"), to: time("2026-11-01T00:00"), of: .one))
    let whole = MeterAssignment(meter: try meter(), register: try household())
    let account = try mill([contract], meters: whole.divided(by: [error]))
    var journal = try month()
    try journal.note("110.00", at: "2026-10-11T00:00", kind: .dailyFreeze)
    #expect(
      try close(account, "2026-10", journal, [try twoPart()]).reasons == [
        "meter M-0001: its error of -3.20 % begins at 2026-10-11T00:00:00, inside the cycle from 2026-10-01T00:00:00 to"
          + " 2026-11-01T00:00:00, and nothing was read of energy.combined.reactive1.total,"
          + " energy.combined.reactive2.total, demand.import.active.total then; enter what the registers showed (meterd"
          + " review enter), or let from of [[line.meter.error]] be a settlement: \"2026-10-01T00:00:00\" or"
          + " \"2026-11-01T00:00:00\""
      ])
    try journal.noteMill(
      "2026-10-11T00:00", total: "110.00", reactive: "60.00", demand: "0.5000", occurred: "2026-10-03T14:15",
      kind: .event)
    #expect(try close(account, "2026-10", journal, [try twoPart()]).reasons == [])
    let ended = try #require(
      MeterError(tenThousandths: 50, from: time("2026-10-01T00:00"), to: time("2026-10-12T00:00"), of: .one))
    #expect(
      try close(try mill([contract], meters: whole.divided(by: [ended])), "2026-10", journal, [try twoPart()])
        .reasons.map { $0.contains("its error of +0.50 % ends at") && $0.contains("or let to of") } == [true])
  }

  @Test func `capacity that changes in mid-cycle is paid by its days, energy by frozen registers or by days`() throws {
    let running = SupplyTerms(
      plan: "mill", basicCharge: .capacity, running: Power(millionths: 1_000_000_000), isExemptFromPowerFactor: true)
    var less = running
    less.from = try day("2026-10-11")
    less.running = Power(millionths: 500_000_000)
    let account = try mill([running, less])
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-01T00:00")
    try journal.note("131.00", at: "2026-11-01T00:00")
    let byDays = try #require(try close(account, "2026-10", journal, [try twoPart()]).closed)
    #expect(byDays.statement.proration == .days)
    #expect(byDays.bills.map { "\($0.totals.energy)" } == ["10000.00", "21000.00"])
    // 1000 × 30 × 10/31 and 500 × 30 × 21/31.
    #expect(byDays.bills.map { "\($0.lines[0].amount)" } == ["9677.42", "10161.29"])
    #expect(byDays.readings == [1, 2])
    try journal.note("104.00", at: "2026-10-11T00:00", kind: .dailyFreeze)
    let frozen = try #require(try close(account, "2026-10", journal, [try twoPart()]).closed)
    #expect(frozen.statement.proration == nil)
    #expect(frozen.bills.map { "\($0.totals.energy)" } == ["4000.00", "27000.00"])
    #expect(frozen.readings == [1, 2, 3])
    #expect(frozen.bills.map(\.usage.id) == ["A-9/2026-10/original/1/1", "A-9/2026-10/original/1/2"])
  }

  @Test func `a tariff that changes in mid-cycle is applied as it was known`() throws {
    let home = SupplyTerms(plan: "home")
    func version(_ price: String, _ from: String, to: String? = nil, known: String) throws -> Plan {
      try plan("home", from: from, to: to, known: known, components: component("energy", "price = \"\(price)\""))
    }
    let plans = [
      try version("0.5", "2020-01-01", known: "2020-01-01"), try version("0.6", "2026-10-16", known: "2026-11-20"),
    ]
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-01T00:00")
    try journal.note("131.00", at: "2026-11-01T00:00")
    let account = try mill([home], multiplier: .one)
    let then = try #require(try close(account, "2026-10", journal, plans, knownOn: "2026-11-02").closed)
    #expect(then.bills.count == 1)
    #expect("\(then.total)" == "15.50")
    let now = try #require(try close(account, "2026-10", journal, plans, knownOn: "2026-11-20").closed)
    #expect(now.bills.map { "\($0.totals.energy) \($0.total)" } == ["15.00 7.50", "16.00 9.60"])
  }

  @Test func `where only import energy was frozen, reactive energy is shared by days and the rest is exact`() throws {
    let before = SupplyTerms(
      plan: "mill", basicCharge: .capacity, running: Power(millionths: 1_000_000_000), powerFactorStandard: .ninety)
    var after = before
    after.from = try day("2026-10-11")
    after.running = Power(millionths: 500_000_000)
    let account = try mill([before, after])
    var journal = Journal()
    try journal.noteMill("2026-10-01T00:00", total: "100.00", reactive: "50.00")
    try journal.noteMill("2026-11-01T00:00", total: "131.00", reactive: "81.00", reverse: "3.10")
    try journal.note("104.00", at: "2026-10-11T00:00", kind: .dailyFreeze)
    let closed = try #require(try close(account, "2026-10", journal, [try twoPart()]).closed)
    #expect(closed.bills.map { "\($0.totals.energy)" } == ["4000.00", "27000.00"])
    #expect(closed.bills.map { $0.usage.supply?.reactive?.forward } == [try energy("10000"), try energy("21000")])
    #expect(closed.bills.map { $0.usage.supply?.reactive?.reverse } == [try energy("1000"), try energy("2100")])
    #expect(closed.statement.proration == .days)
    #expect(closed.readings == [1, 2, 3, 4, 5, 6, 7])
    // The document has no word for it, so that bills which were issued stay what they are; whoever explains it does.
    let cut = "of 2 of 31000.00 kvarh, 3100.00 kvarh 反向 from 2026-10-01 to 2026-11-01, cut by days"
    #expect(
      explain(closed).filter { $0.hasPrefix("Cut ") } == [
        "Cut 分摊 reactive and reverse energy 无功及反向电量: part 1 \(cut)",
        "Cut 分摊 reactive and reverse energy 无功及反向电量: part 2 \(cut); the readings stand in part 1",
      ])
    try journal.note("60.00", of: .energyTotal(.combinedReactive1), at: "2026-10-11T00:00", kind: .dailyFreeze)
    try journal.note("0.00", of: .energyTotal(.combinedReactive2), at: "2026-10-11T00:00", kind: .dailyFreeze)
    let frozen = try #require(try close(account, "2026-10", journal, [try twoPart()]).closed)
    #expect(frozen.statement.proration == nil)
    #expect(frozen.others == [nil, nil])
    #expect(frozen.bills.map { $0.usage.supply?.reactive?.reverse } == [.zero, try energy("3100")])
  }

  @Test func `another class in mid-cycle whose periods differ needs frozen registers`() throws {
    let touched = try plan(
      "touch",
      periods: """
        [[period]]
        name = "peak"
        title = "Peak"
        title-zh = "峰"
        rates = [2]
        residual = true
        [[period]]
        name = "valley"
        title = "Valley"
        title-zh = "谷"
        rates = [4]

        """, components: component("energy", "prices = { peak = \"1\", valley = \"0.3\" }"))
    let flat = try plan("home", components: component("energy", "price = \"0.5\""))
    var after = SupplyTerms(plan: "touch")
    after.from = try day("2026-10-11")
    let account = try mill([SupplyTerms(plan: "home"), after], multiplier: .one)
    var journal = Journal()
    try journal.settle("2026-10-01T00:00", total: "100.00", peak: "60.00", valley: "40.00")
    try journal.settle("2026-11-01T00:00", total: "131.00", peak: "80.00", valley: "51.00")
    #expect(
      try close(account, "2026-10", journal, [flat, touched]).reasons == [
        "plan home becomes touch on 2026-10-11 and their periods differ; freeze or read the meter's registers at"
          + " 2026-10-11T00:00"
      ])
    for (value, rate) in [("110.00", UInt8(0)), ("66.00", 2), ("44.00", 4)] {
      try journal.note(value, at: "2026-10-11T00:00", rate: rate, kind: .dailyFreeze)
    }
    let closed = try #require(try close(account, "2026-10", journal, [flat, touched]).closed)
    #expect(closed.bills.map { "\($0.total)" } == ["5.00", "16.10"])
    #expect("\(closed.total)" == "21.10")
  }

  @Test func `the formula's transformer loss of a stretch is of its own hours`() throws {
    let loss = """

      [loss]
      shape = "1"
      day-share = "calendar"
      spread = "residual"
      source = "a test"
      primary = true
      [[loss.transformer]]
      model = "S9"
      capacity = "1000"
      no-load = "1"
      load = "0"
      no-load-current = "0"
      impedance = "0"

      """
    let text = try plan(periods: "", components: component("energy", "price = \"1\"") + loss)
    let terms = SupplyTerms(
      plan: "mill", transformer: Transformer(model: "S9", capacity: Power(millionths: 1_000_000_000)))
    var other = terms
    other.from = try day("2026-10-11")
    other.lineLoss = 0
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-01T00:00")
    try journal.note("131.00", at: "2026-11-01T00:00")
    let whole = try #require(try close(try mill([terms]), "2026-10", journal, [text]).closed)
    #expect(whole.bill.losses?.transformer == (try energy("720")))
    let cut = try #require(try close(try mill([terms, other]), "2026-10", journal, [text]).closed)
    #expect(cut.bills.map { $0.losses?.transformer } == [try energy("240"), try energy("504")])
  }
}
