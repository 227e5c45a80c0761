@testable import Acquisition
import Host
import Line
import Metering
import Modbus
import Simulator
import Testing

/// Lines on which a Modbus meter can be met.
private struct PlaceCase: Sendable, CustomTestStringConvertible {
  let name: String
  let place: LinePlace
  let echo: Bool
  var testDescription: String { name }
}

@Suite(.serialized, .timeLimit(.minutes(1))) struct InquiryTests {
  private static let places = [
    PlaceCase(name: "a terminal", place: .terminal(link: nil), echo: false),
    PlaceCase(name: "a terminal that hears itself", place: .terminal(link: nil), echo: true),
    PlaceCase(name: "a serial server", place: .socket(port: 0), echo: false),
    PlaceCase(name: "Modbus TCP", place: .network(port: 0), echo: false),
  ]

  /// One meter with a nameplate and coils at a place.
  private func open(
    _ place: LinePlace, echo: Bool = false, faults: LineFaults = .none,
    change: (inout SimulatedModbusMeter) -> Void = { _ in }
  ) throws -> (line: Line, simulated: SimulatedLine) {
    let item = RegisterItem(
      .holdingRegisters, register: 0, format: RegisterFormat(.u16), quantity: try quantity("frequency"))
    var meter = SimulatedModbusMeter(
      id: id("M"), address: 5, map: RegisterMap(items: [item]),
      registers: MeterRegisters(curve: LoadCurve(seed: 1, start: MeterDescription.firstDay)), delay: .microseconds(200))
    for number in UInt16(0)..<40 { meter.coils[number] = number % 2 == 0 }
    meter.discreteInputs = [7: true]
    meter.identification = (0..<5).map { IdentificationObject(id: $0, bytes: Array("object \($0)".utf8)) }
    meter.objectBytes = 20
    meter.serverID = ServerID(bytes: [5, 0xFF] + Array("SIM".utf8))
    change(&meter)
    var own = LineFaults(seed: 2)
    own[.echo] = echo ? 1_000_000 : 0
    let clock = SimulatedClock(origin: SimulatedInstant(noon), at: HostClock.boot)
    var bus = SimulatedBus(pace: quickPace, meters: [BusMeter(meter, faults: faults)], faults: own, clock: clock)
    if case .network = place {
      bus = SimulatedBus(network: [BusMeter(meter, faults: faults)], faults: own, clock: clock)
    }
    let simulated = try SimulatedLine(name: "i", place: place, bus: bus)
    let line = Line(
      try #require(PortAddress(simulated.path)), settings: try settings(quickSettings), guardedBy: WireGuard())
    try line.open()
    return (line, simulated)
  }

  private func inquiries() throws -> [(Inquiry, InquiryReply)] {
    [
      (
        .bits(try #require(BitRequest(unit: 5, function: .coils, first: 1, count: 4))),
        .bits([false, true, false, true])
      ),
      (.bits(try #require(BitRequest(unit: 5, function: .discreteInputs, first: 7, count: 1))), .bits([true])),
      (
        .registers(try #require(ReadRequest(unit: 5, function: .holdingRegisters, register: 0, count: 1))),
        .registers([50])
      ),
      (
        .registers(try #require(ReadRequest(unit: 5, function: .inputRegisters, register: 0, count: 1))),
        .exception(.illegalDataAddress)
      ),
      (.serverID(unit: 5), .serverID(ServerID(bytes: [5, 0xFF, 0x53, 0x49, 0x4D]))),
      (
        .identification(IdentificationRequest(unit: 5, access: .individual, object: 4)),
        .identification(
          Identification(
            access: .individual, conformity: 0x82,
            objects: [IdentificationObject(id: 4, bytes: Array("object 4".utf8))]))
      ),
    ]
  }

  @Test(arguments: places)
  private func `a meter tells whatever it can be asked, and who it is`(_ row: PlaceCase) async throws {
    let (line, simulated) = try open(row.place, echo: row.echo)
    for (inquiry, told) in try inquiries() {
      #expect(try line.ask(inquiry, replyTimeout: .seconds(3)) == .told(told))
    }
    let objects = try #require(try line.identification(of: 5, replyTimeout: .seconds(3)))
    #expect(objects.map(\.text) == (0..<5).map { "object \($0)" })
    let statistics = await simulated.stop()
    #expect(statistics.brokenSilence == 0 && statistics.unanswered == 0)
  }

  @Test(arguments: places)
  private func `a meter that is not there is silent, and damage is not believed`(_ row: PlaceCase) async throws {
    var faults = LineFaults(seed: 3)
    faults[.truncation] = 1_000_000
    let (line, simulated) = try open(row.place, echo: row.echo, faults: faults)
    #expect(try line.ask(.serverID(unit: 6), replyTimeout: .milliseconds(40)) == .silent)
    #expect(try line.identification(of: 6, replyTimeout: .milliseconds(40)) == nil)
    for (inquiry, _) in try inquiries() {
      let outcome = try line.ask(inquiry, replyTimeout: .milliseconds(40), gap: .milliseconds(10))
      if case .told = outcome { Issue.record("\(inquiry): \(outcome)") }
      _ = try line.quarantine(silence: .milliseconds(20))
    }
    await simulated.stop()
  }

  @Test func `a late answer over TCP is passed over, and the next question is answered`() async throws {
    var faults = LineFaults(seed: 3)
    faults[.late] = 1_000_000
    faults.lateBy = .milliseconds(60)
    let (line, simulated) = try open(.network(port: 0), faults: faults)
    let read = try inquiries()[0]
    #expect(try line.ask(read.0, replyTimeout: .milliseconds(20)) == .silent)
    // Its answer comes while another question of the same shape waits for its own.
    let other = Inquiry.bits(try #require(BitRequest(unit: 5, function: .coils, first: 2, count: 4)))
    #expect(try line.ask(other, replyTimeout: .seconds(3)) == .told(.bits([true, false, true, false])))
    #expect(line.isOpen)
    await simulated.stop()
  }
}
