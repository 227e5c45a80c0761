internal import Acquisition
internal import Host
internal import Metering
internal import Rating
internal import Store

/// What lines and the journal tell each other of what was read before.
extension RunningStation {
  /// What the journal holds of rounds that are open at `wall`, and of the days before.
  ///
  /// Kept memories may be read again: the same value changes nothing. A register as it stood may not.
  func storedBefore(_ wall: HostInstant, _ programmes: inout Programmes) async throws(StoreError) -> StoredBefore {
    let now = wall.unixMilliseconds
    var stored = StoredBefore()
    stored.delays = try await notedDelays()
    for late in try await store.lateReads() {
      stored.late[late.meter, default: [:]][StoredBefore.Round(task: late.task, slot: late.slot), default: []]
        .insert(late.subject)
    }
    if let days = station.tasks.map(\.task).filter({ $0.targets.contains(.dailyFreeze) }).map(\.backfillDays).max() {
      let since = now - Int64(days + 2) * 86_400_000
      stored.freezes = try await store.instants(.dailyFreeze, of: station.frozenQuantities, since: since)
    }
    // By a clock that nobody has set nothing can be said of days.
    if wall.clock != .unsynchronised { try await lookBack(&stored, now) }
    let slots = ([now] + stored.lastAtWork).flatMap { instant in
      station.tasks.map { $0.task.schedule.slot(at: instant, zone: station.configuration.zone) }
    }
    let registers = station.registerQuantities(&programmes, stored.delays)
    stored.rounds = try await store.quantities(.instantaneous, of: registers, at: Set(slots))
    let begun = try await findLastRounds(&stored, &programmes, at: now)
    guard !begun.isEmpty else { return stored }
    stored.rounds.merge(try await store.quantities(.instantaneous, of: registers, at: begun)) { _, new in new }
    return stored
  }

  /// Looks further back where nothing is known of the round that was due when somebody was last at work: the line could
  /// not keep up with its task, or nobody could ask.
  ///
  /// Gives the due times of the rounds that were begun last.
  private func findLastRounds(
    _ stored: inout StoredBefore, _ programmes: inout Programmes, at wall: Int64
  ) async throws(StoreError) -> Set<Int64> {
    var slots: Set<Int64> = []
    // By a clock that nobody has set nothing is known of days.
    guard !stored.tasksKnownSince.isEmpty else { return slots }
    let zone = station.configuration.zone
    let noted = try await store.facts(named: Self.roundsFact)
    var news: [String: String] = [:]
    for line in station.meters.indices {
      for (index, trace) in station.traces(line: line, &programmes, stored.delays) {
        let schedule = station.tasks[index].task.schedule
        // Rounds of another schedule, or of other meters, say nothing of these.
        let name = "\(station.configuration.lines[line].name) \(trace.task)"
        let words = station.words(ofTask: index, trace.meters)
        let before = noted[name].map { $0.split(separator: " ") } ?? []
        let since = before.first == Substring(words) ? before.last.flatMap { Int64($0) } : nil
        if since == nil { news[name] = "\(words) \(noted.isEmpty ? stored.tasksKnownSince[index] : wall)" }
        guard let since = since ?? (noted.isEmpty ? stored.tasksKnownSince[index] : nil), !stored.lastAtWork.isEmpty
        else { continue }
        let atWork = stored.lastAtWork[index]
        let slot = schedule.slot(at: atWork, zone: zone)
        let isBegun = trace.meters.contains {
          !stored.quantities(of: $0, .instantaneous, at: slot).isDisjoint(with: trace.quantities)
            || stored.late[$0]?[StoredBefore.Round(task: trace.task, slot: slot)] != nil
        }
        guard !isBegun else { continue }
        let known = max(since, stored.tasksKnownSince[index], atWork - 62 * 86_400_000)
        let late = trace.meters.flatMap { meter in
          (stored.late[meter] ?? [:]).keys.filter { $0.task == trace.task && $0.slot <= slot }.map(\.slot)
        }
        let last = try await store.lastRounds(of: trace, after: max(known, late.max() ?? known), through: slot) {
          schedule.slot(at: $0, zone: zone) == $0
        }
        // Where nothing is known at all, nothing is known of what was left out.
        guard let begun = [last.begun, late.max()].compactMap(\.self).max(), begun >= known else { continue }
        stored.lastRounds[StoredBefore.Spot(line: line, task: index)] = StoredBefore.LastRounds(
          begun: begun, accounted: max(begun, last.leftOut ?? begun))
        slots.insert(schedule.slot(at: begun, zone: zone))
      }
    }
    try await store.note(news, named: Self.roundsFact)
    return slots
  }

  private static let roundsFact = "rounds of "

  /// Since when meters and tasks are known, and when somebody last saw to them.
  private func lookBack(_ stored: inout StoredBefore, _ now: Int64) async throws(StoreError) {
    let tasks = station.tasks.map { "task \($0.task.name)" }
    let known = try await store.knownSince(station.meters.joined().map(\.id.text) + tasks, now: now)
    for meter in station.meters.joined() { stored.knownSince[meter.id] = known[meter.id.text] }
    stored.tasksKnownSince = tasks.map { known[$0] ?? now }
    if let last = try await store.lastAtWork(before: now) {
      stored.lastAtWork = tasks.map { max(last, known[$0] ?? now) }
    }
    for entry in station.configuration.lines.lazy.flatMap(\.meters) {
      guard let from = entry.from.map({ station.configuration.zone.unixMilliseconds(of: $0) }) else { continue }
      stored.knownSince[entry.id] = max(from, stored.knownSince[entry.id] ?? from)
    }
  }

  /// Tells a line what the journal holds: its wall clock was set, or went a day or more at once.
  func recall(line name: String) async {
    let wall = station.clock.now
    guard wall.clock != .unsynchronised, let worker = generation?.workers.first(where: { $0.name == name }),
      let index = station.configuration.lines.firstIndex(where: { $0.name == name })
    else { return }
    do throws(StoreError) {
      var programmes = Programmes()
      let stored = try await storedBefore(wall, &programmes)
      let held = station.plannedMeters(line: index, programmes: &programmes, stored: stored, wall: wall).map(\.held)
      // Before the rounds go on: records that the journal holds are not read again.
      let profiled = try await StoredProfiles(of: station, in: store, stored, at: wall.unixMilliseconds)
      if let profiles = station.profiles(line: index, stored: profiled) { await worker.read(profiles) }
      await worker.recalled(held, of: wall.unixMilliseconds, lastAtWork: stored.lastAccounted(line: index))
    } catch {
      // The line asks again in a minute.
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// Notes that somebody sees to the rounds, so that the next start knows which ones nobody did.
  func noteAtWork() async {
    let wall = station.clock.now
    guard wall.clock != .unsynchronised else { return }
    do throws(StoreError) {
      try await store.noteAtWork(wall.unixMilliseconds)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// Tells a line that the disk did not keep an answer of it.
  func takeBack(_ answer: Answer) async {
    guard answer.query.freezeDay != nil || answer.query.isProfile else { return }
    await generation?.workers.first { $0.name == answer.line }?.notKept(answer.query, of: answer.meter)
  }

  /// Tells the damaged rows of the store that were met since this was last done.
  func tellDamaged() async {
    for row in await store.takeDamaged() { report(.storeDamaged(Complaint(damaged: row, in: store.path))) }
  }

  /// Looks for damaged pages beside the lines, which need not wait for it: here nobody waits at all.
  func checkPages() {
    guard owesPageCheck, !isEnding else { return }
    do throws(StoreError) {
      let check = try PageCheck(path: store.path)
      pageCheck = check
      Task { await conclude(check) }
    } catch {
      // The next reload tries again.
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// What was broken off is begun anew after the reload that has broken it off, and after the next start.
  private func conclude(_ check: PageCheck) async {
    do throws(StoreError) {
      if try await check.run() { owesPageCheck = false }
    } catch {
      if case .corrupt = error {
        owesPageCheck = false
        report(.storeDamaged(Complaint(error)))
      } else {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      }
    }
  }
}

extension Station {
  /// What tells a task on a line from what it was before: when it reads, and what of whom.
  fileprivate func words(ofTask index: Int, _ meters: [MeterID]) -> String {
    let task = tasks[index].task
    let text = "\(task.schedule) \(task.windows) \(task.targets) \(meters.map(\.text).joined(separator: " "))"
    return String(sha256Hex(Array(text.utf8)).prefix(16))
  }
}
