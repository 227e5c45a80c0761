internal import DLT645
internal import Metering

/// Follows what meters tell of their events with the questions that it leads to, and tells what came of them.
///
/// All of it are questions of the round, put one by one like any others: a meter with much to tell holds nobody up.
extension LineEngine {
  /// Takes an answer whose time is over.
  func noteEvents(_ answer: Answer, _ meter: Int, _ round: LinePlan.Round) {
    guard answer.query.isEventData, plan.tasks[round.task].targets.contains(.events),
      let outcome = events?.take(answer, of: meter, clock: clock(answer))
    else { return }
    plan.add(outcome.ask, of: meter, in: round)
    if !outcome.report.isEmpty { tell(.events(outcome.report)) }
  }

  /// A meter has said that it has no such thing: of a record that is what there is to know, and of a kind it is asked
  /// again tomorrow.
  func noteRefusedEvents(_ ask: LinePlan.Ask) {
    guard let round = ask.round, ask.query.isEventData, plan.tasks[round.task].targets.contains(.events),
      !plan.isLeft(ask.query, of: ask.meter, in: round)
    else { return }
    guard ask.query.isEventRecord else { return plan.rest(ask.query, of: ask.meter, from: round.slot) }
    plan.add(events?.refused(ask.query, of: ask.meter) ?? [], of: ask.meter, in: round)
  }

  /// A clock that nobody has looked at may be off as well; events of an hour ahead are not in their place all the same.
  private func clock(_ answer: Answer) -> EventWatch.Clock? {
    if let shown = answer.clock?.time(at: answer.bootTime) { return EventWatch.Clock(shown: shown, slack: 60) }
    guard answer.hostTime.clock != .unsynchronised else { return nil }
    return EventWatch.Clock(shown: plan.zone.local(unixMilliseconds: answer.hostTime.unixMilliseconds), slack: 3600)
  }
}
