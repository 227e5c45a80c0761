internal import DLT645
internal import Metering

/// Follows what meters tell of their events with the questions that it leads to, and tells what came of them.
///
/// All of it are questions of the round, put one by one like any others, and so few records in each that a meter with
/// much to tell holds nobody up.
extension LineEngine {
  /// Takes an answer whose time is over.
  func noteEvents(_ answer: Answer, _ meter: Int, _ round: LinePlan.Round) {
    guard answer.query.isEventData, plan.tasks[round.task].targets.contains(.events),
      let outcome = events?.take(answer, of: meter, clock: clock(answer))
    else { return }
    plan.add(outcome.ask, of: meter, in: round)
    if !outcome.report.isEmpty { tell(.events(outcome.report)) }
  }

  /// A question is given up for this round. A kind that a meter does not have is asked for again tomorrow; of a record
  /// that is what there is to know.
  func noteUnreadEvents(_ query: Query, of meter: Int, in round: LinePlan.Round, isRefused: Bool) {
    guard query.isEventData, plan.tasks[round.task].targets.contains(.events),
      !plan.isLeft(query, of: meter, in: round)
    else { return }
    if query.isEventRecord {
      plan.add(events?.gaveUp(query, of: meter, isRefused: isRefused) ?? [], of: meter, in: round)
    } else if isRefused {
      plan.rest(query, of: meter, from: round.slot)
    }
  }

  /// A clock that nobody has looked at may be off as well; events of an hour ahead are not in their place all the same.
  private func clock(_ answer: Answer) -> EventWatch.Clock? {
    if let shown = answer.clock?.time(at: answer.bootTime) { return EventWatch.Clock(shown: shown, slack: 60) }
    guard answer.hostTime.clock != .unsynchronised else { return nil }
    return EventWatch.Clock(
      shown: plan.zone.local(unixMilliseconds: answer.hostTime.unixMilliseconds), slack: 3600, isOfHost: true)
  }
}
