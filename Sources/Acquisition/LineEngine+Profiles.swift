internal import Line
internal import Metering

/// Reads load profiles where the line has nothing else to do.
extension LineEngine {
  /// Reads the next records of a load profile; `nil` where there are none to be read now. Then `profileWake` says when
  /// to look again.
  func readProfile() -> Turn? {
    guard var profiles else { return nil }
    // What the journal holds need not be read again.
    guard !plan.isAwaitingJournal(at: now) else {
      profileWake = now + .seconds(1)
      return nil
    }
    let action = profiles.next(at: now, wall: wall()) { meter, span in
      let health = plan.health[meter]
      let query = Query.profile(span)
      return !health.isSetAside && health.mayAsk(query, at: now) && !health.mustWait(for: query, at: now)
    }
    let lapsed = profiles.takeLapsed()
    self.profiles = profiles
    for each in lapsed {
      let part = profiles.parts[each.part]
      // A meter that is set aside is not even asked.
      let isSilent = each.reason == .late && plan.health[part.meter].isSetAside
      tell(
        .recordsLapsed(
          line: name, meter: meters[part.meter].id, subject: ProfileSpan.subject(ofClass: part.recordClass),
          from: instant(each.run.lowerBound), through: instant(each.run.upperBound), records: each.count,
          reason: isSilent ? .silent : each.reason))
    }
    switch action {
    case .rest(let until):
      profileWake = until
      return nil
    case .ask(let part, let span):
      // Whether a record that is not told exists is known by the meter's clock alone.
      if !lookAtClock(profiles.parts[part].meter) { ask(part, span) }
      return .worked
    }
  }

  /// True where the meter's clock is asked for first: nobody has looked at it, or not for an hour.
  private func lookAtClock(_ meter: Int) -> Bool {
    guard notes[meter].clock == nil, clockAsked[meter].map({ now - $0 > .seconds(3600) }) ?? true,
      !meters[meter].clockQueries.isEmpty
    else { return false }
    clockAsked[meter] = now
    readForItself(meters[meter].clockQueries, of: meter)
    return true
  }

  private func ask(_ part: Int, _ span: ProfileSpan) {
    guard let meter = profiles?.parts[part].meter else { return }
    let query = Query.profile(span)
    let timeout = plan.health[meter].replyTimeout(for: query, limit: meters[meter].replyLimit)
    let ask = LinePlan.Ask(meter: meter, query: query, round: nil, replyTimeout: timeout)
    let wasSetAside = plan.health[meter].isSetAside
    let wasKnown = plan.health[meter].state != .unknown
    let began = boot
    let conclusion: ProfilePlan.Conclusion
    /// What the meter said in its refusal.
    var word: String?
    do throws(LineError) {
      (conclusion, word) = try converse(ask, span, part)
    } catch {
      guard !error.losesPort else {
        lost(error)
        return plan.portLost(at: now)
      }
      plan.health[meter].silent(query, at: now)
      tell(.rejected(line: name, meter: meters[meter].id, query: query, reason: "\(error)"))
      if case .babble = error { babblesUntil = now + .seconds(5) }
      conclusion = .damaged
    }
    load.note(from: began, to: boot)
    conclude(conclusion, word, span, part, meter)
    let isSetAside = plan.health[meter].isSetAside
    if wasSetAside != isSetAside || !wasKnown && plan.health[meter].state != .unknown {
      tell(.health(line: name, meter: meters[meter].id, isAnswering: !isSetAside))
    }
  }

  private func conclude(
    _ conclusion: ProfilePlan.Conclusion, _ word: String?, _ span: ProfileSpan, _ part: Int, _ meter: Int
  ) {
    let shown = notes[meter].clock?.time(at: boot)
    // What one answer leaves out is missing for one reason.
    guard let missed = profiles?.concluded(part, span, conclusion, shown: shown, at: now), let first = missed.first
    else { return }
    let records = missed.map {
      Query.profile(
        ProfileSpan(
          recordClass: span.recordClass, first: MeterTime(localSeconds: $0.seconds), minutes: span.minutes, count: 1))
    }
    if let word, first.reason == .refused {
      tell(.recordsRefused(line: name, meter: meters[meter].id, records: records, word: word))
    } else {
      tell(
        .missed(
          line: name, meter: meters[meter].id, queries: records, reason: first.reason, slot: instant(first.seconds)))
    }
  }

  /// A time by the meters' clocks, in milliseconds since 1970.
  private func instant(_ localSeconds: Int64) -> Int64 {
    plan.zone.unixMilliseconds(of: MeterTime(localSeconds: localSeconds))
  }

  private func converse(
    _ ask: LinePlan.Ask, _ span: ProfileSpan, _ part: Int
  ) throws(LineError) -> (ProfilePlan.Conclusion, word: String?) {
    let meter = meters[ask.meter]
    let said = try put(ask.query, of: ask, meter)
    switch said.result {
    case .told(let told):
      plan.health[ask.meter].answered(
        ask.query, delay: said.record.replyDelay, mayOvertake: plan.answersMayOvertake)
      // A record that is filled with FFH is none.
      let times = Set(told.observations.filter(\.isNumber).compactMap { $0.occurred?.localSeconds }).sorted()
      if !times.isEmpty {
        let answer = Answer(
          meter: meter.id, line: name, query: ask.query, slot: nil, observations: told.observations,
          requests: said.record.requests, replies: told.frames, hostTime: wall(at: said.record.endedAt),
          bootTime: said.record.endedAt,
          startedAt: said.record.startedAt, replyDelay: said.record.replyDelay, clock: notes[ask.meter].clock,
          settlementDay: nil, isConfirmed: false, fillsGap: profiles?.mayFill(part, times) ?? false)
        hold(answer, to: ask.query, ask.meter, nil)
      }
      return (.told(times), nil)
    case .refused(let reason):
      plan.health[ask.meter].refused(ask.query, at: now)
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "refused: \(reason)"))
      return (.refused, reason)
    case .damaged(let reason):
      plan.health[ask.meter].damaged(ask.query, at: now)
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: reason))
      try quarantine(meter)
      return (.damaged, nil)
    case .silent:
      plan.health[ask.meter].silent(ask.query, at: now)
      try quarantine(meter)
      return (.silent, nil)
    }
  }
}

extension Observation {
  fileprivate var isNumber: Bool { if case .number = value { true } else { false } }
}
