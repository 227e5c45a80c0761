import Metering
import Modbus
import Testing

@Suite struct RegisterFormatTests {
  struct DecodeCase: Sendable, CustomTestStringConvertible {
    let type: String
    var order = "ABCD"
    var scale = "1"
    var absent: [UInt64] = []
    let registers: [UInt16]
    let value: String
    var resolution: Int64?
    var testDescription: String { "\(type) \(order) x\(scale) \(registers)" }
  }

  static let cases = [
    DecodeCase(type: "f32", registers: [0x4366, 0x3334], value: "230.200012", resolution: 16),
    DecodeCase(type: "f32", order: "CDAB", registers: [0x3334, 0x4366], value: "230.200012"),
    DecodeCase(type: "f32", order: "BADC", registers: [0x6643, 0x3433], value: "230.200012"),
    DecodeCase(type: "f32", order: "DCBA", registers: [0x3433, 0x6643], value: "230.200012"),
    DecodeCase(type: "f32", registers: [0x4708, 0xEE9A], value: "35054.601563", resolution: 3907),
    DecodeCase(type: "f32", scale: "0.1", registers: [0x450F, 0xC000], value: "230.000000", resolution: 25),
    DecodeCase(type: "f32", registers: [0x7FC0, 0x0000], value: "-"),
    DecodeCase(type: "f32", registers: [0xFF80, 0x0000], value: "-"),
    DecodeCase(type: "f32", registers: [0x0000, 0x0001], value: "0.000000", resolution: 1),
    DecodeCase(type: "f64", registers: [0x40E1, 0x1DD3, 0x4000, 0x0000], value: "35054.601563", resolution: 1),
    DecodeCase(type: "u32", scale: "0.01", registers: [0x0001, 0x86A0], value: "1000.00", resolution: 10_000),
    DecodeCase(type: "i32", scale: "0.0001", registers: [0xFFFF, 0xFC72], value: "-0.0910"),
    DecodeCase(type: "i32", order: "CDAB", scale: "0.1", registers: [0xFC72, 0xFFFF], value: "-91.0"),
    DecodeCase(type: "i16", scale: "0.001", registers: [0x8000], value: "-32.768"),
    DecodeCase(type: "u16", absent: [0xFFFF], registers: [0xFFFF], value: "-"),
    DecodeCase(type: "i32", absent: [0x7FFF_FFFF], registers: [0x7FFF, 0xFFFF], value: "-"),
    DecodeCase(type: "i64", scale: "0.001", registers: [0, 0, 0x075B, 0xCD15], value: "123456.789"),
    DecodeCase(
      type: "u64", scale: "0.000001", registers: [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], value: "the number is too large"),
    DecodeCase(
      type: "u64", scale: "0.0000001", registers: [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], value: "1844674407370.955162"),
    DecodeCase(type: "u64", order: "GHEFCDAB", registers: [4, 3, 2, 1], value: "the number is too large"),
    DecodeCase(type: "u64", order: "CDAB", scale: "0.001", registers: [4, 3, 0, 0], value: "196.612"),
    DecodeCase(type: "u64", order: "EFGHABCD", scale: "0.001", registers: [3, 4, 0, 0], value: "196.612"),
    DecodeCase(type: "u64", order: "HGFEDCBA", scale: "0.001", registers: [0x0400, 0x0300, 0, 0], value: "196.612"),
    DecodeCase(type: "bcd32", scale: "0.01", registers: [0x1234, 0x5678], value: "123456.78"),
    DecodeCase(type: "bcd16", registers: [0x12A4], value: "A is no decimal digit"),
    DecodeCase(type: "bcd64", registers: [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF], value: "-"),
    DecodeCase(type: "bits4-7", registers: [0xABCD], value: "12"),
    DecodeCase(type: "bits0-15", registers: [0xABCD], value: "43981"),
    DecodeCase(type: "text3", registers: [0x4142, 0x4300, 0x4444], value: "ABC"),
    DecodeCase(type: "text1", registers: [0x4180], value: "80 is no printable character"),
    DecodeCase(type: "datetime", registers: [0x1A0B, 0x1608, 0x0F1E], value: "2026-11-22T08:15:30"),
    DecodeCase(type: "datetime", registers: [0x1A0D, 0x1608, 0x0F1E], value: "1A0D 1608 0F1E is no date and time"),
    DecodeCase(type: "u32", registers: [1], value: "1 register, where the value takes 2"),
  ]

  @Test(arguments: cases)
  func `registers become exact values`(_ row: DecodeCase) throws {
    let format = RegisterFormat(
      try #require(RegisterType(row.type)), order: try #require(WordOrder(row.order)),
      scale: try #require(Scale(row.scale)), absent: row.absent)
    do throws(RegisterError) {
      let value = try format.decode(row.registers)
      #expect(value.description == row.value)
      if let resolution = row.resolution { #expect(value.number?.resolution == resolution) }
    } catch {
      #expect(error.description == row.value)
    }
  }

  @Test func `names of types, orders and scales are read as written or not at all`() {
    for name in ["u16", "i64", "f32", "bcd32", "bits0-3", "text8", "datetime"] {
      #expect(RegisterType(name)?.description == name)
    }
    for name in ["", "u8", "text0", "text33", "text08", "bits3-0", "bits0-16", "bits1", "float"] {
      #expect(RegisterType(name) == nil, "\(name)")
    }
    for name in ["0.001", "1", "-1", "1000000", "0.000000001", "0.06"] { #expect(Scale(name)?.description == name) }
    for name in ["0", "", "1e3", "0.0000000001", "1000001", ".1"] { #expect(Scale(name) == nil, "\(name)") }
    for (name, _) in WordOrder.named { #expect(WordOrder(name) != nil) }
    #expect(WordOrder("ABDC") == nil)
  }

  @Test func `every finite float is its exact decimal, rounded once`() throws {
    var dice = Dice(seed: 230_200_012)
    let scales = ["1", "0.1", "0.001", "-1", "0.01", "1000", "0.000000001", "0.7"]
    for round in 0..<6000 {
      let scale = try #require(Scale(scales[round % scales.count]))
      let isWide = round % 2 == 0
      var bits = dice.next() >> (isWide ? 0 : 32)
      // Half of the numbers are of the sizes that meters show.
      if round % 4 < 2 {
        let size = dice.number(-30...45)
        bits =
          isWide
          ? (Double(sign: .plus, exponent: size, significand: 1) * Double.random(in: 1..<2, using: &dice)).bitPattern
          : UInt64(
            (Float(sign: .minus, exponent: size, significand: 1) * Float.random(in: 1..<2, using: &dice)).bitPattern)
      }
      let number = isWide ? Double(bitPattern: bits) : Double(Float(bitPattern: UInt32(bits)))
      let format = RegisterFormat(isWide ? .f64 : .f32, scale: scale)
      let registers = (0..<(isWide ? 4 : 2)).reversed().map { UInt16(truncatingIfNeeded: bits >> UInt64(16 * $0)) }
      let value = try? format.decode(registers)
      guard number.isFinite else {
        #expect(value == .absent, "seed \(dice.seed), round \(round)")
        continue
      }
      let expected = Exact(number).times(Exact(scale.billionths, tenTo: -3)).rounded()
      #expect(value?.number?.millionths == expected, "seed \(dice.seed), round \(round): \(number) x \(scale)")
    }
  }

  @Test func `encoding undoes decoding for every whole type`() throws {
    var dice = Dice(seed: 42)
    let types: [RegisterType] = [.u16, .i16, .u32, .i32, .u64, .i64, .bits(first: 3, last: 9)]
    for round in 0..<6000 {
      let type = types[round % types.count]
      let order = WordOrder.named[dice.number(0...11)].order
      let format = RegisterFormat(type, order: order, scale: try #require(Scale(["1", "0.01", "-0.001"][round % 3])))
      var registers = dice.words(type.registerCount)
      if case .bits = type { registers = [0] }
      guard let value = try? format.decode(registers) else { continue }
      #expect(try format.encode(value) == registers, "seed \(dice.seed), round \(round): \(format)")
    }
  }

  @Test func `a decimal becomes the nearest float, ties to even`() throws {
    var dice = Dice(seed: 99)
    for round in 0..<6000 {
      let millionths = Int64(bitPattern: dice.next()) >> Int64(dice.number(0...60))
      let value = Value.number(RegisterValue(millionths: millionths, resolution: 1))
      let text = decimalString(millionths)
      // The standard library reads decimals to the nearest number, ties to even.
      let single = try #require(Float(text)).bitPattern
      let double = try #require(Double(text)).bitPattern
      let wide = try RegisterFormat(.f64).encode(value).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
      let narrow = try RegisterFormat(.f32).encode(value).reduce(UInt32(0)) { $0 << 16 | UInt32($1) }
      #expect(wide == double, "seed \(dice.seed), round \(round): \(text)")
      #expect(narrow == single, "seed \(dice.seed), round \(round): \(text)")
      let tenths = RegisterFormat(.f32, scale: try #require(Scale("0.1")))
      if let scaled = Float("\(text)e1") {
        let bits = try tenths.encode(value).reduce(UInt32(0)) { $0 << 16 | UInt32($1) }
        #expect(bits == scaled.bitPattern, "seed \(dice.seed), round \(round): \(text) in tenths")
      }
    }
  }

  @Test func `what does not fit is refused, and absence has a pattern`() throws {
    let large = Value.number(RegisterValue(millionths: 65_536_000_000, resolution: 1))
    #expect(throws: RegisterError.overflow) { try RegisterFormat(.u16).encode(large) }
    #expect(throws: RegisterError.overflow) { try RegisterFormat(.bcd16).encode(large) }
    let negative = Value.number(RegisterValue(millionths: -1_000_000, resolution: 1))
    #expect(throws: RegisterError.overflow) { try RegisterFormat(.u32).encode(negative) }
    #expect(throws: RegisterError.kind) { try RegisterFormat(.u32).encode(.text("x")) }
    #expect(throws: RegisterError.kind) { try RegisterFormat(.u32).encode(.absent) }
    #expect(try RegisterFormat(.u32, absent: [0xFFFF_FFFF]).encode(.absent) == [0xFFFF, 0xFFFF])
    #expect(try RegisterFormat(.f32).decode(RegisterFormat(.f32).encode(.absent)) == .absent)
    #expect(
      try RegisterFormat(.bcd32, scale: #require(Scale("0.01"))).encode(
        .number(RegisterValue(millionths: 123_456_780_000, resolution: 10_000))) == [0x1234, 0x5678])
    #expect(try RegisterFormat(.text(registers: 2)).encode(.text("AB")) == [0x4142, 0])
    let time = Value.instant(try #require(MeterTime("2026-11-22T08:15:30")))
    #expect(try RegisterFormat(.dateTime).decode(RegisterFormat(.dateTime).encode(time)) == time)
  }
}
