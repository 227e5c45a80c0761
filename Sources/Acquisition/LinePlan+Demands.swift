internal import Metering

/// Questions that somebody waits for: they are put between two exchanges, turn about with the rounds.
///
/// The first question of a demand waits for the exchange that is on the wire, also where that is one of several of a
/// question: it goes between. After that demand and rounds go one to one, so that
/// many questions on demand cost a round no more than half of its time; where a round would not be done when the next
/// one is due, it goes first and the demand gets one exchange in eight. One demand after the other, in their order, and
/// the line's own, which have numbers below zero, behind those of others:
/// the next one is begun before only where nothing of the first may be asked at the moment. Right after another demand
/// one exchange of the rounds goes first.
extension LinePlan {
  struct Demand: Sendable {
    let number: Int
    let meter: Int
    var left: [Query]
    var tries: [Query: Int] = [:]
    /// Questions that nobody answered.
    var silences = 0
    /// Something of it was on the wire.
    var isBegun = false
  }

  /// Whose turn it is, and how long an exchange takes.
  struct Turns: Sendable {
    /// Exchanges of rounds since the last one on demand; at the start it is the turn of demands.
    var ofRounds = 1
    /// Questions of rounds since the last record of an event, while such are to be read.
    var sinceRecord = 0
    /// The last one on demand was the line's own.
    var wasOwn = false
    /// When the questions that are under way were put: one, and one that goes between its exchanges.
    var askedAt: [BootInstant] = []
    /// What a question took lately, time-outs and all.
    var pace = BootInstant.Span.zero

    mutating func asked(_ demand: Int?, at now: BootInstant) {
      ofRounds = demand == nil ? ofRounds + 1 : 0
      wasOwn = demand.map { $0 < 0 } ?? false
      askedAt = [now]
    }

    mutating func askedBetween(at now: BootInstant) {
      (ofRounds, wasOwn) = (0, false)
      askedAt.append(now)
    }

    mutating func concluded(at now: BootInstant) {
      guard let began = askedAt.popLast() else { return }
      let took = now - began
      // What came between is no part of it.
      for index in askedAt.indices { askedAt[index] = askedAt[index] + took }
      pace = pace == .zero ? took : pace + (took - pace) / 8
    }
  }

  /// A demand ends at this silence: a meter that is not there costs the others no more.
  static let silencesOfDemand = 2
  /// Exchanges of rounds between two questions on demand where a round is short of time.
  static let exchangesWhenShort = 7

  /// Takes questions to a meter in; `number` says which are meant when they are asked. A question is there once.
  public mutating func demand(_ queries: [Query], of meter: Int, number: Int) {
    var left: [Query] = []
    for query in queries where !left.contains(query) { left.append(query) }
    guard meters.indices.contains(meter), !left.isEmpty else { return }
    enter(Demand(number: number, meter: meter, left: left), isFirst: false)
  }

  /// Those of the line itself go behind all others.
  private mutating func enter(_ demand: Demand, isFirst: Bool) {
    let ownFrom = demands.firstIndex { $0.number < 0 } ?? demands.endIndex
    let place = demand.number < 0 ? (isFirst ? ownFrom : demands.endIndex) : (isFirst ? 0 : ownFrom)
    demands.insert(demand, at: place)
  }

  /// Forgets what nobody waits for any more.
  public mutating func withdraw(_ number: Int) { demands.removeAll { $0.number == number } }

  /// True while a question on demand is to be asked, perhaps again.
  func isWanted(_ query: Query, by number: Int) -> Bool {
    demands.contains { $0.number == number && $0.left.contains(query) }
  }

  /// True where the rounds are to have the next exchange, if they want one.
  func isTurnOfRounds(at now: BootInstant) -> Bool {
    guard let first = demands.first, turns.ofRounds < Self.exchangesWhenShort else { return false }
    // What the line wants to know itself costs nobody else a turn.
    guard turns.ofRounds > 0 || turns.wasOwn && !first.isBegun && first.number > 0 else { return true }
    return first.isBegun && isShortOfTime(at: now)
  }

  /// True where some round would hardly be done when the next of its task is due, as fast as exchanges went lately.
  func isShortOfTime(at now: BootInstant) -> Bool {
    let wall = wall(at: now)
    return rounds.contains { open in
      guard !open.round.isBackfill, windowOpens(open.round.task, at: now) == nil else { return false }
      // Records of events may be read in the next one as well.
      let questions = open.left.indices.reduce(0) {
        $0 + (health[$1].isSetAside ? 0 : open.left[$1].count { !$0.isEventRecord })
      }
      let needed = turns.pace * Int64(questions)
      return questions > 0 && wall + (needed + needed / 4).milliseconds >= min(open.deadline, open.expires ?? .max)
    }
  }

  /// The oldest question on demand that may be asked; another one first where an answer could be taken for a late one.
  func nextOfDemands(at now: BootInstant) -> Ask? {
    for demand in demands {
      for query in demand.left where !health[demand.meter].mustWait(for: query, at: now) {
        if health[demand.meter].mayAsk(query, at: now) { return ask(demand.meter, query, nil, demand.number) }
        if let probe = probe(demand.meter, at: now) { return ask(demand.meter, probe, nil, demand.number) }
      }
    }
    return nil
  }

  /// The question on demand that goes between two exchanges of a question that is under way, of a round or of the line's
  /// own; `nil` where that goes on.
  mutating func nextBetween(ofLine: Bool, at now: BootInstant) -> Ask? {
    guard let first = demands.first, first.number > 0, ofLine || !isTurnOfRounds(at: now),
      let ask = nextOfDemands(at: now), ask.isOfSomebody
    else { return nil }
    turns.askedBetween(at: now)
    return ask
  }

  /// Tells that a question that is under way goes on with one exchange more.
  mutating func wentOn() { turns.ofRounds += 1 }

  mutating func concluded(_ ask: Ask, _ number: Int, _ conclusion: Conclusion, at now: BootInstant) {
    guard let index = demands.firstIndex(where: { $0.number == number }) else { return }
    demands[index].isBegun = true
    if conclusion == .silent { demands[index].silences += 1 }
    guard demands[index].left.contains(ask.query) else {
      // A probe made the way free, or the meter does not even answer that.
      if !conclusion.isAnswer { demands[index].left = [] }
      return dropFinished()
    }
    demands[index].tries[ask.query, default: 0] += 1
    let tries = demands[index].tries[ask.query, default: 0]
    let isOver =
      switch conclusion {
      case .answered, .stale, .gone, .portLost: true
      case .refused: !health[ask.meter].isOwed(at: now) || tries >= Self.triesWhenDamaged
      case .damaged: tries >= Self.triesWhenDamaged
      case .silent, .putOff: false
      }
    if isOver { demands[index].left.removeAll { $0 == ask.query } }
    if demands[index].silences >= Self.silencesOfDemand { demands[index].left = [] }
    dropFinished()
  }

  /// Tells that an answer on demand is not believed any more. True where it is asked for again.
  mutating func takenBack(_ query: Query, of meter: Int, demand number: Int, tries: Int) -> Bool {
    guard tries < Self.triesWhenDamaged else { return false }
    if !demands.contains(where: { $0.number == number }) {
      enter(Demand(number: number, meter: meter, left: [], isBegun: true), isFirst: true)
    }
    guard let index = demands.firstIndex(where: { $0.number == number }) else { return false }
    demands[index].left.append(query)
    demands[index].tries[query] = tries
    return true
  }

  private mutating func dropFinished() { demands.removeAll(where: \.left.isEmpty) }
}

extension LinePlan.Conclusion {
  /// The meter said something that could be understood.
  var isAnswer: Bool {
    switch self {
    case .answered, .refused, .stale, .gone: true
    case .damaged, .silent, .portLost, .putOff: false
    }
  }
}
