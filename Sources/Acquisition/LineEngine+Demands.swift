internal import Line
public import Metering

/// What came of one question that somebody waited for.
public struct DemandOutcome: Sendable {
  public let query: Query
  public let result: Result

  public enum Result: Sendable {
    case answered(Answer)
    case refused(String)
    case damaged(String)
    case silent
    /// The port failed, or the line was closed meanwhile.
    case portLost
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
  /// Puts questions to a meter before all that the plan wants; `done` is told once, with an outcome for each.
  ///
  /// The exchange that is on the wire is finished first. Answers are told and stored like any others, labelled with
  /// the time of the read. A meter that the line does not have has no outcomes.
  public func read(_ queries: [Query], of meter: MeterID, done: @escaping ([DemandOutcome]) -> Void) {
    guard let index = meters.firstIndex(where: { $0.id == meter }), !queries.isEmpty else { return done([]) }
    var left: [Query] = []
    for query in queries where !left.contains(query) { left.append(query) }
    guard line.isOpen else { return done(left.map { DemandOutcome(query: $0, result: .portLost) }) }
    lastDemand += 1
    waiting[lastDemand] = Waiting(meter: index, left: left, done: done)
    plan.demand(left, of: index, number: lastDemand)
  }

  /// Settles a question on demand that the plan does not ask again. An answer is settled when its time is over.
  func settleDemand(_ ask: LinePlan.Ask, _ number: Int, _ result: DemandOutcome.Result?) {
    guard let result else { return }
    guard waiting[number]?.left.contains(ask.query) == true else {
      // The probe before it was not answered: none of them will be.
      guard !plan.demands.contains(where: { $0.number == number }) else { return }
      for query in waiting[number]?.left ?? []
      where !held.contains(where: { $0.demand == number && $0.answer.query == query }) {
        settle(query, of: number, result)
      }
      return
    }
    if !plan.isWanted(ask.query, by: number) { settle(ask.query, of: number, result) }
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
  func dropDemands() {
    for (number, each) in waiting.sorted(by: { $0.key < $1.key }) {
      plan.withdraw(number)
      for query in each.left { settle(query, of: number, .portLost) }
    }
  }
}
