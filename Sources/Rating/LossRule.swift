/// Losses that a user pays whose meter is on the low side of the transformer. 变损 线损
///
/// What was metered, plus the transformer's loss, plus the line's, is what is billed; the power factor sees the same.
public struct LossRule: Hashable, Sendable {
  /// The transformers whose losses are known; none where only line loss by agreement is billed.
  public let transformers: [TransformerLoss]
  /// The shape factor of the load, in ten-thousandths; 10000 for an even load. Formula only.
  public let shape: Int64
  /// Which periods the lost energy counts in.
  public let spread: Spread
  /// What a part of a month is of a table's loss.
  public let dayShare: DayShare
  /// Where the rule and its numbers were published.
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
  /// How the loss is found.
  public let method: Method

  /// How the loss of a transformer is found.
  public enum Method: Hashable, Sendable {
    /// Losses of a month by bands of its metered energy, the last open.
    case table([Band])
    /// By the nameplate.
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
  /// The model's name in the plan, such as `S9`.
  public let model: String
  /// kVA.
  public let capacity: Power
  /// Hours under voltage in the month, 1...744; the formula asks for them, a table does not.
  public let hours: Int

  /// A transformer; whether the plan knows it is seen when it is billed.
  public init(model: String, capacity: Power, hours: Int = 720) {
    self.model = model
    self.capacity = capacity
    self.hours = hours
  }

  /// The same for a part of a month: under voltage no longer than its days are.
  public func within(_ days: DayRange) -> Transformer {
    Transformer(model: model, capacity: capacity, hours: min(days.count * 24, hours))
  }

  func write(to json: inout CanonicalJSON) {
    json.string("model", model)
    json.string("capacity", "\(capacity)")
    json.number("hours", hours)
  }
}

/// Why losses cannot be billed.
public enum LossProblem: Error, Hashable, Sendable {
  /// The plan has no losses of it.
  case unknownTransformer(model: String, capacity: Power)
  /// Not 1...744.
  case hours(Int)
  /// Not 0...5000 hundredths of a percent.
  case lineLoss(Int)
  /// A loss table is of a month, but the usage is of more than one.
  case notOneMonth(DayRange)
  /// Beyond what can be billed.
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
