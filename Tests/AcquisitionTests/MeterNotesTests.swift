@testable import Acquisition
import DLT645
import Metering
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
