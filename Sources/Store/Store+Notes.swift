public import Metering

/// The journal as its consumers see it.
extension Store {
  /// Readings after `sequence`, oldest first, at most `limit`. Throws `corrupt` at a row that was damaged.
  public func readings(after sequence: Int64, limit: Int) throws(StoreError) -> [StoredReading] {
    try open().readings(after: sequence, limit: limit)
  }

  /// The last row that a consumer has handled; 0 for a new one.
  public func cursor(of consumer: String) throws(StoreError) -> Int64 { try open().cursor(of: consumer) }

  /// Notes that a consumer has handled all up to `sequence`. A cursor never goes back.
  public func advance(_ consumer: String, through sequence: Int64) throws(StoreError) {
    try write { (connection) throws(StoreError) in try connection.advance(consumer, through: sequence) }
  }

  /// The last usable reading of each meter, quantity and kind: what validation compares with after a start.
  public func latestUsable() throws(StoreError) -> [StoredReading] { try open().latestUsable() }

  /// Which of the `wanted` quantities the journal holds of each meter at some instants, whatever their verdict.
  ///
  /// What was read late for a round is labelled with the time of the read, and told by `lateReads`. The cost is that of
  /// the meters and of what is wanted of them, not of the journal.
  public func quantities(
    _ kind: ReadingKind, of wanted: Set<Quantity>, at instants: Set<Int64>
  ) throws(StoreError) -> [Int64: [MeterID: Set<Quantity>]] {
    try open().quantities(kind, of: wanted, at: instants)
  }

  /// At which instants from `since` on the journal holds quantities of a kind, by meter, whatever their verdict. A value
  /// of which all versions are damaged is not held.
  public func instants(
    _ kind: ReadingKind, of wanted: [MeterID: Set<Quantity>], since: Int64
  ) throws(StoreError) -> [MeterID: [Int64: Set<Quantity>]] {
    try open().instants(kind, of: wanted, since: since)
  }

  /// The runs of instants, `every` so many milliseconds after `from`, at which the journal holds any of `quantities` of a
  /// meter, as far back as `since`, oldest first, whatever the verdict.
  public func runs(
    _ kind: ReadingKind, of quantities: [Quantity], meter: MeterID, every step: Int64, from: Int64, since: Int64
  ) throws(StoreError) -> [ClosedRange<Int64>] {
    try open().runs(kind, of: quantities, meter: meter, every: step, from: from, since: since)
  }

  public func evidence(_ id: Int64) throws(StoreError) -> Evidence? { try open().evidence(id) }
}

/// Findings, gaps, holds and facts about the store itself.
extension Store {
  /// Lists a finding; the same one about the same reading is listed once.
  public func record(_ finding: FindingRecord) throws(StoreError) {
    try write { (connection) throws(StoreError) in _ = try connection.insert(finding) }
  }

  /// Notes missing values; a gap that is known keeps its first reason, until the meter itself has said no, and grows
  /// with its run. Records that are evenly apart are listed once each. Gives those that are news.
  @discardableResult
  public func record(_ gaps: [Gap]) throws(StoreError) -> [Gap] {
    try write { (connection) throws(StoreError) in
      var news: [Gap] = []
      for gap in gaps {
        if let step = gap.every {
          news += try connection.note(gap, every: max(1, step))
          continue
        }
        try connection.statement(
          """
          INSERT INTO gap(meter, subject, instant, reason, until, rounds) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT(meter, subject, instant)
          DO UPDATE SET until = excluded.until, rounds = excluded.rounds,
            reason = CASE WHEN excluded.reason IN ('gone', 'refused') THEN excluded.reason ELSE reason END
          WHERE filled_ms IS NULL AND (
            excluded.reason IN ('gone', 'refused') AND reason <> excluded.reason
            OR coalesce(excluded.until, excluded.instant) > coalesce(until, instant))
          """
        ).run([
          .text(gap.meter), .text(gap.subject), .integer(gap.instant), .text(gap.reason), SQLValue(gap.until),
          .integer(Int64(gap.rounds)),
        ])
        if connection.changes == 1 { news.append(gap) }
      }
      return news
    }
  }

  /// Notes what a meter will never tell, once: where its gap of that subject and reason is open it is not noted again.
  /// Gives those that are new.
  public func recordOnce(_ gaps: [Gap]) throws(StoreError) -> [Gap] {
    try write { (connection) throws(StoreError) in
      var new: [Gap] = []
      for gap in gaps {
        try connection.statement(
          """
          INSERT INTO gap(meter, subject, instant, reason) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (
            SELECT 1 FROM gap WHERE meter = ?1 AND subject = ?2 AND reason = ?4 AND filled_ms IS NULL
          ) ON CONFLICT(meter, subject, instant) DO NOTHING
          """
        ).run([.text(gap.meter), .text(gap.subject), .integer(gap.instant), .text(gap.reason)])
        if connection.changes == 1 { new.append(gap) }
      }
      return new
    }
  }

  /// Notes that values came after all. Where readings come with them `append` does it with those.
  public func fill(_ fills: [Fill]) throws(StoreError) {
    try write { (connection) throws(StoreError) in for fill in fills { try connection.note(fill) } }
  }

  /// Gaps of one reason whose values have not come.
  public func openGaps(reason: String) throws(StoreError) -> [Gap] {
    let connection = try open()
    let statement = try connection.statement(
      "SELECT meter, subject, instant FROM gap WHERE filled_ms IS NULL AND reason = ?1 ORDER BY meter, subject, instant"
    )
    defer { statement.reset() }
    try statement.bind([.text(reason)])
    var gaps: [Gap] = []
    while try statement.step() {
      guard let meter = try connection.meter(statement.text(0), of: "gap") else { continue }
      gaps.append(
        Gap(meter: meter, subject: try statement.text(1), instant: try statement.integer(2), reason: reason))
    }
    return gaps
  }

  /// Lets an account's bill wait. A hold that is there keeps its age and takes the new reason.
  public func hold(_ hold: Hold) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      try connection.statement(
        """
        INSERT INTO hold(account, cycle, reason, since_ms) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT(account, cycle) DO UPDATE SET reason = excluded.reason
        """
      ).run([.text(hold.account), .text(hold.cycle), .text(hold.reason), .integer(hold.since)])
    }
  }

  public func release(account: String, cycle: String) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      try connection.statement("DELETE FROM hold WHERE account = ?1 AND cycle = ?2").run([.text(account), .text(cycle)])
    }
  }

  /// A fact about the store, such as `device` or `created`; `nil` when it was never noted.
  public func fact(_ key: String) throws(StoreError) -> String? {
    let statement = try open().statement("SELECT value FROM meta WHERE key = ?1").bind([.text(key)])
    defer { statement.reset() }
    return try statement.step() ? try statement.text(0) : nil
  }

  /// Notes a fact about the store, such as the last good wall time.
  public func note(_ key: String, _ value: String) throws(StoreError) {
    try write { (connection) throws(StoreError) in try connection.write(fact: key, value) }
  }
}

extension Connection {
  /// Notes that values came after all.
  func note(_ fill: Store.Fill) throws(StoreError) {
    func one(_ instant: Int64, isRun: Bool) throws(StoreError) {
      try statement(
        """
        UPDATE gap SET filled_ms = ?4
        WHERE meter = ?1 AND subject = ?2 AND instant = ?3 AND filled_ms IS NULL AND (until IS NOT NULL) = ?5
        """
      ).run([
        .text(fill.meter), .text(fill.subject), .integer(instant), .integer(fill.at), .integer(isRun ? 1 : 0),
      ])
    }
    switch fill.values {
    case .one(let instant): try one(instant, isRun: false)
    case .run(let first): try one(first, isRun: true)
    case .records(let instants, let step):
      try self.fill(fill.meter, fill.subject, instants, every: max(1, step), at: fill.at)
    case .all(let reason):
      try statement(
        "UPDATE gap SET filled_ms = ?4 WHERE meter = ?1 AND subject = ?2 AND reason = ?3 AND filled_ms IS NULL"
      ).run([.text(fill.meter), .text(fill.subject), .text(reason), .integer(fill.at)])
    }
  }
}
