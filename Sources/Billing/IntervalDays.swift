public import Metering
public import Rating

/// One day of a bill by intervals: what was used in each slot of its hours. 分时电量
public struct IntervalDay: Hashable, Sendable {
  /// A stretch of the clock that is of one period.
  public struct Slot: Hashable, Sendable {
    /// As the plan has it, from one slot's begin to its end: `08:00-11:00`.
    public let hours: String
    /// The period's name in the plan.
    public let period: String
    /// What its intervals add up to, to a millionth of a kWh.
    public let energy: Energy
  }

  public let date: CivilDate
  /// `nil` where the plan has the same hours on every kind of day.
  public let type: DayType?
  public let slots: [Slot]
}

extension BilledIntervals {
  /// The intervals by day and slot of the hours of `plan`, under which they were settled.
  public func days(under plan: Plan) -> [IntervalDay] {
    guard let hours = plan.timeOfUse else { return [] }
    let perDay = 1440 / max(1, series.minutes)
    var found: [IntervalDay] = []
    for number in 0..<days.count {
      let date = CivilDate(daysSince1970: days.from.daysSince1970 + Int64(number))
      let type = calendar?.type(of: date)
      // Where no list is asked, the hours are those of any kind of day.
      let slots = hours.slots(on: date, of: type ?? DayCalendar.plainType(of: date)).map { slot in
        let sum = (slot.from / series.minutes..<slot.to / series.minutes).reduce(Energy.zero) { sum, index in
          let place = number * perDay + index
          return sum + (series.energies.indices.contains(place) ? series.energies[place] ?? .zero : .zero)
        }
        return IntervalDay.Slot(
          hours: slot.hours,
          period: plan.periods.indices.contains(slot.period) ? plan.periods[slot.period].name : "", energy: sum)
      }
      found.append(IntervalDay(date: date, type: type, slots: slots))
    }
    return found
  }

  /// The start of the interval that `time` lies in, and its energy; `nil` outside the days.
  public func interval(at time: MeterTime) -> (start: MeterTime, energy: Energy)? {
    let step = Int64(max(1, series.minutes)) * 60
    let index = (time.localSeconds - series.start.localSeconds) / step
    guard time >= series.start, let place = Int(exactly: index), series.energies.indices.contains(place),
      let energy = series.energies[place]
    else { return nil }
    return (MeterTime(localSeconds: series.start.localSeconds + index * step), energy)
  }
}

/// Intervals in words: what they add up to, what became of the difference to the register, and each day by its slots.
func explain(_ intervals: BilledIntervals, under plan: Plan) -> [String] {
  guard let settlement = try? intervals.settled(under: plan) else { return [] }
  let rest = settlement.total - settlement.intervals
  let residual = plan.residualPeriod.map { plan.periods[$0].name } ?? ""
  let rule =
    switch intervals.reconciliation {
    case .residual: "goes to \(residual)"
    case .scaled: "is shared by all periods"
    }
  let list = intervals.calendar.map { ", special days 特殊日 by \($0.name)" } ?? ""
  var text = [
    "Intervals 时段曲线: \(settlement.record.count) of \(settlement.record.minutes) minutes add up to"
      + " \(settlement.intervals) kWh, the register counted \(settlement.total); the difference, \(rest), at most"
      + " \(intervals.bound), \(rule)\(list)"
  ]
  for day in intervals.days(under: plan) {
    let slots = day.slots.map { "\($0.hours) \($0.period) \($0.energy)" }
    text.append(
      "   \(day.date)\(day.type.map { " \($0.rawValue)" } ?? ""): \(slots.joined(separator: ", "))")
  }
  for part in settlement.parts { text.append("   \(part.period): \(part.energy) kWh") }
  return text
}

/// The two readings that an interval of a bill, or the part of it that one meter counted, is the difference of.
public struct IntervalEnds: Hashable, Sendable {
  public let meter: String
  public let multiplier: String
  public let from: MeterTime
  public let to: MeterTime
  /// Numbers in the journal.
  public let start: Int64
  public let stop: Int64
}

extension IssuedBill {
  /// What the interval in which `time` lies was made of: one pair of readings, or two where a meter took another's place
  /// in it; empty where no interval of the bill is of that time.
  ///
  /// `profile` are the records of the bill's segments, `account` says when meters were put in and taken away.
  public func ends(
    ofIntervalAt time: MeterTime, in profile: ProfileReadings, of account: Account
  ) -> [IntervalEnds] {
    let known = profile.known(through: newestRecord)
    var found: [IntervalEnds] = []
    for segment in parts.flatMap(\.segments) {
      guard let minutes = segment.profile?.minutes, minutes > 0, let meter = MeterID(segment.meter),
        let begin = MeterTime(segment.from), let end = MeterTime(segment.to),
        let register = segment.importRegister
      else { continue }
      let step = Int64(minutes) * 60
      let start =
        (time.localSeconds - begin.date.daysSince1970 * 86_400) / step * step + begin.date.daysSince1970 * 86_400
      let from = max(MeterTime(localSeconds: start), begin)
      let to = min(MeterTime(localSeconds: start + step), end)
      guard from < to, begin.date <= time.date else { continue }
      let isPutIn =
        from == begin
        && account.meters.contains { $0.meter == meter && $0.startsWithReading(at: begin, every: step) }
      let isTakenAway =
        to == end && account.meters.contains { $0.meter == meter && $0.endsWithReading(at: end, every: step) }
      func record(_ at: MeterTime) -> Int64? { known.sequence(meter, at: account.zone.unixMilliseconds(of: at)) }
      guard let first = isPutIn ? register.start.reading : record(from),
        let last = isTakenAway ? register.stop.reading : record(to)
      else { continue }
      found.append(
        IntervalEnds(
          meter: segment.meter, multiplier: segment.multiplier, from: from, to: to, start: first, stop: last))
    }
    return found
  }
}
