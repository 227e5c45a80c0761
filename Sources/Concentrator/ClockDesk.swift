internal import Acquisition
internal import Host
internal import Metering
internal import Store

/// Keeps what is known of the meters' clocks, tells what is wrong with them, and has them set where that is allowed.
///
/// Before a clock is set it is noted in the store that it will be: whatever happens then, it is not set twice.
actor ClockDesk {
  enum Inbox: Sendable {
    case look(MeterID, ClockLook)
    /// Time has passed.
    case tick
  }

  /// How a line carries an order out.
  typealias Carry = @Sendable (_ line: String, ClockOrder) async -> ClockOutcome
  /// Looks at a meter's clock once more; what it shows comes by the inbox.
  typealias Look = @Sendable (_ line: String, MeterID) async -> Void

  private static let meterFact = "clock of "
  private static let lineFact = "broadcast on "

  private let store: Store
  private let clocks: StationClocks
  private var care: ClockCare
  private let clock: WallClock
  private let report: @Sendable (StationEvent) -> Void
  /// Histories that the store does not have yet.
  private var unsaved: Set<MeterID> = []

  init(
    store: Store, station: Station, clock: WallClock, report: @escaping @Sendable (StationEvent) -> Void
  ) async throws(StoreError) {
    self.store = store
    self.clock = clock
    self.report = report
    clocks = station.clocks
    var histories: [MeterID: ClockHistory] = [:]
    for (name, text) in try await store.facts(named: Self.meterFact) {
      if let id = MeterID(name), let history = ClockHistory(text) { histories[id] = history }
    }
    let broadcasts = try await store.facts(named: Self.lineFact).compactMapValues { CivilDate($0) }
    care = ClockCare(
      station.configuration.clock.rules, meters: clocks.meters, zone: station.configuration.zone, histories: histories,
      broadcasts: broadcasts)
  }

  /// Works until the inbox ends.
  func run(_ inbox: AsyncStream<Inbox>, carry: Carry, look: Look) async {
    for await item in inbox {
      switch item {
      case .look(let meter, let look): await take(look, of: meter)
      case .tick: await save()
      }
      await act(carry, look)
    }
    await save()
  }

  /// What is known of each clock.
  var histories: [MeterID: ClockHistory] { care.histories }

  private func take(_ look: ClockLook, of meter: MeterID) async {
    let before = care.histories[meter]?.days.last
    let notices = care.take(look, of: meter)
    await tell(notices, of: meter)
    // The last look of many a day need not be written each time; what it means must.
    guard !notices.isEmpty || care.histories[meter]?.days.last != before else { return }
    unsaved.insert(meter)
    if unsaved.count >= 64 { await save() }
  }

  private func act(_ carry: Carry, _ look: Look) async {
    while let order = care.next(at: clock.now) {
      switch order {
      case .tell(let meter, let notice): await tell([notice], of: meter)
      case .look(let line, let meter): await look(line, meter)
      case .set(let line, let meters, let way): await set(meters, way, line, carry)
      }
    }
  }

  private func set(_ meters: [MeterID], _ way: ClockWay, _ line: String, _ carry: Carry) async {
    let before = care.histories.compactMapValues { $0.last?.deviation }
    unsaved.formUnion(meters)
    guard await save(), let order = clocks.order(meters, way) else {
      return care.wasNotSent(meters, by: way, on: line, at: clock.now.unixMilliseconds)
    }
    let outcome = await carry(line, order)
    if !outcome.isSent { care.wasNotSent(meters, by: way, on: line, at: clock.now.unixMilliseconds) }
    if let sentAt = outcome.sentAt {
      care.heardTime(outcome.heard, at: sentAt)
      unsaved.formUnion(outcome.heard)
    }
    for meter in meters {
      let look = outcome.looks[meter]
      let notices = care.wasSet(
        meter, by: way, before: before[meter] ?? 0, look, trouble: outcome.trouble)
      unsaved.insert(meter)
      await tell(notices, of: meter)
      if let notice = notices.first { await audit(notice, meter, way, line, outcome) }
    }
    await save()
  }

  /// A person has set the clock of a meter, or all of a line.
  func wasSetByPerson(_ meter: MeterID?, on line: String) async {
    unsaved.formUnion(care.wasSetByPerson(meter, on: line, at: clock.now.unixMilliseconds))
    await save()
  }

  private func tell(_ notices: [ClockNotice], of meter: MeterID) async {
    for notice in notices {
      report(.clock(meter: meter, notice))
      do throws(StoreError) {
        try await store.record(
          FindingRecord(at: clock.now.unixMilliseconds, meter: meter, code: notice.code, detail: "\(notice)"))
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      }
    }
  }

  /// What came of it; that it was sent or kept back is told by the line itself.
  private func audit(
    _ notice: ClockNotice, _ meter: MeterID, _ way: ClockWay, _ line: String, _ outcome: ClockOutcome
  ) async {
    let word: String
    switch notice {
    case .set: word = "done"
    case .notSet(_, let to, _, _): word = !outcome.isSent || to != nil ? "failed" : "silent"
    case .deviates, .agrees, .drifts, .moved, .wouldSet, .faulty: return
    }
    do throws(StoreError) {
      try await store.audit(
        AuditRecord(
          at: clock.now.unixMilliseconds, actor: "daemon", line: line,
          function: (way == .write ? ControlFunction.write : .setTime).rawValue, target: meter.text, outcome: word,
          detail: "\(notice)"))
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
  }

  /// False where the store does not take it: then nothing is set.
  @discardableResult
  private func save() async -> Bool {
    guard !unsaved.isEmpty else { return true }
    var facts: [String: String] = [:]
    for meter in unsaved { facts[meter.text] = care.histories[meter]?.text }
    do throws(StoreError) {
      try await store.note(facts, named: Self.meterFact)
      try await store.note(care.broadcasts.mapValues { "\($0)" }, named: Self.lineFact)
      unsaved = []
      return true
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      return false
    }
  }
}

extension ClockNotice {
  /// Under which code the store lists it.
  var code: FindingCode {
    switch self {
    case .deviates, .agrees, .moved: .clockDeviation
    case .drifts: .clockDrift
    case .wouldSet, .set, .notSet: .clockSet
    case .faulty: .clockFault
    }
  }

  /// True where a person should look.
  var isTrouble: Bool {
    switch self {
    case .deviates, .drifts, .moved, .notSet, .faulty: true
    case .agrees, .wouldSet, .set: false
    }
  }
}

extension ClockHistory {
  /// For `meterd status` and `meterd clock`: seconds as decimals, `null` where nothing is known yet.
  func json(_ zone: ZoneOffset) -> JSON {
    .object([
      "deviation_s": .optional(last.map { decimalString($0.deviation &* 1000, decimals: 1) }),
      "uncertainty_s": .optional(last.map { decimalString($0.uncertainty &* 1000, decimals: 1) }),
      "looked_at": .optional(last.map { zone.rfc3339(unixMilliseconds: $0.at) }),
      "drift_s_per_day": .optional(drift.map { decimalString($0.rate &* 1000, decimals: 2) }),
      "drift_days": drift.map { .integer($0.days) } ?? .null,
      "last_set": .optional(settings.last.map { zone.rfc3339(unixMilliseconds: $0) }),
      "state": .string(isFaulty ? "faulty" : last == nil ? "unknown" : isOff ? "off" : "ok"),
    ])
  }
}

extension ClockDesk {
  /// Works with the lines of a station until the inbox ends.
  func run(_ inbox: AsyncStream<Inbox>, by workers: [LineWorker], _ meters: [[LineMeter]]) async {
    let lines = Dictionary(workers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    await run(
      inbox,
      carry: { line, order in
        await lines[line]?.setClocks(order) ?? ClockOutcome(trouble: "there is no such line")
      },
      look: { line, meter in
        let questions = meters.joined().first { $0.id == meter }?.clockQueries
        _ = await lines[line]?.read(questions ?? [], of: meter)
      })
  }
}
