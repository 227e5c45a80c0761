import Metering
import Testing
import Validation

struct RangeCase: Sendable, CustomTestStringConvertible {
  let quantity: String
  let inside: Int64
  let outside: Int64
  var testDescription: String { quantity }
}

@Suite struct RangeTests {
  // Un 220 V, Imax 60 A, one phase: 13.2 kW.
  static let cases = [
    RangeCase(quantity: "voltage.l1", inside: 440_000_000, outside: 440_000_001),
    RangeCase(quantity: "voltage.l1", inside: 0, outside: -1),
    RangeCase(quantity: "voltage.l12", inside: 762_102_355, outside: 762_102_356),
    RangeCase(quantity: "current.l1", inside: -120_000_000, outside: -120_000_001),
    RangeCase(quantity: "power.active.total", inside: 15_840_000, outside: 15_840_001),
    RangeCase(quantity: "power.reactive.total", inside: -15_840_000, outside: -15_840_001),
    RangeCase(quantity: "demand.import.active.total", inside: 15_840_000, outside: 15_840_001),
    RangeCase(quantity: "power-factor.total", inside: -1_000_000, outside: -1_000_001),
  ]

  @Test(arguments: cases)
  func `a value beyond the service is listed`(_ row: RangeCase) throws {
    let quantity = try #require(Quantity(name: row.quantity))
    for (value, expected) in [(row.inside, "accepted"), (row.outside, "flagged FLY")] {
      let subject = try reading(RegisterValue(millionths: value, resolution: 1), quantity)
      #expect(try summary(verdict(on: subject)) == expected)
    }
  }

  @Test func `a file without ratings judges no range`() throws {
    let voltage = try #require(Quantity(name: "voltage.l1"))
    let subject = try reading(RegisterValue(millionths: .max, resolution: 1), voltage)
    #expect(try summary(verdict(on: subject, file: MeterFile(phases: 3))) == "accepted")
  }
}
