public import Metering

/// What is said on a line for one purpose: bytes and time-outs in, the next step out.
///
/// The protocol rooms have such machines; a line carries them out and knows no protocol.
public protocol Conversation {
  mutating func start() -> ConversationStep
  /// The next byte from the wire. Echoes of what was sent are already taken out.
  ///
  /// A finished conversation may be given what comes after its answer; it stays finished, and its outcome may turn.
  mutating func receive(_ byte: UInt8) -> ConversationStep
  /// The least number of bytes that are still to come before the next step; an estimate, at least 1. The line may
  /// sleep for as long as they take on the wire.
  var bytesToCome: Int { get }
  /// True where the answer may be the request once more, so that the line cannot take its echo out.
  var repeatsRequest: Bool { get }
  /// True where what is sent tells the time at which its last byte is through: it is made when the line is silent, however
  /// long that took.
  var tellsTime: Bool { get }
  /// Makes what is sent anew, its last byte through at `end`; `nil` where it should not go out then. The conversation is
  /// over in that case.
  mutating func sending(through end: BootInstant) -> [UInt8]?
  /// A character came with wrong parity or was lost: nothing that spans it may be believed.
  mutating func interrupted()
  /// Nothing more came in time.
  mutating func timedOut() -> ConversationStep
}

extension Conversation {
  public var bytesToCome: Int { 1 }
  public var repeatsRequest: Bool { false }
  public var tellsTime: Bool { false }
  public mutating func sending(through end: BootInstant) -> [UInt8]? { nil }
}

/// What a conversation wants next.
public enum ConversationStep: Hashable, Sendable {
  /// Send these bytes and listen; at most `longestReply` bytes answer.
  case send([UInt8], longestReply: Int)
  case listen
  case finished
}

/// The times of one exchange.
public struct ExchangeTiming: Hashable, Sendable {
  /// Silence on the wire before the first byte is sent.
  public let silence: BootInstant.Span
  /// From the last byte of the request to the first byte of the reply.
  public let reply: BootInstant.Span
  /// The longest gap inside a reply.
  public let gap: BootInstant.Span

  public init(silence: BootInstant.Span, reply: BootInstant.Span, gap: BootInstant.Span) {
    self.silence = silence
    self.reply = reply
    self.gap = gap
  }
}

/// What happened on the wire while a conversation ran.
public struct ExchangeRecord: Hashable, Sendable {
  /// The first byte of the first request left.
  public var startedAt: BootInstant
  /// The last byte of the last request was on the wire.
  public var requestedAt: BootInstant
  /// The first byte after the last request and its echo came; `nil` when none did.
  public var firstByteAt: BootInstant?
  /// The last byte came.
  public var endedAt: BootInstant
  public var requests: [[UInt8]] = []
  public var bytesSent = 0
  public var bytesReceived = 0
  /// Bytes that were waiting before a request and were thrown away: late answers, noise.
  public var bytesDiscarded = 0
  public var echoed = false
  public var charactersBroken = 0

  /// From the end of the last request to the first byte of its reply.
  public var replyDelay: BootInstant.Span? { firstByteAt.map { $0 - requestedAt } }

  /// Bytes come that are no echo, the first of them at `instant`.
  mutating func heard(at instant: BootInstant) { if firstByteAt == nil { firstByteAt = max(instant, requestedAt) } }

  /// The record of a question that never went out.
  public init(nothingSentAt now: BootInstant) { self.init(startedAt: now) }

  init(startedAt: BootInstant) {
    self.startedAt = startedAt
    requestedAt = startedAt
    endedAt = startedAt
  }
}
