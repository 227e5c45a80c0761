/// The one unit in which a quantity is stored and shown.
///
/// Numbers are kept in millionths of it, so 1 kWh is 1,000,000 and one milliwatt-hour is 1.
public enum Unit: String, Hashable, Sendable, CaseIterable {
  /// Active energy. 千瓦时
  case kilowattHour = "kWh"
  /// Reactive energy. 千乏时
  case kilovarHour = "kvarh"
  /// Apparent energy. 千伏安时
  case kilovoltampereHour = "kVAh"
  /// Active power. 千瓦
  case kilowatt = "kW"
  /// Reactive power. 千乏
  case kilovar = "kvar"
  /// Apparent power. 千伏安
  case kilovoltampere = "kVA"
  /// Voltage. 伏
  case volt = "V"
  /// Current. 安
  case ampere = "A"
  /// Frequency. 赫兹
  case hertz = "Hz"
  /// An angle. 度
  case degree = "°"
  /// Temperature. 摄氏度
  case degreeCelsius = "°C"
  /// Hundredths of a whole.
  case percent = "%"
  /// A number without a dimension.
  case one = "1"
  /// A meter's constant for active energy. 有功脉冲常数
  case impulsesPerKilowattHour = "imp/kWh"
  /// A meter's constant for reactive energy. 无功脉冲常数
  case impulsesPerKilovarHour = "imp/kvarh"
  /// Charge. 安时
  case ampereHour = "Ah"
  /// Thousandths of a second.
  case millisecond = "ms"
  /// Seconds.
  case second = "s"
  /// Minutes.
  case minute = "min"
  /// Money. 元
  case yuan = "yuan"
  /// A price. 元每千瓦时
  case yuanPerKilowattHour = "yuan/kWh"
}

extension Quantity {
  /// The unit of the quantity's numbers; `nil` for clocks, addresses and status words.
  public var unit: Unit? {
    switch measurand {
    case .energy(let flow):
      switch flow.component {
      case .active: .kilowattHour
      case .reactive: .kilovarHour
      case .apparent: .kilovoltampereHour
      }
    case .maximumDemand(let flow): Unit(powerOf: flow.component)
    case .demand(let component), .power(let component): Unit(powerOf: component)
    case .voltage: .volt
    case .current: .ampere
    case .powerFactor, .rateCount, .currentRatio, .voltageRatio: .one
    case .phaseAngle: .degree
    case .frequency: .hertz
    case .temperature: .degreeCelsius
    case .voltageDistortion, .currentDistortion: .percent
    case .meterConstant: .impulsesPerKilowattHour
    case .clock, .clockDate, .clockTime, .freezeTime, .meterAddress, .meterNumber, .assetNumber, .settlementDay,
      .statusWord:
      nil
    }
  }
}

extension Unit {
  init(powerOf component: Component) {
    switch component {
    case .active: self = .kilowatt
    case .reactive: self = .kilovar
    case .apparent: self = .kilovoltampere
    }
  }
}
