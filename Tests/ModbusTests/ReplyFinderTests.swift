import Metering
import Modbus
import Testing

@Suite struct ReplyFinderTests {
  static let request = ReadRequest(unit: 1, function: .inputRegisters, register: 0, count: 2)
  static let reply = ReadReply.registers([0x4366, 0x3334])

  /// What the finder gives for a stream, and what it skipped.
  func find(_ stream: [UInt8], _ request: ReadRequest) -> (found: [Found<ReadReply>], skipped: Skipped) {
    var finder = ReplyFinder(expecting: request)
    let found = stream.compactMap { finder.receive($0) }
    return (found, finder.skipped)
  }

  struct StreamCase: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    let found: ReadReply?
    let skipped: String
    var testDescription: String { name }
  }

  static let good = "01 04 04 43 66 33 34 1B 38"
  static let streams = [
    StreamCase(name: "the reply alone", hex: good, found: reply, skipped: "nothing"),
    StreamCase(name: "a leading 00 of an undriven pair", hex: "00" + good, found: reply, skipped: "noise 1 byte"),
    StreamCase(name: "00 before and after", hex: "00" + good + "00", found: reply, skipped: "noise 2 bytes"),
    StreamCase(name: "our own echo first", hex: "01 04 00 00 00 02 71 CB" + good, found: reply, skipped: "echo 1"),
    StreamCase(
      name: "only our own echo", hex: "01 04 00 00 00 02 71 CB", found: nil, skipped: "echo 1"),
    StreamCase(
      name: "the reply of unit 2 first", hex: "02 04 04 43 66 33 34 28 38" + good, found: reply, skipped: "units 2"),
    StreamCase(
      name: "a damaged copy first", hex: "01 04 04 43 66 33 35 1B 38" + good, found: reply, skipped: "damaged 1"),
    StreamCase(
      name: "cut short, then whole", hex: "01 04 04 43 66" + good, found: reply, skipped: "damaged 1"),
    StreamCase(
      name: "a refusal", hex: "01 84 02 C2 C1", found: .exception(.illegalDataAddress), skipped: "nothing"),
    StreamCase(
      name: "a reply of three registers", hex: "01 04 06 00 01 00 02 00 03 BC 92", found: nil, skipped: "units 1"),
    StreamCase(
      name: "a reply of function 3", hex: "01 03 04 43 66 33 34 1A 8F", found: nil, skipped: "units 1"),
  ]

  @Test(arguments: streams)
  func `the reply is found in what surrounds it`(_ row: StreamCase) throws {
    let request = try #require(Self.request)
    let result = find(try hexBytes(row.hex), request)
    #expect(result.found.map(\.reply) == (row.found.map { [$0] } ?? []))
    #expect(result.skipped.description == row.skipped)
    for found in result.found { #expect(try ReadReply(message(rtu: found.frame), to: request) == row.found) }
  }

  @Test func `no echo is taken for a reply, though one request in many begins like one`() throws {
    var alike = 0
    for unit in UInt8(1)...12 {
      for register in UInt16(512)...767 {
        for function in ReadFunction.allCases {
          let request = try #require(ReadRequest(unit: unit, function: function, register: register, count: 1))
          if request.echoBeginsLikeReply { alike += 1 }
          #expect(find(request.rtu, request).found.isEmpty, "\(request)")
        }
      }
    }
    #expect(alike > 20)
    let known = try #require(ReadRequest(unit: 4, function: .holdingRegisters, register: 688, count: 1))
    #expect(known.echoBeginsLikeReply)
    #expect(find(Array(known.rtu.prefix(7)), known).found.isEmpty)
  }

  @Test func `every reply is found after random noise, and noise alone gives none`() throws {
    var dice = Dice(seed: 20_261_122)
    for round in 0..<3000 {
      let request = try #require(
        ReadRequest(
          unit: UInt8(dice.number(1...247)), function: round % 2 == 0 ? .holdingRegisters : .inputRegisters,
          register: UInt16(dice.number(0...60_000)), count: UInt16(dice.number(1...125))))
      let reply =
        round % 7 == 0
        ? ReadReply.exception(ExceptionCode(rawValue: 2)) : .registers(dice.words(Int(request.count)))
      let frame = reply.message(unit: request.unit, function: request.function).rtu
      let noise = dice.bytes(dice.number(0...(round % 50 == 0 ? 3000 : 40)))
      let echo = round % 3 == 0 ? request.rtu : []
      let result = find(noise + echo + frame + dice.bytes(dice.number(0...20)), request)
      #expect(result.found.first?.reply == reply, "seed \(dice.seed), round \(round)")
      #expect(result.found.first?.frame == frame, "seed \(dice.seed), round \(round)")
      #expect(find(noise + echo, request).found.isEmpty, "seed \(dice.seed), round \(round)")
    }
  }

  @Test func `a damaged reply is never taken`() throws {
    var dice = Dice(seed: 7)
    let request = try #require(ReadRequest(unit: 9, function: .holdingRegisters, register: 10, count: 4))
    for round in 0..<20_000 {
      var frame = ReadReply.registers(dice.words(4)).message(unit: 9, function: .holdingRegisters).rtu
      // The polynomial misses no two wrong bits within a frame.
      for _ in 0..<dice.number(1...2) { frame[dice.number(0...12)] ^= 1 << UInt8(dice.number(0...7)) }
      let isWhole = (try? message(rtu: frame)) != nil
      #expect(find(frame, request).found.isEmpty || isWhole, "seed \(dice.seed), round \(round)")
    }
  }

  @Test func `headers all the way down stay cheap and are bounded`() throws {
    let request = try #require(ReadRequest(unit: 4, function: .inputRegisters, register: 0, count: 2))
    var finder = ReplyFinder(expecting: request)
    for _ in 0..<200_000 where finder.receive(4) != nil { Issue.record("found in a row of fours") }
    let frame = Self.reply.message(unit: 4, function: .inputRegisters).rtu
    #expect(frame.compactMap { finder.receive($0) }.map(\.reply) == [Self.reply])
    for _ in 0..<5000 { _ = finder.receive(0xFF) }
    #expect(finder.skipped.noise >= 204_000)
  }
}

@Suite struct TCPReplyFinderTests {
  @Test func `a late reply of another transaction is passed over`() throws {
    let request = try #require(ReadRequest(unit: 1, function: .holdingRegisters, register: 2, count: 1))
    var finder = TCPReplyFinder(expecting: request, transaction: 8)
    let late = ReadReply.registers([1]).message(unit: 1, function: .holdingRegisters).tcp(transaction: 7)
    let due = ReadReply.registers([2]).message(unit: 1, function: .holdingRegisters).tcp(transaction: 8)
    let found = ([0xFF, 0x00, 0x01] + late + due).compactMap { finder.receive($0) }
    #expect(found.map(\.reply) == [.registers([2])])
    #expect(found.map(\.frame) == [due])
    #expect(finder.stale == [7])
    #expect(finder.noise == 3)
  }

  @Test func `no other transaction is believed, whatever its number`() throws {
    let request = try #require(ReadRequest(unit: 1, function: .holdingRegisters, register: 2, count: 1))
    let reply = ReadReply.registers([7]).message(unit: 1, function: .holdingRegisters)
    // All numbers once; a quarter of a thousand beside the first and the last.
    for (due, step) in [(UInt16(0x0200), 1), (1, 255), (65_535, 255)] {
      var finder = TCPReplyFinder(expecting: request, transaction: due)
      for number in stride(from: UInt16.min, through: .max, by: step) where number != due {
        for byte in reply.tcp(transaction: number) where finder.receive(byte) != nil {
          Issue.record("transaction \(number) was believed for \(due)")
        }
      }
      #expect(finder.stale.count == 16 && finder.noise == 0)
      #expect(reply.tcp(transaction: due).compactMap { finder.receive($0) }.count == 1)
    }
  }

  @Test func `a length that does not fit the registers is no answer`() throws {
    let request = try #require(ReadRequest(unit: 1, function: .holdingRegisters, register: 2, count: 2))
    var finder = TCPReplyFinder(expecting: request, transaction: 8)
    let short = ReadReply.registers([2]).message(unit: 1, function: .holdingRegisters).tcp(transaction: 8)
    #expect(short.allSatisfy { finder.receive($0) == nil })
    let refusal = ReadReply.exception(.serverDeviceBusy).message(unit: 1, function: .holdingRegisters)
    #expect(
      refusal.tcp(transaction: 8).compactMap { finder.receive($0) }.map(\.reply) == [.exception(.serverDeviceBusy)])
  }

  @Test func `random bytes never stop it`() throws {
    var dice = Dice(seed: 3)
    let request = try #require(ReadRequest(unit: 1, function: .holdingRegisters, register: 2, count: 2))
    var finder = TCPReplyFinder(expecting: request, transaction: 8)
    for byte in dice.bytes(100_000) { #expect(finder.receive(byte & 3) == nil, "seed \(dice.seed)") }
  }
}
