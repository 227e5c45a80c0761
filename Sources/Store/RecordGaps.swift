internal import Metering

/// Gaps of values that are evenly apart, as the records of a load profile: no value is listed in two of them, and one that
/// comes makes the run that names it smaller.
extension Connection {
  /// A gap as the file holds it.
  private struct Noted {
    let gap: Gap
    let filled: Int64?
  }

  /// Gaps of one subject of a meter that have a value within `range`, by instant.
  private func noted(_ meter: MeterID, _ subject: String, _ range: ClosedRange<Int64>) throws(StoreError) -> [Noted] {
    let statement = try statement(
      """
      SELECT instant, reason, until, rounds, filled_ms FROM gap
      WHERE meter = ?1 AND subject = ?2 AND instant <= ?4 AND coalesce(until, instant) >= ?3 ORDER BY instant
      """
    ).bind([.text(meter), .text(subject), .integer(range.lowerBound), .integer(range.upperBound)])
    defer { statement.reset() }
    var found: [Noted] = []
    while try statement.step() {
      let instant = try statement.integer(0)
      let gap = Gap(
        meter: meter, subject: subject, instant: instant, reason: try statement.text(1),
        until: try statement.optionalInteger(2).map { max($0, instant) },
        rounds: Int(clamping: try statement.integer(3)))
      found.append(Noted(gap: gap, filled: try statement.optionalInteger(4)))
    }
    return found
  }

  /// Notes values that are missing, `every` so many milliseconds. What is listed keeps its first reason, until the meter
  /// itself has said no. Gives what is news.
  func note(_ gap: Gap, every step: Int64) throws(StoreError) -> [Gap] {
    let known = try noted(gap.meter, gap.subject, gap.range)
    var news: [Gap] = []
    if gap.isOfMeter {
      for each in known where each.filled == nil && !each.gap.isOfMeter {
        let part = each.gap.range.clamped(to: gap.range)
        try take([part], outOf: each.gap, every: each.gap.step ?? step)
        news.append(gap.part(part, every: step))
      }
    }
    var left = [gap.range]
    for each in known { left = left.flatMap { $0.without(each.gap.range, every: step) } }
    news += left.map { gap.part($0, every: step) }
    for each in news { try insert(each) }
    return news
  }

  /// Notes that values came at `instants`, in their order, whatever noted them as missing.
  func fill(
    _ meter: MeterID, _ subject: String, _ instants: [Int64], every step: Int64, at: Int64
  ) throws(StoreError) {
    guard let first = instants.first, let last = instants.last, first <= last else { return }
    for each in try noted(meter, subject, first...last) where each.filled == nil {
      // Another task may read the same records further apart.
      let own = each.gap.step ?? step
      let parts = instants.filter { each.gap.range.contains($0) && ($0 - each.gap.instant) % own == 0 }
        .runs(every: own)
      guard !parts.isEmpty else { continue }
      try take(parts, outOf: each.gap, every: own)
      for part in parts {
        try insert(each.gap.part(try joined(part, each.gap, every: own), every: own), filled: at)
      }
    }
  }

  /// Leaves of a gap what lies beside `parts`.
  private func take(_ parts: [ClosedRange<Int64>], outOf gap: Gap, every step: Int64) throws(StoreError) {
    try delete(gap)
    var left = [gap.range]
    for part in parts { left = left.flatMap { $0.without(part, every: step) } }
    for each in left {
      // A file of an earlier version may list a value twice.
      var free = [each]
      for other in try noted(gap.meter, gap.subject, each) {
        free = free.flatMap { $0.without(other.gap.range, every: step) }
      }
      for range in free { try insert(gap.part(range, every: step)) }
    }
  }

  /// What came of a run is one run as well: the pieces beside `part` are taken into it.
  private func joined(
    _ part: ClosedRange<Int64>, _ gap: Gap, every step: Int64
  ) throws(StoreError) -> ClosedRange<Int64> {
    guard gap.until != nil else { return part }
    var joined = part
    for each in try noted(gap.meter, gap.subject, part.lowerBound - step...part.upperBound + step)
    where each.filled != nil && each.gap.reason == gap.reason && (each.gap.step ?? step) == step {
      let range = each.gap.range
      guard range.upperBound == joined.lowerBound - step || range.lowerBound == joined.upperBound + step else {
        continue
      }
      try delete(each.gap)
      joined = min(joined.lowerBound, range.lowerBound)...max(joined.upperBound, range.upperBound)
    }
    return joined
  }

  private func delete(_ gap: Gap) throws(StoreError) {
    try statement("DELETE FROM gap WHERE meter = ?1 AND subject = ?2 AND instant = ?3")
      .run([.text(gap.meter), .text(gap.subject), .integer(gap.instant)])
  }

  private func insert(_ gap: Gap, filled: Int64? = nil) throws(StoreError) {
    try statement(
      """
      INSERT INTO gap(meter, subject, instant, reason, until, rounds, filled_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      ON CONFLICT(meter, subject, instant) DO NOTHING
      """
    ).run([
      .text(gap.meter), .text(gap.subject), .integer(gap.instant), .text(gap.reason), SQLValue(gap.until),
      .integer(Int64(gap.rounds)), SQLValue(filled),
    ])
  }
}

extension Gap {
  var range: ClosedRange<Int64> { instant...max(instant, until ?? instant) }

  /// Milliseconds from one value of the run to the next; `nil` where it is none, or its values are not evenly apart.
  public var step: Int64? {
    if let every { return every }
    let length = range.upperBound - instant
    guard rounds > 1, length > 0, length % Int64(rounds - 1) == 0 else { return nil }
    return length / Int64(rounds - 1)
  }

  /// The meter itself has said that there is no such value.
  public var isOfMeter: Bool { reason == "gone" || isRefused }

  /// The meter has refused it; behind a colon stands what it said.
  public var isRefused: Bool { reason == "refused" || reason.hasPrefix("refused:") }

  /// The values of a run between two of its instants.
  func part(_ range: ClosedRange<Int64>, every step: Int64) -> Gap {
    let isRun = range.lowerBound < range.upperBound
    return Gap(
      meter: meter, subject: subject, instant: range.lowerBound, reason: reason, until: isRun ? range.upperBound : nil,
      rounds: Int(clamping: (range.upperBound - range.lowerBound) / max(1, step) + 1), every: every)
  }

  /// What is left of a gap of records when some have come, `every` so many milliseconds.
  public func without(_ instants: [Int64], every step: Int64) -> [Gap] {
    var left = [range]
    for part in instants.runs(every: step) { left = left.flatMap { $0.without(part, every: step) } }
    return left.map { self.part($0, every: step) }
  }
}

extension ClosedRange<Int64> {
  /// The instants of a run that lie outside of another one.
  fileprivate func without(_ other: ClosedRange<Int64>, every step: Int64) -> [ClosedRange<Int64>] {
    guard overlaps(other) else { return [self] }
    var rest: [ClosedRange<Int64>] = []
    if lowerBound <= other.lowerBound - step { rest.append(lowerBound...other.lowerBound - step) }
    if other.upperBound + step <= upperBound { rest.append(other.upperBound + step...upperBound) }
    return rest
  }
}

extension [Int64] {
  /// Instants in their order as runs of such that are so far apart.
  fileprivate func runs(every step: Int64) -> [ClosedRange<Int64>] {
    var runs: [ClosedRange<Int64>] = []
    for instant in self {
      if let last = runs.last, last.upperBound + step == instant {
        runs[runs.count - 1] = last.lowerBound...instant
      } else {
        runs.append(instant...instant)
      }
    }
    return runs
  }
}
