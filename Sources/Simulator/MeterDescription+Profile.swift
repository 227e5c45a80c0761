internal import DLT645
public import Devices
public import Metering

extension MeterDescription {
  /// Midnight of 2024-01-01, before which the meters of profiles have kept nothing.
  public static let firstDay = MeterTime(localSeconds: 1_704_067_200)

  /// A meter as `profile` describes it, with the customer of `seed`.
  ///
  /// `schedule` says which rate counts when; the usual one for so many rates when left out. The address has twelve digits for DL/T 645, shorter ones are padded; for Modbus it is 1...247, over TCP also 0 and 255. Throws
  /// `SimulatorError.meter` for one that is none of the profile's protocol.
  public init(
    id: MeterID, profile: DeviceProfile, address: String, seed: UInt64, start: MeterTime = firstDay,
    delay: BootInstant.Span = .milliseconds(40), faults: LineFaults = .none, settings: SerialSettings? = nil,
    settlementDay: Int = 1, settlementHour: Int = 0, clockOffset: Int64 = 0, zone: ZoneOffset = .china,
    schedule: RateSchedule? = nil
  ) throws(SimulatorError) {
    let kind: Kind
    switch profile.language {
    case .modbus(let map):
      guard let unit = UInt8(address), unit <= 247 || unit == 255 else {
        throw .meter(id.text, reason: "\"\(address)\" is no Modbus address, 1 to 247, over TCP also 0 and 255")
      }
      kind = .modbus(unit: unit, RegisterMap(map))
    case .dlt645(let edition, _):
      guard let own = Address(address), own.isComplete else {
        throw .meter(id.text, reason: "\"\(address)\" is no meter address of up to twelve digits")
      }
      kind = .dlt645(own, edition == .of2007 ? .dlt645v2007 : .dlt645v1997)
    }
    let schedule = schedule ?? RateSchedule.day(rates: profile.rates)
    // Sixty years of a mean customer are less than what six digits hold, whatever the meter's are.
    let digits = profile.energyDigits ?? 6
    let registers = MeterRegisters(
      curve: LoadCurve(seed: seed, start: start, schedule: schedule), settlementDay: settlementDay,
      settlementHour: settlementHour, clockOffset: clockOffset, zone: zone,
      capacity: (0..<digits).reduce(1_000_000) { power, _ in power * 10 }, phases: profile.phases,
      rateCount: profile.rates, settlementsKept: profile.settlements, freezesKept: profile.dailyFreezes,
      nominalDecivolts: profile.nominalVoltage.map { $0.millionths / 100_000 } ?? 2200)
    self.init(id: id, kind: kind, registers: registers, delay: delay, faults: faults, settings: settings)
    if case .modbus(let map) = profile.language { nameplate = map.nameplate }
  }
}
