public import Metering
public import Rating

/// Why a cycle cannot be closed. The bill waits; nothing is guessed.
public enum HoldReason: Error, Hashable, Sendable {
  /// No reading at the instant that starts or ends a segment.
  case missingReading(MeterID, Quantity, at: MeterTime)
  /// There is a reading, but validation did not let it through.
  case unusableReading(MeterID, Quantity, at: MeterTime, Verdict.Status, [FindingCode])
  /// The register fell, and it is no rollover.
  case backward(MeterID, Quantity, start: RegisterValue, stop: RegisterValue)
  /// A register shows more than it can.
  case beyondCapacity(MeterID, Quantity, RegisterValue)
  /// Use by the total and by the rates differ by more than the registers' last digits explain; kWh before the multiplier.
  case ratesDisagree(MeterID, total: Energy, rates: Energy, most: Energy)
  /// More energy than any bill can have.
  case tooMuchEnergy(MeterID, Quantity)
  /// No meter counts for the account in part of the cycle.
  case noMeter(from: MeterTime, to: MeterTime)
  /// Two meters count for the account at the same time.
  case twoMeters(MeterID, MeterID, at: MeterTime)
  /// The account is on another plan than the one given.
  case otherPlan(account: String, given: String)
  /// The plan's prices do not apply on all days of the cycle.
  case planNotValid(plan: String, DayRange)
  /// The tier state given is not that of the cycle's window.
  case otherWindow(expected: YearMonth, given: YearMonth)
  case rating(RatingError)
}

extension HoldReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingReading(let meter, let quantity, let time):
      "meter \(meter): no reading of \(quantity) at \(time); read the meter's settlement again, or enter the value"
    case .unusableReading(let meter, let quantity, let time, let status, let codes):
      "meter \(meter): the reading of \(quantity) at \(time) is \(status.rawValue)"
        + (codes.isEmpty ? "" : " (\(codes.map(\.rawValue).joined(separator: ", ")))") + "; review it first"
    case .backward(let meter, let quantity, let start, let stop):
      "meter \(meter): \(quantity) fell from \(start) to \(stop), which is no rollover; check for a changed meter"
    case .beyondCapacity(let meter, let quantity, let value):
      "meter \(meter): \(quantity) shows \(value), more than the register can; check the register range"
    case .ratesDisagree(let meter, let total, let rates, let most):
      "meter \(meter): the total counted \(total) kWh and the rates \(rates) kWh, more than \(most) kWh apart;"
        + " check that all rates are in the plan and were frozen together"
    case .tooMuchEnergy(let meter, let quantity):
      "meter \(meter): \(quantity) times the multiplier is more than can be billed; check the multiplier"
    case .noMeter(let from, let to): "no meter counts for the account from \(from) to \(to); complete its meters"
    case .twoMeters(let first, let second, let time):
      "meters \(first) and \(second) both count for the account at \(time); correct their times"
    case .otherPlan(let account, let given): "the account is on plan \(account), not \(given)"
    case .planNotValid(let plan, let days): "plan \(plan) is not valid on all days of \(days)"
    case .otherWindow(let expected, let given):
      "the tier window of the cycle starts in \(expected), but the state given is of \(given)"
    case .rating(let error): "\(error)"
    }
  }
}
