internal import Metering

/// Rounds: when they are due, opened and closed.
extension LinePlan {
  /// `told` are meters of which it was told already what they lack.
  mutating func open(_ round: Round, told: Set<Int> = []) {
    adopt(for: round)
    noteBegun(round.task, round.slot)
    let run = served[round.task].popLast() ?? round.slot...round.slot
    served[round.task].append(min(run.lowerBound, round.slot)...max(run.upperBound, round.slot))
    var left = meters.map { $0.programme.indices.contains(round.task) ? $0.programme[round.task] : [] }
    if heldSlots[round.task] == round.slot {
      for (index, held) in held.enumerated() where held.done.indices.contains(round.task) {
        left[index].removeAll { held.done[round.task].contains($0) }
      }
    }
    leaveOutResting(of: &left, at: round.slot)
    let day = zone.local(unixMilliseconds: round.slot).date
    for index in left.indices { left[index] = left[index].map { $0.frozen(at: day) } }
    latest[round.task] = round
    if !tries.isEmpty { tries = tries.filter { $0.key.round.task != round.task } }
    guard left.contains(where: { !$0.isEmpty }) else { return }
    enter(round, left: left, told: told)
  }

  /// False for a round of an interval that is due outside of its task's windows.
  func isServed(_ task: Int, _ slot: Int64) -> Bool { tasks[task].serves(slot, zone: zone) }

  /// False while nobody has set the wall clock, for what is of a certain day.
  func mayBegin(_ task: Int, _ wall: HostInstant) -> Bool {
    wall.clock != .unsynchronised || !tasks[task].isOfDays
  }

  /// The wall clock's time at an instant, in milliseconds since 1970.
  func wall(at now: BootInstant) -> Int64 { now.nanoseconds / 1_000_000 + offset }

  /// When a task outside of its windows may go on; `nil` for one that may be at work.
  func windowOpens(_ task: Int, at now: BootInstant) -> BootInstant? {
    guard !tasks[task].windows.isEmpty else { return nil }
    let wall = wall(at: now)
    let opens = tasks[task].mayWork(after: wall, zone: zone)
    return opens == wall ? nil : BootInstant(nanoseconds: (opens - offset) * 1_000_000)
  }

  mutating func enter(_ round: Round, left: [[Query]], told: Set<Int> = []) {
    let task = tasks[round.task]
    rounds.append(
      OpenRound(
        round: round, deadline: task.nextSlot(after: round.slot, zone: zone),
        expires: task.isSynthetic ? round.slot + task.schedule.grace : nil, left: left, since: lastLook, told: told))
    // The list is short: tasks of one line. Earlier deadlines first within a priority, and the past after the present.
    rounds.sort { a, b in
      let ranks = [a, b].map { ($0.round.isBackfill ? 1 : 0, tasks[$0.round.task].priority, $0.deadline) }
      return ranks[0] == ranks[1]
        ? (a.round.slot, a.round.task) < (b.round.slot, b.round.task) : ranks[0] < ranks[1]
    }
  }

  /// Puts the boot instant of the first slot after `wall` for a task that was not served yet.
  mutating func setDue(_ task: Int, after wall: Int64) {
    var slot = tasks[task].nextSlot(after: wall, zone: zone)
    while let run = served[task].first(where: { $0.contains(slot) }) {
      slot = tasks[task].nextSlot(after: run.upperBound, zone: zone)
    }
    due[task] = BootInstant(nanoseconds: (slot - offset) * 1_000_000)
  }

  /// Puts the dues anew after a step of the wall clock: as at a start, the slot that is open now is served at once.
  ///
  /// Slots that were served wait until the wall clock has passed the last of them. What a step forward passes over was
  /// not served: another run of slots begins, and the ones before stay known, for the clock may come back to them.
  mutating func realign(at now: BootInstant, wall: Int64) {
    for index in tasks.indices {
      let slot = tasks[index].schedule.slot(at: wall, zone: zone)
      // A round that waits for the clock or the journal was not begun, whatever was noted for it.
      let wasServed = !heldBack.contains(index) && served[index].contains { $0.contains(slot) }
      // The run that goes on is the last one.
      if let place = served[index].firstIndex(where: { $0.contains(slot) }) {
        served[index].append(served[index].remove(at: place))
      }
      if wasServed || !isServed(index, slot) {
        setDue(index, after: wall)
      } else {
        // A clock that goes back time and again is followed for a while, not for ever.
        if served[index].last != slot...slot { served[index] = served[index].suffix(7) + [slot...slot] }
        due[index] = now
      }
    }
  }

  /// Forgets that slots from one on were served: they were named by a clock that was ahead.
  mutating func unserve(_ task: Int, from slot: Int64, after wall: Int64, at now: BootInstant) {
    served[task] = served[task].compactMap { run in
      guard run.upperBound >= slot else { return run }
      return run.lowerBound < slot ? run.lowerBound...(slot - 1) : nil
    }
    if due[task] > now { setDue(task, after: wall) }
  }

  /// Less than this much that a clock was ahead, in ms, changes no month that a meter had closed: its own clock is off by
  /// as much.
  private static let aheadOfMonths: Int64 = 60_000

  /// A settlement that was read by a clock that was ahead may be of the month before, and the next round a month away: it is
  /// read once more, where nothing else is read with it: registers of one instant are read once.
  private mutating func forgetMonths(at now: BootInstant, _ wall: Int64) {
    for task in tasks.indices where tasks[task].readsSettlements && !tasks[task].readsRegisters {
      unserve(task, from: tasks[task].schedule.slot(at: wall, zone: zone), after: wall, at: now)
    }
  }

  /// Takes over where the wall clock stands, and asks for the journal where that is news.
  mutating func followWall(at now: BootInstant, wall: HostInstant) {
    isClockSet = wall.clock != .unsynchronised
    let fresh = wall.unixMilliseconds - now.nanoseconds / 1_000_000
    if abs(fresh - offset) > 2000 {
      let before = self.wall(at: now)
      offset = fresh
      if before > wall.unixMilliseconds + Self.aheadOfMonths { forgetMonths(at: now, wall.unixMilliseconds) }
      if isClockSet, before > wall.unixMilliseconds {
        for meter in held.indices { held[meter].clockWentBack(from: before, to: wall.unixMilliseconds) }
      }
      realign(at: now, wall: wall.unixMilliseconds)
      backfillDue = now
    }
    wantRecall(at: now, wall)
    // A host that slept has begun nothing, however much of a round was left.
    let slept = now - lastLook > Self.longestTurn
    lastLook = now
    guard slept else { return }
    for index in tasks.indices where now - due[index] > Self.longestTurn { passedBy.insert(index) }
  }

  /// No exchange takes so long, and no rest goes on past a due time.
  private static let longestTurn = BootInstant.Span.seconds(600)

  mutating func openDueRounds(at now: BootInstant, wall: HostInstant) {
    followWall(at: now, wall: wall)
    expire(self.wall(at: now))
    for index in tasks.indices where due[index] <= now {
      guard mayBegin(index, wall), !tasks[index].isOfDays || !isAwaitingJournal(at: now) else {
        due[index] = now + .seconds(10)
        heldBack.insert(index)
        continue
      }
      heldBack.remove(index)
      // A round that still has work for living meters goes on: beginning anew would starve the last of them.
      guard !hasWork(task: index) || windowOpens(index, at: now) != nil else {
        heldUp.insert(index)
        continue
      }
      // The clocks may differ by some milliseconds, hence the half second.
      let dueWall = due[index].nanoseconds / 1_000_000 + offset
      let label = max(dueWall + 500, wall.unixMilliseconds)
      let slot = tasks[index].schedule.slot(at: label, zone: zone)
      let dueSlot = tasks[index].schedule.slot(at: dueWall + 500, zone: zone)
      let look = max(dueSlot - 1, slot - Self.longestLook)
      overruns[index] += tasks[index].run(after: look, before: slot, zone: zone)?.count ?? 0
      let round = Round(task: index, slot: slot)
      let isBegun = isServed(index, slot)
      // After a step of the clock it may be the same one: what it lacks may still come.
      let told = rounds.first { $0.round == round }?.told ?? []
      close(task: index, goingOn: isBegun ? slot : nil)
      if isBegun {
        let isLate = heldUp.contains(index) && !passedBy.contains(index)
        leaveOut(index, before: slot, isLate ? .late : .outage)
        open(round, told: told)
      }
      heldUp.remove(index)
      heldUpTold[index] = nil
      passedBy.remove(index)
      setDue(index, after: slot)
    }
    // A round may begin when it is of no use any more, after a suspension.
    expire(self.wall(at: now))
    guard backfillDue <= now else { return }
    if !isClockSet || isAwaitingJournal(at: now) {
      backfillDue = now + .seconds(10)
    } else {
      openBackfill(wall.unixMilliseconds, dueAt: self.wall(at: backfillDue) + 500)
    }
  }

  /// True where a round of a task is to be finished before its next one. Records of events hold up no registers: the next
  /// round asks for them again.
  func hasWork(task: Int) -> Bool {
    let recordsMayWait = tasks[task].readsRegisters
    return rounds.contains { open in
      open.round.task == task && !open.round.isBackfill
        && open.left.enumerated().contains { meter, left in
          !health[meter].isSetAside && heldOff[Place(round: open.round, meter: meter)].map { $0 <= lastLook } ?? true
            && left.contains { !recordsMayWait || !$0.isEventRecord }
        }
    }
  }

  /// Ends an unfinished round of a task whose next one is due; that of the slot `goingOn` has missed nothing yet.
  private mutating func close(task: Int, goingOn slot: Int64?) {
    for open in rounds where open.round.task == task && !open.round.isBackfill && open.round.slot != slot { miss(open) }
    rounds.removeAll { $0.round.task == task && !$0.round.isBackfill }
  }

  /// Ends rounds whose values would be of no use any more.
  mutating func expire(_ wall: Int64) {
    func isOver(_ open: OpenRound) -> Bool { open.expires.map { $0 < wall } ?? false }
    for open in rounds where isOver(open) { miss(open) }
    rounds.removeAll(where: isOver)
  }

  /// When the next round expires.
  func nextExpiry() -> BootInstant? {
    rounds.compactMap(\.expires).min().map { BootInstant(nanoseconds: ($0 + 1 - offset) * 1_000_000) }
  }

  private mutating func miss(_ open: OpenRound) {
    for (meter, queries) in open.left.enumerated() where !queries.isEmpty {
      miss(
        queries, of: meter, in: open.round, health[meter].isSetAside ? .silent : .late,
        isExpected: isExpected(open.round, of: meter))
    }
  }

  /// False for a round that was due before the meter or the task was known: it is asked for, and nobody misses it.
  func isExpected(_ round: Round, of meter: Int) -> Bool { held[meter].expects(round.task, at: round.slot) }
}
