internal import Metering

/// What one day of a month's charge is: a rule that changed over time, so each plan says which holds.
public enum DayShare: String, Hashable, Sendable, CaseIterable {
  /// A thirtieth of the month, whatever its length; 30 days are the whole. Source: rules of electricity supply of 1996,
  /// after a reprint.
  case thirtieth
  /// One part in as many as the month has days. Source: rules of electricity supply of 2024, after question banks.
  case calendar

  /// How many days make the whole month.
  func divisor(of part: PartMonth) -> Int {
    if let whole = part.whole { return whole }
    return switch self {
    case .thirtieth: 30
    case .calendar: CivilDate.days(inMonth: part.month.month, of: part.month.year)
    }
  }
}

extension Charging {
  /// `step` for the part of a month that the supply says, if it is not the whole.
  func shared(_ step: PlanStep, by rule: DayShare) throws(RatingError) -> PlanStep {
    guard usage.days.isOneMonth else { throw error(step, .notOneMonth(usage.days)) }
    guard let part = supply?.part else { return step }
    let divisor = rule.divisor(of: part)
    guard part.days < divisor else { return step }
    var step = step
    step.days = UInt16(truncatingIfNeeded: part.days)
    step.divisor = UInt8(truncatingIfNeeded: divisor)
    return step
  }
}
