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
      guard isPossible(instant, try statement.optionalInteger(2), meter, subject) else { continue }
      let gap = Gap(
        meter: meter, subject: subject, instant: instant, reason: try statement.text(1),
        until: try statement.optionalInteger(2).map { max($0, instant) },
        rounds: Int(clamping: try statement.integer(3)))
      found.append(Noted(gap: gap, filled: try statement.optionalInteger(4)))
    }
    return found
  }

  /// False for a run that no meterd has noted, which is told: the list has no checksums.
  func isPossible(_ instant: Int64, _ until: Int64?, _ meter: MeterID, _ subject: String) -> Bool {
    if Gap.mayBegin(at: instant), until.map({ Gap.mayBegin(at: $0) && $0 - instant <= Gap.longest }) ?? true {
      return true
    }
    damaged.note("a row of table gap cannot be: \(meter.text), \(subject) from \(instant) to \(until ?? instant)")
    return false
  }

  /// Notes values that are missing, `every` so many milliseconds. What is listed keeps its first reason, until the meter
  /// itself has said no. Gives what is news.
  func note(_ gap: Gap, every step: Int64) throws(StoreError) -> [Gap] {
    let named = Instants(gap.range, every: step)
    let known = try noted(gap.meter, gap.subject, gap.range)
    var news: [Gap] = []
    if gap.isOfMeter {
      for each in known where each.filled == nil && !each.gap.isOfMeter {
        // The interval may have been another one when it was noted.
        guard let part = each.gap.instants(or: step).common(with: named) else { continue }
        try take([part], outOf: each.gap, every: step)
        news.append(gap.part(part))
      }
    }
    var left = [named]
    for each in known { left = left.flatMap { $0.without(each.gap.instants(or: step)) } }
    news += left.map(gap.part)
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
      try take(parts.map { Instants($0, every: own) }, outOf: each.gap, every: own)
      for part in parts {
        let run = Instants(try joined(part, each.gap, every: own), every: own)
        try insert(each.gap.part(run), filled: at)
      }
    }
  }

  /// Leaves of a gap what lies beside `parts`.
  private func take(_ parts: [Instants], outOf gap: Gap, every step: Int64) throws(StoreError) {
    try delete(gap)
    var left = [gap.instants(or: step)]
    for part in parts { left = left.flatMap { $0.without(part) } }
    for each in left {
      // A file of an earlier version may list a value twice.
      var free = [each]
      for other in try noted(gap.meter, gap.subject, each.range) {
        free = free.flatMap { $0.without(other.gap.instants(or: step)) }
      }
      for run in free { try insert(gap.part(run)) }
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
  /// The longest run there is, in milliseconds: ten years. What a damaged row claims beyond that is none.
  static let longest: Int64 = 3653 * 86_400_000

  /// False for instants that no clock shows: more than ten thousand years from 1970.
  static func mayBegin(at instant: Int64) -> Bool { instant.magnitude < 3_653_000 * 86_400_000 }

  var range: ClosedRange<Int64> { instant...max(instant, until ?? instant) }

  /// Milliseconds from one value of the run to the next; `nil` where it is none, or its values are not evenly apart.
  public var step: Int64? {
    if let every { return every }
    let (length, isBeyond) = range.upperBound.subtractingReportingOverflow(instant)
    guard rounds > 1, !isBeyond, length > 0, length % Int64(rounds - 1) == 0 else { return nil }
    return length / Int64(rounds - 1)
  }

  /// The meter itself has said that there is no such value.
  public var isOfMeter: Bool { reason == "gone" || isRefused }

  /// The meter has refused it; behind a colon stands what it said.
  public var isRefused: Bool { reason == "refused" || reason.hasPrefix("refused:") }

  /// The values that it names; `step` apart where it does not say itself.
  fileprivate func instants(or step: Int64) -> Instants { Instants(range, every: self.step ?? step) }

  /// Some of its values.
  fileprivate func part(_ run: Instants) -> Gap {
    Gap(
      meter: meter, subject: subject, instant: run.first, reason: reason, until: run.first < run.last ? run.last : nil,
      rounds: Int(clamping: (run.last - run.first) / run.step + 1), every: every.map { _ in run.step })
  }

  /// What is left of a gap of records when some have come, `every` so many milliseconds.
  public func without(_ instants: [Int64], every step: Int64) -> [Gap] {
    var left = [Instants(range, every: step)]
    for part in instants.runs(every: step) { left = left.flatMap { $0.without(Instants(part, every: step)) } }
    return left.map(part)
  }
}

/// Instants that are evenly apart, in milliseconds since 1970, from the first through the last.
private struct Instants {
  let first: Int64
  let last: Int64
  let step: Int64

  init(_ range: ClosedRange<Int64>, every step: Int64) {
    first = range.lowerBound
    last = range.upperBound
    self.step = Swift.max(1, step)
  }

  var range: ClosedRange<Int64> { first...last }

  /// The instants that both have; `nil` where there are none, as of two runs that lie between each other.
  func common(with other: Instants) -> Instants? {
    let to = min(last, other.last)
    // The coarser one is gone along.
    let (coarse, fine) = step < other.step ? (other, self) : (self, other)
    let ahead = Swift.max(0, fine.first - coarse.first + coarse.step - 1) / coarse.step
    var found: [Int64] = []
    for instant in stride(from: coarse.first + ahead * coarse.step, through: to, by: Int64.Stride(coarse.step))
    where (instant - fine.first) % fine.step == 0 {
      found.append(instant)
      // From two of them on the rest is known.
      if found.count == 2 { break }
    }
    guard let begin = found.first else { return nil }
    guard let next = found.last, next > begin else { return Instants(begin...begin, every: step) }
    return Instants(begin...to - (to - begin) % (next - begin), every: next - begin)
  }

  /// Those that the other one does not have.
  func without(_ other: Instants) -> [Instants] {
    guard let common = common(with: other) else { return [self] }
    var rest: [Instants] = []
    func keep(_ from: Int64, _ to: Int64) { if from <= to { rest.append(Instants(from...to, every: step)) } }
    keep(first, common.first - step)
    if common.step > step {
      for instant in stride(from: common.first, to: common.last, by: Int64.Stride(common.step)) {
        keep(instant + step, instant + common.step - step)
      }
    }
    keep(common.last + step, last)
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
