import Billing
import Documents
import Metering
import Rating
import TOML
import Testing

/// Lines of stored bills against what their own rules make of their numbers.
@Suite struct LineCheckTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let components: String
    /// Rules of the bill's lines, in their order.
    let rules: [Rule]
    var reactive = "100000.4"
    var testDescription: String { name }
  }

  private static let charged =
    component("capacity", "price = \"27.77\"\nday-share = \"calendar\"") + component("energy", "price = \"0.61337\"")
    + component("fund", "price = \"0.00196875\"")

  static let cases = [
    Case(
      name: "half up, a power factor of printed lines, a least bill",
      components: charged + component("power-factor", "standard = \"0.90\"")
        + component("minimum", "least = \"900000\""),
      rules: [.capacity, .energy, .fund, .powerFactor, .minimum]),
    Case(
      name: "cut off, a power factor of exact lines",
      components: component("capacity", "price = \"27.77\"\nday-share = \"calendar\"\nrounding = \"cut\"")
        + component("energy", "price = \"0.61337\"\nrounding = \"cut\"")
        + component("power-factor", "standard = \"0.85\"\nbase = \"exact\""),
      rules: [.capacity, .energy, .powerFactor]),
    Case(
      name: "a reward, export, debts by days and a least charge",
      components: component("energy", "price = \"0.61337\"") + component("export", "price = \"0.4161\"")
        + component("power-factor", "standard = \"0.90\"")
        + component("late-charge", "own-year = \"0.002\"\nlater = \"0.003\"\nleast = \"1.00\""),
      rules: [.energy, .export, .powerFactor, .lateOwnYear, .lateLater, .lateOwnYear, .lateLeast], reactive: "3.5"),
  ]

  private func bill(_ each: Case) throws -> (Bill, Plan) {
    let plan = try plan(components: each.components)
    let hasDebts = each.rules.contains(.lateLeast)
    let supply = Supply(
      basicCharge: each.rules.contains(.capacity) ? .capacity : nil,
      running: each.rules.contains(.capacity) ? Power("630") : nil,
      part: each.rules.contains(.capacity) ? PartMonth(days: 17, of: try month("2026-10")) : nil,
      reactive: ReactiveUse(forward: try energy(each.reactive)),
      exported: each.rules.contains(.export) ? try energy("1234.56") : nil,
      arrears: hasDebts
        ? [
          Arrears(bill: "B-0", amount: Money(fen: 123_457), due: try day("2025-12-20"), paid: try day("2026-01-09")),
          Arrears(bill: "B-1", amount: Money(fen: 1_000), due: try day("2026-09-20"), paid: try day("2026-09-27")),
        ] : [])
    let usage = Usage(
      id: "A-9/2026-10", account: "A-9",
      days: try #require(DayRange(from: try day("2026-10-01"), to: try day("2026-11-01"))),
      total: try energy("123456.78"), supply: supply)
    return (try rate(usage, under: plan), plan)
  }

  private func problems(_ text: String, _ bill: Bill, _ plans: [Plan]) throws -> [String] {
    try problems(text, digest: bill.inputDigest, total: bill.total, plans)
  }

  private func problems(_ text: String, digest: String, total: Money, _ plans: [Plan]) throws -> [String] {
    let issued = try IssuedBill(
      id: 1, account: "A-9", cycle: "2026-10", version: 1, kind: "original", digest: digest,
      totalFen: total.fen, issuedAt: 1_795_320_000_000, document: Array(text.utf8), readings: [])
    var check = Reconciliation()
    check.add(
      Account(id: "A-9", meters: [], terms: []), due: [:],
      posted: [PostedBill(bill: issued, linesFen: total.fen, postedFen: total.fen)], readings: [], plans: plans)
    return try #require(check.steps.first { $0.name == "lines-fen" }).differences
  }

  @Test(arguments: cases)
  func `a line that is off by a fen is found, whatever rule made it`(_ each: Case) throws {
    let (bill, plan) = try bill(each)
    #expect(bill.lines.map(\.rule) == each.rules)
    let text = bill.canonicalText
    #expect(try problems(text, bill, [plan]) == [])
    #expect(try problems(text, bill, []) == [], "also where the plan is not at hand")
    for line in bill.lines {
      for step in [Int64(-1), 1] {
        let start = try #require(text.firstRange(of: "\"ordinal\":\(line.ordinal),")?.lowerBound)
        let end = text[start...].firstRange(of: "\"segments\"")?.lowerBound ?? text.endIndex
        let other = Money(fen: line.amount.fen + step)
        // Number and formula say the same, and so does the bill: nothing but the rule tells.
        let changed = text[start..<end]
          .replacing("\"amount\":\"\(line.amount)\"", with: "\"amount\":\"\(other)\"")
          .replacing("= \(line.amount)\"", with: "= \(other)\"")
        let whole = "\(text[..<start])\(changed)\(text[end...])".replacing(
          "\"total\":\"\(bill.total)\"", with: "\"total\":\"\(bill.total + Money(fen: step))\"")
        let found = try problems(whole, bill, [plan])
        #expect(
          found.contains { $0.contains(bill.name(of: line)) && $0.contains("= \(other)") },
          "\(bill.name(of: line)) \(other): \(found)")
      }
    }
  }

  @Test func `parts of one month are checked with what the others cost, and told as such`() throws {
    let (whole, plan) = try bill(Self.cases[0])
    var usage = whole.usage
    usage.supply?.part = nil
    let parts = try #require(usage.cut(at: [try day("2026-10-11")], by: .days, decimals: 2))
    let statement = try rate(parts.map { Stretch($0, under: plan) }, id: "S", proration: .days)
    #expect(statement.bills.map { $0.lines.contains { $0.rule == .minimum } } == [false, true])
    #expect("\(statement.total)" == "900000.00")
    let text = statement.canonicalText
    #expect(try problems(text, digest: statement.inputDigest, total: statement.total, [plan]) == [])
    #expect(text.contains("\"cut\":{\"from\":\"2026-10-01\",\"to\":\"2026-11-01\",\"total\":\"123456.780000\""))
    let charged = try #require(statement.bills.first).total
    #expect(text.contains("\"charged\":\"\(charged)\""))
    #expect(
      try problems(
        text.replacing("\"charged\":\"\(charged)\"", with: "\"charged\":\"\(charged + Money(fen: 1))\""),
        digest: statement.inputDigest, total: statement.total, [plan]
      ).count == 1)
  }

  @Test func `of a plan that is not at hand a line may be rounded either way, and no further`() throws {
    let (bill, _) = try bill(Self.cases[0])
    for line in bill.lines where line.rule != .minimum {
      func off(_ fen: Int64) throws -> [String] {
        let other = Money(fen: line.amount.fen + fen)
        return try problems(
          bill.canonicalText.replacing("= \(line.amount)\"", with: "= \(other)\"")
            .replacing("\"amount\":\"\(line.amount)\"", with: "\"amount\":\"\(other)\""), bill, []
        ).filter { $0.contains("rounded once") }
      }
      #expect(try off(0) == [])
      #expect(try off(2).count == 1, "\(bill.name(of: line))")
      #expect(try off(-2).count == 1, "\(bill.name(of: line))")
    }
  }

  @Test func `a formula, a share of days and a power factor that say something else are found`() throws {
    let (bill, plan) = try bill(Self.cases[0])
    let text = bill.canonicalText
    let factor = try #require(bill.powerFactor)
    for (old, new) in [
      (" x 17/31 = ", " x 18/31 = "), ("123456.78 kWh x 0.61337000", "123456.79 kWh x 0.61337000"),
      ("\"factor\":\"\(factor.factor)\"", "\"factor\":\"0.11\""), ("\"reactive\":\"100000.4", "\"reactive\":\"10000.4"),
      ("\"price\":\"0.61337000\"", "\"price\":\"0.61338000\""),
    ] {
      #expect(text.contains(old), "\(old)")
      #expect(try problems(text.replacing(old, with: new), bill, [plan]).isEmpty == false, "\(new)")
    }
  }
}
