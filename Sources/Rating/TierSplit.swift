extension Plan {
  /// The window that a usage belongs to, what it had seen before, and its billed energy by tier.
  ///
  /// `nil` where the plan has no tiers.
  ///
  /// - Parameters:
  ///   - billed: kWh, with losses.
  ///   - rest: where the usage is a part of a month, kWh of this part and all after it.
  func tierUse(of usage: Usage, _ billed: Energy, rest: Energy? = nil) throws(RatingError) -> Bill.TierUse? {
    guard usage.grantedMonths >= 0, usage.grantedMonths <= 120 else {
      throw .noGrant(months: usage.grantedMonths, plan: name)
    }
    guard let tiers else {
      guard usage.grantedMonths == 0 else { throw .noGrant(months: usage.grantedMonths, plan: name) }
      if let months = usage.windowMonths { throw .windowMonths(months, plan: name) }
      return nil
    }
    let days = usage.limitDays
    let months = usage.windowMonths
    if let months {
      guard tiers.moving == .months, let length = tiers.windowLength, (1...length).contains(months) else {
        throw .windowMonths(months, plan: name)
      }
    }
    guard let start = tiers.windowStart(of: days.months) else { throw .crossesWindow(usage.days, plan: name) }
    guard usage.grantedMonths == 0 || tiers.grantPerMonth != nil else {
      throw .noGrant(months: usage.grantedMonths, plan: name)
    }
    let grant = tiers.grant(months: usage.grantedMonths)
    let before: EnergyRow
    switch usage.earlier {
    case .nothing: before = EnergyRow()
    case .total(let energy):
      try check(energy, "earlier use")
      guard grant == .zero || energy == .zero else { throw .grantNeedsTiers }
      before = tiers.split(energy, earlier: EnergyRow(), grant: .zero, for: days, months: months, step: energyStep)
    case .byTier(let energies):
      guard energies.count == tiers.count else { throw .tierCount(energies.count, expected: tiers.count) }
      var row = EnergyRow()
      for (tier, energy) in energies.enumerated() {
        try check(energy, "earlier use")
        row[tier] = energy
      }
      before = row
    }
    let used = tiers.split(billed, earlier: before, grant: grant, for: days, months: months, step: energyStep)
    let reached = rest.map {
      tiers.split($0, earlier: before, grant: grant, for: days, months: months, step: energyStep).used
    }
    return Bill.TierUse(start: start, before: before, used: used, reached: reached ?? used.used)
  }
}

/// How far a tier window is used up: what the next bill of the same window starts from.
///
/// Always the sum of the window's bills, never edited.
public struct WindowState: Hashable, Sendable {
  /// The window's first month.
  public let start: YearMonth
  /// kWh billed so far in each tier.
  public let byTier: [Energy]

  /// A state as earlier bills left it.
  public init(start: YearMonth, byTier: [Energy]) {
    self.start = start
    self.byTier = byTier
  }

  /// kWh billed so far.
  public var used: Energy { byTier.reduce(.zero, +) }
}
