import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

@Suite struct OracleTests {
  /// Bills of each kind: `METERD_BILLS`, or a tenth of what a release run makes.
  static let bills = ProcessInfo.processInfo.environment["METERD_BILLS"].flatMap { Int($0) } ?? 10_000
  private static let billsPerPlan = 50

  @Test(arguments: PlanKind.allCases)
  func `random bills of every kind of plan agree with the plain rules, line by line`(_ kind: PlanKind) throws {
    var random = Seeded("\(kind.rawValue) by the plain rules", cases: Self.bills)
    for number in 0..<Self.bills / Self.billsPerPlan {
      let made = try kind.plan(&random)
      let plan = try Plan(try Document(toml: made.toml, file: "random.toml"))
      for _ in 0..<Self.billsPerPlan {
        let (usage, expected) = try made.bill(&random)
        let bill = try rate(usage, under: plan)
        guard bill.lines.map({ Int128($0.amount.fen) }) == expected, Int128(bill.total.fen) == expected.reduce(0, +),
          holds(bill)
        else {
          Issue.record(
            "seed \(random.seed), plan \(number): \(bill.formulas), expected \(expected)\n\(usage.canonicalText)\n\(made.toml)"
          )
          return
        }
      }
    }
  }

  /// What must hold of every bill: parts add up to what is billed, and its reversal cancels it line by line.
  private func holds(_ bill: Bill) -> Bool {
    let totals = bill.totals
    let reversal = bill.reversed()
    return (totals.byPeriod.isEmpty || totals.byPeriod.reduce(.zero, +) == totals.energy)
      && (totals.byTier.isEmpty || totals.byTier.reduce(.zero, +) == totals.energy)
      && zip(bill.lines, reversal.lines).allSatisfy { $0.amount + $1.amount == .zero && $0.energy + $1.energy == .zero }
      && bill.lines.map(\.ordinal) == Array(0..<bill.lines.count).map { $0 + 1 } && bill.total + reversal.total == .zero
  }
}

/// A cycle cut in two by a new version of its plan, by the plain rules.
@Suite struct StretchOracleTests {
  private func version(_ limits: [Number], _ prices: [Number], _ capacity: Number, from: String) throws -> Plan {
    let tables = zip(["0"] + limits.map(\.text), limits.map { "to = \"\($0.text)\"" } + [""]).map {
      "[[tiers.tier]]\nfrom = \"\($0)\"\n\($1)\n"
    }
    return try Plan(
      try Document(
        toml: Mill.head.replacing("2023-01-01", with: from)
          + "\n[tiers]\nwindow = \"month\"\nsource = \"a test\"\nprimary = true\n" + tables.joined()
          + Mill.component("capacity", "price = \"\(capacity.text)\"", "day-share = \"calendar\"")
          + Mill.component("tier-prices", "prices = [\(prices.map { "\"\($0.text)\"" }.joined(separator: ", "))]"),
        file: "random.toml"))
  }

  @Test func `a new version in mid-cycle goes on with the room that is left, and shares the month by days`() throws {
    var random = Seeded("stretches by the plain rules", cases: OracleTests.bills)
    for _ in 0..<OracleTests.bills / 20 {
      let limits = [random.limits(2), random.limits(2)]
      let prices = [0, 1].map { _ in (0...2).map { _ in random.price() } }
      let capacities = [random.number(0...60_0000, places: 4), random.number(0...60_0000, places: 4)]
      let plans = [
        try version(limits[0], prices[0], capacities[0], from: "2020-01-01"),
        try version(limits[1], prices[1], capacities[1], from: "2020-02-01"),
      ]
      for _ in 0..<20 {
        let uses = [random.kilowattHours(upTo: 800), random.kilowattHours(upTo: 800)]
        let running = random.number(1...100_000, places: 2)
        let day = Int.random(in: 2...31, using: &random)
        let change = "2026-10-\(day < 10 ? "0" : "")\(day)"
        let supply = Supply(basicCharge: .capacity, running: try power(running.text))
        let statement = try rate(
          [
            Stretch(try mill(uses[0].text, [:], try days("2026-10-01", change), supply), under: plans[0]),
            Stretch(try mill(uses[1].text, [:], try days(change, "2026-11-01"), supply), under: plans[1]),
          ], id: "S")
        let first = PlainRules.slices(uses[0].ratio, after: .zero, limits: limits[0].map(\.ratio))
        let second = PlainRules.headroom(uses[1].ratio, used: first, limits: limits[1].map(\.ratio), grant: .zero)
        let shares = [Ratio(Int128(day - 1), 31), Ratio(Int128(32 - day), 31)]
        let expected = [first, second].enumerated().map { index, split in
          [PlainRules.fen(running.ratio * capacities[index].ratio * shares[index])]
            + zip(split, prices[index]).filter { $0.0 > .zero }.map { PlainRules.fen($0.0 * $0.1.ratio) }
        }
        guard statement.bills.map({ $0.lines.map { Int128($0.amount.fen) } }) == expected,
          Int128(statement.total.fen) == expected.joined().reduce(0, +)
        else {
          Issue.record("seed \(random.seed): \(statement.bills.map(\.formulas)), expected \(expected)")
          return
        }
      }
    }
  }
}
