import Metering
import Modbus
import Testing

/// Frames without unit and checksum, as the specification prints them.
@Suite struct InquiryTests {
  struct ExchangeCase: Sendable, CustomTestStringConvertible {
    let name: String
    let inquiry: Inquiry?
    let request: String
    let reply: String
    let told: InquiryReply
    var testDescription: String { name }
  }

  static func bits(_ text: String) -> [Bool] { text.filter { $0 != " " }.map { $0 == "1" } }

  static let exchanges = [
    ExchangeCase(
      name: "coils 19 to 37",
      inquiry: BitRequest(unit: 17, function: .coils, first: 0x13, count: 0x13).map(Inquiry.bits),
      request: "01 00 13 00 13", reply: "01 03 CD 6B 05", told: .bits(bits("10110011 11010110 101"))),
    ExchangeCase(
      name: "discrete inputs 196 to 217",
      inquiry: BitRequest(unit: 17, function: .discreteInputs, first: 0xC4, count: 0x16).map(Inquiry.bits),
      request: "02 00 C4 00 16", reply: "02 03 AC DB 35", told: .bits(bits("00110101 11011011 101011"))),
    ExchangeCase(
      name: "holding registers 107 to 109",
      inquiry: ReadRequest(unit: 17, function: .holdingRegisters, register: 0x6B, count: 3).map(Inquiry.registers),
      request: "03 00 6B 00 03", reply: "03 06 02 2B 00 00 00 64", told: .registers([0x022B, 0, 0x64])),
    ExchangeCase(
      name: "input register 8",
      inquiry: ReadRequest(unit: 17, function: .inputRegisters, register: 8, count: 1).map(Inquiry.registers),
      request: "04 00 08 00 01", reply: "04 02 00 0A", told: .registers([10])),
    ExchangeCase(
      name: "server id", inquiry: .serverID(unit: 17), request: "11", reply: "11 06 2A FF 53 44 4D 31",
      told: .serverID(ServerID(bytes: [0x2A, 0xFF, 0x53, 0x44, 0x4D, 0x31]))),
    ExchangeCase(
      name: "basic identification", inquiry: .identification(IdentificationRequest(unit: 17, access: .basic)),
      request: "2B 0E 01 00", reply: "2B 0E 01 01 00 00 03 00 03 41 42 42 01 03 42 32 33 02 04 56 31 2E 30",
      told: .identification(
        Identification(
          access: .basic, conformity: 1,
          objects: [
            IdentificationObject(id: 0, bytes: Array("ABB".utf8)),
            IdentificationObject(id: 1, bytes: Array("B23".utf8)),
            IdentificationObject(id: 2, bytes: Array("V1.0".utf8)),
          ]))),
    ExchangeCase(
      name: "regular identification, more follows",
      inquiry: .identification(IdentificationRequest(unit: 17, access: .regular)),
      request: "2B 0E 02 00", reply: "2B 0E 02 82 FF 03 01 00 01 58",
      told: .identification(
        Identification(
          access: .regular, conformity: 0x82, moreFollows: true, next: 3,
          objects: [IdentificationObject(id: 0, bytes: [0x58])]))),
    ExchangeCase(
      name: "extended identification without objects",
      inquiry: .identification(IdentificationRequest(unit: 17, access: .extended, object: 0x80)),
      request: "2B 0E 03 80", reply: "2B 0E 03 83 00 00 00",
      told: .identification(Identification(access: .extended, conformity: 0x83, objects: []))),
    ExchangeCase(
      name: "one private object",
      inquiry: .identification(IdentificationRequest(unit: 17, access: .individual, object: 0x81)),
      request: "2B 0E 04 81", reply: "2B 0E 04 83 00 00 01 81 02 00 FF",
      told: .identification(
        Identification(
          access: .individual, conformity: 0x83, objects: [IdentificationObject(id: 0x81, bytes: [0, 0xFF])]))),
  ]

  static func framed(_ hex: String) throws -> [UInt8] { withChecksum([17] + (try hexBytes(hex))) }

  @Test(arguments: exchanges)
  func `an inquiry and its reply are written and read`(_ row: ExchangeCase) throws {
    let inquiry = try #require(row.inquiry)
    #expect(inquiry.rtu == (try Self.framed(row.request)))
    #expect(try Inquiry(message(rtu: inquiry.rtu)) == inquiry)
    #expect(try Inquiry(message(tcp: inquiry.tcp(transaction: 7)).message) == inquiry)
    let frame = try Self.framed(row.reply)
    #expect(try inquiry.reply(from: message(rtu: frame)) == row.told)
    #expect(row.told.message(to: inquiry).rtu == frame)
    #expect(throws: FrameError.unit(17, expected: 18)) {
      try Inquiry.serverID(unit: 18).reply(from: message(rtu: frame))
    }
  }

  @Test(arguments: exchanges)
  func `the reply is found after echo and noise, over a serial line and over TCP`(_ row: ExchangeCase) throws {
    let inquiry = try #require(row.inquiry)
    let frame = try Self.framed(row.reply)
    let refusal = InquiryReply.exception(ExceptionCode(rawValue: 0x15)).message(to: inquiry)
    for lead in [[], [0x00], [0x11, 0x2B, 0x0E, 0x11], inquiry.rtu, Array(frame.dropLast())] {
      var finder = ReplyFinder(expecting: inquiry)
      #expect((lead + frame + [0]).compactMap { finder.receive($0) }.map(\.reply) == [row.told])
      var other = ReplyFinder(expecting: inquiry)
      #expect(
        (lead + refusal.rtu).compactMap { other.receive($0) }.map(\.reply) == [.exception(ExceptionCode(rawValue: 21))])
    }
    var echoed = ReplyFinder(expecting: inquiry)
    #expect(inquiry.rtu.allSatisfy { echoed.receive($0) == nil })
    var network = TCPReplyFinder(expecting: inquiry, transaction: 9)
    let reply = row.told.message(to: inquiry)
    let stream = reply.tcp(transaction: 8) + reply.tcp(transaction: 9)
    #expect(stream.compactMap { network.receive($0) }.map(\.reply) == [row.told])
    #expect(network.stale == [8])
  }

  @Test(arguments: exchanges)
  func `a reply with a wrong byte is not believed, and other questions are not answered`(_ row: ExchangeCase) throws {
    let inquiry = try #require(row.inquiry)
    let frame = try Self.framed(row.reply)
    for index in frame.indices {
      for bit in 0..<8 {
        var damaged = frame
        damaged[index] ^= 1 << UInt8(bit)
        var finder = ReplyFinder(expecting: inquiry)
        #expect(damaged.allSatisfy { finder.receive($0) == nil }, "\(index) \(bit)")
      }
    }
    for other in Self.exchanges where other.request != row.request {
      let question = try #require(other.inquiry)
      #expect(throws: FrameError.self) { try question.reply(from: message(rtu: frame)) }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 17, 43, 5, 6, 15, 16] as [UInt8])
  func `every function can be refused, and each code has its name`(_ function: UInt8) throws {
    let names = [
      1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
      5: "acknowledge", 6: "server device busy", 8: "memory parity error", 10: "gateway path unavailable",
      11: "gateway target device failed to respond", 0x15: "vendor code 21",
    ]
    for (code, name) in names {
      let frame = withChecksum([1, function | 0x80, UInt8(code)])
      let shown = try #require(annotate(frame, as: [.rtu]).first)
      #expect(shown.isValid && shown.direction == .reply)
      #expect(shown.exception?.name == name)
      #expect(shown.fields.map(\.value) == [hexPair(UInt8(code)) + " " + name])
    }
  }

  @Test func `requests that cannot be asked are none`() throws {
    #expect(BitRequest(unit: 1, function: .coils, first: 0, count: 0) == nil)
    #expect(BitRequest(unit: 1, function: .coils, first: 0, count: 2001) == nil)
    #expect(BitRequest(unit: 1, function: .coils, first: 65_535, count: 2) == nil)
    #expect(BitRequest(unit: 1, function: .coils, first: 63_536, count: 2000)?.byteCount == 250)
    #expect(throws: FrameError.bits(first: 0, count: 2001)) {
      try Inquiry(Message(unit: 1, function: .readCoils, payload: [0, 0, 0x07, 0xD1]))
    }
    #expect(throws: FrameError.interface(13)) {
      try Inquiry(Message(unit: 1, function: .encapsulatedInterface, payload: [13, 1, 0]))
    }
    #expect(throws: FrameError.access(5)) {
      try Inquiry(Message(unit: 1, function: .encapsulatedInterface, payload: [14, 5, 0]))
    }
    #expect(throws: FrameError.function(.writeSingleCoil)) {
      try Inquiry(Message(unit: 1, function: .writeSingleCoil, payload: [0, 0, 0, 0]))
    }
  }

  @Test func `a series of identification replies ends, whatever the meter says`() throws {
    let first = IdentificationRequest(unit: 1, access: .regular)
    let object = IdentificationObject(id: 4, bytes: [0x41])
    let more = Identification(access: .regular, conformity: 2, moreFollows: true, next: 5, objects: [object])
    #expect(first.next(after: more) == IdentificationRequest(unit: 1, access: .regular, object: 5))
    let back = Identification(access: .regular, conformity: 2, moreFollows: true, next: 4, objects: [object])
    #expect(first.next(after: back) == nil)
    #expect(first.next(after: Identification(access: .regular, conformity: 2, objects: [object])) == nil)
    #expect(
      first.next(after: Identification(access: .regular, conformity: 2, moreFollows: true, next: 9, objects: [])) == nil
    )
  }

  @Test func `bits travel in any number`() throws {
    var dice = Dice(seed: 31)
    for round in 0..<500 {
      let count = dice.number(1...2000)
      let request = try #require(
        BitRequest(
          unit: UInt8(dice.number(1...247)), function: round % 2 == 0 ? .coils : .discreteInputs,
          first: UInt16(dice.number(0...63_000)), count: UInt16(count)))
      let told = InquiryReply.bits((0..<count).map { _ in dice.number(0...1) == 1 })
      let reply = told.message(to: .bits(request))
      #expect(try Inquiry.bits(request).reply(from: reply) == told, "seed \(dice.seed), round \(round)")
      var finder = ReplyFinder(expecting: Inquiry.bits(request))
      let stream = request.message.rtu + dice.bytes(dice.number(0...5)) + reply.rtu
      let found = stream.compactMap { finder.receive($0) }
      // A whole reply that its own request looks like is left alone.
      if reply.rtu != request.message.rtu {
        #expect(found.first?.reply == told, "seed \(dice.seed), round \(round)")
      }
    }
  }

  @Test func `a request for bits that is its own reply is taken for an echo`() throws {
    // Number 3xxH and 17 to 24 bits: the high byte is a byte count of 3.
    let request = try #require(BitRequest(unit: 1, function: .coils, first: 0x0305, count: 24))
    #expect(Inquiry.bits(request).echoBeginsLikeReply)
    var finder = ReplyFinder(expecting: Inquiry.bits(request))
    #expect(request.message.rtu.allSatisfy { finder.receive($0) == nil })
    #expect(finder.skipped.echoes == 1)
  }

  @Test func `any bytes are read or refused, never more`() {
    var dice = Dice(seed: 12)
    var read = 0
    for round in 0..<30_000 {
      let functions: [UInt8] = [1, 2, 3, 4, 5, 6, 15, 16, 17, 43, 0x81, 0xAB]
      var payload = dice.bytes(dice.number(0...12))
      if round % 2 == 0, payload.count > 2 { payload[0] = [14, UInt8(payload.count - 1), 0][dice.number(0...2)] }
      let message = Message(
        unit: UInt8(dice.number(0...255)), function: FunctionCode(rawValue: functions[dice.number(0...11)]),
        payload: payload)
      if let inquiry = try? Inquiry(message) {
        read += 1
        #expect(inquiry.message == message, "seed \(dice.seed), round \(round)")
      }
      if let write = try? WriteRequest(message) {
        read += 1
        #expect(write.unit != 0, "seed \(dice.seed), round \(round)")
        if case .coils = write.change { continue }
        #expect(write.message == message, "seed \(dice.seed), round \(round)")
      }
      if let broadcast = try? BroadcastWrite(message) { #expect(broadcast.message.unit == 0) }
      if (try? InquiryReply(message)) != nil { read += 1 }
    }
    #expect(read > 1000)
  }

  @Test func `noise gives no reply to any question, and costs stay bounded`() throws {
    var dice = Dice(seed: 17)
    for row in Self.exchanges {
      let inquiry = try #require(row.inquiry)
      var finder = ReplyFinder(expecting: inquiry)
      for _ in 0..<2000 {
        for byte in inquiry.message.rtu.prefix(dice.number(2...4)) + dice.bytes(dice.number(0...6)) {
          #expect(finder.receive(byte) == nil, "seed \(dice.seed)")
        }
      }
      let found = (try Self.framed(row.reply)).compactMap { finder.receive($0) }
      #expect(found.map(\.reply) == [row.told])
    }
  }
}

/// CRC-16 of Modbus, written here once more so that no code under test checks itself.
func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
  var sum: UInt16 = 0xFFFF
  for byte in bytes {
    sum ^= UInt16(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xA001 : sum >> 1 }
  }
  return bytes + [UInt8(sum & 0xFF), UInt8(sum >> 8)]
}
