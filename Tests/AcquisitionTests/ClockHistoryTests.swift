import Line
import Metering
import Testing

@testable import Acquisition

private let zone = ZoneOffset.china
private let rules = ClockRules()

private func at(_ text: String) -> Int64 { zone.unixMilliseconds(of: MeterTime(text) ?? MeterTime(localSeconds: 0)) }

private func look(_ deviation: Int64, _ time: String) -> ClockLook {
  ClockLook(deviation: deviation, uncertainty: 550, at: at(time))
}

/// What is known of a clock from its looks.
@Suite struct ClockHistoryTests {
  /// So many noon looks, one a day from 2026-11-01 on, with what each brought.
  private func days(_ deviations: [Int64]) -> (ClockHistory, [ClockNotice]) {
    var history = ClockHistory()
    var told: [ClockNotice] = []
    for (index, deviation) in deviations.enumerated() {
      let noon = at("2026-11-01T12:00:00") + Int64(index) * 86_400_000
      told += history.take(ClockLook(deviation: deviation, uncertainty: 550, at: noon), rules, zone: zone)
    }
    return (history, told)
  }

  @Test func `the answer's line time and half of the rest lie between the look and the end of the exchange`() throws {
    var exchange = ExchangeRecord(nothingSentAt: BootInstant(nanoseconds: 0))
    exchange.requestedAt = BootInstant(nanoseconds: 1_000_000_000)
    exchange.endedAt = BootInstant(nanoseconds: 1_300_000_000)
    exchange.bytesReceived = 20
    let now = exchange.endedAt + .milliseconds(40)
    let wall = HostInstant(unixMilliseconds: at("2026-11-22T12:00:10") + 340, clock: .synchronised)
    // 20 bytes of 5 ms, so 200 ms of rest: the meter looked 200 ms before the last byte, when it was 12:00:10.100.
    func seen(_ shown: String, _ wall: HostInstant) throws -> ClockLook? {
      let time = try #require(MeterTime(shown))
      return ClockLook(time, by: exchange, character: .milliseconds(5), now: now, wall: wall, zone: zone)
    }
    #expect(
      try seen("2026-11-22T12:00:12", wall)
        == ClockLook(deviation: 2400, uncertainty: 601, at: at("2026-11-22T12:00:10") + 100))
    let unset = HostInstant(unixMilliseconds: wall.unixMilliseconds, clock: .unsynchronised)
    #expect(try seen("2026-11-22T12:00:12", unset) == nil)
    #expect(try seen("2026-11-22T12:00", wall) == nil)
  }

  @Test func `a drift is told once, over seven days, and not for a clock that keeps its half second`() {
    let (slow, told) = days((0..<12).map { $0 * -600 })
    #expect(told == [.drifts(-600, days: 7)])
    #expect(slow.drift?.rate == -600)
    #expect(slow.drift?.days == 11)
    let (good, none) = days((0..<15).map { $0 * 450 })
    #expect(none.isEmpty)
    #expect(good.drift?.rate == 450)
    #expect(days([0, 900, 1800]).0.drift == nil)
  }

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func `whole seconds, slow answers and two bad days do not turn the drift`(_ seed: UInt64) throws {
    var random = SeededNumbers(seed)
    var deviations = (0..<14).map { day in Int64(day) * 700 + Int64(random.next() % 1000) - 500 }
    deviations[3] += 4000
    deviations[9] -= 4000
    let rate = try #require(days(deviations).0.drift).rate
    #expect((600...800).contains(rate), "seed \(seed): \(rate)")
  }

  @Test func `a deviation is told when it begins, when it grows too far, and when it is over`() {
    let told = days([0, 4000, 8000]).1
    #expect(told.isEmpty)
    #expect(days([400_000, 400_100]).1 == [.deviates(400_000, isTooFar: false)])
    #expect(
      days([400_000, 1_000_000, 100]).1 == [
        .deviates(400_000, isTooFar: false), .moved(from: 400_000, to: 1_000_000), .deviates(1_000_000, isTooFar: true),
        .moved(from: 1_000_000, to: 100), .agrees(100),
      ])
    // Exactly at the limit nobody knows.
    #expect(days([300_400]).1.isEmpty)
  }

  @Test func `a clock that was set begins its drift anew`() {
    let (history, told) = days([0, 600, 1200, 1800, 2400, 3000, 3600, 60_000, 60_100, 60_200, 60_300])
    #expect(told == [.moved(from: 3600, to: 60_000)])
    #expect(history.drift?.rate == 100)
    #expect(history.drift?.days == 3)
  }

  @Test func `its text brings it back, and a fault is not told twice over a restart`() throws {
    var (history, told) = days([0, 600, 400_000])
    #expect(told.count == 2)
    history.willBeSet(at: at("2026-11-03T12:30:00"))
    history.willBeSet(at: at("2026-11-04T12:30:00"))
    var back = try #require(ClockHistory(history.text))
    #expect(back == history)
    told = back.take(look(400_100, "2026-11-04T12:31:00"), rules, zone: zone)
    #expect(told == [.faulty(400_100, settings: 2)])
    var again = try #require(ClockHistory(back.text))
    #expect(again == back)
    #expect(again.take(look(400_200, "2026-11-05T12:31:00"), rules, zone: zone).isEmpty)
    #expect(again.isFaulty)
    // In order again: it may be set again.
    #expect(again.take(look(10, "2026-11-06T12:31:00"), rules, zone: zone).last == .agrees(10))
    #expect(!again.isFaulty)
  }

  @Test(arguments: [
    "", "1", "2 0000 - - -", "1 0000 - -", "1 00000 - - -", "1 3000 - - -", "1 0200 - - -", "1 0000 1,2 - -",
    "1 0000 1,2,3;1,2,4 - -", "1 0000 - 1,2,4;1,2,3 -", "1 0000 - - x", "1 0000 - - 1;2;3;4;5",
    "1 0000 -9223372036854775808,1,1 - -", "1 0000 1,-1,1 - -", "1 0000 1,1,-1 - -",
    "1 0000 1,1,9223372036854775807 - -",
  ])
  func `a damaged text is none`(_ text: String) { #expect(ClockHistory(text) == nil) }

  @Test func `fifteen days and four settings are kept, whatever comes`() {
    var (history, _) = days((0..<400).map { $0 * 10 })
    for day in 0..<40 { history.willBeSet(at: at("2026-11-01T12:00:00") + Int64(day) * 86_400_000) }
    #expect(history.days.count == 15)
    #expect(history.settings.count == 4)
    #expect(history.text.utf8.count < 700)
  }
}

/// Numbers that look random and are the same for one seed.
struct SeededNumbers {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}
