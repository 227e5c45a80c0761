import DLT645
import Devices
import Line
import Metering
import Modbus
import Simulator
import Testing

@testable import Acquisition

@Suite(.timeLimit(.minutes(1))) struct DemandTests {
  private func identifier(_ bits: UInt32) -> Query { .identifier(DataIdentifier(rawValue: bits)) }

  private func kinds(_ outcomes: [DemandOutcome]) -> [String] {
    outcomes.map { outcome in
      switch outcome.result {
      case .answered: "answered"
      case .refused: "refused"
      case .damaged: "damaged"
      case .silent: "silent"
      case .portLost: "port lost"
      case .closed: "closed"
      case .withdrawn: "withdrawn"
      }
    }
  }

  @Test func `a read on demand goes before a round that has begun, and its answer belongs to no round`() async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(timeout: 300, items: TestProfile.dlt645Items)
    let pairs = try (1...6).map {
      try Pair("D\($0)", profile, address: "20231111000\($0)", seed: UInt64($0), on: line, delay: .milliseconds(20))
    }
    let rig = try Rig(pairs, tasks: [once("a", [.energies, .instantaneous])], speed: 1)
    #expect(await rig.worker.open() == nil)
    let running = Task { [worker = rig.worker] in await worker.run() }
    let outcomes = await rig.worker.read([identifier(0x0206_FF00), identifier(0x0001_0000)], of: id("D6"))
    let snapshot = await rig.worker.snapshot()
    rig.worker.stop()
    await running.value
    await rig.simulated.stop()
    #expect(kinds(outcomes) == ["answered", "answered"])
    for case .answered(let answer) in outcomes.map(\.result) {
      #expect(answer.meter == id("D6"))
      #expect(answer.slot == nil)
      #expect(!answer.observations.isEmpty)
      #expect(answer.observations.allSatisfy { rig.isTrue($0, of: answer.meter) })
    }
    #expect(snapshot.isOpen)
    #expect(snapshot.rounds.map(\.task) == ["a"])
    #expect(snapshot.rounds.allSatisfy { $0.meters == 6 && $0.questionsLeft > 0 && $0.lateness ?? -1 >= 0 })
    #expect(snapshot.meters.map(\.id) == pairs.map(\.meter.id))
    #expect(snapshot.setAside == 0)
    #expect((0...1000).contains(snapshot.load))
  }

  @Test func `a round outside of its windows waits for the next one, and is not late`() async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(timeout: 300, items: TestProfile.dlt645Items)
    let pair = try Pair("D1", profile, address: "202311100001", on: line)
    // The host's day is at 13:00.
    let night = AcquisitionTask(
      name: "night", schedule: .daily(try #require(TimeOfDay("00:05"))), targets: [.energies],
      windows: [try #require(TimeWindow("22:00-06:00"))])
    let rig = try Rig([pair], tasks: [night], speed: 1)
    #expect(await rig.worker.open() == nil)
    let running = Task { [worker = rig.worker] in await worker.run() }
    #expect(kinds(await rig.worker.read([identifier(0x0206_FF00)], of: id("D1"))) == ["answered"])
    let snapshot = await rig.worker.snapshot()
    rig.worker.stop()
    await running.value
    await rig.simulated.stop()
    let evening = ZoneOffset.china.unixMilliseconds(of: try #require(MeterTime("2026-11-22T22:00:00")))
    #expect(!snapshot.rounds.isEmpty)
    for round in snapshot.rounds {
      #expect(round.task == "night" && round.lateness == nil && round.waitsUntil == evening)
    }
  }

  @Test func `each question on demand has its outcome, whatever becomes of it`() async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(timeout: 30, items: ["0001FF00"])
    let dead = LineFaults.dead
    let pairs = [
      try Pair("A", profile, address: "202311110001", seed: 1, on: line),
      try Pair("B", profile, address: "202311110002", seed: 2, on: line, faults: dead),
    ]
    let rig = try Rig(pairs, tasks: [])
    #expect(await rig.worker.open() == nil)
    let running = Task { [worker = rig.worker] in await worker.run() }
    // The simulated meter has no such item.
    let refused = await rig.worker.read([identifier(0x0001_0000), identifier(0x7777_7777)], of: id("A"))
    let silent = await rig.worker.read([identifier(0x0001_0000), identifier(0x0001_0000)], of: id("B"))
    let unknown = await rig.worker.read([identifier(0x0001_0000)], of: id("C"))
    rig.worker.stop()
    await running.value
    let late = await rig.worker.read([identifier(0x0001_0000)], of: id("A"))
    await rig.simulated.stop()
    #expect(kinds(refused).sorted() == ["answered", "refused"])
    #expect(kinds(silent) == ["silent"])
    #expect(unknown.isEmpty)
    #expect(kinds(late) == ["closed"])
  }

  @Test func `a demand that nobody waits for any more is not asked, and the next one gets its turn`() async throws {
    let line = try settings(quickSettings)
    let profile = try TestProfile.dlt645(timeout: 300, items: TestProfile.dlt645Items)
    let pair = try Pair("A", profile, address: "202311110001", seed: 1, on: line)
    let rig = try Rig([pair], tasks: [])
    // Before the port is open nothing can be asked, so both wait.
    let gone = Task { [worker = rig.worker] in await worker.read([identifier(0x0001_0000)], of: id("A")) }
    let waiting = Task { [worker = rig.worker] in await worker.read([identifier(0x0002_0000)], of: id("A")) }
    gone.cancel()
    let withdrawn = await gone.value
    #expect(await rig.worker.open() == nil)
    let running = Task { [worker = rig.worker] in await worker.run() }
    let answered = await waiting.value
    rig.worker.stop()
    await running.value
    let requests = await rig.worker.counters().requests
    await rig.simulated.stop()
    #expect(kinds(withdrawn) == ["withdrawn"])
    #expect(kinds(answered) == ["answered"])
    #expect(requests == 1)
  }

  private let start = BootInstant(nanoseconds: 1_000_000_000_000)
  private let wall = HostInstant(unixMilliseconds: 1_795_305_600_000, clock: .synchronised)

  private func plan(_ queries: [Query], probes: [Query]) -> LinePlan {
    LinePlan(
      tasks: [AcquisitionTask(name: "t", schedule: .every(seconds: 60), targets: [.energies])],
      meters: [LinePlan.Meter(id: id("M"), programme: [queries], probes: probes, replyLimit: .seconds(1))],
      zone: .china, at: start, wall: wall)
  }

  private func next(_ plan: inout LinePlan, _ now: BootInstant) -> LinePlan.Ask? {
    if case .ask(let ask) = plan.next(at: now, wall: wall) { ask } else { nil }
  }

  @Test func `a question on demand goes first, and after a silence a probe goes before it`() throws {
    let block = Query.registers(function: .inputRegisters, start: 0, count: 10)
    let other = Query.registers(function: .inputRegisters, start: 100, count: 20)
    let probe = Query.registers(function: .inputRegisters, start: 0, count: 2)
    var plan = plan([block], probes: [probe])
    plan.demand([other], of: 0, number: 7)
    var now = start
    func step(_ conclusion: LinePlan.Conclusion) throws -> (Query, Int?) {
      let ask = try #require(next(&plan, now))
      now = now + .milliseconds(100)
      plan.concluded(ask, conclusion, at: now)
      return (ask.query, ask.demand)
    }
    #expect(try step(.silent) == (other, 7))
    #expect(plan.isWanted(other, by: 7))
    // The meter is set aside until the probe is answered, so that the round has nothing to ask.
    #expect(try step(.answered(delay: nil)) == (probe, 7))
    #expect(try step(.answered(delay: nil)) == (block, nil), "then it is the turn of the round")
    #expect(try step(.answered(delay: nil)) == (other, 7))
    #expect(!plan.isWanted(other, by: 7))
  }

  private func asks(
    _ plan: inout LinePlan, _ count: Int, from now: inout BootInstant, taking: BootInstant.Span = .milliseconds(100)
  ) throws -> String {
    var found = ""
    for _ in 0..<count {
      let label = HostInstant(
        unixMilliseconds: wall.unixMilliseconds + (now - start).milliseconds, clock: .synchronised)
      guard case .ask(let ask) = plan.next(at: now, wall: label) else { return found + "." }
      found += ask.demand.map { "\($0)" } ?? "r"
      now = now + taking
      plan.concluded(ask, .answered(delay: nil), at: now)
    }
    return found
  }

  private func items(_ count: UInt32, from first: UInt32) -> [Query] {
    (0..<count).map { identifier(first + ($0 << 8)) }
  }

  @Test func `questions on demand and rounds go turn about, one demand after the other`() throws {
    var plan = plan(items(6, from: 0x0201_0000), probes: [])
    plan.demand(items(3, from: 0x0001_0000), of: 0, number: 1)
    plan.demand(items(2, from: 0x0002_0000), of: 0, number: 2)
    var now = start
    #expect(try asks(&plan, 12, from: &now) == "1r1r1r2r2rr.")
    // After a rest a demand goes at once.
    plan.demand(items(1, from: 0x0001_0000), of: 0, number: 3)
    #expect(try asks(&plan, 2, from: &now) == "3.")
  }

  @Test func `where a round is short of time it goes before all but the first question of a demand`() throws {
    // 40 questions of a second each, and the next round is due in 60 s.
    var plan = plan(items(40, from: 0x0201_0000), probes: [])
    var now = start
    #expect(try asks(&plan, 10, from: &now, taking: .seconds(1)) == "rrrrrrrrrr")
    plan.demand(items(30, from: 0x0001_0000), of: 0, number: 1)
    #expect(try asks(&plan, 16, from: &now, taking: .seconds(1)) == "1r1r1r1r1r1r1r1r")
    now = now + .seconds(10)
    // 24 s are left for 22 questions.
    #expect(try asks(&plan, 16, from: &now, taking: .seconds(1)) == "rrrrrr1rrrrrrr1r")
    plan.withdraw(1)
    plan.demand(items(2, from: 0x0002_0000), of: 0, number: 2)
    #expect(try asks(&plan, 3, from: &now, taking: .seconds(1)) == "2rr", "a new one waits for one exchange at most")
  }

  @Test func `a demand ends at the second silence, whatever it asks for`() throws {
    var plan = plan([], probes: [])
    plan.demand(items(20, from: 0x0001_0000), of: 0, number: 1)
    var asked = 0
    var now = start
    while let ask = next(&plan, now), asked < 20 {
      asked += 1
      now = now + .seconds(1)
      plan.concluded(ask, .silent, at: now)
    }
    #expect(asked == 2)
    #expect(plan.demands.isEmpty)
  }

  @Test func `a meter that stays silent to the probe is asked nothing more on demand`() throws {
    let other = Query.registers(function: .inputRegisters, start: 100, count: 20)
    let probe = Query.registers(function: .inputRegisters, start: 0, count: 2)
    var plan = plan([], probes: [probe])
    plan.demand([other], of: 0, number: 1)
    for expected in [other, probe] {
      let ask = try #require(next(&plan, start))
      #expect(ask.query == expected)
      plan.concluded(ask, .silent, at: start)
    }
    #expect(next(&plan, start) == nil)
    #expect(!plan.isWanted(other, by: 1))
  }
}
