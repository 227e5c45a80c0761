import DLT645
import Metering
import Modbus
import Testing

@testable import Acquisition

/// What is told of rounds that are still open, and what nobody misses.
@Suite struct LackingPlanTests {
  private static let zone = ZoneOffset.china
  private static let start = BootInstant(nanoseconds: 5_000_000_000)
  private static let freeze = Query.identifier(DataIdentifier(rawValue: 0x0506_0101))
  private static let register = Query.identifier(DataIdentifier(rawValue: 0x0001_FF00))

  private static func at(_ text: String) throws -> Int64 {
    zone.unixMilliseconds(of: try #require(MeterTime(text)))
  }

  /// A plan of some meters in a time of its own: what is told of them, as "METER ITEM REASON at TIME".
  private struct Bench {
    var plan: LinePlan
    var now = LackingPlanTests.start
    var wallStart: Int64
    var lacking: [String] = []
    var missed: [String] = []
    var asked: [Int: Int] = [:]

    init(
      _ schedule: Schedule, _ query: Query = LackingPlanTests.freeze, meters: Int = 2, from: String,
      knownSince: String? = nil, windows: [TimeWindow] = []
    ) throws {
      wallStart = try LackingPlanTests.at(from)
      let known = try knownSince.map { try LackingPlanTests.at($0) }
      let target: AcquisitionTask.Target =
        query.isSettlement
        ? .settlements(depth: 1, of: nil) : query.freezeTime == nil ? .energies : .dailyFreeze
      let task = AcquisitionTask(name: "t", schedule: schedule, targets: [target], windows: windows)
      let held = LinePlan.Held(knownSince: known)
      let probes = [UInt32(0x0400_0102), 0x0400_0101].map { Query.identifier(DataIdentifier(rawValue: $0)) }
      plan = LinePlan(
        tasks: [task],
        meters: (0..<meters).map { _ in
          LinePlan.Meter(id: .unnamed, programme: [[query]], probes: probes, replyLimit: .seconds(1), held: held)
        }, zone: zone, at: now, wall: HostInstant(unixMilliseconds: wallStart, clock: .synchronised))
    }

    var wall: HostInstant {
      HostInstant(
        unixMilliseconds: wallStart + (now - LackingPlanTests.start).milliseconds, clock: .synchronised)
    }

    /// A step of the wall clock.
    mutating func step(seconds: Int64) { wallStart += seconds * 1000 }

    /// Lets minutes pass while the port is lost.
    mutating func loseLine(minutes: Int) {
      for _ in 0..<minutes {
        now = now + .seconds(60)
        plan.passBy(at: now, wall: wall)
        note()
      }
    }

    private func told(_ all: [LinePlan.Missed]) -> [String] {
      let time = String("\(zone.local(unixMilliseconds: wall.unixMilliseconds))".prefix(16))
      return all.flatMap { each in
        each.queries.map { "\(each.meter) \($0.freezeDay.map { "\($0)" } ?? "now") \(each.reason) at \(time)" }
      }
    }

    mutating func note() {
      lacking += told(plan.takeLacking())
      missed += told(plan.takeMissed())
    }

    /// Lets the plan go on until the wall clock stands at a time.
    mutating func run(until end: String, _ conclude: (Int) -> LinePlan.Conclusion) throws {
      let end = try LackingPlanTests.at(end)
      var turns = 0
      while wall.unixMilliseconds < end {
        turns += 1
        try #require(turns < 200_000, "the plan spins")
        switch plan.next(at: now, wall: wall) {
        case .rest(let until):
          now = min(max(until, now + .milliseconds(1)), now + .milliseconds(end - wall.unixMilliseconds))
        case .ask(let ask):
          asked[ask.meter, default: 0] += 1
          now = now + .milliseconds(500)
          plan.concluded(ask, conclude(ask.meter), at: now)
        }
        note()
      }
    }
  }

  private func daily(_ text: String) throws -> Schedule { .daily(try #require(TimeOfDay(text))) }

  @Test func `the freeze of a dead meter is told while its round is open, once, and asked for until it comes`() throws {
    var bench = try Bench(daily("00:05"), from: "2026-11-22T00:04:50")
    // The freeze of the day before comes from both.
    try bench.run(until: "2026-11-22T00:04:59") { _ in .answered(delay: nil) }
    try bench.run(until: "2026-11-22T06:00:00") { $0 == 1 ? .silent : .answered(delay: nil) }
    #expect(bench.lacking.map { $0.prefix(19) } == ["1 2026-11-22 silent"])
    // Ten minutes after the round began, and a minute more at the most.
    #expect(bench.lacking.allSatisfy { $0.hasSuffix("T00:15") || $0.hasSuffix("T00:16") })
    #expect(bench.missed.isEmpty)
    let before = bench.asked[1] ?? 0
    try bench.run(until: "2026-11-22T07:00:00") { _ in .answered(delay: nil) }
    #expect(bench.lacking.count == 1 && bench.missed.isEmpty)
    #expect((bench.asked[1] ?? 0) - before <= 2 && bench.plan.missing.isEmpty)
    // The next round tells its own.
    try bench.run(until: "2026-11-23T06:00:00") { $0 == 0 ? .silent : .answered(delay: nil) }
    #expect(bench.lacking.dropFirst().map { $0.prefix(19) } == ["0 2026-11-23 silent"])
  }

  @Test func `while the port is lost for long all that is left of a round is told as an outage`() throws {
    var bench = try Bench(daily("00:05"), from: "2026-11-22T00:05:10")
    bench.loseLine(minutes: 30)
    #expect(
      bench.lacking == ["0 2026-11-22 outage at 2026-11-22T00:16", "1 2026-11-22 outage at 2026-11-22T00:16"])
    #expect(bench.missed.isEmpty)
  }

  @Test func `a port that is lost for minutes makes no outage of a long round, one that comes and goes does`() throws {
    let freeze = try daily("00:05")
    for (works, told) in [(1200, 0), (30, 2)] as [(Int64, Int)] {
      var bench = try Bench(freeze, from: "2026-11-22T00:05:10")
      for _ in 0..<8 {
        bench.loseLine(minutes: 2)
        bench.now = bench.now + .seconds(works)
      }
      #expect(bench.lacking.count == told, "\(works) s between two losses")
    }
  }

  @Test func `outside of its windows a task lacks nothing for an outage`() throws {
    let evening = try #require(TimeWindow("20:00-22:00"))
    var bench = try Bench(daily("00:05"), from: "2026-11-22T12:00:00", windows: [evening])
    bench.loseLine(minutes: 60)
    #expect(bench.lacking.isEmpty)
    bench.loseLine(minutes: 7 * 60 + 2)
    #expect(
      bench.lacking.map { $0.prefix(19) } == ["0 2026-11-22 outage", "1 2026-11-22 outage"].map { $0.prefix(19) })
    #expect(bench.lacking.allSatisfy { $0.hasSuffix("T20:00") || $0.hasSuffix("T20:01") })
  }

  @Test(arguments: [-90, -3600, -72_000] as [Int64])
  func `a month that is read again after a step back is not missed meanwhile`(_ step: Int64) throws {
    let night = try #require(TimeOfDay("00:30"))
    var bench = try Bench(
      .monthly(days: [1], night), .identifier(DataIdentifier(rawValue: 0x0001_FF01)), from: "2026-12-01T00:30:00")
    try bench.run(until: "2026-12-01T23:00:00") { $0 == 1 ? .silent : .answered(delay: nil) }
    #expect(bench.lacking.map { $0.prefix(12) } == ["1 now silent"])
    let before = bench.asked[0] ?? 0
    bench.step(seconds: step)
    try bench.run(until: "2026-12-01T23:30:00") { $0 == 1 ? .silent : .answered(delay: nil) }
    #expect((bench.asked[0] ?? 0) == before + 1, "read again")
    try bench.run(until: "2026-12-01T23:40:00") { _ in .answered(delay: nil) }
    #expect(bench.lacking.count == 1 && bench.missed.isEmpty && bench.plan.missing.isEmpty)
  }

  @Test func `a clock that goes back behind the time since when a meter is known hides no rounds`() throws {
    for (known, told) in [("2026-11-30T22:00:00", 4), ("2026-12-02T00:00:00", 0)] {
      var bench = try Bench(.every(seconds: 900), Self.register, from: "2026-11-30T22:00:00", knownSince: known)
      try bench.run(until: "2026-11-30T22:10:00") { $0 == 1 ? .silent : .answered(delay: nil) }
      bench.step(seconds: -6 * 3600)
      try bench.run(until: "2026-11-30T17:10:00") { $0 == 1 ? .silent : .answered(delay: nil) }
      // The round of 22:00, and those of 16:15, 16:30 and 16:45.
      #expect(bench.missed.count == told, "known since \(known)")
    }
  }

  @Test func `rounds of short intervals tell what they lack as they end`() throws {
    var bench = try Bench(.every(seconds: 300), Self.register, from: "2026-11-22T08:00:00")
    try bench.run(until: "2026-11-22T09:00:00") { $0 == 1 ? .silent : .answered(delay: nil) }
    #expect(bench.lacking.isEmpty)
    #expect(bench.missed.count == 11 && bench.missed.allSatisfy { $0.hasPrefix("1 now silent") })
  }

  @Test func `a round of before the meter was known is asked for, and nobody misses it`() throws {
    for query in [Self.freeze, Self.register] {
      // A task of 04:26, of which the last round was due yesterday, and a meter that was configured this morning.
      var bench = try Bench(
        daily("04:26"), query, meters: 1, from: "2026-11-22T04:05:00", knownSince: "2026-11-22T04:03:00")
      try bench.run(until: "2026-11-22T04:30:00") { _ in .silent }
      #expect((bench.asked[0] ?? 0) > 5)
      #expect(bench.missed.isEmpty && bench.lacking.isEmpty)
      // What was due since then is.
      try bench.run(until: "2026-11-23T04:30:00") { _ in .silent }
      let item = query == Self.freeze ? "2026-11-22" : "now"
      #expect(bench.lacking.map { $0.prefix(item.count + 9) } == ["0 \(item) silent"])
      #expect(bench.missed.map { $0.prefix(item.count + 9) } == ["0 \(item) silent"])
      #expect(bench.missed.allSatisfy { $0.hasSuffix(" at 2026-11-23T04:26") })
    }
  }
}
