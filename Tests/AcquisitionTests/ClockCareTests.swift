import Metering
import Testing

@testable import Acquisition

private let zone = ZoneOffset.china
private func at(_ text: String) -> Int64 { zone.unixMilliseconds(of: MeterTime(text) ?? MeterTime(localSeconds: 0)) }
private func wall(_ text: String, _ clock: ClockState = .synchronised) -> HostInstant {
  HostInstant(unixMilliseconds: at(text), clock: clock)
}
private func look(_ seconds: Int64, _ time: String) -> ClockLook {
  ClockLook(deviation: seconds * 1000, uncertainty: 550, at: at(time))
}

/// When a clock is set, how, and when not.
@Suite struct ClockCareTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// Seconds that the meter is off when it is looked at, two minutes before `at`.
    let off: Int64
    let at: String
    var mode = ClockRules.Mode.on
    var ways: Set<ClockWay> = [.address]
    var hears = false
    var clock = ClockState.synchronised
    let expected: ClockWay?
    var testDescription: String { name }
  }

  private static let cases = [
    Case(name: "in the midst of an hour", off: 90, at: "2026-11-22T12:30:00", expected: .address),
    Case(name: "a slow one", off: -90, at: "2026-11-22T12:30:00", expected: .address),
    Case(name: "a minute is no reason", off: 60, at: "2026-11-22T12:30:00", expected: nil),
    Case(name: "a quarter of an hour is a person's", off: 900, at: "2026-11-22T12:30:00", expected: nil),
    Case(name: "fourteen minutes", off: 840, at: "2026-11-22T12:30:00", expected: .address),
    Case(name: "host just before the hour", off: -90, at: "2026-11-22T12:55:01", expected: nil),
    Case(name: "host just after the hour", off: 90, at: "2026-11-22T12:04:59", expected: nil),
    Case(name: "host clear of it", off: 90, at: "2026-11-22T12:05:00", expected: .address),
    Case(name: "meter just before the hour", off: 600, at: "2026-11-22T12:46:00", expected: nil),
    Case(name: "meter in the hour before", off: -600, at: "2026-11-22T12:08:00", expected: nil),
    Case(name: "midnight", off: 90, at: "2026-11-22T00:02:00", expected: nil),
    Case(
      name: "nobody has set the host's clock", off: 90, at: "2026-11-22T12:30:00", clock: .unsynchronised, expected: nil
    ),
    Case(name: "off", off: 90, at: "2026-11-22T12:30:00", mode: .off, expected: nil),
    Case(name: "nothing allowed", off: 90, at: "2026-11-22T12:30:00", ways: [], expected: nil),
    Case(
      name: "the write goes before the 08H", off: 90, at: "2026-11-22T12:30:00", ways: [.address, .write],
      expected: .write),
    Case(name: "the broadcast goes first", off: 90, at: "2026-11-22T12:30:00", hears: true, expected: .broadcast),
    Case(
      name: "no broadcast beyond five minutes", off: 320, at: "2026-11-22T12:30:00", hears: true, expected: .address),
    Case(name: "no broadcast near an hour", off: 90, at: "2026-11-22T12:07:00", hears: true, expected: .address),
    Case(
      name: "broadcast alone waits for the hour", off: 90, at: "2026-11-22T12:07:00", ways: [], hears: true,
      expected: nil),
  ]

  private func care(
    _ meters: [(String, Set<ClockWay>, Bool)], mode: ClockRules.Mode = .on, broadcasts: [String: CivilDate] = [:]
  ) -> ClockCare {
    var rules = ClockRules()
    rules.mode = mode
    return ClockCare(
      rules,
      meters: meters.map { ClockCare.Meter(id: id($0.0), line: "bus", ways: $0.1, hearsBroadcast: $0.2) }, zone: zone,
      broadcasts: broadcasts)
  }

  @Test(arguments: cases)
  func `a clock is set only where, when and how it may be`(_ each: Case) {
    var care = care([("M", each.ways, each.hears)], mode: each.mode)
    let seen = ClockLook(deviation: each.off * 1000, uncertainty: 0, at: at(each.at) - 120_000)
    _ = care.take(seen, of: id("M"))
    let order = care.next(at: wall(each.at, each.clock))
    #expect(order == each.expected.map { .set(line: "bus", [id("M")], $0) })
    // Whatever it was, it is not done twice.
    #expect(care.next(at: wall(each.at, each.clock)) == nil)
    #expect(care.histories[id("M")]?.settings.count == (each.expected == nil ? 0 : 1))
  }

  @Test func `a dry run says once a day what it would do, and notes no setting`() {
    var care = care([("M", [.address], false)], mode: .dryRun)
    _ = care.take(look(90, "2026-11-22T12:20:00"), of: id("M"))
    let tell = ClockCare.Order.tell(id("M"), .wouldSet(90_000, .address))
    #expect(care.next(at: wall("2026-11-22T12:22:00")) == tell)
    #expect(care.next(at: wall("2026-11-22T15:22:00")) == nil)
    #expect(care.next(at: wall("2026-11-23T12:22:00")) == tell)
    #expect(care.histories[id("M")]?.settings == [])
  }

  @Test func `before a setting an old look is made anew, and asked for again only after an hour`() {
    var care = care([("M", [.address], false)])
    _ = care.take(look(90, "2026-11-22T00:05:20"), of: id("M"))
    #expect(care.next(at: wall("2026-11-22T00:06:00")) != nil)
    care = self.care([("M", [.address], false)])
    _ = care.take(look(90, "2026-11-22T00:05:20"), of: id("M"))
    #expect(care.next(at: wall("2026-11-22T12:30:00")) == .look(line: "bus", id("M")))
    #expect(care.next(at: wall("2026-11-22T12:31:00")) == nil)
    #expect(care.next(at: wall("2026-11-22T13:30:00")) == .look(line: "bus", id("M")))
    _ = care.take(look(91, "2026-11-22T13:30:01"), of: id("M"))
    #expect(care.next(at: wall("2026-11-22T13:30:02")) == .set(line: "bus", [id("M")], .address))
  }

  @Test func `one broadcast a day serves all of a line that need it`() {
    var care = care([("A", [], true), ("B", [], true), ("C", [], true), ("D", [], true)])
    for (name, off) in [("A", 90), ("B", -200), ("C", 5), ("D", 700)] as [(String, Int64)] {
      _ = care.take(look(off, "2026-11-22T12:28:00"), of: id(name))
    }
    #expect(care.next(at: wall("2026-11-22T12:30:00")) == .set(line: "bus", [id("A"), id("B")], .broadcast))
    #expect(care.next(at: wall("2026-11-22T12:30:00")) == nil)
    for name in ["A", "B"] {
      _ = care.wasSet(id(name), by: .broadcast, before: 0, look(0, "2026-11-22T12:30:02"), trouble: "")
    }
    _ = care.take(look(70, "2026-11-22T14:28:00"), of: id("C"))
    #expect(care.next(at: wall("2026-11-22T14:30:00")) == nil)
    #expect(care.broadcasts == ["bus": CivilDate("2026-11-22")].compactMapValues(\.self))
    _ = care.take(look(71, "2026-11-23T14:28:00"), of: id("C"))
    #expect(care.next(at: wall("2026-11-23T14:30:00")) == .set(line: "bus", [id("C")], .broadcast))
    // What was kept holds after a restart.
    var later = self.care([("C", [], true)], broadcasts: care.broadcasts)
    _ = later.take(look(90, "2026-11-23T15:28:00"), of: id("C"))
    #expect(later.next(at: wall("2026-11-23T15:30:00")) == nil)
  }

  @Test func `who does not take a broadcast is set by its address the next day`() {
    var care = care([("M", [.address], true)])
    _ = care.take(look(90, "2026-11-22T12:28:00"), of: id("M"))
    #expect(care.next(at: wall("2026-11-22T12:30:00")) == .set(line: "bus", [id("M")], .broadcast))
    let told = care.wasSet(id("M"), by: .broadcast, before: 90_000, look(91, "2026-11-22T12:30:02"), trouble: "")
    #expect(told == [.notSet(from: 90_000, to: 91_000, .broadcast, reason: "")])
    #expect(care.next(at: wall("2026-11-22T12:31:00")) == nil)
    _ = care.take(look(91, "2026-11-23T12:28:00"), of: id("M"))
    #expect(care.next(at: wall("2026-11-23T12:30:00")) == .set(line: "bus", [id("M")], .address))
    let done = care.wasSet(id("M"), by: .address, before: 91_000, look(0, "2026-11-23T12:30:02"), trouble: "")
    #expect(done == [.set(from: 91_000, to: 0, .address)])
  }

  @Test func `after two settings in a month a clock that is off is faulty, and set no more`() {
    var care = care([("M", [.address], false)])
    var told: [ClockNotice] = []
    var set: [String] = []
    for day in 1...30 {
      let date = "2026-11-\(day < 10 ? "0" : "")\(day)"
      // It takes the time and loses it again.
      told += care.take(look(400, "\(date)T12:28:00"), of: id("M"))
      if case .set = care.next(at: wall("\(date)T12:30:00")) {
        set.append(date)
        told += care.wasSet(id("M"), by: .address, before: 400_000, look(0, "\(date)T12:30:02"), trouble: "")
      }
    }
    #expect(set == ["2026-11-01", "2026-11-02"])
    #expect(told.filter { if case .faulty = $0 { true } else { false } } == [.faulty(400_000, settings: 2)])
    #expect(care.histories[id("M")]?.isFaulty == true)
    // Not in the next month either, until a look finds it right.
    _ = care.take(look(400, "2026-12-01T12:28:00"), of: id("M"))
    #expect(care.next(at: wall("2026-12-01T12:30:00")) == nil)
    _ = care.take(look(0, "2026-12-02T12:28:00"), of: id("M"))
    _ = care.take(look(100, "2026-12-03T12:28:00"), of: id("M"))
    #expect(care.next(at: wall("2026-12-03T12:30:00")) == .set(line: "bus", [id("M")], .address))
  }

  @Test func `who heard a broadcast has no drift across it, whether it was named or not`() {
    var care = care([("A", [], true), ("B", [], true)])
    for day in 1...9 {
      _ = care.take(look(5 + Int64(day) / 3, "2026-11-0\(day)T12:00:00"), of: id("B"))
    }
    #expect(care.histories[id("B")]?.drift != nil)
    care.heardTime([id("A"), id("B"), id("nobody")], at: at("2026-11-09T12:30:00"))
    #expect(care.histories[id("B")]?.drift == nil)
    #expect(care.histories[id("B")]?.days == [])
    #expect(care.histories[id("nobody")] == nil)
    // A look from before it that comes late says nothing, and the next one is no move.
    #expect(care.take(look(8, "2026-11-09T12:29:00"), of: id("B")) == [])
    #expect(care.histories[id("B")]?.last == nil)
    #expect(care.take(look(-30, "2026-11-09T12:31:00"), of: id("B")) == [])
    #expect(care.histories[id("B")]?.days.count == 1)
    #expect(care.histories[id("B")]?.settings == [])
    // Where the host's clock was set back, all that was heard by it lies ahead and says nothing.
    _ = care.take(look(-30, "2026-11-08T09:00:00"), of: id("B"))
    #expect(care.histories[id("B")]?.last?.at == at("2026-11-08T09:00:00"))
  }

  @Test func `what a person sets counts like a setting of meterd's own`() {
    var care = care([("A", [.address], true), ("B", [.address], true)])
    for name in ["A", "B"] { _ = care.take(look(90, "2026-11-22T12:28:00"), of: id(name)) }
    #expect(care.wasSetByPerson(id("A"), on: "bus", at: at("2026-11-22T12:29:00")) == [id("A")])
    #expect(care.histories[id("A")]?.settings == [at("2026-11-22T12:29:00")])
    _ = care.take(look(90, "2026-11-22T12:29:30"), of: id("A"))
    #expect(care.next(at: wall("2026-11-22T12:30:00")) == .set(line: "bus", [id("B")], .broadcast))
    #expect(care.next(at: wall("2026-11-22T13:30:00")) == nil)
    // All of a line, and no broadcast of meterd's own on that day.
    care = self.care([("A", [], true), ("B", [], true)])
    #expect(care.wasSetByPerson(nil, on: "bus", at: at("2026-11-22T12:29:00")) == [id("A"), id("B")])
    #expect(care.broadcasts["bus"] == CivilDate("2026-11-22"))
    #expect(care.wasSetByPerson(nil, on: "other", at: at("2026-11-22T12:29:00")) == [])
  }

  @Test(
    arguments: [
      ("2026-11-22T12:30:00", nil), ("2026-11-22T12:05:00", nil), ("2026-11-22T12:55:00", nil),
      ("2026-11-22T12:04:59", "2026-11-22T12:05:00"), ("2026-11-22T12:55:01", "2026-11-22T13:05:00"),
      ("2026-11-22T23:59:59", "2026-11-23T00:05:00"), ("2026-11-23T00:00:00", "2026-11-23T00:05:00"),
    ] as [(String, String?)])
  func `a person is told when clocks may be set again`(_ time: String, _ expected: String?) throws {
    let next = ClockRules.nextAllowed(after: try #require(MeterTime(time)))
    #expect(next.map { "\($0)" } == expected)
  }

  @Test func `a setting that cannot be read back is told as such`() {
    var care = care([("M", [.write], false)])
    _ = care.take(look(90, "2026-11-22T12:28:00"), of: id("M"))
    _ = care.next(at: wall("2026-11-22T12:30:00"))
    #expect(
      care.wasSet(id("M"), by: .write, before: 90_000, nil, trouble: "no answer")
        == [.notSet(from: 90_000, to: nil, .write, reason: "no answer")])
    #expect(
      "\(ClockNotice.notSet(from: 90_000, to: nil, .write, reason: "no answer"))"
        == "the clock was not set by write: +90.0 s off before, not read back; no answer")
  }
}
