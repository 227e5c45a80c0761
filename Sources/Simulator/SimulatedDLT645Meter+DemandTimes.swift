internal import DLT645
internal import Metering

extension SimulatedDLT645Meter {
  /// The times of maximum demands, mm hh DD MM each, and the automatic reading day C117, hh DD.
  func timesOrDay(_ identifier: ShortIdentifier, at now: SimulatedInstant) -> [UInt8]? {
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

  /// What C117 shows; `nil` for a meter without it.
  func readingDay(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    guard memory == .current, !habits.missing1997.contains(ShortIdentifier(rawValue: 0xC117)) else { return nil }
    return observation(of: quantity, memory, at: now)
  }

  /// A demand as its two items tell it together: the value with its time to the minute.
  func withTime(_ demand: Observation, at now: SimulatedInstant) -> Observation {
    let occurred = observation(of: demand.quantity, demand.memory, at: now)?.occurred.flatMap { time in
      MeterTime(
        year: time.date.year, month: time.date.month, day: time.date.day, hour: time.time.hour,
        minute: time.time.minute)
    }
    return Observation(
      quantity: demand.quantity, value: demand.value, occurred: occurred, memory: demand.memory)
  }
}
