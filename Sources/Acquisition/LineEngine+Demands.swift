internal import Line
public import Metering

/// What came of one question that somebody waited for.
public struct DemandOutcome: Sendable {
  public let query: Query
  public let result: Result

  public init(query: Query, result: Result) {
    self.query = query
    self.result = result
  }

  public enum Result: Sendable {
    case answered(Answer)
    case refused(String)
    case damaged(String)
    case silent
    /// The port failed, or is not there.
    case portLost
    /// The line was closed before it came to that: the daemon ends, or takes another configuration over.
    case closed
    /// Nobody waits for it any more.
    case withdrawn
  }
}

/// A demand that is not told yet.
struct Waiting {
  let meter: Int
  var left: [Query]
  var tries: [Query: Int] = [:]
  var outcomes: [DemandOutcome] = []
  let done: ([DemandOutcome]) -> Void
}

extension LineEngine {
  /// Puts questions to a meter between those of the plan; `done` is told once, with an outcome for each.
  ///
  /// The exchange that is on the wire is finished first. Answers are told and stored like any others, labelled with
  /// the time of the read. A meter that the line does not have has no outcomes. Each demand has a `number` of its own.
  public func read(
    _ queries: [Query], of meter: MeterID, number: Int, done: @escaping ([DemandOutcome]) -> Void
  ) {
    guard let index = meters.firstIndex(where: { $0.id == meter }), !queries.isEmpty else { return done([]) }
    var left: [Query] = []
    for query in queries where !left.contains(query) { left.append(query) }
    // A line that is about to begin opens its port in a moment.
    guard line.isOpen || !hasBeenTried else { return done(left.map { DemandOutcome(query: $0, result: .portLost) }) }
    waiting[number] = Waiting(meter: index, left: left, done: done)
    plan.demand(left, of: index, number: number)
  }

  /// Puts questions of the engine's own, before those of the rounds.
  func readForItself(
    _ queries: [Query], of index: Int, done: @escaping ([DemandOutcome]) -> Void = { _ in }
  ) {
    ownDemands -= 1
    read(queries, of: meters[index].id, number: ownDemands, done: done)
  }

  /// Asks nothing more of a demand that nobody waits for. What is on the wire is finished.
  public func withdraw(_ number: Int) {
    plan.withdraw(number)
    for query in waiting[number]?.left ?? [] { settle(query, of: number, .withdrawn) }
  }

  /// Settles a question on demand that the plan does not ask again. An answer is settled when its time is over.
  func settleDemand(_ ask: LinePlan.Ask, _ number: Int, _ result: DemandOutcome.Result?) {
    guard let result, let left = waiting[number]?.left else { return }
    if left.contains(ask.query), !plan.isWanted(ask.query, by: number) { settle(ask.query, of: number, result) }
    // The meter stays silent, or is silent to a probe: none of the others will be asked.
    guard !plan.demands.contains(where: { $0.number == number }) else { return }
    for query in left where !held.contains(where: { $0.demand == number && $0.answer.query == query }) {
      settle(query, of: number, result)
    }
  }

  func settle(_ query: Query, of number: Int, _ result: DemandOutcome.Result) {
    guard waiting[number]?.left.contains(query) == true else { return }
    waiting[number]?.left.removeAll { $0 == query }
    waiting[number]?.outcomes.append(DemandOutcome(query: query, result: result))
    guard let all = waiting[number], all.left.isEmpty else { return }
    waiting[number] = nil
    all.done(all.outcomes)
  }

  /// An answer on demand was contradicted: it is asked for again, or there is none.
  func takeBackDemand(_ query: Query, _ number: Int, _ reason: String) {
    guard let meter = waiting[number]?.meter else { return }
    waiting[number]?.tries[query, default: 0] += 1
    let tries = waiting[number]?.tries[query] ?? LinePlan.triesWhenDamaged
    if !plan.takenBack(query, of: meter, demand: number, tries: tries) { settle(query, of: number, .damaged(reason)) }
  }

  /// Nobody is left waiting for a line that is gone.
  func dropDemands(_ result: DemandOutcome.Result) {
    for (number, each) in waiting.sorted(by: { $0.key < $1.key }) {
      plan.withdraw(number)
      for query in each.left { settle(query, of: number, result) }
    }
    dropLaterLooks()
  }
}
