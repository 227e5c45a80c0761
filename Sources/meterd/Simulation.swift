import Acquisition
import Concentrator
import DLT645
import Devices
import Host
import Line
import Metering
import Modbus
import Simulator

/// The configured meters as simulated ones.
enum Simulation {
  /// Where the load of every simulated meter begins: far enough back for twelve settlements.
  static let beginning = MeterTime(localSeconds: 19_358 * 86_400)

  /// Describes each line of a station with its meters and faults.
  /// - Parameters:
  ///   - station: profiles and addresses.
  ///   - link: gives each line a link that leads to its terminal; `nil` for none.
  static func describe(_ station: Station, link: (Configuration.LineEntry) -> String?) -> [LineDescription] {
    zip(station.configuration.lines, station.meters).map { line, meters in
      var faults = LineFaults(seed: seed(line.name))
      faults[.echo] = line.simulatedEcho
      return LineDescription(
        name: line.name, settings: line.settings, place: place(line, link(line)),
        meters: zip(line.meters, meters).map { describe($0, $1, station.configuration.zone) }, faults: faults)
    }
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
    }
  }

  private static func describe(
    _ entry: Configuration.MeterEntry, _ meter: LineMeter, _ zone: ZoneOffset
  ) -> MeterDescription {
    let profile = meter.profile
    let curve = LoadCurve(seed: seed(entry.id.text), start: beginning, scale: profile.phases == 1 ? 30 : 100)
    let registers = MeterRegisters(
      curve: curve, zone: zone, phases: profile.phases, rateCount: profile.rates > 0 ? profile.rates : 63)
    var faults = LineFaults(seed: seed(entry.id.text))
    let wanted = entry.simulation
    faults[.silence] = wanted.silent ? 1_000_000 : wanted.silentSome
    faults[.late] = wanted.late > 0 && wanted.lateSome == 0 ? 1_000_000 : wanted.lateSome
    faults.lateBy = .milliseconds(Int64(wanted.late > 0 ? wanted.late : 1500))
    faults[.bitFlip] = wanted.flippedBits
    faults[.noiseBefore] = wanted.noise
    faults[.truncation] = wanted.truncated
    var description: MeterDescription
    switch (meter.address, profile.language) {
    case (.modbus(let unit), .modbus(let map)):
      description = MeterDescription(id: entry.id, kind: .modbus(unit: unit, registerMap(map)), registers: registers)
    case (.dlt645(let address), _):
      description = MeterDescription(id: entry.id, kind: .dlt645(address, .dlt645v2007), registers: registers)
      description.habits.wakeUps = wanted.wakeUps
    case (.modbus(let unit), .dlt645):
      // Cannot be: the address is read by the profile.
      description = MeterDescription(
        id: entry.id, kind: .modbus(unit: unit, RegisterMap(items: [])), registers: registers)
    }
    description.delay = .milliseconds(Int64(wanted.replyDelay))
    description.faults = faults
    description.settings = entry.settings
    return description
  }

  private static func registerMap(_ map: ModbusMap) -> RegisterMap {
    RegisterMap(
      items: map.registers.map { register in
        RegisterItem(
          register.range.function, register.range.first, format: register.format,
          quantity: register.quantity)
      }, forbidden: map.limits.forbidden, maximumCount: map.limits.maximumRegisters)
  }

  /// A number that stays with a name across runs. Source: FNV-1a, 64 bits.
  static func seed(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }
}

extension SimulatorError {
  /// What a person is told.
  var complaint: Complaint {
    Complaint(.inputOutput, "cannot open a simulated line: \(self)", "Another program may hold that port or link.")
  }
}
