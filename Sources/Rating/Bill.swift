/// An itemised bill: what was used, what it costs, and why. 电费账单
///
/// A bill is a fact and never changes. It is corrected by its reversal and a new bill.
public struct Bill: Hashable, Sendable {
  /// Whether a bill charges or cancels.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Charges.
    case original
    /// Cancels an original line by line. 红冲
    case reversal
  }

  /// Whether it charges or cancels.
  public let kind: Kind
  /// Under which plan it was rated.
  public let plan: Plan
  /// What it was made of.
  public let usage: Usage
  /// In printed order; empty when nothing was used.
  public let lines: [BillLine]
  /// The sum of the lines' amounts.
  public let total: Money
  /// Energy of each of the plan's periods; they add up to the billed energy.
  let byPeriod: EnergyRow
  let tierUse: TierUse?
  /// `nil` where the plan charges nothing but import energy as it was metered.
  private let extra: Boxed<BillDetails>?

  /// Use by tier, with the window it belongs to.
  struct TierUse: Hashable, Sendable {
    let start: YearMonth
    let before: EnergyRow
    let used: EnergyRow
    /// How many tiers the whole month reaches into: what is priced by the whole use goes by the highest.
    let reached: Int
  }

  init(
    kind: Kind, plan: Plan, usage: Usage, lines: [BillLine], total: Money, byPeriod: EnergyRow, tierUse: TierUse?,
    details: Boxed<BillDetails>?
  ) {
    self.kind = kind
    self.plan = plan
    self.usage = usage
    self.lines = lines
    self.total = total
    self.byPeriod = byPeriod
    self.tierUse = tierUse
    extra = details
  }

  var details: BillDetails? { extra?.value }

  /// The bill that cancels this one: every energy and amount with the other sign. A reversal's is the original.
  public func reversed() -> Bill {
    Bill(
      kind: kind == .original ? .reversal : .original, plan: plan, usage: usage, lines: lines.map { $0.negated() },
      total: -total, byPeriod: byPeriod, tierUse: tierUse, details: extra)
  }
}

extension Bill {
  /// The figures of a bill without its lines, with the sign of the bill.
  public var totals: BillTotals {
    let sign: Int64 = kind == .original ? 1 : -1
    func signed(_ energy: Energy) -> Energy { Energy(millionths: energy.millionths * sign) }
    return BillTotals(
      energy: signed(details?.billed ?? usage.total), byPeriod: byPeriod.prefix(plan.periods.count).map(signed),
      byTier: (tierUse?.used.prefix(plan.tiers?.count ?? 0) ?? []).map(signed), amount: total)
  }

  /// The tier window after this bill; before it, for a reversal. `nil` where the plan has no tiers.
  public var windowAfter: WindowState? {
    guard let tierUse, let count = plan.tiers?.count else { return nil }
    let before = tierUse.before.prefix(count)
    guard kind == .original else { return WindowState(start: tierUse.start, byTier: before) }
    return WindowState(start: tierUse.start, byTier: zip(before, tierUse.used.prefix(count)).map { $0 + $1 })
  }
}

/// The figures of a bill without its lines.
public struct BillTotals: Hashable, Sendable {
  /// What is billed, losses included.
  public let energy: Energy
  /// In the order of the plan's periods; empty without time of use.
  public let byPeriod: [Energy]
  /// From tier 1 on; empty where the plan has no tiers.
  public let byTier: [Energy]
  /// The sum of the lines.
  public let amount: Money
}

/// One printed line of a bill.
public struct BillLine: Hashable, Sendable {
  /// From 1.
  public let ordinal: Int
  let step: PlanStep
  /// How much of its unit the line is for, in millionths; negative on a reversal.
  let count: Int64
  /// In fen, rounded once; negative for a credit or on a reversal.
  public let amount: Money
  /// Which of the usage's segments the energy comes from.
  public let segments: Range<Int>

  /// Which of the plan's components, from 0.
  public var component: Int { Int(step.componentNumber) }
  /// From 1; `nil` where the line is not of one tier.
  public var tier: Int? { step.tierNumber == 0 ? nil : Int(step.tierNumber) }
  /// Which of the plan's periods, from 0; `nil` where the line is not of one period.
  public var period: Int? { step.periodNumber == 0 ? nil : Int(step.periodNumber) - 1 }
  /// By which rule the line came to be.
  public var rule: Rule { step.rule }
  /// Yuan for one unit; a share of one for lines that are a part of other lines.
  public var price: Price { step.price }
  /// Which feed or which debt of the supply, from 1; `nil` where the line is of none.
  public var part: Int? { step.part == 0 ? nil : Int(step.part) }
  /// The line's energy; nothing for a line that counts something else.
  public var energy: Energy { Energy(millionths: rule.unit == .kilowattHour ? count : 0) }
  /// How much of `unit` the line is for, in millionths.
  public var quantityMillionths: Int64 { count }
  /// What the line counts.
  public var unit: LineUnit { rule.unit }

  /// Parts of a fen that every exact product of a line is a whole number of: 10⁻¹⁴ yuan, cut by each length of a month.
  static let exactPartsPerFen: Int128 = 1_000_000_000_000 * monthLengths
  /// The least common multiple of 28, 29, 30 and 31.
  private static let monthLengths: Int128 = 377_580

  /// The amount before it was rounded.
  var exact: Int128 {
    let product = Int128(count) * Int128(step.price.hundredMillionths)
    guard step.divisor > 0 else { return product * Self.monthLengths }
    return product * Int128(step.days) * (Self.monthLengths / Int128(step.divisor))
  }

  func negated() -> BillLine {
    BillLine(ordinal: ordinal, step: step, count: -count, amount: -amount, segments: segments)
  }
}
