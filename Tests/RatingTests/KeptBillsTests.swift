import BillKeeping
import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

/// Bills that this engine made once, and goes on making until its version says that it does not.
@Suite struct KeptBillsTests {
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Golden/kept-bills.txt")
  private static let plans = 20
  private static let billsPerPlan = 12

  @Test func `what the engine makes of the same usage and plan changes with its version only`() throws {
    var kinds = try PlanKind.allCases.map { kind in
      try KeptBills(kind: kind.rawValue) { add in
        var random = Seeded(kept: 2026)
        for _ in 0..<Self.plans {
          let made = try kind.plan(&random)
          let plan = try Plan(try Document(toml: made.toml, file: "random.toml"))
          for _ in 0..<Self.billsPerPlan { keep(try made.bill(&random).0, plan, add) }
        }
      }
    }
    kinds.append(try KeptBills(kind: "shipped-tariffs", shippedTariffs))
    kinds.append(try KeptBills(kind: "stretches", stretches))
    kinds.append(try KeptBills(kind: "part-days", partDays))
    kinds.append(try KeptBills(kind: "load-profiles", loadProfiles))
    kinds.append(try KeptBills(kind: "loss-tables", lossTables))
    let now = KeptBook(version: ratingEngineVersion, kinds)
    #expect(now.kinds.reduce(0) { $0 + $1.bills } > 3500)
    #expect(now.kinds.allSatisfy { $0.bills * 2 > $0.inputs })
    for objection in try now.hold(against: Self.file) { Issue.record("\(objection)") }
  }

  private func keep(_ usage: Usage, _ plan: Plan, _ add: (String, String?) -> Void) {
    add(plan.digest + usage.canonicalText, (try? rate(usage, under: plan))?.canonicalText)
  }

  /// Every tariff of the repository, with all that any of them asks of a supply.
  private func shippedTariffs(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 645)
    for name in Tariffs.names {
      let plan = try Tariffs.plan(name)
      let days = try plan.validTo == nil ? days("2026-10-01", "2026-11-01") : days("2026-01-01", "2026-02-01")
      for _ in 0..<40 {
        func energy(_ most: Int64) -> Energy {
          let energy = random.energy(upTo: most)
          guard plan.energyDecimals == 0 else { return energy }
          return Energy(millionths: energy.millionths / 1_000_000 * 1_000_000)
        }
        let parts = plan.periods.map { PeriodEnergy($0.name, energy(600)) }
        let total = parts.isEmpty ? energy(1500) : parts.reduce(.zero) { $0 + $1.energy }
        let supply = Supply(
          basicCharge: BasicCharge.allCases.randomElement(using: &random), running: try power("800"),
          contracted: try power("1000"),
          feeds: [
            FeedDemand(measured: try power(random.number(0...1000_00, places: 2).text), contract: try power("600"))
          ],
          reactive: ReactiveUse(forward: energy(900), reverse: energy(50)),
          powerFactorStandard: PowerFactorStandard.allCases.randomElement(using: &random))
        var usage = Usage(id: "B", account: "A", days: days, total: total, parts: parts)
        usage.earlier = .total(energy(4000))
        if plan.tiers?.grantPerMonth != nil { usage.grantedMonths = Int.random(in: 0...10, using: &random) }
        if !name.contains("residential") { usage.supply = supply }
        keep(usage, plan, add)
      }
    }
  }

  /// Cycles that a new version of the plan, with other limits and another capacity price, cuts in two.
  private func stretches(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 31)
    func version(_ from: String) throws -> Plan {
      let limits = random.limits(2).map(\.text)
      let prices = (0...2).map { _ in "\"\(random.price().text)\"" }.joined(separator: ", ")
      return try Plan(
        try Document(
          toml: Mill.head.replacing("2023-01-01", with: from)
            + "\n[tiers]\nwindow = \"month\"\nsource = \"a test\"\nprimary = true\n"
            + "tier = [{ from = \"0\", to = \"\(limits[0])\" }, { from = \"\(limits[0])\", to = \"\(limits[1])\" },"
            + " { from = \"\(limits[1])\" }]\n"
            + Mill.component("capacity", "price = \"\(random.price().text)\"", "day-share = \"calendar\"")
            + Mill.component("tier-prices", "prices = [\(prices)]"), file: "random.toml"))
    }
    for _ in 0..<20 {
      let plans = [try version("2020-01-01"), try version("2020-02-01")]
      for _ in 0..<10 {
        let day = Int.random(in: 2...31, using: &random)
        let change = "2026-10-\(day < 10 ? "0" : "")\(day)"
        let supply = Supply(basicCharge: .capacity, running: try power(random.number(1...1000_00, places: 2).text))
        let usages = [
          try mill(random.kilowattHours(upTo: 800).text, [:], try days("2026-10-01", change), supply),
          try mill(random.kilowattHours(upTo: 800).text, [:], try days(change, "2026-11-01"), supply),
        ]
        let statement = try? rate(zip(usages, plans).map { Stretch($0, under: $1) }, id: "S", proration: .days)
        add((usages.map(\.canonicalText) + plans.map(\.digest)).joined(), statement?.canonicalText)
      }
    }
  }

  /// Capacity, demand and losses of parts of a month, by either divisor.
  private func partDays(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 30)
    for share in ["calendar", "thirtieth"] {
      let plan = try Mill.plan(
        Mill.component("capacity", "price = \"28.35\"", "day-share = \"\(share)\""),
        Mill.component("demand", "price = \"42\"", "day-share = \"\(share)\""), Mill.energy,
        Mill.component("minimum", "least = \"250.55\""), Mill.powerFactor)
      for _ in 0..<150 {
        let first = try #require(CivilDate("2026-01-01")?.daysSince1970)
        let start = CivilDate(daysSince1970: first + Int64.random(in: 0...330, using: &random))
        let end = CivilDate(daysSince1970: start.daysSince1970 + Int64.random(in: 1...31, using: &random))
        var usage = try mill(
          random.kilowattHours(upTo: 60_000).text, [:], try days("\(start)", "\(end)"),
          Supply(
            basicCharge: BasicCharge.allCases.randomElement(using: &random),
            running: try power(random.number(1...2000_00, places: 2).text), contracted: try power("2000"),
            feeds: [
              FeedDemand(
                measured: try power(random.number(0...2000_00, places: 2).text), contract: try power("1200"))
            ], reactive: ReactiveUse(forward: try energy(random.kilowattHours(upTo: 40_000).text))))
        if Bool.random(using: &random) {
          let month = YearMonth(of: usage.days.from)
          usage.supply?.part = PartMonth(days: Int.random(in: 1...28, using: &random), of: month)
        }
        keep(usage, plan, add)
      }
    }
  }

  /// Weeks by half-hours under a calendar with holidays, brought to the register in both ways.
  private func loadProfiles(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 96)
    let plan = try Mill.plan(IntervalTests.periods, IntervalTests.calendar(), IntervalTests.energy)
    let year = try DayCalendar(
      try Document(
        toml: """
          name = "kept-2026"
          valid-from = "2026-01-01"
          valid-to = "2026-12-31"
          known-since = "2025-11-04"
          sources = ["a test"]
          holidays = ["2026-06-19", "2026-07-06", "2026-08-03"]
          workdays = ["2026-07-04"]
          """, file: "kept.toml"))
    for number in 0..<60 {
      let from = try #require(CivilDate("2026-06-20")?.daysSince1970) + Int64.random(in: 0...40, using: &random)
      let (start, end) = (CivilDate(daysSince1970: from), CivilDate(daysSince1970: from + 7))
      let range = try #require(DayRange(from: start, to: end))
      let energies = (0..<336).map { _ in Energy(millionths: Int64.random(in: 0...3_000_000, using: &random)) }
      let sum = energies.reduce(.zero, +)
      let register = Energy(
        millionths: sum.millionths / 10_000 * 10_000 + Int64.random(in: 0...9, using: &random) * 10_000)
      let settled = try plan.settle(
        IntervalSeries(start: MeterTime(localSeconds: from * 86_400), minutes: 30, energies: energies), days: range,
        register: register, bound: try energy("0.5"), calendar: year,
        by: number % 2 == 0 ? .residual : .scaled)
      keep(try mill("0", [:], range).settled(by: settled), plan, add)
    }
  }

  /// A transformer whose losses stand in a table, for a whole month and for parts of it.
  private func lossTables(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 200)
    for share in ["calendar", "thirtieth"] {
      let plan = try Mill.plan(
        Mill.loss(
          "band = [{ from = \"0\", to = \"20000\", active = \"300\", reactive = \"1200\" }, { from = \"20000\", active = \"450\", reactive = \"1900\" }]",
          dayShare: share), Mill.energy, Mill.powerFactor)
      for _ in 0..<100 {
        let last = Int.random(in: 2...31, using: &random)
        var usage = try mill(
          random.kilowattHours(upTo: 60_000).text, [:],
          try days("2026-10-01", "2026-10-\(last < 10 ? "0" : "")\(last)"),
          Supply(
            reactive: ReactiveUse(forward: try energy(random.kilowattHours(upTo: 40_000).text)),
            transformer: Transformer(model: "S9", capacity: try power("200"))))
        if Bool.random(using: &random) { usage.supply?.lineLoss = Int.random(in: 0...500, using: &random) }
        keep(usage, plan, add)
      }
    }
  }
}

/// The gate itself: what it says of a change, and what it takes no record of.
@Suite struct KeptBookTests {
  private func book(_ version: Int, input: String = "u", bill: String = "b") -> KeptBook {
    KeptBook(version: version, [KeptBills(kind: "slices") { $0(input, bill) }])
  }

  @Test func `another bill of the same input asks for another version of the engine`() throws {
    let kept = book(1)
    #expect(kept.objections(to: book(1)).isEmpty)
    let objection = try #require(kept.objections(to: book(1, bill: "c")).first)
    #expect(objection.contains("raise ratingEngineVersion") && objection.contains("make record-bills"))
    #expect(kept.refusal(of: book(1, bill: "c")) == objection)
    #expect(kept.objections(to: book(2, bill: "c")).first?.contains("record them with make record-bills") == true)
    #expect(kept.refusal(of: book(2, bill: "c")) == nil)
  }

  @Test func `other input and other kinds are recorded under the same version`() throws {
    let other = book(1, input: "v", bill: "c")
    #expect(book(1).objections(to: other).first?.contains("other input") == true)
    #expect(book(1).refusal(of: other) == nil)
    #expect(book(1).objections(to: KeptBook(version: 1, [])).count == 1)
    #expect(KeptBook(version: 1, []).objections(to: book(1)).count == 1)
    // As input that becomes no bill any more does.
    let none = KeptBook(version: 1, [KeptBills(kind: "slices") { $0("u", nil) }])
    #expect(book(1).refusal(of: none) != nil)
  }

  @Test func `a kept file is read as it was written, and nothing else is one`() throws {
    #expect(KeptBook(book(3).text) == book(3))
    for text in ["", "engine x\n", "engine 1\nslices 1 1 a\n", "slices 1 1 a b\n"] { #expect(KeptBook(text) == nil) }
  }
}
