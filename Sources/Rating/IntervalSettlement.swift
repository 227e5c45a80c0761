public import Metering

/// Energy by the quarter, half or full hour, as a load profile has it.
public struct IntervalSeries: Hashable, Sendable {
  /// Start of the first interval, local time.
  public let start: MeterTime
  /// 15, 30 or 60.
  public let minutes: Int
  /// Energy of each interval after the multiplier; `nil` where none is known.
  public let energies: [Energy?]

  /// Intervals one after the other from `start` on; they are checked when they are settled.
  public init(start: MeterTime, minutes: Int, energies: [Energy?]) {
    self.start = start
    self.minutes = minutes
    self.energies = energies
  }

  /// SHA-256 of the start and all energies, in hex.
  var digest: String {
    let texts = energies.map { $0.map { "\($0.millionths)" } ?? "-" }
    return sha256Hex("\(start)/\(minutes)\n\(texts.joined(separator: "\n"))".utf8)
  }
}

/// What is done with the honest difference between the intervals and the register.
public enum Reconciliation: String, Hashable, Sendable, CaseIterable {
  /// The residual period takes it, as it does by registers.
  case residual
  /// All periods are scaled to the register, largest remainders first.
  case scaled
}

/// Interval energy put into a plan's periods, and reconciled with the register.
public struct IntervalSettlement: Hashable, Sendable {
  /// What the register counted: what is billed.
  public let total: Energy
  /// The sum of the intervals.
  public let intervals: Energy
  /// Every period; they add up to `total`.
  public let parts: [PeriodEnergy]
  /// What the bill keeps of it.
  public let record: IntervalRecord
}

/// What a bill keeps of an interval settlement: enough to tell whether it was made of the same intervals.
public struct IntervalRecord: Hashable, Sendable {
  /// Length of an interval.
  public let minutes: Int
  /// How many intervals there were.
  public let count: Int
  /// The sum of the intervals.
  public let sum: Energy
  /// What was done with the difference to the register.
  public let reconciliation: Reconciliation
  /// SHA-256 of the series.
  public let seriesDigest: String
  /// SHA-256 of the calendar of days; `nil` where none was needed.
  public let calendarDigest: String?
  /// The energy of each stretch of hours of one period, in the order of time.
  public let inOrder: [PeriodEnergy]

  func write(to json: inout CanonicalJSON) {
    json.number("minutes", minutes)
    json.number("count", count)
    json.string("sum", sum.text(decimals: 6))
    json.string("reconciliation", reconciliation.rawValue)
    json.string("series", seriesDigest)
    json.string("calendar", calendarDigest)
  }
}

/// Why intervals cannot be settled. The bill waits: neither of two sources is silently preferred.
public enum SettlementError: Error, Hashable, Sendable {
  /// The plan does not say which hour is of which period.
  case noCalendar(plan: String)
  /// Not 15, 30 or 60 minutes.
  case minutes(Int)
  /// The series does not cover the days exactly.
  case coverage(expected: Int, from: MeterTime, given: Int, start: MeterTime)
  /// No energy is known of an interval.
  case missing(at: MeterTime)
  /// Negative, or beyond what can be billed.
  case outOfRange(at: MeterTime, Energy)
  /// The calendar of days says nothing of a day.
  case unknownDay(CivilDate)
  /// A slot of the plan begins inside an interval.
  case straddles(at: MeterTime, boundary: String)
  /// More apart than the last digits of both explain.
  case disagree(register: Energy, intervals: Energy, bound: Energy)
}

extension SettlementError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noCalendar(let plan): "plan \(plan) has no [calendar] that says which hour is of which period"
    case .minutes(let minutes): "intervals of \(minutes) minutes; 15, 30 and 60 are known"
    case .coverage(let expected, let from, let given, let start):
      "\(given) intervals from \(start), but the days need \(expected) from \(from)"
    case .missing(let time): "the interval that starts at \(time) is missing; backfill the load profile"
    case .outOfRange(let time, let energy): "the interval that starts at \(time) has \(energy) kWh"
    case .unknownDay(let date): "no calendar says what kind of day \(date) is; add the year's holiday list"
    case .straddles(let time, let boundary):
      "a period begins at \(boundary), inside the interval that starts at \(time); shorter intervals are needed"
    case .disagree(let register, let intervals, let bound):
      "the register counted \(register) kWh and the intervals \(intervals) kWh, more than \(bound) kWh apart"
    }
  }
}

extension Plan {
  /// Puts intervals into the periods of the plan's calendar.
  ///
  /// - Parameters:
  ///   - series: covers `days` exactly, from midnight to midnight.
  ///   - days: the days that are billed.
  ///   - register: what the total register counted in the same time, at the plan's energy scale.
  ///   - bound: by how much the sum of the intervals may honestly differ from it: a last digit for each interval that
  ///     is cut, and one for each of the two readings.
  ///   - calendar: which days are special; needed where the plan tells holidays from other days.
  ///   - reconciliation: what becomes of the difference.
  /// - Returns: every period's energy; they add up to `register`.
  /// - Throws: `SettlementError`, and nothing is settled.
  public func settle(
    _ series: IntervalSeries, days: DayRange, register: Energy, bound: Energy, calendar: DayCalendar? = nil,
    by reconciliation: Reconciliation = .residual
  ) throws(SettlementError) -> IntervalSettlement {
    guard let timeOfUse, residualPeriod != nil else { throw .noCalendar(plan: name) }
    guard [15, 30, 60].contains(series.minutes) else { throw .minutes(series.minutes) }
    let midnight = MeterTime(localSeconds: days.from.daysSince1970 * 86_400)
    let perDay = 1440 / series.minutes
    let expected = days.count * perDay
    guard series.start.localSeconds == midnight.localSeconds, series.energies.count == expected else {
      throw .coverage(expected: expected, from: midnight, given: series.energies.count, start: series.start)
    }
    var sums: [Int128] = Array(repeating: 0, count: periods.count)
    var runs: [(period: Int, sum: Int128)] = []
    for day in 0..<expected / perDay {
      let date = CivilDate(daysSince1970: days.from.daysSince1970 + Int64(day))
      let type = calendar.map { $0.type(of: date) } ?? timeOfUse.typeWithoutCalendar(of: date)
      guard let type else { throw .unknownDay(date) }
      var slots = timeOfUse.slots(on: date, of: type)[...]
      for index in 0..<perDay {
        let minute = index * series.minutes
        func time() -> MeterTime { MeterTime(localSeconds: date.daysSince1970 * 86_400 + Int64(minute) * 60) }
        guard let energy = series.energies[day * perDay + index] else { throw .missing(at: time()) }
        guard energy.isBillable else { throw .outOfRange(at: time(), energy) }
        while let slot = slots.first, slot.to <= minute { slots = slots.dropFirst() }
        guard let slot = slots.first, slot.to >= minute + series.minutes else {
          throw .straddles(at: time(), boundary: clock(slots.first?.to ?? 0))
        }
        sums[slot.period] += Int128(energy.millionths)
        if runs.last?.period != slot.period { runs.append((slot.period, 0)) }
        runs[runs.count - 1].sum += Int128(energy.millionths)
      }
    }
    let (whole, energies) = try reconciled(sums, register: register, bound: bound, by: reconciliation)
    return IntervalSettlement(
      total: register, intervals: whole, parts: zip(periods, energies).map { PeriodEnergy($0.name, $1) },
      record: IntervalRecord(
        minutes: series.minutes, count: expected, sum: whole, reconciliation: reconciliation,
        seriesDigest: series.digest, calendarDigest: calendar?.digest,
        inOrder: runs.map { PeriodEnergy(periods[$0.period].name, Energy(millionths: Int64(clamping: $0.sum))) }))
  }

  /// The sum of all intervals, and the energies of the periods whose intervals add up to `sums`, reconciled with the
  /// register.
  func reconciled(
    _ sums: [Int128], register: Energy, bound: Energy, by reconciliation: Reconciliation
  ) throws(SettlementError) -> (sum: Energy, periods: [Energy]) {
    let sum = sums.reduce(0, +)
    guard let whole = Int64(exactly: sum).map(Energy.init(millionths:)), whole.isBillable, register.isBillable,
      register.millionths % energyStep.millionths == 0, whole - register <= bound, register - whole <= bound
    else {
      throw .disagree(register: register, intervals: Energy(millionths: Int64(clamping: sum)), bound: bound)
    }
    switch reconciliation {
    case .residual: return (whole, residual(sums, register, residualPeriod ?? 0))
    case .scaled: return (whole, scaled(sums, sum, register))
    }
  }

  /// Every period rounded half up, the residual one taking what is left; never below nothing, the largest others then
  /// giving way.
  private func residual(_ sums: [Int128], _ register: Energy, _ residual: Int) -> [Energy] {
    let step = energyStep.millionths
    var energies = sums.map { Energy(millionths: Int64(clamping: dividedHalfUp($0, by: Int128(step))) * step) }
    energies[residual] = .zero
    var rest = energies.reduce(register, -)
    while rest < .zero, let largest = energies.indices.max(by: { energies[$0] < energies[$1] }),
      energies[largest] > .zero
    {
      let taken = min(-rest, energies[largest])
      energies[largest] -= taken
      rest += taken
    }
    energies[residual] = rest
    return energies
  }

  /// Every period times register over sum, cut to the billed step; the steps that are left go to the largest remainders.
  private func scaled(_ sums: [Int128], _ sum: Int128, _ register: Energy) -> [Energy] {
    let step = Int128(energyStep.millionths)
    let steps = Int128(register.millionths) / step
    guard sum > 0 else { return sums.indices.map { $0 == residualPeriod ? register : .zero } }
    var whole: [Int128] = []
    var remainders: [(rest: Int128, index: Int)] = []
    for (index, part) in sums.enumerated() {
      let (quotient, rest) = (part * steps).quotientAndRemainder(dividingBy: sum)
      whole.append(quotient)
      remainders.append((rest, index))
    }
    let left = Int(clamping: whole.reduce(steps, -))
    for (_, index) in remainders.sorted(by: { ($0.rest, $1.index) > ($1.rest, $0.index) }).prefix(left) {
      whole[index] += 1
    }
    return whole.map { Energy(millionths: Int64(clamping: $0 * step)) }
  }
}

extension Usage {
  /// This usage with its energy settled by intervals.
  public func settled(by settlement: IntervalSettlement) -> Usage {
    var usage = self
    usage.total = settlement.total
    usage.parts = settlement.parts
    usage.tolerance = .zero
    var supply = supply ?? Supply()
    supply.intervals = settlement.record
    usage.supply = supply
    return usage
  }
}
