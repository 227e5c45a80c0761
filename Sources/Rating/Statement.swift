internal import Metering

/// A part of a cycle with rules of its own: what was used in it, and the plan it is billed under.
///
/// A new one begins where the meter stays but the rules change: class, capacity, tariff. A change of meter or
/// multiplier alone needs none, it is a segment of the usage.
public struct Stretch: Hashable, Sendable {
  /// What was used in the stretch.
  public let usage: Usage
  /// What it is billed under.
  public let plan: Plan

  /// A stretch of a cycle; whether it fits the others is seen when they are billed.
  public init(_ usage: Usage, under plan: Plan) {
    self.usage = usage
    self.plan = plan
  }
}

/// The bills of one cycle whose rules changed in it, one for each stretch, and their sum.
///
/// Each bill stands for itself: its lines add up to its total, and the totals to the statement's.
public struct Statement: Hashable, Sendable {
  /// Names the statement.
  public let id: String
  /// Whose statement it is.
  public let account: String
  /// The days of all stretches.
  public let days: DayRange
  /// How energy was cut where no register was frozen at the change; `nil` where it was.
  public let proration: Proration?
  /// In the order of time, at least one.
  public let bills: [Bill]
  /// The sum of the bills' totals.
  public let total: Money

  /// The statement that cancels this one, bill by bill and line by line.
  public func reversed() -> Statement {
    Statement(
      id: id, account: account, days: days, proration: proration, bills: bills.map { $0.reversed() }, total: -total)
  }

  /// Fingerprint of everything that all its bills are made of.
  public var inputDigest: String {
    sha256Hex(
      "meterd-statement\n\(proration?.rawValue ?? "")\n\(bills.map(\.inputDigest).joined(separator: "\n"))".utf8)
  }

  /// The statement as one line of JSON with a fixed order of keys, each bill complete in itself.
  public var canonicalText: String {
    CanonicalJSON.object { json in
      json.string("statement", id)
      json.string("account", account)
      json.string("from", "\(days.from)")
      json.string("to", "\(days.to)")
      json.string("proration", proration?.rawValue)
      json.texts("bills", bills.map(\.canonicalText))
      json.string("currency", "CNY")
      json.string("total", "\(total)")
      json.string("digest", inputDigest)
    }
  }
}

/// Prices a cycle whose rules changed in it.
///
/// Stretches of one plan, in old and new versions, have their tier limits in common: those of all months they touch, each
/// stretch starting with the room that the one before left. Under a plan of another name limits start anew, for the
/// months it touches, unless its usage says what was used before. Charges by the month are for each stretch's days, where
/// the usage does not say for how many; the load rate is that of the cycle.
///
/// Where nothing changes from one stretch to the next but the version of their plan, power factor, losses, the least charge
/// and prices for all kWh are those of the month, see `MonthUse`. Where class, capacity or anything else that was agreed
/// changes, they are each stretch's own.
///
/// - Parameters:
///   - stretches: in the order of time, without gaps between their days.
///   - id: names the statement; the caller keeps it unique.
///   - proration: how the energies were cut, where they were; for the record.
/// - Returns: one bill for each stretch, with their sum.
/// - Throws: `RatingError` when the stretches are no cycle, or one of them does not fit its plan.
public func rate(
  _ stretches: [Stretch], id: String, proration: Proration? = nil
) throws(RatingError) -> Statement {
  guard let first = stretches.first, let last = stretches.last,
    let days = DayRange(from: first.usage.days.from, to: last.usage.days.to)
  else { throw .noStretch }
  for (a, b) in zip(stretches, stretches.dropFirst()) {
    guard a.usage.account == b.usage.account else { throw .otherAccount(a.usage.account, b.usage.account) }
    guard a.usage.days.to == b.usage.days.from else { throw .notEndToEnd(a.usage.days, b.usage.days) }
  }
  for stretch in stretches { try stretch.plan.check(stretch.usage.total, "a total") }
  var cycle = CycleInParts(stretches, days)
  var bills: [Bill] = []
  var total = Money.zero
  for (index, stretch) in stretches.enumerated() {
    var usage = stretch.usage
    if stretches.count > 1 {
      usage = try cycle.usage(at: index, after: bills)
      if let before = bills.last, before.plan.name == stretch.plan.name, usage.earlier == .nothing,
        let state = before.windowAfter, let count = stretch.plan.tiers?.count, state.byTier.count == count,
        stretch.plan.tiers?.windowStart(of: usage.limitDays.months) == state.start
      {
        usage.earlier = .byTier(state.byTier)
      }
    }
    let bill = try rate(usage, under: stretch.plan)
    let (sum, overflow) = total.fen.addingReportingOverflow(bill.total.fen)
    guard !overflow else { throw .amountTooLarge(usage.total, .one) }
    total = Money(fen: sum)
    bills.append(bill)
  }
  return Statement(
    id: id, account: first.usage.account, days: days, proration: proration, bills: bills, total: total)
}

/// A cycle in stretches, and what each of them has of the whole.
private struct CycleInParts {
  private let stretches: [Stretch]
  private let days: DayRange
  private let runs: [VersionRun]
  /// The month that has as many days as the cycle: from 25 January to 25 February there are 31 days, those of the month
  /// in which the cycle begins.
  private let month: YearMonth
  /// kWh that are billed of the cycle, once they were asked for.
  private var billed: Energy?

  init(_ stretches: [Stretch], _ days: DayRange) {
    self.stretches = stretches
    self.days = days
    runs = VersionRun.runs(of: stretches)
    month = YearMonth(of: days.from)
  }

  /// The use of a stretch, with what it has in common with the others.
  mutating func usage(at index: Int, after bills: [Bill]) throws(RatingError) -> Usage {
    var usage = usage(of: index, after: bills)
    guard var supply = usage.supply, supply.basicCharge != nil || supply.transformer != nil,
      supply.monthEnergy == nil
    else { return usage }
    var energy = billed ?? .zero
    if billed == nil {
      // Losses of a stretch are those of its run, which no bill changes.
      for place in stretches.indices {
        let plan = stretches[place].plan
        let each = self.usage(of: place, after: [])
        var periods = try plan.periodEnergies(of: each)
        energy += try plan.details(of: each, &periods).billed
      }
      billed = energy
    }
    supply.monthEnergy = energy
    usage.supply = supply
    return usage
  }

  private func usage(of index: Int, after bills: [Bill]) -> Usage {
    var usage = stretches[index].usage
    let ofPlan = sharedDays(of: index)
    guard let run = runs.first(where: { $0.places.contains(index) }),
      usage.hasSupply || ofPlan != nil || run.places.count > 1
    else { return usage }
    var supply = usage.supply ?? Supply()
    supply.cycle = ofPlan
    let most = CivilDate.days(inMonth: month.month, of: month.year)
    func count(_ days: DayRange) -> Int { min(days.count, most) }
    // Where only the version changes, and the cycle is a whole month, its parts must add up to it by any rule.
    let isWhole = run.places.count == stretches.count && count(days) == most && days.isOneMonth
    var ofRun: PartMonth?
    if !isWhole {
      let given = stretches[run.places].compactMap { $0.usage.supply?.part }
      ofRun =
        given.count == run.places.count
        ? given.first.flatMap { PartMonth(days: given.reduce(0) { $0 + $1.days }, of: $0.month) }
        : PartMonth(days: count(run.days), of: month)
    }
    if supply.part == nil, supply.basicCharge != nil || supply.transformer != nil {
      supply.part =
        isWhole
        ? PartMonth(days: count(usage.days), ofAll: month) : PartMonth(days: count(usage.days), of: month)
    }
    // The hours of a month are those of its part where its rules are.
    if !isWhole { supply.transformer = supply.transformer?.within(run.days) }
    supply.month = run.use(of: stretches, at: index, part: ofRun, after: bills)
    usage.supply = supply
    return usage
  }

  /// The days of the stretches beside `index` that are of the same plan, in whatever version; `nil` for it alone.
  private func sharedDays(of index: Int) -> DayRange? {
    let name = stretches[index].plan.name
    let first = stretches[..<index].lastIndex { $0.plan.name != name }.map { $0 + 1 } ?? 0
    let end = stretches[index...].firstIndex { $0.plan.name != name } ?? stretches.count
    guard end - first > 1 else { return nil }
    return DayRange(from: stretches[first].usage.days.from, to: stretches[end - 1].usage.days.to)
  }
}

extension Usage {
  /// The days whose tier limits count: those of all stretches of the plan in the cycle, where this is one of them.
  var limitDays: DayRange {
    guard hasSupply, let cycle = supply?.cycle else { return days }
    return cycle
  }

  /// In how many months of the tier window the customer has the supply; `nil` for all.
  var windowMonths: Int? { hasSupply ? supply?.windowMonths : nil }
}
