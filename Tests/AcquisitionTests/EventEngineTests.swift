import DLT645
import Devices
import Line
import Metering
import Simulator
import Testing

@testable import Acquisition

/// Events of a whole simulated line: which records are read, and what is told of them.
@Suite struct EventEngineTests {
  private final class Bench {
    let wire: SimulatedWire
    let engine: LineEngine
    private final class Told {
      var note: (LineEvent) -> Void = { _ in }
      var hostOffset: Int64 = 0
    }
    private let told: Told
    /// Milliseconds by which the host's clock is ahead.
    var hostOffset: Int64 {
      get { told.hostOffset }
      set { told.hostOffset = newValue }
    }
    private(set) var reports: [EventReport] = []
    private(set) var records: [String] = []
    /// Energies that were answered in the minute of their round, and those that came later.
    private(set) var inTime: [MeterID: Set<Int64>] = [:]
    private(set) var tooLate = 0
    private(set) var missed: [(query: Query, reason: LinePlan.Missed.Reason)] = []
    private let begin: BootInstant

    init(
      _ profileName: String = "dlt645-2007-three-phase", known: [String: KnownEvents] = [:],
      faults: LineFaults = .none, offset: Int64 = 0, beside: [AcquisitionTask] = [],
      at serial: String = "9600 8E1", others: [String] = [],
      change: (inout MeterDescription) -> Void = { _ in }
    ) throws {
      let settings = try settings(serial)
      let boot = BootInstant(nanoseconds: 1_000_000_000)
      let clock = SimulatedClock(origin: SimulatedInstant(noon), at: boot)
      let profile = try profile(named: profileName)
      var description = try MeterDescription(
        id: id("D1"), profile: profile, address: "202311110001", seed: 1, delay: .milliseconds(50),
        clockOffset: offset)
      change(&description)
      var descriptions = [description]
      var meters: [LineMeter] = []
      for (index, address) in (["202311110001"] + others).enumerated() {
        meters.append(
          LineMeter(
            id: id("D\(index + 1)"), address: try #require(MeterAddress(address, for: profile)), profile: profile,
            settings: settings))
        guard index > 0 else { continue }
        var other = try MeterDescription(
          id: id("D\(index + 1)"), profile: profile, address: address, seed: 1, delay: .milliseconds(50))
        change(&other)
        descriptions.append(other)
      }
      let line = LineDescription(name: "bus", settings: settings, meters: descriptions, faults: faults)
      let port = try #require(PortAddress("/dev/null"))
      let wire = SimulatedWire(line.bus(clock: clock), called: port, at: boot)
      let told = Told()
      let wall = {
        HostInstant(
          unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds + told.hostOffset, clock: .synchronised)
      }
      let tasks = [AcquisitionTask(name: "events", schedule: .every(seconds: 60), targets: [.events])] + beside
      let planned = meters.map { $0.planned(for: tasks) }
      self.told = told
      engine = try LineEngine(
        name: "bus", line: Line(port, settings: settings, guardedBy: WireGuard(), over: wire), meters: meters,
        plan: LinePlan(tasks: tasks, meters: planned, zone: .china, at: boot, wall: wall()), wall: wall
      ) { told.note($0) }
      engine.events = EventWatch(meters, known: [id("D1"): known])
      self.wire = wire
      begin = boot
      told.note = { [weak self] event in
        switch event {
        case .events(let report): self?.reports.append(report)
        case .answered(let answer):
          if answer.query.isEventRecord { self?.records.append("\(answer.query)") }
          if let slot = answer.slot, "\(answer.query)" == "DI 0001FF00" {
            if answer.hostTime.unixMilliseconds < slot + 60_000 {
              self?.inTime[answer.meter, default: []].insert(slot)
            } else {
              self?.tooLate += 1
            }
          }
        case .missed(_, _, let queries, let reason, _): self?.missed += queries.map { ($0, reason) }
        default: break
        }
      }
      #expect(engine.open() == nil)
    }

    /// Goes on to the end of a minute of the simulated clock, counted from the start.
    func run(toMinute minute: Int64) {
      engine.work(on: wire, for: begin + .seconds(minute * 60) - wire.now)
    }

    /// Does something to the meter, and forgets what was told before.
    func change(_ body: (inout SimulatedDLT645Meter) -> Void) throws {
      var meter = try #require(wire.bus.meters[0].meter as? SimulatedDLT645Meter)
      body(&meter)
      wire.bus.meters[0].meter = meter
      (reports, records, missed) = ([], [], [])
    }

    var events: [MeterEvent] { reports.flatMap(\.events) }
    var notices: [EventNotice] { reports.flatMap(\.notices) }
    var counts: [String: KnownEvents] { engine.events?.known(of: id("D1")) ?? [:] }
    func told(_ kind: String) -> [String] {
      events.filter { $0.kind == kind }.map { event in
        "\(event.ordinal) \(event.state.rawValue) \(event.begin.map { "\($0)" } ?? "-")"
      }
    }
  }

  /// The power failure of a minute of the morning, half a minute long.
  private static func failure(_ minute: Int64, isOver: Bool = true) -> SimulatedEvent {
    let begin = noon.localSeconds - 6 * 3600 + minute * 60
    return SimulatedEvent(
      .powerFailure, from: MeterTime(localSeconds: begin), to: isOver ? MeterTime(localSeconds: begin + 30) : nil)
  }

  private static func time(_ minute: Int64) -> String {
    "\(MeterTime(localSeconds: noon.localSeconds - 6 * 3600 + minute * 60))"
  }

  @Test func `what a meter holds at the first look is history, and what comes after it is new`() throws {
    let bench = try Bench { $0.habits.history = (1...3).map { Self.failure($0) } }
    bench.run(toMinute: 1)
    #expect(bench.told("power-fail") == (1...3).map { "\($0) history \(Self.time(Int64($0)))" })
    #expect(bench.counts["power-fail"] == KnownEvents(count: 3))
    #expect(bench.counts["voltage-loss-l1"] == KnownEvents(count: 0))
    #expect(bench.counts["cover-open"] == KnownEvents(count: 0))
    #expect(bench.counts["status.04000503"] == KnownEvents(count: 0))
    #expect(bench.notices.isEmpty)
    try bench.change { _ in }
    bench.run(toMinute: 3)
    #expect(bench.reports.isEmpty)
    #expect(bench.records.isEmpty)
    try bench.change { $0.happen(Self.failure(4)) }
    bench.run(toMinute: 4)
    #expect(bench.told("power-fail") == ["4 new \(Self.time(4))"])
    #expect(bench.records == ["DI 03110001"])
    let event = try #require(bench.events.first)
    #expect(event.end == MeterTime(localSeconds: noon.localSeconds - 6 * 3600 + 270))
    #expect(event.proof.replies.count == 1 && event.identifier == 0x0311_0001)
    #expect(bench.missed.isEmpty)
  }

  @Test func `twelve more than before: ten records, oldest first, and two are lost`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 5)]) {
      $0.habits.history = (1...17).map { Self.failure($0) }
    }
    bench.run(toMinute: 1)
    // The rest is for the next round, wherever the daemon has stopped meanwhile.
    #expect(bench.told("power-fail") == (8...13).map { "\($0) new \(Self.time(Int64($0)))" })
    #expect(bench.counts["power-fail"] == KnownEvents(count: 13))
    bench.run(toMinute: 2)
    #expect(bench.told("power-fail") == (8...17).map { "\($0) new \(Self.time(Int64($0)))" })
    #expect(bench.notices == [.lost(kind: "power-fail", happened: 12, lost: 2)])
    #expect(bench.counts["power-fail"] == KnownEvents(count: 17))
  }

  @Test func `a count that went down is told, and all that was counted since is read`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 9), "event-clear": KnownEvents(count: 0)])
    try bench.change { meter in
      meter.happen(Self.failure(1))
      meter.clearEvents(at: SimulatedInstant(noon))
      meter.happen(Self.failure(2))
    }
    bench.run(toMinute: 1)
    #expect(bench.told("power-fail") == ["1 new \(Self.time(2))"])
    #expect(bench.notices == [.cleared(kind: "power-fail", from: 9, to: 1)])
    #expect(bench.told("event-clear").count == 1)
    #expect(bench.reports.contains { $0.clearsOthers })
  }

  @Test func `events that were cleared and came again unseen by their count are read all the same`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 2), "event-clear": KnownEvents(count: 0)])
    try bench.change { meter in
      meter.clearEvents(at: SimulatedInstant(noon))
      for minute in 1...3 { meter.happen(Self.failure(Int64(minute))) }
    }
    bench.run(toMinute: 3)
    // By the count alone it would be one more.
    #expect(Set(bench.told("power-fail")).count == 3)
    #expect(bench.counts["power-fail"] == KnownEvents(count: 3))
    #expect(bench.notices.isEmpty)
  }

  @Test func `an event that goes on is looked at until it is over`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)])
    try bench.change { $0.happen(Self.failure(1, isOver: false)) }
    bench.run(toMinute: 1)
    #expect(bench.counts["power-fail"] == KnownEvents(count: 1, isOpen: true))
    try bench.change { $0.end(Self.failure(1)) }
    bench.run(toMinute: 2)
    #expect(bench.told("power-fail") == ["1 new \(Self.time(1))"])
    #expect(bench.events.first?.end != nil)
    try bench.change { _ in }
    bench.run(toMinute: 3)
    #expect(bench.records.isEmpty && bench.reports.isEmpty)
  }

  /// Ten of each kind that happens to a simulated meter.
  private static let much = ([.powerFailure, .coverOpened, .terminalCoverOpened] as [SimulatedEvent.Kind]).flatMap {
    (kind) in
    (1...10).map { number in
      let begin = noon.localSeconds - 86_400 + Int64(number) * 60
      return SimulatedEvent(kind, from: MeterTime(localSeconds: begin), to: MeterTime(localSeconds: begin + 30))
    }
  }

  @Test func `a meter with much to tell holds nobody up: energies of the same priority are read in their time`() throws
  {
    let energy = AcquisitionTask(name: "energy", schedule: .every(seconds: 60), targets: [.energies])
    let bench = try Bench(beside: [energy], at: "2400 8E1", others: ["202311110002"]) {
      $0.habits.history = Self.much
    }
    for minute in 1...20 {
      let before = bench.records.count
      bench.run(toMinute: Int64(minute))
      #expect(bench.records.count - before <= 2 * EventWatch.recordsInRound, "minute \(minute)")
    }
    #expect(bench.inTime[id("D1")]?.count == 20 && bench.inTime[id("D2")]?.count == 20)
    #expect(bench.tooLate == 0)
    #expect(bench.missed.isEmpty)
    // Every record is told once, as history, and what happens then is new.
    for meter in [id("D1"), id("D2")] {
      let events = bench.reports.filter { $0.meter == meter }.flatMap(\.events)
      #expect(events.count == Self.much.count && events.allSatisfy { $0.state == .history })
      #expect(events.filter { $0.kind == "power-fail" }.map(\.ordinal) == Array(1...10))
    }
    #expect(bench.notices.isEmpty)
    try bench.change { $0.happen(Self.failure(4)) }
    bench.run(toMinute: 22)
    #expect(bench.told("power-fail") == ["11 new \(Self.time(4))"])
  }

  @Test func `a first look is kept from its first count on, and what happens within it is new`() throws {
    let bench = try Bench { $0.habits.history = (1...10).map { Self.failure($0) } }
    bench.run(toMinute: 1)
    #expect(bench.told("power-fail").count == 6)
    let first = bench.reports.flatMap(\.counts).filter { $0.name == "power-fail" }
    #expect(first.map(\.now) == [KnownEvents(count: 0, history: 10), KnownEvents(count: 6, history: 10)])
    #expect(first.map(\.before) == [nil, KnownEvents(count: 0, history: 10)])
    try bench.change { $0.happen(Self.failure(11)) }
    bench.run(toMinute: 3)
    #expect(
      bench.told("power-fail") == (7...10).map { "\($0) history \(Self.time(Int64($0)))" }
        + ["11 new \(Self.time(11))"])
    #expect(bench.counts["power-fail"] == KnownEvents(count: 11))
    #expect(bench.notices.isEmpty)
  }

  /// What the store holds after so many reports of a kind, and the events that were told by then.
  @Test(arguments: [1, 2], [0, 2])
  func `a restart in a first look goes on with it, and what happened meanwhile is new`(
    _ reports: Int, _ meanwhile: Int
  ) throws {
    let before = try Bench { $0.habits.history = (1...9).map { Self.failure($0) } }
    before.run(toMinute: 1)
    var known = before.counts
    let kept = before.reports.filter { $0.counts.contains { $0.name == "power-fail" } }.prefix(reports)
    known["power-fail"] = kept.last?.counts.last { $0.name == "power-fail" }?.now
    let told = kept.flatMap(\.events).map(\.ordinal)
    let after = try Bench(known: known) {
      $0.habits.history = (1...Int64(9 + meanwhile)).map { Self.failure($0) }
    }
    after.run(toMinute: 3)
    #expect(told == (reports == 1 ? [] : Array(1...6)))
    // The meter keeps ten records.
    let first = Int64(max(told.count, 9 + meanwhile - 10) + 1)
    #expect(
      after.told("power-fail") == (first...9).map { "\($0) history \(Self.time($0))" }
        + (0..<Int64(meanwhile)).map { "\($0 + 10) new \(Self.time($0 + 10))" })
    #expect(after.counts["power-fail"] == KnownEvents(count: Int64(9 + meanwhile)))
    #expect(after.notices.isEmpty)
  }

  @Test func `a first look that the store did not keep begins anew`() throws {
    let bench = try Bench { $0.habits.history = (1...3).map { Self.failure($0) } }
    bench.run(toMinute: 1)
    for report in bench.reports.reversed() { bench.engine.events?.takenBack(report) }
    #expect(bench.counts["power-fail"] == nil)
    try bench.change { _ in }
    bench.run(toMinute: 3)
    #expect(bench.told("power-fail") == (1...3).map { "\($0) history \(Self.time(Int64($0)))" })
  }

  @Test func `what lies in the future by the host's clock alone is judged anew once that is set`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)]) {
      $0.habits.missing = [0x0400_010C, 0x0400_0101, 0x0400_0102].reduce(into: []) {
        $0.insert(DataIdentifier(rawValue: $1))
      }
    }
    bench.hostOffset = -8 * 3_600_000
    try bench.change { $0.happen(Self.failure(1)) }
    bench.run(toMinute: 2)
    #expect(bench.told("power-fail") == ["1 held \(Self.time(1))"])
    #expect(bench.events.first?.doubt?.contains("the host's clock showed 2026-11-22T04:0") == true)
    // While the host's clock stays as it is nobody looks again.
    try bench.change { _ in }
    bench.run(toMinute: 6)
    #expect(bench.records.isEmpty && bench.events.isEmpty)
    bench.hostOffset = 0
    bench.run(toMinute: 8)
    #expect(bench.told("power-fail") == ["1 new \(Self.time(1))"])
    #expect(bench.counts["power-fail"] == KnownEvents(count: 1))
    try bench.change { _ in }
    bench.run(toMinute: 12)
    #expect(bench.records.isEmpty && bench.events.isEmpty)
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    var isHeld = true
    var lost: Int64 = 0
    var testDescription: String { name }
  }

  private static let damages = [
    Damage(name: "a month that is none", bytes: [0, 5, 0x12, 1, 0x13, 0x26, 0, 6, 0x12, 1, 0x11, 0x26]),
    Damage(name: "a digit that is none", bytes: [0x0A, 5, 0x12, 1, 0x11, 0x26, 0, 6, 0x12, 1, 0x11, 0x26]),
    Damage(name: "the year 99", bytes: [0, 5, 0x12, 1, 0x11, 0x99, 0, 6, 0x12, 1, 0x11, 0x99]),
    Damage(name: "too short", bytes: [0, 5, 0x12, 1]),
    Damage(name: "filled", bytes: [UInt8](repeating: 0xFF, count: 12), isHeld: false, lost: 1),
    Damage(name: "never written", bytes: [UInt8](repeating: 0, count: 12), isHeld: false, lost: 1),
  ]

  @Test(arguments: damages)
  func `a record that cannot be is held apart with the reason, and its neighbours are not`(_ each: Damage) throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)]) {
      $0.habits.history = (1...3).map { Self.failure($0) }
    }
    try bench.change { $0.spoil(.powerFailure, back: 2, with: each.bytes) }
    bench.run(toMinute: 1)
    let all = bench.events.filter { $0.kind == "power-fail" }
    #expect(all.filter { $0.state == .new }.map(\.ordinal) == [1, 3])
    #expect(all.filter { $0.state == .held }.map(\.data) == (each.isHeld ? [each.bytes] : []))
    #expect(all.allSatisfy { ($0.doubt != nil) == ($0.state == .held) })
    #expect(bench.notices == (each.lost > 0 ? [.lost(kind: "power-fail", happened: 3, lost: each.lost)] : []))
    #expect(bench.counts["power-fail"]?.count == 3)
  }

  @Test(arguments: [-7200, 7200] as [Int64])
  func `the future is that of the meter's own clock`(_ offset: Int64) throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)], offset: offset)
    let begin = MeterTime(localSeconds: noon.localSeconds + 3600)
    try bench.change { $0.happen(SimulatedEvent(.powerFailure, from: begin, to: begin)) }
    bench.run(toMinute: 1)
    #expect(bench.events.first { $0.kind == "power-fail" }?.state == (offset > 0 ? .new : .held))
  }

  @Test func `a count that is refused is missed once a day, and all others are read`() throws {
    let counter = DataIdentifier(rawValue: 0x0330_0D00)
    let bench = try Bench { $0.habits.missing = [counter] }
    bench.run(toMinute: 30)
    #expect(bench.missed.filter { $0.query == .identifier(counter) }.count == 1)
    #expect(bench.missed.count == 1)
    #expect(bench.counts["cover-open"] == nil)
    #expect(bench.counts["power-fail"] == KnownEvents(count: 0))
  }

  @Test func `records that a meter does not have are lost, and are no gaps`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)]) {
      $0.habits.history = (1...3).map { Self.failure($0) }
      $0.habits.missing = [DataIdentifier(rawValue: 0x0311_0003)]
    }
    bench.run(toMinute: 1)
    #expect(bench.told("power-fail") == (2...3).map { "\($0) new \(Self.time(Int64($0)))" })
    #expect(bench.notices == [.lost(kind: "power-fail", happened: 3, lost: 1)])
    #expect(bench.missed.isEmpty)
  }

  @Test func `what the store did not keep is read again`() throws {
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)])
    try bench.change { $0.happen(Self.failure(1)) }
    bench.run(toMinute: 1)
    let report = try #require(bench.reports.first { $0.counts.contains { $0.name == "power-fail" } })
    try bench.change { _ in }
    bench.engine.events?.takenBack(report)
    bench.run(toMinute: 2)
    #expect(bench.told("power-fail") == ["1 new \(Self.time(1))"])
  }

  @Test func `a bit that changes is seen twice and told once, with its name`() throws {
    let bench = try Bench()
    bench.run(toMinute: 1)
    try bench.change { $0.isRelayOpen = true }
    bench.run(toMinute: 3)
    let event = try #require(bench.events.first)
    #expect(bench.events.count == 1)
    #expect(event.kind == "status.relay-open" && event.title == "Relay open: set" && event.state == .new)
    let change = try #require(StatusChange(event.data, of: event.identifier))
    #expect(change.before == 0 && change.after == 0x10)
    // By the meter's clock, when it was seen.
    let begin = try #require(event.begin)
    #expect((60...75).contains(begin.localSeconds - noon.localSeconds))
    try bench.change { $0.isRelayOpen = false }
    bench.run(toMinute: 4)
    #expect(bench.events.map(\.title) == ["Relay open: cleared"])
  }

  @Test func `of a meter of 1997 the status words are looked at`() throws {
    let bench = try Bench("dlt645-1997-three-phase")
    bench.run(toMinute: 1)
    #expect(bench.counts == ["status.0000C020": KnownEvents(count: 0), "status.0000C021": KnownEvents(count: 0)])
    try bench.change { $0.isRelayOpen = true }
    bench.run(toMinute: 2)
    #expect(bench.events.map(\.kind) == ["status.meter.bit-4"])
    #expect(bench.missed.isEmpty)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `on a bad line every event comes once in the end, and none is made up`(_ seed: UInt64) throws {
    var faults = LineFaults(seed: seed)
    for fault in [LineFault.bitFlip, .silence, .late, .truncation, .noiseAfter] { faults[fault] = 30_000 }
    let bench = try Bench(known: ["power-fail": KnownEvents(count: 0)], faults: faults)
    var all: [String] = []
    for hour in 0..<8 {
      try bench.change { meter in
        for each in 0..<(hour % 4) { meter.happen(Self.failure(Int64(hour * 10 + each))) }
      }
      bench.run(toMinute: Int64(hour + 1) * 15)
      all += bench.events.filter { $0.kind == "power-fail" && $0.state == .new }.map {
        "\($0.begin.map { "\($0)" } ?? "-")"
      }
    }
    let expected = (0..<8).flatMap { hour in (0..<(hour % 4)).map { Self.time(Int64(hour * 10 + $0)) } }
    #expect(Set(all) == Set(expected), "seed \(seed)")
    #expect(all.count == expected.count, "seed \(seed)")
    #expect(bench.counts["power-fail"]?.count == Int64(expected.count), "seed \(seed)")
  }

  @Test func `meters without such are asked for what they have`() throws {
    func queries(_ name: String, _ address: String) throws -> [String] {
      let profile = try profile(named: name)
      let meter = LineMeter(
        id: id("X"), address: try #require(MeterAddress(address, for: profile)), profile: profile,
        settings: try settings("9600 8E1"))
      #expect(meter.lacking([.events]) == (meter.queries(for: [.events]).isEmpty ? ["events"] : []))
      return meter.queries(for: [.events]).map { "\($0)" }
    }
    #expect(try queries("eastron-sdm630", "7").isEmpty)
    #expect(try queries("dlt645-1997-single-phase", "202311110001") == ["DI C010", "DI C011", "DI C020", "DI C021"])
    let three = try queries("dlt645-2007-three-phase", "202311110001")
    #expect(three.prefix(5) == ["DI 0400010C", "DI 04000101", "DI 04000102", "DI 03300300", "DI 03300100"])
    #expect(Set(three).count == three.count && three.contains("DI 040005FF") && three.contains("DI 1D000001"))
    #expect(try queries("dlt645-2007-single-phase", "202311110001").suffix(2) == ["DI 04000501", "DI 04000503"])
  }
}
