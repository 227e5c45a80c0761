internal import Metering
internal import Rating

/// Turns an account's readings into usage segments, and gathers what stands in the way.
struct SegmentBuilder {
  let account: Account
  let readings: BoundaryReadings
  let profile: ProfileReadings
  /// Midnights of changed rules, in milliseconds since 1970, at which a record of the load profile tells the total where
  /// nothing else does: it is what the register showed.
  var recorded: Set<Int64> = []
  private(set) var reasons: [HoldReason] = []

  init(account: Account, readings: BoundaryReadings, profile: ProfileReadings = ProfileReadings()) {
    self.account = account
    self.readings = readings
    self.profile = profile
  }

  /// The stretch of one meter assignment within some days.
  struct Span: Hashable {
    let assignment: MeterAssignment
    let from: MeterTime
    let to: MeterTime
  }

  /// The assignments that count from `from` to `to`; together they must cover it, end to end.
  mutating func spans(from start: MeterTime, to end: MeterTime) -> [Span] {
    var spans: [Span] = []
    var covered = start
    for assignment in account.meters.sorted(by: { Self.start($0) < Self.start($1) }) {
      let from = max(assignment.from ?? start, start)
      let to = min(assignment.to ?? end, end)
      guard from < to else { continue }
      if from > covered { reasons.append(.noMeter(from: covered, to: from)) }
      if from < covered, let last = spans.last {
        reasons.append(.twoMeters(last.assignment.meter, assignment.meter, at: from))
      }
      spans.append(Span(assignment: assignment, from: from, to: to))
      covered = max(covered, to)
    }
    if covered < end { reasons.append(.noMeter(from: covered, to: end)) }
    return spans
  }

  private static func start(_ assignment: MeterAssignment) -> Int64 { assignment.from?.localSeconds ?? .min }

  /// Import energy, which is billed by period, and what else is billed beside it.
  enum Kinds {
    case all
    case imports
    /// Reactive and reverse energy.
    case others
  }

  /// The registers that a bill under `plan` is made of, the total first.
  static func registers(
    of assignment: MeterAssignment, under plan: Plan, _ wanted: Wanted, _ kinds: Kinds = .all
  ) -> [Quantity] {
    var found: [Quantity] = []
    if kinds != .others {
      found.append(.energyTotal(.importActive))
      if !wanted.intervals {
        found += plan.periods.flatMap(\.rates).compactMap { Quantity.energy(.importActive, rate: $0) }
      }
    }
    guard kinds != .imports else { return found }
    if wanted.reactive {
      found.append(.energyTotal(assignment.reactive.forward))
      if let reverse = assignment.reactive.reverse { found.append(.energyTotal(reverse)) }
    }
    if wanted.exported { found.append(.energyTotal(.exportActive)) }
    return found
  }

  /// True where every register of `quantities` has a usable reading at an instant.
  func isFrozen(_ assignment: MeterAssignment, _ quantities: [Quantity], at time: MeterTime) -> Bool {
    let instant = account.zone.unixMilliseconds(of: time)
    return quantities.allSatisfy { readings.reading(assignment.meter, $0, at: instant)?.verdict.isUsable ?? false }
  }

  /// True where there is a reading of a register at an instant, whatever the verdict on it.
  func isRead(_ meter: MeterID, _ quantity: Quantity, at time: MeterTime) -> Bool {
    readings.reading(meter, quantity, at: account.zone.unixMilliseconds(of: time)) != nil
  }

  /// One segment for each span; `tolerance` grows by the widest honest difference between total and rates, after the
  /// multiplier.
  mutating func segments(
    of spans: [Span], under plan: Plan, _ wanted: Wanted, _ kinds: Kinds = .all, tolerance: inout Energy
  ) -> [UsageSegment] {
    var segments: [UsageSegment] = []
    for span in spans {
      guard let segment = segment(of: span, under: plan, wanted, kinds, tolerance: &tolerance) else { continue }
      segments.append(segment)
    }
    return segments
  }

  private mutating func segment(
    of span: Span, under plan: Plan, _ wanted: Wanted, _ kinds: Kinds, tolerance: inout Energy
  ) -> UsageSegment? {
    let assignment = span.assignment
    let quantities = Self.registers(of: assignment, under: plan, wanted, kinds)
    let rates = kinds == .others || wanted.intervals ? 0 : plan.periods.reduce(0) { $0 + $1.rates.count }
    var registers: [RegisterUse] = []
    var counted: [Energy] = []
    var step: Int64 = 1
    for quantity in quantities {
      let start = mark(assignment, quantity, at: span.from)
      let stop = mark(assignment, quantity, at: span.to)
      guard let start, let stop else { continue }
      step = min(max(step, start.value.resolution, stop.value.resolution), assignment.register.capacity)
      do throws(HoldReason) {
        let difference = try difference(
          assignment, quantity, start, stop, seconds: span.to.localSeconds - span.from.localSeconds)
        guard let energy = assignment.multiplier.energy(difference.energy, decimals: plan.energyDecimals) else {
          throw .tooMuchEnergy(assignment.meter, quantity)
        }
        counted.append(difference.energy)
        registers.append(
          RegisterUse(
            quantity: quantity, start: start, stop: stop, rolledOver: difference.rolledOver, energy: energy))
      } catch {
        reasons.append(error)
      }
    }
    guard registers.count == quantities.count else { return nil }
    if rates > 0 {
      tolerance += compare(assignment, Array(counted.prefix(rates + 1)), rates: rates, step: step, under: plan)
    }
    return UsageSegment(
      meter: assignment.meter.text, multiplier: assignment.multiplier, from: span.from, to: span.to,
      registers: registers)
  }

  /// By how much a segment's total and rates may differ after the multiplier.
  ///
  /// Holds the cycle when they differ by more than their last digits explain.
  private mutating func compare(
    _ assignment: MeterAssignment, _ counted: [Energy], rates: Int, step: Int64, under plan: Plan
  ) -> Energy {
    let sum = counted.dropFirst().reduce(.zero, +)
    let most = Energy(millionths: assignment.register.mostSteps(rates: rates) * step)
    guard sum - counted[0] <= most, counted[0] - sum <= most else {
      reasons.append(.ratesDisagree(assignment.meter, total: counted[0], rates: sum, most: most))
      return .zero
    }
    // Each register is rounded by itself after the multiplier: up to half a billed step for each of them.
    let rounding = Energy(millionths: plan.energyStep.millionths * Int64(rates + 1))
    return (assignment.multiplier.energy(most, decimals: plan.energyDecimals) ?? .zero) + rounding
  }

  /// The reading at a boundary; without a usable one the reason is noted.
  private mutating func mark(_ assignment: MeterAssignment, _ quantity: Quantity, at time: MeterTime) -> RegisterMark? {
    let instant = account.zone.unixMilliseconds(of: time)
    if recorded.contains(instant), quantity == .energyTotal(.importActive),
      readings.reading(assignment.meter, quantity, at: instant) == nil,
      let record = profile.record(assignment.meter, at: instant), record.isUsable
    {
      return record.mark
    }
    return usable(assignment.meter, quantity, at: time).map { RegisterMark($0) }
  }

  private mutating func usable(_ meter: MeterID, _ quantity: Quantity, at time: MeterTime) -> JournalReading? {
    guard let found = readings.reading(meter, quantity, at: account.zone.unixMilliseconds(of: time)) else {
      reasons.append(.missingReading(meter, quantity, at: time))
      return nil
    }
    guard found.verdict.isUsable else {
      let codes = found.verdict.findings.map(\.code)
      reasons.append(.unusableReading(meter, quantity, at: time, found.verdict.status, codes))
      return nil
    }
    return found
  }
}

extension SegmentBuilder {
  /// The highest demand of a cycle: what each meter told at its end or when it was taken away.
  ///
  /// A register that went on behind other transformers tells one maximum for both spans; it counts in the one in which
  /// it occurred. Every one told must have occurred in the cycle.
  ///
  /// - Returns: one mark for each span, `nil` where it is of another one.
  mutating func demands(of spans: [Span]) -> [DemandMark?] {
    guard let quantity = Quantity(.maximumDemand(.importActive), .total), let start = spans.first?.from else {
      return []
    }
    var marks: [DemandMark?] = []
    for span in spans {
      let meter = span.assignment.meter
      guard let found = usable(meter, quantity, at: span.to) else {
        marks.append(nil)
        continue
      }
      let reading = found.reading
      let began = spans.first { $0.assignment.meter == meter }?.from ?? start
      if let occurred = reading.occurred, reading.value.millionths > 0 {
        guard (began...span.to).contains(occurred) else {
          reasons.append(.demandOutside(meter, occurred: occurred, from: began, to: span.to))
          continue
        }
        guard span.from <= occurred else {
          marks.append(nil)
          continue
        }
      }
      guard let power = span.assignment.multiplier.power(Power(millionths: reading.value.millionths)) else {
        reasons.append(.tooMuchDemand(meter, reading.value))
        continue
      }
      marks.append(DemandMark(mark: RegisterMark(found), occurred: reading.occurred, power: power))
    }
    return marks
  }
}

/// What a register counted from `start` to `stop`, before the multiplier.
///
/// A fall is a rollover only when the register started in its top tenth and the meter could have counted the rest in
/// that time; anything else is a backward register.
func difference(
  _ assignment: MeterAssignment, _ quantity: Quantity, _ start: RegisterMark, _ stop: RegisterMark, seconds: Int64
) throws(HoldReason) -> (energy: Energy, rolledOver: Bool) {
  let range = assignment.register
  for mark in [start, stop] where !(0..<range.capacity).contains(mark.value.millionths) {
    throw .beyondCapacity(assignment.meter, quantity, mark.value)
  }
  let plain = stop.value.millionths - start.value.millionths
  guard plain < 0 else { return (Energy(millionths: plain), false) }
  let wrapped = plain + range.capacity
  let startedHigh = Int128(start.value.millionths) * 10 >= Int128(range.capacity) * 9
  let possible = Int128(wrapped) * 3600 <= Int128(range.mostPerHour) * Int128(seconds)
  guard startedHigh, possible else {
    throw .backward(assignment.meter, quantity, start: start.value, stop: stop.value)
  }
  return (Energy(millionths: wrapped), true)
}
