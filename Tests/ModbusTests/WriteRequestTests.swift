import Metering
import Modbus
import Testing

@Suite struct WriteRequestTests {
  struct WriteCase: Sendable, CustomTestStringConvertible {
    let name: String
    let change: Change
    let request: String
    let reply: String
    var testDescription: String { name }
  }

  static let writes = [
    WriteCase(name: "one coil on", change: .coil(0xAC, true), request: "05 00 AC FF 00", reply: "05 00 AC FF 00"),
    WriteCase(name: "one coil off", change: .coil(0xAC, false), request: "05 00 AC 00 00", reply: "05 00 AC 00 00"),
    WriteCase(name: "one register", change: .register(1, 3), request: "06 00 01 00 03", reply: "06 00 01 00 03"),
    WriteCase(
      name: "ten coils", change: .coils(first: 0x13, InquiryTests.bits("10110011 10")),
      request: "0F 00 13 00 0A 02 CD 01", reply: "0F 00 13 00 0A"),
    WriteCase(
      name: "two registers", change: .registers(first: 1, [10, 0x0102]), request: "10 00 01 00 02 04 00 0A 01 02",
      reply: "10 00 01 00 02"),
  ]

  @Test(arguments: writes)
  func `a write and its reply are written and read`(_ row: WriteCase) throws {
    let write = try #require(WriteRequest(unit: 17, row.change))
    let frame = try InquiryTests.framed(row.request), reply = try InquiryTests.framed(row.reply)
    #expect(write.rtu == frame)
    #expect(try WriteRequest(message(rtu: frame)) == write)
    #expect(try write.reply(from: message(rtu: reply)) == .written)
    #expect(WriteReply.written.message(to: write).rtu == reply)
    #expect(throws: FrameError.self) { try Inquiry(message(rtu: frame)) }
    for (place, error) in [(0, FrameError.unit(16, expected: 17)), (3, .otherWrite)] {
      var other = Array(reply.dropLast(2))
      other[place] ^= 1
      #expect(throws: error) { try write.reply(from: message(rtu: withChecksum(other))) }
    }
    #expect(
      try write.reply(from: WriteReply.exception(.serverDeviceFailure).message(to: write))
        == .exception(.serverDeviceFailure))
  }

  @Test(arguments: writes)
  func `the confirmation is found, after the echo where there is one`(_ row: WriteCase) throws {
    let write = try #require(WriteRequest(unit: 17, row.change))
    let reply = try InquiryTests.framed(row.reply)
    var echoing = ReplyFinder(expecting: write, afterEcho: true)
    #expect(write.rtu.allSatisfy { echoing.receive($0) == nil })
    #expect(([0] + reply).compactMap { echoing.receive($0) }.map(\.reply) == [.written])
    var quiet = ReplyFinder(expecting: write)
    #expect(([0, 17] + reply).compactMap { quiet.receive($0) }.map(\.reply) == [.written])
    var network = TCPReplyFinder(expecting: write, transaction: 2)
    let told = WriteReply.written.message(to: write)
    #expect(
      (told.tcp(transaction: 1) + told.tcp(transaction: 2)).compactMap { network.receive($0) }.map(\.reply) == [
        .written
      ])
  }

  @Test func `no write reaches all meters but one that says so`() throws {
    #expect(WriteRequest(unit: 0, .register(1, 3)) == nil)
    let broadcast = try #require(BroadcastWrite(.register(1, 3)))
    #expect(broadcast.message == Message(unit: 0, function: .writeSingleRegister, payload: [0, 1, 0, 3]))
    #expect(throws: FrameError.broadcast) { try WriteRequest(broadcast.message) }
    #expect(try BroadcastWrite(broadcast.message) == broadcast)
    #expect(throws: FrameError.unit(1, expected: 0)) {
      try BroadcastWrite(Message(unit: 1, function: .writeSingleRegister, payload: [0, 1, 0, 3]))
    }
  }

  @Test func `changes that no frame carries are none`() throws {
    #expect(WriteRequest(unit: 1, .coils(first: 0, [])) == nil)
    #expect(WriteRequest(unit: 1, .coils(first: 0, [Bool](repeating: true, count: 1969))) == nil)
    #expect(WriteRequest(unit: 1, .registers(first: 0, [UInt16](repeating: 0, count: 124))) == nil)
    #expect(WriteRequest(unit: 1, .registers(first: 65_535, [1, 2])) == nil)
    #expect(WriteRequest(unit: 1, .coils(first: 65_535, [true]))?.rtu.count == 10)
    #expect(throws: FrameError.coilValue(1)) {
      try WriteRequest(Message(unit: 1, function: .writeSingleCoil, payload: [0, 0, 0, 1]))
    }
    #expect(throws: FrameError.byteCount(2, expected: 4)) {
      try WriteRequest(Message(unit: 1, function: .writeMultipleRegisters, payload: [0, 0, 0, 2, 2, 0, 0]))
    }
  }
}
