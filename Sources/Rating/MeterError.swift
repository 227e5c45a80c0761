/// Energy that a meter in error should have counted.
extension Energy {
  /// What was used, where a meter with a relative error counted this: `recorded / (1 + error)`.
  ///
  /// Dividing, not taking the error's share of what was recorded: a meter that is 3 % slow misses 3 % of the truth.
  ///
  /// - Parameters:
  ///   - tenThousandths: the error, negative for a slow meter; -9999...10000.
  ///   - decimals: of a billed kWh, 0 or 2.
  /// - Returns: rounded half up once; `nil` for an error out of range or energy that cannot be billed.
  public func corrected(forError tenThousandths: Int, decimals: Int) -> Energy? {
    guard (-9_999...10_000).contains(tenThousandths), isBillable else { return nil }
    return scaled(10_000, over: 10_000 + Int64(tenThousandths), decimals: decimals)
  }

  /// What was used, where theory says that the wiring counted `recorded` of every `true` kWh: this times
  /// `true / recorded`. 更正系数
  ///
  /// - Returns: rounded half up once; `nil` where the wiring counted nothing or backwards, which no factor mends, and
  ///   for energy that cannot be billed.
  public func corrected(true numerator: Int64, recorded denominator: Int64, decimals: Int) -> Energy? {
    guard numerator >= 0, denominator > 0, isBillable else { return nil }
    return scaled(numerator, over: denominator, decimals: decimals)
  }

  private func scaled(_ numerator: Int64, over denominator: Int64, decimals: Int) -> Energy? {
    let step = Int128(energyStep(decimals: decimals).millionths)
    let steps = dividedHalfUp(Int128(millionths) * Int128(numerator), by: Int128(denominator) * step)
    guard let result = Int64(exactly: steps * step).map(Energy.init(millionths:)), result.isBillable else { return nil }
    return result
  }
}
