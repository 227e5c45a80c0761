public import Metering

/// By what rounds of a task are known in the journal and in the list of gaps.
public struct RoundTrace: Hashable, Sendable {
  public var meters: [MeterID]
  public var task: String
  /// One of each answer is enough: its values are stored together or not at all.
  public var quantities: Set<Quantity> = []
  /// The names under which values are missed.
  public var subjects: Set<String> = []

  public init(_ task: String, of meters: [MeterID]) { (self.task, self.meters) = (task, meters) }
}

/// What a start asks of the journal besides readings.
extension Store {
  /// The last round of each task for which a meter was read late, by what was asked.
  public func lateReads() throws(StoreError) -> [LateRead] {
    let connection = try open()
    let statement = try connection.statement("SELECT meter, task, subject, slot FROM late_read")
    defer { statement.reset() }
    var found: [LateRead] = []
    while try statement.step() {
      guard let meter = try connection.meter(statement.text(0), of: "late_read") else { continue }
      found.append(
        LateRead(
          meter: meter, task: try statement.text(1), subject: try statement.text(2), slot: try statement.integer(3)))
    }
    return found
  }

  /// Since when each meter and task is known, in milliseconds since 1970: one that is new is known since `now`.
  ///
  /// A store that was written before this was noted knows them since its first reading. What was first seen by a clock
  /// that was ahead is known since `now` as well. Tasks go by `task NAME`, which no meter is called.
  public func knownSince(_ names: [String], now: Int64) throws(StoreError) -> [String: Int64] {
    let known = try facts(named: Self.known).compactMapValues { Int64($0) }
    var first = now
    if known.isEmpty {
      first = min(
        now, try open().statement("SELECT host_ms FROM reading ORDER BY seq LIMIT 1").number() ?? now)
    }
    var news: [String: Int64] = [:]
    for name in names where known[name].map({ $0 > now }) ?? true { news[name] = first }
    try note(news.mapValues { "\($0)" }, named: Self.known)
    return Dictionary(
      names.map { ($0, news[$0] ?? known[$0] ?? now) }, uniquingKeysWith: { first, _ in first })
  }

  /// When the daemon was last at work, in milliseconds since 1970: as it noted itself, or by its last reading. `nil`
  /// where it never was, or by a clock that was ahead of `now`.
  public func lastAtWork(before now: Int64) throws(StoreError) -> Int64? {
    let noted = try fact(Self.atWork).flatMap { Int64($0) }
    let last = try open().statement("SELECT host_ms FROM reading ORDER BY seq DESC LIMIT 1").number()
    return [noted, last].compactMap(\.self).filter { $0 <= now }.max()
  }

  /// What is known of the last rounds of a task, up to `through` and after `after`, both in milliseconds since 1970: the
  /// last due time, as `isDue` tells one, at which a register was read or is listed as missing, and the last round that
  /// is listed as left out; `nil` where there is none.
  public func lastRounds(
    of trace: RoundTrace, after: Int64, through: Int64, isDue: @Sendable (Int64) -> Bool
  ) throws(StoreError) -> (begun: Int64?, leftOut: Int64?) {
    let connection = try open()
    var begun = after
    if let kind = try connection.existingNumber(for: ReadingKind.instantaneous.rawValue) {
      for name in trace.quantities.map(\.name).sorted() {
        guard let quantity = try connection.existingNumber(for: name) else { continue }
        for meter in trace.meters {
          guard let number = try connection.existingNumber(for: meter.text) else { continue }
          let statement = try connection.statement(
            """
            SELECT instant FROM reading WHERE meter = ?1 AND quantity = ?2 AND kind = ?3 AND instant > ?4
              AND instant <= ?5 AND version = 0 ORDER BY instant DESC
            """
          ).bind([.integer(number), .integer(quantity), .integer(kind), .integer(begun), .integer(through)])
          defer { statement.reset() }
          begun = try newest(statement, isDue) ?? begun
        }
      }
    }
    var leftOut: Int64?
    for meter in trace.meters {
      for subject in trace.subjects {
        let statement = try connection.statement(
          """
          SELECT instant FROM gap
          WHERE meter = ?1 AND subject = ?2 AND until IS NULL AND instant > ?3 AND instant <= ?4 ORDER BY instant DESC
          """
        ).bind([.text(meter), .text(subject), .integer(begun), .integer(through)])
        defer { statement.reset() }
        begun = try newest(statement, isDue) ?? begun
      }
      let last = try connection.statement(
        "SELECT max(until) FROM gap WHERE meter = ?1 AND subject = ?2 AND until > ?3 AND until <= ?4"
      ).number([.text(meter), .text("task \(trace.task)"), .integer(after), .integer(through)])
      if let last { leftOut = max(leftOut ?? last, last) }
    }
    return (begun > after ? begun : nil, leftOut)
  }

  /// The first instant that a statement finds and `isDue` takes. Other tasks and late reads lie between, but not without
  /// end.
  private func newest(_ statement: Statement, _ isDue: (Int64) -> Bool) throws(StoreError) -> Int64? {
    for _ in 0..<2000 where try statement.step() {
      let instant = try statement.integer(0)
      if isDue(instant) { return instant }
    }
    return nil
  }

  /// Notes that the daemon is at work.
  public func noteAtWork(_ now: Int64) throws(StoreError) { try note(Self.atWork, "\(now)") }

  private static let atWork = "at-work"
  private static let known = "known:"

  /// Open gaps of single values at some instants, in milliseconds since 1970: what rounds that are open lack.
  public func gaps(at instants: Set<Int64>) throws(StoreError) -> [Gap] {
    guard let first = instants.min() else { return [] }
    let connection = try open()
    let statement = try connection.statement(
      "SELECT meter, subject, instant, reason FROM gap WHERE filled_ms IS NULL AND until IS NULL AND instant >= ?1"
    ).bind([.integer(first)])
    defer { statement.reset() }
    var found: [Gap] = []
    while try statement.step() {
      let instant = try statement.integer(2)
      guard instants.contains(instant), let meter = try connection.meter(statement.text(0), of: "gap") else { continue }
      found.append(
        Gap(meter: meter, subject: try statement.text(1), instant: instant, reason: try statement.text(3)))
    }
    return found
  }

  /// Gives an open gap of a single value another reason: its round has ended, or the meter has said more of it.
  public func rename(_ gap: Gap) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      try connection.statement(
        """
        UPDATE gap SET reason = ?4 WHERE meter = ?1 AND subject = ?2 AND instant = ?3 AND filled_ms IS NULL
          AND until IS NULL AND reason NOT IN ('gone', 'refused')
        """
      ).run([.text(gap.meter), .text(gap.subject), .integer(gap.instant), .text(gap.reason)])
    }
  }

  /// Open gaps that reach beyond `now`, in milliseconds since 1970: a clock that was ahead has noted them, or one that is
  /// behind asks.
  public func gaps(ahead now: Int64) throws(StoreError) -> [Gap] {
    try gaps("coalesce(until, instant) > ?1 ORDER BY instant, meter, subject", [.integer(now)])
  }

  /// Open gaps of one subject of a meter that reach to `since` or beyond it, in milliseconds since 1970.
  public func gaps(of subject: String, meter: MeterID, since: Int64) throws(StoreError) -> [Gap] {
    try gaps(
      "meter = ?1 AND subject = ?2 AND coalesce(until, instant) >= ?3 ORDER BY instant",
      [.text(meter), .text(subject), .integer(since)])
  }

  private func gaps(_ condition: String, _ values: [SQLValue]) throws(StoreError) -> [Gap] {
    let connection = try open()
    let statement = try connection.statement(
      "SELECT meter, subject, instant, reason, until, rounds FROM gap WHERE filled_ms IS NULL AND \(condition)"
    ).bind(values)
    defer { statement.reset() }
    var found: [Gap] = []
    while try statement.step() {
      let (subject, instant) = (try statement.text(1), try statement.integer(2))
      let until = try statement.optionalInteger(4)
      guard let meter = connection.meter(try statement.text(0), of: "gap"),
        connection.isPossible(instant, until, meter, subject)
      else { continue }
      found.append(
        Gap(
          meter: meter, subject: subject, instant: instant, reason: try statement.text(3), until: until,
          rounds: Int(clamping: try statement.integer(5))))
    }
    return found
  }
}

extension Store.LateRead {
  /// Notes it in place of earlier rounds of the task.
  func note(on connection: Connection) throws(StoreError) {
    try connection.statement(
      """
      INSERT INTO late_read(meter, task, subject, slot) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT(meter, task, subject) DO UPDATE SET slot = excluded.slot
      """
    ).run([.text(meter), .text(task), .text(subject), .integer(slot)])
  }
}
