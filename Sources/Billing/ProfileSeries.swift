internal import Metering
public import Rating

/// That an account is settled by the intervals of load profiles, and not by rate registers. 按时段曲线结算
public struct IntervalTerms: Hashable, Sendable {
  /// From one record to the next, as the meters are set: 15, 30 or 60.
  public let minutes: Int
  /// What becomes of the honest difference between intervals and register.
  public let reconciliation: Rating.Reconciliation

  public init(minutes: Int, reconciliation: Rating.Reconciliation = .residual) {
    self.minutes = minutes
    self.reconciliation = reconciliation
  }
}

/// The intervals that a bill was made of.
public struct BilledIntervals: Hashable, Sendable {
  public let series: IntervalSeries
  public let days: DayRange
  /// What the registers counted.
  public let register: Energy
  /// By how much the intervals may honestly differ from it.
  public let bound: Energy
  public let reconciliation: Rating.Reconciliation
  /// Which of the days are special; `nil` where the plan does not ask.
  public let calendar: DayCalendar?

  /// The same intervals in the periods of `plan`, which may have other hours than the plan they were billed under.
  ///
  /// - Throws: `SettlementError`, also where the days' list of special days is wanted now and was not before.
  public func settled(under plan: Plan) throws(SettlementError) -> IntervalSettlement {
    try plan.settle(series, days: days, register: register, bound: bound, calendar: calendar, by: reconciliation)
  }
}

/// Puts the load profiles of the meters that counted on some days into one series of intervals.
///
/// An interval is the difference of two neighbouring records times the multiplier. Records are what one register showed,
/// so nothing adds up from interval to interval: all of a segment make the difference of its last and its first record,
/// whatever digits are cut between them. That differs from what the settlement readings say only at the two ends, where a
/// record and a reading show one register at one instant, each cut to its last digit: by one step of the coarser one at
/// each end. An end at which a meter was put in, taken away or got other transformers is the very reading that the
/// register is billed by, and adds nothing; one at which only an error of the meter begins or ends is no change, and has its
/// record like any other instant that has one. What stands in one interval from two meters is added up.
struct SeriesBuilder {
  let account: Account
  let profile: ProfileReadings
  let terms: IntervalTerms
  let days: DayRange
  /// The smallest energy that is billed.
  let energyStep: Energy
  private(set) var reasons: [HoldReason] = []
  /// By how much the intervals may honestly differ from the register, after the multiplier.
  private(set) var bound = Energy.zero
  private var energies: [Int64]

  fileprivate struct Point {
    let seconds: Int64
    let mark: RegisterMark
    let isRecord: Bool
  }

  init(account: Account, profile: ProfileReadings, terms: IntervalTerms, days: DayRange, energyStep: Energy) {
    self.account = account
    self.profile = profile
    self.terms = terms
    self.days = days
    self.energyStep = energyStep
    energies = Array(repeating: 0, count: days.count * 1440 / max(1, terms.minutes))
  }

  private var step: Int64 { Int64(max(1, terms.minutes)) * 60 }
  private var midnight: Int64 { days.from.daysSince1970 * 86_400 }

  /// All intervals of the days; of use only without `reasons`.
  var series: IntervalSeries {
    IntervalSeries(
      start: MeterTime(localSeconds: midnight), minutes: terms.minutes, energies: energies.map(Energy.init(millionths:))
    )
  }

  /// Takes a segment's records in, and gives the segment with what was made of them.
  mutating func add(_ segment: UsageSegment, _ span: SegmentBuilder.Span) -> UsageSegment {
    let register = segment.registers.first { $0.quantity == .energyTotal(.importActive) }
    return segment.with(nil, register.flatMap { add($0, span) })
  }

  /// Takes the records in that lie between the readings of a total register; `nil` where there is a reason against it.
  mutating func add(_ register: RegisterUse, _ span: SegmentBuilder.Span) -> ProfileUse? {
    let (assignment, quantity) = (span.assignment, register.quantity)
    guard let points = points(register, span) else { return nil }
    var counted = Energy.zero
    var billed = Energy.zero
    for (a, b) in zip(points, points.dropFirst()) {
      do throws(HoldReason) {
        counted += try difference(assignment, quantity, a.mark, b.mark, seconds: b.seconds - a.seconds).energy
      } catch {
        reasons.append(error.between(a, b))
        return nil
      }
      // The running sum is rounded, not the parts: they add up to the whole whatever the multiplier is.
      let index = Int(clamping: (a.seconds - midnight) / step)
      guard let whole = assignment.multiplier.energy(counted, decimals: 6), energies.indices.contains(index) else {
        reasons.append(.tooMuchEnergy(assignment.meter, quantity))
        return nil
      }
      energies[index] &+= (whole - billed).millionths
      billed = whole
    }
    compare(assignment, register, points, counted, seconds: span.to.localSeconds - span.from.localSeconds)
    let records = points.filter(\.isRecord)
    let text = records.map {
      "\($0.seconds) \($0.mark.sequence) \($0.mark.value.millionths) \($0.mark.quality.rawValue)"
    }
    return ProfileUse(
      minutes: terms.minutes, records: records.count, newest: records.map(\.mark.sequence).max() ?? 0,
      digest: sha256Hex(text.joined(separator: "\n").utf8), energy: billed,
      estimated: records.count { $0.mark.quality == .estimated })
  }

  /// Both ends of a span and every record between them; `nil` where one is missing or in doubt.
  private mutating func points(_ register: RegisterUse, _ span: SegmentBuilder.Span) -> [Point]? {
    let meter = span.assignment.meter
    var points: [Point] = []
    var missing: [MeterTime] = []
    var doubtful: [(at: MeterTime, sequence: Int64, status: Verdict.Status)] = []
    func take(_ seconds: Int64) {
      let time = MeterTime(localSeconds: seconds)
      guard let record = profile.record(meter, at: account.zone.unixMilliseconds(of: time)) else {
        missing.append(time)
        return
      }
      guard record.isUsable else {
        doubtful.append((time, record.mark.sequence, record.status))
        return
      }
      points.append(Point(seconds: seconds, mark: record.mark, isRecord: true))
    }
    let (first, last) = (span.from.localSeconds, span.to.localSeconds)
    if span.assignment.startsWithReading(at: span.from, every: step) {
      points.append(Point(seconds: first, mark: register.start, isRecord: false))
    } else {
      take(first)
    }
    var seconds = midnight + ((first - midnight) / step + 1) * step
    while seconds < last {
      take(seconds)
      seconds += step
    }
    if span.assignment.endsWithReading(at: span.to, every: step) {
      points.append(Point(seconds: last, mark: register.stop, isRecord: false))
    } else {
      take(last)
    }
    if !missing.isEmpty { reasons.append(.missingRecords(meter, at: missing, minutes: terms.minutes)) }
    if let worst = doubtful.first {
      reasons.append(
        .unusableRecords(
          meter, from: worst.at, to: doubtful.last?.at ?? worst.at, count: doubtful.count, reading: worst.sequence,
          worst.status))
    }
    return missing.isEmpty && doubtful.isEmpty ? points : nil
  }

  /// Holds the bill where intervals and register are further apart than their last digits explain.
  private mutating func compare(
    _ assignment: MeterAssignment, _ register: RegisterUse, _ points: [Point], _ counted: Energy, seconds: Int64
  ) {
    guard let first = points.first, let last = points.last,
      let total = try? difference(
        assignment, register.quantity, register.start, register.stop, seconds: seconds
      ).energy
    else { return }
    let ends = [(first, register.start), (last, register.stop)]
    let steps = ends.map { point, mark in
      point.mark.sequence == mark.sequence ? 0 : max(point.mark.value.resolution, mark.value.resolution)
    }
    let most = Energy(millionths: steps.reduce(0) { $0 + min($1, assignment.register.capacity) })
    guard total - counted <= most, counted - total <= most else {
      reasons.append(.intervalsDisagree(assignment.meter, register: total, intervals: counted, most: most))
      return
    }
    // The register was rounded to what is billed after the multiplier, and the intervals to a millionth.
    let rounding = Energy(millionths: energyStep.millionths / 2 + 1)
    bound += (assignment.multiplier.energy(most, decimals: 6) ?? .zero) + rounding
  }
}

extension MeterAssignment {
  /// True where the intervals of what counts from `time` on start with the reading of the register and not with a record:
  /// the meter was put in, or an error begins or ends there between two records. `step` is in seconds.
  func startsWithReading(at time: MeterTime, every step: Int64) -> Bool {
    from == time && (isPutIn || time.localSeconds % step != 0)
  }

  /// The same of the instant at which it stops counting.
  func endsWithReading(at time: MeterTime, every step: Int64) -> Bool {
    to == time && (isTakenAway || time.localSeconds % step != 0)
  }
}

extension HoldReason {
  /// The same of two points of a load profile, one after the other.
  fileprivate func between(_ a: SeriesBuilder.Point, _ b: SeriesBuilder.Point) -> HoldReason {
    guard case .backward(let meter, _, let start, let stop) = self else { return self }
    guard a.isRecord != b.isRecord else {
      return .recordFell(meter, at: MeterTime(localSeconds: b.seconds), start: start, stop: stop)
    }
    let (change, record) = a.isRecord ? (b, a) : (a, b)
    return .changeBesideRecord(
      meter, reading: change.mark.sequence, change.mark.value, at: MeterTime(localSeconds: change.seconds),
      record: record.mark.sequence, record.mark.value)
  }
}
