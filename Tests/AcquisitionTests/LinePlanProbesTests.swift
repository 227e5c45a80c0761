import DLT645
import Metering
import Testing

@testable import Acquisition

private let start = BootInstant(nanoseconds: 1_000_000_000_000)
/// 2026-11-22 08:00:00 +08:00.
private let wallStart: Int64 = 1_795_305_600_000

private func identifier(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }

/// A line that is never done: its rounds are due again before they end. The last of its meters are dead.
private struct BusyLine {
  var plan: LinePlan
  var now = start
  var asked: [Asked] = []
  /// The answers of living meters.
  var answers = 0
  /// How long there was nothing to do for the plan: the time of load profiles.
  var rested = BootInstant.Span.zero

  struct Asked {
    let meter: Int
    let query: Query
    let at: BootInstant
    let timeout: BootInstant.Span
    var until: BootInstant
  }

  init(
    meters count: Int, model: String, every seconds: Int64 = 5, limit: BootInstant.Span = .seconds(1),
    wanted: [Query] = (0..<4).map { identifier(0x0001_0000 + $0) }
  ) {
    let probes = (1...6).map { identifier(0x0400_0100 + $0) }
    let meters = (0..<count).map {
      LinePlan.Meter(
        id: MeterID("M\($0)") ?? .unnamed, programme: [wanted], probes: probes, replyLimit: limit, model: model)
    }
    plan = LinePlan(
      tasks: [AcquisitionTask(name: "t", schedule: .every(seconds: seconds), targets: [.energies])], meters: meters,
      zone: .china, at: start, wall: Self.wall(start))
  }

  private static func wall(_ now: BootInstant) -> HostInstant {
    HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds, clock: .synchronised)
  }

  /// `delay` is how long a meter takes to answer, `nil` for one that does not. What comes after its time is heard
  /// where `hearsLate` says so.
  mutating func run(
    for span: BootInstant.Span, hearsLate: Bool = false, delay: (Asked) -> BootInstant.Span?
  ) {
    let end = now + span
    while now < end {
      switch plan.next(at: now, wall: Self.wall(now)) {
      case .rest(let until):
        let wake = max(now, min(until, end))
        rested = rested + (wake - now)
        now = wake
      case .ask(let ask):
        var each = Asked(meter: ask.meter, query: ask.query, at: now, timeout: ask.replyTimeout, until: now)
        let delay = delay(each)
        if let delay, delay <= ask.replyTimeout {
          now = now + .milliseconds(60) + delay
          plan.concluded(ask, .answered(delay: delay), at: now)
          answers += 1
        } else {
          now = now + .milliseconds(45) + ask.replyTimeout
          if delay != nil, hearsLate { plan.mayBeSlow(ask.meter, at: now) }
          plan.concluded(ask, .silent, at: now)
        }
        each.until = now
        asked.append(each)
      }
    }
  }
}

private struct ShareCase: CustomTestStringConvertible {
  let meters: Int
  let dead: Int
  /// Some are alive and of the model of the dead.
  var isKnown = true
  /// The longest that a dead one is not looked for, in seconds.
  let longest: Int64
  /// What living meters keep of the line, in per cent.
  let living: Int64

  var testDescription: String { "\(dead) of \(meters) dead\(isKnown ? "" : ", no answer of their kin")" }
}

private let shares = [
  ShareCase(meters: 32, dead: 1, longest: 59, living: 99),
  ShareCase(meters: 32, dead: 4, longest: 59, living: 97),
  ShareCase(meters: 80, dead: 8, longest: 59, living: 95),
  ShareCase(meters: 200, dead: 20, longest: 59, living: 88),
  ShareCase(meters: 60, dead: 25, isKnown: false, longest: 59, living: 50),
  ShareCase(meters: 160, dead: 80, longest: 59, living: 50),
  // Half of the line does not suffice to look for each within a minute.
  ShareCase(meters: 200, dead: 180, longest: 125, living: 49),
  ShareCase(meters: 80, dead: 60, isKnown: false, longest: 152, living: 49),
]

@Suite struct LinePlanProbesTests {
  @Test(arguments: shares)
  fileprivate func `each dead meter of a busy line is looked for in its turn, and the living keep their share`(
    _ row: ShareCase
  ) throws {
    var line = BusyLine(meters: row.meters, model: row.isKnown ? "sdm" : "")
    let living = row.meters - row.dead
    let delay = { (each: BusyLine.Asked) -> BootInstant.Span? in each.meter < living ? .milliseconds(80) : nil }
    // They have died together.
    line.run(for: .seconds(20)) { each in row.isKnown ? .milliseconds(80) : delay(each) }
    line.run(for: .seconds(400), delay: delay)
    line.asked = []
    let from = line.now
    line.run(for: .seconds(600), delay: delay)
    let probes = line.asked.filter { $0.meter >= living }
    #expect(Set(probes.map(\.meter)).count == row.dead)
    var gaps: [BootInstant.Span] = []
    for meter in living..<row.meters {
      let times = [from] + probes.filter { $0.meter == meter }.map(\.at) + [line.now]
      gaps += zip(times.dropFirst(), times).map { $0 - $1 }
    }
    let longest = try #require(gaps.max()).milliseconds
    #expect(longest <= row.longest * 1000)
    let spent = probes.reduce(BootInstant.Span.zero) { $0 + ($1.until - $1.at) }
    #expect(spent.nanoseconds * 100 <= (line.now - from).nanoseconds * (100 - row.living))
    // No round meets two of a few: these begin ten seconds apart.
    guard row.dead <= 4 else { return }
    let short = probes.filter { $0.timeout == .milliseconds(210) }
    #expect(probes.count - short.count <= row.dead, "every sixteenth is waited for to the end")
    #expect(zip(probes.dropFirst(), probes).allSatisfy { $0.at - $1.at >= .seconds(10) })
  }

  /// Dead meters that nobody ever heard, with 1.5 s each: what load profiles have of the line, in per cent, and for how many
  /// seconds a dead one is not looked for.
  @Test(arguments: [(8, Int64(70), Int64(60)), (24, 15, 60), (30, 15, 60), (35, 15, 80), (60, 15, 140)])
  func `dead meters leave some of the pauses to load profiles`(_ dead: Int, _ share: Int64, _ longest: Int64) throws {
    var line = BusyLine(meters: dead + 2, model: "", every: 3600, limit: .milliseconds(1500))
    let delay = { (each: BusyLine.Asked) -> BootInstant.Span? in each.meter < 2 ? .milliseconds(80) : nil }
    line.run(for: .seconds(600), delay: delay)
    (line.asked, line.rested) = ([], .zero)
    let from = line.now
    line.run(for: .seconds(1200), delay: delay)
    #expect(line.rested.nanoseconds * 100 >= (line.now - from).nanoseconds * share)
    for meter in 2..<dead + 2 {
      let times = [from] + line.asked.filter { $0.meter == meter }.map(\.at) + [line.now]
      let apart = try #require(zip(times.dropFirst(), times).map { ($0 - $1).milliseconds }.max())
      #expect(apart <= longest * 1000)
    }
  }

  @Test(arguments: [1, 4, 20, 80])
  func `a meter that returns to a busy line is found within a minute`(_ dead: Int) {
    var line = BusyLine(meters: 200, model: "sdm")
    let living = 200 - dead
    line.run(for: .seconds(400)) { $0.meter < living ? .milliseconds(80) : nil }
    let returned = line.now
    var found: [Int: BootInstant] = [:]
    line.run(for: .seconds(61)) { each in
      if each.meter >= living, found[each.meter] == nil { found[each.meter] = each.at }
      return .milliseconds(80)
    }
    #expect(found.count == dead)
    #expect(found.values.allSatisfy { $0 - returned <= .seconds(60) })
  }

  @Test(arguments: [(true, Int64(75)), (false, 900)])
  func `a meter that comes back slower than all its kin is not held dead for ever`(_ isHeard: Bool, _ longest: Int64) {
    var line = BusyLine(meters: 32, model: "sdm")
    line.run(for: .seconds(300)) { $0.meter < 31 ? .milliseconds(40) : nil }
    let returned = line.now
    line.asked = []
    line.run(for: .seconds(1000), hearsLate: isHeard) { .milliseconds($0.meter < 31 ? 40 : 700) }
    let found = line.asked.first { $0.meter == 31 && $0.timeout >= .milliseconds(700) }
    #expect(found.map { $0.at - returned <= .seconds(longest) } == true)
    // From then on it is known to be slow, and read in each round.
    let after = line.asked.filter { each in each.meter == 31 && found.map { each.at > $0.at } == true }
    #expect(after.count > 40)
    #expect(after.allSatisfy { $0.timeout >= .milliseconds(700) })
    #expect(!line.plan.health[31].isSetAside)
  }

  @Test func `a meter that lacked one frame is back at its first probe, which waits for no others`() throws {
    var line = BusyLine(meters: 32, model: "sdm")
    line.run(for: .seconds(300)) { $0.meter < 28 ? .milliseconds(40) : nil }
    var lost: BootInstant?
    var back: BootInstant?
    line.run(for: .seconds(60)) { each in
      guard each.meter == 7 else { return each.meter < 28 ? .milliseconds(40) : nil }
      if lost == nil {
        lost = each.until
        return nil
      }
      back = back ?? each.at
      return .milliseconds(40)
    }
    #expect(try #require(back) - #require(lost) <= .milliseconds(11_000))
  }

  @Test func `a busy line looks for a meter with a short question, not with one that bills rest on`() {
    // The total at the last settlement.
    let settled = identifier(0x0000_0001)
    var line = BusyLine(meters: 32, model: "sdm", wanted: [settled, identifier(0x0001_0000), identifier(0x0002_0000)])
    line.run(for: .seconds(60)) { $0.meter < 28 || $0.at < start + .seconds(30) ? .milliseconds(40) : nil }
    line.asked = []
    line.run(for: .seconds(300)) { $0.meter < 28 ? .milliseconds(40) : nil }
    let probes = line.asked.filter { $0.meter >= 28 }
    #expect(probes.count >= 16)
    #expect(probes.allSatisfy { $0.query != settled || $0.timeout == .seconds(1) })
    #expect(probes.count { $0.timeout == .milliseconds(130) } > probes.count * 3 / 4)
  }
}
