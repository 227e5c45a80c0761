public import Metering

/// What the journal holds of what was to be read before: asked for when the wall clock first counts as set, and anew
/// after steps of a day or more, since a wrong clock asks for the wrong days.
extension LinePlan {
  /// What the journal holds of one meter's part in the tasks.
  public struct Held: Hashable, Sendable {
    /// Questions of the open round of each task whose answers are stored, by the task's place.
    public var done: [Set<Query>]
    /// Freezes of days gone by that are not stored, by task: to be read from the meter's memory.
    public var missing: [[Query]]
    /// Registers that are not stored, by task, and nobody can read any more: in the place of freezes, and of the round
    /// that was open when the daemon last was at work.
    public var lost: [[Lost]]
    /// Since when the meter is known, in milliseconds since 1970: what lies before was never expected. `nil` where
    /// everything is.
    public var knownSince: Int64?
    /// Since when each task is known, by its place, in milliseconds since 1970: what lies before nobody has asked for. Empty
    /// where everything is.
    public var tasksKnownSince: [Int64]

    public init(
      done: [Set<Query>] = [], missing: [[Query]] = [], lost: [[Lost]] = [], knownSince: Int64? = nil,
      tasksKnownSince: [Int64] = []
    ) {
      self.done = done
      self.missing = missing
      self.lost = lost
      self.knownSince = knownSince
      self.tasksKnownSince = tasksKnownSince
    }

    /// False for what a task would have read before it was known, or the meter.
    func expects(_ task: Int, at instant: Int64) -> Bool {
      let since = tasksKnownSince.indices.contains(task) ? tasksKnownSince[task] : .min
      return max(knownSince ?? .min, since) <= instant
    }

    /// Takes it that what was known before a step back of the clock is known by the clock that goes on from `wall`, too.
    mutating func clockWentBack(from before: Int64, to wall: Int64) {
      func stillKnown(_ since: Int64) -> Int64 { since <= before ? min(since, wall) : since }
      knownSince = knownSince.map(stillKnown)
      tasksKnownSince = tasksKnownSince.map(stillKnown)
    }

    public struct Lost: Hashable, Sendable {
      /// When they should have been read, in milliseconds since 1970.
      public let slot: Int64
      public let queries: [Query]
    }
  }

  enum Recall: Hashable, Sendable {
    /// The wall clock was never set.
    case none
    /// The house was asked by a wall clock of that offset; what is of days waits until `patience` for the answer.
    case asked(offset: Int64, patience: BootInstant, again: BootInstant)
    case known(offset: Int64)
  }

  private static let day: Int64 = 86_400_000

  /// True, once, when the house is to tell by `recalled` what the journal holds.
  public mutating func takeRecall() -> Bool {
    defer { isRecallWanted = false }
    return isRecallWanted
  }

  /// What is of days waits for the journal, for a while.
  func isAwaitingJournal(at now: BootInstant) -> Bool {
    if case .asked(_, let patience, _) = recall { now < patience } else { false }
  }

  mutating func wantRecall(at now: BootInstant, _ wall: HostInstant) {
    guard wall.clock != .unsynchronised else { return }
    switch recall {
    case .none: askJournal(at: now)
    case .known(let known): if abs(offset - known) >= Self.day { askJournal(at: now) }
    case .asked(let asked, let patience, let again):
      if abs(offset - asked) >= Self.day {
        askJournal(at: now)
      } else if again <= now {
        isRecallWanted = true
        recall = .asked(offset: asked, patience: patience, again: now + .seconds(60))
      }
    }
  }

  private mutating func askJournal(at now: BootInstant) {
    isRecallWanted = true
    recall = .asked(offset: offset, patience: now + .seconds(10), again: now + .seconds(60))
  }

  /// Goes on where the last run of the daemon ended: what is of days the journal tells better.
  mutating func resume(_ lastAtWork: [Int64]) {
    for task in tasks.indices { daysTold[task] = heldSlots[task] }
    for (task, last) in zip(tasks.indices, lastAtWork) where begun[task].isEmpty {
      let slot = tasks[task].schedule.slot(at: last, zone: zone)
      begun[task] = [slot...slot]
    }
  }

  /// Tells what the journal holds of each meter, in their order, by a wall clock that stood at `wall`.
  ///
  /// `lastAtWork` as for a new plan; it counts where the clock was not set at the start.
  public mutating func recalled(_ held: [Held], of wall: Int64, lastAtWork: [Int64] = [], at now: BootInstant) {
    guard held.count == meters.count else { return }
    self.held = held
    heldSlots = tasks.map { $0.schedule.slot(at: wall, zone: zone) }
    if case .asked(let asked, _, _) = recall { recall = .known(offset: asked) } else { recall = .known(offset: offset) }
    // What a clock that was ahead has begun is of days to come, and begun again when they come. A freeze of theirs was
    // refused for its time.
    for open in rounds where open.round.slot > wall && !open.round.isBackfill {
      unserve(open.round.task, from: open.round.slot, after: wall, at: now)
    }
    for task in tasks.indices where !tasks[task].readsRegisters && !tasks[task].isSynthetic {
      unserve(task, from: wall + 1, after: wall, at: now)
    }
    rounds.removeAll { $0.round.slot > wall }
    for index in rounds.indices where !rounds[index].round.isBackfill {
      let round = rounds[index].round
      guard heldSlots[round.task] == round.slot else { continue }
      let day = zone.local(unixMilliseconds: round.slot).date
      for (meter, held) in held.enumerated() where held.done.indices.contains(round.task) {
        let done = Set(held.done[round.task].map { $0.frozen(at: day) })
        rounds[index].left[meter].removeAll { done.contains($0) }
      }
    }
    forgetFinishedRounds()
    resume(lastAtWork)
    takeHeld(wall)
    lookForToday(at: now, wall)
    for index in tasks.indices where heldBack.contains(index) { due[index] = now }
    heldBack = []
    openBackfill(wall)
  }

  /// Looks for freezes of the day whose round is over, and who knows by which clock: they are in no round any more, and in
  /// none of the days that are past.
  private mutating func lookForToday(at now: BootInstant, _ wall: Int64) {
    for task in tasks.indices where tasks[task].isOfDays && !tasks[task].isSynthetic && !heldBack.contains(task) {
      let slot = heldSlots[task]
      let isOver = served[task].contains { $0.contains(slot) } && due[task] > now
      guard isOver, !rounds.contains(where: { $0.round == Round(task: task, slot: slot) }) else { continue }
      let day = zone.local(unixMilliseconds: slot).date
      for (meter, held) in held.enumerated()
      where held.done.indices.contains(task) && meters[meter].programme.indices.contains(task) {
        for query in meters[meter].programme[task] where query.freezeTime != nil && !held.done[task].contains(query) {
          lack(query.frozen(at: day), of: meter, task, .outage, at: wall)
        }
      }
    }
  }

  /// Looks for what the journal lacks, and for nothing else but what the rounds of today have missed.
  mutating func takeHeld(_ wall: Int64) {
    let today = zone.local(unixMilliseconds: wall).date
    let known = Dictionary(
      shortfalls.map { (Wanted(meter: $0.meter, query: $0.query), $0) }, uniquingKeysWith: { first, _ in first })
    shortfalls = shortfalls.filter { shortfall in
      guard let slot = latest[shortfall.task]?.slot, slot <= wall else { return false }
      return zone.local(unixMilliseconds: slot).date == shortfall.query.freezeDay
    }
    let kept = Set(shortfalls.map { Wanted(meter: $0.meter, query: $0.query) })
    for (index, held) in held.enumerated() {
      for (task, queries) in held.missing.enumerated() where tasks.indices.contains(task) {
        var told: [CivilDate: [Query]] = [:]
        for query in queries {
          let wanted = Wanted(meter: index, query: query)
          guard let day = query.freezeDay, !kept.contains(wanted) else { continue }
          if let before = known[wanted] {
            shortfalls.append(before)
            continue
          }
          let isExpected = held.expects(task, at: midnight(day))
          shortfalls.append(
            Shortfall(
              meter: index, task: task, query: query, reason: .outage, since: today, isExpected: isExpected))
          if isExpected { told[day, default: []].append(query) }
        }
        for (day, queries) in told.sorted(by: { $0.key < $1.key }) {
          missed.append(
            Missed(meter: index, round: Round(task: task, slot: midnight(day)), queries: queries, reason: .outage))
        }
      }
      for (task, all) in held.lost.enumerated() where tasks.indices.contains(task) {
        for lost in all where held.expects(task, at: lost.slot) {
          missed.append(
            Missed(
              meter: index, round: Round(task: task, slot: lost.slot), queries: lost.queries, reason: .outage))
        }
      }
    }
  }

  private struct Wanted: Hashable {
    let meter: Int
    let query: Query
  }

  /// Tells that an answer that had come was not kept by the disk: a freeze is missing again.
  public mutating func notKept(_ query: Query, of meter: Int, at wall: Int64) {
    guard case .frozen(let identifier, _) = query, meters.indices.contains(meter),
      let task = meters[meter].programme.firstIndex(where: { $0.contains(.identifier(identifier)) })
    else { return }
    lack(query, of: meter, task, .unstored, at: wall)
  }
}
