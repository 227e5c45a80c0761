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

  @Test func `a date and a time read around midnight are no clock`() throws {
    let date = try #require(CivilDate("2026-11-22"))
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("23:59:55")), at: start) == nil)
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("00:00:10")), at: start) == nil)
    #expect(ClockSight(date: date, time: try #require(TimeOfDay("12:00:10")), at: start) != nil)
  }
}
