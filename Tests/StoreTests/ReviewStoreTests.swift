import Metering
import Testing

@testable import Store

@Suite struct ReviewStoreTests {
  let folder: TemporaryFolder
  let store: Store
  init() async throws {
    folder = try TemporaryFolder()
    store = try eager(folder.database)
    _ = try await store.append(Store.Submission([judged(1), judged(2, at: noon + 1)]))
  }

  private var reader: StoreReader { get throws { try StoreReader(path: folder.database) } }

  private func ledger() throws -> [String] {
    var found: [String] = []
    try reader.ledger { found.append("\($0) \($1) \($2) \($3)") }
    return found
  }

  private func audit() throws -> [String] {
    var found: [String] = []
    try reader.audit { found.append($0.record.function) }
    return found
  }

  private var reversal: BillRecord {
    let old = billRecord()
    return BillRecord(
      account: old.account, cycle: old.cycle, version: 1, kind: "reversal", digest: old.digest, totalFen: -old.totalFen,
      issuedAt: noon, document: old.document,
      lines: old.lines.map { BillRecord.Line(text: $0.text, rule: $0.rule, amountFen: -$0.amountFen) },
      readings: old.readings, correction: BillRecord.Correction(version: 0, actor: "li", reason: "read again"))
  }

  @Test func `a correction names what it corrects, is posted and stands in the audit chain, all at once`() async throws
  {
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    #expect(try await store.issue([reversal], consumer: "billing", through: 1) == [.issued(bill: 2)])
    #expect(try await store.issue([reversal], consumer: "billing", through: 1) == [.alreadyIssued(bill: 2)])
    #expect(try reader.bill(2)?.bill.correction == BillRecord.Correction(version: 0, actor: "li", reason: "read again"))
    #expect(try ledger() == ["1 A-1001 2026-11 12345", "2 A-1001 2026-11 -12345"])
    #expect(try audit() == ["bill-correct"])
    #expect(try reader.verify().faults.isEmpty)
  }

  @Test func `a commit of unknown outcome corrects once`() async throws {
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    for fault in [CommitFault.after(FailureTests.fault), .before(FailureTests.fault)] {
      await store.fail(fault)
      _ = try await store.issue([reversal], consumer: "billing", through: 1)
    }
    #expect(try ledger().count == 2)
    #expect(try audit() == ["bill-correct"])
  }

  @Test func `a correction of a bill that is not there takes its companions with it`() async throws {
    let error = await storeError {
      _ = try await store.issue([billRecord(cycle: "2026-12"), reversal], consumer: "billing", through: 1)
    }
    #expect(error == .unknownBill(account: "A-1001", cycle: "2026-11", version: 0))
    #expect(try ledger() == [])
  }

  @Test func `what was posted, decided or corrected is never changed or deleted`() async throws {
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    _ = try await store.issue([reversal], consumer: "billing", through: 1)
    try await store.open([review()])
    try await store.decide(1, ReviewDecision(.accepted, actor: "li", at: 1, reason: "x"))
    for table in ["ledger", "bill_correction", "review", "review_decision"] {
      for sql in ["DELETE FROM \(table)", "UPDATE \(table) SET rowid = rowid + 9"] {
        let error = await storeError { try await store.execute(sql) }
        #expect(error != nil, "\(sql)")
      }
    }
  }

  private func review(_ digest: String = "d1") -> ReviewRecord {
    ReviewRecord(
      account: "A-1", cycle: "2026-10", digest: digest, totalFen: 5,
      findings: ["first-bill (look): new", "jump (look): x"],
      openedAt: noon)
  }

  @Test func `a review is opened once, and the last decision on it counts`() async throws {
    try await store.open([review(), review()])
    try await store.open([review(), review("d2")])
    #expect(try reader.reviews().map(\.review) == [review(), review("d2")])
    let no = ReviewDecision(.rejected, actor: "li", at: 1, reason: "class")
    let yes = ReviewDecision(.accepted, actor: "wang", at: 2, reason: "class mended")
    await store.fail(.after(FailureTests.fault))
    try await store.decide(1, no)
    #expect(try reader.reviews().map(\.decision) == [no, nil])
    try await store.decide(1, yes)
    #expect(try reader.reviews().map(\.decision) == [yes, nil])
    #expect(try audit() == ["bill-review", "bill-review"])
    #expect(await storeError { try await store.decide(7, yes) } == .unknownReview(7))
  }

  @Test func `a revised reading is a new version, the old ones stay, and a commit of unknown outcome makes one`()
    async throws
  {
    let held = Verdict(status: .held, findings: [Finding(.runaway, "too much")], ruleVersion: 1)
    _ = try await store.append(Store.Submission([judged(3, at: noon + 2, verdict: held)], evidence: exchange()))
    func revise(_ reading: Int64, _ digits: Int64?) async throws -> Int64 {
      try await store.revise(
        Revision(
          reading: reading, value: digits.map { RegisterValue(millionths: $0 * 10_000, resolution: 10_000) },
          actor: "li",
          reason: "on site", at: 9))
    }
    await store.fail(.after(FailureTests.fault))
    #expect(try await revise(3, nil) == 4)
    #expect(try await revise(3, nil) == 4, "it is accepted already")
    #expect(try await revise(4, 5) == 5)
    #expect(try await revise(3, 5) == 5)
    let all = try reader.all()
    #expect(all.map(\.version) == [0, 0, 0, 1, 2])
    #expect(all.suffix(3).map(\.verdict.status) == [.held, .accepted, .accepted])
    #expect(all.suffix(3).map(\.reading.quality) == [.actual, .actual, .substituted])
    #expect(all.suffix(3).map(\.evidence) == [1, 1, nil])
    #expect(try audit() == ["reading-revise", "reading-revise"])
    #expect(await storeError { _ = try await revise(99, nil) } == .unknownReading(sequence: 99))
    #expect(try reader.verify().faults.isEmpty)
  }

  @Test func `bills of an older store get their postings when it is brought up to date`() async throws {
    _ = try await store.issue([billRecord(), billRecord(cycle: "2026-12", total: 7)], consumer: "billing", through: 1)
    let younger = [
      "event_release", "event_end", "event", "event_count", "bill_pricing", "bill_segment", "trial_result", "late_read",
    ]
    for table in younger + ["bill_correction", "ledger", "review_decision", "review"] {
      try await store.execute("DROP TABLE \(table)")
    }
    try await store.execute("ALTER TABLE gap DROP COLUMN until; ALTER TABLE gap DROP COLUMN rounds")
    try await store.execute("PRAGMA user_version = 2")
    await store.close()
    let again = try eager(folder.database)
    #expect(try ledger() == ["1 A-1001 2026-11 12345", "2 A-1001 2026-12 7"])
    await again.close()
  }

  @Test func `bills of an older store are found by meter and time once it is brought up to date`() async throws {
    let segment = #"{"meter":"M-1","from":"2026-11-01T00:00:00","to":"2026-12-01T00:00:00"}"#
    let documents = [
      #"{"bill":"x","lines":[{"segments":[0]}],"segments":[\#(segment)]}"#,
      #"{"statement":"x","bills":[{"segments":[\#(segment)]}]}"#, "no document at all", #"{"segments":7}"#,
    ]
    for (index, document) in documents.enumerated() {
      let record = BillRecord(
        account: "A-\(index)", cycle: "2026-11", version: 1, digest: "d\(index)", totalFen: 1, issuedAt: 1,
        document: Array(document.utf8), lines: [BillRecord.Line(text: "all", amountFen: 1)], readings: [],
        pricing: ["p"])
      _ = try await store.issue([record], consumer: "billing", through: 1)
    }
    for table in ["event_release", "event_end", "event", "event_count", "bill_pricing", "bill_segment", "trial_result"]
    {
      try await store.execute("DROP TABLE \(table)")
    }
    try await store.execute("PRAGMA user_version = 4")
    await store.close()
    let again = try eager(folder.database)
    func found(_ from: String, _ to: String, not account: String = "") throws -> [String] {
      try reader.bills(ofMeter: "M-1", from: from, to: to, notOf: account).map(\.bill.account)
    }
    #expect(try found("2026-11-15T00:00:00", "2026-12-15T00:00:00") == ["A-0", "A-1"])
    #expect(try found("2026-11-15T00:00:00", "2026-12-15T00:00:00", not: "A-0") == ["A-1"])
    #expect(try found("2026-12-01T00:00:00", "2027-01-01T00:00:00") == [])
    #expect(try reader.bill(1)?.bill.pricing == [])
    await again.close()
  }

  @Test func `what was accepted of a trial is kept by bill and result, and noted once`() async throws {
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    let results = ["r1", "r2", "r1"].map { TrialResult(bill: 1, account: "A-1001", result: $0) }
    let record = AuditRecord(
      at: 9, actor: "li", line: "", function: "bill-trial", target: "b", outcome: "accepted", detail: "meant")
    for _ in 1...2 { try await store.accept(results, fact: ("billing.basis", "b"), record) }
    #expect(try reader.acceptedResults() == Set(results))
    #expect(try reader.fact("billing.basis") == "b")
    #expect(try audit() == ["bill-trial"])
  }
}
