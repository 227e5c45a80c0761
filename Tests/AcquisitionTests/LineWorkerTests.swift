import Acquisition
import DLT645
import Devices
import Host
import Line
import Metering
import Simulator
import Testing

private let everything: [AcquisitionTask.Target] = [.energies, .instantaneous, .settlements(depth: 2, of: nil)]

/// Meters of three profiles of the house, DL/T 645 and Modbus on one line.
private func mixedLine(faults: LineFaults = .none) throws -> [Pair] {
  let line = try settings(quickSettings)
  var pairs: [Pair] = []
  let three = try TestProfile.dlt645(timeout: 1000, items: TestProfile.dlt645Items)
  for number in 1...4 {
    var pair = try Pair("D\(number)", three, address: "20231111000\(number)", seed: UInt64(number), on: line)
    // From none to four wake-up bytes, and answers in pieces of 40 or 8 bytes.
    pair.description.habits.wakeUps = number % 5
    pair.description.habits.partSize = number % 2 == 0 ? 195 : 8
    pair.description.habits.trailer = number == 3 ? [0xFF] : []
    pairs.append(pair)
  }
  for number in 1...4 {
    pairs.append(
      try Pair("E\(number)", profile(named: "eastron-sdm630"), address: "\(number)", seed: UInt64(9 + number), on: line)
    )
  }
  return pairs
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct LineWorkerTests {
  @Test func `meters of both protocols on one terminal tell the truth, in one frame or in many`() async throws {
    let rig = try Rig(try mixedLine(), tasks: [once("a", everything)])
    let tally = await rig.runToTheEnd()
    print("mixed line: \(tally.exchanges) exchanges, \(tally.values) values, \(tally.wrong.count) wrong")
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    #expect(tally.answers == rig.wanted)
    #expect(tally.counters.requests > tally.exchanges, "some answers came in parts")
    #expect(tally.line.collisions == 0)
    #expect(tally.line.brokenSilence == 0)
    #expect(tally.health.count == 8)
    for meter in rig.meters { #expect(tally.seen[meter.id, default: []].count > 20, "\(meter.id)") }
  }

  @Test func `each meter is spoken to at its own rate`() async throws {
    let line = try settings("115200 8E1")
    let own = [nil, try settings("57600 8N1"), try settings("38400 8E1"), try settings("115200 8N1")]
    let dlt645 = try TestProfile.dlt645(timeout: 1000, items: ["0001FF00", "0201FF00"])
    var pairs: [Pair] = []
    for (index, own) in own.enumerated() {
      pairs.append(try Pair("D\(index)", dlt645, address: "20231111000\(index)", on: line, own: own))
      pairs.append(
        try Pair("E\(index)", TestProfile.farApart(timeout: 1000), address: "\(index + 1)", on: line, own: own))
    }
    // Meters take turns, so that the rate changes with nearly every question.
    let rig = try Rig(
      pairs, settings: "115200 8E1", tasks: [once("a", [.energies]), once("b", [.instantaneous])], followsPort: true)
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    #expect(tally.answers == rig.wanted)
    #expect(tally.line.unanswered == 0)
  }

  @Test func `a serial server carries the same line`() async throws {
    let rig = try Rig(try mixedLine(), tasks: [once("a", everything)], place: .socket(port: 0))
    let tally = await rig.runToTheEnd()
    #expect(rig.simulated.path.hasPrefix("tcp://127.0.0.1:"))
    #expect(tally.wrong == [])
    #expect(tally.answers == rig.wanted)
    #expect(tally.opened == 1)
  }

  @Test func `a serial server may hold old answers, so its Modbus meters are first asked something else`() async throws
  {
    let line = try settings(quickSettings)
    let pair = try Pair("M", TestProfile.farApart(), address: "7", on: line)
    let target = AcquisitionTask.Target.quantity(try quantity("voltage.l1"))
    let rig = try Rig([pair], tasks: [once("a", [target])], place: .socket(port: 0))
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [])
    #expect(tally.answers == 1)
    #expect(tally.exchanges >= 3)
  }

  @Test(arguments: [1_000_000, 300_000])
  func `an adapter that hears itself changes nothing`(_ chance: Int) async throws {
    var faults = LineFaults(seed: 11)
    faults[.echo] = chance
    let rig = try Rig(try mixedLine(), tasks: [once("a", everything)], faults: faults)
    let tally = await rig.runToTheEnd()
    print("echo, \(chance) ppm: \(tally.line.faults[.echo]) of \(tally.line.requests) requests, seed 11")
    #expect(tally.wrong == [])
    #expect(tally.missed == 0)
    #expect(tally.counters.echoes > tally.exchanges / 5)
  }

  @Test func `a round that is opened an hour late labels what it reads with the time of the read`() async throws {
    let line = try settings(quickSettings)
    let pair = try Pair("D", TestProfile.dlt645(items: ["0001FF00"]), address: "202311110001", on: line)
    for (late, isOfSlot) in [(Int64(3600), false), (60, true)] {
      let due = MeterTime(localSeconds: hostStart.localSeconds - late)
      let task = AcquisitionTask(name: "a", schedule: .daily(due.time), targets: [.energies])
      let tally = try await Rig([pair], tasks: [task]).runToTheEnd()
      let slot = ZoneOffset.china.unixMilliseconds(of: due)
      #expect(tally.all.map(\.slot) == [slot])
      let readings = tally.all.flatMap { $0.readings(zone: .china).readings }
      #expect(readings.count == 5)
      #expect(readings.allSatisfy { $0.key.instant == (isOfSlot ? slot : $0.hostTime.unixMilliseconds) })
    }
  }

  @Test func `what a bill rests on is read twice and says so`() async throws {
    let line = try settings(quickSettings)
    let pair = try Pair("D", TestProfile.dlt645(items: ["0001FF00"]), address: "202311110001", on: line)
    let rig = try Rig([pair], tasks: [once("a", [.energies, .settlements(depth: 3, of: nil)])])
    let tally = await rig.runToTheEnd()
    // The register, date and time once each; three settlement days that are news and three settlements twice. The
    // clock stands at a noon of its own, far from the host's, which is news: date and time once more.
    #expect(tally.answers == 9)
    #expect(tally.line.requests == 17)
    for answer in tally.all { #expect(answer.isConfirmed == answer.observations.contains { $0.memory != .current }) }
  }
}

/// A kind of damage, and how often it happens to the answers.
private struct Damage: Sendable, CustomTestStringConvertible {
  let name: String
  let faults: @Sendable (inout LineFaults) -> Void
  var testDescription: String { name }

  static func flips(_ bits: Int) -> Damage {
    Damage(name: "\(bits) bits turned over in 20 %") {
      $0[.bitFlip] = 200_000
      $0.flippedBits = bits
    }
  }

  static let all = [
    Damage(name: "noise before 20 %") { $0[.noiseBefore] = 200_000 },
    Damage(name: "noise after 20 %") { $0[.noiseAfter] = 200_000 },
    flips(1), flips(2), flips(3),
    Damage(name: "20 % cut short") { $0[.truncation] = 200_000 },
    Damage(name: "20 % from the neighbour") { $0[.wrongAddress] = 200_000 },
    Damage(name: "20 % to another question") { $0[.wrongItem] = 200_000 },
    Damage(name: "first byte twice in 20 %") { $0[.doubledFirst] = 200_000 },
    Damage(name: "first byte lost in 20 %") { $0[.lostFirst] = 200_000 },
    Damage(name: "all of it, 2 % each") { faults in
      for fault in LineFault.allCases where fault != .babble && fault != .echo { faults[fault] = 20_000 }
      faults.lateBy = .milliseconds(30)
    },
  ]
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct DamagedLineTests {
  private let seed: UInt64 = 20_261_122

  /// Lines with many meters each, all at once: a meter that was damaged rests, and the others go on.
  private func run(
    _ damage: Damage, lines: Int, meters: Int, tasks: [AcquisitionTask], _ profile: DeviceProfile, isModbus: Bool
  ) async throws -> Tally {
    let line = try settings(quickSettings)
    return try await withThrowingTaskGroup(of: Tally.self) { group in
      for number in 0..<lines {
        var pairs: [Pair] = []
        for index in 1...meters {
          var faults = LineFaults(seed: seed &+ UInt64(number * 1000 + index))
          damage.faults(&faults)
          // Numbers far apart: a neighbour's address is nobody's.
          let address = isModbus ? "\(index * 2)" : "2023111100\(index * 2 + 10)"
          pairs.append(
            try Pair(
              "M\(index)", profile, address: address, seed: UInt64(number * 100 + index), on: line, faults: faults))
        }
        let rig = try Rig(pairs, tasks: tasks, speed: 60)
        group.addTask { await rig.runToTheEnd(percent: 90) }
      }
      var sum = Tally()
      for try await tally in group { sum = sum + tally }
      return sum
    }
  }

  private func report(_ what: String, _ damage: Damage, _ tally: Tally) {
    print(
      """
      \(what), \(damage.name): \(tally.exchanges) exchanges, \(tally.line.faults.total) faults, \(tally.values) values, \
      \(tally.wrong.count) wrong, \(tally.missed) questions given up, seed \(seed)
      """)
  }

  @Test(arguments: Damage.all)
  fileprivate func `damage on a Modbus line loses values and makes none wrong`(_ damage: Damage) async throws {
    let targets = try TestProfile.farApartNames.prefix(6).map { AcquisitionTask.Target.quantity(try quantity($0)) }
    let tally = try await run(
      damage, lines: 4, meters: 12, tasks: [once("a", targets)], TestProfile.farApart(), isModbus: true)
    report("Modbus", damage, tally)
    #expect(tally.wrong == [])
    #expect(tally.answers > tally.missed * 10)
  }

  @Test(arguments: Damage.all)
  fileprivate func `damage on a DL-T 645 line never changes what a bill rests on`(_ damage: Damage) async throws {
    let profile = try TestProfile.dlt645(items: ["0001FF00"])
    let tally = try await run(
      damage, lines: 4, meters: 12, tasks: [once("a", [.settlements(depth: 6, of: nil)])], profile, isModbus: false)
    report("DL/T 645 settlements", damage, tally)
    #expect(tally.wrong.filter { $0.contains("energy") } == [])
    #expect(tally.answers > tally.missed * 5)
  }
}
