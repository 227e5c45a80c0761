import Acquisition
import Concentrator
import Documents
import Testing

/// `[clock]`, and what may set clocks.
@Suite struct ClockConfigurationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let lines: String
    let line: Int
    let key: String
    var testDescription: String { name }
  }

  private static func text(_ clock: String, line: String = "", meter: String = "", control: String = "") -> String {
    """
    station = "Q"
    store = "m.db"
    [clock]
    \(clock)
    \(control)
    [[line]]
    name = "a"
    port = "/dev/ttyS1"
    \(line)
    [[line.meter]]
    id = "M"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    \(meter)
    """
  }

  @Test func `without a word nothing is set, and five minutes are told`() throws {
    let rules = try configuration(Self.text("")).clock.rules
    #expect(rules == ClockRules())
    #expect(rules.mode == .off)
    #expect(rules.reportOver == 300_000)
    #expect(rules.driftOver == 500)
    #expect(rules.setOver == 60_000)
    #expect(rules.setUnder == 900_000)
  }

  @Test func `every key is read`() throws {
    let entry = try configuration(
      Self.text(
        """
        set = "dry-run"
        report-over-s = 240
        drift-over-s-per-day = "1.5"
        drift-days = 10
        residual-s = 5
        set-over-s = 30
        set-under-s = 600
        password-file = "/etc/meterd/password"
        """)
    ).clock
    var rules = ClockRules()
    rules.mode = .dryRun
    rules.reportOver = 240_000
    (rules.driftOver, rules.driftDays) = (1500, 10)
    rules.residual = 5000
    (rules.setOver, rules.setUnder) = (30_000, 600_000)
    #expect(entry.rules == rules)
    #expect(entry.passwordFile == "/etc/meterd/password")
  }

  private static let mistakes = [
    Case(name: "no mode", lines: "set = \"yes\"", line: 4, key: "set"),
    Case(name: "no drift", lines: "drift-over-s-per-day = \"fast\"", line: 4, key: "drift-over-s-per-day"),
    Case(name: "no drift at all", lines: "drift-over-s-per-day = \"0\"", line: 4, key: "drift-over-s-per-day"),
    Case(name: "an empty band", lines: "set-over-s = 300\nset-under-s = 300", line: 5, key: "set-under-s"),
    Case(name: "set again and again", lines: "residual-s = 60", line: 0, key: "set-over-s"),
    Case(name: "beyond half an hour", lines: "set-under-s = 3600", line: 4, key: "set-under-s"),
    Case(name: "an unknown key", lines: "set-at = \"03:00\"", line: 4, key: "set-at"),
  ]

  @Test(arguments: mistakes)
  func `a mistake is told with its line and key`(_ each: Case) throws {
    do {
      _ = try configuration(Self.text(each.lines))
      Issue.record("accepted")
    } catch let error as DocumentError {
      #expect(error.key.hasSuffix(each.key), "\(error)")
      if each.line > 0 { #expect(error.line == each.line, "\(error)") }
    }
  }

  @Test func `a task reads clocks`() throws {
    let tail = "\n[[task]]\nname = \"clocks\"\nat = \"01:10\"\nread = [\"clock\"]\n"
    #expect(try configuration(Self.text("") + tail).tasks.first?.task.targets == [.clock])
  }

  private static let folders = "devices = \"\(root)/devices\"\ntariffs = \"\(root)/tariffs\"\n"
  private static let control = "[control]\nenabled = true"

  @Test(arguments: [
    ("", "", ""), ("", "allow = [\"set-time\"]", ""), ("allow-broadcast = [\"freeze\"]", "", control),
    ("", "allow = [\"write\"]", control),
  ])
  func `clocks that nothing allows to be set are a mistake`(_ line: String, _ meter: String, _ control: String) throws {
    let text = Self.folders + Self.text("set = \"on\"", line: line, meter: meter, control: control)
    let complaint = #expect(throws: Complaint.self) { try Station(configuration(text)) }
    #expect(complaint?.headline == "meterd.toml:6: clock.set: nothing allows any meter's clock to be set")
    // To look what would be done is always allowed.
    _ = try Station(configuration(text.replacing("\"on\"", with: "\"dry-run\"")))
  }

  @Test(arguments: [("allow-broadcast = [\"set-time\"]", ""), ("", "allow = [\"set-time\"]")])
  func `clocks that one list allows to be set are none`(_ line: String, _ meter: String) throws {
    _ = try Station(
      configuration(Self.folders + Self.text("set = \"on\"", line: line, meter: meter, control: Self.control)))
  }

  @Test func `a password file that is not there is told at once`() throws {
    let text =
      Self.folders
      + Self.text(
        "set = \"on\"\npassword-file = \"/nowhere/password\"", meter: "allow = [\"write\"]", control: Self.control)
    let complaint = #expect(throws: Complaint.self) { try Station(configuration(text)) }
    #expect(
      complaint?.headline == "meterd.toml:7: password-file: there is no password file /nowhere/password")
  }
}
