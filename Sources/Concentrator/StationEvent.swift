public import Acquisition
public import Metering

/// What happens in a running station, for logs, tables and counts.
public enum StationEvent: Sendable {
  case line(LineEvent)
  case stored(line: String, Reading, Verdict, StoredAs)
  /// A value came whose instant cannot be told.
  case unlabelled(meter: MeterID, quantity: Quantity, reason: String)
  /// A task names a memory that a meter of this profile does not keep; told once, not in each round.
  case notKept(meter: MeterID, item: String)
  /// A meter has told an event of its own.
  case event(line: String, meter: MeterID, MeterEvent, EventKept)
  /// Something is to be said of a meter's events as a whole.
  case eventNotice(meter: MeterID, EventNotice)
  /// Something is to be said of a meter's clock.
  case clock(meter: MeterID, ClockNotice)
  case storeFailed(reason: String, readings: Int)
  /// A document was issued; `kind` is `original`, `reversal` or `difference`, and `totalFen` what it adds to the account.
  case billed(account: String, cycle: String, kind: String, totalFen: Int64, isNew: Bool)
  case held(account: String, cycle: String, reason: String)
  /// Nothing is billed while nobody has set the host's clock.
  case billingWaitsForClock
  /// So many issued bills come out otherwise by plans, engine or master data alone, and nobody has accepted it: their
  /// accounts are not billed. None of them when the books were tried and all is well.
  case billingWaitsForTrial(differences: Int)
  /// Somebody had a meter changed, or tried to; the audit log has it word for word.
  case commanded(line: String, request: String, by: String, outcome: String)
  /// The trace of a line has ended; the line goes on.
  case traceFailed(line: String, reason: String)
  /// A row of the store holds what no meterd wrote, and nobody uses it; or a page is damaged.
  case storeDamaged(Complaint)
}

/// Counts of a station since it was started.
public struct StationCounts: Hashable, Sendable {
  public var answers = 0
  public var read = 0
  public var stored = 0
  public var duplicates = 0
  public var conflicts = 0
  public var flagged = 0
  public var held = 0
  public var rejected = 0
  /// Findings by their code.
  public var findings: [FindingCode: Int] = [:]
  public var refused = 0
  public var damaged = 0
  /// Bytes that came after their time and were thrown away.
  public var lateBytes = 0
  public var missed = 0
  /// Rounds that nobody began, counted for each meter.
  public var leftOut = 0
  /// Last freezes of another day than the one that was asked for.
  public var staleFreezes = 0
  /// Freezes that a day of passes, or the whole depth of the task, has not brought.
  public var backfillFailures = 0
  /// Values that came after their round had missed them.
  public var filled = 0
  public var unlabelled = 0
  /// Events that meters told, by what they are: since they were last read, before they were first read, not to be taken
  /// at their word.
  public var events = 0
  public var pastEvents = 0
  public var heldEvents = 0
  /// Events of which there is no record, or none that could be read.
  public var lostEvents = 0
  public var billed = 0
  public var billsHeld = 0
  public var totalFen: Int64 = 0

  public init() {}

  public mutating func add(_ event: StationEvent) {
    switch event {
    case .line(.answered(let answer)):
      answers += 1
      if answer.fillsGap { filled += 1 }
    case .line(.staleFreeze): staleFreezes += 1
    case .line(.backfillFailed): backfillFailures += 1
    case .line(.late(_, _, let bytes)): lateBytes += bytes
    case .line(.missed(_, _, let queries, _, _)): missed += queries.count
    case .line(.leftOut(_, _, let meters, _, _, let rounds, _)):
      leftOut += meters.count * rounds
    case .line(.recordsLapsed(_, _, _, _, _, let records, _)): missed += records
    case .line(.recordsRefused(_, _, let records, _)): missed += records.count
    case .line(.rejected(_, _, _, let reason)):
      if reason.hasPrefix("refused") { refused += 1 } else { damaged += 1 }
    case .line: break
    case .stored(_, _, let verdict, let outcome):
      read += 1
      switch outcome {
      case .new: stored += 1
      case .duplicate: duplicates += 1
      case .conflict: conflicts += 1
      }
      for finding in verdict.findings { findings[finding.code, default: 0] += 1 }
      switch verdict.status {
      case .accepted: break
      case .flagged: flagged += 1
      case .held: held += 1
      case .rejected: rejected += 1
      }
    case .unlabelled: unlabelled += 1
    case .event(_, _, let event, let kept):
      guard kept == .new else { return }
      switch event.state {
      case .new: events += 1
      case .history: pastEvents += 1
      case .held: heldEvents += 1
      }
    case .eventNotice(_, .lost(_, _, let lost)): lostEvents += Int(lost)
    case .eventNotice(_, .unread(_, let records)): lostEvents += Int(records)
    case .eventNotice(_, .cleared): break
    case .clock, .storeFailed, .billingWaitsForClock, .billingWaitsForTrial, .notKept, .traceFailed, .storeDamaged,
      .commanded:
      break
    case .billed(_, _, _, let fen, let isNew):
      if isNew {
        billed += 1
        totalFen += fen
      }
    case .held: billsHeld += 1
    }
  }
}
