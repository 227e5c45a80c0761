/// Times of records that are the same distance apart, as the runs that they make.
///
/// What is missing is mostly in a row: 62 days of records a minute apart are one run, and 89,000 times.
public struct RecordRuns: Hashable, Sendable {
  /// Seconds from one record to the next, at least 1. Every time is a whole multiple of it, others are none.
  public let step: Int64
  /// First and last time of each run, oldest first; no two of them touch.
  public private(set) var runs: [ClosedRange<Int64>] = []

  public init(step: Int64) { self.step = max(1, step) }

  public init(step: Int64, _ times: some Sequence<Int64>) {
    self.init(step: step)
    for time in times { insert(time) }
  }

  /// Every time from the first whole multiple of the step from `first` on, before `end`.
  init(step: Int64, _ first: Int64, before end: Int64) {
    self.init(step: step)
    let begin = (first + self.step - 1).floored(to: self.step)
    let last = (end - 1).floored(to: self.step)
    if begin <= last { runs = [begin...last] }
  }

  public var isEmpty: Bool { runs.isEmpty }
  public var first: Int64? { runs.first?.lowerBound }
  public var last: Int64? { runs.last?.upperBound }
  /// How many times there are.
  public var count: Int { runs.reduce(0) { $0 + count(of: $1) } }

  /// How many times there are in a run.
  public func count(of run: ClosedRange<Int64>) -> Int { Int((run.upperBound - run.lowerBound) / step) + 1 }

  public func contains(_ time: Int64) -> Bool { time % step == 0 && runs.contains { $0.contains(time) } }

  public mutating func insert(_ time: Int64) { insert(time...time) }

  /// Adds the times of a run whose bounds are whole multiples of the step; any other is none.
  public mutating func insert(_ run: ClosedRange<Int64>) {
    guard run.lowerBound % step == 0, run.upperBound % step == 0 else { return }
    // Most come in their order.
    guard let last = runs.last, run.lowerBound <= last.upperBound + step else { return runs.append(run) }
    let begin = runs.firstIndex { $0.upperBound + step >= run.lowerBound } ?? runs.endIndex
    let end = runs[begin...].firstIndex { $0.lowerBound - step > run.upperBound } ?? runs.endIndex
    let touched = runs[begin..<end]
    let joined =
      min(
        run.lowerBound, touched.first?.lowerBound ?? run.lowerBound)...max(
        run.upperBound, touched.last?.upperBound ?? run.upperBound)
    runs.replaceSubrange(begin..<end, with: [joined])
  }

  public mutating func remove(_ time: Int64) { if time % step == 0 { remove(time...time) } }

  /// Takes away the times within a run.
  public mutating func remove(_ run: ClosedRange<Int64>) {
    guard runs.contains(where: { $0.overlaps(run) }) else { return }
    let below = (run.lowerBound - 1).floored(to: step)
    let above = run.upperBound.floored(to: step) + step
    runs = runs.flatMap { known -> [ClosedRange<Int64>] in
      guard known.overlaps(run) else { return [known] }
      var rest: [ClosedRange<Int64>] = []
      if known.lowerBound <= below { rest.append(known.lowerBound...below) }
      if above <= known.upperBound { rest.append(above...known.upperBound) }
      return rest
    }
  }

  /// Takes away the times of others of the same step. Goes once through both: a memory with a hole at every other minute
  /// is tens of thousands of runs.
  public mutating func subtract(_ other: RecordRuns) {
    guard other.step == step, !other.isEmpty else { return }
    var rest: [ClosedRange<Int64>] = []
    var index = 0
    for run in runs {
      var from = run.lowerBound
      while index < other.runs.count, other.runs[index].upperBound < from { index += 1 }
      var next = index
      while next < other.runs.count, other.runs[next].lowerBound <= run.upperBound {
        if from < other.runs[next].lowerBound { rest.append(from...other.runs[next].lowerBound - step) }
        from = other.runs[next].upperBound + step
        next += 1
      }
      if from <= run.upperBound { rest.append(from...run.upperBound) }
    }
    runs = rest
  }

  /// The times that others of the same step have as well.
  func common(with other: RecordRuns) -> RecordRuns {
    var others = self
    others.subtract(other)
    var common = self
    common.subtract(others)
    return common
  }

  /// Takes away all before a time, and gives it.
  public mutating func cut(before time: Int64) -> RecordRuns {
    var gone = self
    if let last, last >= time { gone.remove(time...last) }
    subtract(gone)
    return gone
  }

  mutating func forget(before time: Int64) { _ = cut(before: time) }

  /// Takes away all after a time.
  public mutating func cut(after time: Int64) { if let last, last > time { remove(time + 1...last) } }

  /// The newest times in a row before `limit`, so many at most.
  func newest(_ most: Int, before limit: Int64) -> ClosedRange<Int64>? {
    guard let run = runs.last(where: { $0.lowerBound < limit }) else { return nil }
    let last = run.upperBound < limit ? run.upperBound : (limit - 1).floored(to: step)
    return max(run.lowerBound, last - Int64(max(1, most) - 1) * step)...last
  }
}

extension Int64 {
  /// The last whole multiple of `step` up to here.
  fileprivate func floored(to step: Int64) -> Int64 { self - (self % step + step) % step }
}
