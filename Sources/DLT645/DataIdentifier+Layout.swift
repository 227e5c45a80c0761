public import Metering

extension DataIdentifier {
  /// What the answer holds; `nil` where the catalogue does not know the identifier.
  var layout: Layout? {
    switch di3 {
    case 0x00, 0x01: registerLayout
    case 0x02: instantLayout ?? singleLayout
    case 0x04: self == Catalogue.statusBlock ? statusLayout : singleLayout
    case 0x05: freezeLayout
    default: nil
    }
  }

  /// Energies and maximum demands: DI2 names the register, DI1 the rate, DI0 the settlement.
  ///
  /// That a block over the settlements starts with the register now is unverified.
  private var registerLayout: Layout? {
    guard let (row, phase) = register else { return nil }
    let measurand: Measurand = di3 == 0 ? .energy(row.flow) : .maximumDemand(row.flow)
    let format: ItemFormat = di3 == 0 ? Catalogue.energyFormat(signed: row.signed) : .demand(signed: row.signed)
    let part: Part?
    switch (phase, di1) {
    case (.some(let phase), 0): part = .phase(phase)
    case (.some, _): return nil
    case (nil, 0): part = .total
    case (nil, 1...63): part = .rate(di1)
    case (nil, 0xFF): part = nil
    case (nil, _): return nil
    }
    let memory: Memory?
    switch Int(di0) {
    case 0: memory = .current
    case 1...Catalogue.settlements: memory = .settlement(Int(di0))
    case 0xFF: memory = nil
    default: return nil
    }
    switch (part, memory) {
    case (.some(let part), .some(let memory)): return .one(Quantity(measurand, part), format, memory)
    case (nil, .some(let memory)): return .perRate(measurand, format, memory)
    case (.some(let part), nil): return Quantity(measurand, part).map { .perSettlement($0, format) }
    case (nil, nil): return nil
    }
  }

  private var register: (Catalogue.FlowRow, Phase?)? {
    if let row = Catalogue.flows.first(where: { $0.code == di2 }) { return (row, nil) }
    for phase in Phase.allCases {
      // Combined active energy, DI2 00H, is not kept by phase.
      let code = di2 &- Catalogue.phaseStep &* phase.rawValue
      if code != 0, let row = Catalogue.flows.first(where: { $0.code == code }) { return (row, phase) }
    }
    return nil
  }

  private var instantLayout: Layout? {
    guard di0 == 0, let row = Catalogue.instants.first(where: { $0.code == di2 }) else { return nil }
    let parts = row.parts.filter { di1 == 0xFF || $0.code == di1 }
    let items = parts.compactMap { Quantity(row.measurand, $0.part) }
      .map { CatalogueItem(quantity: $0, memory: .current, format: row.format) }
    return items.isEmpty ? nil : .items(items)
  }

  private var singleLayout: Layout? {
    Catalogue.singles.first { $0.identifier == self }.flatMap { .one($0.quantity, $0.format) }
  }

  private var statusLayout: Layout? {
    .items(
      Catalogue.statusWords.compactMap { row in
        row.quantity.map { CatalogueItem(quantity: $0, memory: .current, format: row.format) }
      })
  }

  /// The daily freeze, DI2 06H: DI1 names the register and DI0 how many freezes back.
  private var freezeLayout: Layout? {
    guard di2 == 0x06, Catalogue.freezes.contains(Int(di0)) else { return nil }
    let memory = Memory.dailyFreeze(Int(di0))
    if di1 == 0 { return .one(Quantity(.freezeTime, .single), .minuteTime, memory) }
    if let row = Catalogue.flows.first(where: { $0.frozenEnergy == di1 }) {
      return .perRate(.energy(row.flow), Catalogue.energyFormat(signed: row.signed), memory)
    }
    return Catalogue.flows.first { $0.frozenDemand == di1 }
      .map { .perRate(.maximumDemand($0.flow), .demand(signed: $0.signed), memory) }
  }
}

extension DataIdentifier {
  /// True where the catalogue tells what the answer holds.
  public var isCatalogued: Bool { layout != nil }

  /// The items of the answer in their order; a block over rates has the total and `rates` more. Empty for
  /// identifiers that are not in the catalogue.
  public func items(rates: Int = 4) -> [CatalogueItem] {
    switch layout {
    case .perSettlement: layout?.items(count: Catalogue.settlements + 1) ?? []
    case .items, .perRate, nil: layout?.items(count: Layout.items(ofRates: rates)) ?? []
    }
  }

  /// Bytes of the answer after the identifier, without a closing AAH; `nil` where it depends on the number of rates
  /// and that is not given, and for identifiers that are not in the catalogue.
  public func payloadLength(rates: Int? = nil) -> Int? { layout?.length(rates: rates) }

  /// Reads the bytes after the identifier, without their 33H, item by item.
  ///
  /// Without `rates`, the length of a block tells how many there are. A closing AAH (or DDH) is allowed. Throws for
  /// an unknown identifier and for a length that does not fit.
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

  /// The bytes after the identifier that tell `observations`: the inverse of `observations(in:)`.
  ///
  /// Items that are not told are filled with FFH; observations that the identifier does not hold are passed over.
  /// Without `rates`, a block goes up to the highest rate told.
  public func payload(_ observations: [Observation], rates: Int? = nil) throws(PayloadError) -> [UInt8] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.write(observations, rates: rates)
  }
}
