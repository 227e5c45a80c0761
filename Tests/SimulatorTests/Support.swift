import Metering
import Simulator
import Testing

/// Answers every frame of its language with the same bytes.
struct ParrotMeter: SimulatedMeter {
  let id: MeterID
  let language: MeterLanguage
  var unit: UInt8?
  let registers: MeterRegisters
  /// What a request must contain to be answered.
  var mark: UInt8
  var reply: [UInt8]
  var delay = BootInstant.Span.milliseconds(20)

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer? {
    request.contains(mark) ? Answer(bytes: reply, delay: delay) : nil
  }

  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? { nil }
}

let noon2026 = MeterTime(localSeconds: 1_795_348_800)

func someRegisters(seed: UInt64 = 1) throws -> MeterRegisters {
  MeterRegisters(curve: LoadCurve(seed: seed, start: try #require(MeterTime("2024-01-01T00:00"))))
}

func modbusParrot(unit: UInt8, reply: [UInt8]) throws -> ParrotMeter {
  ParrotMeter(
    id: try #require(MeterID("P-\(unit)")), language: .modbus, unit: unit, registers: try someRegisters(),
    mark: unit, reply: reply)
}

/// CRC-16 of Modbus, written here once more so that no code under test checks itself.
func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
  var sum: UInt16 = 0xFFFF
  for byte in bytes {
    sum ^= UInt16(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xA001 : sum >> 1 }
  }
  return bytes + [UInt8(sum & 0xFF), UInt8(sum >> 8)]
}

/// A DL/T 645 frame from its parts, data not yet offset.
func dlt645Frame(_ address: String, _ control: UInt8, _ data: [UInt8]) -> [UInt8] {
  let digits = Array(address.utf8).map { $0 >= 0x41 ? $0 - 0x41 + 10 : $0 - 0x30 }
  let wire = stride(from: 10, through: 0, by: -2).map { digits[$0] << 4 | digits[$0 + 1] }
  let body = [0x68] + wire + [0x68, control, UInt8(data.count)] + data.map { $0 &+ 0x33 }
  return body + [body.reduce(0, &+), 0x16]
}

/// A bus and its own time, for tests that never wait.
struct BusBench {
  var bus: SimulatedBus
  var now = BootInstant(nanoseconds: 1_000_000_000)

  init(_ meters: [BusMeter], faults: LineFaults = .none, isStrict: Bool = false, baud: Int = 9600) {
    let clock = SimulatedClock(origin: SimulatedInstant(noon2026), at: now)
    bus = SimulatedBus(
      pace: WirePace(baud: baud, bits: 10), meters: meters, faults: faults, clock: clock, isStrict: isStrict)
  }

  /// Lets so much time pass and collects what arrived, with the instants of the arrivals.
  mutating func pass(_ span: BootInstant.Span) -> [(at: BootInstant, bytes: [UInt8])] {
    let until = now + span
    var arrivals: [(at: BootInstant, bytes: [UInt8])] = []
    while let next = bus.nextEvent, next <= until {
      var bytes: [UInt8] = []
      now = max(now, next)
      bus.advance(to: now, into: &bytes)
      if !bytes.isEmpty { arrivals.append((now, bytes)) }
    }
    now = until
    return arrivals
  }

  /// Sends a request on a quiet line and returns all that comes back within ten seconds.
  mutating func ask(_ request: [UInt8]) -> [UInt8] {
    bus.hear(request, at: now)
    return pass(.seconds(10)).flatMap(\.bytes)
  }
}
