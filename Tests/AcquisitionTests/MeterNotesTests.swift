@testable import Acquisition
import DLT645
import Metering
import Simulator
import Testing

private let start = BootInstant(nanoseconds: 1_000_000_000_000)

private func day(_ number: UInt8, _ value: Value) throws -> Observation {
  Observation(quantity: try #require(Quantity(.settlementDay(number), .single)), value: value)
}

/// What a meter told of its three settlement days; `nil` is a question that brought nothing.
struct DayCase: Sendable, CustomTestStringConvertible {
  let told: [String?]
  var refused: Set<UInt32> = []
  let expected: SettlementDay?
  var doubt: String?
  var testDescription: String { told.map { $0 ?? "-" }.joined(separator: " ") }
}

@Suite struct MeterNotesTests {
  static let several = "the meter has more than one settlement day"
  static let unknown = "the meter's settlement day is not known"
  static let days = [
    DayCase(told: ["0100", "9999", "9999"], expected: .firstOfMonth),
    DayCase(told: ["2508", "", "0000"], expected: SettlementDay(day: 25, hour: 8)),
    DayCase(told: ["0100", "0100", "9999"], expected: .firstOfMonth),
    DayCase(told: ["0100", nil, nil], refused: [2, 3], expected: .firstOfMonth),
    DayCase(told: ["0100", "1500", "9999"], expected: nil, doubt: several),
    DayCase(told: ["0100", "9999", "3100"], expected: nil, doubt: several),
    DayCase(told: ["0100", "9999", nil], expected: nil, doubt: "the meter's settlement day 3 is not known"),
    DayCase(told: [nil, "9999", "9999"], expected: nil, doubt: unknown),
    DayCase(told: [nil, "9999", "9999"], refused: [1], expected: nil, doubt: unknown),
    DayCase(told: ["", "9999", "9999"], expected: nil, doubt: unknown),
    DayCase(told: ["9999", "9999", "9999"], expected: nil, doubt: unknown),
    DayCase(
      told: ["3100", "9999", "9999"], expected: nil,
      doubt: "the meter's settlement day '3100' is not a day of every month"),
    DayCase(
      told: ["0124", "9999", "9999"], expected: nil,
      doubt: "the meter's settlement day '0124' is not a day of every month"),
  ]

  @Test(arguments: days)
  func `months are told only by a meter that said when it closes them, and closes them once`(_ row: DayCase) throws {
    var notes = MeterNotes()
    for (index, text) in row.told.enumerated() {
      guard let text else { continue }
      notes.take([try day(UInt8(index + 1), text.isEmpty ? .absent : .text(text))], at: start)
    }
    for number in row.refused { notes.refused(.identifier(DataIdentifier(rawValue: 0x0400_0B00 + number))) }
    #expect(notes.settlementDay == row.expected)
    #expect(notes.settlementDoubt == row.doubt)
  }

  @Test func `a day that is set anew is believed, and what it was before is forgotten`() throws {
    var notes = MeterNotes()
    notes.take([try day(1, .text("0100")), try day(2, .absent), try day(3, .absent)], at: start)
    #expect(notes.settlementDay == .firstOfMonth)
    notes.take([try day(1, .text("3100"))], at: start)
    #expect(notes.settlementDay == nil)
  }

  @Test func `what was told before needs no second read, and nothing else does without`() throws {
    var notes = MeterNotes()
    #expect(notes.agree(with: []))
    let first = try day(1, .text("0100"))
    #expect(!notes.agree(with: [first]))
    notes.take([try day(1, .text("0100")), try day(2, .absent)], at: start)
    let (second, other, third) = try (day(2, .text("9999")), day(1, .text("0200")), day(3, .absent))
    #expect(notes.agree(with: [first, second]))
    #expect(!notes.agree(with: [other]))
    #expect(!notes.agree(with: [third]))
  }

  @Test func `date and time make a clock where they were asked within a minute's part`() throws {
    let date = Observation(
      quantity: try #require(Quantity(.clockDate, .single)), value: .date(try #require(CivilDate("2026-11-22"))))
    let time = Observation(
      quantity: try #require(Quantity(.clockTime, .single)), value: .timeOfDay(try #require(TimeOfDay("12:00:10"))))
    var notes = MeterNotes()
    notes.take([date], at: start, took: .seconds(1))
    notes.take([time], at: start + .seconds(2), took: .seconds(1))
    #expect(notes.clock?.meter == MeterTime("2026-11-22T12:00:10"))
    #expect(notes.clock?.took == .seconds(1))
    var slow = MeterNotes()
    slow.take([date], at: start, took: .seconds(24))
    slow.take([time], at: start + .seconds(2), took: .seconds(1))
    #expect(slow.clock == nil)
  }
}

/// A meter that does not know some items.
private struct RefusingMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  let address: Address
  let refused: [UInt32]
  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }

  private func frame(_ bits: UInt32) -> [UInt8] {
    Request.data(DataIdentifier(rawValue: bits)).frame(to: address, wakeUps: 0)
  }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    let isRefused = refused.contains { request.suffix(16).elementsEqual(frame($0)) }
    // No meter has this item.
    return inner.answer(isRefused ? frame(0x0F0F_0F0F) : request, at: now)
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}

/// A meter of which one answer in a row to one item is damaged so that the checksum does not show it.
private struct GarbledMeter: SimulatedMeter {
  var inner: any SimulatedMeter
  let item: UInt32
  /// Which answers to the item are damaged, the first one being 0.
  let damaged: Set<Int>
  private var answers = 0

  init(_ inner: any SimulatedMeter, item: UInt32, damaged: Set<Int>) {
    self.inner = inner
    self.item = item
    self.damaged = damaged
  }

  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    var answer = inner.answer(request, at: now)
    let question = Request.data(DataIdentifier(rawValue: item)).frame(to: .broadcast, wakeUps: 0)
    // The identifier stands before check byte and end; behind it in the answer hour and day, each more by 33H.
    guard request.suffix(6).prefix(4).elementsEqual(question.suffix(6).prefix(4)), let sent = answer?.bytes,
      sent.count > 8
    else { return answer }
    defer { answers += 1 }
    guard damaged.contains(answers) else { return answer }
    let (day, check) = (sent.count - 3, sent.count - 2)
    // The 16th: one byte more, and one less in the check byte's place.
    answer?.bytes[day] = 0x16 &+ 0x33
    answer?.bytes[check] = sent[check] &+ (0x16 &+ 0x33) &- sent[day]
    return answer
  }
  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    inner.truth(quantity, memory, at: now)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct GarbledDayTests {
  /// How often, and which answers are damaged; whether settlements have their labels.
  @Test(arguments: [0x0400_0B01, 0x0400_0B02] as [UInt32], [[0], [1], [0, 2], [0, 1]] as [Set<Int>])
  func `a settlement day is believed when two reads agree`(_ item: UInt32, _ damaged: Set<Int>) async throws {
    let profile = try profile(named: "dlt645-2007-three-phase")
    let pair = try Pair("D", profile, address: "202311110001", on: settings(quickSettings))
    let target = AcquisitionTask.Target.settlements(depth: 1, of: .energyTotal(.importActive))
    let rig = try Rig([pair], tasks: [once("a", [target])]) { GarbledMeter($1, item: item, damaged: damaged) }
    let tally = await rig.runToTheEnd()
    let made = tally.all.map { $0.readings(zone: .china) }
    let labels = Set(made.flatMap(\.readings).filter { $0.key.kind == .settlement }.map(\.key.instant))
    let month = ZoneOffset.china.unixMilliseconds(of: try #require(MeterTime("2026-11-01T00:00:00")))
    // Two reads that are damaged alike are a day of the meter for all that anybody can tell.
    let isBelieved = damaged == [0, 1]
    #expect((labels == [month]) != isBelieved)
    #expect(tally.missed == 0)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct RefusingMeterTests {
  private func labelled(refused: [UInt32]) async throws -> (settlements: Int, reasons: Set<String>, missed: Int) {
    let profile = try profile(named: "dlt645-2007-three-phase")
    let pair = try Pair("D", profile, address: "202311110001", on: settings(quickSettings))
    let address = try #require(Address("202311110001"))
    let target = AcquisitionTask.Target.settlements(depth: 2, of: .energyTotal(.importActive))
    let rig = try Rig([pair], tasks: [once("a", [target])]) {
      RefusingMeter(inner: $1, address: address, refused: refused)
    }
    let tally = await rig.runToTheEnd()
    let made = tally.all.map { $0.readings(zone: .china) }
    return (
      made.flatMap(\.readings).count { $0.key.kind == .settlement }, Set(made.flatMap(\.unlabelled).map(\.reason)),
      tally.missed
    )
  }

  @Test func `a meter without the clock in one item is labelled by date and time, and needs no second day`()
    async throws
  {
    let (settlements, reasons, missed) = try await labelled(refused: [0x0400_010C, 0x0400_0B02, 0x0400_0B03])
    #expect(settlements == 10)
    #expect(reasons == [])
    #expect(missed == 3)
  }

  @Test func `a meter that refuses its settlement day has no labelled settlements`() async throws {
    let (settlements, reasons, _) = try await labelled(refused: [0x0400_0B01])
    #expect(settlements == 0)
    #expect(reasons == ["the meter's settlement day is not known"])
  }
}
