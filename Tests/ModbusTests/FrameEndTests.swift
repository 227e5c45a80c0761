import Testing

@testable import Modbus

/// Where a frame may end, told without looking for one.
@Suite struct FrameEndTests {
  @Test func `every sound frame that ends a stream is seen`() {
    var dice = Dice(seed: 8)
    for round in 0..<500 {
      let payload = dice.bytes(Int.random(in: 0...40, using: &dice))
      let message = Message(
        unit: UInt8.random(in: 1...247, using: &dice), function: FunctionCode(rawValue: UInt8(1 + round % 16)),
        payload: payload)
      let noise = dice.bytes(Int.random(in: 0...600, using: &dice))
      #expect(mayEndFrame(noise + message.rtu, as: [.rtu]), "seed 8, round \(round)")
      #expect(mayEndFrame(noise + message.tcp(transaction: 7), as: [.tcp]), "seed 8, round \(round)")
      let stream = noise + payload
      if let last = annotate(stream).last, last.isValid, last.offset + last.length == stream.count {
        #expect(mayEndFrame(stream, as: [.rtu, .tcp]))
      }
    }
  }

  @Test func `noise seldom looks like an end`() {
    var dice = Dice(seed: 9)
    let ends = (0..<1_000).count { _ in mayEndFrame(dice.bytes(300), as: [.rtu, .tcp]) }
    #expect(ends < 30)
    #expect(!mayEndFrame([], as: [.rtu, .tcp]))
    #expect(!mayEndFrame([0xFF, 0xFF], as: [.rtu, .tcp]))
  }

  @Test func `a step of the checksum is taken back, whatever the register and the byte`() {
    for register in stride(from: UInt16(0), to: .max, by: 257) {
      for byte in UInt8.min...UInt8.max {
        var sum = Checksum(register: register)
        sum.add(byte)
        #expect(Checksum.before(sum.register, byte) == register)
      }
    }
  }
}
