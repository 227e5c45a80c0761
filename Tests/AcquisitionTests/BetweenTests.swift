import DLT645
import Devices
import Host
import Line
import Metering
import Simulator
import Testing

@testable import Acquisition

/// A simulated wire that tells what is sent into it, and loses some of it.
private final class WatchedWire: Wire {
  let inner: SimulatedWire
  /// What was sent, without the FE bytes before it.
  private(set) var requests: [[UInt8]] = []
  /// Told after each request, with how many there were by then.
  var sent: (Int) -> Void = { _ in }
  /// What no meter hears.
  var isLost: ([UInt8]) -> Bool = { _ in false }

  init(_ inner: SimulatedWire) { self.inner = inner }

  var now: BootInstant { inner.now }
  var isOpen: Bool { inner.isOpen }
  var marksParity: Bool { false }
  func sleep(until instant: BootInstant) { inner.sleep(until: instant) }
  func open() throws(LineError) { try inner.open() }
  func close() { inner.close() }
  func tune(_ settings: SerialSettings) throws(LineError) { try inner.tune(settings) }
  func waitReadable(until instant: BootInstant) throws(LineError) -> Bool { try inner.waitReadable(until: instant) }
  func read(into buffer: inout [UInt8]) throws(LineError) -> Int { try inner.read(into: &buffer) }
  func write(_ cleared: ClearedBytes, until instant: BootInstant) throws(LineError) {
    let request = [UInt8](cleared.bytes.drop { $0 == 0xFE })
    requests.append(request)
    if !isLost(request) { try inner.write(cleared, until: instant) }
    sent(requests.count)
  }
}

/// Questions of a round that take several exchanges each.
private struct Long: Sendable, CustomTestStringConvertible {
  let name: String
  var profile = "dlt645-2007-three-phase"
  let targets: [AcquisitionTask.Target]
  /// Seconds by which the meter's clock is ahead.
  var offset: Int64 = 0
  /// What is told of it does not change with the time.
  var isMemory = true
  /// Records are asked for once their count is told, half a second after it came: where more goes between, earlier.
  var keepsOrder = true
  var history: [SimulatedEvent] = []
  /// So many exchanges at least are within a question and not before its first.
  let within: Int
  var testDescription: String { name }

  static let all = [
    Long(name: "freezes of a day, by a clock that nobody has looked at", targets: [.dailyFreeze], within: 6),
    Long(
      name: "freezes of a meter whose clock is a day ahead", targets: [.dailyFreeze], offset: 86_400, within: 6),
    Long(name: "closed months", targets: [.settlements(depth: 1, of: nil)], within: 4),
    Long(name: "a clock that is far off, looked at twice", targets: [.clock], offset: 90, isMemory: false, within: 1),
    Long(
      name: "demands of 1997 with their times", profile: "dlt645-1997-three-phase", targets: [.instantaneous],
      isMemory: false, within: 2),
    Long(
      name: "a clock of 1997 that is far off", profile: "dlt645-1997-three-phase", targets: [.clock], offset: -90,
      isMemory: false, within: 1),
    Long(
      name: "records of events", targets: [.events], isMemory: false, keepsOrder: false,
      history: (1...3).map {
        SimulatedEvent(
          .powerFailure, from: MeterTime(localSeconds: noon.localSeconds - $0 * 600),
          to: MeterTime(localSeconds: noon.localSeconds - $0 * 600 + 30))
      }.reversed(), within: 3),
  ]
}

/// An engine with one round of long questions to meter A. B and C have none; C is not there.
private final class Bench {
  let wire: SimulatedWire
  let watched: WatchedWire
  let engine: LineEngine
  /// What was told of the round, without its times.
  private(set) var readings: [String] = []
  private(set) var looks: [ClockLook] = []
  private(set) var rejected: [String] = []
  /// What was told of A: whether it answers.
  private(set) var health: [Bool] = []
  private(set) var lost = 0
  private(set) var outcomes: [DemandOutcome]?
  /// How many requests there were as a demand was put.
  private(set) var putAt: Int?
  private final class Told { var note: (LineEvent) -> Void = { _ in } }

  init(_ long: Long) throws {
    let settings = try settings("9600 8E1")
    let boot = BootInstant(nanoseconds: 1_000_000_000)
    let clock = SimulatedClock(origin: SimulatedInstant(noon), at: boot)
    let profile = try profile(named: long.profile)
    var descriptions: [MeterDescription] = []
    var meters: [LineMeter] = []
    for (index, name) in ["A", "B", "C"].enumerated() {
      let address = "20231111000\(index + 1)"
      var description = try MeterDescription(
        id: id(name), profile: profile, address: address, seed: UInt64(index + 1), delay: .milliseconds(50),
        clockOffset: index == 0 ? long.offset : 0)
      if index == 0 { description.habits.history = long.history }
      if index < 2 { descriptions.append(description) }
      meters.append(
        LineMeter(
          id: id(name), address: try #require(MeterAddress(address, for: profile)), profile: profile,
          settings: settings))
    }
    let port = try #require(PortAddress("/dev/null"))
    let wire = SimulatedWire(
      LineDescription(name: "bus", settings: settings, meters: descriptions).bus(clock: clock), called: port, at: boot)
    let watched = WatchedWire(wire)
    let wall = { HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: .synchronised) }
    let task = once("long", long.targets)
    let planned = [meters[0].planned(for: [task])] + meters.dropFirst().map { $0.planned(for: []) }
    let told = Told()
    engine = try LineEngine(
      name: "bus", line: Line(port, settings: settings, guardedBy: WireGuard(), over: watched), meters: meters,
      plan: LinePlan(tasks: [task], meters: planned, zone: .china, at: boot, wall: wall()), wall: wall
    ) { told.note($0) }
    engine.events = EventWatch(meters, known: [id("A"): ["power-fail": KnownEvents(count: 0)]])
    (self.wire, self.watched) = (wire, watched)
    told.note = { [weak self] event in
      switch event {
      case .answered(let answer) where answer.slot != nil:
        let told =
          long.isMemory && !answer.query.isClock ? "\(answer.observations)" : "\(answer.observations.map(\.quantity))"
        self?.readings.append("\(answer.query): \(told)")
      case .events(let report):
        self?.readings += report.events.map { "\($0.kind) \($0.ordinal) \($0.state) \($0.data)" }
      case .clock(_, let meter, let look): if meter == id("A") { self?.looks.append(look) }
      case .rejected(_, let meter, let query, let reason): self?.rejected.append("\(meter) \(query): \(reason)")
      case .missed(_, let meter, let queries, let reason, _): self?.rejected.append("\(meter) \(queries): \(reason)")
      case .answeredTwice(_, let meter, let query, _, _): self?.rejected.append("\(meter) \(query) twice")
      case .health(_, let meter, let isAnswering): if meter == id("A") { self?.health.append(isAnswering) }
      case .portLost: self?.lost += 1
      default: break
      }
    }
    #expect(engine.open() == nil)
  }

  /// Puts a demand from another thread, as it were, while the exchange of that number is on the wire.
  func demand(_ queries: [Query], of meter: String, during exchange: Int) {
    watched.sent = { [weak self] count in
      guard count == exchange, let self else { return }
      put(queries, of: meter)
    }
  }

  func put(_ queries: [Query], of meter: String, number: Int = 1) {
    putAt = watched.requests.count
    let told = Guarded<[DemandOutcome]?>(nil)
    let box = Box(told: told)
    boxes.append(box)
    engine.inbox.put(
      DemandInbox.Order(number: number, queries: queries, meter: id(meter)) { outcomes in
        box.told.withLock { $0 = outcomes }
      })
  }

  private final class Box: Sendable {
    let told: Guarded<[DemandOutcome]?>
    init(told: consuming Guarded<[DemandOutcome]?>) { self.told = told }
  }
  private var boxes: [Box] = []

  /// Until the round and the demand are done, and a minute more.
  func run() {
    engine.work(on: wire, for: .seconds(240))
    outcomes = boxes.first?.told.withLock { $0 }
  }

  /// The answers on demand.
  var answers: [Acquisition.Answer] {
    (outcomes ?? []).compactMap { if case .answered(let answer) = $0.result { answer } else { nil } }
  }
}

private let voltage = Query.identifier(DataIdentifier(rawValue: 0x0201_0100))

extension Long {
  /// Something that is read by one exchange.
  fileprivate var short: Query {
    profile.contains("1997") ? .shortIdentifier(ShortIdentifier(rawValue: 0xB611)) : voltage
  }
}

@Suite(.timeLimit(.minutes(2))) struct BetweenTests {
  /// The round as it goes where nobody asks for anything.
  private func undisturbed(_ long: Long) throws -> Bench {
    let bench = try Bench(long)
    bench.run()
    #expect(!bench.readings.isEmpty && bench.rejected.isEmpty, "\(bench.rejected)")
    return bench
  }

  @Test(arguments: Long.all, ["A", "B"])
  fileprivate func
    `what is wanted during any exchange of a long question is the next on the wire, and the question comes to the same`(
      _ long: Long, _ meter: String
    ) throws
  {
    let plain = try undisturbed(long)
    let questions = Set(plain.readings).count
    #expect(plain.watched.requests.count >= questions / 2 + long.within)
    for exchange in 1...plain.watched.requests.count {
      let bench = try Bench(long)
      bench.demand([long.short], of: meter, during: exchange)
      bench.run()
      let answer = try #require(bench.answers.first, "exchange \(exchange): \(bench.outcomes ?? [])")
      var requests = bench.watched.requests
      try #require(requests.count > exchange)
      let next = requests.remove(at: exchange)
      #expect(next == [UInt8](answer.requests[0].drop { $0 == 0xFE }), "exchange \(exchange)")
      if long.keepsOrder {
        #expect(requests == plain.watched.requests, "exchange \(exchange)")
        #expect(bench.readings == plain.readings, "exchange \(exchange)")
      } else {
        #expect(requests.map { "\($0)" }.sorted() == plain.watched.requests.map { "\($0)" }.sorted())
        #expect(bench.readings.sorted() == plain.readings.sorted(), "exchange \(exchange)")
      }
      #expect(bench.rejected.isEmpty, "exchange \(exchange): \(bench.rejected)")
      #expect(bench.looks.count == plain.looks.count, "exchange \(exchange)")
      for look in bench.looks { #expect(abs(look.deviation - long.offset * 1000) <= look.uncertainty, "\(look)") }
      #expect(bench.health == plain.health, "exchange \(exchange)")
    }
  }

  @Test(arguments: Long.all)
  fileprivate func `a meter that is not there costs a long question its time-outs and nothing else`(_ long: Long) throws
  {
    let plain = try undisturbed(long)
    for exchange in 1...plain.watched.requests.count {
      let bench = try Bench(long)
      bench.demand([long.short], of: "C", during: exchange)
      bench.run()
      guard case .silent = bench.outcomes?.first?.result else {
        Issue.record("exchange \(exchange): \(bench.outcomes ?? [])")
        continue
      }
      let absent: [UInt8] = [0x03, 0x00, 0x11, 0x11, 0x23, 0x20]
      let others = bench.watched.requests.filter { Array($0[1..<7]) != absent }.map { "\($0)" }
      let asked = plain.watched.requests.map { "\($0)" }
      #expect(long.keepsOrder ? others == asked : others.sorted() == asked.sorted(), "exchange \(exchange)")
      #expect(Array(bench.watched.requests[exchange][1..<7]) == absent)
      #expect(bench.readings.sorted() == plain.readings.sorted(), "exchange \(exchange)")
      #expect(bench.rejected.isEmpty, "exchange \(exchange): \(bench.rejected)")
    }
  }

  @Test(arguments: Long.all)
  fileprivate func
    `a meter that falls silent to what comes between is asked the long question again, from its beginning`(
      _ long: Long
    ) throws
  {
    let plain = try undisturbed(long)
    for exchange in 1...plain.watched.requests.count {
      let bench = try Bench(long)
      var isLost = true
      bench.watched.isLost = { [weak bench] _ in
        // The request of the demand is lost once.
        guard let bench, isLost, let putAt = bench.putAt, bench.watched.requests.count == putAt + 1 else {
          return false
        }
        isLost = false
        return true
      }
      bench.demand([long.short], of: "A", during: exchange)
      bench.run()
      #expect(!isLost)
      #expect(bench.answers.count == 1, "exchange \(exchange): \(bench.outcomes ?? [])")
      #expect(Set(bench.readings) == Set(plain.readings), "exchange \(exchange)")
      #expect(bench.readings.count == plain.readings.count, "exchange \(exchange)")
      #expect(bench.rejected.isEmpty, "exchange \(exchange): \(bench.rejected)")
      // Each piece of news is told once.
      #expect(zip(bench.health, bench.health.dropFirst()).allSatisfy { $0 != $1 }, "\(bench.health)")
      #expect(bench.health.last == true)
    }
  }

  @Test(arguments: Long.all)
  fileprivate func `a port that goes during what comes between is opened again, and the long question is read`(
    _ long: Long
  ) throws {
    let plain = try undisturbed(long)
    for exchange in 1...plain.watched.requests.count {
      let bench = try Bench(long)
      bench.watched.sent = { [weak bench, wire = bench.wire] count in
        if count == exchange { bench?.put([long.short], of: "B") }
        if count == exchange + 1 { wire.pull() }
      }
      bench.engine.work(on: bench.wire, for: .seconds(20))
      bench.wire.plugIn()
      bench.run()
      guard case .portLost = bench.outcomes?.first?.result else {
        Issue.record("exchange \(exchange): \(bench.outcomes ?? [])")
        continue
      }
      #expect(bench.lost == 1)
      #expect(Set(bench.readings) == Set(plain.readings), "exchange \(exchange)")
      #expect(bench.rejected.isEmpty, "exchange \(exchange): \(bench.rejected)")
    }
  }

  @Test func `a line that is to be closed ends after the exchange that is on the wire, and tells who waits`() throws {
    let long = Long.all[0]
    let count = try undisturbed(long).watched.requests.count
    for exchange in 1...count {
      let bench = try Bench(long)
      bench.watched.sent = { [weak bench] sent in
        guard sent == exchange else { return }
        bench?.put([voltage], of: "B")
        bench?.engine.inbox.close()
      }
      while bench.watched.requests.count < exchange { _ = bench.engine.turn() }
      bench.engine.finish()
      #expect(bench.watched.requests.count == exchange)
      bench.run()
      guard case .closed = bench.outcomes?.first?.result else {
        Issue.record("exchange \(exchange): \(bench.outcomes ?? [])")
        continue
      }
      #expect(bench.rejected.isEmpty, "exchange \(exchange): \(bench.rejected)")
      #expect(bench.lost == 0)
    }
  }

  @Test func `a question on demand that is long itself is held up by no other, and they go turn about with the round`()
    throws
  {
    let long = Long.all[2]
    let bench = try Bench(long)
    // The record of a closed month, read twice.
    let month = Query.identifier(DataIdentifier(rawValue: 0x0001_FF01))
    var first: [Int] = []
    bench.watched.sent = { [weak bench] count in
      if count == 1 { bench?.put([month, voltage], of: "B") }
      if count == 2 { bench?.put([voltage], of: "B", number: 2) }
      if bench?.watched.requests.last?[1] == 0x02 { first.append(count) }
    }
    bench.run()
    // Twice the month; one of the round; the rest of the first demand; one of the round; the second demand.
    #expect(first == [2, 3, 5, 7])
    #expect(bench.answers.count == 2)
    #expect(bench.rejected.isEmpty, "\(bench.rejected)")
  }

  @Test func `clocks that are set one after the other let others in between`() throws {
    let profile = try profile(named: "dlt645-2007-three-phase")
    let settings = try settings("9600 8E1")
    let boot = BootInstant(nanoseconds: 1_000_000_000)
    let clock = SimulatedClock(origin: SimulatedInstant(MeterTime(localSeconds: noon.localSeconds + 1800)), at: boot)
    let pairs = try (1...4).map {
      try Pair("M\($0)", profile, address: "20231111000\($0)", seed: UInt64($0), on: settings, delay: .milliseconds(50))
    }
    let port = try #require(PortAddress("/dev/null"))
    let wire = SimulatedWire(
      LineDescription(name: "bus", settings: settings, meters: pairs.map(\.description)).bus(clock: clock),
      called: port, at: boot)
    let watched = WatchedWire(wire)
    let wall = { HostInstant(unixMilliseconds: clock.instant(at: wire.now).unixMilliseconds, clock: .synchronised) }
    let permissions = Permissions(
      Dictionary(uniqueKeysWithValues: pairs.map { ($0.meter.address, [.setTime]) }), broadcasts: [])
    let engine = try LineEngine(
      name: "bus", line: Line(port, settings: settings, guardedBy: WireGuard(permissions), over: watched),
      meters: pairs.map(\.meter),
      plan: LinePlan(
        tasks: [], meters: pairs.map { $0.meter.planned(for: []) }, zone: .china, at: boot, wall: wall()), wall: wall
    ) { _ in }
    #expect(engine.open() == nil)
    watched.sent = { [weak engine] count in
      guard count == 1 else { return }
      engine?.inbox.put(DemandInbox.Order(number: 1, queries: [voltage], meter: id("M4")) { _ in })
    }
    var outcome: ClockOutcome?
    engine.setClocks(ClockOrder(["M1", "M2", "M3"].map { id($0) }, by: .address)) { outcome = $0 }
    // 08H three times, and a read after the first of them.
    #expect(watched.requests.map { $0[8] } == [0x08, 0x11, 0x08, 0x08])
    engine.work(on: wire, for: .seconds(60))
    #expect(outcome?.isSent == true && outcome?.looks.count == 3)
  }

  private let start = BootInstant(nanoseconds: 1_000_000_000_000)
  private let wall = HostInstant(unixMilliseconds: 1_795_305_600_000, clock: .synchronised)

  @Test func `what comes between counts for nothing in the time that a round's question takes`() throws {
    let queries = (0..<4).map { Query.identifier(DataIdentifier(rawValue: 0x0201_0000 + $0 << 8)) }
    var plan = LinePlan(
      tasks: [AcquisitionTask(name: "t", schedule: .every(seconds: 60), targets: [.energies])],
      meters: [LinePlan.Meter(id: id("M"), programme: [queries], probes: [], replyLimit: .seconds(1))],
      zone: .china, at: start, wall: wall)
    guard case .ask(let ask) = plan.next(at: start, wall: wall) else { throw Absent() }
    plan.demand([voltage], of: 0, number: 1)
    guard let between = plan.nextBetween(ofLine: false, at: start + .seconds(1)) else { throw Absent() }
    #expect(between.demand == 1)
    let another = plan.nextBetween(ofLine: false, at: start + .seconds(1))
    #expect(another == nil, "then it is the turn of the round")
    plan.concluded(between, .answered(delay: nil), at: start + .seconds(8))
    plan.wentOn()
    let left = plan.rounds.map(\.left)
    plan.concluded(ask, .putOff, at: start + .seconds(9))
    // 7 s of its own for the one between, and of 9 s 2 for the other.
    #expect(plan.turns.pace == .seconds(7) + (.seconds(2) - .seconds(7)) / 8)
    #expect(plan.rounds.map(\.left) == left, "what was put off is still to be asked")
    #expect(plan.health[0].state == .answering)
  }

  @Test func `what the line wants to know itself waits for what others want`() throws {
    var plan = LinePlan(
      tasks: [], meters: [LinePlan.Meter(id: id("M"), programme: [], probes: [], replyLimit: .seconds(1))],
      zone: .china, at: start, wall: wall)
    plan.demand([voltage], of: 0, number: -1)
    plan.demand([voltage], of: 0, number: -2)
    plan.demand([voltage], of: 0, number: 5)
    #expect(plan.demands.map(\.number) == [5, -1, -2])
    let before = plan.nextBetween(ofLine: true, at: start)
    #expect(before?.demand == 5)
    if let before { plan.concluded(before, .answered(delay: nil), at: start) }
    let own = plan.nextBetween(ofLine: true, at: start)
    #expect(own == nil, "its own never go between")
  }

  private struct Absent: Error {}

  /// A meter that has something asked for as it hears its so many-th request.
  private struct CallingMeter: SimulatedMeter {
    var inner: any SimulatedMeter
    let heard: @Sendable ([UInt8]) -> Void
    var id: MeterID { inner.id }
    var language: MeterLanguage { inner.language }
    var unit: UInt8? { inner.unit }
    var registers: MeterRegisters { inner.registers }
    mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
      heard(request)
      return inner.answer(request, at: now)
    }
    func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
      inner.truth(quantity, memory, at: now)
    }
  }

  private final class Log: Sendable {
    struct Content {
      var worker: LineWorker?
      var heard: [String] = []
    }
    let content = Guarded(Content())
  }

  @Test(arguments: 1...4)
  func `over a port of this host too it waits for the exchange on the wire and no more`(_ exchange: Int) async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(timeout: 1000, items: [])
    let pairs = try (1...2).map {
      try Pair("M\($0)", profile, address: "20231111000\($0)", seed: UInt64($0), on: line, delay: .milliseconds(5))
    }
    let log = Log()
    // As it is on the wire, where each byte has 33H added.
    let onWire: [UInt8] = [0x33, 0x34, 0x34, 0x35]
    let task = once("months", [.settlements(depth: 2, of: nil)])
    let rig = try Rig(pairs, tasks: [task], speed: 1) { index, meter in
      guard index == 0 else { return meter }
      return CallingMeter(inner: meter) { request in
        let worker = log.content.withLock { content -> LineWorker? in
          let frame = [UInt8](request.drop { $0 == 0xFE })
          let isVoltage = [UInt8](frame.dropFirst(10).prefix(4)) == onWire
          // Every meter hears every request.
          content.heard.append("M\(frame[1])\(isVoltage ? " voltage" : "")")
          return content.heard.count == exchange ? content.worker : nil
        }
        worker?.inbox.put(
          DemandInbox.Order(number: 1000, queries: [voltage], meter: id("M2")) { _ in
            log.content.withLock { $0.heard.append("told") }
          })
      }
    }
    log.content.withLock { $0.worker = rig.worker }
    let tally = await rig.run { _, _ in log.content.withLock { $0.heard.contains("told") } }
    let heard = log.content.withLock { content in
      content.worker = nil
      return content.heard
    }
    #expect(heard.count > exchange && heard[exchange] == "M2 voltage", "\(heard)")
    #expect(tally.wrong.isEmpty, "\(tally.wrong)")
  }
}
