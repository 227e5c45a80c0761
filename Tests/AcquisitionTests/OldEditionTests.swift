@testable import Acquisition
import DLT645
import Devices
import Line
import Metering
import Simulator
import Testing

/// Month, day, hour and minute as a meter of 1997 sends them, and the year that follows from `limit`.
struct YearCase: Sendable, CustomTestStringConvertible {
  let bytes: [UInt8]
  let limit: String
  let expected: String?
  var testDescription: String { "\(bytes) up to \(limit)" }
}

/// A meter that tells other bytes than it should: for one question, the so manieth time it is asked.
private struct MovingMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  let identifier: ShortIdentifier
  /// Which of the times that it is asked are answered by the other meter, counted from 1.
  let times: ClosedRange<Int>
  var other: any SimulatedMeter
  var asked = 0
  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    let marks = identifier.wireBytes.map { $0 &+ 0x33 }
    guard request.suffix(4).prefix(2).elementsEqual(marks) else { return inner.answer(request, at: now) }
    asked += 1
    return times.contains(asked) ? other.answer(request, at: now) : inner.answer(request, at: now)
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}

/// Answers every question with the same bytes after the identifier.
private struct FixedMeter: SimulatedMeter {
  let address: Address
  let identifier: ShortIdentifier
  let payload: [UInt8]
  var id: MeterID { .unnamed }
  var language: MeterLanguage { .dlt645 }
  var unit: UInt8? { nil }
  let registers: MeterRegisters

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    Reply.data1997(identifier, payload, more: false).frame(from: address, wakeUps: 0)
      .map { Simulator.Answer(bytes: $0, delay: .microseconds(100)) }
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? { nil }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct OldEditionTests {
  private let address = "000000063295"

  private func pair(_ name: String = "dlt645-1997-three-phase", seed: UInt64 = 1) throws -> Pair {
    try Pair("O", profile(named: name), address: address, seed: seed, on: settings(quickSettings))
  }

  static let years = [
    YearCase(bytes: [0x15, 0x08, 0x16, 0x11], limit: "2026-11-22T12:00", expected: "2026-11-16T08:15"),
    // Seen in January, told of December.
    YearCase(bytes: [0x30, 0x18, 0x31, 0x12], limit: "2027-01-01T00:00", expected: "2026-12-31T18:30"),
    // Ended with the month.
    YearCase(bytes: [0x00, 0x00, 0x01, 0x01], limit: "2027-01-01T00:00", expected: "2027-01-01T00:00"),
    YearCase(bytes: [0x01, 0x00, 0x01, 0x01], limit: "2027-01-01T00:00", expected: "2026-01-01T00:01"),
    YearCase(bytes: [0x00, 0x12, 0x29, 0x02], limit: "2028-03-01T00:00", expected: "2028-02-29T12:00"),
    // No such day in either year.
    YearCase(bytes: [0x00, 0x12, 0x29, 0x02], limit: "2027-03-01T00:00", expected: nil),
    // Never occurred, or no such rate.
    YearCase(bytes: [0, 0, 0, 0], limit: "2027-03-01T00:00", expected: nil),
    YearCase(bytes: [0xFF, 0xFF, 0xFF, 0xFF], limit: "2027-03-01T00:00", expected: nil),
  ]

  @Test(arguments: years)
  func `the year of a demand is that of the last such day`(_ row: YearCase) throws {
    let limit = try #require(MeterTime(row.limit))
    let time = try YearlessTime(row.bytes[...])
    #expect(time?.last(upTo: limit)?.description == row.expected)
  }

  @Test(arguments: [
    [0x60, 0, 1, 1], [0, 0x24, 1, 1], [0, 0, 0x32, 1], [0, 0, 1, 0x13], [0, 0, 0, 1], [0x0A, 0, 1, 1],
  ])
  func `digits that are no day and time are no time`(_ bytes: [UInt8]) {
    #expect(throws: YearlessTimeError(bytes: bytes)) { try YearlessTime(bytes[...]) }
  }

  @Test func `questions come after the clock they need, and a block covers its total`() throws {
    let meter = try pair().meter
    func asked(_ targets: [AcquisitionTask.Target]) -> [String] { meter.queries(for: targets).map(\.description) }
    #expect(asked([.energies]) == ["DI 901F", "DI 902F", "DI 911F", "DI 912F"])
    #expect(
      asked([.instantaneous])
        == ["DI C010", "DI C011", "DI A01F", "DI B61F", "DI B62F", "DI B63F", "DI B64F", "DI B65F"])
    #expect(
      asked([.settlements(depth: 12, of: .energyTotal(.importActive))])
        == ["DI C117", "DI C010", "DI C011", "DI 941F", "DI 981F"])
    #expect(
      asked([.settlements(depth: 1, of: try quantity("demand.import.active.total"))])
        == ["DI C117", "DI C010", "DI C011", "DI A41F"])
    #expect(asked([.quantity(.energyTotal(.importActive))]) == ["DI 901F"])
    #expect(asked([.quantity(try quantity("voltage.l2"))]) == ["DI B61F"])
    #expect(asked([.dailyFreeze]) == [])
    #expect(meter.lacking([.dailyFreeze, .energies, .settlements(depth: 1, of: nil)]) == ["freeze.daily"])
    let single = try pair("dlt645-1997-single-phase").meter
    #expect(single.queries(for: [.quantity(try quantity("voltage.l1"))]).map(\.description) == ["DI B611"])
    // Not listed: asked for alone, by the catalogue.
    #expect(single.queries(for: [.quantity(try quantity("voltage.l2"))]).map(\.description) == ["DI B612"])
  }

  @Test func `a demand is read before and after its time, one of a closed month twice with its time`() throws {
    let meter = try pair().meter
    func exchanges(_ hex: String) throws -> [String] {
      meter.exchanges(for: .shortIdentifier(try #require(ShortIdentifier(hex: hex)))).map(\.description)
    }
    #expect(try exchanges("A01F") == ["DI A01F", "DI B01F", "DI A01F"])
    #expect(try exchanges("A81F") == ["DI A81F", "DI B81F", "DI A81F", "DI B81F"])
    #expect(try exchanges("941F") == ["DI 941F", "DI 941F"])
    #expect(try exchanges("901F") == ["DI 901F"])
  }

  @Test(arguments: [false, true])
  func `long answers come in parts, and a closing byte is no rate`(_ closes: Bool) async throws {
    var pair = try pair()
    pair.description.habits.partSize = 7
    pair.description.habits.closesBlocks = closes
    let rig = try Rig([pair], tasks: [once("a", [.energies, .instantaneous, .settlements(depth: 2, of: nil)])])
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    #expect(tally.all.contains { $0.replies.count >= 6 })
  }

  @Test func `settlements bear the end of their month, read twice, with the time of their demand`() async throws {
    var pair = try pair()
    pair.description = try MeterDescription(
      id: id("O"), profile: pair.meter.profile, address: address, seed: 1, delay: .microseconds(100),
      settlementDay: 25, settlementHour: 8, clockOffset: -40)
    let rig = try Rig([pair], tasks: [once("a", [.settlements(depth: 2, of: nil)])])
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [])
    let readings = tally.all.flatMap { $0.readings(zone: .china).readings }
    // 2026-10-25 and 2026-09-25, 08:00 in China.
    #expect(Set(readings.map(\.key.instant)) == [1_792_886_400_000, 1_790_294_400_000])
    #expect(readings.allSatisfy { $0.quality == .confirmed && $0.key.kind == .settlement })
    let demands = readings.filter { $0.key.quantity.name.hasPrefix("demand") }
    #expect(demands.count == 10)
    for demand in demands {
      let occurred = try #require(demand.occurred)
      let end = ZoneOffset.china.local(unixMilliseconds: demand.key.instant)
      #expect(occurred <= end && end.localSeconds - occurred.localSeconds <= 31 * 86_400, "\(demand)")
    }
  }

  @Test func `a demand that changes while its time is read is read again`() async throws {
    let pair = try pair()
    let other = try self.pair(seed: 2).description.meter
    // The second read of the first try differs from the first.
    let rig = try Rig([pair], tasks: [once("a", [.instantaneous])]) { _, meter in
      MovingMeter(inner: meter, identifier: ShortIdentifier(rawValue: 0xA01F), times: 2...2, other: other)
    }
    let tally = await rig.runToTheEnd()
    #expect(tally.rejected == ["the maximum demand changed while its time was read"])
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
  }

  @Test func `a time that is no time spoils the demand of a month, which is missed and not told`() async throws {
    let pair = try pair()
    let broken = FixedMeter(
      address: try #require(Address(address)), identifier: ShortIdentifier(rawValue: 0xB41F),
      payload: [UInt8](repeating: 0x0A, count: 20), registers: pair.description.registers)
    let demand = try quantity("demand.import.active.total")
    let rig = try Rig([pair], tasks: [once("a", [.settlements(depth: 1, of: demand)])]) { _, meter in
      MovingMeter(inner: meter, identifier: broken.identifier, times: 1...Int.max, other: broken)
    }
    let tally = await rig.runToTheEnd()
    #expect(tally.missedFor == ["damaged": 1])
    #expect(tally.rejected.allSatisfy { $0 == "0A 0A 0A 0A is no MMDDhhmm" })
    #expect(!tally.seen[id("O"), default: []].contains(demand))
  }

  @Test func `a meter that refuses the times gives its demands without`() async throws {
    var pair = try pair()
    pair.description.habits.missing1997 = [ShortIdentifier(rawValue: 0xB01F)]
    let rig = try Rig([pair], tasks: [once("a", [.instantaneous])])
    let tally = await rig.runToTheEnd()
    #expect(tally.missed == 0)
    let demand = try quantity("demand.import.active.total")
    let told = tally.all.flatMap(\.observations).filter { $0.quantity == demand }
    #expect(told.count == 1)
    #expect(told.first?.occurred == nil)
    #expect(told.first?.value == rig.truths[id("O")]?.truth(demand, .current, at: SimulatedInstant(noon))?.value)
  }

  @Test func `without the reading day no month can be told`() async throws {
    var pair = try pair()
    pair.description.habits.missing1997 = [.readingDay]
    let total = Quantity.energyTotal(.importActive)
    let rig = try Rig([pair], tasks: [once("a", [.settlements(depth: 2, of: total)])])
    let tally = await rig.runToTheEnd()
    let made = tally.all.map { $0.readings(zone: .china) }
    #expect(made.flatMap(\.readings) == [])
    #expect(Set(made.flatMap(\.unlabelled).map(\.reason)) == ["the meter's settlement day is not known"])
    #expect(made.flatMap(\.unlabelled).count == 10)
  }

  @Test func `one settlement day is all that a meter of 1997 has`() throws {
    var notes = MeterNotes(of: try pair().meter)
    #expect(notes.settlementDoubt == "the meter's settlement day is not known")
    let first = try #require(Quantity(.settlementDay(1), .single))
    notes.take([Observation(quantity: first, value: .text("2508"))], at: BootInstant(nanoseconds: 0))
    #expect(notes.settlementDay == SettlementDay(day: 25, hour: 8))
    notes.refused(.shortIdentifier(.readingDay))
    #expect(notes.settlementDay == nil)
  }
}
