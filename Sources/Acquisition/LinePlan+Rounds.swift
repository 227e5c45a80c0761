internal import Metering

/// Rounds: when they are due, opened and closed.
extension LinePlan {
  mutating func open(_ round: Round, skippingDone: Bool) {
    let run = served[round.task].popLast() ?? round.slot...round.slot
    served[round.task].append(min(run.lowerBound, round.slot)...max(run.upperBound, round.slot))
    var left = meters.map { $0.programme.indices.contains(round.task) ? $0.programme[round.task] : [] }
    if skippingDone {
      for (index, meter) in meters.enumerated() where meter.done.indices.contains(round.task) {
        left[index].removeAll { meter.done[round.task].contains($0) }
      }
    }
    latest[round.task] = round
    if !tries.isEmpty { tries = tries.filter { $0.key.round.task != round.task } }
    guard left.contains(where: { !$0.isEmpty }) else { return }
    enter(OpenRound(round: round, left: left))
  }

  mutating func enter(_ round: OpenRound) {
    rounds.append(round)
    // The list is short: tasks of one line. Earlier dues first within a priority.
    rounds.sort { a, b in
      let (left, right) = (tasks[a.round.task].priority, tasks[b.round.task].priority)
      return (left, a.round.slot, a.round.task) < (right, b.round.slot, b.round.task)
    }
  }

  /// Puts the boot instant of the first slot after `wall` for a task that was not served yet.
  mutating func setDue(_ task: Int, after wall: Int64) {
    let schedule = tasks[task].schedule
    var slot = schedule.nextSlot(after: wall, zone: zone)
    while let run = served[task].first(where: { $0.contains(slot) }) {
      slot = schedule.nextSlot(after: run.upperBound, zone: zone)
    }
    due[task] = BootInstant(nanoseconds: (slot - offset) * 1_000_000)
  }

  /// Puts the dues anew after a step of the wall clock: as at a start, the slot that is open now is served at once.
  ///
  /// After a step back, slots that were served wait until the wall clock has passed the last of them. After a step
  /// forward all that was served is past; the clock may have been wrong, and what it named then holds nothing up.
  mutating func realign(at now: BootInstant, wall: Int64, isForward: Bool) {
    for index in tasks.indices {
      let slot = tasks[index].schedule.slot(at: wall, zone: zone)
      let wasServed = served[index].contains { $0.contains(slot) }
      if isForward { served[index] = [] }
      if wasServed {
        if isForward { served[index] = [slot...slot] }
        setDue(index, after: wall)
      } else {
        // A clock that goes back time and again is followed for a while, not for ever.
        served[index] = served[index].suffix(7) + [slot...slot]
        due[index] = now
      }
    }
  }

  mutating func openDueRounds(at now: BootInstant, wall: HostInstant) {
    let fresh = wall.unixMilliseconds - now.nanoseconds / 1_000_000
    if abs(fresh - offset) > 2000 {
      let isForward = fresh > offset
      offset = fresh
      realign(at: now, wall: wall.unixMilliseconds, isForward: isForward)
    }
    for index in tasks.indices where due[index] <= now {
      // A round that still has work for living meters goes on: beginning anew would starve the last of them.
      guard !hasWork(task: index) else { continue }
      // The clocks may differ by some milliseconds, hence the half second.
      let dueWall = due[index].nanoseconds / 1_000_000 + offset
      let label = max(dueWall + 500, wall.unixMilliseconds)
      let slot = tasks[index].schedule.slot(at: label, zone: zone)
      if slot > tasks[index].schedule.slot(at: dueWall + 500, zone: zone) { overruns[index] += 1 }
      close(task: index)
      open(Round(task: index, slot: slot), skippingDone: false)
      setDue(index, after: slot)
    }
  }

  func hasWork(task: Int) -> Bool {
    rounds.contains { open in
      open.round.task == task
        && open.left.enumerated().contains { !$0.element.isEmpty && !health[$0.offset].isSetAside }
    }
  }

  /// Ends an unfinished round of a task whose next one is due.
  mutating func close(task: Int) {
    for open in rounds where open.round.task == task {
      for (meter, queries) in open.left.enumerated() where !queries.isEmpty {
        missed.append(Missed(meter: meter, round: open.round, queries: queries, reason: .silent))
      }
    }
    rounds.removeAll { $0.round.task == task }
  }
}
