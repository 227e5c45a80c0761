internal import Metering

/// Which question is put next.
extension LinePlan {
  mutating func choose(at now: BootInstant, wall: HostInstant) -> Action {
    openDueRounds(at: now, wall: wall)
    lookForLacking(at: now)
    let roundsGoFirst = isTurnOfRounds(at: now)
    if !roundsGoFirst, let ask = nextOfDemands(at: now) { return .ask(ask) }
    if let probe = overdueProbe(at: now, patience: Self.probePatience) { return .ask(probe) }
    var wakes: [BootInstant] = []
    switch nextOfRounds(at: now) {
    case .ask(let ask): return .ask(ask)
    case .rest(let until): wakes.append(until)
    case nil: break
    }
    if let probe = overdueProbe(at: now, patience: nil) { return .ask(probe) }
    if roundsGoFirst, let ask = nextOfDemands(at: now) { return .ask(ask) }
    wakes += due + meters.indices.compactMap(idleProbe) + [nextExpiry()].compactMap(\.self)
    if !shortfalls.isEmpty || !isClockSet { wakes.append(backfillDue) }
    if isClockSet, case .asked(_, let patience, let again) = recall { wakes.append(patience > now ? patience : again) }
    // What waits for second answers waits for half a second.
    if !demands.isEmpty { wakes.append(now + .milliseconds(50)) }
    // Some of these are reckoned by a wall clock that may be slewed: never a rest that is over already.
    return .rest(until: max(wakes.min() ?? now + .seconds(60), now + .milliseconds(1)))
  }

  /// The next question of the open rounds to a meter that is not set aside; a rest where all that is left must wait
  /// for second answers, `nil` where nothing is left.
  ///
  /// A second meter at the same address may answer a question only later, and Modbus RTU would have that answer taken
  /// for one to the next question of its shape. So such a question is put only where the line has nothing else to ask.
  mutating func nextOfRounds(at now: BootInstant) -> Action? {
    var best: Choice?
    var wake: BootInstant?
    let parts = partsInOrder()
    search: for (index, part) in parts {
      if let opens = windowOpens(rounds[index].round.task, at: now) {
        wake = min(wake ?? opens, opens)
        continue
      }
      for step in 0..<(keyMeters.count + meters.count) {
        let isOfKeys = step < keyMeters.count
        let meter = isOfKeys ? keyMeters[step] : (rounds[index].cursor + step - keyMeters.count) % meters.count
        guard isOfKeys || !meters[meter].isKey else { continue }
        guard !health[meter].isSetAside, let first = rounds[index].left[meter].first(where: part.has) else { continue }
        let place = Place(round: rounds[index].round, meter: meter)
        if let until = heldOff[place], until > now {
          wake = min(wake ?? until, until)
          continue
        }
        if !health[meter].mayAsk(first, at: now) {
          // Its answer could be mistaken for a late one: first something that cannot.
          if let probe = probe(meter, at: now) {
            rounds[index].cursor = meter
            return .ask(ask(meter, probe, nil))
          }
          let waits = meters[meter].probes.filter { health[meter].mayAsk($0, at: now) }
          if let until = waits.compactMap({ health[meter].contested($0, at: now) }).min() {
            wake = min(wake ?? until, until)
            continue
          }
          if !rounds[index].left[meter].contains(where: { part.has($0) && health[meter].mayAsk($0, at: now) }) {
            // Whatever it were asked, a late answer could be taken for it. Nobody asks, so nobody calls it silent.
            let free = health[meter].firstFree(rounds[index].left[meter] + meters[meter].probes, at: now) ?? now
            let until = max(free, now + .milliseconds(50))
            heldOff = heldOff.filter { $0.value > now }
            heldOff[place] = until
            wake = min(wake ?? until, until)
            continue
          }
        }
        for query in rounds[index].left[meter] where part.has(query) && health[meter].mayAsk(query, at: now) {
          let until = health[meter].contested(query, at: now)
          guard let risk = risk(of: query, to: meter, at: now) else {
            wake = [wake, until].compactMap(\.self).min()
            continue
          }
          let choice = Choice(round: index, meter: meter, query: query, risk: risk, until: until ?? now)
          if best.map({ choice.isBetter(than: $0) }) ?? true { best = choice }
          if risk == .none { break search }
        }
      }
    }
    guard let best else { return wake.map { .rest(until: $0) } }
    noteTurn(of: best, parts)
    rounds[best.round].cursor = best.meter
    return .ask(ask(best.meter, best.query, rounds[best.round].round))
  }

  /// Which questions of a round are looked at.
  enum Part {
    case all, records
    case allButRecords

    func has(_ query: Query) -> Bool {
      switch self {
      case .all: true
      case .records: query.isEventRecord
      case .allButRecords: !query.isEventRecord
      }
    }
  }

  /// The open rounds in the order in which they are served.
  ///
  /// How many records of events there are to be read nobody knows before, and what is left of them is for the next round.
  /// So they yield to all other questions of rounds of their priority, except for one question in eight, which keeps them
  /// from waiting for ever on a line that is never done.
  private func partsInOrder() -> [(round: Int, part: Part)] {
    var parts: [(round: Int, part: Part)] = []
    for (index, open) in rounds.enumerated() {
      let hasRecords =
        tasks[open.round.task].targets.contains(.events) && open.left.contains { $0.contains(where: \.isEventRecord) }
      parts += hasRecords ? [(index, .allButRecords), (index, .records)] : [(index, .all)]
    }
    guard parts.count > rounds.count else { return parts }
    let isTurnOfRecords = turns.sinceRecord >= Self.exchangesWhenShort
    func rank(_ each: (round: Int, part: Part)) -> (Int, Int, Int, Int) {
      let round = rounds[each.round].round
      let goesLast = (each.part == .records) != isTurnOfRecords
      return (round.isBackfill ? 1 : 0, tasks[round.task].priority, goesLast ? 1 : 0, each.round)
    }
    return parts.sorted { rank($0) < rank($1) }
  }

  /// Counts what records of the same priority have waited for.
  private mutating func noteTurn(of best: Choice, _ parts: [(round: Int, part: Part)]) {
    func priority(_ index: Int) -> Int { tasks[rounds[index].round.task].priority }
    let waiting = parts.filter { $0.part == .records }
    if waiting.isEmpty || best.query.isEventRecord {
      turns.sinceRecord = 0
    } else if waiting.contains(where: { priority($0.round) == priority(best.round) }) {
      turns.sinceRecord += 1
    }
  }

  struct Choice {
    let round: Int
    let meter: Int
    let query: Query
    let risk: Risk
    /// When no second answer is expected any more.
    let until: BootInstant

    /// Of those that may meet a second answer, that goes first which waited longest.
    func isBetter(than other: Choice) -> Bool {
      (risk.rawValue, round, until) < (other.risk.rawValue, other.round, other.until)
    }
  }

  enum Risk: Int {
    case none
    /// A second answer to an earlier question of this shape may still come.
    case contested
    /// The last question of the line was of this shape, to the same meter.
    case repeated
  }

  /// `nil` where the question must wait.
  func risk(of query: Query, to meter: Int, at now: BootInstant) -> Risk? {
    guard case .registers = query else { return Risk.none }
    guard !health[meter].mustWait(for: query, at: now) else { return nil }
    if let last = lastAsked, last.meter == meter, last.shape == query.shape { return .repeated }
    return health[meter].contested(query, at: now) == nil ? Risk.none : .contested
  }

  func ask(_ meter: Int, _ query: Query, _ round: Round?, _ demand: Int? = nil) -> Ask {
    // Somebody who waits for one meter wants to know whether it is there.
    let limit = (demand == nil ? firstLimit(meter, query) : nil) ?? meters[meter].replyLimit
    let timeout = health[meter].replyTimeout(for: query, limit: limit)
    return Ask(meter: meter, query: query, round: round, replyTimeout: timeout, demand: demand)
  }

  /// How long a meter is waited for that nobody has asked yet: as others of its model on this line have taught.
  ///
  /// Three dead meters of thirty would else cost the first round their whole time-outs. One that is slower than
  /// its kin is found at its first probe, which has the whole time-out.
  private func firstLimit(_ meter: Int, _ query: Query) -> BootInstant.Span? {
    let own = meters[meter]
    guard health[meter].state == .unknown, !own.model.isEmpty, !query.isBillingMemory else { return nil }
    let kin = meters.indices.filter { meters[$0].model == own.model && health[$0].answers > 0 }
    guard kin.count >= 3, kin.reduce(0, { $0 + health[$1].answers }) >= 8 else { return nil }
    let slowest = kin.reduce(BootInstant.Span.zero) { max($0, health[$1].longestDelay) }
    guard slowest > .zero else { return nil }
    return min(own.replyLimit, slowest * 3 + .milliseconds(100))
  }

  func probe(_ meter: Int, at now: BootInstant) -> Query? {
    let able = meters[meter].probes.filter { health[meter].mayAsk($0, at: now) }
    return able.first { health[meter].contested($0, at: now) == nil }
      ?? able.first { !health[meter].mustWait(for: $0, at: now) }
  }

  /// True where some task that asks the meter may be at work, or none has windows.
  private func mayWork(_ meter: Int, at now: BootInstant) -> Bool {
    let asked = meters[meter].programme.indices.filter { !meters[meter].programme[$0].isEmpty }
    return asked.isEmpty || asked.contains { windowOpens($0, at: now) == nil }
  }

  /// When a meter that is set aside is probed by a line with nothing else to do: some seconds early where the next
  /// round might be there at its time, so that dead meters take from the pauses and not from the rounds.
  private func idleProbe(_ meter: Int) -> BootInstant? {
    guard case .setAside(let silences, let at) = health[meter].state else { return nil }
    guard MeterHealth.rest(after: silences) > .seconds(40), let next = due.min(), next < at + Self.probePatience else {
      return at
    }
    return max(at - Self.probePatience, health[meter].heldUntil)
  }

  /// The first meter that is due to be probed: by `patience` after its time; `nil` for a line with nothing else to do.
  mutating func overdueProbe(at now: BootInstant, patience: BootInstant.Span?) -> Ask? {
    for meter in meters.indices {
      guard case .setAside(_, let at) = health[meter].state,
        let since = patience.map({ at + $0 }) ?? idleProbe(meter), since <= now
      else { continue }
      // Outside of the windows of all its tasks nothing is started, not even a probe.
      guard mayWork(meter, at: now) else {
        health[meter].wait(at: now)
        continue
      }
      for open in rounds where windowOpens(open.round.task, at: now) == nil {
        if let query = open.left[meter].first, health[meter].mayAsk(query, at: now),
          !health[meter].mustWait(for: query, at: now)
        {
          return ask(meter, query, open.round)
        }
      }
      if let probe = probe(meter, at: now) { return ask(meter, probe, nil) }
      // Nothing may be asked yet: look again later.
      health[meter].wait(at: now)
    }
    return nil
  }
}
