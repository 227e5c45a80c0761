internal import Acquisition
internal import DLT645
public import Host
internal import Line
internal import Metering
internal import Store

/// The way of a command to the wire: a port of its own, or between two exchanges of a running line.
protocol CommandWay: Sendable {
  /// Lets `work` speak on the line.
  func speak<Outcome: Sendable>(
    _ work: @escaping @Sendable (Commander) throws(LineError) -> Outcome
  ) async throws(LineError) -> CommandStep<Outcome>
}

/// Carries out one command, whatever the way to the wire: what is not allowed is refused before a byte leaves, and the
/// record of what shall be sent is on the disk before the first byte is on the wire.
struct CommandRun {
  let station: Station
  let store: Store
  /// Who wants it, for the audit log.
  let actor: String
  let target: ControlTarget

  /// Sends what is allowed. Whatever comes of it is in the audit log when this returns or throws.
  func carryOut(
    _ order: ControlOrder, _ request: CommandRequest, over way: some CommandWay
  ) async throws(Complaint) -> CommandReport {
    if case .never(let act, let reason, let complaint) = order.form {
      try await note(order, act, "refused", reason.rawValue)
      throw complaint
    }
    // The guard of the line says the same once more; here it is asked first, so that the record is there before the
    // first byte is.
    let port = target.entry.port
    switch WireGuard(station.permissions(line: target.line)).judge(order.bytes(to: port), to: port) {
    case .reads: throw Complaint(.software, "\(request) would change nothing")
    case .refused(let act, let reason):
      if let other = order.alsoNeeds, act.function == other.rawValue {
        let asked = ControlAct(function: request.function.rawValue, target: act.target)
        try await note(order, asked, "refused", "\(reason.rawValue): \(other.rawValue)")
        throw Complaint(
          .notPermitted, "\(request.function.rawValue) of an address to \(act.target) is not allowed",
          "Nothing was sent. The meter's own allow = [...] must name \(other.rawValue) as well.")
      }
      try await note(order, act, "refused", reason.rawValue)
      throw Complaint(.forbidden(port, act, reason))
    case .allowed(let act):
      try await keepClearOfHours(order, act)
      return CommandReport(
        try await send(order, act, over: way), line: target.entry.name, act: act.function, target: act.target,
        isBroadcast: target.meter == nil, isModbus: target.isModbus)
    }
  }

  /// No clock is set close to a whole hour, by the host's clock or to such a time: meters take their freezes then.
  private func keepClearOfHours(_ order: ControlOrder, _ act: ControlAct) async throws(Complaint) {
    guard let time = order.time?.time else { return }
    let now = station.configuration.zone.local(unixMilliseconds: HostClock.wall.unixMilliseconds)
    let next = ClockRules.nextAllowed(after: now)
    guard let allowed = next ?? ClockRules.nextAllowed(after: time) else { return }
    try await note(order, act, "refused", "a whole hour is too close")
    throw Complaint(
      .tryLater,
      "\(act.function) to \(act.target) on \(target.entry.name): nothing was sent, a whole hour is too close",
      "Meters take their freezes then. \(next == nil ? "Give a time" : "Try again") from \("\(allowed.time)".prefix(5)) on."
    )
  }

  private func send(
    _ order: ControlOrder, _ act: ControlAct, over way: some CommandWay
  ) async throws(Complaint) -> Commander.Outcome {
    let target = target
    var isReadable = true
    if case .write(let request) = order.form {
      let timeout = target.timeout
      let seen = try await speak(order, act, over: way) { (commander) throws(LineError) in
        try commander.prepare(request, timeout: timeout)
      }
      switch seen {
      case .ready(let shows): isReadable = shows
      case .not(let outcome):
        try await note(
          order, act, outcome.word, outcome.detail.isEmpty ? "nothing was sent" : "nothing was sent, \(outcome.detail)")
        throw Complaint(
          .noAnswer, "\(act.function) to \(act.target): the place cannot be read, so nothing was sent",
          "It answers \(outcome.detail.isEmpty ? "nothing" : outcome.detail). Ask it with meterd probe first.")
      }
    }
    var last = order
    if order.takesMeterTime {
      last = try await speak(order, act, over: way) { (commander) throws(LineError) in
        try order.counted(by: commander, for: target)
      }
    }
    guard !Task.isCancelled else {
      try await note(last, act, "failed", "nothing was sent, whoever asked has gone")
      throw Complaint(.tryLater, "nobody waits for \(act.function) to \(act.target), so nothing was sent")
    }
    try await note(last, act, "sent", "")
    let (order, shows) = (last, isReadable)
    let (final, outcome) = try await speak(order, act, over: way) { (commander) throws(LineError) in
      let outcome = try Self.carry(order, commander, target, isReadable: shows)
      return (order.sending(commander.timeSent), outcome)
    }
    try? await note(final, act, outcome.word, outcome.detail)
    return outcome
  }

  /// Speaks on the line, and records why not where that fails.
  private func speak<Outcome: Sendable>(
    _ order: ControlOrder, _ act: ControlAct, over way: some CommandWay,
    _ work: @escaping @Sendable (Commander) throws(LineError) -> Outcome
  ) async throws(Complaint) -> Outcome {
    let step: CommandStep<Outcome>
    do throws(LineError) {
      step = try await way.speak(work)
    } catch {
      try? await note(order, act, "failed", "\(error)")
      throw Complaint(error)
    }
    switch step {
    case .done(let outcome): return outcome
    case .notNow(let reason):
      try? await note(order, act, "failed", "nothing was sent, \(reason)")
      throw Complaint(
        .tryLater, "\(act.function) to \(act.target) on \(target.entry.name): nothing was sent, \(reason)",
        "How the line stands: meterd status --line \(target.entry.name) --meters. Try again in a minute or two.")
    }
  }

  private static func carry(
    _ order: ControlOrder, _ commander: Commander, _ target: ControlTarget, isReadable: Bool
  ) throws(LineError) -> Commander.Outcome {
    switch order.form {
    case .command(let command, let meter):
      return try commander.carry(
        command, to: meter, edition: target.edition, wakeUps: target.wakeUps, timeout: target.timeout,
        time: order.hostTime)
    case .broadcast(let command):
      return try commander.announce(command, wakeUps: target.wakeUps, time: order.hostTime)
    case .write(let request):
      return try commander.write(request, isReadable: isReadable, timeout: target.timeout)
    case .never(let act, let reason, _): throw .forbidden(target.entry.port, act, reason)
    }
  }

  private func note(
    _ order: ControlOrder, _ act: ControlAct, _ outcome: String, _ reason: String
  ) async throws(Complaint) {
    let detail = order.summary
    let record = AuditRecord(
      at: HostClock.wall.unixMilliseconds, actor: actor, line: target.entry.name, function: act.function,
      target: act.target, outcome: outcome, detail: reason.isEmpty ? detail : "\(detail): \(reason)")
    do throws(StoreError) {
      try await store.audit(record)
    } catch {
      throw Complaint(error)
    }
  }
}

extension ControlOrder.Options {
  init(_ request: CommandRequest, _ station: Station) {
    self.init(zone: station.configuration.zone)
    operatorCode = station.configuration.control.flatMap { OperatorCode($0.operatorCode) }
    password = request.password?.password
    newPassword = request.newPassword?.password
    validUntil = request.validUntil
    isClockKnown = station.hostClockIsKnown
  }
}

/// A port that no daemon holds, opened when it is first spoken on.
private actor OwnPort: CommandWay {
  private let target: ControlTarget
  private let permissions: Permissions
  private var commander: Commander?

  init(_ target: ControlTarget, _ permissions: Permissions) {
    self.target = target
    self.permissions = permissions
  }

  func speak<Outcome: Sendable>(
    _ work: @escaping @Sendable (Commander) throws(LineError) -> Outcome
  ) async throws(LineError) -> CommandStep<Outcome> {
    let known =
      if let commander { commander } else {
        try Commander(target.entry.port, settings: target.settings, permissions: permissions)
      }
    commander = known
    return .done(try work(known))
  }
}

/// A line of the running daemon.
private struct RunningLine: CommandWay {
  let worker: LineWorker
  let meter: MeterID?

  func speak<Outcome: Sendable>(
    _ work: @escaping @Sendable (Commander) throws(LineError) -> Outcome
  ) async throws(LineError) -> CommandStep<Outcome> {
    try await worker.command(to: meter, work)
  }
}

extension Station {
  /// Changes a meter over its own port, where no daemon is at work. `nil`, with nothing sent, where another process
  /// holds the store. Throws what is wrong with the request, what is not allowed, and why nothing could be sent.
  public func command(_ request: CommandRequest, by actor: String) async throws(Complaint) -> CommandReport? {
    let target = try ControlTarget(request, of: self)
    let order = try ControlOrder(request.function, request.values, .init(request, self), for: target)
    let store: Store
    do throws(StoreError) {
      store = try Store(path: configuration.store)
    } catch {
      if case .locked = error { return nil }
      throw Complaint(error)
    }
    let run = CommandRun(station: self, store: store, actor: actor, target: target)
    do throws(Complaint) {
      let report = try await run.carryOut(
        order, request, over: OwnPort(target, permissions(line: target.line)))
      if report.hasSetClock(order) {
        let desk = try? await ClockDesk(store: store, station: self, clock: clock) { _ in }
        await desk?.wasSetByPerson(target.meter?.id, on: target.entry.name)
      }
      // What the daemon left behind when it was killed is still its to look after.
      await store.close(settled: false)
      return report
    } catch {
      await store.close(settled: false)
      throw error
    }
  }
}

extension RunningStation {
  /// Changes a meter between two exchanges of its line; the same rules and the same records as without a daemon.
  public func command(_ request: CommandRequest, from peer: LocalPeer) async throws(Complaint) -> CommandReport {
    await settled()
    let target = try ControlTarget(request, of: station)
    let order = try ControlOrder(request.function, request.values, .init(request, station), for: target)
    let name = target.entry.name
    let waiting = demands[name, default: 0]
    guard waiting < Self.mostDemands, let worker = worker(ofLine: name) else {
      throw Complaint(
        .tryLater,
        worker(ofLine: name) == nil
          ? "line \(name) is being set up, so nothing was sent"
          : "\(waiting) requests wait for line \(name) already, so nothing was sent",
        "Try again in a moment.")
    }
    demands[name] = waiting + 1
    defer { demands[name, default: 1] -= 1 }
    let actor = request.actor(peer)
    let run = CommandRun(station: station, store: store, actor: actor, target: target)
    do throws(Complaint) {
      let report = try await run.carryOut(order, request, over: RunningLine(worker: worker, meter: target.meter?.id))
      tell(.commanded(line: name, request: "\(request)", by: actor, outcome: report.outcome.rawValue))
      if report.hasSetClock(order) { await clockDesk?.wasSetByPerson(target.meter?.id, on: name) }
      return report
    } catch {
      tell(.commanded(line: name, request: "\(request)", by: actor, outcome: "not done"))
      throw error
    }
  }
}

extension CommandReport {
  /// A clock may be another one than before.
  fileprivate func hasSetClock(_ order: ControlOrder) -> Bool {
    order.setsClock && outcome != .rejected && detail != Commander.tooClose.detail
  }
}

extension CommandRequest {
  /// Who wants it, by the kernel's word, and behind the name that the caller gives.
  func actor(_ peer: LocalPeer) -> String {
    let kernel = "user \(peer.user), process \(peer.process)"
    return name.map { "\(ControlRequest.plain($0)) (\(kernel))" } ?? kernel
  }
}
