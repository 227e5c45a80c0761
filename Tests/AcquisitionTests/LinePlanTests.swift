@testable import Acquisition
import DLT645
import Metering
import Modbus
import Testing

private let start = BootInstant(nanoseconds: 1_000_000_000_000)
/// 2026-11-22 08:00:00 +08:00.
private let wallStart: Int64 = 1_795_305_600_000

private func wall(_ now: BootInstant, stepped: Int64 = 0) -> HostInstant {
  HostInstant(unixMilliseconds: wallStart + (now - start).milliseconds + stepped, clock: .synchronised)
}

private func identifier(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }
private func registers(_ start: UInt16, _ count: UInt16) -> Query {
  .registers(function: .inputRegisters, start: start, count: count)
}

private func meter(_ number: Int, _ queries: [Query], probes: [Query]? = nil, done: [Set<Query>] = []) -> LinePlan.Meter
{
  LinePlan.Meter(
    id: MeterID("M\(number)") ?? .unnamed, programme: [queries],
    probes: probes ?? [identifier(0x0400_0401), identifier(0x0400_0102)], replyLimit: .seconds(1),
    held: .init(done: done))
}

private let everyMinute = AcquisitionTask(name: "t", schedule: .every(seconds: 60), targets: [.energies])

private func plan(
  _ meters: [LinePlan.Meter], tasks: [AcquisitionTask] = [everyMinute], health: [MeterHealth]? = nil
) -> LinePlan {
  LinePlan(tasks: tasks, meters: meters, health: health, zone: .china, at: start, wall: wall(start))
}

/// Runs a plan against scripted meters and tells what was asked, as "METER:QUERY".
private struct Bench {
  var plan: LinePlan
  var now = start
  var asked: [String] = []

  /// Lets the plan go on until it rests past `end` or `limit` questions were asked.
  mutating func run(
    until end: BootInstant, limit: Int = 10_000, _ answer: (LinePlan.Ask, BootInstant) -> LinePlan.Conclusion
  ) {
    while asked.count < limit {
      switch plan.next(at: now, wall: wall(now)) {
      case .rest(let until):
        guard until < end else {
          now = end
          return
        }
        now = max(until, now)
      case .ask(let ask):
        asked.append("\(ask.meter):\(ask.query)")
        let conclusion = answer(ask, now)
        now = now + (conclusion == .silent ? ask.replyTimeout : .milliseconds(50))
        plan.concluded(ask, conclusion, at: now)
      }
    }
  }
}

@Suite struct LinePlanTests {
  let a = identifier(0x0001_FF00), b = identifier(0x0201_FF00)

  @Test func `a round asks each meter for everything, once a slot`() {
    var bench = Bench(plan: plan([meter(0, [a, b]), meter(1, [a])]))
    bench.run(until: start + .seconds(59)) { _, _ in .answered(delay: .milliseconds(40)) }
    #expect(bench.asked == ["0:DI 0001FF00", "0:DI 0201FF00", "1:DI 0001FF00"])
    bench.run(until: start + .seconds(61)) { _, _ in .answered(delay: .milliseconds(40)) }
    #expect(bench.asked.count == 6)
  }

  @Test func `what is stored already is not asked again after a restart`() {
    // The daemon was killed in mid-round: meter 0 had told both, meter 1 the first.
    var bench = Bench(plan: plan([meter(0, [a, b], done: [[a, b]]), meter(1, [a, b], done: [[a]])]))
    bench.run(until: start + .seconds(59)) { _, _ in .answered(delay: nil) }
    #expect(bench.asked == ["1:DI 0201FF00"])
    bench.run(until: start + .seconds(61)) { _, _ in .answered(delay: nil) }
    #expect(bench.asked.count == 5, "the next round is whole")
  }

  @Test func `a silent meter is left at once and costs the others one time-out`() {
    var bench = Bench(plan: plan([meter(0, [a, b]), meter(1, [a, b]), meter(2, [a, b])]))
    bench.run(until: start + .milliseconds(1500)) { ask, _ in ask.meter == 1 ? .silent : .answered(delay: nil) }
    #expect(bench.asked.filter { $0.hasPrefix("1:") } == ["1:DI 0001FF00"])
    #expect(bench.asked.filter { !$0.hasPrefix("1:") }.count == 4)
  }

  @Test func `a dead meter is probed ever more rarely and found within a minute of its return`() {
    var bench = Bench(plan: plan([meter(0, [a]), meter(1, [a])]))
    let returns = start + .seconds(1000)
    var probes: [BootInstant] = []
    var found: BootInstant?
    bench.run(until: start + .seconds(1100)) { ask, now in
      guard ask.meter == 1 else { return .answered(delay: .milliseconds(30)) }
      if now < returns {
        probes.append(now)
        return .silent
      }
      found = found ?? now
      return .answered(delay: .milliseconds(30))
    }
    let gaps = zip(probes.dropFirst(), probes).map { ($0 - $1).milliseconds }
    #expect(gaps.first.map { $0 < 5000 } == true)
    #expect(gaps.dropFirst(8).allSatisfy { $0 > 35_000 && $0 < 60_000 })
    #expect(found.map { ($0 - returns) < .seconds(60) } == true)
  }

  @Test
  func
    `a meter nobody has asked yet is waited for as its kin has taught, and at its first probe for the whole time-out`()
  {
    func kin(_ number: Int, _ model: String = "sdm") -> LinePlan.Meter {
      LinePlan.Meter(
        id: MeterID("M\(number)") ?? .unnamed, programme: [[a, b]], probes: [identifier(0x0400_0401)],
        replyLimit: .seconds(1), model: model)
    }
    // Meter 6 is dead, and so is meter 7, of which there is but one.
    var bench = Bench(plan: plan((0..<7).map { kin($0) } + [kin(7, "other")]))
    var waits: [Int: [BootInstant.Span]] = [:]
    bench.run(until: start + .seconds(20)) { ask, _ in
      waits[ask.meter, default: []].append(ask.replyTimeout)
      return ask.meter >= 6 ? .silent : .answered(delay: .milliseconds(Int64(20 + 10 * ask.meter)))
    }
    #expect(waits[0]?.first == .seconds(1), "nothing is known yet")
    #expect(waits[6]?.first == .milliseconds(190))
    #expect(waits[6]?.dropFirst().first == .seconds(1))
    #expect(waits[7]?.first == .seconds(1))
  }

  @Test func `dead meters are probed in the pauses between rounds`() {
    // Four rounds a minute of 10 s each, and three dead meters of 23.
    let quarter = AcquisitionTask(name: "t", schedule: .every(seconds: 15), targets: [.energies])
    let each = (0..<10).map { identifier(0x0001_0000 + UInt32($0)) }
    let probes = (1...4).map { identifier(0x0400_0100 + UInt32($0)) }
    var bench = Bench(
      plan: plan((0..<23).map { meter($0, $0 < 20 ? each : [a], probes: probes) }, tasks: [quarter]))
    var asked: [Int: [BootInstant]] = [:]
    bench.run(until: start + .seconds(1800), limit: 100_000) { ask, now in
      guard ask.meter >= 20 else { return .answered(delay: .milliseconds(30)) }
      if now > start + .seconds(180) { asked[ask.meter, default: []].append(now) }
      return .silent
    }
    #expect(asked.values.joined().allSatisfy { ($0 - start).milliseconds % 15_000 >= 10_000 })
    let gaps = asked.values.flatMap { times in zip(times.dropFirst(), times).map { ($0 - $1).milliseconds } }
    #expect(gaps.allSatisfy { $0 < 60_000 })
    #expect(gaps.count >= 3 * (1620 / 60 - 1))
  }

  @Test func `after a silence the next question to that meter has another shape`() {
    let block = registers(0, 36), same = registers(52, 36)
    let modbus = LinePlan.Meter(
      id: MeterID("M0") ?? .unnamed, programme: [[block, same]], probes: [registers(0, 2), registers(0, 4)],
      replyLimit: .seconds(1))
    var bench = Bench(plan: plan([modbus]))
    var first = true
    bench.run(until: start + .seconds(50)) { _, _ in
      defer { first = false }
      return first ? .silent : .answered(delay: nil)
    }
    // The probe is no answer to the round; only when it has come may the blocks be asked again.
    #expect(bench.asked == ["0:FC4 0+36", "0:FC4 0+2", "0:FC4 0+36", "0:FC4 52+36"])
  }

  @Test func `behind a serial server two probes follow a silence, for answers may overtake each other`() {
    let modbus = LinePlan.Meter(
      id: MeterID("M0") ?? .unnamed, programme: [[registers(0, 36)]], probes: [registers(0, 2), registers(0, 4)],
      replyLimit: .seconds(1))
    var served = plan([modbus])
    served.answersMayOvertake = true
    var bench = Bench(plan: served)
    var first = true
    bench.run(until: start + .seconds(50)) { _, _ in
      defer { first = false }
      return first ? .silent : .answered(delay: nil)
    }
    #expect(bench.asked == ["0:FC4 0+36", "0:FC4 0+2", "0:FC4 0+2", "0:FC4 0+36"])
  }

  @Test func `two questions of one shape do not follow each other where the line has another to ask`() {
    let alike = [registers(0, 2), registers(40, 2)]
    var bench = Bench(plan: plan([meter(0, alike), meter(1, alike)]))
    bench.run(until: start + .seconds(50)) { _, _ in .answered(delay: nil) }
    #expect(bench.asked == ["0:FC4 0+2", "1:FC4 0+2", "0:FC4 40+2", "1:FC4 40+2"])
    var alone = Bench(plan: plan([meter(0, [registers(0, 2), registers(40, 2), registers(80, 4)])]))
    alone.run(until: start + .seconds(50)) { _, _ in .answered(delay: nil) }
    #expect(alone.asked == ["0:FC4 0+2", "0:FC4 80+4", "0:FC4 40+2"])
  }

  /// The next question, as the bench writes it, or how long the plan rests.
  private func next(_ plan: inout LinePlan, at now: BootInstant = start) -> String {
    switch plan.next(at: now, wall: wall(now)) {
    case .ask(let ask): return "\(ask.meter):\(ask.query)"
    case .rest(let until): return "rest \((until - now).milliseconds)"
    }
  }

  @Test func `while a second answer may come, no question is put that it could be taken for, if there is another`() {
    let hold = BootInstant.Span.milliseconds(500)
    let urgent = AcquisitionTask(
      name: "u", schedule: .every(seconds: 60), targets: [.instantaneous], priority: 1)
    func fresh() -> LinePlan {
      let query = registers(0, 2)
      return plan(
        [
          LinePlan.Meter(
            id: .unnamed, programme: [[query], []], probes: [query], replyLimit: .seconds(1)),
          LinePlan.Meter(
            id: .unnamed, programme: [[], [registers(40, 2)]], probes: [query], replyLimit: .seconds(1)),
        ], tasks: [urgent, AcquisitionTask(name: "v", schedule: .every(seconds: 60), targets: [.energies])])
    }
    var plain = fresh()
    #expect(next(&plain) == "0:FC4 0+2")
    // The less urgent question of the other meter comes first.
    var other = fresh()
    other.secondMayFollow(registers(80, 2), of: 0, from: start, until: start + hold)
    #expect(next(&other) == "1:FC4 40+2")
    // Where all are open to a second answer, the urgent one goes first again.
    other.secondMayFollow(registers(40, 2), of: 1, from: start, until: start + hold)
    #expect(next(&other) == "0:FC4 0+2")
    // Another shape is no danger.
    var unlike = fresh()
    unlike.secondMayFollow(registers(80, 4), of: 0, from: start, until: start + hold)
    #expect(next(&unlike) == "0:FC4 0+2")
    #expect(next(&unlike, at: start + hold) == "1:FC4 40+2")
  }

  @Test func `a line with nothing else to ask goes on, and waits only for a meter that answers twice`() {
    let hold = BootInstant.Span.milliseconds(500)
    var alone = plan([meter(0, [registers(0, 2)])])
    alone.secondMayFollow(registers(40, 2), of: 0, from: start, until: start + hold)
    var doubtful = alone
    #expect(next(&alone) == "0:FC4 0+2")
    doubtful.doubt(0, until: start + .seconds(3600))
    #expect(next(&doubtful) == "rest 500")
    #expect(next(&doubtful, at: start + hold) == "0:FC4 0+2")
    // A run of one shape is broken off: an answer too many in it shows only at its end.
    var run = plan([meter(0, [registers(0, 2)])])
    var now = start
    while now - start < .seconds(6) {
      run.secondMayFollow(registers(40, 2), of: 0, from: now, until: now + hold)
      now = now + .milliseconds(100)
    }
    #expect(next(&run, at: now) == "rest 400")
  }

  @Test func `a meter that may owe an answer to someone who is gone is first asked something unlike it`() {
    let modbus = LinePlan.Meter(
      id: MeterID("M0") ?? .unnamed, programme: [[registers(72, 2), registers(346, 2)]],
      probes: [registers(0, 2), registers(0, 4)], replyLimit: .seconds(1))
    var bench = Bench(plan: plan([modbus], health: [MeterHealth(owing: modbus.programme.joined(), at: start)]))
    bench.run(until: start + .seconds(50)) { _, _ in .answered(delay: nil) }
    #expect(bench.asked == ["0:FC4 0+4", "0:FC4 72+2", "0:FC4 346+2"])
  }

  @Test(arguments: [true, false])
  func `one-value reads never follow a silence with a question of the same shape`(_ isBehindServer: Bool) {
    // Property: whatever the meter does, a question is only asked while no answer of its shape is owed. A serial server
    // keeps an answer for longer than a port of this host.
    let lateness = BootInstant.Span.seconds(isBehindServer ? 115 : 35)
    for seed in UInt64(1)...200 {
      var random = SplitMix(seed)
      let values = (0..<10).map { registers(UInt16($0 * 2), 2) }
      let modbus = LinePlan.Meter(
        id: MeterID("M0") ?? .unnamed, programme: [values], probes: (3...8).map { registers(0, UInt16($0)) },
        replyLimit: .seconds(1))
      var line = plan([modbus])
      line.answersMayOvertake = isBehindServer
      var bench = Bench(plan: line)
      var owed: [Query.Shape: BootInstant] = [:]
      bench.run(until: start + .seconds(600)) { ask, now in
        #expect(owed[ask.query.shape].map { $0 <= now } ?? true, "seed \(seed)")
        switch random.next() % 5 {
        case 0:
          owed[ask.query.shape] = now + lateness
          return .silent
        case 1:
          owed[ask.query.shape] = now + lateness
          return .damaged
        default:
          owed = [:]
          return .answered(delay: nil)
        }
      }
      #expect(bench.asked.count > 20, "seed \(seed)")
    }
  }

  @Test func `a refusal is final for its item and not for the meter`() {
    var bench = Bench(plan: plan([meter(0, [a, b])]))
    bench.run(until: start + .seconds(50)) { ask, _ in ask.query == a ? .refused : .answered(delay: nil) }
    #expect(bench.asked == ["0:DI 0001FF00", "0:DI 0201FF00"])
    let missed = bench.plan.takeMissed()
    #expect(missed.map(\.reason) == [.refused])
    #expect(missed.first?.queries == [a])
  }

  @Test func `a good block survives a bad one`() {
    var bench = Bench(plan: plan([meter(0, [a, b])]))
    bench.run(until: start + .seconds(50)) { ask, _ in ask.query == a ? .damaged : .answered(delay: nil) }
    #expect(bench.asked.filter { $0 == "0:DI 0001FF00" }.count == LinePlan.triesWhenDamaged)
    #expect(bench.asked.contains("0:DI 0201FF00"))
    #expect(bench.plan.takeMissed().map(\.reason) == [.damaged])
  }

  @Test func `an answer that is taken back is asked for again in its round, as often as a damaged one`() {
    var bench = Bench(plan: plan([meter(0, [a, b])]))
    var rounds: [LinePlan.Round] = []
    func run(until seconds: Int64) {
      bench.run(until: start + .seconds(seconds)) { ask, _ in
        if let round = ask.round { rounds.append(round) }
        return .answered(delay: nil)
      }
    }
    run(until: 10)
    #expect(bench.asked.count == 2)
    // The round was finished, and is open again until there were too many tries.
    for tries in 1...LinePlan.triesWhenDamaged {
      bench.plan.takenBack(a, of: 0, in: rounds[0])
      #expect(bench.plan.takeMissed().map(\.reason) == (tries == LinePlan.triesWhenDamaged ? [.damaged] : []))
      run(until: 10 + Int64(tries))
    }
    #expect(bench.asked.dropFirst(2) == ["0:DI 0001FF00", "0:DI 0001FF00"])
    #expect(Set(rounds).count == 1)
    // The next round is there: what is taken back of the one before is missed.
    run(until: 61)
    bench.plan.takenBack(b, of: 0, in: rounds[0])
    #expect(bench.plan.takeMissed().map(\.queries) == [[b]])
    let asked = bench.asked.count
    run(until: 70)
    #expect(bench.asked.count == asked)
  }

  @Test func `a line that answers with rubbish alone does not spin`() {
    var bench = Bench(plan: plan([meter(0, [a])]))
    bench.run(until: start + .seconds(300)) { _, _ in .damaged }
    #expect(bench.asked.count < 60)
  }

  @Test func `a slow round is finished before the next begins, and the slot left out is counted`() {
    let task = AcquisitionTask(name: "fast", schedule: .every(seconds: 1), targets: [.energies])
    let meters = (0..<40).map { meter($0, [a]) }
    var bench = Bench(plan: plan(meters, tasks: [task]))
    bench.run(until: start + .seconds(9), limit: 160) { _, _ in .answered(delay: nil) }
    for number in 0..<40 {
      #expect(bench.asked.filter { $0.hasPrefix("\(number):") }.count >= 3, "meter \(number)")
    }
    #expect(bench.plan.overruns[0] > 0)
  }

  @Test func `an urgent task goes before the others between two questions`() {
    let urgent = AcquisitionTask(name: "u", schedule: .every(seconds: 60), targets: [.energies], priority: 1)
    let slow = AcquisitionTask(name: "s", schedule: .every(seconds: 60), targets: [.energies], priority: 3)
    let meters = (0..<2).map {
      LinePlan.Meter(id: MeterID("M\($0)") ?? .unnamed, programme: [[a], [b]], probes: [], replyLimit: .seconds(1))
    }
    var bench = Bench(plan: plan(meters, tasks: [slow, urgent]))
    bench.run(until: start + .seconds(50)) { _, _ in .answered(delay: nil) }
    #expect(bench.asked == ["0:DI 0201FF00", "1:DI 0201FF00", "0:DI 0001FF00", "1:DI 0001FF00"])
  }

  @Test func `time-outs are learned from the meter and grow again when it slows`() {
    var bench = Bench(plan: plan([meter(0, Array(repeating: a, count: 1))]))
    var timeouts: [Int64] = []
    bench.run(until: start + .seconds(1200)) { ask, _ in
      timeouts.append(ask.replyTimeout.milliseconds)
      return .answered(delay: .milliseconds(60))
    }
    #expect(timeouts.first == 1000)
    #expect(timeouts.last.map { (160...260).contains($0) } == true)
  }

  /// Asks every second until an instant; the slots that were served, as seconds after the first.
  private func serve(
    _ line: inout LinePlan, _ seconds: ClosedRange<Int64>, stepped: Int64
  ) -> [Int64] {
    var served: [Int64] = []
    for second in seconds {
      let now = start + .seconds(second)
      while case .ask(let ask) = line.next(at: now, wall: wall(now, stepped: stepped * 1000)) {
        line.concluded(ask, .answered(delay: nil), at: now)
        if let round = ask.round { served.append((round.slot - wallStart) / 1000) }
      }
    }
    return served
  }

  @Test func `after a step forward dues follow the wall clock and the slot that is open is served at once`() {
    var line = plan([meter(0, [a])])
    #expect(serve(&line, 0...70, stepped: 0) == [0, 60])
    #expect(serve(&line, 71...119, stepped: 25) == [120])
    #expect(serve(&line, 120...160, stepped: 85) == [180, 240])
  }

  @Test func `after a step back no slot is served twice`() {
    var line = plan([meter(0, [a])])
    #expect(serve(&line, 0...130, stepped: 0) == [0, 60, 120])
    #expect(serve(&line, 131...260, stepped: -90) == [])
    #expect(serve(&line, 261...331, stepped: -90) == [180, 240])
  }

  @Test func `a clock that was years ahead for a while holds no round up`() {
    var line = plan([meter(0, [a])])
    let years: Int64 = 12 * 365 * 86_400
    #expect(serve(&line, 0...70, stepped: 0) == [0, 60])
    #expect(serve(&line, 71...120, stepped: years) == [years + 60, years + 120])
    #expect(serve(&line, 121...185, stepped: 0).contains(180))
  }

  @Test func `labels are slots of the wall clock and rounds keep to the boot clock when it steps`() {
    var line = plan([meter(0, [a])])
    func ask(_ now: BootInstant, stepped: Int64) -> LinePlan.Round? {
      guard case .ask(let ask) = line.next(at: now, wall: wall(now, stepped: stepped)) else { return nil }
      line.concluded(ask, .answered(delay: nil), at: now)
      return ask.round
    }
    #expect(ask(start, stepped: 0)?.slot == wallStart)
    #expect(ask(start + .seconds(59), stepped: 0) == nil)
    // The wall clock goes back an hour, before all that was served: the round is labelled with the new time.
    #expect(ask(start + .seconds(60), stepped: -3_600_000)?.slot == wallStart + 60_000 - 3_600_000)
    #expect(ask(start + .seconds(60), stepped: -3_600_000) == nil)
  }

  @Test func `slots begin anew at midnight and a daily task looks back to its last time`() throws {
    let zone = ZoneOffset.china
    let lateEvening = zone.unixMilliseconds(of: try #require(MeterTime("2026-12-31T23:59:50")))
    let schedule = Schedule.every(seconds: 7 * 60)
    #expect(
      schedule.nextSlot(after: lateEvening, zone: zone)
        == zone.unixMilliseconds(of: try #require(MeterTime("2027-01-01T00:00"))))
    let daily = Schedule.daily(try #require(TimeOfDay("00:05")))
    let early = zone.unixMilliseconds(of: try #require(MeterTime("2027-01-01T00:04:59")))
    #expect(zone.local(unixMilliseconds: daily.slot(at: early, zone: zone)) == MeterTime("2026-12-31T00:05:00"))
    #expect(zone.local(unixMilliseconds: daily.nextSlot(after: early, zone: zone)) == MeterTime("2027-01-01T00:05:00"))
  }
}

/// A small generator whose seed says everything. Source: Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators", 2014.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
