import Metering

extension Layout {
  /// What to do with an item: where it lies, and of a load profile the time of its record.
  typealias Visit = (DataField, Span<UInt8>) throws(DataError) -> Void

  /// Hands each item of `data` to `visit` in the order of the frame.
  ///
  /// One byte may close the answer: some meters end with AAH, some with DDH. Source: wuhuangrui/C82_DL689 and
  /// icprog/dlt698.45.
  @inline(__always)
  func walk(_ data: Span<UInt8>, rates: Int?, _ visit: Visit) throws(DataError) {
    let count: Int
    let closed = data.count > 0 && (data[data.count - 1] == 0xAA || data[data.count - 1] == 0xDD)
    switch size {
    case .fixed(let items, let bytes):
      guard data.count == bytes || (closed && data.count == bytes + 1) else {
        if case .fields(_, let origin, _, true) = self, data.count > 0 {
          return try visit(Self.raw(data.count, origin), data)
        }
        throw .length(expected: bytes, received: data.count)
      }
      count = items
    case .repeated(let head, let item, let most):
      count = try repeated(data.count, closed, head, item, most, rates)
    case .structured: return
    }
    var position = 0
    for index in 0..<count {
      guard let field = field(index) else { return }
      let end = position + field.format.size
      guard end <= data.count else { return }
      try visit(field, data.extracting(position..<end))
      position = end
    }
  }

  /// How many items lie in `received` bytes.
  private func repeated(
    _ received: Int, _ closed: Bool, _ head: Int, _ item: Int, _ most: Int, _ rates: Int?
  ) throws(DataError) -> Int {
    if let expected = length(rates: rates) {
      guard received == expected || (closed && received == expected + 1) else {
        throw .length(expected: expected, received: received)
      }
      return expected / item
    }
    let body = received - head
    let count = body / item
    let rest = body % item
    guard body > 0, (1...most).contains(count), rest == 0 || (rest == 1 && closed) else {
      throw .blockLength(itemSize: item, received: received)
    }
    return head > 0 ? count + 1 : count
  }

  /// At most so many items lie in `received` bytes; to reserve room for them at once.
  private func room(for received: Int) -> Int {
    switch size {
    case .fixed(let items, _): items
    case .repeated(let head, let item, let most): min(received / item + (head > 0 ? 1 : 0), most + 1)
    case .structured: 0
    }
  }

  /// Bytes of which nothing is known.
  static func raw(_ count: Int, _ origin: Origin) -> DataField { DataField(rawTerm, .raw(bytes: count), from: origin) }
  static let rawTerm = Term("raw", "Bytes of unknown meaning", "未解析数据")

  /// Reads every item; a bad one does not spoil its neighbours.
  func read(_ data: Span<UInt8>, rates: Int?) throws(DataError) -> Decoded {
    switch self {
    case .freezeBlock(let freeze, let back): return try FreezeBlock.read(data, freeze, back, rates: rates)
    case .profile(let kind): return try LoadProfile.read(data, class: kind)
    case .one, .fields, .rates, .timesOfRates, .settlements, .table, .curve:
      var decoded = Decoded()
      decoded.items.reserveCapacity(room(for: data.count))
      try walk(data, rates: rates) { field, bytes throws(DataError) in decoded.take(field, bytes) }
      return decoded
    }
  }

  /// Reads what readings are made of, and throws for the first item that is no value.
  func observations(_ data: Span<UInt8>, rates: Int?) throws(DataError) -> [Observation] {
    switch self {
    case .freezeBlock, .profile:
      let decoded = try read(data, rates: rates)
      if let fault = decoded.rejected.first { throw fault }
      return decoded.observations
    case .one, .fields, .rates, .timesOfRates, .settlements, .table, .curve:
      var observations: [Observation] = []
      observations.reserveCapacity(room(for: data.count))
      try walk(data, rates: rates) { field, bytes throws(DataError) in
        let content: ItemContent
        do throws(ItemFault) {
          content = try field.format.read(bytes)
        } catch {
          throw DataError(error, field, bytes)
        }
        guard let quantity = field.quantity, let memory = field.memory else { return }
        observations.append(
          Observation(quantity: quantity, value: content.value, occurred: content.occurred, memory: memory))
      }
      return observations
    }
  }
}

extension Decoded {
  /// Reads one item; `occurred` is the time of its record where it has one.
  mutating func take(_ field: DataField, _ bytes: Span<UInt8>, occurred: MeterTime? = nil) {
    do throws(ItemFault) {
      let content = try field.format.read(bytes)
      items.append(DecodedItem(field, ItemContent(content.value, occurred: content.occurred ?? occurred)))
    } catch {
      rejected.append(DataError(error, field, bytes))
    }
  }
}
