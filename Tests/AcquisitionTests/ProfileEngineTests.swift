@testable import Acquisition
import DLT645
import Devices
import Line
import Metering
import Simulator
import Testing

/// Load profiles of a whole simulated line, beside its rounds.
@Suite struct ProfileEngineTests {
  private final class Bench {
    let wire: SimulatedWire
    let engine: LineEngine
    let clock: SimulatedClock
    private final class Told { var note: (LineEvent) -> Void = { _ in } }
    private(set) var answers: [Acquisition.Answer] = []
    private(set) var missed: [(meter: MeterID, reason: LinePlan.Missed.Reason, slot: Int64)] = []
    private(set) var words: [String] = []

    private func miss(_ meter: MeterID, _ queries: [Query], _ reason: LinePlan.Missed.Reason) {
      for case .profile(let span) in queries {
        missed.append((meter, reason, ZoneOffset.china.unixMilliseconds(of: span.first)))
      }
    }

    init(
      _ count: Int, recordClass: Int = 4, tasks: [AcquisitionTask] = [], faults: LineFaults = .none,
      offset: Int64 = 0, _ change: (inout MeterDescription) -> Void = { _ in }
    ) throws {
      let settings = try settings("9600 8E1")
      let boot = BootInstant(nanoseconds: 1_000_000_000)
      let clock = SimulatedClock(origin: SimulatedInstant(noon), at: boot)
      self.clock = clock
      let profile = try profile(named: "dlt645-2007-three-phase")
      var descriptions: [MeterDescription] = []
      var known: [LineMeter] = []
      for number in 1...count {
        let address = "\(202_311_110_000 + number)"
        var description = try MeterDescription(
          id: id("D\(number)"), profile: profile, address: address, seed: UInt64(number), delay: .milliseconds(50),
          clockOffset: offset)
        change(&description)
        descriptions.append(description)
        known.append(
          LineMeter(
            id: id("D\(number)"), address: try #require(MeterAddress(address, for: profile)), profile: profile,
            settings: settings))
      }
      let description = LineDescription(name: "bus", settings: settings, meters: descriptions, faults: faults)
      let port = try #require(PortAddress("/dev/null"))
      let wire = SimulatedWire(description.bus(clock: clock), called: port, at: boot)
      let wall = { HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: .synchronised) }
      let planned = known.map { $0.planned(for: tasks) }
      let told = Told()
      engine = try LineEngine(
        name: "bus", line: Line(port, settings: settings, guardedBy: WireGuard(), over: wire), meters: known,
        plan: LinePlan(tasks: tasks, meters: planned, zone: .china, at: boot, wall: wall()), wall: wall
      ) { told.note($0) }
      let task = AcquisitionTask(
        name: "p", schedule: .every(seconds: 900), targets: [.loadProfile(recordClass: recordClass, minutes: 15)],
        backfillDays: 1)
      engine.profiles = ProfilePlan(
        known.indices.map { ProfilePlan.Part(meter: $0, task: task, recordClass: recordClass, minutes: 15) },
        zone: .china)
      self.wire = wire
      told.note = { [weak self] event in
        switch event {
        case .answered(let answer): self?.answers.append(answer)
        case .missed(_, let meter, let queries, let reason, _): self?.miss(meter, queries, reason)
        case .recordsRefused(_, let meter, let records, let word):
          self?.miss(meter, records, .refused)
          self?.words.append(word)
        default: break
        }
      }
      #expect(engine.open() == nil)
    }

    func run(for span: BootInstant.Span) {
      engine.work(on: wire, for: span)
    }

    var readings: [Reading] {
      answers.filter { if case .profile = $0.query { true } else { false } }
        .flatMap { $0.readings(zone: .china).readings }
    }

    /// Readings that are not what the meter held when its clock showed their time.
    func wrong(offset: Int64) -> [String] {
      readings.compactMap { reading in
        guard let meter = wire.bus.meters.first(where: { $0.meter.id == reading.key.meter })?.meter else { return "?" }
        let then = SimulatedInstant(unixMilliseconds: reading.key.instant - offset * 1000)
        let truth = meter.truth(reading.key.quantity, .current, at: then)?.value
        return truth == .number(reading.value)
          ? nil : "\(reading.key) \(reading.value), not \(String(describing: truth))"
      }
    }
  }

  @Test(arguments: [(1, 7), (2, 8), (3, 4), (4, 4), (5, 4), (6, 2)])
  func `every class is read whole, follow-ups and all, and each value is of its own quarter`(
    _ recordClass: Int, _ quantities: Int
  ) throws {
    let bench = try Bench(1, recordClass: recordClass)
    bench.run(for: .seconds(600))
    bench.engine.finish()
    // From the midnight before to 11:45, five minutes before noon's slot, and the one more of 12:10.
    #expect(Set(bench.readings.map(\.key.instant)).count == 96 + 48)
    #expect(bench.readings.count == 144 * quantities)
    #expect(bench.readings.allSatisfy { $0.key.kind == .profile && $0.occurred == nil })
    #expect(bench.wrong(offset: 0) == [])
    #expect(bench.missed.isEmpty)
    #expect(bench.engine.profiles?.wanted == 0)
  }

  @Test(arguments: [-1800, 240] as [Int64])
  func `a clock that is off shifts no record`(_ offset: Int64) throws {
    let bench = try Bench(2, offset: offset)
    bench.run(for: .seconds(3 * 3600))
    bench.engine.finish()
    #expect(bench.wrong(offset: offset) == [])
    #expect(bench.missed.isEmpty)
    // Of a late one the last half hour is still to come.
    let until = noon.localSeconds + 3 * 3600 + min(0, offset)
    let latest = try #require(bench.readings.map(\.key.instant).max())
    #expect(ZoneOffset.china.local(unixMilliseconds: latest).localSeconds >= until - 2 * 900 - 900)
  }

  @Test func `rounds go before load profiles, and each waits for one exchange at most`() throws {
    let round = AcquisitionTask(name: "q", schedule: .every(seconds: 900), targets: [.energies])
    let alone = try Bench(4, tasks: [round])
    alone.engine.profiles = nil
    alone.run(for: .seconds(1000))
    let bench = try Bench(4, tasks: [round])
    bench.run(for: .seconds(1000))
    func late(_ answers: [Acquisition.Answer]) -> [Int64] {
      answers.filter { $0.slot != nil }.map { $0.hostTime.unixMilliseconds - ($0.slot ?? 0) }
    }
    #expect(late(bench.answers).count == late(alone.answers).count)
    let (most, before) = (late(bench.answers).max() ?? 0, late(alone.answers).max() ?? 0)
    #expect(most <= before + 1500, "\(most), \(before)")
    #expect(bench.readings.count == 4 * 4 * 145)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `on a bad line every record comes in the end, and none is wrong`(_ seed: UInt64) throws {
    var faults = LineFaults(seed: seed)
    for fault in [LineFault.bitFlip, .silence, .late, .truncation, .noiseAfter] { faults[fault] = 20_000 }
    let bench = try Bench(3, faults: faults)
    bench.run(for: .seconds(2 * 3600))
    bench.engine.finish()
    #expect(bench.wrong(offset: 0) == [], "seed \(seed)")
    #expect(bench.engine.profiles?.wanted ?? 1 <= 3, "seed \(seed)")
    #expect(Set(bench.readings.map(\.key)).count >= 3 * 4 * 151, "seed \(seed)")
  }

  @Test func `what a meter without a clock refuses is told with its word after three passes, and comes the next day`()
    throws
  {
    // Nobody can see that its clock is five hours late.
    let bench = try Bench(1, offset: -5 * 3600) { description in
      for clock: UInt32 in [0x0400_0101, 0x0400_0102, 0x0400_010C] {
        description.habits.missing.insert(DataIdentifier(rawValue: clock))
      }
    }
    bench.run(for: .seconds(3600))
    #expect(bench.missed.isEmpty)
    bench.run(for: .seconds(2 * 3600))
    let first = Set(bench.missed.map(\.slot))
    // From 09:15, which its clock shows at 14:15, to 12:30, which was asked for three times by then.
    #expect(first.count == 14, "\(first.sorted())")
    #expect(Set(bench.words) == ["no requested data"])
    bench.run(for: .seconds(8 * 3600))
    #expect(bench.engine.line.counters.requests <= 150, "\(bench.engine.line.counters.requests)")
    #expect(bench.answers.allSatisfy { !$0.fillsGap })
    bench.run(for: .seconds(3 * 3600))
    bench.engine.finish()
    #expect(Set(bench.missed.map(\.slot)).count == bench.missed.count)
    #expect(bench.missed.allSatisfy { $0.reason == .refused })
    #expect(first.isSubset(of: bench.readings.map(\.key.instant)))
    #expect(bench.answers.contains { $0.fillsGap })
    #expect(bench.wrong(offset: -5 * 3600) == [])
  }

  @Test func `a meter that was installed in the night keeps no records from before, and that is said`() throws {
    let first = MeterTime(localSeconds: noon.localSeconds - 6 * 3600)
    let bench = try Bench(1) { description in
      let known = description.registers
      description.registers = MeterRegisters(
        curve: LoadCurve(seed: 1, start: first, schedule: known.curve.schedule), phases: known.phases,
        rateCount: known.rateCount)
    }
    bench.run(for: .seconds(600))
    bench.engine.finish()
    #expect(Set(bench.readings.map(\.key.instant)).count == 24)
    #expect(bench.missed.count == 96 + 24)
    #expect(bench.missed.allSatisfy { $0.reason == .gone || $0.reason == .refused })
    #expect(Set(bench.missed.map(\.slot)).count == bench.missed.count)
  }
}
