import Billing
import Foundation
import Metering
import Rating
import Testing

/// A generator whose whole run follows from one printed seed. Source: S. Vigna, "splitmix64".
struct Seeded: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(_ property: String, cases: Int = 10_000) {
    seed = ProcessInfo.processInfo.environment["METERD_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
    state = seed
    print("property: \(property), seed \(seed), \(cases) cases")
  }

  /// Always the same run, for what is kept from one version to the next.
  init(kept seed: UInt64) {
    self.seed = seed
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

@Suite struct BillingPropertyTests {
  private let cases = 10_000

  /// Registers in 0.01 kWh, modulo a million kWh.
  private func register(_ cents: Int64) -> String { decimalString(cents % 100_000_000 * 10_000, decimals: 2) }

  @Test func `readings in any order make the same bill, across rollover, by the plain sum`() throws {
    var random = Seeded("readings in any order make the same bill")
    let plan = try tariff("shanghai-residential-tou-2012")
    let cycle = try cycle("2026-10")
    let multiplier = try #require(Multiplier(100, 3))
    let account = try account(plan, multiplier: multiplier)
    for _ in 0..<cases {
      let (peakUse, valleyUse) = (
        Int64.random(in: 0...99_999, using: &random), Int64.random(in: 0...99_999, using: &random)
      )
      let peak = Int64.random(in: 99_900_000...99_999_999, using: &random)
      let valley = Int64.random(in: 0...99_000_000, using: &random)
      let total = Int64.random(in: 99_800_000...99_999_999, using: &random)
      let drift = Int64.random(in: -3...3, using: &random)
      let totalUse = max(0, peakUse + valleyUse + drift)
      var journal = Journal()
      try journal.settle("2026-10-01T00:00", total: register(total), peak: register(peak), valley: register(valley))
      try journal.settle(
        "2026-11-01T00:00", total: register(total + totalUse), peak: register(peak + peakUse),
        valley: register(valley + valleyUse))
      let first = try closeCycle(
        account: account, cycle: cycle, readings: journal.readings, windowState: nil, plan: plan)
      let second = try closeCycle(
        account: account, cycle: cycle, readings: journal.readings.shuffled(using: &random), windowState: nil,
        plan: plan)
      // n x 100/3 to the nearest whole number, in hundredths of a kWh.
      let billed = (200 * totalUse + 3) / 6
      let valleyBilled = (200 * valleyUse + 3) / 6
      guard first == second, let bill = first.closed?.bill, bill.totals.energy.millionths == billed * 10_000,
        bill.totals.byPeriod.reduce(.zero, +) == bill.totals.energy,
        bill.totals.byPeriod[1].millionths == min(valleyBilled, billed) * 10_000,
        bill.canonicalText == second.closed?.bill.canonicalText
      else {
        Issue.record("seed \(random.seed): \(peakUse), \(valleyUse), \(drift), \(first.reasons)")
        return
      }
    }
  }

  @Test func `a multiplier k times as large with registers a k-th as large changes no bill`() throws {
    var random = Seeded("multiplier and registers scale")
    let plan = try tariff("zhejiang-residential-2012")
    let cycle = try cycle("2026-10")
    for _ in 0..<cases {
      let factor = Int64.random(in: 2...1000, using: &random)
      let numerator = Int64.random(in: 1...100, using: &random)
      let denominator = Int64.random(in: 1...7, using: &random)
      let start = Int64.random(in: 0...100, using: &random) * factor
      let use = Int64.random(in: 0...30, using: &random) * factor
      func bill(_ multiplier: Multiplier?, dividedBy divisor: Int64) throws -> Closing {
        var journal = Journal()
        try journal.settle("2026-10-01T00:00", total: register(start / divisor))
        try journal.settle("2026-11-01T00:00", total: register((start + use) / divisor))
        return try closeCycle(
          account: try account(plan, multiplier: try #require(multiplier)), cycle: cycle, readings: journal.readings,
          windowState: nil, plan: plan)
      }
      let plain = try bill(Multiplier(numerator, denominator), dividedBy: 1).closed?.bill
      let scaled = try bill(Multiplier(numerator * factor, denominator), dividedBy: factor).closed?.bill
      guard let plain, let scaled, plain.lines == scaled.lines, plain.total == scaled.total else {
        Issue.record("seed \(random.seed): \(numerator)/\(denominator), \(factor), \(start), \(use)")
        return
      }
    }
  }

  @Test func `a year closed month by month costs what its lines cost, and bills once what the register counted`() throws
  {
    var random = Seeded("a year of cycles adds up", cases: cases / 12)
    let plan = try tariff("shanghai-residential-2012")
    let account = try account(plan)
    for _ in 0..<cases / 12 {
      var journal = Journal()
      var register = Int64.random(in: 0...99_999_999, using: &random)
      let start = register
      for month in 1...13 {
        let instant = month == 13 ? "2027-01-01T00:00" : "2026-\(month < 10 ? "0" : "")\(month)-01T00:00"
        try journal.settle(instant, total: self.register(register))
        if month < 13 { register += Int64.random(in: 0...80_000, using: &random) }
      }
      let used = register - start
      var bills: [Bill] = []
      for cycle in dueCycles(of: account, billed: [], instants: journal.readings.map(\.reading.key.instant)).ready {
        let state = windowState(before: cycle.month, under: plan, bills: bills.shuffled(using: &random))
        let closing = try closeCycle(
          account: account, cycle: cycle, readings: journal.readings.shuffled(using: &random), windowState: state,
          plan: plan)
        guard let bill = closing.closed?.bill else {
          Issue.record("seed \(random.seed): \(closing.reasons)")
          return
        }
        bills.append(bill)
      }
      // By the window as a whole: base on everything, adders above 3120 and 4800 kWh; in 10⁻¹⁰ yuan.
      let exact =
        used * 61_700_000 + max(0, min(used, 480_000) - 312_000) * 5_000_000 + max(0, used - 480_000) * 30_000_000
      let fen = bills.reduce(Int64(0)) { $0 + $1.total.fen }
      let lines = Int64(bills.reduce(0) { $0 + $1.lines.count })
      let energy = bills.reduce(Int64(0)) { $0 + $1.totals.energy.millionths }
      guard bills.count == 12, energy == used * 10_000, abs(fen * 100_000_000 - exact) * 2 <= lines * 100_000_000 else {
        Issue.record("seed \(random.seed): \(used), \(fen) fen, \(exact)")
        return
      }
    }
  }
}
