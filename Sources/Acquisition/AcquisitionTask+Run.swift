internal import Metering

/// Slots of a task between two instants: what is to be accounted for where nobody began a round.
extension AcquisitionTask {
  /// Slots that follow each other.
  struct Run: Hashable, Sendable {
    /// The first and the last of them, in milliseconds since 1970.
    let first: Int64
    let last: Int64
    let count: Int
  }

  /// The seconds of a day at which rounds begin, on the days that have any.
  private var secondsOfDay: [Int64] {
    switch schedule {
    case .daily(let time), .monthly(_, let time): [Int64(time.secondsOfDay)]
    case .every(let seconds):
      stride(from: 0, to: 86_400, by: Int(clamping: max(1, seconds))).map { Int64($0) }.filter { second in
        windows.isEmpty || windows.contains { $0.contains(MeterTime(localSeconds: second).time) }
      }
    }
  }

  private func isDue(on day: Int64) -> Bool {
    guard case .monthly(let days, _) = schedule else { return true }
    return days.contains(CivilDate(daysSince1970: day).day)
  }

  /// False for a slot of an interval that is outside of the windows.
  func serves(_ slot: Int64, zone: ZoneOffset) -> Bool {
    guard case .every = schedule else { return true }
    return mayWork(at: slot, zone: zone)
  }

  /// The slots between two instants, in milliseconds since 1970, without those at the instants; `nil` where there are
  /// none. Goes from day to day, so the two should not lie years apart.
  func run(after: Int64, before: Int64, zone: ZoneOffset) -> Run? {
    guard after < before, nextSlot(after: after, zone: zone) < before else { return nil }
    let seconds = secondsOfDay
    let days =
      zone.local(unixMilliseconds: after).date
      .daysSince1970...zone.local(unixMilliseconds: before)
      .date.daysSince1970
    var first: Int64?
    var last: Int64 = 0
    var count = 0
    for day in days where isDue(on: day) {
      let midnight = zone.unixMilliseconds(of: MeterTime(localSeconds: day * 86_400))
      let isEdge = day == days.lowerBound || day == days.upperBound
      let inside =
        isEdge ? seconds.filter { (after + 1..<before).contains(midnight + $0 * 1000) } : seconds
      guard let from = inside.first, let to = inside.last else { continue }
      first = first ?? midnight + from * 1000
      last = midnight + to * 1000
      count += inside.count
    }
    return first.map { Run(first: $0, last: last, count: count) }
  }

  /// The days between those of two slots on which rounds would have begun, oldest first.
  func days(after: Int64, before: Int64, zone: ZoneOffset) -> [CivilDate] {
    let first = zone.local(unixMilliseconds: after).date.daysSince1970 + 1
    let end = zone.local(unixMilliseconds: before).date.daysSince1970
    guard first < end, !secondsOfDay.isEmpty else { return [] }
    return (first..<end).filter(isDue).map(CivilDate.init(daysSince1970:))
  }

  /// Reads what months closed with.
  var readsSettlements: Bool { targets.contains { if case .settlements = $0 { true } else { false } } }

  /// Reads registers as they stand, which nobody can read later.
  public var readsRegisters: Bool {
    targets.contains { target in
      switch target {
      case .quantity, .energies, .instantaneous: true
      case .settlements, .dailyFreeze, .syntheticFreeze, .clock, .loadProfile, .events: false
      }
    }
  }
}
