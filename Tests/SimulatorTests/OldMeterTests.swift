import DLT645
import Metering
import Simulator
import Testing

private let number = "000000063295"

@Suite struct OldMeterTests {
  private let now = SimulatedInstant(noon2026)

  private func meter(_ habits: SimulatedDLT645Meter.Habits = .init()) throws -> SimulatedDLT645Meter {
    var habits = habits
    habits.wakeUps = 0
    return SimulatedDLT645Meter(
      id: try #require(MeterID("O")), address: try #require(Address(number)), edition: .dlt645v1997,
      registers: try someRegisters(), habits: habits)
  }

  @Test func `a meter of 1997 answers 01H, also to 99 and AA, with its own address`() throws {
    var meter = try meter()
    let energy = meter.registers.curve.energy(at: noon2026.localSeconds) / 10_000
    let expected = dlt645Frame(number, 0x81, [0x10, 0x90] + bcd(energy, bytes: 4))
    for asked in [number, "999999999999", "AAAAAAAAAAAA"] {
      #expect(meter.answer(dlt645Frame(asked, 0x01, [0x10, 0x90]), at: now)?.bytes == expected)
    }
    #expect(meter.answer(dlt645Frame("000000063296", 0x01, [0x10, 0x90]), at: now) == nil)
  }

  @Test func `it does not know the functions of 2007, and refuses writes and unknown items`() throws {
    var meter = try meter()
    #expect(meter.answer(dlt645Frame(number, 0x11, [0, 0, 1, 0]), at: now) == nil)
    #expect(meter.answer(dlt645Frame("AAAAAAAAAAAA", 0x13, []), at: now) == nil)
    #expect(meter.answer(dlt645Frame(number, 0x01, [0xEE, 0xEE]), at: now)?.bytes == dlt645Frame(number, 0xC1, [2]))
    #expect(meter.answer(dlt645Frame(number, 0x14, [1, 2, 3, 4]), at: now) == nil)
    let write = dlt645Frame(number, 0x04, [0x32, 0xC0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    #expect(meter.answer(write, at: now)?.bytes == dlt645Frame(number, 0xC4, [4]))
  }

  @Test func `a block of total and rates, last month's too, comes whole or in parts`() throws {
    var whole = try meter()
    let month = try #require(MeterTime("2026-11-01T00:00")).localSeconds
    let energies = whole.registers.curve.energies(at: month)
    let expected = ([energies.reduce(0, +)] + energies).flatMap { bcd($0 / 10_000, bytes: 4) }
    let block = whole.answer(dlt645Frame(number, 0x01, [0x1F, 0x94]), at: now)?.bytes
    #expect(block == dlt645Frame(number, 0x81, [0x1F, 0x94] + expected))
    var habits = SimulatedDLT645Meter.Habits()
    habits.partSize = 12
    var parted = try meter(habits)
    #expect(
      parted.answer(dlt645Frame(number, 0x01, [0x1F, 0x94]), at: now)?.bytes
        == dlt645Frame(number, 0xA1, [0x1F, 0x94] + expected.prefix(12)))
    #expect(
      parted.answer(dlt645Frame(number, 0x02, [0x1F, 0x94, 1]), at: now)?.bytes
        == dlt645Frame(number, 0x82, [0x1F, 0x94] + expected.dropFirst(12) + [1]))
  }

  @Test func `it tells the time of a demand apart and without a year, and the day on which it closes its months`()
    throws
  {
    var old = try meter()
    old.registers = MeterRegisters(
      curve: old.registers.curve, settlementDay: 25, settlementHour: 8, rateCount: old.registers.rateCount)
    let day = old.answer(dlt645Frame(number, 0x01, [0x17, 0xC1]), at: now)?.bytes
    #expect(day == dlt645Frame(number, 0x81, [0x17, 0xC1, 0x08, 0x25]))
    // The demand of the month that ended on 25 October at eight, and the quarter of an hour in which it was.
    let total = try #require(Quantity(name: "demand.import.active.total"))
    let peaks = old.registers.curve.peakDemands(
      from: try #require(MeterTime("2026-09-25T08:00")).localSeconds,
      to: try #require(MeterTime("2026-10-25T08:00")).localSeconds)
    let peak = try #require(peaks.first)
    let when = MeterTime(localSeconds: try #require(peak.occurred))
    let fields = [when.time.minute, when.time.hour, when.date.day, when.date.month].flatMap { bcd(Int64($0), bytes: 1) }
    let times = try #require(old.answer(dlt645Frame(number, 0x01, [0x10, 0xB4]), at: now)?.bytes)
    #expect(times == dlt645Frame(number, 0x81, [0x10, 0xB4] + fields))
    let value = old.answer(dlt645Frame(number, 0x01, [0x10, 0xA4]), at: now)?.bytes
    #expect(value == dlt645Frame(number, 0x81, [0x10, 0xA4] + bcd(peak.watts * 10, bytes: 3)))
    let truth = try #require(old.truth(total, .settlement(1), at: now))
    #expect(truth.value.number?.millionths == peak.watts * 1000)
    #expect(truth.occurred?.localSeconds == when.localSeconds)
  }

  @Test func `the truth has the resolution of the edition`() throws {
    let old = try meter()
    let voltage = try #require(Quantity(name: "voltage.l1"))
    #expect(old.truth(voltage, .current, at: now)?.value.number?.resolution == 1_000_000)
    #expect(try dlt645Meter().truth(voltage, .current, at: now)?.value.number?.resolution == 100_000)
    #expect(old.truth(.energyTotal(.importActive), .settlement(2), at: now)?.value.number?.resolution == 10_000)
    #expect(old.truth(.energyTotal(.importActive), .settlement(3), at: now) == nil)
  }
}
