@testable import Acquisition
import DLT645
import Line
import Metering
import Modbus
import Testing

/// A DL/T 645 frame of any control code, made here so that no builder of the product is trusted.
private func frame(_ address: String, _ control: UInt8, _ data: [UInt8] = [], wakeUps: Int = 4) -> [UInt8] {
  let digits = address.utf8.map { $0 >= 65 ? $0 - 55 : $0 - 48 }
  let pairs = stride(from: 0, to: 12, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  let head: [UInt8] = [0x68] + pairs.reversed() + [0x68, control, UInt8(data.count)]
  let body = head + data.map { $0 &+ 0x33 }
  return [UInt8](repeating: 0xFE, count: wakeUps) + body + [body.reduce(0, &+), 0x16]
}

private func rtu(_ unit: UInt8, _ function: UInt8, _ payload: [UInt8]) -> [UInt8] {
  Message(unit: unit, function: FunctionCode(rawValue: function), payload: payload).rtu
}

private struct WireCase: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let judgement: String
  var testDescription: String { name }
}

@Suite struct WireGuardTests {
  private static let port = PortAddress.device(path: "/dev/ttyX")
  private static let meter = "202311110001"

  private static func judge(_ bytes: [UInt8], _ permissions: Permissions = .none) -> String {
    switch WireGuard(permissions).judge(bytes, to: port) {
    case .reads: "reads"
    case .allowed(let act): "allowed \(act.function) to \(act.target)"
    case .refused(let act, let reason): "\(reason.rawValue) \(act.function) to \(act.target)"
    }
  }

  private static let questions = [
    WireCase(name: "read", bytes: frame(meter, 0x11, [0, 0, 1, 0]), judgement: "reads"),
    WireCase(name: "read without wake-up", bytes: frame(meter, 0x11, [0, 0, 1, 0], wakeUps: 0), judgement: "reads"),
    WireCase(name: "read following", bytes: frame(meter, 0x12, [0, 0, 1, 0, 1]), judgement: "reads"),
    WireCase(name: "read address", bytes: frame("AAAAAAAAAAAA", 0x13), judgement: "reads"),
    WireCase(name: "1997 read", bytes: frame(meter, 0x01, [0x10, 0x90]), judgement: "reads"),
    WireCase(name: "1997 read of everyone", bytes: frame("999999999999", 0x01, [0x10, 0x90]), judgement: "reads"),
    WireCase(name: "1997 re-read", bytes: frame(meter, 0x03), judgement: "reads"),
    WireCase(name: "load profile", bytes: frame(meter, 0x11, [0, 0, 0, 6, 1]), judgement: "reads"),
    WireCase(name: "input registers", bytes: rtu(1, 4, [0, 0, 0, 2]), judgement: "reads"),
    WireCase(name: "coils", bytes: rtu(1, 1, [0, 0, 0, 2]), judgement: "reads"),
    WireCase(name: "server id", bytes: rtu(9, 17, []), judgement: "reads"),
    WireCase(name: "device identification", bytes: rtu(9, 43, [14, 1, 0]), judgement: "reads"),
  ]

  private static let changes = [
    WireCase(name: "14H", bytes: frame(meter, 0x14, Array(repeating: 0, count: 16)), judgement: "write"),
    WireCase(name: "15H", bytes: frame(meter, 0x15, [1, 0, 0, 0, 0, 0]), judgement: "write-address"),
    WireCase(name: "08H", bytes: frame(meter, 0x08, [0, 0, 0, 1, 1, 1]), judgement: "set-time"),
    WireCase(name: "16H", bytes: frame(meter, 0x16, [0x99, 0x99, 0x99, 0x99]), judgement: "freeze"),
    WireCase(name: "17H", bytes: frame(meter, 0x17, [8]), judgement: "change-rate"),
    WireCase(name: "18H", bytes: frame(meter, 0x18, Array(repeating: 0, count: 12)), judgement: "change-password"),
    WireCase(name: "19H", bytes: frame(meter, 0x19, Array(repeating: 0, count: 8)), judgement: "clear-demand"),
    WireCase(name: "1AH", bytes: frame(meter, 0x1A, Array(repeating: 0, count: 8)), judgement: "clear-meter"),
    WireCase(name: "1BH", bytes: frame(meter, 0x1B, Array(repeating: 0, count: 12)), judgement: "clear-events"),
    WireCase(name: "1CH", bytes: frame(meter, 0x1C, Array(repeating: 0, count: 16)), judgement: "relay"),
    WireCase(name: "1DH", bytes: frame(meter, 0x1D, [0]), judgement: "terminal-output"),
    WireCase(name: "03H of 2007", bytes: frame(meter, 0x03, Array(repeating: 7, count: 8)), judgement: "authenticate"),
    WireCase(name: "04H of 1997", bytes: frame(meter, 0x04, Array(repeating: 0, count: 8)), judgement: "write"),
    WireCase(name: "0AH of 1997", bytes: frame(meter, 0x0A, [1, 0, 0, 0, 0, 0]), judgement: "write-address"),
    WireCase(name: "0CH of 1997", bytes: frame(meter, 0x0C, [8]), judgement: "change-rate"),
    WireCase(name: "0FH of 1997", bytes: frame(meter, 0x0F, [0, 0, 0, 0, 0, 0, 0, 0]), judgement: "change-password"),
    WireCase(name: "10H of 1997", bytes: frame(meter, 0x10, [0, 0, 0, 0]), judgement: "clear-demand"),
  ]

  private static let modbusChanges = [
    WireCase(name: "5", bytes: rtu(1, 5, [0, 1, 0xFF, 0]), judgement: "write-coil"),
    WireCase(name: "6", bytes: rtu(1, 6, [0, 1, 0, 1]), judgement: "write-register"),
    WireCase(name: "15", bytes: rtu(1, 15, [0, 0, 0, 1, 1, 1]), judgement: "write-coils"),
    WireCase(name: "16", bytes: rtu(1, 16, [0, 0, 0, 1, 2, 0, 7]), judgement: "write-registers"),
  ]

  /// Neither a read nor anything that a configuration can name.
  private static let never = [
    WireCase(name: "diagnostics", bytes: rtu(1, 8, [0, 1, 0, 0]), judgement: "not-allowed diagnostics to unit 1"),
    WireCase(
      name: "mask write", bytes: rtu(1, 22, [0, 1, 0, 0, 0, 0]), judgement: "not-allowed mask write register to unit 1"),
    WireCase(
      name: "read/write", bytes: rtu(1, 23, [0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 1]),
      judgement: "not-allowed read/write multiple registers to unit 1"),
    WireCase(
      name: "other encapsulated", bytes: rtu(1, 43, [13, 0]),
      judgement: "not-allowed encapsulated interface transport to unit 1"),
    WireCase(
      name: "write to all units", bytes: rtu(0, 6, [0, 1, 0, 1]),
      judgement: "several-meters write-register to all meters"),
    WireCase(
      name: "unknown control code", bytes: frame(meter, 0x1E), judgement: "not-allowed control code 1E to \(meter)"),
    WireCase(
      name: "read with an error bit", bytes: frame(meter, 0x51, [0, 0, 1, 0]),
      judgement: "not-allowed control code 51 to \(meter)"),
    WireCase(
      name: "new address to a wildcard", bytes: frame("AAAAAAAAAAAA", 0x15, [1, 0, 0, 0, 0, 0]),
      judgement: "several-meters write-address to AAAAAAAAAAAA"),
    WireCase(
      name: "meter clear to a shortened address", bytes: frame("AAAAAAAA0001", 0x1A, Array(repeating: 0, count: 8)),
      judgement: "several-meters clear-meter to AAAAAAAA0001"),
    WireCase(
      name: "trip to everyone", bytes: frame("999999999999", 0x1C, Array(repeating: 0, count: 16)),
      judgement: "several-meters relay to all meters"),
    WireCase(
      name: "two questions", bytes: frame(meter, 0x13) + frame(meter, 0x13),
      judgement: "unintelligible unknown to /dev/ttyX"),
    WireCase(
      name: "a reply", bytes: frame(meter, 0x91, [0, 0, 1, 0]), judgement: "unintelligible unknown to /dev/ttyX"),
    WireCase(name: "noise", bytes: [1, 2, 3], judgement: "unintelligible unknown to /dev/ttyX"),
    WireCase(name: "nothing", bytes: [], judgement: "unintelligible unknown to /dev/ttyX"),
  ]

  private static let everything = Set(ControlFunction.allCases)
  private static var all: Permissions {
    Permissions(
      [.dlt645(Address(meter) ?? .broadcast): everything, .modbus(unit: 1): everything], broadcasts: everything)
  }

  @Test(arguments: questions) private func `questions pass whatever is allowed`(_ row: WireCase) {
    #expect(Self.judge(row.bytes) == row.judgement)
    #expect(Self.judge(row.bytes, Self.all) == row.judgement)
  }

  @Test(arguments: changes + modbusChanges)
  private func `a change passes for the meter and the function that are named, and for no other`(_ row: WireCase) throws
  {
    let isModbus = row.bytes[0] == 1
    let target = isModbus ? "unit 1" : Self.meter
    let address = isModbus ? MeterAddress.modbus(unit: 1) : .dlt645(try #require(Address(Self.meter)))
    let other = isModbus ? MeterAddress.modbus(unit: 2) : .dlt645(try #require(Address("202311110002")))
    let function = try #require(ControlFunction(rawValue: row.judgement))
    let refused = "not-allowed \(row.judgement) to \(target)"
    #expect(Self.judge(row.bytes) == refused)
    #expect(Self.judge(row.bytes, Permissions([address: [function]])) == "allowed \(row.judgement) to \(target)")
    #expect(Self.judge(row.bytes, Permissions([address: Self.everything.subtracting([function])])) == refused)
    #expect(Self.judge(row.bytes, Permissions([other: Self.everything], broadcasts: Self.everything)) == refused)
  }

  @Test(arguments: [[1, 4, 0, 4], [2, 4, 0, 4], [0xFF, 4, 0, 4], [0xFF, 0xFF, 0xFF, 4]] as [[UInt8]])
  private func `a write of the meter's address needs write-address besides`(_ identifier: [UInt8]) throws {
    let address = MeterAddress.dlt645(try #require(Address(Self.meter)))
    let bytes = frame(Self.meter, 0x14, identifier + Array(repeating: 0, count: 14))
    let plain = frame(Self.meter, 0x14, [3, 4, 0, 4] + Array(repeating: 0, count: 14))
    #expect(Self.judge(plain, Permissions([address: [.write]])) == "allowed write to \(Self.meter)")
    #expect(Self.judge(bytes, Permissions([address: [.write]])) == "not-allowed write-address to \(Self.meter)")
    #expect(Self.judge(bytes, Permissions([address: [.writeAddress]])) == "not-allowed write to \(Self.meter)")
    #expect(Self.judge(bytes, Permissions([address: [.write, .writeAddress]])) == "allowed write to \(Self.meter)")
    #expect(Self.judge(bytes) == "not-allowed write to \(Self.meter)")
  }

  @Test(arguments: never) private func `no configuration lets these out`(_ row: WireCase) {
    #expect(Self.judge(row.bytes, Self.all) == row.judgement)
  }

  @Test(arguments: [UInt8(0x08), 0x16]) func `time and freeze may be broadcast where the line says so`(_ code: UInt8) {
    let bytes = frame("999999999999", code, code == 0x08 ? [0, 0, 0, 1, 1, 1] : [0x99, 0x99, 0x99, 0x99])
    let name = code == 0x08 ? "set-time" : "freeze"
    #expect(Self.judge(bytes) == "not-allowed \(name) to all meters")
    #expect(Self.judge(bytes, Permissions([:], broadcasts: [.setTime, .freeze])) == "allowed \(name) to all meters")
  }

  @Test func `a frame hidden in the data of an allowed write stays here`() {
    let trip = frame("202311110002", 0x1C, [], wakeUps: 0)
    #expect(Self.judge(rtu(1, 16, [0, 0, 0, 6, 12] + trip), Self.all) == "unintelligible unknown to /dev/ttyX")
    let hidden = frame(Self.meter, 0x14, Array(repeating: 0, count: 12) + trip.map { $0 &- 0x33 })
    #expect(Self.judge(hidden, Self.all) == "unintelligible unknown to /dev/ttyX")
  }

  /// A question is as long as it must be, so that nothing rides along in it.
  @Test func `a question that carries more than it asks stays here`() {
    let trip = frame("202311110002", 0x1C, Array(repeating: 0, count: 16), wakeUps: 0)
    for code in [UInt8(0x01), 0x02, 0x03, 0x11, 0x12, 0x13] {
      let carrier = frame(Self.meter, code, [0, 0, 1, 0] + trip.map { $0 &- 0x33 })
      #expect(Self.judge(carrier, Self.all) == "unintelligible unknown to /dev/ttyX", "\(code)")
      #expect(Self.judge(frame(Self.meter, code, Array(repeating: 0x11, count: 7))) != "reads", "\(code)")
    }
    for function in [UInt8(1), 2, 3, 4, 17, 43] {
      #expect(Self.judge(rtu(1, function, [14, 1, 0, 1] + trip), Self.all) == "unintelligible unknown to /dev/ttyX")
      #expect(Self.judge(rtu(1, function, [14, 1, 0, 0, 0])) != "reads", "\(function)")
    }
    #expect(Self.judge(rtu(1, 3, [])) != "reads")
  }

  @Test func `over TCP the function stands behind the header, and serial frames are none`() throws {
    let network = PortAddress.modbusServer(host: "10.0.0.1", port: 502)
    let read = Message(unit: 1, function: FunctionCode(rawValue: 4), payload: [0, 0, 0, 2])
    let write = Message(unit: 1, function: FunctionCode(rawValue: 6), payload: [0, 1, 0, 2])
    #expect(WireGuard().judge(read.tcp(transaction: 7), to: network) == .reads)
    #expect(WireGuard().judge(read.rtu, to: network) != .reads)
    #expect(WireGuard().judge(read.tcp(transaction: 7), to: Self.port) != .reads)
    let act = ControlAct(function: "write-register", target: "unit 1")
    #expect(WireGuard().judge(write.tcp(transaction: 7), to: network) == .refused(act, reason: .notAllowed))
    let permissions = Permissions([.modbus(unit: 1): [.writeRegister]])
    #expect(WireGuard(permissions).judge(write.tcp(transaction: 7), to: network) == .allowed(act))
  }

  @Test func `random bytes and broken requests never pass, and every question of the product does`() {
    let seed: UInt64 = 0x27_5EED
    var generator = Dice(seed: seed)
    for _ in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { bytes = [0x68] + bytes }
      #expect(Self.judge(bytes, Self.all) == "unintelligible unknown to /dev/ttyX", "seed \(seed): \(bytes)")
    }
    for change in Self.changes + Self.modbusChanges {
      // No single flipped bit turns a change into a question that passes.
      for bit in 0..<(change.bytes.count * 8) {
        var bytes = change.bytes
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(Self.judge(bytes) != "reads", "\(change.name), bit \(bit)")
      }
    }
  }
}

/// A generator with a printed seed.
private struct Dice: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}
