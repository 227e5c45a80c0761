import Acquisition
import Concentrator
import Glibc
import Host
import Metering
import Simulator

/// A daemon in a process of its own with 1,200 meters: how soon it speaks after it was started, and what it takes at rest.
struct BenchStart {
  static let lines = 6
  static let metersOfLine = 200
  static let starts = 5

  /// `data` are the folders of shipped profiles.
  func run(_ data: DataFolders) async throws -> [BenchLine.Figure] {
    let folder = try temporaryFolder("meterd-bench")
    defer { removeFolder(folder) }
    let file = "\(folder)/bench.toml"
    try writeFile(toml(folder, data), to: file)
    let station = try Station(Configuration.load(file))
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      simulated = try await SimulatedStation.open(
        Simulation.describe(station) { "\($0.port)" }, clock: Simulation.clock())
    } catch {
      throw error.complaint
    }
    do {
      let figures = try await measure(file, simulated)
      await simulated.stop()
      return figures
    } catch {
      await simulated.stop()
      throw error
    }
  }

  private func measure(_ file: String, _ simulated: SimulatedStation) async throws -> [BenchLine.Figure] {
    // The first start finds an empty store and reads all meters.
    let first = try BenchDaemon(file)
    defer { first.end() }
    let empty = try await untilHeard(simulated, since: first.startedAt)
    try await untilIdle(simulated)
    let memory = first.residentKibibytes
    try first.finish()
    var times: [BootInstant.Span] = []
    for _ in 0..<Self.starts {
      for line in simulated.lines { await line.change { $0.listenAnew() } }
      let daemon = try BenchDaemon(file)
      defer { daemon.end() }
      times.append(try await untilHeard(simulated, since: daemon.startedAt))
      try daemon.finish()
    }
    times.sort()
    let middle = times[times.count / 2]
    let meters = Self.lines * Self.metersOfLine
    return [
      BenchLine.Figure(
        name: "start.first-request", value: milliseconds(middle), unit: "ms",
        against:
          "\(meters) meters in the store, \(times.count) starts, \(milliseconds(times[0])) to \(milliseconds(times[times.count - 1]))",
        goal: "<=50", met: middle <= .milliseconds(50)),
      BenchLine.Figure(
        name: "start.empty-store", value: milliseconds(empty), unit: "ms", against: "the first start of all", goal: "",
        met: nil),
      BenchLine.Figure(
        name: "start.idle-memory", value: decimalString(memory * 1_000_000 / 1024, decimals: 1), unit: "MB",
        against: "resident, \(meters) meters on \(Self.lines) lines, all read", goal: "<=16", met: memory <= 16 << 10),
    ]
  }

  private func milliseconds(_ span: BootInstant.Span) -> String { decimalString(span.nanoseconds, decimals: 1) }

  /// How long after `start` the first byte came to any line.
  private func untilHeard(_ simulated: SimulatedStation, since start: BootInstant) async throws -> BootInstant.Span {
    for _ in 0..<6000 {
      var first: BootInstant?
      for line in simulated.lines {
        if let heard = await line.statistics().firstHeard { first = min(first ?? heard, heard) }
      }
      if let first { return first - start }
      try? await Task.sleep(for: .milliseconds(10))
    }
    throw Complaint(.noAnswer, "the daemon has asked for nothing in a minute")
  }

  /// Until no line has heard anything for three seconds but the daemon's look for the dead.
  private func untilIdle(_ simulated: SimulatedStation) async throws {
    var before = 0
    var quiet = 0
    for _ in 0..<600 where quiet < 3 {
      try? await Task.sleep(for: .seconds(1))
      var requests = 0
      for line in simulated.lines { requests += await line.statistics().requests }
      quiet = requests - before <= Self.lines && requests >= Self.lines * Self.metersOfLine ? quiet + 1 : 0
      before = requests
    }
    guard quiet >= 3 else { throw Complaint(.noAnswer, "the daemon has not read its meters in ten minutes") }
  }

  /// Every second line is of Modbus; the last meter of each is dead, so that every start has something to ask.
  private func toml(_ folder: String, _ data: DataFolders) -> String {
    var text = """
      station = "BENCH"
      store = "\(folder)/meterd.db"
      trust-host-clock = true
      devices = "\(data.devices)"

      [[task]]
      name = "energy"
      at = "00:00"
      read = ["energy.import.active.total"]

      """
    for line in 1...Self.lines {
      let isModbus = line % 2 == 0
      text += """
        [[line]]
        name = "bus\(line)"
        port = "\(folder)/bus\(line)"
        serial = "115200 \(isModbus ? "8N1" : "8E1")"

        """
      for meter in 1...Self.metersOfLine {
        let digits = String("\(1_000_000 + line * 1000 + meter)".dropFirst())
        text += """
          [[line.meter]]
          id = "B-\(line)-\(meter)"
          profile = "\(isModbus ? "eastron-sdm630" : "dlt645-2007-three-phase")"
          address = "\(isModbus ? "\(meter)" : "202311\(digits)")"
          simulate = { reply-delay-ms = 1\(meter == Self.metersOfLine ? ", silent = true" : "") }

          """
      }
    }
    return text
  }
}

/// This program, run as a daemon; ended with this object at the latest.
private final class BenchDaemon {
  private let process: pid_t
  private var isOver = false
  /// Just before the process was made.
  let startedAt: BootInstant

  init(_ configuration: String) throws {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for number: CInt in 0...2 {
      unsafe posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
    }
    let words = ["meterd", "run", "--config", configuration]
    var texts: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) } + [nil]
    defer { unsafe texts.forEach { unsafe free($0) } }
    var started: pid_t = 0
    startedAt = HostClock.boot
    let failed = unsafe posix_spawn(&started, "/proc/self/exe", &actions, nil, &texts, environ)
    guard failed == 0 else { throw Complaint(.software, "cannot start a daemon: \(systemError(failed))") }
    process = started
  }

  deinit { end() }

  /// What of it is in memory.
  var residentKibibytes: Int64 {
    let text = (try? TextFile.read("/proc/\(process)/statm", what: "process")) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0
    return pages * Int64(sysconf(CInt(_SC_PAGESIZE))) / 1024
  }

  /// Ends it in order.
  func finish() throws {
    guard !isOver else { return }
    kill(process, SIGTERM)
    let status = wait()
    guard status == 0 else { throw Complaint(.software, "the daemon ended with status \(status)") }
  }

  /// Ends it, wherever it is.
  func end() {
    guard !isOver else { return }
    kill(process, SIGKILL)
    _ = wait()
  }

  private func wait() -> CInt {
    var status: CInt = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    isOver = true
    return status
  }
}
