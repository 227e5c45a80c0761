import Acquisition
import DLT645
import Devices
import Line
import Metering
import Simulator

/// What a disturbed line has told, held against what it should have: each interval once, or said to be missing; each day
/// found; every label right; rounds at their times by the boot clock.
struct Verdict {
  let line: DayLine
  let stretches: [Disturbance.Stretch]
  var result: Disturbance.Result

  private typealias Stretch = Disturbance.Stretch
  private static let step: Int64 = 900_000
  /// A round of the four meters takes two seconds; freezes, back-fill and a dead meter may go before it.
  private static let longestRound: Int64 = 60_000

  private struct Item: Hashable {
    let task: String
    let meter: MeterID
    let subject: String
    let slot: Int64
  }

  private func wall(_ boot: BootInstant, _ stretch: Stretch) -> Int64 {
    line.unixMilliseconds(at: boot) + stretch.offset
  }

  /// What the row allows: one interval more or less for each step of the clock.
  private(set) var slips: [String: String] = [:]

  private mutating func slip(_ task: String, _ slot: Int64, _ text: String) { slips["\(task) \(slot)"] = text }

  private mutating func find(_ text: String) { if result.findings.count < 6 { result.findings.append(text) } }

  private func text(_ instant: Int64) -> String { "\(DayLine.zone.local(unixMilliseconds: instant))" }

  /// From and to in seconds since 1970 by the true local time.
  mutating func judge(from start: Int64, to end: Int64) {
    let journal = line.journal
    result.answers = journal.answers
    result.told = journal.missed.count + journal.leftOut.reduce(0) { $0 + $1.meters * $1.rounds }
    for each in journal.wrong.prefix(2) { find("wrong: \(each)") }
    for each in journal.conflicts.prefix(2) { find("two values: \(each)") }
    if stretches.allSatisfy({ $0.offset == 0 }), journal.largestSkew > 1000 {
      find("labelled \(journal.largestSkew) ms beside the time of the read")
    }
    let heard = repeats()
    intervals(heard, start, end)
    days(start, end)
    rounds(heard)
    labels()
    let allowed = stretches.contains { $0.offset != 0 } ? 2 : 0
    result.marked = min(slips.count, allowed)
    if slips.count > allowed { for text in slips.values { find(text) } }
  }

  /// Answers of rounds by what they are of; what was read twice is found.
  private mutating func repeats() -> Set<Item> {
    // The journal is asked anew then, and finds the same day once more.
    let daysOff = stretches.contains { stretch in
      [stretch.from, stretch.to].contains {
        let zone = DayLine.zone
        return zone.local(unixMilliseconds: wall($0, stretch)).date
          != zone.local(unixMilliseconds: line.unixMilliseconds(at: $0)).date
      }
    }
    var seen: Set<Item> = []
    for each in line.journal.heard {
      // Counts of events are read once more after the records that they speak of; clocks and parameters are no readings.
      guard !each.query.isEventData, !each.query.isParameter, each.task != "clock" else { continue }
      let slot = each.query.freezeDay.map { $0.daysSince1970 } ?? each.slot
      let item = Item(task: each.task, meter: each.meter, subject: each.query.subject, slot: slot)
      guard !seen.insert(item).inserted else { continue }
      if each.query.freezeDay != nil && daysOff || each.task == "settlement" {
        result.readAgain += 1
      } else {
        slip(each.task, each.slot, "\(each.meter) \(each.task) \(each.query.subject) of \(text(each.slot)) read twice")
      }
    }
    return seen
  }

  /// Every interval of the true day, and of what the clock showed while nobody touched it.
  private mutating func intervals(_ heard: Set<Item>, _ start: Int64, _ end: Int64) {
    let zone = DayLine.zone
    let from = zone.unixMilliseconds(of: MeterTime(localSeconds: start))
    let to = zone.unixMilliseconds(of: MeterTime(localSeconds: end)) - Self.longestRound
    let lost = Set(
      line.journal.missed.map { Item(task: "", meter: $0.meter, subject: $0.query.subject, slot: $0.slot) })
    for (task, grid) in [("energy", Self.step), ("freeze, synthetic", 86_400_000)] {
      let gone = line.journal.leftOut.filter { $0.task == task }.map { $0.from...$0.through }
      let asked = items(of: task)
      let shift = task == "energy" ? 0 : zone.unixMilliseconds(of: MeterTime(localSeconds: 0))
      func slots(_ first: Int64, _ last: Int64) -> StrideThrough<Int64> {
        let begin = (first - shift) / grid * grid + grid + shift
        return stride(from: begin, through: last, by: Int64.Stride(grid))
      }
      for slot in slots(from, to) {
        for (meter, subject) in asked {
          let isHeard = heard.contains(Item(task: task, meter: meter, subject: subject, slot: slot))
          let isTold = lost.contains(Item(task: "", meter: meter, subject: subject, slot: slot))
          guard !isHeard, !isTold, !gone.contains(where: { $0.contains(slot) }) else { continue }
          find("\(meter) \(task) of \(text(slot)) neither read nor told")
        }
      }
      for stretch in stretches where stretch.isSet || task == "energy" {
        // A step may fall into the round, which then is of another time.
        for slot in slots(wall(stretch.from, stretch) + 2000, wall(stretch.to, stretch) - Self.longestRound) {
          for (meter, subject) in asked {
            let isHeard = heard.contains(Item(task: task, meter: meter, subject: subject, slot: slot))
            let isTold = lost.contains(Item(task: "", meter: meter, subject: subject, slot: slot))
            if !isHeard, !isTold { slip(task, slot, "\(meter) \(task) of \(text(slot)) not read in its time") }
          }
        }
      }
    }
  }

  private func items(of task: String) -> [(MeterID, String)] {
    guard let wanted = line.tasks.first(where: { $0.name == task }) else { return [] }
    return line.meters.flatMap { meter in
      meter.known.queries(for: wanted.targets).map { (meter.known.id, $0.subject) }
    }
  }

  /// Meters with a memory have each day in the end, and each month.
  private mutating func days(_ start: Int64, _ end: Int64) {
    let first = (start + 86_399) / 86_400
    for number in first...max(first, end / 86_400) where number * 86_400 <= end - 4 * 3600 {
      let day = CivilDate(daysSince1970: number)
      let midnight = DayLine.zone.unixMilliseconds(of: MeterTime(localSeconds: number * 86_400))
      for meter in line.meters where meter.known.profile.dailyFreezes > 0 {
        if line.journal.stored(meter.known.id, .dailyFreeze, midnight).isEmpty {
          find("\(meter.known.id) has no freeze of \(day)")
        }
        if day.day == 1, line.journal.stored(meter.known.id, .settlement, midnight).isEmpty {
          find("\(meter.known.id) has no settlement of \(day)")
        }
      }
    }
    for meter in line.meters where meter.known.profile.dailyFreezes > 0 {
      let hours = Set(line.journal.instants(of: meter.known.id, .profile))
      for hour in (start / 3600 + 1)...max(start / 3600 + 1, end / 3600 - 2) {
        let instant = DayLine.zone.unixMilliseconds(of: MeterTime(localSeconds: hour * 3600))
        if !hours.contains(instant) { find("\(meter.known.id) has no record of \(text(instant))") }
      }
    }
  }

  /// Rounds of the interval at their times by the boot clock, and never several at once after a disturbance.
  private mutating func rounds(_ heard: Set<Item>) {
    let mortal = Set(line.meters.filter { $0.description.faults.deadFrom != nil }.map(\.known.id))
    for stretch in stretches {
      let (begin, end) = (wall(stretch.from, stretch), wall(stretch.to, stretch))
      var first: [Item: Int] = [:]
      for each in line.journal.heard where each.task == "energy" {
        guard each.startedAt >= stretch.from, each.startedAt <= stretch.to else { continue }
        let now = wall(each.startedAt, stretch)
        if now - begin < Self.longestRound {
          first[Item(task: "", meter: each.meter, subject: each.query.subject, slot: 0), default: 0] += 1
        }
        guard each.slot > begin, each.slot <= end else { continue }
        guard !mortal.contains(each.meter) else { continue }
        result.latest = max(result.latest, now - each.slot)
        if now < each.slot - 2500 {
          slip(each.task, each.slot, "\(each.meter) of \(text(each.slot)) read \(each.slot - now) ms before its time")
        }
      }
      // The round that is open at once, and one more that falls due within the minute.
      for (item, count) in first where count > 2 { find("\(item.meter) read \(count) times within a minute") }
    }
  }

  /// A register bears the time of its round only where it was read close to it, else that of the read.
  private mutating func labels() {
    for stored in line.journal.readings.values {
      let (key, host) = (stored.reading.key, stored.reading.hostTime)
      switch key.kind {
      case .instantaneous:
        let distance = host.unixMilliseconds - key.instant
        guard distance != 0 else { continue }
        if key.instant % Self.step != 0 || !(-2500...Self.step / 2).contains(distance) {
          find("\(key.meter) labelled \(text(key.instant)), read \(distance) ms after that")
        }
      case .dailyFreeze where host.clock == .unsynchronised:
        find("\(key.meter) has a freeze of \(text(key.instant)) by a clock that nobody has set")
      default: break
      }
    }
  }
}

extension Query {
  /// Asks for a clock or a setting.
  fileprivate var isParameter: Bool {
    if case .identifier(let identifier) = self { identifier.di3 == 0x04 } else { false }
  }
}
