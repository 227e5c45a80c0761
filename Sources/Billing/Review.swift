internal import Metering
public import Rating

/// What a bill is looked at for before it is issued. 核算 The raw values stand in configurations.
public enum ReviewRule: String, Hashable, Sendable, CaseIterable {
  /// The account was never billed here.
  case firstBill = "first-bill"
  /// The first bill under another plan, or under other prices or rules of the same one.
  case planChanged = "plan-changed"
  /// The first bill with another meter.
  case meterChanged = "meter-changed"
  /// The first bill with another multiplier.
  case multiplierChanged = "multiplier-changed"
  /// It rests on an estimate.
  case estimated
  /// It rests on an estimate, and so did the bill before.
  case prolongedEstimate = "prolonged-estimate"
  /// Nothing was used.
  case zeroUse = "zero-use"
  /// Use a day is far from that of the last cycles and of the same month a year ago.
  case jump
  /// The total is below nothing without reverse energy.
  case negative
  /// The total is above a limit.
  case most
  /// Energy costs more or less a kWh than any line of the plan can make it.
  case averagePrice = "average-price"
  /// A kWh costs far more or less than in the last cycles and in the same month a year ago.
  case priceJump = "price-jump"
  /// Demand is paid for that is above the contract's, by the floor of its rule.
  case demandFloor = "demand-floor"
  /// The adjustment by power factor is beyond 5 % either way.
  case powerFactor = "power-factor"
  /// It does not start where the bill before ended.
  case brokenChain = "broken-chain"
  /// The mean load is above the highest demand.
  case demandImpossible = "demand-impossible"
}

/// What a finding means for the bill.
public enum ReviewWeight: String, Hashable, Sendable, CaseIterable {
  /// Not issued until a person has accepted it.
  case stop
  /// Issued and listed, or held where the configuration says so.
  case look
  /// Listed.
  case note
}

/// One finding of a rule, with the numbers it saw.
public struct ReviewFinding: Hashable, Sendable, CustomStringConvertible {
  public let rule: ReviewRule
  public let weight: ReviewWeight
  public let detail: String

  public init(_ rule: ReviewRule, _ weight: ReviewWeight, _ detail: String) {
    self.rule = rule
    self.weight = weight
    self.detail = detail
  }

  /// `jump (look): 20.97 kWh a day after 10.01`
  public var description: String { "\(rule.rawValue) (\(weight.rawValue)): \(detail)" }
}

/// What the rules said of a bill. A rule that lacks its input says nothing, and is listed: it never counts as passed.
public struct BillReview: Hashable, Sendable {
  public let findings: [ReviewFinding]
  public let notEvaluated: [ReviewRule]
}

/// Bands and limits of the rules.
public struct ReviewLimits: Hashable, Sendable {
  /// By how many percent use a day may differ from what it is compared with: 50 by default.
  public var bandPercent = 50
  /// Differences of less in a cycle are none: 100 kWh by default.
  public var bandLeast = Energy(millionths: 100_000_000)
  /// By how many percent the cost of a kWh may be above what it is compared with, or that above it: 50 by default.
  public var pricePercent = 50
  /// The highest total; `nil` for none.
  public var most: Money?

  public init() {}
}

/// Looks at a bill before it is issued.
///
/// - Parameters:
///   - bill: not issued yet.
///   - history: what stands for earlier cycles, in their order.
///   - limits: bands and limits.
/// - Returns: what was found, and which rules could not say anything.
public func review(_ bill: ClosedBill, after history: [IssuedBill], limits: ReviewLimits = ReviewLimits()) -> BillReview
{
  var look = BillLook(bill: bill, history: history.filter { !$0.parts.isEmpty }, limits: limits)
  look.changes()
  look.use()
  look.money()
  look.chain()
  look.demand()
  return BillReview(findings: look.findings, notEvaluated: look.notEvaluated)
}

/// A bill while it is looked at.
private struct BillLook {
  let bill: ClosedBill
  let history: [IssuedBill]
  let limits: ReviewLimits
  private(set) var findings: [ReviewFinding] = []
  private(set) var notEvaluated: [ReviewRule] = []

  init(bill: ClosedBill, history: [IssuedBill], limits: ReviewLimits) {
    self.bill = bill
    self.history = history
    self.limits = limits
  }

  private var segments: [UsageSegment] { bill.bills.flatMap(\.usage.segments) }

  private mutating func find(_ rule: ReviewRule, _ weight: ReviewWeight, _ detail: String) {
    findings.append(ReviewFinding(rule, weight, detail))
  }

  /// New account, plan, meter, multiplier.
  mutating func changes() {
    guard let last = history.last else {
      find(.firstBill, .look, "account \(bill.key.account) was never billed here")
      notEvaluated += [.planChanged, .meterChanged, .multiplierChanged, .priceJump]
      return
    }
    if let plan = bill.bills.map(\.plan).first(where: { !last.isPriced(like: $0) }) {
      if let old = last.parts.last(where: { $0.plan.name == plan.name })?.plan {
        find(
          .planChanged, .look,
          "plan \(plan.name) valid from \(plan.validFrom) has other prices or rules than the one valid from"
            + " \(old.validFrom) of the bill before")
      } else {
        find(.planChanged, .look, "plan \(plan.name) after \(last.parts.last?.plan.name ?? "none")")
      }
    }
    let before = last.parts.flatMap(\.segments)
    for segment in segments {
      guard before.contains(where: { $0.meter == segment.meter }) else {
        find(.meterChanged, .look, "meter \(segment.meter) after \(before.last?.meter ?? "none")")
        continue
      }
      // What mends an error is no other transformer.
      let multiplier = bill.errors.own(
        of: segment.meter, "\(segment.multiplier)", from: "\(segment.from)", to: "\(segment.to)")
      if let old = before.last(where: { $0.meter == segment.meter }) {
        let earlier = bill.errors.own(of: old.meter, old.multiplier, from: old.from, to: old.to)
        guard earlier != multiplier else { continue }
        find(.multiplierChanged, .look, "meter \(segment.meter) with multiplier \(multiplier) after \(earlier)")
      }
    }
  }

  /// Estimates, nothing used, far more or less than usual.
  mutating func use() {
    if bill.bills.contains(where: \.usage.isEstimated) {
      find(.estimated, .look, "a reading was made by a method, not by the meter")
      if history.last?.parts.contains(where: \.isEstimated) ?? false {
        find(.prolongedEstimate, .stop, "the bill before was estimated too; read the meter on site")
      }
    }
    let used = bill.bills.reduce(Energy.zero) { $0 + $1.usage.total }
    if used == .zero {
      let before = history.suffix(2)
      let isLong = before.count == 2 && before.allSatisfy { $0.parts.allSatisfy { $0.metered == .zero } }
      find(.zeroUse, isLong ? .look : .note, isLong ? "nothing was used in three cycles" : "nothing was used")
    }
    jump(used)
  }

  private mutating func jump(_ used: Energy) {
    let days = Int64(bill.statement.days.count)
    let recent = history.suffix(3)
    guard let month = YearMonth(bill.key.cycle), recent.count == 3, days > 0 else {
      notEvaluated.append(.jump)
      return
    }
    func length(of bill: IssuedBill) -> Int64 {
      bill.parts.reduce(0) { $0 + Int64($1.days.count) }
    }
    func energy(of bill: IssuedBill) -> Energy { bill.parts.reduce(.zero) { $0 + $1.metered } }
    /// Use in this cycle's days at the pace of `bills`.
    func expected(_ bills: some Collection<IssuedBill>) -> Energy? {
      let span = bills.reduce(0) { $0 + length(of: $1) }
      guard span > 0 else { return nil }
      let sum = bills.reduce(Int128(0)) { $0 + Int128(energy(of: $1).millionths) }
      return Int64(exactly: sum * Int128(days) / Int128(span)).map(Energy.init(millionths:))
    }
    let lastYear = history.filter { $0.cycle == month + -12 }
    guard let usual = expected(recent) else {
      notEvaluated.append(.jump)
      return
    }
    let yearAgo = expected(lastYear)
    func isFar(from usual: Energy, percent: Int) -> Bool {
      let gap = max(used, usual) - min(used, usual)
      return gap > limits.bandLeast && Int128(gap.millionths) * 100 > Int128(usual.millionths) * Int128(percent)
    }
    guard isFar(from: usual, percent: limits.bandPercent),
      yearAgo.map({ isFar(from: $0, percent: limits.bandPercent) }) ?? true
    else { return }
    // Only where both agree that it is more than threefold does a bill stop for it.
    let isGross =
      used > usual && isFar(from: usual, percent: 200) && (yearAgo.map { isFar(from: $0, percent: 200) } ?? false)
    let compared = yearAgo.map { ", and \($0) kWh a year ago" } ?? ""
    find(.jump, isGross ? .stop : .look, "\(used) kWh, where the last cycles' pace makes \(usual) kWh\(compared)")
  }

  mutating func money() {
    let hasCredit = bill.bills.contains { bill in bill.lines.contains { $0.rule == .export } }
    if bill.total < .zero, !hasCredit { find(.negative, .stop, "the total is \(bill.total) yuan") }
    if let most = limits.most {
      if bill.total > most { find(.most, .stop, "the total is \(bill.total) yuan, more than \(most)") }
    } else {
      notEvaluated.append(.most)
    }
    for one in bill.bills { price(of: one) }
    if !history.isEmpty { priceJump() }
    for finding in bill.bills.compactMap(\.powerFactor) where abs(finding.adjustment) > 500 {
      let percent = decimalString(Int64(finding.adjustment) * 10_000, decimals: 2)
      find(.powerFactor, .look, "power factor \(finding.factor), adjustment \(percent) %")
    }
  }

  /// What the kWh of a bill cost together, against the lowest and the highest price that its plan knows.
  private mutating func price(of one: Bill) {
    let energy = one.totals.energy
    guard energy > .zero, let band = one.plan.priceBand(in: one.usage.days.months.upperBound) else {
      notEvaluated.append(.averagePrice)
      return
    }
    let lines = one.lines.filter { $0.unit == .kilowattHour && $0.rule != .export }
    let cost = lines.reduce(Money.zero) { $0 + $1.amount }
    // In 10⁻¹⁴ yuan; each line may be a fen off.
    let exact = Int128(cost.fen) * 1_000_000_000_000
    let slack = Int128(lines.count) * 1_000_000_000_000
    let range = (
      low: Int128(energy.millionths) * Int128(band.lowerBound),
      high: Int128(energy.millionths) * Int128(band.upperBound)
    )
    guard exact + slack < range.low || exact - slack > range.high else { return }
    func text(_ price: Int64) -> String { Price(hundredMillionths: price).map { "\($0)" } ?? "\(price)" }
    find(
      .averagePrice, .stop,
      "\(energy) kWh cost \(cost) yuan; the plan's prices lie between \(text(band.lowerBound)) and \(text(band.upperBound))"
    )
  }

  /// What a kWh costs against the last cycles, and against the same month a year ago where there is one.
  private mutating func priceJump() {
    let now = EnergyCost(bill.parts)
    guard let recent = EnergyCost(history.suffix(3).flatMap(\.parts)), let now, let month = YearMonth(bill.key.cycle)
    else {
      notEvaluated.append(.priceJump)
      return
    }
    let yearAgo = EnergyCost(history.filter { $0.cycle == month + -12 }.flatMap(\.parts))
    let compared = [recent, yearAgo].compactMap(\.self)
    guard compared.allSatisfy({ now.isFar(from: $0, percent: limits.pricePercent) }) else { return }
    let isGross = compared.allSatisfy { now.isFar(from: $0, percent: 200) }
    let before = yearAgo.map { ", and \($0) a year ago" } ?? ""
    find(
      .priceJump, isGross ? .stop : .look,
      "a kWh costs \(now) yuan, where it was \(recent) in the last cycles\(before); check the plan's prices")
  }

  /// The registers that the bill before ended with must be those that this one starts with.
  mutating func chain() {
    guard let last = history.last, let month = YearMonth(bill.key.cycle), last.cycle + 1 == month else {
      notEvaluated.append(.brokenChain)
      return
    }
    var compared = 0
    let next = segments.map { ($0.meter, "\($0.from)", "\($0.to)") }
    for gap in gaps(after: last, before: next, of: bill.key.cycle) {
      compared += 1
      find(.brokenChain, .stop, gap)
    }
    for start in segments {
      for end in last.parts.flatMap(\.segments)
      where end.meter == start.meter && wholeTime(end.to) == wholeTime("\(start.from)") {
        for register in start.registers {
          guard let before = end.registers.first(where: { $0.quantity == register.quantity.name }) else { continue }
          compared += 1
          guard before.stop.value != "\(register.start.value)" else { continue }
          find(
            .brokenChain, .stop,
            "\(register.quantity) of meter \(start.meter) starts at \(register.start.value), and the bill before ended at"
              + " \(before.stop.value); correct that one first")
        }
      }
    }
    if compared == 0 { notEvaluated.append(.brokenChain) }
  }

  mutating func demand() {
    for one in bill.bills {
      guard let feed = one.usage.supply?.feeds.first else { continue }
      for line in one.lines where line.rule == .demandContract {
        guard let contract = feed.contract, line.quantityMillionths > contract.millionths, feed.measured <= contract
        else { continue }
        find(
          .demandFloor, .note,
          "\(Power(millionths: line.quantityMillionths)) kW are paid for, the contract says \(contract) kW")
      }
    }
    let marked = segments.filter { $0.demand != nil }
    // A step more than was read: registers are cut off.
    let highest = marked.compactMap { segment -> Power? in
      guard let value = segment.demand?.mark.value else { return nil }
      return segment.multiplier.power(Power(millionths: value.millionths + value.resolution))
    }
    guard let peak = highest.max() else {
      notEvaluated.append(.demandImpossible)
      return
    }
    let used = segments.reduce(Energy.zero) { $0 + $1.imported }
    let days = Int64(bill.statement.days.count)
    // kWh against kW times hours; a mean cannot be above the highest of its quarters of an hour.
    guard Int128(used.millionths) > Int128(peak.millionths) * Int128(days * 24) else { return }
    find(.demandImpossible, .stop, "\(used) kWh in \(days) days is a higher mean than the maximum demand of \(peak) kW")
  }
}

/// What energy cost together.
private struct EnergyCost: CustomStringConvertible {
  let energy: Int128
  let fen: Int128
  /// How much of `fen` may come of rounding lines.
  let slack: Int128

  /// `nil` without energy.
  init?(_ parts: some Sequence<IssuedPart>) {
    var (energy, fen, slack) = (Int128(0), Int128(0), Int128(0))
    for part in parts {
      energy += Int128(part.energy.millionths)
      for line in part.lines where line.unit == LineUnit.kilowattHour.rawValue && line.rule != Rule.export.rawValue {
        fen += Int128(line.amount.fen)
        slack += 1
      }
    }
    guard energy > 0 else { return nil }
    (self.energy, self.fen, self.slack) = (energy, fen, slack)
  }

  /// True where a kWh costs more than `percent` percent more here than there, or there than here.
  func isFar(from other: EnergyCost, percent: Int) -> Bool {
    func isMore(_ a: EnergyCost, _ b: EnergyCost) -> Bool {
      (a.fen - a.slack) * b.energy * 100 > (b.fen + b.slack) * a.energy * Int128(100 + percent)
    }
    return isMore(self, other) || isMore(other, self)
  }

  /// Yuan for a kWh, to four places.
  var description: String {
    // Fen by millionths of a kWh, in millionths of a yuan.
    let price = Int64(clamping: fen * 10_000_000_000 / energy)
    return decimalString(price, decimals: 4)
  }
}
