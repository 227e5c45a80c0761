import DLT645
import Metering
import Testing

/// What lines do to frames, one case each, as seen in the field.
@Suite struct WireDamageTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let hex: String
    /// The frames that are found, without wake-up bytes.
    let frames: [String]
    var testDescription: String { name }
  }

  static let reply = "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16"
  static let request = "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16"
  static let address = "68 00 36 19 00 00 00 68 93 06 33 69 4C 33 33 33 39 16"
  /// 68H, 16H and FEH in the data: decoded 35H, E3H and CBH.
  static let spiky = "68 61 01 00 00 00 00 68 91 08 33 33 34 33 68 16 FE 68 7C 16"
  /// 68H and 16H in the address.
  static let spikyAddress = "68 68 68 16 68 16 68 68 11 04 33 33 34 33 7E 16"
  /// A sum of 16H before the closing 16H.
  static let twoEnds = "68 63 01 00 00 00 00 68 11 04 33 33 34 33 16 16"

  static let rows = [
    Row(name: "doubled 68H", hex: "68 " + reply, frames: [reply]),
    Row(name: "doubled 68H after wake-up bytes", hex: "FE FE FE FE 68 " + reply, frames: [reply]),
    Row(name: "lost first 68H", hex: "FE FE FE FE \(reply.dropFirst(3))", frames: []),
    Row(name: "lost first 68H, and the next frame", hex: "\(reply.dropFirst(3)) \(address)", frames: [address]),
    Row(name: "no wake-up byte", hex: reply, frames: [reply]),
    Row(name: "two wake-up bytes", hex: "FE FE " + reply, frames: [reply]),
    Row(name: "seven wake-up bytes", hex: "FE FE FE FE FE FE FE " + reply, frames: [reply]),
    Row(name: "a damaged first wake-up byte", hex: "F8 FE FE FE " + reply, frames: [reply]),
    Row(name: "a first wake-up byte that became 68H", hex: "68 FE FE FE " + reply, frames: [reply]),
    Row(name: "trailing FFH", hex: reply + " FF FF FF", frames: [reply]),
    Row(name: "trailing 00H and 16H", hex: reply + " 00 16 16", frames: [reply]),
    Row(name: "68H, 16H and FEH in the data", hex: "FE " + spiky + " FE", frames: [spiky]),
    Row(name: "68H and 16H in the address", hex: "FE FE " + spikyAddress, frames: [spikyAddress]),
    Row(name: "a sum of 16H", hex: twoEnds + " FF", frames: [twoEnds]),
    Row(name: "two frames without a gap", hex: reply + " " + address, frames: [reply, address]),
    Row(name: "echo, then the reply", hex: "FE FE " + request + " FE " + reply, frames: [request, reply]),
    Row(
      name: "the late reply of another meter first", hex: address + " FE FE FE FE " + spiky, frames: [address, spiky]),
    Row(name: "a frame cut off by the next", hex: "\(reply.dropLast(12)) \(address)", frames: [address]),
    Row(name: "one byte lost in the middle", hex: "\(reply.dropLast(9))\(reply.dropFirst(53))", frames: []),
    Row(
      name: "a header that asks for 200 bytes that never come",
      hex: "68 01 02 03 04 05 06 68 91 C8 " + reply, frames: [reply]),
    Row(name: "noise with 68H before and after", hex: "68 00 68 16 " + reply + " 68 68 16", frames: [reply]),
  ]

  @Test(arguments: rows)
  func `frames are found whatever the line did to them`(_ row: Row) {
    let expected = row.frames.map { wire($0) }
    #expect(allFrames(wire(row.hex)) == expected)
    let bytes = wire(row.hex)
    let annotated = annotate(bytes).filter(\.isValid)
    #expect(annotated.map { hexString(bytes[$0.offset..<$0.offset + $0.length]) } == row.frames)
  }

  @Test(arguments: rows)
  func `bytes that come in two pieces are the same bytes`(_ row: Row) {
    let bytes = wire(row.hex)
    let expected = row.frames.map { wire($0) }
    for cut in 1..<bytes.count {
      var decoder = FrameDecoder()
      var found: [[UInt8]] = []
      for piece in [bytes[..<cut], bytes[cut...]] {
        for byte in piece { decoder.append(byte) }
        while let event = decoder.next() {
          if case .frame(let frame) = event { found.append(decoder.bytes(of: frame)) }
        }
      }
      decoder.silence()
      while let event = decoder.next() {
        if case .frame(let frame) = event { found.append(decoder.bytes(of: frame)) }
      }
      #expect(found == expected, "cut at \(cut)")
    }
  }

  @Test func `a lost first 68H is silence, not another meter's data`() throws {
    let meter = try #require(Address("161"))
    let energy = try #require(DataIdentifier(hex: "00010000"))
    var exchange = ReadExchange(.data(energy), to: meter)
    _ = exchange.start()
    for byte in wire("FE FE \(Self.reply.dropFirst(3))") { #expect(exchange.receive(byte) == .listen) }
    #expect(exchange.timedOut() == .finish(.silent))
    #expect(exchange.receivedBytes == 21)
  }
}
