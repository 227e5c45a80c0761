internal import Metering

/// Questions that somebody waits for: they go before all rounds, between two exchanges.
extension LinePlan {
  struct Demand: Sendable {
    let number: Int
    let meter: Int
    var left: [Query]
    var tries: [Query: Int] = [:]
  }

  /// Tries of a question on demand to a meter that stays silent.
  static let triesWhenSilent = 2

  /// Takes questions to a meter in; `number` says which are meant when they are asked. A question is there once.
  public mutating func demand(_ queries: [Query], of meter: Int, number: Int) {
    var left: [Query] = []
    for query in queries where !left.contains(query) { left.append(query) }
    guard meters.indices.contains(meter), !left.isEmpty else { return }
    demands.append(Demand(number: number, meter: meter, left: left))
  }

  /// Forgets what nobody waits for any more.
  public mutating func withdraw(_ number: Int) { demands.removeAll { $0.number == number } }

  /// True while a question on demand is to be asked, perhaps again.
  func isWanted(_ query: Query, by number: Int) -> Bool {
    demands.contains { $0.number == number && $0.left.contains(query) }
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

  mutating func concluded(_ ask: Ask, _ number: Int, _ conclusion: Conclusion, at now: BootInstant) {
    guard let index = demands.firstIndex(where: { $0.number == number }) else { return }
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
      case .silent: tries >= Self.triesWhenSilent
      }
    if isOver { demands[index].left.removeAll { $0 == ask.query } }
    dropFinished()
  }

  /// Tells that an answer on demand is not believed any more. True where it is asked for again.
  mutating func takenBack(_ query: Query, of meter: Int, demand number: Int, tries: Int) -> Bool {
    guard tries < Self.triesWhenDamaged else { return false }
    if !demands.contains(where: { $0.number == number }) {
      demands.append(Demand(number: number, meter: meter, left: []))
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
    case .damaged, .silent, .portLost: false
    }
  }
}
