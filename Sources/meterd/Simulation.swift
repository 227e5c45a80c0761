import Acquisition
import Concentrator
import Host
import Line
import Metering
import Simulator

/// The configured meters as simulated ones.
enum Simulation {
  /// Describes each line of a station with its meters and faults. `link` gives a line a link that leads to its
  /// terminal; `nil` for none.
  static func describe(
    _ station: Station, link: (Configuration.LineEntry) -> String?
  ) throws(SimulatorError) -> [LineDescription] {
    var lines: [LineDescription] = []
    for (line, meters) in zip(station.configuration.lines, station.meters) {
      var faults = LineFaults(seed: seed(line.name))
      faults[.echo] = line.simulatedEcho
      var described: [MeterDescription] = []
      for (entry, meter) in zip(line.meters, meters) {
        described.append(try describe(entry, meter, station.configuration.zone))
      }
      lines.append(
        LineDescription(
          name: line.name, settings: line.settings, place: place(line, link(line)), meters: described, faults: faults))
    }
    return lines
  }

  /// The simulated clock: wall time as it is.
  static func clock() -> SimulatedClock {
    SimulatedClock(
      origin: SimulatedInstant(unixMilliseconds: HostClock.wall.unixMilliseconds), at: HostClock.boot)
  }

  private static func place(_ line: Configuration.LineEntry, _ link: String?) -> LinePlace {
    switch line.port {
    case .device: .terminal(link: link)
    case .server(_, let port): .socket(port: UInt16(clamping: port))
    case .modbusServer(_, let port): .network(port: UInt16(clamping: port))
    }
  }

  private static func describe(
    _ entry: Configuration.MeterEntry, _ meter: LineMeter, _ zone: ZoneOffset
  ) throws(SimulatorError) -> MeterDescription {
    let wanted = entry.simulation
    var faults = LineFaults(seed: seed(entry.id.text))
    faults[.silence] = wanted.silent ? 1_000_000 : wanted.silentSome
    faults[.late] = wanted.late > 0 && wanted.lateSome == 0 ? 1_000_000 : wanted.lateSome
    faults.lateBy = .milliseconds(Int64(wanted.late > 0 ? wanted.late : 1500))
    faults[.bitFlip] = wanted.flippedBits
    faults[.noiseBefore] = wanted.noise
    faults[.truncation] = wanted.truncated
    var description = try MeterDescription(
      id: entry.id, profile: meter.profile, address: entry.address, seed: seed(entry.id.text),
      delay: .milliseconds(Int64(wanted.replyDelay)), faults: faults, settings: entry.settings, zone: zone,
      schedule: wanted.rateOfHour.flatMap { hours in
        RateSchedule(rateOfHalfHour: hours.flatMap { [$0, $0] })
      })
    description.habits.wakeUps = wanted.wakeUps
    return description
  }

  /// A number that stays with a name across runs. Source: FNV-1a, 64 bits.
  static func seed(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}

extension SimulatorError {
  /// What a person is told.
  var complaint: Complaint {
    switch self {
    case .terminal(let code): Complaint(.inputOutput, "no pseudo-terminal for a simulated line: \(systemError(code))")
    case .link(let path, let code):
      Complaint(
        .cannotCreate, "cannot make the link \(path) to a simulated line: \(systemError(code))",
        "Its folder must exist, and nothing but a link may stand there: a real port is not replaced.")
    case .port(let port, let code):
      Complaint(
        .inputOutput, "no simulated line can listen at 127.0.0.1:\(port): \(systemError(code))",
        "Another program may hold that port.")
    case .stopped: Complaint(.software, "the simulated line was stopped")
    case .meter(let meter, let reason): Complaint(.configuration, "meter \(meter) cannot be simulated: \(reason)")
    }
  }
}
