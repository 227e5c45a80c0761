internal import Metering

/// Submissions that wait for one commit together.
struct CommitQueue {
  typealias Answer = Result<[Store.Outcome], StoreError>

  struct Waiting {
    let submission: Store.Submission
    let caller: CheckedContinuation<Answer, Never>
  }

  var waiting: [Waiting] = []
  var rows = 0
  /// Ends the window; one at a time.
  var timer: Task<Void, Never>?
}

extension Store {
  /// Stores readings with verdicts and evidence, and returns once a power cut could not take them back.
  ///
  /// Submissions that come while others wait are committed with them: after `Options.window`, or at once when
  /// `Options.rows` readings are there. The outcomes stand in the order of the readings.
  public func append(_ submission: Submission) async throws(StoreError) -> [Outcome] {
    let answer = await withCheckedContinuation { caller in
      queue.waiting.append(CommitQueue.Waiting(submission: submission, caller: caller))
      queue.rows += submission.readings.count
      if queue.rows >= options.rows {
        flush()
      } else if queue.timer == nil {
        queue.timer = Task { [weak self, window = options.window] in
          // The continuous clock is the boot clock. A cancelled sleep means that its batch went before.
          guard (try? await Task.sleep(for: .milliseconds(window), clock: .continuous)) != nil else { return }
          await self?.flush()
        }
      }
    }
    return try answer.get()
  }

  /// Commits what waits, now.
  public func flush() {
    queue.timer?.cancel()
    let batch = queue.waiting
    queue = CommitQueue()
    guard !batch.isEmpty else { return }
    do throws(StoreError) {
      let outcomes = try store(batch.map(\.submission))
      for (waiting, outcome) in zip(batch, outcomes) { waiting.caller.resume(returning: .success(outcome)) }
    } catch {
      // What one submission carries must not cost the others theirs; a full or failing device stops all alike.
      let isShared = batch.count == 1 || !error.mayBeOfOneSubmission
      for waiting in batch { waiting.caller.resume(returning: isShared ? .failure(error) : alone(waiting.submission)) }
    }
  }

  private func alone(_ submission: Submission) -> CommitQueue.Answer {
    do throws(StoreError) {
      return .success(try store([submission]).first ?? [])
    } catch {
      return .failure(error)
    }
  }

  private func store(_ submissions: [Submission]) throws(StoreError) -> [[Outcome]] {
    let safe = safeSequence
    return try write { (connection) throws(StoreError) in
      var batch = try Batch(on: connection, after: safe, bootID: bootID)
      var outcomes: [[Outcome]] = []
      for submission in submissions { outcomes.append(try batch.insert(submission)) }
      return outcomes
    }
  }
}

extension StoreError {
  /// True where another submission might not meet the same refusal.
  fileprivate var mayBeOfOneSubmission: Bool {
    switch self {
    case .corrupt: true
    case .failed: !isOfTheFile
    case .diskFull, .readOnly, .cannotOpen, .locked, .foreign, .newerSchema, .olderSchema, .missing, .weak, .closed,
      .manyNames, .billDiffers, .cursorBeyondJournal, .unknownReading, .unknownBill, .unknownReview:
      false
    }
  }
}

/// The rows of one transaction.
private struct Batch {
  let connection: Connection
  let bootID: String
  private let insertion: Statement
  private var lastSequence: Int64
  private var lastEvidence: Int64
  /// Rows above this are of a commit of unknown outcome; those in `told` have been acknowledged since.
  private let safe: Int64
  private let landed: Int64
  private var told: Set<Int64> = []

  init(on connection: Connection, after safe: Int64, bootID: String) throws(StoreError) {
    self.connection = connection
    self.bootID = bootID
    self.safe = safe
    insertion = try connection.statement(ReadingRow.insertion)
    lastSequence = try connection.lastSequence()
    landed = lastSequence
    lastEvidence = try connection.nextEvidence() - 1
  }

  mutating func insert(_ submission: Store.Submission) throws(StoreError) -> [Store.Outcome] {
    var evidence: Int64?
    if let exchange = submission.evidence {
      lastEvidence += 1
      try exchange.insert(lastEvidence, on: connection)
      evidence = lastEvidence
    }
    // Evidence for which nothing was stored proves nothing; but alone it was meant.
    var isUsed = submission.readings.isEmpty
    var outcomes: [Store.Outcome] = []
    for judged in submission.readings {
      let outcome = try insert(judged, evidence: evidence, isUsed: &isUsed)
      outcomes.append(outcome)
    }
    if let late = submission.late { try late.note(on: connection) }
    for fill in submission.fills { try connection.note(fill) }
    if let evidence, !isUsed {
      try connection.statement("DELETE FROM evidence WHERE id = ?1").run([.integer(evidence)])
      lastEvidence -= 1
    }
    return outcomes
  }

  private mutating func insert(
    _ judged: JudgedReading, evidence: Int64?, isUsed: inout Bool
  ) throws(StoreError) -> Store.Outcome {
    var row = ReadingRow(judged, sequence: lastSequence + 1, boot: bootID, evidence: evidence, on: connection)
    if try row.insert(by: insertion, on: connection) {
      lastSequence += 1
      isUsed = true
      return .stored(sequence: lastSequence)
    }
    guard let known = try connection.latest(of: row) else {
      // What stands there is nobody's word any more: the next version is what the meter says now.
      row.version = try connection.nextVersion(of: row)
      guard row.version > 0, try row.insert(by: insertion, on: connection) else {
        throw .corrupt(path: connection.path, detail: "the index of readings names a row that is not there")
      }
      lastSequence += 1
      isUsed = true
      return .stored(sequence: lastSequence)
    }
    let reading = judged.reading
    let isSame =
      known.reading.value.millionths == reading.value.millionths && known.reading.occurred == reading.occurred
    // What could not be used must not stand in the way of the same value once it can; and where the clock that made
    // its label was in doubt, not of another value either, for it may be of another instant.
    let isRelease = !known.verdict.isUsable && judged.verdict.isUsable
    if isRelease, isSame || known.hasDoubtfulLabel {
      row.version = known.version + 1
      guard try row.insert(by: insertion, on: connection) else {
        throw .corrupt(path: connection.path, detail: "the index of readings names a row that is not there")
      }
      lastSequence += 1
      isUsed = true
      if !isSame { _ = try note(judged, row, against: known, evidence: evidence) }
      return .stored(sequence: lastSequence)
    }
    guard isSame else {
      if try note(judged, row, against: known, evidence: evidence) { isUsed = true }
      return .conflict(sequence: known.sequence, stored: known.reading.value)
    }
    let isNews = known.sequence > safe && known.sequence <= landed && told.insert(known.sequence).inserted
    return isNews ? .stored(sequence: known.sequence) : .duplicate(sequence: known.sequence)
  }

  /// Writes down that a key came with another value; false when it was written before.
  private func note(
    _ judged: JudgedReading, _ row: ReadingRow, against known: StoredReading, evidence: Int64?
  ) throws(StoreError) -> Bool {
    try connection.insert(
      FindingRecord(
        at: judged.reading.hostTime.unixMilliseconds, meter: judged.reading.key.meter, code: .conflict,
        detail: "\(row.quantity) \(row.kind): stored \(known.reading.value), now \(judged.reading.value)",
        reading: known.sequence, evidence: evidence))
  }
}

extension StoredReading {
  /// True where the clock that made the label was in doubt.
  fileprivate var hasDoubtfulLabel: Bool {
    verdict.findings.contains { finding in
      switch finding.code {
      case .clockUnsynchronised, .impossibleTime: true
      // Only memories are labelled by the meter's clock.
      case .clockDeviation: reading.key.kind == .settlement || reading.key.kind == .dailyFreeze
      case .backward, .rollover, .runaway, .rateSum, .conflict, .meterChanged, .staleFreeze, .clockDrift, .clockSet,
        .clockFault, .eventsLost, .eventsCleared:
        false
      }
    }
  }
}
