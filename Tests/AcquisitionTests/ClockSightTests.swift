import Acquisition
import Metering
import Testing

private let start = BootInstant(nanoseconds: 1_000_000_000_000)

@Suite struct ClockSightTests {
  @Test func `an answer that may straddle the boundary belongs to no month`() throws {
    let sight = ClockSight(meter: try #require(MeterTime("2026-10-31T23:59:50")), at: start)
    #expect(sight.boundary(1, of: .firstOfMonth, answeredAt: start + .seconds(2)) == MeterTime("2026-10-01T00:00:00"))
    #expect(sight.boundary(1, of: .firstOfMonth, answeredAt: start + .seconds(8)) == nil)
  }

  @Test func `what a slow meter may have looked at is no more exact than the exchange was long`() throws {
    let sight = ClockSight(meter: try #require(MeterTime("2026-11-01T00:00:20")), at: start)
    let slow = ClockSight(meter: sight.meter, at: start, took: .seconds(30))
    let answered = start + .seconds(1)
    #expect(sight.boundary(1, of: .firstOfMonth, answeredAt: answered) == MeterTime("2026-11-01T00:00:00"))
    #expect(
      sight.boundary(1, of: .firstOfMonth, answeredAt: answered, after: .milliseconds(14_001))
        == sight.boundary(1, of: .firstOfMonth, answeredAt: answered))
    #expect(sight.boundary(1, of: .firstOfMonth, answeredAt: answered, after: .seconds(30)) == nil)
    #expect(slow.boundary(1, of: .firstOfMonth, answeredAt: answered) == nil)
  }

  @Test func `a date and a time read around midnight are no clock`() throws {
    let date = try #require(CivilDate("2026-11-22"))
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("23:59:55")), at: start) == nil)
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("00:00:10")), at: start) == nil)
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("12:00:10")), at: start) != nil)
  }
}
