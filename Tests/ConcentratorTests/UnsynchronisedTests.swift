import DLT645
import Host
import Metering
import Store
import Testing

@testable import Acquisition
@testable import Concentrator

@Suite(.timeLimit(.minutes(1))) struct UnsynchronisedTests {
  /// Settlements of two months by the meter's clock, read while the host's clock stood so.
  private func answer(_ state: ClockState) throws -> Answer {
    let total = Quantity.energyTotal(.importActive)
    let boot = HostClock.boot
    let meterTime = ZoneOffset.china.local(unixMilliseconds: HostClock.wall.unixMilliseconds)
    return Answer(
      meter: try #require(MeterID("M-1")), line: "bus1", query: .identifier(DataIdentifier(rawValue: 0x0001_FF01)),
      slot: HostClock.wall.unixMilliseconds,
      observations: [1, 2].map { back in
        let value = RegisterValue(millionths: 500_000_000 - Int64(back) * 100_000_000, resolution: 10_000)
        return Observation(quantity: total, value: .number(value), memory: .settlement(back))
      }, requests: [[1]], replies: [[2]],
      hostTime: HostInstant(unixMilliseconds: HostClock.wall.unixMilliseconds, clock: state), bootTime: boot,
      startedAt: boot,
      replyDelay: nil, clock: ClockSight(meter: meterTime, at: boot), settlementDay: .firstOfMonth, isConfirmed: true)
  }

  @Test func `what was read while nobody had set the host's clock is billed by nobody`() async throws {
    for (state, isHeld) in [(ClockState.unsynchronised, true), (.synchronised, false)] {
      let bench = try StationBench("clock")
      let station = try bench.station()
      let store = try Store(path: station.configuration.store)
      let seen = Guarded<[StationEvent]>([])
      let intake = try await Intake(
        store: store, zone: station.configuration.zone, files: station.files, clock: station.clock
      ) { event in seen.withLock { $0.append(event) } }
      let (events, tell) = AsyncStream.makeStream(of: LineEvent.self)
      tell.yield(.answered(try answer(state)))
      tell.finish()
      await intake.run(events)
      let desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount, patience: 600,
        review: station.configuration.review, now: { station.clock.now }
      ) { event in seen.withLock { $0.append(event) } }
      try await desk.pass(all: true)
      try await desk.pass(all: true)
      let told = counts(seen.withLock { $0 })
      #expect(told.stored == 2)
      #expect(told.held == (isHeld ? 2 : 0))
      #expect(told.billed == (isHeld ? 0 : 1))
      // Said once, however often the desk looks.
      #expect(told.billsHeld == (isHeld ? 1 : 0))
      let holds = try bench.reader().holds()
      #expect(holds.map(\.account) == (isHeld ? ["A-1"] : []))
      #expect(holds.allSatisfy { $0.reason.contains("is held (HOST)") })
      // Once the clock is set the same memories are read again, and the bill comes after all.
      let (later, tellLater) = AsyncStream.makeStream(of: LineEvent.self)
      tellLater.yield(.answered(try answer(.synchronised)))
      tellLater.finish()
      await intake.run(later)
      try await desk.pass()
      #expect(try bench.bills().map(\.bill.account) == ["A-1"])
      #expect(try bench.reader().holds() == [])
      #expect(try bench.stored().map(\.version) == (isHeld ? [0, 0, 1, 1] : [0, 0]))
      await store.close()
    }
  }
}
