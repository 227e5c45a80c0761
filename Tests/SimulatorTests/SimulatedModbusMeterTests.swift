import Metering
import Modbus
import Simulator
import Testing

/// Part of the SDM630 map. Source: Eastron SDM630 Modbus protocol; volkszaehler/mbmd meters/rs485/sdm.go.
func sdm630() throws -> RegisterMap {
  let places: [(Int, String)] = [
    (0x0000, "voltage.l1"), (0x0002, "voltage.l2"), (0x0004, "voltage.l3"), (0x0006, "current.l1"),
    (0x0008, "current.l2"), (0x000A, "current.l3"), (0x000C, "power.active.l1"), (0x000E, "power.active.l2"),
    (0x0010, "power.active.l3"), (0x0034, "power.active.total"), (0x0046, "frequency"),
    (0x0048, "energy.import.active.total"), (0x004A, "energy.export.active.total"),
  ]
  return RegisterMap(
    items: try places.map {
      RegisterItem(
        .inputRegisters, register: $0.0, format: RegisterFormat(.f32), quantity: try #require(Quantity(name: $0.1)))
    }, forbidden: [try #require(RegisterRange(.inputRegisters, first: 0x0020, count: 4))], maximumCount: 80)
}

func modbusMeter(unit: UInt8 = 1, seed: UInt64 = 1) throws -> SimulatedModbusMeter {
  SimulatedModbusMeter(
    id: try #require(MeterID("M-\(unit)")), address: unit, map: try sdm630(), registers: try someRegisters(seed: seed))
}

@Suite struct SimulatedModbusMeterTests {
  private let now = SimulatedInstant(noon2026)

  private func ask(_ meter: SimulatedModbusMeter, _ request: [UInt8]) -> [UInt8]? {
    var meter = meter
    return meter.answer(withChecksum(request), at: now)?.bytes
  }

  @Test func `the float on the wire is the register's value`() throws {
    let meter = try modbusMeter()
    let reply = try #require(ask(meter, [1, 4, 0, 0x48, 0, 2]))
    #expect(reply.count == 9)
    #expect(reply == withChecksum(Array(reply.dropLast(2))))
    let bits = reply[3..<7].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let energy = meter.registers.curve.energy(at: meter.registers.clock(at: now).localSeconds)
    #expect(Float(bitPattern: bits) == Float(Double(energy) / 1_000_000))
  }

  @Test func `a block holds every value in its place, and 0 between them`() throws {
    let meter = try modbusMeter()
    let block = try #require(ask(meter, [1, 4, 0, 0x34, 0, 24]))
    #expect(block.count == 5 + 48)
    for register in [0x34, 0x46, 0x48, 0x4A] {
      let single = try #require(ask(meter, [1, 4, 0, UInt8(register), 0, 2]))
      let place = 3 + 2 * (register - 0x34)
      #expect(block[place..<(place + 4)] == single[3..<7])
    }
    #expect(block[7..<(3 + 2 * 0x12)].allSatisfy { $0 == 0 })
  }

  @Test(
    arguments: [
      ([1, 4, 0x0F, 0, 0, 2], [1, 0x84, 2]), ([1, 4, 0, 0x4B, 0, 2], [1, 0x84, 2]),
      ([1, 3, 0, 0, 0, 2], [1, 0x83, 2]),
      ([1, 4, 0, 0x1E, 0, 4], [1, 0x84, 2]), ([1, 4, 0, 0, 0, 0], [1, 0x84, 3]), ([1, 4, 0, 0, 0, 81], [1, 0x84, 3]),
      ([1, 4, 0xFF, 0xFF, 0, 2], [1, 0x84, 2]), ([1, 6, 0, 0, 0, 2], [1, 0x86, 1]),
      ([1, 0x2B, 0x0E, 1, 0], [1, 0xAB, 1]),
    ] as [([UInt8], [UInt8])])
  func `what a meter cannot do it refuses`(_ request: [UInt8], _ refusal: [UInt8]) throws {
    #expect(ask(try modbusMeter(), request) == withChecksum(refusal))
  }

  @Test func `a meter is silent for others, for all at once, and for bad checksums`() throws {
    var meter = try modbusMeter(unit: 7)
    #expect(ask(meter, [8, 4, 0, 0, 0, 2]) == nil)
    #expect(ask(meter, [0, 4, 0, 0, 0, 2]) == nil)
    var damaged = withChecksum([7, 4, 0, 0, 0, 2])
    damaged[7] ^= 1
    #expect(meter.answer(damaged, at: now) == nil)
    #expect(meter.answer([], at: now) == nil)
    #expect(meter.answer([7], at: now) == nil)
  }

  @Test func `the truth is what a reading decodes to`() throws {
    let meter = try modbusMeter()
    for item in meter.map.items {
      let reply = try #require(ask(meter, [1, 4, 0, UInt8(item.register), 0, 2]))
      let words = [UInt16(reply[3]) << 8 | UInt16(reply[4]), UInt16(reply[5]) << 8 | UInt16(reply[6])]
      #expect(meter.truth(item.quantity, .current, at: now)?.value == (try item.format.decode(words)))
    }
  }
}
