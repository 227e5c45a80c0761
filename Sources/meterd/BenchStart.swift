import Acquisition
import Concentrator
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
    let first = try daemon(file)
    let empty = try await untilHeard(simulated, since: first.startedAt)
    try await untilIdle(simulated)
    // At rest: what the start alone needed is let go of fifteen seconds after it.
    try? await Task.sleep(for: .nanoseconds(max(0, (first.startedAt + .seconds(17) - HostClock.boot).nanoseconds)))
    let memory = first.residentKibibytes
    try first.finish()
    var times: [BootInstant.Span] = []
    for _ in 0..<Self.starts {
      for line in simulated.lines { await line.change { $0.listenAnew() } }
      let daemon = try daemon(file)
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

  private func daemon(_ file: String) throws(Complaint) -> ChildProcess { try ChildProcess(["run", "--config", file]) }

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
