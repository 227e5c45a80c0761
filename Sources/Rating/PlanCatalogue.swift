public import Metering

/// Every known version of every plan, and the lists of special days that they are read with.
///
/// Versions of a plan share its name and differ in two dates: from when their prices apply, and since when they are
/// known. So a bill of the past can be made again as it was made then, or as it would be made now.
public struct PlanCatalogue: Sendable {
  /// In the order of their names, then of validity, then of knowledge.
  public let plans: [Plan]
  /// In the order of their first days, then of knowledge, then of their names.
  public let calendars: [DayCalendar]

  /// - Parameters:
  ///   - plans: in any order.
  ///   - calendars: lists of special days, in any order; a day may be in several.
  /// - Throws: `PlanCatalogueError` when two versions cannot be told apart.
  public init(_ plans: some Sequence<Plan>, calendars: [DayCalendar] = []) throws(PlanCatalogueError) {
    let sorted = plans.sorted { ($0.name, $0.validFrom, $0.knownSince) < ($1.name, $1.validFrom, $1.knownSince) }
    for (a, b) in zip(sorted, sorted.dropFirst()) {
      guard (a.name, a.validFrom, a.knownSince) != (b.name, b.validFrom, b.knownSince) else {
        throw PlanCatalogueError(name: a.name, validFrom: a.validFrom, knownSince: a.knownSince)
      }
    }
    self.plans = sorted
    self.calendars = calendars.sorted {
      ($0.validFrom, $0.knownSince, $0.name) < ($1.validFrom, $1.knownSince, $1.name)
    }
  }

  /// The version of a plan that applies on all of `days`, as it was known on a day.
  ///
  /// Of several the one learned last, then the one that starts last. `nil` when there is none: prices that change
  /// within the days belong to two bills.
  public func plan(_ name: String, for days: DayRange, knownOn day: CivilDate) -> Plan? {
    plans.filter { $0.name == name && $0.knownSince <= day && $0.applies(to: days) }
      .max { ($0.knownSince, $0.validFrom) < ($1.knownSince, $1.validFrom) }
  }

  /// The versions of a plan that apply one after the other in `days`, as they were known on a day: where prices change
  /// within a cycle, each stretch with its own version.
  ///
  /// `nil` when no version applies on some day. See `rate(_:id:proration:)` for billing them together.
  public func versions(_ name: String, over days: DayRange, knownOn day: CivilDate) -> [(days: DayRange, plan: Plan)]? {
    let known = plans.filter { $0.name == name && $0.knownSince <= day }
    var stretches: [(days: DayRange, plan: Plan)] = []
    var from = days.from
    while from < days.to {
      let onlyDay = CivilDate(daysSince1970: from.daysSince1970 + 1)
      guard let one = DayRange(from: from, to: onlyDay), let plan = self.plan(name, for: one, knownOn: day) else {
        return nil
      }
      // The next day on which another version can win: one begins, or this one is over.
      var to = min(days.to, plan.validTo.map { CivilDate(daysSince1970: $0.daysSince1970 + 1) } ?? days.to)
      for other in known where from < other.validFrom && other.validFrom < to { to = other.validFrom }
      guard let range = DayRange(from: from, to: to) else { return nil }
      if let last = stretches.last, last.plan == plan, let joined = DayRange(from: last.days.from, to: to) {
        stretches[stretches.count - 1].days = joined
      } else {
        stretches.append((range, plan))
      }
      from = to
    }
    return stretches
  }
}

extension PlanCatalogue {
  /// The list of special days to settle intervals of `days` under `plan` by, as lists were known on a day.
  ///
  /// Of several lists for one day the one learned last counts. Where that is one list for all days it is that list
  /// itself; else, as at the turn of a year, one is made of them.
  ///
  /// - Returns: `nil` where the plan has the same hours on all these days, whatever kind of day they are.
  /// - Throws: `SettlementError.unknownDay` with the first day that no list is for.
  public func calendar(
    for plan: Plan, over days: DayRange, knownOn day: CivilDate
  ) throws(SettlementError) -> DayCalendar? {
    let all = (days.from.daysSince1970..<days.to.daysSince1970).map(CivilDate.init(daysSince1970:))
    guard all.contains(where: plan.asksKindOfDay) else { return nil }
    let known = calendars.filter { $0.knownSince <= day }
    var used: [DayCalendar] = []
    var special: [CivilDate: DayType] = [:]
    for date in all {
      let lists = known.filter { $0.validFrom <= date && date <= $0.validTo }
      guard
        let list = lists.max(by: { ($0.knownSince, $0.validFrom, $0.name) < ($1.knownSince, $1.validFrom, $1.name) })
      else { throw .unknownDay(date) }
      if !used.contains(list) { used.append(list) }
      special[date] = list.special[date]
    }
    if used.count == 1 { return used.first }
    return DayCalendar(joining: used, days: days, special: special)
  }
}

/// Two plans with one name, one first day and one day of becoming known.
public struct PlanCatalogueError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name that both have.
  public let name: String
  /// The first day that both have.
  public let validFrom: CivilDate
  /// The day that both became known on.
  public let knownSince: CivilDate

  public var description: String {
    "there are two plans \(name) valid from \(validFrom) and known since \(knownSince);"
      + " give the later one another known-since"
  }
}
