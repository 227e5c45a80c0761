import ArgumentParser
import Concentrator
import Metering

struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Lets the running daemon read its configuration again, and tells how that went.",
    discussion: """
      The daemon takes the file over whole, or goes on with the one it has and this tells what is wrong with the new \
      one: exit code 78. What the lines have learned of meters that stay is kept. Root and the daemon's own user may.

      EXAMPLES
        meterd reload
        meterd reload --socket /run/meterd/control.sock
      """)

  @OptionGroup var daemon: DaemonOption

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    // The lines end the exchange that is on the wire, and what they brought is stored.
    let result = try daemon.client().ask("reload", patience: .seconds(120))
    if json {
      print(result.text)
    } else {
      let lines = Int(result["lines"]?.number ?? 0), meters = Int(result["meters"]?.number ?? 0)
      print(
        "\(result["configuration"]?.word ?? "the configuration") is in force: \(counted(lines, "line")), \(counted(meters, "meter"))"
      )
    }
  }
}
