import Metering
import Modbus
import Testing

@testable import Acquisition

/// Windows, days of the month, key meters and deadlines: what a concentrator's tasks have.
@Suite struct TaskRuleTests {
  private let zone = ZoneOffset.china
  private func at(_ text: String) throws -> Int64 { zone.unixMilliseconds(of: try #require(MeterTime(text))) }
  private func query(_ bits: UInt16) -> Query { .registers(function: .inputRegisters, start: bits, count: bits) }

  /// What is asked, as "METER:COUNT at SECOND", while the plan runs from `from` for so many seconds.
  private func asked(
    _ meters: [LinePlan.Meter], _ tasks: [AcquisitionTask], from: String, seconds: Int64,
    _ conclude: (LinePlan.Ask) -> LinePlan.Conclusion = { _ in .answered(delay: nil) }
  ) throws -> (asked: [String], missed: [LinePlan.Missed.Reason]) {
    let start = BootInstant(nanoseconds: 5_000_000_000), wallStart = try at(from)
    func wall(_ now: BootInstant) -> HostInstant {
      HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds, clock: .synchronised)
    }
    var plan = LinePlan(tasks: tasks, meters: meters, zone: zone, at: start, wall: wall(start))
    var now = start
    var all: [String] = []
    var missed: [LinePlan.Missed.Reason] = []
    var turns = 0
    while now < start + .seconds(seconds) {
      turns += 1
      try #require(turns < 100_000, "the plan spins")
      switch plan.next(at: now, wall: wall(now)) {
      case .rest(let until): now = max(until, now)
      case .ask(let ask):
        if case .registers(_, _, let count) = ask.query {
          all.append("\(ask.meter):\(count) at \((now - start).milliseconds / 1000)")
        }
        now = now + .milliseconds(100)
        plan.concluded(ask, conclude(ask), at: now)
      }
      missed += plan.takeMissed().map(\.reason)
    }
    return (all, missed)
  }

  private func meter(_ programme: [[Query]], isKey: Bool = false) -> LinePlan.Meter {
    LinePlan.Meter(
      id: .unnamed, programme: programme, probes: [query(2)], replyLimit: .seconds(1), isKey: isKey)
  }

  private func task(_ schedule: Schedule, _ windows: [String] = [], priority: Int = 2) throws -> AcquisitionTask {
    AcquisitionTask(
      name: "t", schedule: schedule, targets: [.energies], priority: priority,
      windows: try windows.map { try #require(TimeWindow($0)) })
  }

  @Test func `a window is a part of the day, over midnight if need be`() throws {
    let cases: [(String, [(String, Bool)], Int)] = [
      ("08:00-09:30", [("08:00", true), ("09:29:59", true), ("09:30", false), ("07:59:59", false)], 5400),
      ("22:00-06:00", [("22:00", true), ("00:00", true), ("05:59:59", true), ("06:00", false)], 28_800),
      ("12:00-24:00", [("23:59:59", true), ("00:00", false), ("12:00", true)], 43_200),
      ("00:00-24:00", [("00:00", true), ("12:00", true)], 86_400),
    ]
    for (text, times, length) in cases {
      let window = try #require(TimeWindow(text))
      #expect(window.seconds == length, "\(text)")
      for (time, isIn) in times { #expect(window.contains(try #require(TimeOfDay(time))) == isIn, "\(text) \(time)") }
    }
    for text in ["", "08:00", "08:00-08:00", "8-9", "25:00-26:00", "08:00-09:00-10:00"] {
      #expect(TimeWindow(text) == nil, "\(text)")
    }
  }

  @Test func `the next round of an interval is one within the windows, and one of a day begins in them`() throws {
    let cases: [(Schedule, [String], after: String, due: String, begins: String)] = [
      (.every(seconds: 900), [], "2026-11-22T08:01:00", "2026-11-22T08:15:00", "2026-11-22T08:15:00"),
      (.every(seconds: 900), ["08:30-09:00"], "2026-11-22T08:01:00", "2026-11-22T08:30:00", "2026-11-22T08:30:00"),
      (.every(seconds: 900), ["08:30-09:00"], "2026-11-22T08:50:00", "2026-11-23T08:30:00", "2026-11-23T08:30:00"),
      (
        .daily(try #require(TimeOfDay("12:00"))), ["22:00-06:00"], "2026-11-22T08:01:00", "2026-11-22T12:00:00",
        "2026-11-22T22:00:00"
      ),
      (
        .daily(try #require(TimeOfDay("00:05"))), ["22:00-06:00"], "2026-11-22T08:01:00", "2026-11-23T00:05:00",
        "2026-11-23T00:05:00"
      ),
    ]
    for (schedule, windows, after, due, begins) in cases {
      let next = try task(schedule, windows).nextRound(after: at(after), zone: zone)
      #expect(next == (try at(due), try at(begins)), "\(schedule) \(windows) after \(after)")
    }
  }

  @Test func `rounds of an interval are those within the windows, and nothing starts outside`() throws {
    let (all, missed) = try asked(
      [meter([[query(10)]])], [task(.every(seconds: 900), ["08:30-09:00"])], from: "2026-11-22T08:00:00", seconds: 7200)
    #expect(all == ["0:10 at 1800", "0:10 at 2700"])
    #expect(missed.isEmpty)
  }

  @Test func `a daily round waits for its window, and what the window had no time for is missed as late`() throws {
    let many = (1...40).map { query(UInt16($0)) }
    let (all, missed) = try asked(
      [meter([many])], [task(.daily(try #require(TimeOfDay("00:05"))), ["01:00:00-01:00:02"])],
      from: "2026-11-22T00:00:00", seconds: 90_010)
    // The day before went by, then two seconds of each day.
    #expect(all.count == 40)
    #expect(all.allSatisfy { $0.hasSuffix("at 3600") || $0.hasSuffix("at 3601") || $0.contains("at 9000") })
    #expect(missed.allSatisfy { $0 == .late })
    #expect(!missed.isEmpty)
  }

  @Test func `outside of its windows a dead meter is not even probed`() throws {
    let (all, _) = try asked(
      [meter([[query(10)]])], [task(.every(seconds: 900), ["08:00-08:20"])], from: "2026-11-22T08:00:00", seconds: 7200
    ) { _ in .silent }
    #expect(all.count > 5)
    let last = try #require(all.last?.split(separator: " ").last.flatMap { Int($0) })
    #expect(last < 1200)
  }

  @Test func `rounds of some days of the month, through short months and leap days`() throws {
    let schedule = Schedule.monthly(days: [1, 29, 31], try #require(TimeOfDay("00:10")))
    var due: [String] = []
    var now = try at("2028-01-30T12:00:00")
    for _ in 0..<7 {
      now = schedule.nextSlot(after: now, zone: zone)
      due.append("\(zone.local(unixMilliseconds: now))")
    }
    #expect(
      due.map { String($0.prefix(16)) } == [
        "2028-01-31T00:10", "2028-02-01T00:10", "2028-02-29T00:10", "2028-03-01T00:10", "2028-03-29T00:10",
        "2028-03-31T00:10", "2028-04-01T00:10",
      ])
    let before = schedule.slot(at: try at("2027-03-01T00:09:59"), zone: zone)
    #expect(before == (try at("2027-02-01T00:10:00")), "2027 has no 29 February")
    #expect(schedule.slot(at: try at("2027-03-01T00:10:00"), zone: zone) == (try at("2027-03-01T00:10:00")))
  }

  @Test func `key meters come first in a round, in their order`() throws {
    let meters = [false, true, false, true].map { meter([[query(10), query(20)]], isKey: $0) }
    let (all, _) = try asked(meters, [task(.every(seconds: 900))], from: "2026-11-22T08:00:00", seconds: 10)
    #expect(all.map { $0.prefix(4) } == ["1:10", "1:20", "3:10", "3:20", "0:10", "0:20", "2:10", "2:20"])
  }

  @Test func `the earliest deadline goes first within a priority, and priorities before deadlines`() throws {
    let tasks = [
      try task(.daily(try #require(TimeOfDay("00:05")))), try task(.every(seconds: 60)), try task(.every(seconds: 900)),
      try task(.every(seconds: 86_400), priority: 1),
    ]
    let (all, _) = try asked(
      [meter([[query(10)], [query(20)], [query(30)], [query(40)]])], tasks, from: "2026-11-22T08:00:00", seconds: 10)
    #expect(all.map { $0.prefix(4) } == ["0:40", "0:20", "0:30", "0:10"])
  }
}
