public import Host
public import Line
public import Metering
internal import ModbusClient
internal import Synchronization

/// Carries a plan out on one line, on a thread of its own.
///
/// It waits for the wire and for nothing else: what it learns is handed over without waiting.
public actor LineWorker {
  public nonisolated let name: String
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  private let thread: OwnedThread
  private let doorbell = Doorbell()
  private nonisolated let signal = Signal()
  let line: Line
  let speaker: MeterSpeaker
  var plan: LinePlan
  let meters: [LineMeter]
  private var notes: [MeterNotes]
  private let clock: WallClock
  let planClock: PlanClock
  let tell: @Sendable (LineEvent) -> Void
  /// Somebody who is gone may have asked: first the time in which any meter answers must pass.
  private var mustListen: Bool
  /// Failures of the port since a byte last came over it.
  private var failures = 0
  /// What the house was last told of the port.
  private var isToldOpen = false
  private var hasBeenOpen = false
  /// Whom the last question went to.
  var lastAsked: Int?
  /// Answers that a second one may still contradict, oldest first.
  var held: [HeldAnswer] = []
  /// When the house was last told that two meters may have one address, by meter.
  var doubles: [Int: BootInstant] = [:]
  /// The question that was not answered just now, and whose answer may come late.
  var unanswered: (meter: Int, shape: Query.Shape)?
  /// Answers that were believed lately, newest last: what comes after its time is told by them.
  var believed: [BelievedAnswer] = []
  private let isServer: Bool
  /// Nothing is sent into a babbling line before this.
  private var babblesUntil = BootInstant(nanoseconds: 0)
  private var opensAt = BootInstant(nanoseconds: 0)

  /// A worker that has not begun.
  ///
  /// `meters` stand in the order of the plan's meters; `clock` labels rounds and readings; `tell` takes events and
  /// must not block. With `listensFirst` a line with Modbus meters is heard out before anything is asked, since one
  /// may still answer a daemon that was killed. `permissions` say what may be
  /// changed, nothing unless told; `trace` gets every byte on the wire. Throws where libmodbus cannot be
  /// had.
  public init(
    name: String, address: PortAddress, settings: SerialSettings, meters: [LineMeter], plan: LinePlan,
    clock: WallClock, listensFirst: Bool = false, permissions: Permissions = .none,
    trace: TraceBuffer? = nil,
    tell: @escaping @Sendable (LineEvent) -> Void
  ) throws(SpeakerError) {
    try self.init(
      name: name, address: address, settings: settings, meters: meters, plan: plan, clock: clock,
      listensFirst: listensFirst, permissions: permissions, trace: trace, planClock: PlanClock(), tell: tell)
  }

  package init(
    name: String, address: PortAddress, settings: SerialSettings, meters: [LineMeter], plan: LinePlan,
    clock: WallClock, listensFirst: Bool = false, permissions: Permissions = .none,
    trace: TraceBuffer? = nil, planClock: PlanClock,
    tell: @escaping @Sendable (LineEvent) -> Void
  ) throws(SpeakerError) {
    // A serial server may hold what was asked for by someone else, before this connection.
    let isServer = if case .server = address { true } else { false }
    var plan = plan
    plan.answersMayOvertake = isServer
    if isServer { plan.portLost(at: planClock.now) }
    self.isServer = isServer
    mustListen = listensFirst || isServer
    self.name = name
    self.planClock = planClock
    thread = OwnedThread(name: name)
    line = Line(address, settings: settings, guardedBy: WireGuard(permissions))
    if let trace { line.onTraffic = { trace.note($0) } }
    speaker = try MeterSpeaker(on: address)
    self.meters = meters
    self.plan = plan
    self.clock = clock
    self.tell = tell
    notes = meters.map(MeterNotes.init(of:))
    line.onControl = { tell(.control(line: name, $0)) }
  }

  /// When the worker last went round its loop; for a watchdog.
  public nonisolated var lastSeen: BootInstant { signal.lastSeen }

  /// Ends `run` after the exchange that is on the wire.
  public nonisolated func stop() {
    signal.stop()
    doorbell.ring()
  }

  /// What the line has learned of its meters, by name; a new plan may begin with it.
  public func health() -> [MeterID: MeterHealth] {
    Dictionary(zip(meters.map(\.id), plan.health), uniquingKeysWith: { first, _ in first })
  }

  public func counters() -> LineCounters { line.counters }
  public func overruns() -> [Int] { plan.overruns }

  /// Tries to open the port once, so that the start of the daemon can tell how it went.
  public func open() -> LineError? {
    do throws(LineError) {
      try line.open()
      tellOpen()
      return nil
    } catch {
      waitForPort(error)
      return error
    }
  }

  /// Works until `stop` is called.
  public func run() async {
    while !signal.isStopping {
      signal.seen(HostClock.boot)
      if line.isOpen {
        step()
      } else {
        reopen()
      }
      // Lets the questions of others in between two exchanges. A plain yield would go through the shared pool, where
      // every thread may be busy.
      await withCheckedContinuation { thread.resumeLater($0) }
    }
    hear(since: nil)
    release(all: true)
    line.close()
  }

  deinit { thread.stop() }

  /// Tries to open a lost port: after 1, 2, 4 ... 60 seconds, until bytes come over it again.
  private func reopen() {
    guard planClock.now >= opensAt else { return rest(until: opensAt) }
    do throws(LineError) {
      try line.open()
      mustListen = mustListen || isServer
      // A port that was missing from the start is news when it is there, also on a line with nothing to ask.
      if !hasBeenOpen { tellOpen() }
    } catch {
      waitForPort(error)
    }
  }

  /// To look for a path that is not there costs nothing: an adapter that is plugged in again is found within 4 s.
  private func waitForPort(_ error: LineError) {
    failures += 1
    let longest: Int64 = if case .noSuchPort = error { 4 } else { 60 }
    opensAt = planClock.now + .seconds(min(longest, Int64(1) << Int64(min(failures - 1, 6))))
  }

  func lost(_ error: LineError) {
    if isToldOpen { tell(.portLost(line: name, reason: "\(error)")) }
    isToldOpen = false
    release(all: true)
    waitForPort(error)
  }

  /// A port that opens and dies at once is not told as open again: only one that has carried something.
  private func tellOpen() {
    if !isToldOpen { tell(.portOpened(line: name)) }
    isToldOpen = true
    hasBeenOpen = true
  }

  /// Waits for a while at most: the watchdog must see the worker alive, and the calls of others get in between.
  private func rest(until instant: BootInstant) {
    guard held.isEmpty else { return hear(since: min(planClock.boot(at: instant), HostClock.boot + .milliseconds(20))) }
    doorbell.wait(until: min(planClock.boot(at: instant), HostClock.boot + .milliseconds(500)))
  }

  private func step() {
    guard planClock.now >= babblesUntil else { return rest(until: babblesUntil) }
    if mustListen {
      mustListen = false
      return hearOut()
    }
    release()
    switch plan.next(at: planClock.now, wall: clock.now) {
    case .rest(let until): rest(until: until)
    case .ask(let ask): carryOut(ask)
    }
    for missed in plan.takeMissed() {
      tell(
        .missed(
          line: name, meter: meters[missed.meter].id, queries: missed.queries, reason: missed.reason,
          slot: missed.round.slot))
    }
  }

  /// Lets the time pass in which a Modbus meter answers; DL/T 645 answers say themselves what they answer, and a
  /// Modbus TCP connection is nobody else's.
  private func hearOut() {
    guard !line.address.isModbusTCP else { return }
    let silent = meters.filter { if case .modbus = $0.address { true } else { false } }
    guard let meter = silent.max(by: { $0.replyLimit < $1.replyLimit }) else { return }
    do throws(LineError) {
      let late = try line.quarantine(silence: meter.replyLimit)
      if late > 0 { tell(.late(line: name, meter: meter.id, bytes: late)) }
    } catch {
      guard error.losesPort else { return }
      lost(error)
      plan.portLost(at: planClock.now)
    }
  }

  private func carryOut(_ ask: LinePlan.Ask) {
    let meter = meters[ask.meter]
    let wasSetAside = plan.health[ask.meter].isSetAside
    let wasKnown = plan.health[ask.meter].state != .unknown
    let conclusion: LinePlan.Conclusion
    do throws(LineError) {
      conclusion = try converse(ask, meter)
    } catch {
      if error.losesPort {
        conclusion = .portLost
        lost(error)
      } else {
        // This meter is set aside, so that the others of the line get their turn.
        conclusion = .silent
        tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "\(error)"))
        if case .babble = error { babblesUntil = planClock.now + .seconds(5) }
      }
    }
    plan.concluded(ask, conclusion, at: planClock.now)
    let isSetAside = plan.health[ask.meter].isSetAside
    let isFirstNews = !wasKnown && plan.health[ask.meter].state != .unknown
    if wasSetAside != isSetAside || isFirstNews, conclusion != .portLost {
      tell(.health(line: name, meter: meter.id, isAnswering: !isSetAside))
    }
  }

  private func converse(_ ask: LinePlan.Ask, _ meter: LineMeter) throws(LineError) -> LinePlan.Conclusion {
    let isConfirmed = ask.query.isBillingMemory
    let said = isConfirmed ? try readTwice(ask, meter) : try put(ask.query, of: ask, meter)
    switch said.result {
    case .told(let told):
      let took = said.record.endedAt - said.record.startedAt
      notes[ask.meter].take(told.observations, at: said.record.endedAt, took: took)
      let answer = Answer(
        meter: meter.id, line: name, query: ask.query, slot: ask.round?.slot,
        slotGrace: ask.round.map { plan.tasks[$0.task].schedule.grace } ?? 0, observations: told.observations,
        requests: said.record.requests, replies: told.frames, hostTime: clock.now,
        bootTime: said.record.endedAt, startedAt: said.record.startedAt, replyDelay: said.record.replyDelay,
        clock: notes[ask.meter].clock,
        settlementDay: notes[ask.meter].settlementDay, settlementDoubt: notes[ask.meter].settlementDoubt,
        isConfirmed: isConfirmed)
      // A probe proves that the meter is there and in step; its values belong to no round.
      if let round = ask.round {
        hold(answer, ask.meter, round)
        for fault in told.faults where meter.wants(fault.quantity, for: plan.tasks[round.task].targets) {
          tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "\(fault)"))
        }
      }
      return .answered(delay: said.record.replyDelay)
    case .refused(let reason):
      notes[ask.meter].refused(ask.query)
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "refused: \(reason)"))
      return .refused
    case .damaged(let reason):
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: reason))
      try quarantine(meter)
      return .damaged
    case .silent:
      try quarantine(meter)
      return .silent
    }
  }

  private func put(
    _ query: Query, of ask: LinePlan.Ask, _ meter: LineMeter, _ listening: BootInstant.Span = .zero
  ) throws(LineError) -> MeterSpeaker.Said {
    var said = try speaker.ask(
      query, of: meter, on: line, replyTimeout: ask.replyTimeout, listening: listening,
      latestDemand: notes[ask.meter].latestDemand(of: query, at: HostClock.boot))
    if said.record.bytesReceived > 0 { failures = 0 }
    tellOpen()
    // What came between two exchanges, when nobody listened, is most likely of the meter that was asked before.
    if said.record.bytesDiscarded > 0 {
      tell(.late(line: name, meter: meters[lastAsked ?? ask.meter].id, bytes: said.record.bytesDiscarded))
    }
    if case .silent = said.result { unanswered = (ask.meter, query.shape) } else { unanswered = nil }
    listenBack(for: &said, query, ask.meter)
    lastAsked = ask.meter
    return said
  }

  /// Reads what a bill rests on: believed when two reads agree, for the checksum of DL/T 645 misses one in 256.
  ///
  /// A freeze moves on at midnight and tells its time in an answer of its own. That time is read before each of
  /// the two reads: where both times and both values agree, the value is of that freeze.
  private func readTwice(_ ask: LinePlan.Ask, _ meter: LineMeter) throws(LineError) -> MeterSpeaker.Said {
    let first = try readWithTime(ask, meter)
    guard case .told(let told) = first.result else { return first }
    // A second answer to the first read that came late would have met this one; only the last is waited for.
    var second = try readWithTime(ask, meter, listening: MeterSpeaker.patience)
    if case .told(let again) = second.result, again.observations != told.observations {
      second.result = .damaged("two reads differ")
    }
    return second
  }

  /// One read, with the time of the freeze before it where it is of one.
  private func readWithTime(
    _ ask: LinePlan.Ask, _ meter: LineMeter, listening: BootInstant.Span = .zero
  ) throws(LineError) -> MeterSpeaker.Said {
    guard let freezeTime = ask.query.freezeTime else { return try put(ask.query, of: ask, meter, listening) }
    let time = try put(freezeTime, of: ask, meter)
    guard case .told(let frozen) = time.result else { return time }
    var said = try put(ask.query, of: ask, meter, listening)
    guard case .told(let told) = said.result else { return said }
    said.record.requests = time.record.requests + said.record.requests
    said.result = .told(
      MeterSpeaker.Told(
        observations: frozen.observations + told.observations, frames: frozen.frames + told.frames, from: told.from))
    return said
  }

  /// Lets the line fall silent after a failure; what comes now is late and is dropped.
  private func quarantine(_ meter: LineMeter) throws(LineError) {
    let silence = max(meter.settings.characterTime * 10, .milliseconds(30))
    let late = try line.quarantine(silence: silence)
    if late > 0 {
      tell(.late(line: name, meter: meter.id, bytes: late))
      lookBack(line.takeHeard())
    }
  }
}

/// The boot clock as plans see it. Tests let it go faster, so that rests of seconds pass in milliseconds.
package struct PlanClock: Sendable {
  private let origin = HostClock.boot
  private let speed: Int64

  package init(speed: Int64 = 1) { self.speed = speed }

  var now: BootInstant { origin + (HostClock.boot - origin) * speed }

  /// When this clock stands at an instant of the boot clock.
  func instant(at boot: BootInstant) -> BootInstant { origin + (boot - origin) * speed }

  /// When the boot clock stands at an instant of this one.
  func boot(at instant: BootInstant) -> BootInstant { origin + (instant - origin) / speed }
}

/// What the worker's thread and its watchers share.
private final class Signal: Sendable {
  private let stopping = Atomic(false)
  // A worker that is about to begin is not stuck.
  private let seenAt = Atomic(HostClock.boot.nanoseconds)

  var isStopping: Bool { stopping.load(ordering: .acquiring) }
  func stop() { stopping.store(true, ordering: .releasing) }
  var lastSeen: BootInstant { BootInstant(nanoseconds: seenAt.load(ordering: .relaxed)) }
  func seen(_ now: BootInstant) { seenAt.store(now.nanoseconds, ordering: .relaxed) }
}
