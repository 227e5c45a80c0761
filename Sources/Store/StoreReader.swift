public import Metering

/// Which readings are asked for. What is `nil` does not limit.
public struct ReadingFilter: Hashable, Sendable {
  public var meter: MeterID?
  public var quantity: Quantity?
  public var kind: ReadingKind?
  /// First instant, in milliseconds since 1970 UTC.
  public var since: Int64?
  /// The instant before which readings end.
  public var until: Int64?
  public var usableOnly = false
  /// Only rows of the journal after this number.
  public var after: Int64?
  public var limit: Int?
  /// Passes over damaged rows instead of throwing at the first that has no later version.
  public var passesDamaged = false

  public init() {}
}

/// A look into the store that changes nothing, also while the daemon writes it. Used by one owner at a time.
public final class StoreReader {
  let connection: Connection
  public var path: String { connection.path }

  /// Opens an existing store; throws `missing`, `foreign`, `newerSchema` or `olderSchema` for anything else.
  public init(path: String) throws(StoreError) { connection = try Connection.reading(path) }

  /// Hands readings to `body` in the order of the journal, each after its checksum was found right.
  ///
  /// The log of a running daemon cannot be emptied meanwhile, so `body` should not dawdle.
  public func readings(
    _ filter: ReadingFilter = ReadingFilter(), _ body: (StoredReading) throws(StoreError) -> Void
  ) throws(StoreError) {
    var conditions: [String] = []
    var values: [SQLValue] = []
    func require(_ condition: String, _ value: Int64) {
      values.append(.integer(value))
      conditions.append("\(condition) ?\(values.count)")
    }
    for (column, text) in [
      ("meter", filter.meter?.text), ("quantity", filter.quantity?.name), ("kind", filter.kind?.rawValue),
    ] {
      guard let text else { continue }
      // A word that no row names finds nothing.
      guard let number = try connection.existingNumber(for: text) else { return }
      require("\(column) =", number)
    }
    if let since = filter.since { require("instant >=", since) }
    if let until = filter.until { require("instant <", until) }
    if let after = filter.after { require("seq >", after) }
    if filter.usableOnly {
      conditions.append("status IN (SELECT id FROM term WHERE text IN ('accepted', 'flagged'))")
    }
    let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    values.append(.integer(Int64(filter.limit ?? -1)))
    let statement = try connection.prepare(
      ReadingRow.selection + condition + " ORDER BY seq LIMIT ?\(values.count)")
    try statement.bind(values)
    while try statement.step() {
      let reading: StoredReading
      do throws(StoreError) {
        reading = try StoredReading(statement, of: connection)
      } catch {
        guard case .corrupt = error else { throw error }
        if filter.passesDamaged { continue }
        if try connection.isReplaced(statement) { continue }
        throw error
      }
      try body(reading)
    }
  }

  /// One reading; `nil` where the journal has no such number.
  public func reading(_ sequence: Int64) throws(StoreError) -> StoredReading? {
    try connection.reading(ReadingRow.selection + " WHERE seq = ?1", [.integer(sequence)])
  }

  public func evidence(_ id: Int64) throws(StoreError) -> Evidence? { try connection.evidence(id) }

  public func cursor(of consumer: String) throws(StoreError) -> Int64 { try connection.cursor(of: consumer) }

  /// One bill with its lines and readings.
  public func bill(_ id: Int64) throws(StoreError) -> StoredBill? { try connection.bill(id) }

  /// Bills in the order of issue, of all accounts or of one.
  public func bills(account: String? = nil, _ body: (StoredBill) throws(StoreError) -> Void) throws(StoreError) {
    // Of one account by the index of its cycles.
    let statement = try connection.prepare(
      "SELECT id FROM bill\(account == nil ? "" : " WHERE account = ?1") ORDER BY id")
    try statement.bind(account.map { [.text($0)] } ?? [])
    while try statement.step() {
      guard let bill = try connection.bill(statement.integer(0)) else { continue }
      try body(bill)
    }
  }
}

/// Lists beside the journal.
extension StoreReader {
  /// True where a reading, an event, a gap or a finding may be of this meter, also one of earlier days.
  public func knows(_ meter: MeterID) throws(StoreError) -> Bool {
    let statement = try connection.prepare(
      """
      SELECT 1 WHERE EXISTS (SELECT 1 FROM term WHERE text = ?1) OR EXISTS (SELECT 1 FROM gap WHERE meter = ?1)
        OR EXISTS (SELECT 1 FROM finding WHERE meter = ?1)
      """)
    try statement.bind([.text(meter.text)])
    defer { statement.reset() }
    return try statement.step()
  }

  public func holds() throws(StoreError) -> [Hold] { try connection.holds() }

  /// Gaps by instant; those that were filled are left out.
  public func openGaps() throws(StoreError) -> [Gap] {
    let statement = try connection.prepare(
      "SELECT meter, subject, instant, reason, until, rounds FROM gap WHERE filled_ms IS NULL ORDER BY instant, meter, subject"
    )
    var gaps: [Gap] = []
    while try statement.step() {
      gaps.append(
        Gap(
          meter: try meter(statement.text(0)), subject: try statement.text(1), instant: try statement.integer(2),
          reason: try statement.text(3), until: try statement.optionalInteger(4),
          rounds: Int(clamping: try statement.integer(5))))
    }
    return gaps
  }

  /// Findings in the order they were made.
  public func findings() throws(StoreError) -> [FindingRecord] {
    let statement = try connection.prepare(
      "SELECT at_ms, meter, code, detail, reading, evidence FROM finding ORDER BY id")
    var findings: [FindingRecord] = []
    while try statement.step() {
      let text = try statement.text(2)
      guard let code = FindingCode(rawValue: text) else {
        throw .corrupt(path: path, detail: "a finding has the unknown code '\(text)'")
      }
      findings.append(
        FindingRecord(
          at: try statement.integer(0), meter: try meter(statement.text(1)), code: code, detail: try statement.text(3),
          reading: try statement.optionalInteger(4), evidence: try statement.optionalInteger(5)))
    }
    return findings
  }
}
