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
  private let line: Line
  private let speaker: MeterSpeaker
  private var plan: LinePlan
  private let meters: [LineMeter]
  private var notes: [MeterNotes]
  private let clock: WallClock
  private let tell: @Sendable (LineEvent) -> Void
  private var failures = 0
  /// Nothing is sent into a babbling line before this.
  private var babblesUntil = BootInstant(nanoseconds: 0)
  private var opensAt = BootInstant(nanoseconds: 0)

  /// A worker that has not begun.
  ///
  /// `meters` stand in the order of the plan's meters; `clock` labels rounds and readings; `tell` takes events and
  /// must not block. Throws where libmodbus cannot be had.
  public init(
    name: String, address: PortAddress, settings: SerialSettings, meters: [LineMeter], plan: LinePlan,
    clock: WallClock, tell: @escaping @Sendable (LineEvent) -> Void
  ) throws(SpeakerError) {
    self.name = name
    thread = OwnedThread(name: name)
    line = Line(address, settings: settings)
    speaker = try MeterSpeaker()
    self.meters = meters
    self.plan = plan
    self.clock = clock
    self.tell = tell
    notes = meters.map { _ in MeterNotes() }
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
      tell(.portOpened(line: name))
      return nil
    } catch {
      failures = 1
      opensAt = HostClock.boot + .seconds(1)
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
      // Lets the questions of others in between two exchanges.
      await Task.yield()
    }
    line.close()
  }

  deinit { thread.stop() }

  /// Tries to open a lost port: at once, then after 1, 2, 4 ... 60 seconds.
  private func reopen() {
    guard HostClock.boot >= opensAt else { return rest(until: opensAt) }
    do throws(LineError) {
      try line.open()
      failures = 0
      tell(.portOpened(line: name))
    } catch {
      failures += 1
      opensAt = HostClock.boot + .seconds(min(60, Int64(1) << Int64(min(failures - 1, 6))))
    }
  }

  /// Waits for a while at most: the watchdog must see the worker alive, and the calls of others get in between.
  private func rest(until instant: BootInstant) {
    doorbell.wait(until: min(instant, HostClock.boot + .milliseconds(500)))
  }

  private func step() {
    guard HostClock.boot >= babblesUntil else { return rest(until: babblesUntil) }
    switch plan.next(at: HostClock.boot, wall: clock.now) {
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

  private func carryOut(_ ask: LinePlan.Ask) {
    let meter = meters[ask.meter]
    let wasSetAside = plan.health[ask.meter].isSetAside
    let wasKnown = plan.health[ask.meter].state != .unknown
    let conclusion: LinePlan.Conclusion
    do throws(LineError) {
      conclusion = try converse(ask, meter)
    } catch {
      conclusion = .portLost
      if error.losesPort {
        tell(.portLost(line: name, reason: "\(error)"))
      } else {
        tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "\(error)"))
        babblesUntil = HostClock.boot + .seconds(5)
      }
    }
    plan.concluded(ask, conclusion, at: HostClock.boot)
    let isSetAside = plan.health[ask.meter].isSetAside
    if wasSetAside != isSetAside || !wasKnown, conclusion != .portLost {
      tell(.health(line: name, meter: meter.id, isAnswering: !isSetAside))
    }
  }

  private func converse(_ ask: LinePlan.Ask, _ meter: LineMeter) throws(LineError) -> LinePlan.Conclusion {
    let first = try speaker.ask(ask.query, of: meter, on: line, replyTimeout: ask.replyTimeout)
    var said = first
    var isConfirmed = false
    if case .told(let told) = first.result, ask.query.isBillingMemory {
      // What a bill rests on is believed when two reads agree: the checksum of DL/T 645 misses one in 256.
      said = try speaker.ask(ask.query, of: meter, on: line, replyTimeout: ask.replyTimeout)
      if case .told(let again) = said.result, again.observations != told.observations {
        said.result = .damaged("two reads differ")
      }
      if case .told = said.result { isConfirmed = true }
    }
    switch said.result {
    case .told(let told):
      notes[ask.meter].take(told.observations, at: said.record.endedAt)
      let answer = Answer(
        meter: meter.id, line: name, query: ask.query, slot: ask.round?.slot, observations: told.observations,
        requests: said.record.requests, replies: told.frames, hostTime: clock.now,
        bootTime: said.record.endedAt, replyDelay: said.record.replyDelay, clock: notes[ask.meter].clock,
        settlementDay: notes[ask.meter].settlementDay, isConfirmed: isConfirmed)
      // A probe proves that the meter is there and in step; its values belong to no round.
      if ask.round != nil { tell(.answered(answer)) }
      return .answered(delay: said.record.replyDelay)
    case .refused(let reason):
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

  /// Lets the line fall silent after a failure; what comes now is late and is dropped.
  private func quarantine(_ meter: LineMeter) throws(LineError) {
    let silence = max(meter.settings.characterTime * 10, .milliseconds(30))
    let late = try line.quarantine(silence: silence)
    if late > 0 { tell(.late(line: name, meter: meter.id, bytes: late)) }
  }
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

/// What a meter has told of itself along the way.
struct MeterNotes {
  private(set) var clock: ClockSight?
  private(set) var settlementDay = SettlementDay.firstOfMonth
  private var date: (CivilDate, BootInstant)?

  mutating func take(_ observations: [Observation], at now: BootInstant) {
    for observation in observations {
      switch (observation.quantity.measurand, observation.value) {
      case (.clock, .instant(let time)): clock = ClockSight(meter: time, at: now)
      case (.clockDate, .date(let day)): date = (day, now)
      case (.clockTime, .timeOfDay(let time)):
        // A date from the same minute, or none.
        if let (day, seen) = date, now - seen < .seconds(20) { clock = ClockSight(date: day, time: time, at: now) }
        date = nil
      case (.settlementDay(1), .text(let text)): settlementDay = Self.day(text) ?? settlementDay
      default: break
      }
    }
  }

  /// DDhh, as item 04000B01 tells it.
  private static func day(_ text: String) -> SettlementDay? {
    guard text.count == 4, let day = Int(text.prefix(2)), let hour = Int(text.suffix(2)) else { return nil }
    return SettlementDay(day: day, hour: hour)
  }
}
