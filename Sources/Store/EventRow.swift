internal import Metering

/// How events lie in the file.
enum EventRow {
  static let selection = """
    SELECT seq, meter, kind, begins, same, event.ends, ordinal, identifier, event.data, event.heard_ms, event.state, doubt,
      event.evidence, event.crc, event_end.ends, event_end.data, event_end.heard_ms, event_end.evidence, event_end.crc,
      event_release.state, event_release.heard_ms, event_release.evidence, event_release.crc
    FROM event LEFT JOIN event_end ON event_end.event = seq LEFT JOIN event_release ON event_release.event = seq
    """

  static func checksum(
    _ sequence: Int64, _ meter: String, _ kind: String, _ begins: Int64?, _ same: Int64, _ ends: Int64?,
    _ ordinal: Int64, _ identifier: Int64, _ data: [UInt8], _ heard: Int64, _ state: String, _ doubt: String?,
    _ evidence: Int64
  ) -> Int64 {
    var sum = Checksum()
    sum.add(sequence)
    sum.add(meter)
    sum.add(kind)
    sum.add(begins)
    sum.add(same)
    sum.add(ends)
    sum.add(ordinal)
    sum.add(identifier)
    sum.add(data)
    sum.add(heard)
    sum.add(state)
    sum.add(doubt)
    sum.add(evidence)
    return sum.value
  }

  static func checksum(releaseOf event: Int64, _ state: String, _ heard: Int64, _ evidence: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(event)
    sum.add(state)
    sum.add(heard)
    sum.add(evidence)
    return sum.value
  }

  static func checksum(
    endOf event: Int64, _ ends: Int64, _ data: [UInt8], _ heard: Int64, _ evidence: Int64
  ) -> Int64 {
    var sum = Checksum()
    sum.add(event)
    sum.add(ends)
    sum.add(data)
    sum.add(heard)
    sum.add(evidence)
    return sum.value
  }
}

extension StoredEvent {
  /// The row at hand of `EventRow.selection`, after its checksums were found right.
  init(_ statement: Statement, of connection: Connection) throws(StoreError) {
    let sequence = try statement.integer(0), meter = try statement.text(1), kind = try statement.text(2)
    let begins = try statement.optionalInteger(3), same = try statement.integer(4)
    let ends = try statement.optionalInteger(5), ordinal = try statement.integer(6)
    let identifier = try statement.integer(7), data = try statement.blob(8), heard = try statement.integer(9)
    let state = try statement.text(10), doubt = try statement.optionalText(11), evidence = try statement.integer(12)
    let sum = EventRow.checksum(
      sequence, meter, kind, begins, same, ends, ordinal, identifier, data, heard, state, doubt, evidence)
    guard sum == (try statement.integer(13)), let id = MeterID(meter), let known = EventEntry.State(rawValue: state)
    else { throw .corrupt(path: connection.path, detail: "event \(sequence) does not match its checksum") }
    var (lastEnd, lastData) = (ends, data)
    if let later = try statement.optionalInteger(14) {
      (lastEnd, lastData) = (later, try statement.blob(15))
      let sum = EventRow.checksum(
        endOf: sequence, later, lastData, try statement.integer(16), try statement.integer(17))
      guard sum == (try statement.integer(18)) else {
        throw .corrupt(path: connection.path, detail: "the end of event \(sequence) does not match its checksum")
      }
    }
    var (lastState, lastDoubt) = (known, doubt)
    if let word = try statement.optionalText(19) {
      let sum = EventRow.checksum(releaseOf: sequence, word, try statement.integer(20), try statement.integer(21))
      guard sum == (try statement.integer(22)), let state = EventEntry.State(rawValue: word) else {
        throw .corrupt(path: connection.path, detail: "the release of event \(sequence) does not match its checksum")
      }
      (lastState, lastDoubt) = (state, nil)
    }
    self.init(
      sequence: sequence, meter: id, kind: kind, begin: begins.flatMap { meterTime(packed: $0) },
      end: lastEnd.flatMap { meterTime(packed: $0) }, ordinal: ordinal,
      identifier: UInt32(truncatingIfNeeded: identifier), data: lastData, heard: heard, state: lastState,
      doubt: lastDoubt,
      evidence: evidence)
  }
}

/// The rows of one transaction.
struct EventRows {
  private let connection: Connection
  /// Exchanges that were written within it.
  private var written: [Evidence: Int64] = [:]

  init(on connection: Connection) { self.connection = connection }

  /// The number of an exchange, which is written where it is new.
  mutating func evidence(_ exchange: Evidence) throws(StoreError) -> Int64 {
    if let known = written[exchange] { return known }
    let number = try connection.nextEvidence()
    try exchange.insert(number, on: connection)
    written[exchange] = number
    return number
  }

  private struct Known {
    let sequence: Int64
    let same: Int64
    let ordinal: Int64
    let heard: Int64
    let isOver: Bool
    let isHeld: Bool
    let data: [UInt8]
    /// The bytes that told its end later.
    let lastData: [UInt8]
  }

  mutating func insert(_ event: EventEntry, of meter: MeterID) throws(StoreError) -> EventOutcome {
    let known = try known(event, meter)
    // What a meter tells again it tells in the same bytes, whatever number it has by then.
    // What the meter does not count is an event for each look that saw it.
    let isCounted = event.ordinal > 0
    if let same = known.first(where: { each in
      (each.data == event.data || each.lastData == event.data) && (isCounted || each.heard == event.evidence.at)
    }) {
      let isSame = same.data == event.data || same.ordinal == event.ordinal
      return try (isSame ? release(same, as: event) : nil) ?? .duplicate(sequence: same.sequence)
    }
    // Of one kind one goes on at a time: it gets the end whatever number it had, and one that is held keeps its doubt.
    let goesOn = known.first { $0.ordinal == event.ordinal } ?? known.first { !$0.isOver && event.end != nil }
    if isCounted, event.begin != nil, let open = goesOn {
      guard !open.isOver, open.isHeld || event.state != .held, let end = event.end else {
        return .duplicate(sequence: open.sequence)
      }
      try note(end, event, of: open.sequence)
      if open.ordinal == event.ordinal { _ = try release(open, as: event) }
      return .ended(sequence: open.sequence)
    }
    let last = try connection.statement("SELECT max(seq) FROM event").number()
    let sequence = try connection.next(after: last, in: "event")
    let number = try evidence(event.evidence)
    let (begins, ends) = (event.begin.map { packed($0) }, event.end.map { packed($0) })
    let same = (known.map(\.same).max() ?? -1) + 1
    let sum = EventRow.checksum(
      sequence, meter.text, event.kind, begins, same, ends, event.ordinal, Int64(event.identifier), event.data,
      event.evidence.at, event.state.rawValue, event.doubt, number)
    try connection.statement(
      "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
    ).run([
      .integer(sequence), .text(meter), .text(event.kind), SQLValue(begins), .integer(same), SQLValue(ends),
      .integer(event.ordinal), .integer(Int64(event.identifier)), .blob(event.data), .integer(event.evidence.at),
      .text(event.state.rawValue), event.doubt.map { .text($0) } ?? .null, .integer(number), .integer(sum),
    ])
    return .stored(sequence: sequence)
  }

  /// The events of the kind that began in the same second, or whose records do not tell when either.
  private func known(_ event: EventEntry, _ meter: MeterID) throws(StoreError) -> [Known] {
    let statement = try connection.statement(
      EventRow.selection + " WHERE meter = ?1 AND kind = ?2 AND begins IS ?3 ORDER BY seq"
    ).bind([.text(meter), .text(event.kind), SQLValue(event.begin.map { packed($0) })])
    defer { statement.reset() }
    var found: [Known] = []
    while try statement.step() {
      let later = try statement.optionalInteger(14)
      let end = try statement.optionalInteger(5)
      let isReleased = try statement.optionalText(19) != nil
      found.append(
        Known(
          sequence: try statement.integer(0), same: try statement.integer(4), ordinal: try statement.integer(6),
          heard: try statement.integer(9), isOver: later != nil || end != nil,
          isHeld: try statement.text(10) == EventEntry.State.held.rawValue && !isReleased, data: try statement.blob(8),
          lastData: later == nil ? [] : try statement.blob(15)))
    }
    return found
  }

  /// Notes that an event that was held is none any more; `nil` where it was not, or still is.
  private mutating func release(_ known: Known, as event: EventEntry) throws(StoreError) -> EventOutcome? {
    guard known.isHeld, event.state != .held else { return nil }
    let number = try evidence(event.evidence)
    let (state, heard) = (event.state.rawValue, event.evidence.at)
    try connection.statement("INSERT INTO event_release VALUES (?1, ?2, ?3, ?4, ?5)").run([
      .integer(known.sequence), .text(state), .integer(heard), .integer(number),
      .integer(EventRow.checksum(releaseOf: known.sequence, state, heard, number)),
    ])
    return .released(sequence: known.sequence)
  }

  private mutating func note(_ end: MeterTime, _ event: EventEntry, of sequence: Int64) throws(StoreError) {
    let number = try evidence(event.evidence)
    let ends = packed(end)
    try connection.statement("INSERT INTO event_end VALUES (?1, ?2, ?3, ?4, ?5, ?6)").run([
      .integer(sequence), .integer(ends), .blob(event.data), .integer(event.evidence.at), .integer(number),
      .integer(EventRow.checksum(endOf: sequence, ends, event.data, event.evidence.at, number)),
    ])
  }
}
