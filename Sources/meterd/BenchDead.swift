import Acquisition
import Concentrator
import Host
import Metering
import Simulator

/// What dead meters cost the living ones of a line, from the first scan on, and when one that returns is found.
struct BenchDead {
  let station: Station

  /// Of 32: two that never answer, and one that answers from the middle of the run on.
  private static let dead = [4, 15]
  private static let returning = 27
  private static let scans = 12
  /// In milliseconds after the start.
  private static let returnsAfter: Int64 = 52_000

  private struct Seen {
    /// By the label of the scan: when it began and ended, and which meters answered how often.
    var scans: [Int64: Scan] = [:]
    var foundAt: Int64?

    struct Scan {
      var began: BootInstant
      var ended: BootInstant
      var answers: [MeterID: Int] = [:]
    }
  }

  func run() async throws -> [BenchLine.Figure] {
    let interval = BenchWorkload.deadInterval * 1000
    let meters = station.meters.first ?? []
    guard meters.indices.contains(Self.returning) else { return [] }
    // A scan has its whole interval before it: the first begins right after a due time.
    let phase = HostClock.wall.unixMilliseconds % interval
    try await Task.sleep(for: .milliseconds(interval - phase + 50))
    let start = HostClock.wall.unixMilliseconds
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      var lines = try Simulation.describe(station) { "\($0.port)" }
      for index in Self.dead { lines[0].meters[index].faults = .dead }
      lines[0].meters[Self.returning].faults.deadUntil = SimulatedInstant(unixMilliseconds: start + Self.returnsAfter)
      simulated = try await SimulatedStation.open(lines, clock: Simulation.clock())
    } catch {
      throw error.complaint
    }
    let seen = Guarded(Seen())
    let returned = meters[Self.returning].id
    let running = try RunningStation(station) { event in
      guard case .line(.answered(let answer)) = event else { return }
      seen.withLock { seen in
        if answer.meter == returned, seen.foundAt == nil { seen.foundAt = answer.hostTime.unixMilliseconds }
        guard let slot = answer.slot else { return }
        seen.scans[slot, default: Seen.Scan(began: answer.startedAt, ended: answer.bootTime)].ended = answer.bootTime
        seen.scans[slot]?.answers[answer.meter, default: 0] += 1
      }
    }
    try await running.start()
    try await Task.sleep(for: .milliseconds(interval * Int64(Self.scans) - 200))
    await running.stop()
    await simulated.stop()
    return figures(seen.withLock { $0 }, start: start)
  }

  private func figures(_ seen: Seen, start: Int64) -> [BenchLine.Figure] {
    let exchanges = Dictionary(
      uniqueKeysWithValues: (station.meters.first ?? []).map { meter in
        (meter.id, station.expectedExchanges { $0 == meter.id }.exchanges)
      })
    var figures: [BenchLine.Figure] = []
    for (number, slot) in seen.scans.keys.sorted().enumerated() {
      guard let scan = seen.scans[slot] else { continue }
      let whole = Set(scan.answers.filter { exchanges[$0.key] == $0.value }.keys)
      let limit = station.expectedExchanges { whole.contains($0) }.limit
      let took = scan.ended - scan.began
      let ratio = limit > .zero ? took.nanoseconds * 1_000_000 / limit.nanoseconds : 0
      let isFirst = number == 0
      // The scan in which a meter returns ends with it, after its turn.
      let isReturn = seen.foundAt.map { slot...slot + BenchWorkload.deadInterval * 1000 ~= $0 } ?? false
      let isSteady = number >= 2 && !isReturn
      figures.append(
        figure(
          "line.dead.scan-\(number + 1)", decimalString(ratio, decimals: 3), "ratio",
          "\(decimalString(limit.nanoseconds / 1000, decimals: 2)) s for \(whole.count) living meters",
          isFirst ? "<=1.10" : isSteady ? "<=1.05" : "",
          isFirst ? ratio <= 1_100_000 : isSteady ? ratio <= 1_050_000 : nil))
    }
    let found = seen.foundAt.map { $0 - start - Self.returnsAfter }
    figures.append(
      figure(
        "line.dead.found", found.map { decimalString($0 * 1000, decimals: 2) } ?? "never", "s",
        "the return of a meter that was dead from the start", "<=60", found.map { $0 <= 60_000 } ?? false))
    return figures
  }

  private func figure(
    _ name: String, _ value: String, _ unit: String, _ against: String, _ goal: String, _ met: Bool?
  ) -> BenchLine.Figure {
    BenchLine.Figure(name: name, value: value, unit: unit, against: against, goal: goal, met: met)
  }
}
