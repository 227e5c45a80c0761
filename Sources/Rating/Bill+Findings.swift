/// What was billed on top of metered energy, because the meter is on the low side of a transformer.
public struct BilledLosses: Hashable, Sendable {
  /// kWh that the meter counted.
  public let metered: Energy
  /// kWh that the transformer lost.
  public let transformer: Energy
  /// kWh that the line lost.
  public let line: Energy
  /// kvarh that both lost.
  public let reactive: Energy
}

extension Bill {
  /// The month's power factor and what came of it; `nil` where the plan or the month has none.
  public var powerFactor: PowerFactorFinding? { details?.powerFactor }

  /// `nil` where what was metered is what is billed.
  public var losses: BilledLosses? {
    guard let details, details.billed != details.metered || details.loss.reactive != .zero else { return nil }
    return BilledLosses(
      metered: details.metered, transformer: details.loss.transformer, line: details.loss.line,
      reactive: details.loss.reactive)
  }
}
