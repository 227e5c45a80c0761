/// How much a store holds.
public struct StoreCounts: Hashable, Sendable {
  /// First and last number in the journal; 0 in an empty one. Numbers between them have no holes.
  public let firstSequence: Int64
  public let lastSequence: Int64
  public let bills: Int64
  public let findings: Int64
  public let openGaps: Int64
  public let holds: Int64

  /// Readings in the journal.
  public var readings: Int64 { lastSequence == 0 ? 0 : lastSequence &- firstSequence &+ 1 }
}

/// What a look at every checksum found.
public struct StoreVerification: Hashable, Sendable {
  public internal(set) var readings: Int64 = 0
  public internal(set) var evidence: Int64 = 0
  public internal(set) var bills: Int64 = 0
  /// What is damaged, in words, at most 100; empty where all is well.
  public internal(set) var faults: [String] = []
}

extension StoreReader {
  public func counts() throws(StoreError) -> StoreCounts {
    func number(_ sql: String) throws(StoreError) -> Int64 { try connection.statement(sql).number() ?? 0 }
    return StoreCounts(
      firstSequence: try number("SELECT min(seq) FROM reading"),
      lastSequence: try number("SELECT max(seq) FROM reading"),
      bills: try number("SELECT count(*) FROM bill"), findings: try number("SELECT count(*) FROM finding"),
      openGaps: try number("SELECT count(*) FROM gap WHERE filled_ms IS NULL"),
      holds: try number("SELECT count(*) FROM hold"))
  }

  /// Verifies every page, every row's checksum, and that the journal has no holes.
  public func verify() throws(StoreError) -> StoreVerification {
    var found = StoreVerification()
    let pages = try connection.prepare("PRAGMA integrity_check(100)")
    do throws(StoreError) {
      while try pages.step() {
        let line = try pages.text(0)
        if line != "ok" { found.note(line) }
      }
    } catch {
      try found.note(error)
    }
    var before: Int64?
    try each(ReadingRow.selection + " ORDER BY seq", &found) { (statement, found) throws(StoreError) in
      let sequence = try statement.integer(0)
      found.readings += 1
      if let before, sequence &- 1 > before { found.note("the journal has no reading \(before + 1)...\(sequence - 1)") }
      before = sequence
      _ = try StoredReading(statement, of: connection)
    }
    try each(Evidence.selection + " ORDER BY id", &found) { (statement, found) throws(StoreError) in
      found.evidence += 1
      _ = try Evidence(statement, of: connection)
    }
    try each(EventRow.selection + " ORDER BY seq", &found) { (statement, _) throws(StoreError) in
      _ = try StoredEvent(statement, of: connection)
    }
    try each("SELECT id FROM bill ORDER BY id", &found) { (statement, found) throws(StoreError) in
      found.bills += 1
      _ = try connection.bill(statement.integer(0))
    }
    return found
  }

  /// Looks at each row of a table. Damage in a row is noted; damage that stops the walk ends it.
  private func each(
    _ sql: String, _ found: inout StoreVerification,
    _ look: (Statement, inout StoreVerification) throws(StoreError) -> Void
  ) throws(StoreError) {
    let statement = try connection.prepare(sql)
    do throws(StoreError) {
      while try statement.step() {
        do throws(StoreError) { try look(statement, &found) } catch { try found.note(error) }
      }
    } catch {
      try found.note(error)
    }
  }
}

extension StoreVerification {
  fileprivate mutating func note(_ fault: String) { if faults.count < 100 { faults.append(fault) } }

  /// Notes damage; any other error is none of the file's and goes on up.
  fileprivate mutating func note(_ error: StoreError) throws(StoreError) {
    guard case .corrupt(_, let detail) = error else { throw error }
    note(detail)
  }
}
