internal import Acquisition
internal import Host
internal import Line
internal import Metering
internal import Store

/// A running station looked at from outside.
extension RunningStation {
  /// So long a look waits for lines that are in the midst of an exchange.
  private static let patience = Duration.seconds(4)

  /// The station as it stands, or one line of it. Throws where there is no such line.
  public func status(line wanted: String? = nil) async throws(Complaint) -> StationStatus {
    if let wanted { try checkLine(wanted) }
    let workers = (generation?.workers ?? []).filter { [nil, $0.name].contains(wanted) }
    let snapshots = await Self.snapshots(of: workers)
    let standing = try? await store.standing()
    let configuration = station.configuration
    let clock = station.clock.now
    let boot = HostClock.boot
    let known = board.now
    let clocks = await clockDesk?.histories ?? [:]
    var lines: [StationStatus.LineStatus] = []
    for (index, entry) in configuration.lines.enumerated() where [nil, entry.name].contains(wanted) {
      let snapshot = snapshots[entry.name]
      var counters = counted[entry.name] ?? LineCounters()
      if let snapshot { counters += snapshot.counters }
      let open = Set((snapshot?.rounds ?? []).map(\.slot))
      let states: [(id: MeterID, state: MeterHealth.State)] =
        snapshot?.meters.map { ($0.id, $0.state) } ?? station.meters[index].map { ($0.id, .unknown) }
      lines.append(
        StationStatus.LineStatus(
          name: entry.name, port: "\(entry.port)", settings: "\(entry.settings)", place: known.ports[entry.name],
          snapshot: snapshot,
          meters: states.map { meter in
            let about = known.meters[meter.id] ?? StationBoard.Meter()
            var probeAt: Int64?
            if case .setAside(_, let at) = meter.state {
              probeAt = clock.unixMilliseconds + max(0, (at - boot).milliseconds)
            }
            let word = StationStatus.MeterWord(
              meter.state, isLate: about.isLate(at: boot), isReached: snapshot?.isOpen ?? true)
            return (meter.id, word, about, probeAt)
          },
          clocks: clocks, next: nextRound(ofLine: index, after: clock.unixMilliseconds),
          last: (known.slots[entry.name] ?? []).last { !open.contains($0.slot) }, counters: counters))
    }
    return StationStatus(
      zone: configuration.zone, station: configuration.station, file: configuration.file,
      startedWall: board.startedWall, uptime: boot - board.startedAt, clock: clock,
      clockIsTrusted: configuration.hostClockIsTrusted, lines: lines, counts: known.counts,
      storePath: configuration.store, standing: standing, failure: known.failure,
      isWaitingForClock: known.isWaitingForClock, trialDifferences: known.trialDifferences)
  }

  func checkLine(_ name: String) throws(Complaint) {
    let names = station.configuration.lines.map(\.name)
    guard !names.contains(name) else { return }
    throw Complaint(
      .usage, "there is no line \"\(ControlRequest.plain(name))\"", "There are: \(names.joined(separator: ", ")).")
  }

  /// What comes in time: a line in a long exchange is left out.
  private static func snapshots(of workers: [LineWorker]) async -> [String: LineSnapshot] {
    guard !workers.isEmpty else { return [:] }
    let (arrived, tell) = AsyncStream.makeStream(of: LineSnapshot.self)
    for worker in workers { Task { tell.yield(await worker.snapshot()) } }
    let end = Task {
      try? await Task.sleep(for: patience)
      tell.finish()
    }
    defer { end.cancel() }
    var found: [String: LineSnapshot] = [:]
    for await snapshot in arrived {
      found[snapshot.name] = snapshot
      if found.count == workers.count { break }
    }
    return found
  }

  /// The round that begins first on a line, of tasks that ask some meter there for something.
  private func nextRound(ofLine line: Int, after wall: Int64) -> StationStatus.NextRound? {
    let rounds = station.tasks.compactMap { entry -> StationStatus.NextRound? in
      let isAsked = station.meters[line].contains { meter in
        entry.includes(meter.id) && !meter.queries(for: entry.task.targets).isEmpty
      }
      guard isAsked else { return nil }
      let next = entry.task.nextRound(after: wall, zone: station.configuration.zone)
      return StationStatus.NextRound(task: entry.task.name, due: next.due, begins: next.begins)
    }
    return rounds.min { ($0.begins, $0.due) < ($1.begins, $1.due) }
  }
}
