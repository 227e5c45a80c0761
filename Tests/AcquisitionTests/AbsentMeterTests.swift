import CSerial
import DLT645
import Devices
import Glibc
import Host
import Line
import Metering
import Simulator
import Testing

@testable import Acquisition

private let targets: [AcquisitionTask.Target] = [.energies, .instantaneous]

private func line(of count: Int, _ change: (Int, inout Pair) -> Void) throws -> [Pair] {
  let line = try settings(quickSettings)
  let profile = try TestProfile.dlt645(timeout: 200, items: TestProfile.dlt645Items)
  return try (1...count).map { number in
    var pair = try Pair(
      "D\(number)", profile, address: "\(202_311_110_000 + number)", seed: UInt64(number), on: line)
    change(number, &pair)
    return pair
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct AbsentMeterTests {
  @Test func `a dead meter is asked a few times while the others are read whole, again and again`() async throws {
    let dead: Set<MeterID> = [id("D3"), id("D7"), id("D11")]
    let pairs = try line(of: 12) { if dead.contains($1.meter.id) { $1.description.faults = .dead } }
    // Ten rounds, one after the other.
    let rig = try Rig(pairs, tasks: (0..<10).map { once("round \($0)", targets) })
    let living = rig.wanted * 9 / 12
    let tally = await rig.run { tally, _ in tally.answers >= living }
    let asked = tally.line.requests - tally.answers
    print("3 of 12 dead: \(tally.answers) answers, \(asked) questions to the dead ones, \(tally.exchanges) exchanges")
    #expect(tally.wrong == [])
    #expect(dead.allSatisfy { tally.byMeter[$0] == nil })
    // Once each at first, then ever more rarely, so the longer the slower the machine is. Ten rounds of a living meter
    // take some 1,500 questions: a fiftieth of that.
    #expect(asked <= 3 * 30)
    #expect(tally.health.filter { !$0.isAnswering }.map(\.meter).sorted() == dead.sorted())
  }

  @Test func `a meter that comes back is found and read`() async throws {
    let pairs = try line(of: 4) { if $0 == 2 { $1.description.faults = .dead } }
    let rig = try Rig(pairs, tasks: [once("a", targets)])
    let others = rig.wanted * 3 / 4
    let tally = await rig.run { tally, _ in
      if tally.answers == others, tally.byMeter[id("D2")] == nil {
        Task { await rig.simulated.change { $0.meters[1].faults.faults = .none } }
      }
      return tally.answers == rig.wanted
    }
    #expect(tally.wrong == [])
    #expect(tally.health.filter { $0.meter == id("D2") }.map(\.isAnswering) == [false, true])
    #expect(tally.byMeter[id("D2")] == rig.wanted / 4)
  }

  @Test func `a meter that refuses everything is asked for each item once and stays in the round`() async throws {
    var pairs = try line(of: 2) { number, pair in
      guard number == 1 else { return }
      pair.description.habits.missing = Set(TestProfile.dlt645Items.compactMap { DataIdentifier(hex: $0) })
    }
    // And one of Modbus, whose map knows none of the registers that its profile names.
    var stranger = try Pair("E1", TestProfile.farApart(), address: "9", on: settings(quickSettings))
    stranger.description.kind = .modbus(unit: 9, RegisterMap(items: []))
    pairs.append(stranger)
    let rig = try Rig(pairs, tasks: [once("a", targets)])
    let tally = await rig.runToTheEnd()
    #expect(tally.missedFor["refused"] == tally.missed)
    #expect(tally.missed + tally.answers == rig.wanted)
    #expect(tally.byMeter[id("D2")] == TestProfile.dlt645Items.count)
    #expect(tally.byMeter[id("D1")] == nil)
    #expect(tally.rejected.allSatisfy { $0.hasPrefix("refused: ") })
    #expect(tally.line.requests == rig.wanted)
    #expect(!tally.health.contains { !$0.isAnswering })
  }

  @Test(arguments: [0, 1])
  func `of two meters with one address that speak at once nothing is believed but what both say`(
    _ later: Int64
  ) async throws {
    var pairs = try line(of: 3) { number, pair in
      if number == 2 { pair.description.delay = .microseconds(100 + 50 * later) }
    }
    // The second meter has the address of the first, and other values.
    pairs[1].description.kind = pairs[0].description.kind
    let third = pairs[2]
    // The plan knows the first and the third; the second only speaks.
    let rig = try Rig(
      [pairs[0], third], tasks: [once("a", targets)], extra: [pairs[1].description])
    let mine = rig.wanted / 2
    let tally = await rig.run { tally, _ in
      let told = tally.byMeter[id("D1")] ?? 0, others = tally.byMeter[id("D3")] ?? 0
      return others >= mine && tally.rejected.count + told >= 2
    }
    print("twins: \(tally.line.meterCollisions) collisions, \(tally.byMeter[id("D1")] ?? 0) answers believed")
    #expect(tally.wrong == [])
    #expect(tally.byMeter[id("D3")] == mine)
  }
}

/// A meter that never ends once it has begun.
private struct Babbler: SimulatedMeter {
  var inner: any SimulatedMeter

  var id: MeterID { inner.id }
  var language: MeterLanguage { inner.language }
  var unit: UInt8? { inner.unit }
  var registers: MeterRegisters { inner.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    guard var answer = inner.answer(request, at: now) else { return nil }
    answer.bytes = Array(repeating: 0x55, count: 12_000)
    return answer
  }

  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? { nil }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct BabblingMeterTests {
  @Test func `a meter that babbles is set aside and the others are read`() async throws {
    let rig = try Rig(try line(of: 3) { _, _ in }, tasks: [once("a", targets)]) { index, meter in
      index == 0 ? Babbler(inner: meter) : meter
    }
    let tally = await rig.run { tally, _ in tally.answers >= rig.wanted * 2 / 3 }
    #expect(tally.wrong == [])
    #expect(tally.byMeter[id("D1")] == nil)
    #expect(tally.rejected.contains { $0.contains("babbles") })
    #expect(tally.health.contains { $0.meter == id("D1") && !$0.isAnswering })
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct LostPortTests {
  /// Descriptors of this process that lead to one of the terminals that this test had, hung up or not.
  private func descriptors(of terminals: Set<String>) -> Int {
    (0..<1024).filter { number in
      var target = [CChar](repeating: 0, count: 256)
      let count = readlink("/proc/self/fd/\(number)", &target, target.count - 1)
      guard count > 0 else { return false }
      let text = String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return terminals.contains(text.split(separator: " ").first.map(String.init) ?? text)
    }.count
  }

  /// Where a link leads now.
  private func target(of link: String) -> String {
    var target = [CChar](repeating: 0, count: 256)
    let count = readlink(link, &target, target.count - 1)
    return String(decoding: target[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test func `a port that hangs up and comes back under its link is opened again, fifty times`() async throws {
    let link = "/tmp/meterd-worker-\(getpid())"
    // Answers are held back for as long as the meters may take: a short time-out, or the test is long.
    let profile = try TestProfile.dlt645(timeout: 50, items: TestProfile.dlt645Items)
    let pairs = try (1...2).map {
      try Pair("D\($0)", profile, address: "\(202_311_110_000 + $0)", on: settings(quickSettings))
    }
    let rig = try Rig(
      pairs, tasks: (0..<400).map { once("round \($0)", [.energies]) }, place: .terminal(link: link), speed: 200)
    var cycles = 0
    var answersAt = 0
    var terminals: Set<String> = []
    var before = 0
    var after = 0
    let tally = await rig.run { tally, event in
      switch event {
      case .portOpened:
        answersAt = tally.answers
        return false
      case .answered where tally.answers == answersAt + 3 && tally.opened == cycles + 1:
        terminals.insert(target(of: link))
        after = descriptors(of: terminals)
        if cycles == 0 { before = after }
        guard cycles < 50 else { return true }
        cycles += 1
        Task {
          await rig.simulated.hangUp()
          try? await rig.simulated.reopen()
        }
        return false
      default: return false
      }
    }
    print("\(cycles) hang-ups: \(tally.lost) losses, \(tally.opened) openings, descriptors \(before) -> \(after)")
    #expect(tally.opened == 51)
    #expect(tally.lost == 50)
    #expect(tally.wrong == [])
    #expect(tally.answers >= 150)
    #expect(before >= 2)
    // Terminals of other tests may get the same numbers; a leak would leave fifty.
    #expect(after < before + 25)
  }

  @Test func `a server that accepts and closes is tried ever more rarely and told once`() async throws {
    var port: UInt16 = 0
    let listener = cserial_listen_local(0, &port)
    try #require(listener >= 0)
    defer { cserial_close(listener) }
    let pair = try #require(line(of: 1) { _, _ in }.first)
    let task = once("a", [.energies])
    let planned = pair.meter.planned(for: [task])
    let began = HostClock.boot
    let told = Guarded<[String]>([])
    let worker = try LineWorker(
      name: "bus", address: .server(host: "127.0.0.1", port: Int(port)), settings: settings(quickSettings),
      meters: [pair.meter],
      plan: LinePlan(tasks: [task], meters: [planned], zone: .china, at: began, wall: HostClock.wall),
      clock: WallClock(isTrusted: true), planClock: PlanClock(speed: 200)
    ) { event in
      switch event {
      case .portOpened: told.withLock { $0.append("opened") }
      case .portLost: told.withLock { $0.append("lost") }
      default: break
      }
    }
    let running = Task {
      _ = await worker.open()
      await worker.run()
    }
    var accepted = 0
    while accepted < 5 {
      guard cserial_wait_readable(listener, (began + .seconds(20)).nanoseconds) == 1 else { break }
      let caller = cserial_accept(listener)
      guard caller >= 0 else { continue }
      cserial_close(caller)
      accepted += 1
    }
    // Rests of 1, 2, 4 and 8 seconds lie between five connections, 200 times as fast.
    #expect(accepted == 5)
    #expect(HostClock.boot - began >= .milliseconds(15 * 1000 / 200))
    worker.stop()
    await running.value
    #expect(told.withLock { $0 } == ["opened", "lost"])
  }

  @Test func `a port that is not there at first is opened when it comes`() async throws {
    let link = "/tmp/meterd-worker-late-\(getpid())"
    let pairs = try line(of: 1) { _, _ in }
    let rig = try Rig(pairs, tasks: [once("a", [.energies])], place: .terminal(link: link), speed: 200)
    await rig.simulated.hangUp()
    unlink(link)
    let refused = await rig.worker.open()
    #expect(refused != nil)
    Task { try? await rig.simulated.reopen() }
    let tally = await rig.runToTheEnd()
    #expect(tally.answers == rig.wanted)
    #expect(tally.wrong == [])
  }
}
