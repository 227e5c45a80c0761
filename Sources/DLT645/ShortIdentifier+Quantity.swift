public import Metering

extension ShortIdentifier {
  private struct Told: Hashable {
    let quantity: Quantity
    let memory: Memory
  }

  /// The identifiers that tell one item alone.
  private static let single: [Told: ShortIdentifier] = {
    var found: [Told: ShortIdentifier] = [:]
    for identifier in catalogued {
      guard case .one(let field) = identifier.layout(), let quantity = field.quantity, let memory = field.memory
      else { continue }
      let told = Told(quantity: quantity, memory: memory)
      if found[told] == nil { found[told] = identifier }
    }
    return found
  }()

  /// Every identifier that the catalogue knows.
  private static let catalogued: [ShortIdentifier] = {
    let groups = Set(Catalogue.rows(in: .dlt645v1997).map { UInt16($0.di1.range.lowerBound) }).sorted()
    return groups.flatMap { group in (0...0xFF).map { ShortIdentifier(rawValue: group << 8 | $0) } }
      .filter(\.isCatalogued)
  }()

  /// The identifier that asks for `quantity` alone; `nil` where the 1997 edition has none or it is not catalogued.
  public init?(for quantity: Quantity, memory: Memory = .current) {
    guard let found = Self.single[Told(quantity: quantity, memory: memory)] else { return nil }
    self = found
  }

  /// The blocks that tell `quantity` and its neighbours in one answer.
  public static func blocks(containing quantity: Quantity, memory: Memory = .current) -> [ShortIdentifier] {
    catalogued.filter { identifier in
      switch identifier.layout() {
      case .fields(let fields, let origin, _, _):
        origin.memory == memory && fields.count > 1 && fields.contains { $0.quantity == quantity }
      case .rates(.measurand(let measurand), _, let origin):
        origin.memory == memory && quantity.measurand == measurand && isTotalOrRate(quantity.part)
      case .one, .rates, .timesOfRates, .settlements, .table, .freezeBlock, .profile, .curve, nil: false
      }
    }
  }
}

/// True for what a block over rates can hold.
func isTotalOrRate(_ part: Part) -> Bool {
  switch part {
  case .total, .rate: true
  case .phase, .line, .neutral, .single: false
  }
}
