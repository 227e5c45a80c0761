public import Metering

/// Which records of the meters' load profiles are to be read next on one line. 负荷曲线采集与补抄
///
/// A value that is told the time and what came of each question. It comes after everything else: where the line has
/// nothing to do, it reads what is missing, the newest first. A record has its own time, by the meter's clock; what it is
/// asked for moves nothing.
public struct ProfilePlan: Sendable {
  /// A load profile that a task reads.
  public struct Part: Hashable, Sendable {
    /// The meter's place on the line.
    public let meter: Int
    public let task: AcquisitionTask
    public let recordClass: Int
    public let minutes: Int
    /// Times of records that the journal holds, in seconds since 1970 by the meters' clocks.
    public let stored: Set<Int64>

    public init(meter: Int, task: AcquisitionTask, recordClass: Int, minutes: Int, stored: Set<Int64> = []) {
      self.meter = meter
      self.task = task
      self.recordClass = recordClass
      self.minutes = minutes
      self.stored = stored
    }
  }

  public enum Action: Hashable, Sendable {
    /// The place of the part, and what to read for it.
    case ask(Int, ProfileSpan)
    case rest(until: BootInstant)
  }

  public enum Conclusion: Hashable, Sendable {
    /// The times of the records that came.
    case told([Int64])
    case refused, damaged, silent
  }

  /// A record that is missing, and why.
  public struct Missed: Hashable, Sendable {
    public let seconds: Int64
    public let reason: LinePlan.Missed.Reason
  }

  private struct Progress: Sendable {
    /// Records to be read, oldest first.
    var wanted: [Int64] = []
    /// Up to here everything was wanted once.
    var through: Int64?
    var notBefore = BootInstant(nanoseconds: 0)
    /// Questions in a row that brought nothing to be believed.
    var failures = 0
    /// It has told a record, so a no is about the records that were asked for.
    var hasTold: Bool
    var refusals = 0
    /// Records from `below` on are not there yet by the meter's clock; older ones go first until then.
    var ahead: (below: Int64, until: BootInstant)?
    /// A meter without load profiles is asked again then.
    var restsUntil = BootInstant(nanoseconds: 0)
    /// Told as missing.
    var told: Set<Int64> = []
  }

  /// A record that the line has not come to as long as anybody wanted it.
  struct Lapsed: Hashable, Sendable {
    let part: Int
    let seconds: Int64
  }

  public let parts: [Part]
  private var lapsed: [Lapsed] = []
  private let zone: ZoneOffset
  private var progress: [Progress]
  private var cursor = 0
  private var nextLook = BootInstant(nanoseconds: 0)
  /// Records from before this plan began may be known to the house as missing.
  private var began: Int64?

  /// A record is asked for so long after its time, in seconds: meters' clocks may be off by as much.
  static let lag: Int64 = 300
  private static let lookEvery = BootInstant.Span.seconds(10)
  private static let failuresToTell = 3
  private static let refusalsOfNewest = 2

  public init(_ parts: [Part], zone: ZoneOffset) {
    self.parts = parts
    self.zone = zone
    progress = parts.map { Progress(hasTold: !$0.stored.isEmpty) }
  }

  /// Records that are still to be read.
  public var wanted: Int { progress.reduce(0) { $0 + $1.wanted.count } }

  /// The next thing to read; `mayAsk` says whether a meter may be asked such a thing now.
  public mutating func next(
    at now: BootInstant, wall: HostInstant, mayAsk: (Int, ProfileSpan) -> Bool
  ) -> Action {
    guard wall.clock != .unsynchronised else { return .rest(until: now + Self.lookEvery) }
    if nextLook <= now {
      nextLook = now + Self.lookEvery
      for index in parts.indices where progress[index].restsUntil <= now { extend(index, wall.unixMilliseconds) }
    }
    var wake = nextLook
    for step in parts.indices {
      let index = (cursor + step) % parts.count
      if let ahead = progress[index].ahead {
        if ahead.until <= now { progress[index].ahead = nil } else { wake = min(wake, ahead.until) }
      }
      let isUnsure = !progress[index].hasTold && progress[index].refusals >= Self.refusalsOfNewest
      guard let span = isUnsure ? oldest(of: index) : newest(of: index),
        parts[index].task.mayWork(at: wall.unixMilliseconds, zone: zone)
      else {
        continue
      }
      guard progress[index].notBefore <= now else {
        wake = min(wake, progress[index].notBefore)
        continue
      }
      guard mayAsk(parts[index].meter, span) else { continue }
      cursor = (index + 1) % parts.count
      return .ask(index, span)
    }
    return .rest(until: wake)
  }

  /// Wants what has become due, and forgets what lies too far back.
  ///
  /// The depth of the task counts whole days before this one, at least one: the last record of a day comes after it.
  private mutating func extend(_ index: Int, _ wall: Int64) {
    let part = parts[index]
    let step = Int64(part.minutes) * 60
    let slot = zone.local(unixMilliseconds: part.task.schedule.slot(at: wall, zone: zone)).localSeconds
    let latest = (slot - Self.lag) / step * step
    let today = zone.local(unixMilliseconds: wall).date.daysSince1970
    let oldest = (today - Int64(max(1, part.task.backfillDays))) * 86_400
    began = began ?? latest
    // A wall clock that was ahead and came back has wanted what is not yet.
    var through = progress[index].through ?? oldest - step
    if through > latest {
      progress[index].wanted.removeAll { $0 > latest }
      through = latest
    }
    let isOver = progress[index].wanted.prefix { $0 < oldest }
    if !isOver.isEmpty {
      lapsed += isOver.filter { !progress[index].told.contains($0) }.map { Lapsed(part: index, seconds: $0) }
      progress[index].wanted.removeFirst(isOver.count)
    }
    progress[index].told = progress[index].told.filter { $0 >= oldest }
    var record = max(through + step, (oldest + step - 1) / step * step)
    while record <= latest {
      if !part.stored.contains(record) { progress[index].wanted.append(record) }
      record += step
    }
    progress[index].through = latest
  }

  /// The oldest wanted record, by itself.
  private func oldest(of index: Int) -> ProfileSpan? {
    progress[index].wanted.first.map {
      ProfileSpan(
        recordClass: parts[index].recordClass, first: MeterTime(localSeconds: $0), minutes: parts[index].minutes,
        count: 1)
    }
  }

  /// The newest run of wanted records that one exchange can bring.
  private func newest(of index: Int) -> ProfileSpan? {
    let limit = progress[index].ahead?.below ?? .max
    let wanted = progress[index].wanted.prefix { $0 < limit }
    guard var first = wanted.last else { return nil }
    let step = Int64(parts[index].minutes) * 60
    var count = 1
    for record in wanted.dropLast().reversed() {
      guard record == first - step, count < ProfileSpan.most else { break }
      first = record
      count += 1
    }
    return ProfileSpan(
      recordClass: parts[index].recordClass, first: MeterTime(localSeconds: first), minutes: parts[index].minutes,
      count: count)
  }

  /// Tells what came of a question; which records are missing, and not told as such before.
  ///
  /// `shown` is what the meter's clock shows, `nil` where nobody has looked: a record that lies behind it and was not told
  /// does not exist.
  public mutating func concluded(
    _ index: Int, _ span: ProfileSpan, _ conclusion: Conclusion, shown: MeterTime?, at now: BootInstant
  ) -> [Missed] {
    let asked = span.seconds
    switch conclusion {
    case .told(let came):
      progress[index].failures = 0
      progress[index].refusals = 0
      if !came.isEmpty { progress[index].hasTold = true }
      progress[index].wanted.removeAll(where: Set(came).contains)
      progress[index].notBefore = now
      // A frame may have had no room for all of them: what comes after the last one is asked for again.
      guard let last = came.max() else { return absent(index, asked, after: nil, shown, at: now, .gone) }
      return absent(index, asked.filter { $0 < last && !came.contains($0) }, after: last, nil, at: now, .gone)
    case .refused:
      progress[index].failures = 0
      progress[index].refusals += 1
      guard !progress[index].hasTold else {
        progress[index].notBefore = now
        return absent(index, asked, after: nil, shown, at: now, .refused)
      }
      // Its memory may have a hole of days: the oldest records decide whether it keeps any.
      guard progress[index].refusals > Self.refusalsOfNewest else {
        progress[index].notBefore = now + .seconds(5)
        return []
      }
      // It keeps no load profile at all: that is said once a day.
      (progress[index].wanted, progress[index].through, progress[index].refusals) = ([], nil, 0)
      progress[index].notBefore = now + .seconds(86_400)
      progress[index].restsUntil = progress[index].notBefore
      return tell(index, [asked[0]], .refused)
    case .damaged, .silent:
      progress[index].failures += 1
      let failures = progress[index].failures
      progress[index].notBefore = now + .seconds(min(3600, 5 << Int64(min(failures - 1, 10))))
      guard failures >= Self.failuresToTell else { return [] }
      return tell(index, asked, conclusion == .silent ? .silent : .damaged)
    }
  }

  /// Records that an answer left out: what lies before another record or behind the meter's clock will never come; the
  /// rest is asked for again when the clock has got there.
  private mutating func absent(
    _ index: Int, _ records: [Int64], after later: Int64?, _ shown: MeterTime?, at now: BootInstant,
    _ reason: LinePlan.Missed.Reason
  ) -> [Missed] {
    let step = Int64(parts[index].minutes) * 60
    let never = records.filter { record in
      later.map { record < $0 } ?? false || shown.map { record + step + 60 <= $0.localSeconds } ?? false
    }
    if let next = records.filter({ !never.contains($0) }).min() {
      progress[index].ahead = (next, now + .seconds(min(step, 900)))
    }
    progress[index].wanted.removeAll(where: Set(never).contains)
    return tell(index, never, reason)
  }

  private mutating func tell(_ index: Int, _ records: [Int64], _ reason: LinePlan.Missed.Reason) -> [Missed] {
    let news = records.filter { progress[index].told.insert($0).inserted || reason == .gone || reason == .refused }
    return news.map { Missed(seconds: $0, reason: reason) }
  }

  /// What was given up unread since this was last asked.
  mutating func takeLapsed() -> [Lapsed] {
    defer { lapsed = [] }
    return lapsed
  }

  /// True where a record may have been told as missing, by this plan or an earlier one.
  func mayFill(_ index: Int, _ records: [Int64]) -> Bool {
    records.contains { record in
      progress[index].told.contains(record) || began.map { record <= $0 } ?? true
    }
  }

  /// An answer is not believed any more: its records are wanted again.
  mutating func takenBack(_ span: ProfileSpan, of meter: Int) {
    guard
      let index = parts.firstIndex(where: {
        $0.meter == meter && $0.recordClass == span.recordClass && $0.minutes == span.minutes
      })
    else { return }
    let again = span.seconds.filter { !progress[index].wanted.contains($0) }
    progress[index].wanted = (progress[index].wanted + again).sorted()
  }
}
