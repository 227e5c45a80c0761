/// How many kWh of a sub-user's month stand for one kW of demand, when it is taken off the reseller's. 转供电扣减
///
/// Source: demand rules for resale in the rules of electricity supply of 1996, after a reprint.
public enum ResaleUse: Int64, Hashable, Sendable, CaseIterable {
  /// Lighting and one shift.
  case oneShift = 180
  /// Two shifts a day.
  case twoShifts = 360
  /// Day and night.
  case threeShifts = 540
  /// Irrigation and other farming.
  case farming = 270

  /// The demand of `energy` used in a month, rounded half up to four places of a kW; `nil` for energy that is not
  /// billable.
  public func demand(of energy: Energy) -> Power? {
    guard energy.isBillable else { return nil }
    let units = dividedHalfUp(Int128(energy.millionths), by: Int128(rawValue) * 100)
    return Int64(exactly: units).map { Power(millionths: $0 * 100) }
  }
}

extension FeedDemand {
  /// This without the demand of sub-users, never below nothing.
  ///
  /// - Parameter resold: each sub-user's energy of the month and kind of use.
  /// - Returns: the demand that the reseller pays for; `nil` when an energy is not billable.
  public func without(_ resold: [(energy: Energy, use: ResaleUse)]) -> FeedDemand? {
    var rest = measured
    for (energy, use) in resold {
      guard let demand = use.demand(of: energy) else { return nil }
      rest = max(.zero, rest - demand)
    }
    return FeedDemand(measured: rest, contract: contract, capacity: capacity)
  }
}
