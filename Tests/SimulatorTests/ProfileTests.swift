import DLT645
import Devices
import Documents
import Glibc
import Metering
import Modbus
import Simulator
import TOML
import Testing

private let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/devices"

/// Every profile that comes with meterd.
private let names: [String] = {
  guard let directory = opendir(folder) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name.hasSuffix(".toml") { names.append(String(name.dropLast(5))) }
  }
  return names.sorted()
}()

private func profile(_ name: String) throws -> DeviceProfile {
  let file = try #require(fopen("\(folder)/\(name).toml", "r"))
  defer { fclose(file) }
  var bytes: [UInt8] = []
  while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  return try DeviceProfile(Document(toml: String(decoding: bytes, as: UTF8.self), file: "\(name).toml"))
}

@Suite struct ProfileTests {
  private let now = SimulatedInstant(noon2026)

  @Test(arguments: names)
  func `a Modbus meter of a profile answers every register of it with the truth`(_ name: String) throws {
    let someID = try #require(MeterID("P"))
    let profile = try profile(name)
    guard case .modbus(let map) = profile.language else { return }
    var meter = try MeterDescription(id: someID, profile: profile, address: "17", seed: 3).meter
    for register in map.registers {
      let request = try #require(register.range.request(unit: 17))
      let reply = meter.answer(request.rtu, at: now)
      let answer = try #require(reply)
      guard case .registers(let words) = try ReadReply(Message(rtu: answer.bytes.span), to: request) else {
        Issue.record("\(register.quantity) was refused")
        continue
      }
      let value = try register.format.decode(words)
      #expect(value == meter.truth(register.quantity, .current, at: now)?.value)
      #expect(value != .absent, "\(register.quantity)")
    }
  }

  @Test(arguments: names)
  func `a DL/T 645 meter of a profile answers every identifier of it`(_ name: String) throws {
    let someID = try #require(MeterID("P"))
    let profile = try profile(name)
    guard case .dlt645(.of2007, _) = profile.language else { return }
    var meter = try MeterDescription(id: someID, profile: profile, address: "161", seed: 3).meter
    let address = try #require(Address("161"))
    for item in profile.dlt645Items {
      let identifier = DataIdentifier(rawValue: item.identifier)
      let request = DLT645.Request.data(identifier).frame(to: address)
      let reply = meter.answer(request, at: now)
      let answer = try #require(reply)
      let frame = try Frame.decode(answer.bytes.span, at: 4)
      // A record that is longer than a frame is announced to go on.
      let isRecord = item.kind == .event
      #expect(frame.control.rawValue == 0x91 || isRecord && frame.control.rawValue == 0xB1, "\(identifier)")
      guard !isRecord else { continue }
      let told = try identifier.observations(in: frame.data(from: 4, in: answer.bytes.span), rates: profile.rates)
      #expect(told.contains { $0.value != .absent }, "\(identifier)")
      for observation in told {
        let truth = meter.truth(observation.quantity, observation.memory, at: now)
        #expect(truth == observation, "\(observation.quantity) \(observation.memory)")
      }
    }
  }

  @Test(arguments: names)
  func `a meter of the 1997 edition answers every identifier of its profile`(_ name: String) throws {
    let someID = try #require(MeterID("P"))
    let profile = try profile(name)
    guard case .dlt645(.of1997, _) = profile.language else { return }
    var meter = try MeterDescription(id: someID, profile: profile, address: "161", seed: 3).meter
    let address = try #require(Address("161"))
    for item in profile.dlt645Items {
      for back in 1...2 {
        let bits = item.identifier(back: back) ?? item.identifier
        let identifier = ShortIdentifier(rawValue: UInt16(truncatingIfNeeded: bits))
        let reply = meter.answer(DLT645.Request.data1997(identifier).frame(to: address), at: now)
        let answer = try #require(reply)
        let frame = try Frame.decode(answer.bytes.span, at: 4)
        #expect(frame.control.rawValue == 0x81, "\(identifier)")
      }
    }
  }

  @Test func `a perfect master reads 32 meters in the time that physics asks for`() throws {
    let profile = try profile("eastron-sdm630")
    // Workload W1: 9600 8N1, delays of 20 to 60 ms, three reads a meter.
    let meters = try (0..<32).map { index in
      let meter = try MeterDescription(
        id: try #require(MeterID("W-\(index)")), profile: profile, address: "\(index + 1)", seed: UInt64(index),
        delay: .microseconds(20_000 + Int64(index) * 40_000 / 31))
      return BusMeter(meter.meter)
    }
    var bench = BusBench(meters, isStrict: true)
    let silence = WirePace(baud: 9600, bits: 10).silence
    let start = bench.now
    for unit in UInt8(1)...32 {
      for (first, count) in [(0, 36), (52, 36), (342, 10)] as [(UInt16, UInt16)] {
        let request = try #require(
          ReadRequest(unit: unit, function: .inputRegisters, register: first, count: count))
        bench.bus.hear(request.rtu, at: bench.now)
        var reply: [UInt8] = []
        while reply.count < request.replyLength, let next = bench.bus.nextEvent {
          bench.now = next
          bench.bus.advance(to: next, into: &reply)
        }
        try #require(reply.count == request.replyLength)
        bench.now = bench.now + silence
      }
    }
    let statistics = bench.bus.statistics
    #expect(statistics.brokenSilence == 0 && statistics.collisions == 0 && statistics.replies == 96)
    #expect(statistics.masterBytes + statistics.meterBytes == 6496)
    #expect(bench.now - start == statistics.physicalLimit(silence: silence))
    #expect((bench.now - start).milliseconds / 10 == 1095)
  }

  @Test func `an address of the other protocol is refused with the reason`() throws {
    let someID = try #require(MeterID("P"))
    let modbus = try profile("eastron-sdm630"), dlt645 = try profile("dlt645-2007-three-phase")
    for (profile, address) in [(modbus, "256"), (modbus, "248"), (modbus, "x"), (dlt645, "AAAAAAAAAAAA"), (dlt645, "")]
    {
      #expect(throws: SimulatorError.self) {
        try MeterDescription(id: someID, profile: profile, address: address, seed: 1)
      }
    }
  }
}
