public import Metering

extension ShortIdentifier {
  /// What the answer holds; `nil` where the catalogue does not know the identifier.
  func layout(_ quadrants: QuadrantOrder = .standard) -> Layout? {
    let layout = Catalogue.layout(self)
    return quadrants == .standard ? layout : layout?.ordered(quadrants)
  }

  /// True where the catalogue tells what the answer holds.
  public var isCatalogued: Bool { layout() != nil }

  /// Names, titles, access and members; `nil` where the catalogue does not know the identifier.
  public var entry: CatalogueEntry? {
    guard let row = Catalogue.row(self), let layout = layout() else { return nil }
    return CatalogueEntry(row, layout)
  }

  /// Every item of the answer, as for `DataIdentifier.fields`.
  public func fields(rates: Int = 4, quadrants: QuadrantOrder = .standard) -> [DataField] {
    layout(quadrants)?.fields(rates: rates) ?? []
  }

  /// The items of the answer, as for `DataIdentifier.items`.
  public func items(rates: Int = 4) -> [CatalogueItem] { fields(rates: rates).compactMap(\.catalogueItem) }

  /// Bytes of the answer after the identifier, as for `DataIdentifier.payloadLength`.
  public func payloadLength(rates: Int? = nil) -> Int? { layout()?.length(rates: rates) }

  /// Reads the bytes after the identifier, as `DataIdentifier.decode` does.
  ///
  /// `quadrants` is for meters that count the quadrants in another order than the standard's.
  public func decode(
    _ data: [UInt8], rates: Int? = nil, quadrants: QuadrantOrder = .standard
  ) throws(DataError) -> Decoded {
    guard let layout = layout(quadrants) else { throw .unknownIdentifier(description) }
    return try layout.read(data.span, rates: rates)
  }

  /// As `DataIdentifier.observations`.
  public func observations(
    in data: [UInt8], rates: Int? = nil, quadrants: QuadrantOrder = .standard
  ) throws(DataError) -> [Observation] {
    guard let layout = layout(quadrants) else { throw .unknownIdentifier(description) }
    return try layout.observations(data.span, rates: rates)
  }

  /// The bytes after the identifier that tell `observations`, as for `DataIdentifier.payload`.
  public func payload(
    _ observations: [Observation], rates: Int? = nil, quadrants: QuadrantOrder = .standard
  ) throws(PayloadError) -> [UInt8] {
    guard let layout = layout(quadrants) else { throw .unknownIdentifier(description) }
    return try layout.payload(observations, rates: rates)
  }

  /// The bytes after the identifier that tell `items`, as for `DataIdentifier.payload`.
  public func payload(
    items: [DecodedItem], rates: Int? = nil, quadrants: QuadrantOrder = .standard
  ) throws(PayloadError) -> [UInt8] {
    guard let layout = layout(quadrants) else { throw .unknownIdentifier(description) }
    return try layout.payload(items, rates: rates)
  }

  /// The bytes after the identifier for printed values, as for `DataIdentifier.payload`.
  public func payload(texts: [String]) throws(PayloadError) -> [UInt8] {
    guard let layout = layout() else { throw .unknownIdentifier(description) }
    return try layout.payload(texts: texts)
  }
}

extension Layout {
  /// The same on a meter that counts the quadrants in another order.
  fileprivate func ordered(_ quadrants: QuadrantOrder) -> Layout {
    switch self {
    case .one(let field): .one(field.ordered(quadrants))
    case .rates(.measurand(let measurand), let format, let origin):
      .rates(.measurand(measurand.ordered(quadrants)), format, origin)
    case .timesOfRates(let measurand, let origin): .timesOfRates(measurand.ordered(quadrants), origin)
    case .rates, .fields, .settlements, .table, .freezeBlock, .profile, .curve: self
    }
  }
}

extension DataField {
  fileprivate func ordered(_ quadrants: QuadrantOrder) -> DataField {
    switch label {
    case .quantity(let quantity):
      Quantity(quantity.measurand.ordered(quadrants), quantity.part).map { DataField($0, format, from: origin) } ?? self
    case .time(let quantity):
      Quantity(quantity.measurand.ordered(quadrants), quantity.part)
        .map { DataField(timeOf: $0, format, from: origin) } ?? self
    case .term: self
    }
  }
}

extension Measurand {
  fileprivate func ordered(_ quadrants: QuadrantOrder) -> Measurand {
    switch self {
    case .energy(let flow): .energy(quadrants.flow(for: flow))
    case .maximumDemand(let flow): .maximumDemand(quadrants.flow(for: flow))
    default: self
    }
  }
}
