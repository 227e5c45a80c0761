import Metering
import Modbus
import Testing

@Suite struct AnnotationTests {
  struct StreamCase: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    let frames: [String]
    var testDescription: String { name }
  }

  static let streams = [
    StreamCase(
      name: "request, reply", hex: "01 04 00 00 00 02 71 CB 01 04 04 43 66 33 34 1B 38",
      frames: [
        "modbus-rtu 0+8 request unit 1 read input registers 0x2",
        "modbus-rtu 8+9 reply unit 1 read input registers x2 [17254, 13108]",
      ]),
    StreamCase(
      name: "refusal after noise", hex: "00 FF 0A 81 02 B0 53",
      frames: ["modbus-rtu 2+5 reply unit 10 read coils ! illegal data address"]),
    StreamCase(
      name: "TCP request and reply", hex: "00 01 00 00 00 06 01 03 00 0A 00 01 00 01 00 00 00 05 01 03 02 00 07",
      frames: [
        "modbus-tcp 0+12 request unit 1 read holding registers 10x1",
        "modbus-tcp 12+11 reply unit 1 read holding registers x1 [7]",
      ]),
    StreamCase(
      name: "one bad checksum", hex: "01 04 00 00 00 02 71 CC",
      frames: ["modbus-rtu 0+8 request unit 1 read input registers 0x2 checksum"]),
    StreamCase(
      name: "one bad reply", hex: "01 04 04 43 66 33 35 1B 38",
      frames: ["modbus-rtu 0+9 reply unit 1 read input registers x2 [17254, 13109] checksum"]),
    StreamCase(
      name: "cut short", hex: "01 04 04 43 66 33", frames: ["modbus-rtu 0+6 ? unit 1 read input registers truncated"]),
    StreamCase(
      name: "a write, which may be either", hex: "01 06 00 01 00 03 98 0B",
      frames: ["modbus-rtu 0+8 ? unit 1 write single register"]),
    StreamCase(
      name: "noise, a damaged request, a good reply", hex: "00 FE 01 04 00 00 00 02 71 CC 01 04 04 43 66 33 34 1B 38",
      frames: [
        "modbus-rtu 2+8 request unit 1 read input registers 0x2 checksum",
        "modbus-rtu 10+9 reply unit 1 read input registers x2 [17254, 13108]",
      ]),
    StreamCase(
      name: "a request that begins like a reply", hex: "04 03 02 B0 00 01 84 00",
      frames: ["modbus-rtu 0+8 request unit 4 read holding registers 688x1"]),
    StreamCase(
      name: "a vendor's exception alone", hex: "01 83 15 00 00",
      frames: ["modbus-rtu 0+5 reply unit 1 read holding registers ! vendor code 21 checksum"]),
    StreamCase(
      name: "TCP cut short", hex: "00 01 00 00 00 06 01 03 00",
      frames: ["modbus-tcp 0+9 ? unit 1 read holding registers truncated"]),
    StreamCase(name: "nothing", hex: "", frames: []),
    StreamCase(name: "noise", hex: "00 00 FE FE FE 55", frames: []),
  ]

  @Test(arguments: streams)
  func `frames of a stream are named`(_ row: StreamCase) throws {
    #expect(annotate(try hexBytes(row.hex)).map(summary) == row.frames)
  }

  @Test func `any bytes can be looked at, and frames never overlap`() throws {
    var dice = Dice(seed: 11)
    for round in 0..<4000 {
      var bytes = dice.bytes(dice.number(0...30))
      for _ in 0..<dice.number(0...3) {
        let reply = ReadReply.registers(dice.words(dice.number(1...6)))
        let inner = reply.message(unit: UInt8(dice.number(1...9)), function: .holdingRegisters)
        bytes += dice.number(0...1) == 0 ? inner.rtu : inner.tcp(transaction: UInt16(dice.number(0...9)))
      }
      for _ in 0..<dice.number(0...2) where !bytes.isEmpty {
        bytes[dice.number(0...(bytes.count - 1))] = UInt8(dice.number(0...255))
      }
      var end = 0
      for frame in annotate(bytes) {
        #expect(frame.offset >= end && frame.length > 0, "seed \(dice.seed), round \(round)")
        end = frame.offset + frame.length
      }
      #expect(end <= bytes.count, "seed \(dice.seed), round \(round)")
    }
  }
}

private func summary(_ frame: AnnotatedFrame) -> String {
  var text = "\(frame.framing.rawValue) \(frame.offset)+\(frame.length) \(frame.direction?.rawValue ?? "?")"
  text += " unit \(frame.unit) \(frame.function)"
  if let register = frame.register {
    text += " \(register)x\(frame.count ?? 0)"
  } else if let count = frame.count {
    text += " x\(count)"
  }
  if let registers = frame.registers { text += " \(registers)" }
  if let exception = frame.exception { text += " ! \(exception)" }
  if let error = frame.error { text += " \(error.code)" }
  return text
}
