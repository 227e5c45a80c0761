internal import Devices
public import Metering

extension LinePlan.Meter {
  /// A meter with its part in `tasks`, less what the journal holds already.
  ///
  /// `programme` are the questions for each task, by the task's place; `wall` is in milliseconds since 1970, and `zone`
  /// that of the tasks and of the meters' clocks; `coming` are other questions from some round on. The rest as for what
  /// is held.
  public init(
    _ meter: LineMeter, programme: [[Query]], probes: [Query], tasks: [AcquisitionTask], isKey: Bool = false,
    at wall: Int64, zone: ZoneOffset, knownSince: Int64? = nil, tasksKnownSince: [Int64] = [], lastAtWork: [Int64] = [],
    coming: Coming? = nil, late: (String, Int64) -> Set<String> = { _, _ in [] },
    stored: (ReadingKind, Int64) -> Set<Quantity>
  ) {
    self.init(
      id: meter.id, programme: programme, probes: probes, replyLimit: meter.replyLimit,
      held: LinePlan.Held(
        of: meter, programme: programme, tasks: tasks, at: wall, zone: zone, knownSince: knownSince,
        tasksKnownSince: tasksKnownSince, lastAtWork: lastAtWork, late: late,
        stored: stored),
      isNumbered: meter.isOnNetwork, isKey: isKey, model: meter.model, coming: coming)
  }
}

extension LinePlan.Held {
  /// What the journal holds of a meter's part in `tasks`, by a wall clock that stands at `wall`.
  ///
  /// `stored` tells the quantities that the journal holds of this meter, of a kind and at an instant: of registers as
  /// they stood, the due time of the round; of freezes, the time of the freeze. `late` tells, by a task's name and the
  /// due time of a round, what was answered for it later than its label allows: the subjects of the questions.
  /// `knownSince` is when the meter was first configured, `tasksKnownSince` when each task was, and `lastAtWork` when
  /// somebody last saw to the rounds of each task, in milliseconds since 1970: what the round that was open then has
  /// neither brought nor lost by a gap that is noted is lost. Empty where nobody knows.
  public init(
    of meter: LineMeter, programme: [[Query]], tasks: [AcquisitionTask], at wall: Int64, zone: ZoneOffset,
    knownSince: Int64? = nil, tasksKnownSince: [Int64] = [], lastAtWork: [Int64] = [],
    late: (String, Int64) -> Set<String> = { _, _ in [] },
    stored: (ReadingKind, Int64) -> Set<Quantity>
  ) {
    func isFrozen(_ query: Query, _ day: CivilDate) -> Bool {
      let instant = zone.unixMilliseconds(of: MeterTime(localSeconds: day.daysSince1970 * 86_400))
      return !stored(.dailyFreeze, instant).isDisjoint(with: meter.frozenQuantities(of: query))
    }
    // One answer is one transaction, so one of its values tells of all.
    func isThere(_ query: Query, _ there: Set<Quantity>) -> Bool {
      meter.quantities(of: query).contains(where: there.contains)
    }
    self.init(knownSince: knownSince, tasksKnownSince: tasksKnownSince)
    let today = zone.local(unixMilliseconds: wall).date.daysSince1970
    for (index, (task, queries)) in zip(tasks, programme).enumerated() {
      let slot = task.schedule.slot(at: wall, zone: zone)
      let day = zone.local(unixMilliseconds: slot).date
      let freezes = queries.filter { $0.freezeTime != nil }
      let there = queries.isEmpty ? [] : stored(task.isSynthetic ? .dailyFreeze : .instantaneous, slot)
      let answered = queries.isEmpty ? [] : late(task.name, slot)
      done.append(
        Set(
          queries.filter { query in
            if query.freezeTime != nil { return isFrozen(query, day) }
            return isThere(query, there) || answered.contains(query.subject)
          }))
      let first = today - Int64(task.backfillDays)
      var lacking: [Query] = []
      if !freezes.isEmpty {
        for number in (first..<max(day.daysSince1970, first)).reversed() {
          let before = CivilDate(daysSince1970: number)
          lacking += freezes.filter { !isFrozen($0, before) }.map { $0.frozen(at: before) }
        }
      }
      missing.append(lacking)
      var gone: [Lost] = []
      if task.isSynthetic, !queries.isEmpty {
        for back in (0...Int64(task.backfillDays)).reversed() {
          let before = slot - back * 86_400_000
          guard wall > before + task.schedule.grace else { continue }
          let there = stored(.dailyFreeze, before)
          let absent = queries.filter { $0.isOfTheMoment && !isThere($0, there) }
          if !absent.isEmpty { gone.append(Lost(slot: before, queries: absent)) }
        }
      }
      if task.readsRegisters, !task.isSynthetic, lastAtWork.indices.contains(index) {
        let before = task.schedule.slot(at: lastAtWork[index], zone: zone)
        let there = stored(.instantaneous, before), answered = late(task.name, before)
        // Memories are read again by the next round, and of what is no number the journal holds nothing.
        let absent = queries.filter {
          $0.isOfTheMoment
            && meter.quantities(of: $0).contains { $0.unit != nil } && !isThere($0, there)
            && !answered.contains($0.subject)
        }
        if before < slot, task.serves(before, zone: zone), !absent.isEmpty {
          gone.append(Lost(slot: before, queries: absent))
        }
      }
      lost.append(gone)
    }
  }
}
