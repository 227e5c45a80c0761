public import Metering

extension DataIdentifier {
  /// The identifier that asks for least among those that tell `quantity`; `nil` where there is none.
  ///
  /// Most quantities have one of their own. The rates of a daily freeze have not, and are told by its block.
  public init?(for quantity: Quantity, memory: Memory = .current) {
    let candidate =
      Self.single(for: quantity, memory: memory) ?? Self.blocks(containing: quantity, memory: memory).first
    guard let candidate, candidate.isCatalogued else { return nil }
    self = candidate
  }

  /// The blocks that tell `quantity` and its neighbours in one answer: all rates, all phases, all status words.
  public static func blocks(containing quantity: Quantity, memory: Memory = .current) -> [DataIdentifier] {
    switch (quantity.measurand, memory) {
    case (.energy(let flow), _), (.maximumDemand(let flow), _):
      guard isTotalOrRate(quantity.part), let row = Catalogue.flows.first(where: { $0.flow == flow }) else { return [] }
      let isEnergy = quantity.measurand == .energy(flow)
      switch memory {
      case .current: return [DataIdentifier(isEnergy ? 0 : 1, row.code, 0xFF, 0)]
      case .settlement(let back):
        guard (1...Catalogue.settlements).contains(back) else { return [] }
        return [DataIdentifier(isEnergy ? 0 : 1, row.code, 0xFF, UInt8(back))]
      case .dailyFreeze(let back):
        guard Catalogue.freezeDepth.contains(back), let code = isEnergy ? row.frozenEnergy : row.frozenDemand
        else { return [] }
        return [DataIdentifier(5, 6, code, UInt8(back))]
      }
    case (.statusWord, .current): return [Catalogue.statusBlock]
    case (_, .current):
      guard let row = instant(for: quantity) else { return [] }
      return [DataIdentifier(2, row.code, 0xFF, 0)]
    case (_, .settlement), (_, .dailyFreeze): return []
    }
  }

  private static func single(for quantity: Quantity, memory: Memory) -> DataIdentifier? {
    switch (quantity.measurand, memory) {
    case (.energy(let flow), _): register(0, flow, quantity.part, memory)
    case (.maximumDemand(let flow), _): register(1, flow, quantity.part, memory)
    case (.freezeTime, .dailyFreeze(let back)): Catalogue.freezeDepth.contains(back) ? Self(5, 6, 0, UInt8(back)) : nil
    case (_, .current):
      instant(for: quantity).flatMap { row in
        row.parts.first { $0.part == quantity.part }.map { Self(2, row.code, $0.code, 0) }
      } ?? singles[quantity]
    case (_, .settlement), (_, .dailyFreeze): nil
    }
  }

  private static func register(_ di3: UInt8, _ flow: Flow, _ part: Part, _ memory: Memory) -> DataIdentifier? {
    guard let row = Catalogue.flows.first(where: { $0.flow == flow }) else { return nil }
    let di0: UInt8
    switch memory {
    case .current: di0 = 0
    case .settlement(let back):
      guard (1...Catalogue.settlements).contains(back) else { return nil }
      di0 = UInt8(back)
    case .dailyFreeze: return nil
    }
    switch part {
    case .total: return Self(di3, row.code, 0, di0)
    case .rate(let rate): return Self(di3, row.code, rate, di0)
    case .phase(let phase):
      guard row.code != 0 else { return nil }
      return Self(di3, row.code + Catalogue.phaseStep * phase.rawValue, 0, di0)
    case .line, .neutral, .single: return nil
    }
  }

  /// Quantities that have one identifier of their own: of class 0280H and the parameters.
  private static let singles: [Quantity: DataIdentifier] = {
    var found: [Quantity: DataIdentifier] = [:]
    for row in Catalogue.rows(in: .dlt645v2007) where row.rule == .current {
      guard case .field(let field) = row.content, let quantity = field.quantity, case .exact(let di1) = row.di1,
        case .exact(let di0) = row.di0
      else { continue }
      let identifier = DataIdentifier(
        UInt8(truncatingIfNeeded: row.group >> 8), UInt8(truncatingIfNeeded: row.group), di1, di0)
      if found[quantity] == nil { found[quantity] = identifier }
    }
    return found
  }()

  private static func instant(for quantity: Quantity) -> Catalogue.InstantRow? {
    Catalogue.instantRows.first { row in
      row.measurand == quantity.measurand && row.parts.contains { $0.part == quantity.part }
    }
  }
}
