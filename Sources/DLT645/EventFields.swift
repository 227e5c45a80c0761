import Metering

/// One kind of event, and the fields that its counters and records are made of.
struct EventFields {
  let stem: String
  let title: String
  let chinese: String

  init(_ key: String, _ title: String, _ chinese: String) {
    stem = "event.\(key)"
    self.title = title
    self.chinese = chinese
  }

  /// A name of this kind: `event.power-fail.start`, `Power failure: start`.
  func term(_ name: String, _ title: String, _ chinese: String, bits: [BitName] = []) -> Term {
    Term("\(stem).\(name)", "\(self.title): \(title)", self.chinese + chinese, bits: bits)
  }

  func field(
    _ name: String, _ title: String, _ chinese: String, _ format: ItemFormat, _ unit: Unit? = nil,
    part: Part = .single, bits: [BitName] = []
  ) -> DataField {
    DataField(term(name, title, chinese, bits: bits), format, unit, part: part)
  }

  /// Three-byte counters: they go down only when the events or the meter are cleared.
  private static let counter = ItemFormat.number(bytes: 3, decimals: 0, signed: false)

  func count(_ part: Part = .single) -> DataField { field("count", "count", "总次数", Self.counter, .one, part: part) }
  func minutes(_ part: Part = .single) -> DataField {
    field("minutes", "minutes in all", "总累计时间", Self.counter, .minute, part: part)
  }
  var start: DataField { field("start", "start", "发生时刻", .secondTime) }
  var end: DataField { field("end", "end", "结束时刻", .secondTime) }
  var operatorCode: DataField { field("operator", "operator code", "操作者代码", .code(bytes: 4)) }
  var counters: Term { term("counters", "counters", "统计") }
  var record: Term { term("record", "record", "记录") }

  /// The four registers whose growth during an event is kept: forward, reverse, combined reactive 1 and 2.
  func growth(_ part: Part) -> [DataField] {
    Catalogue.flows.filter { (1...4).contains($0.code) }.compactMap { row in
      Quantity(.energy(row.flow), .total).map { quantity in
        field(
          quantity.measurand.stem, "\(quantity.measurand.title) during it", "期间\(quantity.measurand.chineseName)增量",
          Catalogue.energyFormat(signed: row.signed), quantity.unit, part: part)
      }
    }
  }

  /// Growth in all and of each phase.
  var growths: [DataField] { Self.parts.flatMap(growth) }

  static let parts: [Part] = [.total] + Phase.allCases.map(Part.phase)

  /// Growth in all, and by phase with what each phase showed when the event began: U I P Q and the power factor.
  var threePhases: [DataField] {
    growth(.total)
      + Phase.allCases.flatMap { phase in growth(.phase(phase)) + Self.snapshot(phase) }
  }

  private static func snapshot(_ phase: Phase) -> [DataField] {
    let pairs: [(Measurand, ItemFormat)] = [
      (.voltage, Catalogue.voltage), (.current, Catalogue.current), (.power(.active), Catalogue.power),
      (.power(.reactive), Catalogue.power), (.powerFactor, Catalogue.powerFactor),
    ]
    return pairs.compactMap { measurand, format in
      Quantity(measurand, .phase(phase)).map { DataField($0, format) }
    }
  }

  var ampereHours: [DataField] {
    Self.parts.map {
      field(
        "ampere-hours", "ampere-hours during it", "期间安时数", Catalogue.energyFormat(signed: false), .ampereHour, part: $0)
    }
  }

  /// Forward, reverse and the four quadrants.
  private static let six: [Flow] = [
    .importActive, .exportActive, .reactiveQuadrant1, .reactiveQuadrant2, .reactiveQuadrant3, .reactiveQuadrant4,
  ]

  /// Those six energies at some moment of the event.
  func energies(_ when: String, _ title: String, _ chinese: String, _ part: Part = .total) -> [DataField] {
    kept(when, title, chinese, Self.six.map(Measurand.energy), Catalogue.energyFormat(signed: false), part)
  }

  /// Those six maximum demands before they were cleared.
  func demands(_ part: Part) -> [DataField] {
    kept("before", "before", "前", Self.six.map(Measurand.maximumDemand), .demand(signed: false), part)
  }

  private func kept(
    _ when: String, _ title: String, _ chinese: String, _ measurands: [Measurand], _ format: ItemFormat, _ part: Part
  ) -> [DataField] {
    measurands.map { measurand in
      field(
        "\(when).\(measurand.stem)", "\(measurand.title) \(title)", chinese + measurand.chineseName, format,
        Quantity(measurand, .total)?.unit, part: part)
    }
  }

  /// The same item so many times, `#` in the name counting them.
  func numbered(
    _ count: Int, _ name: String, _ title: String, _ chinese: String, _ format: ItemFormat
  ) -> [DataField] {
    let field = field(name, title, chinese, format)
    return (1...max(1, count)).map { field.numbered($0) }
  }
}
