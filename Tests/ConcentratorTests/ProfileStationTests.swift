import Acquisition
import Concentrator
import Documents
import Host
import Metering
import Simulator
import Store
import Testing

/// Load profiles under the whole daemon, over a terminal: stored with a kind of their own, gaps closed, nothing twice.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ProfileStationTests {
  private static let tail = """
    [[task]]
    name = "profile"
    every = "1m"
    read = ["load-profile"]
    meters = ["M-1"]
    backfill-days = 1

    """

  private func read(_ run: StationRun, until count: Int) async -> [StationEvent] {
    var records: Set<Int64> = []
    return await run.events { _, event in
      if case .stored(_, let reading, _, _) = event, reading.key.kind == .profile {
        records.insert(reading.key.instant)
      }
      return records.count >= count
    }
  }

  @Test func `records are stored as such, fill what was missing, and are not read twice`() async throws {
    let bench = try StationBench("profile", tail: Self.tail)
    let meters = try await bench.simulate()
    let zone = ZoneOffset.china
    let now = zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds)
    // From the midnight yesterday began with up to the last quarter that was over six minutes ago.
    let midnight = (now.date.daysSince1970 - 1) * 86_400
    let expected = Int((now.localSeconds - 360 - midnight) / 900) + 1
    let missing = zone.unixMilliseconds(of: MeterTime(localSeconds: midnight + 7200))
    let store = try Store(path: bench.station().configuration.store)
    let meter = try #require(MeterID("M-1"))
    try await store.record([Gap(meter: meter, subject: "load profile class 4", instant: missing, reason: "silent")])
    await store.close()

    let first = try StationRun(try bench.station())
    try await first.running.start()
    var events = await read(first, until: expected)
    events += await first.stop()
    let stored = try bench.stored().filter { $0.reading.key.kind == .profile }
    #expect(Set(stored.map(\.reading.key.instant)).count >= expected)
    #expect(Set(stored.map(\.reading.key.quantity.name)).count == 4)
    #expect(stored.allSatisfy { $0.reading.key.meter == meter && $0.verdict.isUsable && $0.reading.quality == .actual })
    #expect(stored.allSatisfy { $0.evidence != nil })
    let truth = try #require(try bench.descriptions().flatMap(\.meters).first { $0.id == meter }?.meter)
    for each in stored {
      let then = SimulatedInstant(unixMilliseconds: each.reading.key.instant)
      #expect(truth.truth(each.reading.key.quantity, .current, at: then)?.value == .number(each.reading.value))
    }
    #expect(counts(events).conflicts == 0)
    #expect(try bench.reader().openGaps().isEmpty)

    let second = try StationRun(try bench.station())
    try await second.running.start()
    var later = await second.events { counts, _ in counts.answers >= 4 }
    later += await second.stop()
    let again = later.filter {
      if case .line(.answered(let answer)) = $0, case .profile(let span) = answer.query {
        span.count > 2
      } else {
        false
      }
    }
    #expect(again.isEmpty)
    await meters.stop()
  }

  @Test func `records of days on which no daemon was at work, and that lie too far back, are one gap, once`()
    async throws
  {
    let bench = try StationBench("profile-off", tail: Self.tail)
    let meters = try await bench.simulate()
    let zone = ZoneOffset.china
    let today = zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date.daysSince1970
    func midnight(_ back: Int64) -> Int64 {
      zone.unixMilliseconds(of: MeterTime(localSeconds: (today - back) * 86_400))
    }
    let meter = try #require(MeterID("M-1"))
    let store = try Store(path: bench.station().configuration.store)
    for name in ["M-1", "task profile"] { try await store.note("known:\(name)", "\(midnight(20))") }
    try await store.noteAtWork(midnight(12) + 3_600_000)
    // The meter said so itself, before the daemon was off.
    let gone = Gap(meter: meter, subject: "load profile class 4", instant: midnight(5), reason: "gone")
    try await store.record([gone])
    await store.close()
    for isFirst in [true, false] {
      let run = try StationRun(try bench.station())
      try await run.running.start()
      // The second one may have no record left to read.
      var events = isFirst ? await read(run, until: 8) : await run.events { counts, _ in counts.answers >= 4 }
      events += await run.stop()
      let lapsed = events.count { if case .line(.recordsLapsed) = $0 { true } else { false } }
      #expect(lapsed == (isFirst ? 2 : 0))
    }
    let gaps = try bench.reader().openGaps().filter { $0.subject == "load profile class 4" }
    func outage(from: Int64, until: Int64, _ rounds: Int) -> Gap {
      Gap(
        meter: meter, subject: "load profile class 4", instant: from, reason: "outage", until: until, rounds: rounds)
    }
    #expect(
      gaps == [
        outage(from: midnight(13), until: midnight(5) - 900_000, 8 * 96), gone,
        outage(from: midnight(5) + 900_000, until: midnight(1) - 900_000, 4 * 96 - 1),
      ])
    await meters.stop()
  }

  @Test func `records that come leave the run that a clock that was ahead has noted`() async throws {
    let bench = try StationBench("profile-ahead", tail: Self.tail)
    let meters = try await bench.simulate()
    let zone = ZoneOffset.china
    let today = zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date.daysSince1970
    func midnight(_ back: Int64) -> Int64 {
      zone.unixMilliseconds(of: MeterTime(localSeconds: (today - back) * 86_400))
    }
    let meter = try #require(MeterID("M-1"))
    let subject = "load profile class 4"
    let store = try Store(path: bench.station().configuration.store)
    try await store.record([
      Gap(
        meter: meter, subject: subject, instant: midnight(3), reason: "outage", until: midnight(-2) - 900_000,
        rounds: 5 * 96, every: 900_000)
    ])
    await store.close()
    let run = try StationRun(try bench.station())
    try await run.running.start()
    _ = await read(run, until: 90)
    _ = await run.stop()
    let came = Set(try bench.stored().filter { $0.reading.key.kind == .profile }.map(\.reading.key.instant))
    #expect(came.count >= 90)
    let open = try bench.reader().openGaps().filter { $0.subject == subject }
    #expect(open.reduce(0) { $0 + $1.rounds } == 5 * 96 - came.count)
    for gap in open { #expect(came.allSatisfy { !(gap.instant...(gap.until ?? gap.instant)).contains($0) }) }
    await meters.stop()
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let lines: String
    /// `nil` where it is none.
    let mistake: String?
    var targets: [AcquisitionTask.Target] = []
    var days = 7
    var testDescription: String { name }
  }

  private static let cases = [
    Case(
      name: "energies every quarter", lines: "read = [\"load-profile\"]", mistake: nil,
      targets: [.loadProfile(recordClass: 4, minutes: 15)]),
    Case(
      name: "two classes every hour",
      lines: "read = [\"load-profile:1\", \"load-profile:6\"]\nload-profile-minutes = 60",
      mistake: nil, targets: [.loadProfile(recordClass: 1, minutes: 60), .loadProfile(recordClass: 6, minutes: 60)]),
    Case(name: "no class", lines: "read = [\"load-profile:7\"]", mistake: "read"),
    Case(name: "with something else", lines: "read = [\"load-profile\", \"energy\"]", mistake: "read"),
    Case(
      name: "no interval", lines: "read = [\"load-profile\"]\nload-profile-minutes = 20",
      mistake: "load-profile-minutes"),
    Case(
      name: "an interval of nothing", lines: "read = [\"energy\"]\nload-profile-minutes = 15",
      mistake: "load-profile-minutes"),
    Case(
      name: "as deep as meters remember", lines: "read = [\"load-profile\"]\nbackfill-days = 62", mistake: nil,
      targets: [.loadProfile(recordClass: 4, minutes: 15)], days: 62),
    Case(name: "too deep", lines: "read = [\"load-profile\"]\nbackfill-days = 63", mistake: "backfill-days"),
  ]

  @Test(arguments: cases)
  func `a task of load profiles is a task of its own`(_ each: Case) throws {
    let text = """
      station = "Q"
      store = "m.db"
      [[line]]
      name = "a"
      port = "/dev/ttyS1"
      [[line.meter]]
      id = "M"
      profile = "dlt645-2007-three-phase"
      address = "202311110001"
      [[task]]
      name = "p"
      every = "1h"
      \(each.lines)
      """
    do {
      let task = try configuration(text).tasks.first?.task
      #expect(each.mistake == nil)
      #expect(task?.targets == each.targets)
      #expect(task?.backfillDays == each.days)
    } catch let error as DocumentError {
      #expect(each.mistake.map { error.key.hasSuffix($0) } == true, "\(error)")
    }
  }
}
