public import Line
public import Metering

/// A bus of simulated meters as a line's wire, in a time of its own: nothing is waited for.
///
/// Bytes take on it what they take on a terminal, and the same seeds bring the same faults. Its clock goes on only
/// where the line waits or sleeps, so that a day of a line passes in the time that it takes to compute. One thread.
public final class SimulatedWire: Wire {
  public private(set) var now: BootInstant
  public var bus: SimulatedBus
  /// False while the adapter is pulled out.
  public private(set) var isPluggedIn = true
  public private(set) var isOpen = false
  public let marksParity = false

  /// When the process that owns the line stands still, once, and how.
  public var standstill: Standstill?

  private let address: PortAddress
  /// Paces of the rates that the meters have; empty where the line runs at one rate whatever the port says.
  private let paces: [Int: WirePace]
  private var incoming: [UInt8] = []
  private var taken = 0

  /// The wire of `bus`, whose clock begins at `now`; `address` is for messages only.
  public init(
    _ bus: SimulatedBus, called address: PortAddress, at now: BootInstant, paces: [Int: WirePace] = [:]
  ) {
    self.bus = bus
    self.address = address
    self.now = now
    self.paces = paces
  }

  public func sleep(until instant: BootInstant) {
    while let next = bus.nextEvent, next <= instant { advance(to: next) }
    advance(to: instant)
  }

  /// Pulls the adapter out: bytes under way are lost.
  public func pull() {
    isPluggedIn = false
    incoming = []
    taken = 0
    bus.cut()
  }

  public func plugIn() { isPluggedIn = true }

  public func open() throws(LineError) {
    guard isPluggedIn else { throw .noSuchPort(address) }
    isOpen = true
  }

  public func close() { isOpen = false }

  public func tune(_ settings: SerialSettings) throws(LineError) {
    try check()
    guard !paces.isEmpty else { return }
    // At a rate that no meter has, bytes still take their time; nobody understands them.
    bus.change(pace: paces[settings.baud] ?? WirePace(settings), baud: settings.baud)
  }

  public func waitReadable(until instant: BootInstant) throws(LineError) -> Bool {
    try check()
    advance(to: now)
    while taken == incoming.count, let next = bus.nextEvent, next <= instant { advance(to: next) }
    guard taken == incoming.count else { return true }
    advance(to: instant)
    return taken < incoming.count
  }

  public func read(into buffer: inout [UInt8]) throws(LineError) -> Int {
    try check()
    let count = min(buffer.count, incoming.count - taken)
    for index in 0..<count { buffer[index] = incoming[taken + index] }
    taken += count
    if taken == incoming.count {
      incoming.removeAll(keepingCapacity: true)
      taken = 0
    }
    return count
  }

  public func write(_ cleared: ClearedBytes, until instant: BootInstant) throws(LineError) {
    try check()
    bus.hear(cleared.bytes, at: now)
  }

  /// The process does nothing from an instant on, for so long, while the boot clock and the meters go on.
  public struct Standstill: Hashable, Sendable {
    /// When it begins: at the next wait that reaches this.
    public let at: BootInstant
    /// How long it lasts.
    public let span: BootInstant.Span
    /// The whole machine sleeps, so that bytes that come meanwhile are lost; else, as after SIGSTOP, they wait in the port.
    public let isOfMachine: Bool

    /// A standstill from `at` on.
    public init(at: BootInstant, for span: BootInstant.Span, isOfMachine: Bool) {
      self.at = at
      self.span = span
      self.isOfMachine = isOfMachine
    }
  }

  private func check() throws(LineError) {
    guard isOpen else { throw .closed(address) }
    guard isPluggedIn else { throw .vanished(address) }
  }

  private func advance(to instant: BootInstant) {
    now = max(now, instant)
    if let still = standstill, now >= still.at {
      standstill = nil
      if still.isOfMachine {
        bus.advance(to: now, into: &incoming)
        bus.cut()
      }
      now = now + still.span
    }
    bus.advance(to: now, into: &incoming)
    // Nobody listens to a closed port.
    if !isOpen { incoming.removeAll(keepingCapacity: true) }
  }
}
