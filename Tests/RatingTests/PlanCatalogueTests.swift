import Documents
import Metering
import Rating
import TOML
import Testing

@Suite struct PlanCatalogueTests {
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
