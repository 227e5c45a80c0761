import Metering
import Testing
import Validation

/// A total that exceeds the sum of four rates by so many steps of 0.01 kWh.
struct SumCase: Sendable, CustomTestStringConvertible {
  let difference: Int64
  let rounding: MeterFile.Rounding?
  let legal: Bool
  var testDescription: String { "\(difference) steps, \(rounding?.rawValue ?? "unknown")" }
}

@Suite struct RateSumTests {
  // Truncated: 0...3 steps. Rounded: -2.5...2.5 steps.
  static let cases = [
    SumCase(difference: -1, rounding: .truncated, legal: false),
    SumCase(difference: 0, rounding: .truncated, legal: true),
    SumCase(difference: 3, rounding: .truncated, legal: true),
    SumCase(difference: 4, rounding: .truncated, legal: false),
    SumCase(difference: -3, rounding: .rounded, legal: false),
    SumCase(difference: -2, rounding: .rounded, legal: true),
    SumCase(difference: 2, rounding: .rounded, legal: true),
    SumCase(difference: 3, rounding: .rounded, legal: false),
    SumCase(difference: -3, rounding: nil, legal: false),
    SumCase(difference: -2, rounding: nil, legal: true),
    SumCase(difference: 3, rounding: nil, legal: true),
    SumCase(difference: 4, rounding: nil, legal: false),
  ]

  func answer(total: Int64, rates: [Int64], kind: ReadingKind = .dailyFreeze) throws -> [Reading] {
    try [reading(hundredths(total), kind: kind)]
      + rates.enumerated().map { index, rate in
        try reading(
          hundredths(rate), #require(Quantity.energy(.importActive, rate: UInt8(index + 1))), kind: kind)
      }
  }

  func file(rounding: MeterFile.Rounding? = nil, rates: Int? = nil) -> MeterFile {
    MeterFile(phases: 1, integerDigits: 6, rates: rates, rounding: rounding)
  }

  @Test(arguments: cases)
  func `total and rates may differ by what their steps hide`(_ sum: SumCase) throws {
    let readings = try answer(total: 10_000 + sum.difference, rates: [1000, 2000, 3000, 4000])
    let verdicts = judge(readings, neighbours: [:], file: file(rounding: sum.rounding), now: now)
    #expect(verdicts.map(summary) == Array(repeating: sum.legal ? "accepted" : "held SUM", count: 5))
  }

  @Test func `a total that started again at zero still fits its rates`() throws {
    let readings = try answer(total: 1, rates: [25_000_000, 25_000_000, 25_000_000, 25_000_000])
    #expect(judge(readings, neighbours: [:], file: file(), now: now).allSatisfy { $0.status == .accepted })
    let wrong = try answer(total: 9, rates: [25_000_000, 25_000_000, 25_000_000, 25_000_000])
    #expect(judge(wrong, neighbours: [:], file: file(), now: now).map(summary).contains("held SUM"))
  }

  @Test func `an answer without all rates proves nothing`() throws {
    let partial = try answer(total: 10_000, rates: [1000, 2000])
    #expect(judge(partial, neighbours: [:], file: file(rates: 4), now: now).allSatisfy { $0.status == .accepted })
    let one = try answer(total: 10_000, rates: [1000])
    #expect(judge(one, neighbours: [:], file: file(), now: now).allSatisfy { $0.status == .accepted })
    #expect(judge(one, neighbours: [:], file: file(rates: 1), now: now).allSatisfy { $0.status == .held })
  }

  @Test func `the finding names total, sum and step`() throws {
    let readings = try answer(total: 10_005, rates: [1000, 2000, 3000, 4000])
    let verdicts = judge(readings, neighbours: [:], file: file(), now: now)
    #expect(
      verdicts.first?.findings == [
        Finding(.rateSum, "total 100.05 less the sum of 4 rates is 0.050000, of steps of 0.010000")
      ])
  }

  @Test func `one key with two values in one answer holds both`() throws {
    let twice = try [reading(hundredths(5)), reading(hundredths(6))]
    #expect(judge(twice, neighbours: [:], file: file(), now: now).map(summary) == ["held DIFF", "held DIFF"])
  }
}
