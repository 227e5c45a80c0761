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
