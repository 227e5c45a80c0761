import Metering
import Testing

@testable import Acquisition

/// How busy a line is told to be.
@Suite struct LineLoadTests {
  /// A line that begins in the midst of a minute of the boot clock, and is asked `share` of each second.
  private func load(from start: Int64, seconds: Int64, share: Int64, of whole: Int64) -> LineLoad {
    var load = LineLoad(from: BootInstant(nanoseconds: start))
    for second in 0..<seconds {
      let begin = start + second * 1_000_000_000
      load.note(
        from: BootInstant(nanoseconds: begin), to: BootInstant(nanoseconds: begin + 1_000_000_000 * share / whole))
    }
    return load
  }

  @Test(arguments: [0, 1_000_000_000, 42_500_000_000, 59_999_999_999, 3_600_000_000_007] as [Int64])
  func `a line that is never idle is full from its first second on`(_ start: Int64) {
    for seconds in [1, 4, 30, 87, 330, 900, 4000] as [Int64] {
      let now = BootInstant(nanoseconds: start + seconds * 1_000_000_000)
      #expect(load(from: start, seconds: seconds, share: 1, of: 1).share(at: now) == 1000, "\(seconds) s")
      let half = load(from: start, seconds: seconds, share: 1, of: 2).share(at: now)
      #expect(abs(half - 500) <= 2, "\(seconds) s: \(half)")
      #expect(load(from: start, seconds: 0, share: 1, of: 1).share(at: now) == 0)
    }
  }

  @Test func `work that is a quarter of an hour past counts no more, and the time before the first question does`() {
    let busy = load(from: 30_000_000_000, seconds: 60, share: 1, of: 1)
    #expect(busy.share(at: BootInstant(nanoseconds: 150_000_000_000)) == 500)
    #expect(busy.share(at: BootInstant(nanoseconds: 1_000_000_000_000)) < 60)
    #expect(busy.share(at: BootInstant(nanoseconds: 2_000_000_000_000)) == 0)
    var late = LineLoad(from: BootInstant(nanoseconds: 0))
    late.note(from: BootInstant(nanoseconds: 90_000_000_000), to: BootInstant(nanoseconds: 100_000_000_000))
    #expect(late.share(at: BootInstant(nanoseconds: 100_000_000_000)) == 100)
  }
}
