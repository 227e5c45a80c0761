import Acquisition
import Devices
import Line
import Metering
import Simulator
import Testing

@testable import meterd_days

private func time(_ text: String) throws -> MeterTime { try #require(MeterTime(text)) }
private func day(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

/// Days of small lines in simulated time: nothing is waited for.
@Suite(.timeLimit(.minutes(5))) struct DayTests {
  private func line(
    _ count: Int, from start: String, backfillDays: Int = 7, profile: String = DayMeters.freezing,
    clockOffset: Int64 = 0, faults: LineFaults = .none, dead: [Int: (String, String)] = [:], wallOffset: Int64 = 0,
    isSynchronised: Bool = true
  ) throws -> DayLine {
    let settings = try #require(SerialSettings("2400 8E1"))
    let known = try DayMeters.profile(profile)
    let meters = try (1...count).map { number in
      var own = LineFaults.none
      if let (from, until) = dead[number] {
        own.deadFrom = SimulatedInstant(try time(from))
        own.deadUntil = SimulatedInstant(try time(until))
      }
      return try DayMeters.meter(
        number, known, on: settings, seed: UInt64(number), faults: own, clockOffset: clockOffset)
    }
    return try DayLine(
      meters, tasks: [DayMeters.freezeTask(backfillDays: backfillDays)], settings: settings, faults: faults,
      from: time(start), wallOffset: wallOffset, isSynchronised: isSynchronised)
  }

  /// Nothing wrong, nothing twice.
  private func expectSound(_ line: DayLine, duplicates: Int = 0) {
    #expect(line.journal.wrong == [])
    #expect(line.journal.conflicts == [])
    #expect(line.journal.duplicates <= duplicates)
  }

  @Test(arguments: Acceptance.Kind.allCases, [1, 2] as [UInt64])
  func `a day of the acceptance scenario is met`(_ kind: Acceptance.Kind, _ seed: UInt64) throws {
    let result = try Acceptance(kind: kind, seed: seed, meters: 50).run()
    print("\(kind) seed \(seed): \(result)")
    #expect(result.isMet)
    #expect(result.latestSynthetic <= 900_000)
    #expect(result.exchanges > 500)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `a daemon that is killed in mid-round reads nothing twice and leaves nothing out`(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let line = try line(30, from: "2026-11-22T00:04:00", backfillDays: 1)
    var now = try time("2026-11-22T00:05:00").localSeconds
    for _ in 0..<8 {
      now += 1 + Int64(random.next(below: 20))
      line.run(until: MeterTime(localSeconds: now))
      try line.restart()
    }
    line.run(until: try time("2026-11-22T02:00:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).count == 30)
    expectSound(line)
  }

  @Test func `after an outage of the daemon the missed days are read from the meters' memories`() throws {
    let line = try line(20, from: "2026-11-18T23:00:00")
    line.run(until: try time("2026-11-19T01:00:00"))
    try line.outage(until: time("2026-11-22T13:10:00"))
    line.run(until: try time("2026-11-22T15:00:00"))
    for date in ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"] {
      #expect(line.journal.freezes(of: try day(date)).count == 20, "\(date)")
    }
    #expect(line.journal.filled >= 40)
    expectSound(line)
  }

  @Test func `back-fill goes as far back as the task says, and tells what it gives up`() throws {
    let line = try line(
      3, from: "2026-11-18T23:00:00", backfillDays: 2,
      dead: [2: ("2026-11-18T23:30:00", "2026-11-23T12:00:00")])
    line.run(until: try time("2026-11-24T02:00:00"))
    let dead = try #require(MeterID("M-2"))
    let stored = try (19...24).map { line.journal.freezes(of: try day("2026-11-\($0)"))[dead] != nil }
    #expect(stored == [false, false, true, true, true, true])
    let final = line.journal.failures.filter(\.isFinal).map { $0.query.freezeDay?.description }
    #expect(final == ["2026-11-19", "2026-11-20"])
    #expect(line.journal.failures.contains { !$0.isFinal && $0.meter == dead })
    expectSound(line)
  }

  @Test func `a meter whose clock is slow gives yesterday's freeze: it is not today's, and comes with the next pass`()
    throws
  {
    let line = try line(4, from: "2026-11-21T23:00:00", backfillDays: 1, clockOffset: -1000)
    line.run(until: try time("2026-11-22T00:20:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).isEmpty)
    #expect(line.journal.stale.count == 4, "\(line.journal.stale)")
    #expect(line.journal.missed.count { $0.reason == .stale } == 4)
    line.run(until: try time("2026-11-22T00:45:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).count == 4)
    // With those of the day before yesterday, which the journal lacked at the start.
    #expect(line.journal.filled == 8)
    expectSound(line)
  }

  @Test(arguments: [-3, 2] as [Int64])
  func `a meter that is days off is asked for the record that its own clock names`(_ days: Int64) throws {
    let line = try line(2, from: "2026-11-21T23:00:00", backfillDays: 1, clockOffset: days * 86_400)
    line.run(until: try time("2026-11-22T23:00:00"))
    let stored = line.journal.freezes(of: try day("2026-11-22")).count
    // A clock ahead has taken that freeze already; one behind has not come to it.
    #expect(stored == (days > 0 ? 2 : 0))
    #expect(line.journal.stale.isEmpty == (days > 0))
    line.run(until: try time("2026-11-23T02:00:00"))
    #expect(line.journal.failures.isEmpty == (days > 0))
    expectSound(line)
  }

  @Test(arguments: [
    ("2028-02-28T20:00:00", "2028-03-01T02:00:00", ["2028-02-29", "2028-03-01"]),
    ("2026-12-31T20:00:00", "2027-01-01T02:00:00", ["2027-01-01"]),
    ("2027-02-28T20:00:00", "2027-03-01T02:00:00", ["2027-03-01"]),
  ])
  func `leap days and the ends of years and months are days like others`(
    _ start: String, _ end: String, _ days: [String]
  ) throws {
    let line = try line(5, from: start, backfillDays: 1)
    line.run(until: try time(end))
    for date in days { #expect(line.journal.freezes(of: try day(date)).count == 5, "\(date)") }
    expectSound(line)
  }

  /// R17: the host's clock is stepped.
  @Test(arguments: [-3600, -600, -30, 30, 600, 3600] as [Int64], ["00:02:00", "00:05:20", "00:12:00"])
  func `a step of the host's clock repeats nothing and leaves nothing out`(_ seconds: Int64, _ at: String) throws {
    let line = try line(20, from: "2026-11-21T23:30:00", backfillDays: 1)
    line.run(until: try time("2026-11-22T\(at)"))
    line.wallOffset = seconds * 1000
    line.run(until: try time("2026-11-22T06:00:00"))
    line.wallOffset = 0
    line.run(until: try time("2026-11-22T12:00:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).count == 20)
    expectSound(line)
  }

  @Test(arguments: Disturbance.Kind.allCases)
  func `trials of the reliability table hold, and tell what they did`(_ kind: Disturbance.Kind) throws {
    let results = try (1...8).map { try Disturbance(kind: kind, seed: $0).run() }
    for result in results { #expect(result.findings == [], "\(kind.rawValue) seed \(result.seed): \(result.what)") }
    #expect(results.allSatisfy { $0.answers > 500 } && results.contains { $0.told > 0 })
    #expect(Set(results.map(\.what)).count == 8)
  }

  /// R18: the process stands still.
  @Test(arguments: [10, 60, 600, 7200] as [Int64])
  func `a daemon that is suspended in mid-round goes on where it was`(_ seconds: Int64) throws {
    let line = try line(20, from: "2026-11-21T23:30:00", backfillDays: 1)
    for start in ["00:04:58", "00:05:10", "00:05:30", "00:06:05"] {
      let at = try time("2026-11-22T\(start)")
      if line.now < at { line.run(until: at) }
      line.suspend(for: .seconds(seconds))
      line.run(until: MeterTime(localSeconds: line.now.localSeconds + 3))
    }
    line.run(until: try time("2026-11-22T12:00:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).count == 20)
    expectSound(line)
  }

  @Test func `no freeze is read while nobody has set the host's clock, and all when somebody does`() throws {
    let start = try time("2026-11-22T08:00:00")
    let unset = (try time("2000-01-01T00:00:00").localSeconds - start.localSeconds) * 1000
    let line = try line(5, from: "2026-11-22T08:00:00", wallOffset: unset, isSynchronised: false)
    line.run(until: try time("2026-11-22T09:00:00"))
    #expect(line.journal.answers == 0)
    line.wallOffset = 0
    line.isSynchronised = true
    line.run(until: try time("2026-11-22T09:30:00"))
    #expect(line.journal.freezes(of: try day("2026-11-22")).count == 5)
    expectSound(line)
  }

  @Test(arguments: [DayMeters.modbus, DayMeters.old])
  func `a meter without freezes is read as the day begins, and says how long after`(_ profile: String) throws {
    let line = try line(
      20, from: "2026-11-21T23:00:00", profile: profile,
      dead: [3: ("2026-11-21T23:50:00", "2026-11-22T00:10:00"), 7: ("2026-11-21T23:50:00", "2026-11-22T00:20:00")])
    line.run(until: try time("2026-11-22T06:00:00"))
    let freezes = line.journal.freezes(of: try day("2026-11-22"))
    #expect(freezes.count == 19)
    let late = try #require(MeterID("M-7"))
    #expect(freezes[late] == nil)
    #expect(line.journal.missed.contains { $0.meter == late && $0.reason == .silent })
    for reading in freezes.values.joined() {
      #expect(reading.quality == .synthetic)
      let distance = reading.hostTime.unixMilliseconds - reading.key.instant
      #expect((0...900_000).contains(distance))
    }
    expectSound(line)
  }
}
