import Metering
import Testing
import Validation

/// One step of a register over five minutes, in hundredths of a kWh.
struct Step: Sendable, CustomTestStringConvertible {
  let name: String
  let from: Int64
  let to: Int64
  let expected: String
  var testDescription: String { name }
}

@Suite struct CourseTests {
  // 1.1 kWh in five minutes is the physical maximum; a register of 0.01 kWh may hide one step more.
  static let steps = [
    Step(name: "no use", from: 100_000, to: 100_000, expected: "accepted"),
    Step(name: "one step back", from: 100_000, to: 99_999, expected: "held BACK"),
    Step(name: "just within 120 %", from: 100_000, to: 100_133, expected: "accepted"),
    Step(name: "just beyond 120 %", from: 100_000, to: 100_134, expected: "flagged FLY"),
    Step(name: "just within 200 %", from: 100_000, to: 100_221, expected: "flagged FLY"),
    Step(name: "just beyond 200 %", from: 100_000, to: 100_222, expected: "rejected FLY"),
    Step(name: "rollover at 999999.99", from: 99_999_999, to: 0, expected: "accepted ROLL"),
    Step(name: "rollover just within the maximum", from: 99_999_999, to: 110, expected: "accepted ROLL"),
    Step(name: "rollover just beyond the maximum", from: 99_999_999, to: 111, expected: "held BACK"),
    Step(name: "start at 0.9 of the capacity", from: 90_000_000, to: 0, expected: "held BACK"),
    Step(name: "the last number the digits can show", from: 99_999_999, to: 99_999_999, expected: "accepted"),
    Step(name: "a number the digits cannot show", from: 99_999_999, to: 100_000_000, expected: "held FLY"),
    Step(name: "below zero", from: 0, to: -1, expected: "held BACK"),
  ]

  @Test(arguments: steps)
  func `a step forward is judged against what the service can carry`(_ step: Step) throws {
    let before = neighbour(hundredths(step.from), at: noon - fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(step.to)), among: [before])) == step.expected)
  }

  @Test(arguments: steps.filter { $0.from >= 0 && $0.from < 100_000_000 && $0.to >= 0 && $0.to < 100_000_000 })
  func `a reading that comes late is judged by the one after it alike`(_ step: Step) throws {
    let after = neighbour(hundredths(step.to), at: noon + fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(step.from)), among: [after])) == step.expected)
  }

  @Test func `the nearest neighbour on each side counts, in any order`() throws {
    let known = [
      neighbour(hundredths(500), at: noon + 2 * fiveMinutes), neighbour(hundredths(90), at: noon - fiveMinutes),
      neighbour(hundredths(999), at: noon - 9 * fiveMinutes), neighbour(hundredths(110), at: noon + fiveMinutes),
    ]
    #expect(try summary(verdict(on: reading(hundredths(100)), among: known)) == "accepted")
    #expect(try summary(verdict(on: reading(hundredths(111)), among: known)) == "held BACK")
    #expect(try summary(verdict(on: reading(hundredths(89)), among: known)) == "held BACK")
  }

  @Test func `a neighbour at the same instant is the same reading and divides nothing by zero`() throws {
    let same = neighbour(hundredths(900), at: noon)
    #expect(try summary(verdict(on: reading(hundredths(100)), among: [same])) == "accepted")
  }

  @Test func `a round that read late is given the time it had`() throws {
    let before = neighbour(hundredths(100_000), at: noon - fiveMinutes)
    let late = try reading(hundredths(100_200), readAt: noon + fiveMinutes)
    #expect(try summary(verdict(on: late, among: [before])) == "accepted")
    let freeze = try reading(hundredths(100_200), kind: .dailyFreeze, readAt: noon + fiveMinutes)
    #expect(try summary(verdict(on: freeze, among: [before])) == "flagged FLY")
  }

  struct Order: Sendable, CustomTestStringConvertible {
    let name: String
    /// Milliseconds from noon to the label and to the read of what is known and of what comes, and their hundredths.
    let known: (label: Int64, read: Int64, value: Int64)
    let comes: (label: Int64, read: Int64, value: Int64)
    let expected: String
    var kind = ReadingKind.instantaneous
    /// When they were read by the boot clock, where the wall clock was set between them.
    var boots: (known: Int64, comes: Int64)?
    /// What is known was read before the machine was started.
    var isOfOtherBoot = false
    var testDescription: String { name }
  }

  static let orders = [
    Order(
      name: "the next round's own reading, after one that was late and bears its time", known: (8, 8, 100_000),
      comes: (0, 200, 100_001), expected: "accepted"),
    Order(
      name: "the same, and the register has gone back", known: (8, 8, 100_000), comes: (0, 200, 99_999),
      expected: "held BACK"),
    Order(
      name: "they come the other way round", known: (0, 200, 100_001), comes: (8, 8, 100_000), expected: "accepted"),
    Order(
      name: "the other way round, gone back", known: (0, 200, 99_999), comes: (8, 8, 100_000), expected: "held BACK"),
    Order(
      name: "in their order", known: (0, 100, 100_000), comes: (1000, 1008, 99_999), expected: "held BACK"),
    Order(
      name: "written down half an hour later", known: (300_000, 300_000, 100_000), comes: (0, 1_800_000, 100_001),
      expected: "held BACK"),
    Order(
      name: "freezes have the order of their days", known: (8, 8, 100_000), comes: (0, 200, 100_001),
      expected: "held BACK", kind: .dailyFreeze),
    Order(
      name: "the clock went back ten minutes between them", known: (600_000, 600_100, 100_000),
      comes: (300_000, 300_100, 100_001), expected: "accepted", boots: (0, 300_000)),
    Order(
      name: "the clock went back, and the register too", known: (600_000, 600_100, 100_000),
      comes: (300_000, 300_100, 99_999), expected: "held BACK", boots: (0, 300_000)),
    Order(
      name: "the clock went back seconds, and the labels are in order", known: (0, 200, 100_000),
      comes: (8, 150, 100_001), expected: "accepted", boots: (0, 5000)),
    Order(
      name: "nobody knows their order over a restart of the machine", known: (8, 8, 100_000),
      comes: (0, 200, 100_001), expected: "held BACK", isOfOtherBoot: true),
  ]

  @Test(arguments: orders)
  func `registers are compared in the order in which they were read`(_ each: Order) throws {
    let boots = each.boots ?? (each.known.read, each.comes.read)
    func boot(_ milliseconds: Int64) -> BootInstant { BootInstant(nanoseconds: (milliseconds + 1) * 1_000_000) }
    let known = Neighbour(
      value: hundredths(each.known.value), instant: noon + each.known.label, readAt: noon + each.known.read,
      bootTime: each.isOfOtherBoot ? nil : boot(boots.known))
    let comes = try reading(
      hundredths(each.comes.value), kind: each.kind, at: noon + each.comes.label, readAt: noon + each.comes.read,
      boot: boot(boots.comes))
    let later = HostInstant(unixMilliseconds: noon + 3_600_000, clock: .synchronised)
    #expect(try summary(verdict(on: comes, among: [known], file: MeterFile(phases: 1), now: later)) == each.expected)
  }

  @Test func `without a rating nothing flies, and a rollover is not believed`() throws {
    let unknown = MeterFile(phases: 1, integerDigits: 6)
    let before = neighbour(hundredths(99_999_999), at: noon - fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(0)), among: [before], file: unknown)) == "held BACK")
    let low = neighbour(hundredths(0), at: noon - fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(90_000_000)), among: [low], file: unknown)) == "accepted")
  }

  @Test func `a combined register may fall, by no more than the service carries`() throws {
    let combined = Quantity.energyTotal(.combinedActive)
    let before = neighbour(hundredths(1000), at: noon - fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(890), combined), among: [before])) == "accepted")
    #expect(try summary(verdict(on: reading(hundredths(700), combined), among: [before])) == "rejected FLY")
    let full = neighbour(hundredths(99_999_999), at: noon - fiveMinutes)
    #expect(try summary(verdict(on: reading(hundredths(10), combined), among: [full])) == "accepted")
  }

  @Test func `a finding shows both numbers with their unit`() throws {
    let before = neighbour(hundredths(100_000), at: noon - fiveMinutes)
    let back = try verdict(on: reading(hundredths(99_999)), among: [before])
    #expect(back.findings == [Finding(.backward, "from 1000.00 to 999.99 kWh")])
    #expect(back.ruleVersion == ruleVersion)
    let fly = try verdict(on: reading(hundredths(100_134)), among: [before])
    #expect(fly.findings == [Finding(.runaway, "from 1000.00 to 1001.34 kWh: at most 13.200 kW for 300000 ms")])
  }
}
