import DLT645
import Metering
import Testing

@Suite struct FrameDecoderTests {
  @Test(arguments: FrameTests.cases)
  func `a frame is found byte by byte, after noise, after wake-up bytes and with a doubled start`(
    _ row: FrameTests.FrameCase
  ) {
    let prefixes = [
      "", "FE FE FE FE", "FE", "FE FE FE FE FE FE FE", "00 FE 16", "68", "68 68", "68 68 68", "FF 68 16 68 00",
      "68 01 02 03 04 05 06", "16 16", "68 AA AA AA AA AA AA 68 C9 C9",
    ]
    for prefix in prefixes {
      #expect(allFrames(wire(prefix) + row.bytes) == [row.bytes], "after \(prefix)")
      #expect(allFrames(wire(prefix) + row.bytes + [0xFF, 0xFF, 0xFF]) == [row.bytes], "after \(prefix)")
    }
    #expect(allFrames(row.bytes + row.bytes) == [row.bytes, row.bytes])
  }

  @Test(arguments: FrameTests.cases)
  func `a frame cut short is no frame, and the next one is found`(_ row: FrameTests.FrameCase) {
    for count in 1..<row.bytes.count {
      #expect(allFrames(Array(row.bytes.prefix(count))).isEmpty)
      #expect(allFrames(Array(row.bytes.dropFirst(count))).isEmpty)
      #expect(allFrames(row.bytes.prefix(count) + row.bytes) == [row.bytes], "\(count) bytes before")
    }
  }

  @Test func `damage is reported with its reason and its bytes, and counted`() {
    var decoder = FrameDecoder()
    var events: [FrameDecoder.Event] = []
    let bad = wire("68 12 90 78 56 34 12 68 11 04 33 33 34 33 69 16")
    for byte in [0xFE, 0xFE] + bad {
      decoder.append(byte)
      while let event = decoder.next() {
        if case .damaged(.checksum, let range) = event { #expect(decoder.bytes(in: range) == bad) }
        events.append(event)
      }
    }
    // The second 68H is looked at too, as the start of another candidate.
    #expect(
      events == [
        .damaged(.checksum(computed: 0x68, received: 0x69), 0..<16), .damaged(.delimiter(0x69, offset: 7), 7..<15),
      ])
    #expect(decoder.damaged == 2)
    #expect(decoder.noise == 16)
    #expect(decoder.held == 0)
  }

  @Test(arguments: [UInt64(1), 20_071_997, 0x6445])
  func `a good frame after random noise is always found`(_ seed: UInt64) {
    print("resynchronisation seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      let frame = FrameTests.cases[Int.random(in: 0..<FrameTests.cases.count, using: &random)].bytes
      var noise: [UInt8] = []
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        noise += random.bytes(Int.random(in: 0...12, using: &random))
        if Bool.random(using: &random) {
          // A header that asks for up to 200 bytes that never come.
          noise += [0x68] + random.bytes(6) + [0x68, 0x91, UInt8.random(in: 20...200, using: &random)]
        }
      }
      #expect(allFrames(noise + frame).contains(frame), "\(hexString(noise))")
      // On a line that never falls silent it is found once the false header has had its bytes.
      var decoder = FrameDecoder()
      var seen = false
      for byte in noise + frame + [UInt8](repeating: 0, count: 6 * Frame.maximumLength) {
        decoder.append(byte)
        while let event = decoder.next() {
          if case .frame(let found) = event { seen = seen || decoder.bytes(of: found) == frame }
        }
        #expect(decoder.held <= Frame.maximumLength)
      }
      #expect(seen, "\(hexString(noise))")
    }
  }

  @Test func `an owner that never asks does not make it grow`() {
    var decoder = FrameDecoder()
    for _ in 0..<10_000 { decoder.append(0x68) }
    #expect(decoder.held <= FrameDecoder.capacity)
    for byte in FrameTests.cases[1].bytes { decoder.append(byte) }
    var found = 0
    while let event = decoder.next() {
      if case .frame = event { found += 1 }
    }
    #expect(found == 1)
  }

  @Test func `no bytes make it trap`() {
    var random = SeededGenerator(seed: 645)
    var decoder = FrameDecoder()
    let likely: [UInt8] = [0x68, 0x16, 0xFE, 0x00, 0x91, 0x04, 0xFF]
    for _ in 0..<300_000 {
      let byte =
        Bool.random(using: &random)
        ? likely[Int.random(in: 0..<likely.count, using: &random)] : UInt8.random(in: 0...255, using: &random)
      decoder.append(byte)
      if UInt8.random(in: 0...255, using: &random) == 0 { decoder.silence() }
      while let event = decoder.next() {
        if case .frame(let frame) = event { #expect(decoder.bytes(of: frame).count == frame.length) }
      }
    }
  }
}
