internal import Metering
internal import Rating

/// Turns an account's readings into usage segments, and gathers what stands in the way.
struct SegmentBuilder {
  let account: Account
  let plan: Plan
  let readings: BoundaryReadings
  private(set) var segments: [UsageSegment] = []
  private(set) var reasons: [HoldReason] = []
  /// The widest honest difference between total and rates so far, after the multiplier.
  private(set) var tolerance = Energy.zero

  init(account: Account, plan: Plan, readings: BoundaryReadings) {
    self.account = account
    self.plan = plan
    self.readings = readings
  }

  /// One segment for each meter assignment that counts in the cycle; together they must cover it, end to end.
  mutating func build(_ cycle: Cycle) {
    var covered = cycle.from
    var last: MeterAssignment?
    for assignment in account.meters.sorted(by: { Self.start($0) < Self.start($1) }) {
      let from = max(assignment.from ?? cycle.from, cycle.from)
      let to = min(assignment.to ?? cycle.to, cycle.to)
      guard from < to else { continue }
      if from > covered { reasons.append(.noMeter(from: covered, to: from)) }
      if from < covered, let last { reasons.append(.twoMeters(last.meter, assignment.meter, at: from)) }
      add(assignment, from: from, to: to)
      covered = max(covered, to)
      last = assignment
    }
    if covered < cycle.to { reasons.append(.noMeter(from: covered, to: cycle.to)) }
  }

  private static func start(_ assignment: MeterAssignment) -> Int64 { assignment.from?.localSeconds ?? .min }

  private mutating func add(_ assignment: MeterAssignment, from: MeterTime, to: MeterTime) {
    let rates = plan.periods.flatMap(\.rates)
    let quantities =
      [Quantity.energyTotal(.importActive)] + rates.compactMap { Quantity.energy(.importActive, rate: $0) }
    var registers: [RegisterUse] = []
    var counted: [Energy] = []
    var step: Int64 = 1
    for quantity in quantities {
      let start = mark(assignment, quantity, at: from)
      let stop = mark(assignment, quantity, at: to)
      guard let start, let stop else { continue }
      step = min(max(step, start.value.resolution, stop.value.resolution), assignment.register.capacity)
      do throws(HoldReason) {
        let difference = try difference(assignment, quantity, start, stop, seconds: to.localSeconds - from.localSeconds)
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
    guard registers.count == quantities.count else { return }
    if !rates.isEmpty { compare(assignment, counted, rates: rates.count, step: step) }
    segments.append(
      UsageSegment(
        meter: assignment.meter.text, multiplier: assignment.multiplier, from: from, to: to, registers: registers))
  }

  /// Holds the cycle when the total and its rates differ by more than their last digits explain.
  private mutating func compare(_ assignment: MeterAssignment, _ counted: [Energy], rates: Int, step: Int64) {
    let sum = counted.dropFirst().reduce(.zero, +)
    let most = Energy(millionths: assignment.register.mostSteps(rates: rates) * step)
    guard sum - counted[0] <= most, counted[0] - sum <= most else {
      reasons.append(.ratesDisagree(assignment.meter, total: counted[0], rates: sum, most: most))
      return
    }
    // Each register is rounded by itself after the multiplier: up to half a billed step for each of them.
    let rounding = Energy(millionths: plan.energyStep.millionths * Int64(rates + 1))
    tolerance += (assignment.multiplier.energy(most, decimals: plan.energyDecimals) ?? .zero) + rounding
  }

  /// The reading at a boundary; without a usable one the reason is noted.
  private mutating func mark(_ assignment: MeterAssignment, _ quantity: Quantity, at time: MeterTime) -> RegisterMark? {
    let instant = account.zone.unixMilliseconds(of: time)
    guard let found = readings.reading(assignment.meter, quantity, at: instant) else {
      reasons.append(.missingReading(assignment.meter, quantity, at: time))
      return nil
    }
    guard found.verdict.isUsable else {
      let codes = found.verdict.findings.map(\.code)
      reasons.append(.unusableReading(assignment.meter, quantity, at: time, found.verdict.status, codes))
      return nil
    }
    return RegisterMark(sequence: found.sequence, value: found.reading.value, quality: found.reading.quality)
  }
}

/// What a register counted from `start` to `stop`, before the multiplier.
///
/// A fall is a rollover only when the register started in its top tenth and the meter could have counted the rest in
/// that time; anything else is a backward register.
private func difference(
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
