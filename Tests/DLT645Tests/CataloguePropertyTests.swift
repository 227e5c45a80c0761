import DLT645
import Metering
import Testing

/// What holds for every row of the catalogue.
@Suite struct CataloguePropertyTests {
  static let samples = CatalogueRowTests.samples

  static func isRecordOrBlock(_ identifier: AnyIdentifier) -> Bool {
    guard case .long(let long) = identifier else { return false }
    return (long.di3 == 0x05 && long.di1 == 0xFF) || isProfileRecord(identifier)
  }

  static func isProfileRecord(_ identifier: AnyIdentifier) -> Bool {
    guard case .long(let long) = identifier else { return false }
    return long.di3 == 0x06 && long.di2 < 7
  }

  /// A legal value of the format.
  static func content(_ format: ItemFormat, using random: inout SeededGenerator) -> ItemContent {
    let time = MeterTime(localSeconds: Int64.random(in: 946_684_800...4_102_444_799, using: &random))
    let short = TimeOfDay(hour: time.time.hour, minute: time.time.minute).map { MeterTime(date: time.date, time: $0) }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let monthDay = "\(two(time.date.month))-\(two(time.date.day))"
    let hourMinute = "\(two(time.time.hour)):\(two(time.time.minute))"
    let table = Int.random(in: 1...99, using: &random)
    func hex(_ bytes: Int) -> [UInt8] { (0..<bytes).map { _ in UInt8.random(in: 0...0xED, using: &random) } }
    switch format {
    case .number(let bytes, let decimals, let signed):
      return ItemContent(
        CatalogueTests.number(bytes: bytes, decimals: decimals, signed: signed, using: &random))
    case .demand(let signed):
      let value = CatalogueTests.number(bytes: 3, decimals: 4, signed: signed, using: &random)
      return ItemContent(value, occurred: short)
    case .date: return ItemContent(.date(time.date))
    case .timeOfDay: return ItemContent(.timeOfDay(time.time))
    case .dateTime, .secondTime: return ItemContent(.instant(time))
    case .minuteTime: return ItemContent(short.map(Value.instant) ?? .absent)
    case .monthTime: return ItemContent(.text("\(monthDay) \(hourMinute)"))
    case .dayHour: return ItemContent(.text("2803"))
    case .zone: return ItemContent(.text("\(monthDay) table \(table)"))
    case .period: return ItemContent(.text("\(hourMinute) rate \(table)"))
    case .holiday: return ItemContent(.text("\(time.date) table \(table)"))
    case .digits(let bytes):
      return ItemContent(
        .text((0..<(2 * bytes)).map { _ in String(UInt8.random(in: 0...9, using: &random)) }.joined()))
    case .code(let bytes): return ItemContent(.text(hexString(hex(bytes), separator: "")))
    case .raw(let bytes): return ItemContent(.text(hexString(hex(bytes))))
    case .characters(let bytes): return ItemContent(.text(String("220V-x".prefix(bytes))))
    case .bits(let bytes):
      return ItemContent(.bits(UInt32.random(in: 0..<(1 << UInt32(8 * bytes) - 1), using: &random), width: 8 * bytes))
    }
  }

  @Test(arguments: [UInt64(645), 1997])
  func `what is written is read again, of every row`(_ seed: UInt64) throws {
    print("catalogue round trip seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for identifier in Self.samples {
      let rates = Int.random(in: 0...5, using: &random)
      var items: [DecodedItem] = []
      var time: MeterTime?
      for field in identifier.fields(rates: rates) {
        var content = Self.content(field.format, using: &random)
        if case .instant(let told) = content.value, field.name == "profile.time" { time = told }
        if Self.isProfileRecord(identifier), field.name != "profile.time" {
          // An item of a record occurred at the time of its record.
          content = ItemContent(content.value, occurred: time)
        }
        items.append(DecodedItem(field, content))
      }
      let bytes = try identifier.payload(items)
      let decoded = try identifier.decode(bytes)
      #expect(decoded.items == items, "\(identifier): \(hexString(bytes))")
      #expect(decoded.rejected.isEmpty, "\(identifier)")
      #expect(try identifier.payload(decoded.items) == bytes)
      #expect(decoded.observations == (try identifier.observations(in: bytes)), "\(identifier)")
      if !Self.isRecordOrBlock(identifier) {
        let texts = items.map { "\($0.value)" + ($0.occurred.map { "@\($0)" } ?? "") }
        #expect(try identifier.payload(texts: texts) == bytes, "\(identifier)")
      }
    }
  }

  @Test(arguments: [UInt8(0xFF), 0xEE])
  func `what is filled is absent, of every row`(_ fill: UInt8) throws {
    for identifier in Self.samples where !Self.isRecordOrBlock(identifier) {
      let size = identifier.fields(rates: 2).reduce(0) { $0 + $1.format.size }
      let decoded = try identifier.decode([UInt8](repeating: fill, count: size))
      #expect(decoded.rejected.isEmpty, "\(identifier)")
      #expect(decoded.items.count == identifier.fields(rates: 2).count, "\(identifier)")
      #expect(decoded.items.allSatisfy { $0.value == .absent }, "\(identifier)")
    }
  }

  @Test func `a closing byte is no item, of every row`() throws {
    for identifier in Self.samples where !Self.isRecordOrBlock(identifier) {
      let plain = try identifier.payload([], rates: 3)
      let filled = try identifier.decode(plain)
      for closing in [UInt8(0xAA), 0xDD] {
        #expect(try identifier.decode(plain + [closing]) == filled, "\(identifier)")
      }
    }
  }

  @Test(arguments: [UInt64(6), 45])
  func `a value below zero is written where the row has a sign, and read again; nowhere else`(_ seed: UInt64) throws {
    print("sign seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for identifier in Self.samples where !Self.isRecordOrBlock(identifier) {
      for field in identifier.fields(rates: 1) {
        let (decimals, isSigned): (Int, Bool)
        switch field.format {
        case .number(_, let places, let signed): (decimals, isSigned) = (places, signed)
        case .demand(let signed): (decimals, isSigned) = (4, signed)
        default: continue
        }
        let step = (decimals..<6).reduce(Int64(1)) { last, _ in last * 10 }
        // Less than one unit of the last place, half of the time.
        let most = Bool.random(using: &random) ? max(1, step - 1) : step * 70
        let millionths = -Int64.random(in: 1...most, using: &random)
        let item = DecodedItem(field, ItemContent(.number(RegisterValue(millionths: millionths, resolution: 1))))
        guard isSigned else {
          #expect(throws: PayloadError.self, "\(identifier) \(field.name) \(millionths)") {
            try identifier.payload([item], rates: 1)
          }
          continue
        }
        let decoded = try identifier.decode(try identifier.payload([item], rates: 1))
        let told = decoded.items.first { $0.field == field }?.value.number?.millionths
        #expect(told == millionths / step * step, "\(identifier) \(field.name) \(millionths)")
      }
    }
  }

  @Test func `the top bit is a sign only where the row says so`() throws {
    for identifier in Self.samples where !Self.isRecordOrBlock(identifier) {
      let fields = identifier.fields(rates: 1)
      var bytes: [UInt8] = []
      for field in fields {
        guard case .number(let size, _, _) = field.format else {
          bytes += [UInt8](repeating: 0xFF, count: field.format.size)
          continue
        }
        bytes += [UInt8](repeating: 0x11, count: size - 1) + [0x91]
      }
      let decoded = try identifier.decode(bytes)
      for item in decoded.items {
        guard case .number(_, _, let signed) = item.field.format else { continue }
        #expect(((try #require(item.value.number)).millionths < 0) == signed, "\(identifier) \(item.name)")
      }
    }
  }

  @Test func `a digit that is none spoils its item and no other`() throws {
    for identifier in Self.samples where !Self.isRecordOrBlock(identifier) {
      let fields = identifier.fields(rates: 2)
      var bytes: [UInt8] = []
      var bad = 0
      for (index, field) in fields.enumerated() {
        guard case .number(let size, _, _) = field.format, index % 2 == 0 else {
          bytes += [UInt8](repeating: 0xFF, count: field.format.size)
          continue
        }
        bytes += [UInt8](repeating: 0x0B, count: size)
        bad += 1
      }
      let decoded = try identifier.decode(bytes)
      #expect(decoded.rejected.count == bad, "\(identifier)")
      #expect(decoded.items.count == fields.count - bad, "\(identifier)")
      #expect(decoded.rejected.allSatisfy { $0.code == "digit" && !$0.description.isEmpty })
    }
  }

  @Test(arguments: [UInt64(7)])
  func `an answer cut short anywhere is refused or tells less`(_ seed: UInt64) throws {
    print("catalogue cut seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for identifier in Self.samples {
      let items = identifier.fields(rates: 2).map { DecodedItem($0, Self.content($0.format, using: &random)) }
      let bytes = try identifier.payload(items)
      let whole = try identifier.decode(bytes)
      // The longest records are cut in places, not in all: each cut is read from its start.
      for count in stride(from: 0, to: bytes.count, by: bytes.count > 250 ? 17 : 1) {
        guard let cut = try? identifier.decode(Array(bytes.prefix(count))) else { continue }
        let isRaw = cut.items.count == 1 && cut.items[0].name == "raw"
        // A freeze that lost only the AAH of its last part is whole.
        #expect(isRaw || cut.items.count < whole.items.count || count == bytes.count - 1, "\(identifier) at \(count)")
        #expect(isRaw || zip(cut.items, whole.items).allSatisfy(==), "\(identifier) at \(count)")
      }
    }
  }

  @Test(arguments: [UInt64(2007), 645_1997])
  func `random bytes never trap and never make a number of what is no digit`(_ seed: UInt64) throws {
    print("catalogue noise seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for identifier in Self.samples {
      let size = identifier.fields(rates: 4).reduce(0) { $0 + $1.format.size }
      for round in 0..<6 {
        let count = round < 3 ? size : Int.random(in: 0...220, using: &random)
        var bytes = random.bytes(count)
        if round == 1 { bytes = bytes.map { [0xAA, 0xA0, 0xE5, 0xFF, 0x12][Int($0 % 5)] } }
        guard let decoded = try? identifier.decode(bytes) else { continue }
        #expect(decoded.items.count + decoded.rejected.count > 0 || bytes.isEmpty, "\(identifier)")
        // What was read survives being written, unless it was a bit pattern that another one stands for.
        for item in decoded.items where item.value.number != nil {
          #expect(try identifier.payload([item]).isEmpty == false)
        }
      }
    }
  }

  @Test(arguments: [UInt64(11)])
  func `no identifier traps, known or not`(_ seed: UInt64) {
    print("catalogue identifier seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var known = 0
    for _ in 0..<20_000 {
      let class3 = UInt32.random(in: 0...0x20, using: &random)
      let long = DataIdentifier(rawValue: class3 << 24 | UInt32.random(in: 0...0xFF_FFFF, using: &random))
      let short = ShortIdentifier(rawValue: UInt16.random(in: 0...0xFFFF, using: &random))
      let bytes = random.bytes(Int.random(in: 0...40, using: &random))
      _ = try? long.decode(bytes)
      if (try? short.decode(bytes)) != nil { known += 1 }
      _ = long.entry
      _ = short.payloadLength(rates: Int.random(in: -1...70, using: &random))
    }
    #expect(known > 0)
  }
}
