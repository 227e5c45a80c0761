internal import Acquisition
internal import Host
internal import Metering
internal import Synchronization

/// What was last heard of each line, meter and of the store: what a look at the lines themselves does not tell.
final class StationBoard: Sendable {
  /// A port as the lines tell it.
  struct Port: Sendable {
    var isOpen: Bool
    /// Milliseconds since 1970.
    var since: Int64
    /// Why it is lost.
    var reason: String?
  }

  struct Meter: Sendable {
    /// When something of it was last believed, in milliseconds since 1970.
    var lastAnswer: Int64?
    var silentSince: Int64?
    /// When it last answered again after a silence, in milliseconds since 1970.
    var returnedAt: Int64?
    /// When bytes of it came after their time, the latest ones last, and the answers in time since.
    private(set) var lates: [BootInstant] = []
    private var answersSince = 0

    /// Bytes came after their time again and again of late. One reply may be late on any line, as one that was asked for
    /// before a restart is; and a meter that has answered in time for a while is not late any more.
    func isLate(at now: BootInstant) -> Bool {
      answersSince < StationBoard.answersInTime
        && lates.count { now - $0 < StationBoard.latePatience } >= StationBoard.latesToTell
    }

    mutating func cameLate(at now: BootInstant) {
      lates = lates.suffix(StationBoard.latesToTell - 1) + [now]
      answersSince = 0
    }

    mutating func answered(at wall: Int64) {
      lastAnswer = wall
      answersSince += 1
    }
  }

  /// How late the last answer of a round came after it was due.
  struct Slot: Sendable {
    let slot: Int64
    var lateness: Int64
  }

  struct Failure: Sendable {
    let reason: String
    let since: Int64
  }

  struct State: Sendable {
    var counts = StationCounts()
    var ports: [String: Port] = [:]
    var meters: [MeterID: Meter] = [:]
    /// Of each line, the latest ones last.
    var slots: [String: [Slot]] = [:]
    /// What stands between readings and the disk; `nil` once something was stored again.
    var failure: Failure?
    var isWaitingForClock = false
    /// Bills that come out otherwise than before, until somebody has looked at them or one is issued again.
    var trialDifferences: Int?
  }

  /// A meter counts as late where bytes of it came too late so often within so long, until so many answers in a row came
  /// in time.
  static let latesToTell = 2
  static let latePatience = BootInstant.Span.seconds(900)
  static let answersInTime = 8

  let startedAt = HostClock.boot
  let startedWall = HostClock.wall.unixMilliseconds
  private let state = Guarded(State())
  private let watchers = Guarded<[Int: AsyncStream<StationEvent>.Continuation]>([:])
  private let lastWatcher = Atomic(0)

  var now: State { state.withLock { $0 } }

  func note(_ event: StationEvent) {
    let wall = HostClock.wall.unixMilliseconds
    state.withLock { state in
      state.counts.add(event)
      switch event {
      case .line(let event): state.note(event, at: wall)
      case .stored: state.failure = nil
      case .storeFailed(let reason, let readings):
        if readings > 0 { state.failure = state.failure ?? Failure(reason: reason, since: wall) }
      case .billingWaitsForClock: state.isWaitingForClock = true
      case .billingWaitsForTrial(let differences): state.trialDifferences = differences > 0 ? differences : nil
      case .billed: state.isWaitingForClock = false
      case .unlabelled, .notKept, .event, .eventNotice, .clock, .held, .traceFailed, .storeDamaged, .commanded: break
      }
    }
    for watcher in watchers.withLock({ Array($0.values) }) { watcher.yield(event) }
  }

  /// Events from now on, until `endWatch` with the number.
  func watch() -> (number: Int, events: AsyncStream<StationEvent>) {
    let (events, tell) = AsyncStream.makeStream(of: StationEvent.self, bufferingPolicy: .bufferingNewest(4096))
    let number = lastWatcher.add(1, ordering: .relaxed).newValue
    watchers.withLock { $0[number] = tell }
    return (number, events)
  }

  func endWatch(_ number: Int) { watchers.withLock { $0.removeValue(forKey: number) }?.finish() }
}

extension StationBoard.State {
  fileprivate mutating func note(_ event: LineEvent, at wall: Int64) {
    switch event {
    case .answered(let answer):
      meters[answer.meter, default: .init()].answered(at: answer.hostTime.unixMilliseconds)
      // What was missed before is no part of its round, and a meter that was away does not make the others late.
      guard let slot = answer.slot, !answer.fillsGap, meters[answer.meter]?.silentSince == nil,
        meters[answer.meter]?.returnedAt ?? slot <= slot
      else { return }
      note(slot, lateness: answer.hostTime.unixMilliseconds - slot, on: answer.line)
    case .health(_, let meter, let isAnswering):
      if isAnswering, meters[meter]?.silentSince != nil { meters[meter]?.returnedAt = wall }
      meters[meter, default: .init()].silentSince = isAnswering ? nil : wall
    case .late(_, let meter, _): meters[meter, default: .init()].cameLate(at: HostClock.boot)
    case .portLost(let line, let reason):
      ports[line] = StationBoard.Port(isOpen: false, since: wall, reason: reason)
    case .portOpened(let line): ports[line] = StationBoard.Port(isOpen: true, since: wall)
    case .missed, .lacking, .leftOut, .recordsLapsed, .recordsRefused, .journalWanted, .rejected, .staleFreeze,
      .backfillFailed,
      .answeredTwice,
      .control, .events, .clock:
      break
    }
  }

  private mutating func note(_ slot: Int64, lateness: Int64, on line: String) {
    var known = slots[line] ?? []
    if let index = known.firstIndex(where: { $0.slot == slot }) {
      known[index].lateness = max(known[index].lateness, lateness)
    } else {
      known.append(StationBoard.Slot(slot: slot, lateness: lateness))
      known.sort { $0.slot < $1.slot }
      if known.count > 8 { known.removeFirst() }
    }
    slots[line] = known
  }
}
