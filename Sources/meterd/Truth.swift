import Host
import Metering
import Simulator

/// What simulated meters really held, to check readings against.
///
/// A reading is right when it is what an error-free answer would have said at some moment while it was read.
struct Truth: Sendable {
  private let meters: [MeterID: any SimulatedMeter]
  private let zone: ZoneOffset

  init(_ lines: [LineDescription], zone: ZoneOffset) {
    self.zone = zone
    meters = Dictionary(
      lines.flatMap(\.meters).map { ($0.id, $0.meter) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether a reading is right; `nil` where the meter has no such value.
  func isRight(_ reading: Reading) -> Bool? {
    guard let meter = meters[reading.key.meter] else { return nil }
    switch reading.key.kind {
    case .instantaneous: return isNow(reading, meter)
    case .settlement: return isKept(reading, meter) { .settlement($0) }
    case .dailyFreeze: return isKept(reading, meter) { .dailyFreeze($0) }
    case .profile, .event, .estimate: return nil
    }
  }

  /// Registers grow by steps, so the value must have been shown in the last few seconds.
  private func isNow(_ reading: Reading, _ meter: any SimulatedMeter) -> Bool? {
    let end = reading.hostTime.unixMilliseconds
    var known = false
    for back in stride(from: Int64(-100), through: 3000, by: 100) {
      guard
        let shown = meter.truth(
          reading.key.quantity, .current, at: SimulatedInstant(unixMilliseconds: end - back))
      else { continue }
      known = true
      if shown.value == .number(reading.value) { return true }
    }
    return known ? false : nil
  }

  private func isKept(_ reading: Reading, _ meter: any SimulatedMeter, _ memory: (Int) -> Memory) -> Bool? {
    // Seen from one second after its boundary, a kept value is the last one.
    let instant = SimulatedInstant(unixMilliseconds: reading.key.instant + 1000)
    return meter.truth(reading.key.quantity, memory(1), at: instant).map { $0.value == .number(reading.value) }
  }
}
