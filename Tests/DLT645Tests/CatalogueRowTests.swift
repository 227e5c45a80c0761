import DLT645
import Metering
import Testing

/// An identifier of either edition, for what is the same in both.
enum AnyIdentifier: Sendable, CustomStringConvertible {
  case long(DataIdentifier)
  case short(ShortIdentifier)

  init?(hex: String) {
    if let long = DataIdentifier(hex: hex) {
      self = .long(long)
    } else if let short = ShortIdentifier(hex: hex) {
      self = .short(short)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .long(let identifier): identifier.description
    case .short(let identifier): identifier.description
    }
  }
  var entry: CatalogueEntry? {
    switch self {
    case .long(let identifier): identifier.entry
    case .short(let identifier): identifier.entry
    }
  }
  var length: Int? {
    switch self {
    case .long(let identifier): identifier.payloadLength()
    case .short(let identifier): identifier.payloadLength()
    }
  }
  func fields(rates: Int) -> [DataField] {
    switch self {
    case .long(let identifier): identifier.fields(rates: rates)
    case .short(let identifier): identifier.fields(rates: rates)
    }
  }
  func decode(_ data: [UInt8], rates: Int? = nil) throws(DataError) -> Decoded {
    switch self {
    case .long(let identifier): try identifier.decode(data, rates: rates)
    case .short(let identifier): try identifier.decode(data, rates: rates)
    }
  }
  func observations(in data: [UInt8]) throws(DataError) -> [Observation] {
    switch self {
    case .long(let identifier): try identifier.observations(in: data)
    case .short(let identifier): try identifier.observations(in: data)
    }
  }
  func payload(_ items: [DecodedItem], rates: Int? = nil) throws(PayloadError) -> [UInt8] {
    switch self {
    case .long(let identifier): try identifier.payload(items: items, rates: rates)
    case .short(let identifier): try identifier.payload(items: items, rates: rates)
    }
  }
  func payload(texts: [String]) throws(PayloadError) -> [UInt8] {
    switch self {
    case .long(let identifier): try identifier.payload(texts: texts)
    case .short(let identifier): try identifier.payload(texts: texts)
    }
  }
}

/// The catalogue as a listing: what its rows are called and which identifiers they cover.
@Suite struct CatalogueRowTests {
  /// The identifiers of a pattern, `0001[00-3F,FF][00-0C,FF]` or `901r`.
  static func identifiers(_ pattern: String) -> [String] {
    var found = [""]
    var rest = pattern[...]
    while let first = rest.first {
      var choices: [String]
      if first == "[" {
        let inner = rest.dropFirst().prefix { $0 != "]" }
        choices = inner.split(separator: ",").flatMap { part -> [String] in
          let ends = part.split(separator: "-").compactMap { UInt8($0, radix: 16) }
          return (ends[0]...ends[ends.count - 1]).map { hexPair($0) }
        }
        rest = rest.dropFirst(inner.count + 2)
      } else {
        choices = first == "r" ? (0..<16).map { String($0, radix: 16, uppercase: true) } : [String(first)]
        rest = rest.dropFirst()
      }
      found = found.flatMap { head in choices.map { head + $0 } }
    }
    return found
  }

  static let rows = Catalogue.rows(in: .dlt645v2007) + Catalogue.rows(in: .dlt645v1997)

  /// Of each row at most six identifiers, the first and the last among them.
  static let samples: [AnyIdentifier] = rows.flatMap { row in
    let all = identifiers(row.pattern)
    let step = max(1, all.count / 5)
    return stride(from: 0, to: all.count, by: step).map { all[$0] } + (all.count > 1 ? [all[all.count - 1]] : [])
  }.compactMap(AnyIdentifier.init(hex:)).filter { $0.entry != nil }

  @Test func `every identifier of a row is known, and no two rows share one`() {
    #expect(Catalogue.rows(in: .dlt645v2007).count > 400)
    #expect(Catalogue.rows(in: .dlt645v1997).count > 100)
    var seen: [String: String] = [:]
    for row in Self.rows {
      #expect(!row.name.isEmpty && !row.title.isEmpty && !row.chineseTitle.isEmpty, "\(row.pattern)")
      #expect(!row.name.contains(" ") && row.name == row.name.lowercased(), "\(row.name)")
      for hex in Self.identifiers(row.pattern) {
        #expect(hex.count == (row.edition == .dlt645v2007 ? 8 : 4), "\(row.pattern)")
        #expect(seen.updateValue(row.pattern, forKey: hex) == nil, "\(hex) in two rows")
        let isWholeBlock = hex.hasSuffix("FFFF") || (hex.hasSuffix("FF") && row.pattern.hasSuffix("FF]"))
        let entry = AnyIdentifier(hex: hex)?.entry
        guard let entry else {
          // All rates of all settlements: how they would be ordered is not known.
          #expect(isWholeBlock, "\(hex)")
          continue
        }
        #expect(entry.access == row.access)
        #expect(!entry.name.contains("#") && !entry.title.contains("#") && !entry.chineseTitle.contains("#"), "\(hex)")
      }
    }
    #expect(seen.count > 20_000)
    print("catalogue: \(Self.rows.count) rows, \(seen.count) identifiers")
  }

  @Test func `the items of an answer have names of their own`() {
    for identifier in Self.samples {
      let fields = identifier.fields(rates: 4)
      #expect(!fields.isEmpty, "\(identifier)")
      let names = Set(fields.map { "\($0.name) \($0.origin)" })
      #expect(names.count == fields.count, "\(identifier)")
      for field in fields {
        #expect(!field.title.isEmpty && !field.chineseTitle.isEmpty)
        if case .number = field.format { #expect(field.unit != nil, "\(identifier) \(field.name)") }
        if let quantity = field.quantity { #expect(Quantity(name: field.name) == quantity) }
      }
    }
  }

  struct EntryCase: Sendable, CustomTestStringConvertible {
    let identifier: String
    let name: String
    let title: String
    let chinese: String
    let format: String?
    let unit: Unit?
    let length: Int?
    var access = Access.read
    var testDescription: String { identifier }
  }

  static let entries = [
    EntryCase(
      identifier: "00010000", name: "energy.import.active.total", title: "Forward active energy, total",
      chinese: "正向有功电能总", format: "XXXXXX.XX", unit: .kilowattHour, length: 4),
    EntryCase(
      identifier: "0001FF00", name: "energy.import.active.block", title: "Forward active energy, block",
      chinese: "正向有功电能数据块", format: "XXXXXX.XX", unit: .kilowattHour, length: nil),
    EntryCase(
      identifier: "00800000", name: "energy.associated.total", title: "Associated energy, total", chinese: "关联电能总",
      format: "XXXXXX.XX", unit: .kilowattHour, length: 4),
    EntryCase(
      identifier: "00900200", name: "prepaid.money.remaining", title: "Money left", chinese: "剩余金额",
      format: "XXXXXX.XX", unit: .yuan, length: 4),
    EntryCase(
      identifier: "01150001", name: "demand.import.active.l1", title: "Forward active maximum demand, phase A",
      chinese: "A相正向有功最大需量", format: "XX.XXXX YYMMDDhhmm", unit: .kilowatt, length: 8),
    EntryCase(
      identifier: "020A0315", name: "harmonic.voltage.order21.l3", title: "Voltage harmonic of order 21, phase C",
      chinese: "C相电压21次谐波含量", format: "XX.XX", unit: .percent, length: 2),
    EntryCase(
      identifier: "0280000A", name: "battery.run-time", title: "Run time on battery", chinese: "内部电池工作时间",
      format: "XXXXXXXX", unit: .minute, length: 4),
    EntryCase(
      identifier: "03110000", name: "event.power-fail.count", title: "Power failure: count", chinese: "掉电总次数",
      format: "XXXXXX", unit: .one, length: 3),
    EntryCase(
      identifier: "03300D02", name: "event.cover-open.record", title: "Cover opened: record", chinese: "开表盖记录",
      format: nil, unit: nil, length: 60),
    EntryCase(
      identifier: "04000103", name: "demand.period", title: "Demand period", chinese: "最大需量周期", format: "XX",
      unit: .minute, length: 1, access: .readWrite),
    EntryCase(
      identifier: "04000C03", name: "password.level2", title: "Password of level 2", chinese: "2级密码",
      format: "hex x8", unit: nil, length: 4, access: .write),
    EntryCase(
      identifier: "04010000", name: "tou.set1.zones", title: "Set 1, zone table", chinese: "第1套时区表",
      format: "MMDDNN", unit: nil, length: nil, access: .readWrite),
    EntryCase(
      identifier: "0506FF01", name: "freeze.daily", title: "Daily freeze", chinese: "日冻结数据块",
      format: nil, unit: nil, length: nil),
    EntryCase(
      identifier: "06000002", name: "profile", title: "Load profile", chinese: "负荷记录", format: nil,
      unit: nil, length: nil),
    EntryCase(
      identifier: "B010", name: "demand.import.active.total.time",
      title: "Time of: Forward active maximum demand, total",
      chinese: "正向有功最大需量总发生时间", format: "MMDDhhmm", unit: nil, length: 4),
    EntryCase(
      identifier: "C117", name: "reading.day", title: "Day and hour of the automatic reading", chinese: "自动抄表日期",
      format: "DDhh", unit: nil, length: 2, access: .readWrite),
  ]

  @Test(arguments: entries)
  func `an identifier has its entry`(_ row: EntryCase) throws {
    let identifier = try #require(AnyIdentifier(hex: row.identifier))
    let entry = try #require(identifier.entry)
    #expect(entry.name == row.name)
    #expect(entry.title == row.title)
    #expect(entry.chineseTitle == row.chinese)
    #expect(entry.format?.description == row.format)
    #expect(entry.unit == row.unit)
    #expect(entry.access == row.access)
    #expect(identifier.length == row.length)
  }

  @Test(arguments: [
    ("03010000", 18), ("03010101", 131), ("03050000", 6), ("03110001", 12), ("03300001", 50), ("03300101", 106),
    ("03300201", 202), ("03300301", 14), ("03300401", 16), ("03300501", 682), ("03300D01", 60), ("03300E0A", 60),
    ("0201FF00", 6), ("0202FF00", 9), ("0203FF00", 12), ("0206FF00", 8), ("040005FF", 14), ("04000403", 32),
    ("05061001", 24), ("020A01FF", 42),
  ])
  func `a block is as long as its items`(_ hex: String, _ length: Int) throws {
    #expect(try #require(DataIdentifier(hex: hex)).payloadLength() == length)
  }

  @Test(arguments: [
    "00FFFFFF", "0000FFFF", "00014000", "0001000D", "02010400", "02010001", "04000000", "04010009", "05050001",
    "05060000", "050600FF", "06070000", "07000001", "10000000", "1D000000", "1F000001", "9170", "9210", "B610", "FFFF",
  ])
  func `what is in no table is not known`(_ hex: String) throws {
    let identifier = try #require(AnyIdentifier(hex: hex))
    #expect(identifier.entry == nil)
    #expect(throws: DataError.unknownIdentifier(hex)) { try identifier.decode([0]) }
    #expect(throws: PayloadError.unknownIdentifier(hex)) { try identifier.payload([]) }
  }
}
