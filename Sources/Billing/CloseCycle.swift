public import Metering
public import Rating

/// What came of closing a cycle.
public enum Closing: Hashable, Sendable {
  case bill(ClosedBill)
  /// Every reason that was found, at least one.
  case hold([HoldReason])
}

/// A bill and what must be stored with it in one transaction.
public struct ClosedBill: Hashable, Sendable {
  public let key: BillKey
  /// One bill, or one for each stretch of a cycle whose rules changed in it.
  public let statement: Statement
  /// Numbers of the readings at the ends of its segments, in ascending order. The records of load profiles between them
  /// are told by the segments, see `ProfileUse`.
  public let readings: [Int64]
  /// Where the tier window stands now; `nil` where the plan has no tiers.
  public let windowAfter: WindowState?
  /// What the periods of each bill were made of; `nil` for bills by rate registers.
  public let intervals: [BilledIntervals?]
  /// Which part of the reactive and reverse energy of the cycle each bill has, where that was cut and import energy was
  /// frozen; `nil` elsewhere.
  public let others: [UsageShare?]
  /// Where a meter was in error, and what was counted is mended.
  public let mended: [MendedStretch]
  /// All that the account's meters were found to have, in other cycles too.
  let errors: MeterErrors

  init(
    key: BillKey, statement: Statement, windowAfter: WindowState?, intervals: [BilledIntervals?],
    others: [UsageShare?] = [], errors: MeterErrors
  ) {
    self.errors = errors
    mended = errors.mended(in: statement.bills)
    self.intervals = intervals
    self.others = others
    self.key = key
    self.statement = statement
    self.windowAfter = windowAfter
    var used: Set<Int64> = []
    for segment in statement.bills.flatMap(\.usage.segments) {
      for register in segment.registers { used.formUnion([register.start.sequence, register.stop.sequence]) }
      if let demand = segment.demand { used.insert(demand.mark.sequence) }
    }
    readings = used.sorted()
  }

  /// The bills, in the order of time, at least one.
  public var bills: [Bill] { statement.bills }
  public var total: Money { statement.total }
  /// What is stored and handed over: the bill alone, or the statement where there are several.
  public var document: String { bills.count == 1 ? bills[0].canonicalText : statement.canonicalText }
  /// Fingerprint of all that it was made of.
  public var digest: String { bills.count == 1 ? bills[0].inputDigest : statement.inputDigest }
}

/// Closes one cycle of an account: readings to segments to usage to bill.
///
/// Pure: the same readings give the same bill, in whatever order they come. Where class, capacity, contract or tariff
/// change in the cycle, each stretch is billed by its own rules: from registers frozen at midnight of the change where
/// all that are billed were, else with the use cut by days or months, as the account says.
///
/// Where the terms settle by intervals, what is billed is what the total register counted, and its periods are made of the
/// load profile by the plan's hours, see `Plan.settle(_:days:register:bound:calendar:by:)`; no rate register is asked for.
/// Each stretch has its own part of the profile, and begins with the record of its midnight.
///
/// - Parameters:
///   - account: whose cycle it is.
///   - cycle: from which settlement to which.
///   - readings: at least those at the boundaries of the cycle and of its meter assignments, and at midnight of changed
///     rules where there are any; others do no harm.
///   - profile: the load profiles of the cycle, where the terms settle by intervals.
///   - windowState: where the window stood after the cycle before; `nil` when the cycle is the first of its window.
///   - plans: every version of the account's plans.
///   - day: versions that became known later are not used.
///   - version: from 1; counts on when a cycle is billed again after a reversal.
/// - Returns: the bill, or every reason why there is none.
public func closeCycle(
  account: Account, cycle: Cycle, readings: some Sequence<JournalReading>, profile: ProfileReadings = ProfileReadings(),
  windowState: WindowState?, plans: PlanCatalogue, knownOn day: CivilDate, version: Int = 1
) -> Closing {
  var closing = CycleClosing(
    account: account, cycle: cycle, readings: BoundaryReadings(readings), profile: profile, plans: plans, knownOn: day)
  let key = BillKey(account: account.id, cycle: cycle.label, version: version)
  do throws(HoldReason) {
    guard let days = DayRange(from: cycle.from.date, to: cycle.to.date) else {
      return .hold([.noMeter(from: cycle.from, to: cycle.to)])
    }
    let rules = try account.rules(over: days, plans: plans, knownOn: day)
    if let start = rules.first?.plan.tiers?.windowStart(of: cycle.tierMonth), let windowState,
      windowState.start != start
    {
      closing.note(.otherWindow(expected: start, given: windowState.start))
    }
    let stretches = closing.stretches(under: rules, key: key, window: windowState)
    guard closing.reasons.isEmpty else { return .hold(closing.reasons) }
    let statement: Statement
    do throws(RatingError) {
      statement = try rate(stretches, id: "\(key)", proration: closing.proration)
    } catch {
      throw HoldReason(error, account: account.id)
    }
    return .bill(
      ClosedBill(
        key: key, statement: statement, windowAfter: statement.bills.last?.windowAfter,
        intervals: stretches.indices.map { closing.intervals[$0] },
        others: stretches.indices.map { closing.others[$0] }, errors: MeterErrors(of: account)))
  } catch {
    return .hold(closing.reasons + [error])
  }
}

extension HoldReason {
  /// True where a reading of `meter` at `time` is missing.
  fileprivate func isMissing(_ meter: MeterID, at time: MeterTime) -> Bool {
    guard case .missingReading(meter, _, let at) = self else { return false }
    return at == time
  }

  /// What cannot be rated, with what is missing called as the configuration calls it.
  init(_ error: RatingError, account: String) {
    if case .line(let plan, _, let title, .needs(let input)) = error {
      self = .missingTerm(input, account: account, plan: plan, line: title)
    } else {
      self = .rating(error)
    }
  }
}

/// A cycle while its use is put together, stretch by stretch.
private struct CycleClosing {
  let account: Account
  let cycle: Cycle
  private var builder: SegmentBuilder
  private var noted: [HoldReason] = []
  /// How energy was cut where it was.
  private(set) var proration: Proration?
  /// What periods were made of, by stretch; none for rate registers.
  private(set) var intervals: [Int: BilledIntervals] = [:]
  /// Parts of reactive and reverse energy that were cut beside frozen import energy, by stretch.
  private(set) var others: [Int: UsageShare] = [:]
  /// Midnights inside the cycle where intervals take the place of rate registers, or these of them.
  private var turns: Set<MeterTime> = []
  /// Where errors begin or end inside the cycle, and the registers of that instant that nothing was read of.
  private var edges: [(edge: ErrorEdge, unread: [Quantity])] = []
  private let plans: PlanCatalogue
  private let day: CivilDate

  init(
    account: Account, cycle: Cycle, readings: BoundaryReadings, profile: ProfileReadings, plans: PlanCatalogue,
    knownOn day: CivilDate
  ) {
    self.account = account
    self.cycle = cycle
    self.plans = plans
    self.day = day
    builder = SegmentBuilder(account: account, readings: readings, profile: profile)
  }

  var reasons: [HoldReason] {
    // Of a midnight that only the change of settlement asks for, all rates are told together, with the way out.
    func rate(_ reason: HoldReason) -> (meter: MeterID, quantity: Quantity, at: MeterTime)? {
      guard case .missingReading(let meter, let quantity, let time) = reason, turns.contains(time),
        case .rate = quantity.part
      else { return nil }
      return (meter, quantity, time)
    }
    // An error in the middle of a cycle asks for all that a bill is made of at an instant at which nothing closes.
    let unread = edges.filter { each in
      builder.reasons.contains { $0.isMissing(each.edge.assignment.meter, at: each.edge.at) }
    }
    let found = builder.reasons.filter { reason in
      !unread.contains { reason.isMissing($0.edge.assignment.meter, at: $0.edge.at) }
    }
    var told = noted
    told += unread.map { .unreadError($0.edge.assignment.meter, $0.unread, at: $0.edge.at, $0.edge.error, in: cycle) }
    told += found.filter { rate($0) == nil }
    for at in turns.sorted() {
      let rates = Dictionary(grouping: found.compactMap(rate).filter { $0.at == at }, by: \.meter)
      for (meter, missing) in rates.sorted(by: { $0.key < $1.key }) {
        var names: [Quantity] = []
        for each in missing where !names.contains(each.quantity) { names.append(each.quantity) }
        told.append(.unfrozenRates(meter, names, at: at, settlement: cycle.to))
      }
    }
    return told
  }

  mutating func note(_ reason: HoldReason) { noted.append(reason) }

  /// The stretches of the cycle under `rules`; not all of them where there are `reasons`.
  mutating func stretches(under rules: [RuleStretch], key: BillKey, window: WindowState?) -> [Stretch] {
    let spans = builder.spans(from: cycle.from, to: cycle.to)
    let wanted = rules.map(Wanted.init)
    edges = account.errorEdges(in: cycle).map { ($0, unread(at: $0, under: rules, wanted)) }
    let marks = wanted.contains(where: \.demand) ? builder.demands(of: spans) : []
    guard reasons.isEmpty else { return [] }
    let demands = zip(spans, marks).map { (to: $0.to, mark: $1) }
    let measured = marks.compactMap(\.self).map(\.power).max()
    var stretches: [Stretch] = []
    for (before, after) in zip(rules, rules.dropFirst()) where before.isByIntervals != after.isByIntervals {
      if let change = midnight(after.days.from) { turns.insert(change) }
    }
    for (before, after) in zip(rules, rules.dropFirst()) where before.isByIntervals && after.isByIntervals {
      if let change = midnight(after.days.from) { builder.recorded.insert(account.zone.unixMilliseconds(of: change)) }
    }
    let groups = groups(of: rules, wanted, .imports)
    // Meters freeze import energy more often than the rest: what was not frozen is shared, what was is not.
    let others =
      groups.count > 1 && self.groups(of: rules, wanted, .others).count < groups.count
      ? shared(rules, wanted, key) : nil
    for group in groups {
      let kinds = others == nil ? SegmentBuilder.Kinds.all : .imports
      for var usage in usages(of: group, rules, wanted, kinds, demands, count: rules.count, key: key) {
        let index = stretches.count
        let rule = rules[index]
        usage.id = rules.count == 1 ? "\(key)" : "\(key)/\(index + 1)"
        usage.grantedMonths = account.grantedMonths(in: cycle, under: rule.plan)
        let settled = usage.supply?.intervals
        if index == 0, rule.plan.tiers != nil { usage.earlier = window.map { .byTier($0.byTier) } ?? .nothing }
        let share = usage.supply?.share
        if let others, others.indices.contains(index) {
          usage.supply = usage.supply.map { _ in others[index].supply ?? Supply() }
          // The document has its place for import energy; who explains the bill says this beside it.
          self.others[index] = others[index].supply?.share
          usage.segments += others[index].segments
        }
        if let supply = usage.supply {
          usage.supply = agreed(rule, wanted[index], supply, measured, isOnly: rules.count == 1)
        }
        let months = rule.plan.tiers.flatMap { account.months(in: cycle, of: $0) }
        if share != nil || months != nil || settled != nil {
          var supply = usage.supply ?? Supply()
          (supply.share, supply.windowMonths, supply.intervals) = (share, months, settled)
          usage.supply = supply
        }
        stretches.append(Stretch(usage, under: rule.plan))
      }
    }
    return stretches
  }

  /// The registers that a bill under `rules` needs at an edge and nothing was read of, each once.
  private func unread(at edge: ErrorEdge, under rules: [RuleStretch], _ wanted: [Wanted]) -> [Quantity] {
    var found: [Quantity] = []
    for (rule, wanted) in zip(rules, wanted) {
      var quantities = SegmentBuilder.registers(of: edge.assignment, under: rule.plan, wanted)
      if wanted.demand, let demand = Quantity(.maximumDemand(.importActive), .total) { quantities.append(demand) }
      for quantity in quantities
      where !found.contains(quantity) && !builder.isRead(edge.assignment.meter, quantity, at: edge.at) {
        found.append(quantity)
      }
    }
    return found
  }

  /// Runs of stretches whose inner changes have no frozen registers.
  private func groups(
    of rules: [RuleStretch], _ wanted: [Wanted], _ kinds: SegmentBuilder.Kinds
  ) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var start = 0
    for index in rules.indices.dropFirst() {
      guard let change = midnight(rules[index].days.from) else { continue }
      let counting = account.meters.first {
        ($0.from.map { $0 < change } ?? true) && ($0.to.map { change < $0 } ?? true)
      }
      // Where meters change at this very midnight their registers are read anyway.
      let isFrozen =
        counting.map { meter in
          [index - 1, index].allSatisfy { rule in
            builder.isFrozen(
              meter, SegmentBuilder.registers(of: meter, under: rules[rule].plan, wanted[rule], kinds), at: change)
          }
        } ?? true
      // Intervals are never cut by days: what is not there is missed.
      let isCut = kinds != .others && (rules[index - 1].isByIntervals || rules[index].isByIntervals)
      guard isFrozen || isCut else { continue }
      groups.append(start..<index)
      start = index
    }
    return groups + [start..<rules.count]
  }

  private func midnight(_ day: CivilDate) -> MeterTime? {
    MeterTime(year: day.year, month: day.month, day: day.day, hour: 0, minute: 0, second: 0)
  }

  /// One use for each stretch of a group; empty where there are reasons against it.
  private mutating func usages(
    of group: Range<Int>, _ rules: [RuleStretch], _ wanted: [Wanted], _ kinds: SegmentBuilder.Kinds,
    _ demands: [(to: MeterTime, mark: DemandMark?)], count: Int, key: BillKey
  ) -> [Usage] {
    let first = rules[group.lowerBound], last = rules[group.upperBound - 1]
    let from = group.lowerBound == 0 ? cycle.from : midnight(first.days.from) ?? cycle.from
    let to = group.upperBound == count ? cycle.to : midnight(last.days.to) ?? cycle.to
    guard let days = DayRange(from: first.days.from, to: last.days.to) else { return [] }
    for (before, after) in zip(rules[group], rules[group].dropFirst()) where !before.plan.cuts(like: after.plan) {
      noted.append(.cannotCut(on: after.days.from, from: before.plan.name, to: after.plan.name))
    }
    let all = wanted[group].dropFirst().reduce(wanted[group.lowerBound]) { $0.joined($1) }
    var tolerance = Energy.zero
    var segments = builder.segments(
      of: builder.spans(from: from, to: to), under: first.plan, all, kinds, tolerance: &tolerance)
    guard reasons.isEmpty else { return [] }
    var series: SeriesBuilder?
    if kinds != .others, let terms = first.terms.intervals {
      var own = SeriesBuilder(
        account: account, profile: builder.profile, terms: terms, days: days, energyStep: first.plan.energyStep)
      segments = zip(segments, builder.spans(from: from, to: to)).map { own.add($0, $1) }
      noted += own.reasons
      series = own
    }
    guard reasons.isEmpty else { return [] }
    for (end, mark) in demands {
      guard let mark, let index = segments.firstIndex(where: { $0.to == end && from < end }) else { continue }
      segments[index] = segments[index].with(mark)
    }
    let supply = all.supply ? measured(segments, all, kinds) : nil
    let whole = Usage(
      id: "\(key)", account: account.id, days: days,
      total: segments.reduce(.zero) { $0 + $1.imported },
      parts: first.plan.partsBesideResidual(of: segments), tolerance: tolerance, segments: segments, supply: supply)
    if let series {
      return settled(whole, by: series, group.lowerBound, first).map { [$0] } ?? []
    }
    guard group.count > 1 else { return [whole] }
    let changes = group.dropFirst().map { rules[$0].days.from }
    guard let parts = whole.cut(at: changes, by: account.proration, decimals: first.plan.energyDecimals) else {
      noted.append(.tooMuchEnergy(account.meters.first?.meter ?? .unnamed, .energyTotal(.importActive)))
      return []
    }
    proration = account.proration
    return parts
  }

  /// A stretch's use with its periods made of intervals; `nil` where there is a reason against it.
  private mutating func settled(
    _ whole: Usage, by series: SeriesBuilder, _ index: Int, _ rule: RuleStretch
  ) -> Usage? {
    do throws(SettlementError) {
      let calendar = try plans.calendar(for: rule.plan, over: rule.days, knownOn: day)
      let billed = BilledIntervals(
        series: series.series, days: rule.days, register: whole.total, bound: series.bound,
        reconciliation: series.terms.reconciliation, calendar: calendar)
      let settlement = try billed.settled(under: rule.plan)
      intervals[index] = billed
      return whole.settled(by: settlement)
    } catch {
      if case .unknownDay(let date) = error {
        noted.append(.noDayList(plan: rule.plan.name, on: date))
      } else {
        noted.append(.settlement(plan: rule.plan.name, error))
      }
      return nil
    }
  }

  /// Reactive and reverse energy of segments, as a supply that nothing is agreed for.
  private func measured(_ segments: [UsageSegment], _ wanted: Wanted, _ kinds: SegmentBuilder.Kinds) -> Supply {
    func sum(_ quantity: (MeterAssignment) -> Quantity?) -> Energy {
      segments.reduce(.zero) { total, segment in
        let meter = account.meters.first { $0.meter.text == segment.meter }
        let register = meter.flatMap(quantity).flatMap { wanted in segment.registers.first { $0.quantity == wanted } }
        return total + (register?.energy ?? .zero)
      }
    }
    var supply = Supply()
    guard kinds != .imports else { return supply }
    if wanted.reactive {
      supply.reactive = ReactiveUse(
        forward: sum { .energyTotal($0.reactive.forward) },
        reverse: sum { $0.reactive.reverse.map(Quantity.energyTotal) })
    }
    if wanted.exported { supply.exported = sum { _ in .energyTotal(.exportActive) } }
    return supply
  }

  /// Reactive and reverse energy of the whole cycle, cut for all stretches; its segments stand in the first.
  private mutating func shared(_ rules: [RuleStretch], _ wanted: [Wanted], _ key: BillKey) -> [Usage]? {
    guard let first = rules.first, let last = rules.last,
      let days = DayRange(from: first.days.from, to: last.days.to)
    else { return nil }
    let all = wanted.dropFirst().reduce(wanted[0]) { $0.joined($1) }
    var tolerance = Energy.zero
    let segments = builder.segments(
      of: builder.spans(from: cycle.from, to: cycle.to), under: first.plan, all, .others, tolerance: &tolerance)
    let whole = Usage(
      id: "\(key)", account: account.id, days: days, total: .zero, segments: segments,
      supply: measured(segments, all, .others))
    proration = account.proration
    return whole.cut(at: rules.dropFirst().map(\.days.from), by: account.proration, decimals: first.plan.energyDecimals)
  }

  /// What was agreed for a stretch, with what was measured in it.
  private func agreed(
    _ rule: RuleStretch, _ wanted: Wanted, _ measured: Supply, _ demand: Power?, isOnly: Bool
  ) -> Supply? {
    guard wanted.supply else { return nil }
    // Of stretches beside others the hours are known when they are rated together.
    var supply = rule.terms.supply(over: rule.days, isWhole: !isOnly || cycle.isWhole)
    if !cycle.isWhole, supply.basicCharge != nil || supply.transformer != nil {
      // An account that begins or ends in the cycle pays what is by the month for its days; what stretches of a whole
      // one pay is known when they are rated together.
      supply.part = PartMonth(days: rule.days.count, of: cycle.lengthMonth(settlement: account.settlement))
    }
    if wanted.reactive { supply.reactive = measured.reactive }
    if wanted.exported { supply.exported = measured.exported }
    if wanted.demand, let demand { supply.feeds = [FeedDemand(measured: demand, contract: rule.terms.contractDemand)] }
    return supply
  }
}

extension UsageSegment {
  /// Import energy; nothing for a segment of other registers.
  var imported: Energy { registers.first { $0.quantity == .energyTotal(.importActive) }?.energy ?? .zero }

  /// The same with what else was found of it.
  func with(_ demand: DemandMark? = nil, _ profile: ProfileUse? = nil) -> UsageSegment {
    UsageSegment(
      meter: meter, multiplier: multiplier, from: from, to: to, registers: registers, demand: demand ?? self.demand,
      profile: profile ?? self.profile)
  }
}

extension Plan {
  /// True where a use of one is cut into the same parts as one of the other.
  fileprivate func cuts(like other: Plan) -> Bool {
    energyDecimals == other.energyDecimals && residualPeriod == other.residualPeriod
      && periods.map(\.name) == other.periods.map(\.name) && periods.map(\.rates) == other.periods.map(\.rates)
  }

  /// The energy of every period but the residual one, which gets what is left of the total.
  fileprivate func partsBesideResidual(of segments: [UsageSegment]) -> [PeriodEnergy] {
    periods.indices.filter { $0 != residualPeriod }.map { index in
      let period = periods[index]
      var sum = Energy.zero
      for register in segments.flatMap(\.registers) {
        if case .rate(let rate) = register.quantity.part, period.rates.contains(rate) { sum += register.energy }
      }
      return PeriodEnergy(period.name, sum)
    }
  }
}
