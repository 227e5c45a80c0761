import DLT645
import Devices
import Host
import Metering
import Simulator
import Store
import Testing

@testable import Acquisition
@testable import Concentrator

/// What the store says of what nobody read, could not keep, or could not label.
@Suite(.serialized, .timeLimit(.minutes(1))) struct OutageStationTests {
  private let zone = ZoneOffset.china
  private var now: Int64 { HostClock.wall.unixMilliseconds }
  private func midnight(_ back: Int64) -> Int64 {
    let today = zone.local(unixMilliseconds: now).date.daysSince1970
    return zone.unixMilliseconds(of: MeterTime(localSeconds: (today - back) * 86_400))
  }

  @Test func `a read on demand before a restart is not taken for that of the round`() async throws {
    let bench = try StationBench("demand")
    let meters = try await bench.simulate()
    let store = try Store(path: "\(bench.folder)/meterd.db")
    let meter = try #require(MeterID("M-1"))
    let total = Quantity.energyTotal(.importActive)
    let key = ReadingKey(meter: meter, quantity: total, kind: .instantaneous, instant: midnight(0) + 60_001)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: 1_000_000, resolution: 10_000), quality: .actual,
      hostTime: HostInstant(unixMilliseconds: midnight(0) + 60_001, clock: .synchronised),
      bootTime: BootInstant(nanoseconds: 1))
    _ = try await store.append(
      Store.Submission([JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1))]))
    await store.close()
    func isOfRound(_ event: StationEvent) -> Bool {
      if case .stored(_, let reading, _, .new) = event {
        reading.key.meter == meter && reading.key.quantity == total && reading.key.kind == .instantaneous
      } else {
        false
      }
    }
    let first = try StationRun(bench.station())
    try await first.running.start()
    var events = await first.events { counts, _ in counts.stored == StationBench.readings }
    events += await first.stop()
    #expect(events.count(where: isOfRound) == 1)
    // It came too late for the label of its round, and counts for it all the same.
    let second = try StationRun(bench.station())
    try await second.running.start()
    var later = await second.events { counts, _ in counts.duplicates == 20 }
    later += await second.stop()
    #expect(later.count(where: isOfRound) == 0)
    await meters.stop()
  }

  @Test func `days and rounds that nobody read while the daemon was off are told once, and not of new meters`()
    async throws
  {
    let tail = """
      [[task]]
      name = "freeze"
      at = "00:05"
      read = ["freeze.daily"]
      meters = ["E-1"]
      backfill-days = 5

      """
    let bench = try StationBench("off", tail: tail)
    let meters = try await bench.simulate()
    let store = try Store(path: "\(bench.folder)/meterd.db")
    for name in ["E-1", "task energy", "task freeze, synthetic"] {
      try await store.note("known:\(name)", "\(midnight(3) + 1)")
    }
    try await store.noteAtWork(midnight(3) + 3_600_000)
    await store.close()
    for isFirst in [true, false] {
      let run = try StationRun(bench.station())
      try await run.running.start()
      var events = await run.events { counts, _ in counts.read >= (isFirst ? StationBench.readings : 20) }
      events += await run.stop()
      let told = events.count { if case .line(.missed(_, _, _, .outage, _)) = $0 { true } else { false } }
      #expect((told > 0) == isFirst)
    }
    let gaps = try bench.reader().openGaps()
    let days = gaps.filter { $0.meter.text == "E-1" && $0.until == nil }
    // Today is lost as well, but for its first quarter of an hour.
    #expect(Set(days.map(\.instant)).isSuperset(of: [midnight(2), midnight(1)]))
    #expect(days.allSatisfy { $0.reason == "outage" && $0.instant >= midnight(2) })
    let runs = gaps.filter { $0.subject == "task energy" }
    #expect(
      runs == [
        Gap(
          meter: try #require(MeterID("E-1")), subject: "task energy", instant: midnight(2), reason: "outage",
          until: midnight(1), rounds: 2)
      ])
    #expect(Set(gaps.map(\.meter.text)) == ["E-1"], "the others are new")
    await meters.stop()
  }

  @Test
  func `a restart tells what a line that could not keep up lacked, of the round that was open and of those behind`()
    async throws
  {
    let tail = """
      [[task]]
      name = "minute"
      every = "1m"
      read = ["energy.import.active.total"]
      meters = ["M-1", "M-2"]

      """
    let bench = try StationBench("behind", tail: tail)
    let meters = try await bench.simulate()
    let station = try bench.station()
    let store = try Store(path: "\(bench.folder)/meterd.db")
    let minute: Int64 = 60_000
    let slot = now / minute * minute
    for name in ["M-1", "M-2", "task minute"] { try await store.note("known:\(name)", "\(slot - 20 * minute)") }
    // The round of ten minutes ago was still open eight minutes later: M-1 was read, and M-2 was not.
    let read = slot - 10 * minute
    let key = ReadingKey(
      meter: try #require(MeterID("M-1")), quantity: .energyTotal(.importActive), kind: .instantaneous, instant: read)
    let reading = Reading(
      key: key, value: RegisterValue(millionths: 1_000_000, resolution: 10_000), quality: .actual,
      hostTime: HostInstant(unixMilliseconds: read + 500, clock: .synchronised),
      bootTime: BootInstant(nanoseconds: 1))
    _ = try await store.append(
      Store.Submission([JudgedReading(reading, Verdict(status: .accepted, findings: [], ruleVersion: 1))]))
    try await store.noteAtWork(slot - 2 * minute + 1000)
    await store.close()
    for isFirst in [true, false] {
      let run = try StationRun(station)
      try await run.running.start()
      _ = await run.events { _, event in
        switch event {
        case .stored(_, let reading, _, _): isFirst && reading.key.meter.text == "E-1"
        case .line(.portOpened(let line)): !isFirst && line == "bus1"
        default: false
        }
      }
      _ = await run.stop()
    }
    await meters.stop()
    let gaps = try bench.reader().openGaps().filter { $0.instant < slot - minute }
    let single = gaps.filter { $0.until == nil }
    #expect(single.map(\.instant) == [read] && single.map(\.meter.text) == ["M-2"])
    #expect(single.allSatisfy { $0.reason == "outage" })
    let runs = gaps.filter { $0.subject == "task minute" }
    #expect(runs.map(\.meter.text).sorted() == ["M-1", "M-2"])
    for run in runs {
      #expect(run.instant == read + minute && run.reason == "outage")
      #expect(run.until.map { $0 >= slot - minute } == true)
      #expect(run.rounds >= 9)
    }
  }

  @Test func `a task that is due more often since a restart misses no round of before`() async throws {
    func tail(_ every: String) -> String {
      """
      [[task]]
      name = "often"
      every = "\(every)"
      read = ["energy.import.active.total"]
      meters = ["M-1", "M-2"]

      """
    }
    let bench = try StationBench("often")
    let meters = try await bench.simulate()
    let store = try Store(path: "\(bench.folder)/meterd.db")
    for name in ["M-1", "M-2", "E-1", "task energy", "task often"] {
      try await store.note("known:\(name)", "\(midnight(1))")
    }
    await store.close()
    for every in ["24h", "1m"] {
      let run = try StationRun(bench.station(adding: tail(every)))
      try await run.running.start()
      _ = await run.events { counts, _ in counts.read >= (every == "24h" ? StationBench.readings : 20) }
      _ = await run.stop()
    }
    await meters.stop()
    let runs = try bench.reader().openGaps().filter { $0.subject == "task often" }
    // Between the two starts a minute may begin.
    #expect(runs.allSatisfy { $0.rounds <= 2 }, "\(runs)")
  }

  @Test func `a stale freeze stays one gap over a reload, and is filled when the meter has taken it`() async throws {
    let tail = """
      [[task]]
      name = "freeze"
      at = "00:00"
      read = ["freeze.daily"]
      meters = ["M-1"]
      backfill-days = 1

      """
    let bench = try StationBench("stale", tail: tail)
    let slow = try await bench.simulate(daysBehind: 3)
    let run = try StationRun(bench.station())
    try await run.running.start()
    let isStale = { (event: StationEvent) in if case .line(.staleFreeze) = event { true } else { false } }
    _ = await run.events { _, event in isStale(event) }
    try await run.running.reload(bench.station())
    _ = await run.events { _, event in isStale(event) }
    await slow.stop()
    let right = try await bench.simulate()
    try await run.running.reload(bench.station())
    _ = await run.events { _, event in
      if case .stored(_, let reading, _, _) = event {
        reading.key.kind == .dailyFreeze && reading.key.instant == midnight(0)
      } else {
        false
      }
    }
    _ = await run.stop()
    await right.stop()
    let reader = try bench.reader()
    var today: [StoredGap] = []
    var filter = GapFilter()
    filter.withFilled = true
    filter.since = midnight(0)
    try reader.gaps(filter) { if $0.gap.instant == midnight(0), $0.gap.reason == "stale" { today.append($0) } }
    #expect(!today.isEmpty)
    #expect(today.allSatisfy { $0.filled != nil })
  }
}

/// What an intake notes where there was no room, no label, or no store.
@Suite(.timeLimit(.minutes(1))) struct IntakeGapTests {
  private static let meter = MeterID("M-1") ?? .unnamed
  private static let slot: Int64 = 1_795_276_800_000
  private static let register = Query.identifier(DataIdentifier(rawValue: 0x0001_0000))
  private static let frozen = Query.frozen(
    DataIdentifier(rawValue: 0x0506_0101), ZoneOffset.china.local(unixMilliseconds: slot).date)

  /// An answer that tells one value of a memory; with `nil` none that is a reading.
  private func answer(
    _ query: Query, _ memory: Memory?, slot: Int64 = slot, isSynthetic: Bool = false, clock: ClockSight? = nil
  ) -> LineEvent {
    let value = RegisterValue(millionths: 5_000_000, resolution: 10_000)
    return .answered(
      Acquisition.Answer(
        meter: Self.meter, line: "bus1", query: query, slot: slot,
        observations: memory.map {
          [Observation(quantity: .energyTotal(.importActive), value: .number(value), memory: $0)]
        } ?? [], requests: [[1]], replies: [[2]],
        hostTime: HostInstant(unixMilliseconds: slot + 3_600_000, clock: .synchronised), bootTime: HostClock.boot,
        startedAt: HostClock.boot, replyDelay: nil, clock: clock, settlementDay: clock.map { _ in .firstOfMonth },
        isConfirmed: true, isSynthetic: isSynthetic))
  }

  private func missed(_ slot: Int64) -> LineEvent {
    .missed(line: "bus1", meter: Self.meter, queries: [Self.register], reason: .silent, slot: slot)
  }

  /// Runs an intake over events; the gaps that are open then, and what the house was asked.
  private func gaps(
    _ events: [LineEvent], backlog: GapBacklog? = nil, isClosed: Bool = false
  ) async throws -> (gaps: [String], asked: [String]) {
    let bench = try StationBench("intake")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    let (asked, ask) = AsyncStream.makeStream(of: String.self)
    let intake = try await Intake(
      store: store, zone: .china, files: station.files, clock: station.clock, backlog: backlog,
      house: Intake.House(
        journalWanted: { ask.yield("journal of \($0)") }, notKept: { ask.yield("not kept: \($0.query)") })
    ) { _ in }
    if isClosed { await store.close() }
    let (source, tell) = AsyncStream.makeStream(of: LineEvent.self)
    for event in events { tell.yield(event) }
    tell.finish()
    await intake.run(source)
    await store.close()
    ask.finish()
    var all: [String] = []
    for await each in asked { all.append(each) }
    return (
      try bench.reader().openGaps().map {
        "\($0.subject) \(($0.instant - Self.slot) / 60_000) \($0.until.map { "\(($0 - Self.slot) / 60_000)" } ?? "-") \($0.rounds) \($0.reason)"
      }, all
    )
  }

  @Test func `what found no room in the queue is noted as soon as there is some, a run as one`() async throws {
    let backlog = GapBacklog(zone: .china)
    for minutes in Int64(0)...3 { backlog.add(missed(Self.slot + minutes * 900_000)) }
    backlog.add(answer(Self.frozen, .dailyFreeze(1), slot: Self.slot + 300_000))
    backlog.add(
      .leftOut(
        line: "bus1", task: "t", meters: [Self.meter], from: Self.slot, through: Self.slot + 600_000, rounds: 11,
        reason: .outage))
    let found = try await gaps([.portOpened(line: "bus1")], backlog: backlog)
    #expect(
      found.gaps == ["DI 00010000 0 45 4 silent", "DI 05060101 0 - 1 not stored", "task t 0 10 11 outage"])
    #expect(backlog.isEmpty)
  }

  @Test func `what an open round lacked and found no room in the queue is told, and closed once it is read`()
    async throws
  {
    func lacking(_ query: Query) -> LineEvent {
      .lacking(line: "bus1", meter: Self.meter, queries: [query], reason: .silent, slot: Self.slot)
    }
    let status = Query.identifier(DataIdentifier(rawValue: 0x0400_0501))
    func backlog() -> GapBacklog {
      let backlog = GapBacklog(zone: .china)
      for query in [Self.register, status] { backlog.add(lacking(query)) }
      return backlog
    }
    let opened = LineEvent.portOpened(line: "bus1")
    #expect(
      try await gaps([opened], backlog: backlog()).gaps == ["DI 00010000 0 - 1 silent", "DI 04000501 0 - 1 silent"])
    let read = [answer(Self.register, .current, slot: Self.slot), answer(status, nil)]
    // As soon as there was room again, and before.
    #expect(try await gaps([opened] + read, backlog: backlog()).gaps.isEmpty)
    #expect(try await gaps(read, backlog: backlog()).gaps.isEmpty)
  }

  @Test func `a month that was told as missed is gone from the list when its round is read again`() async throws {
    let month = Query.identifier(DataIdentifier(rawValue: 0x0001_FF01))
    let clock = ClockSight(meter: ZoneOffset.china.local(unixMilliseconds: Self.slot + 3_600_000), at: HostClock.boot)
    let lacking = LineEvent.lacking(
      line: "bus1", meter: Self.meter, queries: [month], reason: .silent, slot: Self.slot)
    let missed = LineEvent.missed(
      line: "bus1", meter: Self.meter, queries: [month], reason: .silent, slot: Self.slot)
    #expect(try await gaps([lacking, missed]).gaps == ["DI 0001FF01 0 - 1 silent"])
    #expect(try await gaps([lacking, missed, answer(month, .settlement(1), clock: clock)]).gaps.isEmpty)
  }

  @Test func `more answers than may wait for the disk at once are all kept, each as one`() async throws {
    let bench = try StationBench("many")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    let stored = Guarded(0)
    let intake = try await Intake(store: store, zone: .china, files: station.files, clock: station.clock) { event in
      if case .stored(_, _, _, .new) = event { stored.withLock { $0 += 1 } }
    }
    let (source, tell) = AsyncStream.makeStream(of: LineEvent.self)
    for minute in Int64(0)..<700 {
      tell.yield(answer(Self.register, .current, slot: Self.slot + minute * 60_000))
    }
    tell.finish()
    await intake.run(source)
    await store.close()
    #expect(stored.withLock { $0 } == 700)
    var instants: Set<Int64> = []
    try bench.reader().readings { instants.insert($0.reading.key.instant) }
    #expect(instants.count == 700)
  }

  @Test func `an answer that the store does not keep is missing again, and its gap waits for room`() async throws {
    let backlog = GapBacklog(zone: .china)
    let found = try await gaps(
      [answer(Self.register, .current, slot: Self.slot), missed(Self.slot + 900_000)], backlog: backlog, isClosed: true)
    #expect(found.gaps.isEmpty)
    #expect(found.asked == ["not kept: DI 00010000"])
    #expect(
      backlog.take().map { "\($0.gap.reason) \($0.gap.rounds) \($0.isRun)" } == [
        "not stored 1 true", "silent 1 true",
      ])
  }

  @Test func `what came after all waits in no backlog`() {
    let backlog = GapBacklog(zone: .china)
    backlog.add(answer(Self.frozen, .dailyFreeze(1), slot: Self.slot))
    backlog.forget(Store.Fill(.one(Self.slot), of: "DI 05060101", meter: Self.meter, at: Self.slot))
    #expect(backlog.isEmpty)
  }

  @Test func `records that wait in the backlog are runs without what came between and after`() {
    let backlog = GapBacklog(zone: .china)
    func lapse(_ first: Int64, _ last: Int64) {
      backlog.add(
        .recordsLapsed(
          line: "bus1", meter: Self.meter, subject: "load profile class 4", from: Self.slot + first * 900_000,
          through: Self.slot + last * 900_000, records: Int(last - first) + 1, reason: .late))
    }
    lapse(0, 4)
    lapse(5, 6)
    lapse(9, 12)
    backlog.forget(
      Store.Fill(
        .records([1, 2, 9].map { Self.slot + $0 * 900_000 }, every: 900_000), of: "load profile class 4",
        meter: Self.meter, at: Self.slot))
    let left = backlog.take().map(\.gap)
    #expect(left.map { ($0.instant - Self.slot) / 900_000 } == [0, 3, 5, 10])
    #expect(left.map(\.rounds) == [1, 2, 2, 3])
  }

  @Test func `an answer of which nobody can tell the instant leaves a gap`() async throws {
    let day: Int64 = 86_400_000
    let found = try await gaps([
      answer(Self.register, .current, slot: Self.slot, isSynthetic: true),
      answer(Self.frozen, .dailyFreeze(1), slot: Self.slot + 300_000),
      // A memory that stays without a label is told once.
      answer(.identifier(DataIdentifier(rawValue: 0x0001_FF01)), .settlement(1), slot: Self.slot),
      answer(.identifier(DataIdentifier(rawValue: 0x0001_FF01)), .settlement(1), slot: Self.slot + day),
    ])
    #expect(
      found.gaps == ["DI 00010000 0 - 1 late", "DI 0001FF01 0 - 1 unlabelled", "DI 05060101 0 - 1 unlabelled"])
  }

  @Test func `what an open round lacks is listed with its reason, and gone from the list once it is read`() async throws
  {
    func lacking(_ query: Query) -> LineEvent {
      .lacking(line: "bus1", meter: Self.meter, queries: [query], reason: .silent, slot: Self.slot)
    }
    let both = [lacking(Self.frozen), lacking(Self.register)]
    let listed = ["DI 00010000 0 - 1 silent", "DI 05060101 0 - 1 silent"]
    #expect(try await gaps(both).gaps == listed)
    let memory = Memory.current
    let register = answer(Self.register, memory, slot: Self.slot)
    #expect(try await gaps(both + [register]).gaps == [listed[1]])
    // A clock or a status word is no reading, and is there all the same.
    let status = Query.identifier(DataIdentifier(rawValue: 0x0400_0501))
    #expect(try await gaps([lacking(status), answer(status, nil)]).gaps.isEmpty)
    // Round over: what was told stays, with the reason of its end where the meter has said more.
    #expect(try await gaps(both + [missed(Self.slot)]).gaps == listed)
    let stale = LineEvent.missed(
      line: "bus1", meter: Self.meter, queries: [Self.frozen], reason: .stale, slot: Self.slot + 300_000)
    #expect(try await gaps(both + [stale]).gaps == [listed[0], "DI 05060101 0 - 1 stale"])
    let late = LineEvent.missed(
      line: "bus1", meter: Self.meter, queries: [Self.register], reason: .late, slot: Self.slot)
    #expect(try await gaps(both + [late, register]).gaps == listed, "its round is over")
  }

  @Test func `what an open round lacked when the daemon was killed is gone from the list once it is read`() async throws
  {
    let now = HostClock.wall.unixMilliseconds
    let task = AcquisitionTask(
      name: "t", schedule: .every(seconds: 86_400), targets: [.energies])
    let slot = task.schedule.slot(at: now, zone: .china)
    let gaps = [slot, slot - 86_400_000].map {
      Gap(meter: Self.meter, subject: "\(Self.register)", instant: $0, reason: "silent")
    }
    let bench = try StationBench("killed")
    let station = try bench.station()
    let store = try Store(path: station.configuration.store)
    try await store.record(gaps)
    let intake = try await Intake(
      store: store, zone: .china, files: station.files, clock: station.clock, tasks: [task]
    ) { _ in }
    let (source, tell) = AsyncStream.makeStream(of: LineEvent.self)
    tell.yield(answer(Self.register, .current, slot: slot))
    tell.finish()
    await intake.run(source)
    await store.close()
    #expect(try bench.reader().openGaps().map(\.instant) == [slot - 86_400_000])
  }

  @Test func `a line that asks for the journal is heard after all that it told before`() async throws {
    let found = try await gaps([missed(Self.slot), .journalWanted(line: "bus1")])
    #expect(found.gaps.count == 1)
    #expect(found.asked == ["journal of bus1"])
  }
}
