public import DLT645
public import Devices
public import Metering

/// One simulated meter, before it is on a line.
public struct MeterDescription: Sendable {
  public enum Kind: Sendable {
    case dlt645(Address, Edition)
    case modbus(unit: UInt8, RegisterMap)
  }

  public var id: MeterID
  public var kind: Kind
  /// What it measures; the customer's seed is in its curve.
  public var registers: MeterRegisters
  /// From the end of a request to the start of the answer.
  public var delay: BootInstant.Span
  public var faults: LineFaults
  /// Where they differ from the line's.
  public var settings: SerialSettings?
  /// What sets a DL/T 645 meter apart; its delay is `delay`.
  public var habits = SimulatedDLT645Meter.Habits()
  /// What a Modbus meter tells of itself by functions 17 and 43/14; `nil` for one that does not.
  public var nameplate: Nameplate?

  public init(
    id: MeterID, kind: Kind, registers: MeterRegisters, delay: BootInstant.Span = .milliseconds(40),
    faults: LineFaults = .none, settings: SerialSettings? = nil
  ) {
    self.id = id
    self.kind = kind
    self.registers = registers
    self.delay = delay
    self.faults = faults
    self.settings = settings
  }

  /// The meter itself.
  public var meter: any SimulatedMeter {
    switch kind {
    case .dlt645(let address, let edition):
      var habits = habits
      habits.delay = delay
      return SimulatedDLT645Meter(
        id: id, address: address, edition: edition, registers: registers, habits: habits)
    case .modbus(let unit, let map):
      var meter = SimulatedModbusMeter(id: id, address: unit, map: map, registers: registers, delay: delay)
      if let nameplate { meter.show(nameplate) }
      return meter
    }
  }
}

/// One simulated line, before it is opened.
public struct LineDescription: Sendable {
  public var name: String
  public var settings: SerialSettings
  public var place: LinePlace
  public var meters: [MeterDescription]
  public var faults: LineFaults
  /// Whether Modbus meters ignore requests that came before t3.5 of silence.
  public var isStrict: Bool
  /// Whether a meter hears only while the port is tuned to its rate; without it the line runs at `settings`
  /// whatever the port is set to. A socket has no rate to follow.
  public var followsPort: Bool
  /// Takes the place of the pace that `settings` give, at every rate.
  public var pace: WirePace?

  public init(
    name: String, settings: SerialSettings, place: LinePlace = .terminal(link: nil), meters: [MeterDescription],
    faults: LineFaults = .none, isStrict: Bool = false, followsPort: Bool = true, pace: WirePace? = nil
  ) {
    self.name = name
    self.settings = settings
    self.place = place
    self.meters = meters
    self.faults = faults
    self.isStrict = isStrict
    self.followsPort = followsPort
    self.pace = pace
  }

  /// The bus with its meters, at the line's own rate; a network has none.
  public func bus(clock: SimulatedClock) -> SimulatedBus {
    if case .network = place {
      return SimulatedBus(
        network: meters.map { BusMeter($0.meter, faults: $0.faults) }, faults: faults, clock: clock)
    }
    return SimulatedBus(
      pace: pace ?? WirePace(settings),
      meters: meters.map { BusMeter($0.meter, faults: $0.faults, baud: ($0.settings ?? settings).baud) },
      faults: faults, clock: clock, isStrict: isStrict)
  }

  /// The pace of every rate that someone on the line has; empty where the line follows no port.
  public var paces: [Int: WirePace] {
    guard followsPort, case .terminal = place else { return [:] }
    let all = [settings] + meters.compactMap(\.settings)
    // Two settings of one rate differ in parity or stop bits, which a terminal does not tell: the line's come first.
    return Dictionary(all.map { ($0.baud, pace ?? WirePace($0)) }, uniquingKeysWith: { first, _ in first })
  }
}

extension WirePace {
  /// The pace of a line with these settings.
  public init(_ settings: SerialSettings) { self.init(baud: settings.baud, bits: settings.bitsPerCharacter) }
}
