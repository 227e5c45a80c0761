public import Metering

extension DataIdentifier {
  /// What the answer holds; `nil` where the catalogue does not know the identifier.
  var layout: Layout? { Catalogue.layout(self) }

  /// True where the catalogue tells what the answer holds.
  public var isCatalogued: Bool { layout != nil }

  /// Names, titles, access and members; `nil` where the catalogue does not know the identifier.
  public var entry: CatalogueEntry? {
    guard let row = Catalogue.row(self), let layout else { return nil }
    return CatalogueEntry(row, layout)
  }

  /// Every item of the answer; a block over rates has the total and `rates` more, a table its most entries, a load
  /// profile one record. Empty for identifiers that are not in the catalogue.
  public func fields(rates: Int = 4) -> [DataField] { layout?.fields(rates: rates) ?? [] }

  /// The items of the answer that readings are made of, in their order, as for `fields`.
  public func items(rates: Int = 4) -> [CatalogueItem] { fields(rates: rates).compactMap(\.catalogueItem) }

  /// Bytes of the answer after the identifier, without a closing AAH; `nil` where it depends on the number of rates
  /// and that is not given, where the meter decides, and for identifiers that are not in the catalogue.
  public func payloadLength(rates: Int? = nil) -> Int? { layout?.length(rates: rates) }

  /// Reads the bytes after the identifier, without their 33H, item by item.
  ///
  /// Without `rates`, the length of a block tells how many there are. A closing AAH (or DDH) is allowed. Throws for
  /// an unknown identifier and for a length that does not fit.
  public func decode(_ data: [UInt8], rates: Int? = nil) throws(DataError) -> Decoded {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.read(data.span, rates: rates)
  }

  /// The items that readings are made of; throws for the first item of any kind that is no value.
  public func observations(in data: [UInt8], rates: Int? = nil) throws(DataError) -> [Observation] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.observations(data.span, rates: rates)
  }

  /// The bytes after the identifier that tell `observations`: the inverse of `observations(in:)`.
  ///
  /// Items that are not told are filled with FFH; observations that the identifier does not hold are passed over.
  /// Without `rates`, a block goes up to the highest rate told.
  public func payload(_ observations: [Observation], rates: Int? = nil) throws(PayloadError) -> [UInt8] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.payload(observations, rates: rates)
  }

  /// The bytes after the identifier that tell `items`: the inverse of `decode`, for items of every kind.
  public func payload(items: [DecodedItem], rates: Int? = nil) throws(PayloadError) -> [UInt8] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.payload(items, rates: rates)
  }

  /// The bytes after the identifier for values as `Value.description` prints them, `-` for an absent one.
  ///
  /// They are given in the order of `fields`; of a block over rates or a table the last ones may be left out.
  public func payload(texts: [String]) throws(PayloadError) -> [UInt8] {
    guard let layout else { throw .unknownIdentifier(description) }
    return try layout.payload(texts: texts)
  }
}

extension DataField {
  /// `nil` for what no reading is made from.
  var catalogueItem: CatalogueItem? {
    guard let quantity, let memory else { return nil }
    return CatalogueItem(quantity: quantity, memory: memory, format: format)
  }
}
