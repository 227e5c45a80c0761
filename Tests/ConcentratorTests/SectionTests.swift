import Billing
import Documents
import Foundation
import Host
import Metering
import Store
import Testing

@testable import Concentrator

/// Accounts that are read and settled together.
@Suite(.timeLimit(.minutes(1))) struct SectionTests {
  /// The good configuration with its account in a section.
  static let good =
    ConfigurationTests.good.replacing("settlement-day = 25\nsettlement-hour = 8", with: "section = \"S-12\"") + """

      [[section]]
      name = "S-12"
      title = "Riverside"
      settlement-day = 25
      settlement-hour = 8
      """

  @Test func `an account of a section is settled with it, one without as it says itself`() throws {
    let read = try configuration(Self.good)
    let section = try #require(read.sections.first)
    #expect((section.name, section.title, section.fileLine) == ("S-12", "Riverside", 55))
    #expect(read.accounts.map(\.section) == ["S-12"])
    #expect(read.accounts.map(\.settlement) == [SettlementDay(day: 25, hour: 8)])
    #expect(read.sectionsByAccount == ["A-1": "S-12"])
    let plain = try configuration(
      Self.good.replacing("settlement-day = 25\n", with: "").replacing("settlement-hour = 8", with: ""))
    #expect(plain.accounts.map(\.settlement) == [.firstOfMonth])
    let alone = try configuration(ConfigurationTests.good)
    #expect(alone.sections.isEmpty && alone.sectionsByAccount.isEmpty)
    #expect(alone.accounts.map(\.settlement) == [SettlementDay(day: 25, hour: 8)])
  }

  static let bad = [
    BadCase("name = \"S-12\"\n", "", "meterd.toml:55: section[0].name: this key is required"),
    BadCase(
      "name = \"S-12\"", "name = \"\"",
      "meterd.toml:56: section[0].name: \"\" is no name: 1 to 64 characters, and no space at either end"),
    BadCase(
      "name = \"S-12\"", "name = \"S-12 \"",
      "meterd.toml:56: section[0].name: \"S-12 \" is no name: 1 to 64 characters, and no space at either end"),
    BadCase(
      "name = \"S-12\"", "name = \"\(String(repeating: "段", count: 65))\"",
      "meterd.toml:56: section[0].name: \"\(String(repeating: "段", count: 65))\" is no name: 1 to 64 characters, and no"
        + " space at either end"),
    BadCase(
      "title = \"Riverside\"", "[[section]]\nname = \"S-12\"",
      "meterd.toml:58: section[1].name: section \"S-12\" is already on line 55"),
    BadCase(
      "settlement-day = 25", "settlement-day = 29", "meterd.toml:58: section[0].settlement-day: 29 is outside 1 to 28"),
    BadCase(
      "settlement-hour = 8", "settlement-hour = 24", "meterd.toml:59: section[0].settlement-hour: 24 is outside 0 to 23"
    ),
    BadCase(
      "title = \"Riverside\"", "day = 25",
      "meterd.toml:57: section[0].day: unknown key; keys here are name, settlement-day, settlement-hour, title"),
    BadCase(
      "section = \"S-12\"", "section = \"S-21\"",
      "meterd.toml:53: account[0].section: there is no section \"S-21\"; there are \"S-12\""),
    BadCase(
      "section = \"S-12\"", "section = \"S-12\"\nsettlement-day = 25",
      "meterd.toml:54: account[0].settlement-day: section \"S-12\" says when its accounts are settled, all together; write"
        + " it there, or take section away"),
    BadCase(
      "section = \"S-12\"", "section = \"S-12\"\nsettlement-hour = 0",
      "meterd.toml:54: account[0].settlement-hour: section \"S-12\" says when its accounts are settled, all together;"
        + " write it there, or take section away"),
    BadCase(
      "section = \"S-12\"\n", "",
      "meterd.toml:54: section[0].name: no account is in section \"S-12\"; write section = \"S-12\" under its [[account]]s,"
        + " or take this [[section]] away"),
  ]

  @Test(arguments: bad)
  func `a mistake is told with file, line and key`(_ row: BadCase) throws {
    let range = try #require(Self.good.range(of: row.line, options: .backwards))
    do {
      _ = try configuration(Self.good.replacingCharacters(in: range, with: row.by))
      Issue.record("\(row.line) -> \(row.by) is taken")
    } catch let error as DocumentError {
      #expect("\(error)" == row.message)
    }
  }

  @Test func `a section that nobody defines is told where there is none at all`() {
    #expect {
      try configuration(ConfigurationTests.good.replacing("settlement-day = 25", with: "section = \"S-12\""))
    } throws: { error in
      "\(error)"
        == "meterd.toml:53: account[0].section: there is no section \"S-12\"; add a [[section]] with this name"
    }
  }

  @Test func `who is in a section can be asked, and an unknown one is told with those that there are`() throws {
    let read = try configuration(Self.good)
    #expect(try read.accounts(ofSection: "S-12") == ["A-1"])
    #expect {
      try read.accounts(ofSection: "S-1")
    } throws: { error in
      "\(error)" == "meterd: meterd.toml has no section \"S-1\"\n  It has S-12."
    }
    #expect {
      try configuration(ConfigurationTests.good).accounts(ofSection: "S-1")
    } throws: { error in
      "\(error)"
        == "meterd: meterd.toml has no section \"S-1\"\n  It has none. Accounts that are settled together name a [[section]]: section = \"S-01\"."
    }
  }

  /// A bench whose first account is in section S-25, settled on the 25th, and the second in none.
  private func sectioned() throws -> (DeskBench, Station) {
    let bench = try DeskBench()
    let text = bench.settings.replacing(
      "id = \"A-1\"\ntariff = \"version-2012\"\nfrom = \"2026-10-01\"",
      with: "id = \"A-1\"\ntariff = \"version-2012\"\nfrom = \"2026-09-25\"\nsection = \"S-25\"")
    return (bench, try Station(configuration(text + "[[section]]\nname = \"S-25\"\nsettlement-day = 25\n")))
  }

  @Test func `an account of a section is billed from the section's day to the section's day`() async throws {
    let (bench, station) = try sectioned()
    let desk = try bench.desk(of: station)
    try await bench.note("M-1", 100, at: "2026-09-25T00:00")
    try await bench.note("M-1", 150, at: "2026-10-01T00:00")
    try await bench.note("M-1", 300, at: "2026-10-25T00:00")
    try await bench.note("M-2", 100, at: "2026-10-01T00:00")
    try await bench.note("M-2", 200, at: "2026-11-01T00:00")
    try await desk.pass(all: true)
    let bills = try bench.bills()
    #expect(bills.map { "\($0.account) \($0.cycle) \($0.totalFen)" } == ["A-1 2026-10 12340", "A-2 2026-10 6170"])
    #expect(bills.map(\.readings) == [[1, 3], [4, 5]])
    #expect(try bench.holds() == [])
    // The day of the next settlement is over, and its reading is not there.
    let later = try DeskBench.instant("2026-11-26T01:00")
    bench.host.now.withLock { $0 = later }
    try await desk.pass(all: true)
    #expect(try bench.holds().map { "\($0.account) \($0.cycle)" } == ["A-1 2026-11"])
    #expect(try bench.holds().map(\.reason).allSatisfy { $0.contains("2026-11-25T00:00") })
    // A month later the second one waits as well, by its own day.
    let latest = try DeskBench.instant("2026-12-02T01:00")
    bench.host.now.withLock { $0 = latest }
    try await desk.pass(all: true)
    #expect(try bench.holds().map { "\($0.account) \($0.cycle)" } == ["A-1 2026-11", "A-2 2026-11"])
  }

  @Test func `a run of one section leaves the others' readings to the look that sees to them`() async throws {
    let (bench, station) = try sectioned()
    let desk = try bench.desk(of: station)
    try await desk.pass(all: true)
    try await bench.note("M-1", 100, at: "2026-09-25T00:00")
    try await bench.note("M-1", 300, at: "2026-10-25T00:00")
    try await bench.note("M-2", 100, at: "2026-10-01T00:00")
    try await bench.note("M-2", 200, at: "2026-11-01T00:00")
    let waiting = try bench.holds()
    #expect(waiting.map(\.account) == ["A-1", "A-2"])
    try await desk.pass(only: try station.configuration.accounts(ofSection: "S-25"))
    #expect(try bench.bills().map(\.account) == ["A-1"])
    #expect(try bench.holds() == waiting.filter { $0.account == "A-2" })
    // Not the day's whole look: the new readings alone bring it about.
    try await desk.pass()
    #expect(try bench.bills().map(\.account) == ["A-1", "A-2"])
    #expect(try bench.holds() == [])
  }

  @Test func `a batch is a cycle of a section, and one of the accounts without`() async throws {
    let (bench, station) = try sectioned()
    try await bench.note("M-1", 100, at: "2026-09-25T00:00")
    try await bench.note("M-1", 300, at: "2026-10-25T00:00")
    try await bench.note("M-2", 100, at: "2026-10-01T00:00")
    try await bench.note("M-2", 200, at: "2026-11-01T00:00")
    try await bench.desk(of: station).pass(all: true)
    func batches(_ station: Station, cycle: String? = nil) throws -> ReconciliationStep? {
      try BooksCheck.steps(station, reader: StoreReader(path: bench.store.path), cycle: cycle, at: bench.now)
        .first { $0.name == "batches" }
    }
    let found = try #require(try batches(station))
    #expect(
      found.explained == [
        "2026-10 of accounts without section: 1 documents of 1 accounts, 100.00 kWh, 61.70 yuan",
        "2026-10 of section S-25: 1 documents of 1 accounts, 200.00 kWh, 123.40 yuan",
      ])
    #expect((found.left, found.right, found.compared) == ("18510", "18510", 2))
    #expect(try batches(station, cycle: "2026-11")?.explained == [])
    // Books without sections have one batch a cycle.
    let whole = try #require(try batches(bench.station))
    #expect(whole.explained == ["2026-10: 2 documents of 2 accounts, 300.00 kWh, 185.10 yuan"])
    #expect((whole.left, whole.right) == (found.left, found.right))
  }

  @Test func `a check tells sections with their accounts and their day`() throws {
    let (_, station) = try sectioned()
    let forecast = station.forecast()
    #expect(forecast.text.contains("section S-25  1 account, settled on day 25"))
    #expect(
      forecast.json.text.contains(
        #""sections":[{"section":"S-25","title":"","accounts":1,"settlement_day":25,"settlement_hour":0}],"#))
  }
}
