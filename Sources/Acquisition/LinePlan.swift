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
    public internal(set) var programme: [[Query]]
    /// Other ones from some round on; `nil` where they stay.
    public internal(set) var coming: Coming?
    /// Short questions of different shapes, to find out whether the meter is there and to get back in step.
    public let probes: [Query]
    /// Longest wait for a first byte.
    public let replyLimit: BootInstant.Span
    /// What the journal held of it when the plan was made.
    public let held: Held
    /// Each answer carries the number of its question, as over Modbus TCP.
    public let isNumbered: Bool
    /// Comes first in each round. 重点用户
    public let isKey: Bool
    /// Meters of one model answer about as fast; empty where nothing is known of it.
    public let model: String

    public init(
      id: MeterID, programme: [[Query]], probes: [Query], replyLimit: BootInstant.Span,
      held: Held = Held(), isNumbered: Bool = false, isKey: Bool = false, model: String = "", coming: Coming? = nil
    ) {
      self.coming = coming
      self.model = model
      self.isNumbered = isNumbered
      self.isKey = isKey
      self.id = id
      self.programme = programme
      self.probes = probes
      self.replyLimit = replyLimit
      self.held = held
    }
  }

  /// One question, with what the plan needs to know again when it is concluded.
  public struct Ask: Hashable, Sendable {
    public let meter: Int
    public let query: Query
    /// The round it serves; `nil` for a probe.
    public let round: Round?
    public let replyTimeout: BootInstant.Span
    /// The number of the demand it serves, where somebody waits for it.
    public var demand: Int?
  }

  /// A run of one task.
  public struct Round: Hashable, Sendable {
    public let task: Int
    /// When it was due, in milliseconds since 1970: the label of its readings.
    public let slot: Int64
    /// A pass over what earlier rounds have missed.
    public var isBackfill = false
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
    /// The meter has not taken the freeze that was asked for, by the time of its last one.
    case stale
    /// The meter's memory does not hold it, and never will: so it said.
    case gone
    /// The port failed; nothing is known of the meter.
    case portLost
    /// The rest of the question must wait, for what came between its exchanges. It counts as not asked.
    case putOff
  }

  /// What came of one round for one meter.
  public struct Missed: Hashable, Sendable {
    public let meter: Int
    public let round: Round
    public let queries: [Query]
    public let reason: Reason
    public enum Reason: String, Hashable, Sendable, CaseIterable {
      case silent, damaged, refused
      /// The next round was due, or the windows were over, before the line came to it.
      case late
      /// The meter's last freeze is of another day.
      case stale
      /// The meter's memory does not go back so far, or left that day out.
      case gone
      /// Nobody asked: the daemon was off, its port lost, the host suspended or its clock wrong.
      case outage
      /// It was read, and the disk did not take it.
      case unstored = "not stored"
      /// The line has not come to it yet.
      case waiting
    }
  }

  struct OpenRound: Sendable {
    let round: Round
    /// When the next one of its task is due, in milliseconds since 1970.
    let deadline: Int64
    /// When what is left has no use any more; `nil` for what may come until the next round.
    let expires: Int64?
    /// Questions left, by meter.
    var left: [[Query]]
    /// When it was opened.
    let since: BootInstant
    /// Meters of which it was told what it lacks.
    var told: Set<Int> = []
    var cursor = 0
  }

  /// What one round wants of one meter.
  struct Place: Hashable, Sendable {
    let round: Round
    let meter: Int
  }

  /// A question of one round to one meter.
  struct Item: Hashable, Sendable {
    let round: Round
    let meter: Int
    let query: Query
  }

  public let tasks: [AcquisitionTask]
  public internal(set) var meters: [Meter]
  public internal(set) var health: [MeterHealth]
  /// Answers of one meter may pass each other on the way, by one place: a serial server lies between.
  var answersMayOvertake = false {
    didSet { for index in health.indices { health[index].set(wayKeepsBytes: answersMayOvertake) } }
  }
  let zone: ZoneOffset
  var rounds: [OpenRound] = []
  /// What rounds of the same due time have had of an answer, by the question that was asked: until it is believed for
  /// good.
  var shared: [Item: [Item]] = [:]
  /// How often an answer to a question could not be believed; kept until the next round of its task is opened.
  var tries: [Item: Int] = [:]
  /// Key meters, in their order.
  let keyMeters: [Int]
  var due: [BootInstant]
  /// Wall milliseconds less boot milliseconds when the dues were reckoned.
  var offset: Int64
  var missed: [Missed] = []
  /// What open rounds lack, as it is told before they end.
  var lacking: [Missed] = []
  /// When open rounds are next looked through.
  var lackingLook: BootInstant
  /// What rounds have missed and meters may still remember, in the order in which it was missed.
  public internal(set) var shortfalls: [Shortfall] = []
  var failures: [Shortfall] = []
  var recall = Recall.none
  var isRecallWanted = false
  /// What the journal held when it was last asked, by meter, and the slots of the tasks that were open then.
  var held: [Held]
  var heldSlots: [Int64] = []
  /// Tasks whose rounds wait for the journal.
  var heldBack: Set<Int> = []
  /// The wall clock counts as set.
  var isClockSet: Bool
  /// Slots whose rounds began while the wall clock counted as set: the latest runs of each task.
  var begun: [[ClosedRange<Int64>]]
  /// The slot of each task up to which days without a round were told, by the journal or since.
  var daysTold: [Int: Int64] = [:]
  var leftOut: [LeftOut] = []
  /// Tasks whose next round waited for one that was not finished, and those whose round nobody could begin.
  var heldUp: Set<Int> = []
  var passedBy: Set<Int> = []
  /// When it was last told what a round that goes on and on has held up, by task.
  var heldUpTold: [Int: BootInstant] = [:]
  /// Until when a meter that answers is not asked for a round, since every answer of it could be taken for a late one.
  var heldOff: [Place: BootInstant] = [:]
  /// Since when the port is lost, and when that was last so.
  var portIsLost: (since: BootInstant, last: BootInstant)?
  var lastBusyProbe: BusyProbe?
  /// Probes in a row that were not waited for to the end.
  var hurriedProbes = 0
  /// When the plan was last asked what to do.
  var lastLook: BootInstant
  var backfillDue: BootInstant
  var demands: [Demand] = []
  var turns = Turns()
  var lastAsked: (meter: Int, shape: Query.Shape)?
  /// The first and the last slot of each run of slots that a task served since the wall clock last went forward by a
  /// step; a step back to where nothing was served begins another run.
  var served: [[ClosedRange<Int64>]]
  /// The round of each task that was opened last.
  var latest: [Int: Round] = [:]
  /// Until which slot a question is left out of the rounds, by meter: the meter has no such thing.
  var resting: [Int: [Query: Int64]] = [:]
  /// How many slots of each task went by without a round of their own since they were due.
  public internal(set) var overruns: [Int]

  /// Tries of one question in a round before it is given up; the meter answers, but in pieces.
  public static let triesWhenDamaged = 3
  /// How long a due probe waits for the line to be idle.
  public static let probePatience = BootInstant.Span.seconds(8)

  /// A plan whose open rounds begin at once where they are not stored yet.
  ///
  /// `lastAtWork` tells for each task when somebody last saw to its rounds, in milliseconds since 1970: those since then
  /// were left out. Empty where nobody knows.
  public init(
    tasks: [AcquisitionTask], meters: [Meter], health: [MeterHealth]? = nil, zone: ZoneOffset, at now: BootInstant,
    wall: HostInstant, lastAtWork: [Int64] = []
  ) {
    self.tasks = tasks
    self.meters = meters
    self.zone = zone
    keyMeters = meters.indices.filter { meters[$0].isKey }
    self.health = health ?? meters.map { _ in MeterHealth() }
    for (index, meter) in meters.enumerated() {
      self.health[index].answersAreNumbered(meter.isNumbered)
      self.health[index].set(probeShapes: Set((meter.probes + meter.programme.joined()).map(\.shape)).count)
    }
    offset = wall.unixMilliseconds - now.nanoseconds / 1_000_000
    overruns = tasks.map { _ in 0 }
    due = []
    backfillDue = now
    lastLook = now
    lackingLook = now + Self.patienceOfRounds
    served = tasks.map { _ in [] }
    begun = tasks.map { _ in [] }
    held = meters.map(\.held)
    heldSlots = tasks.map { $0.schedule.slot(at: wall.unixMilliseconds, zone: zone) }
    isClockSet = wall.clock != .unsynchronised
    if isClockSet { resume(lastAtWork) }
    for index in tasks.indices {
      let slot = tasks[index].schedule.slot(at: wall.unixMilliseconds, zone: zone)
      // What was to be read long before this start is past; the journal says whether it was.
      let isPast = tasks[index].isSynthetic && wall.unixMilliseconds > slot + tasks[index].schedule.grace
      if isPast { noteBegun(index, slot) }
      if isServed(index, slot), mayBegin(index, wall), !isPast {
        leaveOut(index, before: slot, .outage)
        open(Round(task: index, slot: slot))
      }
      due.append(now)
      if mayBegin(index, wall) { setDue(index, after: wall.unixMilliseconds) }
    }
    guard isClockSet else { return }
    recall = .known(offset: offset)
    takeHeld(wall.unixMilliseconds)
    openBackfill(wall.unixMilliseconds)
  }

  /// The next thing to do. Call `concluded` after each `.ask`.
  public mutating func next(at now: BootInstant, wall: HostInstant) -> Action {
    let action = choose(at: now, wall: wall)
    if case .ask(let ask) = action {
      lastAsked = (ask.meter, ask.query.shape)
      turns.asked(ask.demand, at: now)
    }
    return action
  }

  /// What rounds have missed since this was last asked.
  public mutating func takeMissed() -> [Missed] {
    defer { missed = [] }
    return missed
  }
}
