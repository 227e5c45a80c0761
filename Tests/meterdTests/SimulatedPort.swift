import Concentrator
import DLT645
import Foundation
import Host
import Metering
import Simulator
import Testing

/// A simulated line of this process that the program under test opens by its path.
final class SimulatedPort: Sendable {
  let folder: Folder
  let path: String
  private let station: SimulatedStation

  /// One meter of the line.
  struct Meter {
    let profile: String
    let address: String
    var edition: Edition?
    var serial: String?
    var delay = BootInstant.Span.milliseconds(5)
  }

  /// Behind a Modbus TCP server of this machine where there are no serial settings.
  init(_ meters: [Meter], serial: String?) async throws {
    folder = try Folder()
    let link = folder.path + "/port"
    let data = try DataFolders(devices: Program.root + "/devices", tariffs: Program.root + "/tariffs")
    let settings = try serial.map { try #require(SerialSettings($0)) } ?? .network
    var described: [MeterDescription] = []
    for (index, meter) in meters.enumerated() {
      var one = try MeterDescription(
        id: try #require(MeterID("M-\(index)")), profile: data.profile(meter.profile), address: meter.address,
        seed: UInt64(index + 1), delay: meter.delay, settings: meter.serial.flatMap { SerialSettings($0) })
      if let edition = meter.edition { one.kind = .dlt645(try #require(Address(meter.address)), edition) }
      described.append(one)
    }
    let line = LineDescription(
      name: "line", settings: settings, place: serial == nil ? .network(port: 0) : .terminal(link: link),
      meters: described)
    let clock = SimulatedClock(
      origin: SimulatedInstant(unixMilliseconds: HostClock.wall.unixMilliseconds), at: HostClock.boot)
    station = try await SimulatedStation.open([line], clock: clock)
    path = try #require(station.lines.first).path
  }

  func stop() async { _ = await station.stop() }

  /// Runs the program in the folder of the port, and ends the line after it.
  func run(_ arguments: String...) async throws -> Child.Seen {
    let seen = try await folder.run(arguments)
    await stop()
    return seen
  }
}
