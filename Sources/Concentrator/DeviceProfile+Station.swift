internal import Billing
internal import Devices
internal import Metering
internal import Validation

extension DeviceProfile {
  var isModbus: Bool {
    if case .modbus = language { return true }
    return false
  }

  /// What validation knows of a meter of this model.
  func meterFile(zone: ZoneOffset) -> MeterFile {
    MeterFile(
      phases: phases, nominalVoltage: nominalVoltage?.millionths, maximumCurrent: maximumCurrent?.millionths,
      integerDigits: energyDigits, rates: rates > 0 ? rates : nil, zone: zone)
  }

  /// Which registers tell reactive energy: of the 2007 edition the two combinations, elsewhere import and export, of which
  /// the 1997 profiles keep no settlement of the latter.
  var reactiveRegisters: ReactiveRegisters {
    switch language {
    case .dlt645(.of2007, _): .combined
    case .dlt645(.of1997, _): ReactiveRegisters(forward: .importReactive, reverse: nil)
    case .modbus(let map):
      ReactiveRegisters(
        forward: .importReactive,
        reverse: map.registers.contains { $0.quantity == .energyTotal(.exportReactive) } ? .exportReactive : nil)
    }
  }

  /// How far the energy registers count and how fast they can; DL/T 645 registers have six digits.
  var counterRange: CounterRange? {
    let digits = energyDigits ?? 6
    let capacity = (0..<digits).reduce(Int64(1_000_000)) { power, _ in power * 10 }
    // Volts times amperes are watts; a profile that does not say gets a service of 230 V and 100 A a phase.
    let volts = (nominalVoltage?.millionths ?? 230_000_000) / 1_000_000
    let amperes = (maximumCurrent?.millionths ?? 100_000_000) / 1_000_000
    return CounterRange(capacity: capacity, mostPerHour: max(1, volts * amperes * Int64(phases)) * 1000)
  }
}
