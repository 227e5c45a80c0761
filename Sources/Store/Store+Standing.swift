public import Metering

/// How the store stands now.
public struct StoreStanding: Hashable, Sendable {
  /// Readings that wait for the next commit.
  public let waiting: Int
  /// The last row of the journal that is known to be safe; 0 for none.
  public let lastSequence: Int64
  /// When something was last committed, in milliseconds since 1970; `nil` where nothing was since the start.
  public let lastCommit: Int64?
  public let holds: [Hold]
}

extension Store {
  /// How much waits, what is safe, and which bills wait.
  public func standing() throws(StoreError) -> StoreStanding {
    StoreStanding(
      waiting: queue.rows, lastSequence: safeSequence, lastCommit: lastCommit, holds: try open().holds())
  }
}

/// Which gaps are asked for. What is `nil` does not limit.
public struct GapFilter: Hashable, Sendable {
  public var meters: Set<MeterID>?
  /// First instant, in milliseconds since 1970 UTC.
  public var since: Int64?
  /// The instant before which gaps end.
  public var until: Int64?
  /// The reason, without what may stand behind a colon: what the meter said.
  public var reason: String?
  /// Also those whose value came after all.
  public var withFilled = false
  /// The time by the host's clock: what lies ahead of it is not missing yet.
  public var now: Int64?

  public init() {}
}

/// A gap as the store holds it.
public struct StoredGap: Hashable, Sendable {
  public let gap: Gap
  /// When its value came after all, in milliseconds since 1970 UTC; `nil` while it is missing.
  public let filled: Int64?
}

extension StoreReader {
  /// Hands gaps to `body`, by instant.
  public func gaps(
    _ filter: GapFilter, _ body: (StoredGap) throws(StoreError) -> Void
  ) throws(StoreError) {
    let statement = try connection.prepare(
      """
      SELECT meter, subject, instant, reason, filled_ms, until, rounds FROM gap
      WHERE (?1 IS NULL OR coalesce(until, instant) >= ?1) AND (?2 IS NULL OR instant < ?2) AND (?3 IS NULL OR reason = ?3 OR substr(reason, 1, length(?3) + 1) = ?3 || ':')
        AND (?4 OR filled_ms IS NULL) AND (?5 IS NULL OR instant <= ?5) ORDER BY instant, meter, subject
      """)
    try statement.bind([
      SQLValue(filter.since), SQLValue(filter.until), SQLValue(filter.reason), .integer(filter.withFilled ? 1 : 0),
      SQLValue(filter.now),
    ])
    while try statement.step() {
      let meter = try meter(statement.text(0))
      guard filter.meters.map({ $0.contains(meter) }) ?? true else { continue }
      let gap = Gap(
        meter: meter, subject: try statement.text(1), instant: try statement.integer(2), reason: try statement.text(3),
        until: try statement.optionalInteger(5), rounds: Int(clamping: try statement.integer(6)))
      try body(StoredGap(gap: gap, filled: try statement.optionalInteger(4)))
    }
  }

  /// How many values are missing at `now`, in milliseconds since 1970.
  public func countOfGaps(at now: Int64) throws(StoreError) -> Int64 {
    try connection.prepare("SELECT coalesce(sum(rounds), 0) FROM gap WHERE filled_ms IS NULL AND instant <= ?1")
      .number([.integer(now)]) ?? 0
  }

  /// How many open gaps lie ahead of `now`.
  public func countOfGaps(ahead now: Int64) throws(StoreError) -> Int64 {
    try connection.prepare("SELECT count(*) FROM gap WHERE filled_ms IS NULL AND instant > ?1").number([.integer(now)])
      ?? 0
  }

  /// The last row of the journal; `nil` where it is empty.
  public func lastReading() throws(StoreError) -> StoredReading? {
    try connection.reading(ReadingRow.selection + " ORDER BY seq DESC LIMIT 1", [])
  }

  /// Hands the readings that validation did not simply accept to `body`, in the order of the journal.
  public func judgedReadings(_ body: (StoredReading) throws(StoreError) -> Void) throws(StoreError) {
    let statement = try connection.prepare(
      ReadingRow.selection + " WHERE status NOT IN (SELECT id FROM term WHERE text = 'accepted') ORDER BY seq")
    while try statement.step() { try body(StoredReading(statement, of: connection)) }
  }

  func meter(_ text: String) throws(StoreError) -> MeterID {
    guard let meter = MeterID(text) else { throw .corrupt(path: path, detail: "'\(text)' names no meter") }
    return meter
  }
}

extension Connection {
  func holds() throws(StoreError) -> [Hold] {
    let statement = try prepare("SELECT account, cycle, reason, since_ms FROM hold ORDER BY since_ms, account")
    var holds: [Hold] = []
    while try statement.step() {
      holds.append(
        Hold(
          account: try statement.text(0), cycle: try statement.text(1), reason: try statement.text(2),
          since: try statement.integer(3)))
    }
    return holds
  }
}
