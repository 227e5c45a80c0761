import Billing
import Concentrator
import Metering
import Rating
import Store

/// Bills out of the readings of a store into the same store, by the statements that the daemon uses: each with its
/// document, lines, readings, posting and checksum. Beside it the same rows by SQLite's C functions alone.
struct BenchRatingStore {
  /// Homes that are billed, a month each, from four registers at both ends of it.
  let homes: Int
  /// Bills of one transaction.
  private static let batch = 1000

  /// Seconds of each part; the fastest of some runs.
  struct Parts {
    var reading = Double.infinity
    var closing = Double.infinity
    var issuing = Double.infinity
    /// Both ends by SQLite alone.
    var bareReading = Double.infinity
    var bareIssuing = Double.infinity

    var all: Double { reading + closing + issuing }
    var store: Double { reading + issuing }
    var bare: Double { bareReading + bareIssuing }
  }

  private let plan: Plan
  private let plans: PlanCatalogue
  private let accounts: [Account]
  private let cycle: Cycle
  private let knownOn: CivilDate

  init(homes: Int = 5_000) throws {
    self.homes = homes
    plan = try BenchRatingData.plan()
    plans = try PlanCatalogue([plan])
    let days = try BenchRatingData.days()
    knownOn = days.to
    guard let cycle = Cycle(YearMonth(of: days.from), settlement: .firstOfMonth),
      let register = CounterRange(capacity: 1_000_000_000_000, mostPerHour: 13_200_000)
    else { throw Complaint(.software, "the benchmark has no cycle") }
    self.cycle = cycle
    let name = plan.name
    accounts = try (0..<homes).map { home in
      Account(id: "A-\(home)", meters: [MeterAssignment(meter: try Self.meter(home), register: register)], plan: name)
    }
  }

  private static func meter(_ home: Int) throws -> MeterID {
    guard let meter = MeterID("M-\(home)") else { throw Complaint(.software, "the benchmark has no meters") }
    return meter
  }

  /// Three runs, each on files of its own.
  func run() async throws -> Parts {
    var best = Parts()
    for _ in 0..<3 {
      let folder = try temporaryFolder("meterd-bench")
      defer { removeFolder(folder) }
      let path = "\(folder)/meterd.db"
      let store = try told { () throws(StoreError) in try Store(path: path) }
      do {
        try await fill(store)
        try await bill(store, path, &best)
      } catch {
        await store.close(settled: false)
        throw error
      }
      await store.close(settled: false)
      let bare = "\(folder)/bare.db"
      // A store of the same schema, without the store.
      await (try told { () throws(StoreError) in try Store(path: bare) }).close(settled: false)
      try alone(path, bare, &best)
    }
    return best
  }

  /// What the registers showed at both settlements.
  private func fill(_ store: Store) async throws {
    let verdict = Verdict(status: .accepted, findings: [], ruleVersion: 1)
    let quantities = [0, 2, 3, 4].compactMap { Quantity.energy(.importActive, rate: $0) }
    for first in stride(from: 0, to: homes, by: Self.batch) {
      var judged: [JudgedReading] = []
      for home in first..<min(first + Self.batch, homes) {
        let (meter, use) = (try Self.meter(home), BenchRatingData.use(home))
        for (instant, share) in [(cycle.from, 0), (cycle.to, 1)] {
          let at = ZoneOffset.china.unixMilliseconds(of: instant)
          for (quantity, hundredths) in zip(
            quantities, [use.total, use.peak, use.total - use.peak - use.valley, use.valley])
          {
            let reading = Reading(
              key: ReadingKey(meter: meter, quantity: quantity, kind: .settlement, instant: at),
              value: RegisterValue(millionths: Int64(100_000 + hundredths * share) * 10_000, resolution: 10_000),
              quality: .confirmed, hostTime: HostInstant(unixMilliseconds: at + 300_000, clock: .synchronised),
              bootTime: BootInstant(nanoseconds: 0))
            judged.append(JudgedReading(reading, verdict))
          }
        }
      }
      do throws(StoreError) {
        _ = try await store.append(Store.Submission(judged))
      } catch {
        throw Complaint(error)
      }
    }
  }

  private func bill(_ store: Store, _ path: String, _ best: inout Parts) async throws {
    let reader = try told { () throws(StoreError) in try StoreReader(path: path) }
    var began = wallSeconds()
    var found: [MeterID: [JournalReading]] = [:]
    var filter = ReadingFilter()
    (filter.kind, filter.after) = (.settlement, 0)
    try told { () throws(StoreError) in
      try reader.readings(filter) { stored throws(StoreError) in
        found[stored.reading.key.meter, default: []].append(
          JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
      }
    }
    best.reading = min(best.reading, wallSeconds() - began)
    guard found.count == homes, found.values.allSatisfy({ $0.count == 8 }) else {
      throw Complaint(.software, "readings of the benchmark are missing")
    }
    var (closing, issuing) = (0.0, 0.0)
    for first in stride(from: 0, to: accounts.count, by: Self.batch) {
      began = wallSeconds()
      var records: [BillRecord] = []
      for account in accounts[first..<min(first + Self.batch, accounts.count)] {
        let closed = closeCycle(
          account: account, cycle: cycle, readings: found[account.meters[0].meter] ?? [], windowState: nil,
          plans: plans, knownOn: knownOn)
        switch closed {
        case .bill(let bill): records.append(BillRecord(bill, at: 0))
        case .hold(let reasons):
          throw Complaint(
            .software, "a bill of the benchmark waits: \(reasons.map(\.description).joined(separator: "; "))")
        }
      }
      closing += wallSeconds() - began
      began = wallSeconds()
      do throws(StoreError) {
        _ = try await store.issue(records, consumer: "bench", through: 0)
      } catch {
        throw Complaint(error)
      }
      issuing += wallSeconds() - began
    }
    best.closing = min(best.closing, closing)
    best.issuing = min(best.issuing, issuing)
  }

  /// The same readings read and the same rows written with the same commits, keys and references, by C alone.
  private func alone(_ path: String, _ bare: String, _ best: inout Parts) throws {
    let source = try BenchSQLite(path: path)
    let target = try BenchSQLite(path: bare)
    for each in [source, target] { try each.execute("PRAGMA cache_size = -4000; PRAGMA mmap_size = 0") }
    try target.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    try target.execute("DELETE FROM cursor; BEGIN")
    for table in ["term", "reading"] {
      let rows = try source.keep("SELECT * FROM \(table)")
      try target.insert(rows, into: "INSERT OR IGNORE INTO \(table)")
    }
    try target.execute("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
    var began = wallSeconds()
    var read = 0
    try source.rows(
      "SELECT * FROM reading WHERE seq > 0 AND kind = (SELECT id FROM term WHERE text = 'settlement') ORDER BY seq",
      columns: 21
    ) { read += $0.count }
    best.bareReading = min(best.bareReading, wallSeconds() - began)
    guard read == homes * 8 * 21 else { throw Complaint(.software, "SQLite finds other readings") }
    let tables = ["bill", "bill_line", "bill_reading", "bill_pricing", "bill_segment", "ledger"]
    var seconds = 0.0
    for first in stride(from: 1, to: homes + 1, by: Self.batch) {
      let last = min(first + Self.batch - 1, homes)
      let kept = try tables.map {
        try source.keep("SELECT * FROM \($0) WHERE \($0 == "bill" ? "id" : "bill") BETWEEN \(first) AND \(last)")
      }
      began = wallSeconds()
      try target.execute("BEGIN IMMEDIATE")
      for (table, rows) in zip(tables, kept) { try target.insert(rows, into: "INSERT INTO \(table)") }
      try target.execute("INSERT OR REPLACE INTO cursor VALUES ('bench', 0); COMMIT")
      seconds += wallSeconds() - began
    }
    best.bareIssuing = min(best.bareIssuing, seconds)
    for table in tables {
      var counts: [Int64] = []
      for each in [source, target] { try each.rows("SELECT count(*) FROM \(table)", columns: 1) { counts += $0 } }
      guard counts.count == 2, counts[0] == counts[1], counts[0] > 0 else {
        throw Complaint(.software, "SQLite wrote other rows of \(table): \(counts)")
      }
    }
  }

  private func told<Result>(_ body: () throws(StoreError) -> Result) throws -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      throw Complaint(error)
    }
  }
}

extension BenchRating {
  /// Bills from readings to documents through the store.
  func throughTheStore() async throws {
    let bench = try BenchRatingStore()
    let parts = try await bench.run()
    let homes = Double(bench.homes)
    func micros(_ seconds: Double) -> String { decimalString(Int64(seconds / homes * 1e7) * 100_000, decimals: 1) }
    show(
      figure(
        "rating.journal", homes / parts.all, "bills/s",
        against:
          "readings of the journal in, bills with document, lines, posting and checksum out, through the store's own statements: \(micros(parts.reading)) + \(micros(parts.closing)) + \(micros(parts.issuing)) microseconds to read, close and issue one"
      ))
    show(
      Figure(
        name: "rating.journal.store", value: thousandths(parts.bare / parts.store), unit: "ratio",
        against:
          "the same rows read and written by SQLite's C functions alone, same keys and commits: \(micros(parts.bareReading)) + \(micros(parts.bareIssuing)) microseconds, \(Int(homes / parts.bare)) bills/s at most",
        goal: "", met: nil))
  }
}
