@testable import Acquisition
import DLT645
import Devices
import Host
import Metering
import Simulator
import Testing

private let total = Quantity.energyTotal(.importActive)
private let slot: Int64 = 1_795_305_600_000
private let midnight = TimeOfDay("00:00") ?? noon.time
private let boot = BootInstant(nanoseconds: 5_000_000_000_000)
private let host = HostInstant(unixMilliseconds: slot + 1234, clock: .synchronised)

private func number(_ millionths: Int64) -> Value {
  .number(RegisterValue(millionths: millionths, resolution: 10_000))
}

private func answer(
  _ observations: [Observation], slot: Int64? = slot, clock: ClockSight? = nil,
  day: SettlementDay? = .firstOfMonth, doubt: String? = nil, readLater: Int64 = 1234, grace: Int64 = 900_000,
  took: BootInstant.Span = .zero, isConfirmed: Bool = false
) -> Acquisition.Answer {
  Acquisition.Answer(
    meter: id("M"), line: "bus", query: .identifier(DataIdentifier(rawValue: 0x0001_FF00)), slot: slot,
    slotGrace: grace, observations: observations, requests: [], replies: [],
    hostTime: HostInstant(unixMilliseconds: host.unixMilliseconds - 1234 + readLater, clock: .synchronised),
    bootTime: boot, startedAt: boot - took, replyDelay: nil, clock: clock, settlementDay: day, settlementDoubt: doubt,
    isConfirmed: isConfirmed)
}

private func sight(_ text: String) throws -> ClockSight {
  ClockSight(meter: try #require(MeterTime(text)), at: boot - .seconds(1))
}

@Suite struct AnswerTests {
  private let now = Observation(quantity: total, value: number(1_000_000))

  @Test func `a register as it stood is labelled with its round, or with the time of the read`() {
    #expect(answer([now]).readings(zone: .china).readings.map(\.key.instant) == [slot])
    let onDemand = answer([now], slot: nil).readings(zone: .china).readings
    #expect(onDemand.map(\.key.instant) == [host.unixMilliseconds])
    #expect(onDemand.map(\.key.kind) == [.instantaneous])
    #expect(onDemand.map(\.quality) == [.actual])
    #expect(onDemand.first?.meterTime == nil)
  }

  struct LateCase: Sendable, CustomTestStringConvertible {
    let after: Int64
    var schedule = Schedule.every(seconds: 86_400)
    let isOfSlot: Bool
    var testDescription: String { "\(schedule), \(after) ms after its slot" }
  }

  static let late = [
    LateCase(after: -2001, isOfSlot: false), LateCase(after: -2000, isOfSlot: true),
    LateCase(after: 900_000, isOfSlot: true), LateCase(after: 900_001, isOfSlot: false),
    LateCase(after: 12 * 3_600_000, schedule: .daily(midnight), isOfSlot: false),
    LateCase(after: 899_999, schedule: .daily(midnight), isOfSlot: true),
    LateCase(after: 30_000, schedule: .every(seconds: 60), isOfSlot: true),
    LateCase(after: 30_001, schedule: .every(seconds: 60), isOfSlot: false),
    LateCase(after: -3_240_000, schedule: .every(seconds: 3600), isOfSlot: false),
  ]

  @Test(arguments: late)
  func `what a register shows long after its round was due is of the time it was read`(_ row: LateCase) {
    let made = answer([now], readLater: row.after, grace: row.schedule.grace).readings(zone: .china).readings
    #expect(made.map(\.key.instant) == [row.isOfSlot ? slot : slot + row.after])
  }

  @Test func `a settlement of a meter that did not say when it closes its months is not labelled`() throws {
    let kept = Observation(quantity: total, value: number(2_000_000), memory: .settlement(1))
    let unknown = answer([kept], clock: try sight("2026-11-22T12:00:00"), day: nil).readings(zone: .china)
    #expect(unknown.readings == [])
    #expect(unknown.unlabelled.map(\.reason) == ["the meter's settlement day is not known"])
    let doubt = "the meter has more than one settlement day"
    let several = answer([kept], clock: try sight("2026-11-22T12:00:00"), day: nil, doubt: doubt).readings(zone: .china)
    #expect(several.readings == [])
    #expect(several.unlabelled.map(\.reason) == [doubt])
  }

  @Test func `a slow answer near the boundary belongs to no month, and a memory tells the clock at its read`() throws {
    let kept = Observation(quantity: total, value: number(2_000_000), memory: .settlement(1))
    let near = try sight("2026-12-01T00:00:20")
    #expect(answer([kept], clock: near, took: .seconds(2)).readings(zone: .china).readings.count == 1)
    #expect(answer([kept], clock: near, took: .seconds(25)).readings(zone: .china).readings == [])
    let made = answer([kept], clock: near).readings(zone: .china).readings
    #expect(made.map(\.meterTime) == [MeterTime("2026-12-01T00:00:21")])
  }

  @Test func `only numbers become readings`() throws {
    let date = try #require(CivilDate("2026-11-22"))
    let others = [
      Observation(quantity: try quantity("voltage.l1"), value: .absent),
      Observation(quantity: try #require(Quantity(.clockDate, .single)), value: .date(date)),
    ]
    let made = answer(others + [now]).readings(zone: .china)
    #expect(made.readings.map(\.key.quantity) == [total])
    #expect(made.unlabelled == [])
  }

  struct BoundaryCase: Sendable, CustomTestStringConvertible {
    let clock: String?
    var day = SettlementDay.firstOfMonth
    let back: Int
    let boundary: String?
    var reason: String?
    var testDescription: String { "\(clock ?? "no clock"), \(back) back" }
  }

  static let boundaries = [
    BoundaryCase(clock: "2026-11-22T12:00:00", back: 1, boundary: "2026-11-01T00:00:00"),
    BoundaryCase(clock: "2026-11-22T12:00:00", back: 12, boundary: "2025-12-01T00:00:00"),
    BoundaryCase(
      clock: "2026-11-22T12:00:00", day: SettlementDay(day: 25, hour: 8) ?? .firstOfMonth, back: 1,
      boundary: "2026-10-25T08:00:00"),
    BoundaryCase(clock: nil, back: 1, boundary: nil, reason: "the meter's clock is not known"),
    BoundaryCase(
      clock: "2026-11-30T23:59:58", back: 1, boundary: nil,
      reason: "the meter may have closed a month while it was read"),
    BoundaryCase(
      clock: "2026-12-01T00:00:02", back: 1, boundary: nil,
      reason: "the meter may have closed a month while it was read"),
    BoundaryCase(clock: "2026-12-01T00:00:10", back: 1, boundary: "2026-12-01T00:00:00"),
  ]

  @Test(arguments: boundaries)
  func `a settlement is labelled with the boundary by the meter's own clock`(_ row: BoundaryCase) throws {
    let kept = Observation(quantity: total, value: number(2_000_000), memory: .settlement(row.back))
    let made = answer([kept], clock: try row.clock.map(sight), day: row.day, isConfirmed: true).readings(zone: .china)
    #expect(
      made.readings.map { ZoneOffset.china.local(unixMilliseconds: $0.key.instant).description }
        == [row.boundary].compactMap { $0 })
    #expect(made.unlabelled.map(\.reason) == [row.reason].compactMap { $0 })
    #expect(made.readings.allSatisfy { $0.quality == .confirmed && $0.key.kind == .settlement })
  }

  @Test func `a freeze is labelled with the time that came with it, and without one it is left out`() throws {
    let frozen = Observation(quantity: total, value: number(3_000_000), memory: .dailyFreeze(1))
    let time = Observation(
      quantity: try #require(Quantity(.freezeTime, .single)),
      value: .instant(try #require(MeterTime("2026-11-22T00:00"))),
      memory: .dailyFreeze(1))
    let clock = try sight("2026-11-22T12:00:00")
    let made = answer([time, frozen], clock: clock).readings(zone: .china)
    #expect(made.readings.map(\.key.kind) == [.dailyFreeze])
    #expect(
      made.readings.map { ZoneOffset.china.rfc3339(unixMilliseconds: $0.key.instant) } == [
        "2026-11-22T00:00:00.000+08:00"
      ])
    let unseen = answer([time, frozen]).readings(zone: .china)
    #expect(unseen.readings == [])
    #expect(unseen.unlabelled.map(\.reason) == ["the meter's clock is not known"])
    let alone = answer([frozen], clock: clock).readings(zone: .china)
    #expect(alone.readings == [])
    #expect(alone.unlabelled.map(\.reason) == ["the freeze time is not known"])
  }
}

/// A meter whose clock goes on by some seconds with each question.
private struct HurriedMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  let step: Int64
  private var asked: Int64 = 0

  init(_ inner: any SimulatedMeter, step: Int64) {
    self.inner = inner
    self.step = step
  }

  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }
  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    asked += 1
    return inner.answer(request, at: now.advanced(bySeconds: step * asked))
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct DailyFreezeTests {
  private func frozen(_ profile: DeviceProfile, step: Int64) async throws -> (Rig, Tally) {
    let pair = try Pair("D", profile, address: "202311110001", on: settings(quickSettings))
    let rig = try Rig([pair], tasks: [once("freeze", [.dailyFreeze])]) { HurriedMeter($1, step: step) }
    return (rig, await rig.runToTheEnd())
  }

  @Test(arguments: ["dlt645-2007-three-phase", "dlt645-2007-single-phase"])
  func `daily freezes of the house's profiles become readings of midnight`(_ name: String) async throws {
    let (rig, tally) = try await frozen(profile(named: name), step: 0)
    let readings = tally.all.flatMap { $0.readings(zone: .china).readings }
    // The clock in one item, twice since it is far off the host's, and in two; then two freezes of four questions each.
    #expect(tally.answers == 5)
    #expect(tally.line.requests == 12)
    #expect(tally.wrong == [])
    // Total and four rates of import and export.
    #expect(readings.count == 10)
    let midnight = ZoneOffset.china.unixMilliseconds(of: MeterTime(localSeconds: noon.localSeconds - 43_200))
    #expect(
      readings.allSatisfy { $0.key.instant == midnight && $0.key.kind == .dailyFreeze && $0.quality == .confirmed })
    let truth = rig.truths[id("D")]?.truth(total, .dailyFreeze(1), at: SimulatedInstant(noon))
    #expect(readings.first { $0.key.quantity == total }?.value == truth?.value.number)
    // The proof has the time and the value.
    let freezes = tally.all.filter { $0.query.isBillingMemory }
    #expect(freezes.count == 2 && freezes.allSatisfy { $0.requests.count == 2 && $0.replies.count == 2 })
  }

  /// Midnight comes between any two of the questions of a read: then it is read again, and no value of one day ever
  /// gets the date of another.
  @Test(arguments: 1...9)
  func `a freeze that is read across midnight keeps value and date together`(_ question: Int) async throws {
    let step: Int64 = 600
    let profile = try TestProfile.dlt645(timeout: 1000, items: ["0001FF00"])
    let pair = try Pair("D", profile, address: "202311110001", on: settings(quickSettings))
    // Midnight is `question` steps after noon moved to the evening and the six questions for the clock: two looks that
    // differ, for the meter hurries, and the one that dates the freeze.
    let evening = 43_200 - step * Int64(question + 6) + step / 2
    let rig = try Rig([pair], tasks: [once("freeze", [.dailyFreeze])]) {
      HurriedMeter(ShiftedMeter(inner: $1, by: evening), step: step)
    }
    let tally = await rig.runToTheEnd()
    let readings = tally.all.flatMap { $0.readings(zone: .china).readings }
    #expect(tally.answers == 3)
    #expect(readings.count == 5)
    let differ = ["two looks at the meter's clock differ"]
    // On a machine that let a question wait beyond its time midnight comes at another one.
    let isHeard = tally.health.allSatisfy(\.isAnswering)
    let isTwice = question > 4 || question == 1 || tally.rejected == differ + ["two reads differ"]
    #expect(isTwice || !isHeard, "\(tally.rejected)")
    for reading in readings {
      let after = SimulatedInstant(unixMilliseconds: reading.key.instant + 1000)
      let truth = pair.description.meter.truth(reading.key.quantity, .dailyFreeze(1), at: after)
      #expect(truth?.value.number == reading.value)
    }
  }
}

/// A meter in another hour.
private struct ShiftedMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  let by: Int64
  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }
  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    inner.answer(request, at: now.advanced(bySeconds: by))
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}
