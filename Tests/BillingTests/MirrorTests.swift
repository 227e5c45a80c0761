import Billing
import Metering
import Rating
import Testing

extension ClosedBill {
  /// As it is read back after it was issued.
  func issued(id: Int64 = 1, kind: IssuedKind = .original, at: Int64 = 1_795_320_000_000) throws -> IssuedBill {
    try IssuedBill(
      id: id, account: key.account, cycle: key.cycle, version: Int64(key.version), kind: kind.rawValue, digest: digest,
      totalFen: total.fen, issuedAt: at, document: Array(document.utf8), readings: readings)
  }
}

extension IssuedBill {
  /// As a store gives it that keeps what decided the prices.
  func keeping(_ pricing: [String]) throws -> IssuedBill {
    try IssuedBill(
      id: id, account: account, cycle: "\(cycle)", version: Int64(version), kind: kind.rawValue, digest: digest,
      totalFen: amount.fen, issuedAt: issuedAt, document: Array(standing.utf8), readings: readings, pricing: pricing)
  }
}

@Suite struct MirrorTests {
  /// A home's bill of so many hundredths of a kWh under a plan with tiers and periods.
  private func home(_ random: inout Seeded, version: Int = 1) throws -> Bill {
    let plan = try tariff("shanghai-residential-tou-2012")
    let total = Int64.random(in: 0...900_000, using: &random)
    let valley = Int64.random(in: 0...total, using: &random)
    let usage = Usage(
      id: "A-1/2026-10/original/\(version)", account: "A-1",
      days: try #require(DayRange(from: try day("2026-10-01"), to: try day("2026-11-01"))),
      total: Energy(millionths: total * 10_000), parts: [PeriodEnergy("valley", Energy(millionths: valley * 10_000))],
      earlier: .byTier([Energy(millionths: Int64.random(in: 0...312_000, using: &random) * 10_000), .zero, .zero]))
    return try rate(usage, under: plan)
  }

  /// A mill's, with days of a month, demand and a percentage.
  private func mill(_ random: inout Seeded, version: Int = 1) throws -> Bill {
    func roll(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
    let days = try #require(DayRange(from: try day("2026-10-01"), to: try day("2026-11-01")))
    let part = PartMonth(days: Int(roll(1...31)), of: try month("2026-10"))
    let usage = Usage(
      id: "A-1/2026-10/original/\(version)", account: "A-1", days: days,
      total: Energy(millionths: roll(1...9_000_000) * 10_000),
      supply: Supply(
        basicCharge: .contractDemand,
        feeds: [
          FeedDemand(
            measured: Power(millionths: roll(0...9_000_000) * 100),
            contract: Power(millionths: roll(1...5_000_000) * 100))
        ], part: part, reactive: ReactiveUse(forward: Energy(millionths: roll(0...9_000_000) * 10_000)),
        powerFactorStandard: .eightyFive))
    return try rate(usage, under: try twoPart())
  }

  private func issued(_ bill: Bill) throws -> IssuedBill {
    try IssuedBill(
      id: 7, account: "A-1", cycle: "2026-10", version: 1, kind: "original", digest: bill.inputDigest,
      totalFen: bill.total.fen, issuedAt: 0, document: Array(bill.canonicalText.utf8), readings: [])
  }

  @Test func `a stored document mirrors into the reversal that the core makes, byte for byte`() throws {
    var random = Seeded("stored documents mirror as the core reverses")
    for round in 0..<10_000 {
      let bill = try round.isMultiple(of: 2) ? home(&random) : mill(&random)
      let mirror = try issued(bill).reversalDocument
      guard mirror == bill.reversed().canonicalText else {
        Issue.record("seed \(random.seed), round \(round): \(mirror)")
        return
      }
    }
  }

  @Test func `a document read back says what the bill says, and is written again as it was`() throws {
    var random = Seeded("documents read back", cases: 2000)
    for round in 0..<2000 {
      let bill = try round.isMultiple(of: 2) ? home(&random) : mill(&random)
      let back = try issued(bill)
      let part = try #require(back.parts.first)
      guard back.standing == bill.canonicalText, back.total == bill.total, part.energy == bill.totals.energy,
        part.lines.map(\.amount) == bill.lines.map(\.amount),
        part.window?.after ?? [] == bill.windowAfter?.byTier ?? [],
        part.lines.reduce(Money.zero, { $0 + $1.amount }) == bill.total, part.plan.digest == bill.plan.digest
      else {
        Issue.record("seed \(random.seed), round \(round)")
        return
      }
    }
  }

  @Test func `what is no document is refused and nothing traps`() throws {
    var random = Seeded("damaged documents", cases: 20_000)
    let whole = Array(try home(&random).canonicalText.utf8)
    var read = 0
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
      if Bool.random(using: &random) { bytes = Array(bytes.prefix(Int.random(in: bytes.indices, using: &random))) }
      let bill = try? IssuedBill(
        id: 1, account: "A", cycle: "2026-10", version: 1, kind: "original", digest: "", totalFen: 0, issuedAt: 0,
        document: bytes, readings: [])
      if let bill {
        read += 1
        _ = bill.reversalDocument
      }
    }
    #expect(read < 20_000)
    for text in ["", "[", "{\"bill\":", "\"\\u12\"", "{\"a\":1,}", "[1 2]", String(repeating: "[", count: 100)] {
      #expect(throws: BillDocumentError.self) {
        try IssuedBill(
          id: 1, account: "A", cycle: "2026-10", version: 1, kind: "original", digest: "", totalFen: 0, issuedAt: 0,
          document: Array(text.utf8), readings: [])
      }
    }
  }
}
