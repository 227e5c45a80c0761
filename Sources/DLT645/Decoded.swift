public import Metering

/// One item that an answer told.
public struct DecodedItem: Hashable, Sendable {
  public let field: DataField
  public let content: ItemContent

  public init(_ field: DataField, _ content: ItemContent) {
    self.field = field
    self.content = content
  }

  /// What readings call it; `nil` for what is no quantity.
  public var quantity: Quantity? { field.quantity }
  public var name: String { field.name }
  public var title: String { field.title }
  public var chineseTitle: String { field.chineseTitle }
  public var unit: Unit? { field.unit }
  public var origin: Origin { field.origin }
  /// `nil` for memories that no reading is made from.
  public var memory: Memory? { field.memory }
  public var value: Value { content.value }
  public var occurred: MeterTime? { content.occurred }

  /// The named bits that are set, where it is a word of bits.
  public var setBits: [BitName] {
    guard case .bits(let bits, _) = value else { return [] }
    return BitName.set(in: bits, of: field.bits)
  }

  /// What a reading is made of; `nil` for what is no quantity and for memories that no reading is made from.
  public var observation: Observation? {
    guard let quantity, let memory else { return nil }
    return Observation(quantity: quantity, value: value, occurred: occurred, memory: memory)
  }
}

/// What the data of a frame tells, item by item.
public struct Decoded: Hashable, Sendable {
  /// Every item that is a value or absent, in the order of the frame.
  public internal(set) var items: [DecodedItem] = []
  /// Why the other items are no values.
  public internal(set) var rejected: [DataError] = []

  /// The items that readings are made of, in the order of the frame.
  public var observations: [Observation] { items.compactMap(\.observation) }
}
