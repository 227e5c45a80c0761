import Metering
import Rating
import Testing

struct ChargeCase: Sendable, CustomTestStringConvertible {
  let energy: String
  let price: String
  let amount: String
  var testDescription: String { "\(energy) kWh at \(price)" }
}

struct MonthsCase: Sendable, CustomTestStringConvertible {
  let from: String
  let to: String
  let months: String
  var testDescription: String { "\(from) to \(to)" }
}

@Suite struct AmountTests {
  static let charges = [
    ChargeCase(energy: "0.01", price: "0.5", amount: "0.01"),
    ChargeCase(energy: "0.01", price: "0.49999999", amount: "0.00"),
    ChargeCase(energy: "150", price: "0.2951", amount: "44.27"),
    ChargeCase(energy: "-150", price: "0.2951", amount: "-44.27"),
    ChargeCase(energy: "-0.01", price: "0.5", amount: "-0.01"),
    ChargeCase(energy: "100", price: "0.60886875", amount: "60.89"),
    // Passes 64 bits on the way: 10¹⁰ kWh at 1000 yuan.
    ChargeCase(energy: "10000000000", price: "1000", amount: "10000000000000.00"),
  ]

  @Test(arguments: charges) func `a charge is rounded once, halves away from zero`(_ example: ChargeCase) throws {
    let price = try #require(Price(yuan: example.price))
    #expect(charge(try energy(example.energy), at: price).map { "\($0)" } == example.amount)
  }

  @Test func `prices keep all eight places`() {
    #expect(Price(yuan: "0.60886875").map { "\($0)" } == "0.60886875")
    #expect(Price(yuan: "0.538").map { "\($0)" } == "0.53800000")
    #expect(Price(yuan: "-0.001968750").map { "\($0)" } == "-0.00196875")
    #expect(Price(yuan: "0.123456789") == nil)
    #expect(Price(yuan: "1001") == nil)
  }

  static let months = [
    MonthsCase(from: "2026-10-01", to: "2026-11-01", months: "2026-10...2026-10"),
    MonthsCase(from: "2026-09-25", to: "2026-10-25", months: "2026-10...2026-10"),
    MonthsCase(from: "2026-12-25", to: "2027-01-25", months: "2027-01...2027-01"),
    MonthsCase(from: "2026-07-07", to: "2026-08-07", months: "2026-08...2026-08"),
    MonthsCase(from: "2026-10-05", to: "2026-11-01", months: "2026-10...2026-10"),
    MonthsCase(from: "2026-10-05", to: "2026-10-20", months: "2026-10...2026-10"),
    MonthsCase(from: "2026-09-25", to: "2026-11-01", months: "2026-09...2026-10"),
    MonthsCase(from: "2026-01-31", to: "2026-02-28", months: "2026-02...2026-02"),
    MonthsCase(from: "2026-01-01", to: "2027-01-01", months: "2026-01...2026-12"),
  ]

  @Test(arguments: months) func `a part of a month counts as a whole month`(_ example: MonthsCase) throws {
    let months = try days(example.from, example.to).months
    #expect("\(months.lowerBound)...\(months.upperBound)" == example.months)
  }

  @Test func `unequal current transformers make exact thirds`() throws {
    let ratios = ["150/5", "150/5", "200/5"].compactMap { Multiplier($0) }
    let multiplier = try #require(Multiplier(current: ratios))
    #expect("\(multiplier)" == "100/3")
    #expect(multiplier.energy(try energy("3"), decimals: 2) == (try energy("100")))
    #expect(multiplier.energy(try energy("0.01"), decimals: 2) == (try energy("0.33")))
  }

  @Test func `current times voltage ratio is one multiplier`() throws {
    let current = try #require(Multiplier("50/5"))
    let voltage = try #require(Multiplier("10000/100"))
    #expect(Multiplier(current: [current], voltage: voltage) == Multiplier(1000))
    #expect(Multiplier("0/5") == nil)
    #expect(Multiplier("50/5/1") == nil)
    #expect(Multiplier("50.5") == nil)
    #expect(Multiplier(current: []) == nil)
  }
}
