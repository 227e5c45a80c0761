public import Metering

/// What a start asks of the journal besides readings.
extension Store {
  /// The last round of each task for which a meter was read late, by what was asked.
  public func lateReads() throws(StoreError) -> [LateRead] {
    let connection = try open()
    let statement = try connection.statement("SELECT meter, task, subject, slot FROM late_read")
    defer { statement.reset() }
    var found: [LateRead] = []
    while try statement.step() {
      guard let meter = MeterID(try statement.text(0)) else { continue }
      found.append(
        LateRead(
          meter: meter, task: try statement.text(1), subject: try statement.text(2), slot: try statement.integer(3)))
    }
    return found
  }

  /// Since when each meter is known, in milliseconds since 1970: one that is new is known since `now`.
  ///
  /// A store that was written before this was noted knows its meters since its first reading. A meter that was first
  /// seen by a clock that was ahead is known since `now` as well.
  public func knownSince(_ meters: [MeterID], now: Int64) throws(StoreError) -> [MeterID: Int64] {
    let connection = try open()
    var known: [String: Int64] = [:]
    let facts = try connection.statement("SELECT key, value FROM meta WHERE key >= 'known:' AND key < 'known;'")
    do {
      defer { facts.reset() }
      while try facts.step() { known[String(try facts.text(0).dropFirst(6))] = Int64(try facts.text(1)) }
    }
    var first = now
    if known.isEmpty {
      first = min(
        now, try connection.statement("SELECT host_ms FROM reading ORDER BY seq LIMIT 1").number() ?? now)
    }
    var news: [String: Int64] = [:]
    for meter in meters where known[meter.text].map({ $0 > now }) ?? true { news[meter.text] = first }
    if !news.isEmpty {
      try write { (connection) throws(StoreError) in
        for (meter, since) in news { try connection.write(fact: "known:\(meter)", "\(since)") }
      }
    }
    return Dictionary(
      meters.map { ($0, news[$0.text] ?? known[$0.text] ?? now) }, uniquingKeysWith: { first, _ in first })
  }

  /// Takes back gaps of times to come, which a clock that was ahead has noted.
  public func withdrawGaps(after instant: Int64) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      try connection.statement("DELETE FROM gap WHERE instant > ?1 AND filled_ms IS NULL").run([.integer(instant)])
    }
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
