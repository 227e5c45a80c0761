internal import Host
public import Line
public import Metering

/// Carries a plan out over a line, one turn after the other: asks, listens after, holds back, sets aside, opens again.
///
/// It waits for the wire and for nothing else, and for that by the wire's own clock: what a daemon does on a thread
/// of its own runs over a simulated wire as fast as it can be computed.
public final class LineEngine {
  public let name: String
  public let line: Line
  public let meters: [LineMeter]
  public internal(set) var plan: LinePlan
  let speaker: MeterSpeaker
  var notes: [MeterNotes]
  /// What rounds and readings are labelled with.
  let wall: () -> HostInstant
  private let planClock: PlanClock
  let tell: (LineEvent) -> Void
  /// Somebody who is gone may have asked: first the time in which any meter answers must pass.
  var mustListen: Bool
  /// Failures of the port since a byte last came over it.
  var failures = 0
  /// What the house was last told of the port.
  private var isToldOpen = false
  private var hasBeenOpen = false
  /// Whom the last question went to.
  var lastAsked: Int?
  /// Answers that a second one may still contradict, oldest first.
  var held: [HeldAnswer] = []
  /// When the house was last told that two meters may have one address, by meter.
  var doubles: [Int: BootInstant] = [:]
  /// The question that was not answered just now, and whose answer may come late.
  var unanswered: (meter: Int, shape: Query.Shape)?
  /// The meter that was last not waited for to the end, and until when it may answer yet.
  var hurried: (meter: Int, until: BootInstant)?
  /// Answers that were believed lately, newest last: what comes after its time is told by them.
  var believed: [BelievedAnswer] = []
  /// The last look at each meter's clock, and by which questions it was told.
  var looks: [Int: (look: ClockLook, by: [Query])] = [:]
  /// Load profiles that are read here; `nil` where there are none.
  public var profiles: ProfilePlan?
  /// When to look for records of load profiles again.
  var profileWake = BootInstant(nanoseconds: 0)
  /// The events that are read here; `nil` where there are none.
  public var events: EventWatch?
  /// What somebody waits for, by the number of the demand.
  var waiting: [Int: Waiting] = [:]
  /// When clocks were last asked for, for the sake of load profiles, by meter.
  var clockAsked: [Int: BootInstant] = [:]
  /// Clocks that were set and are to be looked at once more.
  var laterLooks: [LaterLook] = []
  /// Where other threads put what they want to know.
  let inbox = DemandInbox()
  /// What is being asked; of two the one that has come between the exchanges of the other.
  var course: Course?
  /// The number of the engine's own last demand, below those of others.
  var ownDemands = 0
  /// How busy the line was lately.
  var load: LineLoad
  private let isServer: Bool
  /// Nothing is sent into a babbling line before this.
  var babblesUntil = BootInstant(nanoseconds: 0)
  private var opensAt = BootInstant(nanoseconds: 0)

  /// What a turn came to.
  public enum Turn: Hashable, Sendable {
    case worked
    /// There is nothing to do before that instant of the wire's clock, unless somebody asks.
    case rest(until: BootInstant)
  }

  /// An engine over `line`, which is not open yet.
  ///
  /// `meters` stand in the order of the plan's meters; `wall` labels rounds and readings; `tell` takes events and
  /// must not block. With `listensFirst` a line with Modbus meters is heard out before anything is asked, since one
  /// may still answer a daemon that was killed. Throws where libmodbus cannot be had.
  public convenience init(
    name: String, line: Line, meters: [LineMeter], plan: LinePlan, wall: @escaping () -> HostInstant,
    listensFirst: Bool = false, tell: @escaping (LineEvent) -> Void
  ) throws(SpeakerError) {
    try self.init(
      name: name, line: line, meters: meters, plan: plan, wall: wall, listensFirst: listensFirst,
      planClock: PlanClock(from: line.now), tell: tell)
  }

  init(
    name: String, line: Line, meters: [LineMeter], plan: LinePlan, wall: @escaping () -> HostInstant,
    listensFirst: Bool, planClock: PlanClock, tell: @escaping (LineEvent) -> Void
  ) throws(SpeakerError) {
    // A serial server may hold what was asked for by someone else, before this connection.
    let isServer = if case .server = line.address { true } else { false }
    var plan = plan
    plan.answersMayOvertake = isServer
    if isServer { plan.portLost(at: planClock.instant(at: line.now)) }
    self.isServer = isServer
    mustListen = listensFirst || isServer
    self.name = name
    self.planClock = planClock
    self.line = line
    load = LineLoad(from: line.now)
    speaker = try MeterSpeaker(on: line.address)
    self.meters = meters
    self.plan = plan
    self.wall = wall
    self.tell = tell
    notes = meters.map(MeterNotes.init(of:))
    line.onControl = { tell(.control(line: name, $0)) }
    speaker.giveWay = { [weak self] (query) throws(LineError) in
      guard let self else { return }
      try giveWay(before: query)
    }
  }

  /// The port was open once, or could not be opened.
  var hasBeenTried: Bool { hasBeenOpen || failures > 0 }

  /// Now, by the wire's clock.
  var boot: BootInstant { line.now }
  /// Now, as the plan sees it.
  var now: BootInstant { planClock.instant(at: line.now) }
  func planned(_ boot: BootInstant) -> BootInstant { planClock.instant(at: boot) }

  /// What the line has learned of its meters, by name; a new plan may begin with it.
  public var health: [MeterID: MeterHealth] {
    Dictionary(zip(meters.map(\.id), plan.health), uniquingKeysWith: { first, _ in first })
  }

  /// Tries to open the port once, so that the start of the daemon can tell how it went.
  public func open() -> LineError? {
    do throws(LineError) {
      try line.open()
      tellOpen()
      return nil
    } catch {
      waitForPort(error)
      return error
    }
  }

  /// Does the next thing: one question at most, with all the exchanges that it takes. Questions on demand go between.
  public func turn() -> Turn {
    takeIn()
    guard line.isOpen else { return reopen() }
    return step()
  }

  /// Ends everything after the exchange that was last on the wire.
  public func finish() {
    hear(since: nil)
    release(all: true)
    inbox.close()
    dropDemands(.closed)
    line.close()
  }

  /// Tries to open a lost port: after 1, 2, 4 ... 60 seconds, until bytes come over it again.
  private func reopen() -> Turn {
    plan.passBy(at: now, wall: wall())
    tellOfPlan()
    guard now >= opensAt else { return rest(until: opensAt) }
    do throws(LineError) {
      try line.open()
      mustListen = mustListen || isServer
      // A port that was missing from the start is news when it is there, also on a line with nothing to ask.
      if !hasBeenOpen { tellOpen() }
    } catch {
      waitForPort(error)
    }
    return .worked
  }

  /// To look for a path costs nothing: an adapter that is plugged in again is found within 2 s, also where it went once
  /// more as it was opened.
  private func waitForPort(_ error: LineError) {
    failures += 1
    let longest: Int64 =
      switch error {
      case .noSuchPort: 2
      case .vanished: isServer ? 60 : 2
      default: 60
      }
    opensAt = now + .seconds(min(longest, Int64(1) << Int64(min(failures - 1, 6))))
    dropDemands(.portLost)
  }

  func lost(_ error: LineError) {
    if isToldOpen { tell(.portLost(line: name, reason: "\(error)")) }
    isToldOpen = false
    release(all: true)
    waitForPort(error)
  }

  /// A port that opens and dies at once is not told as open again: only one that has carried something.
  func tellOpen() {
    if !isToldOpen { tell(.portOpened(line: name)) }
    isToldOpen = true
    hasBeenOpen = true
  }

  /// Hears what comes while an answer is held back; else leaves the waiting to the owner.
  private func rest(until instant: BootInstant) -> Turn {
    let instant = planClock.boot(at: instant)
    guard !held.isEmpty else { return .rest(until: instant) }
    hear(since: min(instant, boot + .milliseconds(20)))
    return .worked
  }

  private func step() -> Turn {
    guard now >= babblesUntil else { return rest(until: babblesUntil) }
    if mustListen {
      mustListen = false
      hearOut()
      return .worked
    }
    release()
    lookWhereDue()
    var turn = Turn.worked
    switch plan.next(at: now, wall: wall()) {
    case .rest(let until):
      let wake = min(until, nextLook ?? until)
      turn = readProfile() ?? rest(until: profiles == nil ? wake : min(wake, profileWake))
    case .ask(let ask): carryOut(ask)
    }
    tellOfPlan()
    return turn
  }

  /// Tells what rounds have missed and left out, and asks for what the journal holds where the plan wants to know.
  private func tellOfPlan() {
    if plan.takeRecall() { tell(.journalWanted(line: name)) }
    for missed in plan.takeMissed() {
      // A record is told with its events, or asked for again: its count is known only when it was.
      let queries = missed.queries.filter { !$0.isEventRecord }
      guard !queries.isEmpty else { continue }
      tell(
        .missed(
          line: name, meter: meters[missed.meter].id, queries: queries, reason: missed.reason,
          slot: missed.round.slot))
    }
    for lacking in plan.takeLacking() {
      let queries = lacking.queries.filter { !$0.isEventRecord }
      guard !queries.isEmpty else { continue }
      tell(
        .lacking(
          line: name, meter: meters[lacking.meter].id, queries: queries, reason: lacking.reason,
          slot: lacking.round.slot))
    }
    for leftOut in plan.takeLeftOut() {
      tell(
        .leftOut(
          line: name, task: plan.tasks[leftOut.task].name, meters: leftOut.meters.map { meters[$0].id },
          from: leftOut.first, through: leftOut.last, rounds: leftOut.rounds, reason: leftOut.reason))
    }
    for failed in plan.takeFailures() {
      tell(
        .backfillFailed(
          line: name, meter: meters[failed.meter].id, query: failed.query, reason: failed.reason,
          isFinal: failed.isFinal))
    }
  }

  /// Takes in what the journal holds of each meter, in their order, by a wall clock that stood at `wall`, in
  /// milliseconds since 1970. `lastAtWork` as for a new plan.
  public func recalled(_ held: [LinePlan.Held], of wall: Int64, lastAtWork: [Int64] = []) {
    plan.recalled(held, of: wall, lastAtWork: lastAtWork, at: now)
  }

  /// Takes over other questions to some meters, from the rounds on that are due then.
  public func adopt(_ coming: [MeterID: LinePlan.Meter.Coming]) {
    var places: [Int: LinePlan.Meter.Coming] = [:]
    for (index, meter) in meters.enumerated() { places[index] = coming[meter.id] }
    plan.adopt(places)
  }

  /// Takes back an answer that the disk did not keep.
  public func notKept(_ query: Query, of meter: MeterID) {
    guard let index = meters.firstIndex(where: { $0.id == meter }) else { return }
    if case .profile(let span) = query {
      profiles?.takenBack(span, of: index)
      return
    }
    plan.notKept(query, of: index, at: wall().unixMilliseconds)
  }

  /// Lets the time pass in which a Modbus meter answers; DL/T 645 answers say themselves what they answer, and a
  /// Modbus TCP connection is nobody else's.
  func hearOut() {
    guard !line.address.isModbusTCP else { return }
    let silent = meters.filter { if case .modbus = $0.address { true } else { false } }
    guard let meter = silent.max(by: { $0.replyLimit < $1.replyLimit }) else { return }
    do throws(LineError) {
      let late = try line.quarantine(silence: meter.replyLimit)
      if late > 0 { tell(.late(line: name, meter: meter.id, bytes: late)) }
    } catch {
      guard error.losesPort else { return }
      lost(error)
      plan.portLost(at: now)
    }
  }
}
