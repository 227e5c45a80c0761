public import Host
public import Line
public import Metering
internal import Synchronization

/// Carries a plan out on one line, on a thread of its own.
///
/// It waits for the wire and for nothing else: what it learns is handed over without waiting.
public actor LineWorker {
  public nonisolated let name: String
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  private let thread: OwnedThread
  private nonisolated let doorbell = Doorbell()
  private nonisolated let signal = Signal()
  private let engine: LineEngine
  /// Looked into by the engine between any two exchanges.
  nonisolated let inbox: DemandInbox

  /// A worker that has not begun.
  ///
  /// `meters` stand in the order of the plan's meters; `clock` labels rounds and readings; `tell` takes events and
  /// must not block. With `listensFirst` a line with Modbus meters is heard out before anything is asked, since one
  /// may still answer a daemon that was killed. `permissions` say what may be
  /// changed, nothing unless told; `tap` gets every byte on the wire. Throws where libmodbus cannot be
  /// had.
  public init(
    name: String, address: PortAddress, settings: SerialSettings, meters: [LineMeter], plan: LinePlan,
    clock: WallClock, listensFirst: Bool = false, permissions: Permissions = .none,
    tap: TrafficTap? = nil,
    tell: @escaping @Sendable (LineEvent) -> Void
  ) throws(SpeakerError) {
    try self.init(
      name: name, address: address, settings: settings, meters: meters, plan: plan, clock: clock,
      listensFirst: listensFirst, permissions: permissions, tap: tap, planClock: PlanClock(), tell: tell)
  }

  package init(
    name: String, address: PortAddress, settings: SerialSettings, meters: [LineMeter], plan: LinePlan,
    clock: WallClock, listensFirst: Bool = false, permissions: Permissions = .none,
    tap: TrafficTap? = nil, planClock: PlanClock,
    tell: @escaping @Sendable (LineEvent) -> Void
  ) throws(SpeakerError) {
    self.name = name
    thread = OwnedThread(name: name)
    let line = Line(address, settings: settings, guardedBy: WireGuard(permissions))
    if let tap { line.onTraffic = { tap.note($0) } }
    let engine = try LineEngine(
      name: name, line: line, meters: meters, plan: plan, wall: { clock.now }, listensFirst: listensFirst,
      planClock: planClock, tell: tell)
    inbox = engine.inbox
    self.engine = engine
  }

  /// When the worker last went round its loop; for a watchdog.
  public nonisolated var lastSeen: BootInstant { signal.lastSeen }

  /// Ends `run` after the exchange that is on the wire.
  public nonisolated func stop() {
    signal.stop()
    inbox.close()
    doorbell.ring()
  }

  /// What the line has learned of its meters, by name; a new plan may begin with it.
  public func health() -> [MeterID: MeterHealth] { engine.health }

  public func counters() -> LineCounters { engine.line.counters }
  public func overruns() -> [Int] { engine.plan.overruns }

  /// The line as it stands, told between two exchanges.
  public nonisolated func snapshot() async -> LineSnapshot {
    call()
    return await takeSnapshot()
  }

  private func takeSnapshot() -> LineSnapshot {
    signal.answered()
    return engine.snapshot
  }

  /// Wakes the worker, and keeps it awake until the call has come through.
  private nonisolated func call() {
    signal.called()
    doorbell.ring()
  }

  /// Asks a meter between two exchanges, turn about with the rounds: it waits for the exchange that is on the wire at
  /// most, for what a person is just changing, and for second answers, half a second. One outcome for each question; none
  /// for a meter that is not on this line. Where the caller's task is cancelled nothing more is asked.
  public nonisolated func read(_ queries: [Query], of meter: MeterID) async -> [DemandOutcome] {
    let number = signal.nextDemand()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { waiting in
        inbox.put(DemandInbox.Order(number: number, queries: queries, meter: meter) { waiting.resume(returning: $0) })
        // What was cancelled before it was put is withdrawn by nobody else.
        if Task.isCancelled { inbox.withdraw(number) }
        doorbell.ring()
      }
    } onCancel: {
      inbox.withdraw(number)
      doorbell.ring()
    }
  }

  /// Lets `work` change a meter between two exchanges, `nil` for all of the line; see `LineEngine.command`.
  public nonisolated func command<Outcome: Sendable>(
    to meter: MeterID?, _ work: @escaping @Sendable (Commander) throws(LineError) -> Outcome
  ) async throws(LineError) -> CommandStep<Outcome> {
    call()
    return try await carry(meter, work)
  }

  private func carry<Outcome: Sendable>(
    _ meter: MeterID?, _ work: @Sendable (Commander) throws(LineError) -> Outcome
  ) throws(LineError) -> CommandStep<Outcome> {
    signal.answered()
    guard !signal.isStopping else { return .notNow("the line is being closed") }
    return try engine.command(to: meter, work)
  }

  /// Takes in what the journal holds of each meter, in their order, by a wall clock that stood at `wall`, in
  /// milliseconds since 1970. `lastAtWork` as for a new plan.
  public nonisolated func recalled(_ held: [LinePlan.Held], of wall: Int64, lastAtWork: [Int64] = []) async {
    call()
    await takeRecalled(held, wall, lastAtWork)
  }

  private func takeRecalled(_ held: [LinePlan.Held], _ wall: Int64, _ lastAtWork: [Int64]) {
    signal.answered()
    engine.recalled(held, of: wall, lastAtWork: lastAtWork)
  }

  /// Takes over other questions to some meters, from the rounds on that are due then.
  public nonisolated func adopt(_ coming: [MeterID: LinePlan.Meter.Coming]) async {
    call()
    await take(coming)
  }

  private func take(_ coming: [MeterID: LinePlan.Meter.Coming]) {
    signal.answered()
    engine.adopt(coming)
  }

  /// Takes back an answer that the disk did not keep.
  public nonisolated func notKept(_ query: Query, of meter: MeterID) async {
    call()
    await takeBack(query, meter)
  }

  private func takeBack(_ query: Query, _ meter: MeterID) {
    signal.answered()
    engine.notKept(query, of: meter)
  }

  /// Sets clocks of the line between two exchanges, and looks at them afterwards.
  public nonisolated func setClocks(_ order: ClockOrder) async -> ClockOutcome {
    call()
    return await carry(order)
  }

  private func carry(_ order: ClockOrder) async -> ClockOutcome {
    signal.answered()
    guard !signal.isStopping else { return ClockOutcome(trouble: "the line is being closed") }
    return await withCheckedContinuation { waiting in engine.setClocks(order) { waiting.resume(returning: $0) } }
  }

  /// Has load profiles read where the line has nothing else to do, in place of those of before.
  public nonisolated func read(_ profiles: ProfilePlan) async {
    call()
    await take(profiles)
  }

  private func take(_ profiles: ProfilePlan) {
    signal.answered()
    var profiles = profiles
    if let before = engine.profiles { profiles.takeTold(from: before) }
    engine.profiles = profiles
    engine.profileWake = BootInstant(nanoseconds: 0)
  }

  /// Has events read by the tasks that name them. Comes before `run`.
  public func watch(_ events: EventWatch) { engine.events = events }

  /// Takes back what the store did not keep of a meter's events: they are read again.
  public func notKept(_ report: EventReport) { engine.events?.takenBack(report) }

  /// Tries to open the port once, so that the start of the daemon can tell how it went.
  public func open() -> LineError? { engine.open() }

  /// Works until `stop` is called.
  public func run() async {
    while !signal.isStopping {
      signal.seen(HostClock.boot)
      if case .rest(let until) = engine.turn(), !signal.isCalled {
        // For a while at most: the watchdog must see the worker alive, and the calls of others get in between.
        doorbell.wait(until: min(until, HostClock.boot + .milliseconds(500)))
      }
      // Lets the questions of others in between two exchanges. A plain yield would go through the shared pool, where
      // every thread may be busy.
      await withCheckedContinuation { thread.resumeLater($0) }
    }
    engine.finish()
  }

  deinit { thread.stop() }
}

/// What the worker's thread and its watchers share.
private final class Signal: Sendable {
  private let stopping = Atomic(false)
  // A worker that is about to begin is not stuck.
  private let seenAt = Atomic(HostClock.boot.nanoseconds)

  var isStopping: Bool { stopping.load(ordering: .acquiring) }
  /// Calls that are on their way to the worker.
  private let calls = Atomic(0)

  private let demands = Atomic(0)
  func nextDemand() -> Int { demands.add(1, ordering: .relaxed).newValue }

  var isCalled: Bool { calls.load(ordering: .acquiring) > 0 }
  func called() { calls.add(1, ordering: .acquiringAndReleasing) }
  func answered() { calls.subtract(1, ordering: .acquiringAndReleasing) }
  func stop() { stopping.store(true, ordering: .releasing) }
  var lastSeen: BootInstant { BootInstant(nanoseconds: seenAt.load(ordering: .relaxed)) }
  func seen(_ now: BootInstant) { seenAt.store(now.nanoseconds, ordering: .relaxed) }
}
