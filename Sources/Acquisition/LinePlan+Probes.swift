internal import Metering

/// Looking for meters that are set aside.
///
/// In a pause a probe has the meter's whole time-out. On a line that has more to do than it can, four rules share it between
/// the living and the dead:
/// - The meter whose probe has been due for longest is next, whatever its place on the line.
/// - A probe is waited for as long as kin of the meter, or itself in better days, ever took, twice, and 50 ms more. It has the
///   whole time-out where that would miss a living one: where something came after the last one that may have been its
///   answer, every sixteenth time, and the first time for a meter that was never heard, unless many are dead.
/// - Probes begin ten seconds apart, so that one round meets one of them, or nearer where that many meters could not
///   each be probed in time. None waits longer than 57 s after the meter was last asked.
/// - After a probe that nobody answered the others have the line for as long as that took; in the pauses of a line with many
///   dead meters load profiles have it for a quarter of that.
///
/// So a meter that returns is found within a minute while all probes of a minute take less than half a minute: with answers
/// within 80 ms, for 80 dead meters of a line; with time-outs of 1 s that nobody of the model has taught anything
/// better, for 25. Of more dead ones each is probed in its turn, and the living keep half of the line. One that has become
/// slower than all its kin is found soon after the first answer that was heard too late, and where none is ever heard
/// after a quarter of an hour, unless the line has a pause.
extension LinePlan {
  /// The last probe that a line with other work has made room for.
  struct BusyProbe: Sendable {
    let meter: Int
    let at: BootInstant
    /// When the next one may follow; `nil` while nobody knows what became of it.
    var next: BootInstant?
    /// When one may follow in a pause.
    var nextInPause: BootInstant?

    /// Whoever does not answer takes half of the line at most.
    mutating func concluded(isAnswered: Bool, at now: BootInstant) {
      guard next == nil else { return }
      next = isAnswered ? now : now + (now - at)
      nextInPause = isAnswered ? now : now + (now - at) / 4
    }
  }

  /// From the beginning of one probe of a busy line to that of the next one.
  static let probesApart = BootInstant.Span.seconds(10)
  /// In such a time each meter has its probe: a busy one is due 53 s after the last at the latest.
  private static let probesTurn = BootInstant.Span.seconds(45)
  /// So long after it was last asked no meter waits any more. With its own time-out and the exchange that is on the
  /// wire this is a minute.
  private static let longestUnasked = BootInstant.Span.seconds(57)
  /// How often a probe of a busy line has the whole time-out: of a meter, and of all together.
  private static let wholeProbes = 16

  /// The probe that has been due for longest; of a line with other work, by its patience after its time.
  mutating func dueProbe(at now: BootInstant, isIdle: Bool) -> Ask? {
    let isHeld = (isIdle ? lastBusyProbe?.nextInPause : lastBusyProbe?.next).map { now < $0 } ?? false
    if !isIdle, isHeld { return nil }
    let dead = health.count { if case .setAside(let silences, _) = $0.state { silences > 1 } else { false } }
    let apart = min(Self.probesApart, Self.probesTurn / Int64(max(1, dead)))
    var passed: Due?
    while let next = nextDue(after: passed, at: now, isIdle: isIdle) {
      passed = next
      let (meter, silences) = (next.meter, next.silences)
      let isOverdue = next.since + Self.probePatience <= now
      // Pauses are for load profiles, too: many dead meters leave some of each.
      let isOfMany = isOverdue || dead >= Self.wholeProbes
      if isIdle, isHeld, isOfMany { continue }
      // Most that are silent once lack but a frame: the round has them back as soon as it can.
      if !isIdle, silences > 1, mayWait(meter, apart, at: now) { continue }
      // Outside of the windows of all its tasks nothing is started, not even a probe.
      guard mayWork(meter, at: now) else {
        health[meter].wait(at: now)
        continue
      }
      // Where so many are dead that pauses do not suffice, these are no pauses.
      let isHurried = isOverdue && !hasWholeTime(meter, silences, dead)
      guard let (query, round) = question(to: meter, isHurried: isHurried, at: now) else {
        // Nothing may be asked yet: look again later.
        health[meter].wait(at: now)
        continue
      }
      if !isIdle || isOfMany { lastBusyProbe = BusyProbe(meter: meter, at: now) }
      hurriedProbes = isHurried ? hurriedProbes + 1 : 0
      health[meter].isProbed(isHurried: isHurried)
      return ask(meter, query, round, isHurried: isHurried)
    }
    return nil
  }

  /// A meter whose probe is due.
  private struct Due {
    let meter: Int
    let silences: Int
    let since: BootInstant
  }

  /// The probe that has been due for longest of those that were so for less long than `passed`.
  private func nextDue(after passed: Due?, at now: BootInstant, isIdle: Bool) -> Due? {
    var best: Due?
    for meter in meters.indices {
      guard case .setAside(let silences, let at) = health[meter].state else { continue }
      guard (isIdle ? idleProbe(meter) ?? at : at + Self.probePatience) <= now else { continue }
      if let passed, (at, meter) <= (passed.since, passed.meter) { continue }
      // Of two that are due since the same instant the first on the line.
      if best.map({ at < $0.since }) ?? true { best = Due(meter: meter, silences: silences, since: at) }
    }
    return best
  }

  private func mayWait(_ meter: Int, _ apart: BootInstant.Span, at now: BootInstant) -> Bool {
    guard let last = lastBusyProbe, now - last.at < apart, let silent = health[meter].silentAt else { return false }
    return now - silent < Self.longestUnasked
  }

  /// True for a probe of a busy line that is waited for to the end.
  private func hasWholeTime(_ meter: Int, _ silences: Int, _ dead: Int) -> Bool {
    let own = health[meter]
    if own.mayBeSlow { return true }
    if silences == 1, own.answers == 0, dead < Self.wholeProbes { return true }
    // Many may have died at once, and their turns must not fall together.
    return own.hurriedProbes >= Self.wholeProbes - 1
      && (dead <= Self.wholeProbes || hurriedProbes >= Self.wholeProbes - 1)
  }

  /// What a meter that is set aside is asked: what a round wants of it, else something short.
  private func question(to meter: Int, isHurried: Bool, at now: BootInstant) -> (Query, Round?)? {
    var wanted: (query: Query, round: Round?)?
    for open in rounds where wanted == nil && windowOpens(open.round.task, at: now) == nil {
      if let query = open.left[meter].first, health[meter].mayAsk(query, at: now),
        !health[meter].mustWait(for: query, at: now)
      {
        wanted = (query, open.round)
      }
    }
    // What bills rest on is always waited for to the end.
    if let wanted, !isHurried || !wanted.query.isBillingMemory { return wanted }
    return probe(meter, at: now).map { ($0, nil) } ?? wanted
  }

  func probe(_ meter: Int, at now: BootInstant) -> Query? {
    let able = meters[meter].probes.filter { health[meter].mayAsk($0, at: now) }
    return able.first { health[meter].contested($0, at: now) == nil }
      ?? able.first { !health[meter].mustWait(for: $0, at: now) }
  }

  /// How long a meter is waited for that nobody has asked yet, or that a busy line looks for: as others of its model on
  /// this line have taught, and itself; `nil` where nobody has.
  ///
  /// Four dead meters of 32 would else cost the first round their whole time-outs. One that is slower than its kin is
  /// found at its first probe, which has the whole time-out.
  func limit(ofKin meter: Int, _ query: Query) -> BootInstant.Span? {
    guard !query.isBillingMemory else { return nil }
    let model = meters[meter].model
    var (kin, answers, slowest) = (0, 0, BootInstant.Span.zero)
    for index in meters.indices where index == meter || !model.isEmpty && meters[index].model == model {
      guard health[index].answers > 0 else { continue }
      kin += 1
      answers += health[index].answers
      slowest = max(slowest, health[index].longestDelay)
    }
    guard kin >= 3 || health[meter].answers > 0, answers >= 8, slowest > .zero else { return nil }
    return min(meters[meter].replyLimit, slowest * 2 + .milliseconds(50))
  }

  /// True where some task that asks the meter may be at work, or none has windows.
  private func mayWork(_ meter: Int, at now: BootInstant) -> Bool {
    let asked = meters[meter].programme.indices.filter { !meters[meter].programme[$0].isEmpty }
    return asked.isEmpty || asked.contains { windowOpens($0, at: now) == nil }
  }

  /// When a line with nothing else to do looks for meters that are set aside.
  func idleProbes(after now: BootInstant) -> [BootInstant] {
    let held = lastBusyProbe?.nextInPause ?? now
    // What is due by now, and was not asked, waits for its share of the line.
    return meters.indices.compactMap(idleProbe).map { $0 <= now ? max($0, held) : $0 }
  }

  /// When a meter that is set aside is probed by a line with nothing else to do: some seconds early where the next
  /// round might be there at its time, so that dead meters take from the pauses and not from the rounds.
  func idleProbe(_ meter: Int) -> BootInstant? {
    guard case .setAside(let silences, let at) = health[meter].state else { return nil }
    guard MeterHealth.rest(after: silences) > .seconds(40), let next = due.min(), next < at + Self.probePatience else {
      return at
    }
    return max(at - Self.probePatience, health[meter].heldUntil)
  }
}
