import Devices
import DLT645
import Host
import Metering
import Simulator
import Testing

@Suite(.serialized) struct SimulatedStationTests {
  private let quick = WirePace(character: .microseconds(5), silence: .microseconds(18))

  private func line(_ name: String, pace: WirePace? = nil) throws -> LineDescription {
    let curve = LoadCurve(seed: 42, start: try #require(MeterTime("2024-01-01T00:00")))
    let registers = MeterRegisters(curve: curve)
    var old = MeterDescription(
      id: try #require(MeterID("\(name)-1")), kind: .dlt645(try #require(Address("202311110001")), .dlt645v2007),
      registers: registers, delay: .microseconds(100))
    old.habits.partSize = 8
    let new = MeterDescription(
      id: try #require(MeterID("\(name)-2")), kind: .modbus(unit: 5, try sdm630()), registers: registers,
      delay: .microseconds(100), settings: SerialSettings("2400 8N1"))
    return LineDescription(
      name: name, settings: try #require(SerialSettings("9600 8E1")), meters: [old, new], followsPort: false, pace: pace
    )
  }

  /// A world whose clock stands still, so that every reading has one right answer.
  private var still: SimulatedClock {
    SimulatedClock(origin: SimulatedInstant(noon2026), at: HostClock.boot, speed: 0)
  }

  @Test func `both protocols answer on one line with the truth`() async throws {
    let description = try line("bus", pace: quick)
    let meters = description.meters.map(\.meter)
    let station = try await SimulatedStation.open([description], clock: still)
    let master = try RawMaster(path: try #require(station["bus"]).path)
    let total = Quantity.energyTotal(.importActive)
    for _ in 0..<20 {
      let told = try master.ask([0xFE, 0xFE] + dlt645Frame("202311110001", 0x11, [0, 0, 1, 0]), 4 + 20)
      let shown = try #require(meters[0].truth(total, .current, at: SimulatedInstant(noon2026))?.value.number)
      #expect(
        told == [0xFE, 0xFE, 0xFE, 0xFE]
          + dlt645Frame("202311110001", 0x91, [0, 0, 1, 0] + bcd(shown.millionths / 10_000, bytes: 4)))
      let block = try master.ask(withChecksum([5, 4, 0, 0x48, 0, 2]), 9)
      #expect(block == withChecksum(Array(block.prefix(7))) && block.prefix(3) == [5, 4, 4])
    }
    let statistics = try #require(await station.stop().first)
    #expect(statistics.requests == 40)
    #expect(statistics.replies == 40)
    #expect(statistics.modbusRequests == 20)
  }

  @Test func `a long block is fetched in parts, and a wildcard finds the only meter`() async throws {
    let station = try await SimulatedStation.open([try line("bus", pace: quick)], clock: still)
    let master = try RawMaster(path: station.lines[0].path)
    let found = try master.ask(dlt645Frame("AAAAAAAAAAAA", 0x13, []), 4 + 18)
    #expect(found.dropFirst(4) == dlt645Frame("202311110001", 0x93, [0x01, 0x00, 0x11, 0x11, 0x23, 0x20])[...])
    let first = try master.ask(dlt645Frame("202311110001", 0x11, [0, 0xFF, 1, 0]), 4 + 12 + 12)
    #expect(first.dropFirst(12).first == 0xB1)
    let second = try master.ask(dlt645Frame("202311110001", 0x12, [0, 0xFF, 1, 0, 1]), 4 + 12 + 13)
    #expect(second.dropFirst(12).first == 0xB2)
    let third = try master.ask(dlt645Frame("202311110001", 0x12, [0, 0xFF, 1, 0, 2]), 4 + 12 + 9)
    #expect(third.dropFirst(12).first == 0x92)
    let unknown = try master.ask(dlt645Frame("202311110001", 0x11, [9, 9, 9, 9]), 4 + 13)
    #expect(unknown.dropFirst(4) == dlt645Frame("202311110001", 0xD1, [2])[...])
    await station.stop()
  }

  @Test func `each meter hears at its own rate only`() async throws {
    var description = try line("bus", pace: quick)
    description.followsPort = true
    #expect(description.paces.keys.sorted() == [2400, 9600])
    let station = try await SimulatedStation.open([description], clock: still)
    let master = try RawMaster(path: station.lines[0].path)
    let modbus = withChecksum([5, 4, 0, 0x48, 0, 2]), dlt645 = dlt645Frame("202311110001", 0x13, [])
    try master.tune(baud: 2400)
    #expect(try master.ask(modbus, 9).count == 9)
    try master.tune(baud: 9600)
    #expect(try master.ask(dlt645, 22).count == 22)
    try master.send(modbus)
    while await station.lines[0].statistics().unanswered < 1 {}
    #expect(await station.stop()[0].replies == 2)
  }

  @Test func `a station opens whole or not at all`() async throws {
    var second = try line("b")
    second.place = .terminal(link: "/no-such-folder/link")
    await #expect(throws: SimulatorError.self) {
      try await SimulatedStation.open([try line("a"), second], clock: still)
    }
  }
}
