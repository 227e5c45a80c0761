internal import Devices
public import Metering

extension LinePlan.Meter {
  /// A meter with its part in `tasks`, less what the journal holds already.
  ///
  /// `programme` are the questions for each task, by the task's place; `wall` is in milliseconds since 1970, and `zone`
  /// that of the tasks and of the meters' clocks. `stored` tells the quantities that the journal holds of this meter, of
  /// a kind and an instant: of registers as they stood, the due time of the round; of freezes, the time of the freeze.
  public init(
    _ meter: LineMeter, programme: [[Query]], probes: [Query], tasks: [AcquisitionTask], isKey: Bool = false,
    at wall: Int64, zone: ZoneOffset, stored: (ReadingKind, Int64) -> Set<Quantity>
  ) {
    func isFrozen(_ query: Query, _ day: CivilDate) -> Bool {
      let instant = zone.unixMilliseconds(of: MeterTime(localSeconds: day.daysSince1970 * 86_400))
      return !stored(.dailyFreeze, instant).isDisjoint(with: meter.frozenQuantities(of: query))
    }
    var done: [Set<Query>] = []
    var missing: [[Query]] = []
    let today = zone.local(unixMilliseconds: wall).date.daysSince1970
    for (task, queries) in zip(tasks, programme) {
      let slot = task.schedule.slot(at: wall, zone: zone)
      let day = zone.local(unixMilliseconds: slot).date
      let freezes = queries.filter { $0.freezeTime != nil }
      // One answer is one transaction, so one of its values tells of all.
      let there = queries.isEmpty ? [] : stored(task.isSynthetic ? .dailyFreeze : .instantaneous, slot)
      done.append(
        Set(
          queries.filter { query in
            query.freezeTime != nil
              ? isFrozen(query, day) : meter.quantities(of: query).contains(where: there.contains)
          }))
      var lacking: [Query] = []
      if !freezes.isEmpty {
        for number in (today - Int64(task.backfillDays)..<max(day.daysSince1970, today - Int64(task.backfillDays)))
          .reversed()
        {
          let before = CivilDate(daysSince1970: number)
          lacking += freezes.filter { !isFrozen($0, before) }.map { $0.frozen(at: before) }
        }
      }
      missing.append(lacking)
    }
    self.init(
      id: meter.id, programme: programme, probes: probes, replyLimit: meter.replyLimit, done: done,
      isNumbered: meter.isOnNetwork, isKey: isKey, missing: missing, model: meter.model)
  }
}
