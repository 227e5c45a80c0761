import Foundation
import Testing

/// What a mistake in a configuration, profile name or tariff looks like to the one who made it.
@Suite(.serialized) struct ConfigurationTests {
  struct Mistake: CustomTestStringConvertible {
    let name: String
    let old: String
    let new: String
    let errors: String
    var testDescription: String { name }
  }

  static let advice = "  Mend that line and try again: meterd check --config FILE tells what else is wrong."

  static let mistakes = [
    Mistake(
      name: "unknown key", old: "address = \"202311110001\"", new: "adress = \"202311110001\"\naddress = \"1\"",
      errors:
        "meterd: bad.toml:15: line[0].meter[0].adress: unknown key; keys here are account, address, allow, ct, error, from, id, key, profile, pt, serial, simulate, to\n"
        + advice),
    Mistake(
      name: "meter that is there twice", old: "id = \"D-0002\"", new: "id = \"D-0001\"",
      errors: "meterd: bad.toml:18: line[0].meter[1].id: meter \"D-0001\" is already on line 12\n" + advice),
    Mistake(
      name: "address that is there twice", old: "address = \"202311110002\"", new: "address = \"202311110001\"",
      errors:
        "meterd: bad.toml:21: line[0].meter[1].address: \"202311110001\" is already the address of \"D-0001\" on this line\n"
        + advice),
    Mistake(
      name: "bad syntax", old: "station = \"T-1\"", new: "station =",
      errors: "meterd: bad.toml:1: not TOML: a value must stand here, not the end of the line\n" + advice),
    Mistake(
      name: "address of a DL/T 645 meter", old: "\"202311110001\"", new: "\"20231111001\"",
      errors: """
        meterd: bad.toml:15: address: "20231111001" is no address for dlt645-2007-three-phase
          In quotes, a DL/T 645 address has 12 digits, as printed on the meter.
        """),
    Mistake(
      name: "address of a Modbus meter", old: "address = \"1\"", new: "address = \"248\"",
      errors: """
        meterd: bad.toml:34: address: "248" is no address for eastron-sdm630
          In quotes, a Modbus unit is "1" to "247", as printed on the meter.
        """),
    Mistake(
      name: "address without quotes", old: "\"202311110001\"", new: "202311110001",
      errors:
        "meterd: bad.toml:15: line[0].meter[0].address: expected a string in quotes, found a whole number\n" + advice),
    Mistake(
      name: "unknown speed", old: "115200 8E1", new: "115201 8E1",
      errors:
        "meterd: bad.toml:10: line[0].serial: \"115201 8E1\" are no serial settings; write \"2400 8E1\", with one of 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 baud\n"
        + advice),
    Mistake(
      name: "bad serial settings", old: "115200 8E1", new: "115200-8E1",
      errors:
        "meterd: bad.toml:10: line[0].serial: \"115200-8E1\" are no serial settings; write \"2400 8E1\", with one of 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 baud\n"
        + advice),
    Mistake(
      name: "profile that is not there", old: "eastron-sdm630", new: "eastron-sdm63",
      errors: """
        meterd: bad.toml:33: profile: there is no profile "eastron-sdm63" in \(Program.root)/devices
          There are: eastron-sdm120, eastron-sdm230, eastron-sdm630, eastron-sdm72d-v2.
        """),
    Mistake(
      name: "tariff that is not there", old: "hunan-residential-2012", new: "hunan",
      errors: """
        meterd: bad.toml:45: tariff: there is no tariff "hunan" in \(Program.root)/tariffs
          There are: hunan-residential-2012.
        """),
    Mistake(
      name: "account that is not there", old: "account = \"A-1002\"", new: "account = \"A-1003\"",
      errors:
        "meterd: bad.toml:23: account: account \"A-1003\" of meter \"D-0002\" is not there; add an [[account]]\n"
        + advice),
  ]

  @Test(arguments: mistakes)
  func `a mistake is told with file, line and key`(_ mistake: Mistake) async throws {
    let station = try TestStation()
    try station.write("bad.toml", mistake.old, mistake.new)
    try await expect(station.folder, ["check", "--config", "bad.toml"], fails: 78, mistake.errors)
  }

  @Test func `run, simulate and bill refuse it as check does`() async throws {
    let station = try TestStation()
    let mistake = Self.mistakes[0]
    try station.write("bad.toml", mistake.old, mistake.new)
    for command in [["run"], ["simulate"], ["bill", "run"], ["bill", "explain", "1"]] {
      try await expect(station.folder, command + ["--config", "bad.toml"], fails: 78, mistake.errors)
    }
  }

  @Test func `a file that is not there, or is a folder`() async throws {
    let folder = try Folder()
    try await expect(
      folder, ["run", "--config", "none.toml"], fails: 78,
      """
      meterd: there is no configuration none.toml
        Check the path; it counts from the folder you are in.
      """)
    try await expect(
      folder, ["check", "--config", folder.path], fails: 78,
      """
      meterd: \(folder.path) is a folder, not a configuration
        Give the path of the file in it.
      """)
  }

  @Test func `a tariff with a gap between its tiers`() async throws {
    let station = try TestStation()
    let tariff = try String(contentsOfFile: Program.root + "/tariffs/hunan-residential-2012.toml", encoding: .utf8)
    try station.folder.write("gap.toml", tariff.replacing("from = \"180\"", with: "from = \"190\""))
    let mistake =
      "gap.toml:27: tiers.season[0].tier[1].from: gap: the tier before ends at 180.00 kWh, this one starts at 190.00 kWh\n"
      + Self.advice
    try await expect(station.folder, ["rate", "--tariff", "gap.toml"], fails: 78, "meterd: " + mistake)
    let text = station.text().replacing("\(Program.root)/tariffs", with: station.folder.path)
      .replacing("hunan-residential-2012", with: "gap").replacing("guangdong-residential-2012", with: "gap")
    try station.folder.write("bad.toml", text)
    try await expect(
      station.folder, ["check", "--config", "bad.toml"], fails: 78,
      "meterd: bad.toml:40: tariff: \(station.folder.path)/" + mistake)
  }

  @Test func `a good configuration with its rounds, for people and for programs`() async throws {
    let station = try TestStation(
      tasks: """
        [[task]]
        name = "energy"
        every = "60s"
        read = ["energy.import.active.total"]
        meters = ["D-0001", "E-0001"]

        """)
    let text = try await station.folder.run("check", "--config", "station.toml")
    #expect(text.status == 0)
    #expect(
      text.outputText == """
        station.toml: good. 1 line, 2 accounts, 2 tariffs.
        first bills are issued without a look, as [review] first-bills = false says
        bus1  \(station.port)  115200 8E1  4 meters  load 0 %
          energy: 2 meters, 2 exchanges, 0.09 s every 60 s, done after 0.09 s at the latest
          times are for meters that answer after 40 ms; the daemon measures each and joins its registers by that

        """)
    let json = try await station.folder.run("check", "--config", "station.toml", "--json")
    #expect(json.status == 0)
    #expect(
      json.outputText
        == #"{"configuration":"station.toml","accounts":2,"tariffs":2,"first_bills_wait":false,"possible":true,"reply_delay_seconds":"0.04","sections":[],"lines":[{"line":"bus1","port":"\#(station.port)","serial":"115200 8E1","meters":4,"load":"0.001","rounds":[{"task":"energy","meters":2,"exchanges":2,"seconds":"0.09","interval":60,"priority":2,"feasible":true,"feasible_alone":true,"feasible_with_dead":true,"event_seconds":null,"beside_others":{"rounds":2880,"late":0,"left_out":0,"longest_seconds":"0.09"},"with_dead":{"rounds":2880,"late":0,"left_out":0,"longest_seconds":"0.09"},"remedies":[]}],"not_kept":[]}],"idle_tasks":[],"remarks":[]}"#
        + "\n")
  }

  @Test func `a task that reads nothing ends the check with 78, and is told with its line`() async throws {
    let station = try TestStation(
      tasks: "[[task]]\nname = \"x\"\nevery = \"60s\"\nread = [\"clock\"]\nmeters = [\"E-0001\"]\n")
    let seen = try await station.folder.run("check", "--config", "station.toml")
    #expect(seen.status == 78)
    #expect(seen.outputText.contains("\ntask x reads nothing: none of its meters offers what it names\n"))
    let line =
      (station.text(tasks: "[[task]]").split(separator: "\n", omittingEmptySubsequences: false)
        .firstIndex(of: "[[task]]") ?? 0) + 1
    #expect(
      seen.errorText == """
        meterd: station.toml:\(line): task x reads nothing: by their profiles none of its meters offers what it names
          Change its "read" or its "meters", or take the task away.

        """)
  }

  @Test func `a task that could not be kept alone ends the check with 78, one that is only crowded out does not`()
    async throws
  {
    func checked(_ tasks: [(String, Int)]) async throws -> Child.Seen {
      let text = tasks.map { every, priority in
        "[[task]]\nname = \"t\(priority)\"\nevery = \"\(every)\"\nread = [\"energy\", \"instantaneous\"]\npriority = \(priority)\n"
      }
      let station = try TestStation(tasks: text.joined())
      let slow = station.text(tasks: text.joined()).replacing("115200 8E1", with: "2400 8E1")
      try station.folder.write("station.toml", slow)
      return try await station.folder.run("check", "--config", "station.toml")
    }
    let impossible = try await checked([("1s", 1)])
    #expect(impossible.status == 78)
    #expect(impossible.outputText.contains("    cannot be kept even with the line to itself: of "))
    #expect(
      impossible.errorText == """
        meterd: task t1 on line bus1 cannot be kept even with the line to itself
          What would help stands above, and with --json under remedies.

        """)
    let crowded = try await checked([("15s", 1), ("12s", 2)])
    #expect(crowded.status == 0, "\(crowded.outputText)")
    #expect(crowded.outputText.contains("    cannot be kept beside the others: of "), "\(crowded.outputText)")
  }
}
