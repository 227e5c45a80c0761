import Metering

/// Classes 00 and 01: energies and maximum demands.
extension Catalogue {
  /// A group of registers: DI2, what flows, whether the top bit is a sign.
  struct FlowRow {
    let code: UInt8
    let flow: Flow
    let signed: Bool
    /// DI1 in a freeze: energy, and maximum demand where it is frozen.
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

  /// Added to DI2 for phase A, B and C: 15H, 29H and 3DH are forward active energy.
  static let phaseStep: UInt8 = 0x14

  /// XXXXXX.XX.
  static func energyFormat(signed: Bool) -> ItemFormat { .number(bytes: 4, decimals: 2, signed: signed) }

  /// Registers that are no quantity of a reading: DI2, with those of the phases as for `flows`. That the phases are
  /// kept at 94H, A8H and BCH on is unverified.
  private static let specials: [(code: UInt8, term: Term)] = [
    (0x80, Term("energy.associated", "Associated energy", "关联电能")),
    (0x81, Term("energy.fundamental.import", "Forward active energy of the fundamental", "正向有功基波电能")),
    (0x82, Term("energy.fundamental.export", "Reverse active energy of the fundamental", "反向有功基波电能")),
    (0x83, Term("energy.harmonic.import", "Forward active energy of the harmonics", "正向有功谐波电能")),
    (0x84, Term("energy.harmonic.export", "Reverse active energy of the harmonics", "反向有功谐波电能")),
    (0x85, Term("energy.loss.copper", "Copper loss compensation energy", "铜损有功电能补偿量")),
    (0x86, Term("energy.loss.iron", "Iron loss compensation energy", "铁损有功电能补偿量")),
  ]

  static let energies: [CatalogueRow] =
    flows.flatMap { row in
      registers(
        class: 0x00, code: row.code, register: .measurand(.energy(row.flow)), energyFormat(signed: row.signed))
    }
    + specials.flatMap { row in
      registers(
        class: 0x00, code: row.code, register: .term(row.term, .kilowattHour), energyFormat(signed: false),
        isVerified: row.code == 0x80)
    }

  static let demands: [CatalogueRow] = flows.flatMap { row in
    registers(
      class: 0x01, code: row.code, register: .measurand(.maximumDemand(row.flow)), .demand(signed: row.signed))
  }

  /// The row of all phases and one a phase, which keeps no rates.
  private static func registers(
    class di3: UInt16, code: UInt8, register: Register, _ format: ItemFormat, isVerified: Bool = true
  ) -> [CatalogueRow] {
    let whole = CatalogueRow(
      di3 << 8 | UInt16(code), .rates, .settlements, .register(register, format, phase: nil), rule: .settlement,
      isVerified: isVerified)
    // Combined active energy, DI2 00H, is not kept by phase.
    guard code != 0 else { return [whole] }
    return [whole]
      + Phase.allCases.map { phase in
        CatalogueRow(
          di3 << 8 | UInt16(code + phaseStep * phase.rawValue), .exact(0), .settlements,
          .register(register, format, phase: phase), rule: .settlement, isVerified: isVerified && code < 0x80)
      }
  }

  /// What is left on a prepaid meter, State Grid.
  static let prepaid: [CatalogueRow] = [
    (1, 0, Term("prepaid.energy.remaining", "Energy left", "剩余电量"), Unit.kilowattHour),
    (1, 1, Term("prepaid.energy.overdraft", "Energy overdrawn", "透支电量"), .kilowattHour),
    (2, 0, Term("prepaid.money.remaining", "Money left", "剩余金额"), .yuan),
    (2, 1, Term("prepaid.money.overdraft", "Money overdrawn", "透支金额"), .yuan),
  ].map { di1, di0, term, unit in
    CatalogueRow(0x0090, .exact(di1), .exact(di0), .field(DataField(term, energyFormat(signed: false), unit)))
  }
}
