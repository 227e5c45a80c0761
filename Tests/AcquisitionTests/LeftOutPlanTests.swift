import DLT645
import Metering
import Modbus
import Testing

@testable import Acquisition

/// Rounds that nobody began, and what the journal says of them.
@Suite struct LeftOutPlanTests {
  private static let zone = ZoneOffset.china
  private static let start = BootInstant(nanoseconds: 5_000_000_000)
  private static let freeze = Query.identifier(DataIdentifier(rawValue: 0x0506_0101))
  private static let register = Query.identifier(DataIdentifier(rawValue: 0x0001_FF00))

  private static func at(_ text: String) throws -> Int64 {
    zone.unixMilliseconds(of: try #require(MeterTime(text)))
  }

  private static func daily(_ days: Int = 7) throws -> AcquisitionTask {
    AcquisitionTask(
      name: "freeze", schedule: .daily(try #require(TimeOfDay("00:05"))), targets: [.dailyFreeze], backfillDays: days)
  }

  private static func frozen(_ day: String) throws -> Query { freeze.frozen(at: try #require(CivilDate(day))) }

  /// A plan in a time of its own, of one meter that has one question for each task.
  private struct Bench {
    var plan: LinePlan
    var now = LeftOutPlanTests.start
    /// Wall milliseconds at `start`.
    var wallStart: Int64
    var state = ClockState.synchronised
    /// "ITEM at TIME", "ITEM REASON" and "ROUNDS from TIME through TIME REASON".
    var asked: [String] = []
    var missed: [String] = []
    var leftOut: [String] = []
    var recalls = 0
    /// What the house answers; nothing where it is `nil`.
    var house: ((Int64) -> LinePlan.Held)?
    /// What becomes of a question.
    var conclude: (Query) -> LinePlan.Conclusion = { _ in .answered(delay: nil) }

    init(
      _ task: AcquisitionTask, _ query: Query, from: String, held: LinePlan.Held = .init(),
      state: ClockState = .synchronised, lastAtWork: [Int64] = []
    ) throws {
      wallStart = try LeftOutPlanTests.at(from)
      self.state = state
      let meter = LinePlan.Meter(
        id: .unnamed, programme: [[query]], probes: [.identifier(DataIdentifier(rawValue: 0x0400_0102))],
        replyLimit: .seconds(1), held: held)
      plan = LinePlan(
        tasks: [task], meters: [meter], zone: zone, at: now,
        wall: HostInstant(unixMilliseconds: wallStart, clock: state), lastAtWork: lastAtWork)
    }

    var wall: HostInstant {
      HostInstant(unixMilliseconds: wallStart + (now - LeftOutPlanTests.start).milliseconds, clock: state)
    }

    private func text(_ instant: Int64) -> String { String("\(zone.local(unixMilliseconds: instant))".prefix(16)) }
    private func item(_ query: Query) -> String { query.freezeDay.map { "\($0)" } ?? "now" }

    mutating func note() {
      if plan.takeRecall() {
        recalls += 1
        if let house { plan.recalled([house(wall.unixMilliseconds)], of: wall.unixMilliseconds, at: now) }
      }
      missed += plan.takeMissed().flatMap { missed in
        missed.queries.map {
          "\($0.freezeDay == nil ? text(missed.round.slot) : item($0)) \(missed.reason.rawValue)"
        }
      }
      leftOut += plan.takeLeftOut().map {
        "\($0.rounds) from \(text($0.first)) through \(text($0.last)) \($0.reason.rawValue)"
      }
    }

    /// Lets the plan go on until the wall clock stands at a time.
    mutating func run(until end: String) throws {
      let end = try LeftOutPlanTests.at(end)
      var turns = 0
      note()
      while wall.unixMilliseconds < end {
        turns += 1
        try #require(turns < 200_000, "the plan spins")
        switch plan.next(at: now, wall: wall) {
        case .rest(let until):
          let left = BootInstant.Span.milliseconds(end - wall.unixMilliseconds)
          now = min(max(until, now + .milliseconds(1)), now + left)
        case .ask(let ask):
          asked.append("\(item(ask.query)) at \(text(wall.unixMilliseconds))")
          now = now + .milliseconds(500)
          plan.concluded(ask, conclude(ask.query), at: now)
        }
        note()
      }
    }

    /// Time in which nobody looks at the plan.
    mutating func pass(_ hours: Int64) { now = now + .seconds(hours * 3600) }
    /// A step of the wall clock.
    mutating func step(_ hours: Int64) { wallStart += hours * 3_600_000 }
  }

  @Test func `days that a suspended host left out are told, looked for and found`() throws {
    var bench = try Bench(Self.daily(), Self.freeze, from: "2026-11-18T00:04:00")
    try bench.run(until: "2026-11-18T12:00:00")
    bench.asked = []
    bench.pass(72)
    try bench.run(until: "2026-11-21T12:30:00")
    #expect(bench.missed == ["2026-11-19 outage", "2026-11-20 outage"])
    #expect(Set(bench.asked.map { $0.prefix(10) }) == ["2026-11-19", "2026-11-20", "2026-11-21"])
    #expect(bench.plan.overruns == [2])
    #expect(bench.plan.missing.isEmpty)
    #expect(bench.leftOut.isEmpty, "a task of freezes alone reads no registers")
  }

  @Test func `days beyond the depth of the task are told, and not looked for`() throws {
    var bench = try Bench(Self.daily(2), Self.freeze, from: "2026-11-14T00:04:00")
    try bench.run(until: "2026-11-14T12:00:00")
    bench.asked = []
    bench.pass(24 * 6)
    try bench.run(until: "2026-11-20T13:30:00")
    #expect(bench.missed == (15...19).map { "2026-11-\($0) outage" })
    #expect(Set(bench.asked.map { $0.prefix(10) }) == ["2026-11-18", "2026-11-19", "2026-11-20"])
  }

  @Test func `while the port is lost each day that is over is told once, and all are read when it is back`() throws {
    var bench = try Bench(Self.daily(), Self.freeze, from: "2026-11-18T00:04:00")
    try bench.run(until: "2026-11-18T12:00:00")
    var told: [Int] = []
    for hour in 1...72 {
      bench.pass(1)
      bench.plan.passBy(at: bench.now, wall: bench.wall)
      bench.note()
      if hour % 24 == 0 { told.append(bench.missed.count) }
    }
    #expect(told == [0, 1, 2])
    #expect(bench.plan.missing.map(\.reason) == [.outage, .outage])
    bench.asked = []
    try bench.run(until: "2026-11-21T12:30:00")
    #expect(bench.missed == ["2026-11-19 outage", "2026-11-20 outage"])
    #expect(Set(bench.asked.map { $0.prefix(10) }) == ["2026-11-19", "2026-11-20", "2026-11-21"])
  }

  @Test func `days that a line was too slow for are left out as late`() throws {
    var bench = try Bench(Self.daily(), Self.freeze, from: "2026-11-18T00:04:00")
    // The question stays in its round, which goes on for days.
    while bench.wall.unixMilliseconds < (try Self.at("2026-11-21T01:00:00")) {
      let action = bench.plan.next(at: bench.now, wall: bench.wall)
      bench.now = bench.now + .seconds(300)
      if case .ask(let ask) = action { bench.plan.concluded(ask, .portLost, at: bench.now) }
      bench.note()
    }
    try bench.run(until: "2026-11-21T06:10:00")
    #expect(bench.missed == ["2026-11-18 late", "2026-11-19 late", "2026-11-20 late"])
    #expect(bench.plan.overruns == [3])
    #expect(bench.plan.missing.isEmpty)
  }

  struct Asked: Sendable, CustomTestStringConvertible {
    let name: String
    let query: Query
    var isOfTheMoment = false
    var testDescription: String { name }
  }

  static let asked = [
    Asked(name: "energies as they stand", query: register, isOfTheMoment: true),
    Asked(name: "a power as it stands", query: item(0x0203_FF00), isOfTheMoment: true),
    Asked(
      name: "a run of registers", query: .registers(function: .inputRegisters, start: 0, count: 2), isOfTheMoment: true),
    Asked(
      name: "energies of 1997", query: .shortIdentifier(ShortIdentifier(rawValue: 0x901F)), isOfTheMoment: true),
    Asked(name: "a count of events", query: item(0x0330_0D00)),
    Asked(name: "a record of an event", query: item(0x0330_0D01)),
    Asked(name: "status words", query: item(0x0400_05FF)),
    Asked(name: "status words of 1997", query: .shortIdentifier(ShortIdentifier(rawValue: 0xC020))),
    Asked(name: "a closed month", query: item(0x0001_FF01)),
    Asked(name: "a settlement day", query: item(0x0400_0B01)),
    Asked(name: "a settlement day of 1997", query: .shortIdentifier(.readingDay)),
    Asked(name: "the time of day", query: item(0x0400_0102)),
  ]

  private static func item(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }

  @Test(arguments: asked)
  func `of a task of several kinds rounds are left out for meters whose registers it reads`(_ each: Asked) throws {
    let task = AcquisitionTask(
      name: "mixed", schedule: .every(seconds: 900), targets: [.energies, .settlements(depth: 1, of: nil), .events])
    var bench = try Bench(task, each.query, from: "2026-11-18T12:00:00")
    try bench.run(until: "2026-11-18T12:05:00")
    bench.pass(3)
    try bench.run(until: "2026-11-18T15:10:00")
    #expect(
      bench.leftOut == (each.isOfTheMoment ? ["11 from 2026-11-18T12:15 through 2026-11-18T14:45 outage"] : []))
  }

  struct Run: Sendable, CustomTestStringConvertible {
    let seconds: Int64
    let windows: [String]
    let hours: Int64
    let expected: String
    var testDescription: String { "every \(seconds) s in \(windows), away for \(hours) h" }
  }

  static let runs = [
    Run(seconds: 900, windows: [], hours: 3, expected: "11 from 2026-11-18T12:15 through 2026-11-18T14:45 outage"),
    Run(seconds: 900, windows: [], hours: 72, expected: "287 from 2026-11-18T12:15 through 2026-11-21T11:45 outage"),
    Run(
      seconds: 900, windows: ["08:00-09:00"], hours: 44,
      expected: "4 from 2026-11-19T08:00 through 2026-11-19T08:45 outage"),
    Run(
      seconds: 1, windows: [], hours: 24 * 400,
      expected: "5356799 from 2027-10-22T12:00 through 2027-12-23T12:00 outage"),
    Run(seconds: 86_400, windows: [], hours: 72, expected: "2 from 2026-11-19T00:00 through 2026-11-20T00:00 outage"),
  ]

  @Test(arguments: runs)
  func `rounds of registers that nobody began are one run, however many they are`(_ run: Run) throws {
    let task = AcquisitionTask(
      name: "t", schedule: .every(seconds: run.seconds), targets: [.energies],
      windows: try run.windows.map { try #require(TimeWindow($0)) })
    var bench = try Bench(task, Self.register, from: "2026-11-18T08:59:30")
    try bench.run(until: "2026-11-18T09:00:20")
    if run.windows.isEmpty { try bench.run(until: "2026-11-18T12:00:20") } else { bench.pass(3) }
    #expect(bench.leftOut.isEmpty)
    bench.pass(run.hours)
    // The slot that is open then is served at once.
    let asked = bench.asked.count
    let end = "\(Self.zone.local(unixMilliseconds: bench.wall.unixMilliseconds + 2000))"
    try bench.run(until: end)
    #expect(bench.leftOut == [run.expected])
    #expect(bench.asked.count > asked)
  }

  @Test(arguments: [true, false])
  func `what nobody read while the daemon was off is told at the next start, once the clock is set`(_ isSet: Bool)
    throws
  {
    let task = AcquisitionTask(name: "t", schedule: .every(seconds: 900), targets: [.energies])
    let last = [try Self.at("2026-11-16T12:03:00")]
    var bench = try Bench(
      task, Self.register, from: "2026-11-18T08:01:00", state: isSet ? .synchronised : .unsynchronised,
      lastAtWork: last)
    try bench.run(until: "2026-11-18T08:05:00")
    #expect(bench.leftOut.count == (isSet ? 1 : 0))
    bench.state = .synchronised
    let now = bench.now
    bench.plan.recalled([.init()], of: bench.wall.unixMilliseconds, lastAtWork: last, at: now)
    try bench.run(until: "2026-11-18T10:05:00")
    let open =
      isSet
      ? "175 from 2026-11-16T12:15 through 2026-11-18T07:45 outage"
      : "176 from 2026-11-16T12:15 through 2026-11-18T08:00 outage"
    #expect(bench.leftOut == [open])
    // A task and a meter that were not there then have left nothing out.
    let new = try Bench(
      task, Self.register, from: "2026-11-18T08:01:00", held: .init(knownSince: Self.at("2026-11-18T08:00:30")),
      lastAtWork: last)
    #expect(new.plan.leftOut.isEmpty)
  }

  @Test func `rounds that follow each other leave nothing out, whatever the schedule`() throws {
    for seed in UInt64(1)...40 {
      var random = SplitMix(seed)
      let seconds = [60, 300, 420, 900, 3600, 86_400][Int(random.next() % 6)]
      let windows = [[], ["08:00-20:00"], ["22:00-06:00", "12:00-12:30"]][Int(random.next() % 3)]
      let task = AcquisitionTask(
        name: "t", schedule: .every(seconds: Int64(seconds)), targets: [.energies],
        windows: try windows.map { try #require(TimeWindow($0)) })
      guard task.hasSlots else { continue }
      var bench = try Bench(task, Self.register, from: "2026-11-18T07:13:11")
      try bench.run(until: "2026-11-20T07:13:11")
      #expect(bench.leftOut.isEmpty, "seed \(seed)")
      #expect(bench.plan.overruns == [0], "seed \(seed)")
    }
  }

  @Test func `registers in the place of a freeze that are asked too late are missed, and not asked`() throws {
    let task = try #require(try Self.daily().synthetic)
    var bench = try Bench(task, Self.register, from: "2026-11-18T23:00:00")
    try bench.run(until: "2026-11-18T23:59:00")
    #expect(bench.asked.isEmpty)
    bench.now = bench.now + .seconds(41 * 60)
    try bench.run(until: "2026-11-19T06:00:00")
    #expect(bench.asked.isEmpty)
    #expect(bench.missed == ["2026-11-19T00:00 late"])
    bench.pass(72)
    try bench.run(until: "2026-11-22T07:00:00")
    #expect(
      bench.missed
        == ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"].map {
          "\($0)T00:00 \($0.hasSuffix("19") || $0.hasSuffix("22") ? "late" : "outage")"
        })
  }

  @Test func `days that a host slept through soon after a start are told as well`() throws {
    let task = try #require(try Self.daily().synthetic)
    for (task, query) in [(task, Self.register), (try Self.daily(), Self.freeze)] {
      var bench = try Bench(task, query, from: "2026-11-18T10:00:00")
      try bench.run(until: "2026-11-18T11:00:00")
      bench.pass(72)
      try bench.run(until: "2026-11-21T12:10:00")
      #expect(bench.missed.count { $0.hasSuffix("outage") } == 2)
    }
  }

  @Test func `what a start finds lost in the place of freezes is told, but not of days before the meter was known`()
    throws
  {
    let lost = try ["2026-11-16T00:00:00", "2026-11-17T00:00:00", "2026-11-18T00:00:00"].map {
      LinePlan.Held.Lost(slot: try Self.at($0), queries: [Self.register])
    }
    let held = LinePlan.Held(lost: [lost], knownSince: try Self.at("2026-11-16T12:00:00"))
    var bench = try Bench(
      try #require(try Self.daily().synthetic), Self.register, from: "2026-11-18T08:00:00", held: held)
    try bench.run(until: "2026-11-18T09:00:00")
    #expect(bench.missed == ["2026-11-17T00:00 outage", "2026-11-18T00:00 outage"])
    #expect(bench.asked.isEmpty)
  }

  @Test func `a round that was open when the daemon was killed is told, less what it brought, once the next is due`()
    throws
  {
    let profile = try profile(named: "dlt645-2007-three-phase")
    let meter = LineMeter(
      id: id("M"), address: try #require(MeterAddress("202311110001", for: profile)), profile: profile,
      settings: try settings("2400 8E1"))
    let task = AcquisitionTask(
      name: "e", schedule: .every(seconds: 900),
      targets: [.energies, .instantaneous, .events, .settlements(depth: 1, of: nil)],
      windows: [TimeWindow("00:00-20:00")].compactMap(\.self))
    let programme = [meter.queries(for: task.targets)]
    // Counts, status words and the meter's reading days are no readings: of those the journal never holds any.
    let asked = programme[0].filter {
      meter.quantities(of: $0).contains { $0.unit != nil } && !$0.isClock && !$0.isEventData
    }
    #expect(programme[0].contains { $0.isEventData && !meter.quantities(of: $0).isEmpty })
    let (read, late) = (asked[0], asked[1])
    func held(_ last: String, _ now: String) throws -> [LinePlan.Held.Lost] {
      let slot = task.schedule.slot(at: try Self.at(last), zone: Self.zone)
      return LinePlan.Held(
        of: meter, programme: programme, tasks: [task], at: try Self.at(now), zone: Self.zone,
        lastAtWork: [try Self.at(last)],
        late: { name, instant in name == "e" && instant == slot ? [late.subject] : [] },
        stored: { kind, instant in
          kind == .instantaneous && instant == slot ? Set(meter.quantities(of: read)) : []
        }
      ).lost[0]
    }
    let lost = try held("2026-11-18T08:03:00", "2026-11-18T08:16:00")
    #expect(lost.map(\.slot) == [try Self.at("2026-11-18T08:00:00")])
    let stored = Set(meter.quantities(of: read))
    #expect(
      lost.first?.queries
        == asked.filter { $0 != late && stored.isDisjoint(with: meter.quantities(of: $0)) })
    #expect((lost.first?.queries.count ?? 0) > 3)
    // It goes on in the same round, and outside of the windows there was none.
    #expect(try held("2026-11-18T08:03:00", "2026-11-18T08:14:00").isEmpty)
    #expect(try held("2026-11-18T22:03:00", "2026-11-19T08:14:00").isEmpty)
  }

  @Test(
    arguments: [LinePlan.Conclusion.answered(delay: nil), .refused, .gone, .silent, .damaged],
    // The meter, and the task.
    [["2026-11-17T12:00:00"], ["2026-01-01T00:00:00", "2026-11-17T12:00:00"]])
  func `freezes of days before a meter or its task was known are looked for, and never told as missing`(
    _ conclusion: LinePlan.Conclusion, _ since: [String]
  ) throws {
    let since = try since.map { try Self.at($0) }
    let held = LinePlan.Held(
      missing: [try [Self.frozen("2026-11-17"), Self.frozen("2026-11-16")]],
      knownSince: since.first, tasksKnownSince: Array(since.dropFirst()))
    var bench = try Bench(Self.daily(3), Self.freeze, from: "2026-11-18T08:00:00", held: held)
    let today = try Self.frozen("2026-11-18")
    bench.conclude = { $0 == today ? .answered(delay: nil) : conclusion }
    try bench.run(until: "2026-11-20T00:00:00")
    #expect(bench.asked.contains { $0.hasPrefix("2026-11-17") })
    #expect(bench.missed.allSatisfy { !$0.hasPrefix("2026-11-17") && !$0.hasPrefix("2026-11-16") })
    #expect(bench.plan.takeFailures().isEmpty)
    #expect(bench.plan.missing.allSatisfy { $0.queries != [Query.identifier(DataIdentifier(rawValue: 0x0506_0101))] })
  }

  @Test func `a start by an unset clock asks the journal once somebody has set it, and for the right days`() throws {
    let frozen = try Self.frozen("2026-11-21")
    var bench = try Bench(
      Self.daily(3), Self.freeze, from: "2000-01-02T08:00:00",
      held: .init(missing: [[try Self.frozen("2000-01-01")]]), state: .unsynchronised)
    var days: [String] = []
    bench.house = { wall in
      days.append("\(Self.zone.local(unixMilliseconds: wall).date)")
      // The round of today was read before the restart; yesterday's is missing.
      return LinePlan.Held(done: [[Self.freeze]], missing: [[frozen]])
    }
    try bench.run(until: "2000-01-02T12:00:00")
    #expect(bench.recalls == 0)
    bench.wallStart += try Self.at("2026-11-22T09:00:00") - bench.wall.unixMilliseconds
    bench.state = .synchronised
    try bench.run(until: "2026-11-22T12:00:00")
    #expect(bench.recalls == 1)
    #expect(days == ["2026-11-22"])
    #expect(bench.asked == ["2026-11-21 at 2026-11-22T09:00"])
    #expect(bench.missed == ["2026-11-21 outage"])
    #expect(bench.plan.takeFailures().isEmpty)
  }

  @Test func `a house that does not answer holds nothing up, and is asked again`() throws {
    var bench = try Bench(Self.daily(3), Self.freeze, from: "2026-11-22T08:00:00", state: .unsynchronised)
    try bench.run(until: "2026-11-22T08:10:00")
    bench.state = .synchronised
    try bench.run(until: "2026-11-22T08:15:00")
    #expect(bench.asked == ["2026-11-22 at 2026-11-22T08:10"])
    #expect((4...6).contains(bench.recalls), "\(bench.recalls)")
  }

  @Test(arguments: [3000, -3000] as [Int64])
  func `a round that waits for the journal is not lost to steps of the clock`(_ step: Int64) throws {
    var bench = try Bench(Self.daily(), Self.freeze, from: "2026-11-18T12:00:00", state: .unsynchronised)
    try bench.run(until: "2026-11-18T12:00:05")
    bench.state = .synchronised
    for second in [20, 30, 40] {
      try bench.run(until: "2026-11-18T12:00:\(second)")
      bench.wallStart += step
    }
    try bench.run(until: "2026-11-18T12:01:30")
    #expect(bench.asked.first?.hasPrefix("2026-11-18 at ") == true, "\(bench.asked)")
  }

  @Test func `a clock that is a hundred days ahead for a day leaves no day of the future missing, and none of its own`()
    throws
  {
    let energies = AcquisitionTask(name: "e", schedule: .every(seconds: 900), targets: [.energies])
    var registers = try Bench(energies, Self.register, from: "2026-11-18T08:00:00")
    registers.house = { _ in LinePlan.Held() }
    var freezes = try Bench(Self.daily(3), Self.freeze, from: "2026-11-18T00:04:00")
    let ahead = try Self.at("2027-02-01T00:00:00")
    freezes.house = { wall in
      LinePlan.Held(missing: wall > ahead ? [[Self.freeze.frozen(at: CivilDate(daysSince1970: 20_870))]] : [])
    }
    // The meter's own clock is right: of days to come it has nothing.
    freezes.conclude = { query in
      query.freezeDay.map { $0.year < 2027 } == true ? .answered(delay: nil) : .stale
    }
    try registers.run(until: "2026-11-18T12:10:00")
    try freezes.run(until: "2026-11-18T12:10:00")
    registers.step(2400)
    freezes.step(2400)
    try registers.run(until: "2027-02-27T12:00:00")
    try freezes.run(until: "2027-02-27T12:00:00")
    #expect(freezes.missed.contains { $0.hasPrefix("2027-02-2") && $0.hasSuffix("stale") })
    registers.step(-2400)
    freezes.step(-2400)
    _ = freezes.plan.takeFailures()
    registers.leftOut = []
    freezes.asked = []
    try registers.run(until: "2026-11-19T13:00:00")
    try freezes.run(until: "2026-11-20T13:00:00")
    #expect(registers.leftOut == ["95 from 2026-11-18T12:15 through 2026-11-19T11:45 outage"])
    #expect(freezes.recalls == 2)
    #expect(freezes.plan.missing.isEmpty)
    #expect(freezes.plan.takeFailures().isEmpty)
    #expect(Set(freezes.asked.map { $0.prefix(10) }) == ["2026-11-19", "2026-11-20"])
    try freezes.run(until: "2026-11-23T13:00:00")
    #expect(freezes.asked.count == 5)
  }

  @Test func `a freeze that the disk did not keep is missing again, and read in the next pass`() throws {
    var bench = try Bench(Self.daily(), Self.freeze, from: "2026-11-18T00:04:00")
    try bench.run(until: "2026-11-18T00:10:00")
    bench.plan.notKept(try Self.frozen("2026-11-18"), of: 0, at: bench.wall.unixMilliseconds)
    bench.plan.notKept(Self.register, of: 0, at: bench.wall.unixMilliseconds)
    #expect(bench.plan.missing.map(\.reason) == [.unstored])
    bench.asked = []
    try bench.run(until: "2026-11-18T06:00:00")
    #expect(bench.asked == ["2026-11-18 at 2026-11-18T00:30"])
    #expect(bench.plan.missing.isEmpty)
  }
}
