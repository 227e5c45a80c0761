public import Billing
internal import Documents
public import Metering
public import Rating

extension Configuration {
  /// `[[account]]`: who is billed, by which tariff, and what is agreed.
  public struct AccountEntry: Hashable, Sendable {
    public let id: String
    public let name: String
    /// The first day that it is billed here.
    public let from: CivilDate
    /// The first day that is not billed any more; `nil` while the account goes on.
    public let to: CivilDate?
    /// The name of the section that it is read and settled with; `nil` where it goes by itself. 抄表段
    public let section: String?
    /// When its month closes: its section's where it has one.
    public let settlement: SettlementDay
    /// The month from which on a large household has its grant. 一户多人口
    public let largeHouseholdFrom: YearMonth?
    /// The month in which the customer moved in, for plans whose limits follow it. 过户
    public let movedIn: YearMonth?
    /// How a use is cut where rules change and no register was frozen.
    public let proration: Proration
    /// The account's own terms, then each `[[account.change]]`, in the order of their days.
    public let terms: [TermsEntry]
    public let fileLine: Int
    let keyLines: KeyLines

    /// Name of the first tariff's file, without its ending.
    public var tariff: String { terms.first?.tariff ?? "" }
  }

  /// What is agreed from a day on.
  public struct TermsEntry: Hashable, Sendable {
    /// Name of a file in the folder of tariffs, without its ending.
    public let tariff: String
    /// Other versions of the same plan, by the names of their files.
    public let versions: [String]
    /// With the name of the tariff's file for its plan's, which is not known before that is read.
    public let agreed: SupplyTerms
    /// What becomes of the difference between intervals and register; `nil` where rate registers settle the periods.
    public let byIntervals: Rating.Reconciliation?
    let keyLines: KeyLines

    /// Every file of its plan.
    var files: [String] { [tariff] + versions }
  }

  static func accounts(
    _ reader: inout TableReader, _ sections: [SectionEntry]
  ) throws(DocumentError) -> [AccountEntry] {
    var entries: [AccountEntry] = []
    for var table in try reader.tables("account") {
      let entry = try account(&table, sections)
      guard !entries.contains(where: { $0.id == entry.id }) else {
        throw table.error("id", "account \"\(entry.id)\" is there twice")
      }
      entries.append(entry)
    }
    return entries
  }

  private static func account(
    _ table: inout TableReader, _ sections: [SectionEntry]
  ) throws(DocumentError) -> AccountEntry {
    let id = try table.string("id")
    let name = try table.optionalString("name") ?? ""
    let first = try terms(&table, before: nil, from: nil)
    let from = try firstDay(&table)
    var to: CivilDate?
    if let text = try table.optionalString("to") {
      guard let day = CivilDate(text), from < day else {
        throw table.error(
          "to",
          "\"\(text)\" is no day after \(from); write the first that is not billed any more, such as \"2027-03-15\"")
      }
      to = day
    }
    let section = try table.optionalString("section")
    let settlement = try settlement(&table, of: section, sections)
    let household = try month(&table, "large-household-from")
    let movedIn = try month(&table, "moved-in")
    var proration = Proration.days
    if let text = try table.optionalString("proration") {
      guard let known = Proration(rawValue: text) else {
        throw table.error("proration", "\"\(text)\" is neither \"days\" nor \"months\"")
      }
      proration = known
    }
    var all = [first]
    for var change in try table.tables("change") {
      guard let text = try change.optionalString("from"), let day = CivilDate(text) else {
        throw change.error("from", "say from which day on this holds, such as from = \"2026-10-15\"")
      }
      if let last = all.last?.agreed.from, day <= last {
        throw change.error("from", "\(day) is not after the change before, \(last)")
      }
      all.append(try terms(&change, before: all.last, from: day))
      try change.finish()
    }
    let entry = AccountEntry(
      id: id, name: name, from: from, to: to, section: section, settlement: settlement,
      largeHouseholdFrom: household, movedIn: movedIn, proration: proration, terms: all, fileLine: table.table.line,
      keyLines: KeyLines(table, KeyLines.ofAccount))
    try table.finish()
    return entry
  }

  /// Terms of a table. A change that names a tariff says all terms anew; one that does not keeps those that it does not
  /// name.
  private static func terms(
    _ table: inout TableReader, before: TermsEntry?, from: CivilDate?
  ) throws(DocumentError) -> TermsEntry {
    let named = try before == nil ? table.string("tariff") : table.optionalString("tariff")
    let versions = try table.optionalStrings("versions") ?? (named == nil ? before?.versions ?? [] : [])
    let tariff = named ?? before?.tariff ?? ""
    var agreed = named == nil ? before?.agreed ?? SupplyTerms(plan: tariff) : SupplyTerms(plan: tariff)
    agreed.from = from
    if let text = try table.optionalString("basic-charge") {
      guard let mode = BasicCharge(rawValue: text) else {
        let known = BasicCharge.allCases.map(\.rawValue).joined(separator: ", ")
        throw table.error("basic-charge", "\"\(text)\" is none of \(known)")
      }
      agreed.basicCharge = mode
    }
    agreed.running = try power(&table, "running", "kVA") ?? agreed.running
    agreed.suspended = try power(&table, "suspended", "kVA") ?? agreed.suspended
    agreed.contracted = try power(&table, "contracted", "kVA") ?? agreed.contracted
    agreed.contractDemand = try power(&table, "contract-demand", "kW") ?? agreed.contractDemand
    if let text = try table.optionalString("power-factor") {
      if text == "none" {
        (agreed.powerFactorStandard, agreed.isExemptFromPowerFactor) = (nil, true)
      } else if let standard = PowerFactorStandard(text) {
        (agreed.powerFactorStandard, agreed.isExemptFromPowerFactor) = (standard, false)
      } else {
        throw table.error("power-factor", "\"\(text)\" is none of 0.90, 0.85, 0.80 and none")
      }
    }
    if var inner = try table.optionalTable("transformer") {
      let model = try inner.string("model")
      guard let capacity = try power(&inner, "capacity", "kVA") else {
        throw inner.error("capacity", "say how many kVA the transformer has")
      }
      let hours = try inner.optionalInteger("hours", in: 1...744) ?? 720
      agreed.transformer = Transformer(model: model, capacity: capacity, hours: hours)
      try inner.finish()
    }
    if let text = try table.optionalString("line-loss-percent") {
      guard let share = exactDecimal(text, scale: 2), (0...5000).contains(share) else {
        throw table.error(
          "line-loss-percent", "\"\(text)\" is no percentage from 0 to 50 with two places, such as \"3.5\"")
      }
      agreed.lineLoss = Int(share)
    }
    let byIntervals = try reconciliation(&table, before: named == nil ? before?.byIntervals : nil)
    return TermsEntry(
      tariff: tariff, versions: versions, agreed: agreed, byIntervals: byIntervals,
      keyLines: KeyLines(table, KeyLines.ofTerms))
  }

  /// `settled-by` and `reconciliation`: what the periods of a tariff are made of.
  private static func reconciliation(
    _ table: inout TableReader, before: Rating.Reconciliation?
  ) throws(DocumentError) -> Rating.Reconciliation? {
    var isByIntervals = before != nil
    if let text = try table.optionalString("settled-by") {
      guard text == "registers" || text == "intervals" else {
        throw table.error("settled-by", "\"\(text)\" is neither \"registers\" nor \"intervals\"")
      }
      isByIntervals = text == "intervals"
    }
    guard let text = try table.optionalString("reconciliation") else {
      return isByIntervals ? before ?? .residual : nil
    }
    guard let known = Rating.Reconciliation(rawValue: text) else {
      throw table.error("reconciliation", "\"\(text)\" is neither \"residual\" nor \"scaled\"")
    }
    guard isByIntervals else {
      throw table.error("reconciliation", "rate registers need none; it goes with settled-by = \"intervals\"")
    }
    return known
  }

  private static func power(
    _ table: inout TableReader, _ key: String, _ unit: String
  ) throws(DocumentError) -> Power? {
    guard let text = try table.optionalString(key) else { return nil }
    guard let power = Power(text), power.isChargeable else {
      throw table.error(key, "\"\(text)\" is no number of \(unit) with at most four places, such as \"630\"")
    }
    return power
  }

  private static func month(_ table: inout TableReader, _ key: String) throws(DocumentError) -> YearMonth? {
    guard let text = try table.optionalString(key) else { return nil }
    guard let month = YearMonth(text) else {
      throw table.error(key, "\"\(text)\" is no month; write \"2026-10\"")
    }
    return month
  }

  /// What a meter kept from before is not for this account: only people know where its bills begin.
  private static func firstDay(_ table: inout TableReader) throws(DocumentError) -> CivilDate {
    guard let text = try table.optionalString("from") else {
      throw table.error(
        "from",
        "say which day is the first that this account is billed for, such as from = \"2026-10-01\"; meters remember months before it, perhaps another customer's, and those must not be billed"
      )
    }
    guard let day = CivilDate(text) else {
      throw table.error("from", "\"\(text)\" is no day; write \"2026-10-01\"")
    }
    return day
  }
}
