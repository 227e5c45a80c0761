import Acquisition
import Concentrator
import Glibc
import Host
import Metering
import Simulator

/// One workload on one simulated line, through the whole daemon to the disk.
struct BenchLine {
  let workload: BenchWorkload

  /// One figure, as `meterd bench --json` prints it.
  struct Figure {
    let name: String
    let value: String
    let unit: String
    let against: String
    let goal: String
    let met: Bool?

    var json: JSON {
      .object([
        "name": .string(name), "value": .string(value), "unit": .string(unit), "against": .string(against),
        "goal": .string(goal), "met": met.map(JSON.boolean) ?? .null,
      ])
    }

    var text: String {
      let verdict = met.map { $0 ? "  met" : "  NOT MET" } ?? ""
      return "\(name)  \(value) \(unit)  against \(against)\(goal.isEmpty ? "" : ", goal \(goal)")\(verdict)"
    }
  }

  private struct Seen {
    var began: BootInstant?
    var ended: BootInstant?
    var answers = 0
    /// Checked when the scan is over: what the meters held takes longer to work out than all the daemon does.
    var readings: [Reading] = []
  }

  /// Runs one scan of the line; `data` are the folders of shipped profiles.
  func run(_ data: DataFolders) async throws -> [Figure] {
    let folder = try temporaryFolder("meterd-bench")
    defer { removeFolder(folder) }
    let station = try station(in: folder, data)
    switch workload.kind {
    case .dead: return try await BenchDead(station: station).run()
    case .lines: return try await BenchLines(station: station, folder: folder).run()
    case .w1, .w2, .w3, .late, .later: return try await scan(station)
    }
  }

  private func station(in folder: String, _ data: DataFolders) throws -> Station {
    try copyProfiles(from: data.devices, to: folder)
    try writeFile(workload.toml(folder: folder), to: "\(folder)/bench.toml")
    return try Station(Configuration.load("\(folder)/bench.toml"))
  }

  private func scan(_ station: Station) async throws -> [Figure] {
    let lines: [LineDescription]
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      lines = try Simulation.describe(station) { "\($0.port)" }
      simulated = try await SimulatedStation.open(lines, clock: Simulation.clock())
    } catch {
      throw error.complaint
    }
    let expected = station.expectedExchanges()
    let truth = Truth(lines, zone: station.configuration.zone)
    let seen = Guarded(Seen())
    let round = BenchRound()
    let cpuBefore = processorTime()
    let running = try RunningStation(station) { event in
      let isDone = seen.withLock { seen in
        switch event {
        case .line(.answered(let answer)):
          seen.began = seen.began.map { min($0, answer.startedAt) } ?? answer.startedAt
          seen.ended = answer.bootTime
          seen.answers += 1
        case .stored(_, let reading, _, _):
          seen.readings.append(reading)
        default: break
        }
        return seen.answers >= expected.exchanges
      }
      if isDone { round.finish() }
    }
    try await running.start()
    await round.wait(atMost: .nanoseconds(expected.limit.nanoseconds) * 3 + .seconds(60))
    await running.stop()
    let cpu = processorTime() - cpuBefore
    let statistics = await simulated.stop()
    return figures(seen.withLock { $0 }, truth, expected, statistics.first ?? LineStatistics(), cpu)
  }

  private func figures(
    _ seen: Seen, _ truth: Truth, _ expected: (exchanges: Int, values: Int, limit: BootInstant.Span),
    _ statistics: LineStatistics, _ cpu: BootInstant.Span
  ) -> [Figure] {
    let stored = seen.readings.count
    let checked = seen.readings.map { truth.isRight($0) }
    let wrong = checked.count { $0 == false }
    let right = checked.count { $0 == true }
    let name = "line.\(workload.kind.rawValue)"
    let took = (seen.ended.flatMap { end in seen.began.map { end - $0 } }) ?? .zero
    let ratio = took.nanoseconds > 0 ? expected.limit.nanoseconds * 1_000_000 / took.nanoseconds : 0
    var figures: [Figure] = []
    if !workload.goal.isEmpty {
      let goal = exactDecimal(workload.goal, scale: 6) ?? 0
      figures.append(
        Figure(
          name: "\(name).utilisation", value: decimalString(ratio, decimals: 3), unit: "ratio",
          against: "physical limit \(decimalString(expected.limit.nanoseconds / 1000, decimals: 2)) s",
          goal: ">=\(workload.goal)", met: ratio >= goal))
    }
    figures.append(
      Figure(
        name: "\(name).time", value: decimalString(took.nanoseconds / 1000, decimals: 2), unit: "s",
        against: "\(statistics.requests) requests for \(expected.exchanges) exchanges",
        goal: workload.kind == .w2 ? "<=55.5" : "", met: workload.kind == .w2 ? took <= .milliseconds(55_500) : nil))
    figures.append(
      Figure(
        name: "\(name).wrong", value: "\(wrong)", unit: "values",
        against: "\(right) right of \(expected.values)", goal: "0", met: wrong == 0))
    figures.append(
      Figure(
        name: "\(name).stored", value: "\(stored)", unit: "values", against: "\(expected.values) wanted",
        goal: workload.goal.isEmpty ? "" : "\(expected.values)",
        met: workload.goal.isEmpty ? nil : stored == expected.values))
    figures.append(
      Figure(
        name: "\(name).broken-silences", value: "\(statistics.brokenSilence)", unit: "requests",
        against: "\(statistics.modbusRequests) Modbus requests", goal: "0", met: statistics.brokenSilence == 0))
    figures.append(
      Figure(
        name: "\(name).collisions", value: "\(statistics.collisions)", unit: "times",
        against: "\(statistics.requests) requests",
        goal: workload.goal.isEmpty ? "" : "0", met: workload.goal.isEmpty ? nil : statistics.collisions == 0))
    figures.append(
      Figure(
        name: "\(name).late", value: "\(statistics.faults.total)", unit: "replies", against: "injected", goal: "",
        met: nil))
    let perThousand = stored > 0 ? cpu.nanoseconds / Int64(stored) : 0
    figures.append(
      Figure(
        name: "\(name).cpu", value: decimalString(perThousand, decimals: 3), unit: "s",
        against: "1,000 values read, checked and stored", goal: workload.kind == .w1 ? "<=0.150" : "",
        met: workload.kind == .w1 ? perThousand <= 150_000 : nil))
    return figures
  }

  /// Every profile, and in the workloads of single reads one float a read.
  private func copyProfiles(from source: String, to folder: String) throws {
    let devices = "\(folder)/devices"
    guard unsafe mkdir(devices, 0o700) == 0 else {
      throw Complaint(.cannotCreate, "cannot make \(devices): \(systemError(errno))")
    }
    for name in TextFile.names(in: source, ending: ".toml") {
      var text = try TextFile.read("\(source)/\(name)", what: "profile")
      if !workload.kind.isCoalesced {
        text = text.replacing("max-registers = 80", with: "max-registers = 2")
      }
      try writeFile(text, to: "\(devices)/\(name)")
    }
  }
}

extension BenchWorkload.Kind {
  var isCoalesced: Bool {
    switch self {
    case .w1, .w2, .w3: true
    case .late, .later: false
    case .dead, .lines: true
    }
  }
}

extension Station {
  /// Exchanges of one round of all tasks with some meters, the values they bring, and the least time they can take on
  /// the wire.
  func expectedExchanges(
    of isCounted: (MeterID) -> Bool = { _ in true }
  ) -> (exchanges: Int, values: Int, limit: BootInstant.Span) {
    var exchanges = 0
    var values = 0
    var limit = BootInstant.Span.zero
    for (line, found) in zip(configuration.lines, meters) {
      for (entry, meter) in zip(line.meters, found) where isCounted(meter.id) {
        let delay = BootInstant.Span.milliseconds(Int64(entry.simulation.replyDelay))
        for task in configuration.tasks where task.includes(meter.id) {
          for query in meter.queries(for: task.task.targets) {
            exchanges += 1
            values += meter.quantities(of: query).count { $0.unit != nil }
            limit = limit + meter.physicalLimit(of: query, replyDelay: delay, wakeUps: entry.simulation.wakeUps)
          }
        }
      }
    }
    return (exchanges, values, limit)
  }
}

/// What this process has computed, without the threads of simulated meters.
func processorTime() -> BootInstant.Span {
  var total: Int64 = 0
  for task in TextFile.names(in: "/proc/self/task", ending: "") {
    guard let name = try? TextFile.read("/proc/self/task/\(task)/comm", what: "thread"), !name.hasPrefix("sim-"),
      let times = try? TextFile.read("/proc/self/task/\(task)/schedstat", what: "thread"),
      let spent = times.split(separator: " ").first.flatMap({ Int64($0) })
    else { continue }
    total += spent
  }
  return BootInstant.Span(nanoseconds: total)
}

/// The end of what a bench waits for, or of its patience.
struct BenchRound: Sendable {
  private let ends: AsyncStream<Void>
  private let end: AsyncStream<Void>.Continuation

  init() { (ends, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1)) }

  func finish() { end.yield() }

  func wait(atMost patience: Duration) async {
    let guardTime = Task { [end] in
      try? await Task.sleep(for: patience)
      end.yield()
    }
    for await _ in ends { break }
    guardTime.cancel()
  }
}
