internal import Metering
public import Rating

/// A bill as it was issued, read back from its document: facts, whatever plans and configuration say today.
public struct IssuedBill: Hashable, Sendable {
  /// Its number in the store.
  public let id: Int64
  public let account: String
  public let cycle: YearMonth
  /// From 1; each document of a cycle counts on.
  public let version: Int
  public let kind: IssuedKind
  /// Fingerprint of what stands after it.
  public let digest: String
  /// What it adds to the ledger.
  public let amount: Money
  /// Milliseconds since 1970.
  public let issuedAt: Int64
  /// What stands after it, one part for each stretch of the cycle; none after a reversal alone.
  public let parts: [IssuedPart]
  /// Numbers of the readings it rests on.
  public let readings: [Int64]
  /// What decided the prices of each part, see `Plan.pricingDigest`; empty where it was issued before that was kept.
  public let pricing: [String]
  /// The document of what stands after it: its own, or the new bill in a difference bill; empty after a reversal alone.
  public let standing: String

  /// What the cycle costs once this is issued.
  public var total: Money { parts.reduce(.zero) { $0 + $1.total } }
  /// The tier window after the cycle; `nil` without tiers.
  public var windowAfter: IssuedPart.Window? { parts.last?.window }

  /// Reads a stored document.
  ///
  /// - Throws: `BillDocumentError` for a text that no bill is stored as.
  public init(
    id: Int64, account: String, cycle: String, version: Int64, kind: String, digest: String, totalFen: Int64,
    issuedAt: Int64, document: [UInt8], readings: [Int64], pricing: [String] = []
  ) throws(BillDocumentError) {
    guard let month = YearMonth(cycle), let kind = IssuedKind(rawValue: kind) else {
      throw BillDocumentError(bill: id, problem: "its cycle or kind is unknown")
    }
    guard let json = JSONValue(parsing: document) else {
      throw BillDocumentError(bill: id, problem: "its document is no JSON")
    }
    self.id = id
    self.account = account
    self.cycle = month
    self.version = Int(clamping: version)
    self.kind = kind
    self.digest = digest
    amount = Money(fen: totalFen)
    self.issuedAt = issuedAt
    self.readings = readings
    self.pricing = pricing
    let standing: JSONValue?
    switch kind {
    case .original: standing = json
    case .reversal: standing = nil
    case .difference:
      guard let replacement = json["replacement"]?.items?.first else {
        throw BillDocumentError(bill: id, problem: "the difference bill has no new bill in it")
      }
      standing = replacement
    }
    self.standing = standing?.written ?? ""
    parts = try standing.map { (json) throws(BillDocumentError) in try IssuedPart.all(of: json, bill: id) } ?? []
  }
}

/// What a stored bill is.
public enum IssuedKind: String, Hashable, Sendable, CaseIterable {
  /// A bill.
  case original
  /// Cancels the bill before it. 红冲
  case reversal
  /// Charges what a new bill differs from the one before it. 差额账单
  case difference
}

/// A document that cannot be read back.
public struct BillDocumentError: Error, Hashable, Sendable, CustomStringConvertible {
  public let bill: Int64
  public let problem: String
  public var description: String { "bill \(bill) cannot be read back: \(problem)" }
}

/// One bill of a document.
public struct IssuedPart: Hashable, Sendable {
  /// The plan that it was rated under.
  public struct PlanMark: Hashable, Sendable {
    public let name: String
    public let validFrom: String
    public let digest: String
  }

  /// Where a tier window stood.
  public struct Window: Hashable, Sendable {
    public let plan: String
    public let start: YearMonth
    /// kWh by tier after the bill.
    public let after: [Energy]
    /// kWh by tier that the bill added.
    public let used: [Energy]
  }

  /// A power factor and what it comes of, as printed.
  public struct PowerFactorMark: Hashable, Sendable {
    /// kWh that counted.
    public let active: String
    /// kvarh that counted.
    public let reactive: String
    public let factor: String
    public let standard: String
    /// As a share of its base.
    public let adjustment: String
  }

  /// A printed line.
  public struct Line: Hashable, Sendable {
    public let component: String
    public let name: String
    /// From 1; `nil` for lines of no tier.
    public let tier: Int?
    public let chineseName: String
    public let period: String?
    /// Millionths of `unit`.
    public let quantity: Int64
    public let unit: String
    public let price: String
    public let amount: Money
    public let rule: String
    /// With its numbers: `120.00 kWh x 0.53800000 = 64.56`.
    public let formula: String
    /// Places of the segments that it is made of, in `segments`.
    public let segments: [Int]

    /// ` x 10/30` or ` x 12 days`, between price and result; empty for most lines.
    var dayShare: Substring {
      guard let start = formula.firstRange(of: price)?.upperBound, let end = formula.lastIndex(of: "=") else {
        return ""
      }
      return start <= end ? formula[start..<end] : ""
    }
  }

  public let id: String
  public let days: DayRange
  public let isEstimated: Bool
  public let plan: PlanMark
  /// Billed kWh, losses included.
  public let energy: Energy
  /// kWh that were metered, before losses.
  public let metered: Energy
  public let byPeriod: [PeriodEnergy]
  public let window: Window?
  /// Of the power factor, as a share of its base; `nil` where there is none.
  public var powerFactorAdjustment: String? { powerFactor?.adjustment }
  /// What was found of the power factor; `nil` where there is none.
  public let powerFactor: PowerFactorMark?
  public let lines: [Line]
  public let total: Money
  public let segments: [IssuedSegment]
  /// By which `ratingEngineVersion` it was rated; `nil` where the document does not say.
  public let engine: Int?
  /// What earlier parts of the same month cost towards the least charge; `nil` where it is no last part of one.
  let chargedBefore: Money?
}

/// A segment of a stored bill.
public struct IssuedSegment: Hashable, Sendable {
  /// A reading by its number and what it said.
  public struct Mark: Hashable, Sendable {
    public let reading: Int64
    public let value: String
    public let quality: String
  }

  /// A register's use.
  public struct Register: Hashable, Sendable {
    public let quantity: String
    public let start: Mark
    public let stop: Mark
    public let rolledOver: Bool
    public let energy: Energy
  }

  /// The records of a load profile, as `ProfileUse` has them.
  public struct Profile: Hashable, Sendable {
    public let minutes: Int
    public let records: Int
    public let newest: Int64
    public let digest: String
    /// What all intervals add up to after the multiplier.
    public let energy: Energy
  }

  public let meter: String
  public let multiplier: String
  public let from: String
  public let to: String
  public let registers: [Register]
  public let demand: Mark?
  /// The load profile that the periods were made of; `nil` where rate registers were.
  public let profile: Profile?
  /// kW after the multiplier.
  public let demandPower: Power?

  /// Import energy; nothing for a segment of other registers.
  public var imported: Energy { importRegister?.energy ?? .zero }

  /// The register of import energy; `nil` in a segment of other registers.
  public var importRegister: Register? { registers.first { $0.quantity == Quantity.energyTotal(.importActive).name } }

  /// Every reading with the register it is of and its instant.
  public var marks: [(quantity: String, at: String, mark: Mark)] {
    registers.flatMap { [($0.quantity, from, $0.start), ($0.quantity, to, $0.stop)] }
      + (demand.map { [("demand", to, $0)] } ?? [])
  }
}

extension IssuedPart {
  /// The bills of a document: one, or those of a statement.
  static func all(of json: JSONValue, bill: Int64) throws(BillDocumentError) -> [IssuedPart] {
    var parts: [IssuedPart] = []
    for one in json["bills"]?.items ?? [json] {
      guard let part = IssuedPart(one) else {
        throw BillDocumentError(bill: bill, problem: "a part of its document is missing or of another kind")
      }
      parts.append(part)
    }
    return parts
  }

  init?(_ json: JSONValue) {
    func energy(_ value: JSONValue?) -> Energy? { value?.text.flatMap { Energy(kilowattHours: $0) } }
    func energies(_ value: JSONValue?) -> [Energy]? {
      guard let items = value?.items else { return nil }
      let found = items.compactMap(energy)
      return found.count == items.count ? found : nil
    }
    guard let id = json["bill"]?.text, let from = json["from"]?.text.flatMap({ CivilDate($0) }),
      let to = json["to"]?.text.flatMap({ CivilDate($0) }), let days = DayRange(from: from, to: to),
      let name = json["plan"]?["name"]?.text, let validFrom = json["plan"]?["valid_from"]?.text,
      let digest = json["plan"]?["digest"]?.text, let rows = json["energy"]?.members,
      let billed = energy(json["energy"]?["total"]), let total = Money(json["total"]),
      let lines = json["lines"]?.items, let segments = json["segments"]?.items
    else { return nil }
    self.id = id
    self.days = days
    isEstimated = json["estimated"]?.flag ?? false
    plan = PlanMark(name: name, validFrom: validFrom, digest: digest)
    self.energy = billed
    metered = energy(json["losses"]?["metered"]) ?? billed
    byPeriod = rows.compactMap { row in
      row.name == "total" ? nil : energy(row.value).map { PeriodEnergy(row.name, $0) }
    }
    if let tiers = json["tiers"] {
      guard let start = tiers["window"]?.text.flatMap({ YearMonth($0) }), let after = energies(tiers["used_after"]),
        let used = energies(tiers["used"])
      else { return nil }
      window = Window(plan: name, start: start, after: after, used: used)
    } else {
      window = nil
    }
    engine = json["engine"]?.integer
    powerFactor = json["power_factor"].flatMap { PowerFactorMark($0) }
    guard (powerFactor == nil) == (json["power_factor"] == nil) else { return nil }
    chargedBefore = json["month"]?["charged"].flatMap { Money($0) }
    self.lines = lines.compactMap(Line.init)
    self.total = total
    self.segments = segments.compactMap(IssuedSegment.init)
    guard self.lines.count == lines.count, self.segments.count == segments.count,
      byPeriod.count == rows.count - 1
    else { return nil }
  }
}

extension IssuedPart.PowerFactorMark {
  init?(_ json: JSONValue) {
    guard let active = json["active"]?.text, let reactive = json["reactive"]?.text, let factor = json["factor"]?.text,
      let standard = json["standard"]?.text, let adjustment = json["adjustment"]?.text
    else { return nil }
    self.init(active: active, reactive: reactive, factor: factor, standard: standard, adjustment: adjustment)
  }
}

extension IssuedPart.Line {
  init?(_ json: JSONValue) {
    guard let component = json["component"]?.text, let name = json["name"]?.text,
      let quantity = json["quantity"]?.text.flatMap({ exactDecimal($0, scale: 6) }), let unit = json["unit"]?.text,
      let price = json["price"]?.text, let amount = Money(json["amount"]), let rule = json["rule"]?.text,
      let formula = json["formula"]?.text
    else { return nil }
    self.init(
      component: component, name: name, tier: json["tier"]?.integer, chineseName: json["name_zh"]?.text ?? "",
      period: json["period"]?.text,
      quantity: quantity, unit: unit, price: price, amount: amount, rule: rule, formula: formula,
      segments: (json["segments"]?.items ?? []).compactMap(\.integer))
  }
}

extension IssuedSegment {
  init?(_ json: JSONValue) {
    guard let meter = json["meter"]?.text, let multiplier = json["multiplier"]?.text, let from = json["from"]?.text,
      let to = json["to"]?.text, let items = json["registers"]?.items
    else { return nil }
    self.meter = meter
    self.multiplier = multiplier
    self.from = from
    self.to = to
    registers = items.compactMap { item in
      guard let quantity = item["quantity"]?.text, let start = Mark(item["start"]), let stop = Mark(item["stop"]),
        let rolled = item["rolled_over"]?.flag,
        let energy = item["energy"]?.text.flatMap({ Energy(kilowattHours: $0) })
      else { return nil }
      return Register(quantity: quantity, start: start, stop: stop, rolledOver: rolled, energy: energy)
    }
    demand = json["demand"].flatMap { Mark($0) }
    demandPower = json["demand"]?["power"]?.text.flatMap { Power($0) }
    profile = json["profile"].flatMap { Profile($0) }
    guard registers.count == items.count, (json["profile"] == nil) == (profile == nil) else { return nil }
  }
}

extension IssuedSegment.Profile {
  init?(_ json: JSONValue) {
    guard let minutes = json["minutes"]?.integer, let records = json["records"]?.integer,
      let newest = json["newest"]?.text.flatMap({ Int64($0) }), let digest = json["digest"]?.text,
      let energy = json["energy"]?.text.flatMap({ Energy(kilowattHours: $0) })
    else { return nil }
    self.init(minutes: minutes, records: records, newest: newest, digest: digest, energy: energy)
  }
}

extension IssuedBill {
  /// Number of the record that was stored last of all its load profiles; 0 where it has none.
  public var newestRecord: Int64 { parts.flatMap(\.segments).compactMap(\.profile?.newest).max() ?? 0 }
}

extension IssuedSegment.Mark {
  init?(_ json: JSONValue?) {
    guard let reading = json?["reading"]?.text.flatMap({ Int64($0) }), let value = json?["value"]?.text,
      let quality = json?["quality"]?.text
    else { return nil }
    self.init(reading: reading, value: value, quality: quality)
  }
}

extension Money {
  init?(_ json: JSONValue?) {
    guard let fen = json?.text.flatMap({ exactDecimal($0, scale: 2) }) else { return nil }
    self.init(fen: fen)
  }
}
