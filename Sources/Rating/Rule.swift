/// By which rule a line came to be; the raw values are stored on bills and never change their meaning.
public enum Rule: String, Hashable, Sendable, CaseIterable {
  /// Every kWh at one price.
  case energy = "energy"
  /// A period's kWh at its price.
  case energyOfPeriod = "energy.period"
  /// A tier's kWh at its price.
  case tierPrice = "tier.price"
  /// Every kWh at the price of the last one's tier.
  case wholeVolume = "tier.whole-volume"
  /// An adder on a tier's kWh.
  case tierAdder = "tier.adder"
  /// An adder on the part of a tier's kWh that a period has.
  case tierAdderProRata = "tier.adder.pro-rata"
  /// An adder on the part of a tier's kWh that a period used while the window stood in that tier.
  case tierAdderInOrder = "tier.adder.in-order"
  /// Every kWh at the month's price.
  case monthlyPrice = "monthly"
  /// A period's kWh at its price of the month.
  case monthlyPriceOfPeriod = "monthly.period"
  /// Every kWh, collected for others.
  case fund = "fund"
  /// Running kVA.
  case capacity = "capacity"
  /// Suspended kVA, at half the price.
  case capacitySuspended = "capacity.suspended"
  /// kW of the contract, with what its rule adds.
  case demandContract = "demand.contract"
  /// kW beyond the contract, at twice the price.
  case demandExcess = "demand.excess"
  /// kW of the highest demand.
  case demandActual = "demand.actual"
  /// A percentage of the lines in its base.
  case powerFactor = "power-factor"
  /// Reverse energy, to the user's credit.
  case export = "export"
  /// What the lines before lack to the least bill.
  case minimum = "minimum"
  /// Days of a debt in the year it was due.
  case lateOwnYear = "late.own-year"
  /// Later days of a debt.
  case lateLater = "late.later"
  /// What a debt's charge lacks to the least.
  case lateLeast = "late.least"

  /// True for lines that are nothing but metered import energy at a price known beforehand.
  var isPlain: Bool {
    switch self {
    case .energy, .energyOfPeriod, .tierPrice, .wholeVolume, .tierAdder, .tierAdderProRata, .fund: true
    case .tierAdderInOrder, .monthlyPrice, .monthlyPriceOfPeriod, .capacity, .capacitySuspended, .demandContract,
      .demandExcess, .demandActual, .powerFactor, .export, .minimum, .lateOwnYear, .lateLater, .lateLeast:
      false
    }
  }

  /// What a line of this rule counts.
  public var unit: LineUnit {
    switch self {
    case .energy, .energyOfPeriod, .tierPrice, .wholeVolume, .tierAdder, .tierAdderProRata, .tierAdderInOrder,
      .monthlyPrice, .monthlyPriceOfPeriod, .fund, .export:
      .kilowattHour
    case .capacity, .capacitySuspended: .kilovoltAmpere
    case .demandContract, .demandExcess, .demandActual: .kilowatt
    case .powerFactor, .minimum, .lateOwnYear, .lateLater, .lateLeast: .yuan
    }
  }
}

/// What a line counts; the raw values stand on stored bills.
public enum LineUnit: String, Hashable, Sendable, CaseIterable {
  /// Energy.
  case kilowattHour = "kWh"
  /// Capacity.
  case kilovoltAmpere = "kVA"
  /// Demand.
  case kilowatt = "kW"
  /// Money that the line is a share of.
  case yuan = "yuan"
}
