internal import Acquisition
internal import Host
internal import Line
internal import Metering
internal import Store
internal import Validation

/// Makes readings of answers, has them judged, and stores them with their evidence.
///
/// Lines hand over without waiting; the store commits in groups. What a slow disk holds up waits here, in bounds.
actor Intake {
  let store: Store
  let zone: ZoneOffset
  private let files: [MeterID: MeterFile]
  let clock: WallClock
  private var neighbours: [MeterID: [Series: [Neighbour]]] = [:]
  let report: @Sendable (StationEvent) -> Void
  let backlog: GapBacklog
  let house: House
  /// No gap of the backlog is tried before.
  private var retryAt = BootInstant(nanoseconds: 0)
  /// What a clock that was ahead has noted as missing.
  var ahead = GapsAhead()
  /// What open rounds lack, as it was told.
  var open = OpenGaps()
  let tasks: [AcquisitionTask]
  /// Counts of events that were missed and have not come since, by meter.
  var missedEvents: [MeterID: Set<String>] = [:]
  /// Items of meters whose values came and could not be labelled.
  private var unlabelled: Set<Item> = []

  /// How many answers wait for the disk, and who waits for one less.
  private var waiting = 0
  private var room: CheckedContinuation<Void, Never>?

  private struct Item: Hashable {
    let meter: MeterID
    let subject: String
  }

  /// What an intake asks of those who run the lines.
  struct House: Sendable {
    /// A line wants to know what the journal holds.
    var journalWanted: @Sendable (_ line: String) async -> Void = { _ in }
    /// The disk did not keep an answer, and will not.
    var notKept: @Sendable (Answer) async -> Void = { _ in }
    /// Nor what a meter has noted of itself.
    var eventsNotKept: @Sendable (EventReport) async -> Void = { _ in }
  }

  private static let valueUnlabelled = "unlabelled"

  init(
    store: Store, zone: ZoneOffset, files: [MeterID: MeterFile], clock: WallClock, backlog: GapBacklog? = nil,
    house: House = House(), eventSubjects: Set<String> = [], tasks: [AcquisitionTask] = [],
    report: @escaping @Sendable (StationEvent) -> Void
  ) async throws(StoreError) {
    self.backlog = backlog ?? GapBacklog(zone: zone)
    self.house = house
    self.store = store
    self.zone = zone
    self.files = files
    self.clock = clock
    self.tasks = tasks
    self.report = report
    for stored in try await store.latestUsable() {
      let key = stored.reading.key
      neighbours[key.meter, default: [:]][Series(key), default: []].append(
        Neighbour(stored.reading, isOfThisBoot: stored.bootID == store.bootID))
    }
    if !eventSubjects.isEmpty { missedEvents = try await store.openSubjects(of: eventSubjects) }
    unlabelled = Set(
      try await store.openGaps(reason: Self.valueUnlabelled).map { Item(meter: $0.meter, subject: $0.subject) })
    ahead = try await GapsAhead(of: store, at: clock.now)
    open = try await OpenGaps(of: store, tasks, zone: zone, at: clock.now.unixMilliseconds)
  }

  /// Takes events until their source ends. Up to 256 answers wait for the disk at once.
  func run(_ events: some AsyncSequence<LineEvent, Never> & Sendable) async {
    // Reports are kept one after the other: a later one says what is known after an earlier one.
    let (told, reports) = AsyncStream.makeStream(of: EventReport.self)
    // A group that collects results would keep each task, with the answer it holds, until somebody asks for it.
    await withDiscardingTaskGroup { group in
      group.addTask { for await report in told { await self.keep(report) } }
      defer { reports.finish() }
      for await event in events {
        if case .answered(let answer) = event {
          report(.line(event))
          let judged = judgeReadings(of: answer)
          await fillEvents(answer)
          guard !judged.isEmpty else {
            // What has no label is missing all the same.
            if answer.readings(zone: zone).unlabelled.isEmpty { await fillOpen(answer) }
            await noteUnlabelled(answer)
            continue
          }
          if waiting >= 256 { await withCheckedContinuation { room = $0 } }
          waiting += 1
          group.addTask {
            await self.keep(judged, of: answer)
            await self.leave()
          }
        } else if case .events(let report) = event {
          reports.yield(report)
        } else {
          await pass(event)
        }
        if !backlog.isEmpty, HostClock.boot >= retryAt { await noteBacklog() }
      }
    }
    await noteBacklog()
  }

  /// One answer less waits for the disk.
  private func leave() {
    waiting -= 1
    room?.resume()
    room = nil
  }

  /// Notes gaps that found no room before.
  private func noteBacklog() async {
    let gaps = backlog.take()
    guard !gaps.isEmpty else { return }
    // Before they are recorded: what comes meanwhile closes them. Rounds may still be open that lack these.
    open.note(gaps.filter { !$0.isRun && $0.gap.until == nil && $0.gap.every == nil }.map(\.gap))
    do throws(StoreError) {
      try await store.record(gaps.map(\.gap))
    } catch {
      for each in gaps { backlog.add(each.gap, isRun: each.isRun) }
      retryAt = HostClock.boot + .seconds(5)
    }
  }

  /// A value came, and nobody can tell of which instant: it is missing all the same.
  private func noteUnlabelled(_ answer: Answer) async {
    guard let slot = answer.slot, !answer.readings(zone: zone).unlabelled.isEmpty else { return }
    let item = Item(meter: answer.meter, subject: answer.query.subject)
    let isOfDays = answer.isSynthetic || answer.query.freezeDay != nil
    // A memory that stays without a label is told once, not in each round.
    guard isOfDays || unlabelled.insert(item).inserted else { return }
    let reason = answer.isSynthetic ? LinePlan.Missed.Reason.late.rawValue : Self.valueUnlabelled
    let instant = answer.query.freezeInstant(zone: zone) ?? slot
    let gap = Gap(meter: answer.meter, subject: item.subject, instant: instant, reason: reason)
    _ = await note([gap]) { backlog.add(gap) }
  }

  /// Notes gaps, later where there is no room now. How many are news.
  private func note(_ gaps: [Gap], orElse keep: () -> Void) async -> Int {
    guard !gaps.isEmpty else { return 0 }
    do throws(StoreError) {
      return try await store.record(gaps).count
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      keep()
      retryAt = HostClock.boot + .seconds(5)
      return gaps.count
    }
  }

  private func judgeReadings(of answer: Answer) -> [JudgedReading] {
    let made = answer.readings(zone: zone)
    for missing in made.unlabelled {
      report(.unlabelled(meter: answer.meter, quantity: missing.quantity, reason: missing.reason))
    }
    guard !made.readings.isEmpty else { return [] }
    let known = neighbours[answer.meter] ?? [:]
    let file = files[answer.meter] ?? MeterFile(phases: 3)
    // One answer may hold several memories; totals and rates are compared within each.
    let verdicts = judge(made.readings, neighbours: known, file: file, now: clock.now)
    // Two tasks may read the same register for one due time: the first value of it counts, and the register went on.
    let judged = zip(made.readings, verdicts).filter { reading, _ in
      guard reading.key.kind == .instantaneous, reading.key.instant == answer.slot else { return true }
      let first = known[Series(reading.key)]?.first { $0.instant == reading.key.instant }
      return first.map { $0.value == reading.value } ?? true
    }.map { JudgedReading($0, $1) }
    for each in judged where each.verdict.isUsable { remember(each.reading) }
    return judged
  }

  /// Keeps the newest usable neighbour of each series, and for kept memories the two newest.
  private func remember(_ reading: Reading) {
    let series = Series(reading.key)
    var known = neighbours[reading.key.meter]?[series] ?? []
    let new = Neighbour(reading)
    known.removeAll { $0.instant == new.instant }
    known.append(new)
    known.sort { $0.instant < $1.instant }
    neighbours[reading.key.meter, default: [:]][series] = Array(known.suffix(14))
  }

  private func keep(_ judged: [JudgedReading], of answer: Answer) async {
    let evidence = Evidence(
      line: answer.line, meter: answer.meter, requests: answer.requests, replies: answer.replies,
      at: answer.hostTime.unixMilliseconds)
    // A full or lost disk holds this answer back until there is room again; only the end of the daemon drops it.
    var pause: Int64 = 1
    repeat {
      do throws(StoreError) {
        let outcomes = try await append(judged, evidence, of: answer)
        for (each, outcome) in zip(judged, outcomes) {
          report(.stored(line: answer.line, each.reading, each.verdict, StoredAs(outcome)))
        }
        return
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: judged.count))
        guard error.mayPass else { return await lose(answer) }
        try? await Task.sleep(for: .seconds(pause))
        pause = min(60, pause * 2)
      }
    } while !Task.isCancelled
    await lose(answer)
  }

  /// Stores readings, and with them that they are not missing any more: both or neither.
  private func append(
    _ judged: [JudgedReading], _ evidence: Evidence, of answer: Answer
  ) async throws(StoreError) -> [Store.Outcome] {
    let late = lateRead(judged, of: answer)
    let closed = ahead.closed(by: answer, zone: zone)
    let fills = fills(of: answer, ahead: closed)
    do throws(StoreError) {
      let outcomes = try await store.append(
        Store.Submission(judged, evidence: evidence, late: late, fills: fills))
      for fill in fills { backlog.forget(fill) }
      ahead.forget(closed)
      open.forget(answer, zone: zone)
      unlabelled.remove(Item(meter: answer.meter, subject: answer.query.subject))
      return outcomes
    } catch {
      // A list of gaps that is damaged must not cost readings; what is listed there stays so until the next one comes.
      guard !fills.isEmpty, !error.isOfRoom else { throw error }
      let outcomes = try await store.append(Store.Submission(judged, evidence: evidence, late: late))
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
      return outcomes
    }
  }

  /// The gaps that the values of an answer close, whatever noted them.
  private func fills(of answer: Answer, ahead: [Gap]) -> [Store.Fill] {
    let at = answer.hostTime.unixMilliseconds
    let subject = answer.query.subject
    var fills: [Store.Fill] = []
    // A gap of an earlier run of the daemon is not known to the plan.
    if let instant = answer.query.freezeInstant(zone: zone) {
      fills.append(Store.Fill(.one(instant), of: subject, meter: answer.meter, at: at))
    }
    // Months may be read again for a round that was told as over: the clock has gone back.
    if let slot = answer.slot, answer.query.freezeDay == nil, answer.query.isSettlement || isLacking(answer) {
      fills.append(Store.Fill(.one(slot), of: subject, meter: answer.meter, at: at))
    }
    if case .profile(let span) = answer.query, answer.fillsGap {
      let times = Set(answer.observations.compactMap { $0.occurred }).map { zone.unixMilliseconds(of: $0) }.sorted()
      fills.append(
        Store.Fill(.records(times, every: Int64(span.minutes) * 60_000), of: subject, meter: answer.meter, at: at))
    }
    fills += ahead.map {
      Store.Fill($0.until == nil ? .one($0.instant) : .run($0.instant), of: $0.subject, meter: $0.meter, at: at)
    }
    if unlabelled.contains(Item(meter: answer.meter, subject: subject)) {
      fills.append(Store.Fill(.all(reason: Self.valueUnlabelled), of: subject, meter: answer.meter, at: at))
    }
    return fills
  }

  /// The disk did not take an answer: its values are missing.
  private func lose(_ answer: Answer) async {
    // What comes of it later is the first of its instant.
    for key in answer.readings(zone: zone).readings.map(\.key) where key.kind == .instantaneous {
      neighbours[key.meter]?[Series(key)]?.removeAll { $0.instant == key.instant }
    }
    backlog.add(.answered(answer))
    await house.notKept(answer)
  }

  /// The round of an answer whose readings do not bear the label of that; `nil` where they do, and for all that belongs
  /// to no round.
  private func lateRead(_ judged: [JudgedReading], of answer: Answer) -> Store.LateRead? {
    guard let task = answer.task, let slot = answer.slot,
      judged.contains(where: { $0.reading.key.kind == .instantaneous && $0.reading.key.instant != slot })
    else { return nil }
    return Store.LateRead(meter: answer.meter, task: task, subject: answer.query.subject, slot: slot)
  }

  private func pass(_ event: LineEvent) async {
    do throws(StoreError) {
      switch event {
      case .missed(_, _, _, let reason, _):
        noteMissedEvents(event)
        await endOpen(event)
        // What an outage left out is found again at each start until it is filled.
        let news = await note(event.gaps(zone: zone)) { backlog.add(event) }
        if reason == .outage, news == 0 { return }
      case .lacking:
        let gaps = event.gaps(zone: zone)
        open.note(gaps)
        _ = await note(gaps) { backlog.add(event) }
      case .leftOut, .recordsLapsed, .recordsRefused, .backfillFailed:
        _ = await note(event.gaps(zone: zone)) { backlog.add(event) }
      case .journalWanted(let line):
        await store.flush()
        await lookAhead()
        await lookForOpenGaps()
        return await house.journalWanted(line)
      case .staleFreeze(_, let meter, let query, let told):
        let last = told.map { "its last freeze is of \($0)" } ?? "it has none yet"
        try await store.record(
          FindingRecord(
            at: clock.now.unixMilliseconds, meter: meter, code: .staleFreeze, detail: "asked for \(query), \(last)"))
      case .control(let line, let record):
        try await store.audit(AuditRecord(record, line: line, actor: "daemon", at: clock.now.unixMilliseconds))
      case .answered, .events, .clock, .health, .rejected, .answeredTwice, .late, .portLost, .portOpened: break
      }
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
    report(.line(event))
  }
}

extension AuditRecord {
  /// What a line tells of something that changes a meter.
  init(_ record: ControlRecord, line: String, actor: String, at: Int64) {
    self.init(
      at: at, actor: actor, line: line, function: record.act.function, target: record.act.target,
      outcome: record.refusal == nil ? "sent" : "refused", detail: record.refusal?.rawValue ?? "")
  }
}

/// What became of a reading in the store.
public enum StoredAs: Hashable, Sendable {
  case new(sequence: Int64)
  case duplicate(sequence: Int64)
  case conflict(sequence: Int64)

  init(_ outcome: Store.Outcome) {
    switch outcome {
    case .stored(let sequence): self = .new(sequence: sequence)
    case .duplicate(let sequence): self = .duplicate(sequence: sequence)
    case .conflict(let sequence, _): self = .conflict(sequence: sequence)
    }
  }
}

extension StoreError {
  /// True where the whole disk is meant, not what was to be written.
  fileprivate var isOfRoom: Bool {
    switch self {
    case .diskFull, .readOnly, .cannotOpen, .closed: true
    case .missing, .locked, .manyNames, .foreign, .newerSchema, .olderSchema, .corrupt, .failed, .weak, .billDiffers,
      .cursorBeyondJournal, .unknownReading, .unknownBill, .unknownReview:
      false
    }
  }

  /// True where waiting may help: room may return, a file system may come back.
  var mayPass: Bool {
    switch self {
    case .diskFull, .readOnly, .failed, .cannotOpen: true
    case .missing, .locked, .manyNames, .foreign, .newerSchema, .olderSchema, .corrupt, .weak, .closed, .billDiffers,
      .cursorBeyondJournal, .unknownReading, .unknownBill, .unknownReview:
      false
    }
  }
}
