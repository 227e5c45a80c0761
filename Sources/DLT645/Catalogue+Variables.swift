import Metering

/// Class 02: what the meter measures now.
extension Catalogue {
  /// An instantaneous quantity: DI2, whether DI1 00H is a total; phases A, B, C are 01H...03H and FFH the block.
  struct InstantRow {
    let code: UInt8
    let measurand: Measurand
    let format: ItemFormat
    let hasTotal: Bool

    init(_ code: UInt8, _ measurand: Measurand, _ format: ItemFormat, hasTotal: Bool = false) {
      self.code = code
      self.measurand = measurand
      self.format = format
      self.hasTotal = hasTotal
    }

    var parts: [(code: UInt8, part: Part)] {
      (hasTotal ? [(0, .total)] : []) + Phase.allCases.map { ($0.rawValue, .phase($0)) }
    }

    var fields: [DataField] {
      parts.compactMap { Quantity(measurand, $0.part) }.map { DataField($0, format) }
    }
  }

  static let power = ItemFormat.number(bytes: 3, decimals: 4, signed: true)
  static let voltage = ItemFormat.number(bytes: 2, decimals: 1, signed: false)
  static let current = ItemFormat.number(bytes: 3, decimals: 3, signed: true)
  static let powerFactor = ItemFormat.number(bytes: 2, decimals: 3, signed: true)
  static let hundredths = ItemFormat.number(bytes: 2, decimals: 2, signed: false)

  /// Current carries a sign on State Grid meters; that apparent power carries one is unverified.
  static let instantRows: [InstantRow] = [
    InstantRow(0x01, .voltage, voltage),
    InstantRow(0x02, .current, current),
    InstantRow(0x03, .power(.active), power, hasTotal: true),
    InstantRow(0x04, .power(.reactive), power, hasTotal: true),
    InstantRow(0x05, .power(.apparent), power, hasTotal: true),
    InstantRow(0x06, .powerFactor, powerFactor, hasTotal: true),
    InstantRow(0x07, .phaseAngle, .number(bytes: 2, decimals: 1, signed: false)),
    InstantRow(0x08, .voltageDistortion, hundredths),
    InstantRow(0x09, .currentDistortion, hundredths),
  ]

  static let instants: [CatalogueRow] =
    instantRows.flatMap { row in
      zip(row.parts, row.fields).map { part, field in
        CatalogueRow(0x0200 | UInt16(row.code), .exact(part.code), .exact(0), .field(field))
      } + [
        CatalogueRow(
          0x0200 | UInt16(row.code), .exact(0xFF), .exact(0), .fields(row.fields),
          heading: Term(
            "\(row.measurand.stem).block", "\(row.measurand.title), block", row.measurand.chineseName + "数据块"))
      ]
    } + harmonics + singles(0x0280, variables)

  /// Harmonics of the orders 1...21 by phase.
  private static let harmonics: [CatalogueRow] = [
    (
      UInt16(0x020A), Term("harmonic.voltage.order#", "Voltage harmonic of order #", "电压#次谐波含量"),
      Term("harmonic.voltage.block", "Voltage harmonics, block", "电压谐波含量数据块")
    ),
    (
      0x020B, Term("harmonic.current.order#", "Current harmonic of order #", "电流#次谐波含量"),
      Term("harmonic.current.block", "Current harmonics, block", "电流谐波含量数据块")
    ),
  ].flatMap { group, term, heading in
    let field = DataField(term, hundredths, .percent)
    return [
      CatalogueRow(group, .phases, .numbers(1...21, base: 0), .field(field)),
      CatalogueRow(group, .phases, .exact(0xFF), .fields((1...21).map { field.numbered($0) }), heading: heading),
    ]
  }

  /// An identifier with one item.
  struct SingleRow {
    let di1: UInt8
    let di0: UInt8
    /// `nil` only for a measurand that has no such part, which no row asks for.
    let field: DataField?
    let access: Access
    let isVerified: Bool

    init(
      _ low: UInt16, _ measurand: Measurand, _ format: ItemFormat, part: Part = .single, access: Access = .read,
      isVerified: Bool = true
    ) {
      self.init(low, Quantity(measurand, part).map { DataField($0, format) }, access, isVerified: isVerified)
    }

    init(
      _ low: UInt16, _ name: String, _ title: String, _ chinese: String, _ format: ItemFormat, _ unit: Unit? = nil,
      bits: [BitName] = [], access: Access = .read, isVerified: Bool = true
    ) {
      self.init(
        low, DataField(Term(name, title, chinese, bits: bits), format, unit), access, isVerified: isVerified)
    }

    init(_ low: UInt16, _ field: DataField?, _ access: Access, isVerified: Bool) {
      di1 = UInt8(truncatingIfNeeded: low >> 8)
      di0 = UInt8(truncatingIfNeeded: low)
      self.field = field
      self.access = access
      self.isVerified = isVerified
    }
  }

  static func singles(_ group: UInt16, _ rows: [SingleRow]) -> [CatalogueRow] {
    rows.compactMap { row in
      row.field.map { field in
        CatalogueRow(
          group, .exact(row.di1), .exact(row.di0), .field(field), access: row.access, isVerified: row.isVerified)
      }
    }
  }

  /// That running demand carries a sign is unverified.
  private static let variables: [SingleRow] = [
    SingleRow(0x0001, .current, .number(bytes: 3, decimals: 3, signed: false), part: .neutral),
    SingleRow(0x0002, .frequency, hundredths),
    SingleRow(0x0003, "power.active.minute-mean", "Mean active power of one minute", "一分钟有功总平均功率", power, .kilowatt),
    SingleRow(0x0004, .demand(.active), power),
    SingleRow(0x0005, .demand(.reactive), power),
    SingleRow(0x0006, .demand(.apparent), power),
    SingleRow(0x0007, .temperature, .number(bytes: 2, decimals: 1, signed: true)),
    SingleRow(0x0008, "battery.clock.voltage", "Clock battery voltage", "时钟电池电压", hundredths, .volt),
    SingleRow(0x0009, "battery.outage.voltage", "Outage-reading battery voltage", "停电抄表电池电压", hundredths, .volt),
    SingleRow(
      0x000A, "battery.run-time", "Run time on battery", "内部电池工作时间", .number(bytes: 4, decimals: 0, signed: false),
      .minute),
    SingleRow(
      0x0020, "price.now", "Price in force", "当前电价", .number(bytes: 4, decimals: 4, signed: false), .yuanPerKilowattHour
    ),
    SingleRow(
      0x0021, "price.rate", "Price of the rate in force", "当前费率电价", .number(bytes: 4, decimals: 4, signed: false),
      .yuanPerKilowattHour),
  ]
}
