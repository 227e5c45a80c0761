internal import Devices
internal import Line
internal import Metering

/// The freeze of a certain day, found in the meter's memory by its time.
extension LineEngine {
  /// What came of it; `conclusion` where it is not to be had now or ever.
  struct FoundFreeze {
    let said: MeterSpeaker.Said
    let asked: Query
    var conclusion: LinePlan.Conclusion?
  }

  /// Reads the record that by the meter's clock is of `day`, and where its time says otherwise the one that then must be.
  ///
  /// The freeze of a day is taken as the next begins; `day` is the one that began. A meter that was without power
  /// at midnight has no record of it, and those before it have moved up.
  func readFreeze(of day: CivilDate, _ ask: LinePlan.Ask, _ meter: LineMeter) throws(LineError) -> FoundFreeze {
    if needsClock(ask), let failed = try lookAtClock(ask, meter) { return failed }
    let clock = notes[ask.meter].clock?.time(at: boot)
    let today = clock?.date ?? plan.zone.local(unixMilliseconds: wall().unixMilliseconds).date
    var back = max(1, Int(clamping: today.daysSince1970 - day.daysSince1970 + 1))
    // Nobody has looked into the memory yet, and the clock may have been misread: its newest record tells the day.
    if back > meter.freezesKept { back = 1 }
    var seen: Set<Int> = [back]
    while true {
      let asked = ask.query.record(back)
      let said = try readTwice(asked, of: ask, meter, expecting: day)
      guard case .told(let told) = said.result else {
        // The last record is there as soon as any; of one further back the meter says that it has none.
        if case .refused = said.result, back > 1 { return FoundFreeze(said: said, asked: asked, conclusion: .gone) }
        return FoundFreeze(said: said, asked: asked)
      }
      guard !told.isFrozen(at: day) else { return FoundFreeze(said: said, asked: asked) }
      guard let frozenAt = told.observations.freezeTime else {
        guard back == 1 else { return FoundFreeze(said: said, asked: asked, conclusion: .gone) }
        return stale(said, asked, ask, meter, nil)
      }
      let shift = Int(clamping: frozenAt.date.daysSince1970 - day.daysSince1970)
      guard shift != 0, back + shift >= 1 else { return stale(said, asked, ask, meter, frozenAt) }
      // Never beyond what any meter keeps, whatever time it tells.
      back = min(back + shift, 255)
      guard back <= meter.freezesKept, seen.insert(back).inserted else {
        return FoundFreeze(said: said, asked: asked, conclusion: .gone)
      }
    }
  }

  /// So old may be the look at the meter's clock by which a day is looked for in its memory.
  private static let oldestSight = BootInstant.Span.seconds(3600)

  /// True where nobody has looked at the meter's clock yet, or not lately: what is missing may be so because somebody
  /// has set it meanwhile.
  private func needsClock(_ ask: LinePlan.Ask) -> Bool {
    guard let clock = notes[ask.meter].clock else { return true }
    return ask.round?.isBackfill == true && boot - clock.at > Self.oldestSight
  }

  /// False where the last look at the meter's clock does not tell which month it closed last, for one may have been closed
  /// since: what is read without that is of nobody knows when, and the next round may be a month away.
  func datesSettlements(_ meter: Int) -> Bool {
    guard let day = notes[meter].settlementDay else { return true }
    return notes[meter].clock?.boundary(1, of: day, answeredAt: boot) != nil
  }

  /// Memories are dated by the meter's clock, so somebody must have looked at that. What went wrong; `nil` where it is
  /// known now.
  func lookAtClock(_ ask: LinePlan.Ask, _ meter: LineMeter) throws(LineError) -> FoundFreeze? {
    let before = notes[ask.meter].clock
    var tried: [Query] = []
    for query in plan.meters[ask.meter].programme.joined() where query.isClock && !tried.contains(query) {
      tried.append(query)
      let said = try put(query, of: ask, meter)
      switch said.result {
      case .told(let told):
        notes[ask.meter].take(
          told.observations, at: said.record.endedAt, took: said.record.endedAt - said.record.startedAt)
        if notes[ask.meter].clock != before { return nil }
      case .refused: continue
      case .damaged, .silent: return FoundFreeze(said: said, asked: query)
      }
    }
    // Date and time are not believed around midnight; the look before is good enough then.
    guard before == nil else { return nil }
    let unknown = MeterSpeaker.SaidResult.damaged("the meter's clock is not known, and its memories are dated by it")
    return FoundFreeze(
      said: MeterSpeaker.Said(result: unknown, record: ExchangeRecord(nothingSentAt: boot)), asked: ask.query)
  }

  private func stale(
    _ said: MeterSpeaker.Said, _ asked: Query, _ ask: LinePlan.Ask, _ meter: LineMeter, _ told: MeterTime?
  ) -> FoundFreeze {
    tell(.staleFreeze(line: name, meter: meter.id, query: ask.query, told: told))
    return FoundFreeze(said: said, asked: asked, conclusion: .stale)
  }
}

extension MeterSpeaker.Told {
  /// True where the freeze that was read with its time was taken as `day` began.
  func isFrozen(at day: CivilDate) -> Bool { observations.freezeTime?.localSeconds == day.daysSince1970 * 86_400 }
}
