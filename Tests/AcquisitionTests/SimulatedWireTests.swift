import Acquisition
import Devices
import Line
import Metering
import Simulator
import Testing

/// An engine over simulated meters in a time of their own, which begins at noon of 2026-11-22.
private struct Bench {
  let wire: SimulatedWire
  let engine: LineEngine
  let told: Told

  final class Told {
    var answers: [Acquisition.Answer] = []
    var missed = 0
    var health: [Bool] = []
    var lost = 0
    var opened = 0
    /// Everything, in the order in which it was told.
    var lines: [String] = []
  }

  init(_ pairs: [Pair], tasks: [AcquisitionTask], faults: LineFaults = .none) throws {
    let settings = try settings("9600 8N1")
    let boot = BootInstant(nanoseconds: 1_000_000_000)
    let clock = SimulatedClock(origin: SimulatedInstant(noon), at: boot)
    let description = LineDescription(
      name: "bus", settings: settings, meters: pairs.map(\.description), faults: faults, isStrict: true)
    let address = try #require(PortAddress("/dev/null"))
    let wire = SimulatedWire(description.bus(clock: clock), called: address, at: boot)
    let wall = {
      HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: .synchronised)
    }
    let planned = pairs.map { $0.meter.planned(for: tasks) }
    let told = Told()
    engine = try LineEngine(
      name: "bus", line: Line(address, settings: settings, guardedBy: WireGuard(), over: wire),
      meters: pairs.map(\.meter),
      plan: LinePlan(tasks: tasks, meters: planned, zone: .china, at: boot, wall: wall()), wall: wall
    ) { event in
      switch event {
      case .answered(let answer):
        told.answers.append(answer)
        told.lines.append("\(answer.meter) \(answer.query) \(answer.bootTime.nanoseconds) \(answer.replies)")
      case .missed(_, let meter, let queries, let reason, _):
        told.missed += queries.count
        told.lines.append("\(meter) missed \(queries) \(reason)")
      case .health(_, let meter, let isAnswering):
        told.health.append(isAnswering)
        told.lines.append("\(meter) \(isAnswering)")
      case .rejected(_, let meter, let query, let reason): told.lines.append("\(meter) \(query) \(reason)")
      case .portLost: told.lost += 1
      case .portOpened: told.opened += 1
      case .lacking, .leftOut, .recordsLapsed, .recordsRefused, .journalWanted, .answeredTwice, .late, .control, .clock,
        .events,
        .staleFreeze,
        .backfillFailed:
        break
      }
    }
    self.wire = wire
    self.told = told
  }

  /// Lets so much time pass.
  func run(for span: BootInstant.Span) {
    engine.work(on: wire, for: span)
  }

  /// The meters show what they held while they were asked, to the second.
  func expectTruth(_ location: SourceLocation = #_sourceLocation) throws {
    let clock = wire.bus.clock
    for answer in told.answers {
      let meter = try #require(wire.bus.meters.first { $0.meter.id == answer.meter }?.meter)
      let asked = clock.instant(at: answer.startedAt).unixMilliseconds / 1000
      let ended = clock.instant(at: answer.bootTime).unixMilliseconds / 1000
      for each in answer.observations {
        let truths = (asked...ended).map {
          meter.truth(each.quantity, each.memory, at: SimulatedInstant(unixMilliseconds: $0 * 1000))
        }
        #expect(truths.contains(each), "\(answer.meter) \(each.quantity)", sourceLocation: location)
      }
    }
  }
}

@Suite struct SimulatedWireTests {
  private func pairs(_ count: Int) throws -> [Pair] {
    let line = try settings("9600 8N1")
    let items = try TestProfile.dlt645(timeout: 500, items: ["0001FF00", "0201FF00", "02800002"])
    return try (1...count).map { number in
      number % 2 == 0
        ? try Pair(
          "E\(number)", profile(named: "eastron-sdm630"), address: "\(number)", seed: UInt64(number), on: line,
          delay: .milliseconds(30))
        : try Pair(
          "D\(number)", items, address: "\(202_311_110_000 + number)", seed: UInt64(number), on: line,
          delay: .milliseconds(60))
    }
  }

  private let quarterly = AcquisitionTask(
    name: "q", schedule: .every(seconds: 900), targets: [.energies, .instantaneous])

  @Test func `an hour of a line passes without being waited for, and all that is told is true`() throws {
    let bench = try Bench(pairs(8), tasks: [quarterly])
    #expect(bench.engine.open() == nil)
    bench.run(for: .seconds(3600))
    bench.engine.finish()
    let wanted = bench.engine.plan.meters.flatMap(\.programme).reduce(0) { $0 + $1.count } * 4
    #expect(bench.told.answers.count == wanted)
    #expect(bench.told.missed == 0)
    #expect(Set(bench.told.answers.compactMap(\.slot)).count == 4)
    let statistics = bench.wire.bus.statistics
    #expect(statistics.brokenSilence == 0)
    #expect(statistics.collisions == 0)
    try bench.expectTruth()
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `the same seed brings the same hour, whatever goes wrong in it`(_ seed: UInt64) throws {
    func hour(_ seed: UInt64) throws -> [String] {
      var faults = LineFaults(seed: seed)
      for fault in [LineFault.bitFlip, .silence, .late, .truncation, .noiseAfter] { faults[fault] = 20_000 }
      let bench = try Bench(pairs(6), tasks: [quarterly], faults: faults)
      #expect(bench.engine.open() == nil)
      bench.run(for: .seconds(3600))
      #expect(bench.wire.bus.statistics.faults.total > 0)
      return bench.told.lines
    }
    let first = try hour(seed)
    #expect(try hour(seed) == first)
    #expect(try hour(seed + 100) != first)
  }

  @Test func `an adapter that is pulled out and plugged in again is found, and the round goes on`() throws {
    let bench = try Bench(pairs(4), tasks: [quarterly])
    #expect(bench.engine.open() == nil)
    bench.run(for: .milliseconds(700))
    bench.wire.pull()
    bench.run(for: .seconds(30))
    #expect(bench.told.lost == 1)
    let before = bench.told.answers.count
    bench.wire.plugIn()
    bench.run(for: .seconds(60))
    #expect(bench.told.opened == 2)
    #expect(bench.told.answers.count > before)
    #expect(bench.told.answers.count == bench.engine.plan.meters.flatMap(\.programme).reduce(0) { $0 + $1.count })
  }

  @Test func `FE bytes go before requests only to meters that do not hear without them`() throws {
    var pairs = try pairs(6)
    // Every DL/T 645 meter but the first sleeps until it hears some.
    for index in pairs.indices where index > 0 { pairs[index].description.habits.neededWakeUps = 4 }
    let bench = try Bench(pairs, tasks: [quarterly])
    #expect(bench.engine.open() == nil)
    bench.run(for: .seconds(4 * 3600))
    bench.engine.finish()
    let wanted = bench.engine.plan.meters.flatMap(\.programme).reduce(0) { $0 + $1.count } * 16
    #expect(bench.told.answers.count == wanted)
    func wakeUps(_ name: String) -> [Int] {
      bench.told.answers.filter { $0.meter == id(name) }.flatMap(\.requests).map { $0.prefix { $0 == 0xFE }.count }
    }
    #expect(wakeUps("D1").allSatisfy { $0 == 0 })
    for name in ["D3", "D5"] { #expect(wakeUps(name).allSatisfy { $0 == 4 }) }
    // At first, and ever more rarely afterwards.
    let silences = bench.told.lines.count { $0.hasPrefix("D3 false") }
    #expect((1...3).contains(silences), "\(silences)")
  }

  @Test func `a meter of a busy line that became slow is found by what comes too late, and nothing wrong is told`()
    throws
  {
    let bench = try Bench(
      pairs(12), tasks: [AcquisitionTask(name: "t", schedule: .every(seconds: 1), targets: [.energies])])
    #expect(bench.engine.open() == nil)
    bench.run(for: .seconds(60))
    bench.wire.bus.meters[3].faults.faults[.late] = 1_000_000
    bench.wire.bus.meters[3].faults.faults.lateBy = .milliseconds(400)
    let slowed = bench.wire.now
    bench.run(for: .seconds(60))
    bench.engine.finish()
    let slow = bench.told.answers.filter { $0.meter == id("E4") && $0.startedAt > slowed }
    let first = try #require(slow.first)
    #expect(first.startedAt - slowed < .seconds(30))
    #expect(slow.count > 10)
    // Until it is known again in each of the ways in which it is asked.
    let shapes = Set(bench.engine.plan.meters[3].programme.joined().map(\.shape)).count
    #expect(bench.told.lines.count { $0 == "E4 false" } <= 2 * shapes)
    try bench.expectTruth()
  }
}
