import Devices
import Documents
import Host
import Metering
import Modbus
import Simulator
import TOML
import Testing

/// A meter with coils, inputs, settings and a nameplate besides its registers.
private func settableMeter(unit: UInt8 = 1, acceptsWrites: Bool = true) throws -> SimulatedModbusMeter {
  var meter = try modbusMeter(unit: unit)
  for number in UInt16(0)..<20 { meter.coils[number] = number % 3 == 0 }
  for number in UInt16(100)..<103 { meter.discreteInputs[number] = number == 101 }
  for number in UInt16(0x0100)..<0x0104 { meter.settings[number] = number }
  meter.acceptsWrites = acceptsWrites
  meter.identification = [
    IdentificationObject(id: 0, bytes: Array("Eastron".utf8)), IdentificationObject(id: 1, bytes: Array("SDM630".utf8)),
    IdentificationObject(id: 2, bytes: Array("V1.1".utf8)), IdentificationObject(id: 5, bytes: Array("SDM630M".utf8)),
    IdentificationObject(id: 0x80, bytes: [1, 2, 3]),
  ]
  meter.serverID = ServerID(bytes: [unit, 0xFF] + Array("SDM630".utf8))
  return meter
}

@Suite struct ModbusFunctionTests {
  private let now = SimulatedInstant(noon2026)

  struct AskCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// From the unit on, without the checksum.
    let request: [UInt8]
    let reply: [UInt8]
    var testDescription: String { name }
  }

  static let asks = [
    AskCase(name: "coils", request: [1, 1, 0, 0, 0, 10], reply: [1, 1, 2, 0b0100_1001, 0b10]),
    AskCase(name: "inputs", request: [1, 2, 0, 100, 0, 3], reply: [1, 2, 1, 0b010]),
    AskCase(name: "coils that are not there", request: [1, 1, 0, 19, 0, 2], reply: [1, 0x81, 2]),
    AskCase(name: "no coils", request: [1, 1, 0, 0, 0, 0], reply: [1, 0x81, 3]),
    AskCase(name: "settings", request: [1, 3, 1, 0, 0, 2], reply: [1, 3, 4, 1, 0, 1, 1]),
    AskCase(name: "settings and what is beside them", request: [1, 3, 1, 3, 0, 2], reply: [1, 0x83, 2]),
    AskCase(name: "one coil", request: [1, 5, 0, 1, 0xFF, 0], reply: [1, 5, 0, 1, 0xFF, 0]),
    AskCase(name: "one coil to half", request: [1, 5, 0, 1, 0x7F, 0], reply: [1, 0x85, 3]),
    AskCase(name: "one register", request: [1, 6, 1, 0, 0, 9], reply: [1, 6, 1, 0, 0, 9]),
    AskCase(name: "a register of the map", request: [1, 6, 0, 0, 0, 9], reply: [1, 0x86, 2]),
    AskCase(name: "coils at once", request: [1, 15, 0, 0, 0, 3, 1, 0b110], reply: [1, 15, 0, 0, 0, 3]),
    AskCase(name: "coils past the last", request: [1, 15, 0, 18, 0, 3, 1, 7], reply: [1, 0x8F, 2]),
    AskCase(name: "registers at once", request: [1, 16, 1, 0, 0, 1, 2, 0, 5], reply: [1, 16, 1, 0, 0, 1]),
    AskCase(name: "a byte count that does not fit", request: [1, 16, 1, 0, 0, 2, 2, 0, 5], reply: [1, 0x90, 3]),
    AskCase(name: "server id", request: [1, 17], reply: [1, 17, 8, 1, 0xFF] + Array("SDM630".utf8)),
    AskCase(
      name: "basic identification", request: [1, 43, 14, 1, 0],
      reply: [1, 43, 14, 1, 0x83, 0, 0, 3, 0, 7] + Array("Eastron".utf8) + [1, 6] + Array("SDM630".utf8) + [2, 4]
        + Array("V1.1".utf8)),
    AskCase(
      name: "one object", request: [1, 43, 14, 4, 0x80], reply: [1, 43, 14, 4, 0x83, 0, 0, 1, 0x80, 3, 1, 2, 3]),
    AskCase(name: "an object that is not there", request: [1, 43, 14, 4, 3], reply: [1, 0xAB, 2]),
    AskCase(name: "another interface", request: [1, 43, 13, 0, 0], reply: [1, 0xAB, 3]),
    AskCase(name: "a function that no meter has", request: [1, 100], reply: [1, 0xE4, 1]),
  ]

  @Test(arguments: asks)
  func `a request is answered to the byte`(_ row: AskCase) throws {
    var meter = try settableMeter()
    #expect(meter.answer(withChecksum(row.request), at: now)?.bytes == withChecksum(row.reply))
  }

  @Test func `what is written is read back, and refused without the switch`() throws {
    var meter = try settableMeter()
    _ = meter.answer(withChecksum([1, 15, 0, 0, 0, 3, 1, 0b110]), at: now)
    #expect(meter.answer(withChecksum([1, 1, 0, 0, 0, 3]), at: now)?.bytes == withChecksum([1, 1, 1, 0b110]))
    _ = meter.answer(withChecksum([1, 16, 1, 0, 0, 2, 4, 0, 5, 0, 6]), at: now)
    #expect(meter.answer(withChecksum([1, 3, 1, 0, 0, 2]), at: now)?.bytes == withChecksum([1, 3, 4, 0, 5, 0, 6]))
    meter.acceptsWrites = false
    for write in Self.asks where [5, 6, 15, 16].contains(write.request[1]) {
      let before = meter.coils
      let refusal = [1, write.request[1] | 0x80, 1]
      #expect(meter.answer(withChecksum(write.request), at: now)?.bytes == withChecksum(refusal))
      #expect(meter.coils == before)
    }
  }

  @Test func `all meters obey unit 0, and none answers`() throws {
    var meter = try settableMeter()
    #expect(meter.answer(withChecksum([0, 6, 1, 0, 0, 9]), at: now) == nil)
    #expect(meter.settings[0x0100] == 9)
    #expect(meter.answer(withChecksum([0, 17]), at: now) == nil)
    meter.acceptsWrites = false
    #expect(meter.answer(withChecksum([0, 6, 1, 0, 0, 1]), at: now) == nil)
    #expect(meter.settings[0x0100] == 9)
  }

  @Test(arguments: [1, 2, 3, 4, 6, 0x15] as [UInt8])
  func `any exception can be had of any function`(_ code: UInt8) throws {
    var meter = try settableMeter()
    for ask in Self.asks {
      meter.refusals = [FunctionCode(rawValue: ask.request[1]): ExceptionCode(rawValue: code)]
      #expect(
        meter.answer(withChecksum(ask.request), at: now)?.bytes == withChecksum([1, ask.request[1] | 0x80, code]))
    }
  }

  @Test func `a long identification comes in parts that lead to its end`() throws {
    var meter = try settableMeter()
    meter.objectBytes = 16
    var told: [IdentificationObject] = []
    var request: IdentificationRequest? = IdentificationRequest(unit: 1, access: .extended)
    var parts = 0
    while let asked = request, parts < 10 {
      parts += 1
      let frame = try #require(meter.answer(asked.message.rtu, at: now)?.bytes)
      guard case .identification(let part) = try Inquiry.identification(asked).reply(from: Message(rtu: frame.span))
      else {
        Issue.record("no identification")
        return
      }
      told += part.objects
      request = asked.next(after: part)
    }
    #expect(parts == 3)
    #expect(told == meter.identification)
  }

  @Test func `every function is heard and answered on a serial line at its pace`() throws {
    for ask in Self.asks {
      var bench = BusBench([BusMeter(try settableMeter()), BusMeter(try settableMeter(unit: 2))])
      #expect(bench.ask(withChecksum(ask.request)) == withChecksum(ask.reply), "\(ask.name)")
      #expect(bench.bus.statistics.brokenSilence == 0)
    }
  }
}

@Suite(.serialized) struct NetworkLineTests {
  private func line(
    _ meters: [SimulatedModbusMeter], _ faults: LineFaults = .none
  ) throws -> SimulatedLine {
    try SimulatedLine(
      name: "n", place: .network(port: 0),
      bus: SimulatedBus(
        network: meters.map { BusMeter($0, faults: faults) },
        clock: SimulatedClock(origin: SimulatedInstant(noon2026), at: HostClock.boot)))
  }

  private func meters() throws -> [SimulatedModbusMeter] {
    try [0, 1, 255].map { unit in
      var meter = try settableMeter(unit: UInt8(unit))
      meter.delay = .milliseconds(1)
      return meter
    }
  }

  @Test func `a server answers for each of its units, with the number of the question`() async throws {
    let line = try line(try meters())
    #expect(line.path.hasPrefix("modbus-tcp://127.0.0.1:"))
    let master = try RawMaster(path: line.path)
    var number: UInt16 = 65_530
    for ask in ModbusFunctionTests.asks {
      for unit in [UInt8(0), 1, 255] {
        // A write to unit 0 is for every meter, also where a meter has that number.
        if unit == 0, [5, 6, 15, 16].contains(ask.request[1]) { continue }
        number &+= 1
        var reply = ask.reply
        reply[0] = unit
        if ask.request[1] == 17 { reply[3] = unit }
        let request = header(number, ask.request.count) + [unit] + ask.request.dropFirst()
        let wanted = header(number, reply.count) + reply
        #expect(try master.ask(request, wanted.count) == wanted, "\(ask.name), unit \(unit)")
      }
    }
    try master.send(header(9, 6) + [7, 4, 0, 0, 0, 2])
    let statistics = await line.stop()
    #expect(statistics.replies == statistics.requests - 1 && statistics.replies > 2 * ModbusFunctionTests.asks.count)
    #expect(statistics.busy == .zero && statistics.brokenSilence == 0 && statistics.collisions == 0)
  }

  private func header(_ number: UInt16, _ length: Int) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 0xFF), 0, 0, 0, UInt8(length)]
  }

  @Test func `a request may come in pieces, and half of one dies with its connection`() async throws {
    let line = try line(try meters())
    let request = header(3, 6) + [1, 1, 0, 0, 0, 3]
    let reply = header(3, 4) + [1, 1, 1, 0b001]
    do {
      let master = try RawMaster(path: line.path)
      for byte in request { try master.send([byte]) }
      #expect(master.receive(reply.count) == reply)
      try master.send(Array(request.prefix(9)))
    }
    let next = try RawMaster(path: line.path)
    #expect(try next.ask(request, reply.count) == reply)
    await line.hangUp()
    try await line.reopen()
    let last = try RawMaster(path: line.path)
    #expect(try last.ask(request, reply.count) == reply)
    await line.stop()
  }

  @Test(arguments: [LineFault.wrongTransaction, .truncation, .wrongAddress, .wrongItem, .silence, .late])
  func `faults are done to frames of the network`(_ fault: LineFault) async throws {
    var faults = LineFaults(seed: 5)
    faults[fault] = 1_000_000
    faults.lateBy = .milliseconds(20)
    let line = try line(try meters(), faults)
    let master = try RawMaster(path: line.path)
    let request = header(0x0103, 6) + [1, 1, 0, 0, 0, 3]
    let good = header(0x0103, 4) + [1, 1, 1, 0b001]
    try master.send(request)
    let came = master.receive(good.count, patience: fault == .truncation || fault == .silence ? 200 : 3000)
    switch fault {
    case .wrongTransaction: #expect(came[1] != 3 && came[0] == 1 && came[2...] == good[2...])
    case .truncation: #expect((1..<good.count).contains(came.count) && good.starts(with: came))
    case .wrongAddress: #expect(came[6] == 0 && came.count == good.count)
    case .wrongItem: #expect(came[7] == 6 && came.count == good.count)
    case .silence: #expect(came.isEmpty)
    default: #expect(came == good)
    }
    let statistics = await line.stop()
    #expect(statistics.faults[fault] == 1)
  }
}

@Suite struct ScaledMeterTests {
  /// A wye meter of SunSpec, cut down to what shows its ways: model 203 with its scale registers.
  static func sunSpec() throws -> DeviceProfile {
    try DeviceProfile(
      Document(
        toml: """
          name = "sunspec"
          title = "Test"
          manufacturer = "Nobody"
          protocol = "modbus"
          source = "made for a test"
          certainty = "unverified"
          phases = 3
          nominal-voltage = "230"
          function = "holding"
          [identification]
          vendor-name = "Nobody"
          product-code = "S-1"
          revision = "1.0"
          server-id = "S-1"
          [[identity]]
          address = 40000
          type = "text2"
          expect = ["SunS"]
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
          type = "u32"
          scale = "0.001"
          scale-register = 40123
          no-value = ["sunspec-accumulator"]
          [[group.register]]
          quantity = "energy.import.active.total"
          address = 40115
          """, file: "test.toml"))
  }

  @Test func `values are shown with the power of ten that their registers need`() throws {
    let profile = try Self.sunSpec()
    guard case .modbus(let map) = profile.language else {
      Issue.record("no Modbus")
      return
    }
    let description = try MeterDescription(
      id: try #require(MeterID("S")), profile: profile, address: "3", seed: 4)
    var meter = description.meter
    let now = SimulatedInstant(noon2026)
    for register in map.registers {
      let request = try #require(register.span.request(unit: 3))
      let frame = try #require(meter.answer(request.rtu, at: now)?.bytes)
      guard case .registers(let words) = try ReadReply(Message(rtu: frame.span), to: request) else {
        Issue.record("refused")
        return
      }
      let value = try register.value(in: register.span, words)
      #expect(value == meter.truth(register.quantity, .current, at: now)?.value)
      guard case .number(let number) = value,
        case .number(let exact)? =
          meter.registers.observation(of: register.quantity, .current, at: now)?.value
      else {
        Issue.record("no number")
        return
      }
      #expect((exact.millionths - number.millionths).magnitude <= number.resolution.magnitude, "\(register.quantity)")
      #expect(number.millionths > 0)
    }
    // Volts go in tenths to thousandths: 230 V in thousandths are beyond 32767.
    let scale = try #require(ReadRequest(unit: 3, function: .holdingRegisters, register: 40_084, count: 1))
    let answer = try #require(meter.answer(scale.rtu, at: now)?.bytes)
    #expect(answer[3...4] == [0xFF, 0xFE])
    // The marker stands where the profile says, and the nameplate is told.
    let marker = try #require(ReadRequest(unit: 3, function: .holdingRegisters, register: 40_000, count: 2))
    #expect(meter.answer(marker.rtu, at: now)?.bytes == withChecksum([3, 3, 4] + Array("SunS".utf8)))
    #expect(
      meter.answer(withChecksum([3, 17]), at: now)?.bytes == withChecksum([3, 17, 5, 3, 0xFF, 0x53, 0x2D, 0x31]))
  }
}
