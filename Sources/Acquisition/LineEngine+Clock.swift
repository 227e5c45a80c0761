internal import DLT645
internal import Line
internal import Metering

/// Looks at the meters' clocks, and sets them where somebody who may decide says so.
extension LineEngine {
  /// Tells a look at a meter's clock. One that is news is looked at once more, for the checksum of DL/T 645 misses one
  /// damaged answer in 256; where the second look differs neither is told.
  func noteClock(
    _ record: ExchangeRecord, _ asked: Query, of ask: LinePlan.Ask, _ meter: LineMeter
  ) throws(LineError) {
    guard let first = look(record, ask.meter) else { return }
    let questions = meter.secondLook(after: asked)
    guard isNews(first, of: ask.meter) else { return keep(first, by: questions, of: ask.meter) }
    for query in questions {
      let said = try put(query, of: ask, meter)
      guard case .told(let told) = said.result else {
        if case .refused = said.result { return }
        return try quarantine(meter)
      }
      let took = said.record.endedAt - said.record.startedAt
      notes[ask.meter].take(told.observations, at: said.record.endedAt, took: took)
      guard query == asked, let second = look(said.record, ask.meter) else { continue }
      guard second.follows(first), abs(second.deviation - first.deviation) <= 2000 else {
        notes[ask.meter].forgetClock()
        return tell(
          .rejected(line: name, meter: meter.id, query: asked, reason: "two looks at the meter's clock differ"))
      }
      keep(second, by: questions, of: ask.meter)
    }
  }

  /// What the exchange that has just ended shows of a clock; `nil` where it told none, such as a date without its time.
  private func look(_ record: ExchangeRecord, _ meter: Int) -> ClockLook? {
    guard let sight = notes[meter].clock, sight.at == record.endedAt else { return nil }
    return ClockLook(
      sight.meter, by: record, character: meters[meter].settings.characterTime, now: boot, wall: wall(),
      zone: plan.zone)
  }

  /// A clock that is far off at the first look, or has moved since the last one.
  private func isNews(_ look: ClockLook, of meter: Int) -> Bool {
    guard let before = looks[meter]?.look else { return abs(look.deviation) > 30_000 }
    return !look.follows(before)
  }

  private func keep(_ look: ClockLook, by questions: [Query], of meter: Int) {
    looks[meter] = (look, questions)
    tell(.clock(line: name, meter: meters[meter].id, look))
  }

  /// Sets clocks to the host's time, with what the line takes to carry it, and looks at them afterwards; `done` is told
  /// once.
  ///
  /// Nothing goes out while nobody has set the host's clock, close to a whole hour, or where an hour lies between the two
  /// clocks, as it is when the line is free; the guard of the line has the last word. The looks go before all rounds.
  public func setClocks(_ order: ClockOrder, done: @escaping (ClockOutcome) -> Void) {
    let chosen = meters.indices.filter { order.meters.contains(meters[$0].id) }
    var outcome = ClockOutcome()
    guard line.isOpen, !chosen.isEmpty else {
      outcome.trouble = "the line is not open"
      return done(outcome)
    }
    let began = boot
    do throws(LineError) {
      if case .broadcast = order.way {
        try announceTime(to: chosen, &outcome)
      } else {
        for index in chosen { try setClock(index, order.way, &outcome) }
      }
    } catch {
      outcome.trouble = "\(error)"
      if error.losesPort {
        lost(error)
        plan.portLost(at: now)
      }
    }
    load.note(from: began, to: boot)
    guard outcome.isSent, line.isOpen else { return done(outcome) }
    let asked: [Int] =
      if case .broadcast = order.way { meters.indices.filter { !clockQueries($0).isEmpty } } else { chosen }
    lookAgain(at: asked, outcome, done)
  }

  private func announceTime(to chosen: [Int], _ outcome: inout ClockOutcome) throws(LineError) {
    var done: [SerialSettings] = []
    for index in chosen where !done.contains(meters[index].settings) {
      let settings = meters[index].settings
      done.append(settings)
      let length = BroadcastCommand.time(.noLimit).frame().count
      guard let time = timeToSend(length, settings, Self.announcing, chosen, &outcome), let wire = WireTime(time) else {
        return
      }
      var conversation = Announcement(bytes: BroadcastCommand.time(wire).frame())
      _ = try line.run(&conversation, settings: settings, timing: Self.announcing)
      outcome.isSent = true
    }
  }

  private func setClock(_ index: Int, _ way: ClockOrder.Way, _ outcome: inout ClockOutcome) throws(LineError) {
    let meter = meters[index]
    guard case .dlt645(let address) = meter.address, let target = IndividualAddress(address),
      let length = meter.command(setting: WireTime.noLimit.time, by: way)?.frame(to: target, wakeUps: meter.wakeUps)
        .count
    else {
      outcome.trouble = "its clock cannot be set so"
      return
    }
    let timing = ExchangeTiming(
      silence: max(meter.quietBefore, .milliseconds(30)), reply: meter.replyLimit, gap: meter.gap)
    guard let time = timeToSend(length, meter.settings, timing, [index], &outcome),
      let command = meter.command(setting: time, by: way)
    else { return }
    var conversation = CommandConversation(command, to: target, wakeUps: meter.wakeUps)
    _ = try line.run(&conversation, settings: meter.settings, timing: timing)
    outcome.isSent = true
    lastAsked = index
    try line.settle(&conversation, silence: MeterSpeaker.patience)
    switch conversation.outcome {
    case .done: break
    case .refused(let word, _, _):
      let names = word.names(in: command.edition)
      outcome.trouble = "refused: " + (names.isEmpty ? "\(word)" : names.joined(separator: ", "))
    case .failed(let error): outcome.trouble = "\(error)"
    case .silent, .none:
      // 08H is rarely answered.
      if command.expectsReply { outcome.trouble = "no answer" }
      try quarantine(meter)
    }
  }

  private static let announcing = ExchangeTiming(
    silence: .milliseconds(50), reply: .milliseconds(500), gap: .milliseconds(50))

  /// The host's time, to the nearest second, at which the last of so many bytes arrives; `nil`, with the reason, where
  /// clocks must not be set now.
  private func timeToSend(
    _ bytes: Int, _ settings: SerialSettings, _ timing: ExchangeTiming, _ chosen: [Int], _ outcome: inout ClockOutcome
  ) -> MeterTime? {
    let wall = wall()
    guard wall.clock != .unsynchronised else {
      outcome.trouble = "nobody has set the host's clock"
      return nil
    }
    let way = timing.silence + settings.characterTime * Int64(bytes)
    let time = plan.zone.local(unixMilliseconds: wall.unixMilliseconds + way.milliseconds + 500)
    for index in chosen {
      let shown = MeterTime(localSeconds: time.localSeconds + (looks[index].map { $0.look.deviation / 1000 } ?? 0))
      guard time.isClearOfHours(with: shown, by: ClockRules.quiet) else {
        outcome.trouble = "a whole hour is too close"
        return nil
      }
    }
    return time
  }

  private func clockQueries(_ index: Int) -> [Query] { looks[index]?.by ?? meters[index].clockQueries }

  /// Looks at clocks that were set, before anything else is asked.
  private func lookAgain(at asked: [Int], _ outcome: ClockOutcome, _ done: @escaping (ClockOutcome) -> Void) {
    let round = ClockRound(outcome, meters: asked.count, done)
    for index in asked {
      let queries = clockQueries(index)
      // What its memories are of is not known until it was looked at.
      notes[index].forgetClock()
      looks[index] = nil
      readForItself(queries, of: index) { [weak self] _ in
        round.came(self?.looks[index]?.look, of: self?.meters[index].id)
      }
    }
  }
}

/// Looks that are still to come.
private final class ClockRound {
  private var outcome: ClockOutcome
  private var left: Int
  private let done: (ClockOutcome) -> Void

  init(_ outcome: ClockOutcome, meters: Int, _ done: @escaping (ClockOutcome) -> Void) {
    self.outcome = outcome
    self.done = done
    left = meters
    if meters == 0 { done(outcome) }
  }

  func came(_ look: ClockLook?, of meter: MeterID?) {
    if let meter, let look { outcome.looks[meter] = look }
    left -= 1
    if left == 0 { done(outcome) }
  }
}
