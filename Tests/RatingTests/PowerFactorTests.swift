import Rating
import Testing

struct FactorCase: Sendable, CustomTestStringConvertible {
  let active: String
  let reactive: String
  let factor: String?
  var testDescription: String { "\(active) kWh, \(reactive) kvarh" }
}

struct SpotCase: Sendable, CustomTestStringConvertible {
  let standard: PowerFactorStandard
  let factor: Int
  /// In hundredths of a percent.
  let adjustment: Int
  var testDescription: String { "\(standard.name) at 0.\(factor)" }
}

@Suite struct PowerFactorTests {
  static let factors = [
    // The published example: ratio 1.18.
    FactorCase(active: "50000", reactive: "59000", factor: "0.65"),
    FactorCase(active: "100", reactive: "0", factor: "1.00"),
    FactorCase(active: "0", reactive: "100", factor: "0.00"),
    FactorCase(active: "0", reactive: "0", factor: nil),
    FactorCase(active: "80", reactive: "60", factor: "0.80"),
    // 0.895 lies between these two.
    FactorCase(active: "179", reactive: "89.21", factor: "0.90"),
    FactorCase(active: "179", reactive: "89.22", factor: "0.89"),
    // The largest energy that can be billed, both ways.
    FactorCase(active: "10000000000", reactive: "10000000000", factor: "0.71"),
    FactorCase(active: "10000000000", reactive: "0.01", factor: "1.00"),
    FactorCase(active: "0.01", reactive: "10000000000", factor: "0.00"),
    FactorCase(active: "-1", reactive: "1", factor: nil),
  ]

  @Test(arguments: factors) func `a power factor is rounded half up to two places`(_ example: FactorCase) throws {
    let factor = PowerFactor(active: try energy(example.active), reactive: try energy(example.reactive))
    #expect(factor.map { "\($0)" } == example.factor)
  }

  @Test func `a power factor is the one hundredth within half a hundredth of the exact one`() {
    var random = Seeded("power factor by whole numbers")
    for _ in 0..<10_000 {
      let most: Int64 = [100, 100_000, 1_000_000_000].randomElement(using: &random) ?? 100
      let active = random.energy(upTo: most)
      let reactive = random.energy(upTo: most)
      guard let factor = PowerFactor(active: active, reactive: reactive) else {
        guard active == .zero, reactive == .zero else {
          Issue.record("seed \(random.seed): \(active) kWh, \(reactive) kvarh")
          return
        }
        continue
      }
      let (p, q) = (Int128(active.millionths / 10_000), Int128(reactive.millionths / 10_000))
      // (2k - 1) / 200 <= p / sqrt(p² + q²) < (2k + 1) / 200, squared.
      let (low, high) = (Int128(2 * factor.hundredths - 1), Int128(2 * factor.hundredths + 1))
      let (left, apparent) = (p * p * 40_000, p * p + q * q)
      guard low < 0 || low * low * apparent <= left, left < high * high * apparent else {
        Issue.record("seed \(random.seed): \(active) kWh, \(reactive) kvarh, \(factor)")
        return
      }
    }
  }

  @Test func `the adjustments are the whole published table`() throws {
    let lines = Self.table.split(separator: "\n")
    #expect(lines.count == 101)
    for line in lines {
      let cells = line.split(separator: " ").map(String.init)
      let factor = try #require(PowerFactor(hundredths: Int(try hundredths(cells[0]))))
      for (standard, cell) in zip([PowerFactorStandard.ninety, .eightyFive, .eighty], cells.dropFirst()) {
        #expect(standard.adjustment(at: factor) == Int(try hundredths(cell)), "\(standard.name) at \(factor)")
      }
    }
  }

  private func hundredths(_ text: String) throws -> Int64 { try energy(text).millionths / 10_000 }

  /// Values seen in print. Source: reprints of the 1983 tables.
  static let spots = [
    SpotCase(standard: .ninety, factor: 94, adjustment: -60), SpotCase(standard: .ninety, factor: 93, adjustment: -45),
    SpotCase(standard: .ninety, factor: 86, adjustment: 200), SpotCase(standard: .ninety, factor: 71, adjustment: 950),
    SpotCase(standard: .ninety, factor: 66, adjustment: 1400),
    SpotCase(standard: .ninety, factor: 59, adjustment: 2700),
    SpotCase(standard: .ninety, factor: 32, adjustment: 8100),
    SpotCase(standard: .eightyFive, factor: 93, adjustment: -95),
    SpotCase(standard: .eightyFive, factor: 66, adjustment: 950),
    SpotCase(standard: .eightyFive, factor: 60, adjustment: 1500),
    SpotCase(standard: .eightyFive, factor: 59, adjustment: 1700),
    SpotCase(standard: .eightyFive, factor: 32, adjustment: 7100),
    SpotCase(standard: .eighty, factor: 93, adjustment: -130), SpotCase(standard: .eighty, factor: 66, adjustment: 700),
    SpotCase(standard: .eighty, factor: 60, adjustment: 1000),
    SpotCase(standard: .eighty, factor: 59, adjustment: 1100),
    SpotCase(standard: .eighty, factor: 32, adjustment: 6100),
  ]

  @Test(arguments: spots) func `an adjustment that was seen in print`(_ spot: SpotCase) throws {
    let factor = try #require(PowerFactor(hundredths: spot.factor))
    #expect(spot.standard.adjustment(at: factor) == spot.adjustment)
  }

  @Test(arguments: PowerFactorStandard.allCases)
  func `a better power factor never costs more`(_ standard: PowerFactorStandard) {
    let all = (0...100).compactMap { PowerFactor(hundredths: $0) }.map { standard.adjustment(at: $0) }
    #expect(zip(all, all.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(PowerFactorStandard(standard.name) == standard)
  }

  /// Factor, then percent at the standards 0.90, 0.85 and 0.80.
  static let table = """
    1.00   -0.75   -1.10   -1.30
    0.99   -0.75   -1.10   -1.30
    0.98   -0.75   -1.10   -1.30
    0.97   -0.75   -1.10   -1.30
    0.96   -0.75   -1.10   -1.30
    0.95   -0.75   -1.10   -1.30
    0.94   -0.60   -1.10   -1.30
    0.93   -0.45   -0.95   -1.30
    0.92   -0.30   -0.80   -1.30
    0.91   -0.15   -0.65   -1.15
    0.90    0.00   -0.50   -1.00
    0.89   +0.50   -0.40   -0.90
    0.88   +1.00   -0.30   -0.80
    0.87   +1.50   -0.20   -0.70
    0.86   +2.00   -0.10   -0.60
    0.85   +2.50    0.00   -0.50
    0.84   +3.00   +0.50   -0.40
    0.83   +3.50   +1.00   -0.30
    0.82   +4.00   +1.50   -0.20
    0.81   +4.50   +2.00   -0.10
    0.80   +5.00   +2.50    0.00
    0.79   +5.50   +3.00   +0.50
    0.78   +6.00   +3.50   +1.00
    0.77   +6.50   +4.00   +1.50
    0.76   +7.00   +4.50   +2.00
    0.75   +7.50   +5.00   +2.50
    0.74   +8.00   +5.50   +3.00
    0.73   +8.50   +6.00   +3.50
    0.72   +9.00   +6.50   +4.00
    0.71   +9.50   +7.00   +4.50
    0.70  +10.00   +7.50   +5.00
    0.69  +11.00   +8.00   +5.50
    0.68  +12.00   +8.50   +6.00
    0.67  +13.00   +9.00   +6.50
    0.66  +14.00   +9.50   +7.00
    0.65  +15.00  +10.00   +7.50
    0.64  +17.00  +11.00   +8.00
    0.63  +19.00  +12.00   +8.50
    0.62  +21.00  +13.00   +9.00
    0.61  +23.00  +14.00   +9.50
    0.60  +25.00  +15.00  +10.00
    0.59  +27.00  +17.00  +11.00
    0.58  +29.00  +19.00  +12.00
    0.57  +31.00  +21.00  +13.00
    0.56  +33.00  +23.00  +14.00
    0.55  +35.00  +25.00  +15.00
    0.54  +37.00  +27.00  +17.00
    0.53  +39.00  +29.00  +19.00
    0.52  +41.00  +31.00  +21.00
    0.51  +43.00  +33.00  +23.00
    0.50  +45.00  +35.00  +25.00
    0.49  +47.00  +37.00  +27.00
    0.48  +49.00  +39.00  +29.00
    0.47  +51.00  +41.00  +31.00
    0.46  +53.00  +43.00  +33.00
    0.45  +55.00  +45.00  +35.00
    0.44  +57.00  +47.00  +37.00
    0.43  +59.00  +49.00  +39.00
    0.42  +61.00  +51.00  +41.00
    0.41  +63.00  +53.00  +43.00
    0.40  +65.00  +55.00  +45.00
    0.39  +67.00  +57.00  +47.00
    0.38  +69.00  +59.00  +49.00
    0.37  +71.00  +61.00  +51.00
    0.36  +73.00  +63.00  +53.00
    0.35  +75.00  +65.00  +55.00
    0.34  +77.00  +67.00  +57.00
    0.33  +79.00  +69.00  +59.00
    0.32  +81.00  +71.00  +61.00
    0.31  +83.00  +73.00  +63.00
    0.30  +85.00  +75.00  +65.00
    0.29  +87.00  +77.00  +67.00
    0.28  +89.00  +79.00  +69.00
    0.27  +91.00  +81.00  +71.00
    0.26  +93.00  +83.00  +73.00
    0.25  +95.00  +85.00  +75.00
    0.24  +97.00  +87.00  +77.00
    0.23  +99.00  +89.00  +79.00
    0.22 +101.00  +91.00  +81.00
    0.21 +103.00  +93.00  +83.00
    0.20 +105.00  +95.00  +85.00
    0.19 +107.00  +97.00  +87.00
    0.18 +109.00  +99.00  +89.00
    0.17 +111.00 +101.00  +91.00
    0.16 +113.00 +103.00  +93.00
    0.15 +115.00 +105.00  +95.00
    0.14 +117.00 +107.00  +97.00
    0.13 +119.00 +109.00  +99.00
    0.12 +121.00 +111.00 +101.00
    0.11 +123.00 +113.00 +103.00
    0.10 +125.00 +115.00 +105.00
    0.09 +127.00 +117.00 +107.00
    0.08 +129.00 +119.00 +109.00
    0.07 +131.00 +121.00 +111.00
    0.06 +133.00 +123.00 +113.00
    0.05 +135.00 +125.00 +115.00
    0.04 +137.00 +127.00 +117.00
    0.03 +139.00 +129.00 +119.00
    0.02 +141.00 +131.00 +121.00
    0.01 +143.00 +133.00 +123.00
    0.00 +145.00 +135.00 +125.00
    """
}
