import Acquisition
import ArgumentParser
import Concentrator
import Metering

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks a configuration with its profiles and tariffs, and tells how long the rounds will take.",
    discussion: """
      Opens no port and no store. Exit code 78 with file, line and key when something is wrong, also where an account could \
      never be billed by what is agreed for it.

      Of each section: how many accounts are settled together, and on which day.

      Of each line: its load, and of each task the wire time of a round and how long after it is due the last meter is read, \
      beside all other tasks, by their priorities, deadlines and windows. Where a task cannot be kept that is said with \
      what would help, each change tried on the plan: a longer interval, a priority, a window, a speed, so many meters on \
      another line, less to read. It is said as well where it is not kept once one meter in ten is dead. A task that is not \
      kept beside the others is a remark and exit code 0: the daemon leaves rounds out and reads what it can. One that \
      could not be kept if it had its line to itself, or that reads nothing of any meter, is exit code 78, though meterd run \
      would start.

      EXAMPLES
        meterd check --config /etc/meterd/meterd.toml
        meterd check --config new.toml --json
      """)

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let station = try Station(Configuration.load(config))
    if let complaint = station.unbillable.first { throw complaint }
    let forecast = station.forecast()
    if json {
      print(forecast.json.text)
    } else {
      for line in forecast.text { print(line) }
    }
    if let entry = station.idleTasks.first {
      throw Complaint(
        .configuration,
        "\(station.configuration.file):\(entry.fileLine): task \(entry.task.name) reads nothing: by their profiles none of its meters offers what it names",
        "Change its \"read\" or its \"meters\", or take the task away.")
    }
    if let (line, task) = forecast.impossible {
      throw Complaint(
        .configuration, "task \(task) on line \(line) cannot be kept even with the line to itself",
        "What would help stands above, and with --json under remedies.")
    }
  }
}
