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

extension Store {
  /// Writes an audit record; it would survive a power cut when this returns.
  @discardableResult
  public func audit(_ record: AuditRecord) throws(StoreError) -> Int64 {
    var sequence: Int64 = 0
    try write { (connection) throws(StoreError) in
      let last = try connection.statement("SELECT seq, crc FROM audit ORDER BY seq DESC LIMIT 1").bind([])
      defer { last.reset() }
      let previous = try last.step() ? (try last.integer(0), try last.integer(1)) : (0, 0)
      sequence = previous.0 + 1
      try connection.statement(
        """
        INSERT INTO audit(seq, at_ms, actor, line, function, target, outcome, detail, crc)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """
      ).run([
        .integer(sequence), .integer(record.at), .text(record.actor), .text(record.line), .text(record.function),
        .text(record.target), .text(record.outcome), .text(record.detail),
        .integer(record.checksum(sequence, after: previous.1)),
      ])
    }
    return sequence
  }
}

extension StoreReader {
  /// Hands every audit record to `body`, oldest first.
  ///
  /// Throws `corrupt` at the first row that was changed, or before which one is missing.
  public func audit(_ body: (StoredAudit) throws(StoreError) -> Void) throws(StoreError) {
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
  }
}
