import Metering
import Modbus
import Testing

@Suite struct SunSpecTests {
  /// Walks a device that holds `image` from `base` on; what it asked for, and where it came out.
  func walk(_ image: [UInt16], at base: Int) -> (asked: [Int], end: SunSpecWalk.Step) {
    var walk = SunSpecWalk()
    var asked: [Int] = []
    var step = walk.start()
    while case .read(let range) = step {
      asked.append(range.first)
      let place = range.first - base
      step = walk.receive(place >= 0 && place + 2 <= image.count ? Array(image[place..<(place + 2)]) : nil)
      guard asked.count < 1000 else { break }
    }
    return (asked, step)
  }

  /// A map with a common block and a wye meter.
  static let meter: [UInt16] =
    SunSpec.marker + [1, 66] + [UInt16](repeating: 0, count: 66) + [203, 105] + [UInt16](repeating: 0, count: 105)
    + [0xFFFF, 0]

  @Test(arguments: [40_000, 50_000, 0])
  func `the blocks of a meter are found from each base`(_ base: Int) {
    let result = walk(Self.meter, at: base)
    let common = SunSpecBlock(model: 1, first: UInt16(base + 4), length: 66)
    let wye = SunSpecBlock(model: 203, first: UInt16(base + 72), length: 105)
    #expect(result.end == .found(base: UInt16(base), [common, wye]))
    #expect(result.asked.suffix(4) == [base, base + 2, base + 70, base + 177])
    #expect(wye.isMeter && !common.isMeter)
  }

  @Test func `a map without an end, or no map, is none`() {
    #expect(walk([], at: 0).end == .none)
    #expect(walk(SunSpec.marker, at: 40_000).end == .none)
    #expect(walk(Array(Self.meter.dropLast(2)), at: 40_000).end == .none)
    // Blocks of no length go on for ever, or to the end of all registers.
    #expect(walk(SunSpec.marker + [UInt16](repeating: 0, count: 2000), at: 40_000).end == .none)
    #expect(walk(SunSpec.marker + [1, 65_535], at: 40_000).end == .none)
  }

  @Test func `any device ends the walk`() {
    var dice = Dice(seed: 203)
    for round in 0..<500 {
      var walk = SunSpecWalk()
      var step = walk.start()
      var reads = 0
      while case .read(let range) = step, reads < 1000 {
        reads += 1
        #expect(range.count == 2, "seed \(dice.seed), round \(round)")
        switch dice.number(0...9) {
        case 0: step = walk.receive(nil)
        case 1: step = walk.receive(dice.words(dice.number(0...3)))
        case 2...4: step = walk.receive(SunSpec.marker)
        default: step = walk.receive([UInt16(dice.number(1...300)), UInt16(dice.number(0...200))])
        }
      }
      #expect(reads <= 3 * (SunSpecWalk.mostBlocks + 2), "seed \(dice.seed), round \(round)")
    }
  }

  @Test func `the common block says who made the device`() throws {
    func words(_ text: String, _ count: Int) throws -> [UInt16] {
      try RegisterFormat(.text(registers: count)).encode(.text(text))
    }
    let block =
      try words("Fronius", 16) + words("Smart Meter 63A", 16) + [UInt16](repeating: 0, count: 8) + words("1.3", 8)
      + words("12345678", 16) + [1, 0x8000]
    let identity = try #require(SunSpecIdentity(block))
    #expect(identity.manufacturer == "Fronius" && identity.model == "Smart Meter 63A" && identity.options.isEmpty)
    #expect(identity.version == "1.3" && identity.serialNumber == "12345678")
    #expect(SunSpecIdentity(Array(block.prefix(64))) == nil)
    #expect(SunSpecIdentity([0x0102] + block.dropFirst()) == nil)
  }

  struct ScaledCase: Sendable, CustomTestStringConvertible {
    let name: String
    let format: RegisterFormat
    let registers: [UInt16]
    let power: UInt16
    /// As it is printed; `nil` for no value.
    let value: String?
    var testDescription: String { name }
  }

  static let kilowatts = RegisterFormat(.i16, scale: Scale("0.001") ?? .one, absent: [0x8000])
  static let scaled = [
    // The trace of evcc-io/evcc issue 15445: W = -91.
    ScaledCase(name: "-91 W", format: kilowatts, registers: [0xFFA5], power: 0, value: "-0.091"),
    ScaledCase(name: "2302 x 10^-1 V", format: RegisterFormat(.u16), registers: [2302], power: 0xFFFF, value: "230.2"),
    ScaledCase(name: "5000 x 10^10", format: RegisterFormat(.u16), registers: [5000], power: 10, value: nil),
    ScaledCase(name: "5 x 10^9", format: RegisterFormat(.u16), registers: [5], power: 9, value: "5000000000"),
    ScaledCase(
      name: "counter in Wh", format: RegisterFormat(.u32, scale: Scale("0.001") ?? .one, absent: [0]),
      registers: [0x0001, 0x86A1], power: 0, value: "100.001"),
    ScaledCase(
      name: "-10 rounds half away from zero once", format: RegisterFormat(.i32), registers: [0xFFFF, 0xEC78],
      power: UInt16(bitPattern: -10), value: "-0.000001"),
    ScaledCase(
      name: "a half of a millionth", format: RegisterFormat(.i32), registers: [0, 5000], power: UInt16(bitPattern: -10),
      value: "0.000001"),
    ScaledCase(
      name: "less than a half", format: RegisterFormat(.i32), registers: [0, 4999], power: UInt16(bitPattern: -10),
      value: "0.000000"),
  ]

  @Test(arguments: scaled)
  func `a power of ten from a scale register counts exactly`(_ row: ScaledCase) throws {
    let power = try #require(try SunSpec.power(row.power))
    guard let text = row.value else {
      #expect(throws: RegisterError.overflow) { try row.format.decode(row.registers, tenTo: power) }
      return
    }
    guard case .number(let number) = try row.format.decode(row.registers, tenTo: power) else {
      Issue.record("no number")
      return
    }
    #expect(number.millionths == (try #require(exactDecimal(text, scale: 6))))
  }

  @Test func `scale registers say a power, nothing, or what cannot be`() throws {
    #expect(try SunSpec.power(0x8000) == nil)
    #expect(try SunSpec.power(0xFFF6) == -10)
    #expect(try SunSpec.power(10) == 10)
    #expect(throws: RegisterError.power(11)) { try SunSpec.power(11) }
    #expect(throws: RegisterError.power(-11)) { try SunSpec.power(0xFFF5) }
    #expect(throws: RegisterError.kind) { try RegisterFormat(.f32).decode([0, 0], tenTo: 1) }
  }

  @Test func `no value has its own pattern in each type`() throws {
    let patterns: [(RegisterType, UInt64, UInt64?)] = [
      (.u16, 0xFFFF, 0), (.i16, 0x8000, 0x8000), (.u32, 0xFFFF_FFFF, 0), (.i32, 0x8000_0000, 0x8000_0000),
      (.u64, .max, 0), (.i64, 0x8000_0000_0000_0000, 0x8000_0000_0000_0000),
    ]
    for (type, plain, accumulator) in patterns {
      #expect(SunSpec.absent(type) == plain && SunSpec.absent(type, accumulates: true) == accumulator)
      let format = RegisterFormat(type, absent: [plain])
      #expect(try format.decode(format.encode(.absent)) == .absent)
    }
    #expect(SunSpec.absent(.f32) == nil)
  }

  @Test func `what is encoded with a power is decoded with it, to the nearest step`() throws {
    var dice = Dice(seed: 10)
    for round in 0..<5000 {
      let power = dice.number(-10...10)
      let type: RegisterType = [.u16, .i16, .u32, .i32, .u64, .i64, .bcd32][dice.number(0...6)]
      let format = RegisterFormat(type, scale: dice.number(0...1) == 0 ? .one : try #require(Scale("0.001")))
      let registers = dice.words(type.registerCount).map { type == .bcd32 ? $0 & 0x1111 : $0 }
      // Values whose step is finer than what a reading holds do not come back.
      guard let value = try? format.decode(registers, tenTo: power), case .number(let number) = value,
        number.resolution > 1
      else { continue }
      #expect(try format.encode(value, tenTo: power) == registers, "seed \(dice.seed), round \(round)")
    }
  }
}
