internal import Metering

/// A usage as one line of JSON, for rating without a store:
///
///     {"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01",
///      "energy":{"total":"650","peak":"200","valley":"150"},"used_before":"0"}
///
/// `to` is the first day that is not billed any more. Energies are kWh in decimal, in quotes. `energy.total` is
/// required; the others are the plan's periods by name, of which the residual may be left out. `used_before` is
/// earlier use in the same tier window, `used_before_by_tier` the same by tier (`["2760","240","0"]`), needed with
/// household grants; `granted_months` counts months of the window with a grant; `supply` is what `SupplyRecord` shows.
/// Those four may be left out.
public struct UsageRecord: Codable, Hashable, Sendable {
  /// Names the bill.
  public var id: String
  /// Whose use it is.
  public var account: String
  /// First billed day.
  public var from: String
  /// First day that is not billed any more.
  public var to: String
  /// kWh by period, and `total`.
  public var energy: [String: String]
  /// Earlier use in the window, in kWh.
  public var usedBefore: String?
  /// Earlier use in the window by tier, in kWh.
  public var usedBeforeByTier: [String]?
  /// Months with a household grant.
  public var grantedMonths: Int?
  /// What else was agreed and measured.
  public var supply: SupplyRecord?

  private enum CodingKeys: String, CodingKey {
    case id, account, from, to, energy, supply
    case usedBefore = "used_before"
    case usedBeforeByTier = "used_before_by_tier"
    case grantedMonths = "granted_months"
  }

  /// A record as it would be read from JSON.
  public init(
    id: String, account: String, from: String, to: String, energy: [String: String], usedBefore: String? = nil,
    usedBeforeByTier: [String]? = nil, grantedMonths: Int? = nil, supply: SupplyRecord? = nil
  ) {
    self.id = id
    self.account = account
    self.from = from
    self.to = to
    self.energy = energy
    self.usedBefore = usedBefore
    self.usedBeforeByTier = usedBeforeByTier
    self.grantedMonths = grantedMonths
    self.supply = supply
  }
}

/// Why a record is no usage.
public enum UsageRecordError: Error, Hashable, Sendable {
  /// A text that is no date.
  case date(key: String, String)
  /// The end is not after the start.
  case notForward(from: String, to: String)
  /// A text that is no energy.
  case energy(key: String, String)
  /// No `energy.total`.
  case noTotal
  /// Earlier use is given in both ways.
  case usedBeforeTwice
  /// A text that is no power.
  case power(key: String, String)
  /// A text that is no amount.
  case money(key: String, String)
  /// A text that is none of the known ones.
  case choice(key: String, String, known: [String])
  /// Days that no month has.
  case part(days: Int, month: String)
}

extension UsageRecordError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .date(let key, let text): "\(key): \"\(text)\" is no date; write it as \"2026-11-22\""
    case .notForward(let from, let to): "to: \(to) is not after \(from)"
    case .energy(let key, let text): "\(key): \"\(text)\" is no number of kWh, such as \"123.45\""
    case .noTotal: "energy.total: this key is required"
    case .usedBeforeTwice: "used_before: give this or used_before_by_tier, not both"
    case .power(let key, let text): "\(key): \"\(text)\" is no number of kW or kVA, such as \"812.4\""
    case .money(let key, let text): "\(key): \"\(text)\" is no amount in yuan, such as \"120.50\""
    case .choice(let key, let text, let known): "\(key): \"\(text)\" is none of \(known.joined(separator: ", "))"
    case .part(let days, let month): "supply.part: \(days) days of \"\(month)\" are no part of a month like \"2026-10\""
    }
  }
}

extension UsageRecord {
  /// The usage that the record tells of, its periods in the order of their names.
  ///
  /// The periods may differ from the total by as much as the last digits of registers with two decimal places
  /// explain: 0.01 kWh for each period and one more.
  public func usage() throws(UsageRecordError) -> Usage {
    guard let first = CivilDate(from) else { throw .date(key: "from", from) }
    guard let end = CivilDate(to) else { throw .date(key: "to", to) }
    guard let days = DayRange(from: first, to: end) else { throw .notForward(from: from, to: to) }
    guard let totalText = energy["total"] else { throw .noTotal }
    let total = try kilowattHours("energy.total", totalText)
    var parts: [PeriodEnergy] = []
    for (name, text) in energy.sorted(by: { $0.key < $1.key }) where name != "total" {
      parts.append(PeriodEnergy(name, try kilowattHours("energy.\(name)", text)))
    }
    let steps = Int64(parts.isEmpty ? 0 : parts.count + 1)
    return Usage(
      id: id, account: account, days: days, total: total, parts: parts, tolerance: Energy(millionths: 10_000 * steps),
      earlier: try earlierUse(), grantedMonths: grantedMonths ?? 0,
      supply: try supply?.supply())
  }

  private func earlierUse() throws(UsageRecordError) -> EarlierUse {
    guard let texts = usedBeforeByTier else {
      guard let usedBefore else { return .nothing }
      return .total(try kilowattHours("used_before", usedBefore))
    }
    guard usedBefore == nil else { throw .usedBeforeTwice }
    var energies: [Energy] = []
    for text in texts { energies.append(try kilowattHours("used_before_by_tier", text)) }
    return .byTier(energies)
  }

  private func kilowattHours(_ key: String, _ text: String) throws(UsageRecordError) -> Energy {
    guard let energy = Energy(kilowattHours: text), energy.isBillable else { throw .energy(key: key, text) }
    return energy
  }
}
