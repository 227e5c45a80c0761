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
  private let clock: WallClock
  private var neighbours: [MeterID: [Series: [Neighbour]]] = [:]
  let report: @Sendable (StationEvent) -> Void

  init(
    store: Store, zone: ZoneOffset, files: [MeterID: MeterFile], clock: WallClock,
    report: @escaping @Sendable (StationEvent) -> Void
  ) async throws(StoreError) {
    self.store = store
    self.zone = zone
    self.files = files
    self.clock = clock
    self.report = report
    for stored in try await store.latestUsable() {
      let key = stored.reading.key
      neighbours[key.meter, default: [:]][Series(key), default: []].append(Neighbour(stored.reading))
    }
  }

  /// Takes events until their source ends. Up to 256 answers wait for the disk at once.
  func run(_ events: some AsyncSequence<LineEvent, Never> & Sendable) async {
    await withTaskGroup(of: Void.self) { group in
      var waiting = 0
      for await event in events {
        if case .answered(let answer) = event {
          report(.line(event))
          let judged = judgeReadings(of: answer)
          guard !judged.isEmpty else { continue }
          if waiting >= 256 {
            await group.next()
            waiting -= 1
          }
          group.addTask { await self.keep(judged, of: answer) }
          waiting += 1
        } else {
          await pass(event)
        }
      }
    }
  }

  private func judgeReadings(of answer: Answer) -> [JudgedReading] {
    let made = answer.readings(zone: zone)
    for missing in made.unlabelled {
      report(.unlabelled(meter: answer.meter, quantity: missing.quantity, reason: missing.reason))
    }
    guard !made.readings.isEmpty else { return [] }
    let file = files[answer.meter] ?? MeterFile(phases: 3)
    // One answer may hold several memories; totals and rates are compared within each.
    let verdicts = judge(made.readings, neighbours: neighbours[answer.meter] ?? [:], file: file, now: clock.now)
    let judged = zip(made.readings, verdicts).map { JudgedReading($0, $1) }
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
        let outcomes = try await store.append(Store.Submission(judged, evidence: evidence))
        for (each, outcome) in zip(judged, outcomes) {
          report(.stored(line: answer.line, each.reading, each.verdict, StoredAs(outcome)))
        }
        // A gap of an earlier run of the daemon is not known to the plan.
        if answer.query.freezeDay != nil { await fill(answer) }
        await fillRecords(answer)
        return
      } catch {
        report(.storeFailed(reason: Complaint(error).headline, readings: judged.count))
        guard error.mayPass else { return }
        try? await Task.sleep(for: .seconds(pause))
        pause = min(60, pause * 2)
      }
    } while !Task.isCancelled
  }

  private func pass(_ event: LineEvent) async {
    do throws(StoreError) {
      switch event {
      case .missed(_, let meter, let queries, let reason, let slot):
        try await store.record(
          queries.map {
            Gap(meter: meter, subject: $0.subject, instant: instant(of: $0) ?? slot, reason: reason.rawValue)
          })
      case .backfillFailed(_, let meter, let query, let reason, _):
        // Most are known from the round that missed them; what an outage left out is not.
        guard let instant = instant(of: query) else { break }
        try await store.record([
          Gap(meter: meter, subject: query.subject, instant: instant, reason: reason.rawValue)
        ])
      case .staleFreeze(_, let meter, let query, let told):
        let last = told.map { "its last freeze is of \($0)" } ?? "it has none yet"
        try await store.record(
          FindingRecord(
            at: clock.now.unixMilliseconds, meter: meter, code: .staleFreeze, detail: "asked for \(query), \(last)"))
      case .control(let line, let record):
        try await store.audit(AuditRecord(record, line: line, actor: "daemon", at: clock.now.unixMilliseconds))
      case .answered, .clock, .health, .rejected, .answeredTwice, .late, .portLost, .portOpened: break
      }
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
    report(.line(event))
  }

  /// The instant that a freeze would have; `nil` for all that is none.
  private func instant(of query: Query) -> Int64? {
    query.freezeDay.map { zone.unixMilliseconds(of: MeterTime(localSeconds: $0.daysSince1970 * 86_400)) }
  }

  /// What was missing has come after all.
  private func fill(_ answer: Answer) async {
    guard let instant = instant(of: answer.query) else { return }
    do throws(StoreError) {
      try await store.fillGap(
        meter: answer.meter, subject: answer.query.subject, instant: instant, at: answer.hostTime.unixMilliseconds)
    } catch {
      report(.storeFailed(reason: Complaint(error).headline, readings: 0))
    }
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
  /// True where waiting may help: room may return, a file system may come back.
  var mayPass: Bool {
    switch self {
    case .diskFull, .readOnly, .failed, .cannotOpen: true
    case .missing, .locked, .foreign, .newerSchema, .olderSchema, .corrupt, .weak, .closed, .billDiffers,
      .cursorBeyondJournal, .unknownReading, .unknownBill, .unknownReview:
      false
    }
  }
}
