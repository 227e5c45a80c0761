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
    /// What lies further back than the task goes is told as missing from here on, in seconds since 1970 by the meters'
    /// clocks: somebody wanted it, and nobody was there to read it. `nil` where nothing was wanted before.
    public let since: Int64?

    public init(meter: Int, task: AcquisitionTask, recordClass: Int, minutes: Int, since: Int64? = nil) {
      self.meter = meter
      self.task = task
      self.recordClass = recordClass
      self.minutes = minutes
      self.since = since
    }

    var step: Int64 { Int64(max(1, minutes)) * 60 }
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

  /// Records that the house has listed as missing, as far as they concern one part.
  public struct Noted: Hashable, Sendable {
    /// All of them, whatever the reason.
    public var all: RecordRuns
    /// Those that will never come: they are not asked for.
    public var gone: RecordRuns
    /// Those that the meter has refused: they are asked for once a day.
    public var refused: RecordRuns

    /// None, of a profile with so many seconds from one record to the next.
    public init(step: Int64) {
      all = RecordRuns(step: step)
      gone = all
      refused = all
    }
  }

  /// A record that is missing, and why.
  public struct Missed: Hashable, Sendable {
    public let seconds: Int64
    public let reason: LinePlan.Missed.Reason
  }

  private struct Progress: Sendable {
    /// Records to be read.
    var wanted: RecordRuns
    /// Records that the journal held when the plan was made, as far back as the task goes.
    var stored: RecordRuns
    /// Up to here everything was wanted once.
    var through: Int64?
    /// Where that begins, until it was looked at.
    var since: Int64?
    /// Why the last question brought nothing.
    var trouble: LinePlan.Missed.Reason?
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
    /// Told as missing, by this plan or an earlier one.
    var told: RecordRuns
    /// Told as gone by an earlier plan.
    var gone: RecordRuns
    /// What the meter does not tell while nobody knows its clock.
    var untold: UntoldRecords

    init(_ part: Part, _ stored: RecordRuns, _ noted: Noted) {
      self.stored = stored
      since = part.since
      hasTold = !stored.isEmpty
      wanted = RecordRuns(step: part.step)
      told = noted.all
      gone = noted.gone
      untold = UntoldRecords(step: part.step, refused: noted.refused)
    }

    /// Records that may be asked for now.
    var open: RecordRuns { untold.open(of: wanted) }
  }

  /// Records in a row that nobody has read as long as anybody wanted them.
  struct Lapsed: Hashable, Sendable {
    let part: Int
    /// The first and the last, in seconds since 1970 by the meters' clocks.
    let run: ClosedRange<Int64>
    let count: Int
    /// `late` where the line had too much to do.
    let reason: LinePlan.Missed.Reason
  }

  public let parts: [Part]
  private var lapsed: [Lapsed] = []
  private let zone: ZoneOffset
  private var progress: [Progress]
  private var cursor = 0
  private var nextLook = BootInstant(nanoseconds: 0)
  /// The pass of back-fill that began last, in milliseconds since 1970.
  private var lastPass: Int64?

  /// A record is asked for so long after its time, in seconds: meters' clocks may be off by as much.
  static let lag: Int64 = 300
  private static let lookEvery = BootInstant.Span.seconds(10)
  private static let failuresToTell = 3
  private static let refusalsOfNewest = 2

  /// `stored` are the records of each part that the journal holds, in their order, and `noted` those that are listed as
  /// missing; those that are left out have none.
  public init(_ parts: [Part], stored: [RecordRuns] = [], noted: [Noted] = [], zone: ZoneOffset) {
    self.parts = parts
    self.zone = zone
    progress = parts.indices.map { index in
      let own = stored.indices.contains(index) ? stored[index] : nil
      let known = noted.indices.contains(index) ? noted[index] : nil
      let step = parts[index].step
      return Progress(parts[index], own ?? RecordRuns(step: step), known ?? Noted(step: step))
    }
  }

  /// Records that are still to be read.
  public var wanted: Int { progress.reduce(0) { $0 + $1.wanted.count } }

  /// Runs of records that are kept in mind, of all parts.
  var runsKept: Int {
    progress.reduce(0) { $0 + $1.wanted.runs.count + $1.stored.runs.count + $1.told.runs.count }
  }

  /// The next thing to read; `mayAsk` says whether a meter may be asked such a thing now.
  public mutating func next(
    at now: BootInstant, wall: HostInstant, mayAsk: (Int, ProfileSpan) -> Bool
  ) -> Action {
    guard wall.clock != .unsynchronised else { return .rest(until: now + Self.lookEvery) }
    if nextLook <= now {
      nextLook = now + Self.lookEvery
      beginPass(at: wall.unixMilliseconds)
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

  /// What a meter did not tell is asked for again from a pass on.
  private mutating func beginPass(at wall: Int64) {
    let pass = LinePlan.pass(at: wall, zone: zone)
    guard pass != lastPass else { return }
    func day(_ instant: Int64) -> CivilDate { zone.local(unixMilliseconds: instant).date }
    if let last = lastPass {
      for index in parts.indices { progress[index].untold.pass(isFirstOfDay: day(last) != day(pass)) }
    }
    lastPass = pass
  }

  /// Wants what has become due, and gives up what lies too far back.
  ///
  /// The depth of the task counts whole days before this one, at least one: the last record of a day comes after it.
  private mutating func extend(_ index: Int, _ wall: Int64) {
    let part = parts[index]
    let step = part.step
    let slot = zone.local(unixMilliseconds: part.task.schedule.slot(at: wall, zone: zone)).localSeconds
    let latest = (slot - Self.lag) / step * step
    let today = zone.local(unixMilliseconds: wall).date.daysSince1970
    let oldest = (today - Int64(max(1, part.task.backfillDays))) * 86_400
    let since = (min(progress[index].since ?? oldest, oldest) + step - 1) / step * step
    progress[index].since = nil
    // A wall clock that was ahead and came back has wanted what is not yet.
    var through = progress[index].through ?? since - step
    if through > latest {
      progress[index].wanted.cut(after: latest)
      through = latest
    }
    let late = progress[index].wanted.cut(before: oldest)
    lapse(late.common(with: progress[index].untold.all), of: index, progress[index].untold.reason)
    lapse(late, of: index, progress[index].trouble ?? .late)
    // Nobody was at work while these could be read.
    if through + step < oldest { lapse(RecordRuns(step: step, through + step, before: oldest), of: index, .outage) }
    // What lies further back may be wanted again: a clock goes back, or an answer is not believed any more.
    progress[index].told.forget(before: oldest - LinePlan.longestLook / 1000)
    progress[index].gone.forget(before: oldest)
    progress[index].untold.forget(before: oldest)
    progress[index].stored.forget(before: oldest)
    var news = RecordRuns(step: step, max(through + step, oldest), before: latest + 1)
    news.subtract(progress[index].stored)
    news.subtract(progress[index].gone)
    for run in news.runs { progress[index].wanted.insert(run) }
    progress[index].through = latest
  }

  private mutating func lapse(_ records: RecordRuns, of index: Int, _ reason: LinePlan.Missed.Reason) {
    var left = records
    left.subtract(progress[index].told)
    left.subtract(progress[index].stored)
    lapsed += left.runs.map { Lapsed(part: index, run: $0, count: left.count(of: $0), reason: reason) }
    for run in left.runs { progress[index].told.insert(run) }
  }

  /// The oldest wanted record, by itself.
  private func oldest(of index: Int) -> ProfileSpan? { progress[index].open.first.map { span($0...$0, of: index) } }

  /// The newest run of wanted records that one exchange can bring.
  private func newest(of index: Int) -> ProfileSpan? {
    let limit = progress[index].ahead?.below ?? .max
    return progress[index].open.newest(ProfileSpan.most, before: limit).map { span($0, of: index) }
  }

  private func span(_ run: ClosedRange<Int64>, of index: Int) -> ProfileSpan {
    let part = parts[index]
    return ProfileSpan(
      recordClass: part.recordClass, first: MeterTime(localSeconds: run.lowerBound), minutes: part.minutes,
      count: progress[index].wanted.count(of: run))
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
      progress[index].trouble = nil
      if !came.isEmpty { progress[index].hasTold = true }
      for record in came { progress[index].wanted.remove(record) }
      progress[index].untold.came(came)
      progress[index].notBefore = now
      // A frame may have had no room for all of them: what comes after the last one is asked for again.
      guard let last = came.max() else { return absent(index, asked, after: nil, shown, at: now, .gone) }
      return absent(index, asked.filter { $0 < last && !came.contains($0) }, after: last, nil, at: now, .gone)
    case .refused:
      progress[index].failures = 0
      progress[index].trouble = nil
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
      progress[index].wanted = RecordRuns(step: parts[index].step)
      (progress[index].through, progress[index].refusals) = (nil, 0)
      progress[index].notBefore = now + .seconds(86_400)
      progress[index].restsUntil = progress[index].notBefore
      return tell(index, [asked[0]], .refused)
    case .damaged, .silent:
      progress[index].failures += 1
      let failures = progress[index].failures
      progress[index].notBefore = now + .seconds(min(3600, 5 << Int64(min(failures - 1, 10))))
      let reason: LinePlan.Missed.Reason = conclusion == .silent ? .silent : .damaged
      progress[index].trouble = reason
      guard failures >= Self.failuresToTell else { return [] }
      return tell(index, asked, reason)
    }
  }

  /// Records that an answer left out: what lies before another record or behind the meter's clock will never come; the
  /// rest is asked for again when the clock has got there. Where nobody knows the clock, it is asked for at some passes.
  private mutating func absent(
    _ index: Int, _ records: [Int64], after later: Int64?, _ shown: MeterTime?, at now: BootInstant,
    _ reason: LinePlan.Missed.Reason
  ) -> [Missed] {
    guard later != nil || shown != nil else {
      let givenUp = progress[index].untold.note(records, reason)
      for record in givenUp { progress[index].told.insert(record) }
      return givenUp.map { Missed(seconds: $0, reason: reason) }
    }
    let step = parts[index].step
    let never = records.filter { record in
      later.map { record < $0 } ?? false || shown.map { record + step + 60 <= $0.localSeconds } ?? false
    }
    if let next = records.filter({ !never.contains($0) }).min() {
      progress[index].ahead = (next, now + .seconds(min(step, 900)))
    }
    for record in never { progress[index].wanted.remove(record) }
    return tell(index, never, reason)
  }

  private mutating func tell(_ index: Int, _ records: [Int64], _ reason: LinePlan.Missed.Reason) -> [Missed] {
    let news = records.filter { !progress[index].told.contains($0) || reason == .gone || reason == .refused }
    for record in news { progress[index].told.insert(record) }
    return news.map { Missed(seconds: $0, reason: reason) }
  }

  /// What was given up unread since this was last asked.
  mutating func takeLapsed() -> [Lapsed] {
    defer { lapsed = [] }
    return lapsed
  }

  /// Takes over what another plan has told as missing: it fills a gap when it comes, though the store had none as this plan
  /// was made.
  mutating func takeTold(from other: ProfilePlan) {
    for (index, part) in parts.enumerated() {
      for (known, told) in zip(other.parts, other.progress)
      where known.meter == part.meter && known.recordClass == part.recordClass && known.minutes == part.minutes {
        for run in told.told.runs { progress[index].told.insert(run) }
      }
    }
  }

  /// True where a record was told as missing, by this plan or an earlier one.
  func mayFill(_ index: Int, _ records: [Int64]) -> Bool { records.contains(where: progress[index].told.contains) }

  /// An answer is not believed any more: its records are wanted again.
  mutating func takenBack(_ span: ProfileSpan, of meter: Int) {
    guard
      let index = parts.firstIndex(where: {
        $0.meter == meter && $0.recordClass == span.recordClass && $0.minutes == span.minutes
      })
    else { return }
    for record in span.seconds { progress[index].wanted.insert(record) }
  }
}
