public import Metering

/// A tariff as data: what is charged, at which prices, from when to when. 电价方案
///
/// A plan is a list of components in the order of the printed bill. Each is a value of its own kind that holds the
/// numbers of one rule, reads itself from its table of the document, writes itself into the plan's canonical text, and
/// says what it needs of a usage:
///
/// | kind | lines | needs |
/// |---|---|---|
/// | `energy` | every kWh, or each period's, at a price | - |
/// | `tier-prices`, `whole-volume`, `tier-adders` | kWh by tier; adders may differ by period | the window's earlier use |
/// | `monthly-prices` | every kWh, or each period's, at the month's price | - |
/// | `fund` | every kWh, collected for others | - |
/// | `capacity` | running kVA, for a month or days of it | `Supply.basicCharge`, `running` |
/// | `demand` | kW of the contract, its excess, or the highest demand, for each feed | `basicCharge`, `feeds` |
/// | `power-factor` | a percentage of the lines in its base | `reactive` |
/// | `export` | reverse energy, to the user's credit | `exported` |
/// | `minimum` | what the lines before it lack to the least bill | - |
/// | `late-charge` | days of debts | `arrears` |
///
/// `periods`, `tiers` and `loss` say how energy is cut up and what is added to it before any component sees it. Every
/// line is one exact product, rounded once to the fen, half up unless its component says otherwise; the total is the sum of the lines as printed. Components
/// that are computed from other lines stand after them.
///
/// Made from a tariff document by `init(_:)`, immutable, and shared by every bill rated under it, hence a class.
/// Two plans are equal when their canonical texts are.
public final class Plan: Sendable {
  /// Name in kebab case, such as `shanghai-residential`; versions of one plan share it, see `PlanCatalogue`.
  public let name: String
  /// The plan's name for people.
  public let title: String
  /// The same in Chinese.
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
  /// The smallest billed energy: 1 kWh or 0.01 kWh.
  public let energyStep: Energy
  /// Rate periods in the order of the file; empty without time of use.
  public let periods: [Period]
  /// Which of `periods` gets total less the others; `nil` without time of use.
  public let residualPeriod: Int?
  /// `nil` where consumption is not split into tiers.
  public let tiers: Tiers?
  /// What is charged, in the order of the printed bill.
  public let components: [PlanComponent]
  /// Which hour is of which period; `nil` where the meter's own registers say it.
  public let timeOfUse: TimeOfUse?
  /// Losses billed beside what was metered; `nil` where there are none.
  public let loss: LossRule?
  /// Every line that a bill can have.
  let steps: [PlanStep]
  /// True when nothing is billed but metered import energy: such a plan pays for none of the rest.
  let isPlain: Bool
  /// True when a line is cut off instead of rounded.
  let cutsLines: Bool
  /// The plan as one line of JSON with a fixed order of keys: equal plans, equal bytes.
  public let canonicalText: String
  /// SHA-256 of `canonicalText`, in hex.
  public let digest: String
  /// SHA-256, in hex, of all that decides what a usage costs under the plan: equal for two versions that differ only in
  /// words, dates, sources, and in prices that are given month by month.
  public let pricingDigest: String

  init(_ draft: PlanDraft) {
    name = draft.name
    title = draft.title
    titleChinese = draft.titleChinese
    validFrom = draft.validFrom
    validTo = draft.validTo
    knownSince = draft.knownSince
    sources = draft.sources
    energyDecimals = draft.energyDecimals
    energyStep = Rating.energyStep(decimals: draft.energyDecimals)
    periods = draft.periods
    residualPeriod = draft.residualPeriod
    tiers = draft.tiers
    components = draft.components
    timeOfUse = draft.timeOfUse
    loss = draft.loss
    steps = PlanStep.all(of: components)
    cutsLines = components.contains { $0.rounding == .cut }
    isPlain = draft.loss == nil && steps.allSatisfy(\.rule.isPlain)
    canonicalText = draft.canonicalText
    digest = sha256Hex(canonicalText.utf8)
    pricingDigest = sha256Hex(draft.pricingText.utf8)
  }

  /// True when the plan's prices apply on all of `days`.
  public func applies(to days: DayRange) -> Bool {
    validFrom <= days.from && validTo.map { days.last <= $0 } ?? true
  }

  func outsideValidity(_ days: DayRange) -> RatingError {
    .outsideValidity(days, plan: name, from: validFrom, to: validTo)
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
  /// The period's name for people, such as `Peak`.
  public let title: String
  /// The same in Chinese, such as `峰`.
  public let titleChinese: String
  /// The meter's rate registers that count in this period; 1...63.
  public let rates: [UInt8]
}

/// Where a value was published, and whether that was the issuing authority's own paper.
public struct Provenance: Hashable, Sendable {
  /// Title, number and place of the publication, for people.
  public let text: String
  /// False for reprints, explainers and anything else that is not the issuing authority's text.
  public let isPrimary: Bool
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
  var timeOfUse: TimeOfUse?
  var loss: LossRule?
  var components: [PlanComponent] = []
}
