import Metering
import Testing

@testable import Store

@Suite struct AppendTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let wanted = Set(
    ["voltage.l1", "voltage.l2", "energy.import.active.total", "frequency"].compactMap { Quantity(name: $0) })

  @Test func `the same key is stored once, and another value for it is a finding`() async throws {
    let store = try eager(folder.database)
    #expect(try await store.appendOne(judged(100)) == .stored(sequence: 1))
    #expect(try await store.appendOne(judged(100)) == .duplicate(sequence: 1))
    let first = RegisterValue(millionths: 1_000_000, resolution: 10_000)
    #expect(try await store.appendOne(judged(101)) == .conflict(sequence: 1, stored: first))
    #expect(try await store.appendOne(judged(101)) == .conflict(sequence: 1, stored: first))
    #expect(try await store.appendOne(judged(100, kind: .dailyFreeze)) == .stored(sequence: 2))
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.all().map(\.reading.value.description) == ["1.00", "1.00"])
    let findings = try reader.findings()
    #expect(findings.map(\.code) == [.conflict])
    #expect(
      findings.first?.detail == "energy.import.active.total instantaneous: stored 1.00, now 1.01")
  }

  @Test func `a value that could not be used is stored again when it can, and billing goes on with it`() async throws {
    let store = try eager(folder.database)
    let unset = Verdict(status: .held, findings: [Finding(.clockUnsynchronised, "x")], ruleVersion: 1)
    #expect(try await store.appendOne(judged(100, kind: .settlement, verdict: unset)) == .stored(sequence: 1))
    #expect(try await store.appendOne(judged(100, kind: .settlement, verdict: unset)) == .duplicate(sequence: 1))
    #expect(
      try await store.appendOne(judged(100, kind: .settlement), evidence: exchange()) == .stored(sequence: 2))
    #expect(try await store.appendOne(judged(100, kind: .settlement)) == .duplicate(sequence: 2))
    #expect(try await store.appendOne(judged(100, kind: .settlement, verdict: unset)) == .duplicate(sequence: 2))
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.all().map(\.version) == [0, 1])
    #expect(try reader.all().map(\.evidence) == [nil, 1])
    var usable = ReadingFilter()
    usable.usableOnly = true
    #expect(try reader.all(usable).map(\.sequence) == [2])
    #expect(try await store.latestUsable().map(\.sequence) == [2])
    #expect(try reader.findings() == [])
  }

  @Test func `a label that was in doubt keeps no other value out, a doubted value does`() async throws {
    let store = try eager(folder.database)
    for (index, code) in [FindingCode.clockDeviation, .clockUnsynchronised, .backward].enumerated() {
      let meter = "M-000\(index)"
      let held = Verdict(status: .held, findings: [Finding(code, "x")], ruleVersion: 1)
      _ = try await store.appendOne(judged(100, meter: meter, kind: .settlement, verdict: held))
      _ = try await store.appendOne(judged(101, meter: meter, kind: .settlement, verdict: held))
      _ = try await store.appendOne(judged(102, meter: meter, kind: .settlement))
    }
    let reader = try StoreReader(path: folder.database)
    #expect(try reader.all().map(\.reading.value.description) == ["1.00", "1.02", "1.00", "1.02", "1.00"])
    #expect(try reader.all().map(\.verdict.isUsable) == [false, true, false, true, false])
    // Each other value is told, whether it was stored or not.
    #expect(try reader.findings().map(\.code) == [FindingCode](repeating: .conflict, count: 6))
  }

  @Test func `an open round holds what bears its label, and what was read late for it is told by itself`() async throws
  {
    let store = try eager(folder.database)
    let reading = try judged(3, quantity: "voltage.l2", at: noon + 5000)
    let meter = reading.reading.key.meter
    func late(_ task: String, _ slot: Int64) -> Store.LateRead {
      Store.LateRead(meter: meter, task: task, subject: "DI 02010200", slot: slot)
    }
    _ = try await store.append(
      Store.Submission([judged(1, at: noon - 1), judged(2, quantity: "voltage.l1", at: noon)]))
    _ = try await store.append(Store.Submission([reading], late: late("a", noon - 60_000)))
    _ = try await store.append(Store.Submission([reading], late: late("a", noon)))
    _ = try await store.append(Store.Submission([reading], late: late("b", noon - 60_000)))
    let there = try await store.quantities(.instantaneous, of: wanted, at: [noon])
    #expect(there[noon]?.values.map { $0.map(\.name) } == [["voltage.l1"]])
    // Of each task the last round.
    #expect(Set(try await store.lateReads()) == [late("a", noon), late("b", noon - 60_000)])
  }

  @Test func `a round is found however much was stored since it was due, by whatever clock`() async throws {
    let store = try eager(folder.database)
    let series = [("M-1", "voltage.l1"), ("M-1", "voltage.l2"), ("M-2", "voltage.l1")]
    for (meter, quantity) in series {
      for instant in [noon, noon + 900_000] {
        _ = try await store.append(Store.Submission([judged(1, meter: meter, quantity: quantity, at: instant)]))
      }
    }
    _ = try await store.append(Store.Submission([judged(1, meter: "M-2", quantity: "voltage.l2", at: noon + 1)]))
    // A clock that was a day behind has labelled all that came since, but for the last.
    let behind = try (0..<20_200).map { try judged(1, meter: "M-3", at: noon - 86_400_000 + Int64($0)) }
    for begin in stride(from: 0, to: behind.count, by: 10_000) {
      _ = try await store.append(Store.Submission(Array(behind[begin..<min(begin + 10_000, behind.count)])))
    }
    _ = try await store.append(Store.Submission([judged(1, meter: "M-3", at: noon + 1_000_000)]))
    await store.flush()
    let found = try await store.quantities(.instantaneous, of: wanted, at: [noon, noon + 900_000, noon + 5])
    for instant in [noon, noon + 900_000] {
      let told = (found[instant] ?? [:]).flatMap { meter, quantities in quantities.map { "\(meter) \($0.name)" } }
      #expect(told.sorted() == series.map { "\($0) \($1)" })
    }
    #expect(found.keys.sorted() == [noon, noon + 900_000])
    let fewer = try await store.quantities(.instantaneous, of: wanted.filter { $0.name == "voltage.l2" }, at: [noon])
    #expect(fewer[noon]?.count == 1)
    #expect(try await store.quantities(.instantaneous, of: [], at: [noon]) == [:])
  }

  @Test func `records in a row are one run, whichever of the quantities they hold`() async throws {
    let store = try eager(folder.database)
    let minute: Int64 = 60_000
    let (first, second) = ("energy.import.active.total", "energy.export.active.total")
    for (quantity, count) in [(first, 5), (second, 3), (first, 9), (first, 10), (second, 12)] {
      _ = try await store.append(
        Store.Submission([judged(1, quantity: quantity, kind: .profile, at: noon + Int64(count) * minute)]))
    }
    // Off the minutes, of another kind, of another meter, and too old.
    for each in [
      try judged(1, kind: .profile, at: noon + 11 * minute + 1), try judged(1, at: noon + 11 * minute),
      try judged(1, meter: "M-2", kind: .profile, at: noon + 11 * minute), try judged(1, kind: .profile, at: noon),
      try judged(1, quantity: second, kind: .profile, at: noon + 4 * minute),
    ] { _ = try await store.append(Store.Submission([each])) }
    let quantities = try [first, second, "voltage.l1"].map { try #require(Quantity(name: $0)) }
    let meter = try #require(MeterID("M-0001"))
    let found = try await store.runs(
      .profile, of: quantities, meter: meter, every: minute, from: -28_800_000, since: noon + minute)
    #expect(
      found == [
        noon + 3 * minute...noon + 5 * minute, noon + 9 * minute...noon + 10 * minute,
        noon + 12 * minute...noon + 12 * minute,
      ])
    #expect(
      try await store.runs(.profile, of: [], meter: meter, every: minute, from: 0, since: 0).isEmpty)
  }

  @Test func `the instants of a kind are found by meter and quantity, from a time on`() async throws {
    let store = try eager(folder.database)
    let first = try judged(1, at: noon)
    _ = try await store.append(
      try Store.Submission([
        first, judged(2, at: noon + 86_400_000), judged(3, at: noon - 1), judged(4, quantity: "voltage.l1", at: noon),
        judged(5, quantity: "voltage.l2", at: noon),
      ]))
    let (meter, energy) = (first.reading.key.meter, first.reading.key.quantity)
    let voltage = try #require(Quantity(name: "voltage.l1"))
    let unknown = try #require(MeterID("nobody"))
    let found = try await store.instants(
      first.reading.key.kind, of: [meter: [energy, voltage], unknown: [energy]], since: noon)
    #expect(found == [meter: [noon: [energy, voltage], noon + 86_400_000: [energy]]])
    #expect(try await store.instants(.event, of: [meter: [energy]], since: 0) == [:])
  }

  @Test func `one submission may hold the same reading twice`() async throws {
    let store = try eager(folder.database)
    let twice = try Store.Submission([judged(5), judged(5), judged(6, at: noon + 1)])
    #expect(
      try await store.append(twice) == [.stored(sequence: 1), .duplicate(sequence: 1), .stored(sequence: 2)])
  }

  @Test func `every field of a reading comes back as it was`() async throws {
    let store = try eager(folder.database)
    let clocks: [ClockState] = [.synchronised, .unsynchronised, .holdover(seconds: 0), .holdover(seconds: .max)]
    let times = [
      nil, MeterTime("0001-01-01T00:00"), MeterTime("9999-12-31T23:59:59"), MeterTime("2026-11-22T00:00:00"),
    ]
    var submitted: [JudgedReading] = []
    for (index, kind) in ReadingKind.allCases.enumerated() {
      for (other, quality) in Quality.allCases.enumerated() {
        let key = ReadingKey(
          meter: try #require(MeterID("表-0001")), quantity: try #require(Quantity(name: "demand.import.active.rate3")),
          kind: kind, instant: other == 0 ? .min : .max - Int64(other))
        let reading = Reading(
          key: key, value: RegisterValue(millionths: index == 0 ? .min : .max, resolution: other == 0 ? 1 : .max),
          quality: quality, occurred: times[other % times.count], meterTime: times[(index + other) % times.count],
          hostTime: HostInstant(unixMilliseconds: .min, clock: clocks[other % clocks.count]),
          bootTime: BootInstant(nanoseconds: .max))
        let status = Verdict.Status.allCases[other % Verdict.Status.allCases.count]
        let findings = other == 0 ? [] : [Finding(.backward, ""), Finding(.rateSum, "0.05 kWh, 示值不平")]
        submitted.append(JudgedReading(reading, Verdict(status: status, findings: findings, ruleVersion: 7)))
      }
    }
    let outcomes = try await store.append(Store.Submission(submitted, evidence: exchange()))
    #expect(outcomes == submitted.indices.map { .stored(sequence: Int64($0 + 1)) })
    let stored = try StoreReader(path: folder.database).all()
    #expect(stored.map(\.reading) == submitted.map(\.reading))
    #expect(stored.map(\.verdict) == submitted.map(\.verdict))
    #expect(stored.allSatisfy { $0.evidence == 1 && $0.version == 0 && $0.bootID == currentBootID() })
  }

  @Test func `evidence is kept once an exchange, with its frames apart`() async throws {
    let store = try eager(folder.database)
    _ = try await store.append(Store.Submission([judged(1), judged(2, at: noon + 1)], evidence: exchange()))
    #expect(try await store.evidence(1) == exchange())
    // A round that brought nothing new leaves none.
    _ = try await store.appendOne(judged(1), evidence: exchange())
    #expect(try await store.evidence(2) == nil)
    // A conflict does, and so does an exchange that brought no reading at all.
    _ = try await store.appendOne(judged(9), evidence: exchange())
    async let alone = store.append(Store.Submission([], evidence: exchange()))
    while await store.waiting < 1 { await Task.yield() }
    await store.flush()
    #expect(try await alone == [])
    #expect(try await store.evidence(2) == exchange())
    #expect(try await store.evidence(3) == exchange())
    #expect(try await store.evidence(4) == nil)
  }

  @Test func `submissions that wait are committed together when told to`() async throws {
    let store = try patient(folder.database)
    try await withThrowingTaskGroup(of: Store.Outcome.self) { group in
      for index in 0..<10 { group.addTask { try await store.appendOne(judged(1, at: noon + Int64(index))) } }
      while await store.waiting < 10 { await Task.yield() }
      #expect(try StoreReader(path: folder.database).counts().readings == 0)
      await store.flush()
      var sequences: Set<Int64> = []
      for try await outcome in group {
        guard case .stored(let sequence) = outcome else { continue }
        sequences.insert(sequence)
      }
      #expect(sequences == Set(1...10))
    }
  }

  @Test func `enough rows are committed without waiting, and the window ends by itself`() async throws {
    let full = try patient(folder.database, rows: 3)
    #expect(
      try await full.append(Store.Submission([judged(1), judged(2, at: noon + 1), judged(3, at: noon + 2)])).count == 3)
    await full.close()
    var options = Store.Options()
    options.window = 1
    let timed = try Store(path: folder.path + "/other.db", options: options)
    #expect(try await timed.appendOne(judged(1)) == .stored(sequence: 1))
  }

  @Test func `duplicates leave no hole in the journal, over a restart too`() async throws {
    let first = try eager(folder.database)
    _ = try await first.appendOne(judged(1))
    for _ in 0..<5 { _ = try await first.appendOne(judged(1)) }
    await first.close()
    #expect(await storeError { _ = try await first.appendOne(judged(2)) } == .closed(path: folder.database))
    let second = try eager(folder.database)
    #expect(try await second.appendOne(judged(2, at: noon + 1)) == .stored(sequence: 2))
  }

  @Test func `the window into the past is by series`() async throws {
    let store = try eager(folder.database)
    let held = Verdict(status: .held, findings: [Finding(.backward, "x")], ruleVersion: 1)
    _ = try await store.append(
      Store.Submission([
        judged(10, at: noon), judged(11, at: noon + 10), judged(9, at: noon + 20, verdict: held),
        judged(5, kind: .dailyFreeze, at: noon - 5), judged(7, meter: "M-0002", at: noon + 1),
        judged(8, meter: "M-0003", at: noon, verdict: held),
      ]))
    let latest = try await store.latestUsable()
    #expect(Set(latest.map(\.sequence)) == [2, 4, 5])
  }
}
