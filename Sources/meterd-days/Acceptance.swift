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
    /// Of all meters, in thousandths of a per cent; then of those that live, and by the end of the day. A meter that
    /// keeps no freezes and is dead while it could be read counts in the first and the number of the missing.
    let bySix: Int
    let livingBySix: Int
    let byMidnight: Int
    /// Meters without a freeze at the end of the day, and those without a reason for that, at 06:00 or then.
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

  /// Seconds within which a meter that returns is read.
  private static let found: Int64 = 60
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
    let told = Set(line.engine.snapshot.missing.map(\.meter) + line.journal.missed.map(\.meter))
    // A meter that returns is found within a minute.
    let sixOClock = midnight + 6 * 3600
    let dead = Set(
      deadFrom.filter { $0.value <= sixOClock && $0.value + 6 * 3600 + Self.found > sixOClock }.map {
        all[$0.key].known.id
      })
    // A meter without freezes of its own can be read in the first quarter of an hour of the day, or not at all.
    let excused = Set(
      deadFrom.filter { $0.value < midnight + Self.found && $0.value + 6 * 3600 + Self.found > midnight + 900 }
        .map { all[$0.key] }.filter { $0.known.profile.dailyFreezes == 0 }.map(\.known.id))
    line.run(until: MeterTime(localSeconds: midnight + 86_400 - 1))
    let end = line.journal.freezes(of: day)
    line.engine.finish()
    func share(_ part: Int, of whole: Int) -> Int { whole == 0 ? 100_000 : part * 100_000 / whole }
    let ids = all.map(\.known.id)
    let living = ids.filter { !dead.contains($0) && !excused.contains($0) }
    let missing = ids.filter { end[$0] == nil }
    let reasons = Set(line.engine.snapshot.missing.map(\.meter) + line.journal.missed.map(\.meter))
    let latest = line.journal.readings.values.filter { $0.reading.quality == .synthetic }
      .map { $0.reading.hostTime.unixMilliseconds - $0.reading.key.instant }.max()
    return Result(
      seed: seed, bySix: share(six.count, of: ids.count),
      livingBySix: share(living.count { six[$0] != nil }, of: living.count),
      byMidnight: share(
        ids.count { end[$0] != nil && !excused.contains($0) }, of: ids.count { !excused.contains($0) }),
      missing: missing.count,
      unexplained: missing.count { !reasons.contains($0) } + ids.count { six[$0] == nil && !told.contains($0) },
      wrong: line.journal.wrong.count,
      conflicts: line.journal.conflicts.count, exchanges: line.engine.line.counters.exchanges,
      latestSynthetic: latest ?? 0)
  }
}
