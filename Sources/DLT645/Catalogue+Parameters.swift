import Metering

/// Class 04: parameters.
extension Catalogue {
  static let parameters: [CatalogueRow] =
    singles(0x0400, clocks + sizes + displays + identity + limits)
    + singles(0x0400, statusWords)
    + [
      CatalogueRow(
        0x0400, .exact(0x05), .exact(0xFF), .fields(statusWords.compactMap(\.field)),
        heading: Term("status.block", "Status words, block", "运行状态字数据块"))
    ]
    + singles(0x0400, words + settlementDays)
    + passwords + timeOfUse + singles(0x0480, versions)

  static let statusBlock = DataIdentifier(rawValue: 0x0400_05FF)

  private static let byte = ItemFormat.number(bytes: 1, decimals: 0, signed: false)
  private static let word = ItemFormat.number(bytes: 2, decimals: 0, signed: false)
  private static let six = ItemFormat.number(bytes: 3, decimals: 0, signed: false)
  private static let money = ItemFormat.number(bytes: 4, decimals: 2, signed: false)

  private static let clocks: [SingleRow] = [
    SingleRow(0x0101, .clockDate, .date, access: .readWrite),
    SingleRow(0x0102, .clockTime, .timeOfDay, access: .readWrite),
    SingleRow(0x0103, "demand.period", "Demand period", "最大需量周期", byte, .minute, access: .readWrite),
    SingleRow(0x0104, "demand.slide", "Demand slide", "滑差时间", byte, .minute, access: .readWrite),
    SingleRow(0x0105, "pulse.width", "Width of the check pulse", "校表脉冲宽度", word, .millisecond, access: .readWrite),
    SingleRow(
      0x0106, "tou.zones.switch", "Switch time of the two zone tables", "两套时区表切换时间", .minuteTime, access: .readWrite),
    SingleRow(
      0x0107, "tou.days.switch", "Switch time of the two sets of day tables", "两套日时段表切换时间", .minuteTime,
      access: .readWrite),
    SingleRow(0x010C, .clock, .dateTime, access: .readWrite),
  ]

  private static let sizes: [SingleRow] = [
    SingleRow(0x0201, "tou.zone.count", "Zones of a year, p", "年时区数", byte, .one, access: .readWrite),
    SingleRow(0x0202, "tou.table.count", "Day tables, q", "日时段表数", byte, .one, access: .readWrite),
    SingleRow(0x0203, "tou.period.count", "Periods of a day, m", "日时段数", byte, .one, access: .readWrite),
    SingleRow(0x0204, .rateCount, byte, access: .readWrite),
    SingleRow(0x0205, "tou.holiday.count", "Public holidays, n", "公共假日数", word, .one, access: .readWrite),
    SingleRow(0x0206, "harmonic.count", "Orders of harmonics analysed", "谐波分析次数", byte, .one, access: .readWrite),
  ]

  private static let displays: [SingleRow] = [
    SingleRow(0x0301, "display.cycle.screens", "Screens shown in turn", "自动循环显示屏数", byte, .one, access: .readWrite),
    SingleRow(
      0x0302, "display.screen.seconds", "Seconds a screen is shown", "每屏显示时间", byte, .second, access: .readWrite),
    SingleRow(
      0x0303, "display.energy.decimals", "Decimals of shown energy", "显示电能小数位数", byte, .one, access: .readWrite),
    SingleRow(
      0x0304, "display.power.decimals", "Decimals of shown power", "显示功率小数位数", byte, .one, access: .readWrite),
    SingleRow(0x0305, "display.key.screens", "Screens shown by key", "按键循环显示屏数", byte, .one, access: .readWrite),
    SingleRow(0x0306, .currentRatio, six, access: .readWrite),
    SingleRow(0x0307, .voltageRatio, six, access: .readWrite),
  ]

  private static let identity: [SingleRow] = [
    SingleRow(0x0401, .meterAddress, .digits(bytes: 6), access: .readWrite),
    SingleRow(0x0402, .meterNumber, .digits(bytes: 6), access: .readWrite),
    SingleRow(0x0403, .assetNumber, .characters(bytes: 32), access: .readWrite),
    SingleRow(0x0404, "meter.rated.voltage", "Rated voltage", "额定电压", .characters(bytes: 6)),
    SingleRow(0x0405, "meter.rated.current", "Rated current", "额定电流", .characters(bytes: 6)),
    SingleRow(0x0406, "meter.maximum.current", "Maximum current", "最大电流", .characters(bytes: 6)),
    SingleRow(0x0407, "meter.class.active", "Active accuracy class", "有功准确度等级", .characters(bytes: 4)),
    SingleRow(0x0408, "meter.class.reactive", "Reactive accuracy class", "无功准确度等级", .characters(bytes: 4)),
    SingleRow(0x0409, .meterConstant, six),
    SingleRow(
      0x040A, "meter.constant.reactive", "Reactive meter constant", "电表无功常数", six, .impulsesPerKilovarHour),
    SingleRow(0x040B, "meter.model", "Meter model", "电表型号", .characters(bytes: 10)),
    SingleRow(0x040C, "meter.production-date", "Production date", "生产日期", .characters(bytes: 10)),
    SingleRow(0x040D, "meter.protocol", "Protocol version", "协议版本号", .characters(bytes: 16)),
  ]

  static let statusWords: [SingleRow] = (1...7).map {
    SingleRow(0x0500 + UInt16($0), .statusWord($0), .bits(bytes: 2))
  }

  static let settlementDays: [SingleRow] = (1...3).map {
    SingleRow(0x0B00 + UInt16($0), .settlementDay($0), .dayHour, access: .readWrite)
  }

  /// The names of the single mode words and the bits of the rest-day word are unverified.
  private static let words: [SingleRow] =
    [
      SingleRow(
        0x0601, "combination.active", "How combined active energy is formed", "有功组合方式特征字", .bits(bytes: 1),
        bits: BitName.activeCombination, access: .readWrite),
      SingleRow(
        0x0602, "combination.reactive1", "How combined reactive energy 1 is formed", "无功组合方式1特征字", .bits(bytes: 1),
        bits: BitName.reactiveCombination, access: .readWrite),
      SingleRow(
        0x0603, "combination.reactive2", "How combined reactive energy 2 is formed", "无功组合方式2特征字", .bits(bytes: 1),
        bits: BitName.reactiveCombination, access: .readWrite),
      rateWord(0x0701, "infrared", "the modulated infrared port", "调制型红外光口"),
      rateWord(0x0702, "optical", "the contact optical port", "接触式红外光口"),
      rateWord(0x0703, "port1", "communication port 1", "通信口1"),
      rateWord(0x0704, "port2", "communication port 2", "通信口2"),
      rateWord(0x0705, "port3", "communication port 3", "通信口3"),
      SingleRow(
        0x0801, "tou.rest-days", "Days of rest in the week", "周休日特征字", .bits(bytes: 1), bits: BitName.restDays,
        access: .readWrite, isVerified: false),
      SingleRow(
        0x0802, "tou.rest-day.table", "Day table of the days of rest", "周休日采用的日时段表号", byte, .one, access: .readWrite),
      modeWord(0x0901, "profile.mode", "What the load profile records", "负荷记录模式字"),
      modeWord(0x0902, "freeze.timed.mode", "What a timed freeze keeps", "定时冻结数据模式字"),
      modeWord(0x0903, "freeze.instant.mode", "What an instant freeze keeps", "瞬时冻结数据模式字"),
      modeWord(0x0904, "freeze.switch.mode", "What a freeze at a table switch keeps", "约定冻结数据模式字"),
      modeWord(0x0905, "freeze.hourly.mode", "What an hourly freeze keeps", "整点冻结数据模式字"),
      modeWord(0x0906, "freeze.daily.mode", "What a daily freeze keeps", "日冻结数据模式字"),
      SingleRow(0x0A01, "profile.start", "Start of the load profile", "负荷记录起始时间", .monthTime, access: .readWrite),
    ]
    + (1...6).map { number in
      SingleRow(
        0x0A01 + UInt16(number), "profile.class\(number).interval", "Interval of load profile class \(number)",
        "第\(number)类负荷记录间隔时间", word, .minute, access: .readWrite)
    }

  private static func rateWord(_ low: UInt16, _ name: String, _ title: String, _ chinese: String) -> SingleRow {
    SingleRow(
      low, "serial.\(name)", "Rate of \(title)", chinese + "通信速率特征字", .bits(bytes: 1), bits: BitName.rates,
      access: .readWrite)
  }

  private static func modeWord(_ low: UInt16, _ name: String, _ title: String, _ chinese: String) -> SingleRow {
    SingleRow(low, name, title, chinese, .bits(bytes: 1), access: .readWrite, isVerified: low < 0x0903)
  }

  /// That limits 02 to 05 of a kind are what they are called here is unverified.
  private static let limits: [SingleRow] =
    [
      SingleRow(
        0x0E01, "limit.power.import", "Forward active power limit", "正向有功功率上限值", unsignedPower, .kilowatt,
        access: .readWrite),
      SingleRow(
        0x0E02, "limit.power.export", "Reverse active power limit", "反向有功功率上限值", unsignedPower, .kilowatt,
        access: .readWrite),
      SingleRow(0x0E03, "limit.voltage.upper", "Upper voltage limit", "电压上限值", voltage, .volt, access: .readWrite),
      SingleRow(0x0E04, "limit.voltage.lower", "Lower voltage limit", "电压下限值", voltage, .volt, access: .readWrite),
    ]
    + [
      (0x0F01, "alarm1", "First energy alarm", "报警电量1限值"), (0x0F02, "alarm2", "Second energy alarm", "报警电量2限值"),
      (0x0F03, "hoard", "Energy that may be hoarded", "囤积电量限值"),
      (0x0F04, "overdraft", "Energy that may be overdrawn", "透支电量限值"),
    ].map { low, name, title, chinese in
      SingleRow(
        low, "prepaid.energy.\(name)", title, chinese, money, .kilowattHour, access: .readWrite,
        isVerified: low == 0x0F01)
    }
    + [
      (0x1001, "alarm1", "First money alarm", "报警金额1限值"), (0x1002, "alarm2", "Second money alarm", "报警金额2限值"),
      (0x1003, "overdraft-limit", "Money that may be overdrawn", "透支金额限值"),
      (0x1004, "hoard", "Money that may be hoarded", "囤积金额限值"),
      (0x1005, "close", "Money that allows closing", "合闸允许金额限值"),
    ].map { low, name, title, chinese in
      SingleRow(
        low, "prepaid.money.\(name)", title, chinese, money, .yuan, access: .readWrite, isVerified: low == 0x1001)
    }

  private static let unsignedPower = ItemFormat.number(bytes: 3, decimals: 4, signed: false)

  /// A password is its level and six digits. Meters never tell one.
  private static let passwords = [
    CatalogueRow(
      0x0400, .exact(0x0C), .numbers(1...10, base: 1),
      .field(DataField(Term("password.level#", "Password of level #", "#级密码"), .code(bytes: 4))), access: .write)
  ]

  /// Tables are usually padded to 14 entries by repeating the last one.
  private static let timeOfUse: [CatalogueRow] =
    [(UInt16(0x0401), 1), (0x0402, 2)].flatMap { group, set in
      [
        CatalogueRow(
          group, .exact(0), .exact(0), .table(zone("set\(set).", "Set \(set), ", "第\(set)套"), most: 14),
          access: .readWrite, heading: Term("tou.set\(set).zones", "Set \(set), zone table", "第\(set)套时区表"))
      ]
        + (1...8).map { table in
          CatalogueRow(
            group, .exact(0), .exact(UInt8(table)),
            .table(
              period("set\(set).table\(table).", "Set \(set), day table \(table), ", "第\(set)套第\(table)日时段表"),
              most: 14), access: .readWrite,
            heading: Term(
              "tou.set\(set).table\(table)", "Set \(set), day table \(table)", "第\(set)套第\(table)日时段表"))
        }
    } + [
      CatalogueRow(
        0x0403, .exact(0), .numbers(1...0xFE, base: 0),
        .field(DataField(Term("tou.holiday#", "Public holiday #", "第#公共假日"), .holiday)), access: .readWrite)
    ]

  static func zone(_ stem: String, _ title: String, _ chinese: String) -> DataField {
    DataField(Term("tou.\(stem)zone#", title + "zone #", chinese + "第#时区"), .zone)
  }

  static func period(_ stem: String, _ title: String, _ chinese: String) -> DataField {
    DataField(Term("tou.\(stem)period#", title + "period #", chinese + "第#时段"), .period)
  }

  private static let versions: [SingleRow] = [
    SingleRow(0x0001, "meter.software", "Software version", "厂家软件版本号", .characters(bytes: 32)),
    SingleRow(0x0002, "meter.hardware", "Hardware version", "厂家硬件版本号", .characters(bytes: 32)),
    SingleRow(0x0003, "meter.manufacturer", "Manufacturer code", "厂家编号", .characters(bytes: 32)),
  ]
}
