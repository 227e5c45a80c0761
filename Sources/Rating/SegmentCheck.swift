public import Metering

/// Why a segment of a record cannot be what its readings, its multiplier and its days say.
public enum SegmentProblem: Error, Hashable, Sendable {
  /// The readings times the multiplier make another energy than the record bills.
  case energy(Quantity, start: RegisterValue, stop: RegisterValue, Multiplier, counted: Energy, said: Energy)
  /// The reading times the multiplier makes another demand.
  case demand(RegisterValue, Multiplier, counted: Power, said: Power)
  /// A register that runs backward and did not roll over.
  case backward(Quantity, start: RegisterValue, stop: RegisterValue)
  /// A register that is said to have rolled over and did not fall.
  case notRolledOver(Quantity, start: RegisterValue, stop: RegisterValue)
  /// A reading that the register cannot show.
  case beyondCapacity(Quantity, RegisterValue, capacity: Energy)
  /// More than can be billed.
  case tooMuch(Quantity)
  /// The end is not after the start.
  case notForward(from: MeterTime, to: MeterTime)
  /// Neither a register nor a demand: it says nothing.
  case empty
  /// Not within the days that are billed.
  case outside(from: MeterTime, to: MeterTime, days: DayRange)
  /// The days that are billed begin before the first segment or end after the last one.
  case uncovered(from: MeterTime, to: MeterTime, days: DayRange)
  /// The same register's segments leave a gap or overlap.
  case notEndToEnd(Quantity, ended: MeterTime, begins: MeterTime)
  /// The same register's next segment begins with another value than the one before ended with.
  case leap(Quantity, ended: RegisterValue, begins: RegisterValue, at: MeterTime)
}

extension SegmentProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .energy(let quantity, let start, let stop, let multiplier, let counted, let said):
      "\(quantity.name) from \(start) to \(stop) times \(multiplier) is \(counted) kWh, and energy says \(said)"
    case .demand(let value, let multiplier, let counted, let said):
      "a demand of \(value) times \(multiplier) is \(counted) kW, and power says \(said)"
    case .backward(let quantity, let start, let stop):
      "\(quantity.name) falls from \(start) to \(stop); where it passed its capacity say \"rolled_over\":true"
    case .notRolledOver(let quantity, let start, let stop):
      "\(quantity.name) is said to have rolled over, and does not fall from \(start) to \(stop)"
    case .beyondCapacity(let quantity, let value, let capacity):
      "\(quantity.name) cannot show \(value): it counts to \(capacity.text(decimals: 0)) kWh"
    case .tooMuch(let quantity): "\(quantity.name) times the multiplier is more than can be billed"
    case .notForward(let from, let to): "it ends at \(to), which is not after \(from)"
    case .empty: "it has neither registers nor a demand; write what it is billed by, or leave it out"
    case .outside(let from, let to, let days): "it is from \(from) to \(to), and the bill is for \(days)"
    case .uncovered(let from, let to, let days):
      "the segments of import energy are from \(from) to \(to), and the bill is for \(days); they begin and end on its days"
    case .notEndToEnd(let quantity, let ended, let begins):
      "\(quantity.name) is billed to \(ended) and from \(begins) on; segments of one meter's register join end to end"
    case .leap(let quantity, let ended, let begins, let time):
      "\(quantity.name) ends at \(ended) and begins at \(begins) at the same instant, \(time)"
    }
  }
}

/// Segments of a record as they are checked: each against its own readings, then all against one another and the days.
struct SegmentCheck {
  let days: DayRange
  /// Decimal places of a kWh to which energies may have been rounded: the plan's where it is known.
  let decimals: ClosedRange<Int>

  /// A segment by itself; `capacities` are those of its registers, in their order, `nil` where the record does not say.
  func check(_ segment: UsageSegment, capacities: [Energy?]) throws(SegmentProblem) {
    guard segment.from.localSeconds < segment.to.localSeconds else {
      throw .notForward(from: segment.from, to: segment.to)
    }
    // A settlement may be at any hour of its day.
    guard segment.from.date.daysSince1970 >= days.from.daysSince1970,
      segment.to.date.daysSince1970 <= days.to.daysSince1970
    else { throw .outside(from: segment.from, to: segment.to, days: days) }
    guard !segment.registers.isEmpty || segment.demand != nil else { throw .empty }
    for (register, capacity) in zip(segment.registers, capacities) {
      try check(register, segment.multiplier, capacity: capacity)
    }
    guard let demand = segment.demand else { return }
    guard let power = segment.multiplier.power(Power(millionths: demand.mark.value.millionths)), power == demand.power
    else {
      throw .demand(
        demand.mark.value, segment.multiplier,
        counted: segment.multiplier.power(Power(millionths: demand.mark.value.millionths)) ?? Power(millionths: 0),
        said: demand.power)
    }
  }

  private func check(_ use: RegisterUse, _ multiplier: Multiplier, capacity: Energy?) throws(SegmentProblem) {
    let (start, stop) = (use.start.value, use.stop.value)
    var counted = Int128(stop.millionths) - Int128(start.millionths)
    if use.rolledOver {
      guard counted < 0 else { throw .notRolledOver(use.quantity, start: start, stop: stop) }
      counted += Int128((capacity ?? Self.capacity(above: start)).millionths)
    }
    if let capacity {
      for value in [start, stop] where !(0..<capacity.millionths).contains(value.millionths) {
        throw .beyondCapacity(use.quantity, value, capacity: capacity)
      }
    }
    guard counted >= 0 else { throw .backward(use.quantity, start: start, stop: stop) }
    guard let difference = Int64(exactly: counted).map(Energy.init(millionths:)) else { throw .tooMuch(use.quantity) }
    let rounded = decimals.compactMap { multiplier.energy(difference, decimals: $0) }
    guard !rounded.contains(use.energy) else { return }
    guard let energy = rounded.first else { throw .tooMuch(use.quantity) }
    throw .energy(use.quantity, start: start, stop: stop, multiplier, counted: energy, said: use.energy)
  }

  /// What a register with decimal drums counts to: the smallest power of ten kWh that it cannot show.
  private static func capacity(above value: RegisterValue) -> Energy {
    var capacity = Int64(10_000_000)
    while capacity <= value.millionths, capacity < 10_000_000_000_000_000 { capacity *= 10 }
    return Energy(millionths: capacity)
  }

  /// All of them together: each register end to end, and the import energy from the first billed day to the last. Between
  /// two meters there may be hours without any: one was taken away before the other was put in.
  ///
  /// - Returns: the number of the segment that is to blame, from 1, and why; `nil` where nothing is.
  func problem(of segments: [UsageSegment]) -> (segment: Int, SegmentProblem)? {
    struct Register: Hashable {
      let meter: String
      let quantity: Quantity
    }
    var last: [Register: (segment: UsageSegment, use: RegisterUse)] = [:]
    let inOrder = segments.enumerated().sorted { $0.element.from.localSeconds < $1.element.from.localSeconds }
    for (index, segment) in inOrder {
      for use in segment.registers {
        let register = Register(meter: segment.meter, quantity: use.quantity)
        defer { last[register] = (segment, use) }
        guard let before = last[register] else { continue }
        guard before.segment.to.localSeconds == segment.from.localSeconds else {
          return (index + 1, .notEndToEnd(use.quantity, ended: before.segment.to, begins: segment.from))
        }
        guard before.use.stop.value.millionths == use.start.value.millionths else {
          return (
            index + 1,
            .leap(use.quantity, ended: before.use.stop.value, begins: use.start.value, at: segment.from)
          )
        }
      }
    }
    let imports = inOrder.filter { each in
      each.element.registers.contains { $0.quantity == .energyTotal(.importActive) }
    }
    guard let first = imports.first,
      let end = imports.max(by: { $0.element.to.localSeconds < $1.element.to.localSeconds })
    else { return nil }
    guard first.element.from.date == days.from, end.element.to.date == days.to else {
      let number = first.element.from.date == days.from ? end.offset + 1 : first.offset + 1
      return (number, .uncovered(from: first.element.from, to: end.element.to, days: days))
    }
    return nil
  }
}
