import DLT645
import Metering
import Testing

@Suite struct ProfileExchangeTests {
  let meter: Address
  let time: WireTime

  init() throws {
    meter = try #require(Address("161"))
    let noon = try #require(MeterTime("2026-11-22T12:00:30"))
    time = try #require(WireTime(noon))
  }

  private func feed(_ exchange: inout ReadExchange, _ bytes: [UInt8]) -> ReadExchange.Action {
    bytes.reduce(.listen) { _, byte in exchange.receive(byte) }
  }

  @Test func `a read of the load profile has its frame, and the frame its read`() throws {
    let last = try #require(LoadProfileRead(.latest, blocks: 3))
    let from = try #require(LoadProfileRead(recordClass: 1, .from(time), blocks: 9))
    let first = try #require(LoadProfileRead(recordClass: 6, .earliest, blocks: 12))
    #expect(
      hexString(Request.profile(last).frame(to: meter, wakeUps: 0))
        == "68 61 01 00 00 00 00 68 11 05 35 33 33 39 36 52 16")
    #expect(
      hexString(Request.profile(from).frame(to: meter, wakeUps: 0))
        == "68 61 01 00 00 00 00 68 11 0A 34 33 34 39 3C 33 45 55 44 59 C7 16")
    for read in [last, from, first] {
      let bytes = Request.profile(read).frame(to: meter, wakeUps: 0)
      #expect(Request(try Frame.decode(bytes.span), in: bytes.span) == .profile(read))
    }
    #expect(first.identifier.description == "06060000")
    #expect(LoadProfileRead(recordClass: 7, .latest, blocks: 1) == nil)
    #expect(LoadProfileRead(.latest, blocks: 0) == nil)
    #expect(LoadProfileRead(.latest, blocks: 100) == nil)
    for hex in [
      // A number that is none, another DI0, a plain identifier with a number, a time that is none.
      "68 61 01 00 00 00 00 68 11 05 35 33 33 39 3D 59 16", "68 61 01 00 00 00 00 68 11 05 36 33 33 39 36 53 16",
      "68 61 01 00 00 00 00 68 11 05 33 33 34 33 36 4B 16",
      "68 61 01 00 00 00 00 68 11 0A 34 33 34 39 3C 33 97 55 44 59 19 16",
    ] {
      #expect(Request(try Frame.decode(wire(hex).span), in: wire(hex).span) == nil, "\(hex)")
    }
  }

  @Test func `the parts of a load profile are asked for and joined`() throws {
    let read = try #require(LoadProfileRead(.from(time), blocks: 4))
    let data = (0..<412).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let replies = Reply.chain(read.identifier, data)
    #expect(replies.count == 3)
    var exchange = ReadExchange(.profile(read), to: meter, wakeUps: 0)
    #expect(exchange.start() == .send(Request.profile(read).frame(to: meter, wakeUps: 0)))
    #expect(exchange.expectedReplyBytes == 4 + Frame.maximumLength)
    var frames: [[UInt8]] = []
    for (index, reply) in replies.enumerated() {
      let bytes = try #require(reply.frame(from: meter, wakeUps: 0))
      frames.append(bytes)
      let action = feed(&exchange, bytes)
      let next = Request.following(read.identifier, sequence: UInt8(index + 1)).frame(to: meter, wakeUps: 0)
      #expect(action == (index < 2 ? .send(next) : .finish(.data(data, from: meter, frames: frames))))
    }
  }

  @Test func `a profile without records is no data, and another one is a stranger`() throws {
    let read = try #require(LoadProfileRead(.latest, blocks: 1))
    let other = try #require(LoadProfileRead(.earliest, blocks: 1))
    var exchange = ReadExchange(.profile(read), to: meter)
    _ = exchange.start()
    let strange = try #require(Reply.data(other.identifier, [1], more: false).frame(from: meter, wakeUps: 0))
    #expect(feed(&exchange, strange) == .listen)
    #expect(exchange.ignored.map(\.reason) == [.otherIdentifier(other.identifier)])
    let bare = try #require(Reply.data(read.identifier, [], more: false).frame(from: meter, wakeUps: 0))
    #expect(feed(&exchange, bare) == .finish(.data([], from: meter, frames: [bare])))
  }

  @Test func `the last answer of 1997 is asked for once more, with what follows it`() throws {
    let identifier = try #require(ShortIdentifier(hex: "9010"))
    let other = try #require(ShortIdentifier(hex: "9020"))
    #expect(
      hexString(Request.again1997(identifier).frame(to: meter, wakeUps: 0))
        == "68 61 01 00 00 00 00 68 03 02 43 C3 3D 16")
    for request in [Request.again1997(identifier), .again1997(nil)] {
      let bytes = request.frame(to: meter, wakeUps: 0)
      #expect(Request(try Frame.decode(bytes.span), in: bytes.span) == request)
    }
    var exchange = ReadExchange(.again1997(identifier), to: meter, wakeUps: 0)
    #expect(exchange.start() == .send(Request.again1997(identifier).frame(to: meter, wakeUps: 0)))
    let strange = try #require(Reply.again1997(other, [1, 2, 3, 4], more: false).frame(from: meter, wakeUps: 0))
    let unasked = try #require(Reply.data1997(identifier, [1, 2, 3, 4], more: false).frame(from: meter, wakeUps: 0))
    #expect(feed(&exchange, strange + unasked) == .listen)
    let first = try #require(Reply.again1997(identifier, [1, 2], more: true).frame(from: meter, wakeUps: 0))
    #expect(
      feed(&exchange, first) == .send(Request.following1997(identifier, sequence: 1).frame(to: meter, wakeUps: 0)))
    let last = try #require(
      Reply.following1997(identifier, [3, 4], sequence: 1, more: false).frame(from: meter, wakeUps: 0))
    #expect(feed(&exchange, last) == .finish(.data([1, 2, 3, 4], from: meter, frames: [first, last])))
  }
}
