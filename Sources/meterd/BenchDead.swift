import Acquisition
import Concentrator
import Host
import Metering
import Simulator

/// What dead meters cost the living ones of a line at full load, from the first scan on, and when one that returns is found.
///
/// A scan is counted from its first question to the first of the next one, so that no probe between them is left out.
struct BenchDead {
  let station: Station

  /// Of 32: three that never answer, one that answers from the middle of the run on, and one that does not from then on.
  private static let dead = [4, 15, 22]
  private static let returning = 27
  private static let dying = 9
  private static let scans = 14
  /// At most so many seconds; fourteen scans take less.
  private static let longest: Int64 = 240
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
    let meters = station.meters.first ?? []
    guard meters.indices.contains(Self.returning) else { return [] }
    let start = HostClock.wall.unixMilliseconds
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      var lines = try Simulation.describe(station) { "\($0.port)" }
      for index in Self.dead { lines[0].meters[index].faults = .dead }
      let turn = SimulatedInstant(unixMilliseconds: start + Self.returnsAfter)
      lines[0].meters[Self.returning].faults.deadUntil = turn
      lines[0].meters[Self.dying].faults.deadFrom = turn
      simulated = try await SimulatedStation.open(lines, clock: Simulation.clock())
    } catch {
      throw error.complaint
    }
    let seen = Guarded(Seen())
    let returned = meters[Self.returning].id
    let round = BenchRound()
    let running = try RunningStation(station) { event in
      guard case .line(.answered(let answer)) = event else { return }
      let isDone = seen.withLock { seen in
        if answer.meter == returned, seen.foundAt == nil { seen.foundAt = answer.hostTime.unixMilliseconds }
        guard let slot = answer.slot else { return false }
        seen.scans[slot, default: Seen.Scan(began: answer.startedAt, ended: answer.bootTime)].ended = answer.bootTime
        seen.scans[slot]?.answers[answer.meter, default: 0] += 1
        return seen.scans.count > Self.scans
      }
      if isDone { round.finish() }
    }
    try await running.start()
    await round.wait(atMost: .seconds(Self.longest))
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
    let slots = seen.scans.keys.sorted()
    // The last one was begun and not finished.
    for (number, slot) in slots.dropLast().enumerated() {
      guard let scan = seen.scans[slot], let next = seen.scans[slots[number + 1]] else { continue }
      let whole = Set(scan.answers.filter { exchanges[$0.key] == $0.value }.keys)
      let limit = station.expectedExchanges { whole.contains($0) }.limit
      let took = next.began - scan.began
      let ratio = limit > .zero ? took.nanoseconds * 1_000_000 / limit.nanoseconds : 0
      let isFirst = number == 0
      // One meter more than counts here dies in that scan; and one that returns has its questions after its turn.
      let isTurn = (slot...slots[number + 1]).contains(start + Self.returnsAfter)
      let isReturn = seen.foundAt.map { (slot...slots[number + 1]).contains($0) } ?? false
      let isSteady = number >= 2 && !isReturn && !isTurn
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
