public import Metering

/// Rounds that nobody began: the port was lost, the host suspended, its clock set forward, or the line too slow.
extension LinePlan {
  /// Rounds of one task that were left out, one after the other.
  public struct LeftOut: Hashable, Sendable {
    public let task: Int
    public let meters: [Int]
    /// The first and the last slot, in milliseconds since 1970.
    public let first: Int64
    public let last: Int64
    public let rounds: Int
    public let reason: Missed.Reason
  }

  /// So far back, in milliseconds, rounds are accounted for: as far as any task looks back.
  static let longestLook: Int64 = 62 * 86_400_000

  /// Notes that the round of a slot has begun by a clock that counts as set.
  mutating func noteBegun(_ task: Int, _ slot: Int64) {
    guard isClockSet, !begun[task].contains(where: { $0.contains(slot) }) else { return }
    let next = begun[task].firstIndex {
      $0.upperBound < slot && tasks[task].nextSlot(after: $0.upperBound, zone: zone) >= slot
    }
    guard let next else {
      begun[task] = begun[task].suffix(7) + [slot...slot]
      return
    }
    begun[task][next] = begun[task][next].lowerBound...slot
  }

  /// Notes that rounds before that of a slot were accounted for.
  mutating func noteLeftOut(_ task: Int, before slot: Int64) {
    guard let last = lastBegun(task, before: slot), let run = tasks[task].run(after: last, before: slot, zone: zone),
      let place = begun[task].firstIndex(where: { $0.upperBound == last })
    else { return }
    begun[task][place] = begun[task][place].lowerBound...run.last
  }

  /// The last slot before another one that was served or accounted for, by a clock that counted as set.
  private func lastBegun(_ task: Int, before slot: Int64) -> Int64? {
    begun[task].map(\.upperBound).filter { $0 < slot }.max().map { max($0, slot - Self.longestLook) }
  }

  /// Accounts for the rounds between the last one and that of `slot`, which is about to begin.
  mutating func leaveOut(_ task: Int, before slot: Int64, _ reason: Missed.Reason) {
    leaveOutDays(task, before: slot, reason)
    guard tasks[task].readsRegisters, let last = lastBegun(task, before: slot),
      let run = tasks[task].run(after: last, before: slot, zone: zone)
    else { return }
    let asked = meters.indices.filter {
      meters[$0].programme.indices.contains(task)
        && meters[$0].programme[task].contains(where: \.isOfTheMoment)
        && held[$0].expects(task, at: run.first)
    }
    guard !asked.isEmpty else { return }
    leftOut.append(
      LeftOut(task: task, meters: asked, first: run.first, last: run.last, rounds: run.count, reason: reason))
  }

  /// Accounts for the days between: freezes are looked for in the meters' memories as far back as the task goes;
  /// registers in their place are lost.
  private mutating func leaveOutDays(_ task: Int, before slot: Int64, _ reason: Missed.Reason) {
    // A slot that lies ahead was told by another clock.
    let told = daysTold[task].flatMap { $0 <= slot ? $0 : nil }
    guard tasks[task].isOfDays, let last = [lastBegun(task, before: slot), told].compactMap(\.self).max() else {
      return
    }
    if tasks[task].isSynthetic {
      for day in tasks[task].days(after: last, before: slot, zone: zone) { miss(day, task, reason) }
    }
    let today = zone.local(unixMilliseconds: slot).date.daysSince1970
    for day in tasks[task].days(after: last, before: slot, zone: zone) where !tasks[task].isSynthetic {
      let mayBeRead = today - day.daysSince1970 <= Int64(tasks[task].backfillDays)
      for (index, meter) in meters.enumerated() where meter.programme.indices.contains(task) {
        let queries = meter.programme[task].filter { $0.freezeTime != nil }.map { $0.frozen(at: day) }
          .filter { !isMissing($0, of: index) }
        guard !queries.isEmpty else { continue }
        missed.append(
          Missed(meter: index, round: Round(task: task, slot: midnight(day)), queries: queries, reason: reason))
        if mayBeRead { for query in queries { lack(query, of: index, task, reason, at: slot) } }
      }
    }
    daysTold[task] = max(last, tasks[task].schedule.slot(at: slot - 1, zone: zone))
  }

  /// Registers that should have been read as a day began.
  private mutating func miss(_ day: CivilDate, _ task: Int, _ reason: Missed.Reason) {
    let slot = tasks[task].schedule.slot(at: midnight(day) + 86_399_999, zone: zone)
    for (index, meter) in meters.enumerated() where meter.programme.indices.contains(task) {
      let queries = meter.programme[task].filter(\.isOfTheMoment)
      guard !queries.isEmpty else { continue }
      missed.append(Missed(meter: index, round: Round(task: task, slot: slot), queries: queries, reason: reason))
    }
  }

  /// When a day begins, in milliseconds since 1970.
  func midnight(_ day: CivilDate) -> Int64 {
    zone.unixMilliseconds(of: MeterTime(localSeconds: day.daysSince1970 * 86_400))
  }

  /// Accounts for what is due while the port is lost: a day that is over is told, though nothing can be asked.
  public mutating func passBy(at now: BootInstant, wall: HostInstant) {
    followWall(at: now, wall: wall)
    expire(self.wall(at: now))
    notePortLost(at: now)
    lookForLacking(at: now, isPortLost: true)
    let isLostForLong = portIsLost.map { now - $0.since >= Self.patienceOfRounds } ?? false
    for index in tasks.indices where due[index] <= now {
      // What waited for a line that cannot keep up does so still after a moment without a port.
      if isLostForLong || !heldUp.contains(index) { passedBy.insert(index) }
      guard tasks[index].isOfDays, mayBegin(index, wall), !isAwaitingJournal(at: now) else { continue }
      let slot = tasks[index].schedule.slot(at: wall.unixMilliseconds, zone: zone)
      leaveOutDays(index, before: slot, .outage)
    }
  }

  /// Rounds that were left out since this was last asked.
  public mutating func takeLeftOut() -> [LeftOut] {
    defer { leftOut = [] }
    return leftOut
  }
}
