import ArgumentParser
import Concentrator
import Metering

struct ReadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "read",
    abstract: "Reads a meter now, through the running daemon.",
    discussion: """
      The daemon asks between two exchanges, before its rounds. What the meter tells is judged and stored like every \
      reading, as instantaneous with the time of the read; the table says with which verdict. Where the line is lost \
      or the meter is known to be silent that is said at once, with what is known: exit code 69. Without names \
      every energy register is read; energy and instantaneous stand for all of their kind. A reload of the daemon does not \
      end a read, unless it changes the meter. Where only a part was told the rest is on standard error, and the exit \
      code is 69 where a meter or port fell silent, 75 where another try may bring it, 0 where the meter has no such thing.

      EXAMPLES
        meterd read M-0001
        meterd read M-0001 energy.import.active.total voltage.l1 --json
        meterd read M-0007 instantaneous --anyway
      """)

  @Argument(help: "The meter's id in the configuration.")
  var meter: String

  @Argument(help: "What is read, such as energy.import.active.total.")
  var quantities: [String] = []

  @OptionGroup var daemon: DaemonOption

  @Flag(help: "Asks the meter though it is known to be silent.")
  var anyway = false

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    // Slips are told without a daemon.
    _ = try ControlRequest.targets(quantities)
    var members = [JSON.Member("meter", .string(meter))]
    if !quantities.isEmpty { members.append(.init("quantities", .array(quantities.map(JSON.string)))) }
    if anyway { members.append(.init("anyway", true)) }
    let result = try daemon.client().ask("read", members, patience: .seconds(600))
    if json {
      print(result.text)
    } else {
      for value in result["values"]?.items ?? [] { print(Self.line(value)) }
      for missing in result["missing"]?.items ?? [] {
        writeError("meterd: \(missing["item"]?.word ?? "?"): \(missing["reason"]?.word ?? "?")\n")
      }
    }
    // What was told is printed by then; a script must see that it is not all.
    let worst = (result["missing"]?.items ?? []).compactMap { $0["status"]?.number }
      .filter { [ExitStatus.noAnswer, .tryLater].map { Int64($0.rawValue) }.contains($0) }.max()
    if let worst { throw ExitCode(Int32(clamping: worst)) }
  }

  private static func line(_ value: JSON) -> String {
    let name = value["quantity"]?.word ?? "?"
    var line = "\(name)  \(value["value"]?.word ?? "-")"
    if let unit = value["unit"]?.word { line += " \(unit)" }
    if let occurred = value["occurred"]?.word { line += " at \(occurred)" }
    if let verdict = value["verdict"]?.word {
      let findings = (value["findings"]?.items ?? []).compactMap(\.word)
      line += "  \(verdict)\(findings.isEmpty ? "" : " (\(findings.joined(separator: " ")))")"
    }
    if let chinese = Quantity(name: name)?.chineseName { line += "  \(chinese)" }
    return line
  }
}
