import Acquisition
import Devices
import Line
import Metering
import Simulator

/// A billing day of one line with bad luck: 200 meters, 1 % of the answers lost, 0.5 % garbled, 2 % of the meters dead for
/// six hours at some time of it. Every daily freeze is to come, and what is missing is to say why.
///
/// The line has the usual tasks beside the freezes, and people who ask for a meter now and then.
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
    /// Meters with a freeze of the day, in thousandths of a per cent: of all at 06:00, the dead too, and of those that
    /// live at 24:00.
    let bySix: Int
    let byMidnight: Int
    /// The same with those counted as there that `lost` counts.
    let bySixOrLost: Int
    let byMidnightOrLost: Int
    /// Meters that keep no freezes and were dead from 00:00 to 00:15: what their registers stood at then is gone for good.
    let lost: Int
    /// Settlements of the month, of the meters that keep them and live at 24:00, in thousandths of a per cent.
    let settlements: Int
    /// Meters without a freeze at the end of the day, and those without a reason for that, at 06:00 or then.
    let missing: Int
    let unexplained: Int
    let wrong: Int
    /// Energies of the instant of their read that were garbled so that no checksum shows it; and what had no label.
    let misread: Int
    let unlabelled: [String]
    let conflicts: Int
    let exchanges: Int
    /// Of the synthetic freezes, milliseconds after midnight at most.
    let latestSynthetic: Int64
    /// How long somebody waited who asked for a meter that lives, in milliseconds; and how many got no value.
    let waits: [Int64]
    let unanswered: Int

    /// 99.5 % at 06:00, all of the living by 24:00, and their settlements, nothing wrong, nothing without a reason; who
    /// asks waits 15 s at most.
    var isMet: Bool {
      bySixOrLost >= 99_500 && byMidnightOrLost == 100_000 && settlements == 100_000 && unexplained == 0 && wrong == 0
        && conflicts == 0 && waits.max() ?? 0 <= 15_000
    }
  }

  /// Seconds within which a meter that returns is read.
  private static let found: Int64 = 60
  /// 2026-12-01: months are closed as it begins.
  private static let firstDay = CivilDate(daysSince1970: 20_788)

  /// The meters that are dead for a while, by their places: from when on, in seconds since 1970 by the local time.
  private func deadMeters(_ random: inout SplitMix64, _ midnight: Int64) -> [Int: Int64] {
    // For six hours that end within the day; some of them are dead as it begins.
    var deadFrom: [Int: Int64] = [:]
    while deadFrom.count < max(1, meters / 50) {
      deadFrom[Int(random.next(below: UInt64(meters)))] = midnight - 6 * 3600 + Int64(random.next(below: 24 * 3600))
    }
    return deadFrom
  }

  private func all(_ deadFrom: [Int: Int64], _ random: inout SplitMix64, _ settings: SerialSettings) throws
    -> [DayLine.Meter]
  {
    let freezing = try DayMeters.profile(DayMeters.freezing)
    let modbus = try DayMeters.profile(DayMeters.modbus)
    let old = try DayMeters.profile(DayMeters.old)
    return try (0..<meters).map { index in
      var faults = LineFaults(seed: seed &+ UInt64(index) &* 977)
      if let from = deadFrom[index] {
        faults.deadFrom = SimulatedInstant(MeterTime(localSeconds: from))
        faults.deadUntil = SimulatedInstant(MeterTime(localSeconds: from + 6 * 3600))
      }
      let profile = kind == .mixed ? [freezing, modbus, freezing, old][index % 4] : freezing
      let offset = kind == .slow ? Int64(random.next(below: 1201)) - 600 : 0
      return try DayMeters.meter(
        index + 1, profile, on: settings, seed: seed &* 1000 &+ UInt64(index), faults: faults, clockOffset: offset)
    }
  }

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
    let deadFrom = deadMeters(&random, midnight)
    let all = try all(deadFrom, &random, settings)
    let line = try DayLine(
      all, tasks: [DayMeters.freezeTask(backfillDays: 1)] + DayMeters.usualTasks(), settings: settings,
      faults: lineFaults, from: MeterTime(localSeconds: midnight - 6 * 3600 - 1800))
    line.journal.garbles = true
    func isDead(_ index: Int, at time: Int64) -> Bool {
      deadFrom[index].map { ($0...$0 + 6 * 3600 + Self.found).contains(time) } ?? false
    }
    var demands = OnDemand(random: SplitMix64(seed: seed ^ 0xA5C), from: midnight)
    demands.run(line, until: midnight + 6 * 3600) { !isDead($0, at: $1) }
    let six = line.journal.freezes(of: day)
    let told = Set(line.engine.snapshot.missing.map(\.meter) + line.journal.missed.map(\.meter))
    demands.run(line, until: midnight + 86_400 - 1) { !isDead($0, at: $1) }
    let end = line.journal.freezes(of: day)
    line.engine.finish()
    let ids = all.map(\.known.id)
    let reasons = Set(line.engine.snapshot.missing.map(\.meter) + line.journal.missed.map(\.meter))
    let lost = Set(
      all.indices.filter { index in
        all[index].known.profile.dailyFreezes == 0 && isDead(index, at: midnight) && isDead(index, at: midnight + 900)
          && end[ids[index]] == nil
      }.map { ids[$0] })
    let living = all.indices.filter { !isDead($0, at: midnight + 86_400) }.map { ids[$0] }
    let keeping = living.filter { id in all.contains { $0.known.id == id && $0.known.profile.settlements > 2 } }
    let month = DayLine.zone.unixMilliseconds(of: MeterTime(localSeconds: midnight))
    func share(_ part: Int, of whole: Int) -> Int { whole == 0 ? 100_000 : part * 100_000 / whole }
    let latest = line.journal.readings.values.filter { $0.reading.quality == .synthetic }
      .map { $0.reading.hostTime.unixMilliseconds - $0.reading.key.instant }.max()
    return Result(
      seed: seed, bySix: share(six.count, of: ids.count),
      byMidnight: share(living.count { end[$0] != nil }, of: living.count),
      bySixOrLost: share(ids.count { six[$0] != nil || lost.contains($0) }, of: ids.count),
      byMidnightOrLost: share(living.count { end[$0] != nil || lost.contains($0) }, of: living.count),
      lost: lost.count,
      settlements: share(
        keeping.count { !line.journal.stored($0, .settlement, month).isEmpty }, of: keeping.count),
      missing: ids.count { end[$0] == nil },
      unexplained: ids.count { end[$0] == nil && !reasons.contains($0) }
        + ids.count { six[$0] == nil && !told.contains($0) },
      wrong: line.journal.wrong.count,
      misread: line.journal.misread.count, unlabelled: line.journal.unlabelledReasons,
      conflicts: line.journal.conflicts.count,
      exchanges: line.engine.line.counters.exchanges, latestSynthetic: latest ?? 0, waits: demands.waits,
      unanswered: demands.unanswered)
  }
}

/// People who ask for one meter now and then: a third of them while the freezes are read.
private struct OnDemand {
  private var random: SplitMix64
  /// When somebody asks, in seconds by the local time.
  private var times: [Int64]
  private var number = 0
  private let told = Told()

  private final class Told {
    var waits: [Int64] = []
    var unanswered = 0
  }

  var waits: [Int64] { told.waits }
  var unanswered: Int { told.unanswered }

  init(random: SplitMix64, from midnight: Int64) {
    var random = random
    times = (0..<24).map { index in
      midnight + (index % 3 == 0 ? 300 + Int64(random.next(below: 600)) : Int64(random.next(below: 86_000)))
    }.sorted()
    self.random = random
  }

  /// Lets a line go on until a local time, and asks on the way for meters that live.
  mutating func run(_ line: DayLine, until end: Int64, _ lives: (Int, Int64) -> Bool) {
    while let next = times.first, next < end {
      times.removeFirst()
      line.run(until: MeterTime(localSeconds: next))
      let meter = Int(random.next(below: UInt64(line.meters.count)))
      guard lives(meter, next), let query = line.meters[meter].known.queries(for: [.energies]).first else { continue }
      number += 1
      let (asked, wire, told) = (line.wire.now, line.wire, told)
      line.engine.read([query], of: line.meters[meter].known.id, number: number) { outcomes in
        guard case .answered? = outcomes.first?.result else {
          told.unanswered += 1
          return
        }
        told.waits.append((wire.now - asked).milliseconds)
      }
    }
    line.run(until: MeterTime(localSeconds: end))
  }
}
