import DLT645
import Metering
import Modbus
import Testing

@testable import Acquisition

/// When the plan reads what was missed, and when it gives it up.
@Suite struct BackfillPlanTests {
  private let zone = ZoneOffset.china
  private let freeze = Query.identifier(DataIdentifier(rawValue: 0x0506_0101))
  private let start = BootInstant(nanoseconds: 5_000_000_000)

  private func at(_ text: String) throws -> Int64 { zone.unixMilliseconds(of: try #require(MeterTime(text))) }

  /// Runs a plan of one meter whose freezes are read at 00:05; what was asked, as "DAY at TIME", and what was told.
  private func run(
    from: String, until: String, days: Int = 2, missing: [String] = [],
    _ conclude: (Query, String) -> LinePlan.Conclusion
  ) throws -> (asked: [String], missed: [String], failed: [String]) {
    let wallStart = try at(from), end = try at(until)
    let task = AcquisitionTask(
      name: "t", schedule: .daily(try #require(TimeOfDay("00:05"))), targets: [.dailyFreeze], backfillDays: days)
    let lacking = try missing.map { freeze.frozen(at: try #require(CivilDate($0))) }
    let meter = LinePlan.Meter(
      id: .unnamed, programme: [[freeze]], probes: [.identifier(DataIdentifier(rawValue: 0x0400_0102))],
      replyLimit: .seconds(1), held: .init(missing: [lacking]))
    func wall(_ now: BootInstant) -> HostInstant {
      HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds, clock: .synchronised)
    }
    var plan = LinePlan(tasks: [task], meters: [meter], zone: zone, at: start, wall: wall(start))
    var now = start
    var asked: [String] = [], missed: [String] = [], failed: [String] = []
    while wall(now).unixMilliseconds < end {
      let local = zone.local(unixMilliseconds: wall(now).unixMilliseconds)
      switch plan.next(at: now, wall: wall(now)) {
      case .rest(let until): now = max(until, now + .milliseconds(1))
      case .ask(let ask):
        let text = "\(local.date) \("\(local.time)".prefix(5))"
        if let day = ask.query.freezeDay { asked.append("\(day) at \(text)") }
        now = now + .milliseconds(500)
        plan.concluded(ask, conclude(ask.query, text), at: now)
      }
      missed += plan.takeMissed().flatMap { missed in
        missed.queries.map { "\($0.freezeDay.map { "\($0)" } ?? "") \(missed.reason)" }
      }
      failed += plan.takeFailures().map { "\($0.query.freezeDay.map { "\($0)" } ?? "") \($0.reason) \($0.isFinal)" }
    }
    return (asked, missed, failed)
  }

  @Test(arguments: [-1900, -700, 0, 700, 1900] as [Int64])
  func `a wall clock that is slewed by less than two seconds opens no pass twice, and lets nobody spin`(
    _ slewed: Int64
  ) throws {
    let begin = try at("2026-11-22T05:50:00")
    let task = AcquisitionTask(
      name: "t", schedule: .daily(try #require(TimeOfDay("00:05"))), targets: [.dailyFreeze])
    let lacking = freeze.frozen(at: try #require(CivilDate("2026-11-21")))
    let meter = LinePlan.Meter(
      id: .unnamed, programme: [[freeze]], probes: [], replyLimit: .seconds(1),
      held: .init(done: [[freeze]], missing: [[lacking]]))
    func wall(_ now: BootInstant) -> HostInstant {
      let passed = (now - start).milliseconds
      return HostInstant(
        unixMilliseconds: begin + passed + (passed > 300_000 ? slewed : 0), clock: .synchronised)
    }
    var plan = LinePlan(tasks: [task], meters: [meter], zone: zone, at: start, wall: wall(start))
    var now = start
    var (asked, turns) = (0, 0)
    while (now - start).milliseconds < 1_200_000 {
      turns += 1
      switch plan.next(at: now, wall: wall(now)) {
      case .rest(let until): now = max(until, now + .milliseconds(1))
      case .ask(let ask):
        if (now - start).milliseconds > 300_000 { asked += 1 }
        now = now + .milliseconds(50)
        plan.concluded(ask, .damaged, at: now)
      }
    }
    #expect(asked == LinePlan.triesWhenDamaged)
    #expect(turns < 1000, "\(turns)")
  }

  @Test(arguments: [-1900, 1900] as [Int64])
  func `a round that expires by a slewed wall clock expires at once`(_ slewed: Int64) throws {
    let begin = try at("2026-11-22T00:00:00")
    let daily = AcquisitionTask(
      name: "t", schedule: .daily(try #require(TimeOfDay("00:05"))), targets: [.dailyFreeze])
    let synthetic = try #require(daily.synthetic)
    let register = Query.registers(function: .inputRegisters, start: 0, count: 2)
    let meter = LinePlan.Meter(id: .unnamed, programme: [[register]], probes: [register], replyLimit: .seconds(1))
    func wall(_ now: BootInstant) -> HostInstant {
      let passed = (now - start).milliseconds
      return HostInstant(
        unixMilliseconds: begin + passed + (passed > 300_000 ? slewed : 0), clock: .synchronised)
    }
    var plan = LinePlan(tasks: [synthetic], meters: [meter], zone: zone, at: start, wall: wall(start))
    var now = start
    var turns = 0
    while (now - start).milliseconds < 905_000 {
      turns += 1
      switch plan.next(at: now, wall: wall(now)) {
      case .rest(let until): now = max(until, now + .milliseconds(1))
      case .ask(let ask):
        now = now + .milliseconds(1000)
        plan.concluded(ask, .silent, at: now)
      }
    }
    #expect(turns < 1000, "\(turns)")
    #expect(plan.takeMissed().map(\.reason) == [.silent])
  }

  @Test func `a stale freeze is asked for at 00-30, 01-00, 02-00, 06-00 and then every hour`() throws {
    let (asked, missed, failed) = try run(from: "2026-11-22T00:00:00", until: "2026-11-23T00:04:00") { query, _ in
      query.freezeDay == CivilDate("2026-11-22") ? .stale : .answered(delay: nil)
    }
    let hours = (6...23).map { $0 < 10 ? "0\($0):00" : "\($0):00" }
    #expect(
      asked
        == ["2026-11-21 at 2026-11-22 00:00"]
        + (["00:05", "00:30", "01:00", "02:00"] + hours).map { "2026-11-22 at 2026-11-22 \($0)" })
    #expect(missed == ["2026-11-22 stale"])
    #expect(failed.isEmpty)
  }

  @Test func `what a pass brings is asked no more`() throws {
    let (asked, missed, failed) = try run(from: "2026-11-22T00:04:00", until: "2026-11-22T20:00:00") { query, at in
      query.freezeDay == CivilDate("2026-11-22") && at < "2026-11-22 01:30" ? .stale : .answered(delay: nil)
    }
    #expect(asked.last == "2026-11-22 at 2026-11-22 02:00")
    #expect(missed.count == 1)
    #expect(failed.isEmpty)
  }

  @Test(arguments: [LinePlan.Conclusion.refused, .gone])
  func `a negative answer is final`(_ conclusion: LinePlan.Conclusion) throws {
    let (asked, missed, failed) = try run(
      from: "2026-11-22T10:00:00", until: "2026-11-22T20:00:00", missing: ["2026-11-21", "2026-11-20"]
    ) { query, _ in query.freezeDay == CivilDate("2026-11-21") ? conclusion : .answered(delay: nil) }
    #expect(
      asked == ["2026-11-22", "2026-11-21", "2026-11-20"].map { "\($0) at 2026-11-22 10:00" })
    #expect(
      missed == [
        "2026-11-20 outage", "2026-11-21 outage", "2026-11-21 \(conclusion == .gone ? "gone" : "refused")",
      ])
    #expect(failed.isEmpty)
  }

  @Test func `damage is tried three times a pass, told once after its day, and given up beyond the depth`() throws {
    let (asked, missed, failed) = try run(from: "2026-11-22T00:04:00", until: "2026-11-25T00:40:00", days: 2) {
      query, _ in query.freezeDay == CivilDate("2026-11-22") ? .damaged : .answered(delay: nil)
    }
    #expect(asked.count { $0 == "2026-11-22 at 2026-11-22 00:30" } == LinePlan.triesWhenDamaged)
    #expect(missed == ["2026-11-22 damaged"])
    #expect(failed == ["2026-11-22 damaged false", "2026-11-22 damaged true"])
    #expect(!asked.contains { $0.hasPrefix("2026-11-22 at 2026-11-25") })
  }

  @Test func `what goes by in silence is read from memory when the meter is back`() throws {
    let (asked, missed, _) = try run(from: "2026-11-22T00:04:00", until: "2026-11-24T12:00:00", days: 7) { _, at in
      at < "2026-11-24 09:10" ? .silent : .answered(delay: nil)
    }
    #expect(missed == ["2026-11-21 silent", "2026-11-22 silent", "2026-11-23 silent"])
    let back = asked.filter { $0.hasSuffix("2026-11-24 09:10") }.map { $0.prefix(10) }
    #expect(Set(back) == ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"])
  }
}
