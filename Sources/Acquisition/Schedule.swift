public import Metering

/// When a task is due.
public enum Schedule: Hashable, Sendable {
  /// At every whole multiple of so many seconds since local midnight; 1...86,400.
  case every(seconds: Int64)
  /// Once a day.
  case daily(TimeOfDay)

  /// The last due time at or before `wall`, in milliseconds since 1970: the label of the round that is open then.
  public func slot(at wall: Int64, zone: ZoneOffset) -> Int64 {
    let local = zone.local(unixMilliseconds: wall)
    switch self {
    case .every(let seconds):
      let ofDay = Int64(local.time.secondsOfDay)
      let start = MeterTime(localSeconds: local.localSeconds - ofDay % max(1, seconds))
      return zone.unixMilliseconds(of: start)
    case .daily(let time):
      let midnight = local.date.daysSince1970 * 86_400
      let today = midnight + Int64(time.secondsOfDay)
      let last = today <= local.localSeconds ? today : today - 86_400
      return zone.unixMilliseconds(of: MeterTime(localSeconds: last))
    }
  }

  /// The first due time after `wall`.
  public func nextSlot(after wall: Int64, zone: ZoneOffset) -> Int64 {
    let current = slot(at: wall, zone: zone)
    switch self {
    case .every(let seconds):
      // The last slot of a day may be shorter than the others: midnight always begins a new one.
      let next = current + max(1, seconds) * 1000
      let day = zone.local(unixMilliseconds: current).date
      let midnight = CivilDate(daysSince1970: day.daysSince1970 + 1).daysSince1970 * 86_400
      return min(next, zone.unixMilliseconds(of: MeterTime(localSeconds: midnight)))
    case .daily: return current + 86_400_000
    }
  }
}

extension Schedule {
  /// 15 minutes, in milliseconds.
  public static let longestGrace: Int64 = 900_000

  /// So long after a due time, in milliseconds, a register as it stands may bear its label: half the interval and
  /// 15 minutes at most. What is read later is labelled with the time of the read.
  public var grace: Int64 {
    switch self {
    case .every(let seconds): min(max(1, seconds) * 500, Self.longestGrace)
    case .daily: Self.longestGrace
    }
  }
}

/// What is read, when, and how urgent it is.
public struct AcquisitionTask: Hashable, Sendable {
  public let name: String
  public let schedule: Schedule
  public let targets: [Target]
  /// 1 is served before 2. 首要, 必要, 需要, 可能
  public let priority: Int

  public init(name: String, schedule: Schedule, targets: [Target], priority: Int = 2) {
    self.name = name
    self.schedule = schedule
    self.targets = targets
    self.priority = priority
  }

  /// A thing a task wants of each of its meters.
  public enum Target: Hashable, Sendable {
    /// One quantity as it stands now.
    case quantity(Quantity)
    /// Every energy register the meter's profile offers.
    case energies
    /// Everything the profile offers that is no energy: voltages, currents, powers.
    case instantaneous
    /// What the last so many settlements kept, 1...12: all of it, or the items that tell one quantity.
    case settlements(depth: Int, of: Quantity?)
    /// The last daily freeze.
    case dailyFreeze
  }
}
