internal import Documents

/// A percentage of other lines by the month's power factor. 功率因数调整电费
public struct PowerFactorAdjustment: Hashable, Sendable {
  /// `nil` where each supply has its own, see `Supply.powerFactorStandard`.
  public let standard: PowerFactorStandard?
  /// Which reactive energy counts.
  public let reactive: ReactiveRule
  /// True when energy made and used on the spot counts as active energy, so that its owner is not punished for it.
  public let countsSelfUse: Bool
  /// Of which money it is a percentage.
  public let base: Base

  /// Which reactive energy counts.
  public enum ReactiveRule: String, Hashable, Sendable, CaseIterable {
    /// Forward and reverse added: over-compensation is not rewarded.
    case sum
    /// What was taken from the grid alone.
    case forward
  }

  /// Of which money it is a percentage.
  public enum Base: String, Hashable, Sendable, CaseIterable {
    /// The lines as printed.
    case printed
    /// The lines before they were rounded.
    case exact
  }

  init(_ reader: inout TableReader) throws(DocumentError) {
    let text = try reader.string("standard")
    if text == "by-supply" {
      standard = nil
    } else {
      guard let standard = PowerFactorStandard(text) else {
        throw reader.error("standard", "\"\(text)\" is no standard; 0.90, 0.85, 0.80 and by-supply are")
      }
      self.standard = standard
    }
    reactive = try reader.choice("reactive", default: .sum)
    countsSelfUse = try reader.optionalBoolean("counts-self-use") ?? false
    base = try reader.choice("base", default: .printed)
  }

  func write(to json: inout CanonicalJSON) {
    json.string("standard", standard?.name)
    json.string("reactive", reactive.rawValue)
    json.boolean("counts_self_use", countsSelfUse)
    json.string("base", base.rawValue)
  }
}

extension TableReader {
  /// One of the names of `Choice`, or `standard` where the key is not there.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, default standard: Choice
  ) throws(DocumentError) -> Choice {
    guard let text = try optionalString(key) else { return standard }
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(key, "\"\(text)\" is none of \(known)")
    }
    return choice
  }
}

/// What a month's power factor was and what came of it, for the bill.
public struct PowerFactorFinding: Hashable, Sendable {
  /// kWh that counted, losses and self-use included where they do.
  public let active: Energy
  /// kvarh that counted.
  public let reactive: Energy
  /// Rounded to two places.
  public let factor: PowerFactor
  /// What the supply is held to.
  public let standard: PowerFactorStandard
  /// In hundredths of a percent, see `PowerFactorStandard.adjustment(at:)`.
  public let adjustment: Int
}

extension Charging {
  /// The line of a power-factor adjustment: none in a month without energy, and none at the standard itself.
  mutating func add(_ rule: PowerFactorAdjustment, _ step: PlanStep) throws(RatingError) {
    guard let supply else { throw error(step, .needs(.reactive)) }
    // Below 100 kVA, at homes: whatever the plan says of others.
    guard !supply.isExemptFromPowerFactor else { return }
    guard let use = supply.reactive else { throw error(step, .needs(.reactive)) }
    guard let standard = rule.standard ?? supply.powerFactorStandard else {
      throw error(step, .needs(.powerFactorStandard))
    }
    // The factor is the month's, also where the bill is for a part of it.
    let month = supply.month
    let counted = month?.reactive ?? use
    let selfUse = month?.selfUse ?? supply.selfUse
    for (energy, what) in [(counted.forward, "forward"), (counted.reverse, "reverse"), (selfUse, "self-used")]
    where !energy.isBillable {
      throw .energyOutOfRange(what: what, energy)
    }
    let active = (details.month?.billed ?? details.billed) + (rule.countsSelfUse ? selfUse : .zero)
    let reactive =
      (details.month?.reactiveLoss ?? details.loss.reactive) + counted.forward
      + (rule.reactive == .sum ? counted.reverse : .zero)
    guard active > .zero || reactive > .zero else { return }
    // Without active energy the factor is nothing and the surcharge would be 145 % of the basic charge: a missing
    // meter far more often than a true month.
    guard active > .zero else { throw error(step, .onlyReactive(reactive)) }
    guard let factor = PowerFactor(active: active, reactive: reactive) else {
      throw .energyOutOfRange(what: "active and reactive energy", max(active, reactive))
    }
    let adjustment = standard.adjustment(at: factor)
    details.powerFactor = PowerFactorFinding(
      active: active, reactive: reactive, factor: factor, standard: standard, adjustment: adjustment)
    guard adjustment != 0 else { return }
    let inBase = lines.filter { plan.components[$0.component].isInPowerFactorBase }
    let base = inBase.reduce(Money.zero) { $0 + $1.amount }
    let amount: Int128
    switch rule.base {
    case .printed: amount = rounding(step).quotient(Int128(base.fen) * Int128(adjustment), by: 10_000)
    case .exact:
      var sum = Int128(0)
      for line in inBase {
        let (exact, overflow) = line.exact.multipliedReportingOverflow(by: Int128(adjustment))
        guard !overflow else { throw error(step, .amountTooLarge) }
        sum += exact
      }
      amount = rounding(step).quotient(sum, by: BillLine.exactPartsPerFen * 10_000)
    }
    guard base != .zero || amount != 0 else { return }
    try add(step, base, at: Price(basisPoints: adjustment), amount: amount)
  }
}
