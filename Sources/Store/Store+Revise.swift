public import Metering

/// A reading as a person decided on it. 人工修正
public struct Revision: Hashable, Sendable {
  /// Number of any version of the reading.
  public let reading: Int64
  /// What it should say; `nil` to accept what it says.
  public let value: RegisterValue?
  public let actor: String
  public let reason: String
  /// Milliseconds since 1970 UTC.
  public let at: Int64

  public init(reading: Int64, value: RegisterValue?, actor: String, reason: String, at: Int64) {
    self.reading = reading
    self.value = value
    self.actor = actor
    self.reason = reason
    self.at = at
  }
}

extension Store {
  /// Writes a new, accepted version of a reading; those before it stay as they are. With a record in the audit chain, in
  /// one transaction.
  ///
  /// The new version counts from now on, also for bills that were issued before: they come out different then.
  /// - Returns: its number in the journal.
  @discardableResult
  public func revise(_ revision: Revision) throws(StoreError) -> Int64 {
    flush()
    return try write { (connection) throws(StoreError) in
      guard let named = try connection.reading(ReadingRow.selection + " WHERE seq = ?1", [.integer(revision.reading)])
      else { throw .unknownReading(sequence: revision.reading) }
      let old = named.reading
      let probe = ReadingRow(
        JudgedReading(old, named.verdict), sequence: 0, boot: bootID, evidence: named.evidence, on: connection)
      guard let last = try connection.reading(ReadingRow.selectionByKey, probe.key(on: connection)) else {
        throw .unknownReading(sequence: revision.reading)
      }
      let value = revision.value ?? last.reading.value
      let isKept = value.millionths == last.reading.value.millionths
      // After a commit of unknown outcome it may be there.
      if isKept, last.verdict.status == .accepted { return last.sequence }
      let reading = Reading(
        key: old.key, value: value, quality: isKept ? last.reading.quality : .substituted,
        occurred: last.reading.occurred, meterTime: last.reading.meterTime, hostTime: last.reading.hostTime,
        bootTime: last.reading.bootTime)
      let verdict = Verdict(status: .accepted, findings: [], ruleVersion: last.verdict.ruleVersion)
      let sequence = try connection.lastSequence() + 1
      var row = ReadingRow(
        JudgedReading(reading, verdict), sequence: sequence, boot: last.bootID,
        evidence: isKept ? last.evidence : nil, on: connection)
      row.version = last.version + 1
      guard try row.insert(by: connection.statement(ReadingRow.insertion), on: connection) else {
        throw .corrupt(path: path, detail: "the index of readings names a row that is not there")
      }
      _ = try connection.insert(
        AuditRecord(
          at: revision.at, actor: revision.actor, line: "", function: "reading-revise",
          target: "\(old.key.meter)", outcome: "done",
          detail:
            "reading \(last.sequence) of \(old.key.quantity), \(last.reading.value), is now \(sequence), \(value):"
            + " \(revision.reason)"))
      return sequence
    }
  }

  /// Writes a reading that a person took, accepted, with a record in the audit chain, in one transaction. Of a key that is
  /// there it is a new version.
  ///
  /// - Parameters:
  ///   - reading: what was read; its quality says that a person wrote it.
  ///   - actor: who.
  ///   - reason: why the meter did not tell it.
  ///   - at: milliseconds since 1970 UTC.
  /// - Returns: its number in the journal.
  /// - Throws: `StoreError` where the store cannot be written.
  @discardableResult
  public func enter(_ reading: Reading, actor: String, reason: String, at: Int64) throws(StoreError) -> Int64 {
    flush()
    return try write { (connection) throws(StoreError) in
      let judged = JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 0))
      let sequence = try connection.lastSequence() + 1
      var row = ReadingRow(judged, sequence: sequence, boot: bootID, evidence: nil, on: connection)
      if let last = try connection.latest(of: row) {
        let isThere =
          last.reading.value == reading.value && last.reading.occurred == reading.occurred && last.verdict.isUsable
        // After a commit of unknown outcome it may be there.
        guard !isThere else { return last.sequence }
      }
      row.version = try connection.nextVersion(of: row)
      guard try row.insert(by: connection.statement(ReadingRow.insertion), on: connection) else {
        throw .corrupt(path: path, detail: "the index of readings names a row that is not there")
      }
      _ = try connection.insert(
        AuditRecord(
          at: at, actor: actor, line: "", function: "reading-enter", target: "\(reading.key.meter)", outcome: "done",
          detail: "reading \(sequence) of \(reading.key.quantity), \(reading.value): \(reason)"))
      return sequence
    }
  }
}
