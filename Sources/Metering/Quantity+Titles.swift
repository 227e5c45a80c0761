extension Quantity {
  /// The English title, `Forward active energy, rate 4`.
  public var title: String { part.title(measurand.title) }
}

extension Part {
  /// The English title of this part of `whole`.
  public func title(_ whole: String) -> String {
    switch self {
    case .single: whole
    case .total: "\(whole), total"
    case .rate(let rate): "\(whole), rate \(rate)"
    case .phase(let phase): "\(whole), phase \(phase.letter)"
    case .line(let phase): "\(whole), \(phase.letters)"
    case .neutral: "\(whole), neutral"
    }
  }
}

extension Phase {
  /// A, B or C.
  var letter: String {
    switch self {
    case .l1: "A"
    case .l2: "B"
    case .l3: "C"
    }
  }

  /// The two phases of a line voltage, named by the first.
  var letters: String {
    switch self {
    case .l1: "A to B"
    case .l2: "B to C"
    case .l3: "C to A"
    }
  }
}

extension Flow {
  var title: String {
    switch self {
    case .combinedActive: "Combined active"
    case .importActive: "Forward active"
    case .exportActive: "Reverse active"
    case .combinedReactive1: "Combined reactive 1"
    case .combinedReactive2: "Combined reactive 2"
    case .reactiveQuadrant1: "Reactive quadrant 1"
    case .reactiveQuadrant2: "Reactive quadrant 2"
    case .reactiveQuadrant3: "Reactive quadrant 3"
    case .reactiveQuadrant4: "Reactive quadrant 4"
    case .importReactive: "Forward reactive"
    case .exportReactive: "Reverse reactive"
    case .importApparent: "Forward apparent"
    case .exportApparent: "Reverse apparent"
    }
  }
}

extension Measurand {
  /// The English title, without its part.
  public var title: String {
    switch self {
    case .energy(let flow): "\(flow.title) energy"
    case .maximumDemand(let flow): "\(flow.title) maximum demand"
    case .demand(let component): "Running \(component.rawValue) demand"
    case .voltage: "Voltage"
    case .current: "Current"
    case .power(.active): "Active power"
    case .power(.reactive): "Reactive power"
    case .power(.apparent): "Apparent power"
    case .powerFactor: "Power factor"
    case .phaseAngle: "Phase angle"
    case .frequency: "Frequency"
    case .temperature: "Temperature in the meter"
    case .voltageDistortion: "Voltage distortion"
    case .currentDistortion: "Current distortion"
    case .clock: "Date and time"
    case .clockDate: "Date and weekday"
    case .clockTime: "Time of day"
    case .freezeTime: "Time of the freeze"
    case .meterAddress: "Communication address"
    case .meterNumber: "Meter number"
    case .assetNumber: "Asset number"
    case .rateCount: "Number of rates"
    case .settlementDay(let number): "Settlement day \(number)"
    case .statusWord(let number): "Status word \(number)"
    case .currentRatio: "Current transformer ratio"
    case .voltageRatio: "Voltage transformer ratio"
    case .meterConstant: "Active meter constant"
    }
  }
}
