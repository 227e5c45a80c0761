import Metering

/// The tables of the 2007 edition, one row for each family of identifiers.
///
/// Source: DL/T 645-2007, tables of data identifiers, as in 600888/dlt645 and sulfurandcu/dlt645-tool.
enum Catalogue {
  /// A group of registers: DI2, what flows, whether the top bit is a sign.
  struct FlowRow {
    let code: UInt8
    let flow: Flow
    let signed: Bool
    /// DI1 in the daily freeze: energy, and maximum demand where it is frozen.
    let frozenEnergy: UInt8?
    let frozenDemand: UInt8?

    init(_ code: UInt8, _ flow: Flow, signed: Bool = false, frozenEnergy: UInt8?, frozenDemand: UInt8? = nil) {
      self.code = code
      self.flow = flow
      self.signed = signed
      self.frozenEnergy = frozenEnergy
      self.frozenDemand = frozenDemand
    }
  }

  static let flows: [FlowRow] = [
    FlowRow(0x00, .combinedActive, signed: true, frozenEnergy: nil),
    FlowRow(0x01, .importActive, frozenEnergy: 0x01, frozenDemand: 0x09),
    FlowRow(0x02, .exportActive, frozenEnergy: 0x02, frozenDemand: 0x0A),
    FlowRow(0x03, .combinedReactive1, signed: true, frozenEnergy: 0x03),
    FlowRow(0x04, .combinedReactive2, signed: true, frozenEnergy: 0x04),
    FlowRow(0x05, .reactiveQuadrant1, frozenEnergy: 0x05),
    FlowRow(0x06, .reactiveQuadrant2, frozenEnergy: 0x06),
    FlowRow(0x07, .reactiveQuadrant3, frozenEnergy: 0x07),
    FlowRow(0x08, .reactiveQuadrant4, frozenEnergy: 0x08),
    FlowRow(0x09, .importApparent, frozenEnergy: nil),
    FlowRow(0x0A, .exportApparent, frozenEnergy: nil),
  ]

  /// Added to DI2 of 01H...0AH for phase A, B and C: 15H, 29H and 3DH are forward active energy.
  static let phaseStep: UInt8 = 0x14

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
  }

  /// Current carries a sign on State Grid meters; that apparent power carries one is unverified.
  static let instants: [InstantRow] = [
    InstantRow(0x01, .voltage, .number(bytes: 2, decimals: 1, signed: false)),
    InstantRow(0x02, .current, .number(bytes: 3, decimals: 3, signed: true)),
    InstantRow(0x03, .power(.active), .number(bytes: 3, decimals: 4, signed: true), hasTotal: true),
    InstantRow(0x04, .power(.reactive), .number(bytes: 3, decimals: 4, signed: true), hasTotal: true),
    InstantRow(0x05, .power(.apparent), .number(bytes: 3, decimals: 4, signed: true), hasTotal: true),
    InstantRow(0x06, .powerFactor, .number(bytes: 2, decimals: 3, signed: true), hasTotal: true),
    InstantRow(0x07, .phaseAngle, .number(bytes: 2, decimals: 1, signed: false)),
    InstantRow(0x08, .voltageDistortion, .number(bytes: 2, decimals: 2, signed: false)),
    InstantRow(0x09, .currentDistortion, .number(bytes: 2, decimals: 2, signed: false)),
  ]

  /// An identifier with one item.
  struct SingleRow {
    let identifier: DataIdentifier
    let measurand: Measurand
    let part: Part
    let format: ItemFormat

    init(_ bits: UInt32, _ measurand: Measurand, _ format: ItemFormat, part: Part = .single) {
      identifier = DataIdentifier(rawValue: bits)
      self.measurand = measurand
      self.part = part
      self.format = format
    }

    var quantity: Quantity? { Quantity(measurand, part) }
  }

  /// That running demand carries a sign is unverified.
  static let singles: [SingleRow] =
    [
      SingleRow(0x0280_0001, .current, .number(bytes: 3, decimals: 3, signed: false), part: .neutral),
      SingleRow(0x0280_0002, .frequency, .number(bytes: 2, decimals: 2, signed: false)),
      SingleRow(0x0280_0004, .demand(.active), .number(bytes: 3, decimals: 4, signed: true)),
      SingleRow(0x0280_0005, .demand(.reactive), .number(bytes: 3, decimals: 4, signed: true)),
      SingleRow(0x0280_0006, .demand(.apparent), .number(bytes: 3, decimals: 4, signed: true)),
      SingleRow(0x0280_0007, .temperature, .number(bytes: 2, decimals: 1, signed: true)),
      SingleRow(0x0400_0101, .clockDate, .date),
      SingleRow(0x0400_0102, .clockTime, .timeOfDay),
      SingleRow(0x0400_010C, .clock, .dateTime),
      SingleRow(0x0400_0204, .rateCount, .number(bytes: 1, decimals: 0, signed: false)),
      SingleRow(0x0400_0306, .currentRatio, .number(bytes: 3, decimals: 0, signed: false)),
      SingleRow(0x0400_0307, .voltageRatio, .number(bytes: 3, decimals: 0, signed: false)),
      SingleRow(0x0400_0401, .meterAddress, .digits(bytes: 6)),
      SingleRow(0x0400_0402, .meterNumber, .digits(bytes: 6)),
      SingleRow(0x0400_0403, .assetNumber, .characters(bytes: 32)),
      SingleRow(0x0400_0409, .meterConstant, .number(bytes: 3, decimals: 0, signed: false)),
    ] + statusWords + settlementDays

  static let statusWords: [SingleRow] = (1...7).map {
    SingleRow(0x0400_0500 + UInt32($0), .statusWord($0), .bits(bytes: 2))
  }

  static let settlementDays: [SingleRow] = (1...3).map {
    SingleRow(0x0400_0B00 + UInt32($0), .settlementDay($0), .dayHour)
  }

  static let statusBlock = DataIdentifier(rawValue: 0x0400_05FF)

  /// XXXXXX.XX.
  static func energyFormat(signed: Bool) -> ItemFormat { .number(bytes: 4, decimals: 2, signed: signed) }
  /// The most settlements a meter keeps.
  static let settlements = 12
  /// DI0 of a freeze: 1 is the last. Meters keep at least 62 days (unverified); FFH means all.
  static let freezes = 1...0xFE
}
