public import Metering

/// Events of meters and what is known of their counts.
extension Store {
  /// Stores events, findings and counts in one transaction; the outcomes stand in the order of the events.
  ///
  /// An event is known by meter, kind and the second in which it began. One that came before changes nothing, except that
  /// it may have found its end, or is held no more; two that began in the same second are told apart by their count and what they say.
  public func append(_ submission: EventSubmission) throws(StoreError) -> [EventOutcome] {
    let last = try open().lastEvent()
    return try write { (connection) throws(StoreError) in
      // After a commit of unknown outcome all of it may be there: events are found by what they are, findings by the
      // counts beside them.
      let isThere = try connection.holds(submission)
      var rows = EventRows(on: connection)
      var outcomes: [EventOutcome] = []
      for event in submission.events {
        var outcome = try rows.insert(event, of: submission.meter)
        // A commit of unknown outcome may have brought it already.
        if case .duplicate(let sequence) = outcome, sequence > last { outcome = .stored(sequence: sequence) }
        outcomes.append(outcome)
      }
      if !submission.findings.isEmpty, !isThere {
        let evidence = try rows.evidence(submission.evidence)
        for finding in submission.findings {
          _ = try connection.insert(
            FindingRecord(
              at: submission.evidence.at, meter: submission.meter, code: finding.code, detail: finding.detail,
              evidence: evidence))
        }
      }
      try connection.note(submission)
      return outcomes
    }
  }

  /// What is known of the events of each meter, by kind or status word. A row that no meter can have told is left out, and
  /// its kind is looked at as for the first time: these rows have no checksum.
  public func eventCounts() throws(StoreError) -> [MeterID: [String: EventCount]] {
    let statement = try open().statement("SELECT meter, name, count, open, doubted, history FROM event_count").bind([])
    defer { statement.reset() }
    var found: [MeterID: [String: EventCount]] = [:]
    while try statement.step() {
      let name = try statement.text(1), count = try statement.integer(2)
      // Counts have six digits on the wire, status words 32 bits.
      let range: ClosedRange<Int64> = name.hasPrefix("status.") ? 0...Int64(UInt32.max) : 0...999_999
      let history = try statement.optionalInteger(5)
      guard let meter = MeterID(try statement.text(0)), range.contains(count), history.map(range.contains) ?? true
      else {
        continue
      }
      found[meter, default: [:]][name] = EventCount(
        count: count, isOpen: try statement.integer(3) != 0, isDoubted: try statement.integer(4) != 0,
        history: history)
    }
    return found
  }

  /// Notes that what all open gaps of some subjects of a meter waited for came after all, for whatever reason they were.
  public func fillGaps(meter: MeterID, subject: String, at: Int64) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      try connection.statement(
        "UPDATE gap SET filled_ms = ?3 WHERE meter = ?1 AND subject = ?2 AND filled_ms IS NULL"
      ).run([.text(meter), .text(subject), .integer(at)])
    }
  }

  /// The subjects of open gaps, by meter.
  public func openSubjects(of subjects: Set<String>) throws(StoreError) -> [MeterID: Set<String>] {
    let connection = try open()
    let statement = try connection.statement("SELECT DISTINCT meter, subject FROM gap WHERE filled_ms IS NULL").bind([])
    defer { statement.reset() }
    var found: [MeterID: Set<String>] = [:]
    while try statement.step() {
      let subject = try statement.text(1)
      guard subjects.contains(subject), let meter = try connection.meter(statement.text(0), of: "gap") else { continue }
      found[meter, default: []].insert(subject)
    }
    return found
  }
}

extension StoreReader {
  /// Hands every event to `body` in the order in which they were stored, each after its checksum was found right.
  public func events(_ body: (StoredEvent) throws(StoreError) -> Void) throws(StoreError) {
    let statement = try connection.prepare(EventRow.selection + " ORDER BY seq")
    while try statement.step() { try body(StoredEvent(statement, of: connection)) }
  }
}

extension Connection {
  fileprivate func lastEvent() throws(StoreError) -> Int64 { try statement("SELECT max(seq) FROM event").number() ?? 0 }

  /// True where the counts of a submission, and the time of their look, are what the file holds.
  fileprivate func holds(_ submission: Store.EventSubmission) throws(StoreError) -> Bool {
    guard !submission.counts.isEmpty else { return false }
    for (name, count) in submission.counts {
      let same = try statement(
        """
        SELECT count(*) FROM event_count
        WHERE meter = ?1 AND name = ?2 AND count = ?3 AND open = ?4 AND doubted = ?5 AND at_ms = ?6 AND history IS ?7
        """
      ).number([
        .text(submission.meter), .text(name), .integer(count.count), .integer(count.isOpen ? 1 : 0),
        .integer(count.isDoubted ? 1 : 0), .integer(submission.evidence.at), SQLValue(count.history),
      ])
      guard same == 1 else { return false }
    }
    return true
  }

  /// Writes down what is known of counts. Submissions come in their order: the host's clock says nothing of it, for it may
  /// have been set back.
  fileprivate func note(_ submission: Store.EventSubmission) throws(StoreError) {
    if submission.clearsOthers {
      // What is counted after a clear came after the first look.
      try statement(
        """
        UPDATE event_count SET doubted = 1, history = CASE WHEN history IS NULL THEN NULL ELSE 0 END
        WHERE meter = ?1 AND name NOT LIKE 'status.%'
        """
      ).run([.text(submission.meter)])
    }
    for (name, count) in submission.counts.sorted(by: { $0.key < $1.key }) {
      try statement(
        """
        INSERT INTO event_count(meter, name, count, open, doubted, at_ms, history) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT(meter, name) DO UPDATE SET count = excluded.count, open = excluded.open,
          doubted = excluded.doubted, at_ms = excluded.at_ms, history = excluded.history
        """
      ).run([
        .text(submission.meter), .text(name), .integer(count.count), .integer(count.isOpen ? 1 : 0),
        .integer(count.isDoubted ? 1 : 0), .integer(submission.evidence.at), SQLValue(count.history),
      ])
    }
  }
}
