public import Metering

/// What became of questions, and what follows from it.
extension LinePlan {
  /// Tells what became of a question.
  public mutating func concluded(_ ask: Ask, _ conclusion: Conclusion, at now: BootInstant) {
    defer { if let number = ask.demand, conclusion != .putOff { concluded(ask, number, conclusion, at: now) } }
    turns.concluded(at: now)
    if lastBusyProbe?.meter == ask.meter { lastBusyProbe?.concluded(isAnswered: conclusion.isAnswer, at: now) }
    if conclusion.isAnswer, !heldOff.isEmpty { heldOff = heldOff.filter { $0.key.meter != ask.meter } }
    // What came between its exchanges was asked before the last of them.
    lastAsked = (ask.meter, ask.query.shape)
    switch conclusion {
    case .putOff: break
    case .portLost: portLost(at: now)
    case .answered(let delay):
      health[ask.meter].answered(ask.query, delay: delay, mayOvertake: answersMayOvertake)
      finish(ask)
      shareAnswer(to: ask, at: now)
      fill(ask.query, of: ask.meter)
    case .stale, .gone:
      health[ask.meter].answered(ask.query, delay: nil, mayOvertake: answersMayOvertake)
      giveUp(ask, conclusion == .stale ? .stale : .gone)
    case .refused:
      // While an older answer may still come, a refusal may be of that older question.
      let proven = !health[ask.meter].isOwed(at: now)
      health[ask.meter].refused(ask.query, at: now)
      if proven { giveUp(ask, .refused) } else { tried(ask, .refused, at: now) }
    case .damaged:
      health[ask.meter].damaged(ask.query, at: now)
      tried(ask, .damaged, at: now)
    case .silent: health[ask.meter].silent(ask.query, at: now)
    }
  }

  /// Tells that an answer is not believed any more: its question goes back to its round, as after a damaged answer.
  ///
  /// A round that was finished is opened again, unless the next one of its task is there already.
  mutating func takenBack(_ query: Query, of meter: Int, in round: Round) {
    // Others have lost it with this one.
    for each in shared.removeValue(forKey: Item(round: round, meter: meter, query: query)) ?? [] {
      takenBack(each.query, of: meter, in: each.round)
    }
    let isOver = latest[round.task] != round
    guard !isLastTry(Item(round: round, meter: meter, query: query)), !isOver else {
      return miss([query], of: meter, in: round, .damaged)
    }
    if !rounds.contains(where: { $0.round == round }) {
      enter(round, left: meters.map { _ in [] })
    }
    guard let index = rounds.firstIndex(where: { $0.round == round }), !rounds[index].left[meter].contains(query)
    else { return }
    rounds[index].left[meter].append(query)
  }

  /// Tells that the port was lost: Modbus answers that are under way may come when it is open again.
  public mutating func portLost(at now: BootInstant) {
    for index in meters.indices { health[index].connectionLost(meters[index].programme.joined(), at: now) }
  }

  /// Tells that a second meter at the same address may still answer a question, until an instant.
  mutating func secondMayFollow(_ query: Query, of meter: Int, from now: BootInstant, until instant: BootInstant) {
    health[meter].secondMayFollow(query, from: now, until: instant)
  }

  /// Tells that bytes came while nobody waited for them, most likely of this meter.
  mutating func cameLate(_ meter: Int, at now: BootInstant) { health[meter].cameLate(at: now) }

  /// Tells that something came which may be the answer of a meter that was not waited for to the end.
  mutating func mayBeSlow(_ meter: Int, at now: BootInstant) { health[meter].heardAfterwards(at: now) }

  /// Tells that two meters have answered for this one.
  mutating func doubt(_ meter: Int, until instant: BootInstant) { health[meter].doubt(until: instant) }

  mutating func finish(_ ask: Ask) {
    remove(ask)
    forgetFinishedRounds()
  }

  /// Tasks that are due at the same time share what they ask a meter for: one answer serves them all.
  private mutating func shareAnswer(to ask: Ask, at now: BootInstant) {
    guard let round = ask.round else { return }
    var served: [Item] = []
    for index in rounds.indices where maySharePart(of: rounds[index].round, with: round, at: now) {
      let open = rounds[index]
      let isTold = open.told.contains(ask.meter)
      // What was told as lacking is closed by an answer to the very question.
      func isServed(_ query: Query) -> Bool { isTold ? ask.query == query : ask.query.covers(query) }
      served += open.left[ask.meter].filter(isServed).map { Item(round: open.round, meter: ask.meter, query: $0) }
      rounds[index].left[ask.meter].removeAll(where: isServed)
    }
    guard !served.isEmpty else { return }
    // Those of earlier due times are believed for good.
    shared = shared.filter { $0.key.round.slot >= round.slot }
    shared[Item(round: round, meter: ask.meter, query: ask.query), default: []] += served
    forgetFinishedRounds()
  }

  /// True for two rounds of one due time, as long as what is read has that time as its label in both.
  func maySharePart(of other: Round, with round: Round, at now: BootInstant) -> Bool {
    guard other != round, other.slot == round.slot, !other.isBackfill, !round.isBackfill else { return false }
    let both = [tasks[other.task], tasks[round.task]]
    guard !both.contains(where: \.isSynthetic) else { return false }
    // The label is made by the host's clock, which the plan follows to two seconds.
    return both.allSatisfy { wall(at: now) + 2000 <= round.slot + $0.schedule.grace }
  }

  mutating func giveUp(_ ask: Ask, _ reason: Missed.Reason) {
    if let round = ask.round { miss([ask.query], of: ask.meter, in: round, reason) }
    finish(ask)
  }

  mutating func tried(_ ask: Ask, _ reason: Missed.Reason, at now: BootInstant) {
    guard ask.demand == nil else { return }
    guard let round = ask.round, rounds.contains(where: { $0.round == round }) else {
      // A probe that is answered by rubbish is no better than one that is not answered.
      health[ask.meter].silent(ask.query, at: now)
      return
    }
    if isLastTry(Item(round: round, meter: ask.meter, query: ask.query)) { giveUp(ask, reason) }
  }

  /// Counts a try that brought nothing to be believed; true where no more are made.
  mutating func isLastTry(_ item: Item) -> Bool {
    tries[item, default: 0] += 1
    return tries[item, default: 0] >= Self.triesWhenDamaged
  }

  mutating func remove(_ ask: Ask) {
    guard let round = ask.round, let index = rounds.firstIndex(where: { $0.round == round }),
      let place = rounds[index].left[ask.meter].firstIndex(of: ask.query)
    else { return }
    rounds[index].left[ask.meter].remove(at: place)
  }

  mutating func forgetFinishedRounds() {
    rounds.removeAll { $0.left.allSatisfy(\.isEmpty) }
  }
}
