import Acquisition
import Concentrator
import DLT645
import Devices
import Foundation
import Host
import Metering
import Simulator
import Store
import Testing

/// A station in a folder of its own, with simulated meters behind links in it.
final class StationBench: Sendable {
  let folder: String
  let toml: String

  /// Bills begin with the last month that was over `daysBehind`. `tariffs` is a folder of other tariffs than the house's.
  init(
    _ name: String, tail: String = "", lines: [String] = StationBench.lines, daysBehind: Int64 = 0,
    tariffs: String? = nil
  ) throws {
    folder = "\(NSTemporaryDirectory())meterd-\(name)-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var text = """
      station = "TEST"
      store = "\(folder)/meterd.db"
      time-zone = "+08:00"
      trust-host-clock = true
      devices = "\(root)/devices"
      tariffs = "\(tariffs ?? "\(root)/tariffs")"

      """
    for line in lines { text += line.replacingOccurrences(of: "FOLDER", with: folder) }
    let wall = HostClock.wall.unixMilliseconds - daysBehind * 86_400_000
    let from = ZoneOffset.china.local(unixMilliseconds: wall).date.firstOfMonth(addingMonths: -1)
    toml = text + StationBench.rest.replacingOccurrences(of: "FROM", with: "\(from)") + tail
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  static let lines = [
    """
    [[line]]
    name = "bus1"
    port = "FOLDER/bus1"
    serial = "115200 8E1"
    [[line.meter]]
    id = "M-1"
    profile = "dlt645-2007-three-phase"
    address = "202311110001"
    account = "A-1"
    [[line.meter]]
    id = "M-2"
    profile = "dlt645-2007-single-phase"
    address = "202311110002"
    account = "A-2"

    """,
    """
    [[line]]
    name = "bus2"
    port = "FOLDER/bus2"
    serial = "115200 8N1"
    [[line.meter]]
    id = "E-1"
    profile = "eastron-sdm630"
    address = "7"

    """,
  ]

  static let rest = """
    [[task]]
    name = "settlement"
    at = "00:00"
    read = ["settlement:energy.import.active.total"]
    [[task]]
    name = "energy"
    every = "24h"
    read = ["energy.import.active.total"]
    [[account]]
    id = "A-1"
    tariff = "shanghai-residential-2012"
    from = "FROM"
    [[account]]
    id = "A-2"
    tariff = "guangdong-residential-2012"
    from = "FROM"

    """

  /// Total and four rates now and at two settlements, of two meters; one register of the third.
  static let readings = 31

  func station(adding tail: String = "") throws -> Station { try Station(configuration(toml + tail)) }

  /// Opens the simulated lines. The meters' clocks are so many days behind the host's; `change` makes them other
  /// meters.
  func simulate(
    daysBehind: Int64 = 0, without missing: String? = nil, _ change: (inout MeterDescription) -> Void = { _ in }
  ) async throws -> SimulatedStation {
    let now = HostClock.wall.unixMilliseconds - daysBehind * 86_400_000
    let clock = SimulatedClock(origin: SimulatedInstant(unixMilliseconds: now), at: HostClock.boot)
    return try await SimulatedStation.open(descriptions(change).filter { $0.name != missing }, clock: clock)
  }

  func descriptions(_ change: (inout MeterDescription) -> Void = { _ in }) throws -> [LineDescription] {
    let station = try station()
    var lines: [LineDescription] = []
    for (line, meters) in zip(station.configuration.lines, station.meters) {
      let described = try meters.enumerated().map { index, meter in
        var description = try MeterDescription(
          id: meter.id, profile: meter.profile, address: line.meters[index].address,
          seed: UInt64(line.name.count + index),
          delay: .microseconds(200))
        change(&description)
        return description
      }
      lines.append(
        LineDescription(
          name: line.name, settings: line.settings, place: .terminal(link: "\(line.port)"), meters: described,
          followsPort: false, pace: WirePace(character: .microseconds(5), silence: .microseconds(18))))
    }
    return lines
  }

  func reader() throws -> StoreReader { try StoreReader(path: "\(folder)/meterd.db") }

  func stored() throws -> [StoredReading] {
    var all: [StoredReading] = []
    try reader().readings { all.append($0) }
    return all
  }

  func bills() throws -> [StoredBill] {
    var all: [StoredBill] = []
    try reader().bills { all.append($0) }
    return all
  }
}

/// A running station and what it has told so far.
final class StationRun: Sendable {
  let running: RunningStation
  private let events: AsyncStream<StationEvent>
  private let tell: AsyncStream<StationEvent>.Continuation

  init(_ station: Station) throws {
    let (events, tell) = AsyncStream.makeStream(of: StationEvent.self)
    self.events = events
    self.tell = tell
    running = try RunningStation(station) { tell.yield($0) }
  }

  /// What happens until `isEnough` says so.
  func events(until isEnough: (StationCounts, StationEvent) -> Bool) async -> [StationEvent] {
    var all: [StationEvent] = []
    var counts = StationCounts()
    for await event in events {
      all.append(event)
      counts.add(event)
      if isEnough(counts, event) { break }
    }
    return all
  }

  /// Stops, and gives what was told meanwhile.
  func stop() async -> [StationEvent] {
    await running.stop()
    tell.finish()
    return await events { _, _ in false }
  }
}

func counts(_ events: [StationEvent]) -> StationCounts {
  var counts = StationCounts()
  for event in events { counts.add(event) }
  return counts
}
