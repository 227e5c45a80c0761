internal import DLT645
internal import Metering

extension SimulatedDLT645Meter {
  /// The bytes after an identifier of 1997; `nil` where the meter has no such item.
  func payload(of identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard !habits.missing1997.contains(identifier) else { return nil }
    if let own = timesOrDay(identifier, at: now) { return own }
    let told = identifier.items(rates: registers.rateCount)
      .compactMap { observation(of: $0.quantity, $0.memory, at: now) }
    guard !told.isEmpty else { return nil }
    return try? identifier.payload(told, rates: registers.rateCount)
  }

  func truth1997(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    if quantity.measurand == .settlementDay(1), memory == .current {
      return habits.missing1997.contains(ShortIdentifier(rawValue: 0xC117))
        ? nil : observation(of: quantity, memory, at: now)
    }
    guard let identifier = ShortIdentifier(for: quantity, memory: memory),
      let payload = payload(of: identifier, at: now),
      let told = try? identifier.observations(in: payload, rates: registers.rateCount)
    else { return nil }
    guard let value = told.first(where: { $0.quantity == quantity && $0.memory == memory }) else { return nil }
    // A demand is told with its time, which is an item of its own, to the minute.
    let occurred = observation(of: quantity, memory, at: now)?.occurred.flatMap { time in
      MeterTime(
        year: time.date.year, month: time.date.month, day: time.date.day, hour: time.time.hour,
        minute: time.time.minute)
    }
    return Observation(quantity: quantity, value: value.value, occurred: occurred, memory: memory)
  }

  /// The times of maximum demands, mm hh DD MM each, and the automatic reading day C117, hh DD.
  private func timesOrDay(_ identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    if identifier.rawValue == 0xC117 {
      return [registers.settlementHour, registers.settlementDay].map(Self.decimalByte)
    }
    guard identifier.di1 >> 4 == 0xB, identifier.di1 & 0x02 == 0 else { return nil }
    let demands = ShortIdentifier(rawValue: identifier.rawValue &- 0x1000).items(rates: registers.rateCount)
    let told = demands.compactMap { observation(of: $0.quantity, $0.memory, at: now) }
    guard !told.isEmpty else { return nil }
    return told.flatMap { demand -> [UInt8] in
      guard let time = demand.occurred else { return [0, 0, 0, 0] }
      return [time.time.minute, time.time.hour, time.date.day, time.date.month].map(Self.decimalByte)
    }
  }

  /// 0...99 as two packed digits.
  private static func decimalByte(_ number: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (number / 10) << 4 | number % 10)
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
