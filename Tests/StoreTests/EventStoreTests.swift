import Foundation
import Metering
import Testing

@testable import Store

@Suite struct EventStoreTests {
  let folder: TemporaryFolder
  let store: Store

  init() throws {
    folder = try TemporaryFolder()
    store = try eager(folder.database)
  }

  private static let meter = MeterID("M-0001") ?? .unnamed
  private static let start: Int64 = 1_795_348_800

  private static func evidence(_ at: Int64) -> Evidence {
    Evidence(line: "bus1", meter: meter, requests: [[0x68]], replies: [[0x68, UInt8(truncatingIfNeeded: at)]], at: at)
  }

  /// An event of the meter's life; events 3 and 4 began in the same second.
  private static func event(
    _ ordinal: Int64, at: Int64 = 1, isOver: Bool = true, state: EventEntry.State = .new, isTimed: Bool = true
  ) -> EventEntry {
    let second = start + (ordinal == 4 ? 3 : ordinal) * 100
    let data = [UInt8(truncatingIfNeeded: ordinal), isOver ? 1 : 0]
    return EventEntry(
      kind: "power-fail", begin: isTimed ? MeterTime(localSeconds: second) : nil,
      end: isOver ? MeterTime(localSeconds: second + 30) : nil, ordinal: ordinal, identifier: 0x0311_0001, data: data,
      state: state, doubt: state == .held ? "no month" : nil, evidence: evidence(at))
  }

  private func append(
    _ events: [EventEntry], count: Int64, at: Int64 = 1, findings: [Finding] = [], clears: Bool = false
  ) async throws -> [EventOutcome] {
    try await store.append(
      Store.EventSubmission(
        meter: Self.meter, counts: ["power-fail": EventCount(count: count)], events: events, findings: findings,
        clearsOthers: clears, evidence: Self.evidence(at)))
  }

  private func stored() throws -> [StoredEvent] {
    var all: [StoredEvent] = []
    try StoreReader(path: folder.database).events { all.append($0) }
    return all
  }

  @Test func `an event, its count and its frames are one fact`() async throws {
    #expect(
      try await append([Self.event(1), Self.event(2)], count: 2) == [.stored(sequence: 1), .stored(sequence: 2)])
    let event = try #require(try stored().first)
    #expect(event.meter == Self.meter && event.kind == "power-fail" && event.ordinal == 1 && event.state == .new)
    #expect(event.begin == MeterTime(localSeconds: Self.start + 100))
    #expect(event.end == MeterTime(localSeconds: Self.start + 130))
    #expect(try StoreReader(path: folder.database).evidence(event.evidence)?.replies == [[0x68, 1]])
    #expect(try await store.eventCounts() == [Self.meter: ["power-fail": EventCount(count: 2)]])
    #expect(try StoreReader(path: folder.database).verify().faults.isEmpty)
  }

  @Test func `a commit that fails leaves neither events nor count, and one that may have failed leaves both once`()
    async throws
  {
    let failure = StoreError.Failure(path: folder.database, operation: "commit", code: 10, message: "I/O error")
    await store.fail(.before(.failed(failure)))
    #expect(try await append([Self.event(1)], count: 1) == [.stored(sequence: 1)])
    await store.fail(.after(.failed(failure)))
    #expect(try await append([Self.event(2)], count: 2) == [.stored(sequence: 2)])
    #expect(try stored().map(\.ordinal) == [1, 2])
    #expect(try await store.eventCounts()[Self.meter] == ["power-fail": EventCount(count: 2)])
  }

  @Test func `an event that was going on gets its end, and stays one`() async throws {
    #expect(try await append([Self.event(1, isOver: false)], count: 1) == [.stored(sequence: 1)])
    #expect(try stored().map(\.end) == [nil])
    #expect(try await append([Self.event(1, at: 2)], count: 1, at: 2) == [.ended(sequence: 1)])
    #expect(try await append([Self.event(1, at: 3)], count: 1, at: 3) == [.duplicate(sequence: 1)])
    #expect(try await append([Self.event(1, at: 3, isOver: false)], count: 1, at: 3) == [.duplicate(sequence: 1)])
    #expect(try stored().map(\.end) == [MeterTime(localSeconds: Self.start + 130)])
    #expect(try StoreReader(path: folder.database).verify().faults.isEmpty)
  }

  @Test func `an event that goes on gets its end whatever number it had, also where it is held`() async throws {
    #expect(try await append([Self.event(3, isOver: false, state: .held)], count: 3) == [.stored(sequence: 1)])
    // By another count it is the fourth; it began in the same second.
    #expect(try await append([Self.event(4, at: 2)], count: 4, at: 2) == [.ended(sequence: 1)])
    #expect(try stored().map(\.end) == [MeterTime(localSeconds: Self.start + 330)])
    #expect(try stored().map(\.state) == [.held])
    #expect(try await append([Self.event(4, at: 3)], count: 4, at: 3) == [.duplicate(sequence: 1)])
    #expect(try StoreReader(path: folder.database).verify().faults.isEmpty)
  }

  @Test func `an event that was held and is found possible is held no more, and its row stays as it was`() async throws
  {
    #expect(try await append([Self.event(1, state: .held)], count: 1) == [.stored(sequence: 1)])
    #expect(try await append([Self.event(1, at: 2, state: .held)], count: 1, at: 2) == [.duplicate(sequence: 1)])
    #expect(try await append([Self.event(1, at: 3)], count: 1, at: 3) == [.released(sequence: 1)])
    #expect(try await append([Self.event(1, at: 4)], count: 1, at: 4) == [.duplicate(sequence: 1)])
    let all = try stored()
    #expect(all.map(\.state) == [.new] && all.map(\.doubt) == [nil] && all.map(\.heard) == [1])
    // One that has ended meanwhile tells it in other bytes.
    let open = Self.event(2, at: 5, isOver: false, state: .held)
    #expect(try await append([open], count: 2, at: 5) == [.stored(sequence: 2)])
    #expect(try await append([Self.event(2, at: 6, state: .history)], count: 2, at: 6) == [.ended(sequence: 2)])
    #expect(try stored().map(\.state) == [.new, .history])
    #expect(try StoreReader(path: folder.database).verify().faults.isEmpty)
    try await store.execute(
      "DROP TRIGGER event_release_as_written; UPDATE event_release SET state = 'held' WHERE event = 1")
    #expect(
      try StoreReader(path: folder.database).verify().faults == ["the release of event 1 does not match its checksum"])
  }

  @Test func `how far a first look has come is kept, and a clear ends what counts as history`() async throws {
    let counts = [
      "power-fail": EventCount(count: 6, history: 10), "cover-open": EventCount(count: 1),
      "voltage-loss-l1": EventCount(count: 0, history: 3),
    ]
    _ = try await store.append(
      Store.EventSubmission(meter: Self.meter, counts: counts, events: [], evidence: Self.evidence(1)))
    #expect(try await store.eventCounts()[Self.meter] == counts)
    try await store.execute("UPDATE event_count SET history = -1 WHERE name = 'voltage-loss-l1'")
    _ = try await store.append(
      Store.EventSubmission(
        meter: Self.meter, counts: [:], events: [], clearsOthers: true, evidence: Self.evidence(2)))
    #expect(
      try await store.eventCounts()[Self.meter]?["power-fail"] == EventCount(count: 6, isDoubted: true, history: 0))
    #expect(try await store.eventCounts()[Self.meter]?["cover-open"] == EventCount(count: 1, isDoubted: true))
  }

  @Test func `what tells no time is held apart, once`() async throws {
    let held = Self.event(7, state: .held, isTimed: false)
    #expect(try await append([held, Self.event(8, state: .held, isTimed: false)], count: 8).count == 2)
    #expect(try await append([held], count: 8) == [.duplicate(sequence: 1)])
    #expect(try stored().map(\.state) == [.held, .held])
    #expect(try stored().map(\.doubt) == ["no month", "no month"])
  }

  @Test func `a bit that changes to and fro is an event each time it was seen`() async throws {
    func change(_ at: Int64) -> EventEntry {
      EventEntry(
        kind: "status.relay-open", begin: nil, end: nil, ordinal: 0, identifier: 0x0400_0503,
        data: [4, 0, 0, 0, 0, 16, 0, 0, 0], state: .new, doubt: nil, evidence: Self.evidence(at))
    }
    #expect(try await append([change(1)], count: 1) == [.stored(sequence: 1)])
    #expect(try await append([change(1)], count: 1) == [.duplicate(sequence: 1)])
    #expect(try await append([change(2)], count: 1, at: 2) == [.stored(sequence: 2)])
  }

  @Test func `a clear puts all other counts in doubt, and a host's clock that was set back holds no count`()
    async throws
  {
    let counts = ["power-fail": EventCount(count: 3), "status.04000503": EventCount(count: 16)]
    _ = try await store.append(
      Store.EventSubmission(meter: Self.meter, counts: counts, events: [], evidence: Self.evidence(5)))
    _ = try await store.append(
      Store.EventSubmission(
        meter: Self.meter, counts: ["event-clear": EventCount(count: 1)], events: [], clearsOthers: true,
        evidence: Self.evidence(6)))
    _ = try await store.append(
      Store.EventSubmission(
        meter: Self.meter, counts: ["status.04000503": EventCount(count: 0)], events: [],
        evidence: Self.evidence(4)))
    #expect(
      try await store.eventCounts()[Self.meter] == [
        "power-fail": EventCount(count: 3, isDoubted: true), "status.04000503": EventCount(count: 0),
        "event-clear": EventCount(count: 1),
      ])
  }

  @Test func `findings have the frames of the count beside them`() async throws {
    _ = try await append([], count: 1, findings: [Finding(.eventsCleared, "from 9 to 1")])
    let finding = try #require(try StoreReader(path: folder.database).findings().first)
    #expect(finding.code == .eventsCleared && finding.evidence == 1)
  }

  @Test func `a commit that may have failed leaves findings once`() async throws {
    let failure = StoreError.Failure(path: folder.database, operation: "commit", code: 10, message: "I/O error")
    await store.fail(.after(.failed(failure)))
    _ = try await append([Self.event(1)], count: 1, findings: [Finding(.eventsCleared, "from 9 to 1")])
    #expect(try StoreReader(path: folder.database).findings().count == 1)
    // The same again, later, is another finding.
    _ = try await append([], count: 1, at: 2, findings: [Finding(.eventsCleared, "from 9 to 1")])
    #expect(try StoreReader(path: folder.database).findings().count == 2)
  }

  @Test func `a count that no meter can have told is as if it were not there`() async throws {
    let counts = ["power-fail", "cover-open", "status.04000503", "status.04000504"].map { ($0, EventCount(count: 1)) }
    _ = try await store.append(
      Store.EventSubmission(
        meter: Self.meter, counts: Dictionary(counts, uniquingKeysWith: { first, _ in first }), events: [],
        evidence: Self.evidence(1)))
    try await store.execute(
      """
      UPDATE event_count SET count = 9223372036854775807 WHERE name IN ('power-fail', 'status.04000503');
      UPDATE event_count SET count = -1 WHERE name = 'cover-open';
      UPDATE event_count SET count = 4294967295 WHERE name = 'status.04000504'
      """)
    #expect(
      try await store.eventCounts() == [Self.meter: ["status.04000504": EventCount(count: 4_294_967_295)]])
  }

  @Test func `rows of events are never changed, and a changed byte is found`() async throws {
    _ = try await append([Self.event(1)], count: 1)
    #expect(await storeError { try await store.execute("UPDATE event SET kind = 'x'") } != nil)
    #expect(await storeError { try await store.execute("DELETE FROM event") } != nil)
    try await store.execute("DROP TRIGGER event_as_written; UPDATE event SET ordinal = 2")
    #expect(
      try StoreReader(path: folder.database).verify().faults == ["event 1 does not match its checksum"])
  }

  @Test func `a store of the schema before it gets the tables`() async throws {
    for table in ["event_release", "event_end", "event", "event_count"] {
      try await store.execute("DROP TABLE \(table)")
    }
    try await store.execute("PRAGMA user_version = 5")
    await store.close()
    let again = try eager(folder.database)
    _ = try await again.append(
      Store.EventSubmission(
        meter: Self.meter, counts: [:], events: [Self.event(1)], evidence: Self.evidence(1)))
    #expect(try stored().count == 1)
    await again.close()
  }

  /// A meter counts events; a reader that is killed at any place reads it again and again, and its answers come in any
  /// order. Whatever happens, each event that was ever in a record it got is there once.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `no order of reads, kills and repeats loses an event or tells one twice`(_ seed: UInt64) async throws {
    var random = Seeded(seed: seed)
    var happened: Int64 = 0
    var clock: Int64 = 0
    for _ in 0..<30 {
      clock += 1
      happened += Int64.random(in: 0...4, using: &random)
      let known = try await store.eventCounts()[Self.meter]?["power-fail"]?.count ?? 0
      // Killed before it was stored: nothing is known, nothing is there.
      guard Int.random(in: 0..<4, using: &random) > 0 else { continue }
      guard happened > 0 else { continue }
      // Sometimes more than is new is read again, and the records come in another order.
      let from = max(1, min(known + 1, happened) - Int64.random(in: 0...3, using: &random))
      var events = (max(from, happened - 9)...happened).map { Self.event($0, at: clock) }
      if Bool.random(using: &random) { events.shuffle(using: &random) }
      let lost = max(from, happened - 9) > known + 1
      guard !lost else { continue }
      let outcomes = try await append(events, count: happened, at: clock)
      for (event, outcome) in zip(events, outcomes) {
        let isNew = if case .stored = outcome { true } else { false }
        #expect(isNew == (event.ordinal > known), "seed \(seed), event \(event.ordinal) of \(happened)")
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        _ = try await append(events, count: happened, at: clock)
      }
    }
    let count = try await store.eventCounts()[Self.meter]?["power-fail"]?.count ?? 0
    #expect(try stored().map(\.ordinal).sorted() == (count > 0 ? Array(1...count) : []), "seed \(seed)")
    #expect(try StoreReader(path: folder.database).verify().faults.isEmpty)
  }
}
