internal import Metering

/// A usage as one line of JSON, for rating without a store:
///
///     {"id":"B-1","account":"A-1001","from":"2026-10-01","to":"2026-11-01",
///      "energy":{"total":"650","peak":"200","valley":"150"},"used_before":"0"}
///
/// `to` is the first day that is not billed any more. Energies are kWh in decimal, in quotes. `energy.total` is
/// required; the others are the plan's periods by name, of which the residual may be left out. `used_before` is
/// earlier use in the same tier window, `used_before_by_tier` the same by tier (`["2760","240","0"]`), needed with
/// household grants; `granted_months` counts months of the window with a grant; `tolerance` is by how much the periods may
/// disagree with the total; `intervals` are a load profile that the periods are made of, see `IntervalsRecord`;
/// `segments` the readings that all of it rests on, see `SegmentRecord`: they explain each energy, lie within the billed
/// days, and their import energies add up to the total;
/// `supply` is what `SupplyRecord` shows. All of
/// those may be left out.
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
  /// By how much the periods may disagree with the total, in kWh.
  public var tolerance: String?
  /// What the periods are made of, where it is not rate registers.
  public var intervals: IntervalsRecord?
  /// The stretches of metering that the energy is the sum of.
  public var segments: [SegmentRecord]?
  /// What else was agreed and measured.
  public var supply: SupplyRecord?

  private enum CodingKeys: String, CodingKey {
    case id, account, from, to, energy, tolerance, intervals, segments, supply
    case usedBefore = "used_before"
    case usedBeforeByTier = "used_before_by_tier"
    case grantedMonths = "granted_months"
  }

  /// A record as it would be read from JSON.
  public init(
    id: String, account: String, from: String, to: String, energy: [String: String], usedBefore: String? = nil,
    usedBeforeByTier: [String]? = nil, grantedMonths: Int? = nil, tolerance: String? = nil,
    intervals: IntervalsRecord? = nil, segments: [SegmentRecord]? = nil, supply: SupplyRecord? = nil
  ) {
    self.id = id
    self.account = account
    self.from = from
    self.to = to
    self.energy = energy
    self.usedBefore = usedBefore
    self.usedBeforeByTier = usedBeforeByTier
    self.grantedMonths = grantedMonths
    self.tolerance = tolerance
    self.intervals = intervals
    self.segments = segments
    self.supply = supply
  }
}

extension UsageRecord {
  /// The usage that the record tells of, its periods in the order of their names, or made of its intervals.
  ///
  /// Where the record says nothing else, the periods may differ from the total by as much as the last digits of
  /// registers with two decimal places explain: 0.01 kWh for each period and one more.
  ///
  /// - Parameters:
  ///   - plan: says which hour is of which period; needed with intervals alone.
  ///   - calendar: which days are special; needed with intervals where the plan tells holidays from other days.
  /// - Returns: a usage that can be rated under `plan`, and under any other where it has no intervals.
  /// - Throws: `UsageRecordError` for the first thing that is no usage.
  public func usage(under plan: Plan? = nil, calendar: DayCalendar? = nil) throws(UsageRecordError) -> Usage {
    let usage = try metered(decimals: plan.map { $0.energyDecimals...$0.energyDecimals } ?? 0...6)
    try checkPart(of: usage, under: plan)
    guard let intervals else { return usage }
    guard let plan else { throw .intervalsWithoutPlan }
    guard usage.parts.isEmpty else { throw .periodsTwice }
    let (series, bound, reconciliation) = try intervals.series()
    do throws(SettlementError) {
      return usage.settled(
        by: try plan.settle(
          series, days: usage.days, register: usage.total, bound: bound, calendar: calendar, by: reconciliation))
    } catch {
      throw .intervals(error)
    }
  }

  /// The usage without its intervals; energies of segments may be rounded to so many places of a kWh.
  private func metered(decimals: ClosedRange<Int>) throws(UsageRecordError) -> Usage {
    guard !id.isEmpty else { throw .empty(key: "id") }
    guard !account.isEmpty else { throw .empty(key: "account") }
    guard let first = CivilDate(from) else { throw .date(key: "from", from) }
    guard let end = CivilDate(to) else { throw .date(key: "to", to) }
    guard let days = DayRange(from: first, to: end) else { throw .notForward(from: from, to: to) }
    guard let totalText = energy["total"] else { throw .noTotal }
    let total = try kilowattHours("energy.total", totalText)
    var parts: [PeriodEnergy] = []
    for (name, text) in energy.sorted(by: { $0.key < $1.key }) where name != "total" {
      parts.append(PeriodEnergy(name, try kilowattHours("energy.\(name)", text)))
    }
    var tolerance = Energy(millionths: 10_000 * Int64(parts.isEmpty ? 0 : parts.count + 1))
    if let text = self.tolerance { tolerance = try kilowattHours("tolerance", text) }
    var segments: [UsageSegment] = []
    let check = SegmentCheck(days: days, decimals: decimals)
    for (index, segment) in (self.segments ?? []).enumerated() {
      segments.append(try segment.segment(index + 1, checkedBy: check))
    }
    if let (number, problem) = check.problem(of: segments) {
      throw .segment(number, meter: segments[number - 1].meter, problem)
    }
    try self.check(segments, addUpTo: total)
    let supply = try supply?.supply()
    // A cycle that is settled in the middle of a month counts for the one it ends in, and lasts as long as from its
    // settlement in the one before.
    if let part = supply?.part, !days.months.contains(part.month), !days.months.contains(part.month + 1) {
      throw .partOfAnotherMonth(part.month, of: days)
    }
    return Usage(
      id: id, account: account, days: days, total: total, parts: parts, tolerance: tolerance,
      earlier: try earlierUse(), grantedMonths: grantedMonths ?? 0, segments: segments,
      supply: supply)
  }

  /// Half a month at the price of a whole one is a slip of whoever wrote the record, never a rule.
  private func checkPart(of usage: Usage, under plan: Plan?) throws(UsageRecordError) {
    guard let supply = usage.supply, supply.part == nil, usage.days.isOneMonth, !usage.days.isWholeMonth else { return }
    let isByTable =
      plan?.loss?.transformers.contains { known in
        guard let own = supply.transformer, case .table = known.method else { return false }
        return known.model == own.model && known.capacity == own.capacity
      } ?? false
    guard supply.basicCharge == nil, !isByTable else { throw .partMissing(usage.days) }
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

  /// What segments say of import energy must be the total; where they say nothing of it there is nothing to compare.
  private func check(_ segments: [UsageSegment], addUpTo total: Energy) throws(UsageRecordError) {
    let uses = segments.flatMap(\.registers).filter { $0.quantity == .energyTotal(.importActive) }
    guard !uses.isEmpty else { return }
    // Each is below 10^16 millionths, so 128 bits hold any number of them.
    let sum = uses.reduce(Int128(0)) { $0 + Int128($1.energy.millionths) }
    guard sum == Int128(total.millionths) else {
      throw .segments(sum: Energy(millionths: Int64(clamping: sum)), total: total)
    }
  }

  private func kilowattHours(_ key: @autoclosure () -> String, _ text: String) throws(UsageRecordError) -> Energy {
    try RecordNumber.energy(key(), text)
  }
}
