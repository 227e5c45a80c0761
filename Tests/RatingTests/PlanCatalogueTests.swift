import Documents
import Metering
import Rating
import TOML
import Testing

@Suite struct PlanCatalogueTests {
  /// Holidays of a year, known since some day, for all of it or for some days.
  private func list(
    _ name: String, _ days: (String, String), known: String, holidays: [String]
  ) throws -> DayCalendar {
    let toml = """
      name = "\(name)"
      valid-from = "\(days.0)"
      valid-to = "\(days.1)"
      known-since = "\(known)"
      sources = ["\(name)"]
      holidays = \(holidays)
      """
    return try DayCalendar(try Document(toml: toml, file: "\(name).toml"))
  }

  @Test func `each day has the list that was learned last, and the turn of a year has two`() throws {
    let plan = try Mill.plan(IntervalTests.periods, IntervalTests.calendar(), IntervalTests.energy)
    let old = try list("old", ("2026-01-01", "2026-12-31"), known: "2025-11-04", holidays: ["2026-08-03"])
    let heat = try list("heat", ("2026-08-10", "2026-08-14"), known: "2026-08-08", holidays: ["2026-08-12"])
    let next = try list("next", ("2027-01-01", "2027-12-31"), known: "2026-11-04", holidays: ["2027-07-01"])
    let plans = try PlanCatalogue([plan], calendars: [next, heat, old])
    func calendar(_ from: String, _ to: String, known: String = "2099-01-01") throws -> String {
      let day = try #require(CivilDate(known))
      let range = try days(from, to)
      do throws(SettlementError) {
        let found = try plans.calendar(for: plan, over: range, knownOn: day)
        return found.map { list in
          let special = list.special.keys.sorted().map { "\($0)" }.joined(separator: ", ")
          return "\(list.name) from \(list.validFrom) to \(list.validTo): \(special)"
        } ?? "none"
      } catch { return "\(error)" }
    }
    #expect(try calendar("2026-07-01", "2026-08-01") == "old from 2026-01-01 to 2026-12-31: 2026-08-03")
    #expect(
      try calendar("2026-08-01", "2026-09-01", known: "2026-08-07") == "old from 2026-01-01 to 2026-12-31: 2026-08-03")
    #expect(
      try calendar("2026-08-01", "2026-09-01")
        == "old + heat from 2026-08-01 to 2026-08-31: 2026-08-03, 2026-08-12")
    // In winter all days have the same hours: nobody asks for a list.
    #expect(try calendar("2028-01-01", "2028-02-01") == "none")
    #expect(
      try calendar("2028-06-25", "2028-07-25")
        == "no calendar says what kind of day 2028-06-25 is; add the year's holiday list")
    #expect(
      try calendar("2027-06-25", "2027-07-25", known: "2026-11-03")
        == "no calendar says what kind of day 2027-06-25 is; add the year's holiday list")
    #expect(
      try calendar("2026-12-25", "2027-07-25") == "old + next from 2026-12-25 to 2027-07-24: 2027-07-01")
    #expect(
      plan.asksKindOfDay && plan.timeInside(intervalsOf: 60) == "08:30" && plan.timeInside(intervalsOf: 30) == nil)
  }

  private func version(from: String, to: String? = nil, known: String, price: String) throws -> Plan {
    let end = to.map { "\nvalid-to = \"\($0)\"" } ?? ""
    let toml = PlanErrorTests.good
      .replacing("valid-from = \"2026-01-01\"", with: "valid-from = \"\(from)\"\(end)")
      .replacing("2025-12-01", with: known).replacing("\"0.5\"", with: "\"\(price)\"")
    return try Plan(try Document(toml: toml, file: "test.toml"))
  }

  private func date(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

  @Test func `the version that applied, as it was known on a day, is found`() throws {
    let first = try version(from: "2026-01-01", known: "2025-12-01", price: "0.5")
    let second = try version(from: "2026-07-01", known: "2026-06-15", price: "0.6")
    let late = try version(from: "2026-07-01", known: "2026-09-01", price: "0.55")
    let catalogue = try PlanCatalogue([late, first, second])
    let july = try days("2026-07-01", "2026-08-01")
    #expect(catalogue.plan("test", for: july, knownOn: try date("2026-06-01")) == first)
    #expect(catalogue.plan("test", for: july, knownOn: try date("2026-08-01")) == second)
    #expect(catalogue.plan("test", for: july, knownOn: try date("2026-09-01")) == late)
    #expect(catalogue.plan("test", for: try days("2026-06-01", "2026-07-01"), knownOn: try date("2026-09-01")) == first)
    #expect(catalogue.plan("test", for: july, knownOn: try date("2025-11-30")) == nil)
    #expect(catalogue.plan("rest", for: july, knownOn: try date("2026-09-01")) == nil)
  }

  @Test func `a plan ends with its last day, and no version covers a change within the days`() throws {
    let old = try version(from: "2026-01-01", to: "2026-07-14", known: "2025-12-01", price: "0.5")
    let new = try version(from: "2026-07-15", known: "2026-07-01", price: "0.6")
    let catalogue = try PlanCatalogue([old, new])
    let today = try date("2026-12-01")
    #expect(catalogue.plan("test", for: try days("2026-07-01", "2026-07-15"), knownOn: today) == old)
    #expect(catalogue.plan("test", for: try days("2026-07-15", "2026-08-01"), knownOn: today) == new)
    #expect(catalogue.plan("test", for: try days("2026-07-01", "2026-08-01"), knownOn: today) == nil)
  }

  @Test func `a cycle is cut where another version of its plan begins, as it was known on a day`() throws {
    let old = try version(from: "2026-01-01", to: "2026-07-14", known: "2025-12-01", price: "0.5")
    let new = try version(from: "2026-07-15", known: "2026-07-01", price: "0.6")
    let late = try version(from: "2026-07-20", known: "2026-08-15", price: "0.7")
    let catalogue = try PlanCatalogue([late, new, old])
    func cut(_ from: String, _ to: String, known: String) throws -> [String]? {
      catalogue.versions("test", over: try days(from, to), knownOn: try date(known))?.map {
        "\($0.days): \($0.plan == old ? "old" : $0.plan == new ? "new" : "late")"
      }
    }
    #expect(
      try cut("2026-07-01", "2026-08-01", known: "2026-08-01")
        == ["2026-07-01 to 2026-07-15: old", "2026-07-15 to 2026-08-01: new"])
    #expect(
      try cut("2026-07-01", "2026-08-01", known: "2026-09-01")
        == ["2026-07-01 to 2026-07-15: old", "2026-07-15 to 2026-07-20: new", "2026-07-20 to 2026-08-01: late"])
    #expect(try cut("2026-02-01", "2026-03-01", known: "2026-08-01") == ["2026-02-01 to 2026-03-01: old"])
    #expect(try cut("2026-07-01", "2026-08-01", known: "2026-06-01") == nil)
    #expect(try cut("2025-12-01", "2026-02-01", known: "2026-08-01") == nil)
  }

  @Test func `two versions that cannot be told apart are refused`() throws {
    let one = try version(from: "2026-01-01", known: "2025-12-01", price: "0.5")
    let two = try version(from: "2026-01-01", known: "2025-12-01", price: "0.6")
    let error = #expect(throws: PlanCatalogueError.self) { _ = try PlanCatalogue([one, two]) }
    #expect(
      error.map { "\($0)" } == "there are two plans test valid from 2026-01-01 and known since 2025-12-01;"
        + " give the later one another known-since")
  }
}
