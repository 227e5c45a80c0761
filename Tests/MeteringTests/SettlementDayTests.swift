import Metering
import Testing

@Suite struct SettlementDayTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let day: Int, hour: Int, back: Int, now: String, expected: String
    var testDescription: String { "day \(day) hour \(hour), \(back) back at \(now)" }
  }

  static let rows = [
    Row(day: 1, hour: 0, back: 1, now: "2026-11-22T10:00", expected: "2026-11-01T00:00"),
    Row(day: 1, hour: 0, back: 12, now: "2026-11-22T10:00", expected: "2025-12-01T00:00"),
    Row(day: 1, hour: 0, back: 1, now: "2026-11-01T00:00", expected: "2026-11-01T00:00"),
    Row(day: 1, hour: 0, back: 1, now: "2026-10-31T23:59", expected: "2026-10-01T00:00"),
    Row(day: 25, hour: 12, back: 1, now: "2026-11-25T11:59", expected: "2026-10-25T12:00"),
    Row(day: 25, hour: 12, back: 2, now: "2027-01-25T12:00", expected: "2026-12-25T12:00"),
    Row(day: 28, hour: 23, back: 1, now: "2024-03-01T00:00", expected: "2024-02-28T23:00"),
  ]

  @Test(arguments: rows)
  func `a settlement is closed at its boundary`(_ row: Row) throws {
    let day = try #require(SettlementDay(day: row.day, hour: row.hour))
    let now = try #require(MeterTime(row.now))
    #expect(day.boundary(row.back, before: now).localSeconds == MeterTime(row.expected)?.localSeconds)
  }
}
