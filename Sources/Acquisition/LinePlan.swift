public import Metering

/// What to ask next on one line: a value that is told the time and what became of each question.
///
/// It never waits, reads or logs. Schedules run on the boot clock and are put to the wall clock's slots anew when
/// that clock is stepped; rounds are labelled with wall time.
public struct LinePlan: Sendable {
  /// One meter as the plan sees it.
  public struct Meter: Sendable {
    public let id: MeterID
    /// Questions for each task, by the task's place in the list; empty where it has none.
    public let programme: [[Query]]
    /// Short questions of different shapes, to find out whether the meter is there and to get back in step.
    public let probes: [Query]
    /// Longest wait for a first byte.
    public let replyLimit: BootInstant.Span
    /// Questions of the open round of each task whose answers are already stored.
    public let done: [Set<Query>]
    /// Each answer carries the number of its question, as over Modbus TCP.
    public let isNumbered: Bool

    public init(
      id: MeterID, programme: [[Query]], probes: [Query], replyLimit: BootInstant.Span,
      done: [Set<Query>] = [], isNumbered: Bool = false
    ) {
      self.isNumbered = isNumbered
      self.id = id
      self.programme = programme
      self.probes = probes
      self.replyLimit = replyLimit
      self.done = done
    }
  }

  /// One question, with what the plan needs to know again when it is concluded.
  public struct Ask: Hashable, Sendable {
    public let meter: Int
    public let query: Query
    /// The round it serves; `nil` for a probe.
    public let round: Round?
    public let replyTimeout: BootInstant.Span
  }

  /// A run of one task.
  public struct Round: Hashable, Sendable {
    public let task: Int
    /// When it was due, in milliseconds since 1970: the label of its readings.
    public let slot: Int64
  }

  public enum Action: Hashable, Sendable {
    case ask(Ask)
    /// Nothing to do before that instant.
    case rest(until: BootInstant)
  }

  /// What became of a question.
  public enum Conclusion: Hashable, Sendable {
    case answered(delay: BootInstant.Span?)
    /// The meter said that it has no such thing. Final for this item in this round.
    case refused
    /// Bytes came, but none that could be believed.
    case damaged
    case silent
    /// The port failed; nothing is known of the meter.
    case portLost
  }

  /// What came of one round for one meter.
  public struct Missed: Hashable, Sendable {
    public let meter: Int
    public let round: Round
    public let queries: [Query]
    public let reason: Reason
    public enum Reason: String, Hashable, Sendable {
      case silent, damaged, refused
    }
  }

  private struct OpenRound: Sendable {
    let round: Round
    /// Questions left, by meter.
    var left: [[Query]]
    var cursor = 0
  }

  /// A question of one round to one meter.
  private struct Item: Hashable, Sendable {
    let round: Round
    let meter: Int
    let query: Query
  }

  public let tasks: [AcquisitionTask]
  public let meters: [Meter]
  public private(set) var health: [MeterHealth]
  /// Answers of one meter may pass each other on the way, by one place: a serial server lies between.
  var answersMayOvertake = false
  private let zone: ZoneOffset
  private var rounds: [OpenRound] = []
  /// How often an answer to a question could not be believed; kept until the next round of its task is opened.
  private var tries: [Item: Int] = [:]
  private var due: [BootInstant]
  /// Wall milliseconds less boot milliseconds when the dues were reckoned.
  private var offset: Int64
  private var missed: [Missed] = []
  private var lastAsked: (meter: Int, shape: Query.Shape)?
  /// The first and the last slot of each run of slots that a task served since the wall clock last went forward by a
  /// step; a step back to where nothing was served begins another run.
  private var served: [[ClosedRange<Int64>]]
  /// The round of each task that was opened last.
  private var latest: [Int: Round] = [:]
  /// How often a round of each task was not finished when the next was due; that next one was left out.
  public private(set) var overruns: [Int]

  /// Tries of one question in a round before it is given up; the meter answers, but in pieces.
  public static let triesWhenDamaged = 3
  /// How long a due probe waits for the line to be idle.
  public static let probePatience = BootInstant.Span.seconds(8)

  /// A plan whose open rounds begin at once where they are not stored yet.
  public init(
    tasks: [AcquisitionTask], meters: [Meter], health: [MeterHealth]? = nil, zone: ZoneOffset, at now: BootInstant,
    wall: HostInstant
  ) {
    self.tasks = tasks
    self.meters = meters
    self.zone = zone
    self.health = health ?? meters.map { _ in MeterHealth() }
    for (index, meter) in meters.enumerated() { self.health[index].answersAreNumbered(meter.isNumbered) }
    offset = wall.unixMilliseconds - now.nanoseconds / 1_000_000
    overruns = tasks.map { _ in 0 }
    due = []
    served = tasks.map { _ in [] }
    for index in tasks.indices {
      let slot = tasks[index].schedule.slot(at: wall.unixMilliseconds, zone: zone)
      open(Round(task: index, slot: slot), skippingDone: true)
      due.append(now)
      setDue(index, after: wall.unixMilliseconds)
    }
  }

  /// The next thing to do. Call `concluded` after each `.ask`.
  public mutating func next(at now: BootInstant, wall: HostInstant) -> Action {
    let action = choose(at: now, wall: wall)
    if case .ask(let ask) = action { lastAsked = (ask.meter, ask.query.shape) }
    return action
  }

  private mutating func choose(at now: BootInstant, wall: HostInstant) -> Action {
    openDueRounds(at: now, wall: wall)
    if let probe = overdueProbe(at: now, patience: Self.probePatience) { return .ask(probe) }
    var wakes: [BootInstant] = []
    switch nextOfRounds(at: now) {
    case .ask(let ask): return .ask(ask)
    case .rest(let until): wakes.append(until)
    case nil: break
    }
    if let probe = overdueProbe(at: now, patience: .zero) { return .ask(probe) }
    wakes += due + probeTimes()
    return .rest(until: wakes.min() ?? now + .seconds(60))
  }

  /// Tells what became of a question.
  public mutating func concluded(_ ask: Ask, _ conclusion: Conclusion, at now: BootInstant) {
    switch conclusion {
    case .portLost: portLost(at: now)
    case .answered(let delay):
      health[ask.meter].answered(ask.query, delay: delay, mayOvertake: answersMayOvertake)
      finish(ask)
    case .refused:
      // While an older answer may still come, a refusal may be of that older question.
      let proven = !health[ask.meter].isOwed(at: now)
      health[ask.meter].refused(ask.query, at: now)
      if proven { giveUp(ask, .refused) } else { tried(ask, .refused, at: now) }
    case .damaged:
      health[ask.meter].damaged(ask.query, at: now)
      tried(ask, .damaged, at: now)
    case .silent: health[ask.meter].silent(ask.query, at: now)
    }
  }

  /// Tells that an answer is not believed any more: its question goes back to its round, as after a damaged answer.
  ///
  /// A round that was finished is opened again, unless the next one of its task is there already.
  mutating func takenBack(_ query: Query, of meter: Int, in round: Round) {
    let isOver = latest[round.task] != round
    guard !isLastTry(Item(round: round, meter: meter, query: query)), !isOver else {
      missed.append(Missed(meter: meter, round: round, queries: [query], reason: .damaged))
      return
    }
    if !rounds.contains(where: { $0.round == round }) {
      enter(OpenRound(round: round, left: meters.map { _ in [] }))
    }
    guard let index = rounds.firstIndex(where: { $0.round == round }), !rounds[index].left[meter].contains(query)
    else { return }
    rounds[index].left[meter].append(query)
  }

  /// Tells that the port was lost: Modbus answers that are under way may come when it is open again.
  public mutating func portLost(at now: BootInstant) {
    for index in meters.indices { health[index].connectionLost(meters[index].programme.joined(), at: now) }
  }

  /// Tells that a second meter at the same address may still answer a question, until an instant.
  mutating func secondMayFollow(_ query: Query, of meter: Int, from now: BootInstant, until instant: BootInstant) {
    health[meter].secondMayFollow(query, from: now, until: instant)
  }

  /// Tells that two meters have answered for this one.
  mutating func doubt(_ meter: Int, until instant: BootInstant) { health[meter].doubt(until: instant) }

  /// What rounds have missed since this was last asked.
  public mutating func takeMissed() -> [Missed] {
    defer { missed = [] }
    return missed
  }
}

extension LinePlan {
  private mutating func open(_ round: Round, skippingDone: Bool) {
    let run = served[round.task].popLast() ?? round.slot...round.slot
    served[round.task].append(min(run.lowerBound, round.slot)...max(run.upperBound, round.slot))
    var left = meters.map { $0.programme.indices.contains(round.task) ? $0.programme[round.task] : [] }
    if skippingDone {
      for (index, meter) in meters.enumerated() where meter.done.indices.contains(round.task) {
        left[index].removeAll { meter.done[round.task].contains($0) }
      }
    }
    latest[round.task] = round
    if !tries.isEmpty { tries = tries.filter { $0.key.round.task != round.task } }
    guard left.contains(where: { !$0.isEmpty }) else { return }
    enter(OpenRound(round: round, left: left))
  }

  private mutating func enter(_ round: OpenRound) {
    rounds.append(round)
    // The list is short: tasks of one line. Earlier dues first within a priority.
    rounds.sort { a, b in
      let (left, right) = (tasks[a.round.task].priority, tasks[b.round.task].priority)
      return (left, a.round.slot, a.round.task) < (right, b.round.slot, b.round.task)
    }
  }

  /// Puts the boot instant of the first slot after `wall` for a task that was not served yet.
  private mutating func setDue(_ task: Int, after wall: Int64) {
    let schedule = tasks[task].schedule
    var slot = schedule.nextSlot(after: wall, zone: zone)
    while let run = served[task].first(where: { $0.contains(slot) }) {
      slot = schedule.nextSlot(after: run.upperBound, zone: zone)
    }
    due[task] = BootInstant(nanoseconds: (slot - offset) * 1_000_000)
  }

  /// Puts the dues anew after a step of the wall clock: as at a start, the slot that is open now is served at once.
  ///
  /// After a step back, slots that were served wait until the wall clock has passed the last of them. After a step
  /// forward all that was served is past; the clock may have been wrong, and what it named then holds nothing up.
  private mutating func realign(at now: BootInstant, wall: Int64, isForward: Bool) {
    for index in tasks.indices {
      let slot = tasks[index].schedule.slot(at: wall, zone: zone)
      let wasServed = served[index].contains { $0.contains(slot) }
      if isForward { served[index] = [] }
      if wasServed {
        if isForward { served[index] = [slot...slot] }
        setDue(index, after: wall)
      } else {
        // A clock that goes back time and again is followed for a while, not for ever.
        served[index] = served[index].suffix(7) + [slot...slot]
        due[index] = now
      }
    }
  }

  private mutating func openDueRounds(at now: BootInstant, wall: HostInstant) {
    let fresh = wall.unixMilliseconds - now.nanoseconds / 1_000_000
    if abs(fresh - offset) > 2000 {
      let isForward = fresh > offset
      offset = fresh
      realign(at: now, wall: wall.unixMilliseconds, isForward: isForward)
    }
    for index in tasks.indices where due[index] <= now {
      // A round that still has work for living meters goes on: beginning anew would starve the last of them.
      guard !hasWork(task: index) else { continue }
      // The clocks may differ by some milliseconds, hence the half second.
      let dueWall = due[index].nanoseconds / 1_000_000 + offset
      let label = max(dueWall + 500, wall.unixMilliseconds)
      let slot = tasks[index].schedule.slot(at: label, zone: zone)
      if slot > tasks[index].schedule.slot(at: dueWall + 500, zone: zone) { overruns[index] += 1 }
      close(task: index)
      open(Round(task: index, slot: slot), skippingDone: false)
      setDue(index, after: slot)
    }
  }

  private func hasWork(task: Int) -> Bool {
    rounds.contains { open in
      open.round.task == task
        && open.left.enumerated().contains { !$0.element.isEmpty && !health[$0.offset].isSetAside }
    }
  }

  /// Ends an unfinished round of a task whose next one is due.
  private mutating func close(task: Int) {
    for open in rounds where open.round.task == task {
      for (meter, queries) in open.left.enumerated() where !queries.isEmpty {
        missed.append(Missed(meter: meter, round: open.round, queries: queries, reason: .silent))
      }
    }
    rounds.removeAll { $0.round.task == task }
  }

  /// The next question of the open rounds to a meter that is not set aside; a rest where all that is left must wait
  /// for second answers, `nil` where nothing is left.
  ///
  /// A second meter at the same address may answer a question only later, and Modbus RTU would have that answer taken
  /// for one to the next question of its shape. So such a question is put only where the line has nothing else to ask.
  private mutating func nextOfRounds(at now: BootInstant) -> Action? {
    var best: Choice?
    var wake: BootInstant?
    search: for index in rounds.indices {
      for step in meters.indices {
        let meter = (rounds[index].cursor + step) % meters.count
        guard !health[meter].isSetAside, let first = rounds[index].left[meter].first else { continue }
        guard health[meter].mayAsk(first, at: now) else {
          // Its answer could be mistaken for a late one: first something that cannot.
          if let probe = probe(meter, at: now) {
            rounds[index].cursor = meter
            return .ask(ask(meter, probe, nil))
          }
          let waits = meters[meter].probes.filter { health[meter].mayAsk($0, at: now) }
          if let until = waits.compactMap({ health[meter].contested($0, at: now) }).min() {
            wake = min(wake ?? until, until)
          } else {
            health[meter].silent(first, at: now)
          }
          continue
        }
        for query in rounds[index].left[meter] where health[meter].mayAsk(query, at: now) {
          let until = health[meter].contested(query, at: now)
          guard let risk = risk(of: query, to: meter, at: now) else {
            wake = [wake, until].compactMap(\.self).min()
            continue
          }
          let choice = Choice(round: index, meter: meter, query: query, risk: risk, until: until ?? now)
          if best.map({ choice.isBetter(than: $0) }) ?? true { best = choice }
          if risk == .none { break search }
        }
      }
    }
    guard let best else { return wake.map { .rest(until: $0) } }
    rounds[best.round].cursor = best.meter
    return .ask(ask(best.meter, best.query, rounds[best.round].round))
  }

  private struct Choice {
    let round: Int
    let meter: Int
    let query: Query
    let risk: Risk
    /// When no second answer is expected any more.
    let until: BootInstant

    /// Of those that may meet a second answer, that goes first which waited longest.
    func isBetter(than other: Choice) -> Bool {
      (risk.rawValue, round, until) < (other.risk.rawValue, other.round, other.until)
    }
  }

  private enum Risk: Int {
    case none
    /// A second answer to an earlier question of this shape may still come.
    case contested
    /// The last question of the line was of this shape, to the same meter.
    case repeated
  }

  /// `nil` where the question must wait.
  private func risk(of query: Query, to meter: Int, at now: BootInstant) -> Risk? {
    guard case .registers = query else { return Risk.none }
    guard !health[meter].mustWait(for: query, at: now) else { return nil }
    if let last = lastAsked, last.meter == meter, last.shape == query.shape { return .repeated }
    return health[meter].contested(query, at: now) == nil ? Risk.none : .contested
  }

  private func ask(_ meter: Int, _ query: Query, _ round: Round?) -> Ask {
    let timeout = health[meter].replyTimeout(for: query, limit: meters[meter].replyLimit)
    return Ask(meter: meter, query: query, round: round, replyTimeout: timeout)
  }

  private func probe(_ meter: Int, at now: BootInstant) -> Query? {
    let able = meters[meter].probes.filter { health[meter].mayAsk($0, at: now) }
    return able.first { health[meter].contested($0, at: now) == nil }
      ?? able.first { !health[meter].mustWait(for: $0, at: now) }
  }

  private func probeTimes() -> [BootInstant] {
    health.compactMap { if case .setAside(_, let at) = $0.state { at } else { nil } }
  }

  private mutating func overdueProbe(at now: BootInstant, patience: BootInstant.Span) -> Ask? {
    for meter in meters.indices {
      guard case .setAside(_, let at) = health[meter].state, at + patience <= now else { continue }
      for open in rounds {
        if let query = open.left[meter].first, health[meter].mayAsk(query, at: now),
          !health[meter].mustWait(for: query, at: now)
        {
          return ask(meter, query, open.round)
        }
      }
      if let probe = probe(meter, at: now) { return ask(meter, probe, nil) }
      // Nothing may be asked yet: look again later.
      health[meter].wait(at: now)
    }
    return nil
  }

  private mutating func finish(_ ask: Ask) {
    remove(ask)
    forgetFinishedRounds()
  }

  private mutating func giveUp(_ ask: Ask, _ reason: Missed.Reason) {
    if let round = ask.round {
      missed.append(Missed(meter: ask.meter, round: round, queries: [ask.query], reason: reason))
    }
    finish(ask)
  }

  private mutating func tried(_ ask: Ask, _ reason: Missed.Reason, at now: BootInstant) {
    guard let round = ask.round, rounds.contains(where: { $0.round == round }) else {
      // A probe that is answered by rubbish is no better than one that is not answered.
      health[ask.meter].silent(ask.query, at: now)
      return
    }
    if isLastTry(Item(round: round, meter: ask.meter, query: ask.query)) { giveUp(ask, reason) }
  }

  /// Counts a try that brought nothing to be believed; true where no more are made.
  private mutating func isLastTry(_ item: Item) -> Bool {
    tries[item, default: 0] += 1
    return tries[item, default: 0] >= Self.triesWhenDamaged
  }

  private mutating func remove(_ ask: Ask) {
    guard let round = ask.round, let index = rounds.firstIndex(where: { $0.round == round }),
      let place = rounds[index].left[ask.meter].firstIndex(of: ask.query)
    else { return }
    rounds[index].left[ask.meter].remove(at: place)
  }

  private mutating func forgetFinishedRounds() {
    rounds.removeAll { $0.left.allSatisfy(\.isEmpty) }
  }
}
