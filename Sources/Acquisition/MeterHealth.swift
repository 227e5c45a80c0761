public import Metering

/// What a line has learned of one meter.
///
/// A meter is left at its first silence and set aside; it is probed ever more rarely, and never less than about
/// once in fifty seconds, so that one that returns is found within a minute. The plan of a line with so many dead meters
/// that they would take half of it probes each in its turn, which is then later: `LinePlan` tells from how many on.
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
  /// Shapes owed since before the last answer but one, where answers may overtake each other.
  private var overtaken: Set<Query.Shape> = []
  /// How fast the meter answers, by the shape of the question: a block of settlements takes far longer than a clock.
  private var paces: [Query.Shape: Pace] = [:]

  /// The mean delay of its latest Modbus answers, and how many were measured.
  private var meanDelay = BootInstant.Span.zero
  private var measured: Int64 = 0

  /// Answers carry the number of their question, so none is ever owed.
  private var isNumbered = false

  /// Shapes of Modbus questions that a second meter at this address may still answer.
  private var contests: [Query.Shape: Contest] = [:]
  /// Something on the way keeps bytes, such as a serial server.
  private var wayKeepsBytes = false
  /// When the meter was silent last, if it has not answered since.
  private(set) var silentAt: BootInstant?
  /// Something came after a question that was not waited for to the end, and may have been its answer.
  private(set) var mayBeSlow = false
  /// Probes in a row that were not waited for to the end.
  private(set) var hurriedProbes = 0
  /// Until when this meter counts as one that answers long after its time.
  private var tardyUntil: BootInstant?
  /// In how many ways it can be told apart what a probe is the answer to.
  private var probeShapes = Int.max

  /// Until when this meter counts as one that answers twice.
  private var doubtedUntil: BootInstant?

  /// No probe goes out before that: something may still be answered late.
  private(set) var heldUntil = BootInstant(nanoseconds: 0)

  /// Whether the meter hears a request with no FE before it.
  private var wakes = Wakes.untried
  /// Requests in a row without FE that were the first after others with it, and were not answered.
  private var failedTrials = 0

  private enum Wakes: Hashable, Sendable {
    case untried, spare
    /// They are sent; so many answers came since.
    case sent(answers: Int)
  }

  private struct Contest: Hashable, Sendable {
    /// When the first of an unbroken run of questions of this shape was put.
    let since: BootInstant
    var until: BootInstant
  }

  public init() {}

  /// Says whether answers carry the number of their question: then nothing is feared of late ones.
  mutating func answersAreNumbered(_ areNumbered: Bool) {
    isNumbered = areNumbered
    if areNumbered { owed = [:] }
  }

  private mutating func owe(_ query: Query, at now: BootInstant) {
    guard !isNumbered else { return }
    owed[query.shape] = now + lateness(at: now)
    overtaken.remove(query.shape)
  }

  /// A meter that may still answer one of `questions`, put by someone who is gone, such as a daemon that was killed.
  /// `lateness` is how long that is feared.
  public init(
    owing questions: some Sequence<Query>, at now: BootInstant, lateness: BootInstant.Span = Self.longestLateness
  ) {
    for query in questions { owed[query.shape] = now + lateness }
  }

  /// A meter of which nothing is known but what the one that was asked at its place before may still answer.
  public init(owingAs other: MeterHealth) { owed = other.owed }

  /// Says whether something on the way keeps bytes, and in how many shapes the meter can be asked.
  mutating func set(wayKeepsBytes keeps: Bool) { wayKeepsBytes = keeps }
  mutating func set(probeShapes shapes: Int) { probeShapes = shapes }

  /// Notes that bytes came while nobody waited for them, most likely of this meter. Where its time was over long before,
  /// something keeps them that nobody knows of.
  mutating func cameLate(at now: BootInstant) {
    guard let silentAt, now - silentAt > .seconds(5) else { return }
    tardyUntil = now + .seconds(3600)
  }

  /// Notes that something came which may be its answer to a question that was not waited for to the end: it is soon put
  /// to it again, and waited for.
  mutating func heardAfterwards(at now: BootInstant) {
    mayBeSlow = true
    guard case .setAside(let silences, let at) = state else { return }
    state = .setAside(silences: silences, probeAt: min(at, max(now + .seconds(2), heldUntil)))
  }

  /// A probe goes out; with `isHurried` it is not waited for to the end.
  mutating func isProbed(isHurried: Bool) {
    hurriedProbes = isHurried ? hurriedProbes + 1 : 0
    if !isHurried { mayBeSlow = false }
  }

  /// How long after its time an answer of this meter is feared.
  func lateness(at now: BootInstant) -> BootInstant.Span {
    wayKeepsBytes || tardyUntil.map { now < $0 } ?? false ? Self.longestLateness : Self.usualLateness
  }

  /// When the first of `questions` may be put again whose answer could be mistaken now; `nil` where none could be.
  func firstFree(_ questions: some Sequence<Query>, at now: BootInstant) -> BootInstant? {
    questions.compactMap { owed[$0.shape] }.filter { $0 > now }.min()
  }

  /// Longest wait for a first byte: the profile's limit, or less once the usual delay of such answers is known.
  ///
  /// After eight answers of one shape it is twice the longest delay seen and 100 ms more; each silence doubles it,
  /// until an answer of that shape comes. Memories that bills rest on always have the whole limit.
  public func replyTimeout(for query: Query, limit: BootInstant.Span) -> BootInstant.Span {
    guard !query.isBillingMemory, let pace = paces[query.shape], pace.answers >= 8 else { return limit }
    let learned = pace.longestDelay * 2 + .milliseconds(100)
    return min(limit, learned * (Int64(1) << Int64(min(pace.lateness, 4))))
  }

  private struct Pace: Hashable, Sendable {
    var longestDelay = BootInstant.Span.zero
    var answers = 0
    var lateness = 0
  }

  /// So many answers the mean delay goes back, more or less.
  private static let answersOfMean: Int64 = 64

  /// How long the meter takes to begin its Modbus answers, on the whole; `nil` before so much is known of it as a
  /// programme can rest on: 16 answers.
  public var usualDelay: BootInstant.Span? { measured >= 16 ? meanDelay : nil }

  /// Answers whose delay was measured, and the longest of these; old extremes fade.
  var answers: Int { paces.values.reduce(0) { $0 + $1.answers } }
  var longestDelay: BootInstant.Span { paces.values.reduce(.zero) { max($0, $1.longestDelay) } }

  public var isSetAside: Bool {
    if case .setAside = state { return true }
    return false
  }

  /// Set aside and looked for several times since: it is not away for a moment only.
  var isGivenUp: Bool {
    if case .setAside(let silences, _) = state { silences >= 5 } else { false }
  }

  /// How long after its time an answer is still feared where serial servers keep bytes for many seconds.
  public static let longestLateness = BootInstant.Span.seconds(120)

  /// The same at a port of this host, which keeps nothing, for a meter that was never heard long after its time. Less
  /// than the longest rest between two probes: a meter that can be asked in one way only is found within a minute too.
  public static let usualLateness = BootInstant.Span.seconds(40)

  /// True where the answer to `query` cannot be mistaken for a late one.
  public func mayAsk(_ query: Query, at now: BootInstant) -> Bool { owed[query.shape].map { $0 <= now } ?? true }

  /// True while some answer may still come late.
  public func isOwed(at now: BootInstant) -> Bool { owed.contains { $0.value > now } }

  /// Until when a second answer to an earlier question may be taken for one to `query`; `nil` where none is expected.
  func contested(_ query: Query, at now: BootInstant) -> BootInstant? {
    guard case .registers = query, !isNumbered, let contest = contests[query.shape], contest.until > now else {
      return nil
    }
    return contest.until
  }

  /// True where a question of that shape must wait until no second answer is expected: where there are two meters, and
  /// after a long run, in which an answer too many would move all others by one and show only at the end.
  func mustWait(for query: Query, at now: BootInstant) -> Bool {
    guard contested(query, at: now) != nil else { return false }
    return isDoubtful(at: now) || contests[query.shape].map { now - $0.since > Self.longestRun } ?? false
  }

  private static let longestRun = BootInstant.Span.seconds(5)

  /// Two answers to one question came lately. They may garble each other, so what comes besides a whole one counts.
  func isDoubtful(at now: BootInstant) -> Bool { doubtedUntil.map { now < $0 } ?? false }

  mutating func doubt(until instant: BootInstant) { doubtedUntil = instant }

  /// A question was put, and a second meter at this address may answer it until an instant.
  mutating func secondMayFollow(_ query: Query, from now: BootInstant, until instant: BootInstant) {
    guard case .registers = query, !isNumbered else { return }
    let since = contests[query.shape].flatMap { $0.until > now ? $0.since : nil } ?? now
    contests[query.shape] = Contest(since: since, until: instant)
  }

  /// True where FE bytes are sent before a request: the meter did not answer the last one that went without.
  ///
  /// Most meters hear a request as it is, and four bytes are a tenth of an exchange. So it is tried first without, and
  /// after a silence with them until some answers have come: 8, and twice as many after each trial that failed.
  public var needsWakeUps: Bool { if case .sent = wakes { true } else { false } }

  private mutating func noteWaking(answered: Bool) {
    switch (wakes, answered) {
    case (.untried, true):
      wakes = .spare
      failedTrials = 0
    case (.untried, false):
      wakes = .sent(answers: 0)
      failedTrials += 1
    case (.spare, true): break
    case (.spare, false): wakes = .sent(answers: 0)
    case (.sent(let answers), true):
      wakes = answers + 1 >= 8 << min(failedTrials, 9) ? .untried : .sent(answers: answers + 1)
    case (.sent, false): wakes = .sent(answers: 0)
    }
  }

  /// With `mayOvertake` an answer may be passed by the next one, as behind some serial servers: what is owed is done
  /// with only when two others have come.
  mutating func answered(_ query: Query, delay: BootInstant.Span?, mayOvertake: Bool = false) {
    state = .answering
    silentAt = nil
    mayBeSlow = false
    hurriedProbes = 0
    noteWaking(answered: true)
    owed = mayOvertake ? owed.filter { !overtaken.contains($0.key) && $0.key != query.shape } : [:]
    overtaken = Set(owed.keys)
    var pace = paces[query.shape, default: Pace()]
    pace.answers += 1
    pace.lateness = 0
    // Old extremes fade: a meter that was slow once is not waited for so long for ever.
    pace.longestDelay = max(delay ?? .zero, pace.longestDelay - pace.longestDelay / 64)
    paces[query.shape] = pace
    guard let delay, case .registers = query else { return }
    measured = min(measured + 1, Self.answersOfMean)
    meanDelay = meanDelay + (delay - meanDelay) / measured
  }

  /// The meter is there but its answer proves nothing about which question it answers.
  ///
  /// A refusal of a question that nothing proves is treated as owed: the true answer may follow.
  mutating func refused(_ query: Query, at now: BootInstant) {
    state = .answering
    if isOwed(at: now) { owe(query, at: now) }
  }

  /// Bytes came, but no answer that can be believed.
  mutating func damaged(_ query: Query, at now: BootInstant) { owe(query, at: now) }

  /// The connection was lost while nobody knows what is still under way: serial servers hand what comes late to the
  /// next connection. DL/T 645 answers say themselves what they answer.
  mutating func connectionLost(_ queries: some Sequence<Query>, at now: BootInstant) {
    for query in queries {
      if case .registers = query { owe(query, at: now) }
    }
  }

  mutating func silent(_ query: Query, at now: BootInstant) {
    owe(query, at: now)
    noteWaking(answered: false)
    paces[query.shape]?.lateness += 1
    let silences: Int
    if case .setAside(let before, _) = state { silences = before + 1 } else { silences = 1 }
    silentAt = now
    let usual = Self.rest(after: silences, shapes: probeShapes, lateness: lateness(at: now))
    let rest = mayBeSlow ? min(usual, .seconds(2)) : usual
    state = .setAside(silences: silences, probeAt: now + rest)
  }

  /// Puts a due probe off: nothing may be asked before some late answer is past.
  mutating func wait(at now: BootInstant) {
    guard case .setAside(let silences, _) = state else { return }
    state = .setAside(silences: silences, probeAt: now + .seconds(2))
    heldUntil = now + .seconds(2)
  }

  /// 2, 4, 8, 16, 32, then 45 seconds.
  ///
  /// No two probes of one shape go out while the first may be answered late. With few `shapes` they would soon be used up,
  /// and the meter not asked until the first is past: so they are spread over that time.
  static func rest(
    after silences: Int, shapes: Int = .max, lateness: BootInstant.Span = usualLateness
  ) -> BootInstant.Span {
    let usual = BootInstant.Span.seconds(min(45, Int64(1) << Int64(min(max(silences, 1), 6))))
    guard shapes <= 5, lateness > .seconds(45) else { return usual }
    // One is to spare for a question that was lost on the way.
    let spare = shapes > 2 ? 1 : 0
    guard silences > spare else { return usual }
    return min(.seconds(60), max(usual, lateness / Int64(max(1, shapes - spare))))
  }
}
