/// Losses that a user pays whose meter is on the low side of the transformer. 变损 线损
///
/// What was metered, plus the transformer's loss, plus the line's, is what is billed; the power factor sees the same.
public struct LossRule: Hashable, Sendable {
  /// The transformers whose losses are known; none where only line loss by agreement is billed.
  public let transformers: [TransformerLoss]
  /// The shape factor of the load, in ten-thousandths; 10000 for an even load. Formula only.
  public let shape: Int64
  public let spread: Spread
  public let dayShare: DayShare
  public let provenance: Provenance

  /// Which periods the lost energy counts in.
  public enum Spread: String, Hashable, Sendable, CaseIterable {
    /// In proportion to what was metered in each; the first period takes the rest.
    case proRata = "pro-rata"
    /// All in the residual period, which is flat in most plans.
    case residual
  }
}

/// The losses of one model of transformer.
public struct TransformerLoss: Hashable, Sendable {
  /// `S9`
  public let model: String
  /// kVA.
  public let capacity: Power
  public let method: Method

  public enum Method: Hashable, Sendable {
    /// Losses of a month by bands of its metered energy, the last open.
    case table([Band])
    case formula(Nameplate)
  }

  /// A band of a loss table.
  public struct Band: Hashable, Sendable {
    /// The most kWh that it is for; `nil` in the last.
    public let upTo: Energy?
    /// kWh a month.
    public let active: Energy
    /// kvarh a month.
    public let reactive: Energy
  }

  /// What stands on the transformer.
  public struct Nameplate: Hashable, Sendable {
    /// P0, in kW. 空载损耗
    public let noLoad: Power
    /// Pk, in kW. 负载损耗
    public let load: Power
    /// I0, in ten-thousandths of the rated current. 空载电流
    public let noLoadCurrent: Int64
    /// Uk, in ten-thousandths of the rated voltage. 短路阻抗
    public let impedance: Int64
  }
}

/// The transformer behind a meter on its low side.
public struct Transformer: Hashable, Sendable {
  public let model: String
  /// kVA.
  public let capacity: Power
  /// Hours under voltage in the month, 1...744; the formula asks for them, a table does not.
  public let hours: Int

  public init(model: String, capacity: Power, hours: Int = 720) {
    self.model = model
    self.capacity = capacity
    self.hours = hours
  }

  func write(to json: inout CanonicalJSON) {
    json.string("model", model)
    json.string("capacity", "\(capacity)")
    json.number("hours", hours)
  }
}

/// Why losses cannot be billed.
public enum LossProblem: Error, Hashable, Sendable {
  case unknownTransformer(model: String, capacity: Power)
  /// Not 1...744.
  case hours(Int)
  /// Not 0...5000 hundredths of a percent.
  case lineLoss(Int)
  /// A loss table is of a month, but the usage is of more than one.
  case notOneMonth(DayRange)
  case tooLarge
}

extension LossProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownTransformer(let model, let capacity):
      "the plan has no losses of a transformer \(model) of \(capacity) kVA; add it under [loss]"
    case .hours(let hours): "a transformer is under voltage for 1 to 744 hours of a month, not \(hours)"
    case .lineLoss(let share): "a line loss of \(share) hundredths of a percent; 0 to 5000 can be agreed"
    case .notOneMonth(let days): "losses are of a month, but \(days) is more than one; bill each month by itself"
    case .tooLarge: "the loss is too large"
    }
  }
}

extension Plan {
  /// What is billed beside what was metered; `periods` then add up to it.
  func details(of usage: Usage, _ periods: inout EnergyRow) throws(RatingError) -> BillDetails {
    var details = BillDetails(metered: usage.total)
    guard let supply = usage.supply else { return details }
    try checkUse(of: supply)
    guard let loss, supply.transformer != nil || supply.lineLoss != nil else { return details }
    do throws(LossProblem) {
      guard usage.days.isOneMonth else { throw .notOneMonth(usage.days) }
      var reactive = supply.reactive.map { $0.forward + $0.reverse } ?? .zero
      guard reactive.isBillable else { throw .tooLarge }
      var reactiveLoss = Energy.zero
      if let transformer = supply.transformer {
        let lost = try loss.loss(
          of: transformer, active: usage.total, reactive: reactive, part: supply.part, step: energyStep)
        details.transformerLoss = lost.active
        if supply.reactive != nil { reactiveLoss = lost.reactive }
      }
      if let share = supply.lineLoss {
        guard (0...5000).contains(share) else { throw .lineLoss(share) }
        details.lineLoss = (usage.total + details.transformerLoss).basisPoints(share, step: energyStep)
        reactive += reactiveLoss
        if supply.reactive != nil { reactiveLoss += reactive.basisPoints(share, step: energyStep) }
      }
      details.reactiveLoss = reactiveLoss
      guard details.billed.isBillable, reactiveLoss.isBillable else { throw .tooLarge }
    } catch {
      throw .loss(plan: name, error)
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
    guard let millionths = Int64(exactly: steps * Int128(step.millionths)) else { throw .tooLarge }
    return Energy(millionths: millionths)
  }
}

extension Energy {
  /// So many hundredths of a percent, rounded half up to `step`.
  func basisPoints(_ count: Int, step: Energy) -> Energy {
    let steps = dividedHalfUp(Int128(millionths) * Int128(count), by: Int128(step.millionths) * 10_000)
    return Energy(millionths: Int64(truncatingIfNeeded: steps) * step.millionths)
  }
}
