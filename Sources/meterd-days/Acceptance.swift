import Acquisition
import Devices
import Line
import Metering
import Simulator

/// A day of one line with bad luck: 200 meters, 1 % of the answers lost, 0.5 % garbled, 2 % of the meters dead for six
/// hours at some time of it. Every daily freeze is to come, and what is missing is to say why.
struct Acceptance {
  enum Kind: String, CaseIterable {
    /// 200 meters that keep freezes, 2400 8E1.
    case freezing
    /// 100 that keep freezes, 50 of Modbus and 50 of the 1997 edition, 9600 8E1.
    case mixed
    /// 200 that keep freezes, 1200 8E1, clocks up to ten minutes wrong.
    case slow
  }

  let kind: Kind
  let seed: UInt64
  /// Meters on the line; 200 for the acceptance.
  var meters = 200

  struct Result {
    let seed: UInt64
    /// Of all meters, and of those that lived then or at any time, in thousandths of a per cent.
    let bySix: Int
    let livingBySix: Int
    let byMidnight: Int
    /// Meters without a freeze of the day, or without a reason for that.
    let missing: Int
    let unexplained: Int
    let wrong: Int
    let conflicts: Int
    let exchanges: Int
    /// Of the synthetic freezes, milliseconds after midnight at most.
    let latestSynthetic: Int64

    /// 99.5 % of the living at 06:00, all of them by 24:00, nothing wrong, nothing without a reason.
    var isMet: Bool {
      livingBySix >= 99_500 && byMidnight == 100_000 && unexplained == 0 && wrong == 0 && conflicts == 0
    }
  }

  private static let firstDay = CivilDate(daysSince1970: 20_779)

  func run() throws -> Result {
    let day = Self.firstDay
    let midnight = day.daysSince1970 * 86_400
    var random = SplitMix64(seed: seed ^ 0x5EED)
    var lineFaults = LineFaults(seed: seed)
    lineFaults[.silence] = 10_000
    lineFaults[.bitFlip] = 5_000
    guard let settings = SerialSettings(kind == .slow ? "1200 8E1" : kind == .mixed ? "9600 8E1" : "2400 8E1") else {
      throw DayError("no settings")
    }
    let freezing = try DayMeters.profile(DayMeters.freezing)
    let modbus = try DayMeters.profile(DayMeters.modbus)
    let old = try DayMeters.profile(DayMeters.old)
    // One in fifty is dead for six hours that end within the day; some of them are dead as it begins.
    var deadFrom: [Int: Int64] = [:]
    while deadFrom.count < meters / 50 {
      deadFrom[Int(random.next(below: UInt64(meters)))] = midnight - 6 * 3600 + Int64(random.next(below: 24 * 3600))
    }
    var all: [DayLine.Meter] = []
    for index in 0..<meters {
      var faults = LineFaults(seed: seed &+ UInt64(index) &* 977)
      if let from = deadFrom[index] {
        faults.deadFrom = SimulatedInstant(MeterTime(localSeconds: from))
        faults.deadUntil = SimulatedInstant(MeterTime(localSeconds: from + 6 * 3600))
      }
      let profile = kind == .mixed ? [freezing, modbus, freezing, old][index % 4] : freezing
      let offset = kind == .slow ? Int64(random.next(below: 1201)) - 600 : 0
      all.append(
        try DayMeters.meter(
          index + 1, profile, on: settings, seed: seed &* 1000 &+ UInt64(index), faults: faults, clockOffset: offset))
    }
    let line = try DayLine(
      all, tasks: [DayMeters.freezeTask(backfillDays: 1)], settings: settings, faults: lineFaults,
      from: MeterTime(localSeconds: midnight - 6 * 3600 - 1800))
    line.run(until: MeterTime(localSeconds: midnight + 6 * 3600))
    let six = line.journal.freezes(of: day)
    let dead = Set(
      deadFrom.filter { $0.value <= midnight + 6 * 3600 && $0.value + 6 * 3600 > midnight + 6 * 3600 }.map {
        all[$0.key].known.id
      })
    line.run(until: MeterTime(localSeconds: midnight + 86_400 - 1))
    let end = line.journal.freezes(of: day)
    line.engine.finish()
    func share(_ part: Int, of whole: Int) -> Int { whole == 0 ? 100_000 : part * 100_000 / whole }
    let ids = all.map(\.known.id)
    let living = ids.filter { !dead.contains($0) }
    let missing = ids.filter { end[$0] == nil }
    let reasons = Set(line.journal.missed.map(\.meter) + line.engine.plan.shortfalls.map { ids[$0.meter] })
    // A meter without freezes of its own that was dead in the quarter of an hour after midnight has none, and says so.
    let lost = missing.filter { id in line.journal.missed.contains { $0.meter == id } && !isKept(id, all) }
    let latest = line.journal.readings.values.filter { $0.reading.quality == .synthetic }
      .map { $0.reading.hostTime.unixMilliseconds - $0.reading.key.instant }.max()
    return Result(
      seed: seed, bySix: share(six.count, of: ids.count),
      livingBySix: share(living.count { six[$0] != nil }, of: living.count),
      byMidnight: share(ids.count - missing.count + lost.count, of: ids.count), missing: missing.count,
      unexplained: missing.count { !reasons.contains($0) }, wrong: line.journal.wrong.count,
      conflicts: line.journal.conflicts.count, exchanges: line.engine.line.counters.exchanges,
      latestSynthetic: latest ?? 0)
  }

  private func isKept(_ id: MeterID, _ all: [DayLine.Meter]) -> Bool {
    all.first { $0.known.id == id }.map { $0.known.profile.dailyFreezes > 0 } ?? false
  }
}
