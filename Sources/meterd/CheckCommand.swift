import Acquisition
import ArgumentParser
import Concentrator
import Metering

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks a configuration with its profiles and tariffs, and tells how long the rounds will take.",
    discussion: """
      Opens no port and no store. Exit code 78 with file, line and key when something is wrong.

      EXAMPLE
        meterd check --config /etc/meterd/meterd.toml
      """)

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let station = try Station(Configuration.load(config))
    let forecast = station.forecast()
    if json {
      print(forecast.json.text)
    } else {
      for line in forecast.text { print(line) }
    }
  }
}
