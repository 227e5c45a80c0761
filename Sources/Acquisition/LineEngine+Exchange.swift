internal import Line
internal import Metering

/// One question and what comes of it.
extension LineEngine {
  func carryOut(_ ask: LinePlan.Ask) {
    let meter = meters[ask.meter]
    let conclusion: LinePlan.Conclusion
    var result: DemandOutcome.Result?
    let began = boot
    let outer = course
    course = Course(
      ask: ask, wasSetAside: plan.health[ask.meter].isSetAside, wasKnown: plan.health[ask.meter].state != .unknown)
    defer {
      goBack(to: outer)
      if outer == nil { load.note(from: began, to: boot) }
    }
    do throws(LineError) {
      conclusion = try converse(ask, meter, &result)
    } catch {
      let isPutOff = course?.isPutOff == true
      result = isPutOff ? nil : error.losesPort ? .portLost : .silent
      if isPutOff {
        conclusion = .putOff
      } else if error.losesPort {
        conclusion = .portLost
        lost(error)
      } else {
        // This meter is set aside, so that the others of the line get their turn.
        conclusion = .silent
        tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "\(error)"))
        if case .babble = error { babblesUntil = now + .seconds(5) }
      }
    }
    plan.concluded(ask, conclusion, at: now)
    if let number = ask.demand { settleDemand(ask, number, result) }
    if let round = ask.round, conclusion == .refused || conclusion == .damaged {
      noteUnreadEvents(ask.query, of: ask.meter, in: round, isRefused: conclusion == .refused)
    }
    let isSetAside = plan.health[ask.meter].isSetAside
    let isFirstNews = course?.wasKnown == false && plan.health[ask.meter].state != .unknown
    if course?.wasSetAside != isSetAside || isFirstNews, conclusion != .portLost {
      tell(.health(line: name, meter: meter.id, isAnswering: !isSetAside))
    }
  }

  func converse(
    _ ask: LinePlan.Ask, _ meter: LineMeter, _ result: inout DemandOutcome.Result?
  ) throws(LineError) -> LinePlan.Conclusion {
    let isConfirmed = ask.query.isBillingMemory || ask.query.isEventRecord
    var asked = ask.query
    let said: MeterSpeaker.Said
    if let day = ask.query.freezeDay {
      let found = try readFreeze(of: day, ask, meter)
      if let other = found.conclusion {
        result = .refused(other == .stale ? "its last freeze is of another day" : "its memory does not hold it")
        return other
      }
      (said, asked) = (found.said, found.asked)
    } else if ask.query.isSettlement, !datesSettlements(ask.meter), let failed = try lookAtClock(ask, meter) {
      (said, asked) = (failed.said, failed.asked)
    } else {
      said =
        isConfirmed || ask.query.isSettlementDay
        ? try readTwice(ask.query, of: ask, meter) : try put(ask.query, of: ask, meter)
    }
    switch said.result {
    case .told(let told):
      let took = said.record.endedAt - said.record.startedAt
      notes[ask.meter].take(told.observations, at: said.record.endedAt, took: took)
      if asked.isClock { try noteClock(said.record, asked, of: ask, meter) }
      let answer = Answer(
        meter: meter.id, line: name, query: ask.query, slot: ask.round?.slot,
        slotGrace: ask.round.map { plan.tasks[$0.task].schedule.grace } ?? 0, observations: told.observations,
        requests: said.record.requests, replies: told.frames, hostTime: wall(at: said.record.endedAt),
        bootTime: said.record.endedAt, startedAt: said.record.startedAt, replyDelay: said.record.replyDelay,
        clock: notes[ask.meter].clock,
        settlementDay: notes[ask.meter].settlementDay, settlementDoubt: notes[ask.meter].settlementDoubt,
        isConfirmed: isConfirmed,
        isSynthetic: ask.round.map { plan.tasks[$0.task].isSynthetic } ?? false,
        fillsGap: plan.isMissing(ask.query, of: ask.meter), task: ask.round.map { plan.tasks[$0.task].name },
        payload: told.payload)
      // A probe proves that the meter is there and in step; its values belong to no round.
      if let number = ask.demand, waiting[number]?.left.contains(ask.query) == true {
        hold(answer, to: asked, ask.meter, nil, number)
      }
      if let round = ask.round {
        hold(answer, to: asked, ask.meter, round)
        for fault in told.faults where meter.wants(fault.quantity, for: plan.tasks[round.task].targets) {
          tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "\(fault)"))
        }
      }
      return .answered(delay: said.record.replyDelay)
    case .refused(let reason):
      result = .refused(reason)
      notes[ask.meter].refused(ask.query)
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: "refused: \(reason)"))
      return .refused
    case .damaged(let reason):
      result = .damaged(reason)
      tell(.rejected(line: name, meter: meter.id, query: ask.query, reason: reason))
      try quarantine(meter)
      return .damaged
    case .silent:
      result = .silent
      try quarantine(meter)
      return .silent
    }
  }

  /// What the wall clock showed at an instant of the wire's clock: the process may have stood still since.
  func wall(at instant: BootInstant) -> HostInstant {
    let now = wall()
    return HostInstant(
      unixMilliseconds: now.unixMilliseconds - max(0, (boot - instant).milliseconds), clock: now.clock)
  }

  func put(
    _ query: Query, of ask: LinePlan.Ask, _ meter: LineMeter, _ listening: BootInstant.Span = .zero
  ) throws(LineError) -> MeterSpeaker.Said {
    if let course, course.exchanges > 0 { try giveWay(before: query) }
    course?.exchanges += 1
    var asked = meter
    asked.sendsWakeUps = plan.health[ask.meter].needsWakeUps
    var said = try speaker.ask(
      query, of: asked, on: line, replyTimeout: ask.replyTimeout, listening: listening,
      latestDemand: notes[ask.meter].latestDemand(of: query, at: boot))
    if said.record.bytesReceived > 0 { failures = 0 }
    tellOpen()
    // What came between two exchanges, when nobody listened, is most likely of the meter that was asked before.
    if said.record.bytesDiscarded > 0 {
      let late = lastAsked ?? ask.meter
      tell(.late(line: name, meter: meters[late].id, bytes: said.record.bytesDiscarded))
      plan.cameLate(late, at: now)
    }
    unanswered = nil
    if case .silent = said.result {
      unanswered = (ask.meter, query.shape)
      if ask.replyTimeout < meter.replyLimit { hurried = (ask.meter, boot + meter.replyLimit) }
    }
    listenBack(for: &said, query, ask.meter)
    lastAsked = ask.meter
    return said
  }

  /// Reads what a bill rests on: believed when two reads agree, for the checksum of DL/T 645 misses one in 256.
  ///
  /// A freeze moves on at midnight and tells its time in an answer of its own. That time is read before each of
  /// the two reads: where both times and both values agree, the value is of that freeze.
  func readTwice(
    _ query: Query, of ask: LinePlan.Ask, _ meter: LineMeter, expecting day: CivilDate? = nil
  ) throws(LineError) -> MeterSpeaker.Said {
    let first = try readWithTime(query, of: ask, meter)
    guard case .told(let told) = first.result else { return first }
    // A freeze of another day is of no use, however often it is read.
    if let day, !told.isFrozen(at: day) { return first }
    // What was believed before and is told again needs no second read.
    if query.isSettlementDay, notes[ask.meter].agree(with: told.observations) { return first }
    // A second answer to the first read that came late would have met this one; only the last is waited for.
    var second = try readWithTime(query, of: ask, meter, listening: MeterSpeaker.patience)
    if case .told(let again) = second.result,
      again.observations != told.observations || again.payload != told.payload
    {
      second.result = .damaged("two reads differ")
    }
    return second
  }

  /// One read, with the time of the freeze before it where it is of one.
  func readWithTime(
    _ query: Query, of ask: LinePlan.Ask, _ meter: LineMeter, listening: BootInstant.Span = .zero
  ) throws(LineError) -> MeterSpeaker.Said {
    guard let freezeTime = query.freezeTime else { return try put(query, of: ask, meter, listening) }
    let time = try put(freezeTime, of: ask, meter)
    guard case .told(let frozen) = time.result else { return time }
    var said = try put(query, of: ask, meter, listening)
    guard case .told(let told) = said.result else { return said }
    said.record.requests = time.record.requests + said.record.requests
    said.result = .told(
      MeterSpeaker.Told(
        observations: frozen.observations + told.observations, frames: frozen.frames + told.frames, from: told.from))
    return said
  }

  /// Lets the line fall silent after a failure; what comes now is late and is dropped.
  func quarantine(_ meter: LineMeter) throws(LineError) {
    let silence = max(meter.settings.characterTime * 10, .milliseconds(30))
    let late = try line.quarantine(silence: silence)
    if late > 0 {
      tell(.late(line: name, meter: meter.id, bytes: late))
      lookBack(line.takeHeard())
    }
  }
}
