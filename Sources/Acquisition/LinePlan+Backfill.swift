internal import Metering

/// What rounds have missed and the meter's own memory may still hold. 补抄
///
/// A negative answer is final: what a meter refuses, or no longer remembers, is not asked for again.
extension LinePlan {
  public struct Shortfall: Hashable, Sendable {
    public let meter: Int
    public let task: Int
    /// The freeze of a day.
    public let query: Query
    /// Why it is missing; of the last try.
    public internal(set) var reason: Missed.Reason
    /// The day on which it was missed.
    let since: CivilDate
    /// The house knows that a whole day of passes has not brought it.
    var isTold = false
    /// False where nobody expected it: it is of a day before the meter was known, looked for and not told as missing.
    var isExpected = true
    /// True where it is given up: it lies further back than the task goes.
    public internal(set) var isFinal = false
  }

  /// Seconds of the day at which passes begin: 00:30, 01:00, 02:00, and from 06:00 on every hour.
  static let passes: [Int64] = [1800, 3600, 7200] + (6...23).map { $0 * 3600 }

  /// The last pass that was due at `wall`, in milliseconds since 1970.
  static func pass(at wall: Int64, zone: ZoneOffset) -> Int64 {
    let local = zone.local(unixMilliseconds: wall)
    let midnight = local.date.daysSince1970 * 86_400
    let today = passes.last { midnight + $0 <= local.localSeconds }
    let last = today.map { midnight + $0 } ?? midnight - 86_400 + (passes.last ?? 0)
    return zone.unixMilliseconds(of: MeterTime(localSeconds: last))
  }

  /// The first pass that is due after `wall`.
  private func pass(after wall: Int64) -> Int64 {
    let local = zone.local(unixMilliseconds: wall)
    let midnight = local.date.daysSince1970 * 86_400
    let today = Self.passes.first { midnight + $0 > local.localSeconds }
    let next = today.map { midnight + $0 } ?? midnight + 86_400 + (Self.passes.first ?? 0)
    return zone.unixMilliseconds(of: MeterTime(localSeconds: next))
  }

  /// Begins a pass: one round for each task that lacks something, in place of those of the pass before.
  ///
  /// The clocks may differ by two seconds before the plan follows: a pass that is due is begun, whatever second the wall
  /// clock shows.
  mutating func openBackfill(_ wall: Int64, dueAt due: Int64? = nil) {
    let wall = max(wall, due ?? wall)
    backfillDue = BootInstant(nanoseconds: (pass(after: wall) - offset) * 1_000_000)
    retire(today: zone.local(unixMilliseconds: wall).date)
    rounds.removeAll(where: \.round.isBackfill)
    tries = tries.filter { !$0.key.round.isBackfill }
    guard !shortfalls.isEmpty else { return }
    let slot = Self.pass(at: wall, zone: zone)
    for task in tasks.indices {
      let wanted = shortfalls.filter { $0.task == task }
      guard !wanted.isEmpty else { continue }
      var left = meters.map { _ in [Query]() }
      for each in wanted { left[each.meter].append(each.query) }
      enter(Round(task: task, slot: slot, isBackfill: true), left: left)
    }
  }

  /// Gives up what lies too far back, and tells once of what a whole day has not brought.
  private mutating func retire(today: CivilDate) {
    for index in shortfalls.indices {
      guard let day = shortfalls[index].query.freezeDay else { continue }
      let depth = Int64(tasks[shortfalls[index].task].backfillDays)
      shortfalls[index].isFinal = today.daysSince1970 - day.daysSince1970 > depth
      guard shortfalls[index].isFinal || shortfalls[index].since < today && !shortfalls[index].isTold else { continue }
      shortfalls[index].isTold = true
      if shortfalls[index].isExpected { failures.append(shortfalls[index]) }
    }
    shortfalls.removeAll(where: \.isFinal)
  }

  /// All that is missing now, with the reason: what open rounds have left, and what they have missed.
  public var missing: [Missed] {
    var all: [Missed] = []
    for open in rounds where !open.round.isBackfill {
      for (meter, queries) in open.left.enumerated()
      where !queries.isEmpty && isExpected(open.round, of: meter) {
        let reason: Missed.Reason = health[meter].isSetAside ? .silent : .waiting
        all.append(Missed(meter: meter, round: open.round, queries: queries, reason: reason))
      }
    }
    return all
      + shortfalls.filter(\.isExpected).map {
        let slot = latest[$0.task]?.slot ?? 0
        return Missed(
          meter: $0.meter, round: Round(task: $0.task, slot: slot, isBackfill: true), queries: [$0.query],
          reason: $0.reason)
      }
  }

  /// What back-fill has not brought since this was last asked.
  public mutating func takeFailures() -> [Shortfall] {
    defer { failures = [] }
    return failures
  }

  /// Notes that a round goes by without these. A freeze may still be read from the meter's memory, unless the meter
  /// itself said no. What nobody expected is looked for and not told.
  mutating func miss(
    _ queries: [Query], of meter: Int, in round: Round, _ reason: Missed.Reason, isExpected isAwaited: Bool = true
  ) {
    let isFinal = reason == .refused || reason == .gone
    // What a pass does not bring was missed before.
    let told = round.isBackfill ? queries.filter { isFinal && isExpected($0, of: meter) } : queries
    if isAwaited, !told.isEmpty { missed.append(Missed(meter: meter, round: round, queries: told, reason: reason)) }
    for query in queries {
      if isFinal {
        fill(query, of: meter)
      } else {
        lack(query, of: meter, round.task, reason, at: nil, isExpected: isAwaited)
      }
    }
  }

  mutating func lack(
    _ query: Query, of meter: Int, _ task: Int, _ reason: Missed.Reason, at wall: Int64?, isExpected: Bool = true
  ) {
    guard query.freezeDay != nil else { return }
    if let known = shortfalls.firstIndex(where: { $0.meter == meter && $0.query == query }) {
      shortfalls[known].reason = reason
      return
    }
    let now = wall ?? latest[task]?.slot ?? 0
    shortfalls.append(
      Shortfall(
        meter: meter, task: task, query: query, reason: reason, since: zone.local(unixMilliseconds: now).date,
        isExpected: isExpected))
  }

  /// Forgets a shortfall: the value came, or never will.
  mutating func fill(_ query: Query, of meter: Int) {
    guard query.freezeDay != nil else { return }
    shortfalls.removeAll { $0.meter == meter && $0.query == query }
  }

  /// True for a freeze of a day on which the meter was known.
  private func isExpected(_ query: Query, of meter: Int) -> Bool {
    query.freezeDay != nil && shortfalls.contains { $0.meter == meter && $0.query == query && $0.isExpected }
  }

  /// True where a value is one that was missed before.
  func isMissing(_ query: Query, of meter: Int) -> Bool {
    query.freezeDay != nil && shortfalls.contains { $0.meter == meter && $0.query == query }
  }
}
