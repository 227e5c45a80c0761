/// One named bit of a status or mode word.
public struct BitName: Hashable, Sendable {
  /// Counted from 0, the lowest.
  public let bit: Int
  public let name: String
  public let title: String
  public let chineseTitle: String

  init(_ bit: Int, _ name: String, _ title: String, _ chineseTitle: String) {
    self.bit = bit
    self.name = name
    self.title = title
    self.chineseTitle = chineseTitle
  }

  /// Those of `names` that are set in `bits`.
  public static func set(in bits: UInt32, of names: [BitName]) -> [BitName] {
    names.filter { $0.bit < 32 && bits >> UInt32($0.bit) & 1 == 1 }
  }

  /// The bits of status word 1...7, 运行状态字; empty for other numbers.
  ///
  /// Source: DL/T 645-2007, status words. In word 3 bits 5 to 9 are a State Grid addition, the prepaid type being
  /// unverified; in word 7 the power factor is unverified.
  public static func statusWord(_ number: Int) -> [BitName] {
    switch number {
    case 1: meterBits
    case 2: directionBits
    case 3: operationBits
    case 4...6: phaseBits
    case 7: wholeBits
    default: []
    }
  }

  private static let meterBits = [
    BitName(1, "demand-by-block", "Demand by block, not by sliding window", "需量积算方式区间"),
    BitName(2, "clock-battery-low", "Clock battery low", "时钟电池欠压"),
    BitName(3, "outage-battery-low", "Outage-reading battery low", "停电抄表电池欠压"),
    BitName(4, "active-reversed", "Active power reversed", "有功功率方向反向"),
    BitName(5, "reactive-reversed", "Reactive power reversed", "无功功率方向反向"),
  ]

  private static let directionBits = [
    BitName(0, "active-reversed-l1", "Active power of phase A reversed", "A相有功功率反向"),
    BitName(1, "active-reversed-l2", "Active power of phase B reversed", "B相有功功率反向"),
    BitName(2, "active-reversed-l3", "Active power of phase C reversed", "C相有功功率反向"),
    BitName(4, "reactive-reversed-l1", "Reactive power of phase A reversed", "A相无功功率反向"),
    BitName(5, "reactive-reversed-l2", "Reactive power of phase B reversed", "B相无功功率反向"),
    BitName(6, "reactive-reversed-l3", "Reactive power of phase C reversed", "C相无功功率反向"),
  ]

  private static let operationBits = [
    BitName(0, "second-period-set", "Second set of day tables in force", "当前运行第二套时段表"),
    BitName(1, "auxiliary-supply", "Supplied by the auxiliary source", "辅助电源供电"),
    BitName(2, "battery-supply", "Supplied by the battery", "电池供电"),
    BitName(3, "programming-allowed", "Programming allowed", "编程允许"),
    BitName(4, "relay-open", "Relay open", "继电器断开"),
    BitName(5, "second-zone-set", "Second zone table in force", "当前运行第二套时区表"),
    BitName(6, "relay-command-open", "Relay ordered to open", "继电器命令断开"),
    BitName(7, "trip-warning", "Trip announced", "预跳闸报警"),
    BitName(8, "prepaid-energy", "Prepaid by energy", "电量型预付费"),
    BitName(9, "prepaid-money", "Prepaid by money", "电费型预付费"),
  ]

  private static let phaseBits = [
    BitName(0, "voltage-loss", "Loss of voltage", "失压"),
    BitName(1, "under-voltage", "Under-voltage", "欠压"),
    BitName(2, "over-voltage", "Over-voltage", "过压"),
    BitName(3, "current-loss", "Loss of current", "失流"),
    BitName(4, "over-current", "Over-current", "过流"),
    BitName(5, "overload", "Overload", "过载"),
    BitName(6, "reverse-flow", "Reverse power flow", "潮流反向"),
    BitName(7, "phase-failure", "Phase failure", "断相"),
    BitName(8, "current-failure", "Current failure", "断流"),
  ]

  private static let wholeBits = [
    BitName(0, "voltage-sequence", "Voltage phase sequence reversed", "电压逆相序"),
    BitName(1, "current-sequence", "Current phase sequence reversed", "电流逆相序"),
    BitName(2, "voltage-unbalance", "Voltage unbalance", "电压不平衡"),
    BitName(3, "current-unbalance", "Current unbalance", "电流不平衡"),
    BitName(4, "auxiliary-loss", "Auxiliary supply lost", "辅助电源失电"),
    BitName(5, "power-fail", "Power down", "掉电"),
    BitName(6, "demand-over", "Demand over limit", "需量超限"),
    BitName(7, "power-factor-low", "Total power factor low", "总功率因数超下限"),
  ]

  /// Rate word, 通信速率特征字: one bit a rate. 600, 1200 and 19200 are unverified.
  static let rates = [600, 1200, 2400, 4800, 9600, 19_200].enumerated().map { index, rate in
    BitName(index + 1, "\(rate)", "\(rate) bit/s", "\(rate)bps")
  }

  /// How combined active energy is formed, 有功组合方式特征字.
  static let activeCombination = [
    BitName(0, "forward-added", "Forward active added", "正向有功加"),
    BitName(1, "forward-subtracted", "Forward active subtracted", "正向有功减"),
    BitName(2, "reverse-added", "Reverse active added", "反向有功加"),
    BitName(3, "reverse-subtracted", "Reverse active subtracted", "反向有功减"),
  ]

  /// How combined reactive energy is formed, 无功组合方式特征字: two bits a quadrant.
  static let reactiveCombination = (1...4).flatMap { quadrant in
    [
      BitName(2 * quadrant - 2, "q\(quadrant)-added", "Quadrant \(quadrant) added", "\(quadrant)象限加"),
      BitName(2 * quadrant - 1, "q\(quadrant)-subtracted", "Quadrant \(quadrant) subtracted", "\(quadrant)象限减"),
    ]
  }

  /// Rest days of the week, 周休日特征字: a 0 is a day of rest. Unverified.
  static let restDays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ].enumerated().map { index, day in
    BitName(
      index, "\(day.lowercased())-worked", "\(day) is a working day", "周\(["日", "一", "二", "三", "四", "五", "六"][index])工作"
    )
  }
}
