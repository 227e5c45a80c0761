import Metering

/// Class 03, and 1D and 1E of State Grid meters: events.
///
/// Source: lengths as in wuhuangrui/C82_DL689, names as in 600888/dlt645. The order of the fields within a record is
/// written from memory of the standard and adds up to the published lengths: it is unverified but for those of
/// `known`. A record of another length is told as raw bytes.
extension Catalogue {
  static let events: [CatalogueRow] = phaseEvents + wholeEvents + known + written + relay

  /// Counters are three bytes and go down only when the events or the meter are cleared.
  private static let counter = ItemFormat.number(bytes: 3, decimals: 0, signed: false)
  private static let energy = ItemFormat.number(bytes: 4, decimals: 2, signed: false)
  private static let signedEnergy = ItemFormat.number(bytes: 4, decimals: 2, signed: true)

  static func count(_ stem: String, _ title: String, _ chinese: String) -> DataField {
    DataField(Term("\(stem).count", "\(title): count", "\(chinese)总次数"), counter, .one)
  }
  private static func minutes(_ stem: String, _ title: String, _ chinese: String) -> DataField {
    DataField(Term("\(stem).minutes", "\(title): minutes in all", "\(chinese)总累计时间"), counter, .minute)
  }

  private static func term(_ stem: String, _ name: String, _ title: String, _ chinese: String) -> Term {
    Term("\(stem).\(name)", title, chinese)
  }
  private static func start(_ stem: String) -> DataField {
    DataField(term(stem, "start", "Start", "发生时刻"), .secondTime)
  }
  private static func end(_ stem: String) -> DataField { DataField(term(stem, "end", "End", "结束时刻"), .secondTime) }
  private static func operatorCode(_ stem: String) -> DataField {
    DataField(term(stem, "operator", "Operator code", "操作者代码"), .code(bytes: 4))
  }

  /// The four registers whose growth during an event is kept: forward, reverse, combined reactive 1 and 2.
  private static func growth(_ stem: String, _ part: Part) -> [DataField] {
    [
      ("import.active", "Forward active energy during it", "期间正向有功电能增量", energy, Unit.kilowattHour),
      ("export.active", "Reverse active energy during it", "期间反向有功电能增量", energy, .kilowattHour),
      ("combined.reactive1", "Combined reactive energy 1 during it", "期间组合无功1电能增量", signedEnergy, .kilovarHour),
      ("combined.reactive2", "Combined reactive energy 2 during it", "期间组合无功2电能增量", signedEnergy, .kilovarHour),
    ].map { name, title, chinese, format, unit in
      DataField(Term("\(stem).energy.\(name)", title, chinese), format, unit, part: part)
    }
  }

  /// What phase showed when the event began: U I P Q and the power factor.
  private static func snapshot(_ phase: Phase) -> [DataField] {
    let pairs: [(Measurand, ItemFormat)] = [
      (.voltage, voltage), (.current, current), (.power(.active), power), (.power(.reactive), power),
      (.powerFactor, powerFactor),
    ]
    return pairs.compactMap { measurand, format in
      Quantity(measurand, .phase(phase)).map { DataField($0, format) }
    }
  }

  /// Growth in all, and by phase with what each phase showed.
  private static func threePhases(_ stem: String) -> [DataField] {
    growth(stem, .total) + Phase.allCases.flatMap { growth(stem, .phase($0)) + snapshot($0) }
  }

  private static func ampereHours(_ stem: String) -> [DataField] {
    ([.total] + Phase.allCases.map(Part.phase)).map {
      DataField(
        Term("\(stem).ampere-hours", "Ampere-hours during it", "期间安时数"), energy, .ampereHour, part: $0)
    }
  }

  /// Events that are counted by phase: DI2, name, whether ampere-hours are kept.
  private static let phaseEvents: [CatalogueRow] = [
    (UInt16(0x01), "voltage-loss", "Loss of voltage", "失压", true),
    (0x02, "under-voltage", "Under-voltage", "欠压", true),
    (0x03, "over-voltage", "Over-voltage", "过压", true),
    (0x04, "phase-failure", "Phase failure", "断相", true),
    (0x0B, "current-loss", "Loss of current", "失流", false),
    (0x0C, "over-current", "Over-current", "过流", false),
    (0x0D, "current-failure", "Current failure", "断流", false),
    (0x0E, "reverse-flow", "Reverse power flow", "潮流反向", false),
    (0x0F, "overload", "Overload", "过载", false),
  ].flatMap { code, key, title, chinese, hasAmpereHours in
    let stem = "event.\(key)"
    let counters = Phase.allCases.flatMap { phase in
      [count(stem, title, chinese), minutes(stem, title, chinese)].map { $0.numbered(0, part: .phase(phase)) }
    }
    let flow = code >= 0x0E
    let body =
      flow
      ? ([.total] + Phase.allCases.map(Part.phase)).flatMap { growth(stem, $0) }
      : threePhases(stem) + (hasAmpereHours ? ampereHours(stem) : [])
    return [
      CatalogueRow(0x0300 | code, .exact(0), .exact(0), .record(counters), isVerified: code == 0x01),
      CatalogueRow(
        0x0300 | code, .phases, .backs(10), .record([start(stem), end(stem)] + body), rule: .event, isVerified: false),
    ]
  }

  /// Events that are counted for the meter as a whole.
  private static let wholeEvents: [CatalogueRow] = [
    (UInt16(0x05), "all-loss", "Loss of all voltages", "全失压"),
    (0x06, "auxiliary-loss", "Loss of auxiliary supply", "辅助电源失电"),
    (0x07, "voltage-sequence", "Reversed voltage sequence", "电压逆相序"),
    (0x08, "current-sequence", "Reversed current sequence", "电流逆相序"),
    (0x09, "voltage-unbalance", "Voltage unbalance", "电压不平衡"),
    (0x0A, "current-unbalance", "Current unbalance", "电流不平衡"),
  ].flatMap { code, key, title, chinese in
    let stem = "event.\(key)"
    let allGrowth = ([.total] + Phase.allCases.map(Part.phase)).flatMap { growth(stem, $0) }
    let fields: [DataField]
    switch code {
    case 0x05:
      fields = [
        start(stem),
        DataField(
          Term("\(stem).current", "Current during it", "全失压时刻电流"), .number(bytes: 3, decimals: 3, signed: false),
          .ampere),
        end(stem),
      ]
    case 0x06: fields = [start(stem), end(stem)]
    case 0x09, 0x0A:
      fields =
        [
          start(stem), end(stem),
          DataField(Term("\(stem).ratio", "Greatest unbalance", "最大不平衡率"), hundredths, .percent),
        ] + allGrowth
    default: fields = [start(stem), end(stem)] + allGrowth
    }
    return [
      CatalogueRow(
        0x0300 | code, .exact(0), .exact(0), .record([count(stem, title, chinese), minutes(stem, title, chinese)]),
        isVerified: code == 0x05),
      CatalogueRow(0x0300 | code, .exact(0), .backs(10), .record(fields), rule: .event, isVerified: false),
    ]
  }

  /// Power failure, whose record is known; demand over limit, whose record is not.
  private static let known: [CatalogueRow] = [
    CatalogueRow(0x0311, .exact(0), .exact(0), .field(count("event.power-fail", "Power failure", "掉电"))),
    CatalogueRow(
      0x0311, .exact(0), .backs(10), .fields([start("event.power-fail"), end("event.power-fail")]), rule: .event),
    CatalogueRow(
      0x0312, .exact(0), .exact(0),
      .record(
        [
          ("import", "Forward active demand over limit", "正向有功需量超限"),
          ("export", "Reverse active demand over limit", "反向有功需量超限"),
          ("q1", "Quadrant 1 demand over limit", "第1象限无功需量超限"), ("q2", "Quadrant 2 demand over limit", "第2象限无功需量超限"),
          ("q3", "Quadrant 3 demand over limit", "第3象限无功需量超限"), ("q4", "Quadrant 4 demand over limit", "第4象限无功需量超限"),
        ].map { name, title, chinese in count("event.demand-over.\(name)", title, chinese) }), isVerified: false),
    CatalogueRow(
      0x0312, .numbers(1...6, base: 0), .backs(10),
      .record([
        start("event.demand-over"), end("event.demand-over"),
        DataField(
          Term("event.demand-over.demand", "Maximum demand during it", "超限期间最大需量"), .demand(signed: false), .kilowatt),
      ]), rule: .event, isVerified: false),
  ]

  /// Six registers: forward, reverse and the quadrants, whole or of a phase.
  private static func six(_ part: Part) -> [Quantity] {
    [Flow.importActive, .exportActive, .reactiveQuadrant1, .reactiveQuadrant2, .reactiveQuadrant3, .reactiveQuadrant4]
      .compactMap { Quantity(.energy($0), part) }
  }
  private static let parts: [Part] = [.total] + Phase.allCases.map(Part.phase)

  private static func energies(_ stem: String, _ when: String, _ whenTitle: String, _ whenChinese: String, _ part: Part)
    -> [DataField]
  {
    six(part).map { quantity in
      DataField(
        Term("\(stem).\(when).\(quantity.name)", "\(quantity.title) \(whenTitle)", whenChinese + quantity.chineseName),
        energy, quantity.unit)
    }
  }

  private static func demandsBefore(_ stem: String) -> [DataField] {
    parts.flatMap(six).compactMap { quantity in
      guard case .energy(let flow) = quantity.measurand, let demand = Quantity(.maximumDemand(flow), quantity.part)
      else { return nil }
      return DataField(
        Term("\(stem).before.\(demand.name)", "\(demand.title) before", "清零前" + demand.chineseName),
        .demand(signed: false), demand.unit)
    }
  }

  private static func dayTables(_ stem: String) -> [DataField] {
    (1...2).flatMap { set in
      (1...8).flatMap { table in
        let period = DataField(
          Term(
            "\(stem).set\(set).table\(table).period#", "Set \(set), day table \(table), period # before",
            "第\(set)套第\(table)日时段表第#时段"), .period)
        return (1...14).map { period.numbered($0) }
      }
    }
  }

  private static func zones(_ stem: String) -> [DataField] {
    (1...2).flatMap { set in
      let zone = DataField(Term("\(stem).set\(set).zone#", "Set \(set), zone # before", "第\(set)套第#时区"), .zone)
      return (1...14).map { zone.numbered($0) }
    }
  }

  /// What people have written, cleared or opened: DI1 of 0330H, name, what follows in the record.
  private static let written: [CatalogueRow] = writtenKinds.flatMap { code, key, title, chinese, isVerified, fields in
    let stem = "event.\(key)"
    return [
      CatalogueRow(0x0330, .exact(code), .exact(0), .field(count(stem, title, chinese))),
      CatalogueRow(
        0x0330, .exact(code), .backs(10), .record(fields(stem)), rule: .event, isVerified: isVerified),
    ]
  }

  private typealias WrittenKind = (UInt8, String, String, String, Bool, @Sendable (String) -> [DataField])

  private static let writtenKinds: [WrittenKind] = [
    (
      0x00, "programming", "Programming", "编程", true,
      { stem in
        [start(stem), operatorCode(stem)]
          + numbered(1...10, Term("\(stem).identifier#", "Identifier # written", "编程的第#个数据标识"), .code(bytes: 4))
      }
    ),
    (
      0x01, "meter-clear", "Meter clear", "电表清零", false,
      { stem in
        [start(stem), operatorCode(stem)] + parts.flatMap { energies(stem, "before", "before", "清零前", $0) }
      }
    ),
    (
      0x02, "demand-clear", "Demand clear", "需量清零", false,
      { stem in [start(stem), operatorCode(stem)] + demandsBefore(stem) }
    ),
    (
      0x03, "event-clear", "Event clear", "事件清零", true,
      { stem in
        [
          start(stem), operatorCode(stem),
          DataField(term(stem, "identifier", "Identifier of the events cleared", "事件清零数据标识"), .code(bytes: 4)),
        ]
      }
    ),
    (
      0x04, "clock-set", "Clock set", "校时", true,
      { stem in
        [
          operatorCode(stem), DataField(term(stem, "before", "Clock before", "校时前时间"), .secondTime),
          DataField(term(stem, "after", "Clock after", "校时后时间"), .secondTime),
        ]
      }
    ),
    (
      0x05, "day-table-programming", "Day table programming", "时段表编程", false,
      { stem in [start(stem), operatorCode(stem)] + dayTables(stem) }
    ),
    (
      0x06, "zone-table-programming", "Zone table programming", "时区表编程", false,
      { stem in [start(stem), operatorCode(stem)] + zones(stem) }
    ),
    (
      0x07, "rest-day-programming", "Rest day programming", "周休日编程", false,
      { stem in
        [
          start(stem), operatorCode(stem),
          DataField(term(stem, "table", "Day table before", "编程前采用的时段表号"), .code(bytes: 1)),
        ]
      }
    ),
    (
      0x08, "holiday-programming", "Holiday programming", "节假日编程", false,
      { stem in
        [start(stem), operatorCode(stem)]
          + numbered(1...254, Term("\(stem).holiday#", "Holiday # before", "编程前第#节假日"), .holiday)
      }
    ),
    (
      0x09, "active-combination", "Active combination set", "有功组合方式编程", false,
      { stem in combinationRecord(stem, BitName.activeCombination) }
    ),
    (
      0x0A, "reactive1-combination", "Reactive combination 1 set", "无功组合方式1编程", false,
      { stem in combinationRecord(stem, BitName.reactiveCombination) }
    ),
    (
      0x0B, "reactive2-combination", "Reactive combination 2 set", "无功组合方式2编程", false,
      { stem in combinationRecord(stem, BitName.reactiveCombination) }
    ),
    (
      0x0C, "settlement-day-programming", "Settlement days set", "结算日编程", false,
      { stem in
        [start(stem), operatorCode(stem)]
          + numbered(1...3, Term("\(stem).day#", "Settlement day # before", "编程前每月第#结算日"), .dayHour)
      }
    ),
    (0x0D, "cover-open", "Cover opened", "开表盖", true, { stem in openedRecord(stem) }),
    (0x0E, "terminal-cover-open", "Terminal cover opened", "开端钮盒", true, { stem in openedRecord(stem) }),
  ]

  private static func numbered(_ numbers: ClosedRange<Int>, _ term: Term, _ format: ItemFormat) -> [DataField] {
    let field = DataField(term, format)
    return numbers.map { field.numbered($0) }
  }

  private static func combinationRecord(_ stem: String, _ bits: [BitName]) -> [DataField] {
    [
      start(stem), operatorCode(stem),
      DataField(Term("\(stem).word", "Combination word before", "编程前组合方式特征字", bits: bits), .bits(bytes: 1)),
    ]
  }

  /// Which of the twelve energies is which is unverified.
  private static func openedRecord(_ stem: String) -> [DataField] {
    [start(stem), end(stem)] + energies(stem, "before", "before", "开盖前", .total)
      + energies(stem, "after", "after", "开盖后", .total)
  }

  /// Trip and close of the relay, State Grid. What a record holds is unverified.
  private static let relay: [CatalogueRow] = [
    (UInt16(0x1D00), "trip", "Trip", "跳闸"), (0x1E00, "close", "Close", "合闸"),
  ].flatMap { group, key, title, chinese in
    let stem = "event.\(key)"
    return [
      CatalogueRow(group, .exact(0), .exact(1), .field(count(stem, title, chinese))),
      CatalogueRow(
        group, .exact(1), .backs(10),
        .record([start(stem), operatorCode(stem)] + energies(stem, "at", "at that time", chinese + "时", .total)),
        rule: .event, isVerified: false),
    ]
  }
}
