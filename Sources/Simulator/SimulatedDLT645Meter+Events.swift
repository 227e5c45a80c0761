internal import DLT645
public import Metering

/// What happens to a meter besides what it is told to do, and what it notes of it. 事件
public struct SimulatedEvent: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case powerFailure, coverOpened, terminalCoverOpened
  }

  public let kind: Kind
  /// By the meter's clock.
  public let begin: MeterTime
  /// `nil` while it goes on.
  public let end: MeterTime?

  public init(_ kind: Kind, from begin: MeterTime, to end: MeterTime?) {
    self.kind = kind
    self.begin = begin
    self.end = end
  }

  /// Start and end, ss mm hh DD MM YY each; what is not yet is 0.
  fileprivate var bytes: [UInt8] {
    let never = [UInt8](repeating: 0, count: 6)
    return (WireTime(begin)?.wireBytes ?? never) + (end.flatMap { WireTime($0)?.wireBytes } ?? never)
  }

  fileprivate var log: EventLog.Kind {
    switch kind {
    case .powerFailure: .powerFail
    case .coverOpened: .coverOpen
    case .terminalCoverOpened: .terminalCoverOpen
    }
  }
}

extension SimulatedDLT645Meter {
  /// Notes an event: its counter grows, and it is the last of its kind.
  public mutating func happen(_ event: SimulatedEvent) { state.events.add(event.log, event.bytes) }

  /// The event that is going on is over: the record of the last one of its kind has its end.
  public mutating func end(_ event: SimulatedEvent) {
    let size = event.log.recordSize
    let bytes = event.bytes
    spoil(event.kind, back: 1, with: bytes + [UInt8](repeating: 0xFF, count: max(0, size - bytes.count)))
  }

  /// Puts other bytes in the place of a record, as a damaged memory does.
  public mutating func spoil(_ kind: SimulatedEvent.Kind, back: Int, with record: [UInt8]) {
    state.events.spoil(SimulatedEvent(kind, from: MeterTime(localSeconds: 0), to: nil).log, back, with: record)
  }

  /// All records of events are erased, and that is noted, as by 1BH.
  public mutating func clearEvents(at now: SimulatedInstant) {
    state.events.clear(.all)
    state.events.add(.eventClear, stamp(at: now) + [0, 0, 0, 0] + [0xFF, 0xFF, 0xFF, 0xFF])
  }

  /// Whether the relay is open, as status word 3 tells.
  public var isRelayOpen: Bool {
    get { state.supply.isOpen }
    set { state.supply.isOpen = newValue }
  }
}
