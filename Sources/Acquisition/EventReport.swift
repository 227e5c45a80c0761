public import Metering

/// What a meter has noted of itself since it was last looked at, and the counts to go on from.
///
/// Stored as one fact: where the counts are kept the events are, and what was not kept is read again.
public struct EventReport: Sendable {
  public let meter: MeterID
  public let line: String
  /// What is known from now on.
  public var counts: [Count] = []
  /// Oldest first of each kind.
  public var events: [MeterEvent] = []
  public var notices: [EventNotice] = []
  /// Other events were cleared: no other count of this meter says any more how many came since it was read.
  public var clearsOthers = false
  /// The exchange that told the counts.
  public let proof: EventProof

  /// A count or a status word, and what was known of it before.
  public struct Count: Hashable, Sendable {
    /// The kind of the events, or the identifier of a status word.
    public let name: String
    public let now: KnownEvents
    public let before: KnownEvents?
  }

  var isEmpty: Bool { counts.isEmpty && events.isEmpty && notices.isEmpty }
}

/// What is known of a kind of events, or of a status word, of one meter.
public struct KnownEvents: Hashable, Sendable {
  /// How many there were when it was last read; of a status word its bits.
  public var count: Int64
  /// The last one was not over.
  public var isOpen: Bool
  /// Events were cleared since, or one of them is held until the host's clock is right: all records are to be looked at.
  public var isDoubted: Bool
  /// Up to which event all was there as the first look began; `nil` once that is over. Kept from its first count on, so
  /// that what happens later is new, wherever a daemon stops meanwhile.
  public var history: Int64?

  public init(count: Int64, isOpen: Bool = false, isDoubted: Bool = false, history: Int64? = nil) {
    self.count = count
    self.isOpen = isOpen
    self.isDoubted = isDoubted
    self.history = history
  }
}

/// The frames of one exchange.
public struct EventProof: Hashable, Sendable {
  public let requests: [[UInt8]]
  public let replies: [[UInt8]]
  /// When the answer had come, in milliseconds since 1970.
  public let at: Int64

  init(_ answer: Answer) {
    requests = answer.requests
    replies = answer.replies
    at = answer.hostTime.unixMilliseconds
  }
}

/// One event of a meter. 电表事件
public struct MeterEvent: Hashable, Sendable {
  public enum State: String, Hashable, Sendable {
    /// It happened since the meter was last read.
    case new
    /// It was there when the meter was read for the first time.
    case history
    /// Its record cannot be taken at its word; why is said beside it.
    case held
  }

  /// A stable word: `power-fail`, `cover-open`, `status.relay-open`.
  public let kind: String
  /// In English.
  public let title: String
  public let chineseTitle: String
  /// By the meter's clock; of a bit that has changed when it was seen. `nil` where the record does not tell it.
  public let begin: MeterTime?
  /// `nil` while it goes on, and for what happens at once.
  public let end: MeterTime?
  /// Which event of its kind it is by the meter's own count; 0 for bits.
  public let ordinal: Int64
  public let state: State
  /// Why it is held.
  public let doubt: String?
  /// The identifier that was read; of a bit that of its word.
  public let identifier: UInt32
  /// The bytes behind the identifier; of a bit what `StatusChange` gives.
  public let data: [UInt8]
  public let proof: EventProof
}

/// Something to be said of a meter's events as a whole.
public enum EventNotice: Hashable, Sendable {
  /// So many of a kind happened since the last look, and of some there is no record.
  case lost(kind: String, happened: Int64, lost: Int64)
  /// So many records of a kind came damaged each time, in two rounds.
  case unread(kind: String, records: Int64)
  /// A count went down.
  case cleared(kind: String, from: Int64, to: Int64)
}

extension EventNotice: CustomStringConvertible {
  public var description: String {
    switch self {
    case .lost(let kind, let happened, let lost):
      "\(kind): \(happened) more since the last look, and the meter has no record of \(lost) of them"
    case .unread(let kind, let records):
      "\(kind): \(records) of its records came damaged each time they were read, in two rounds; they are not asked for again"
    case .cleared(let kind, let from, let to):
      "\(kind): the count went from \(from) to \(to): the events or the meter were cleared; see the events event-clear and meter-clear"
    }
  }
}
