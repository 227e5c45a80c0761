internal import Metering

/// Which interval of a billing period is of which period of a plan, worked out once for all meters. 分时结算
///
/// Gives what `Plan.settle(_:days:register:bound:calendar:by:)` gives, without a record of the single intervals.
public struct CompiledCalendar: Sendable {
  /// The plan whose slots they are.
  public let plan: Plan
  /// The days that are billed.
  public let days: DayRange
  /// Length of an interval: 15, 30 or 60.
  public let minutes: Int
  /// How many intervals the days have.
  public let count: Int
  private let calendar: DayCalendar?
  private let runs: [Run]

  /// Intervals of one period that follow each other.
  private struct Run: Sendable {
    let period: Int
    var intervals: Range<Int>
  }

  /// - Parameters:
  ///   - plan: has a `[calendar]` of its own.
  ///   - days: the days that are billed.
  ///   - minutes: 15, 30 or 60.
  ///   - calendar: which days are special; needed where the plan tells holidays from other days.
  /// - Throws: `SettlementError` where some interval is of no period, or of two.
  public init(_ plan: Plan, for days: DayRange, minutes: Int, calendar: DayCalendar? = nil) throws(SettlementError) {
    guard let timeOfUse = plan.timeOfUse, plan.residualPeriod != nil else { throw .noCalendar(plan: plan.name) }
    guard [15, 30, 60].contains(minutes) else { throw .minutes(minutes) }
    self.plan = plan
    self.days = days
    self.minutes = minutes
    self.calendar = calendar
    let perDay = 1440 / minutes
    count = days.count * perDay
    var runs: [Run] = []
    for index in 0..<count {
      let date = CivilDate(daysSince1970: days.from.daysSince1970 + Int64(index / perDay))
      let minute = index % perDay * minutes
      let type = calendar.map { $0.type(of: date) } ?? timeOfUse.typeWithoutCalendar(of: date)
      guard let type else { throw .unknownDay(date) }
      let slot = timeOfUse.slots(on: date, of: type).first { $0.from <= minute && minute < $0.to }
      guard let slot, slot.to >= minute + minutes else {
        throw .straddles(at: meterTime(date, minute), boundary: clock(slot?.to ?? 0))
      }
      if let last = runs.indices.last, runs[last].period == slot.period {
        runs[last].intervals = runs[last].intervals.lowerBound..<index + 1
      } else {
        runs.append(Run(period: slot.period, intervals: index..<index + 1))
      }
    }
    self.runs = runs
  }

  /// The energy of each of the plan's periods, in its order; they add up to `register`.
  ///
  /// - Parameters:
  ///   - intervals: the energy of every interval of the days, from their first midnight on.
  ///   - register: what the total register counted in the same time, at the plan's energy scale.
  ///   - bound: by how much the sum of the intervals may honestly differ from it.
  ///   - reconciliation: what becomes of the difference.
  /// - Returns: the energies, a period each.
  /// - Throws: `SettlementError`, as the settlement of a series does; a meter with a missing interval is settled there.
  public func periods(
    of intervals: Span<Energy>, register: Energy, bound: Energy, by reconciliation: Reconciliation = .residual
  ) throws(SettlementError) -> [Energy] {
    guard intervals.count == count else {
      let midnight = meterTime(days.from, 0)
      throw .coverage(expected: count, from: midnight, given: intervals.count, start: midnight)
    }
    var sums: [Int128] = Array(repeating: 0, count: plan.periods.count)
    var bits: Int64 = 0
    for run in runs {
      var sum: Int64 = 0
      for index in run.intervals {
        let millionths = intervals[index].millionths
        bits |= millionths
        sum &+= millionths
      }
      sums[run.period] += Int128(sum)
    }
    // None below nothing, and all so small that not even the intervals of three years leave 64 bits.
    guard bits >= 0, bits < 1 << 46, count <= 1 << 17 else {
      let energies = intervals.indices.map { Optional(intervals[$0]) }
      let series = IntervalSeries(start: meterTime(days.from, 0), minutes: minutes, energies: energies)
      return try plan.settle(
        series, days: days, register: register, bound: bound, calendar: calendar, by: reconciliation
      ).parts.map(\.energy)
    }
    return try plan.reconciled(sums, register: register, bound: bound, by: reconciliation).periods
  }
}

private func meterTime(_ date: CivilDate, _ minute: Int) -> MeterTime {
  MeterTime(localSeconds: date.daysSince1970 * 86_400 + Int64(minute) * 60)
}
