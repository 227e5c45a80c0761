extension Quantity: CustomStringConvertible {
  public var description: String { name }

  /// The stable name used in configuration, on the command line and in JSON.
  public var name: String {
    guard let last = part.name else { return measurand.stem }
    return "\(measurand.stem).\(last)"
  }

  /// Reads a stable name; `nil` when it names no quantity.
  public init?(name: String) {
    if let measurand = Measurand.byStem[name], let quantity = Quantity(measurand, .single) {
      self = quantity
      return
    }
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let last = name[name.index(after: dot)...]
    guard let measurand = Measurand.byStem[String(name[..<dot])], let part = Part(name: last) else { return nil }
    self.init(measurand, part)
  }

  /// OBIS code (IEC 62056-6-1) in the form `A-B:C.D.E`; `nil` where the standard has none that fits.
  ///
  /// Signed quantities carry the code of their import direction and the sign says the rest.
  public var obis: String? {
    let phaseOffset: Int
    switch part {
    case .total, .rate, .single: phaseOffset = 0
    case .phase(let phase): phaseOffset = 20 * Int(phase.rawValue)
    case .neutral: phaseOffset = 80
    case .line: return nil
    }
    let rate: Int
    if case .rate(let number) = part { rate = Int(number) } else { rate = 0 }
    switch measurand {
    case .energy(let flow): return "1-0:\(flow.obisGroup + phaseOffset).8.\(rate)"
    case .maximumDemand(let flow): return "1-0:\(flow.obisGroup + phaseOffset).6.\(rate)"
    case .demand(.active): return "1-0:1.4.0"
    case .demand(.reactive): return "1-0:3.4.0"
    case .demand(.apparent): return "1-0:9.4.0"
    case .voltage: return "1-0:\(12 + phaseOffset).7.0"
    case .current: return "1-0:\(11 + phaseOffset).7.0"
    case .power(.active): return "1-0:\(16 + phaseOffset).7.0"
    case .power(.reactive): return "1-0:\(3 + phaseOffset).7.0"
    case .power(.apparent): return "1-0:\(9 + phaseOffset).7.0"
    case .powerFactor: return "1-0:\(13 + phaseOffset).7.0"
    case .frequency: return "1-0:14.7.0"
    case .voltageDistortion: return "1-0:\(12 + phaseOffset).7.124"
    case .currentDistortion: return "1-0:\(11 + phaseOffset).7.124"
    case .phaseAngle:
      guard case .phase(let phase) = part else { return nil }
      // 81.7.xy: the angle of y against x; currents are 4...6, voltages 0...2.
      let index = Int(phase.rawValue) - 1
      return "1-0:81.7.\(index * 10 + index + 4)"
    case .temperature: return "0-0:96.9.0"
    case .clock: return "0-0:1.0.0"
    case .clockDate: return "1-0:0.9.2"
    case .clockTime: return "1-0:0.9.1"
    case .meterAddress: return "0-0:96.1.0"
    case .meterNumber: return "0-0:96.1.1"
    case .assetNumber: return "0-0:96.1.2"
    case .statusWord(let number): return "0-0:96.5.\(number)"
    case .currentRatio: return "1-0:0.4.2"
    case .voltageRatio: return "1-0:0.4.3"
    case .meterConstant: return "1-0:0.3.0"
    case .freezeTime, .rateCount, .settlementDay: return nil
    }
  }

  /// The name as a Chinese utility prints it.
  public var chineseName: String { part.chinese(measurand.chineseName) }
}

extension Phase {
  var lineName: String {
    switch self {
    case .l1: "l12"
    case .l2: "l23"
    case .l3: "l31"
    }
  }

  var chineseName: String {
    switch self {
    case .l1: "A相"
    case .l2: "B相"
    case .l3: "C相"
    }
  }

  var chineseLineName: String {
    switch self {
    case .l1: "AB线"
    case .l2: "BC线"
    case .l3: "CA线"
    }
  }
}

extension Part {
  /// The last word of a stable name, such as `rate4`; `nil` where the measurand has no parts.
  public var name: String? {
    switch self {
    case .single: nil
    case .total: "total"
    case .rate(let rate): "rate\(rate)"
    case .phase(let phase): "l\(phase.rawValue)"
    case .line(let phase): phase.lineName
    case .neutral: "neutral"
    }
  }

  /// The Chinese name of this part of `whole`.
  public func chinese(_ whole: String) -> String {
    switch self {
    case .single: whole
    case .total: whole + "总"
    case .rate(let rate): "\(whole)费率\(rate)"
    case .phase(let phase): phase.chineseName + whole
    case .line(let phase): phase.chineseLineName + whole
    case .neutral: "零线" + whole
    }
  }

  init?(name: some StringProtocol) {
    switch name {
    case "total": self = .total
    case "neutral": self = .neutral
    case "l1": self = .phase(.l1)
    case "l2": self = .phase(.l2)
    case "l3": self = .phase(.l3)
    case "l12": self = .line(.l1)
    case "l23": self = .line(.l2)
    case "l31": self = .line(.l3)
    default:
      // Only the written form: "rate04" names nothing.
      guard name.hasPrefix("rate"), let rate = UInt8(name.dropFirst(4)), name == "rate\(rate)" else { return nil }
      self = .rate(rate)
    }
  }
}

extension Flow {
  /// Value group C of OBIS for the sum of all phases.
  var obisGroup: Int {
    switch self {
    case .importActive: 1
    case .exportActive: 2
    case .combinedActive: 15
    case .importReactive, .combinedReactive1: 3
    case .exportReactive, .combinedReactive2: 4
    case .reactiveQuadrant1: 5
    case .reactiveQuadrant2: 6
    case .reactiveQuadrant3: 7
    case .reactiveQuadrant4: 8
    case .importApparent: 9
    case .exportApparent: 10
    }
  }

  /// What the flow is a part of: active, reactive or apparent.
  public var component: Component {
    switch self {
    case .combinedActive, .importActive, .exportActive: .active
    case .combinedReactive1, .combinedReactive2, .reactiveQuadrant1, .reactiveQuadrant2, .reactiveQuadrant3,
      .reactiveQuadrant4, .importReactive, .exportReactive:
      .reactive
    case .importApparent, .exportApparent: .apparent
    }
  }

  var chineseName: String {
    switch self {
    case .combinedActive: "组合有功"
    case .importActive: "正向有功"
    case .exportActive: "反向有功"
    case .combinedReactive1: "组合无功1"
    case .combinedReactive2: "组合无功2"
    case .reactiveQuadrant1: "第一象限无功"
    case .reactiveQuadrant2: "第二象限无功"
    case .reactiveQuadrant3: "第三象限无功"
    case .reactiveQuadrant4: "第四象限无功"
    case .importReactive: "正向无功"
    case .exportReactive: "反向无功"
    case .importApparent: "正向视在"
    case .exportApparent: "反向视在"
    }
  }
}

extension Measurand: CaseIterable {
  public static let allCases: [Measurand] =
    Flow.allCases.map(Measurand.energy) + Flow.allCases.map(Measurand.maximumDemand)
    + Component.allCases.map(Measurand.demand) + Component.allCases.map(Measurand.power)
    + [
      .voltage, .current, .powerFactor, .phaseAngle, .frequency, .temperature, .voltageDistortion, .currentDistortion,
      .clock, .clockDate, .clockTime, .freezeTime, .meterAddress, .meterNumber, .assetNumber, .rateCount,
      .currentRatio, .voltageRatio, .meterConstant,
    ] + (1...3).map(Measurand.settlementDay) + (1...7).map(Measurand.statusWord)

  static let byStem: [String: Measurand] = Dictionary(
    Measurand.allCases.map { ($0.stem, $0) }, uniquingKeysWith: { first, _ in first })

  /// The name without its part.
  public var stem: String {
    switch self {
    case .energy(let flow): "energy.\(flow.rawValue)"
    case .maximumDemand(let flow): "demand.\(flow.rawValue)"
    case .demand(let component): "demand.running.\(component.rawValue)"
    case .voltage: "voltage"
    case .current: "current"
    case .power(let component): "power.\(component.rawValue)"
    case .powerFactor: "power-factor"
    case .phaseAngle: "angle"
    case .frequency: "frequency"
    case .temperature: "temperature"
    case .voltageDistortion: "distortion.voltage"
    case .currentDistortion: "distortion.current"
    case .clock: "clock"
    case .clockDate: "clock.date"
    case .clockTime: "clock.time"
    case .freezeTime: "freeze.time"
    case .meterAddress: "meter.address"
    case .meterNumber: "meter.number"
    case .assetNumber: "meter.asset"
    case .rateCount: "rate.count"
    case .settlementDay(let number): "settlement.day\(number)"
    case .statusWord(let number): "status.word\(number)"
    case .currentRatio: "ratio.current"
    case .voltageRatio: "ratio.voltage"
    case .meterConstant: "meter.constant"
    }
  }

  /// The name as a Chinese utility prints it, without its part.
  public var chineseName: String {
    switch self {
    case .energy(let flow): flow.chineseName + "电能"
    case .maximumDemand(let flow): flow.chineseName + "最大需量"
    case .demand(.active): "当前有功需量"
    case .demand(.reactive): "当前无功需量"
    case .demand(.apparent): "当前视在需量"
    case .voltage: "电压"
    case .current: "电流"
    case .power(.active): "有功功率"
    case .power(.reactive): "无功功率"
    case .power(.apparent): "视在功率"
    case .powerFactor: "功率因数"
    case .phaseAngle: "相角"
    case .frequency: "频率"
    case .temperature: "表内温度"
    case .voltageDistortion: "电压波形失真度"
    case .currentDistortion: "电流波形失真度"
    case .clock: "日期时间"
    case .clockDate: "日期及星期"
    case .clockTime: "时间"
    case .freezeTime: "冻结时间"
    case .meterAddress: "通信地址"
    case .meterNumber: "表号"
    case .assetNumber: "资产管理编码"
    case .rateCount: "费率数"
    case .settlementDay(let number): "每月第\(number)结算日"
    case .statusWord(let number): "运行状态字\(number)"
    case .currentRatio: "电流互感器变比"
    case .voltageRatio: "电压互感器变比"
    case .meterConstant: "电表常数"
    }
  }
}
