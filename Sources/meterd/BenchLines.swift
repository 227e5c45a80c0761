import Acquisition
import Concentrator
import Host
import Metering
import Store

/// Many lines at once: the meters in a process of their own, so that time and memory are the daemon's alone.
struct BenchLines {
  let station: Station
  let folder: String

  private struct Seen {
    var lines: [String: (began: BootInstant, ended: BootInstant)] = [:]
    var answers = 0
    var stored = 0
  }

  func run() async throws -> [BenchLine.Figure] {
    let output = "\(folder)/simulate.ndjson"
    let child = try ChildProcess(["simulate", "--config", "\(folder)/bench.toml", "--link", "--json"], output: output)
    let count = station.configuration.lines.count
    try await wait("the simulated lines", seconds: 60) { (try? objects(output).count) ?? 0 >= count }
    let measured = try await scan()
    try child.finish()
    let statistics = try objects(output).dropFirst(count)
    func sum(_ name: String) -> Int64 { statistics.reduce(0) { $0 + ($1[name]?.number ?? 0) } }
    return try figures(
      measured.0, cpu: measured.cpu, wall: measured.wall, resident: measured.resident,
      broken: sum("broken_silences"), collisions: sum("collisions"), requests: sum("requests"))
  }

  private func scan() async throws -> (Seen, cpu: BootInstant.Span, wall: BootInstant.Span, resident: Int64) {
    let expected = station.expectedExchanges()
    let seen = Guarded(Seen())
    let round = BenchRound()
    let cpuBefore = processorTime()
    let running = try RunningStation(station) { event in
      let isDone = seen.withLock { seen in
        switch event {
        case .line(.answered(let answer)):
          let began = seen.lines[answer.line]?.began ?? answer.startedAt
          seen.lines[answer.line] = (began, answer.bootTime)
          seen.answers += 1
        case .stored: seen.stored += 1
        default: break
        }
        return seen.answers >= expected.exchanges
      }
      if isDone { round.finish() }
    }
    let began = HostClock.boot
    try await running.start()
    await round.wait(atMost: .nanoseconds(expected.limit.nanoseconds) + .seconds(60))
    let wall = HostClock.boot - began
    let cpu = processorTime() - cpuBefore
    let resident = peakMemory()
    await running.stop()
    return (seen.withLock { $0 }, cpu, wall, resident)
  }

  private func figures(
    _ seen: Seen, cpu: BootInstant.Span, wall: BootInstant.Span, resident: Int64, broken: Int64, collisions: Int64,
    requests: Int64
  ) throws -> [BenchLine.Figure] {
    let expected = station.expectedExchanges()
    let goal = exactDecimal(BenchWorkload(kind: .lines).goal, scale: 6) ?? 0
    let ratios = zip(station.configuration.lines, station.meters).map { line, meters in
      let ids = Set(meters.map(\.id))
      let limit = station.expectedExchanges { ids.contains($0) }.limit
      let took = seen.lines[line.name].map { $0.ended - $0.began } ?? .zero
      return took > .zero ? limit.nanoseconds * 1_000_000 / took.nanoseconds : 0
    }
    let truth: TruthCheck = try withStore { () throws(StoreError) in
      let lines = (try? Simulation.describe(station) { _ in nil }) ?? []
      let zone = station.configuration.zone
      return try TruthCheck(
        StoreReader(path: station.configuration.store), truth: Truth(lines, zone: zone), zone: zone)
    }
    let worst = ratios.min() ?? 0
    let cores = wall > .zero ? cpu.nanoseconds * 1_000_000 / wall.nanoseconds : 0
    return [
      BenchLine.Figure(
        name: "lines.worst.utilisation", value: decimalString(worst, decimals: 3), unit: "ratio",
        against: "physical limit, the worst of \(ratios.count) lines", goal: ">=\(BenchWorkload(kind: .lines).goal)",
        met: worst >= goal),
      BenchLine.Figure(
        name: "lines.cpu", value: decimalString(cores, decimals: 3), unit: "cores",
        against: "\(decimalString(wall.nanoseconds / 1000, decimals: 2)) s, start to last answer", goal: "<=0.250",
        met: cores <= 250_000),
      BenchLine.Figure(
        name: "lines.memory", value: decimalString(resident * 1_000_000 / 1024, decimals: 1), unit: "MB",
        against: "peak resident set", goal: "<=32", met: resident <= 32 * 1024),
      BenchLine.Figure(
        name: "lines.stored", value: "\(seen.stored)", unit: "values", against: "\(expected.values) wanted",
        goal: "\(expected.values)", met: seen.stored == expected.values),
      BenchLine.Figure(
        name: "lines.wrong", value: "\(truth.wrong)", unit: "values", against: "\(truth.right) right", goal: "0",
        met: truth.wrong == 0 && truth.isGood),
      BenchLine.Figure(
        name: "lines.broken-silences", value: "\(broken)", unit: "requests", against: "\(requests) requests",
        goal: "0", met: broken == 0),
      BenchLine.Figure(
        name: "lines.collisions", value: "\(collisions)", unit: "times", against: "\(requests) requests", goal: "0",
        met: collisions == 0),
    ]
  }

  private func objects(_ path: String) throws -> [JSON] {
    try TextFile.read(path, what: "list of simulated lines").split(separator: "\n").map {
      do throws(JSONError) {
        return try JSON(reading: Array($0.utf8))
      } catch {
        throw Complaint(.software, "\(path): \(error)")
      }
    }
  }

  private func wait(_ what: String, seconds: Int, until isTrue: () -> Bool) async throws {
    let end = HostClock.boot + .seconds(Int64(seconds))
    while !isTrue() {
      guard HostClock.boot < end else { throw Complaint(.noAnswer, "\(what) did not come within \(seconds) s") }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}

/// The most memory this process ever had at once, in KiB; 0 where the kernel does not tell.
func peakMemory() -> Int64 {
  let status = (try? TextFile.read("/proc/self/status", what: "process")) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int64($0) } ?? 0
}
