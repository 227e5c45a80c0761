import Concentrator
import Foundation
import Metering
import Simulator
import Testing

@testable import meterd

/// A zone in which it is half past an hour: near a whole one no clock is set. 校时避开整点
var halfPastZone: ZoneOffset {
  let minute = Int(Date().timeIntervalSince1970 / 60) % 60
  return ZoneOffset(minutes: 480 + 30 - minute) ?? .china
}

/// A zone in which an hour has just begun.
var fullHourZone: ZoneOffset {
  let minute = Int(Date().timeIntervalSince1970 / 60) % 60
  return ZoneOffset(minutes: 480 + 1 - minute) ?? .china
}

/// A station in a folder of its own: two DL/T 645 meters, a silent one and a Modbus meter on one fast line.
final class TestStation: Sendable {
  let folder: Folder
  var port: String { folder.path + "/bus1" }
  var store: String { folder.path + "/meterd.db" }

  /// `tasks` stands at the end of the file, with the accounts.
  init(tasks: String = "") throws {
    folder = try Folder()
    try folder.write("station.toml", text(tasks: tasks))
  }

  /// What `station.toml` holds.
  func text(tasks: String = "") -> String {
    let today = ZoneOffset.china.local(unixMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)).date
    let from = today.firstOfMonth(addingMonths: -1)
    return """
      station = "T-1"
      store = "\(store)"
      devices = "\(Program.root)/devices"
      tariffs = "\(Program.root)/tariffs"
      trust-host-clock = true

      [[line]]
      name = "bus1"
      port = "\(port)"
      serial = "115200 8E1"

      [[line.meter]]
      id = "D-0001"
      profile = "dlt645-2007-three-phase"
      address = "202311110001"
      account = "A-1001"

      [[line.meter]]
      id = "D-0002"
      profile = "dlt645-2007-single-phase"
      address = "202311110002"
      ct = "50/5"
      account = "A-1002"

      [[line.meter]]
      id = "D-0003"
      profile = "dlt645-2007-single-phase"
      address = "202311110003"
      simulate = { silent = true }

      [[line.meter]]
      id = "E-0001"
      profile = "eastron-sdm630"
      address = "1"

      \(tasks)

      [[account]]
      id = "A-1001"
      tariff = "guangdong-residential-2012"
      from = "\(from)"

      [[account]]
      id = "A-1002"
      tariff = "hunan-residential-2012"
      from = "\(from)"

      [review]
      first-bills = false

      """
  }

  /// The same file with `old` changed to `new`, under another name.
  func write(_ name: String, _ old: String, _ new: String) throws {
    let text = text()
    #expect(text.contains(old))
    try folder.write(name, text.replacing(old, with: new, maxReplacements: 1))
  }

  /// Starts the meters and waits until they can be reached.
  func simulate() async throws -> Child {
    let meters = try folder.start("simulate", "--config", "station.toml", "--link")
    try await meters.wait("line") { $0.outputText.hasSuffix("meters\n") }
    return meters
  }

  /// Starts the daemon and waits until it is ready.
  func run(environment: [String: String] = [:]) async throws -> Child {
    let daemon = try folder.start("run", "--config", "station.toml", environment: environment)
    try await daemon.says("notice running station=T-1 store=\(store)\n")
    return daemon
  }

  /// The stored readings, as programs get them.
  func readings(_ arguments: String...) async throws -> [StoredLine] {
    let seen = try await folder.run(["readings", "--store", store, "--format", "ndjson"] + arguments)
    #expect(seen.errorText == "")
    return try StoredLine.all(seen.output)
  }

  /// Looks at the stored readings again and again until `isEnough`; throws when that is never so.
  func readings(
    _ arguments: String..., until isEnough: ([StoredLine]) -> Bool
  ) async throws -> [StoredLine] {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(60)
    while clock.now < deadline {
      let seen = try await folder.run(["readings", "--store", store, "--format", "ndjson"] + arguments)
      let found = try StoredLine.all(seen.output)
      if isEnough(found) { return found }
    }
    throw Failure("the readings do not come")
  }

  /// What the simulated meters hold: pure functions of time, whoever asks.
  func meters() throws -> [String: any SimulatedMeter] {
    let station = try Station(Configuration.load(folder.path + "/station.toml"))
    let lines = try Simulation.describe(station) { _ in nil }
    return Dictionary(uniqueKeysWithValues: lines.flatMap(\.meters).map { ($0.id.text, $0.meter) })
  }
}
