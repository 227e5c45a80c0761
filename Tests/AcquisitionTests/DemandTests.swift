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
    #expect(snapshot.rounds.allSatisfy { $0.meters == 6 && $0.questionsLeft > 0 && $0.lateness >= 0 })
    #expect(snapshot.meters.map(\.id) == pairs.map(\.meter.id))
    #expect(snapshot.setAside == 0)
    #expect((0...1000).contains(snapshot.load))
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
    #expect(late.isEmpty)
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
    #expect(try step(.answered(delay: nil)) == (probe, 7))
    #expect(try step(.answered(delay: nil)) == (other, 7))
    #expect(!plan.isWanted(other, by: 7))
    #expect(try step(.answered(delay: nil)) == (block, nil))
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
