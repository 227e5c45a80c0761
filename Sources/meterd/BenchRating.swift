import Concentrator
import Glibc
import Metering
import Rating

/// Bills a second, in memory, from hourly readings, and from one table of a store to another: `meterd bench rating`.
///
/// Rates in memory are bills for each second that the processor gave to the thread, so that what else the machine does
/// at the time changes little; SQLite is measured the same way, right before. Each is the best of three.
struct BenchRating {
  typealias Figure = BenchLine.Figure

  let show: (Figure) -> Void
  private let plan: Plan
  private let compiled: CompiledPlan

  init(show: @escaping (Figure) -> Void) throws {
    self.show = show
    plan = try BenchRatingData.plan()
    compiled = try CompiledPlan(plan, for: try BenchRatingData.days())
  }

  func run() async throws {
    let sqlite = try againstSQLite()
    try inMemory(sqlite)
    try oneByOne()
    try filtered()
    try fromHours()
    try growth()
    try storeToStore()
    try await throughTheStore()
  }

  /// Seconds of the fastest of three runs.
  private func best(_ clock: () -> Double, _ work: () throws -> Void) rethrows -> Double {
    var best = Double.infinity
    for _ in 0..<3 {
      let began = clock()
      try work()
      best = min(best, clock() - began)
    }
    return max(best, 1e-9)
  }

  /// Bills a second of SQLite, and what they add up to.
  private func againstSQLite() throws -> (rate: Double, digest: BenchRatingData.Digest) {
    let sqlite = try BenchSQLite(path: ":memory:")
    try sqlite.fill(BenchRatingData.meters)
    var total: Int64 = 0
    let seconds = try best(threadSeconds) {
      try sqlite.rows(BenchSQLite.sums(compiled), columns: 15) { total = $0[14] }
    }
    var digest = BenchRatingData.Digest()
    try sqlite.rows(BenchSQLite.digest(compiled), columns: 3) {
      digest = BenchRatingData.Digest(totalFen: $0[0], lines: Int($0[1]), digest: $0[2])
    }
    guard total == digest.totalFen else { throw Complaint(.software, "SQLite adds up to two totals") }
    return (Double(BenchRatingData.meters) / seconds, digest)
  }

  private func inMemory(_ sqlite: (rate: Double, digest: BenchRatingData.Digest)) throws {
    let meters = BenchRatingData.meters
    let batches = stride(from: 0, to: meters, by: BenchRatingData.batch).map {
      ($0, BenchRatingData.columns($0..<min($0 + BenchRatingData.batch, meters)))
    }
    var sheet = BillSheet()
    var fen: Int64 = 0
    let seconds = best(threadSeconds) {
      fen = 0
      for (_, columns) in batches {
        compiled.rate(columns, into: &sheet)
        fen += sheet.total?.fen ?? 0
      }
    }
    var digest = BenchRatingData.Digest()
    for (first, columns) in batches {
      compiled.rate(columns, into: &sheet)
      digest.add(sheet, from: first)
    }
    let rate = Double(meters) / seconds
    show(
      figure(
        "rating.memory", rate, "bills/s",
        against: "one thread, \(thousandths(Double(digest.lines) / Double(meters))) lines a bill in its batch's buffer",
        goal: 5_000_000))
    show(
      Figure(
        name: "rating.memory.sqlite", value: thousandths(rate / sqlite.rate), unit: "ratio",
        against: "SQLite, one thread, sums of the same lines: \(Int(sqlite.rate)) bills/s", goal: "", met: nil))
    show(
      Figure(
        name: "rating.memory.same", value: "\(digest.digest)", unit: "digest of all lines",
        against: "SQLite's \(sqlite.digest.digest); \(digest.lines) lines, \(digest.totalFen) fen",
        goal: "the same", met: digest == sqlite.digest && digest.totalFen == fen))
  }

  /// The whole bill as a value, with all that explains it.
  private func oneByOne() throws {
    let columns = BenchRatingData.columns(0..<20_000)
    let usages = try (0..<20_000).map {
      columns.usage(at: $0, id: "B", account: "A", days: try BenchRatingData.days())
    }
    var fen: Int64 = 0
    let seconds = try best(threadSeconds) {
      for usage in usages { fen += try rate(usage, under: plan).total.fen }
    }
    show(
      figure("rating.single", Double(usages.count) / seconds, "bills/s", against: "rate(_:under:), one bill at a time"))
    var bytes = 0
    let texts = try best(threadSeconds) {
      for usage in usages.prefix(4000) { bytes += try rate(usage, under: plan).canonicalText.utf8.count }
    }
    show(
      figure(
        "rating.document", 4000 / texts, "bills/s",
        against: "the bill as canonical JSON with its digest, \(bytes / 12_000) bytes"))
  }

  /// What `meterd rate` does with a line of input, without the pipes.
  private func filtered() throws {
    let records = (0..<20_000).map { meter in
      let use = BenchRatingData.use(meter)
      func energy(_ hundredths: Int) -> String { decimalString(Int64(hundredths) * 10_000, decimals: 2) }
      let text =
        #"{"id":"B-\#(meter)","account":"A-\#(meter)","from":"2026-10-01","to":"2026-11-01","energy":{"total":""#
        + "\(energy(use.total))\",\"peak\":\"\(energy(use.peak))\",\"valley\":\"\(energy(use.valley))\"}}"
      return Array(text.utf8)
    }
    var filter = RateFilter(plan: plan)
    let seconds = best(threadSeconds) {
      for record in records {
        _ = filter.take(record[...])
        if filter.output.count > 1 << 16 { filter.output.removeAll(keepingCapacity: true) }
      }
    }
    guard filter.refused == 0 else { throw Complaint(.software, "the filter refused records") }
    var read = 0
    let reading = try best(threadSeconds) {
      for record in records { read += try UsageRecord(json: record[...]).id.utf8.count }
    }
    show(
      figure(
        "rating.filter", Double(records.count) / seconds, "records/s",
        against: "NDJSON in, NDJSON out, one thread, \(records[0].count) bytes a record"))
    guard read > 0 else { throw Complaint(.software, "nothing was read") }
    show(
      figure(
        "rating.filter.reader", Double(records.count) / reading, "records/s",
        against: "the same records read, not billed"))
  }

  /// Seven hundred and forty-four hourly readings a bill, put into periods, reconciled with the register, rated.
  private func fromHours() throws {
    let plan = try BenchRatingData.plan(intervals: true)
    let days = try BenchRatingData.days()
    let calendar = try CompiledCalendar(plan, for: days, minutes: 60)
    let compiled = try CompiledPlan(plan, for: days)
    let meters = 2000
    // 0.10 to 1.80 kWh an hour.
    let energies = (0..<meters * calendar.count).map { Energy(millionths: Int64($0 &* 7919 % 171 + 10) * 10_000) }
    let registers = (0..<meters).map { meter in
      energies[meter * calendar.count..<(meter + 1) * calendar.count].reduce(.zero, +)
    }
    var sheet = BillSheet()
    var refused = 0
    let seconds = try best(threadSeconds) {
      for _ in 0..<10 {
        var columns = UsageColumns(totals: registers)
        var byPeriod = plan.periods.map { _ in [Energy]() }
        for index in byPeriod.indices { byPeriod[index].reserveCapacity(meters) }
        for meter in 0..<meters {
          let settled = try calendar.periods(
            of: energies.span.extracting(meter * calendar.count..<(meter + 1) * calendar.count),
            register: registers[meter], bound: .zero)
          for (index, energy) in settled.enumerated() { byPeriod[index].append(energy) }
        }
        for (period, energies) in zip(plan.periods, byPeriod) { columns.periods[period.name] = energies }
        compiled.rate(columns, into: &sheet)
        refused += sheet.refusals.count
      }
    }
    guard refused == 0, sheet.count == meters else { throw Complaint(.software, "hourly readings were refused") }
    show(
      figure(
        "rating.hourly", Double(meters * 10) / seconds, "bills/s",
        against: "\(calendar.count) hourly readings each, reconciled with the register", goal: 200_000))
  }

  /// Ten million bills, streaming: the last cost what the first did, in time and in memory.
  private func growth() throws {
    var sheet = BillSheet()
    var memory: [Int] = []
    let millions = (0..<10).map { million in
      var sum = 0.0
      for first in stride(from: million * 1_000_000, to: (million + 1) * 1_000_000, by: BenchRatingData.batch) {
        let columns = BenchRatingData.columns(first..<min(first + BenchRatingData.batch, (million + 1) * 1_000_000))
        let began = threadSeconds()
        compiled.rate(columns, into: &sheet)
        sum += threadSeconds() - began
      }
      memory.append(peakKilobytes())
      return sum
    }
    // The fastest of some, since whatever else the machine does slows single ones down.
    let ratio = (millions.suffix(4).min() ?? 0) / max(millions.prefix(4).min() ?? 0, 1e-9)
    show(
      Figure(
        name: "rating.growth", value: thousandths(ratio), unit: "ratio",
        against:
          "a million bills after nine over the first, fastest of four each; 10,000,000 at \(Int(10_000_000 / millions.reduce(1e-9, +))) bills/s",
        goal: "<=1.15", met: ratio <= 1.15))
    let grown = memory[9] - memory[0]
    show(
      Figure(
        name: "rating.memory.growth", value: "\(grown)", unit: "kB",
        against: "peak memory after the first million of ten; \(memory[9]) kB in all, the figures before included",
        goal: "<=1024", met: grown <= 1024))
  }

  func figure(_ name: String, _ rate: Double, _ unit: String, against: String, goal: Int? = nil) -> Figure {
    Figure(
      name: name, value: "\(Int(rate))", unit: unit, against: against, goal: goal.map { ">=\($0)" } ?? "",
      met: goal.map { rate >= Double($0) })
  }

  func thousandths(_ number: Double) -> String { decimalString(Int64(number * 1_000_000), decimals: 3) }
}

extension BenchRating {
  /// Out of one table of a database file into another, in one transaction that is on the disk when it ends.
  private func storeToStore() throws {
    let folder = try temporaryFolder("meterd-bench")
    defer { removeFolder(folder) }
    let store = try BenchSQLite(path: "\(folder)/store.db")
    try store.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
    let meters = BenchRatingData.meters / 2
    try store.fill(meters)
    let columns = (0..<7).map { "q\($0) INT, a\($0) INT" }.joined(separator: ", ")
    let places = (1...16).map { "?\($0)" }.joined(separator: ", ")
    func timed(_ work: () throws -> Void) throws -> Double {
      try best(wallSeconds) {
        try store.execute(
          "DROP TABLE IF EXISTS bills; CREATE TABLE bills (id INTEGER PRIMARY KEY, total INT, \(columns))")
        try store.execute("PRAGMA wal_checkpoint(TRUNCATE); BEGIN")
        try work()
        try store.execute("COMMIT")
      }
    }
    let lines = BenchSQLite.lines(compiled)
    let each = lines.map { "\($0.quantity), \($0.amount)" }.joined(separator: ", ")
    let bySQL = try timed {
      try store.execute(
        "INSERT INTO bills SELECT id, \(lines.map(\.amount).joined(separator: " + ")), \(each) FROM usage")
    }
    var total: Int64 = 0
    try store.rows("SELECT sum(total) FROM bills", columns: 1) { total = $0[0] }
    var insert = try store.prepare("INSERT INTO bills VALUES (\(places))")
    defer { insert.finish() }
    var fen: Int64 = 0
    var failed = false
    let ours = try timed {
      fen = 0
      try eachBatch(of: store) { first, sheet in
        var values = [Int64](repeating: 0, count: 16)
        for row in 0..<sheet.count {
          for index in values.indices { values[index] = 0 }
          values[0] = Int64(first + row)
          values[1] = sheet.totals[row].fen
          fen += values[1]
          for line in sheet.lines(of: row) {
            values[2 + 2 * line.kind] = line.quantityMillionths / 10_000
            values[3 + 2 * line.kind] = line.amount.fen
          }
          if !insert.run(values) { failed = true }
        }
      }
    }
    // The same rows read and the same rows written, with nothing worked out.
    let limit = try timed {
      var values = [Int64](repeating: 100_000, count: 16)
      try store.rows("SELECT id, total, peak, valley FROM usage", columns: 4) { row in
        values[0] = row[0]
        if !insert.run(values) { failed = true }
      }
    }
    guard !failed, fen == total else { throw Complaint(.software, "the store's bills are not SQLite's") }
    show(
      figure(
        "rating.store", Double(meters) / ours, "bills/s",
        against: "one table to another in a file, WAL, synchronous=FULL, one transaction, on the clock", goal: nil))
    show(
      Figure(
        name: "rating.store.limit", value: thousandths(limit / ours), unit: "ratio",
        against:
          "the store itself, nothing worked out: \(Int(Double(meters) / limit)) bills/s; by SQL: \(Int(Double(meters) / bySQL)) bills/s",
        goal: ">=0.8", met: limit / ours >= 0.8))
  }

  private func eachBatch(of store: BenchSQLite, _ take: (Int, BillSheet) throws -> Void) throws {
    var sheet = BillSheet()
    var first = 0
    var columns = UsageColumns(totals: [])
    var (peak, valley): ([Energy], [Energy]) = ([], [])
    func flush() throws {
      columns.periods = ["peak": peak, "valley": valley]
      compiled.rate(columns, into: &sheet)
      try take(first, sheet)
      first += columns.totals.count
      columns.totals.removeAll(keepingCapacity: true)
      peak.removeAll(keepingCapacity: true)
      valley.removeAll(keepingCapacity: true)
    }
    try store.rows("SELECT id, total, peak, valley FROM usage", columns: 4) { row in
      columns.totals.append(Energy(millionths: row[1] * 10_000))
      peak.append(Energy(millionths: row[2] * 10_000))
      valley.append(Energy(millionths: row[3] * 10_000))
      if columns.totals.count == BenchRatingData.batch { try flush() }
    }
    if !columns.totals.isEmpty { try flush() }
  }
}
