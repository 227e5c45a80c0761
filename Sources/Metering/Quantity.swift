/// Which way energy flows, and which kind it is.
///
/// The cases are the groups that electricity meters count separately.
public enum Flow: String, Hashable, Sendable, CaseIterable {
  /// Forward and reverse active energy joined by the meter's combination word; on most meters their sum. 组合有功
  case combinedActive = "combined.active"
  /// From the grid to the user. 正向有功
  case importActive = "import.active"
  /// From the user to the grid. 反向有功
  case exportActive = "export.active"
  /// First combination of the reactive quadrants, set in the meter. 组合无功1
  case combinedReactive1 = "combined.reactive1"
  /// Second combination of the reactive quadrants. 组合无功2
  case combinedReactive2 = "combined.reactive2"
  /// First quadrant: active and reactive energy are both taken. 第一象限无功
  case reactiveQuadrant1 = "reactive.q1"
  /// Second quadrant: active energy is given, reactive taken. 第二象限无功
  case reactiveQuadrant2 = "reactive.q2"
  /// Third quadrant: both are given. 第三象限无功
  case reactiveQuadrant3 = "reactive.q3"
  /// Fourth quadrant: active energy is taken, reactive given. 第四象限无功
  case reactiveQuadrant4 = "reactive.q4"
  /// Quadrants I and II together.
  case importReactive = "import.reactive"
  /// Quadrants III and IV together.
  case exportReactive = "export.reactive"
  /// Apparent, taken from the grid. 正向视在
  case importApparent = "import.apparent"
  /// Apparent, given to the grid. 反向视在
  case exportApparent = "export.apparent"
}

/// Active, reactive or apparent.
public enum Component: String, Hashable, Sendable, CaseIterable {
  /// One of the three kinds. 有功, 无功, 视在
  case active, reactive, apparent
}

/// What a meter measures or tells, without saying of which phase or rate.
public enum Measurand: Hashable, Sendable {
  /// A register that counts energy.
  case energy(Flow)
  /// The highest mean power over a demand interval since the last reset. 最大需量
  case maximumDemand(Flow)
  /// The running mean power of the demand interval now. 当前需量
  case demand(Component)
  /// Root mean square, in V. 电压
  case voltage
  /// Root mean square, in A. 电流
  case current
  /// Of one kind, at the moment. 功率
  case power(Component)
  /// Active over apparent power. 功率因数
  case powerFactor
  /// Angle between voltage and current.
  case phaseAngle
  /// Of the grid, in Hz. 频率
  case frequency
  /// Inside the meter, in °C. 温度
  case temperature
  /// Total harmonic distortion of the voltage, in percent. 电压谐波畸变率
  case voltageDistortion
  /// Total harmonic distortion of the current, in percent. 电流谐波畸变率
  case currentDistortion
  /// Date and time in the meter, together.
  case clock
  /// The date in the meter.
  case clockDate
  /// The time of day in the meter.
  case clockTime
  /// The instant at which a freeze was taken, by the meter's clock. 冻结时标
  case freezeTime
  /// Communication address. 通信地址
  case meterAddress
  /// Number printed on the meter. 表号
  case meterNumber
  /// Asset number of the utility. 资产管理编码
  case assetNumber
  /// How many rates (费率) the meter counts.
  case rateCount
  /// The day and hour at which the meter closes its month, first to third. 结算日
  case settlementDay(UInt8)
  /// One of the seven running status words. 运行状态字
  case statusWord(UInt8)
  /// Ratio of the current transformers.
  case currentRatio
  /// Ratio of the voltage transformers.
  case voltageRatio
  /// Impulses per kWh.
  case meterConstant
}

/// A conductor of the supply.
public enum Phase: UInt8, Hashable, Sendable, CaseIterable {
  /// The first phase. A 相
  case l1 = 1
  /// The second phase. B 相
  case l2 = 2
  /// The third phase. C 相
  case l3 = 3
}

/// Which part of a measurand: all of it, one rate, one phase.
public enum Part: Hashable, Sendable {
  /// The whole, where a measurand has parts.
  case total
  /// The register of one rate, 1...63. By convention 1...4 are sharp, peak, flat and valley (尖峰平谷).
  case rate(UInt8)
  /// One phase of three.
  case phase(Phase)
  /// Between two conductors, named by the first: 1 is L1-L2, 2 is L2-L3, 3 is L3-L1.
  case line(Phase)
  /// The neutral conductor. 零线
  case neutral
  /// The measurand has no parts.
  case single
}

/// One thing that can be read from a meter, such as `energy.import.active.total`.
public struct Quantity: Hashable, Sendable {
  /// What is measured.
  public let measurand: Measurand
  /// Of which part of the circuit.
  public let part: Part

  /// A quantity, or `nil` where the measurand has no such part.
  public init?(_ measurand: Measurand, _ part: Part) {
    guard Self.allows(measurand, part) else { return nil }
    self.measurand = measurand
    self.part = part
  }

  /// For parts that the caller has chosen among `allows`.
  init(unchecked measurand: Measurand, _ part: Part) {
    self.measurand = measurand
    self.part = part
  }

  /// True where `measurand` is split into `part`.
  public static func allows(_ measurand: Measurand, _ part: Part) -> Bool {
    switch measurand {
    case .energy, .maximumDemand:
      switch part {
      case .total, .phase: true
      case .rate(let rate): (1...63).contains(rate)
      case .line, .neutral, .single: false
      }
    case .power, .powerFactor:
      switch part {
      case .total, .phase: true
      case .rate, .line, .neutral, .single: false
      }
    case .voltage:
      switch part {
      case .phase, .line: true
      case .total, .rate, .neutral, .single: false
      }
    case .current:
      switch part {
      case .phase, .neutral: true
      case .total, .rate, .line, .single: false
      }
    case .phaseAngle, .voltageDistortion, .currentDistortion:
      switch part {
      case .phase: true
      case .total, .rate, .line, .neutral, .single: false
      }
    case .statusWord(let number): part == .single && (1...7).contains(number)
    case .settlementDay(let number): part == .single && (1...3).contains(number)
    case .demand, .frequency, .temperature, .clock, .clockDate, .clockTime, .freezeTime, .meterAddress, .meterNumber,
      .assetNumber, .rateCount, .currentRatio, .voltageRatio, .meterConstant:
      part == .single
    }
  }

  /// An energy register: the total, or of one rate.
  /// `nil` for a rate above 63.
  public static func energy(_ flow: Flow, rate: UInt8 = 0) -> Quantity? {
    Quantity(.energy(flow), rate == 0 ? .total : .rate(rate))
  }

  /// The total of an energy register.
  public static func energyTotal(_ flow: Flow) -> Quantity { Quantity(unchecked: .energy(flow), .total) }
}

extension Quantity {
  /// Counted by a register that only grows, apart from rollover.
  ///
  /// Combined registers may fall, since export may be subtracted in them.
  public var isCumulative: Bool {
    switch measurand {
    case .energy(.combinedActive), .energy(.combinedReactive1), .energy(.combinedReactive2): false
    case .energy: true
    default: false
    }
  }
}
