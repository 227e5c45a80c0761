import Acquisition
import Metering
import Testing

@testable import Concentrator

/// Rounds of one line over two days, in wire time: who is kept beside whom.
@Suite struct LineDayTests {
  private func work(
    every seconds: Int64, _ cost: Int64, priority: Int = 2, windows: [String] = []
  ) throws -> LineDay.Work {
    LineDay.Work(
      schedule: .every(seconds: seconds), priority: priority, windows: try windows.map { try #require(TimeWindow($0)) },
      grace: nil, cost: cost)
  }

  private func work(
    at time: String, _ cost: Int64, priority: Int = 2, windows: [String] = [], grace: Int64? = nil
  ) throws -> LineDay.Work {
    LineDay.Work(
      schedule: .daily(try #require(TimeOfDay(time))), priority: priority,
      windows: try windows.map { try #require(TimeWindow($0)) }, grace: grace, cost: cost)
  }

  private func kept(_ works: [LineDay.Work]) -> [Bool] { LineDay.fates(of: works).map(\.isKept) }

  @Test func `a task that alone fits is not kept beside one that goes first`() throws {
    let first = try work(every: 60, 40_000, priority: 1), second = try work(every: 60, 30_000)
    #expect(kept([first]) == [true] && kept([second]) == [true])
    #expect(kept([first, second]) == [true, false])
    // With the same priority the earlier deadline goes first, and 40 + 2 x 30 s fit into two minutes.
    #expect(kept([try work(every: 60, 30_000), try work(every: 120, 59_000)]) == [true, true])
    #expect(kept([try work(every: 60, 30_000), try work(every: 120, 61_000)])[1] == false)
  }

  @Test func `the time that a round takes beside the others is told`() throws {
    let fates = LineDay.fates(of: [try work(every: 10, 4000, priority: 1), try work(every: 300, 12_000)])
    // Two thirds of the line are left: 6 s of each 10.
    #expect(fates.map(\.longest) == [4000, 20_000])
    #expect(fates.allSatisfy { $0.leftOut == 0 && $0.late == 0 })
  }

  @Test func `a round that is never read to its end has no time, and one that is under way has that of its end`() throws
  {
    let first = try work(every: 60, 60_000, priority: 1)
    let fates = LineDay.fates(of: [first, try work(every: 60, 1000)])
    #expect(fates[1].longest == nil && fates[1].leftOut == fates[1].due && fates[1].due > 2800)
    #expect(LineDay.fates(of: [try work(at: "00:00", 901_000, grace: 900_000)])[0].longest == nil)
    // It goes on beyond the days that are looked at.
    let month = LineDay.Work(
      schedule: .monthly(days: [1], try #require(TimeOfDay("00:00"))), priority: 4, windows: [], grace: nil,
      cost: 259_200_000)
    let fate = try #require(LineDay.fates(of: [month]).first)
    #expect(fate.isKept && fate.longest == 259_200_000)
  }

  @Test func `rounds that overrun leave out those that come meanwhile, as the plan does`() throws {
    let fate = try #require(LineDay.fates(of: [try work(every: 60, 90_000)]).first)
    #expect(abs(fate.due - 2880) <= 2)
    // Of three slots two rounds are begun, and each ends after its next one was due.
    #expect(abs(fate.leftOut - 960) <= 2 && abs(fate.late - 1920) <= 2)
  }

  @Test func `windows give a task less time, and others more`() throws {
    #expect(kept([try work(at: "12:00", 3_600_000, windows: ["22:00-23:00"])]) == [true])
    #expect(kept([try work(at: "12:00", 3_601_000, windows: ["22:00-23:00"])]) == [false])
    let night = try work(every: 900, 600_000, priority: 1, windows: ["00:00-06:00"])
    #expect(kept([night, try work(at: "05:00", 1_200_000)]) == [true, true])
    #expect(LineDay.fates(of: [night])[0].due == 48)
    // 22:00 to 06:00 is one stretch.
    #expect(kept([try work(at: "22:00", 28_800_000, windows: ["22:00-06:00"])]) == [true])
  }

  @Test func `what must be read soon after it is due expires, and the rounds of a month have their turn`() throws {
    #expect(kept([try work(at: "00:00", 900_000, grace: 900_000)]) == [true])
    #expect(kept([try work(at: "00:00", 901_000, grace: 900_000)]) == [false])
    let month = LineDay.Work(
      schedule: .monthly(days: [1], try #require(TimeOfDay("00:30"))), priority: 4, windows: [], grace: nil,
      cost: 20_000_000)
    #expect(kept([try work(every: 60, 30_000), month]) == [true, true])
    #expect(kept([try work(every: 60, 60_000), month]) == [true, false])
  }

  @Test func `what is asked for is kept or is not, as the whole look tells`() throws {
    var seed = UInt64.random(in: 0 ... .max)
    print("LineDay seed \(seed)")
    func next(_ below: UInt64) -> UInt64 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (seed >> 33) % below
    }
    for _ in 0..<20 {
      let works = try (0..<3).map { _ in
        try work(
          every: [300, 600, 900, 3600][Int(next(4))], Int64(next(400)) * 1000 + 1000, priority: Int(next(3)) + 1)
      }
      let fates = LineDay.fates(of: works)
      for needed in [[0], [1], [0, 1, 2]] {
        #expect(LineDay.keeps(needed, of: works) == needed.allSatisfy { fates[$0].isKept })
      }
    }
  }
}
