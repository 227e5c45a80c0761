import CModbus
import Glibc
import Modbus
import ModbusClient
import Testing

/// An actor that owns a context, as the actor of a line does.
private actor Owner {
  private var context: ModbusContext

  init() throws { context = try ModbusContext(.rtu) }

  func exchange(_ request: ReadRequest, answer: [UInt8]) throws -> [UInt16] {
    _ = try context.request(request)
    return try context.confirm(answer)
  }
}

@Suite struct ModbusContextTests {
  static let request = ReadRequest(unit: 17, function: .holdingRegisters, register: 107, count: 3)
  static let answer = ReadReply.registers([0x022B, 0x0000, 0x0064]).message(unit: 17, function: .holdingRegisters)

  /// What confirming `reply` comes to.
  private func outcome(_ reply: [UInt8], _ framing: ModbusContext.Framing = .rtu) throws -> ModbusClientError? {
    var context = try ModbusContext(framing)
    _ = try context.request(try #require(Self.request))
    do throws(ModbusClientError) {
      _ = try context.confirm(reply)
      return nil
    } catch {
      return error
    }
  }

  @Test func `libmodbus and our own frames agree both ways`() throws {
    var serial = try ModbusContext(.rtu)
    var network = try ModbusContext(.tcp)
    var state: UInt64 = 1
    for round in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let request = try #require(
        ReadRequest(
          unit: UInt8(1 + state >> 33 % 247), function: round % 2 == 0 ? .holdingRegisters : .inputRegisters,
          register: UInt16(truncatingIfNeeded: state >> 40) & 0x7FFF, count: UInt16(1 + state >> 50 % 125)))
      let registers = (0..<request.count).map { UInt16(truncatingIfNeeded: state >> 20) &+ $0 &* 257 }
      let reply = ReadReply.registers(registers).message(unit: request.unit, function: request.function)
      #expect(try serial.request(request) == request.rtu)
      #expect(try serial.confirm(reply.rtu) == registers)
      let number = UInt16(round + 1)
      #expect(try network.request(request) == request.tcp(transaction: number))
      #expect(try network.confirm(reply.tcp(transaction: number)) == registers)
    }
  }

  @Test(arguments: UInt8(1)...11)
  func `every exception arrives by its code`(_ code: UInt8) throws {
    let refusal = ReadReply.exception(ExceptionCode(rawValue: code)).message(unit: 17, function: .holdingRegisters)
    #expect(try outcome(refusal.rtu) == .exception(ExceptionCode(rawValue: code)))
    #expect(try outcome(refusal.tcp(transaction: 1), .tcp) == .exception(ExceptionCode(rawValue: code)))
  }

  struct BadCase: Sendable, CustomTestStringConvertible {
    let name: String
    let reply: [UInt8]
    let error: ModbusClientError
    var testDescription: String { name }
  }

  static let bad = [
    BadCase(name: "nothing", reply: [], error: .library(.timedOut)),
    BadCase(name: "cut short", reply: Array(answer.rtu.dropLast()), error: .library(.timedOut)),
    BadCase(name: "checksum", reply: answer.rtu.dropLast() + [0], error: .library(.badChecksum)),
    BadCase(
      name: "another unit", reply: Message(unit: 18, function: answer.function, payload: answer.payload).rtu,
      error: .answer(.unit(18, expected: 17))),
    BadCase(
      name: "another function",
      reply: Message(unit: 17, function: .readInputRegisters, payload: answer.payload).rtu,
      error: .answer(.function(.readInputRegisters))),
    BadCase(
      name: "fewer registers", reply: ReadReply.registers([1]).message(unit: 17, function: .holdingRegisters).rtu,
      error: .answer(.byteCount(2, expected: 6))),
    BadCase(name: "a byte too many", reply: answer.rtu + [0], error: .surplus(count: 1)),
    BadCase(
      name: "too long", reply: [UInt8](repeating: 1, count: 300), error: .answer(.tooLong(count: 300))),
  ]

  @Test(arguments: bad)
  func `what is no reply is refused at once`(_ row: BadCase) throws {
    let start = ContinuousClock.now
    #expect(try outcome(row.reply) == row.error)
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  @Test func `a late transaction is refused, and leftovers do not reach the next reply`() throws {
    var context = try ModbusContext(.tcp)
    let request = try #require(Self.request)
    _ = try context.request(request)
    _ = try context.request(request)
    #expect(throws: ModbusClientError.transaction(1, expected: 2)) {
      try context.confirm(Self.answer.tcp(transaction: 1) + [1, 2, 3])
    }
    _ = try context.request(request)
    #expect(try context.confirm(Self.answer.tcp(transaction: 3)) == [0x022B, 0, 0x64])
    #expect(throws: ModbusClientError.nothingPending) { try context.confirm(Self.answer.tcp(transaction: 3)) }
  }

  @Test func `units beyond libmodbus are refused before it aborts`() throws {
    var context = try ModbusContext(.rtu)
    for unit in [UInt8(0), 248, 255] {
      let request = try #require(ReadRequest(unit: unit, function: .holdingRegisters, register: 0, count: 1))
      #expect(throws: ModbusClientError.unit(unit)) { try context.request(request) }
    }
  }

  @Test func `the numbers are those of the library`() throws {
    let texts: [(LibraryError, String)] = [
      (.badChecksum, "Invalid CRC"), (.badData, "Invalid data"), (.badException, "Invalid exception code"),
      (.tooManyData, "Too many data"), (.badSlave, "Response not from requested slave"),
    ]
    for (error, text) in texts { #expect(String(cString: modbus_strerror(error.rawValue)) == text) }
    #expect(MODBUS_ENOBASE + 12 == LibraryError.badChecksum.rawValue)
    #expect(LibraryError.timedOut.rawValue == ETIMEDOUT)
    #expect(LibraryError(rawValue: MODBUS_ENOBASE + 2).exception == .illegalDataAddress)
    #expect(LibraryError(rawValue: MODBUS_ENOBASE + 9).exception == nil)
    #expect(LibraryError(rawValue: CInt.min).exception == nil)
  }

  @Test func `descriptors are closed with the context`() throws {
    let before = try lowestFreeDescriptor()
    for _ in 0..<50 {
      var context = try ModbusContext(.rtu)
      _ = try context.request(try #require(Self.request))
    }
    // Other tests run beside this one, so a few more may be open now; fifty pairs would be a hundred.
    #expect(try lowestFreeDescriptor() < before + 60)
  }

  private func lowestFreeDescriptor() throws -> CInt {
    let descriptor = open("/dev/null", O_RDONLY)
    try #require(descriptor >= 0)
    close(descriptor)
    return descriptor
  }

  @Test func `descriptors that would abort the process are refused`() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 2048, rlim_max: 2048)
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { exit(1) }
      while dup(2) < ModbusContext.descriptorLimit - 1 {}
      do throws(ModbusClientError) {
        _ = try ModbusContext(.rtu)
      } catch {
        if case .descriptorTooHigh = error { exit(0) }
      }
      exit(2)
    }
  }

  @Test func `any bytes can be confirmed, and none but the answer are`() throws {
    var generator = SystemRandomNumberGenerator()
    var context = try ModbusContext(.rtu)
    let request = try #require(Self.request)
    for _ in 0..<500 {
      var reply = Self.answer.rtu
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        reply[Int.random(in: 0..<reply.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
      }
      if Bool.random(using: &generator) { reply += Self.answer.rtu }
      _ = try context.request(request)
      let registers = try? context.confirm(reply)
      #expect(registers == nil || reply.starts(with: Self.answer.rtu) || (try? message(reply)) != nil, "\(reply)")
      _ = try context.request(request)
      #expect(try context.confirm(Self.answer.rtu) == [0x022B, 0, 0x64], "after \(reply)")
    }
  }

  private func message(_ frame: [UInt8]) throws(FrameError) -> Message { try Message(rtu: frame.span) }

  @Test func `a context lives within an actor`() async throws {
    let owner = try Owner()
    let registers = try await owner.exchange(try #require(Self.request), answer: Self.answer.rtu)
    #expect(registers == [0x022B, 0, 0x64])
  }
}
