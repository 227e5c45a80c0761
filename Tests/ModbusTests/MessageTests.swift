import Metering
import Modbus
import Testing

/// Reads `bytes` as one RTU frame.
func message(rtu bytes: [UInt8]) throws(FrameError) -> Message { try Message(rtu: bytes.span) }

/// Reads `bytes` as one TCP frame.
func message(tcp bytes: [UInt8]) throws(FrameError) -> TCPMessage { try TCPMessage(tcp: bytes.span) }

@Suite struct MessageTests {
  struct RequestCase: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    let unit: UInt8
    let function: ReadFunction
    let register: UInt16
    let count: UInt16
    var testDescription: String { name }
  }

  static let requests = [
    RequestCase(
      name: "the specification's example: three registers from 107 of unit 17", hex: "11 03 00 6B 00 03 76 87",
      unit: 17, function: .holdingRegisters, register: 107, count: 3),
    RequestCase(
      name: "an Eastron voltage, as its manual prints it", hex: "01 04 00 00 00 02 71 CB",
      unit: 1, function: .inputRegisters, register: 0, count: 2),
  ]

  @Test(arguments: requests)
  func `a request is written and read`(_ row: RequestCase) throws {
    let request = try #require(
      ReadRequest(unit: row.unit, function: row.function, register: row.register, count: row.count))
    #expect(hexString(request.rtu) == row.hex)
    #expect(try ReadRequest(message(rtu: hexBytes(row.hex))) == request)
    let tcp = request.tcp(transaction: 0x1234)
    #expect(tcp.count == 12)
    let read = try message(tcp: tcp)
    #expect(read.transaction == 0x1234)
    #expect(try ReadRequest(read.message) == request)
  }

  @Test func `a reply brings its registers`() throws {
    let request = try #require(ReadRequest(unit: 1, function: .inputRegisters, register: 0, count: 2))
    let frame = try hexBytes("01 04 04 43 66 33 34 1B 38")
    let reply = try ReadReply(message(rtu: frame), to: request)
    #expect(reply == .registers([0x4366, 0x3334]))
    #expect(reply.message(unit: 1, function: .inputRegisters).rtu == frame)
    #expect(frame.count == request.replyLength)
  }

  @Test func `a refusal names its exception`() throws {
    let request = try #require(ReadRequest(unit: 10, function: .holdingRegisters, register: 1185, count: 1))
    let refusal = ReadReply.exception(.illegalDataAddress).message(unit: 10, function: .holdingRegisters)
    #expect(hexString(refusal.rtu.prefix(3)) == "0A 83 02")
    #expect(try ReadReply(message(rtu: refusal.rtu), to: request) == .exception(.illegalDataAddress))
    #expect(ExceptionCode(rawValue: 0x15).name == "vendor code 21")
  }

  struct BadCase: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    let error: FrameError
    var testDescription: String { name }
  }

  static let bad = [
    BadCase(name: "nothing", hex: "", error: .tooShort(count: 0)),
    BadCase(name: "three bytes", hex: "01 04 00", error: .tooShort(count: 3)),
    BadCase(
      name: "one bit of the checksum", hex: "01 04 00 00 00 02 71 CA",
      error: .checksum(computed: 0xCB71, received: 0xCA71)),
  ]

  @Test(arguments: bad)
  func `bytes that are no RTU frame say why`(_ row: BadCase) throws {
    let bytes = try hexBytes(row.hex)
    #expect(throws: row.error) { try message(rtu: bytes) }
  }

  @Test func `bytes that are no TCP frame say why`() throws {
    let good = try hexBytes("00 01 00 00 00 06 01 03 00 00 00 02")
    #expect(throws: FrameError.tooShort(count: 7)) { try message(tcp: Array(good.prefix(7))) }
    #expect(throws: FrameError.announcedLength(6, following: 5)) { try message(tcp: Array(good.prefix(11))) }
    var other = good
    other[3] = 7
    #expect(throws: FrameError.protocolNumber(7)) { try message(tcp: other) }
  }

  @Test func `a reply to another question is refused`() throws {
    let request = try #require(ReadRequest(unit: 1, function: .holdingRegisters, register: 0, count: 2))
    let registers = ReadReply.registers([1, 2])
    #expect(throws: FrameError.unit(2, expected: 1)) {
      try ReadReply(registers.message(unit: 2, function: .holdingRegisters), to: request)
    }
    #expect(throws: FrameError.function(.readInputRegisters)) {
      try ReadReply(registers.message(unit: 1, function: .inputRegisters), to: request)
    }
    #expect(throws: FrameError.byteCount(6, expected: 4)) {
      try ReadReply(ReadReply.registers([1, 2, 3]).message(unit: 1, function: .holdingRegisters), to: request)
    }
  }

  @Test func `requests that cannot be asked are none`() {
    #expect(ReadRequest(unit: 1, function: .holdingRegisters, register: 0, count: 0) == nil)
    #expect(ReadRequest(unit: 1, function: .holdingRegisters, register: 0, count: 126) == nil)
    #expect(ReadRequest(unit: 1, function: .holdingRegisters, register: 65_535, count: 2) == nil)
    #expect(ReadRequest(unit: 1, function: .holdingRegisters, register: 65_535, count: 1) != nil)
  }
}
