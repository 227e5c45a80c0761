import DLT645
import Metering
import Testing

@Suite struct CatalogueTests {
  struct DataCase: Sendable, CustomTestStringConvertible {
    let identifier: String
    /// After the identifier, without the 33H.
    let data: String
    /// `quantity=value`, with `@time` where a demand occurred.
    let told: [String]
    var testDescription: String { "\(identifier): \(data)" }
  }

  static let cases = [
    DataCase(identifier: "00010000", data: "26 00 00 00", told: ["energy.import.active.total=0.26"]),
    DataCase(identifier: "00010000", data: "78 56 34 92", told: ["energy.import.active.total=923456.78"]),
    DataCase(identifier: "00000000", data: "34 12 00 80", told: ["energy.combined.active.total=-12.34"]),
    DataCase(identifier: "00000000", data: "00 00 00 A0", told: ["energy.combined.active.total=-200000.00"]),
    DataCase(identifier: "00010000", data: "FF FF FF FF", told: ["energy.import.active.total=-"]),
    DataCase(identifier: "00010000", data: "EE EE EE EE", told: ["energy.import.active.total=-"]),
    DataCase(identifier: "00010000", data: "26 00 00 00 AA", told: ["energy.import.active.total=0.26"]),
    DataCase(
      identifier: "0001FF00", data: "10 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00 00 00",
      told: [
        "energy.import.active.total=0.10", "energy.import.active.rate1=0.01", "energy.import.active.rate2=0.02",
        "energy.import.active.rate3=0.03", "energy.import.active.rate4=0.04",
      ]),
    DataCase(
      identifier: "0002FF01", data: "10 00 00 00 FF FF FF FF DD",
      told: ["energy.export.active.total=0.10", "energy.export.active.rate1=-"]),
    DataCase(identifier: "00150000", data: "05 00 00 00", told: ["energy.import.active.l1=0.05"]),
    DataCase(identifier: "00460000", data: "05 00 00 00", told: ["energy.export.apparent.l3=0.05"]),
    DataCase(identifier: "0001FF0C", data: "05 00 00 00", told: ["energy.import.active.total=0.05"]),
    DataCase(
      identifier: "01010000", data: "45 23 01 00 12 01 01 23",
      told: ["demand.import.active.total=1.2345@2023-01-01T12:00"]),
    DataCase(
      identifier: "01010001", data: "00 00 00 00 00 00 00 00", told: ["demand.import.active.total=0.0000"]),
    DataCase(
      identifier: "01030000", data: "00 50 80 00 12 01 01 23",
      told: ["demand.combined.reactive1.total=-0.5000@2023-01-01T12:00"]),
    DataCase(identifier: "02010100", data: "01 10", told: ["voltage.l1=100.1"]),
    DataCase(
      identifier: "0201FF00", data: "01 22 FF FF FF FF", told: ["voltage.l1=220.1", "voltage.l2=-", "voltage.l3=-"]),
    DataCase(identifier: "02020100", data: "34 12 80", told: ["current.l1=-1.234"]),
    DataCase(
      identifier: "0203FF00", data: "00 50 80 00 00 00 00 50 80 00 00 00",
      told: [
        "power.active.total=-0.5000", "power.active.l1=0.0000", "power.active.l2=-0.5000", "power.active.l3=0.0000",
      ]),
    DataCase(identifier: "02060000", data: "00 10", told: ["power-factor.total=1.000"]),
    DataCase(identifier: "02060100", data: "05 89", told: ["power-factor.l1=-0.905"]),
    DataCase(identifier: "02070300", data: "99 35", told: ["angle.l3=359.9"]),
    DataCase(identifier: "02080200", data: "50 01", told: ["distortion.voltage.l2=1.50"]),
    DataCase(identifier: "02800001", data: "34 12 00", told: ["current.neutral=1.234"]),
    DataCase(identifier: "02800002", data: "98 49", told: ["frequency=49.98"]),
    DataCase(identifier: "02800004", data: "00 50 00", told: ["demand.running.active=0.5000"]),
    DataCase(identifier: "02800007", data: "55 80", told: ["temperature=-5.5"]),
    DataCase(identifier: "04000101", data: "01 11 01 16", told: ["clock.date=2016-01-11"]),
    DataCase(identifier: "04000101", data: "00 00 00 00", told: ["clock.date=-"]),
    DataCase(identifier: "04000102", data: "55 53 21", told: ["clock.time=21:53:55"]),
    DataCase(identifier: "0400010C", data: "55 53 21 01 11 01 16", told: ["clock=2016-01-11T21:53:55"]),
    DataCase(identifier: "04000204", data: "04", told: ["rate.count=4"]),
    DataCase(identifier: "04000306", data: "50 00 00", told: ["ratio.current=50"]),
    DataCase(identifier: "04000401", data: "61 01 00 00 00 00", told: ["meter.address=000000000161"]),
    DataCase(identifier: "04000409", data: "00 64 00", told: ["meter.constant=6400"]),
    DataCase(identifier: "04000503", data: "50 00", told: ["status.word3=0000000001010000"]),
    DataCase(identifier: "04000B01", data: "00 01", told: ["settlement.day1=0100"]),
    DataCase(identifier: "05060001", data: "00 00 09 10 15", told: ["freeze.time=2015-10-09T00:00"]),
    DataCase(identifier: "05060001", data: "00 00 00 00 00", told: ["freeze.time=-"]),
    DataCase(
      identifier: "05060102", data: "10 00 00 00 10 00 00 00",
      told: ["energy.import.active.total=0.10", "energy.import.active.rate1=0.10"]),
    DataCase(
      identifier: "05060901", data: "45 23 01 00 12 01 01 23",
      told: ["demand.import.active.total=1.2345@2023-01-01T12:00"]),
  ]

  static func told(_ observations: [Observation]) -> [String] {
    observations.map { "\($0.quantity)=\($0.value)" + ($0.occurred.map { "@\($0)" } ?? "") }
  }

  @Test(arguments: cases)
  func `the data of an identifier is told`(_ row: DataCase) throws {
    let identifier = try #require(DataIdentifier(hex: row.identifier))
    #expect(identifier.description == row.identifier)
    #expect(Self.told(try identifier.observations(in: wire(row.data))) == row.told)
  }

  @Test func `memories are told apart`() throws {
    func memory(_ hex: String, _ data: String) throws -> Memory? {
      try DataIdentifier(hex: hex)?.observations(in: wire(data)).first?.memory
    }
    #expect(try memory("00010000", "00 00 00 00") == .current)
    #expect(try memory("0001000C", "00 00 00 00") == .settlement(12))
    #expect(try memory("0101FF01", "00 00 00 00 00 00 00 00") == .settlement(1))
    #expect(try memory("0506013E", "00 00 00 00") == .dailyFreeze(62))
    let all = try #require(DataIdentifier(hex: "000100FF"))
    let block = try all.observations(in: [UInt8](repeating: 0, count: 52))
    #expect(block.map(\.memory) == [.current] + (1...12).map(Memory.settlement))
  }

  @Test(arguments: [1, 4, 6, 63])
  func `a block has as many rates as its length says`(_ rates: Int) throws {
    let identifier = try #require(DataIdentifier(hex: "0001FF00"))
    var data: [UInt8] = []
    for rate in 0...rates { data += [UInt8(rate % 10), 0, 0, 0] }
    #expect(try identifier.observations(in: data).count == rates + 1)
    #expect(
      try identifier.observations(in: data, rates: rates).last?.quantity == .energy(.importActive, rate: UInt8(rates)))
    data.append(0xAA)
    #expect(try identifier.observations(in: data).count == rates + 1)
    #expect(throws: DataError.length(expected: 4 * rates, received: data.count)) {
      try identifier.observations(in: data, rates: rates - 1)
    }
    #expect(identifier.payloadLength(rates: rates) == 4 * (rates + 1))
  }

  struct FaultCase: Sendable, CustomTestStringConvertible {
    let identifier: String
    let data: String
    let code: String
    var testDescription: String { "\(identifier): \(data)" }
  }

  static let faults = [
    FaultCase(identifier: "00010000", data: "2A 00 00 00", code: "digit"),
    FaultCase(identifier: "00010000", data: "26 00 00 A0", code: "digit"),
    FaultCase(identifier: "00010000", data: "FF FF FF 00", code: "digit"),
    FaultCase(identifier: "00010000", data: "FF EE FF EE", code: "digit"),
    FaultCase(identifier: "00000000", data: "00 00 00 AA", code: "digit"),
    FaultCase(identifier: "00010000", data: "26 00 00", code: "length"),
    FaultCase(identifier: "00010000", data: "26 00 00 00 00", code: "length"),
    FaultCase(identifier: "00010000", data: "26 00 00 00 AA AA", code: "length"),
    FaultCase(identifier: "00010000", data: "", code: "length"),
    FaultCase(identifier: "0001FF00", data: "AA", code: "length"),
    FaultCase(identifier: "0001FF00", data: "26 00 00 00 00 00", code: "length"),
    FaultCase(identifier: "0201FF00", data: "01 22", code: "length"),
    FaultCase(identifier: "01010000", data: "45 23 01 00 12 00 00 23", code: "date"),
    FaultCase(identifier: "01010000", data: "45 23 01 00 12 30 02 23", code: "date"),
    FaultCase(identifier: "01010000", data: "45 23 01 00 1B 01 01 23", code: "digit"),
    FaultCase(identifier: "04000102", data: "00 60 00", code: "date"),
    FaultCase(identifier: "04000101", data: "01 11 13 16", code: "date"),
    FaultCase(identifier: "04000401", data: "6A 01 00 00 00 00", code: "digit"),
    FaultCase(identifier: "07000001", data: "00 00 00", code: "identifier"),
  ]

  @Test(arguments: faults)
  func `what is no value is an error and never a number`(_ row: FaultCase) throws {
    let identifier = try #require(DataIdentifier(hex: row.identifier))
    let error = #expect(throws: DataError.self) { try identifier.observations(in: wire(row.data)) }
    #expect(error?.code == row.code)
    #expect(error?.description.isEmpty == false)
  }

  @Test func `a bad item does not spoil its neighbours`() throws {
    let block = try #require(DataIdentifier(hex: "0201FF00"))
    let decoded = try block.decode(wire("01 22 0B 22 03 22"))
    #expect(Self.told(decoded.observations) == ["voltage.l1=220.1", "voltage.l3=220.3"])
    #expect(decoded.rejected == [.notDecimal("voltage.l2", bytes: [0x0B, 0x22])])
  }

  @Test func `text comes last character first, padded with NUL`() throws {
    let asset = try #require(DataIdentifier(hex: "04000403"))
    let data = Array("V022".utf8) + [UInt8](repeating: 0, count: 28)
    let observations = try asset.observations(in: data)
    #expect(observations.first?.value == .text("220V"))
    #expect(try asset.payload(observations) == data)
    let bad = [UInt8](repeating: 1, count: 32)
    #expect(throws: DataError.self) { try asset.observations(in: bad) }
  }

  @Test func `a quantity has its identifier and its block`() throws {
    func find(_ name: String, _ memory: Memory = .current) -> String? {
      Quantity(name: name).flatMap { DataIdentifier(for: $0, memory: memory) }?.description
    }
    func blocks(_ name: String, _ memory: Memory = .current) -> [String] {
      Quantity(name: name).map { DataIdentifier.blocks(containing: $0, memory: memory) }?.map(\.description) ?? []
    }
    #expect(find("energy.import.active.total") == "00010000")
    #expect(find("energy.import.active.rate4", .settlement(3)) == "00010403")
    #expect(find("energy.import.active.total", .settlement(13)) == nil)
    #expect(find("energy.import.active.rate2", .dailyFreeze(1)) == "05060101")
    #expect(find("energy.import.apparent.total", .dailyFreeze(1)) == nil)
    #expect(find("energy.import.reactive.total") == nil)
    #expect(find("energy.combined.active.l1") == nil)
    #expect(find("energy.export.active.l2") == "002A0000")
    #expect(find("demand.import.active.total", .settlement(1)) == "01010001")
    #expect(find("freeze.time", .dailyFreeze(7)) == "05060007")
    #expect(find("freeze.time") == nil)
    #expect(find("voltage.l3") == "02010300")
    #expect(find("voltage.l12") == nil)
    #expect(find("voltage.l3", .settlement(1)) == nil)
    #expect(find("current.neutral") == "02800001")
    #expect(find("status.word7") == "04000507")
    #expect(blocks("energy.import.active.rate1") == ["0001FF00"])
    #expect(blocks("energy.import.active.total", .settlement(1)) == ["0001FF01"])
    #expect(blocks("demand.import.active.rate1", .dailyFreeze(2)) == ["05060902"])
    #expect(blocks("energy.import.active.l1").isEmpty)
    #expect(blocks("power.active.total") == ["0203FF00"])
    #expect(blocks("current.neutral").isEmpty)
    #expect(blocks("status.word1") == ["040005FF"])
  }

  /// Identifiers of the catalogue whose answers readings are made of.
  static let all: [DataIdentifier] = {
    var bits: [UInt32] = []
    for di3 in UInt32(0)...1 {
      for di2 in UInt32(0)...0x46 {
        for di1 in [UInt32(0), 1, 4, 63, 0xFF] {
          for di0 in [UInt32(0), 1, 12, 0xFF] { bits.append(di3 << 24 | di2 << 16 | di1 << 8 | di0) }
        }
      }
    }
    for di2 in UInt32(1)...9 {
      for di1 in [UInt32(0), 1, 2, 3, 0xFF] { bits.append(0x0200_0000 | di2 << 16 | di1 << 8) }
    }
    for low in UInt32(0)...7 { bits.append(0x0280_0000 | low) }
    for low in UInt32(0)...0xBFF { bits.append(0x0400_0000 | low) }
    for di1 in UInt32(0)...0x0A { bits += [0x0506_0001 | di1 << 8, 0x0506_003E | di1 << 8] }
    return bits.map(DataIdentifier.init(rawValue:)).filter { !$0.items().isEmpty }
  }()

  @Test func `an item leads to its identifier and back`() {
    #expect(Self.all.count > 400)
    for identifier in Self.all {
      let items = identifier.items(rates: 4)
      #expect(!items.isEmpty)
      for item in items {
        let found = DataIdentifier(for: item.quantity, memory: item.memory)
        #expect(found != nil, "\(identifier) \(item.quantity)")
        #expect(found?.items(rates: 4).contains(item) == true, "\(identifier) \(item.quantity)")
      }
    }
  }

  @Test(arguments: [UInt64(645), 2007])
  func `values survive the wire`(_ seed: UInt64) throws {
    print("catalogue seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for identifier in Self.all {
      for _ in 0..<5 {
        let rates = Int.random(in: 0...6, using: &random)
        let observations = identifier.items(rates: rates).map { item in
          Self.observation(item, using: &random)
        }
        let bytes = try identifier.payload(observations, rates: rates)
        let isBlock = identifier.payloadLength() == nil
        #expect(try identifier.observations(in: bytes, rates: isBlock ? nil : rates) == observations, "\(identifier)")
        #expect(try identifier.payload(observations, rates: rates) == bytes)
      }
    }
  }

  static func observation(_ item: CatalogueItem, using random: inout SeededGenerator) -> Observation {
    let time = MeterTime(localSeconds: Int64.random(in: 946_684_800...4_102_444_799, using: &random))
    let minute = MeterTime(localSeconds: time.localSeconds / 60 * 60)
    let short = TimeOfDay(hour: minute.time.hour, minute: minute.time.minute).map {
      MeterTime(date: time.date, time: $0)
    }
    var occurred: MeterTime?
    let value: Value
    switch item.format {
    case .number(let bytes, let decimals, let signed):
      value = number(bytes: bytes, decimals: decimals, signed: signed, using: &random)
    case .demand(let signed):
      value = number(bytes: 3, decimals: 4, signed: signed, using: &random)
      occurred = short
    case .date: value = .date(time.date)
    case .timeOfDay: value = .timeOfDay(time.time)
    case .dateTime: value = .instant(time)
    case .minuteTime: value = short.map(Value.instant) ?? .absent
    case .dayHour: value = .text("2803")
    case .digits(let bytes):
      value = .text((0..<(2 * bytes)).map { _ in String(UInt8.random(in: 0...9, using: &random)) }.joined())
    case .characters(let bytes): value = .text(String("A-1 b".prefix(bytes)))
    case .bits(let bytes): value = .bits(UInt32.random(in: 0...0xFFFE, using: &random), width: 8 * bytes)
    case .secondTime, .monthTime, .zone, .period, .holiday, .code, .raw: value = .absent
    }
    return Observation(quantity: item.quantity, value: value, occurred: occurred, memory: item.memory)
  }

  static func number(bytes: Int, decimals: Int, signed: Bool, using random: inout SeededGenerator) -> Value {
    let limit = (0..<(2 * bytes)).reduce(Int64(1)) { product, _ in product * 10 }
    let digits =
      signed
      ? Int64.random(in: (-limit * 8 / 10 + 1)...(limit * 8 / 10 - 1), using: &random)
      : Int64.random(in: 0...(limit - 1), using: &random)
    return RegisterValue(digits: digits, decimals: decimals).map(Value.number) ?? .absent
  }

  @Test func `what does not fit is refused`() throws {
    let energy = try #require(DataIdentifier(hex: "00010000"))
    let total = Quantity.energyTotal(.importActive)
    func payload(_ digits: Int64) throws -> [UInt8] {
      let value = try #require(RegisterValue(digits: digits, decimals: 2))
      return try energy.payload([Observation(quantity: total, value: .number(value))])
    }
    #expect(try payload(99_999_999) == [0x99, 0x99, 0x99, 0x99])
    #expect(throws: PayloadError.range(total.name)) { try payload(100_000_000) }
    #expect(throws: PayloadError.range(total.name)) { try payload(-1) }
    #expect(throws: PayloadError.kind(total.name)) {
      try energy.payload([Observation(quantity: total, value: .text("1"))])
    }
    #expect(energy.items(rates: .max).count == 1)
    let block = try #require(DataIdentifier(hex: "0001FF00"))
    #expect(try block.payload([], rates: .max).count == 256)
    #expect(try energy.payload([]) == [0xFF, 0xFF, 0xFF, 0xFF])
    let fine = RegisterValue(millionths: 1_239_999, resolution: 1)
    #expect(try energy.payload([Observation(quantity: total, value: .number(fine))]) == [0x23, 0x01, 0, 0])
  }
}

@Suite struct ShortCatalogueTests {
  static let cases = [
    CatalogueTests.DataCase(identifier: "9010", data: "15 00 00 00", told: ["energy.import.active.total=0.15"]),
    CatalogueTests.DataCase(identifier: "9014", data: "15 00 00 00", told: ["energy.import.active.rate4=0.15"]),
    CatalogueTests.DataCase(identifier: "9020", data: "15 00 00 00", told: ["energy.export.active.total=0.15"]),
    CatalogueTests.DataCase(
      identifier: "901F", data: "15 00 00 00 15 00 00 00 AA",
      told: ["energy.import.active.total=0.15", "energy.import.active.rate1=0.15"]),
    CatalogueTests.DataCase(identifier: "A010", data: "45 23 01", told: ["demand.import.active.total=1.2345"]),
    CatalogueTests.DataCase(identifier: "B611", data: "20 02", told: ["voltage.l1=220"]),
    CatalogueTests.DataCase(
      identifier: "B61F", data: "20 02 21 02 22 02", told: ["voltage.l1=220", "voltage.l2=221", "voltage.l3=222"]),
    CatalogueTests.DataCase(identifier: "B622", data: "34 12", told: ["current.l2=12.34"]),
    CatalogueTests.DataCase(identifier: "B630", data: "45 23 01", told: ["power.active.total=1.2345"]),
    CatalogueTests.DataCase(identifier: "B650", data: "99 09", told: ["power-factor.total=0.999"]),
    CatalogueTests.DataCase(identifier: "C010", data: "01 11 01 16", told: ["clock.date=2016-01-11"]),
    CatalogueTests.DataCase(identifier: "C011", data: "55 53 21", told: ["clock.time=21:53:55"]),
    CatalogueTests.DataCase(identifier: "C032", data: "95 32 06 00 00 00", told: ["meter.number=000000063295"]),
  ]

  @Test(arguments: cases)
  func `the data of a 1997 identifier is told and made`(_ row: CatalogueTests.DataCase) throws {
    let identifier = try #require(ShortIdentifier(hex: row.identifier))
    let observations = try identifier.observations(in: wire(row.data))
    #expect(CatalogueTests.told(observations) == row.told)
    let bytes = try identifier.payload(observations)
    #expect(bytes == wire(row.data).dropLast(wire(row.data).last == 0xAA ? 1 : 0))
  }

  @Test func `last month and the month before are settlements`() throws {
    for (hex, memory) in [("9410", Memory.settlement(1)), ("9810", .settlement(2)), ("9010", .current)] {
      let identifier = try #require(ShortIdentifier(hex: hex))
      #expect(try identifier.observations(in: [0, 0, 0, 0]).first?.memory == memory)
    }
    #expect(ShortIdentifier(hex: "9170")?.isCatalogued == false)
    #expect(ShortIdentifier(hex: "B610")?.isCatalogued == false)
  }

  @Test func `a block of six rates and its closing byte is read`() throws {
    let identifier = try #require(ShortIdentifier(hex: "901F"))
    var data: [UInt8] = []
    for rate in UInt8(0)...6 { data += [rate, 0, 0, 0] }
    data.append(0xAA)
    #expect(try identifier.observations(in: data).count == 7)
  }

  @Test func `a quantity has its identifier and its block in the 1997 edition`() {
    func find(_ name: String, _ memory: Memory = .current) -> String? {
      Quantity(name: name).flatMap { ShortIdentifier(for: $0, memory: memory) }?.description
    }
    func blocks(_ name: String, _ memory: Memory = .current) -> [String] {
      Quantity(name: name).map { ShortIdentifier.blocks(containing: $0, memory: memory) }?.map(\.description) ?? []
    }
    #expect(find("energy.import.active.total") == "9010")
    #expect(find("energy.import.active.rate4", .settlement(1)) == "9414")
    #expect(find("energy.export.active.total", .settlement(2)) == "9820")
    #expect(find("demand.import.active.total") == "A010")
    #expect(find("energy.combined.active.total") == nil)
    #expect(find("energy.import.active.total", .dailyFreeze(1)) == nil)
    #expect(find("voltage.l2") == "B612")
    #expect(find("power.active.total") == "B630")
    #expect(find("meter.number") == "C032")
    #expect(blocks("energy.import.active.rate2") == ["901F"])
    #expect(blocks("current.l1") == ["B62F"])
    #expect(ShortIdentifier(hex: "901F")?.items(rates: 6).count == 7)
  }
}
