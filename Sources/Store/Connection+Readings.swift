internal import Metering

extension SQLValue {
  static func text(_ meter: MeterID) -> SQLValue { .text(meter.text) }
}

/// What both the store and its readers ask of the journal.
extension Connection {
  /// The first row that a `ReadingRow.selection` finds.
  func reading(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> StoredReading? {
    let statement = try statement(sql).bind(values)
    defer { statement.reset() }
    return try statement.step() ? try StoredReading(statement, of: self) : nil
  }

  func readings(after sequence: Int64, limit: Int) throws(StoreError) -> [StoredReading] {
    let statement = try statement(ReadingRow.selection + " WHERE seq > ?1 ORDER BY seq LIMIT ?2")
    try statement.bind([.integer(sequence), .integer(Int64(limit))])
    defer { statement.reset() }
    var readings: [StoredReading] = []
    while try statement.step() { readings.append(try StoredReading(statement, of: self)) }
    return readings
  }

  private static let usable = " AND status IN (SELECT id FROM term WHERE text IN ('accepted', 'flagged'))"

  /// The last usable reading of each series. Damaged ones are noted and passed over.
  ///
  /// Goes from series to series by the index of keys, so the cost is that of the series, not of the journal.
  func latestUsable() throws(StoreError) -> [StoredReading] {
    let next = try statement(
      """
      SELECT meter, quantity, kind FROM reading WHERE (meter, quantity, kind) > (?1, ?2, ?3)
      ORDER BY meter, quantity, kind LIMIT 1
      """)
    let last =
      ReadingRow.selection + " WHERE meter = ?1 AND quantity = ?2 AND kind = ?3" + Self.usable
      + " ORDER BY instant DESC, version DESC"
    var readings: [StoredReading] = []
    // One look at the file for thousands of rows: each by itself would lock it anew.
    let isWithin = isInTransaction
    if !isWithin { try execute("BEGIN") }
    defer { if !isWithin { try? execute("COMMIT") } }
    var series: [SQLValue] = [.integer(.min), .integer(.min), .integer(.min)]
    while true {
      try next.bind(series)
      guard try next.step() else { break }
      series = [.integer(try next.integer(0)), .integer(try next.integer(1)), .integer(try next.integer(2))]
      next.reset()
      if let reading = try firstSound(last, series) { readings.append(reading) }
    }
    next.reset()
    return readings
  }

  /// Goes from meter to meter by the index of keys: exact whatever clocks the readings were labelled by, and as dear as
  /// there are meters and wanted quantities, however long the journal is.
  func quantities(
    _ kind: ReadingKind, of wanted: Set<Quantity>, at instants: Set<Int64>
  ) throws(StoreError) -> [Int64: [MeterID: Set<Quantity>]] {
    guard !instants.isEmpty, let kindNumber = try existingNumber(for: kind.rawValue) else { return [:] }
    var numbers: [Int64] = []
    for quantity in wanted { if let number = try existingNumber(for: quantity.name) { numbers.append(number) } }
    func list(_ values: some Sequence<Int64>) -> SQLValue {
      .text("[" + values.sorted().map(String.init).joined(separator: ",") + "]")
    }
    return try found(
      """
      WITH RECURSIVE
        meters(m) AS (
          SELECT min(meter) FROM reading UNION ALL
          SELECT (SELECT min(meter) FROM reading WHERE meter > m) FROM meters WHERE m IS NOT NULL),
        wanted(q) AS MATERIALIZED (SELECT value FROM json_each(?3))
      SELECT m, q, instant FROM meters CROSS JOIN wanted CROSS JOIN reading ON meter = m AND quantity = q AND kind = ?1
        AND instant IN (SELECT value FROM json_each(?2)) AND version = 0
      """, [.integer(kindNumber), list(instants), list(numbers)])
  }

  /// Meters and quantities by instants that a statement finds.
  private func found(
    _ sql: String, _ values: [SQLValue]
  ) throws(StoreError) -> [Int64: [MeterID: Set<Quantity>]] {
    let statement = try statement(sql).bind(values)
    defer { statement.reset() }
    var found: [Int64: [MeterID: Set<Quantity>]] = [:]
    while try statement.step() {
      do throws(StoreError) {
        guard let meter = MeterID(try text(ofTerm: try statement.integer(0))),
          let quantity = quantity(named: try text(ofTerm: try statement.integer(1)))
        else { continue }
        found[try statement.integer(2), default: [:]][meter, default: []].insert(quantity)
      } catch {
        guard case .corrupt(_, let detail) = error else { throw error }
        damaged.note("a row of table reading names what is not there: \(detail)")
      }
    }
    return found
  }

  func instants(
    _ kind: ReadingKind, of wanted: [MeterID: Set<Quantity>], since: Int64
  ) throws(StoreError) -> [MeterID: [Int64: Set<Quantity>]] {
    guard let kindNumber = try existingNumber(for: kind.rawValue) else { return [:] }
    var found: [MeterID: [Int64: Set<Quantity>]] = [:]
    for (meter, quantities) in wanted {
      guard let meterNumber = try existingNumber(for: meter.text) else { continue }
      for quantity in quantities {
        guard let number = try existingNumber(for: quantity.name) else { continue }
        // By the key of the table: a few rows, however long the journal is. What is damaged is not held.
        let statement = try statement(
          ReadingRow.selection
            + " WHERE meter = ?1 AND quantity = ?2 AND kind = ?3 AND instant >= ?4 ORDER BY instant DESC, version DESC"
        ).bind([.integer(meterNumber), .integer(number), .integer(kindNumber), .integer(since)])
        defer { statement.reset() }
        while try statement.step() {
          let instant = try statement.integer(5)
          guard found[meter]?[instant]?.contains(quantity) != true, try soundReading(statement) != nil else { continue }
          found[meter, default: [:]][instant, default: []].insert(quantity)
        }
      }
    }
    return found
  }

  /// Instants in a row become one row each, so that the records of months cost the reader nothing.
  func runs(
    _ kind: ReadingKind, of quantities: [Quantity], meter: MeterID, every step: Int64, from: Int64, since: Int64
  ) throws(StoreError) -> [ClosedRange<Int64>] {
    guard step > 0, let kindNumber = try existingNumber(for: kind.rawValue),
      let meterNumber = try existingNumber(for: meter.text)
    else { return [] }
    var numbers: [SQLValue] = []
    for quantity in quantities {
      if let number = try existingNumber(for: quantity.name) { numbers.append(.integer(number)) }
    }
    guard !numbers.isEmpty else { return [] }
    let places = (6..<6 + numbers.count).map { "?\($0)" }.joined(separator: ", ")
    let statement = try statement(
      """
      SELECT min(instant), max(instant) FROM (
        SELECT instant, (instant - ?5) / ?4 - row_number() OVER (ORDER BY instant) AS run FROM (
          SELECT DISTINCT instant FROM reading
          WHERE meter = ?1 AND quantity IN (\(places)) AND kind = ?2 AND instant >= ?3 AND version = 0
            AND (instant - ?5) % ?4 = 0))
      GROUP BY run ORDER BY 1
      """
    ).bind([.integer(meterNumber), .integer(kindNumber), .integer(since), .integer(step), .integer(from)] + numbers)
    defer { statement.reset() }
    var found: [ClosedRange<Int64>] = []
    while try statement.step() {
      let first = try statement.integer(0)
      found.append(first...max(first, try statement.integer(1)))
    }
    return found
  }

  func evidence(_ id: Int64) throws(StoreError) -> Evidence? {
    let statement = try statement(Evidence.selection + " WHERE id = ?1").bind([.integer(id)])
    defer { statement.reset() }
    return try statement.step() ? try Evidence(statement, of: self) : nil
  }

  /// False when the same finding on the same reading is there already.
  func insert(_ finding: FindingRecord) throws(StoreError) -> Bool {
    if let reading = finding.reading {
      let same = try statement("SELECT count(*) FROM finding WHERE reading = ?1 AND code = ?2 AND detail = ?3")
        .number([.integer(reading), .text(finding.code.rawValue), .text(finding.detail)])
      guard same == 0 else { return false }
    }
    try statement(
      "INSERT INTO finding(at_ms, meter, code, detail, reading, evidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    ).run([
      .integer(finding.at), .text(finding.meter), .text(finding.code.rawValue), .text(finding.detail),
      SQLValue(finding.reading), SQLValue(finding.evidence),
    ])
    return true
  }

  func cursor(of consumer: String) throws(StoreError) -> Int64 {
    try statement("SELECT seq FROM cursor WHERE consumer = ?1").number([.text(consumer)]) ?? 0
  }

  /// Moves a cursor forward; one that stands further stays.
  func advance(_ consumer: String, through sequence: Int64) throws(StoreError) {
    let last = try lastSequence()
    guard sequence <= last else {
      throw .cursorBeyondJournal(consumer: consumer, sequence: sequence, last: last)
    }
    try statement(
      """
      INSERT INTO cursor(consumer, seq) VALUES (?1, ?2)
      ON CONFLICT(consumer) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq
      """
    ).run([.text(consumer), .integer(sequence)])
  }
}
