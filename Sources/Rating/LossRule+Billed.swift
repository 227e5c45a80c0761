extension Plan {
  /// What is billed beside what was metered; `periods` then add up to it.
  ///
  /// Losses are those of a month: a part of it has its share of them.
  func details(of usage: Usage, _ periods: inout EnergyRow) throws(RatingError) -> BillDetails {
    var details = BillDetails(metered: usage.total)
    guard let supply = usage.supply else { return details }
    try checkUse(of: supply)
    if let month = supply.month { details.month = MonthBilled(month, usage.total) }
    guard let loss, supply.transformer != nil || supply.lineLoss != nil else { return details }
    let whole = try losses(by: loss, usage, supply)
    if let month = supply.month {
      let shares = whole.shares(of: month, usage.total, step: energyStep)
      details.loss = shares.own
      details.month = MonthBilled(month, usage.total, whole, before: shares.before)
    } else {
      details.loss = whole
    }
    let lost = details.billed - usage.total
    switch loss.spread {
    case .proRata where usage.total > .zero:
      let share = allocated(lost, over: periods, of: usage.total)
      for index in self.periods.indices { periods[index] += share[index] }
    case .proRata, .residual: if let residualPeriod { periods[residualPeriod] += lost }
    }
    return details
  }

  /// The losses of the usage, or of the whole month that it is a part of.
  private func losses(by loss: LossRule, _ usage: Usage, _ supply: Supply) throws(RatingError) -> Losses {
    let given = supply.month.map(\.reactive) ?? supply.reactive
    let total = supply.month?.total ?? usage.total
    var losses = Losses()
    // The formula squares both energies in hundredths of a kWh.
    for energy in [given?.forward, given?.reverse].compactMap(\.self)
    where energy.millionths % 10_000 != 0 {
      throw .energyTooFine(what: "reactive energy", energy, decimals: 2)
    }
    do throws(LossProblem) {
      guard usage.days.isOneMonth else { throw .notOneMonth(usage.days) }
      let use = given ?? ReactiveUse(forward: .zero)
      guard use.forward.isBillable, use.reverse.isBillable else { throw .tooLarge }
      var reactive = use.forward + use.reverse
      if let transformer = supply.transformer {
        let lost = try loss.loss(
          of: transformer, active: total, reactive: reactive, part: supply.month.map(\.part) ?? supply.part,
          step: energyStep)
        losses.transformer = lost.active
        if given != nil { losses.reactive = lost.reactive }
      }
      if let share = supply.lineLoss {
        guard (0...5000).contains(share) else { throw .lineLoss(share) }
        losses.line = (total + losses.transformer).basisPoints(share, step: energyStep)
        reactive += losses.reactive
        if given != nil { losses.reactive += reactive.basisPoints(share, step: energyStep) }
      }
      guard (total + losses.active).isBillable, losses.reactive.isBillable else { throw .tooLarge }
    } catch {
      throw .loss(plan: name, error)
    }
    return losses
  }

  /// Refuses what costs or pays money but stands nowhere in the plan.
  private func checkUse(of supply: Supply) throws(RatingError) {
    func has(_ matches: (PlanComponent.Kind) -> Bool) -> Bool { components.contains { matches($0.kind) } }
    switch supply.basicCharge {
    case nil: break
    case .capacity:
      guard has({ if case .capacity = $0 { true } else { false } }) else {
        throw .notInPlan(.basicCharge, plan: name)
      }
    case .contractDemand, .actualDemand:
      guard has({ if case .demand = $0 { true } else { false } }) else { throw .notInPlan(.basicCharge, plan: name) }
    }
    if supply.exported != nil, !has({ if case .export = $0 { true } else { false } }) {
      throw .notInPlan(.exported, plan: name)
    }
    if !supply.arrears.isEmpty, !has({ if case .lateCharge = $0 { true } else { false } }) {
      throw .notInPlan(.arrears, plan: name)
    }
    if let monthEnergy = supply.monthEnergy { try check(monthEnergy, "energy of the month") }
    if supply.transformer != nil, loss?.transformers.isEmpty ?? true { throw .notInPlan(.transformer, plan: name) }
    if supply.lineLoss != nil, loss == nil { throw .notInPlan(.lineLoss, plan: name) }
  }
}

extension LossRule {
  /// kWh and kvarh that `transformer` loses in a month with this metered energy, rounded to `step`.
  func loss(
    of transformer: Transformer, active: Energy, reactive: Energy, part: PartMonth?, step: Energy
  ) throws(LossProblem) -> (active: Energy, reactive: Energy) {
    guard
      let known = transformers.first(where: { $0.model == transformer.model && $0.capacity == transformer.capacity })
    else { throw .unknownTransformer(model: transformer.model, capacity: transformer.capacity) }
    switch known.method {
    case .table(let bands):
      let band = bands.first { $0.upTo.map { active <= $0 } ?? true }
      guard let band else { throw .tooLarge }
      guard let part else { return (band.active, band.reactive) }
      let (days, divisor) = (min(part.days, dayShare.divisor(of: part)), dayShare.divisor(of: part))
      // Tables are of whole kWh, and so is a part of them.
      func share(_ loss: Energy) -> Energy {
        let exact = Int128(loss.millionths) * Int128(days)
        return Energy(
          millionths: Int64(truncatingIfNeeded: dividedHalfUp(exact, by: Int128(divisor) * 1_000_000)) * 1_000_000)
      }
      return (share(band.active), share(band.reactive))
    case .formula(let plate):
      guard (1...744).contains(transformer.hours) else { throw .hours(transformer.hours) }
      let capacity = transformer.capacity.millionths / 100
      let use = try squares(active, reactive)
      return (
        active: try loss(
          fixed: Int128(plate.noLoad.millionths) * 100, variable: Int128(plate.load.millionths) * 100, use: use,
          capacity: capacity, hours: transformer.hours, step: step),
        reactive: try loss(
          fixed: Int128(plate.noLoadCurrent) * Int128(capacity), variable: Int128(plate.impedance) * Int128(capacity),
          use: use, capacity: capacity, hours: transformer.hours, step: step)
      )
    }
  }

  /// `P² + Q²` in 10⁻⁴ kWh².
  private func squares(_ active: Energy, _ reactive: Energy) throws(LossProblem) -> Int128 {
    let (p, q) = (Int128(active.millionths / 10_000), Int128(reactive.millionths / 10_000))
    return p * p + q * q
  }

  /// `fixed × h + shape × variable × (P² + Q²) / (Sn² × h)`: one rounding, at the end.
  ///
  /// `fixed` and `variable` are in 10⁻⁸ kW or kvar, `use` in 10⁻⁴ kWh², `capacity`, which is Sn, in 10⁻⁴ kVA.
  private func loss(
    fixed: Int128, variable: Int128, use: Int128, capacity: Int64, hours: Int, step: Energy
  ) throws(LossProblem) -> Energy {
    let square = Int128(capacity) * Int128(capacity)
    let h = Int128(hours)
    let (idle, tooIdle) = fixed.multipliedReportingOverflow(by: square * h * h)
    let (loaded, tooLoaded) = (variable * Int128(shape)).multipliedReportingOverflow(by: use)
    let (sum, tooMuch) = idle.addingReportingOverflow(loaded)
    guard square > 0, !tooIdle, !tooLoaded, !tooMuch else { throw .tooLarge }
    // The sum is in 10⁻⁸ kWh × Sn² × h.
    let steps = dividedHalfUp(sum, by: square * h * Int128(step.millionths) * 100)
    guard let lost = Int64(exactly: steps * Int128(step.millionths)).map(Energy.init(millionths:)), lost.isBillable
    else { throw .tooLarge }
    return lost
  }
}

extension Energy {
  /// So many hundredths of a percent, rounded half up to `step`.
  func basisPoints(_ count: Int, step: Energy) -> Energy {
    let steps = dividedHalfUp(Int128(millionths) * Int128(count), by: Int128(step.millionths) * 10_000)
    return Energy(millionths: Int64(truncatingIfNeeded: steps) * step.millionths)
  }
}
