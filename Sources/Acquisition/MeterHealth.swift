public import Metering

/// What a line has learned of one meter.
///
/// A meter is left at its first silence and set aside; it is probed ever more rarely, and never less than about
/// once in fifty seconds, so that one that returns is found within a minute.
public struct MeterHealth: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case unknown
    case answering
    /// Silent so many times in a row; the next probe is due at `probeAt`.
    case setAside(silences: Int, probeAt: BootInstant)
  }

  public private(set) var state = State.unknown
  /// Shapes of questions whose answers never came, and until when they may still come.
  ///
  /// A meter answers in order. So once it has answered a question of another shape, nothing older is owed.
  public private(set) var owed: [Query.Shape: BootInstant] = [:]
  private var longestDelay = BootInstant.Span.zero
  private var answers = 0
  private var lateness = 0

  public init() {}

  /// A meter that may still answer one of `questions`, put by someone who is gone, such as a daemon that was killed.
  public init(owing questions: some Sequence<Query>, at now: BootInstant) {
    for query in questions { owed[query.shape] = now + Self.longestLateness }
  }

  /// Longest wait for a first byte: the profile's limit, or less once the meter's usual delay is known.
  ///
  /// After eight answers it is twice the longest delay seen and 100 ms more; each silence doubles it again.
  public func replyTimeout(limit: BootInstant.Span) -> BootInstant.Span {
    guard answers >= 8 else { return limit }
    let learned = longestDelay * 2 + .milliseconds(100)
    return min(limit, learned * (Int64(1) << Int64(min(lateness, 4))))
  }

  public var isSetAside: Bool {
    if case .setAside = state { return true }
    return false
  }

  /// How long after its time an answer is still feared: serial servers keep bytes for many seconds.
  public static let longestLateness = BootInstant.Span.seconds(120)

  /// True where the answer to `query` cannot be mistaken for a late one.
  public func mayAsk(_ query: Query, at now: BootInstant) -> Bool { owed[query.shape].map { $0 <= now } ?? true }

  /// True while some answer may still come late.
  public func isOwed(at now: BootInstant) -> Bool { owed.contains { $0.value > now } }

  mutating func answered(delay: BootInstant.Span?) {
    state = .answering
    owed = [:]
    answers += 1
    lateness = 0
    // Old extremes fade: a meter that was slow once is not waited for so long for ever.
    longestDelay = max(delay ?? .zero, longestDelay - longestDelay / 64)
  }

  /// The meter is there but its answer proves nothing about which question it answers.
  ///
  /// A refusal of a question that nothing proves is treated as owed: the true answer may follow.
  mutating func refused(_ query: Query, at now: BootInstant) {
    state = .answering
    lateness = 0
    if isOwed(at: now) { owed[query.shape] = now + Self.longestLateness }
  }

  /// Bytes came, but no answer that can be believed.
  mutating func damaged(_ query: Query, at now: BootInstant) { owed[query.shape] = now + Self.longestLateness }

  mutating func silent(_ query: Query, at now: BootInstant) {
    owed[query.shape] = now + Self.longestLateness
    lateness += 1
    let silences: Int
    if case .setAside(let before, _) = state { silences = before + 1 } else { silences = 1 }
    state = .setAside(silences: silences, probeAt: now + Self.rest(after: silences))
  }

  /// Puts a due probe off: nothing may be asked before some late answer is past.
  mutating func wait(at now: BootInstant) {
    guard case .setAside(let silences, _) = state else { return }
    state = .setAside(silences: silences, probeAt: now + .seconds(5))
  }

  /// 2, 4, 8, 16, 32, then 45 seconds.
  static func rest(after silences: Int) -> BootInstant.Span {
    .seconds(min(45, Int64(1) << Int64(min(max(silences, 1), 6))))
  }
}
