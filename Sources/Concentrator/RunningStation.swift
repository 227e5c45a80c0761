internal import Acquisition
internal import Host
public import Line
public import Metering
internal import Store

/// A running station: lines that read, an intake that judges and stores, a desk that bills.
///
/// `start`, then `reload` as often as one likes, then `stop`; nothing that was acknowledged is lost by any of
/// them, nor by not coming to `stop` at all.
public actor RunningStation {
  var station: Station
  let store: Store
  let board = StationBoard()
  let report: @Sendable (StationEvent) -> Void
  var generation: Generation?
  var clockDesk: ClockDesk?
  private var learned = Learned()
  /// For which delays the registers of meters are joined, where somebody has measured them.
  var delays: [MeterID: AssumedDelay] = [:]
  private var isFirst = true
  /// Nobody has looked at all pages of the store since it was opened.
  var owesPageCheck: Bool
  /// The look at all pages that goes on, or was the last.
  var pageCheck: PageCheck?
  /// Counts of lines that were closed by a reload.
  var counted: [String: LineCounters] = [:]
  /// Where what is said on a line can be heard, by its name; they outlive a reload, and so do those who listen.
  private var taps: [String: TrafficTap] = [:]
  /// Reads and commands on demand that are under way, by line.
  var demands: [String: Int] = [:]
  /// One configuration takes the place of another; who asks meanwhile waits for that.
  private var isChanging = false
  private(set) var isEnding = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  /// What one configuration has set going.
  struct Generation {
    let workers: [LineWorker]
    let events: AsyncStream<LineEvent>.Continuation
    let wakes: AsyncStream<Bool>.Continuation
    let lines: [Task<Void, Never>]
    let traces: [(file: TraceFile, running: Task<Void, Never>, end: @Sendable () -> Void)]
    let intake: Task<Void, Never>
    let billing: BillingDesk
    let desk: Task<Void, Never>
    let clocks: Task<Void, Never>
    let looks: AsyncStream<ClockDesk.Inbox>.Continuation
    /// Lets the desk look again where time alone has passed, and when the clock was set.
    let tick: Task<Void, Never>
  }

  /// For so many seconds a bill may lack readings before it is said to wait; slow lines take minutes for a round.
  private static let patience: Int64 = 600

  /// Opens the store of `station`; throws where it cannot be used. `report` takes events and must not block.
  public init(_ station: Station, report: @escaping @Sendable (StationEvent) -> Void) throws(Complaint) {
    self.station = station
    self.report = { [board] event in
      board.note(event)
      report(event)
    }
    do throws(StoreError) {
      let opened = try Store(path: station.configuration.store)
      // After a kill it was done before anything else.
      owesPageCheck = !opened.wasLeftOpen
      store = opened
    } catch {
      throw Complaint(error)
    }
  }

  /// Starts everything; each line opens its port by itself.
  public func start() async throws(Complaint) {
    do throws(StoreError) {
      generation = try await launch()
    } catch {
      throw Complaint(error)
    }
    checkPages()
  }

  /// Takes another configuration over. What the lines have learned of meters that stay as they are goes on.
  public func reload(_ new: Station) async throws(Complaint) {
    guard new.configuration.store == station.configuration.store else {
      throw Complaint(
        .configuration,
        "\(new.configuration.file): store: a running daemon keeps its store \(station.configuration.store)",
        "Restart it to use another: systemctl restart meterd")
    }
    guard new.configuration.controlSocket == station.configuration.controlSocket else {
      throw Complaint(
        .configuration,
        "\(new.configuration.file): control-socket: a running daemon keeps its socket \(station.configuration.controlSocket)",
        "Restart it to use another: systemctl restart meterd")
    }
    isChanging = true
    defer { endChange() }
    await halt()
    let old = station
    station = new
    do throws(Complaint) {
      try await start()
    } catch {
      // The old one stays in force, and a store that is back by then takes it on.
      station = old
      try? await start()
      throw error
    }
  }

  /// Ends all lines after the exchange on the wire, stores what they brought, and closes the store.
  public func stop() async {
    isEnding = true
    await halt()
    await store.close()
  }

  func tell(_ event: StationEvent) { report(event) }

  /// Waits for a change of the configuration to be over.
  func settled() async {
    while isChanging { await withCheckedContinuation { waiters.append($0) } }
  }

  private func endChange() {
    isChanging = false
    for waiter in waiters { waiter.resume() }
    waiters = []
  }

  /// What each line has seen since the daemon was started.
  public func counters() async -> [String: LineCounters] {
    var all = counted
    for worker in generation?.workers ?? [] { all[worker.name, default: LineCounters()] += await worker.counters() }
    return all
  }

  /// Where what is said on a line can be heard from now on.
  func tap(ofLine name: String) -> TrafficTap {
    let tap = taps[name] ?? TrafficTap()
    taps[name] = tap
    return tap
  }

  /// When each line last went round its loop.
  public var lastSeen: [String: BootInstant] {
    Dictionary((generation?.workers ?? []).map { ($0.name, $0.lastSeen) }, uniquingKeysWith: { first, _ in first })
  }

  private func launch() async throws(StoreError) -> Generation {
    // Before anything is said: the first request is a part of the trace.
    let traces = makeTraces().map { line, file in
      let tap = tap(ofLine: line)
      let number = tap.attach(file.buffer)
      return (file: file, end: { @Sendable in tap.detach(number) })
    }
    do throws(StoreError) {
      return try await launch(traces)
    } catch {
      for trace in traces { trace.end() }
      throw error
    }
  }

  private func launch(
    _ traces: [(file: TraceFile, end: @Sendable () -> Void)]
  ) async throws(StoreError) -> Generation {
    let clock = station.clock
    let (wakes, wake) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))
    let report = self.report
    let (events, tell) = AsyncStream.makeStream(of: LineEvent.self, bufferingPolicy: .bufferingOldest(8000))
    let (looks, look) = AsyncStream.makeStream(of: ClockDesk.Inbox.self, bufferingPolicy: .bufferingNewest(4096))
    let clockDesk = try await ClockDesk(store: store, station: station, clock: clock, report: report)
    self.clockDesk = clockDesk
    let backlog = GapBacklog(zone: station.configuration.zone)
    let lines = try await beginLines(clock) { [weak self] event in
      if case .clock(_, let meter, let seen) = event { look.yield(.look(meter, seen)) }
      guard case .dropped(let lost) = tell.yield(event) else { return }
      backlog.add(lost)
      if case .events(let told) = lost { Task { await self?.takeBack(told) } }
      guard case .answered(let answer) = lost else { return }
      report(.storeFailed(reason: "too much waits for the disk", readings: answer.observations.count))
      Task { await self?.takeBack(answer) }
    }
    let workers = lines.map(\.worker)
    let intake: Intake
    let desk: BillingDesk
    do throws(StoreError) {
      intake = try await Intake(
        store: store, zone: station.configuration.zone, files: station.files, clock: clock, backlog: backlog,
        house: Intake.House(
          journalWanted: { [weak self] in await self?.recall(line: $0) },
          notKept: { [weak self] in await self?.takeBack($0) },
          eventsNotKept: { [weak self] in await self?.takeBack($0) }), eventSubjects: station.eventSubjects,
        tasks: station.tasks.map(\.task)
      ) { event in
        report(event)
        if case .stored(_, let reading, _, .new) = event, reading.key.kind != .instantaneous { wake.yield(false) }
      }
      desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount,
        patience: Self.patience, review: station.configuration.review, now: { clock.now }, report: report)
    } catch {
      for worker in workers { worker.stop() }
      for line in lines { await line.running.value }
      throw error
    }
    await tellDamaged()
    await noteLacking(at: clock.now)
    wake.yield(true)
    return Generation(
      workers: workers, events: tell, wakes: wake, lines: lines.map(\.running),
      traces: traces.map { trace in (trace.file, Task { await trace.file.run() }, trace.end) },
      intake: Task { await intake.run(events) }, billing: desk,
      desk: Task {
        for await all in wakes {
          do throws(StoreError) {
            try await desk.pass(all: all)
          } catch {
            report(.storeFailed(reason: "billing: \(Complaint(error).headline)", readings: 0))
          }
        }
      },
      clocks: Task { await clockDesk.run(looks, by: workers, station.meters) },
      looks: look,
      tick: Task { [weak self] in
        var minutes = 0
        while (try? await Task.sleep(for: .seconds(60), clock: .continuous)) != nil {
          wake.yield(false)
          look.yield(.tick)
          minutes += 1
          await self?.tellDamaged()
          if minutes % 15 == 0 { await self?.noteAtWork() }
          if minutes % 15 == 1 { await self?.followDelays() }
        }
      })
  }

  /// Notes the memories that tasks name and meters do not keep: once, since no round will bring them.
  private func noteLacking(at now: HostInstant) async {
    let reason = "not kept by this meter"
    let gaps = station.lacking.joined().map {
      Gap(meter: $0.meter, subject: $0.item, instant: now.unixMilliseconds, reason: reason)
    }
    do throws(StoreError) {
      // What nobody asks for any more, or a mended profile has, is missed no longer.
      let lacked = Set(gaps.map { "\($0.meter) \($0.subject)" })
      let over = try await store.openGaps(reason: reason).filter { !lacked.contains("\($0.meter) \($0.subject)") }
      if !over.isEmpty {
        try await store.fill(
          over.map { Store.Fill(.one($0.instant), of: $0.subject, meter: $0.meter, at: now.unixMilliseconds) })
      }
      guard !gaps.isEmpty else { return }
      for gap in try await store.recordOnce(gaps) { report(.notKept(meter: gap.meter, item: gap.subject)) }
    } catch {
      // It is noted at the next start; no reading depends on it.
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// Plans one line after the other. Each begins as soon as its own plan is made, and on its own: a serial server may take
  /// seconds to say that it is not there, and a line must be silent for a while before one speaks on it. What they bring
  /// waits for the intake.
  private func beginLines(
    _ clock: WallClock, tell: @escaping @Sendable (LineEvent) -> Void
  ) async throws(StoreError) -> [(worker: LineWorker, running: Task<Void, Never>)] {
    let (now, wall) = (HostClock.boot, clock.now)
    var programmes = Programmes()
    let stored = try await storedBefore(wall, &programmes)
    delays = stored.delays
    // By a clock that nobody has set nobody knows how far back to look; a record that is read again is told as such.
    let profiled =
      wall.clock == .unsynchronised
      ? StoredProfiles() : try await StoredProfiles(of: station, in: store, stored, at: wall.unixMilliseconds)
    let counts = try await store.eventCounts()
    var lines: [(worker: LineWorker, running: Task<Void, Never>)] = []
    let isAfterKill = isFirst && store.wasLeftOpen
    let health =
      isAfterKill ? station.owing(&programmes, delays, at: HostClock.boot) : learned.health(in: station)
    isFirst = false
    for (index, line) in station.configuration.lines.enumerated() {
      let plan = station.plan(
        line: index, programmes: &programmes, health: health,
        stored: stored, at: now, wall: wall)
      do throws(SpeakerError) {
        let worker = try LineWorker(
          name: line.name, address: line.port, settings: line.settings, meters: station.meters[index], plan: plan,
          clock: clock, listensFirst: isAfterKill, permissions: station.permissions(line: index),
          tap: tap(ofLine: line.name), tell: tell)
        if let profiles = station.profiles(line: index, stored: profiled) { await worker.read(profiles) }
        if let events = station.events(line: index, known: counts) { await worker.watch(events) }
        // Detached: this actor has the other lines to plan.
        lines.append((worker, Task.detached { [report] in await Self.run(worker, report) }))
      } catch {
        report(.line(.portLost(line: line.name, reason: error.reason)))
      }
    }
    return lines
  }

  private static func run(_ worker: LineWorker, _ report: @Sendable (StationEvent) -> Void) async {
    if let error = await worker.open() { report(.line(.portLost(line: worker.name, reason: "\(error)"))) }
    await worker.run()
  }

  /// The traces that the configuration wants, by line.
  private func makeTraces() -> [String: TraceFile] {
    var traces: [String: TraceFile] = [:]
    for line in station.configuration.lines {
      guard let entry = line.trace else { continue }
      let masks = TraceMasks()
      traces[line.name] = TraceFile(
        path: entry.path, limit: entry.megabytes << 20, zone: station.configuration.zone,
        heading: "line \(line.name), \(line.port), \(line.settings)", mask: { masks.hidden($0, isSent: $1) },
        failed: { [report, name = line.name] in report(.traceFailed(line: name, reason: $0)) })
    }
    return traces
  }

  private func halt() async {
    // First of all, and it is not waited for: no line is to stand still for the sake of a large file.
    pageCheck?.stop()
    pageCheck = nil
    guard let generation else { return }
    self.generation = nil
    for worker in generation.workers { worker.stop() }
    for line in generation.lines { await line.value }
    await noteAtWork()
    for trace in generation.traces {
      trace.end()
      trace.file.stop()
      await trace.running.value
    }
    var health: [MeterID: MeterHealth] = [:]
    for worker in generation.workers {
      health.merge(await worker.health()) { _, new in new }
      counted[worker.name, default: LineCounters()] += await worker.counters()
    }
    // Nobody goes on with it after the end.
    if !isEnding { learned = Learned(health, of: station) }
    generation.events.finish()
    await store.flush()
    // A disk that stays full must not keep the daemon from ending: each answer gets a last try.
    let patience = Task {
      guard (try? await Task.sleep(for: .seconds(8))) != nil else { return }
      generation.intake.cancel()
    }
    await generation.intake.value
    patience.cancel()
    generation.tick.cancel()
    generation.wakes.finish()
    generation.looks.finish()
    await generation.clocks.value
    await generation.desk.value
    await generation.billing.close()
  }
}
