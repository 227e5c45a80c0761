public import Metering

/// A part of the day in which a task may be at work. 时段
///
/// From its first second up to, not including, its last; one that ends before it begins goes on past midnight.
public struct TimeWindow: Hashable, Sendable {
  public let from: TimeOfDay
  public let to: TimeOfDay

  public init(from: TimeOfDay, to: TimeOfDay) {
    self.from = from
    self.to = to
  }

  /// Reads `22:00-06:00`; `24:00` is the end of the day. `nil` where it is none, or where nothing lies between.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let from = TimeOfDay(parts[0]),
      let to = TimeOfDay(parts[1] == "24:00" ? "00:00" : parts[1]),
      from != to || from.secondsOfDay == 0
    else { return nil }
    self.init(from: from, to: to)
  }

  func contains(_ time: TimeOfDay) -> Bool {
    let (now, first, last) = (time.secondsOfDay, from.secondsOfDay, to.secondsOfDay)
    return first < last ? (first..<last).contains(now) : now >= first || now < last
  }

  /// Its length in seconds, 1...86,400.
  public var seconds: Int { (to.secondsOfDay - from.secondsOfDay + 86_399) % 86_400 + 1 }
}

extension AcquisitionTask {
  /// True where the task may be at work at an instant of the wall clock, in milliseconds since 1970.
  public func mayWork(at wall: Int64, zone: ZoneOffset) -> Bool {
    guard !windows.isEmpty else { return true }
    let time = zone.local(unixMilliseconds: wall).time
    return windows.contains { $0.contains(time) }
  }

  /// When the task may be at work again after `wall`; `wall` itself where it may now.
  func mayWork(after wall: Int64, zone: ZoneOffset) -> Int64 {
    guard !mayWork(at: wall, zone: zone) else { return wall }
    let now = Int64(zone.local(unixMilliseconds: wall).time.secondsOfDay)
    let waits = windows.map { (Int64($0.from.secondsOfDay) - now + 86_400) % 86_400 }
    // To the second: milliseconds past it are of the second that is over.
    return wall - (wall % 1000 + 1000) % 1000 + (waits.min() ?? 0) * 1000
  }

  /// True where some slot of a day lies inside a window; what is due once a day waits for its window.
  public var hasSlots: Bool {
    guard case .every(let seconds) = schedule, !windows.isEmpty else { return true }
    return stride(from: 0, to: 86_400, by: Int(clamping: max(1, seconds))).contains { second in
      let time = MeterTime(localSeconds: Int64(second)).time
      return windows.contains { $0.contains(time) }
    }
  }

  /// The first due time after `wall` at which a round may begin: rounds of an interval that are due outside of the
  /// windows are left out, one of a day waits for its window.
  func nextSlot(after wall: Int64, zone: ZoneOffset) -> Int64 {
    let next = schedule.nextSlot(after: wall, zone: zone)
    guard case .every = schedule else { return next }
    let opens = mayWork(after: next, zone: zone)
    return opens == next ? next : schedule.nextSlot(after: opens - 1, zone: zone)
  }

  /// When the next round after `wall` is due, and when it begins: what is due once a day may wait for a window.
  public func nextRound(after wall: Int64, zone: ZoneOffset) -> (due: Int64, begins: Int64) {
    let due = nextSlot(after: wall, zone: zone)
    return (due, mayWork(after: due, zone: zone))
  }
}
