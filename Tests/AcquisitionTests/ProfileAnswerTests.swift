import DLT645
import Metering
import Testing

@testable import Acquisition

/// What an answer with records of a load profile tells.
@Suite struct ProfileAnswerTests {
  /// A record of class 4 alone, with so many hundredths of a kWh in its first register; `nil` for FF in all four.
  private func record(_ minute: UInt8, _ value: UInt8?) -> [UInt8] {
    let energies =
      value.map { [$0, 0, 0, 0] + [UInt8](repeating: 0, count: 12) } ?? [UInt8](repeating: 0xFF, count: 16)
    let body: [UInt8] = [minute, 0x12, 0x22, 0x11, 0x26, 0xAA, 0xAA, 0xAA] + energies + [0xAA, 0xAA, 0xAA]
    let head: [UInt8] = [0xA0, 0xA0, UInt8(body.count)] + body
    return head + [head.reduce(0, &+), 0xE5]
  }

  private let identifier = DataIdentifier(rawValue: 0x0604_0001)

  @Test func `each value has the time of its record, and FF is no value`() throws {
    let told = try identifier.profileObservations(in: record(0x00, 0x25) + record(0x15, nil) + record(0x30, 0x26))
    #expect(told.count == 12)
    let first = told.filter { $0.quantity.name == "energy.import.active.total" }
    #expect(
      first.map { "\($0.occurred.map { "\($0)" } ?? "") \($0.value)" } == [
        "2026-11-22T12:00 0.25", "2026-11-22T12:15 -", "2026-11-22T12:30 0.26",
      ])
  }

  @Test func `a damaged record takes no other with it, and damage alone is no answer`() throws {
    var bad = record(0x15, 0x26)
    bad[12] ^= 0x01
    let told = try identifier.profileObservations(in: record(0x00, 0x25) + bad + record(0x30, 0x27))
    #expect(Set(told.compactMap { $0.occurred?.time.minute }) == [0, 30])
    #expect(throws: DataError.self) { try identifier.profileObservations(in: bad) }
    #expect(try identifier.profileObservations(in: []).isEmpty)
  }

  @Test(arguments: 1...6) func `a span asks for the records that it names`(_ recordClass: Int) throws {
    let first = try #require(MeterTime("2026-11-22T10:15:00"))
    let span = ProfileSpan(recordClass: recordClass, first: first, minutes: 15, count: 99)
    #expect(span.count == ProfileSpan.most)
    #expect(span.seconds.count == 8)
    #expect(span.seconds.last == first.localSeconds + 7 * 900)
    #expect(span.read?.identifier == span.identifier)
    #expect(Query.profile(span).subject == "load profile class \(recordClass)")
    #expect("\(Query.profile(span))" == "load profile class \(recordClass), 8 from 2026-11-22T10:15:00")
    #expect(!ProfileSpan.quantities(ofClass: recordClass).isEmpty)
  }
}
