extension Plan {
  /// The energy of each period, so that they add up to the total exactly.
  ///
  /// The residual period gets total less the others. Where the others alone exceed the total within the tolerance,
  /// the residual is nothing and the largest other period gives up the difference.
  func periodEnergies(of usage: Usage) throws(RatingError) -> EnergyRow {
    guard let residual = residualPeriod else {
      if let part = usage.parts.first { throw .unknownPeriod(part.period, known: []) }
      return EnergyRow()
    }
    guard usage.tolerance.isBillable else { throw .energyOutOfRange(what: "a tolerance", usage.tolerance) }
    var row = EnergyRow()
    var given: UInt8 = 0
    var sum = Energy.zero
    for part in usage.parts {
      guard let index = period(named: part.period) else {
        throw .unknownPeriod(part.period, known: periods.map(\.name))
      }
      guard given & 1 << index == 0 else { throw .periodGivenTwice(part.period) }
      try check(part.energy, part.period)
      given |= 1 << index
      row[index] = part.energy
      sum += part.energy
    }
    for index in periods.indices where index != residual && given & 1 << index == 0 {
      throw .periodMissing(periods[index].name)
    }
    let short = usage.total - sum
    let mayBeMore = given & 1 << residual == 0
    guard short >= -usage.tolerance, mayBeMore || short <= usage.tolerance else {
      throw .partsDisagree(total: usage.total, parts: sum, tolerance: usage.tolerance)
    }
    row[residual] += short
    if row[residual] < .zero {
      var excess = -row[residual]
      row[residual] = .zero
      while excess > .zero, let largest = periods.indices.max(by: { row[$0] < row[$1] }) {
        let taken = min(excess, row[largest])
        guard taken > .zero else { throw .partsDisagree(total: usage.total, parts: sum, tolerance: usage.tolerance) }
        row[largest] -= taken
        excess -= taken
      }
    }
    return row
  }

  /// Spreads `energy` over the periods in proportion to `shares`, which add up to `whole`.
  ///
  /// From the last period of the plan to the second, each gets its share rounded half up to the billed step; the
  /// first gets the rest, so nothing is lost.
  func allocated(_ energy: Energy, over shares: EnergyRow, of whole: Energy) -> EnergyRow {
    var row = EnergyRow()
    var rest = energy
    let step = Int128(energyStep.millionths)
    for index in periods.indices.reversed() where index > 0 && whole > .zero {
      let exact = Int128(energy.millionths) * Int128(shares[index].millionths)
      let rounded = dividedHalfUp(exact, by: Int128(whole.millionths) * step) * step
      let part = min(rest, Energy(millionths: Int64(truncatingIfNeeded: rounded)))
      row[index] = part
      rest -= part
    }
    row[0] = rest
    return row
  }

  /// Refuses what cannot be billed or is finer than the plan bills.
  func check(_ energy: Energy, _ what: @autoclosure () -> String) throws(RatingError) {
    guard energy.isBillable else { throw .energyOutOfRange(what: what(), energy) }
    guard energy.millionths % energyStep.millionths == 0 else {
      throw .energyTooFine(what: what(), energy, decimals: energyDecimals)
    }
  }
}
