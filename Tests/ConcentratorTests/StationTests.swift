import Acquisition
import Billing
import Concentrator
import Foundation
import Metering
import Testing

@Suite struct StationTests {
  /// The example that is installed, with the folders of the repository.
  private func example() throws -> Station {
    let text = try String(contentsOfFile: "\(root)/systemd/meterd.toml", encoding: .utf8)
    return try Station(configuration(text.replacingOccurrences(of: "/usr/share/meterd", with: root)))
  }

  @Test func `the example configuration makes a station`() throws {
    let station = try example()
    #expect(station.meters.map { $0.map(\.id.text) } == [["M-0001", "M-0002"], ["M-0101"]])
    #expect(station.accounts.map(\.id) == ["A-1001", "A-1002"])
    #expect(station.accounts.map { $0.meters.map(\.meter.text) } == [["M-0001"], ["M-0002"]])
    #expect(station.plans.count == 2)
  }

  @Test func `its forecast tells rounds and load, for people and for programs`() throws {
    let forecast = try example().forecast()
    let parsed = try JSONSerialization.jsonObject(with: Data(forecast.json.text.utf8)) as? [String: Any]
    let lines = try #require(parsed?["lines"] as? [[String: Any]])
    #expect(lines.map { $0["line"] as? String } == ["bus1", "bus2"])
    for line in lines {
      for round in try #require(line["rounds"] as? [[String: Any]]) {
        #expect(round["feasible"] as? Bool == true)
        let seconds = try #require((round["seconds"] as? String).flatMap(Double.init))
        #expect(seconds > 0 && seconds < 60)
      }
    }
    let text = forecast.text
    #expect(text.first == "meterd.toml: good. 2 lines, 2 accounts, 2 tariffs.")
    #expect(text.contains { $0.hasPrefix("bus1  /dev/ttyS1  2400 8E1  2 meters  load ") })
    #expect(text.contains("section S-01  Residence blocks  2 accounts, settled on day 1"))
    #expect(!text.contains { $0.contains("cannot be kept") })
  }

  @Test func `a round that does not fit is said, with the interval that would`() throws {
    let text = try String(contentsOfFile: "\(root)/systemd/meterd.toml", encoding: .utf8)
      .replacingOccurrences(of: "/usr/share/meterd", with: root)
      .replacingOccurrences(of: "every         = \"15m\"", with: "every         = \"1s\"")
    let lines = try Station(configuration(text)).forecast().text
    #expect(lines.contains { $0.hasPrefix("    cannot be kept even with the line to itself: of ") })
    #expect(lines.contains { $0.hasPrefix("    would do, each by itself: every = \"") })
    #expect(lines.contains("  the tasks together leave no room for retries: spread them"))
  }

  static let mistakes = [
    BadCase(
      "address = \"202311110001\"", "address = \"20231111\"",
      "meterd.toml:39: address: \"20231111\" is no address for dlt645-2007-three-phase"),
    BadCase(
      "profile = \"eastron-sdm630\"", "profile = \"eastron-sdm631\"",
      "meterd.toml:64: profile: there is no profile \"eastron-sdm631\" in FOLDER/devices"),
    BadCase(
      "tariff         = \"shanghai-residential-2012\"", "tariff         = \"shanghai\"",
      "meterd.toml:111: tariff: there is no tariff \"shanghai\" in FOLDER/tariffs"),
  ]

  /// Two meters of one account on two lines, which may be given times; `tail` comes after the account.
  private func station(_ first: String = "", _ second: String = "", tail: String = "") throws -> Station {
    func line(_ name: String, _ times: String) -> String {
      """
      [[line]]
      name = "\(name)"
      port = "/dev/\(name)"
      [[line.meter]]
      id = "M-\(name)"
      profile = "eastron-sdm630"
      address = "1"
      account = "A-1"
      \(times)

      """
    }
    let head = """
      station = "S"
      store = "s.db"
      devices = "\(root)/devices"
      tariffs = "\(root)/tariffs"

      """
    let account = """
      [[account]]
      id = "A-1"
      tariff = "shanghai-residential-2012"
      from = "2026-10-01"

      """
    return try Station(configuration(head + line("one", first) + line("two", second) + account + tail))
  }

  static let overlaps = [
    ["", ""], ["from = \"2026-10-15\"", ""], ["", "to = \"2026-10-15\""],
    ["to = \"2026-10-15T09:30\"", "from = \"2026-10-15\""],
    ["from = \"2026-10-15\"", "from = \"2026-10-20\""], ["to = \"2026-10-15\"", "to = \"2026-10-20\""],
  ]

  @Test(arguments: overlaps)
  func `two meters of one account at the same time are refused, with the places of both`(_ times: [String]) throws {
    do {
      _ = try station(times[0], times[1])
      Issue.record("\(times) is taken")
    } catch let complaint as Complaint {
      #expect(
        complaint.headline
          == "meterd.toml:21: account: \"A-1\" has meter \"M-two\" of line \"two\" at the same time as meter \"M-one\" of line \"one\" (meterd.toml:12)"
      )
      #expect(complaint.status == .configuration)
      #expect(complaint.advice.first?.contains("write to = \"2026-10-15T09:30\" under the old one") == true)
    }
  }

  @Test func `a meter that took another's place counts from then on`() throws {
    let moment = try #require(MeterTime("2026-10-15T09:30"))
    for isSwapped in [false, true] {
      let times = ["to = \"2026-10-15T09:30\"", "from = \"2026-10-15T09:30\""]
      let account = try #require(
        try station(times[isSwapped ? 1 : 0], times[isSwapped ? 0 : 1]).accounts.first)
      #expect(account.meters.map(\.to) == (isSwapped ? [nil, moment] : [moment, nil]))
      #expect(account.meters.map(\.from) == (isSwapped ? [moment, nil] : [nil, moment]))
      #expect(account.from == CivilDate("2026-10-01"))
    }
  }

  @Test func `an account without a meter is refused`() throws {
    let lonely = "[[account]]\nid = \"A-2\"\ntariff = \"shanghai-residential-2012\"\nfrom = \"2026-10-01\"\n"
    #expect {
      try station("to = \"2026-10-15\"", "from = \"2026-10-15\"", tail: lonely)
    } throws: { error in
      "\(error)"
        == """
        meterd: meterd.toml:28: id: account "A-2" has no meter
          Write account = "A-2" under its [[line.meter]], or take this [[account]] away.
        """
    }
  }

  @Test(arguments: mistakes)
  func `a name that leads nowhere is told with its line`(_ row: BadCase) throws {
    let text = try String(contentsOfFile: "\(root)/systemd/meterd.toml", encoding: .utf8)
      .replacingOccurrences(of: "/usr/share/meterd", with: root)
    #expect(text.contains(row.line))
    do {
      _ = try Station(configuration(text.replacingOccurrences(of: row.line, with: row.by)))
      Issue.record("\(row.by) is taken")
    } catch let complaint as Complaint {
      #expect(complaint.headline == row.message.replacingOccurrences(of: "FOLDER", with: root))
      #expect(complaint.status == .configuration)
      #expect(!complaint.advice.isEmpty)
    }
  }
}
