internal import DLT645
internal import Metering

extension SimulatedDLT645Meter {
  /// The bytes after an identifier of 1997; `nil` where the meter has no such item.
  func payload(of identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    let told = Self.items(of: identifier, rates: registers.rateCount)
      .compactMap { observation(of: $0.quantity, $0.memory, at: now) }
    guard !told.isEmpty else { return nil }
    return try? identifier.payload(told, rates: registers.rateCount)
  }

  func truth1997(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    guard let identifier = Self.places1997[Place(quantity: quantity, memory: memory)],
      let payload = payload(of: identifier, at: now),
      let told = try? identifier.observations(in: payload, rates: registers.rateCount)
    else { return nil }
    return told.first { $0.quantity == quantity && $0.memory == memory }
  }

  /// The frames that carry `payload`, the first for 01H and the others for 02H.
  func chain(_ identifier: ShortIdentifier, _ payload: [UInt8]) -> [Reply] {
    let size = min(max(habits.partSize, 1), 195)
    let starts = Array(stride(from: 0, to: max(payload.count, 1), by: size))
    return starts.enumerated().map { index, start in
      let part = Array(payload[start..<min(start + size, payload.count)])
      let more = index < starts.count - 1
      return index == 0
        ? .data1997(identifier, part, more: more)
        : .following1997(identifier, part, sequence: UInt8(truncatingIfNeeded: (index - 1) % 255 + 1), more: more)
    }
  }

  private struct Place: Hashable {
    let quantity: Quantity
    let memory: Memory
  }

  /// What an answer tells, found by reading an answer without content.
  private static func items(of identifier: ShortIdentifier, rates: Int) -> [Observation] {
    guard let length = identifier.payloadLength(rates: rates) else { return [] }
    return (try? identifier.observations(in: [UInt8](repeating: 0xFF, count: length), rates: rates)) ?? []
  }

  /// The identifiers of 1997 that tell one thing alone.
  private static let places1997: [Place: ShortIdentifier] = {
    var places: [Place: ShortIdentifier] = [:]
    for bits in UInt16.min...UInt16.max {
      let identifier = ShortIdentifier(rawValue: bits)
      let items = items(of: identifier, rates: 1)
      if items.count == 1 { places[Place(quantity: items[0].quantity, memory: items[0].memory)] = identifier }
    }
    return places
  }()
}
