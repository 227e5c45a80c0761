internal import Metering

/// What one answer of a round leads to: more questions of the same round.
extension LinePlan {
  /// Adds questions to a meter's part in a round that is still the latest of its task, behind those that are left.
  mutating func add(_ queries: [Query], of meter: Int, in round: Round) {
    guard !queries.isEmpty, latest[round.task] == round else { return }
    if !rounds.contains(where: { $0.round == round }) { enter(round, left: meters.map { _ in [] }) }
    guard let index = rounds.firstIndex(where: { $0.round == round }) else { return }
    for query in queries where !rounds[index].left[meter].contains(query) {
      rounds[index].left[meter].append(query)
    }
  }

  /// True while a question of a round is still to be put.
  func isLeft(_ query: Query, of meter: Int, in round: Round) -> Bool {
    rounds.contains { $0.round == round && $0.left[meter].contains(query) }
  }

  /// Leaves a question out of the rounds of the next day: the meter has said that it has no such thing.
  mutating func rest(_ query: Query, of meter: Int, from slot: Int64) {
    resting[meter, default: [:]][query] = slot + 86_400_000
  }

  /// A wall clock that was ahead and came back must not leave a question out for longer.
  func leaveOutResting(of left: inout [[Query]], at slot: Int64) {
    for (meter, until) in resting where left.indices.contains(meter) {
      left[meter].removeAll { query in until[query].map { slot < $0 && $0 - slot <= 86_400_000 } ?? false }
    }
  }
}
