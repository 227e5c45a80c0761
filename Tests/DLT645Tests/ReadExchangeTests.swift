import DLT645
import Metering
import Testing

@Suite struct ReadExchangeTests {
  let meter: Address
  let other: Address
  let energy: DataIdentifier
  let voltage: DataIdentifier
  let block: DataIdentifier

  init() throws {
    meter = try #require(Address("161"))
    other = try #require(Address("162"))
    energy = try #require(DataIdentifier(hex: "00010000"))
    voltage = try #require(DataIdentifier(hex: "02010100"))
    block = try #require(DataIdentifier(hex: "0001FF00"))
  }

  func frame(_ reply: Reply, from address: Address? = nil, wakeUps: Int = 0) throws -> [UInt8] {
    try #require(reply.frame(from: address ?? meter, wakeUps: wakeUps))
  }

  /// Feeds bytes and gives the last action.
  func feed(_ exchange: inout ReadExchange, _ bytes: [UInt8]) -> ReadExchange.Action {
    bytes.reduce(.listen) { _, byte in exchange.receive(byte) }
  }

  func started(_ request: ReadExchange.Request, to address: Address? = nil) -> ReadExchange {
    var exchange = ReadExchange(request, to: address ?? meter)
    _ = exchange.start()
    return exchange
  }

  @Test func `a read sends one request and ends with the data of its reply`() throws {
    var exchange = ReadExchange(.data(energy), to: meter)
    #expect(exchange.start() == .send(wire("FE FE FE FE 68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16")))
    let reply = wire("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16")
    for byte in [0xFE, 0xFE, 0xFE, 0xFE] + reply.dropLast() { #expect(exchange.receive(byte) == .listen) }
    let outcome = ReadExchange.Outcome.data([0x26, 0, 0, 0], from: meter, frames: [reply])
    #expect(exchange.receive(0x16) == .finish(outcome))
    #expect(exchange.ignored.isEmpty)
    #expect(exchange.timedOut() == .finish(outcome))
    #expect(feed(&exchange, [0xFF, 0xFF, 0xFF]) == .finish(outcome))
    #expect(exchange.expectedReplyBytes == 4 + 12 + 4 + 4 + 1)
  }

  @Test func `silence ends a read`() {
    var exchange = started(.data(energy))
    #expect(exchange.timedOut() == .finish(.silent))
    #expect(exchange.receivedBytes == 0)
    #expect(feed(&exchange, FrameTests.cases[1].bytes) == .finish(.silent))
    #expect(exchange.ignored.map(\.reason) == [.late])
  }

  @Test func `what is not the answer is listed and changes nothing`() throws {
    var exchange = started(.data(energy))
    let strangers: [(bytes: [UInt8], reason: IgnoredFrame.Reason)] = [
      (Request.data(energy).frame(to: meter), .echo),
      (Request.data(voltage).frame(to: meter), .otherRequest),
      (try frame(.data(energy, [1, 0, 0, 0], more: false), from: other), .foreignAddress(other)),
      (try frame(.data(energy, [1, 0, 0, 0], more: false), from: .wildcard), .foreignAddress(.wildcard)),
      (try frame(.data(voltage, [1, 0x22], more: false)), .otherIdentifier(voltage)),
      (
        try frame(.following(energy, [1, 0, 0, 0], sequence: 1, more: false)),
        .otherFunction(ControlCode(rawValue: 0x92))
      ),
      (try frame(.address(meter)), .otherFunction(ControlCode(rawValue: 0x93))),
      (try frame(.refusal(function: 0x12, .noData)), .otherFunction(ControlCode(rawValue: 0xD2))),
      (try frame(.refusal(function: 0x1F, .other)), .unsolicited),
      (wire("68 61 01 00 00 00 00 68 91 00 C3 16"), .malformed),
      (wire("68 61 01 00 00 00 00 68 D1 00 03 16"), .malformed),
      (
        wire("68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8B 16"),
        .damaged(.checksum(computed: 0x8A, received: 0x8B))
      ),
    ]
    for stranger in strangers { #expect(feed(&exchange, stranger.bytes) == .listen) }
    let reasons = exchange.ignored.map(\.reason)
    for stranger in strangers { #expect(reasons.contains(stranger.reason), "\(stranger.reason)") }
    let reply = try frame(.data(energy, [0x26, 0, 0, 0], more: false))
    #expect(feed(&exchange, reply) == .finish(.data([0x26, 0, 0, 0], from: meter, frames: [reply])))
  }

  @Test func `the list of strangers is bounded`() {
    var exchange = started(.data(energy))
    for _ in 0..<100 { _ = feed(&exchange, Request.data(voltage).frame(to: meter)) }
    #expect(exchange.ignored.count == ReadExchange.maximumIgnored)
    #expect(exchange.ignoredCount == 100)
  }

  @Test func `a refusal ends a read with its reasons`() throws {
    var exchange = started(.data(energy))
    let reply = try frame(.refusal(function: 0x11, [.noData, .notAuthorised]))
    #expect(feed(&exchange, reply) == .finish(.refused([.noData, .notAuthorised], raw: [0x06], frames: [reply])))
    exchange = started(.data(energy))
    // A second byte, as security replies have, is kept in `raw` only.
    let long = wire("68 61 01 00 00 00 00 68 D1 02 34 53 8C 16")
    #expect(feed(&exchange, long) == .finish(.refused(.other, raw: [0x01, 0x20], frames: [long])))
  }

  @Test func `follow-up frames are asked for and joined`() throws {
    let data = (0..<500).map { UInt8(truncatingIfNeeded: $0) }
    let replies = Reply.chain(block, data, partSize: 60)
    #expect(replies.count == 9)
    var exchange = ReadExchange(.data(block), to: meter, wakeUps: 1)
    var action = exchange.start()
    var sent: [ReadExchange.Action] = []
    for reply in replies {
      sent.append(action)
      action = feed(&exchange, try frame(reply, wakeUps: 4))
    }
    #expect(sent[0] == .send(Request.data(block).frame(to: meter, wakeUps: 1)))
    #expect(sent[8] == .send(Request.following(block, sequence: 8).frame(to: meter, wakeUps: 1)))
    #expect(action == .finish(.data(data, from: meter, frames: try replies.map { try frame($0) })))
  }

  @Test func `sequence numbers pass over zero`() {
    let replies = Reply.chain(block, [UInt8](repeating: 7, count: 300), partSize: 1)
    guard case .following(_, _, let last, true) = replies[255], case .following(_, _, let next, true) = replies[256]
    else {
      Issue.record("no such parts")
      return
    }
    #expect(last == 255)
    #expect(next == 1)
  }

  @Test func `a part that never comes, is refused or is another one makes no data`() throws {
    let first = try frame(.data(block, [1, 0, 0, 0], more: true))
    func afterFirst() -> ReadExchange {
      var exchange = started(.data(block))
      let action = feed(&exchange, first)
      #expect(action == .send(Request.following(block, sequence: 1).frame(to: meter)))
      return exchange
    }
    var exchange = afterFirst()
    #expect(exchange.timedOut() == .finish(.failed(.followUpMissing(sequence: 1))))
    #expect(exchange.frames == [first])
    exchange = afterFirst()
    #expect(
      feed(&exchange, try frame(.refusal(function: 0x12, .noData))) == .finish(.failed(.followUpRefused(.noData))))
    exchange = afterFirst()
    #expect(feed(&exchange, try frame(.following(block, [2], sequence: 2, more: false))) == .listen)
    #expect(exchange.timedOut() == .finish(.failed(.wrongSequence(expected: 1, received: 2))))
    // A late copy of the first part is not the second.
    exchange = afterFirst()
    #expect(feed(&exchange, first) == .listen)
    #expect(feed(&exchange, try frame(.following(block, [2], sequence: 1, more: false), from: other)) == .listen)
    guard
      case .finish(.data([1, 0, 0, 0, 2], from: meter, frames: _)) = feed(
        &exchange, try frame(.following(block, [2], sequence: 1, more: false)))
    else {
      Issue.record("the second part was not taken")
      return
    }
  }

  @Test func `an answer without end is given up`() throws {
    var exchange = started(.data(block))
    var action = feed(&exchange, try frame(.data(block, [0], more: true)))
    var asked = 0
    while case .send = action, asked < 1000 {
      asked += 1
      action = feed(&exchange, try frame(.following(block, [0], sequence: UInt8(asked), more: true)))
    }
    #expect(action == .finish(.failed(.tooLong(frames: ReadExchange.maximumFrames))))
  }

  @Test func `a wildcard takes the address of the meter that answers, and keeps to it`() throws {
    var exchange = started(.data(block), to: .wildcard)
    let first = try frame(.data(block, [1], more: true))
    #expect(feed(&exchange, first) == .send(Request.following(block, sequence: 1).frame(to: meter)))
    let foreign = try frame(.following(block, [9], sequence: 1, more: false), from: other)
    #expect(feed(&exchange, foreign) == .listen)
    let second = try frame(.following(block, [2], sequence: 1, more: false))
    #expect(feed(&exchange, second) == .finish(.data([1, 2], from: meter, frames: [first, second])))

    exchange = started(.data(energy), to: .wildcard)
    let echoing = try frame(.data(energy, [1, 0, 0, 0], more: false), from: .wildcard)
    #expect(feed(&exchange, echoing) == .finish(.data([1, 0, 0, 0], from: .wildcard, frames: [echoing])))

    let short = try #require(Address("AAAAAAAAAA61"))
    exchange = started(.data(energy), to: short)
    #expect(feed(&exchange, try frame(.data(energy, [1, 0, 0, 0], more: false), from: other)) == .listen)
    let reply = try frame(.data(energy, [1, 0, 0, 0], more: false))
    #expect(feed(&exchange, reply) == .finish(.data([1, 0, 0, 0], from: meter, frames: [reply])))
  }

  @Test func `two meters that answer one request are found out`() throws {
    var exchange = started(.data(energy))
    let reply = try frame(.data(energy, [1, 0, 0, 0], more: false))
    let outcome = ReadExchange.Outcome.data([1, 0, 0, 0], from: meter, frames: [reply])
    #expect(feed(&exchange, reply) == .finish(outcome))
    #expect(feed(&exchange, reply) == .finish(outcome))
    #expect(exchange.ignored.map(\.reason) == [.repeated])
    #expect(feed(&exchange, try frame(.data(voltage, [1, 0x22], more: false))) == .finish(outcome))
    let twin = try frame(.data(energy, [2, 0, 0, 0], more: false))
    #expect(feed(&exchange, twin) == .finish(.failed(.contradicted)))

    exchange = started(.address, to: .wildcard)
    let address = try frame(.address(meter))
    #expect(feed(&exchange, address) == .finish(.address(meter, frames: [address])))
    #expect(feed(&exchange, try frame(.address(other), from: other)) == .finish(.failed(.contradicted)))
  }

  @Test func `an address is read`() throws {
    var exchange = ReadExchange(.address, to: .wildcard, wakeUps: 1)
    #expect(exchange.start() == .send(wire("FE 68 AA AA AA AA AA AA 68 13 00 DF 16")))
    let reply = wire("68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16")
    let found = try #require(Address("193600"))
    #expect(feed(&exchange, reply) == .finish(.address(found, frames: [reply])))
    exchange = started(.address, to: .wildcard)
    let wild = try frame(.address(found), from: .wildcard)
    #expect(feed(&exchange, wild) == .finish(.address(found, frames: [wild])))
    exchange = started(.address, to: .wildcard)
    let crossed = try frame(.address(found), from: meter)
    #expect(feed(&exchange, crossed) == .finish(.failed(.addressesDiffer(frame: meter, data: found))))
  }

  @Test func `a 1997 read to all is answered with the real address`() throws {
    let short = try #require(ShortIdentifier(hex: "9010"))
    var exchange = ReadExchange(.data1997(short), to: .broadcast, wakeUps: 0)
    #expect(exchange.start() == .send(wire("68 99 99 99 99 99 99 68 01 02 43 C3 6F 16")))
    let reply = wire("68 95 32 06 00 00 00 68 81 06 43 C3 48 33 33 33 0B 16")
    let from = try #require(Address("63295"))
    #expect(feed(&exchange, reply) == .finish(.data([0x15, 0, 0, 0], from: from, frames: [reply])))
    exchange = started(.data1997(short), to: from)
    #expect(
      feed(&exchange, try frame(.data1997(short, [1], more: true), from: from))
        == .send(Request.following1997(short, sequence: 1).frame(to: from)))
  }

  @Test func `an answer behind a false header is found when the line falls silent`() throws {
    var exchange = started(.data(energy))
    let reply = try frame(.data(energy, [0x26, 0, 0, 0], more: false))
    #expect(feed(&exchange, wire("68 61 01 00 00 00 00 68 91 C8 33") + reply) == .listen)
    #expect(exchange.timedOut() == .finish(.data([0x26, 0, 0, 0], from: meter, frames: [reply])))
    #expect(exchange.ignored.first?.reason == .damaged(.truncated(have: 31, need: 212)))
  }

  @Test func `no single flipped bit of a reply gives data`() throws {
    let reply = try frame(.data(energy, [0x26, 0, 0, 0], more: false))
    for bit in 0..<(reply.count * 8) {
      var bytes = reply
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      var exchange = started(.data(energy))
      #expect(feed(&exchange, bytes) == .listen, "bit \(bit)")
      #expect(exchange.timedOut() == .finish(.silent), "bit \(bit)")
    }
  }

  @Test(arguments: [UInt64(7), 645])
  func `no garbage gives a wrong value`(_ seed: UInt64) throws {
    print("exchange seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let right = try frame(.data(energy, [0x26, 0, 0, 0], more: false))
    let others = [
      try frame(.data(voltage, [1, 0x22], more: false)),
      try frame(.data(energy, [9, 9, 9, 9], more: false), from: other),
      Request.data(energy).frame(to: meter), right,
    ]
    for _ in 0..<3000 {
      var exchange = started(.data(energy))
      var last = ReadExchange.Action.listen
      for _ in 0..<4 {
        var piece = others[Int.random(in: 0..<others.count, using: &random)]
        switch UInt8.random(in: 0...3, using: &random) {
        case 0: piece = Array(piece.dropFirst(Int.random(in: 0..<piece.count, using: &random)))
        case 1: piece[Int.random(in: 0..<piece.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 2: piece += random.bytes(Int.random(in: 0...8, using: &random))
        default: break
        }
        last = feed(&exchange, piece)
      }
      last = exchange.timedOut()
      switch last {
      case .finish(.silent), .finish(.failed): break
      case .finish(.data(let data, from: meter, _)): #expect(data == [0x26, 0, 0, 0])
      default: Issue.record("\(last)")
      }
    }
  }
}
