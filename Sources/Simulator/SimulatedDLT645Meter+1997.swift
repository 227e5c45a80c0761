internal import DLT645
internal import Metering

extension SimulatedDLT645Meter {
  /// The bytes after an identifier of 1997; `nil` where the meter has no such item.
  func payload(of identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard !habits.missing1997.contains(identifier) else { return nil }
    return state.parameters[identifier] ?? eventPayload(of: identifier) ?? timesOrDay(identifier, at: now)
      ?? cataloguePayload(of: identifier, at: now) ?? MeterParameters.factory(identifier)
  }

  /// Last programming and demand clear, MMDDhhmm, and how often; the status words.
  private func eventPayload(of identifier: ShortIdentifier) -> [UInt8]? {
    let kind: EventLog.Kind = identifier.di0 & 1 == 0 ? .programming : .demandClear
    switch identifier.rawValue {
    case 0xB210, 0xB211: return state.events.last(kind).map { Array($0[1..<5]) } ?? [0, 0, 0, 0]
    case 0xB212, 0xB213: return decimalBytes(state.events.count(of: kind), count: 2)
    // Which bits a relay moves has no published rule; this make has those of the 2007 edition.
    case 0xC020: return [UInt8(truncatingIfNeeded: state.supply.bits)]
    case 0xC021: return [0]
    default: return nil
    }
  }

  private func cataloguePayload(of identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    let told = identifier.items(rates: registers.rateCount)
      .compactMap { observation(of: $0.quantity, $0.memory, at: now) }
    guard !told.isEmpty else { return nil }
    return try? identifier.payload(told, rates: registers.rateCount)
  }

  func truth1997(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    if quantity.measurand == .settlementDay(1) { return readingDay(quantity, memory, at: now) }
    guard let identifier = ShortIdentifier(for: quantity, memory: memory),
      let payload = payload(of: identifier, at: now),
      let told = try? identifier.observations(in: payload, rates: registers.rateCount)
    else { return nil }
    return told.first { $0.quantity == quantity && $0.memory == memory }.map { withTime($0, at: now) }
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
}
