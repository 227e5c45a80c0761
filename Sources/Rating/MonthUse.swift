internal import Metering

/// What a whole month used, for a bill of a part of it.
///
/// Power factor, load rate, losses, the least charge and a price for all kWh are a month's. Where a new version of the plan
/// comes into force in it, and nothing else changes, each part is billed at its own prices, but by what the whole month
/// was: a month that is cut by a version with the same prices costs what it costs in one piece. Where more than the
/// version changes, such as class or capacity, each stretch has its own. The least charge is that of the version in force as
/// the month ends.
public struct MonthUse: Hashable, Sendable {
  /// kWh that were metered in all parts.
  public let total: Energy
  /// kWh that were metered in the parts before this one.
  public let before: Energy
  /// kvarh of all parts; `nil` where none is known.
  public let reactive: ReactiveUse?
  /// kWh of all parts that were made and used on the spot.
  public let selfUse: Energy
  /// The days of all parts, where they are no whole month.
  public let part: PartMonth?
  /// What the parts before cost in lines that count towards the least charge; `nil` in all but the last part, which
  /// bears that charge.
  public let charged: Money?

  func write(to json: inout CanonicalJSON) {
    json.string("total", total.text(decimals: 6))
    json.string("before", before.text(decimals: 6))
    if let reactive {
      json.string("reactive_forward", reactive.forward.text(decimals: 6))
      json.string("reactive_reverse", reactive.reverse.text(decimals: 6))
    }
    if selfUse != .zero { json.string("self_use", selfUse.text(decimals: 6)) }
    if let part {
      json.number("days", part.days)
      json.string("month", "\(part.month)")
    }
    if let charged { json.string("charged", "\(charged)") }
  }
}

/// What is lost between a meter and the point of supply.
struct Losses: Hashable, Sendable {
  /// kWh.
  var transformer = Energy.zero
  /// kWh.
  var line = Energy.zero
  /// Both in kvarh.
  var reactive = Energy.zero

  /// kWh.
  var active: Energy { transformer + line }

  /// What of a month's losses is of a part of it that metered `own`, and of the parts before: in proportion to metered
  /// energy, rounded half up from the month's beginning on, so that all parts add up; all of it in the last part where
  /// nothing was metered.
  func shares(of month: MonthUse, _ own: Energy, step: Energy) -> (own: Losses, before: Losses) {
    func until(_ used: Energy) -> Losses {
      func share(_ loss: Energy) -> Energy {
        let steps = dividedHalfUp(
          Int128(loss.millionths) * Int128(used.millionths),
          by: Int128(month.total.millionths) * Int128(step.millionths))
        return Energy(millionths: Int64(truncatingIfNeeded: steps) * step.millionths)
      }
      return Losses(transformer: share(transformer), line: share(line), reactive: share(reactive))
    }
    guard month.total > .zero else { return (month.charged == nil ? Losses() : self, Losses()) }
    let (before, after) = (until(month.before), until(month.before + own))
    return (
      Losses(
        transformer: after.transformer - before.transformer, line: after.line - before.line,
        reactive: after.reactive - before.reactive), before
    )
  }
}

/// What is billed of a month, for a bill of a part of it.
struct MonthBilled: Hashable, Sendable {
  /// kWh of the whole month.
  let billed: Energy
  /// kWh of this part and of all after it.
  let rest: Energy
  /// kvarh of the whole month.
  let reactiveLoss: Energy

  init(_ month: MonthUse, _ own: Energy, _ losses: Losses = Losses(), before: Losses = Losses()) {
    billed = month.total + losses.active
    rest = billed - month.before - before.active
    reactiveLoss = losses.reactive
  }
}

extension Supply {
  /// True where the two differ in nothing but what was measured.
  func agrees(with other: Supply) -> Bool {
    func agreed(_ supply: Supply) -> Supply {
      var supply = supply
      supply.reactive = supply.reactive.map { _ in ReactiveUse(forward: .zero) }
      supply.exported = supply.exported.map { _ in .zero }
      supply.selfUse = .zero
      supply.arrears = []
      supply.intervals = nil
      supply.share = nil
      supply.part = supply.part.flatMap { PartMonth(days: 1, of: $0.month) }
      return supply
    }
    return agreed(self) == agreed(other)
  }
}

/// Stretches one after the other that differ in nothing but the version of their plan and what was measured.
struct VersionRun {
  /// Their places among all stretches.
  let places: Range<Int>
  let days: DayRange

  /// The days of the runs of `stretches`: each stretch is in one of them, most are alone in theirs.
  static func runs(of stretches: [Stretch]) -> [VersionRun] {
    var runs: [VersionRun] = []
    for (index, stretch) in stretches.enumerated() {
      if let last = runs.last, stretches[index - 1].isOnly(aVersionBefore: stretch),
        let days = DayRange(from: last.days.from, to: stretch.usage.days.to), days.isOneMonth
      {
        runs[runs.count - 1] = VersionRun(places: last.places.lowerBound..<index + 1, days: days)
      } else {
        runs.append(VersionRun(places: index..<index + 1, days: stretch.usage.days))
      }
    }
    return runs
  }

  /// What the month used, for each of the run's stretches; `nil` for a stretch that is alone.
  ///
  /// - Parameters:
  ///   - stretches: all of the cycle.
  ///   - index: which of them.
  ///   - part: the days of the run, where they are no whole month.
  ///   - bills: those of the stretches before, as far as they are made.
  /// - Returns: what all of its stretches used, with what those before this one did.
  func use(of stretches: [Stretch], at index: Int, part: PartMonth?, after bills: [Bill]) -> MonthUse? {
    guard places.count > 1 else { return nil }
    let usages = stretches[places].map(\.usage)
    let supplies = usages.compactMap(\.supply)
    let reactive = supplies.compactMap(\.reactive)
    let isLast = index == places.upperBound - 1
    return MonthUse(
      total: .sum(usages.map(\.total)), before: .sum(stretches[places.lowerBound..<index].map(\.usage.total)),
      reactive: reactive.isEmpty
        ? nil
        : ReactiveUse(
          forward: .sum(reactive.map(\.forward)), reverse: .sum(reactive.map(\.reverse))),
      selfUse: .sum(supplies.map(\.selfUse)), part: part,
      charged: isLast
        ? bills.prefix(index).dropFirst(places.lowerBound).reduce(.zero) { $0 + $1.countsTowardsMinimum } : nil)
  }
}

extension Stretch {
  fileprivate func isOnly(aVersionBefore next: Stretch) -> Bool {
    let (supply, other) = (usage.supply ?? Supply(), next.usage.supply ?? Supply())
    guard plan.name == next.plan.name, plan.energyDecimals == next.plan.energyDecimals, supply.agrees(with: other)
    else { return false }
    guard supply.transformer != nil || supply.lineLoss != nil else { return true }
    switch (plan.loss, next.plan.loss) {
    case (let loss?, let other?): return loss.loses(like: other, supply.transformer)
    case (nil, nil): return true
    case (nil, _), (_, nil): return false
    }
  }
}

extension LossRule {
  /// True where both find the same loss of a transformer, whatever else they say and whoever published them.
  fileprivate func loses(like other: LossRule, _ transformer: Transformer?) -> Bool {
    func rule(_ loss: LossRule) -> TransformerLoss? {
      loss.transformers.first { $0.model == transformer?.model && $0.capacity == transformer?.capacity }
    }
    return shape == other.shape && dayShare == other.dayShare && spread == other.spread && rule(self) == rule(other)
  }
}

extension Bill {
  /// The sum of the lines that stand before the plan's least charge; where it has none, of all but those on debts.
  fileprivate var countsTowardsMinimum: Money {
    let minimum = plan.components.firstIndex { if case .minimum = $0.kind { true } else { false } }
    return lines.reduce(.zero) { sum, line in
      let counts =
        if let minimum {
          line.component < minimum
        } else if case .lateCharge = plan.components[line.component].kind { false } else { true }
      return counts ? sum + line.amount : sum
    }
  }
}

extension Energy {
  /// The sum, or what nobody can bill.
  fileprivate static func sum(_ energies: some Sequence<Energy>) -> Energy {
    energies.reduce(.zero) { sum, energy in
      let (whole, overflow) = sum.millionths.addingReportingOverflow(energy.millionths)
      return Energy(millionths: overflow ? .max : whole)
    }
  }
}
