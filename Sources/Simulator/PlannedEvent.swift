internal import DLT645
public import Metering

/// Something that is to happen to a DL/T 645 meter at a time, so that there are events to read. 事件
///
/// A meter of the 1997 edition keeps `programming`, `demand-clear` and its relay; what else happens to it leaves no trace.
public struct PlannedEvent: Hashable, Sendable {
  /// By the word under which the event is listed.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case powerFail = "power-fail"
    case voltageLossL1 = "voltage-loss-l1"
    case voltageLossL2 = "voltage-loss-l2"
    case voltageLossL3 = "voltage-loss-l3"
    case phaseFailureL1 = "phase-failure-l1"
    case phaseFailureL2 = "phase-failure-l2"
    case phaseFailureL3 = "phase-failure-l3"
    case allLoss = "all-loss"
    case coverOpen = "cover-open"
    case terminalCoverOpen = "terminal-cover-open"
    case programming
    case clockSet = "clock-set"
    /// The maximum demands begin anew.
    case demandClear = "demand-clear"
    /// Every other record is gone.
    case eventClear = "event-clear"
    /// The relay opens and closes; status word 3 tells it as well.
    case trip
    case close

    /// True for what has an end of its own.
    var lasts: Bool {
      switch self {
      case .powerFail, .voltageLossL1, .voltageLossL2, .voltageLossL3, .phaseFailureL1, .phaseFailureL2,
        .phaseFailureL3, .allLoss, .coverOpen, .terminalCoverOpen:
        true
      case .programming, .clockSet, .demandClear, .eventClear, .trip, .close: false
      }
    }
  }

  public enum Time: Hashable, Sendable {
    /// Once, by the meter's clock: one that is past when the meter is first asked was there before.
    case at(MeterTime)
    /// At each whole multiple of so many seconds since midnight of 1970 by the meter's clock, from when it is first asked.
    case every(seconds: Int64)
  }

  public let kind: Kind
  public let time: Time

  public init(_ kind: Kind, _ time: Time) {
    self.kind = kind
    self.time = time
  }

  /// How long it lasts, in seconds; the meter notes it when it is over.
  private var length: Int64 {
    guard kind.lasts else { return 0 }
    if case .every(let seconds) = time { return min(30, max(1, seconds) / 2) }
    return 30
  }

  /// When it began and was over, of those that were over after `before` and by `now`, in seconds since 1970 by the
  /// meter's clock; a thousand of one kind at the most. `before` is `nil` where nobody has asked the meter yet.
  func due(after before: Int64?, by now: Int64) -> [ClosedRange<Int64>] {
    switch time {
    case .at(let time):
      let end = time.localSeconds &+ length
      return end <= now && before.map { $0 < end } ?? true ? [time.localSeconds...max(time.localSeconds, end)] : []
    case .every(let seconds):
      guard let before, before < now else { return [] }
      let step = max(1, seconds)
      let last = (now - length) / step
      let first = max((before - length) / step + 1, last - 999)
      guard first <= last else { return [] }
      return (first...last).map { $0 * step...$0 * step + length }
    }
  }
}

extension SimulatedDLT645Meter {
  /// Lets happen what was planned since the meter was last asked. A clock that is set back lets nothing happen twice.
  mutating func live(to now: SimulatedInstant) {
    guard !habits.planned.isEmpty else { return }
    let clock = registers.clock(at: now).localSeconds
    let before = state.livedUntil
    state.livedUntil = max(before ?? clock, clock)
    let due = habits.planned.flatMap { event in event.due(after: before, by: clock).map { (event.kind, $0) } }
    for (kind, span) in due.sorted(by: { $0.1.upperBound < $1.1.upperBound }) { note(kind, span) }
  }

  private mutating func note(_ kind: PlannedEvent.Kind, _ span: ClosedRange<Int64>) {
    func stamp(_ seconds: Int64) -> [UInt8] {
      WireTime(MeterTime(localSeconds: seconds))?.wireBytes ?? [UInt8](repeating: 0, count: 6)
    }
    let begin = stamp(span.lowerBound), both = begin + stamp(span.upperBound)
    let nobody = [UInt8](repeating: 0, count: 4)
    let minutes = (span.upperBound - span.lowerBound + 59) / 60
    let instant = registers.instant(ofClock: span.lowerBound)
    switch kind {
    case .powerFail: state.events.add(.powerFail, both)
    case .voltageLossL1: state.events.add(.voltageLossL1, both, minutes: minutes)
    case .voltageLossL2: state.events.add(.voltageLossL2, both, minutes: minutes)
    case .voltageLossL3: state.events.add(.voltageLossL3, both, minutes: minutes)
    case .phaseFailureL1: state.events.add(.phaseFailureL1, both, minutes: minutes)
    case .phaseFailureL2: state.events.add(.phaseFailureL2, both, minutes: minutes)
    case .phaseFailureL3: state.events.add(.phaseFailureL3, both, minutes: minutes)
    case .allLoss: state.events.add(.allLoss, begin + [0, 0, 0] + stamp(span.upperBound), minutes: minutes)
    case .coverOpen: state.events.add(.coverOpen, both)
    case .terminalCoverOpen: state.events.add(.terminalCoverOpen, both)
    case .programming: state.events.add(.programming, begin + nobody)
    case .clockSet: state.events.add(.clockSet, nobody + begin + begin)
    case .demandClear: clearDemand(nil, at: instant)
    case .eventClear: clearEvents(at: instant)
    case .trip, .close:
      isRelayOpen = kind == .trip
      state.events.add(kind == .trip ? .trip : .close, begin + nobody)
    }
  }
}
