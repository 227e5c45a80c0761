/// The one unit in which a quantity is stored and shown.
///
/// Numbers are kept in millionths of it, so 1 kWh is 1,000,000 and one milliwatt-hour is 1.
public enum Unit: String, Hashable, Sendable, CaseIterable {
  case kilowattHour = "kWh"
  case kilovarHour = "kvarh"
  case kilovoltampereHour = "kVAh"
  case kilowatt = "kW"
  case kilovar = "kvar"
  case kilovoltampere = "kVA"
  case volt = "V"
  case ampere = "A"
  case hertz = "Hz"
  case degree = "°"
  case degreeCelsius = "°C"
  case percent = "%"
  /// A number without a dimension.
  case one = "1"
  case impulsesPerKilowattHour = "imp/kWh"
  case impulsesPerKilovarHour = "imp/kvarh"
  case ampereHour = "Ah"
  case millisecond = "ms"
  case second = "s"
  case minute = "min"
  case yuan = "yuan"
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
