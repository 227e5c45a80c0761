import Metering

/// Classes 05 and 06: freezes and load profiles.
extension Catalogue {
  /// DI2 of each freeze.
  static let freezeKinds: [(code: UInt8, freeze: Freeze)] = [
    (0x00, .timed), (0x01, .instant), (0x02, .zoneSwitch), (0x03, .daySwitch), (0x04, .hourly), (0x06, .daily),
    (0x07, .stepSwitch),
  ]

  /// The power of the moment, DI1 10H: P and then Q, total and phases.
  static let frozenVariables: [DataField] = [Component.active, .reactive].flatMap { component in
    ([.total] + Phase.allCases.map(Part.phase)).compactMap { Quantity(.power(component), $0) }
      .map { DataField($0, power) }
  }

  static let freezes: [CatalogueRow] = freezeKinds.flatMap { code, freeze in
    let group = 0x0500 | UInt16(code)
    let rule = OriginRule.freeze(freeze)
    let depth = Selector.backs(UInt8(freezeDepth.upperBound))
    var rows: [CatalogueRow] = []
    if let time = Quantity(.freezeTime, .single) {
      rows.append(CatalogueRow(group, .exact(0), depth, .field(DataField(time, .minuteTime)), rule: rule))
    }
    for row in flows {
      if let di1 = row.frozenEnergy {
        rows.append(
          CatalogueRow(
            group, .exact(di1), depth,
            .ratesOf(.measurand(.energy(row.flow)), energyFormat(signed: row.signed)), rule: rule))
      }
      if let di1 = row.frozenDemand {
        rows.append(
          CatalogueRow(
            group, .exact(di1), depth,
            .ratesOf(.measurand(.maximumDemand(row.flow)), .demand(signed: row.signed)), rule: rule))
      }
    }
    rows.append(
      CatalogueRow(
        group, .exact(0x10), depth, .fields(frozenVariables), rule: rule,
        heading: Term(
          "freeze.\(freeze.rawValue).power", "\(freeze.title) freeze, powers", freeze.chineseTitle + "变量")))
    rows.append(
      CatalogueRow(
        group, .exact(0xFF), depth, .freezeBlock, rule: rule,
        heading: Term("freeze.\(freeze.rawValue)", "\(freeze.title) freeze", freeze.chineseTitle + "数据块")))
    return rows
  }

  /// What the classes of a load profile hold, 1...6. That the sizes are these is unverified.
  static let profileClasses: [[DataField]] = [
    phases(.voltage, voltage) + phases(.current, current)
      + [Quantity(.frequency, .single)].compactMap { $0 }.map { DataField($0, hundredths) },
    frozenVariables,
    ([.total] + Phase.allCases.map(Part.phase)).compactMap { Quantity(.powerFactor, $0) }
      .map { DataField($0, powerFactor) },
    [0x01, 0x02, 0x03, 0x04].flatMap(total),
    [0x05, 0x06, 0x07, 0x08].flatMap(total),
    [Component.active, .reactive].compactMap { Quantity(.demand($0), .single) }.map { DataField($0, power) },
  ]

  private static func phases(_ measurand: Measurand, _ format: ItemFormat) -> [DataField] {
    Phase.allCases.compactMap { Quantity(measurand, .phase($0)) }.map { DataField($0, format) }
  }

  private static func total(_ code: UInt8) -> [DataField] {
    flows.filter { $0.code == code }.map { DataField(.energyTotal($0.flow), energyFormat(signed: $0.signed)) }
  }

  static let profileTime = DataField(Term("profile.time", "Time of the record", "负荷记录时间"), .minuteTime)

  static let profiles: [CatalogueRow] =
    (UInt8(0)...6).map { kind in
      CatalogueRow(
        0x0600 | UInt16(kind), .exact(0), .numbers(0...2, base: 0), .profile(kind),
        heading: kind == 0
          ? Term("profile", "Load profile", "负荷记录")
          : Term("profile.class\(kind)", "Load profile of class \(kind)", "第\(kind)类负荷记录"))
    } + curves

  /// Curves of newer State Grid meters: a time and plain values. Only that of phase A voltage has been captured; the
  /// others are unverified.
  private static let curves: [CatalogueRow] = [
    (UInt8(1), profileClasses[0].prefix(3), UInt8(1)), (2, profileClasses[0].dropFirst(3).prefix(3), 1),
    (3, frozenVariables.prefix(4), 0), (4, frozenVariables.suffix(4), 0), (5, profileClasses[2][...], 0),
    (6, profileClasses[3][...], 1), (7, profileClasses[4][...], 1), (8, profileClasses[5][...], 1),
  ].flatMap { di1, fields, first in
    zip(first..., fields).map { di0, field in
      CatalogueRow(
        0x0610, .exact(di1), .exact(di0), .curve(field), isVerified: di1 == 1 && di0 == 1,
        heading: Term("profile.\(field.name)", "Curve of: \(field.title)", field.chineseTitle + "曲线"))
    }
  }
}
