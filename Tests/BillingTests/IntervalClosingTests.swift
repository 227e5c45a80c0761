import Billing
import Metering
import Rating
import Testing

/// A week of 1 kWh an hour, what went wrong in it, and what it is billed as.
struct IntervalCase: Sendable, CustomTestStringConvertible {
  let name: String
  var minutes: Int64 = 60
  var reconciliation = Rating.Reconciliation.residual
  /// What the settlement register counted, in 0.01 kWh.
  var counted: Int64 = 14_400
  var without: Set<String> = []
  var held: Set<String> = []
  /// A record of another value than it should have, in 0.01 kWh.
  var wrong: [String: Int64] = [:]
  /// A record that a person entered.
  var entered: [String: String] = [:]
  var peak = "08:00"
  var listed = 2026
  let outcome: String
  var testDescription: String { name }
}

@Suite struct IntervalClosingTests {
  private static let plain = "peak 12.00, flat 66.00, valley 48.00, deep 18.00"
  private static func lacks(_ what: String) -> String {
    "meter M-0001: its load profile lacks \(what); they are read as far back as backfill-days of the task goes (meterd"
      + " missing says what the meter does not have), and what cannot be read is entered: meterd review enter"
  }

  static let cases = [
    IntervalCase(name: "hours", outcome: plain),
    IntervalCase(name: "half hours", minutes: 30, outcome: plain),
    IntervalCase(name: "quarters", minutes: 15, outcome: plain),
    IntervalCase(
      name: "a last digit at each end goes to the residual period", counted: 14_402,
      outcome: "peak 12.00, flat 66.02, valley 48.00, deep 18.00"),
    IntervalCase(
      name: "or is shared by all", reconciliation: .scaled, counted: 14_402,
      outcome: "peak 12.00, flat 66.01, valley 48.01, deep 18.00"),
    IntervalCase(
      name: "one more digit is none that cuts explain", counted: 14_403,
      outcome: "meter M-0001: the register counted 144.03 kWh and the intervals 144.00 kWh, more than 0.02 kWh apart;"
        + " check that settlement and load profile are of the same instants, and the meter's clock"),
    IntervalCase(
      name: "a record is missing", without: ["2026-10-08T09:00:00"],
      outcome: lacks("1 record of 60 minutes, 2026-10-08T09:00:00")),
    IntervalCase(
      name: "many are, in runs", minutes: 15,
      without: [
        "2026-10-06T00:00:00", "2026-10-08T09:00:00", "2026-10-08T09:15:00", "2026-10-08T09:30:00",
        "2026-10-10T00:00:00", "2026-10-11T00:00:00", "2026-10-12T00:00:00",
      ],
      outcome: lacks(
        "7 records of 15 minutes, 2026-10-06T00:00:00, 2026-10-08T09:00:00 to 2026-10-08T09:30:00, 2026-10-10T00:00:00"
          + " and 2 more runs")),
    IntervalCase(
      name: "a person entered what is missing", without: ["2026-10-08T09:00:00"],
      entered: ["2026-10-08T09:00:00": "157.00"], outcome: plain),
    IntervalCase(
      name: "two are held", held: ["2026-10-08T09:00:00", "2026-10-08T11:00:00"],
      outcome:
        "meter M-0001: 2 records of its load profile from 2026-10-08T09:00:00 to 2026-10-08T11:00:00 are held (the"
        + " first is reading 60); review them first"),
    IntervalCase(
      name: "what is held is not got round by what was entered", held: ["2026-10-08T09:00:00"],
      entered: ["2026-10-08T09:00:00": "157.00"],
      outcome: "meter M-0001: 1 record of its load profile from 2026-10-08T09:00:00 to 2026-10-08T09:00:00 is held (the"
        + " first is reading 60); review it first"),
    IntervalCase(
      name: "a record falls", wrong: ["2026-10-08T09:00:00": 15_500],
      outcome: "meter M-0001: its load profile fell from 156.00 to 155.00 at 2026-10-08T09:00:00, which is no rollover;"
        + " correct the record that is wrong: meterd review correct"),
    IntervalCase(
      name: "a record that is wrong by less shifts energy and loses none", wrong: ["2026-10-08T12:00:00": 15_950],
      outcome: "peak 11.50, flat 66.50, valley 48.00, deep 18.00"),
    IntervalCase(
      name: "a period begins inside an interval", peak: "08:30",
      outcome: "plan hours: a period begins at 08:30, inside the interval that starts at 2026-10-08T08:00:00; shorter"
        + " intervals are needed"),
    IntervalCase(
      name: "with shorter ones it does not", minutes: 30, peak: "08:30",
      outcome: "peak 10.50, flat 66.00, valley 49.50, deep 18.00"),
    IntervalCase(
      name: "nobody has listed the year's days", listed: 2027,
      outcome:
        "plan hours tells special days from others, and no list says what kind of day 2026-10-06 is; add the list of"
        + " 2026 to calendars in the configuration"),
  ]

  @Test(arguments: cases) func `a load profile is put into the plan's hours, or the bill waits`(
    _ each: IntervalCase
  ) throws {
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-06T00:00")
    let stop = decimalString((10_000 + each.counted) * 10_000, decimals: 2)
    try journal.note(stop, at: "2026-10-12T00:00", kind: .dailyFreeze)
    let first = try time("2026-10-06T00:00").localSeconds
    let wrong = Dictionary(
      uniqueKeysWithValues: try each.wrong.map { (try time($0.key).localSeconds - first, $0.value) })
    // Quarters of 0.25 kWh are whole digits too.
    try journal.record(
      "2026-10-06T00:00", "2026-10-12T00:00", every: each.minutes, without: each.without, held: each.held
    ) { wrong[$0] ?? 10_000 + $0 / 36 }
    for (at, value) in each.entered { try journal.note(value, at: at, kind: .estimate, quality: .substituted) }
    let plans = try Hours.catalogue([try Hours.plan(peak: each.peak)], lists: [try Hours.list(each.listed)])
    let account = try Hours.account(minutes: Int(each.minutes), by: each.reconciliation)
    let closing = try journal.close(account, plans)
    #expect(closing.periods == each.outcome)
    guard let closed = closing.closed else { return }
    #expect(closed.bill.usage.total.millionths == each.counted * 10_000)
    #expect(closed.readings == [1, 2])
    #expect(closed.bill.usage.segments.first?.profile?.energy == (try energy("144")))
    #expect(closed.bill.usage.supply?.intervals?.calendarDigest == plans.calendars[0].digest)
    #expect(IssuedBill.parsed(closed)?.parts == closed.parts)
  }

  @Test func `a meter that takes another's place within an interval shares it, each with its multiplier`() throws {
    let change = try time("2026-10-08T10:20")
    let meters = [
      MeterAssignment(meter: try meter("OLD"), to: change, register: try household()),
      MeterAssignment(
        meter: try meter("NEW"), multiplier: Multiplier(2) ?? .one, from: change, register: try household()),
    ]
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-06T00:00", meter: "OLD")
    // 58 hours and 20 minutes of 0.60 kWh an hour.
    try journal.note("135.00", at: "2026-10-08T10:20", meter: "OLD", kind: .event)
    try journal.note("5.00", at: "2026-10-08T10:20", meter: "NEW", kind: .event)
    try journal.note("87.24", at: "2026-10-12T00:00", meter: "NEW")
    try journal.record("2026-10-06T00:00", "2026-10-12T00:00", every: 15, meter: "OLD") { 10_000 + $0 / 60 }
    try journal.record("2026-10-08T10:30", "2026-10-12T00:00", every: 15, meter: "NEW") { 516 + $0 * 96 / 3600 }
    let account = try Hours.account(minutes: 15, meters: meters)
    let closing = try journal.close(account, try Hours.catalogue())
    let closed = try #require(closing.closed, "\(closing.reasons)")
    #expect(closed.bill.usage.segments.map { $0.profile?.records } == [58 * 4 + 2, 343])
    let parts = closed.bill.totals.byPeriod.reduce(Energy.zero, +)
    #expect(parts == closed.bill.usage.total)
    let intervals = try #require(closed.intervals.first ?? nil)
    let shared = try #require(intervals.interval(at: change))
    // Five minutes of the old meter, and twice what the new one counted until half past ten.
    #expect("\(shared.start) \(shared.energy)" == "2026-10-08T10:15:00 0.37")
    #expect(closed.readings == [1, 2, 3, 4])
  }

  @Test func `a reading at a change that has fewer digits than the records beside it is told as the one to mend`()
    throws
  {
    let change = try time("2026-10-08T10:20")
    let meters = [
      MeterAssignment(meter: try meter("OLD"), to: change, register: try household()),
      MeterAssignment(meter: try meter("NEW"), from: change, register: try household()),
    ]
    let account = try Hours.account(minutes: 15, meters: meters)
    func close(old: String, _ step: Int64, new: String) throws -> Closing {
      var journal = Journal()
      try journal.note("100.00", at: "2026-10-06T00:00", meter: "OLD")
      try journal.note(old, at: "2026-10-08T10:20", meter: "OLD", kind: .event, resolution: step)
      try journal.note(new, at: "2026-10-08T10:20", meter: "NEW", kind: .event, resolution: step)
      try journal.note("87.24", at: "2026-10-12T00:00", meter: "NEW")
      try journal.record("2026-10-06T00:00", "2026-10-08T10:15", every: 15, meter: "OLD") { 10_000 + $0 / 60 }
      try journal.record("2026-10-08T10:30", "2026-10-12T00:00", every: 15, meter: "NEW") { 516 + $0 * 96 / 3600 }
      return try journal.close(account, try Hours.catalogue())
    }
    #expect(try close(old: "135.0", 100_000, new: "5.1").closed != nil)
    #expect(
      try close(old: "134.9", 100_000, new: "5.3").reasons == [
        "meter OLD: reading 2 of its change at 2026-10-08T10:20:00, 134.9, does not follow the record of its load profile"
          + " beside it, 134.95 (reading 238); give the reading all digits that the register shows: meterd review correct 2",
        "meter NEW: reading 3 of its change at 2026-10-08T10:20:00, 5.3, does not follow the record of its load profile"
          + " beside it, 5.16 (reading 239); correct the one that is wrong: meterd review correct 3 or 239",
      ])
  }

  @Test func `each stretch of a cycle whose prices change has its own part of the profile, from its midnight on`()
    throws
  {
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-06T00:00")
    try journal.note("244.00", at: "2026-10-12T00:00")
    try journal.record("2026-10-06T00:00", "2026-10-12T00:00") { 10_000 + $0 / 36 }
    let old = try Hours.plan(to: "2026-10-08")
    let new = try Hours.plan(price: "1.2", from: "2026-10-09")
    let plans = try Hours.catalogue([old, new])
    let account = try Hours.account()
    let closed = try #require(try journal.close(account, plans).closed)
    #expect(closed.bills.map(\.usage.total) == [try energy("72"), try energy("72")])
    #expect(
      try journal.close(account, plans).periods
        == "peak 4.00, flat 26.00, valley 24.00, deep 18.00 / peak 8.00, flat 40.00, valley 24.00, deep 0.00")
    #expect(closed.statement.proration == nil)
    // The record of midnight is a reading of the register: the bill names it.
    #expect(closed.readings == [1, 2, 2 + 73])
    let again = rateAgain(
      try #require(IssuedBill.parsed(closed)), after: nil, account: account, readings: journal.readings,
      profile: ProfileReadings(journal.readings), plans: plans)
    #expect(again.closed?.document == closed.document)
    var gap = Journal()
    try gap.note("100.00", at: "2026-10-06T00:00")
    try gap.note("244.00", at: "2026-10-12T00:00")
    try gap.record("2026-10-06T00:00", "2026-10-12T00:00", without: ["2026-10-09T00:00:00"]) { 10_000 + $0 / 36 }
    #expect(
      try gap.close(account, plans).reasons.first
        == "meter M-0001: no reading of energy.import.active.total at 2026-10-09T00:00:00; read the meter's settlement"
        + " again, or enter the value: meterd review enter")
  }

  @Test func `an account goes over from registers to intervals at a midnight`() throws {
    var journal = Journal()
    for (instant, total, valley) in [
      ("2026-10-08T00:00", "100.00", "50.00"), ("2026-10-09T00:00", "124.00", "58.00"),
    ] {
      try journal.settle(instant, total: total, peak: total == "100.00" ? "10.00" : "14.00", valley: valley)
      try journal.note(total == "100.00" ? "40.00" : "52.00", at: instant, rate: 3)
      try journal.note("0.00", at: instant, rate: 5)
    }
    try journal.note("148.00", at: "2026-10-10T00:00")
    try journal.record("2026-10-09T00:00", "2026-10-10T00:00") { 12_400 + $0 / 36 }
    let terms = [
      SupplyTerms(plan: "hours"),
      SupplyTerms(from: try day("2026-10-09"), plan: "hours", intervals: IntervalTerms(minutes: 60)),
    ]
    let account = try Hours.account(terms: terms, from: "2026-10-08", to: "2026-10-10")
    let closing = try journal.close(account, try Hours.catalogue())
    #expect(
      closing.periods == "peak 4.00, flat 12.00, valley 8.00, deep 0.00 / peak 4.00, flat 12.00, valley 8.00, deep 0.00"
    )
    #expect(closing.closed?.bills.map { $0.usage.segments.first?.profile != nil } == [false, true])
  }

  @Test(arguments: [true, false])
  func `rates that were not frozen where intervals take the place of registers are told together, with the way out`(
    _ toIntervals: Bool
  ) throws {
    var journal = Journal()
    let (first, last) = ("2026-10-08T00:00", "2026-10-10T00:00")
    for (instant, total) in [(first, "100.00"), ("2026-10-09T00:00", "124.00"), (last, "148.00")] {
      try journal.note(total, at: instant)
    }
    let edge = toIntervals ? first : last
    for rate: UInt8 in [2, 3, 5] { try journal.note("0.00", at: edge, rate: rate) }
    try journal.note(toIntervals ? "100.00" : "148.00", at: edge, rate: 4)
    // One of them somebody has entered.
    try journal.note("0.00", at: "2026-10-09T00:00", rate: 5, kind: .estimate, quality: .substituted)
    try journal.record(first, last) { 10_000 + $0 / 36 }
    let terms = IntervalTerms(minutes: 60)
    let account = try Hours.account(
      terms: [
        SupplyTerms(plan: "hours", intervals: toIntervals ? nil : terms),
        SupplyTerms(from: try day("2026-10-09"), plan: "hours", intervals: toIntervals ? terms : nil),
      ], from: "2026-10-08", to: "2026-10-10")
    #expect(
      try journal.close(account, try Hours.catalogue()).reasons == [
        "meter M-0001: settlement by rate registers and by intervals meet at 2026-10-09T00:00:00, in the middle of a cycle,"
          + " and energy.import.active.rate2, energy.import.active.rate3, energy.import.active.rate4 were not frozen then;"
          + " enter what they showed (meterd review enter), or let the change hold from a settlement on:"
          + " from = \"2026-10-10\""
      ])
  }

  @Test func `a late version of a record is a correction, and the bill is rated again from what it rests on`() throws {
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-06T00:00")
    try journal.note("244.00", at: "2026-10-12T00:00")
    try journal.record("2026-10-06T00:00", "2026-10-12T00:00") { 10_000 + $0 / 36 }
    let (plans, account) = (try Hours.catalogue(), try Hours.account())
    let closed = try #require(try journal.close(account, plans).closed)
    let issued = try #require(IssuedBill.parsed(closed))
    func again() -> Replay {
      replay(
        account, standing: [issued], readings: journal.readings, profile: ProfileReadings(journal.readings),
        plans: plans,
        knownOn: issued.parts[0].days.to)
    }
    #expect(again().corrections.isEmpty && again().stuck.isEmpty)
    // Half a kWh was used before noon and not after it.
    try journal.note("160.50", at: "2026-10-08T12:00", kind: .profile, quality: .substituted)
    let correction = try #require(again().corrections.first)
    #expect("\(correction.amount)" == "0.20")
    #expect(
      correction.causes.map(\.description) == [
        "other records of the load profile of meter M-0001 from 2026-10-06T00:00:00 to 2026-10-12T00:00:00 count now"
      ])
    let same = rateAgain(
      issued, after: nil, account: account, readings: journal.readings, profile: ProfileReadings(journal.readings),
      plans: plans)
    #expect(same.closed?.document == closed.document)
    // The check of the books finds the same record, and nothing lost.
    var books = Billing.Reconciliation()
    books.add(
      account, due: [issued.cycle: [.billed]],
      posted: [PostedBill(bill: issued, linesFen: closed.total.fen, postedFen: closed.total.fen)],
      readings: journal.readings, profile: ProfileReadings(journal.readings))
    #expect(books.steps.filter { !$0.isBalanced }.map(\.name) == ["newest"])
    let steps = Dictionary(uniqueKeysWithValues: books.steps.map { ($0.name, $0) })
    #expect(steps["records"]?.left == "145")
    #expect(steps["intervals"]?.left == "144.00")
    let lost = ProfileReadings(journal.readings.filter { $0.sequence != 60 })
    var broken = Billing.Reconciliation()
    broken.add(
      account, due: [issued.cycle: [.billed]],
      posted: [PostedBill(bill: issued, linesFen: closed.total.fen, postedFen: closed.total.fen)],
      readings: journal.readings, profile: lost)
    #expect(broken.steps.filter { !$0.isBalanced }.map(\.name) == ["newest", "records", "intervals"])
    // Behind other transformers than the bill says it is not put together again, and that is no pass.
    var other = Billing.Reconciliation()
    other.add(
      try Hours.account(multiplier: Multiplier(2) ?? .one), due: [issued.cycle: [.billed]],
      posted: [PostedBill(bill: issued, linesFen: closed.total.fen, postedFen: closed.total.fen)],
      readings: journal.readings, profile: ProfileReadings(journal.readings))
    for step in other.steps where ["records", "intervals"].contains(step.name) {
      #expect(step.compared == 0)
      #expect(
        step.unchecked == [
          "bill 1 of A-1001 for 2026-10: the load profile of M-0001 from 2026-10-06T00:00:00 to 2026-10-12T00:00:00 was not"
            + " put together again: by account A-1001 the meter has other times or transformers now, or its readings are"
            + " not at hand"
        ])
    }
  }

  @Test(arguments: [("2026-11-01T00:00", [721]), ("2026-11-10T00:00", [217, 505]), ("2026-11-10T09:30", [226, 495])])
  func `an error of a meter leaves the bills beside it as they are, and takes the records of its own time`(
    _ begin: String, _ records: [Int]
  ) throws {
    var journal = Journal()
    // 1 kWh an hour from midnight of 30 October on.
    for (at, value) in [
      ("2026-10-30T00:00", "100.00"), ("2026-11-01T00:00", "148.00"), ("2026-12-01T00:00", "868.00"),
      ("2026-12-03T00:00", "916.00"),
    ] {
      try journal.note(value, at: at)
    }
    try journal.note("364.00", at: "2026-11-10T00:00", kind: .dailyFreeze)
    try journal.note("373.50", at: "2026-11-10T09:30", kind: .event)
    try journal.record("2026-10-30T00:00", "2026-12-03T00:00") { 10_000 + $0 / 36 }
    let whole = MeterAssignment(meter: try meter(), register: try household(cut: .truncated))
    let error = try #require(
      MeterError(tenThousandths: -2_000, from: time(begin), to: time("2026-12-01T00:00"), of: .one))
    func account(_ meters: [MeterAssignment]) throws -> Account {
      try Hours.account(meters: meters, from: "2026-10-30", to: "2026-12-03")
    }
    let (plain, mended) = (try account([whole]), try account(whole.divided(by: [error])))
    let plans = try Hours.catalogue()
    for (label, last) in [("2026-10", "2026-10-31T23:30"), ("2026-12", "2026-12-02T23:30")] {
      let before = try #require(try journal.close(plain, plans, month: label).closed)
      let after = try #require(try journal.close(mended, plans, month: label).closed)
      #expect(after.document == before.document, "\(label)")
      #expect(after.bill.usage.segments.map { $0.profile?.records } == [49])
      let issued = try #require(IssuedBill.parsed(before))
      let profile = ProfileReadings(journal.readings)
      #expect(
        try issued.ends(ofIntervalAt: time(last), in: profile, of: mended)
          == issued.ends(ofIntervalAt: time(last), in: profile, of: plain))
      var books = Billing.Reconciliation()
      books.add(
        mended, due: [issued.cycle: [.billed]],
        posted: [PostedBill(bill: issued, linesFen: before.total.fen, postedFen: before.total.fen)],
        readings: journal.readings, profile: profile)
      #expect(books.steps.filter { !$0.isBalanced }.map(\.name) == [])
    }
    let closing = try journal.close(mended, plans, month: "2026-11")
    let closed = try #require(closing.closed, "\(closing.reasons)")
    #expect(closed.bill.usage.segments.map { $0.profile?.records } == records)
    #expect(closed.mended.map { "\($0.from) \($0.error.own)" } == ["\(begin):00 1"])
  }

  @Test func `where the meter keeps the same hours, registers and intervals make the same bill`() throws {
    var random = Seeded("registers and intervals make the same bill", cases: 100)
    for _ in 0..<100 {
      var journal = Journal()
      var shown: [UInt8: Int64] = [2: 700, 3: 1_200, 4: 300, 5: 100]
      func note(_ at: String) throws {
        try journal.note(decimalString(shown.values.reduce(0, +) * 10_000, decimals: 2), at: at)
        for (rate, value) in shown.sorted(by: { $0.key < $1.key }) {
          try journal.note(decimalString(value * 10_000, decimals: 2), at: at, rate: rate)
        }
      }
      try note("2026-10-07T00:00")
      var total = [shown.values.reduce(0, +)]
      for hour in 0..<48 {
        let use = Int64.random(in: 0...900, using: &random)
        let of = hour % 24
        // A holiday, then a weekday.
        let rate: UInt8 = of < 8 ? 4 : hour < 24 ? (of < 17 ? 5 : 3) : (of < 12 ? 2 : 3)
        shown[rate, default: 0] += use
        total.append(total[hour] + use)
      }
      try note("2026-10-09T00:00")
      try journal.record("2026-10-07T00:00", "2026-10-09T00:00") { total[Int($0 / 3600)] }
      let plans = try Hours.catalogue()
      func bill(_ minutes: Int?, _ rule: Rating.Reconciliation = .residual) throws -> [String] {
        let account = try Hours.account(minutes: minutes, by: rule, from: "2026-10-07", to: "2026-10-09")
        let closed = try #require(try journal.close(account, plans).closed)
        return closed.bill.lines.map { "\(closed.bill.formula(of: $0))" }
      }
      let lines = [try bill(nil), try bill(60), try bill(60, .scaled)]
      guard lines[0] == lines[1], lines[1] == lines[2] else {
        Issue.record("seed \(random.seed): \(lines)")
        return
      }
    }
  }

  @Test func `periods add up to the register in any order of arrival, and the same readings make the same bytes`()
    throws
  {
    var random = Seeded("periods of intervals add up to the register", cases: 60)
    for _ in 0..<60 {
      let minutes: Int64 = ([15, 30, 60] as [Int64]).randomElement(using: &random) ?? 60
      let multiplier =
        Multiplier(Int64.random(in: 1...200, using: &random), Int64.random(in: 1...7, using: &random)) ?? .one
      let first = Int64.random(in: 99_990_000...99_999_999, using: &random)
      var total = [first]
      for _ in 0..<2 * 1440 / minutes { total.append((total.last ?? 0) + Int64.random(in: 0...20, using: &random)) }
      let last = total.last ?? 0
      func text(_ cents: Int64) -> String { decimalString(cents % 100_000_000 * 10_000, decimals: 2) }
      // What the settlement froze may be one last digit off the record of its instant.
      let (before, after) = (Int64.random(in: -1...1, using: &random), Int64.random(in: -1...1, using: &random))
      var journal = Journal()
      try journal.note(text(max(first + before, 99_990_000)), at: "2026-10-07T00:00")
      try journal.note(text(last + after), at: "2026-10-09T00:00", kind: .dailyFreeze)
      try journal.record("2026-10-07T00:00", "2026-10-09T00:00", every: minutes) { total[Int($0 / (minutes * 60))] }
      let rule = Rating.Reconciliation.allCases.randomElement(using: &random) ?? .residual
      let account = try Hours.account(
        minutes: Int(minutes), by: rule, multiplier: multiplier, from: "2026-10-07", to: "2026-10-09")
      let plans = try Hours.catalogue()
      let closing = try journal.close(account, plans)
      let used = last + after - max(first + before, 99_990_000)
      let register = try #require(multiplier.energy(Energy(millionths: max(0, used) * 10_000), decimals: 2))
      guard let closed = closing.closed, used >= 0,
        closed.bill.totals.byPeriod.reduce(.zero, +) == register, closed.bill.usage.total == register
      else {
        guard used < 0 else {
          Issue.record("seed \(random.seed): \(closing.reasons)")
          return
        }
        continue
      }
      var other = journal.readings
      other.shuffle(using: &random)
      let shuffled = closeCycle(
        account: account, cycle: try #require(account.cycle(try month("2026-10"))), readings: other,
        profile: ProfileReadings(other), windowState: nil, plans: plans, knownOn: try day("2099-01-01"))
      let again = rateAgain(
        try #require(IssuedBill.parsed(closed)), after: nil, account: account, readings: other,
        profile: ProfileReadings(other), plans: plans)
      guard shuffled.closed?.document == closed.document, again.closed?.document == closed.document else {
        Issue.record("seed \(random.seed): another bill in another order")
        return
      }
    }
  }

  @Test func `a bill is told day by day and slot by slot, and an interval by its readings`() throws {
    var journal = Journal()
    try journal.note("100.00", at: "2026-10-06T00:00")
    try journal.note("244.01", at: "2026-10-12T00:00")
    try journal.record("2026-10-06T00:00", "2026-10-12T00:00") { 10_000 + $0 / 36 }
    let account = try Hours.account()
    let closed = try #require(try journal.close(account, try Hours.catalogue()).closed)
    let text = explain(closed)
    #expect(
      text.contains(
        "Intervals 时段曲线: 144 of 60 minutes add up to 144.00 kWh, the register counted 144.01; the difference, 0.01, at"
          + " most 0.025001, goes to flat, special days 特殊日 by days-2026"))
    #expect(
      text.contains("   2026-10-07 holiday: 00:00-08:00 valley 8.00, 08:00-17:00 deep 9.00, 17:00-24:00 flat 7.00"))
    #expect(
      text.contains("   2026-10-10 weekday: 00:00-08:00 valley 8.00, 08:00-12:00 peak 4.00, 12:00-24:00 flat 12.00"))
    let issued = try #require(IssuedBill.parsed(closed))
    let profile = ProfileReadings(journal.readings)
    let ends = issued.ends(ofIntervalAt: try time("2026-10-06T02:59"), in: profile, of: account)
    #expect(
      ends.map { "\($0.from) \($0.to) \($0.start) \($0.stop)" } == ["2026-10-06T02:00:00 2026-10-06T03:00:00 5 6"])
    #expect(issued.ends(ofIntervalAt: try time("2026-10-12T00:00"), in: profile, of: account).isEmpty)
    #expect(issued.ends(ofIntervalAt: try time("2026-10-05T23:59"), in: profile, of: account).isEmpty)
  }
}

extension IssuedBill {
  /// A closed bill as it is read back from the store.
  static func parsed(_ closed: ClosedBill) -> IssuedBill? {
    try? IssuedBill(
      id: 1, account: closed.key.account, cycle: closed.key.cycle, version: Int64(closed.key.version), kind: "original",
      digest: closed.digest, totalFen: closed.total.fen, issuedAt: 4_070_908_800_000,
      document: Array(closed.document.utf8), readings: closed.readings, pricing: closed.pricing)
  }
}
