import Metering
import Testing

@testable import Acquisition

private let zone = ZoneOffset.china
private let start = BootInstant(nanoseconds: 5_000_000_000)

private func local(_ text: String) -> Int64 { MeterTime(text)?.localSeconds ?? 0 }
private func at(_ text: String) -> Int64 { zone.unixMilliseconds(of: MeterTime(text) ?? MeterTime(localSeconds: 0)) }

/// Which records of load profiles are read, and when.
@Suite struct ProfilePlanTests {
  private func task(
    _ schedule: Schedule = .every(seconds: 3600), days: Int = 1, windows: [TimeWindow] = []
  ) -> AcquisitionTask {
    AcquisitionTask(
      name: "p", schedule: schedule, targets: [.loadProfile(recordClass: 4, minutes: 15)], windows: windows,
      backfillDays: days)
  }

  /// One meter from a time to another; what was asked, "FIRST+COUNT at TIME", and what was told as missing.
  private func run(
    from: String, until: String, _ task: AcquisitionTask, stored: Set<Int64> = [], clock: ClockState = .synchronised,
    shownLess: Int64 = 0, showsClock: Bool = true, since: String? = nil, noted: ProfilePlan.Noted? = nil,
    _ conclude: (ProfileSpan, String) -> ProfilePlan.Conclusion
  ) -> (asked: [String], missed: [String], records: [Int64]) {
    let begin = at(from)
    var plan = ProfilePlan(
      [ProfilePlan.Part(meter: 0, task: task, recordClass: 4, minutes: 15, since: since.map(local))],
      stored: [RecordRuns(step: 900, stored)], noted: noted.map { [$0] } ?? [], zone: zone)
    var now = start
    var asked: [String] = [], missed: [String] = [], records: [Int64] = []
    func wall() -> Int64 { begin + (now - start).milliseconds }
    while wall() < at(until) {
      let action = plan.next(at: now, wall: HostInstant(unixMilliseconds: wall(), clock: clock)) { _, _ in true }
      for lapsed in plan.takeLapsed() {
        #expect(lapsed.count == (lapsed.run.upperBound - lapsed.run.lowerBound) / 900 + 1)
        missed += stride(from: lapsed.run.lowerBound, through: lapsed.run.upperBound, by: 900).map {
          "\(MeterTime(localSeconds: $0)) lapsed \(lapsed.reason)"
        }
      }
      switch action {
      case .rest(let until): now = max(until, now + .milliseconds(1))
      case .ask(let part, let span):
        let time = zone.local(unixMilliseconds: wall())
        asked.append("\(span.first)+\(span.count) at \(time.time)")
        now = now + .milliseconds(700)
        let conclusion = conclude(span, "\(time)")
        if case .told(let times) = conclusion { records += times }
        let shown = showsClock ? MeterTime(localSeconds: time.localSeconds - shownLess) : nil
        missed += plan.concluded(part, span, conclusion, shown: shown, at: now).map {
          "\(MeterTime(localSeconds: $0.seconds)) \($0.reason)"
        }
      }
    }
    return (asked, missed, records)
  }

  @Test func `the current day and the one before are read at once, the newest first, each record once`() {
    let (asked, missed, records) = run(from: "2026-11-22T02:10:00", until: "2026-11-22T03:00:00", task()) { span, _ in
      .told(span.seconds)
    }
    #expect(asked.first == "2026-11-22T00:00:00+8 at 02:10:00")
    #expect(missed.isEmpty)
    let wanted = stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T01:45:00"), by: 900)
    #expect(records.sorted() == Array(wanted))
  }

  @Test func `each round brings what was recorded up to five minutes before it was due`() {
    let stored = Set(stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T01:45:00"), by: 900))
    let (asked, missed, _) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T05:30:00", task(), stored: stored
    ) { span, _ in .told(span.seconds) }
    #expect(missed.isEmpty)
    #expect(
      asked.map { $0.prefix(27) } == [
        "2026-11-22T02:00:00+4 at 03", "2026-11-22T03:00:00+4 at 04", "2026-11-22T04:00:00+4 at 05",
      ])
  }

  @Test(arguments: [(1, 3 * 96 + 1), (7, 9 * 96 + 1), (62, 64 * 96 + 1)])
  func `a restart reads as many days back as the task says`(_ days: Int, _ expected: Int) throws {
    let midnight = try #require(TimeOfDay("00:05"))
    // Two days pass; the first look wants whole days before it and what there is of its own, up to midnight of the last.
    let (_, missed, records) = run(
      from: "2026-11-22T00:05:00", until: "2026-11-24T00:06:00", task(.daily(midnight), days: days)
    ) { span, _ in .told(span.seconds) }
    #expect(missed.isEmpty)
    #expect(records.count == expected)
    #expect(Set(records).count == expected)
  }

  @Test func `what lies before a record that was told, or behind the meter's clock, is gone`() {
    let lost = local("2026-11-22T00:30:00")
    let (asked, missed, records) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T03:00:00", task(),
      stored: Set(stride(from: local("2026-11-21T00:00:00"), to: local("2026-11-22T00:00:00"), by: 900))
    ) { span, _ in .told(span.seconds.filter { $0 != lost }) }
    #expect(asked.count == 1)
    #expect(missed == ["2026-11-22T00:30:00 gone"])
    #expect(records.count == 7)
  }

  @Test func `a meter whose clock is late is asked again, and its records keep their own time`() {
    let late: Int64 = 3600
    let stored = Set(stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T00:45:00"), by: 900))
    let (asked, missed, records) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T02:59:00", task(), stored: stored, shownLess: late
    ) { span, time in .told(span.seconds.filter { $0 <= local(time) - late }) }
    #expect(missed.isEmpty)
    #expect(
      Set(records)
        == Set([
          local("2026-11-22T01:00:00"), local("2026-11-22T01:15:00"), local("2026-11-22T01:30:00"),
          local("2026-11-22T01:45:00"),
        ]))
    #expect(asked.count >= 3)
  }

  @Test
  func `a meter that keeps no load profile is asked for its oldest record too, told once, and left alone for a day`() {
    let (asked, missed, _) = run(from: "2026-11-22T02:10:00", until: "2026-11-22T23:00:00", task()) { _, _ in .refused }
    #expect(asked.count == 3)
    #expect(asked.last?.hasPrefix("2026-11-21T00:00:00+1 ") == true)
    #expect(missed == ["2026-11-21T00:00:00 refused"])
  }

  @Test func `a meter that refuses what it has not recorded yet loses nothing of the rest`() {
    // Its clock is five hours late, and it says no to times to come.
    let behind: Int64 = 5 * 3600
    let (_, missed, records) = run(
      from: "2026-11-22T06:10:00", until: "2026-11-22T08:00:00", task(), shownLess: behind
    ) { span, time in
      span.first.localSeconds > local(time) - behind
        ? .refused : .told(span.seconds.filter { $0 <= local(time) - behind })
    }
    #expect(missed == [])
    #expect(
      Set(records).isSuperset(
        of: stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T01:00:00"), by: 900)))
  }

  @Test func `an answer that has room for three records leaves none of the others out`() {
    let (_, missed, records) = run(from: "2026-11-22T02:10:00", until: "2026-11-22T03:00:00", task()) { span, _ in
      .told(Array(span.seconds.prefix(3)))
    }
    #expect(missed.isEmpty)
    let wanted = stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T01:45:00"), by: 900)
    #expect(records.sorted() == Array(wanted))
  }

  @Test func `silence is tried ever more rarely, told after the third, and made good when the meter is back`() {
    let stored = Set(stride(from: local("2026-11-21T00:00:00"), through: local("2026-11-22T00:45:00"), by: 900))
    let (asked, missed, records) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T05:50:00", task(), stored: stored
    ) { span, time in time < "2026-11-22T04:30:00" ? .silent : .told(span.seconds) }
    #expect(missed.first == "2026-11-22T01:00:00 silent")
    #expect(Set(missed).count == missed.count)
    #expect((5...20).contains(asked.count), "\(asked.count)")
    #expect(
      Set(records) == Set(stride(from: local("2026-11-22T01:00:00"), through: local("2026-11-22T04:45:00"), by: 900)))
  }

  /// Every record from midnight of the day before up to a time, without some.
  private func records(upTo last: String, but missing: Set<Int64> = []) -> Set<Int64> {
    Set(stride(from: local("2026-11-21T00:00:00"), through: local(last), by: 900)).subtracting(missing)
  }

  @Test(arguments: [(ProfilePlan.Conclusion.refused, "refused"), (.told([]), "gone")])
  func `what a meter without a clock does not tell is asked at three passes, told, and then asked once a day`(
    _ conclusion: ProfilePlan.Conclusion, _ reason: String
  ) {
    let lost = Set(["01:00", "01:15", "01:30", "01:45"].map { local("2026-11-22T\($0):00") })
    var at: [String] = []
    let (asked, missed, _) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-23T23:50:00", task(days: 7),
      stored: Set(stride(from: local("2026-11-15T00:00:00"), to: local("2026-11-22T01:00:00"), by: 900)),
      showsClock: false
    ) { span, time in
      guard span.seconds.contains(where: lost.contains) else { return .told(span.seconds) }
      at.append(String(time.prefix(16)))
      return conclusion
    }
    #expect(
      at == ["2026-11-22T02:10", "2026-11-22T06:00", "2026-11-22T07:00", "2026-11-23T00:30"])
    #expect(missed == lost.sorted().map { "\(MeterTime(localSeconds: $0)) \(reason)" })
    // What is recorded meanwhile waits for none of them.
    #expect(asked.contains { $0.hasPrefix("2026-11-22T02:00:00") && $0.contains("at 03:0") })
  }

  @Test func `what a meter without a clock tells later than it should is not missing`() {
    let behind: Int64 = 3600
    let (asked, missed, told) = run(
      from: "2026-11-22T08:10:00", until: "2026-11-22T11:20:00", task(),
      stored: records(upTo: "2026-11-22T06:45:00"), showsClock: false
    ) { span, time in
      span.first.localSeconds > local(time) - behind
        ? .refused : .told(span.seconds.filter { $0 <= local(time) - behind })
    }
    #expect(missed.isEmpty)
    #expect(
      Set(told).isSuperset(of: stride(from: local("2026-11-22T07:00:00"), to: local("2026-11-22T10:00:00"), by: 900)))
    #expect(asked.count < 20, "\(asked)")
  }

  @Test func `what is listed as missing is not told again, neither at a restart nor when it lapses`() {
    var noted = ProfilePlan.Noted(step: 900)
    let gone = local("2026-11-14T10:00:00"), refused = local("2026-11-21T10:00:00"),
      silent = local("2026-11-14T11:00:00")
    for record in [gone, refused, silent, local("2026-11-21T12:00:00")] { noted.all.insert(record) }
    noted.gone = RecordRuns(step: 900, [gone, local("2026-11-21T12:00:00")])
    noted.refused.insert(refused)
    let (_, missed, told) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T23:00:00", task(days: 7), since: "2026-11-14T09:00:00",
      noted: noted
    ) { span, _ in .told(span.seconds) }
    let lapsed = stride(from: local("2026-11-14T09:00:00"), to: local("2026-11-15T00:00:00"), by: 900)
      .filter { $0 != gone && $0 != silent }
    #expect(missed == lapsed.map { "\(MeterTime(localSeconds: $0)) lapsed outage" })
    #expect(!told.contains(refused) && !told.contains(local("2026-11-21T12:00:00")))
    #expect(told.count == Set(told).count)
  }

  @Test func `what a plan has told as missing fills a gap when the plan in its place reads it`() {
    func plan(_ minutes: Int) -> ProfilePlan {
      ProfilePlan([ProfilePlan.Part(meter: 0, task: task(), recordClass: 4, minutes: minutes)], zone: zone)
    }
    var before = plan(15)
    let first = local("2026-11-22T01:00:00")
    let span = ProfileSpan(recordClass: 4, first: MeterTime(localSeconds: first), minutes: 15, count: 2)
    for _ in 0..<3 { _ = before.concluded(0, span, .silent, shown: nil, at: start) }
    for (minutes, fills) in [(15, true), (30, false)] {
      var after = plan(minutes)
      #expect(!after.mayFill(0, [first]))
      after.takeTold(from: before)
      #expect(after.mayFill(0, [first]) == fills)
      #expect(!after.mayFill(0, [first - 900]))
      // It is not told once more.
      let again = (0..<3).flatMap { _ in after.concluded(0, span, .silent, shown: nil, at: start) }
      #expect(again.isEmpty == fills)
    }
  }

  @Test func `only records that are listed as missing fill a gap`() {
    var noted = ProfilePlan.Noted(step: 900)
    noted.all.insert(local("2026-11-21T10:00:00"))
    let plan = ProfilePlan(
      [ProfilePlan.Part(meter: 0, task: task(), recordClass: 4, minutes: 15)], noted: [noted], zone: zone)
    #expect(plan.mayFill(0, [local("2026-11-21T09:45:00"), local("2026-11-21T10:00:00")]))
    #expect(!plan.mayFill(0, [local("2026-11-21T09:45:00")]))
  }

  @Test func `what nobody came to within its days is told as missing`() {
    let (asked, missed, _) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-23T00:30:00",
      task(windows: [TimeWindow("03:00-03:01")].compactMap(\.self))
    ) { _, _ in .damaged }
    #expect(asked.allSatisfy { $0.contains("at 03:00") })
    #expect(missed.count { $0.hasPrefix("2026-11-21") } == 96)
    #expect(Set(missed.map { $0.prefix(19) }).count == missed.count)
  }

  @Test(arguments: [
    (ProfilePlan.Conclusion.silent, "silent"), (.damaged, "damaged"), (.told([]), "gone"),
  ])
  func `what lapses is told with what was wrong, not with the line's being late`(
    _ conclusion: ProfilePlan.Conclusion, _ reason: String
  ) {
    let (_, missed, _) = run(from: "2026-11-22T02:10:00", until: "2026-11-23T00:30:00", task()) { _, _ in conclusion }
    let old = missed.filter { $0.hasPrefix("2026-11-21") }
    #expect(Set(old.map { $0.prefix(19) }).count == 96)
    #expect(old.allSatisfy { $0.hasSuffix(reason) }, "\(old.prefix(3))")
  }

  @Test func `days that lie between the last at work and the depth are told, less what the journal holds`() {
    let stored = Set(stride(from: local("2026-11-12T00:00:00"), to: local("2026-11-13T00:00:00"), by: 900))
    let (_, missed, records) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T03:00:00", task(days: 7), stored: stored,
      since: "2026-11-11T12:00:00"
    ) { span, _ in .told(span.seconds) }
    let expected =
      stride(from: local("2026-11-11T12:00:00"), to: local("2026-11-15T00:00:00"), by: 900).filter {
        !stored.contains($0)
      }
    #expect(missed == expected.map { "\(MeterTime(localSeconds: $0)) lapsed outage" })
    #expect(records.min() == local("2026-11-15T00:00:00"))
  }

  @Test func `a wall clock that goes ten days forward leaves no day without a word`() {
    var plan = ProfilePlan(
      [ProfilePlan.Part(meter: 0, task: task(days: 7), recordClass: 4, minutes: 15)], zone: zone)
    var told: Set<Int64> = []
    var now = start
    for wall in [at("2026-11-12T02:10:00"), at("2026-11-22T02:10:00")] {
      now = now + .seconds(60)
      while case .ask(let part, let span) = plan.next(
        at: now, wall: HostInstant(unixMilliseconds: wall, clock: .synchronised), mayAsk: { _, _ in true })
      {
        told.formUnion(span.seconds)
        _ = plan.concluded(part, span, .told(span.seconds), shown: nil, at: now)
      }
    }
    let lapsed = plan.takeLapsed()
    #expect(lapsed.map(\.run) == [local("2026-11-12T02:00:00")...local("2026-11-14T23:45:00")])
    #expect(lapsed.map(\.reason) == [.outage])
    #expect(told.count + lapsed.reduce(0) { $0 + $1.count } == 17 * 96 + 8)
  }

  @Test func `sixty-two days of minutes are kept as a run, and so is what was told of them`() {
    let deep = AcquisitionTask(
      name: "p", schedule: .every(seconds: 3600), targets: [.loadProfile(recordClass: 4, minutes: 1)], backfillDays: 62)
    var plan = ProfilePlan([ProfilePlan.Part(meter: 0, task: deep, recordClass: 4, minutes: 1)], zone: zone)
    let wall = HostInstant(unixMilliseconds: at("2026-11-22T02:10:00"), clock: .synchronised)
    _ = plan.next(at: start, wall: wall) { _, _ in true }
    #expect(plan.wanted == 62 * 1440 + 116)
    #expect(plan.runsKept == 1)
    for _ in 0..<100 {
      guard case .ask(let part, let span) = plan.next(at: start, wall: wall, mayAsk: { _, _ in true }) else { break }
      _ = plan.concluded(part, span, .told(span.seconds), shown: nil, at: start)
    }
    #expect(plan.wanted == 62 * 1440 + 116 - 800)
    #expect(plan.runsKept == 1)
  }

  @Test func `while nobody has set the host's clock nothing is asked`() {
    let (asked, missed, _) = run(
      from: "2026-11-22T02:10:00", until: "2026-11-22T04:00:00", task(), clock: .unsynchronised
    ) { span, _ in .told(span.seconds) }
    #expect(asked.isEmpty && missed.isEmpty)
  }
}
