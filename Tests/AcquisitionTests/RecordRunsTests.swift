import Testing

@testable import Acquisition

/// Times in runs, against a plain set of them.
@Suite struct RecordRunsTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `runs hold what a set of times holds, and never touch`(_ seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func random(_ below: Int64) -> Int64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int64(state % UInt64(below))
    }
    var runs = RecordRuns(step: 60)
    var plain: Set<Int64> = []
    for _ in 0..<400 {
      let first = (random(200) - 100) * 60
      let last = first + random(12) * 60
      let times = stride(from: first, through: last, by: 60)
      switch random(8) {
      case 0:
        runs.remove(first...last + random(60))
        plain.subtract(times)
      case 1:
        runs.remove(first)
        plain.remove(first)
      case 2:
        runs.cut(after: 4000 + first)
        plain = plain.filter { $0 <= 4000 + first }
      case 3:
        let gone = runs.cut(before: first - 4000)
        #expect(gone.count == plain.count { $0 < first - 4000 }, "seed \(seed)")
        plain = plain.filter { $0 >= first - 4000 }
      case 4: runs.insert(first + 1 + random(59))
      default:
        runs.insert(first...last)
        plain.formUnion(times)
      }
      #expect(runs.count == plain.count, "seed \(seed)")
      #expect(
        runs.runs.flatMap { Array(stride(from: $0.lowerBound, through: $0.upperBound, by: 60)) } == plain.sorted())
      #expect(zip(runs.runs, runs.runs.dropFirst()).allSatisfy { $0.upperBound + 60 < $1.lowerBound }, "seed \(seed)")
      #expect(runs.contains(first) == plain.contains(first), "seed \(seed)")
      let below = first + random(60)
      let newest = runs.newest(8, before: below)
      var last8: [Int64] = []
      for time in plain.sorted().reversed() where time < below {
        guard last8.count < 8, last8.last.map({ $0 == time + 60 }) ?? true else { break }
        last8.append(time)
      }
      #expect(newest?.upperBound == last8.first && newest?.lowerBound == last8.last, "seed \(seed)")
    }
  }
}
