public import Metering

/// Why a usage cannot be billed under a plan.
public enum RatingError: Error, Hashable, Sendable {
  /// Negative, or beyond 10¹⁰ kWh.
  case energyOutOfRange(what: String, Energy)
  /// More decimal places than the plan bills.
  case energyTooFine(what: String, Energy, decimals: Int)
  /// Energy of a period that the plan does not have.
  case unknownPeriod(String, known: [String])
  /// Two energies of one period.
  case periodGivenTwice(String)
  /// A period that is not the residual has no energy.
  case periodMissing(String)
  /// Total and parts differ by more than their registers' own steps explain.
  case partsDisagree(total: Energy, parts: Energy, tolerance: Energy)
  /// The plan does not apply on all days: from `from` on, and to `to` where that is known.
  case outsideValidity(DayRange, plan: String, from: CivilDate, to: CivilDate?)
  /// More than 24 months in one bill.
  case tooLong(DayRange)
  /// The bill's months lie in two tier windows.
  case crossesWindow(DayRange, plan: String)
  /// Earlier use is not of as many tiers as the plan has.
  case tierCount(Int, expected: Int)
  /// The plan has no household grant, or fewer than no months were granted.
  case noGrant(months: Int, plan: String)
  /// More granted months than the tier window of the bill has.
  case grantedMonths(Int, most: Int, plan: String)
  /// The plan's limits know nothing of so many months of a window.
  case windowMonths(Int, plan: String)
  /// A grant in a window with earlier use needs that use by tier: its total does not say which room is left.
  case grantNeedsTiers
  /// Beyond what a bill can hold.
  case amountTooLarge(Energy, Price)
  /// A component of the plan, counted from 1, cannot be charged.
  case line(plan: String, component: Int, title: String, LineProblem)
  /// Losses cannot be billed.
  case loss(plan: String, LossProblem)
  /// Something that costs or pays money, and no component of the plan for it.
  case notInPlan(SupplyInput, plan: String)
  /// A cycle without a single stretch.
  case noStretch
  /// Stretches of a cycle that leave a gap or overlap.
  case notEndToEnd(DayRange, DayRange)
  /// Stretches of two accounts.
  case otherAccount(String, String)
}

extension RatingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .energyOutOfRange(let what, let energy): "\(what) of \(energy) kWh cannot be billed"
    case .energyTooFine(let what, let energy, let decimals):
      "\(what) of \(energy.text(decimals: 6)) kWh has more than the \(decimals) decimal places that the plan bills"
    case .unknownPeriod(let name, let known):
      known.isEmpty
        ? "the plan has no periods, but there is energy for \(name)"
        : "the plan has no period \(name); its periods are \(known.joined(separator: ", "))"
    case .periodGivenTwice(let name): "energy of period \(name) is given twice"
    case .periodMissing(let name): "energy of period \(name) is missing"
    case .partsDisagree(let total, let parts, let tolerance):
      "the periods add up to \(parts) kWh, the total is \(total) kWh: more than \(tolerance) kWh apart"
    case .outsideValidity(let days, let plan, let from, let last):
      "plan \(plan) is not valid on all days of \(days), but from \(from) \(last.map { "to \($0), its last day" } ?? "on");"
        + " bill these days by the version that is, each version's days by themselves"
    case .tooLong(let days): "\(days) is too long for one bill; 24 months are the most"
    case .crossesWindow(let days, let plan):
      "\(days) reaches into two tier windows of plan \(plan); bill each window by itself"
    case .tierCount(let count, let expected): "earlier use is given for \(count) tiers, the plan has \(expected)"
    case .noGrant(let months, let plan): "\(months) granted months, but plan \(plan) has no such grant"
    case .grantedMonths(let months, let most, let plan):
      "\(months) granted months, but the tier window of plan \(plan) has \(most) for this bill; only months of the window count"
    case .windowMonths(let months, let plan):
      "limits for \(months) months of a window, but plan \(plan) has none such: [tiers] says moving = \"months\" where it does"
    case .grantNeedsTiers: "a household grant needs the earlier use of the window by tier, not only its total"
    case .amountTooLarge(let energy, let price): "\(energy) kWh at \(price) yuan is too large an amount"
    case .line(let plan, let component, let title, let problem):
      "plan \(plan), component \(component) (\(title)): \(problem)"
    case .loss(let plan, let problem): "plan \(plan), losses: \(problem)"
    case .notInPlan(let input, let plan):
      "\(input.rawValue) of the supply is given, but plan \(plan) has nothing for it"
    case .noStretch: "a cycle without a stretch has nothing to bill"
    case .notEndToEnd(let a, let b): "the stretch \(a) must end where \(b) begins"
    case .otherAccount(let a, let b): "stretches of two accounts, \(a) and \(b), are no cycle"
    }
  }
}
