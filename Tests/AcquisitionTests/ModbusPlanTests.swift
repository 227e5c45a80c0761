@testable import Acquisition
import Devices
import Line
import Metering
import Modbus
import Simulator
import Testing

/// What profiles say of reads, carried out.
@Suite(.serialized, .timeLimit(.minutes(1))) struct ModbusPlanTests {
  private static let head = """
    name = "planned"
    title = "Test"
    manufacturer = "Nobody"
    protocol = "modbus"
    source = "made for a test"
    certainty = "unverified"
    phases = 3
    nominal-voltage = "230"
    reply-timeout-ms = 20
    inter-byte-ms = 5
    function = "holding"

    """

  private func pair(_ text: String, unit: String, on line: SerialSettings? = nil) throws -> Pair {
    try Pair("M", profile(Self.head + text), address: unit, on: line ?? settings(quickSettings))
  }

  /// Number 688 asked of unit 4 begins like its own reply: 04 03 02 B0 00 01 84 | 00.
  private static let misleading = """
    [[group]]
    type = "u16"
    scale = "0.1"
    [[group.register]]
    quantity = "voltage.l1"
    address = 688
    [[group.register]]
    quantity = "frequency"
    address = 300
    [[group.register]]
    quantity = "current.l1"
    address = 990
    """

  @Test func `a request that begins like its own reply is asked one register wider, and answered through an echo`()
    async throws
  {
    let pair = try pair(Self.misleading, unit: "4")
    let queries = pair.meter.queries(for: [.instantaneous])
    #expect(queries.map(\.description) == ["FC3 300+1", "FC3 688+2", "FC3 990+1"])
    #expect(
      try self.pair(Self.misleading, unit: "5").meter.queries(for: [.instantaneous]).map(\.description) == [
        "FC3 300+1", "FC3 688+1", "FC3 990+1",
      ])
    // What was worked out for another meter of the model is fitted to this one.
    #expect(pair.meter.fitted(.registers(function: .holdingRegisters, start: 688, count: 1)) == queries[1])
    var faults = LineFaults(seed: 4)
    faults[.echo] = 1_000_000
    let rig = try Rig([pair], tasks: [once("a", [.instantaneous])], faults: faults)
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [] && tally.missed == 0 && tally.values == 3)
    #expect(tally.counters.echoes == tally.exchanges)
  }

  /// Values that share scale registers, far from them and near.
  private static let sunSpec = """
    [[group]]
    type = "i16"
    scale = "1"
    scale-register = 40084
    no-value = ["sunspec"]
    [[group.register]]
    quantity = "voltage.l1"
    address = 40079
    [[group.register]]
    quantity = "voltage.l2"
    address = 40080
    [[group]]
    type = "i16"
    scale = "0.001"
    scale-register = 40092
    [[group.register]]
    quantity = "power.active.total"
    address = 40088
    [[group]]
    type = "u32"
    scale = "0.001"
    scale-register = 40223
    no-value = ["sunspec-accumulator"]
    [[group.register]]
    quantity = "energy.import.active.total"
    address = 40215
    """

  @Test func `a value and its scale register come in one read, on a line and over a network`() async throws {
    let onLine = try pair(Self.sunSpec, unit: "7"), onNetwork = try pair(Self.sunSpec, unit: "7", on: .network)
    #expect(
      onLine.meter.queries(for: [.energies, .instantaneous]).map(\.description) == ["FC3 40079+14", "FC3 40215+9"])
    let single = onLine.meter.queries(for: [.quantity(try quantity("voltage.l2"))])
    #expect(single.map(\.description) == ["FC3 40080+5"])
    for (pair, place) in [(onLine, LinePlace.terminal(link: nil)), (onNetwork, .network(port: 0))] {
      let rig = try Rig([pair], tasks: [once("a", [.energies, .instantaneous])], place: place)
      let tally = await rig.runToTheEnd()
      #expect(tally.wrong == [] && tally.missed == 0 && tally.values == 4)
    }
  }

  @Test func `values that are read alone are, and prove that the meter is there`() async throws {
    let alone = "alone = true\n" + Self.misleading
    let pair = try pair(alone, unit: "9")
    #expect(pair.meter.queries(for: [.instantaneous]).map(\.description) == ["FC3 300+1", "FC3 688+1", "FC3 990+1"])
    #expect(pair.meter.probes.map(\.description) == ["FC3 688+1"])
    let rig = try Rig([pair], tasks: [once("a", [.instantaneous])])
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [] && tally.missed == 0 && tally.values == 3)
  }

  @Test func `a meter behind its gateway that does not answer is silent, not refusing`() throws {
    let read = try #require(ReadRequest(unit: 9, function: .holdingRegisters, register: 0, count: 2))
    for (code, isSilent) in [(ExceptionCode.gatewayTargetFailed, true), (.gatewayPathUnavailable, false)] {
      var conversation = ModbusConversation(read, request: read.tcp(transaction: 3), overTCP: true)
      _ = conversation.start()
      for byte in ReadReply.exception(code).message(unit: 9, function: .holdingRegisters).tcp(transaction: 3) {
        _ = conversation.receive(byte)
      }
      switch conversation.end {
      case .silent: #expect(isSilent)
      case .refused: #expect(!isSilent)
      case .answered, .damaged: Issue.record("\(code)")
      }
    }
  }
}
