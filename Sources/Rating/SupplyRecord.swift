internal import Metering

/// The supply of a usage record, every part of it left out where it does not apply:
///
///     "supply":{"basic_charge":"contract-demand","running":"2000","contracted":"3150",
///       "feeds":[{"measured":"1200","contract":"1000","capacity":"3150"}],"month_energy":"900000",
///       "part":{"days":10,"month":"2026-10"},"reactive":{"forward":"5000","reverse":"0"},
///       "power_factor_standard":"0.90","self_use":"700","exported":"120",
///       "transformer":{"model":"S9","capacity":"200","hours":720},"line_loss":300,
///       "arrears":[{"bill":"B-0","amount":"120.50","due":"2026-09-20","paid":"2026-10-03"}]}
///
/// Units as in `Supply`; measured numbers are decimals in quotes. A `power_factor_standard` of `none` is a supply that
/// is held to none.
public struct SupplyRecord: Codable, Hashable, Sendable {
  /// `capacity`, `contract-demand` or `actual-demand`.
  public var basicCharge: String?
  /// kVA in service.
  public var running: String?
  /// kVA that are suspended within two years of their installation.
  public var suspended: String?
  /// kVA of all transformers and motors.
  public var contracted: String?
  /// Demand of each feed.
  public var feeds: [Feed]?
  /// kWh of all meter points in the month.
  public var monthEnergy: String?
  /// Days of a month that the basic charge is for.
  public var part: Part?
  /// Reactive energy.
  public var reactive: Reactive?
  /// `0.90`, `0.85`, `0.80` or `none`.
  public var powerFactorStandard: String?
  /// kWh made and used on the spot.
  public var selfUse: String?
  /// kWh of reverse energy.
  public var exported: String?
  /// The transformer whose losses are billed.
  public var transformer: TransformerRecord?
  /// Hundredths of a percent.
  public var lineLoss: Int?
  /// Months of the tier window in which the customer has the supply.
  public var windowMonths: Int?
  /// Debts that late charges are due on.
  public var arrears: [Debt]?

  /// One feed's demand, in kW, and the capacity behind it, in kVA.
  public struct Feed: Codable, Hashable, Sendable {
    /// kW.
    public var measured: String
    /// kW of the contract.
    public var contract: String?
    /// kVA behind the feed.
    public var capacity: String?
  }

  /// Days of a month, such as 10 of `2026-10`.
  public struct Part: Codable, Hashable, Sendable {
    /// How many.
    public var days: Int
    /// Of which month.
    public var month: String
  }

  /// kvarh both ways; `reverse` may be left out.
  public struct Reactive: Codable, Hashable, Sendable {
    /// kvarh taken.
    public var forward: String
    /// kvarh given back.
    public var reverse: String?
  }

  /// Model, kVA and hours under voltage, 720 where they are left out.
  public struct TransformerRecord: Codable, Hashable, Sendable {
    /// The model's name in the plan.
    public var model: String
    /// kVA.
    public var capacity: String
    /// Hours under voltage.
    public var hours: Int?
  }

  /// A debt in yuan, the last day to pay it, and the last day that is charged.
  public struct Debt: Codable, Hashable, Sendable {
    /// Which bill was not paid.
    public var bill: String
    /// Yuan.
    public var amount: String
    /// The last day to pay it.
    public var due: String
    /// The last day that is charged.
    public var paid: String
  }

  private enum CodingKeys: String, CodingKey {
    case running, suspended, contracted, feeds, part, reactive, exported, transformer, arrears
    case basicCharge = "basic_charge"
    case monthEnergy = "month_energy"
    case powerFactorStandard = "power_factor_standard"
    case selfUse = "self_use"
    case lineLoss = "line_loss"
    case windowMonths = "window_months"
  }
}

extension SupplyRecord {
  /// The supply that the record tells of.
  func supply() throws(UsageRecordError) -> Supply {
    var supply = Supply()
    supply.basicCharge = try basicCharge.map { text throws(UsageRecordError) in
      guard let mode = BasicCharge(rawValue: text) else {
        throw .choice(key: "supply.basic_charge", text, known: BasicCharge.allCases.map(\.rawValue))
      }
      return mode
    }
    supply.running = try power("running", running)
    supply.suspended = try power("suspended", suspended)
    supply.contracted = try power("contracted", contracted)
    for feed in feeds ?? [] {
      guard let measured = try power("feeds.measured", feed.measured) else { continue }
      supply.feeds.append(
        FeedDemand(
          measured: measured, contract: try power("feeds.contract", feed.contract),
          capacity: try power("feeds.capacity", feed.capacity)))
    }
    supply.monthEnergy = try energy("month_energy", monthEnergy)
    supply.part = try part.map { part throws(UsageRecordError) in
      guard let month = YearMonth(part.month), let days = PartMonth(days: part.days, of: month) else {
        throw .part(days: part.days, month: part.month)
      }
      return days
    }
    if let reactive {
      supply.reactive = ReactiveUse(
        forward: try energy("reactive.forward", reactive.forward) ?? .zero,
        reverse: try energy("reactive.reverse", reactive.reverse) ?? .zero)
    }
    supply.isExemptFromPowerFactor = powerFactorStandard == "none"
    if let text = powerFactorStandard, text != "none" {
      guard let standard = PowerFactorStandard(text) else {
        throw .choice(
          key: "supply.power_factor_standard", text, known: PowerFactorStandard.allCases.map(\.name) + ["none"])
      }
      supply.powerFactorStandard = standard
    }
    supply.selfUse = try energy("self_use", selfUse) ?? .zero
    supply.exported = try energy("exported", exported)
    if let transformer, let capacity = try power("transformer.capacity", transformer.capacity) {
      supply.transformer = Transformer(model: transformer.model, capacity: capacity, hours: transformer.hours ?? 720)
    }
    supply.lineLoss = lineLoss
    supply.windowMonths = windowMonths
    for debt in arrears ?? [] {
      let amount = try RecordNumber.money("supply.arrears.amount", debt.amount)
      guard let due = CivilDate(debt.due) else { throw .date(key: "supply.arrears.due", debt.due) }
      guard let paid = CivilDate(debt.paid) else { throw .date(key: "supply.arrears.paid", debt.paid) }
      supply.arrears.append(Arrears(bill: debt.bill, amount: amount, due: due, paid: paid))
    }
    return supply
  }

  private func power(_ key: String, _ text: String?) throws(UsageRecordError) -> Power? {
    guard let text else { return nil }
    return try RecordNumber.power("supply.\(key)", text)
  }

  private func energy(_ key: String, _ text: String?) throws(UsageRecordError) -> Energy? {
    guard let text else { return nil }
    return try RecordNumber.energy("supply.\(key)", text)
  }
}
