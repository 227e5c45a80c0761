import ArgumentParser
import Concentrator
import Metering

struct ClockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clock",
    abstract: "Shows how far the meters' clocks are off, as the running daemon last saw them.",
    discussion: """
      Seconds by which each clock is ahead of the host's, with the way of the answer taken out; by how much that may be \
      wrong; when it was looked at; what it gains a day, from three days on; when meterd last set it. A clock is ok, off \
      (beyond report-over-s of [clock]), faulty (off though it was set as often as it may be), or unknown. Meters without \
      a clock are not listed. What happened to clocks is in meterd events, codes CLK, DRIFT, CSET and CFLT. To look now: \
      meterd read METER clock.

      EXAMPLES
        meterd clock
        meterd clock M-0001 --json
      """)

  @Argument(help: "Only this meter.")
  var meter: String?

  @OptionGroup var daemon: DaemonOption

  @Option(help: "Only the meters of this line.")
  var line: String?

  @Flag(help: "One JSON object a meter.")
  var json = false

  func run() throws {
    let status = try daemon.client().ask("status", StatusCommand.members(line: line, meters: true))
    var all: [(line: String, meter: JSON)] = []
    for each in status["lines"]?.items ?? [] {
      for item in each["list"]?.items ?? [] { all.append((each["line"]?.word ?? "?", item)) }
    }
    if let meter {
      all.removeAll { $0.meter["meter"]?.word != meter }
      guard let known = all.first else {
        throw Complaint(
          .usage, "there is no meter \"\(meter)\" on \(line.map { "line \($0)" } ?? "any line")",
          "They are listed by meterd clock and by meterd status --meters.")
      }
      guard let clock = known.meter["clock"], clock != .null else {
        throw Complaint(
          .noAnswer, "the clock of meter \(meter) was not looked at yet, or it has none",
          "A task that reads freezes, settlements or clock looks at it. To look now: meterd read \(meter) clock")
      }
    }
    if !json {
      print("meter             clock s      +-  state    a day s  looked at            last set")
    }
    for (line, item) in all {
      guard let clock = item["clock"], clock != .null else { continue }
      let meter = item["meter"]?.word ?? "?"
      if json {
        guard case .object(let members) = clock else { continue }
        print(JSON.object([.init("meter", .string(meter)), .init("line", .string(line))] + members).text)
      } else {
        print(Self.row(meter, clock))
      }
    }
  }

  static func row(_ meter: String, _ clock: JSON) -> String {
    func column(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    func number(_ key: String, _ width: Int) -> String {
      let text = clock[key]?.word ?? "-"
      return String(repeating: " ", count: max(0, width - text.count)) + text
    }
    let looked = clock["looked_at"]?.word.map(StatusText.short) ?? "-"
    let set = clock["last_set"]?.word.map(StatusText.short) ?? "-"
    return column(meter, 16) + number("deviation_s", 9) + number("uncertainty_s", 8) + "  "
      + column(clock["state"]?.word ?? "?", 8) + number("drift_s_per_day", 8) + "  " + column(looked, 21) + set
  }
}
