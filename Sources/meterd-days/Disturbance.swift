import Acquisition
import Line
import Metering
import Simulator

/// A small line with meters and tasks of every kind that goes on for more than a day, while its host's clock is stepped
/// and set right again, or its process stands still: rows R17 and R18 of the reliability table.
struct Disturbance {
  enum Kind: String, CaseIterable {
    /// The host's clock is stepped by seconds to days, or set only after the start.
    case steps = "R17"
    /// The process stands still for a second to three days, alone or with its machine.
    case stops = "R18"
  }

  /// Around which moment it happens.
  enum Moment: String, CaseIterable {
    case midnight, hour, monthEnd = "month-end", yearEnd = "year-end", freezes, backfill = "back-fill", anywhere
    /// Before the host's clock is set; of steps only.
    case start
  }

  let kind: Kind
  let seed: UInt64

  struct Result {
    let seed: UInt64
    /// What was done, in words.
    let what: String
    let moment: Moment
    /// What should not be, in words; empty where all is well.
    var findings: [String] = []
    var answers = 0
    /// Rounds and questions that were told as not read, each with its reason.
    var told = 0
    /// The longest time from the due time of a round of an interval to its last question, in milliseconds.
    var latest: Int64 = 0
    /// Freezes of a day that were read again with the same value, after a clock that was days wrong.
    var readAgain = 0
    /// Intervals read once more or less, one for each step at most, which the row allows.
    var marked = 0
  }

  /// A stretch of boot time in which the host's clock was off by the same.
  struct Stretch {
    let from: BootInstant
    let to: BootInstant
    /// The host's clock less the true time, in milliseconds, and whether anybody has set it.
    let offset: Int64
    var isSet = true
  }

  func run() throws -> Result {
    var random = SplitMix64(seed: seed &* 0x9E37_79B9 ^ (kind == .steps ? 17 : 18))
    let moments = Moment.allCases.filter { kind == .steps || $0 != .start }
    let moment = moments[Int(random.next(below: UInt64(moments.count)))]
    let at = Self.time(of: moment, &random)
    let start = moment == .start ? at : at - 1800 - Int64(random.next(below: 9000))
    let unset = moment == .start ? Self.unset(at, &random) : 0
    let line = try Self.line(from: start, seed, &random, around: at, unset: unset)
    line.journal.keepsHeard = true
    var stretches: [Stretch] = []
    let what: String
    switch kind {
    case .steps: what = stepClock(line, moment, at, &random, &stretches)
    case .stops: what = standStill(line, at, &random, &stretches)
    }
    let began = line.wire.now
    let end = line.now.localSeconds + 26 * 3600
    line.run(until: MeterTime(localSeconds: end))
    line.engine.finish()
    stretches.append(Stretch(from: began, to: line.wire.now, offset: 0))
    var verdict = Verdict(line: line, stretches: stretches, result: Result(seed: seed, what: what, moment: moment))
    verdict.judge(
      from: moment == .start
        ? DayLine.zone.local(unixMilliseconds: line.unixMilliseconds(at: began)).localSeconds : start,
      to: end)
    return verdict.result
  }

  /// In seconds since 1970 by the local time.
  private static func time(of moment: Moment, _ random: inout SplitMix64) -> Int64 {
    // 2026-11-22, 2026-12-01, 2027-03-01 and 2028-02-29.
    let days: [Int64] = [20_779, 20_788, 20_878, 21_243]
    let day = days[Int(random.next(below: 4))] * 86_400
    func within(_ seconds: UInt64) -> Int64 { Int64(random.next(below: seconds)) }
    switch moment {
    case .midnight: return day - 60 + within(120)
    case .hour: return day + 3600 * (1 + within(22)) - 30 + within(60)
    // 2026-12-01 and 2027-01-01.
    case .monthEnd: return 20_788 * 86_400 - 60 + within(3600)
    case .yearEnd: return 20_819 * 86_400 - 60 + within(3600)
    case .freezes: return day + 300 + within(15)
    case .backfill: return day + [1800, 3600, 7200, 21_600][Int(random.next(below: 4))] + within(8)
    case .anywhere, .start: return day + within(86_400)
    }
  }

  /// Two meters that keep freezes, one of Modbus and one of the 1997 edition. In every third trial one of the first two is
  /// dead before the disturbance and back some time after it.
  private static func line(
    from start: Int64, _ seed: UInt64, _ random: inout SplitMix64, around at: Int64, unset: Int64
  ) throws -> DayLine {
    guard let settings = SerialSettings("9600 8E1") else { throw DayError("no settings") }
    let profiles = try [DayMeters.freezing, DayMeters.freezing, DayMeters.modbus, DayMeters.old].map(DayMeters.profile)
    let isDead = random.next(below: 3) == 0
    let meters = try profiles.enumerated().map { index, profile in
      var faults = LineFaults.none
      if isDead, index == 1 {
        faults.deadFrom = SimulatedInstant(MeterTime(localSeconds: at - 1200))
        faults.deadUntil = SimulatedInstant(MeterTime(localSeconds: at + 2400))
      }
      return try DayMeters.meter(
        index + 1, profile, on: settings, seed: seed &* 10 &+ UInt64(index), faults: faults)
    }
    return try DayLine(
      meters, tasks: [DayMeters.freezeTask(backfillDays: 3)] + DayMeters.usualTasks() + [DayMeters.curve],
      settings: settings, from: MeterTime(localSeconds: start), wallOffset: unset, isSynchronised: unset == 0)
  }

  /// A clock that nobody has set shows the day on which its battery went, or some hours ago.
  private static func unset(_ at: Int64, _ random: inout SplitMix64) -> Int64 {
    -Int64(random.next(below: random.next(below: 2) == 0 ? 7200 : UInt64(at - 86_400))) * 1000 - 3_600_000
  }

  private func stepClock(
    _ line: DayLine, _ moment: Moment, _ at: Int64, _ random: inout SplitMix64, _ stretches: inout [Stretch]
  ) -> String {
    let size: Int64
    if moment == .start {
      size = line.wallOffset
    } else {
      let most: UInt64 = [120, 3600, 23 * 3600, 9 * 86_400][Int(random.next(below: 4))]
      let seconds = 1 + Int64(random.next(below: most))
      size = (random.next(below: 2) == 0 ? seconds : -seconds) * 1000 + Int64(random.next(below: 1000))
      let began = line.wire.now
      line.run(until: MeterTime(localSeconds: at))
      stretches.append(Stretch(from: began, to: line.wire.now, offset: 0))
    }
    line.wallOffset = size
    let wrongFor = 1 + Int64(random.next(below: [60, 3600, 36_000][Int(random.next(below: 3))]))
    let stepped = line.wire.now
    line.run(until: MeterTime(localSeconds: line.now.localSeconds + wrongFor))
    stretches.append(Stretch(from: stepped, to: line.wire.now, offset: size, isSet: moment != .start))
    line.wallOffset = 0
    line.isSynchronised = true
    return "\(moment.rawValue) \(MeterTime(localSeconds: at)) by \(size) ms for \(wrongFor) s"
  }

  private func standStill(
    _ line: DayLine, _ at: Int64, _ random: inout SplitMix64, _ stretches: inout [Stretch]
  ) -> String {
    let most: UInt64 = [120, 3600, 23 * 3600, 3 * 86_400][Int(random.next(below: 4))]
    let span = BootInstant.Span.milliseconds(1000 + Int64(random.next(below: most * 1000)))
    let isOfMachine = random.next(below: 2) == 0
    let began = line.wire.now
    line.run(until: MeterTime(localSeconds: at))
    // At any byte of what is under way then.
    let stop = line.wire.now + .milliseconds(Int64(random.next(below: 3000)))
    line.wire.standstill = SimulatedWire.Standstill(at: stop, for: span, isOfMachine: isOfMachine)
    line.run(until: MeterTime(localSeconds: at + 4 + span.milliseconds / 1000))
    stretches.append(Stretch(from: began, to: stop, offset: 0))
    let from = stop + span
    stretches.append(Stretch(from: from, to: line.wire.now, offset: 0))
    return "\(isOfMachine ? "suspended" : "stopped") at \(MeterTime(localSeconds: at)) for \(span.milliseconds) ms"
  }
}
