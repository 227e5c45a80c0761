import Metering

/// Class 03, and 1D and 1E of State Grid meters: events.
///
/// Source: lengths as in wuhuangrui/C82_DL689, names as in 600888/dlt645. The order of the fields within a record is
/// written from memory of the standard and adds up to the published lengths: where a row says so it is unverified,
/// and a record of another length is told as raw bytes.
extension Catalogue {
  static let events: [CatalogueRow] = phaseEvents + wholeEvents + otherEvents + written + relay

  /// Counters, and records so many back.
  private static func rows(
    _ event: EventFields, _ group: UInt16, counters: [DataField], _ record: [DataField], di1: Selector = .exact(0),
    areCountersVerified: Bool = false, isRecordVerified: Bool = false
  ) -> [CatalogueRow] {
    // A single known counter is never anything else; a record of unknown length is raw.
    [
      CatalogueRow(
        group, .exact(0), .exact(0), areCountersVerified ? .fields(counters) : .record(counters),
        isVerified: areCountersVerified, heading: event.counters),
      CatalogueRow(
        group, di1, .backs(10), isRecordVerified ? .fields(record) : .record(record), rule: .event,
        isVerified: isRecordVerified, heading: event.record),
    ]
  }

  /// Events that are counted by phase: DI2, name, what its records hold after start and end.
  private static let phaseEvents: [CatalogueRow] = [
    (UInt16(0x0301), EventFields("voltage-loss", "Loss of voltage", "失压")),
    (0x0302, EventFields("under-voltage", "Under-voltage", "欠压")),
    (0x0303, EventFields("over-voltage", "Over-voltage", "过压")),
    (0x0304, EventFields("phase-failure", "Phase failure", "断相")),
    (0x030B, EventFields("current-loss", "Loss of current", "失流")),
    (0x030C, EventFields("over-current", "Over-current", "过流")),
    (0x030D, EventFields("current-failure", "Current failure", "断流")),
    (0x030E, EventFields("reverse-flow", "Reverse power flow", "潮流反向")),
    (0x030F, EventFields("overload", "Overload", "过载")),
  ].flatMap { group, event in
    let body =
      switch group {
      case 0x0301...0x0304: event.threePhases + event.ampereHours
      case 0x030B...0x030D: event.threePhases
      default: event.growths
      }
    return rows(
      event, group, counters: Phase.allCases.flatMap { [event.count(.phase($0)), event.minutes(.phase($0))] },
      [event.start, event.end] + body, di1: .phases, areCountersVerified: group == 0x0301)
  }

  /// Events that are counted for the meter as a whole.
  private static let wholeEvents: [CatalogueRow] = [
    (UInt16(0x0305), EventFields("all-loss", "Loss of all voltages", "全失压")),
    (0x0306, EventFields("auxiliary-loss", "Loss of auxiliary supply", "辅助电源失电")),
    (0x0307, EventFields("voltage-sequence", "Reversed voltage sequence", "电压逆相序")),
    (0x0308, EventFields("current-sequence", "Reversed current sequence", "电流逆相序")),
    (0x0309, EventFields("voltage-unbalance", "Voltage unbalance", "电压不平衡")),
    (0x030A, EventFields("current-unbalance", "Current unbalance", "电流不平衡")),
  ].flatMap { group, event in
    let current = event.field(
      "current", "current during it", "时刻电流", .number(bytes: 3, decimals: 3, signed: false), .ampere)
    let ratio = event.field("ratio", "greatest unbalance", "最大不平衡率", hundredths, .percent)
    let record =
      switch group {
      case 0x0305: [event.start, current, event.end]
      case 0x0306: [event.start, event.end]
      case 0x0307, 0x0308: [event.start, event.end] + event.growths
      default: [event.start, event.end, ratio] + event.growths
      }
    return rows(
      event, group, counters: [event.count(), event.minutes()], record, areCountersVerified: group == 0x0305)
  }

  /// Power failure, and demand over limit.
  private static let otherEvents: [CatalogueRow] = {
    let failure = EventFields("power-fail", "Power failure", "掉电")
    let over = EventFields("demand-over", "Demand over limit", "需量超限")
    let counted = [
      ("import", "forward active", "正向有功"), ("export", "reverse active", "反向有功"), ("q1", "quadrant 1", "第1象限无功"),
      ("q2", "quadrant 2", "第2象限无功"), ("q3", "quadrant 3", "第3象限无功"), ("q4", "quadrant 4", "第4象限无功"),
    ].map { name, title, chinese in
      over.field(
        "\(name).count", "\(title), count", chinese + "总次数", .number(bytes: 3, decimals: 0, signed: false), .one)
    }
    let demand = over.field("demand", "maximum demand during it", "期间最大需量", .demand(signed: false), .kilowatt)
    return rows(
      failure, 0x0311, counters: [failure.count()], [failure.start, failure.end], areCountersVerified: true,
      isRecordVerified: true)
      + rows(
        over, 0x0312, counters: counted, [over.start, over.end, demand], di1: .numbers(1...6, base: 0))
  }()

  /// What people have written, cleared or opened: DI1 of 0330H.
  private static let written: [CatalogueRow] = [
    (UInt8(0x00), true, EventFields("programming", "Programming", "编程")),
    (0x01, false, EventFields("meter-clear", "Meter clear", "电表清零")),
    (0x02, false, EventFields("demand-clear", "Demand clear", "需量清零")),
    (0x03, true, EventFields("event-clear", "Event clear", "事件清零")),
    (0x04, true, EventFields("clock-set", "Clock set", "校时")),
    (0x05, false, EventFields("day-table-programming", "Day table programming", "时段表编程")),
    (0x06, false, EventFields("zone-table-programming", "Zone table programming", "时区表编程")),
    (0x07, false, EventFields("rest-day-programming", "Rest day programming", "周休日编程")),
    (0x08, false, EventFields("holiday-programming", "Holiday programming", "节假日编程")),
    (0x09, false, EventFields("active-combination", "Active combination set", "有功组合方式编程")),
    (0x0A, false, EventFields("reactive1-combination", "Reactive combination 1 set", "无功组合方式1编程")),
    (0x0B, false, EventFields("reactive2-combination", "Reactive combination 2 set", "无功组合方式2编程")),
    (0x0C, false, EventFields("settlement-day-programming", "Settlement days set", "结算日编程")),
    (0x0D, true, EventFields("cover-open", "Cover opened", "开表盖")),
    (0x0E, true, EventFields("terminal-cover-open", "Terminal cover opened", "开端钮盒")),
  ].flatMap { code, isVerified, event in
    let fields = record(code, event)
    return [
      CatalogueRow(0x0330, .exact(code), .exact(0), .field(event.count())),
      CatalogueRow(
        0x0330, .exact(code), .backs(10), isVerified ? .fields(fields) : .record(fields), rule: .event,
        isVerified: isVerified, heading: event.record),
    ]
  }

  /// The fields of a record of 0330H. Which of the twelve energies of an opened cover is which is unverified.
  private static func record(_ code: UInt8, _ event: EventFields) -> [DataField] {
    let head = [event.start, event.operatorCode]
    switch code {
    case 0x00:
      return head + event.numbered(10, "identifier#", "identifier # written", "的第#个数据标识", .code(bytes: 4))
    case 0x01: return head + EventFields.parts.flatMap { event.energies("before", "before", "前", $0) }
    case 0x02: return head + EventFields.parts.flatMap(event.demands)
    case 0x03: return head + [event.field("identifier", "identifier of the events", "数据标识", .code(bytes: 4))]
    case 0x04:
      return [
        event.operatorCode, event.field("before", "clock before", "前时间", .secondTime),
        event.field("after", "clock after", "后时间", .secondTime),
      ]
    case 0x05:
      return head
        + (1...16).flatMap { index in
          let (set, table) = ((index - 1) / 8 + 1, (index - 1) % 8 + 1)
          return event.numbered(
            14, "set\(set).table\(table).period#", "set \(set), day table \(table), period # before",
            "前第\(set)套第\(table)日时段表第#时段", .period)
        }
    case 0x06:
      return head
        + (1...2).flatMap { set in
          event.numbered(14, "set\(set).zone#", "set \(set), zone # before", "前第\(set)套第#时区", .zone)
        }
    case 0x07:
      return head
        + [
          event.field(
            "table", "day table before", "前采用的日时段表号", .number(bytes: 1, decimals: 0, signed: false), .one)
        ]
    case 0x08: return head + event.numbered(254, "holiday#", "holiday # before", "前第#节假日", .holiday)
    case 0x09...0x0B:
      let bits = code == 0x09 ? BitName.activeCombination : BitName.reactiveCombination
      return head + [event.field("word", "combination word before", "前特征字", .bits(bytes: 1), bits: bits)]
    case 0x0C: return head + event.numbered(3, "day#", "settlement day # before", "前每月第#结算日", .dayHour)
    default:
      return [event.start, event.end] + event.energies("before", "before", "前") + event.energies("after", "after", "后")
    }
  }

  /// Trip and close of the relay, State Grid. What a record holds is unverified.
  private static let relay: [CatalogueRow] = [
    (UInt16(0x1D00), EventFields("trip", "Trip", "跳闸")), (0x1E00, EventFields("close", "Close", "合闸")),
  ].flatMap { group, event in
    [
      CatalogueRow(group, .exact(0), .exact(1), .field(event.count())),
      CatalogueRow(
        group, .exact(1), .backs(10),
        .record([event.start, event.operatorCode] + event.energies("then", "then", "时")), rule: .event,
        isVerified: false, heading: event.record),
    ]
  }
}
