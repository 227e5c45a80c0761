import DLT645
import Devices
import Host
import Line
import Metering
import Modbus
import Simulator
import Testing

@testable import Acquisition

/// A meter whose answers are followed by those of another at the same address, a moment later.
private struct Twins: SimulatedMeter {
  var first: any SimulatedMeter
  var second: any SimulatedMeter

  var id: MeterID { first.id }
  var language: MeterLanguage { first.language }
  var unit: UInt8? { first.unit }
  var registers: MeterRegisters { first.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    guard var answer = first.answer(request, at: now) else { return nil }
    answer.bytes += second.answer(request, at: now)?.bytes ?? []
    return answer
  }

  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    first.truth(quantity, memory, at: now)
  }
}

/// A meter whose answers have something before them.
private struct Preceded: SimulatedMeter {
  var meter: any SimulatedMeter
  let bytes: [UInt8]

  var id: MeterID { meter.id }
  var language: MeterLanguage { meter.language }
  var unit: UInt8? { meter.unit }
  var registers: MeterRegisters { meter.registers }

  mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Simulator.Answer? {
    guard var answer = meter.answer(request, at: now) else { return nil }
    answer.bytes = bytes + answer.bytes
    return answer
  }

  func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    meter.truth(quantity, memory, at: now)
  }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct ContradictionTests {
  private func twins(_ profile: DeviceProfile, address: String, _ targets: [AcquisitionTask.Target]) async throws
    -> Tally
  {
    let line = try settings(quickSettings)
    let pair = try Pair("A", profile, address: address, seed: 1, on: line)
    let other = try Pair("A", profile, address: address, seed: 2, on: line).description.meter
    let rig = try Rig([pair], tasks: [once("a", targets)]) { Twins(first: $1, second: other) }
    return await rig.run { tally, _ in tally.answers > 0 || tally.rejected.count >= LinePlan.triesWhenDamaged }
  }

  /// How it is told depends on where the loaded machine of the test cuts what it reads.
  private static func tellsOfTwins(_ reason: String) -> Bool {
    reason == "\(ExchangeError.contradicted)" || reason.hasPrefix("another answer came")
      || reason == "more came than the answer of a meter that answers twice"
  }

  @Test func `two DL-T 645 meters that answer one after the other are not believed`() async throws {
    let tally = try await twins(TestProfile.dlt645(items: ["0001FF00"]), address: "202311110001", [.energies])
    #expect(tally.answers == 0)
    #expect(!tally.rejected.isEmpty)
    #expect(tally.rejected.allSatisfy(Self.tellsOfTwins), "\(tally.rejected)")
  }

  @Test func `two Modbus meters that answer one after the other are not believed`() async throws {
    let tally = try await twins(
      TestProfile.farApart(), address: "9", [.quantity(try quantity("energy.import.active.total"))])
    #expect(tally.answers == 0)
    #expect(!tally.rejected.isEmpty)
    #expect(tally.rejected.allSatisfy(Self.tellsOfTwins), "\(tally.rejected)")
  }

  /// Long after the silence that the line keeps, and at leisure: the first answer is taken back.
  @Test(arguments: [true, false])
  func `an answer of a second meter that comes late takes back the first`(_ isModbus: Bool) async throws {
    let line = try settings(quickSettings)
    let profile =
      isModbus ? try TestProfile.farApart(timeout: 500) : try TestProfile.dlt645(timeout: 500, items: ["0001FF00"])
    let address = isModbus ? "9" : "202311110001"
    let pair = try Pair("A", profile, address: address, seed: 1, on: line)
    let other = try Pair("B", profile, address: address, seed: 2, on: line, delay: .milliseconds(30))
    let target: AcquisitionTask.Target =
      isModbus ? .quantity(try quantity("energy.import.active.total")) : .energies
    let rig = try Rig([pair], tasks: [once("a", [target])], extra: [other.description])
    let tally = await rig.run { tally, _ in tally.answers + tally.missed > 0 }
    #expect(tally.answers == 0)
    #expect(tally.missed == 1)
    // Asked again as often as after damage, and no more.
    #expect(tally.answeredTwice.count == LinePlan.triesWhenDamaged)
    #expect(!tally.answeredTwice.contains { !$0.disagree })
  }

  /// The late answer to one question and the ruins of that to the next look like this. A driver that takes the pair
  /// makes one pulse.
  @Test(
    arguments: [([0x12, 0x34, 0x56, 0x78], false), ([0xF8], true), ([0xFF, 0x00, 0xFE, 0xFF], true)]
      as [([UInt8], Bool)])
  func `a Modbus answer with the ruins of another beside it is not believed, one with a pulse is`(
    _ bytes: [UInt8], _ isBelieved: Bool
  ) async throws {
    let pair = try Pair("A", TestProfile.farApart(), address: "9", seed: 1, on: settings(quickSettings))
    let targets: [AcquisitionTask.Target] = [.quantity(try quantity("energy.import.active.total"))]
    let rig = try Rig([pair], tasks: [once("a", targets)]) { Preceded(meter: $1, bytes: bytes) }
    let tally = await rig.run { tally, _ in
      tally.answers > 0 || tally.rejected.count >= LinePlan.triesWhenDamaged
    }
    #expect(tally.wrong == [])
    #expect((tally.answers > 0) == isBelieved)
    #expect(tally.rejected.contains { $0.hasPrefix("more came than the answer") } != isBelieved, "\(tally.rejected)")
  }

  @Test func `a second Modbus answer turns the outcome only where it says something else`() throws {
    let read = try #require(ReadRequest(unit: 9, function: .inputRegisters, register: 0, count: 2))
    func reply(_ last: UInt8) -> [UInt8] {
      let body: [UInt8] = [9, 4, 4, 0, 0, 1, last]
      var sum = Checksum()
      for byte in body { sum.add(byte) }
      return body + [UInt8(truncatingIfNeeded: sum.register), UInt8(truncatingIfNeeded: sum.register >> 8)]
    }
    for (second, isContradicted) in [(reply(7), false), (reply(8), true), ([9, 4, 4, 0], false)] {
      var talk = ModbusConversation(read, request: read.rtu)
      _ = talk.start()
      for byte in reply(7) + second { _ = talk.receive(byte) }
      #expect(talk.isContradicted == isContradicted)
      #expect(talk.end.isAnswer != isContradicted)
      #expect(talk.found?.frame == reply(7))
    }
  }
}
