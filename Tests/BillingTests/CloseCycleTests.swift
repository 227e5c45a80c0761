import Billing
import Metering
import Rating
import Testing

/// Two settlement readings of the total and what comes of them in October 2026 on the plain Shanghai plan.
struct PairCase: Sendable, CustomTestStringConvertible {
  let name: String
  let start: String
  let stop: String
  var multiplier = Multiplier.one
  /// Where the register starts again, in kWh.
  var capacity: Int64 = 1_000_000
  /// Billed kWh, or why there is no bill.
  let outcome: String
  var testDescription: String { name }
}

@Suite struct CloseCycleTests {
  private let start = "2026-10-01T00:00"
  private let stop = "2026-11-01T00:00"

  static let pairs = [
    PairCase(name: "forward", start: "1000.00", stop: "1650.00", outcome: "650.00"),
    PairCase(name: "no use", start: "1000.00", stop: "1000.00", outcome: "0.00"),
    PairCase(name: "rollover at the last digit", start: "999999.99", stop: "0.00", outcome: "0.01"),
    PairCase(name: "rollover from the top tenth", start: "999800.00", stop: "120.00", outcome: "320.00"),
    PairCase(
      name: "a fall below the top tenth", start: "899999.99", stop: "899999.98",
      outcome: "meter M-0001: energy.import.active.total fell from 899999.99 to 899999.98, which is no rollover;"
        + " check for a changed meter"),
    PairCase(
      name: "a fall in the top tenth by more than the meter can count", start: "950000.00", stop: "949999.99",
      outcome: "meter M-0001: energy.import.active.total fell from 950000.00 to 949999.99, which is no rollover;"
        + " check for a changed meter"),
    PairCase(
      name: "rollover from where the top tenth begins", start: "9000.00", stop: "0.00", capacity: 10_000,
      outcome: "1000.00"),
    PairCase(
      name: "a possible use, but not from the top tenth", start: "8999.99", stop: "0.00", capacity: 10_000,
      outcome: "meter M-0001: energy.import.active.total fell from 8999.99 to 0.00, which is no rollover;"
        + " check for a changed meter"),
    PairCase(
      name: "more digits than the register has", start: "1000.00", stop: "1000000.00",
      outcome: "meter M-0001: energy.import.active.total shows 1000000.00, more than the register can;"
        + " check the register range"),
    PairCase(
      name: "multiplier 20", start: "10.00", stop: "25.01", multiplier: Multiplier(20) ?? .one, outcome: "300.20"),
    PairCase(
      name: "thirds, rounded once", start: "10.00", stop: "10.02", multiplier: Multiplier(100, 3) ?? .one,
      outcome: "0.67"),
  ]

  @Test(arguments: pairs) func `two readings make an energy or a reason`(_ pair: PairCase) throws {
    let plan = try tariff("shanghai-residential-2012")
    var journal = Journal()
    try journal.settle(start, total: pair.start)
    try journal.settle(stop, total: pair.stop)
    let closing = try closeCycle(
      account: try account(
        plan,
        meters: [
          MeterAssignment(
            meter: try meter(), multiplier: pair.multiplier,
            register: try household(capacity: pair.capacity * 1_000_000))
        ]), cycle: try cycle("2026-10"), readings: journal.readings,
      windowState: nil, plan: plan)
    let outcome = closing.closed.map { "\($0.bill.totals.energy)" } ?? closing.reasons.joined(separator: " | ")
    #expect(outcome == pair.outcome)
  }

  /// A home on time of use: 200.00 peak, 100.00 valley, and a total that may differ from their sum.
  private func twoRates(total: String, cut: CounterRange.Cut = .unknown) throws -> Closing {
    let plan = try tariff("shanghai-residential-tou-2012")
    var journal = Journal()
    try journal.settle(start, total: "1000.00", peak: "700.00", valley: "300.00")
    try journal.settle(stop, total: total, peak: "900.00", valley: "400.00")
    let assignment = MeterAssignment(meter: try meter(), register: try household(cut: cut))
    let state = WindowState(start: try month("2026-01"), byTier: [try energy("2880"), .zero, .zero])
    return try closeCycle(
      account: try account(plan, meters: [assignment]), cycle: try cycle("2026-10"), readings: journal.readings,
      windowState: state, plan: plan)
  }

  @Test func `a home on time of use is billed from its settlement registers`() throws {
    let closed = try #require(try twoRates(total: "1300.00").closed)
    #expect("\(closed.bill.total)" == "157.10")
    #expect("\(closed.key)" == "A-1001/2026-10/original/1")
    #expect(closed.readings == [1, 2, 3, 4, 5, 6])
    #expect(closed.windowAfter?.byTier == [try energy("3120"), try energy("60"), .zero])
  }

  @Test func `the residual period takes what total and rates disagree about, up to the bound`() throws {
    // Two rates, cut unknown: three steps of 0.01 kWh either way.
    #expect(try twoRates(total: "1300.03").closed?.bill.totals.byPeriod == [try energy("200.03"), try energy("100")])
    #expect(try twoRates(total: "1299.97").closed?.bill.totals.byPeriod == [try energy("199.97"), try energy("100")])
    #expect(
      try twoRates(total: "1300.04").reasons == [
        "meter M-0001: the total counted 300.04 kWh and the rates 300.00 kWh, more than 0.03 kWh apart;"
          + " check that all rates are in the plan and were frozen together"
      ])
    #expect(try twoRates(total: "1300.01", cut: .truncated).closed != nil)
    #expect(try twoRates(total: "1300.02", cut: .truncated).closed == nil)
    #expect(try twoRates(total: "1300.03", cut: .rounded).closed != nil)
  }

  @Test func `every missing and every doubtful reading is named`() throws {
    let plan = try tariff("shanghai-residential-tou-2012")
    var journal = Journal()
    try journal.settle(start, total: "1000.00", peak: "700.00", valley: "300.00")
    try journal.note("1300.00", at: stop, status: .held, codes: [.runaway, .clockDeviation])
    try journal.note("900.00", at: stop, rate: 2, status: .flagged, codes: [.clockDeviation])
    let closing = try closeCycle(
      account: try account(plan), cycle: try cycle("2026-10"), readings: journal.readings, windowState: nil, plan: plan)
    #expect(
      closing.reasons == [
        "meter M-0001: the reading of energy.import.active.total at 2026-11-01T00:00:00 is held (FLY, CLK);"
          + " review it first",
        "meter M-0001: no reading of energy.import.active.rate4 at 2026-11-01T00:00:00;"
          + " read the meter's settlement again, or enter the value: meterd review enter",
      ])
  }

  @Test func `a later version of a reading counts, and a doubt about the settlement is not got round`() throws {
    let plan = try tariff("shanghai-residential-2012")
    var journal = Journal()
    try journal.settle(start, total: "1000.00")
    try journal.note("1500.00", at: stop, status: .held)
    try journal.note("1100.00", at: stop, kind: .dailyFreeze)
    func close() throws -> Closing {
      try closeCycle(
        account: try account(plan), cycle: try cycle("2026-10"), readings: journal.readings.reversed(),
        windowState: nil, plan: plan)
    }
    #expect(try close().closed == nil)
    try journal.note("1101.00", at: stop)
    #expect(try close().closed?.readings == [1, 4])
  }

  @Test func `a meter change bills both meters, each with its multiplier`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let change = try time("2026-10-15T10:00")
    let meters = [
      MeterAssignment(
        meter: try meter("NEW"), multiplier: Multiplier(20) ?? .one, from: change, register: try household()),
      MeterAssignment(meter: try meter("OLD"), to: change, register: try household()),
    ]
    var journal = Journal()
    try journal.note("5000.00", at: start, meter: "OLD")
    try journal.note("7.50", at: stop, meter: "NEW")
    func close() throws -> Closing {
      try closeCycle(
        account: try account(plan, meters: meters), cycle: try cycle("2026-10"), readings: journal.readings,
        windowState: nil, plan: plan)
    }
    #expect(
      try close().reasons == [
        "meter OLD: no reading of energy.import.active.total at 2026-10-15T10:00;"
          + " read the meter's settlement again, or enter the value: meterd review enter",
        "meter NEW: no reading of energy.import.active.total at 2026-10-15T10:00;"
          + " read the meter's settlement again, or enter the value: meterd review enter",
      ])
    try journal.note("5100.25", at: "2026-10-15T10:00", meter: "OLD", kind: .event)
    try journal.note("0.50", at: "2026-10-15T10:00", meter: "NEW", kind: .event)
    let bill = try #require(try close().closed).bill
    #expect(bill.totals.energy == (try energy("240.25")))
    #expect(bill.usage.segments.map(\.meter) == ["OLD", "NEW"])
    #expect(bill.lines[0].segments == 0..<2)
  }

  @Test func `what a meter in error counted is divided by one and its error, in its time and nowhere else`() throws {
    var random = Seeded("a meter's error mends what it counted", cases: 1000)
    let plan = try tariff("shanghai-residential-2012")
    let (from, to) = (try time("2026-10-11T00:00"), try time("2026-10-21T00:00"))
    for _ in 0..<1000 {
      let percent = Int.random(in: -9_000...10_000, using: &random)
      guard let error = MeterError(tenThousandths: percent, from: from, to: to, of: .one) else {
        #expect(percent == 0)
        continue
      }
      let whole = MeterAssignment(meter: try meter(), register: try household())
      let account = try account(plan, meters: whole.divided(by: [error]))
      let uses = (0..<3).map { _ in Int64.random(in: 0...300_00, using: &random) }
      var journal = Journal()
      var shown: Int64 = 100_00
      func note(_ at: String, _ kind: ReadingKind) throws {
        try journal.note(decimalString(shown * 10_000, decimals: 2), at: at, kind: kind)
      }
      try note("2026-10-01T00:00", .settlement)
      for (use, at) in zip(uses, ["2026-10-11T00:00", "2026-10-21T00:00"]) {
        shown += use
        try note(at, .dailyFreeze)
      }
      shown += uses[2]
      try note("2026-11-01T00:00", .settlement)
      let closed = try #require(
        closeCycle(account: account, cycle: cycle("2026-10"), readings: journal.readings, windowState: nil, plan: plan)
          .closed)
      let counted = uses.map { Energy(millionths: $0 * 10_000) }
      let mended = counted[1].corrected(forError: percent, decimals: plan.energyDecimals)
      let parts = [counted[0], mended, counted[2]].map {
        $0.flatMap { Multiplier.one.energy($0, decimals: plan.energyDecimals) }
      }
      guard closed.bill.usage.segments.map({ $0.registers.first?.energy }) == parts, closed.mended.count == 1,
        IssuedBill.parsed(closed)?.parts == closed.parts
      else {
        Issue.record("seed \(random.seed): \(percent), \(uses)")
        return
      }
    }
  }

  @Test func `a cycle without a meter, with two, or on another plan waits`() throws {
    let plan = try tariff("shanghai-residential-2012")
    let (early, late) = (try time("2026-10-10T00:00"), try time("2026-10-20T00:00"))
    func reasons(_ meters: [MeterAssignment]) throws -> [String] {
      try closeCycle(
        account: try account(plan, meters: meters), cycle: try cycle("2026-10"), readings: [], windowState: nil,
        plan: plan
      ).reasons.filter { !$0.contains("no reading") }
    }
    #expect(
      try reasons([
        MeterAssignment(meter: try meter("A"), to: early, register: try household()),
        MeterAssignment(meter: try meter("B"), from: late, register: try household()),
      ]) == [
        "no meter counts for the account from 2026-10-10T00:00 to 2026-10-20T00:00; complete its meters"
      ])
    #expect(
      try reasons([
        MeterAssignment(meter: try meter("A"), to: late, register: try household()),
        MeterAssignment(meter: try meter("B"), from: early, register: try household()),
      ]) == ["meters A and B both count for the account at 2026-10-10T00:00; correct their times"])
    let other = try account(try tariff("zhejiang-residential-2012"))
    let state = WindowState(start: try month("2011-01"), byTier: [.zero, .zero, .zero])
    var journal = Journal()
    try journal.settle("2012-05-01T00:00", total: "0.00")
    try journal.settle("2012-06-01T00:00", total: "1.00")
    func reasons(_ account: Account, _ label: String) throws -> [String] {
      try closeCycle(
        account: account, cycle: try cycle(label), readings: journal.readings, windowState: state, plan: plan
      ).reasons
    }
    #expect(
      try reasons(other, "2012-05") == ["there is no plan zhejiang-residential; name its file as the account's tariff"])
    #expect(
      try reasons(try account(plan), "2012-05") == [
        "plan shanghai-residential is not valid on all days of 2012-05-01 to 2012-06-01, as known on 2099-01-01;"
          + " add the version that is"
      ])
    #expect(
      try reasons(try account(plan), "2012-08").first
        == "the tier window of the cycle starts in 2012-01, but the state given is of 2011-01; correct the cycle before it"
        + " first, which it goes on from")
  }

  @Test func `a grant counts from its month to the end of the year`() throws {
    let plan = try tariff("zhejiang-residential-2012")
    var journal = Journal()
    try journal.settle(start, total: "0.00")
    try journal.settle(stop, total: "3100.00")
    let closing = try closeCycle(
      account: try account(plan, grantFrom: try month("2026-10")), cycle: try cycle("2026-10"),
      readings: journal.readings, windowState: nil, plan: plan)
    #expect(closing.closed?.bill.totals.byTier == [try energy("3060"), try energy("40"), .zero])
  }

  @Test func `a bill on an estimate says so`() throws {
    let plan = try tariff("shanghai-residential-2012")
    var journal = Journal()
    try journal.settle(start, total: "0.00")
    try journal.note("100.00", at: stop, kind: .estimate, quality: .estimated)
    let bill = try #require(
      try closeCycle(
        account: try account(plan), cycle: try cycle("2026-10"), readings: journal.readings, windowState: nil,
        plan: plan
      ).closed
    ).bill
    #expect(bill.usage.isEstimated)
    #expect(bill.canonicalText.contains("\"estimated\":true"))
    #expect(explain(bill).contains("Estimated 估抄: the next actual reading settles the difference"))
  }
}
