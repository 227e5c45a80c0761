import DLT645
import Metering
import Modbus
import Testing

@testable import Acquisition

/// Several tasks on one line: what they share, and what is told of those that it has no time for.
@Suite struct CrowdedPlanTests {
  private static let zone = ZoneOffset.china
  private static let start = BootInstant(nanoseconds: 5_000_000_000)
  private static let noon: Int64 = 1_795_320_000_000

  private static func item(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }
  private static func registers(_ start: UInt16, _ count: UInt16) -> Query {
    .registers(function: .inputRegisters, start: start, count: count)
  }

  /// One value of one round.
  private struct Part: Hashable {
    let task: Int
    let slot: Int64
    let meter: Int
    let query: Query
  }

  private struct Bench {
    var plan: LinePlan
    var now = CrowdedPlanTests.start
    var asked: [LinePlan.Ask] = []
    var answered: Set<Part> = []
    var told: Set<Part> = []
    var leftOut: [LinePlan.LeftOut] = []

    init(_ tasks: [AcquisitionTask], _ programme: [[Query]], meters: Int = 1) {
      let probes = [UInt32(0x0400_0102), 0x0400_0101].map(CrowdedPlanTests.item)
      plan = LinePlan(
        tasks: tasks,
        meters: (0..<meters).map { _ in
          LinePlan.Meter(id: .unnamed, programme: programme, probes: probes, replyLimit: .seconds(1))
        }, zone: zone, at: now, wall: HostInstant(unixMilliseconds: noon, clock: .synchronised))
    }

    var wall: HostInstant {
      HostInstant(unixMilliseconds: noon + (now - CrowdedPlanTests.start).milliseconds, clock: .synchronised)
    }

    mutating func note() {
      for each in plan.takeLacking() + plan.takeMissed() {
        for query in each.queries {
          told.insert(Part(task: each.round.task, slot: each.round.slot, meter: each.meter, query: query))
        }
      }
      leftOut += plan.takeLeftOut()
    }

    /// Lets the plan go on for a while with exchanges of a length.
    mutating func run(
      minutes: Int64, exchange: BootInstant.Span,
      _ conclude: (LinePlan.Ask) -> LinePlan.Conclusion = { _ in
        .answered(delay: .milliseconds(20))
      }
    ) throws {
      let end = now + .seconds(minutes * 60)
      var turns = 0
      while now < end {
        turns += 1
        try #require(turns < 200_000, "the plan spins")
        switch plan.next(at: now, wall: wall) {
        case .rest(let until): now = min(max(until, now + .milliseconds(1)), end)
        case .ask(let ask):
          now = now + exchange
          asked.append(ask)
          let conclusion = conclude(ask)
          if case .answered = conclusion, let round = ask.round {
            answered.insert(Part(task: round.task, slot: round.slot, meter: ask.meter, query: ask.query))
          }
          plan.concluded(ask, conclusion, at: now)
        }
        note()
      }
    }
  }

  private func task(
    _ name: String, every seconds: Int64, _ target: AcquisitionTask.Target = .energies, priority: Int = 2
  ) -> AcquisitionTask {
    AcquisitionTask(name: name, schedule: .every(seconds: seconds), targets: [target], priority: priority)
  }

  @Test func `tasks that are due at the same time ask a meter once for what both want`() throws {
    let energy = Self.item(0x0001_FF00)
    var bench = Bench(
      [task("a", every: 900), task("b", every: 1800, .instantaneous)], [[energy], [energy, Self.item(0x0201_FF00)]])
    try bench.run(minutes: 59, exchange: .milliseconds(300))
    // Rounds of a at 0, 15, 30 and 45 minutes, of b at 0 and 30.
    #expect(bench.asked.count { $0.query == energy } == 4)
    #expect(bench.asked.count == 6)
    #expect(bench.told.isEmpty && bench.leftOut.isEmpty)
  }

  @Test func `of two runs of registers that are due at the same time the wider one is asked, and serves both`() throws {
    let (narrow, wide) = (Self.registers(72, 2), Self.registers(52, 36))
    var bench = Bench(
      [task("a", every: 900), task("b", every: 1800, .instantaneous)], [[narrow], [wide]])
    try bench.run(minutes: 59, exchange: .milliseconds(300))
    #expect(bench.asked.map(\.query) == [wide, narrow, wide, narrow])
    #expect(bench.told.isEmpty && bench.leftOut.isEmpty)
  }

  @Test func `what is urgent does not wait for a wider run of what is less so`() throws {
    let (narrow, wide) = (Self.registers(72, 2), Self.registers(52, 36))
    var bench = Bench([task("a", every: 900), task("b", every: 900, .instantaneous, priority: 3)], [[narrow], [wide]])
    try bench.run(minutes: 14, exchange: .milliseconds(300))
    #expect(bench.asked.map(\.query) == [narrow, wide])
  }

  @Test func `an answer that is taken back is lacking in every round that it served`() throws {
    let (narrow, wide) = (Self.registers(72, 2), Self.registers(52, 36))
    var bench = Bench([task("a", every: 900), task("b", every: 900, .instantaneous)], [[narrow], [wide]])
    for number in 1...LinePlan.triesWhenDamaged {
      guard case .ask(let ask) = bench.plan.next(at: bench.now, wall: bench.wall), let round = ask.round else {
        Issue.record("nothing is asked the \(number). time")
        return
      }
      bench.asked.append(ask)
      bench.now = bench.now + .milliseconds(300)
      bench.plan.concluded(ask, .answered(delay: .milliseconds(20)), at: bench.now)
      bench.plan.takenBack(ask.query, of: ask.meter, in: round)
    }
    try bench.run(minutes: 5, exchange: .milliseconds(300))
    #expect(bench.asked.first?.query == wide)
    // Asked again by itself, or missed: nothing is lost in silence.
    let isRead = bench.answered.contains { $0.query == narrow || $0.query == wide }
    #expect(isRead || bench.told.contains { $0.query == narrow })
    #expect(bench.told.contains { $0.query == wide } || bench.answered.contains { $0.query == wide })
  }

  @Test func `a wider run that the meter refuses leaves the narrow one to be asked`() throws {
    let (narrow, wide) = (Self.registers(72, 2), Self.registers(52, 36))
    var bench = Bench([task("a", every: 900), task("b", every: 900, .instantaneous)], [[narrow], [wide]])
    try bench.run(minutes: 14, exchange: .milliseconds(300)) { $0.query == wide ? .refused : .answered(delay: nil) }
    #expect(bench.asked.map(\.query) == [wide, narrow])
    #expect(bench.told.map(\.query) == [wide])
  }

  @Test func `what is read too late for its label is read for each task by itself`() throws {
    let energy = Self.item(0x0001_FF00)
    let tasks = [task("a", every: 60), task("b", every: 60, priority: 3)]
    for (seconds, count) in [(Int64(1), 1), (tasks[0].schedule.grace / 1000 + 1, 2)] {
      var bench = Bench(tasks, [[energy], [energy]])
      bench.now = bench.now + .milliseconds(200)
      try bench.run(minutes: 1, exchange: .seconds(seconds))
      #expect(bench.asked.count { $0.round?.slot == Self.noon } == count)
    }
  }

  @Test(arguments: [5, 2, 1] as [Int64])
  func `a line that cannot keep up misses nothing in silence`(_ seconds: Int64) throws {
    let (energy, power) = (Self.item(0x0001_FF00), Self.item(0x0203_FF00))
    let tasks = [task("energy", every: 60), task("power", every: 60, .instantaneous, priority: 3)]
    var bench = Bench(tasks, [[energy], [power]], meters: 32)
    try bench.run(minutes: 100, exchange: .seconds(seconds))
    let runs = bench.leftOut
    for (index, query) in [energy, power].enumerated() {
      let ofTask = runs.filter { $0.task == index }
      // No round is accounted for twice.
      for (before, after) in zip(ofTask, ofTask.dropFirst()) { #expect(before.last < after.first) }
      // The last quarter of an hour may still be under way.
      for minute in Int64(0)..<80 {
        let slot = Self.noon + minute * 60_000
        guard !ofTask.contains(where: { $0.first <= slot && slot <= $0.last && $0.reason == .late }) else { continue }
        for meter in 0..<32 {
          let part = Part(task: index, slot: slot, meter: meter, query: query)
          #expect(
            bench.answered.contains(part) || bench.told.contains(part), "\(tasks[index].name) \(minute) \(meter)")
        }
      }
    }
    #expect(!runs.isEmpty)
  }
}
