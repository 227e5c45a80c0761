internal import Metering

/// Which question is put next.
extension LinePlan {
  mutating func choose(at now: BootInstant, wall: HostInstant) -> Action {
    openDueRounds(at: now, wall: wall)
    lookForLacking(at: now)
    let roundsGoFirst = isTurnOfRounds(at: now)
    if !roundsGoFirst, let ask = nextOfDemands(at: now) { return .ask(ask) }
    if let probe = dueProbe(at: now, isIdle: false) { return .ask(probe) }
    var wakes: [BootInstant] = []
    switch nextOfRounds(at: now) {
    case .ask(let ask): return .ask(ask)
    case .rest(let until): wakes.append(until)
    case nil: break
    }
    if let probe = dueProbe(at: now, isIdle: true) { return .ask(probe) }
    if roundsGoFirst, let ask = nextOfDemands(at: now) { return .ask(ask) }
    wakes += due + idleProbes(after: now) + [nextExpiry()].compactMap(\.self)
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
    var chosen: Choice?
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
          if chosen.map({ choice.isBetter(than: $0) }) ?? true { chosen = choice }
          if risk == .none { break search }
        }
      }
    }
    guard let chosen else { return wake.map { .rest(until: $0) } }
    let best = wider(than: chosen, at: now) ?? chosen
    noteTurn(of: best, parts)
    rounds[best.round].cursor = best.meter
    return .ask(ask(best.meter, best.query, rounds[best.round].round))
  }

  /// A question of another round of the same due time whose answer tells what this one asks for, and more.
  private func wider(than choice: Choice, at now: BootInstant) -> Choice? {
    guard case .registers = choice.query else { return nil }
    let (round, meter) = (rounds[choice.round].round, choice.meter)
    for (index, open) in rounds.enumerated()
    where maySharePart(of: open.round, with: round, at: now) && windowOpens(open.round.task, at: now) == nil {
      // What is long must not go before what is urgent, nor what has failed before what has not.
      guard tasks[open.round.task].priority <= tasks[round.task].priority else { continue }
      for query in open.left[meter] where query != choice.query && query.covers(choice.query) {
        guard tries[Item(round: open.round, meter: meter, query: query)] == nil else { continue }
        guard health[meter].mayAsk(query, at: now), risk(of: query, to: meter, at: now) == Risk.none else { continue }
        return Choice(round: index, meter: meter, query: query, risk: .none, until: choice.until)
      }
    }
    return nil
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
    let isNew = demand == nil && health[meter].state == .unknown
    return ask(meter, query, round, demand, isHurried: isNew)
  }

  /// With `isHurried` a question that is not waited for longer than meters of this model take.
  func ask(_ meter: Int, _ query: Query, _ round: Round?, _ demand: Int? = nil, isHurried: Bool) -> Ask {
    let limit = (isHurried ? limit(ofKin: meter, query) : nil) ?? meters[meter].replyLimit
    let timeout = health[meter].replyTimeout(for: query, limit: limit)
    return Ask(meter: meter, query: query, round: round, replyTimeout: timeout, demand: demand)
  }
}
