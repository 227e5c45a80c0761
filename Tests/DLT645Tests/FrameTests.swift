import DLT645
import Metering
import Testing

@Suite struct FrameTests {
  struct FrameCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// From the first 68H to 16H.
    let hex: String
    let address: String
    let control: UInt8
    /// After the 33H was taken away.
    let data: String
    var testDescription: String { name }
    var bytes: [UInt8] { wire(hex) }
  }

  static let cases = [
    FrameCase(
      name: "2007 read, forward active total", hex: "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16",
      address: "000000000161", control: 0x11, data: "00 00 01 00"),
    FrameCase(
      name: "2007 reply, 0.26 kWh", hex: "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
      address: "000000000161", control: 0x91, data: "00 00 01 00 26 00 00 00"),
    FrameCase(
      name: "2007 reply, 100.1 V", hex: "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16",
      address: "000000000161", control: 0x91, data: "00 01 01 02 01 10"),
    FrameCase(
      name: "2007 read address", hex: "68 AA AA AA AA AA AA 68 13 00 DF 16", address: "AAAAAAAAAAAA", control: 0x13,
      data: ""),
    FrameCase(
      name: "2007 address reply", hex: "68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16",
      address: "000000193600", control: 0x93, data: "00 36 19 00 00 00"),
    FrameCase(
      name: "2007 read, address 123456789012", hex: "68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16",
      address: "123456789012", control: 0x11, data: "00 00 01 00"),
    FrameCase(
      name: "1997 read to all", hex: "68 99 99 99 99 99 99 68 01 02 43 C3 6F 16", address: "999999999999",
      control: 0x01, data: "10 90"),
    FrameCase(
      name: "1997 reply, 0.15 kWh", hex: "68 95 32 06 00 00 00 68 81 06 43 C3 48 33 33 33 0B 16",
      address: "000000063295", control: 0x81, data: "10 90 15 00 00 00"),
  ]

  @Test(arguments: cases)
  func `a published frame is taken apart`(_ row: FrameCase) throws {
    let bytes = row.bytes
    let frame = try Frame.decode(bytes.span)
    #expect(frame.length == bytes.count)
    #expect(frame.address.description == row.address)
    #expect(frame.control.rawValue == row.control)
    #expect(frame.data(in: bytes.span) == wire(row.data))
    #expect(
      try Frame.decode(([0xFE, 0x68, 0x00] + bytes + [0xFF]).span, at: 3).data(in: bytes.span).count == frame.dataCount)
  }

  @Test(arguments: cases)
  func `a frame cut short anywhere asks for more`(_ row: FrameCase) {
    for count in 0..<row.bytes.count {
      let error = #expect(throws: FrameError.self) { try Frame.decode(Array(row.bytes.prefix(count)).span) }
      guard case .truncated(let have, let need) = error else {
        Issue.record("\(count) bytes gave \(String(describing: error))")
        continue
      }
      #expect(have == count)
      #expect(need == (count < 10 ? 10 : row.bytes.count))
    }
  }

  @Test func `what is wrong with a frame is told`() {
    struct Damage {
      let hex: String
      let error: FrameError
    }
    let rows = [
      Damage(
        hex: "68 12 90 78 56 34 12 68 11 04 33 33 34 33 69 16", error: .checksum(computed: 0x68, received: 0x69)),
      Damage(hex: "68 12 90 78 56 34 12 68 11 04 33 33 34 33 68 17", error: .delimiter(0x17, offset: 15)),
      Damage(hex: "68 12 90 78 56 34 12 69 11 04 33 33 34 33 68 16", error: .delimiter(0x69, offset: 7)),
      Damage(hex: "67 12 90 78 56 34 12 68 11 04 33 33 34 33 68 16", error: .delimiter(0x67, offset: 0)),
      Damage(hex: "68 12 90 78 56 34 12 68 11 C9 33 33 34 33 68 16", error: .length(0xC9)),
      Damage(hex: "68 12 90 78 56 34 12 68 11 C8 33 33 34 33 68 16", error: .truncated(have: 16, need: 212)),
    ]
    for row in rows {
      #expect(throws: row.error) { try Frame.decode(wire(row.hex).span) }
    }
  }

  @Test func `no single flipped bit of a reply passes`() {
    for row in Self.cases where row.control & 0x80 != 0 {
      for bit in 0..<(row.bytes.count * 8) {
        var bytes = row.bytes
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: FrameError.self, "bit \(bit)") { try Frame.decode(bytes.span) }
      }
    }
  }

  @Test func `requests and replies are the published bytes`() throws {
    let meter = try #require(Address("161"))
    let energy = try #require(DataIdentifier(hex: "00010000"))
    #expect(Request.data(energy).frame(to: meter, wakeUps: 0) == Self.cases[0].bytes)
    #expect(Request.data(energy).frame(to: meter) == [0xFE, 0xFE, 0xFE, 0xFE] + Self.cases[0].bytes)
    #expect(Request.data(energy).frame(to: meter, wakeUps: 99).count == 20)
    #expect(Reply.data(energy, [0x26, 0, 0, 0], more: false).frame(from: meter, wakeUps: 0) == Self.cases[1].bytes)
    #expect(Request.address.frame(to: .wildcard, wakeUps: 0) == Self.cases[3].bytes)
    let other = try #require(Address("000000193600"))
    #expect(Reply.address(other).frame(from: other, wakeUps: 0) == Self.cases[4].bytes)
    let short = try #require(ShortIdentifier(hex: "9010"))
    #expect(Request.data1997(short).frame(to: .broadcast, wakeUps: 0) == Self.cases[6].bytes)
    let old = try #require(Address("63295"))
    #expect(Reply.data1997(short, [0x15, 0, 0, 0], more: false).frame(from: old, wakeUps: 0) == Self.cases[7].bytes)
    #expect(Reply.data(energy, [UInt8](repeating: 0, count: 197), more: false).frame(from: meter) == nil)
    #expect(
      Reply.refusal(function: 0x11, .noData).frame(from: meter, wakeUps: 0)
        == wire("68 61 01 00 00 00 00 68 D1 01 35 39 16"))
  }

  @Test func `a meter understands every read and no other frame`() throws {
    let meter = try #require(Address("161"))
    let energy = try #require(DataIdentifier(hex: "0001FF00"))
    let short = try #require(ShortIdentifier(hex: "901F"))
    let requests: [Request] = [
      .data(energy), .following(energy, sequence: 7), .address, .data1997(short), .following1997(short, sequence: 1),
    ]
    for request in requests {
      let bytes = request.frame(to: meter, wakeUps: 0)
      #expect(Request(try Frame.decode(bytes.span), in: bytes.span) == request)
    }
    for row in Self.cases where row.control & 0x80 != 0 {
      let bytes = row.bytes
      #expect(Request(try Frame.decode(bytes.span), in: bytes.span) == nil)
    }
  }
}
