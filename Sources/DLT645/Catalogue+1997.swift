import Metering

/// The rows of the 1997 edition.
///
/// No item of this edition carries a sign. Source: DL/T 645-1997 as in wuhuangrui/C82_DL689, KTS-Intek/DLT645 and
/// hoanghon00/meter-dlt645-1997.
extension Catalogue {
  /// DI1 of the month now, of the last and of the one before, without the kind.
  private static let months: [(offset: UInt8, back: Int)] = [(0x00, 0), (0x04, 1), (0x08, 2)]

  /// A group of registers: lowest bit of DI1, upper half of DI0.
  private static let flows1997: [(kind: UInt8, group: UInt8, flow: Flow, isVerified: Bool)] =
    [
      (0, 1, .importActive, true), (0, 2, .exportActive, true), (1, 1, .importReactive, true),
      (1, 2, .exportReactive, true),
    ] + QuadrantOrder.standard.flows.enumerated().map { (1, UInt8(3 + $0.offset), $0.element, false) }

  static let energies1997: [CatalogueRow] = months.flatMap { month in
    flows1997.map { row in
      CatalogueRow(
        short: 0x90 | month.offset | row.kind, .lowRates(row.group),
        .ratesOf(.measurand(.energy(row.flow)), energyFormat(signed: false)), rule: .month(month.back),
        isVerified: row.isVerified)
    }
  }

  /// Maximum demand, and the time of it as an item of its own.
  static let demands1997: [CatalogueRow] = months.flatMap { month in
    flows1997.flatMap { row in
      [
        CatalogueRow(
          short: 0xA0 | month.offset | row.kind, .lowRates(row.group),
          .ratesOf(.measurand(.maximumDemand(row.flow)), demand1997), rule: .month(month.back),
          isVerified: row.isVerified),
        CatalogueRow(
          short: 0xB0 | month.offset | row.kind, .lowRates(row.group), .demandTime(.maximumDemand(row.flow)),
          rule: .month(month.back), isVerified: row.isVerified),
      ]
    }
  }

  private static let demand1997 = ItemFormat.number(bytes: 3, decimals: 4, signed: false)
  private static let byte = ItemFormat.number(bytes: 1, decimals: 0, signed: false)
  private static let word = ItemFormat.number(bytes: 2, decimals: 0, signed: false)
  private static let six = ItemFormat.number(bytes: 3, decimals: 0, signed: false)
  /// The `#` of a name as total and phases.
  private static let wholeAndPhases: [Part] = [.total] + Phase.allCases.map(Part.phase)

  /// Last programming and demand clear, phase failures, and what is measured now.
  static let variables1997: [CatalogueRow] =
    group(
      0xB2, 1, programming, isVerified: true, Term("event.programming.block", "Programming and demand clear", "编程及需量清零")
    )
    + group(
      0xB3, 1, failures("count", "count", "次数", word, .one), isVerified: true, failureHeading("count", "count", "次数"))
    + group(
      0xB3, 2, failures("minutes", "minutes in all", "累计时间", six, .minute), isVerified: true,
      failureHeading("minutes", "minutes in all", "累计时间"))
    + group(
      0xB3, 3, failures("start", "start of the last", "最近一次起始时刻", .monthTime, nil), isVerified: false,
      failureHeading("start", "start of the last", "最近一次起始时刻"))
    + group(
      0xB3, 4, failures("end", "end of the last", "最近一次结束时刻", .monthTime, nil), isVerified: false,
      failureHeading("end", "end of the last", "最近一次结束时刻"))
    + instants1997

  private static let programming: [DataField] = [
    DataField(Term("event.programming.last", "Last programming", "最近一次编程时间"), .monthTime),
    DataField(Term("event.demand-clear.last", "Last demand clear", "最近一次最大需量清零时间"), .monthTime),
    DataField(Term("event.programming.count", "Programming: count", "编程次数"), word, .one),
    DataField(Term("event.demand-clear.count", "Demand clear: count", "最大需量清零次数"), word, .one),
  ]

  private static func failureHeading(_ name: String, _ title: String, _ chinese: String) -> Term {
    Term("event.phase-failure.\(name).block", "Phase failure: \(title), block", "断相\(chinese)数据块")
  }

  private static func failures(
    _ name: String, _ title: String, _ chinese: String, _ format: ItemFormat, _ unit: Unit?
  ) -> [DataField] {
    let term = Term("event.phase-failure.\(name)", "Phase failure: \(title)", "断相\(chinese)")
    return wholeAndPhases.map { DataField(term, format, unit, part: $0) }
  }

  /// Items of which the upper half of DI0 is `high` and the lower half counts from `first`; F is all of them.
  private static func group(
    _ di1: UInt8, _ high: UInt8, first: UInt8 = 0, _ fields: [DataField], isVerified: Bool, _ heading: Term
  ) -> [CatalogueRow] {
    zip(first..., fields).map { low, field in
      CatalogueRow(short: di1, .exact(high << 4 | low), .field(field), isVerified: isVerified)
    } + [CatalogueRow(short: di1, .exact(high << 4 | 0x0F), .fields(fields), isVerified: isVerified, heading: heading)]
  }

  private static let instants1997: [CatalogueRow] =
    [
      (UInt8(1), Measurand.voltage, ItemFormat.number(bytes: 2, decimals: 0, signed: false)),
      (2, .current, hundredths), (3, .power(.active), demand1997), (4, .power(.reactive), hundredths),
      (5, .powerFactor, .number(bytes: 2, decimals: 3, signed: false)),
    ].flatMap { high, measurand, format in
      let fields = wholeAndPhases.compactMap { Quantity(measurand, $0) }.map { DataField($0, format) }
      return group(
        0xB6, high, first: fields.count == 3 ? 1 : 0, fields, isVerified: true,
        Term("\(measurand.stem).block", "\(measurand.title), block", measurand.chineseName + "数据块"))
    }
    // Vendors disagree on where the frequency is.
    + [UInt8(0x60), 0x80].compactMap { di0 in
      Quantity(.frequency, .single).map {
        CatalogueRow(short: 0xB6, .exact(di0), .field(DataField($0, hundredths)))
      }
    }

  /// Parameters: DI1, DI0 and the item.
  static let parameters1997: [CatalogueRow] =
    clock1997
    + settings1997.map { di1, di0, field, access, isVerified in
      CatalogueRow(
        short: di1, .exact(di0), isVerified ? .field(field) : .record([field]), access: access, isVerified: isVerified)
    }

  private static let clock1997: [CatalogueRow] = [
    (UInt8(0x10), Measurand.clockDate, ItemFormat.date, Access.readWrite), (0x11, .clockTime, .timeOfDay, .readWrite),
    (0x30, .meterConstant, six, .read), (0x32, .meterNumber, .digits(bytes: 6), .readWrite),
  ].compactMap { di0, measurand, format, access in
    Quantity(measurand, .single).map {
      CatalogueRow(short: 0xC0, .exact(di0), .field(DataField($0, format)), access: access)
    }
  }

  private static func setting(
    _ di1: UInt8, _ di0: UInt8, _ name: String, _ title: String, _ chinese: String, _ format: ItemFormat,
    _ unit: Unit? = nil, _ access: Access = .readWrite, isVerified: Bool = true
  ) -> (UInt8, UInt8, DataField, Access, Bool) {
    (di1, di0, DataField(Term(name, title, chinese), format, unit), access, isVerified)
  }

  private static let settings1997 = [
    setting(0xC0, 0x20, "status.meter", "Meter status word", "电表运行状态字", .bits(bytes: 1), nil, .read),
    setting(0xC0, 0x21, "status.grid", "Grid status word", "电网状态字", .bits(bytes: 1), nil, .read),
    setting(
      0xC0, 0x31, "meter.constant.reactive", "Reactive meter constant", "电表无功常数", six, .impulsesPerKilovarHour, .read),
    setting(0xC0, 0x33, "meter.user", "User number", "用户号", .digits(bytes: 6)),
    setting(0xC0, 0x34, "meter.device", "Device code", "设备码", .digits(bytes: 6)),
    setting(0xC1, 0x11, "demand.period", "Demand period", "最大需量周期", byte, .minute),
    setting(0xC1, 0x12, "demand.slide", "Demand slide", "滑差时间", byte, .minute),
    setting(
      0xC1, 0x13, "display.cycle.seconds", "Seconds a screen is shown", "循环显示时间", byte, .second, isVerified: false),
    setting(0xC1, 0x14, "display.stay.seconds", "Seconds a screen stays", "停显时间", byte, .second, isVerified: false),
    setting(
      0xC1, 0x15, "display.energy.decimals", "Decimals of shown energy", "显示电能小数位数", byte, .one, isVerified: false),
    setting(0xC1, 0x16, "display.power.decimals", "Decimals of shown power", "显示功率小数位数", byte, .one, isVerified: false),
    setting(0xC1, 0x17, "reading.day", "Day and hour of the automatic reading", "自动抄表日期", .dayHour),
    setting(0xC1, 0x18, "profile.day", "Day of the load profile", "负荷代表日", byte, .one, isVerified: false),
    setting(
      0xC1, 0x19, "energy.active.start", "First shown active energy", "有功电能起始读数",
      .number(bytes: 4, decimals: 1, signed: false), .kilowattHour, isVerified: false),
    setting(0xC2, 0x11, "pulse.width", "Pulse width", "输出脉冲宽度", byte, .millisecond, isVerified: false),
    setting(
      0xC2, 0x12, "password.first", "First password", "密码权限及密码1", .code(bytes: 4), nil, .write, isVerified: false),
    setting(
      0xC2, 0x13, "password.second", "Second password", "密码权限及密码2", .code(bytes: 4), nil, .write, isVerified: false),
    setting(0xC3, 0x10, "tou.zone.count", "Zones of a year, p", "年时区数", byte, .one),
    setting(0xC3, 0x11, "tou.table.count", "Day tables, q", "日时段表数", byte, .one),
    setting(0xC3, 0x12, "tou.period.count", "Periods of a day, m", "日时段数", byte, .one),
    setting(0xC3, 0x14, "tou.holiday.count", "Public holidays, n", "公共假日数", byte, .one),
  ]

  /// Rate count, the zone table, eight day tables and the holidays: one entry each, and all of them at DI0 xFH.
  static let tables1997: [CatalogueRow] =
    [Quantity(.rateCount, .single)].compactMap { $0 }.map {
      CatalogueRow(short: 0xC3, .exact(0x13), .field(DataField($0, byte)), access: .readWrite)
    } + table(0xC3, 2, zone("", "", ""), Term("tou.zones", "Zone table", "时区表"))
    + (UInt8(3)...0xA).flatMap { high in
      table(
        0xC3, high, period("table\(high - 2).", "Day table \(high - 2), ", "第\(high - 2)日时段表"),
        Term("tou.table\(high - 2)", "Day table \(high - 2)", "第\(high - 2)日时段表"))
    }
    + table(
      0xC4, 1, DataField(Term("tou.holiday#", "Public holiday #", "第#公共假日"), .zone),
      Term("tou.holidays", "Public holidays", "公共假日表"))

  private static func table(_ di1: UInt8, _ high: UInt8, _ entry: DataField, _ heading: Term) -> [CatalogueRow] {
    [
      CatalogueRow(
        short: di1, .numbers((high << 4 | 1)...(high << 4 | 0x0E), base: high << 4), .field(entry), access: .readWrite),
      CatalogueRow(short: di1, .exact(high << 4 | 0x0F), .table(entry, most: 14), access: .readWrite, heading: heading),
    ]
  }
}

/// Which quadrant the groups 3, 4, 5 and 6 of DI0 count in the 1997 edition.
///
/// Sources disagree, so a meter may need another order than `standard`.
public struct QuadrantOrder: Hashable, Sendable {
  let flows: [Flow]

  /// Quadrants in the order of the groups; `nil` where they are not 1, 2, 3 and 4 in some order.
  public init?(_ quadrants: [Int]) {
    guard quadrants.sorted() == [1, 2, 3, 4] else { return nil }
    self.init(valid: quadrants)
  }

  private init(valid quadrants: [Int]) {
    let all: [Flow] = [.reactiveQuadrant1, .reactiveQuadrant2, .reactiveQuadrant3, .reactiveQuadrant4]
    flows = quadrants.map { all[$0 - 1] }
  }

  /// 1, 4, 2, 3. Unverified.
  public static let standard = QuadrantOrder(valid: [1, 4, 2, 3])

  /// The flow that `flow` of the rows, which are in standard order, is on a meter of this order.
  func flow(for flow: Flow) -> Flow {
    guard let place = Self.standard.flows.firstIndex(of: flow) else { return flow }
    return flows[place]
  }
}
