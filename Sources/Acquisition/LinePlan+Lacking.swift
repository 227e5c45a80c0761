internal import Metering

/// What open rounds lack: told before they end, for the next round of a task may be a day or a month away.
extension LinePlan {
  /// So long after it was opened a round is told what it lacks: what comes late is no gap yet, and a round of a shorter
  /// interval tells it as it ends.
  static let patienceOfRounds = BootInstant.Span.seconds(600)

  /// How often rounds are looked through.
  private static let lackingPace = BootInstant.Span.seconds(60)

  /// A port that works for less than this between two losses was lost all the time.
  private static let shortReturn = BootInstant.Span.seconds(120)

  /// Notes that the port is lost at an instant.
  mutating func notePortLost(at now: BootInstant) {
    let isSame = portIsLost.map { now - $0.last < Self.shortReturn } ?? false
    portIsLost = (isSame ? portIsLost?.since ?? now : now, now)
  }

  /// Notes what open rounds have not brought of meters that are given up for now, once a round and meter.
  ///
  /// While the port is lost nobody can be asked, so all is told that is left, once the port is lost for as long as rounds
  /// have patience: of one that is back in seconds all is asked a moment later. What may not be asked now, outside of the
  /// windows of its task, is not lacking for that.
  mutating func lookForLacking(at now: BootInstant, isPortLost: Bool = false) {
    guard lackingLook <= now else { return }
    lackingLook = now + Self.lackingPace
    // By a clock that nobody has set nobody knows which round that is, and the journal may hold what seems to be left.
    guard isClockSet, !isAwaitingJournal(at: now) else { return }
    let isLostForLong = isPortLost && portIsLost.map { now - $0.since >= Self.patienceOfRounds } ?? false
    for index in rounds.indices {
      let open = rounds[index]
      let isOutage = isLostForLong && windowOpens(open.round.task, at: now) == nil
      let isOverdue = isOverdue(open.round.task, at: now)
      guard !open.round.isBackfill, now - open.since >= Self.patienceOfRounds else { continue }
      for (meter, queries) in open.left.enumerated() where !queries.isEmpty && !open.told.contains(meter) {
        guard isExpected(open.round, of: meter), isOutage || isOverdue || health[meter].isGivenUp else { continue }
        rounds[index].told.insert(meter)
        let reason: Missed.Reason = health[meter].isSetAside ? .silent : isOverdue && !isOutage ? .late : .outage
        lacking.append(Missed(meter: meter, round: open.round, queries: queries, reason: reason))
      }
    }
    tellHeldUp(at: now)
  }

  /// A round goes on though the next one of its task was due so long ago: the line cannot keep up.
  private func isOverdue(_ task: Int, at now: BootInstant) -> Bool {
    heldUp.contains(task) && now - due[task] >= Self.patienceOfRounds
  }

  /// Accounts for the rounds that gave way to one that goes on and on: a task that is never done would else be missed by
  /// nobody.
  private mutating func tellHeldUp(at now: BootInstant) {
    for task in heldUp where isOverdue(task, at: now) && now - (heldUpTold[task] ?? due[task]) >= Self.patienceOfRounds
    {
      heldUpTold[task] = now
      let slot = tasks[task].schedule.slot(at: wall(at: now), zone: zone)
      leaveOut(task, before: slot, passedBy.contains(task) ? .outage : .late)
      noteLeftOut(task, before: slot)
    }
  }

  /// What open rounds lack and was not told before. It may come until the next round of the task, and is missed then.
  public mutating func takeLacking() -> [Missed] {
    defer { lacking = [] }
    return lacking
  }
}
