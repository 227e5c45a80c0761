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
    /// When bytes of it last came after their time.
    var lastLate: BootInstant?
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

  /// So long a meter counts as late after bytes of it came too late.
  static let latePatience = BootInstant.Span.seconds(900)

  let startedAt = HostClock.boot
  let startedWall = HostClock.wall.unixMilliseconds
  private let state = Mutex(State())
  private let watchers = Mutex<[Int: AsyncStream<StationEvent>.Continuation]>([:])
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
      case .unlabelled, .notKept, .event, .eventNotice, .clock, .held, .traceFailed, .commanded: break
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
      meters[answer.meter, default: .init()].lastAnswer = answer.hostTime.unixMilliseconds
      guard let slot = answer.slot else { return }
      note(slot, lateness: answer.hostTime.unixMilliseconds - slot, on: answer.line)
    case .health(_, let meter, let isAnswering):
      meters[meter, default: .init()].silentSince = isAnswering ? nil : wall
    case .late(_, let meter, _): meters[meter, default: .init()].lastLate = HostClock.boot
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
