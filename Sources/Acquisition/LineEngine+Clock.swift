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
    var began = boot
    do throws(LineError) {
      if case .broadcast = order.way {
        try announceTime(to: chosen, &outcome)
      } else {
        for index in chosen where line.isOpen {
          load.note(from: began, to: boot)
          giveWay()
          began = boot
          if line.isOpen { try setClock(index, order.way, &outcome) }
        }
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
      let frame = { (end: BootInstant) -> [UInt8]? in
        self.timeToSend(at: end, chosen).time.flatMap(WireTime.init).map { BroadcastCommand.time($0).frame() }
      }
      let length = BroadcastCommand.time(.noLimit).frame().count
      let end = boot + Self.announcing.silence + settings.characterTime * Int64(length)
      guard let bytes = frame(end) else {
        outcome.trouble = timeToSend(at: end, chosen).trouble
        return
      }
      var conversation = Announcement(bytes: bytes, renewed: frame)
      let record = try line.run(&conversation, settings: settings, timing: Self.announcing)
      guard !conversation.isHeldBack else {
        outcome.trouble = timeToSend(at: boot, chosen).trouble
        return
      }
      noteSent(
        record, to: meters.indices.filter { meters[$0].settings == settings && !clockQueries($0).isEmpty }, &outcome)
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
    let made = { (end: BootInstant) -> Command? in
      self.timeToSend(at: end, [index]).time.flatMap { meter.command(setting: $0, by: way) }
    }
    let end = boot + timing.silence + meter.settings.characterTime * Int64(length)
    guard let command = made(end) else {
      outcome.trouble = timeToSend(at: end, [index]).trouble
      return
    }
    var conversation = CommandConversation(command, to: target, wakeUps: meter.wakeUps, renewed: made)
    let record = try line.run(&conversation, settings: meter.settings, timing: timing)
    guard !conversation.isHeldBack else {
      outcome.trouble = timeToSend(at: boot, [index]).trouble
      return
    }
    noteSent(record, to: [index], &outcome)
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

  private func noteSent(_ record: ExchangeRecord, to heard: [Int], _ outcome: inout ClockOutcome) {
    outcome.isSent = true
    outcome.sentAt = wall().unixMilliseconds + (record.requestedAt - boot).milliseconds
    outcome.heard += heard.map { meters[$0].id }
  }

  /// The host's time, to the nearest second, as it will be at an instant of the wire's clock: when the last byte of what
  /// tells it is through. No time, with the reason, where clocks must not be set then.
  private func timeToSend(at end: BootInstant, _ chosen: [Int]) -> (time: MeterTime?, trouble: String) {
    let wall = wall()
    guard wall.clock != .unsynchronised else { return (nil, "nobody has set the host's clock") }
    let time = plan.zone.local(unixMilliseconds: wall.unixMilliseconds + (end - boot).milliseconds + 500)
    for index in chosen {
      let shown = MeterTime(localSeconds: time.localSeconds + (looks[index].map { $0.look.deviation / 1000 } ?? 0))
      guard time.isClearOfHours(with: shown, by: ClockRules.quiet) else { return (nil, "a whole hour is too close") }
    }
    return (time, "")
  }

  private func clockQueries(_ index: Int) -> [Query] { looks[index]?.by ?? meters[index].clockQueries }

  /// Looks at clocks that were set, before anything else is asked, and once more some seconds later: a meter may take the
  /// time and lose it again, or take it late.
  private func lookAgain(at asked: [Int], _ outcome: ClockOutcome, _ done: @escaping (ClockOutcome) -> Void) {
    let round = ClockRound(outcome, meters: asked.count, done)
    for index in asked {
      let queries = clockQueries(index)
      // What its memories are of is not known until it was looked at.
      notes[index].forgetClock()
      looks[index] = nil
      readForItself(queries, of: index) { [weak self] _ in
        guard let self, line.isOpen else { return round.came(self?.looks[index]?.look, of: self?.meters[index].id) }
        laterLooks.append(LaterLook(meter: index, queries: queries, at: now + Self.secondLook, round: round))
      }
    }
  }

  private static let secondLook = BootInstant.Span.seconds(5)

  /// When the next second look is due; `nil` where none is.
  var nextLook: BootInstant? { laterLooks.map(\.at).min() }

  /// Looks once more at clocks that were set some seconds ago: the line was free for others meanwhile.
  func lookWhereDue() {
    let due = laterLooks.filter { $0.at <= now }
    guard !due.isEmpty else { return }
    laterLooks.removeAll { $0.at <= now }
    for each in due { readForItself(each.queries, of: each.meter) { [weak self] _ in self?.end(each) } }
  }

  /// Ends second looks that nobody can make any more: what the first ones showed counts.
  func dropLaterLooks() {
    let all = laterLooks
    laterLooks = []
    for each in all { end(each) }
  }

  private func end(_ later: LaterLook) { later.round.came(looks[later.meter]?.look, of: meters[later.meter].id) }
}

/// A second look at a clock that was set.
struct LaterLook {
  let meter: Int
  let queries: [Query]
  let at: BootInstant
  let round: ClockRound
}

/// Looks that are still to come.
final class ClockRound {
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
