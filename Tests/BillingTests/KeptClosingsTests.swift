import BillKeeping
import Billing
import Foundation
import Metering
import Rating
import Testing

/// Cycles that this room closed once. What it decides changes bills as much as what rating makes of it: which reading
/// counts, where a cycle is cut, which part of a month is charged.
@Suite struct KeptClosingsTests {
  private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Golden/kept-closings.txt")

  @Test func `what is made of the same readings and terms changes with the version of the engine only`() throws {
    let now = KeptBook(
      version: ratingEngineVersion,
      [
        try KeptBills(kind: "households", households), try KeptBills(kind: "rollovers", rollovers),
        try KeptBills(kind: "changed-meters", changedMeters), try KeptBills(kind: "mills", mills),
        try KeptBills(kind: "changed-terms", changedTerms), try KeptBills(kind: "parts-of-months", partsOfMonths),
        try KeptBills(kind: "new-versions", newVersions), try KeptBills(kind: "corrections", corrections),
      ])
    #expect(now.kinds.reduce(0) { $0 + $1.bills } > 1000)
    #expect(now.kinds.allSatisfy { $0.bills * 2 > $0.inputs })
    for objection in try now.hold(against: Self.file) { Issue.record("\(objection)") }
  }

  private func keep(
    _ what: String, _ journal: Journal, _ plans: [Plan], _ closing: Closing, _ add: (String, String?) -> Void
  ) {
    let readings = journal.readings.map {
      "\($0.sequence) \($0.reading.key) \($0.reading.value.millionths) \($0.reading.occurred.map { "\($0)" } ?? "-")"
    }
    add(([what] + plans.map(\.digest) + readings).joined(separator: "\n"), closing.closed?.document)
  }

  /// Registers in 0.01 kWh.
  private func text(_ cents: Int64) -> String { decimalString(cents % 100_000_000 * 10_000, decimals: 2) }

  private func first(_ month: Int) -> String {
    month > 12 ? "2027-01-01T00:00" : "2026-\(month < 10 ? "0" : "")\(month)-01T00:00"
  }

  /// Years of months, each going on where the window of its tiers stands.
  private func households(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 12)
    for name in ["shanghai-residential-2012", "zhejiang-residential-tou-2012", "guangdong-residential-2012"] {
      let plan = try tariff(name)
      for _ in 0..<12 {
        let grant = plan.tiers?.grantPerMonth == nil ? nil : try month("2026-0\(Int.random(in: 1...9, using: &random))")
        let account = try account(plan, grantFrom: grant)
        var journal = Journal()
        var (total, peak, valley) = (Int64(1_000_00), Int64(600_00), Int64(400_00))
        for month in 1...13 {
          try journal.settle(first(month), total: text(total), peak: text(peak), valley: text(valley))
          let (day, night) = (
            Int64.random(in: 0...400_00, using: &random), Int64.random(in: 0...300_00, using: &random)
          )
          (total, peak, valley) = (total + day + night, peak + day, valley + night)
        }
        var bills: [Bill] = []
        for cycle in dueCycles(of: account, billed: [], instants: journal.readings.map(\.reading.key.instant)).ready {
          let closing = try closeCycle(
            account: account, cycle: cycle, readings: journal.readings,
            windowState: windowState(before: cycle.month, under: plan, bills: bills), plan: plan)
          bills += closing.closed?.bills ?? []
          keep("\(cycle.label) \(grant.map { "\($0)" } ?? "-")", journal, [plan], closing, add)
        }
      }
    }
  }

  /// Registers that pass their last digit, behind transformers whose ratio is no whole number.
  private func rollovers(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 99)
    let plan = try tariff("shanghai-residential-tou-2012")
    for _ in 0..<150 {
      let ratio = (Int64.random(in: 1...200, using: &random), Int64.random(in: 1...7, using: &random))
      let account = try account(plan, multiplier: try #require(Multiplier(ratio.0, ratio.1)))
      let starts = (0..<3).map { _ in Int64.random(in: 99_800_000...99_999_999, using: &random) }
      let (day, night) = (Int64.random(in: 0...99_999, using: &random), Int64.random(in: 0...99_999, using: &random))
      let drift = Int64.random(in: -2...2, using: &random)
      var journal = Journal()
      try journal.settle(first(10), total: text(starts[0]), peak: text(starts[1]), valley: text(starts[2]))
      try journal.settle(
        first(11), total: text(starts[0] + max(0, day + night + drift)), peak: text(starts[1] + day),
        valley: text(starts[2] + night))
      let closing = try closeCycle(
        account: account, cycle: try cycle("2026-10"), readings: journal.readings, windowState: nil, plan: plan)
      keep("\(ratio)", journal, [plan], closing, add)
    }
  }

  /// A meter that takes the place of another, or other transformers before the same one, in the middle of a month.
  private func changedMeters(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 2)
    let plan = try twoPart()
    let terms = SupplyTerms(
      plan: "mill", basicCharge: .actualDemand, contracted: Power(millionths: 1_000_000_000),
      powerFactorStandard: .ninety)
    for number in 0..<120 {
      let day = Int.random(in: 10...28, using: &random)
      let change = "2026-10-\(day)T\(Int.random(in: 10...23, using: &random)):30"
      let other = number % 2 == 0 ? "M-0002" : "M-0001"
      let ratios = (Int64.random(in: 1...900, using: &random), Int64.random(in: 1...900, using: &random))
      let meters = [
        MeterAssignment(
          meter: try meter(), multiplier: try #require(Multiplier(ratios.0)), to: try time(change),
          register: try household()),
        MeterAssignment(
          meter: try meter(other), multiplier: try #require(Multiplier(ratios.1)), from: try time(change),
          register: try household()),
      ]
      func amount(_ most: Int64) -> Int64 { Int64.random(in: 0...most, using: &random) }
      let (before, after) = (amount(500_00), amount(500_00))
      let start = number % 2 == 0 ? amount(90_000_00) : 100_00 + before
      func demand() -> String { decimalString(amount(12_000) * 100, decimals: 4) }
      var journal = Journal()
      try journal.noteMill(first(10), total: "100.00", reactive: "50.00")
      try journal.noteMill(
        change, total: text(100_00 + before), reactive: text(50_00 + amount(200_00)), demand: demand(),
        occurred: "2026-10-05T14:15", kind: .event)
      if number % 2 == 0 {
        try journal.noteMill(change, total: text(start), reactive: "10.00", meter: other, kind: .event)
      }
      try journal.noteMill(
        first(11), total: text(start + after), reactive: text(300_00 + amount(200_00)), demand: demand(),
        occurred: "2026-10-30T09:45", meter: other)
      keep(
        "\(change) \(ratios)", journal, [plan],
        try close(try mill([terms], meters: meters), "2026-10", journal, [plan]), add)
    }
  }

  /// Two-part plans: each way to find the basic charge, reactive energy of both directions.
  private func mills(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 3)
    let plan = try twoPart()
    for _ in 0..<200 {
      func kilowatts(_ range: ClosedRange<Int64>) -> Power {
        Power(millionths: Int64.random(in: range, using: &random) * 1_000_000)
      }
      let terms = SupplyTerms(
        plan: "mill", basicCharge: BasicCharge.allCases.randomElement(using: &random), running: kilowatts(100...900),
        contracted: kilowatts(900...1200), contractDemand: kilowatts(400...900),
        powerFactorStandard: PowerFactorStandard.allCases.randomElement(using: &random),
        isExemptFromPowerFactor: Int.random(in: 0...9, using: &random) == 0)
      func text(_ most: Int64) -> String { self.text(100_00 + Int64.random(in: 0...most, using: &random)) }
      var journal = Journal()
      try journal.noteMill(first(10), total: "100.00", reactive: "100.00")
      try journal.noteMill(
        first(11), total: text(300_00), reactive: text(200_00), reverse: text(20_00),
        demand: decimalString(Int64.random(in: 0...12_000, using: &random) * 100, decimals: 4),
        occurred: "2026-10-20T14:15")
      keep("\(terms.words)", journal, [plan], try close(try mill([terms]), "2026-10", journal, [plan]), add)
    }
  }

  /// Another capacity from a day of the month on, with frozen registers or without.
  private func changedTerms(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 4)
    let plan = try twoPart()
    for number in 0..<150 {
      let day = Int.random(in: 10...31, using: &random)
      func terms(_ from: String?) throws -> SupplyTerms {
        SupplyTerms(
          from: try from.map(BillingTests.day), plan: "mill", basicCharge: .capacity,
          running: Power(millionths: Int64.random(in: 1...900, using: &random) * 1_000_000),
          powerFactorStandard: .ninety)
      }
      let agreed = try [terms(nil), terms("2026-10-\(day)")]
      let usual = try mill(agreed)
      let account = Account(
        id: usual.id, meters: usual.meters, terms: agreed, proration: number % 3 == 0 ? .months : .days)
      let use = Int64.random(in: 0...500_00, using: &random)
      var journal = Journal()
      try journal.noteMill(first(10), total: "100.00", reactive: "50.00")
      try journal.noteMill(
        first(11), total: text(100_00 + use), reactive: text(50_00 + use / 2),
        reverse: text(Int64.random(in: 0...900, using: &random)))
      if number % 2 == 0 {
        let part = Int64.random(in: 0...use, using: &random)
        if number % 4 == 0 {
          try journal.noteMill(
            "2026-10-\(day)T00:00", total: text(100_00 + part), reactive: text(50_00 + part / 2), kind: .dailyFreeze)
        } else {
          try journal.note(text(100_00 + part), at: "2026-10-\(day)T00:00", kind: .dailyFreeze)
        }
      }
      keep(
        agreed.map(\.words).joined(separator: " then ") + " \(account.proration)", journal, [plan],
        try close(account, "2026-10", journal, [plan]), add)
    }
  }

  /// Accounts that begin or end in the middle of a cycle, which may begin on any day of a month.
  private func partsOfMonths(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 28)
    let mill = try twoPart()
    let home = try plan(
      "home", from: "2020-01-01",
      periods: """

        [tiers]
        window = "year"
        grant-per-month = "100"
        source = "a test"
        primary = true
        tier = [{ from = "0", to = "300" }, { from = "300" }]

        """, components: component("tier-prices", "prices = [\"0.5\", \"0.6\"]"))
    for number in 0..<240 {
      let isHome = number % 2 == 0
      let settlement = Int.random(in: 1...28, using: &random)
      let label = try month("2026-\(Int.random(in: 10...12, using: &random))")
      let begin = try day("2026-09-01").daysSince1970 + Int64.random(in: 0...100, using: &random)
      let end = begin + Int64.random(in: 20...120, using: &random)
      var agreed = [
        SupplyTerms(
          plan: isHome ? "home" : "mill", basicCharge: isHome ? nil : .capacity,
          running: isHome ? nil : Power(millionths: 310_000_000), isExemptFromPowerFactor: true)
      ]
      if !isHome, number % 4 == 1 {
        var more = agreed[0]
        more.from = CivilDate(daysSince1970: begin + Int64.random(in: 1...60, using: &random))
        more.running = Power(millionths: 620_000_000)
        agreed.append(more)
      }
      let account = Account(
        id: "A-1001", meters: [MeterAssignment(meter: try meter(), register: try household())], terms: agreed,
        settlement: try #require(SettlementDay(day: settlement)),
        from: number % 3 == 0 ? nil : CivilDate(daysSince1970: begin),
        to: number % 5 == 0 ? nil : CivilDate(daysSince1970: end), grantFrom: isHome ? try month("2026-08") : nil)
      let words = "\(settlement) \(label) \(begin) \(end) " + agreed.map(\.words).joined(separator: " then ")
      guard let cycle = account.cycle(label) else { continue }
      var journal = Journal()
      try journal.noteMill("\(cycle.from.date)T00:00", total: "100.00", reactive: "0.00")
      try journal.noteMill(
        "\(cycle.to.date)T00:00", total: text(100_00 + Int64.random(in: 0...900_00, using: &random)), reactive: "0.00")
      let closing = closeCycle(
        account: account, cycle: cycle, readings: journal.readings, windowState: nil,
        plans: try PlanCatalogue([mill, home]), knownOn: try day("2030-01-01"))
      keep(words, journal, [mill, home], closing, add)
    }
  }

  /// Prices that change in the middle of a month, known before it is billed.
  private func newVersions(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 7)
    for _ in 0..<120 {
      let change = "2026-10-\(Int.random(in: 10...31, using: &random))"
      let versions = try [("0.5", "2020-01-01"), ("0.6", change)].map { price, from in
        try plan("home", from: from, components: component("energy", "price = \"\(price)\""))
      }
      var journal = Journal()
      try journal.note("100.00", at: first(10))
      try journal.note(text(100_00 + Int64.random(in: 0...900_00, using: &random)), at: first(11))
      if Bool.random(using: &random) { try journal.note("100.00", at: "\(change)T00:00", kind: .dailyFreeze) }
      keep(
        change, journal, versions,
        try close(try mill([SupplyTerms(plan: "home")], multiplier: .one), "2026-10", journal, versions), add)
    }
  }

  /// Half a year billed, one of its readings mended, and every month of it that comes out otherwise.
  private func corrections(_ add: (String, String?) -> Void) throws {
    var random = Seeded(kept: 6)
    let plan = try tariff("zhejiang-residential-2012")
    let account = try account(plan)
    let plans = try PlanCatalogue([plan])
    let known = try day("2099-01-01")
    for _ in 0..<30 {
      var journal = Journal()
      var total: Int64 = 100_00
      for month in 1...7 {
        try journal.settle(first(month), total: text(total))
        total += Int64.random(in: 300_00...900_00, using: &random)
      }
      var standing: [IssuedBill] = []
      for number in 1...6 {
        let cycle = try cycle("2026-0\(number)")
        let closing = closeCycle(
          account: account, cycle: cycle, readings: journal.readings,
          windowState: standing.window(before: cycle, of: account, plans: plans, knownOn: known), plans: plans,
          knownOn: known)
        standing.append(try #require(closing.closed).issued(id: Int64(number)))
      }
      let mended = Int.random(in: 2...6, using: &random)
      let before = journal.readings[mended - 1].reading.value.millionths / 10_000
      try journal.note(
        text(before + Int64.random(in: 1...250_00, using: &random)), at: first(mended), quality: .substituted)
      let again = replay(account, standing: standing, readings: journal.readings, plans: plans, knownOn: known)
      for correction in again.corrections {
        let old = correction.original
        let documents = try correction.replacement.map {
          [old.reversalDocument, $0.document, try old.differenceDocument(to: $0, reason: "read again")]
        }
        let readings = journal.readings.map { "\($0.reading.value.millionths)" }
        add(([plan.digest] + readings).joined(separator: " "), documents?.joined(separator: "\n"))
      }
    }
  }
}

extension SupplyTerms {
  /// What the kept cycles say of them.
  fileprivate var words: String {
    let numbers = [running, contracted, contractDemand].map { $0.map { "\($0)" } ?? "-" }.joined(separator: " ")
    return "\(from.map { "\($0)" } ?? "-") \(plan) \(basicCharge?.rawValue ?? "-") \(numbers)"
      + " \(powerFactorStandard.map { "\($0)" } ?? "-") \(isExemptFromPowerFactor)"
  }
}
