/// Something that changed a meter, or was to change one and was kept back. 审计
public struct AuditRecord: Hashable, Sendable {
  /// Milliseconds since 1970 UTC.
  public let at: Int64
  /// Who wanted it: `daemon`, or the name of a person's account.
  public let actor: String
  /// Name of the line in the configuration, or its port.
  public let line: String
  /// Stable name of the function, such as `set-time`.
  public let function: String
  /// The address as printed.
  public let target: String
  /// `sent`, `refused`, or how the meter answered: `done`, `rejected`, `silent`, `failed`.
  public let outcome: String
  /// Why, or what was changed; never a password.
  public let detail: String

  public init(
    at: Int64, actor: String, line: String, function: String, target: String, outcome: String, detail: String
  ) {
    self.at = at
    self.actor = actor
    self.line = line
    self.function = function
    self.target = target
    self.outcome = outcome
    self.detail = detail
  }

  /// Over the row and the checksum of the row before it, so that a row that was taken out is missed.
  fileprivate func checksum(_ sequence: Int64, after previous: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(previous)
    sum.add(sequence)
    sum.add(at)
    for text in [actor, line, function, target, outcome, detail] { sum.add(text) }
    return sum.value
  }
}

/// An audit record as the store holds it.
public struct StoredAudit: Hashable, Sendable {
  /// Grows by one with each record.
  public let sequence: Int64
  public let record: AuditRecord
}

/// The newest record as table `meta` remembers it, so that records taken off the end are missed too.
private struct AuditEnd {
  static let key = "audit"

  let sequence: Int64
  let checksum: Int64

  init(sequence: Int64, checksum: Int64) {
    self.sequence = sequence
    self.checksum = checksum
  }

  init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let sequence = Int64(words[0]), sequence > 0, let checksum = Int64(words[1]) else {
      return nil
    }
    self.init(sequence: sequence, checksum: checksum)
  }

  var text: String { "\(sequence) \(checksum)" }
}

extension Store {
  /// Writes an audit record; it would survive a power cut when this returns.
  ///
  /// It is numbered after the newest that was ever written, also where that one is gone: the hole stays to be seen.
  @discardableResult
  public func audit(_ record: AuditRecord) throws(StoreError) -> Int64 {
    try write { (connection) throws(StoreError) in try connection.insert(record) }
  }
}

extension Connection {
  /// Adds a record to the chain, within the transaction at hand.
  func insert(_ record: AuditRecord) throws(StoreError) -> Int64 {
    let last = try statement("SELECT seq, crc FROM audit ORDER BY seq DESC LIMIT 1").bind([])
    defer { last.reset() }
    var previous = AuditEnd(sequence: 0, checksum: 0)
    if try last.step() { previous = AuditEnd(sequence: try last.integer(0), checksum: try last.integer(1)) }
    let noted = try statement("SELECT value FROM meta WHERE key = ?1").bind([.text(AuditEnd.key)])
    defer { noted.reset() }
    if try noted.step(), let end = AuditEnd(try noted.text(0)), end.sequence > previous.sequence { previous = end }
    let sequence = previous.sequence + 1
    let sum = record.checksum(sequence, after: previous.checksum)
    try statement(
      """
      INSERT INTO audit(seq, at_ms, actor, line, function, target, outcome, detail, crc)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      """
    ).run([
      .integer(sequence), .integer(record.at), .text(record.actor), .text(record.line), .text(record.function),
      .text(record.target), .text(record.outcome), .text(record.detail), .integer(sum),
    ])
    try write(fact: AuditEnd.key, AuditEnd(sequence: sequence, checksum: sum).text)
    return sequence
  }

  /// Notes a fact about the store.
  func write(fact key: String, _ value: String) throws(StoreError) {
    try statement(
      "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value"
    ).run([.text(key), .text(value)])
  }
}

extension StoreReader {
  /// Hands every audit record to `body`, oldest first.
  ///
  /// Throws `corrupt` at the first row that was changed or before which one is missing, and where the newest is gone.
  /// The checksums have no key: they tell of accidents, not of a person who can write the file and knows them.
  public func audit(_ body: (StoredAudit) throws(StoreError) -> Void) throws(StoreError) {
    // As long as this statement stands at its row, both queries see the store at one moment.
    let noted = try connection.prepare(
      "SELECT (SELECT value FROM meta WHERE key = '\(AuditEnd.key)'), (SELECT count(*) FROM audit)")
    defer { noted.reset() }
    // Stores of an earlier version have records and no note of the newest until the next is written.
    let text = try noted.step() ? try noted.optionalText(0) : nil
    let end = text.flatMap(AuditEnd.init)
    guard (text == nil) == (end == nil) else {
      throw .corrupt(path: path, detail: "the note of the newest audit record cannot be read")
    }
    let statement = try connection.prepare(
      "SELECT seq, at_ms, actor, line, function, target, outcome, detail, crc FROM audit ORDER BY seq")
    var expected: Int64 = 1
    var previous: Int64 = 0
    while try statement.step() {
      let sequence = try statement.integer(0)
      let record = AuditRecord(
        at: try statement.integer(1), actor: try statement.text(2), line: try statement.text(3),
        function: try statement.text(4), target: try statement.text(5), outcome: try statement.text(6),
        detail: try statement.text(7))
      let sum = try statement.integer(8)
      guard sequence == expected, sum == record.checksum(sequence, after: previous) else {
        throw .corrupt(path: path, detail: "audit record \(expected) was changed or taken out")
      }
      previous = sum
      expected += 1
      try body(StoredAudit(sequence: sequence, record: record))
    }
    guard let end else { return }
    guard end.sequence < expected else {
      throw .corrupt(path: path, detail: "audit records \(expected) to \(end.sequence) were taken out")
    }
    guard end.sequence == expected - 1, end.checksum == previous else {
      throw .corrupt(path: path, detail: "the audit log does not end as it was written")
    }
  }
}
