public import Metering

/// A reading and what validation says of it.
public struct JudgedReading: Hashable, Sendable {
  public let reading: Reading
  public let verdict: Verdict

  public init(_ reading: Reading, _ verdict: Verdict) {
    self.reading = reading
    self.verdict = verdict
  }
}

/// The bytes of one exchange with a meter: the proof of what it said.
public struct Evidence: Hashable, Sendable {
  /// Name of the line in the configuration.
  public let line: String
  public let meter: MeterID
  /// The frames sent and received, as they stood on the wire, in order.
  public let requests: [[UInt8]]
  public let replies: [[UInt8]]
  /// When the last byte had come, in milliseconds since 1970 UTC.
  public let at: Int64

  public init(line: String, meter: MeterID, requests: [[UInt8]], replies: [[UInt8]], at: Int64) {
    self.line = line
    self.meter = meter
    self.requests = requests
    self.replies = replies
    self.at = at
  }
}

/// A reading as the journal holds it.
public struct StoredReading: Hashable, Sendable {
  /// Its number in the journal; grows by one with each row.
  public let sequence: Int64
  /// 0 is the value as read.
  public let version: Int64
  public let reading: Reading
  public let verdict: Verdict
  /// The run of the machine to which the boot clock belongs.
  public let bootID: String
  /// The exchange it came from; ask for it with `evidence(_:)`.
  public let evidence: Int64?
}

extension Store {
  /// What one answer of a meter gave, to be stored as one fact.
  public struct Submission: Hashable, Sendable {
    public let readings: [JudgedReading]
    public let evidence: Evidence?
    /// The round it was read for, where its readings do not bear the label of that.
    public let late: LateRead?
    /// The gaps that its values close.
    public let fills: [Fill]

    public init(
      _ readings: [JudgedReading], evidence: Evidence? = nil, late: LateRead? = nil, fills: [Fill] = []
    ) {
      self.readings = readings
      self.evidence = evidence
      self.late = late
      self.fills = fills
    }
  }

  /// Values that were listed as missing have come.
  public struct Fill: Hashable, Sendable {
    public enum Values: Hashable, Sendable {
      /// The one value of an instant, in milliseconds since 1970 UTC.
      case one(Int64)
      /// A run of rounds as a whole, by its first instant: it is filled as such or not at all.
      case run(Int64)
      /// Records at these instants, in their order, `every` so many milliseconds: of each run that names them the rest
      /// stays.
      case records([Int64], every: Int64)
      /// All that wait for one reason.
      case all(reason: String)
    }

    public let meter: MeterID
    public let subject: String
    public let values: Values
    /// When they came, in milliseconds since 1970 UTC.
    public let at: Int64

    public init(_ values: Values, of subject: String, meter: MeterID, at: Int64) {
      self.meter = meter
      self.subject = subject
      self.values = values
      self.at = at
    }
  }

  /// An answer that came too late to bear the label of its round.
  public struct LateRead: Hashable, Sendable {
    public let meter: MeterID
    public let task: String
    /// What was asked.
    public let subject: String
    /// When the round was due, in milliseconds since 1970 UTC.
    public let slot: Int64

    public init(meter: MeterID, task: String, subject: String, slot: Int64) {
      self.meter = meter
      self.task = task
      self.subject = subject
      self.slot = slot
    }
  }

  /// What became of one reading. Nothing is said before it would survive a power cut.
  public enum Outcome: Hashable, Sendable {
    /// As a new row: of a new key, or of one whose rows could not be used until now.
    case stored(sequence: Int64)
    /// The same key with the same value was there.
    case duplicate(sequence: Int64)
    /// The same key was there with another value, which stands; a finding `DIFF` was written.
    case conflict(sequence: Int64, stored: RegisterValue)
  }

  public struct Options: Hashable, Sendable {
    /// A commit waits so long for company, in milliseconds.
    public var window: Int64 = 100
    /// A commit waits no longer once so many readings are there.
    public var rows = 100
    /// So many of the newest readings have their checksums verified when the store is opened.
    public var checkedRows = 1000

    public init() {}
  }
}

/// Something worth listing that is no verdict on a stored reading.
public struct FindingRecord: Hashable, Sendable {
  /// Milliseconds since 1970 UTC.
  public let at: Int64
  public let meter: MeterID
  public let code: FindingCode
  public let detail: String
  /// The reading it is about.
  public let reading: Int64?
  public let evidence: Int64?

  public init(
    at: Int64, meter: MeterID, code: FindingCode, detail: String, reading: Int64? = nil, evidence: Int64? = nil
  ) {
    self.at = at
    self.meter = meter
    self.code = code
    self.detail = detail
    self.reading = reading
    self.evidence = evidence
  }
}

/// A value that should be there and is not.
public struct Gap: Hashable, Sendable {
  public let meter: MeterID
  /// A quantity's name or a task's.
  public let subject: String
  /// The instant the value would have, in milliseconds since 1970 UTC.
  public let instant: Int64
  public let reason: String
  /// The instant of the last value of a run that is missing as a whole, in milliseconds since 1970; `nil` for one value.
  public let until: Int64?
  /// How many rounds that are, at least 1.
  public let rounds: Int
  /// Milliseconds from one value to the next where they are evenly apart, as the records of a load profile; no value of
  /// such is listed twice. `nil` for all others, and for what was read from a store.
  public let every: Int64?

  public init(
    meter: MeterID, subject: String, instant: Int64, reason: String, until: Int64? = nil, rounds: Int = 1,
    every: Int64? = nil
  ) {
    self.every = every
    self.meter = meter
    self.subject = subject
    self.instant = instant
    self.reason = reason
    self.until = until
    self.rounds = rounds
  }
}

/// An account whose bill waits.
public struct Hold: Hashable, Sendable {
  public let account: String
  public let cycle: String
  public let reason: String
  /// Milliseconds since 1970 UTC.
  public let since: Int64

  public init(account: String, cycle: String, reason: String, since: Int64) {
    self.account = account
    self.cycle = cycle
    self.reason = reason
    self.since = since
  }
}
