public import Metering

extension ShortIdentifier {
  /// A group of energy registers of the 1997 edition: DI1 without its memory, upper half of DI0.
  ///
  /// The four quadrants, DI0 3xH...6xH, are left out: sources disagree on their order.
  private struct FlowRow {
    let kind: UInt8
    let group: UInt8
    let flow: Flow
  }

  private static let flows = [
    FlowRow(kind: 0, group: 1, flow: .importActive), FlowRow(kind: 0, group: 2, flow: .exportActive),
    FlowRow(kind: 1, group: 1, flow: .importReactive), FlowRow(kind: 1, group: 2, flow: .exportReactive),
  ]

  /// An instantaneous quantity: upper half of DI0. No item of the 1997 edition carries a sign.
  private struct InstantRow {
    let group: UInt8
    let measurand: Measurand
    let format: ItemFormat
  }

  private static let instants = [
    InstantRow(group: 1, measurand: .voltage, format: .number(bytes: 2, decimals: 0, signed: false)),
    InstantRow(group: 2, measurand: .current, format: .number(bytes: 2, decimals: 2, signed: false)),
    InstantRow(group: 3, measurand: .power(.active), format: .number(bytes: 3, decimals: 4, signed: false)),
    InstantRow(group: 4, measurand: .power(.reactive), format: .number(bytes: 2, decimals: 2, signed: false)),
    InstantRow(group: 5, measurand: .powerFactor, format: .number(bytes: 2, decimals: 3, signed: false)),
  ]

  /// What the answer holds; `nil` where the catalogue does not know the identifier.
  ///
  /// Source: DL/T 645-1997 as in wuhuangrui/C82_DL689, KTS-Intek/DLT645 and hoanghon00/meter-dlt645-1997.
  var layout: Layout? {
    let group = di0 >> 4
    let low = di0 & 0x0F
    switch di1 {
    case 0x90, 0x91, 0x94, 0x95, 0x98, 0x99: return registers(group: group, low: low, isDemand: false)
    case 0xA0, 0xA1, 0xA4, 0xA5, 0xA8, 0xA9: return registers(group: group, low: low, isDemand: true)
    case 0xB6: return instantaneous(group: group, low: low)
    case 0xC0: return parameter
    default: return nil
    }
  }

  /// Low half of DI0: 0 total, 1...EH rate, FH block. Maximum demand comes without its time, which has an
  /// identifier of its own.
  private func registers(group: UInt8, low: UInt8, isDemand: Bool) -> Layout? {
    guard let row = Self.flows.first(where: { $0.kind == di1 & 1 && $0.group == group }) else { return nil }
    let measurand: Measurand = isDemand ? .maximumDemand(row.flow) : .energy(row.flow)
    let format: ItemFormat =
      isDemand ? .number(bytes: 3, decimals: 4, signed: false) : Catalogue.energyFormat(signed: false)
    let memory: Memory
    switch di1 & 0x0C {
    case 0x00: memory = .current
    case 0x04: memory = .settlement(1)
    default: memory = .settlement(2)
    }
    switch low {
    case 0: return .one(Quantity(measurand, .total), format, memory)
    case 0xF: return .perRate(measurand, format, memory)
    default: return .one(Quantity(measurand, .rate(low)), format, memory)
    }
  }

  private func instantaneous(group: UInt8, low: UInt8) -> Layout? {
    guard let row = Self.instants.first(where: { $0.group == group }) else { return nil }
    let parts: [Part] = [.total] + Phase.allCases.map(Part.phase)
    let items = parts.enumerated().filter { low == 0xF || $0.offset == Int(low) }
      .compactMap { Quantity(row.measurand, $0.element) }
      .map { CatalogueItem(quantity: $0, memory: .current, format: row.format) }
    return items.isEmpty ? nil : .items(items)
  }

  private var parameter: Layout? {
    switch di0 {
    case 0x10: .one(Quantity(.clockDate, .single), .date)
    case 0x11: .one(Quantity(.clockTime, .single), .timeOfDay)
    case 0x32: .one(Quantity(.meterNumber, .single), .digits(bytes: 6))
    default: nil
    }
  }
}

extension ShortIdentifier {
  /// True where the catalogue tells what the answer holds.
  public var isCatalogued: Bool { layout != nil }

  /// Bytes of the answer after the identifier, as for `DataIdentifier.payloadLength`.
  public func payloadLength(rates: Int? = nil) -> Int? { layout?.length(rates: rates) }

  /// Reads the bytes after the identifier, as `DataIdentifier.decode` does.
  public func decode(_ data: [UInt8], rates: Int? = nil) throws(DataError) -> Decoded {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.read(data.span, rates: rates)
  }

  /// Like `decode`, and throws for the first item that is no value.
  public func observations(in data: [UInt8], rates: Int? = nil) throws(DataError) -> [Observation] {
    let decoded = try decode(data, rates: rates)
    if let fault = decoded.rejected.first { throw fault }
    return decoded.observations
  }

  /// The bytes after the identifier that tell `observations`, as for `DataIdentifier.payload`.
  public func payload(_ observations: [Observation], rates: Int? = nil) throws(PayloadError) -> [UInt8] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.write(observations, rates: rates)
  }
}
