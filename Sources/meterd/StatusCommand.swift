import ArgumentParser
import Concentrator
import Host
import Metering
import Store

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows how the running daemon stands: lines, rounds, meters, store, clock, bills.",
    discussion: """
      Of each line: its port, since when it is open or lost and why, its load (the share of the last quarter of an hour \
      in which it was in use), the rounds under way and how late they are for the meters that answer, passes of back-fill, \
      the next round, its counters. Meters are ok; late, where bytes of theirs came after their time again and again in \
      the last quarter of an hour; silent, asked again within seconds; set aside after several silences, asked every 50 s \
      at least; unknown, not asked yet; unreachable, where the port of their line is lost. Where no daemon runs that is \
      said, with what the store last knew: exit code 69.

      EXAMPLES
        meterd status
        meterd status --line bus1 --meters
        meterd status --config meterd.toml --json
      """)

  @OptionGroup var daemon: DaemonOption

  @Option(help: "Only this line.")
  var line: String?

  @Flag(help: "Lists each meter.")
  var meters = false

  @Flag(help: "One JSON object.")
  var json = false

  func run() throws {
    let client: ControlClient
    do {
      client = try daemon.client()
    } catch let complaint as Complaint where complaint.status == .noAnswer {
      try showStore()
      throw complaint
    }
    let status = try client.ask("status", Self.members(line: line, meters: meters))
    if json {
      print(status.text)
    } else {
      for line in StatusText(status).whole(meters: meters) { print(line) }
    }
  }

  static func members(line: String?, meters: Bool) -> [JSON.Member] {
    (line.map { [JSON.Member("line", .string($0))] } ?? []) + (meters ? [.init("meters", true)] : [])
  }

  /// What the store last knew, where it can be looked at.
  private func showStore() throws {
    guard daemon.socket == nil || daemon.config != nil else { return }
    let configuration = try Configuration.load(daemon.config ?? DaemonOption.installed)
    let zone = configuration.zone
    let reader: StoreReader
    do throws(StoreError) {
      reader = try StoreReader(path: configuration.store)
    } catch {
      if !json { print("The store \(configuration.store): \(Complaint(error).headline).") }
      return
    }
    let (last, gaps, holds) = try withStore { () throws(StoreError) in
      (try reader.lastReading(), try reader.countOfGaps(at: HostClock.wall.unixMilliseconds), try reader.holds())
    }
    let time = last.map { zone.rfc3339(unixMilliseconds: $0.reading.hostTime.unixMilliseconds) }
    if json {
      print(
        JSON.object([
          "running": false,
          "store": .object([
            "path": .string(configuration.store), "last": last.map { .integer($0.sequence) } ?? .null,
            "last_meter": .optional(last?.reading.key.meter.text), "last_time": .optional(time),
            "missing": .integer(gaps), "holds": .array(holds.map { $0.json(zone) }),
          ]),
        ]).text)
      return
    }
    print("No daemon runs. The store \(configuration.store) last knew:")
    if let last, let time {
      print("  reading \(last.sequence), of meter \(last.reading.key.meter), read at \(StatusText.short(time))")
    } else {
      print("  no reading")
    }
    print("  \(counted(Int(clamping: gaps), "value")) missing (meterd missing)")
    for hold in holds {
      print("  the bill of \(hold.account) for \(hold.cycle) waits: \(hold.reason)")
    }
  }
}
