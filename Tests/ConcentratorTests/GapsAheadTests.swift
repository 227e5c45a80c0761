import DLT645
import Host
import Metering
import Testing

@testable import Acquisition
@testable import Concentrator
@testable import Store

/// Gaps that a clock that was ahead has noted.
@Suite struct GapsAheadTests {
  private static let energy = Query.identifier(DataIdentifier(rawValue: 0x0001_0000))

  private func answer(at slot: Int64, _ wall: HostInstant) throws -> Answer {
    let total = Quantity.energyTotal(.importActive)
    return Answer(
      meter: try #require(MeterID("M-1")), line: "bus1", query: Self.energy, slot: slot, slotGrace: 450_000,
      observations: [
        Observation(quantity: total, value: .number(RegisterValue(millionths: 5_000_000, resolution: 10_000)))
      ], requests: [[1]], replies: [[2]], hostTime: wall, bootTime: HostClock.boot, startedAt: HostClock.boot,
      replyDelay: nil, clock: nil, settlementDay: nil, isConfirmed: false, task: "e")
  }

  @Test func `a clock that goes back a day loses no gap, and what is read at its time is none`() async throws {
    let bench = try StationBench("ahead")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    let meter = try #require(MeterID("M-1"))
    let now = station.clock.now
    let slot = now.unixMilliseconds + 1000
    let day: Int64 = 86_400_000
    func gap(_ subject: String, _ instant: Int64, until: Int64? = nil, _ rounds: Int = 1) -> Gap {
      Gap(meter: meter, subject: subject, instant: instant, reason: "silent", until: until, rounds: rounds)
    }
    let before = gap("voltage.l1", now.unixMilliseconds - day)
    let kept = [gap(Self.energy.subject, slot + day), gap("task f", slot, until: slot + day, 3)]
    let closed = [gap(Self.energy.subject, slot), gap("task e", slot - 500, until: slot + day, 3)]
    _ = try await store.record([before] + kept + closed)
    let intake = try await Intake(
      store: store, zone: station.configuration.zone, files: station.files, clock: station.clock, report: { _ in })
    let (events, tell) = AsyncStream.makeStream(of: LineEvent.self)
    tell.yield(.journalWanted(line: "bus1"))
    tell.yield(.answered(try answer(at: slot, HostInstant(unixMilliseconds: slot, clock: .synchronised))))
    tell.finish()
    await intake.run(events)
    await store.close()
    #expect(Set(try bench.reader().openGaps()) == Set([before] + kept))
  }

  @Test func `a run that a restart lies within is none as soon as one of its rounds is read`() async throws {
    let bench = try StationBench("ahead-run")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    let meter = try #require(MeterID("M-1"))
    let slot = station.clock.now.unixMilliseconds + 1000
    let hour: Int64 = 3_600_000
    try await store.record([
      Gap(meter: meter, subject: "task e", instant: slot - hour, reason: "outage", until: slot + hour, rounds: 3)
    ])
    let intake = try await intake(store, station)
    await intake.take([try answer(at: slot, HostInstant(unixMilliseconds: slot, clock: .synchronised))])
    await store.close()
    #expect(try bench.reader().openGaps().isEmpty)
  }

  @Test func `a list of gaps that cannot be written costs no reading, and is set right by the next one`() async throws {
    let bench = try StationBench("ahead-failed")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    let meter = try #require(MeterID("M-1"))
    let slot = station.clock.now.unixMilliseconds + 1000
    let gaps = [
      Gap(meter: meter, subject: Self.energy.subject, instant: slot, reason: "silent"),
      Gap(meter: meter, subject: "task e", instant: slot, reason: "outage", until: slot + 3_600_000, rounds: 2),
    ]
    try await store.record(gaps)
    let intake = try await intake(store, station)
    let told = try answer(at: slot, HostInstant(unixMilliseconds: slot, clock: .synchronised))
    try await store.execute("CREATE TRIGGER stuck BEFORE UPDATE ON gap BEGIN SELECT RAISE(ABORT, 'stuck'); END")
    await intake.take([told])
    #expect(Set(try bench.reader().openGaps()) == Set(gaps))
    #expect(try bench.stored().count == 1)
    try await store.execute("DROP TRIGGER stuck")
    await intake.take([told])
    await store.close()
    #expect(try bench.reader().openGaps().isEmpty)
    #expect(try bench.stored().count == 1)
  }

  private func intake(_ store: Store, _ station: Station) async throws -> Intake {
    try await Intake(
      store: store, zone: station.configuration.zone, files: station.files, clock: station.clock, report: { _ in })
  }
}

extension Intake {
  fileprivate func take(_ answers: [Answer]) async {
    let (events, tell) = AsyncStream.makeStream(of: LineEvent.self)
    for answer in answers { tell.yield(.answered(answer)) }
    tell.finish()
    await run(events)
  }
}

extension Store {
  fileprivate func execute(_ sql: String) throws { try open().execute(sql) }
}
