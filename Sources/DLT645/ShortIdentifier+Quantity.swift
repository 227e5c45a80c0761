public import Metering

extension ShortIdentifier {
  /// Every identifier that the catalogue knows.
  private static let catalogued: [ShortIdentifier] = {
    let groups: [UInt16] = [0x90, 0x91, 0x94, 0x95, 0x98, 0x99, 0xA0, 0xA1, 0xA4, 0xA5, 0xA8, 0xA9, 0xB6, 0xC0]
    return groups.flatMap { group in (0...0xFF).map { ShortIdentifier(rawValue: group << 8 | $0) } }
      .filter(\.isCatalogued)
  }()

  /// The identifier that asks for `quantity` alone; `nil` where the 1997 edition has none or it is not catalogued.
  public init?(for quantity: Quantity, memory: Memory = .current) {
    let found = Self.catalogued.first { identifier in
      guard case .items(let items) = identifier.layout, items.count == 1, let item = items.first else { return false }
      return item.quantity == quantity && item.memory == memory
    }
    guard let found else { return nil }
    self = found
  }

  /// The blocks that tell `quantity` and its neighbours in one answer.
  public static func blocks(containing quantity: Quantity, memory: Memory = .current) -> [ShortIdentifier] {
    catalogued.filter { identifier in
      switch identifier.layout {
      case .items(let items):
        items.count > 1 && items.contains { $0.quantity == quantity && $0.memory == memory }
      case .perRate(let measurand, _, let kept):
        kept == memory && quantity.measurand == measurand && isTotalOrRate(quantity.part)
      case .perSettlement, nil: false
      }
    }
  }

  /// The items of the answer, as for `DataIdentifier.items`.
  public func items(rates: Int = 4) -> [CatalogueItem] { layout?.items(count: Layout.items(ofRates: rates)) ?? [] }
}

/// True for what a block over rates can hold.
func isTotalOrRate(_ part: Part) -> Bool {
  switch part {
  case .total, .rate: true
  case .phase, .line, .neutral, .single: false
  }
}
