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

  struct FieldCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// Unit to the last byte before the checksum.
    let hex: String
    let direction: AnnotatedFrame.Direction?
    let fields: [String]
    var testDescription: String { name }
  }

  static let fields = [
    FieldCase(
      name: "coils asked for", hex: "11 01 00 13 00 13", direction: .request,
      fields: ["coil: 19 (0013H)", "count: 19"]),
    FieldCase(
      name: "coils brought, as long as a request", hex: "11 01 03 CD 6B 05", direction: .reply,
      fields: ["coils: 1 0 1 1 0 0 1 1 1 1 0 1 0 1 1 0 1 0 1 0 0 0 0 0"]),
    FieldCase(name: "four inputs", hex: "11 02 01 05", direction: .reply, fields: ["inputs: 1 0 1 0 0 0 0 0"]),
    FieldCase(
      name: "registers asked for", hex: "11 03 00 6B 00 03", direction: .request,
      fields: ["register: 107 (006BH)", "count: 3"]),
    FieldCase(
      name: "registers brought", hex: "11 04 04 43 66 33 34", direction: .reply,
      fields: ["count: 2", "registers: 4366 3334"]),
    FieldCase(name: "coil set", hex: "11 05 00 AC FF 00", direction: nil, fields: ["coil: 172 (00ACH)", "value: on"]),
    FieldCase(
      name: "register set", hex: "11 06 00 01 00 03", direction: nil, fields: ["register: 1 (0001H)", "value: 0003"]),
    FieldCase(
      name: "register set everywhere", hex: "00 06 00 01 00 03", direction: nil,
      fields: ["register: 1 (0001H)", "value: 0003", "broadcast: every unit"]),
    FieldCase(
      name: "coils set", hex: "11 0F 00 13 00 0A 02 CD 01", direction: .request,
      fields: ["coil: 19 (0013H)", "count: 10", "coils: 1 0 1 1 0 0 1 1 1 0"]),
    FieldCase(
      name: "coils were set", hex: "11 0F 00 13 00 0A", direction: .reply, fields: ["coil: 19 (0013H)", "count: 10"]),
    FieldCase(
      name: "registers set", hex: "11 10 00 01 00 02 04 00 0A 01 02", direction: .request,
      fields: ["register: 1 (0001H)", "count: 2", "registers: 000A 0102"]),
    FieldCase(name: "server id asked for", hex: "11 11", direction: .request, fields: []),
    FieldCase(
      name: "server id", hex: "11 11 06 2A FF 53 44 4D 31", direction: .reply,
      fields: ["server id: 2A FF 53 44 4D 31", "text: SDM1"]),
    FieldCase(
      name: "identification asked for", hex: "11 2B 0E 01 00", direction: .request,
      fields: ["identification: basic", "object: vendor name"]),
    FieldCase(
      name: "identification", hex: "11 2B 0E 02 82 FF 06 02 00 03 41 42 42 05 02 00 FF", direction: .reply,
      fields: [
        "identification: regular", "conformity: 82", "more follows: from object 6", "vendor name: ABB",
        "model name: 00 FF",
      ]),
    FieldCase(name: "refusal", hex: "11 90 04", direction: .reply, fields: ["exception: 04 server device failure"]),
  ]

  @Test(arguments: fields)
  func `every function is told field by field, sound or damaged, on both kinds of line`(_ row: FieldCase) throws {
    let body = try hexBytes(row.hex)
    let sound = withChecksum(body)
    var damaged = sound
    damaged[damaged.count - 1] ^= 0x40
    let network = [0, 9, 0, 0, 0, UInt8(body.count)] + body
    var views = [annotate(sound, as: [.rtu]), annotate(network, as: [.tcp])]
    if body[0] != 0 { views.append(annotate(damaged, as: [.rtu])) }
    for frames in views {
      let frame = try #require(frames.first)
      #expect(frames.count == 1 && frame.unit == body[0])
      #expect(frame.direction == row.direction)
      #expect(frame.fields.map { "\($0.name): \($0.value)" } == row.fields)
    }
    #expect(annotate(sound, as: [.rtu]).first?.isValid == true)
    #expect(body[0] == 0 || annotate(damaged, as: [.rtu]).first?.error?.code == "checksum")
  }

  @Test func `any bytes can be looked at, and frames never overlap`() throws {
    var dice = Dice(seed: 11)
    for round in 0..<4000 {
      var bytes = dice.bytes(dice.number(0...30))
      for _ in 0..<dice.number(0...3) {
        let reply = ReadReply.registers(dice.words(dice.number(1...6)))
        var inner = reply.message(unit: UInt8(dice.number(1...9)), function: .holdingRegisters)
        if dice.number(0...1) == 0 {
          let functions: [UInt8] = [1, 2, 5, 6, 15, 16, 17, 43, 0xAB]
          inner = Message(
            unit: inner.unit, function: FunctionCode(rawValue: functions[dice.number(0...8)]),
            payload: [14, 4, 3, 2, 1].prefix(dice.number(0...5)) + dice.bytes(dice.number(0...12)))
        }
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
