import ArgumentParser
import Concentrator
import Glibc
import Host
import Logging
import Metering
import UnixSignals

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs the daemon: reads, checks, stores, bills.",
    discussion: """
      SIGTERM or SIGINT ends it after the exchange on the wire, with everything stored, and exit code 0. SIGHUP reads \
      the configuration again; a mistake in it leaves the running one in force. Under systemd it tells READY=1 and \
      pings the watchdog while every line goes on.

      EXAMPLE
        meterd run --config /etc/meterd/meterd.toml
      """)

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel = "info"

  func run() async throws {
    // libmodbus writes to sockets plainly: a closed end must be an error, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    // Before anything else: a signal that comes while the store is opened ends the daemon in order as well.
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint, .sighup])
    guard let level = Logger.Level(rawValue: logLevel) else {
      throw Complaint(.usage, "unknown log level \"\(logLevel)\"", "Write debug, info, notice, warning or error.")
    }
    let isJournal = environment("JOURNAL_STREAM") != nil
    let logger = Logger(label: "meterd") { LineLogHandler(label: $0, level: level, isJournal: isJournal) }
    let station = try Station(Configuration.load(config))
    let log = StationLog(logger, zone: station.configuration.zone)
    let manager = ServiceManager(environment: environmentOfManager(), processID: getpid())
    // After a kill all pages of the store are looked at first, which takes as long as the file is large.
    manager.askForTime()
    let patience = Task {
      while (try? await Task.sleep(for: .seconds(20))) != nil { manager.askForTime() }
    }
    let running = try await Opening().open(station) { log.note($0) }
    let orders = DaemonOrders()
    let desk = ControlDesk(running) { await orders.reload() }
    let control = try ControlServer(path: station.configuration.controlSocket, report: { log.note($0) }) {
      await desk.serve($0, $1, $2)
    }
    try await running.start()
    let listening = Task { await control.run() }
    let signalled = Task { for await signal in signals { orders.take(signal) } }
    patience.cancel()
    var status = status(of: station)
    manager.tell("READY=1", status)
    logger.notice(
      "running", metadata: ["station": "\(station.configuration.station)", "store": "\(station.configuration.store)"])
    log.note(remarksOf: station)
    if !station.hostClockIsKnown {
      logger.warning(
        "the host's clock is not known to be set: billing waits", metadata: ["setting": "trust-host-clock"])
    }
    // A daemon rests most of its time, and of what it needs to begin much is never needed again.
    let sparing = Task {
      // After the first round of a fast line, and after the first minute's look at everything.
      for seconds in [5, 10, 50, 835] where (try? await Task.sleep(for: .seconds(seconds))) != nil {
        ProcessMemory.release()
      }
    }
    let watchdog = Task { await keepAlive(running, manager, logger) }
    for await order in orders.stream {
      guard case .reload(let answer) = order else { break }
      manager.tell("RELOADING=1", "MONOTONIC_USEC=\(HostClock.boot.nanoseconds / 1000)")
      do throws(Complaint) {
        let new = try Station(Configuration.load(config))
        try await running.reload(new)
        status = self.status(of: new)
        log.go(on: new.configuration.zone)
        log.note(remarksOf: new)
        logger.notice("configuration taken over", metadata: ["file": "\(config)"])
        answer?.resume(returning: .success(new))
      } catch {
        writeError(error.description + "\n")
        logger.error("configuration refused, the running one stays", metadata: ["reason": "\(error.headline)"])
        answer?.resume(returning: .failure(error))
      }
      manager.tell("READY=1", status)
    }
    manager.tell("STOPPING=1")
    await orders.end()
    control.stop()
    await listening.value
    signalled.cancel()
    watchdog.cancel()
    sparing.cancel()
    await running.stop()
    logger.notice("stopped")
  }

  /// What the service manager shows beside the unit's name.
  private func status(of station: Station) -> String {
    "STATUS=\(counted(station.configuration.lines.count, "line")), \(counted(station.meters.joined().count, "meter"))"
  }

  /// Pings the watchdog while every line goes round its loop; a line may be in one exchange for half a minute.
  private func keepAlive(_ running: RunningStation, _ manager: ServiceManager, _ logger: Logger) async {
    guard let interval = manager.watchdogInterval else { return }
    while !Task.isCancelled {
      let now = HostClock.boot
      let stuck = await running.lastSeen.filter { now - $0.value > .seconds(60) }
      if stuck.isEmpty {
        manager.tell("WATCHDOG=1")
      } else {
        logger.critical("line stuck", metadata: ["line": "\(stuck.keys.sorted().joined(separator: " "))"])
      }
      try? await Task.sleep(for: .nanoseconds(interval.nanoseconds / 3))
    }
  }
}

/// Opens the store of a station on a thread of its own: meanwhile others have theirs, also where there is but one core.
private actor Opening {
  private let thread = OwnedThread(name: "opening")
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  deinit { thread.stop() }

  func open(
    _ station: Station, _ report: @escaping @Sendable (StationEvent) -> Void
  ) throws(Complaint) -> RunningStation { try RunningStation(station, report: report) }
}

/// What a daemon is told to do, by signals and by its control socket, one thing after the other.
struct DaemonOrders: Sendable {
  enum Order: Sendable {
    case stop
    /// Somebody may wait for the outcome.
    case reload(CheckedContinuation<Result<Station, Complaint>, Never>?)
  }

  let stream: AsyncStream<Order>
  private let put: AsyncStream<Order>.Continuation

  init() { (stream, put) = AsyncStream.makeStream(of: Order.self, bufferingPolicy: .bufferingOldest(16)) }

  func take(_ signal: UnixSignal) {
    let order = signal == .sighup ? Order.reload(nil) : .stop
    // To stop is never too much.
    if case .dropped = put.yield(order), case .stop = order { put.finish() }
  }

  /// Has the configuration read again, and waits for the outcome.
  func reload() async -> Result<Station, Complaint> {
    await withCheckedContinuation { answer in
      switch put.yield(.reload(answer)) {
      case .enqueued: break
      case .dropped: answer.resume(returning: .failure(Self.busy("too many reloads wait")))
      case .terminated: answer.resume(returning: .failure(Self.busy("the daemon is about to end")))
      @unknown default: answer.resume(returning: .failure(Self.busy("the daemon takes no orders")))
      }
    }
  }

  /// Takes no more orders, and tells those who wait that nothing comes of theirs.
  func end() async {
    put.finish()
    for await order in stream {
      if case .reload(let answer?) = order {
        answer.resume(returning: .failure(Self.busy("the daemon is about to end")))
      }
    }
  }

  private static func busy(_ why: String) -> Complaint {
    Complaint(.tryLater, "\(why), so the configuration was not read", "Try again in a moment.")
  }
}

/// A variable of the environment.
func environment(_ name: String) -> String? {
  guard let value = unsafe getenv(name) else { return nil }
  return unsafe String(cString: value)
}

private func environmentOfManager() -> [String: String] {
  var found: [String: String] = [:]
  for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { found[name] = environment(name) }
  return found
}
