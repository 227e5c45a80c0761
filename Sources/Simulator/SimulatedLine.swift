internal import CSerial
internal import Host
internal import Metering

/// A bus with its meters behind a port that any program can open, paced at the baud rate both ways.
///
/// It runs on a thread of its own and sleeps until a byte is due or has come.
public actor SimulatedLine {
  public nonisolated let name: String
  public nonisolated let place: LinePlace
  /// The link where one was asked for, else what `currentPath` was at first; `tcp://127.0.0.1:PORT` for a
  /// socket, `modbus-tcp://127.0.0.1:PORT` for a network.
  public nonisolated let path: String

  private let thread: OwnedThread
  private let bell: Bell
  private var end: LineEnd?
  private var bus: SimulatedBus
  /// Paces of the rates that meters on this line have; empty where the line runs at one rate whatever the port says.
  private let paces: [Int: WirePace]
  private var tuned: Int?
  private var callers = 0
  private var buffer = [UInt8](repeating: 0, count: 4096)
  private var outgoing: [UInt8] = []
  private var isStopping = false

  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// Opens the port and starts the thread; throws where there is no port to open.
  ///
  /// With `paces`, by rate, the line follows the rate that the master tunes its port to; a terminal only.
  public init(
    name: String, place: LinePlace, bus: SimulatedBus, paces: [Int: WirePace] = [:]
  ) throws(SimulatorError) {
    let end = try LineEnd.open(place)
    let opened = end.path
    let port = end.port
    bell = try Bell()
    switch place {
    case .terminal(let link): path = link ?? opened
    case .socket, .network: path = opened
    }
    self.name = name
    // A socket comes back at the port it was given first.
    switch place {
    case .terminal: self.place = place
    case .socket: self.place = .socket(port: port)
    case .network: self.place = .network(port: port)
    }
    self.bus = bus
    self.paces = paces
    self.end = consume end
    thread = OwnedThread(name: "sim-\(name)")
    // Started on its own thread: the shared pool may be full of those who wait for this line.
    Task(executorPreference: thread) { await self.run() }
  }

  private func run() async {
    while !isStopping {
      // The bell rings for each call that waits for this actor, and is hushed by the call itself.
      while !work() {}
      await Task.yield()
    }
  }

  deinit { thread.stop() }

  /// One wait and what came of it. True when someone rang.
  private func work() -> Bool {
    if end == nil {
      // Hung up: nothing but a call can change that.
      var nobody = bell.readable
      _ = unsafe cserial_wait_any(&nobody, 1, .max / 2)
      return true
    }
    let next = bus.nextEvent ?? HostClock.boot + .seconds(3600)
    let rang = end?.wait(bell.readable, until: next.nanoseconds) ?? true
    let count = end?.read(into: &buffer) ?? 0
    // Taken after the bytes: before, a byte written in between would seem to have come too early.
    let now = HostClock.boot
    if let came = end?.callers, came != callers {
      // Half a request of the caller before is none of this one's.
      callers = came
      if case .network = place { bus.cut() }
    }
    if count > 0 {
      tune()
      bus.hear(Array(buffer[..<count]), at: now)
    }
    outgoing.removeAll(keepingCapacity: true)
    bus.advance(to: now, into: &outgoing)
    if !outgoing.isEmpty {
      let taken = end?.write(outgoing) ?? 0
      bus.lost(outgoing.count - taken)
    }
    return rang
  }

  private func tune() {
    guard !paces.isEmpty, let baud = end?.baud, baud != tuned else { return }
    tuned = baud
    // At a rate that no meter has, bytes still take their time; nobody understands them.
    let unknown = WirePace(baud: baud, bits: 10)
    bus.change(pace: paces[baud] ?? unknown, baud: baud)
  }

  private func answerTheBell<Result: Sendable, Failure: Error>(
    _ body: @Sendable (isolated SimulatedLine) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    bell.hush()
    return try body(self)
  }

  private nonisolated func interrupt<Result: Sendable, Failure: Error>(
    _ body: @Sendable (isolated SimulatedLine) throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    bell.ring()
    return try await answerTheBell(body)
  }
}

extension SimulatedLine {
  /// What happened so far.
  public nonisolated func statistics() async -> LineStatistics { await interrupt { $0.bus.statistics } }

  /// Changes meters, faults or the clock while the line runs.
  public nonisolated func change(_ body: @escaping @Sendable (inout SimulatedBus) -> Void) async {
    await interrupt { body(&$0.bus) }
  }

  /// Puts bytes on the wire that no one asked for: noise, an event frame, a babbling meter.
  public nonisolated func interject(_ bytes: [UInt8]) async {
    await interrupt { $0.bus.interject(bytes, at: HostClock.boot) }
  }

  /// Pulls the adapter out: the port is gone, bytes under way are lost.
  public nonisolated func hangUp() async {
    await interrupt { line in
      line.end = nil
      line.bus.cut()
    }
  }

  /// Plugs the adapter in again: a new device under the same link, or the same port. Not after `stop`.
  public nonisolated func reopen() async throws(SimulatorError) {
    try await interrupt { line throws(SimulatorError) in
      guard !line.isStopping else { throw .stopped }
      line.end = nil
      line.end = try LineEnd.open(line.place)
      line.tuned = nil
      line.callers = 0
    }
  }

  /// Closes the port for good; the thread ends with the last reference. What happened in all.
  @discardableResult
  public nonisolated func stop() async -> LineStatistics {
    await interrupt { line in
      line.isStopping = true
      line.end = nil
      return line.bus.statistics
    }
  }
}
