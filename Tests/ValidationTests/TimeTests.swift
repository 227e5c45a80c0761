import Metering
import Testing
import Validation

/// One reading at an instant relative to noon, with a meter's and a host's clock.
struct TimeCase: Sendable, CustomTestStringConvertible {
  let name: String
  var instant: Int64 = 0
  var kind = ReadingKind.instantaneous
  /// How far the meter's clock is ahead of noon, in seconds.
  var meterAhead: Int64?
  var toTheMinute = false
  var clock = ClockState.synchronised
  let expected: String
  var testDescription: String { name }
}

@Suite struct TimeTests {
  static let cases = [
    TimeCase(name: "five minutes ahead", instant: 300_000, expected: "accepted"),
    TimeCase(name: "a millisecond more", instant: 300_001, expected: "rejected TIME"),
    TimeCase(name: "the moment of installation", instant: -86_400_000, expected: "accepted"),
    TimeCase(name: "a millisecond before it", instant: -86_400_001, expected: "rejected TIME"),
    TimeCase(name: "ahead of a clock nobody set", instant: 300_001, clock: .unsynchronised, expected: "held TIME HOST"),
    TimeCase(name: "meter a minute fast", meterAhead: 60, expected: "accepted"),
    TimeCase(name: "meter 61 s fast", meterAhead: 61, expected: "flagged CLK"),
    TimeCase(name: "meter a minute slow, told in whole seconds", meterAhead: -60, expected: "accepted"),
    TimeCase(name: "meter 62 s slow", meterAhead: -62, expected: "flagged CLK"),
    TimeCase(name: "minutes only, one minute behind", meterAhead: -60, toTheMinute: true, expected: "accepted"),
    TimeCase(name: "minutes only, two minutes behind", meterAhead: -120, toTheMinute: true, expected: "flagged CLK"),
    TimeCase(name: "a freeze of a meter 300 s fast", kind: .dailyFreeze, meterAhead: 300, expected: "flagged CLK"),
    TimeCase(name: "of one 301 s fast", kind: .dailyFreeze, meterAhead: 301, expected: "held CLK"),
    TimeCase(name: "a settlement of a meter a minute fast", kind: .settlement, meterAhead: 60, expected: "accepted"),
    TimeCase(name: "of one 63 days slow", kind: .settlement, meterAhead: -63 * 86_400, expected: "held CLK"),
    TimeCase(
      name: "in holdover too", kind: .settlement, meterAhead: -63 * 86_400, clock: .holdover(seconds: 60),
      expected: "held CLK"),
    TimeCase(
      name: "a host clock nobody set judges no meter", kind: .settlement, meterAhead: -400, clock: .unsynchronised,
      expected: "held HOST"),
    TimeCase(name: "a register of a meter 63 days slow", meterAhead: -63 * 86_400, expected: "flagged CLK"),
    TimeCase(name: "holdover of a week", clock: .holdover(seconds: 604_800), expected: "accepted"),
    TimeCase(name: "holdover of more", clock: .holdover(seconds: 604_801), expected: "flagged HOST"),
    TimeCase(name: "host clock never set", clock: .unsynchronised, expected: "held HOST"),
    TimeCase(name: "freeze, host clock never set", kind: .dailyFreeze, clock: .unsynchronised, expected: "held HOST"),
  ]

  @Test(arguments: cases)
  func `labels are judged by the clocks that made them`(_ row: TimeCase) throws {
    let local = row.meterAhead.map { MeterTime(localSeconds: (noon + 28_800_000) / 1000 + $0) }
    let meterTime = local.flatMap { time in
      row.toTheMinute
        ? TimeOfDay(hour: time.time.hour, minute: time.time.minute).map { MeterTime(date: time.date, time: $0) } : time
    }
    let subject = try reading(
      hundredths(100), kind: row.kind, at: noon + row.instant, meterTime: meterTime, clock: row.clock, readAt: noon)
    let host = HostInstant(unixMilliseconds: noon, clock: row.clock)
    #expect(try summary(verdict(on: subject, now: host)) == row.expected)
  }

  @Test func `a voltage under a clock nobody set is listed, not held`() throws {
    let voltage = try #require(Quantity(.voltage, .phase(.l1)))
    let subject = try reading(
      RegisterValue(millionths: 220_000_000, resolution: 100_000), voltage, clock: .unsynchronised)
    #expect(try summary(verdict(on: subject)) == "flagged HOST")
  }

  @Test func `the finding says how far and which way`() throws {
    let slow = MeterTime(localSeconds: (noon + 28_800_000) / 1000 - 400)
    let subject = try reading(hundredths(100), meterTime: slow, readAt: noon)
    #expect(
      try verdict(on: subject).findings == [
        Finding(.clockDeviation, "the meter's clock is 399.001 s slow; its intervals are uncertain")
      ])
  }
}
