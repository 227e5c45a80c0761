/// One energy for each tier, or for each period, of a plan; kept in place so that rating allocates nothing for it.
struct EnergyRow: Sendable {
  /// Plans with more tiers or periods are refused when they are read.
  static let most = 8

  private var slots: [8 of Energy] = .init(repeating: .zero)

  subscript(index: Int) -> Energy {
    get { slots[index] }
    set { slots[index] = newValue }
  }

  /// How many there are up to the last one that is not nothing.
  var used: Int { (slots.indices.last { slots[$0] > .zero } ?? -1) + 1 }

  /// The first `count` energies.
  func prefix(_ count: Int) -> [Energy] { (0..<count).map { slots[$0] } }
}

extension EnergyRow: Hashable {
  static func == (a: Self, b: Self) -> Bool { a.slots.indices.allSatisfy { a[$0] == b[$0] } }
  func hash(into hasher: inout Hasher) {
    for index in slots.indices { hasher.combine(slots[index]) }
  }
}
