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
  /// The first instant, local time, with its seconds.
  public let from: MeterTime
  /// The instant at which it was mended, with its seconds.
  public let to: MeterTime
  /// What the meter's registers are multiplied by outside that time.
  public let own: Multiplier
  /// What the meter's registers are multiplied by in that time: its own multiplier, divided by one and the error.
  public let multiplier: Multiplier

  /// The error of a meter with a multiplier of its own; `nil` outside the ranges, and where no multiplier can say it.
  public init?(tenThousandths: Int, from: MeterTime, to: MeterTime, of own: Multiplier) {
    guard tenThousandths != 0, (-9_000...10_000).contains(tenThousandths), from < to,
      let factor = Multiplier(10_000, 10_000 + Int64(tenThousandths)),
      let multiplier = Multiplier(current: [own], voltage: factor)
    else { return nil }
    self.tenThousandths = tenThousandths
    // Bills have the seconds of cycles: an edge that is one of them has to be the same text.
    self.from = MeterTime(localSeconds: from.localSeconds)
    self.to = MeterTime(localSeconds: to.localSeconds)
    self.own = own
    self.multiplier = multiplier
  }

  /// With two places and its sign: `-3.20`.
  public var percent: String {
    (tenThousandths > 0 ? "+" : "") + decimalString(Int64(tenThousandths) * 10_000, decimals: 2)
  }

  /// What the counted energy is divided by: `0.9680`.
  public var divisor: String { decimalString(Int64(10_000 + tenThousandths) * 100, decimals: 4) }
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
      // Of two that are one instant the assignment's own stays: times may be written without their seconds.
      let begin = start.map { $0 < error.from ? error.from : $0 } ?? error.from
      let end = to.map { error.to < $0 ? error.to : $0 } ?? error.to
      guard begin < end else { continue }
      if start.map({ $0 < begin }) ?? true { parts.append(part(from: start, to: begin)) }
      parts.append(part(from: begin, to: end, error))
      start = end
    }
    let isOver = start.flatMap { start in to.map { $0 <= start } } ?? false
    if parts.isEmpty || !isOver { parts.append(part(from: start, to: to)) }
    return parts
  }

  private func part(from: MeterTime?, to: MeterTime?, _ error: MeterError? = nil) -> MeterAssignment {
    MeterAssignment(
      meter: meter, multiplier: error?.multiplier ?? multiplier, from: from, to: to, register: register,
      reactive: reactive, keepsSettlements: keepsSettlements, error: error,
      isPutIn: isPutIn && from == self.from, isTakenAway: isTakenAway && to == self.to)
  }
}

/// The errors of an account's meters. 计量误差
public struct MeterErrors: Hashable, Sendable {
  /// By meter.
  private let errors: [String: [MeterError]]

  /// Those of every meter that counts or counted for the account.
  public init(of account: Account) {
    errors = Dictionary(
      account.meters.compactMap { meter in meter.error.map { (meter.meter.text, [$0]) } }, uniquingKeysWith: +)
  }

  /// The error that a segment of a bill was mended by.
  ///
  /// - Parameters:
  ///   - meter: the segment's.
  ///   - multiplier: as the bill has it.
  ///   - from: local time, as the bill has it.
  ///   - to: local time, as the bill has it.
  /// - Returns: `nil` where the multiplier is that of no error in this time.
  public func error(of meter: String, _ multiplier: String, from: String, to: String) -> MeterError? {
    guard let found = errors[meter], let from = MeterTime(from), let to = MeterTime(to) else { return nil }
    return found.first { $0.from <= from && to <= $0.to && "\($0.multiplier)" == multiplier }
  }

  /// The multiplier that a meter has by itself, where that of a segment mends an error; else that of the segment.
  func own(of meter: String, _ multiplier: String, from: String, to: String) -> String {
    error(of: meter, multiplier, from: from, to: to).map { "\($0.own)" } ?? multiplier
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
      + " / \(error.divisor), with its own multiplier x"
      + " \(error.multiplier)"
  }
}

extension MeterErrors {
  /// The stretches of bills in which a meter was in error.
  func mended(in bills: [Bill]) -> [MendedStretch] {
    bills.flatMap(\.usage.segments).compactMap { segment in
      error(of: segment.meter, "\(segment.multiplier)", from: "\(segment.from)", to: "\(segment.to)").map {
        MendedStretch(meter: segment.meter, from: segment.from, to: segment.to, error: $0)
      }
    }
  }
}

extension Account {
  /// The instants inside a cycle at which an error of a meter begins or ends and the meter goes on counting.
  func errorEdges(in cycle: Cycle) -> [ErrorEdge] {
    meters.compactMap { part in
      guard let at = part.from, !part.isPutIn, cycle.from < at, at < cycle.to else { return nil }
      guard let error = part.error ?? meters.first(where: { $0.meter == part.meter && $0.to == at })?.error else {
        return nil
      }
      return ErrorEdge(assignment: part, at: at, error: error)
    }
  }
}

/// Where an error begins or ends in the middle of a cycle.
struct ErrorEdge: Hashable {
  /// What counts from it on.
  let assignment: MeterAssignment
  let at: MeterTime
  let error: MeterError
}
