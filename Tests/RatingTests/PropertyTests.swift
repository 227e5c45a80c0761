import Documents
import Metering
import Rating
import TOML
import Testing

/// The rules once more, as plainly as they can be written, in exact fractions of Int128. Nothing of it is shared with
/// the room under test.
private enum ByTheRules {
  /// `numerator / denominator`, exact halves up; both not negative.
  static func halfUp(_ numerator: Int128, _ denominator: Int128) -> Int128 {
    (2 * numerator + denominator) / (2 * denominator)
  }

  /// kWh by tier, in 0.01 kWh: earlier use `y`, this use `u`, limits `l1 < l2`.
  static func tiers(_ y: Int128, _ u: Int128, _ l1: Int128, _ l2: Int128) -> [Int128] {
    let t3 = max(0, y + u - max(y, l2))
    let t2 = max(0, min(y + u, l2) - max(y, l1))
    return [u - t2 - t3, t2, t3]
  }

  /// Fen for `cents` of a kWh at `price` in 10⁻⁸ yuan.
  static func fen(_ cents: Int128, _ price: Int128) -> Int128 { halfUp(cents * price, 100_000_000) }

  /// Shanghai with periods: the amount in fen for peak and valley use after `y`, everything in 0.01 kWh.
  static func shanghai(peak: Int128, valley: Int128, after y: Int128) -> Int128 {
    let u = peak + valley
    let t = tiers(y, u, 312_000, 480_000)
    var sum = fen(peak, 61_700_000) + fen(valley, 30_700_000)
    for (part, peakAdder, valleyAdder) in [(t[1], 6_000_000, 3_000_000), (t[2], 36_000_000, 18_000_000)]
      as [(Int128, Int128, Int128)]
    where u > 0 {
      let valleyPart = min(part, halfUp(part * valley, u))
      sum += fen(part - valleyPart, peakAdder) + fen(valleyPart, valleyAdder)
    }
    return sum
  }
}

@Suite struct PropertyTests {
  private let cases = 10_000

  private func bill(
    _ plan: Plan, _ total: Energy, _ parts: [PeriodEnergy] = [], earlier: EarlierUse = .nothing,
    _ days: DayRange? = nil
  ) throws -> Bill {
    let month = try days ?? Self.october
    return try rate(
      Usage(id: "B", account: "A", days: month, total: total, parts: parts, earlier: earlier), under: plan)
  }

  private static var october: DayRange { get throws { try RatingTests.days("2026-10-01", "2026-11-01") } }

  private func cents(_ energy: Energy) -> Int128 { Int128(energy.millionths / 10_000) }

  @Test func `annual tiers with periods agree with the rules, and every sum holds`() throws {
    var random = Seeded("annual tiers with periods agree with the rules")
    let plan = try Tariffs.plan("shanghai-residential-tou-2012")
    for _ in 0..<cases {
      let (peak, valley) = (random.energy(upTo: 3000), random.energy(upTo: 3000))
      let before = random.energy(upTo: 6000)
      let bill = try bill(plan, peak + valley, [PeriodEnergy("valley", valley)], earlier: .total(before))
      let expected = ByTheRules.shanghai(peak: cents(peak), valley: cents(valley), after: cents(before))
      let totals = bill.totals
      let tiers = ByTheRules.tiers(cents(before), cents(peak + valley), 312_000, 480_000)
      guard Int128(bill.total.fen) == expected, totals.byTier.map(cents) == tiers, totals.byPeriod == [peak, valley],
        bill.lines.reduce(.zero, { $0 + $1.amount }) == bill.total,
        bill.windowAfter?.used == before + peak + valley
      else {
        Issue.record("seed \(random.seed): peak \(peak), valley \(valley), before \(before): \(bill.canonicalText)")
        return
      }
    }
  }

  @Test func `monthly tiers by season agree with the rules`() throws {
    var random = Seeded("monthly tiers by season agree with the rules")
    let plan = try Tariffs.plan("guangdong-residential-2012")
    let prices: [Int128] = [62_000_000, 67_000_000, 92_000_000]
    for _ in 0..<cases {
      let first = Int.random(in: 1...12, using: &random)
      let count = Int.random(in: 1...3, using: &random)
      let start = try #require(CivilDate(year: 2026, month: first, day: 1))
      let range = try #require(DayRange(from: start, to: start.firstOfMonth(addingMonths: count)))
      let use = random.energy(upTo: 2500)
      var (l1, l2) = (Int128(0), Int128(0))
      for offset in 0..<count {
        let isSummer = (5...10).contains((first - 1 + offset) % 12 + 1)
        l1 += isSummer ? 26_000 : 20_000
        l2 += isSummer ? 60_000 : 40_000
      }
      let tiers = ByTheRules.tiers(0, cents(use), l1, l2)
      let expected = zip(tiers, prices).reduce(Int128(0)) { $0 + ByTheRules.fen($1.0, $1.1) }
      let bill = try bill(plan, use, [], range)
      guard Int128(bill.total.fen) == expected, bill.totals.byTier.map(cents) == tiers else {
        Issue.record("seed \(random.seed): \(range), \(use): \(bill.canonicalText)")
        return
      }
    }
  }

  @Test func `a window's use costs the same before rounding however it is split into bills`() throws {
    var random = Seeded("a window splits into any bills")
    let plan = try Tariffs.plan("zhejiang-residential-2012")
    func exact(_ bill: Bill) -> Int128 {
      bill.lines.reduce(0) { $0 + Int128($1.energy.millionths) * Int128($1.price.hundredMillionths) }
    }
    for _ in 0..<cases {
      var used = Energy.zero
      var sum = Int128(0)
      var state = EarlierUse.nothing
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        let use = random.energy(upTo: 3000)
        let part = try bill(plan, use, earlier: state)
        sum += exact(part)
        used += use
        state = .byTier(try #require(part.windowAfter).byTier)
      }
      guard sum == exact(try bill(plan, used)) else {
        Issue.record("seed \(random.seed): \(used) kWh")
        return
      }
    }
  }

  @Test func `more energy never costs less, and a reversal cancels line by line`() throws {
    var random = Seeded("monotone, reversible")
    let plan = try Tariffs.plan("guangdong-residential-tou-2012")
    for _ in 0..<cases {
      let (peak, flat, valley) = (random.energy(upTo: 600), random.energy(upTo: 600), random.energy(upTo: 600))
      let more = random.energy(upTo: 200)
      let small = try bill(plan, peak + flat + valley, [PeriodEnergy("peak", peak), PeriodEnergy("valley", valley)])
      let large = try bill(
        plan, peak + flat + valley + more, [PeriodEnergy("peak", peak), PeriodEnergy("valley", valley)])
      let reversal = small.reversed()
      let cancels = zip(small.lines, reversal.lines).allSatisfy {
        $0.amount + $1.amount == .zero && $0.energy + $1.energy == .zero && $0.price == $1.price
      }
      guard small.total <= large.total, cancels, small.total + reversal.total == .zero,
        reversal.windowAfter?.used == .zero, reversal.reversed() == small,
        small.totals.byPeriod == [peak, flat, valley]
      else {
        Issue.record("seed \(random.seed): \(peak), \(flat), \(valley), \(more)")
        return
      }
    }
  }

  @Test func `twelve equal months equal the year within one fen a printed line`() throws {
    var random = Seeded("twelve equal months equal the year")
    let plan = try Tariffs.plan("shanghai-residential-2012")
    let year = try days("2026-01-01", "2027-01-01")
    for _ in 0..<cases {
      let use = random.energy(upTo: 700)
      var state = EarlierUse.nothing
      var (sum, lines, total) = (Int64(0), 0, Energy.zero)
      for _ in 0..<12 {
        let month = try bill(plan, use, earlier: state)
        sum += month.total.fen
        lines += month.lines.count
        total += use
        state = .byTier(try #require(month.windowAfter).byTier)
      }
      let whole = try bill(plan, total, [], year)
      guard abs(sum - whole.total.fen) <= lines else {
        Issue.record("seed \(random.seed): \(use) kWh a month, \(sum) and \(whole.total.fen) fen")
        return
      }
    }
  }

  @Test func `periods within the tolerance always add up to the total, and none is negative`() throws {
    var random = Seeded("periods add up")
    let plan = try Tariffs.plan("guangdong-residential-tou-2012")
    for _ in 0..<cases {
      let parts = [random.energy(upTo: 3), random.energy(upTo: 3), random.energy(upTo: 3)]
      let tolerance = Energy(millionths: 40_000)
      let drift = Energy(millionths: Int64.random(in: -6...6, using: &random) * 10_000)
      let sum = parts.reduce(.zero, +)
      let usage = Usage(
        id: "B", account: "A", days: try Self.october, total: max(.zero, sum + drift),
        parts: zip(["peak", "flat", "valley"], parts).map { PeriodEnergy($0, $1) }, tolerance: tolerance)
      let difference = usage.total - sum
      do {
        let totals = try rate(usage, under: plan).totals
        guard totals.byPeriod.reduce(.zero, +) == usage.total, totals.byPeriod.allSatisfy({ $0 >= .zero }),
          difference <= tolerance, -difference <= tolerance
        else {
          Issue.record("seed \(random.seed): \(parts), total \(usage.total)")
          return
        }
      } catch {
        guard error == .partsDisagree(total: usage.total, parts: sum, tolerance: tolerance),
          difference > tolerance || -difference > tolerance
        else {
          Issue.record("seed \(random.seed): \(parts), total \(usage.total): \(error)")
          return
        }
      }
    }
  }

  @Test func `adders by period spread a tier's energy over four periods and lose nothing`() throws {
    var random = Seeded("a tier's energy is spread without loss")
    let plan = try fourPeriods(decimals: 0)
    for _ in 0..<cases {
      let parts = (0..<4).map { _ in Energy(millionths: Int64.random(in: 0...60, using: &random) * 1_000_000) }
      let total = parts.reduce(.zero, +)
      let names = ["sharp", "peak", "flat", "valley"]
      let bill = try bill(plan, total, zip(names, parts).map { PeriodEnergy($0, $1) })
      for tier in 2...3 {
        let spread = bill.lines.filter { $0.rule == .tierAdderProRata && $0.tier == tier }
        guard spread.reduce(.zero, { $0 + $1.energy }) == bill.totals.byTier[tier - 1],
          spread.allSatisfy({ $0.energy > .zero && $0.energy.millionths % 1_000_000 == 0 })
        else {
          Issue.record("seed \(random.seed): \(parts): \(bill.canonicalText)")
          return
        }
      }
    }
  }

  /// Sharp, peak, flat (the residual) and valley, tiers up to 50 and 100 kWh, adders that differ by period.
  private func fourPeriods(decimals: Int) throws -> Plan {
    let names = ["sharp", "peak", "flat", "valley"]
    let periods = names.enumerated().map { index, name in
      "[[period]]\nname = \"\(name)\"\ntitle = \"\(name)\"\ntitle-zh = \"\(name)\"\nrates = [\(index + 1)]\n"
        + (name == "flat" ? "residual = true\n" : "")
    }.joined()
    func prices(_ first: Int) -> String {
      names.enumerated().map { "\($0.element) = \"0.\(first)\($0.offset)\"\n" }.joined()
    }
    let toml = """
      name = "four"
      title = "Four"
      title-zh = "四"
      currency = "CNY"
      valid-from = "2026-01-01"
      known-since = "2026-01-01"
      energy-scale = \(decimals)
      sources = ["a test"]
      \(periods)
      [tiers]
      window = "year"
      year-starts-in-month = 7
      source = "a test"
      primary = true
      tier = [{ from = "0", to = "50" }, { from = "50", to = "100" }, { from = "100" }]
      [[component]]
      kind = "energy"
      title = "E"
      title-zh = "电"
      source = "a test"
      primary = true
      [component.prices]
      \(prices(5))
      [[component]]
      kind = "tier-adders"
      title = "A"
      title-zh = "加"
      source = "a test"
      primary = true
      [[component.tier]]
      tier = 2
      [component.tier.adders]
      \(prices(1))
      [[component.tier]]
      tier = 3
      [component.tier.adders]
      \(prices(3))
      """
    return try Plan(try Document(toml: toml, file: "four.toml"))
  }
}
