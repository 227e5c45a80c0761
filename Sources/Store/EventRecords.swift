public import Metering

/// An event of a meter, to be stored. 电表事件
public struct EventEntry: Hashable, Sendable {
  public enum State: String, Hashable, Sendable, CaseIterable {
    /// It happened since the meter was last read.
    case new
    /// It was there when the meter was read for the first time.
    case history
    /// Its record cannot be taken at its word.
    case held
  }

  /// A stable word, such as `power-fail`.
  public let kind: String
  /// By the meter's clock; `nil` where its record does not tell it.
  public let begin: MeterTime?
  public let end: MeterTime?
  /// Which event of its kind it is by the meter's own count.
  public let ordinal: Int64
  /// What was read: DI3 to DI0, of the 1997 edition DI1 and DI0.
  public let identifier: UInt32
  /// The bytes behind the identifier.
  public let data: [UInt8]
  public let state: State
  /// Why it is held.
  public let doubt: String?
  /// The exchange that told it.
  public let evidence: Evidence

  public init(
    kind: String, begin: MeterTime?, end: MeterTime?, ordinal: Int64, identifier: UInt32, data: [UInt8], state: State,
    doubt: String?, evidence: Evidence
  ) {
    self.kind = kind
    self.begin = begin
    self.end = end
    self.ordinal = ordinal
    self.identifier = identifier
    self.data = data
    self.state = state
    self.doubt = doubt
    self.evidence = evidence
  }
}

/// What is known of a kind of events, or of a status word, of one meter.
public struct EventCount: Hashable, Sendable {
  /// How many there were; of a status word its bits.
  public let count: Int64
  /// The last one was not over.
  public let isOpen: Bool
  /// Events were cleared since it was read, or one of them is held until the host's clock is right.
  public let isDoubted: Bool
  /// Where the first look is not over, up to which event all was there as it began.
  public let history: Int64?

  public init(count: Int64, isOpen: Bool = false, isDoubted: Bool = false, history: Int64? = nil) {
    self.count = count
    self.isOpen = isOpen
    self.isDoubted = isDoubted
    self.history = history
  }
}

/// An event as the store holds it.
public struct StoredEvent: Hashable, Sendable {
  /// Its number among the events of the store.
  public let sequence: Int64
  public let meter: MeterID
  public let kind: String
  public let begin: MeterTime?
  /// Also where it was told later; `nil` while it goes on, and for what happens at once.
  public let end: MeterTime?
  public let ordinal: Int64
  public let identifier: UInt32
  /// The bytes behind the identifier; of an event whose end was told later, those that told it.
  public let data: [UInt8]
  /// When it was read, in milliseconds since 1970 UTC.
  public let heard: Int64
  public let state: EventEntry.State
  public let doubt: String?
  /// The exchange it came from; ask for it with `evidence(_:)`.
  public let evidence: Int64
}

/// What became of an event in the store.
public enum EventOutcome: Hashable, Sendable {
  case stored(sequence: Int64)
  /// It was there, and going on; now it has its end.
  case ended(sequence: Int64)
  /// It was there and held; read again in the same bytes it is found possible.
  case released(sequence: Int64)
  case duplicate(sequence: Int64)
}

extension Store {
  /// What one look at a meter's events gave, to be stored as one fact.
  public struct EventSubmission: Hashable, Sendable {
    public let meter: MeterID
    /// What is known from now on, by the kind or the status word.
    public let counts: [String: EventCount]
    /// Oldest first of each kind.
    public let events: [EventEntry]
    public let findings: [Finding]
    /// Other events were cleared: no count that is not among `counts` says any more how many came since it was read.
    public let clearsOthers: Bool
    /// The exchange that told the counts.
    public let evidence: Evidence

    public init(
      meter: MeterID, counts: [String: EventCount], events: [EventEntry], findings: [Finding] = [],
      clearsOthers: Bool = false, evidence: Evidence
    ) {
      self.meter = meter
      self.counts = counts
      self.events = events
      self.findings = findings
      self.clearsOthers = clearsOthers
      self.evidence = evidence
    }
  }
}
