public import Metering

/// A tariff as data: what is charged, at which prices, from when to when. 电价方案
///
/// Made from a tariff document by `init(_:)`, immutable, and shared by every bill rated under it, hence a class.
/// Two plans are equal when their canonical texts are.
public final class Plan: Sendable {
  /// Name in kebab case, such as `shanghai-residential`; versions of one plan share it, see `PlanCatalogue`.
  public let name: String
  public let title: String
  public let titleChinese: String
  /// First day on which the prices apply.
  public let validFrom: CivilDate
  /// Last day on which the prices apply; `nil` while nobody knows of an end.
  public let validTo: CivilDate?
  /// The day on which the prices became known: a bill of an earlier day could not have used them.
  public let knownSince: CivilDate
  /// Where the plan was published, for people.
  public let sources: [String]
  /// Decimal places of a billed kWh: 0 or 2.
  public let energyDecimals: Int
  /// Rate periods in the order of the file; empty without time of use.
  public let periods: [Period]
  /// Which of `periods` gets total less the others; `nil` without time of use.
  public let residualPeriod: Int?
  /// `nil` where consumption is not split into tiers.
  public let tiers: Tiers?
  /// What is charged, in the order of the printed bill.
  public let components: [PlanComponent]
  /// Every line that a bill can have.
  let steps: [PlanStep]
  /// The plan as one line of JSON with a fixed order of keys: equal plans, equal bytes.
  public let canonicalText: String
  /// SHA-256 of `canonicalText`, in hex.
  public let digest: String

  init(_ draft: PlanDraft) {
    name = draft.name
    title = draft.title
    titleChinese = draft.titleChinese
    validFrom = draft.validFrom
    validTo = draft.validTo
    knownSince = draft.knownSince
    sources = draft.sources
    energyDecimals = draft.energyDecimals
    periods = draft.periods
    residualPeriod = draft.residualPeriod
    tiers = draft.tiers
    components = draft.components
    steps = PlanStep.all(of: components)
    canonicalText = draft.canonicalText
    digest = sha256Hex(canonicalText.utf8)
  }

  /// The smallest billed energy: 1 kWh or 0.01 kWh.
  public var energyStep: Energy { Rating.energyStep(decimals: energyDecimals) }

  /// True when the plan's prices apply on all of `days`.
  public func applies(to days: DayRange) -> Bool {
    validFrom <= days.from && validTo.map { days.last <= $0 } ?? true
  }

  /// The number of the period called `name`; `nil` when there is none.
  public func period(named name: String) -> Int? { periods.firstIndex { $0.name == name } }
}

extension Plan: Hashable {
  public static func == (a: Plan, b: Plan) -> Bool { a.digest == b.digest }
  public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// One rate period of a plan, such as peak. 时段
public struct Period: Hashable, Sendable {
  /// `peak`: the key in files and records.
  public let name: String
  public let title: String
  public let titleChinese: String
  /// The meter's rate registers that count in this period; 1...63.
  public let rates: [UInt8]
}

/// Where a value was published, and whether that was the issuing authority's own paper.
public struct Provenance: Hashable, Sendable {
  public let text: String
  /// False for reprints, explainers and anything else that is not the issuing authority's text.
  public let isPrimary: Bool
}

/// One thing that a plan charges.
public struct PlanComponent: Hashable, Sendable {
  public let kind: Kind
  /// The printed name.
  public let title: String
  public let titleChinese: String
  public let provenance: Provenance

  public enum Kind: Hashable, Sendable {
    /// Every kWh at the price of its period.
    case energy(PeriodPrices)
    /// Each tier's kWh at the tier's price, from tier 1 on. 分档电价
    case tierPrices([Price])
    /// Every kWh at the price of the tier that the last one falls in, from tier 1 on.
    case wholeVolume([Price])
    /// An adder on each kWh of a higher tier, on top of another component. 递增加价
    case tierAdders([TierAdder])
  }

  /// The kind's name in tariff files and on stored bills.
  public var kindName: String {
    switch kind {
    case .energy: "energy"
    case .tierPrices: "tier-prices"
    case .wholeVolume: "whole-volume"
    case .tierAdders: "tier-adders"
    }
  }
}

/// One price for all periods, or one for each in the order of the plan's periods.
public enum PeriodPrices: Hashable, Sendable {
  case same(Price)
  case byPeriod([Price])
}

/// What the kWh of one tier cost on top.
public struct TierAdder: Hashable, Sendable {
  /// From 1.
  public let tier: Int
  public let prices: PeriodPrices
}

/// A plan while it is put together.
struct PlanDraft {
  var name = ""
  var title = ""
  var titleChinese = ""
  var validFrom: CivilDate
  var validTo: CivilDate?
  var knownSince: CivilDate
  var sources: [String] = []
  var energyDecimals = 2
  var periods: [Period] = []
  var residualPeriod: Int?
  var tiers: Tiers?
  var components: [PlanComponent] = []
}
