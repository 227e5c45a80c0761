@testable import Acquisition
import Devices
import Host
import Line
import Metering
import Modbus
import Simulator
import Testing

/// What happens to the answers of meters behind a Modbus TCP server.
private struct NetworkCase: Sendable, CustomTestStringConvertible {
  let name: String
  let meters: Int
  let percent: Int
  let faults: @Sendable (inout LineFaults) -> Void
  var testDescription: String { name }
}

@Suite(.serialized, .timeLimit(.minutes(2))) struct ModbusTCPTests {
  private func meters(_ count: Int, _ faults: (inout LineFaults) -> Void = { _ in }) throws -> [Pair] {
    let profile = try TestProfile.farApart()
    // Units of a network go from 0 to 247, and 255 stands for the server itself.
    return try ([0, 255] + Array(1...247)).prefix(count).map { unit in
      var own = LineFaults(seed: UInt64(unit))
      faults(&own)
      return try Pair("U\(unit)", profile, address: "\(unit)", seed: UInt64(unit + 1), on: .network, faults: own)
    }
  }

  @Test func `every unit of a server is read, without silences`() async throws {
    let pairs = try meters(8)
    #expect(pairs.map(\.meter.address).prefix(3) == [.modbus(unit: 0), .modbus(unit: 255), .modbus(unit: 1)])
    let rig = try Rig(pairs, tasks: [once("a", [.energies]), once("b", [.instantaneous])], place: .network(port: 0))
    #expect(rig.simulated.path.hasPrefix("modbus-tcp://127.0.0.1:"))
    let tally = await rig.runToTheEnd()
    #expect(tally.wrong == [] && tally.missed == 0 && tally.lost == 0 && tally.opened == 1)
    #expect(tally.answers == rig.wanted)
    #expect(tally.line.unanswered == 0)
    // The header stands in front, no checksum behind.
    let frame = try #require(tally.all.first?.requests.first)
    #expect(frame.count == 12 && frame[2...5] == [0, 0, 0, 6])
  }

  private static let cases = [
    NetworkCase(name: "20 % late, far into the next questions", meters: 4, percent: 90) {
      $0[.late] = 200_000
      $0.lateBy = .milliseconds(55)
    },
    NetworkCase(name: "20 % with another transaction number", meters: 4, percent: 90) {
      $0[.wrongTransaction] = 200_000
    },
    NetworkCase(name: "20 % cut short", meters: 4, percent: 90) { $0[.truncation] = 200_000 },
    NetworkCase(name: "20 % of another unit or function", meters: 4, percent: 90) {
      $0[.wrongAddress] = 100_000
      $0[.wrongItem] = 100_000
    },
    NetworkCase(name: "20 % silent", meters: 4, percent: 90) { $0[.silence] = 200_000 },
    NetworkCase(name: "20 % with bytes of no frame before and after", meters: 4, percent: 80) {
      $0[.noiseBefore] = 100_000
      $0[.noiseAfter] = 100_000
    },
  ]

  @Test(arguments: cases)
  private func `nothing wrong is believed, and the connection stays`(_ row: NetworkCase) async throws {
    let rig = try Rig(
      try meters(row.meters, row.faults), tasks: [once("a", [.energies]), once("b", [.instantaneous])],
      place: .network(port: 0), speed: 100)
    let tally = await rig.runToTheEnd(percent: row.percent)
    print(
      "Modbus TCP, \(row.name): \(tally.line.faults.total) faults in \(tally.line.requests) requests, \(tally.answers) answers, \(tally.wrong.count) wrong"
    )
    #expect(tally.wrong == [])
    #expect(tally.line.faults.total > 0)
    #expect(tally.lost == 0 && tally.opened == 1)
  }

  @Test func `a server that hangs up is called again`() async throws {
    let rig = try Rig(
      try meters(3),
      tasks: [once("a", [.energies]), AcquisitionTask(name: "b", schedule: .every(seconds: 1), targets: [.energies])],
      place: .network(port: 0), speed: 50)
    let simulated = rig.simulated
    let tally = await rig.run { tally, _ in
      if tally.answers == 5, tally.lost == 0, tally.opened == 1 {
        Task {
          await simulated.hangUp()
          try? await simulated.reopen()
        }
      }
      return tally.opened == 2 && tally.answers >= 12
    }
    #expect(tally.wrong == [])
    #expect(tally.lost == 1 && tally.opened == 2)
  }

  @Test func `a late answer keeps nobody from asking the same again`() throws {
    var serial = MeterHealth(), network = MeterHealth()
    network.answersAreNumbered(true)
    let now = HostClock.boot
    let query = Query.registers(function: .holdingRegisters, start: 4, count: 2)
    serial.silent(query, at: now)
    network.silent(query, at: now)
    #expect(!serial.mayAsk(query, at: now) && network.mayAsk(query, at: now))
    #expect(serial.isSetAside && network.isSetAside)
    serial.answersAreNumbered(true)
    #expect(serial.mayAsk(query, at: now))
  }

  @Test func `units beyond 247 are addresses on a network only`() throws {
    let profile = try TestProfile.farApart()
    for unit in ["0", "255"] {
      #expect(MeterAddress(unit, for: profile) == nil)
      #expect(MeterAddress(unit, for: profile, overTCP: true) != nil)
    }
    #expect(MeterAddress("248", for: profile, overTCP: true) == nil)
  }
}
