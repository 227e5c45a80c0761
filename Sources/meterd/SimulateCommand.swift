import ArgumentParser
import Concentrator
import Glibc
import Line
import Metering
import Simulator
import Store
import UnixSignals

struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Plays the configured meters on pseudo-terminals, paced at the baud rate.",
    discussion: """
      Prints where each line is and goes on until it is interrupted; then it tells what happened on each. With --link the path that the configuration \
      names as a port becomes a link to the terminal, so that meterd run works with the same file; a port tcp:// or \
      modbus-tcp:// is listened on at 127.0.0.1. The passwords of levels 0, 2 and 4 are 123456. Faults are set a \
      meter with simulate = { silent = true } and the like in the configuration, or for all of them with the options \
      below. Chances are in parts per million: 20000 is 2 %.

      --event lets something happen to the DL/T 645 meters that they keep a record of, for a task with read = ["events"]:
      power-fail, voltage-loss-l1 and so on to l3, phase-failure-l1 to l3, all-loss, cover-open, terminal-cover-open, \
      programming, clock-set, demand-clear, event-clear, trip, close. @TIME is once, by the meters' clocks, of today where it \
      has no date; /EVERY is again and again, 1s to 7d, and no shorter than the task takes to read a meter: a count that grows \
      while its records are read is left to the next round. What is past when the meter is first asked was there before: meterd \
      events lists it as history. What has an end lasts half a minute at the most, and is noted when it is over. A meter of \
      the 1997 edition keeps programming, demand-clear, trip and close alone.

      With --verify nothing is played: each usable reading of a store is held against what the meter of the
      configuration had in that register when it was read. Exit code 65 where one is wrong or a checksum does not match.

      EXAMPLES
        meterd simulate --config station.toml --link
        meterd simulate --config station.toml --link --late 20000 --noise 20000 --seed 7
        meterd simulate --config station.toml --link --twins
        meterd simulate --config station.toml --link --event cover-open@03:10 --event power-fail/5m
        meterd simulate --config station.toml --verify meterd.db
      """)

  @Option(help: "The configuration.")
  var config: String

  @Flag(help: "Make the configured port paths links to the terminals.")
  var link = false

  @Option(help: ArgumentHelp("Check the readings of this store instead.", valueName: "store"))
  var verify: String?

  @Flag(help: "One JSON object a line.")
  var json = false

  @OptionGroup(title: "Events") var events: EventOptions

  @OptionGroup(title: "Faults") var faults: FaultOptions

  func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    let station = try Station(Configuration.load(config))
    if let verify { return try check(verify, station) }
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    let seed = faults.seed ?? Simulation.seed(station.configuration.station)
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      let clock = Simulation.clock()
      let today = station.configuration.zone.local(unixMilliseconds: clock.origin.unixMilliseconds).date
      let lines = events.apply(to: try Simulation.describe(station) { link ? "\($0.port)" : nil }, today: today)
      simulated = try await SimulatedStation.open(faults.apply(to: lines, seed: seed), clock: clock)
    } catch {
      throw error.complaint
    }
    if faults.drawsAny || faults.seed != nil { writeError("seed \(seed)\n") }
    for (line, entry) in zip(simulated.lines, station.configuration.lines) {
      if json {
        let object: JSON = .object([
          "line": .string(line.name), "path": .string(line.path), "serial": .string("\(entry.settings)"),
          "meters": .integer(Int64(entry.meters.count)), "seed": .string("\(seed)"),
        ])
        print(object.text)
      } else {
        print("\(line.name)  \(line.path)  \(entry.settings)  \(counted(entry.meters.count, "meter"))")
      }
    }
    fflush(nil)
    for await _ in signals { break }
    for (line, statistics) in zip(simulated.lines, await simulated.stop()) {
      guard !json else {
        print(statistics.json(line: line.name).text)
        continue
      }
      writeError(
        "\(line.name): \(statistics.requests) requests, \(statistics.replies) replies, \(statistics.collisions) collisions, \(statistics.brokenSilence) broken silences, \(statistics.faults.total) faults\n"
      )
    }
  }

  private func check(_ path: String, _ station: Station) throws {
    let zone = station.configuration.zone
    let lines: [LineDescription]
    do throws(SimulatorError) {
      lines = try Simulation.describe(station) { _ in nil }
    } catch {
      throw error.complaint
    }
    let result = try withStore { () throws(StoreError) in
      try TruthCheck(StoreReader(path: path), truth: Truth(lines, zone: zone), zone: zone)
    }
    print(json ? result.json.text : result.text)
    for example in result.examples { writeError("\(example)\n") }
    guard result.isGood else { throw ExitCode(ExitStatus.badData.rawValue) }
  }
}

extension LineStatistics {
  func json(line: String) -> JSON {
    .object([
      "line": .string(line), "requests": .integer(Int64(requests)), "replies": .integer(Int64(replies)),
      "collisions": .integer(Int64(collisions)), "broken_silences": .integer(Int64(brokenSilence)),
      "faults": .integer(Int64(faults.total)),
    ])
  }
}
