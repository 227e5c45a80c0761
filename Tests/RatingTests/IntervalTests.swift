import Documents
import Metering
import Rating
import TOML
import Testing

@Suite struct IntervalTests {
  static let summer = [
    "00:00-08:00 valley", "08:00-11:00 peak", "11:00-15:00 flat", "15:00-17:00 sharp", "17:00-22:00 peak",
    "22:00-24:00 flat",
  ]
  static let holiday = ["00:00-11:00 valley", "11:00-17:00 deep", "17:00-24:00 flat"]
  static let winter = ["00:00-08:30 valley", "08:30-24:00 flat"]

  static func list(_ slots: [String]) -> String {
    "[\(slots.map { "\"\($0)\"" }.joined(separator: ", "))]"
  }

  /// Five periods; July and August with sharp hours and holidays of their own, the other months with two slots.
  static func calendar(_ summer: [String] = summer, types: String = "[\"weekday\", \"weekend\"]") -> String {
    let months = (1...12).filter { ![7, 8].contains($0) }
    return """

      [calendar]
      source = "a test"
      primary = true
      [[calendar.season]]
      name = "summer"
      months = [7, 8]
      [[calendar.season.day]]
      types = \(types)
      slots = \(list(summer))
      [[calendar.season.day]]
      types = ["holiday"]
      slots = \(list(holiday))
      [[calendar.season]]
      name = "rest"
      months = \(months)
      [[calendar.season.day]]
      types = ["weekday", "weekend", "holiday"]
      slots = \(list(winter))

      """
  }

  static let periods = ["sharp", "peak", "flat", "valley", "deep"].enumerated().map { index, name in
    "\n[[period]]\nname = \"\(name)\"\ntitle = \"\(name)\"\ntitle-zh = \"\(name)\"\nrates = [\(index + 1)]\n"
      + (name == "flat" ? "residual = true\n" : "")
  }.joined()
  static let energy = Mill.component(
    "energy",
    "prices = { sharp = \"1.2\", peak = \"1.0\", flat = \"0.6\", valley = \"0.3\", deep = \"0.1\" }")

  private func plan() throws -> Plan { try Mill.plan(Self.periods, Self.calendar(), Self.energy) }

  private func holidays() throws -> DayCalendar {
    let toml = """
      name = "test-2026"
      valid-from = "2026-01-01"
      valid-to = "2026-12-31"
      known-since = "2025-11-04"
      sources = ["a test"]
      holidays = ["2026-08-03"]
      workdays = ["2026-08-08"]
      """
    return try DayCalendar(try Document(toml: toml, file: "test.toml"))
  }

  private func series(_ from: String, minutes: Int = 60, _ energies: [Energy?]) throws -> IntervalSeries {
    IntervalSeries(
      start: try #require(MeterTime("\(from)T00:00")), minutes: minutes, energies: energies)
  }

  @Test func `a slot ends where the next one begins, on days of each kind`() throws {
    let plan = try plan()
    // One kWh an hour: a Sunday, a holiday Monday, a Tuesday.
    let settled = try plan.settle(
      try series("2026-08-02", Array(repeating: try RatingTests.energy("1"), count: 72)),
      days: try days("2026-08-02", "2026-08-05"), register: try RatingTests.energy("72"), bound: .zero,
      calendar: try holidays())
    #expect(
      settled.parts.map { "\($0.period) \($0.energy)" } == [
        "sharp 4.00", "peak 16.00", "flat 19.00", "valley 27.00", "deep 6.00",
      ])
    let usage = try mill("0", [:], try days("2026-08-02", "2026-08-05")).settled(by: settled)
    let bill = try rate(usage, under: plan)
    #expect(bill.total == Money(fen: 480 + 1600 + 1140 + 810 + 60))
    #expect(usage.canonicalText.contains("\"count\":72,\"sum\":\"72.000000\",\"reconciliation\":\"residual\""))
  }

  @Test func `the residual period takes the difference, or all are scaled to the register`() throws {
    let plan = try plan()
    let day = try days("2026-01-06", "2026-01-07")
    let quarters = Array(repeating: try RatingTests.energy("0.333333"), count: 96)
    func parts(_ register: String, _ reconciliation: Reconciliation) throws -> [String] {
      let settled = try plan.settle(
        try series("2026-01-06", minutes: 15, quarters), days: day, register: try RatingTests.energy(register),
        bound: try RatingTests.energy("0.5"), by: reconciliation)
      #expect(settled.parts.reduce(.zero, { $0 + $1.energy }) == (try RatingTests.energy(register)))
      #expect(settled.intervals.description == "31.999968")
      return settled.parts.map(\.energy.description)
    }
    // Valley to 08:30: 34 quarters of 96.
    #expect(try parts("32.10", .residual) == ["0.00", "0.00", "20.77", "11.33", "0.00"])
    #expect(try parts("32.10", .scaled) == ["0.00", "0.00", "20.73", "11.37", "0.00"])
    let error = #expect(throws: SettlementError.self) { _ = try parts("32.51", .residual) }
    #expect(
      error.map { "\($0)" }
        == "the register counted 32.51 kWh and the intervals 31.999968 kWh, more than 0.50 kWh apart")
  }

  @Test func `what cannot be settled says why`() throws {
    let plan = try plan()
    let one = try RatingTests.energy("1")
    let day = try days("2026-01-06", "2026-01-07")
    func says(
      _ energies: [Energy?], _ minutes: Int = 60, from: String = "2026-01-06", _ days: DayRange? = nil,
      under other: Plan? = nil, calendar: DayCalendar? = nil
    ) throws -> String {
      do {
        _ = try (other ?? plan).settle(
          try series(from, minutes: minutes, energies), days: days ?? day, register: one, bound: .zero,
          calendar: calendar)
        return "settled"
      } catch let error as SettlementError {
        return "\(error)"
      }
    }
    let hours: [Energy?] = Array(repeating: .zero, count: 24)
    #expect(
      try says(hours)
        == "a period begins at 08:30, inside the interval that starts at 2026-01-06T08:00:00; shorter intervals are needed"
    )
    #expect(try says(hours, 20) == "intervals of 20 minutes; 15, 30 and 60 are known")
    #expect(
      try says(hours, 30)
        == "24 intervals from 2026-01-06T00:00, but the days need 48 from 2026-01-06T00:00:00")
    var gap: [Energy?] = Array(repeating: .zero, count: 48)
    gap[5] = nil
    #expect(
      try says(gap, 30) == "the interval that starts at 2026-01-06T02:30:00 is missing; backfill the load profile")
    gap[5] = Energy(millionths: -1)
    #expect(
      try says(gap, 30) == "the interval that starts at 2026-01-06T02:30:00 has -0.000001 kWh")
    let august = try days("2026-08-05", "2026-08-06")
    #expect(
      try says(hours, from: "2026-08-05", august)
        == "no calendar says what kind of day 2026-08-05 is; add the year's holiday list")
    let next = try days("2027-08-05", "2027-08-06")
    #expect(
      try says(hours, from: "2027-08-05", next, calendar: try holidays())
        == "no calendar says what kind of day 2027-08-05 is; add the year's holiday list")
    #expect(
      try says(hours, under: try Mill.plan(Mill.energy))
        == "plan mill has no [calendar] that says which hour is of which period")
  }

  @Test func `days by their kind`() throws {
    let calendar = try holidays()
    let types = ["2026-08-03", "2026-08-04", "2026-08-08", "2026-08-09", "2027-01-01"].map { text in
      CivilDate(text).flatMap { calendar.type(of: $0) }
    }
    #expect(types == [.holiday, .weekday, .weekday, .weekend, nil])
  }

  @Test func `quarters in random slots agree with a plain count, minute by minute, and lose nothing`() throws {
    var random = Seeded("quarters in random slots", cases: 1_000)
    let names = ["sharp", "peak", "flat", "valley", "deep"]
    for _ in 0..<1_000 {
      var edges = Set([0, 1440])
      for _ in 0..<Int.random(in: 0...8, using: &random) { edges.insert(Int.random(in: 1...95, using: &random) * 15) }
      let sorted = edges.sorted()
      func clock(_ minutes: Int) -> String {
        let (hour, minute) = minutes.quotientAndRemainder(dividingBy: 60)
        return (hour < 10 ? "0" : "") + "\(hour):" + (minute < 10 ? "0" : "") + "\(minute)"
      }
      let owners = sorted.dropLast().map { _ in Int.random(in: 0...4, using: &random) }
      let slots = zip(zip(sorted, sorted.dropFirst()), owners).map { edge, owner in
        "\(clock(edge.0))-\(clock(edge.1)) \(names[owner])"
      }
      let plan = try Mill.plan(
        Self.periods,
        Self.calendar(slots, types: "[\"weekday\", \"weekend\"]").replacing(
          Self.list(Self.holiday), with: Self.list(slots)), Self.energy)
      let energies = (0..<96).map { _ in Energy(millionths: Int64.random(in: 0...300_000, using: &random)) }
      var expected = [Int64](repeating: 0, count: 5)
      for minute in 0..<1440 {
        let slot = sorted.lastIndex { $0 <= minute } ?? 0
        if minute % 15 == 0 { expected[owners[slot]] += energies[minute / 15].millionths }
      }
      let sum = energies.reduce(.zero, +)
      let register = Energy(millionths: sum.millionths / 10_000 * 10_000)
      for reconciliation in Reconciliation.allCases {
        let settled = try plan.settle(
          try series("2026-07-15", minutes: 15, energies), days: try days("2026-07-15", "2026-07-16"),
          register: register, bound: try RatingTests.energy("0.01"), by: reconciliation)
        guard settled.parts.map(\.energy.millionths) == plain(expected, register.millionths, reconciliation)
        else {
          Issue.record("seed \(random.seed): \(slots), \(settled.parts), expected \(expected)")
          return
        }
      }
    }
  }

  /// The rule of each reconciliation in 0.01 kWh, once more: flat is number 2.
  private func plain(_ sums: [Int64], _ register: Int64, _ reconciliation: Reconciliation) -> [Int64] {
    switch reconciliation {
    case .residual:
      var parts = sums.map { ($0 + 5_000) / 10_000 }
      parts[2] = 0
      parts[2] = register / 10_000 - parts.reduce(0, +)
      while parts[2] < 0, let largest = parts.max(), let index = parts.firstIndex(of: largest) {
        let taken = min(-parts[2], largest)
        parts[index] -= taken
        parts[2] += taken
      }
      return parts.map { $0 * 10_000 }
    case .scaled:
      let (whole, steps) = (Int128(sums.reduce(0, +)), Int128(register / 10_000))
      guard whole > 0 else { return sums.indices.map { $0 == 2 ? register : 0 } }
      var parts = sums.map { Int128($0) * steps / whole }
      let rests = sums.map { Int128($0) * steps % whole }
      let order = rests.indices.sorted { rests[$0] > rests[$1] || (rests[$0] == rests[$1] && $0 < $1) }
      for index in order.prefix(Int(steps - parts.reduce(0, +))) { parts[index] += 1 }
      return parts.map { Int64($0) * 10_000 }
    }
  }

  static let bad = [
    BadTable(
      name: "slots with a gap", tables: [periods, calendar(["00:00-08:00 valley", "09:00-24:00 peak"])],
      says: "calendar.season[0].day[0].slots: gap: from 08:00 to 09:00"),
    BadTable(
      name: "slots that overlap", tables: [periods, calendar(["00:00-08:00 valley", "07:00-24:00 peak"])],
      says: "calendar.season[0].day[0].slots: overlap: \"07:00-24:00 peak\" starts before 08:00"),
    BadTable(
      name: "a day that ends early", tables: [periods, calendar(["00:00-23:00 valley"])],
      says: "calendar.season[0].day[0].slots: gap: from 23:00 to 24:00"),
    BadTable(
      name: "unknown period in a slot", tables: [periods, calendar(["00:00-24:00 night"])],
      says: "calendar.season[0].day[0].slots: no period is called night"),
    BadTable(
      name: "no slot", tables: [periods, calendar(["00:00 valley"])],
      says: "calendar.season[0].day[0].slots: \"00:00 valley\" is no slot; write it as \"08:00-11:00 peak\""),
    BadTable(
      name: "a day type without slots", tables: [periods, calendar(types: "[\"weekday\"]")],
      says: "calendar.season[0].day: no slots for a weekend in season summer"),
    BadTable(
      name: "unknown day type", tables: [periods, calendar(types: "[\"weekday\", \"sunday\"]")],
      says: "calendar.season[0].day[0].types: \"sunday\" is no type of day; weekday, weekend, holiday and event are"),
    BadTable(
      name: "a month without a season",
      tables: [periods, calendar().replacing("months = [7, 8]", with: "months = [7]")],
      says: "calendar.season: no season has month 8"),
    BadTable(
      name: "a month in two seasons",
      tables: [periods, calendar().replacing("months = [7, 8]", with: "months = [7, 8, 9]")],
      says: "calendar.season[1].months: month 9 is in a season already"),
  ]

  @Test(arguments: bad) func `a bad calendar is refused word for word`(_ bad: BadTable) throws {
    let document = try Document(toml: Mill.head + bad.tables.joined(), file: "mill.toml")
    let error = #expect(throws: DocumentError.self) { _ = try Plan(document) }
    let text = error.map { "\($0)" } ?? ""
    let place = try #require(text.firstRange(of: ": "))
    #expect(text[place.upperBound...] == bad.says)
  }

  @Test func `a holiday list says each day once, within its days`() throws {
    func says(_ lines: String) -> String {
      let toml = "name = \"n\"\nvalid-from = \"2026-01-01\"\nvalid-to = \"2026-12-31\"\nknown-since = \"2025-11-04\"\n"
      do {
        _ = try DayCalendar(try Document(toml: toml + lines, file: "c.toml"))
        return "read"
      } catch { return "\(error)" }
    }
    #expect(
      says("sources = [\"s\"]\nholidays = [\"2027-01-01\"]")
        == "c.toml:6: holidays: 2027-01-01 is not between 2026-01-01 and 2026-12-31")
    #expect(
      says("sources = [\"s\"]\nholidays = [\"2026-01-01\"]\nworkdays = [\"2026-01-01\"]")
        == "c.toml:7: workdays: 2026-01-01 is given twice")
    #expect(says("holidays = []") == "c.toml: sources: say where the list was published")
  }
}
