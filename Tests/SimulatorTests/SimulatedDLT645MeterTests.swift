import DLT645
import Metering
import Simulator
import Testing

private let number = "202311110001"

func dlt645Meter(
  _ address: String = number, seed: UInt64 = 1, habits: SimulatedDLT645Meter.Habits? = nil,
  registers: MeterRegisters? = nil
) throws -> SimulatedDLT645Meter {
  var plain = SimulatedDLT645Meter.Habits()
  plain.wakeUps = 0
  return SimulatedDLT645Meter(
    id: try #require(MeterID("D-\(address)")), address: try #require(Address(address)),
    registers: try registers ?? someRegisters(seed: seed), habits: habits ?? plain)
}

/// The data of an answer, not yet decoded: what stands after C and L, without 33H.
func dataOf(_ frame: [UInt8]) -> [UInt8] { frame.dropFirst(10).dropLast(2).map { $0 &- 0x33 } }

/// Packed decimal, low byte first.
func bcd(_ number: Int64, bytes: Int) -> [UInt8] {
  var rest = number
  return (0..<bytes).map { _ in
    defer { rest /= 100 }
    return UInt8((rest % 100 / 10) << 4 | rest % 10)
  }
}

@Suite struct SimulatedDLT645MeterTests {
  private let now = SimulatedInstant(noon2026)

  private func read(_ identifier: UInt32, from meter: inout SimulatedDLT645Meter) -> [UInt8] {
    meter.answer(dlt645Frame(number, 0x11, bcdOrder(identifier)), at: now)?.bytes ?? []
  }

  private func bcdOrder(_ identifier: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: identifier >> (8 * $0)) }
  }

  @Test func `the total on the wire is the register cut to two decimals`() throws {
    var meter = try dlt645Meter()
    let energy = meter.registers.curve.energy(at: noon2026.localSeconds)
    #expect(
      read(0x0001_0000, from: &meter) == dlt645Frame(number, 0x91, [0, 0, 1, 0] + bcd(energy / 10_000, bytes: 4)))
  }

  @Test func `a block is total and rates, and the rates fall short of it by less than their count`() throws {
    for seed in UInt64(1)...50 {
      var meter = try dlt645Meter(seed: seed)
      let frame = read(0x0001_FF00, from: &meter)
      #expect(frame.count == 12 + 4 + 20)
      let energies = meter.registers.curve.energies(at: noon2026.localSeconds)
      let total = energies.reduce(0, +) / 10_000
      let rates = energies.map { $0 / 10_000 }
      #expect(dataOf(frame) == [0, 0xFF, 1, 0] + ([total] + rates).flatMap { bcd($0, bytes: 4) })
      #expect((0..<Int64(rates.count)).contains(total - rates.reduce(0, +)))
    }
  }

  @Test func `settlements and freezes are the curve at their boundaries`() throws {
    var meter = try dlt645Meter()
    for (back, boundary) in [(1, "2026-11-01T00:00"), (2, "2026-10-01T00:00"), (12, "2025-12-01T00:00")] {
      let energy = meter.registers.curve.energy(at: try #require(MeterTime(boundary)).localSeconds)
      let identifier = 0x0001_0000 + UInt32(back)
      #expect(dataOf(read(identifier, from: &meter)) == bcdOrder(identifier) + bcd(energy / 10_000, bytes: 4))
    }
    for (back, boundary) in [(1, "2026-11-22T00:00"), (2, "2026-11-21T00:00"), (62, "2026-09-22T00:00")] {
      let time = try #require(MeterTime(boundary))
      let energy = meter.registers.curve.energy(at: time.localSeconds)
      let identifier = 0x0506_0100 + UInt32(back)
      #expect(
        dataOf(read(identifier, from: &meter)).prefix(8) == (bcdOrder(identifier) + bcd(energy / 10_000, bytes: 4))[...]
      )
      let stamp = dataOf(read(0x0506_0000 + UInt32(back), from: &meter))
      let digits = [time.time.minute, time.time.hour, time.date.day, time.date.month, 26].flatMap {
        bcd(Int64($0), bytes: 1)
      }
      #expect(stamp.dropFirst(4) == digits[...])
    }
  }

  @Test func `a settlement on another day and hour closes there`() throws {
    let curve = LoadCurve(seed: 1, start: try #require(MeterTime("2024-01-01T00:00")))
    let meter = try dlt645Meter(registers: MeterRegisters(curve: curve, settlementDay: 23, settlementHour: 6))
    let total = Quantity.energyTotal(.importActive)
    for (now, boundary) in [
      ("2026-11-23T05:59:59", "2026-10-23T06:00"), ("2026-11-23T06:00", "2026-11-23T06:00"),
      ("2026-01-05T00:00", "2025-12-23T06:00"),
    ] {
      let told = meter.truth(total, .settlement(1), at: SimulatedInstant(try #require(MeterTime(now))))
      let expected = curve.energy(at: try #require(MeterTime(boundary)).localSeconds) / 10_000 * 10_000
      #expect(told?.value == .number(RegisterValue(millionths: expected, resolution: 10_000)))
    }
  }

  @Test func `the first settlement day is set, the second and third are not`() throws {
    let curve = LoadCurve(seed: 1, start: try #require(MeterTime("2024-01-01T00:00")))
    var meter = try dlt645Meter(registers: MeterRegisters(curve: curve, settlementDay: 23, settlementHour: 6))
    #expect(dataOf(read(0x0400_0B01, from: &meter)).suffix(2) == [0x06, 0x23])
    for identifier: UInt32 in [0x0400_0B02, 0x0400_0B03] {
      #expect(dataOf(read(identifier, from: &meter)).suffix(2) == [0x99, 0x99])
    }
  }

  @Test func `what was before the meter's first day is filled with FF`() throws {
    let curve = LoadCurve(seed: 1, start: try #require(MeterTime("2026-10-15T00:00")))
    var meter = try dlt645Meter(registers: MeterRegisters(curve: curve))
    #expect(dataOf(read(0x0001_0002, from: &meter)).suffix(4) == [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(dataOf(read(0x0001_0001, from: &meter)).suffix(4) != [0xFF, 0xFF, 0xFF, 0xFF])
  }

  @Test func `long blocks come in parts, numbered from one, and together they are whole`() throws {
    var whole = try dlt645Meter()
    let expected = Array(dataOf(read(0x0001_FF00, from: &whole)).dropFirst(4))
    for size in [1, 3, 7, 19, 20] {
      var habits = SimulatedDLT645Meter.Habits()
      habits.wakeUps = 0
      habits.partSize = size
      var meter = try dlt645Meter(habits: habits)
      let first = read(0x0001_FF00, from: &meter)
      var collected = Array(dataOf(first).dropFirst(4))
      var more = first[8] == 0xB1
      #expect(first[8] == (size < 20 ? 0xB1 : 0x91))
      var sequence: UInt8 = 0
      while more {
        sequence += 1
        let part = meter.answer(dlt645Frame(number, 0x12, bcdOrder(0x0001_FF00) + [sequence]), at: now)?.bytes ?? []
        try #require(part.count > 12)
        more = part[8] == 0xB2
        #expect(part[8] == (more ? 0xB2 : 0x92))
        #expect(dataOf(part).last == sequence)
        collected += dataOf(part).dropFirst(4).dropLast()
      }
      #expect(collected == expected)
      let beyond = meter.answer(dlt645Frame(number, 0x12, bcdOrder(0x0001_FF00) + [sequence + 1]), at: now)?.bytes
      #expect(beyond == dlt645Frame(number, 0xD2, [2]))
    }
  }

  @Test func `what the meter does not have it refuses, and what writes it does not obey`() throws {
    var meter = try dlt645Meter()
    #expect(read(0x0A0B_0C0D, from: &meter) == dlt645Frame(number, 0xD1, [2]))
    let write = dlt645Frame(number, 0x14, bcdOrder(0x0400_0401) + [2, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    #expect(meter.answer(write, at: now)?.bytes == dlt645Frame(number, 0xD4, [4]))
    #expect(meter.answer(dlt645Frame(number, 0x01, [0x10, 0x90]), at: now) == nil)
    #expect(meter.answer(dlt645Frame("999999999999", 0x08, [0, 0, 12, 1, 1, 26]), at: now) == nil)
    #expect(meter.answer(dlt645Frame("AAAAAAAAAAAA", 0x1A, [2, 0, 0, 0, 1, 0, 0, 0]), at: now) == nil)
  }

  @Test func `wildcards and short addresses are answered with the full address`() throws {
    var meter = try dlt645Meter()
    let address = dlt645Frame(number, 0x93, [0x01, 0x00, 0x11, 0x11, 0x23, 0x20])
    for asked in [number, "AAAAAAAAAAAA", "AAAAAAAA0001", "AAAAAAAAAA01"] {
      #expect(meter.answer(dlt645Frame(asked, 0x13, []), at: now)?.bytes == address)
      let energy = meter.answer(dlt645Frame(asked, 0x11, [0, 0, 1, 0]), at: now)?.bytes ?? []
      #expect(energy == read(0x0001_0000, from: &meter))
    }
    for foreign in ["AAAAAAAAAA02", "202311110002", "999999999999"] {
      #expect(meter.answer(dlt645Frame(foreign, 0x13, []), at: now) == nil)
    }
  }

  @Test func `damaged frames and answers of others stay without an answer`() throws {
    var meter = try dlt645Meter()
    let question = dlt645Frame(number, 0x11, [0, 0, 1, 0])
    for position in question.indices {
      var damaged = question
      damaged[position] ^= 0x10
      #expect(meter.answer(damaged, at: now) == nil)
      #expect(meter.answer(Array(question.prefix(position)), at: now) == nil)
    }
    #expect(meter.answer(dlt645Frame(number, 0x91, [0, 0, 1, 0]), at: now) == nil)
  }

  @Test func `habits show on the wire`() throws {
    var habits = SimulatedDLT645Meter.Habits()
    habits.wakeUps = 3
    habits.trailer = [0xFF, 0xFF]
    habits.closesBlocks = true
    habits.keepsWildcard = true
    habits.missing = [DataIdentifier(rawValue: 0x0201_FF00)]
    var meter = try dlt645Meter(habits: habits)
    let block = read(0x0001_FF00, from: &meter)
    #expect(block.prefix(4) == [0xFE, 0xFE, 0xFE, 0x68])
    #expect(block.suffix(3) == [0x16, 0xFF, 0xFF])
    #expect(block[block.count - 5] == 0xAA &+ 0x33)
    #expect(read(0x0201_FF00, from: &meter).dropFirst(3).dropLast(2) == dlt645Frame(number, 0xD1, [2])[...])
    let wild = meter.answer(dlt645Frame("AAAAAAAAAAAA", 0x13, []), at: now)?.bytes ?? []
    #expect(wild.dropFirst(4).prefix(6).allSatisfy { $0 == 0xAA })
  }

  @Test func `a sleepy meter hears only what comes after enough FE`() throws {
    var habits = SimulatedDLT645Meter.Habits()
    habits.neededWakeUps = 2
    habits.wakeUps = 0
    var bench = BusBench([BusMeter(try dlt645Meter(habits: habits))])
    let question = dlt645Frame(number, 0x13, [])
    for wakeUps in 0...4 {
      let heard = bench.ask([0x00, 0xFF] + [UInt8](repeating: 0xFE, count: wakeUps) + question)
      #expect(heard.isEmpty == (wakeUps < 2))
    }
  }

  @Test func `the clock shows simulated time and its offset, and boundaries follow it`() throws {
    let curve = LoadCurve(seed: 1, start: try #require(MeterTime("2024-01-01T00:00")))
    var fast = try dlt645Meter(registers: MeterRegisters(curve: curve, clockOffset: 300))
    // 2026-11-22 is a Sunday.
    #expect(dataOf(read(0x0400_010C, from: &fast)).dropFirst(4) == [0x00, 0x05, 0x12, 0x00, 0x22, 0x11, 0x26])
    let freeze = try #require(Quantity(.freezeTime, .single))
    let justBefore = SimulatedInstant(try #require(MeterTime("2026-11-22T23:56")))
    #expect(
      fast.truth(freeze, .dailyFreeze(1), at: justBefore)?.value
        == .instant(try #require(MeterTime("2026-11-23T00:00"))))
  }
}
