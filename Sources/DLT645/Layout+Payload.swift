import Metering

extension Layout {
  /// Filled from what readings are made of; what the layout does not hold is passed over.
  func payload(_ observations: [Observation], rates: Int?) throws(PayloadError) -> [UInt8] {
    try write(rates: rates) { field in
      guard let quantity = field.quantity, let memory = field.memory,
        let told = observations.first(where: { $0.quantity == quantity && $0.memory == memory })
      else { return nil }
      return ItemContent(told.value, occurred: told.occurred)
    }
  }

  /// Filled from items, such as `read` gives.
  func payload(_ items: [DecodedItem], rates: Int?) throws(PayloadError) -> [UInt8] {
    if items.count == 1, let item = items.first, case .raw = item.field.format {
      return try item.field.bytes(item.content)
    }
    let contents = Dictionary(items.map { ($0.field, $0.content) }, uniquingKeysWith: { first, _ in first })
    return try write(rates: rates) { contents[$0] }
  }

  /// Filled from printed values in the order of the items: all of them, or of a block or table as many as wanted.
  func payload(texts: [String]) throws(PayloadError) -> [UInt8] {
    let fields = fields(rates: max(texts.count - 1, 0))
    if case .fields(_, let origin, _, true) = self, texts.count == 1, fields.count > 1,
      let bytes = try? hexBytes(texts[0]), !bytes.isEmpty
    {
      return try Self.raw(bytes.count, origin).bytes(ItemContent(.text(texts[0])))
    }
    let isOpen = if case .repeated = size { true } else { false }
    guard texts.count == fields.count || (isOpen && !texts.isEmpty && texts.count < fields.count) else {
      throw .count(expected: fields.count, received: texts.count)
    }
    var items: [DecodedItem] = []
    for (field, text) in zip(fields, texts) {
      guard let content = field.format.content(from: text) else { throw .text(field.name, text) }
      items.append(DecodedItem(field, content))
    }
    return try payload(items, rates: nil)
  }
}
