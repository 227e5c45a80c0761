import Documents
import Metering
import Rating
import TOML
import Testing

/// A calendar that was worked out once settles as the series themselves do.
@Suite struct CompiledCalendarTests {
  private func plan() throws -> Plan {
    try Mill.plan(IntervalTests.periods, IntervalTests.calendar(), IntervalTests.energy)
  }

  private func calendar() throws -> DayCalendar {
    let toml = """
      name = "test-2026"
      valid-from = "2026-01-01"
      valid-to = "2026-12-31"
      known-since = "2025-11-04"
      sources = ["a test"]
      holidays = ["2026-07-15", "2026-08-01"]
      """
    return try DayCalendar(try Document(toml: toml, file: "calendar.toml"))
  }

  @Test func `meters settled by a compiled calendar are those settled one by one, errors too`() throws {
    var random = Seeded("compiled calendars", cases: 2000)
    let plan = try plan()
    let ranges = [
      try days("2026-07-01", "2026-08-01"), try days("2026-06-20", "2026-07-20"), try days("2026-10-01", "2026-11-01"),
    ]
    for number in 0..<2000 {
      let range = ranges[number % ranges.count]
      let minutes = number % 2 == 0 ? 30 : 15
      let compiled = try CompiledCalendar(plan, for: range, minutes: minutes, calendar: try calendar())
      var energies = (0..<compiled.count).map { _ in
        Energy(millionths: Int64.random(in: 0...3000, using: &random) * 1000)
      }
      switch Int.random(in: 0..<20, using: &random) {
      case 0: energies[Int.random(in: energies.indices, using: &random)] = Energy(millionths: -1)
      case 1: energies[Int.random(in: energies.indices, using: &random)] = Energy(millionths: 1 << 50)
      case 2: energies[Int.random(in: energies.indices, using: &random)] = Energy(millionths: .max)
      case 3: energies.removeLast()
      case 4: energies = energies.map { _ in .zero }
      default: break
      }
      let sum = energies.reduce(Int128(0)) { $0 + Int128($1.millionths) }
      let register = Energy(millionths: Int64(clamping: sum) / 10_000 * 10_000)
      let bound = Energy(millionths: Int64.random(in: 0...20_000, using: &random))
      let rule: Reconciliation = Bool.random(using: &random) ? .residual : .scaled
      let series = IntervalSeries(
        start: MeterTime(localSeconds: range.from.daysSince1970 * 86_400), minutes: minutes, energies: energies)
      let expected = Result { () throws(SettlementError) in
        try plan.settle(series, days: range, register: register, bound: bound, calendar: calendarOrNone(), by: rule)
          .parts.map(\.energy)
      }
      let settled = Result { () throws(SettlementError) in
        try compiled.periods(of: energies.span, register: register, bound: bound, by: rule)
      }
      guard settled == expected else {
        Issue.record("seed \(random.seed), case \(number): \(settled) is not \(expected)")
        return
      }
    }
  }

  private func calendarOrNone() -> DayCalendar? { try? calendar() }

  @Test func `what no calendar can be compiled of`() throws {
    let july = try days("2026-07-01", "2026-08-01")
    let plan = try plan()
    #expect(throws: SettlementError.unknownDay(july.from)) { try CompiledCalendar(plan, for: july, minutes: 60) }
    #expect(throws: SettlementError.minutes(20)) { try CompiledCalendar(plan, for: july, minutes: 20) }
    #expect(throws: SettlementError.noCalendar(plan: "hunan-residential")) {
      try CompiledCalendar(try Tariffs.plan("hunan-residential-2012"), for: july, minutes: 60)
    }
    let january = try days("2026-01-01", "2026-02-01")
    #expect(
      throws: SettlementError.straddles(
        at: MeterTime(localSeconds: january.from.daysSince1970 * 86_400 + 8 * 3600), boundary: "08:30")
    ) {
      try CompiledCalendar(plan, for: january, minutes: 60, calendar: try calendar())
    }
  }
}
