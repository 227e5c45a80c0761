import Acquisition
import Devices
import Line
import Metering
import Simulator
import Testing

@testable import meterd_days

private func time(_ text: String) throws -> MeterTime { try #require(MeterTime(text)) }
private func day(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

/// Days on which nobody could ask: whole lines with their engine in simulated time.
@Suite(.timeLimit(.minutes(5))) struct OutageTests {
  private func line(
    _ count: Int, from start: String, backfillDays: Int = 7, profile: String = DayMeters.freezing,
    every seconds: Int64? = nil, faults: [Int: LineFaults] = [:], wallOffset: Int64 = 0, isSynchronised: Bool = true
  ) throws -> DayLine {
    let settings = try #require(SerialSettings("2400 8E1"))
    let known = try DayMeters.profile(profile)
    let meters = try (1...count).map {
      try DayMeters.meter(
        $0, known, on: settings, seed: UInt64($0), faults: faults[$0] ?? .none, clockOffset: 0)
    }
    var tasks = [try DayMeters.freezeTask(backfillDays: backfillDays)]
    if let seconds {
      tasks.append(AcquisitionTask(name: "energy", schedule: .every(seconds: seconds), targets: [.energies]))
    }
    return try DayLine(
      meters, tasks: tasks, settings: settings, from: time(start), wallOffset: wallOffset,
      isSynchronised: isSynchronised)
  }

  private func expectFreezes(_ line: DayLine, _ days: ClosedRange<Int>, of count: Int, duplicates: Int = 0) throws {
    for number in days {
      #expect(line.journal.freezes(of: try day("2026-11-\(number)")).count == count, "2026-11-\(number)")
    }
    #expect(line.journal.wrong == [])
    #expect(line.journal.conflicts == [])
    #expect(line.journal.duplicates <= duplicates)
  }

  @Test func `an adapter that was out over three midnights costs no freeze, and what it cost is told`() throws {
    let line = try line(12, from: "2026-11-18T23:00:00", every: 900)
    line.run(until: try time("2026-11-19T01:00:00"))
    line.pull()
    line.run(until: try time("2026-11-22T01:00:00"))
    // Days that are over are told while the port is still away.
    let told = Set(line.journal.missed.filter { $0.reason == .outage }.compactMap(\.query.freezeDay))
    #expect(told == [try day("2026-11-20"), try day("2026-11-21")])
    line.plugIn()
    line.run(until: try time("2026-11-22T03:00:00"))
    try expectFreezes(line, 19...22, of: 12)
    #expect(line.journal.missed.count { $0.reason == .outage } == 2 * 12)
    let runs = line.journal.leftOut.filter { $0.task == "energy" }
    #expect(runs.count == 1)
    #expect(runs.first.map { $0.meters == 12 && (287...288).contains($0.rounds) && $0.reason == .outage } == true)
  }

  @Test(arguments: ["12:00:00", "00:04:59", "23:59:59"])
  func `a host that slept over three midnights costs no freeze`(_ at: String) throws {
    let line = try line(12, from: "2026-11-18T23:00:00", every: 3600)
    line.run(until: try time("2026-11-19T\(at)"))
    line.suspend(for: .seconds(72 * 3600))
    line.run(until: MeterTime(localSeconds: line.now.localSeconds + 2 * 3600))
    try expectFreezes(line, (at == "00:04:59" ? 20 : 19)...22, of: 12)
    #expect(line.journal.missed.count { $0.reason == .outage } >= 24)
    #expect(line.journal.leftOut.map(\.task) == ["energy"])
  }

  @Test func `a daemon that was off for three days and comes back before the clock is set loses no freeze`() throws {
    let line = try line(10, from: "2026-11-18T23:00:00")
    line.run(until: try time("2026-11-19T01:00:00"))
    let unset = try time("2000-01-01T00:00:00").localSeconds - time("2026-11-22T13:10:00").localSeconds
    line.wallOffset = unset * 1000
    line.isSynchronised = false
    try line.outage(until: time("2026-11-22T13:10:00"))
    line.run(until: try time("2026-11-22T13:20:00"))
    line.wallOffset = 0
    line.isSynchronised = true
    line.run(until: try time("2026-11-22T15:00:00"))
    try expectFreezes(line, 19...22, of: 10)
    let told = Set(line.journal.missed.compactMap(\.query.freezeDay))
    #expect(told == [try day("2026-11-20"), try day("2026-11-21")])
    #expect(line.journal.failures.isEmpty)
  }

  @Test(arguments: [100, 3, -3] as [Int64])
  func `a clock that is days wrong until the next day loses no freeze`(_ days: Int64) throws {
    let line = try line(6, from: "2026-11-18T23:00:00", every: 3600)
    line.run(until: try time("2026-11-19T12:00:00"))
    line.wallOffset = days * 86_400_000
    line.run(until: try time("2026-11-20T13:00:00"))
    line.wallOffset = 0
    line.run(until: try time("2026-11-21T06:00:00"))
    // A day that was filled before comes again where the clock goes back to it: the same value.
    try expectFreezes(line, 19...21, of: 6, duplicates: days < 0 ? 6 * 5 : 0)
    let now = try day("2026-11-21")
    #expect(line.engine.plan.missing.isEmpty)
    #expect(line.engine.plan.shortfalls.allSatisfy { $0.query.freezeDay.map { $0 <= now } ?? true })
  }

  @Test(arguments: [DayMeters.modbus, DayMeters.old])
  func `registers in the place of a freeze that nobody read over midnight are told as lost`(_ profile: String) throws {
    let off = try line(4, from: "2026-11-18T23:00:00", profile: profile)
    off.run(until: try time("2026-11-19T12:00:00"))
    try off.outage(until: time("2026-11-21T13:00:00"))
    off.run(until: try time("2026-11-21T14:00:00"))
    let asleep = try line(4, from: "2026-11-18T23:00:00", profile: profile)
    asleep.run(until: try time("2026-11-19T23:50:00"))
    asleep.suspend(for: .seconds(3600))
    asleep.run(until: try time("2026-11-20T03:00:00"))
    for (line, wanted) in [(off, ["2026-11-20", "2026-11-21"]), (asleep, ["2026-11-20"])] {
      let missed = line.journal.missed.filter { $0.query.freezeDay == nil }
      let days = Set(missed.map { "\(DayLine.zone.local(unixMilliseconds: $0.slot).date)" })
      #expect(days == Set(wanted))
      #expect(Set(missed.map(\.meter)).count == 4)
      #expect(line.journal.unlabelled == 0, "what cannot be labelled is not asked")
      #expect(line.journal.freezes(of: try day("2026-11-19")).count == 4)
    }
  }

  @Test func `a dead meter whose days its memory cannot hold is not taken for a living one`() throws {
    var dead = LineFaults.none
    dead.deadFrom = SimulatedInstant(try time("2026-11-18T00:00:00"))
    dead.deadUntil = SimulatedInstant(try time("2027-03-01T00:00:00"))
    let line = try line(3, from: "2026-11-18T23:00:00", backfillDays: 62, faults: [2: dead])
    line.journal.knownSince = 0
    try line.restart()
    line.run(until: try time("2026-11-20T12:00:00"))
    let meter = try #require(MeterID("M-2"))
    let index = try #require(line.engine.plan.meters.firstIndex { $0.id == meter })
    #expect(line.engine.plan.health[index].isSetAside)
    #expect(!line.journal.missed.contains { $0.meter == meter && $0.reason == .gone })
    // The others said themselves what they do not hold.
    #expect(line.engine.plan.health.filter { !$0.isSetAside }.count == 2)
  }
}
