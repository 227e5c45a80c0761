public import Metering
public import Rating

/// A relative error that an inspection found of a meter, and in which time it is taken to have had it. 计量误差退补
///
/// What was used is what was counted, divided by one and the error: a meter that is 3 % slow missed 3 % of the truth. All of
/// the meter's registers are mended by it, so that the power factor stays as it was measured: unverified, the rules speak of
/// kWh alone. Source: the power supply business rules, on metering devices beyond their limits, which take half of the time
/// since the last inspection or since the meter was put in; which time that is, a person says.
public struct MeterError: Hashable, Sendable {
  /// In ten-thousandths; negative for a meter that counted too little. -9000...10000, and not nothing.
  public let tenThousandths: Int
  /// The first instant, local time.
  public let from: MeterTime
  /// The instant at which it was mended.
  public let to: MeterTime
  /// What the meter's registers are multiplied by in that time: its own multiplier, divided by one and the error.
  public let multiplier: Multiplier

  /// The error of a meter with a multiplier of its own; `nil` outside the ranges, and where no multiplier can say it.
  public init?(tenThousandths: Int, from: MeterTime, to: MeterTime, of own: Multiplier) {
    guard tenThousandths != 0, (-9_000...10_000).contains(tenThousandths), from < to,
      let factor = Multiplier(10_000, 10_000 + Int64(tenThousandths)),
      let multiplier = Multiplier(current: [own], voltage: factor)
    else { return nil }
    self.tenThousandths = tenThousandths
    self.from = from
    self.to = to
    self.multiplier = multiplier
  }

  /// With two places and its sign: `-3.20`.
  public var percent: String {
    (tenThousandths > 0 ? "+" : "") + decimalString(Int64(tenThousandths) * 10_000, decimals: 2)
  }
}

extension MeterAssignment {
  /// The same, one part for each time in which the meter had another error, with the multiplier that mends it.
  ///
  /// - Parameter errors: in any order; none overlaps another. What lies outside the assignment's time does nothing.
  /// - Returns: the parts, end to end; the assignment itself where nothing divides it.
  public func divided(by errors: [MeterError]) -> [MeterAssignment] {
    var parts: [MeterAssignment] = []
    var start = from
    for error in errors.sorted(by: { $0.from < $1.from }) {
      let begin = max(start ?? error.from, error.from)
      let end = min(to ?? error.to, error.to)
      guard begin < end else { continue }
      if start.map({ $0 < begin }) ?? true { parts.append(part(from: start, to: begin)) }
      parts.append(part(from: begin, to: end, error))
      start = end
    }
    // Times may be written without their seconds.
    let isOver = start.flatMap { start in to.map { $0 <= start } } ?? false
    if parts.isEmpty || !isOver { parts.append(part(from: start, to: to)) }
    return parts
  }

  private func part(from: MeterTime?, to: MeterTime?, _ error: MeterError? = nil) -> MeterAssignment {
    MeterAssignment(
      meter: meter, multiplier: error?.multiplier ?? multiplier, from: from, to: to, register: register,
      reactive: reactive, keepsSettlements: keepsSettlements, error: error)
  }
}

/// A stretch of a bill in which what a meter counted was mended by its error.
public struct MendedStretch: Hashable, Sendable, CustomStringConvertible {
  public let meter: String
  public let from: MeterTime
  public let to: MeterTime
  public let error: MeterError

  /// `meter M-1 from 2026-09-01T00:00:00 to 2026-10-01T00:00:00 was inspected at -3.20 %: counted / 0.9680`, where the
  /// multiplier with the error is told too.
  public var description: String {
    "meter \(meter) from \(from) to \(to) was inspected at \(error.percent) %: counted"
      + " / \(decimalString(Int64(10_000 + error.tenThousandths) * 100, decimals: 4)), with its own multiplier x"
      + " \(error.multiplier)"
  }
}

extension Account {
  /// The stretches of bills in which a meter of the account was in error.
  func mended(in bills: [Bill]) -> [MendedStretch] {
    bills.flatMap(\.usage.segments).compactMap { segment in
      let assignment = meters.first { assignment in
        assignment.meter.text == segment.meter && assignment.from.map { $0 <= segment.from } ?? true
          && assignment.to.map { segment.to <= $0 } ?? true
      }
      return assignment?.error.map {
        MendedStretch(meter: segment.meter, from: segment.from, to: segment.to, error: $0)
      }
    }
  }
}
