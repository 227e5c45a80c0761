public import Metering

/// When a task is due.
public enum Schedule: Hashable, Sendable {
  /// At every whole multiple of so many seconds since local midnight; 1...86,400.
  case every(seconds: Int64)
  /// Once a day.
  case daily(TimeOfDay)
  /// On some days of the month, 1...31; a month without such a day leaves it out. At least one. 抄表日
  case monthly(days: Set<Int>, TimeOfDay)

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
    case .monthly(let days, let time):
      var day = local.date.daysSince1970
      if local.time.secondsOfDay < time.secondsOfDay { day -= 1 }
      return zone.unixMilliseconds(of: Self.due(days, time, from: day, step: -1))
    }
  }

  /// The first of `days` from a day on, forward or back: any day of the month comes within two months.
  private static func due(_ days: Set<Int>, _ time: TimeOfDay, from first: Int64, step: Int64) -> MeterTime {
    let found = (0..<62).map { first + $0 * step }.first { days.contains(CivilDate(daysSince1970: $0).day) }
    return MeterTime(localSeconds: (found ?? first) * 86_400 + Int64(time.secondsOfDay))
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
    case .monthly(let days, let time):
      let day = zone.local(unixMilliseconds: current).date.daysSince1970
      return zone.unixMilliseconds(of: Self.due(days, time, from: day + 1, step: 1))
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
    case .daily, .monthly: Self.longestGrace
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
  /// When it may be at work; always where there are none.
  public let windows: [TimeWindow]
  /// How many days back missed freezes are read from the meters' memories, 1...62. 补抄
  public let backfillDays: Int

  public init(
    name: String, schedule: Schedule, targets: [Target], priority: Int = 2, windows: [TimeWindow] = [],
    backfillDays: Int = 7
  ) {
    self.name = name
    self.schedule = schedule
    self.targets = targets
    self.priority = priority
    self.windows = windows
    self.backfillDays = backfillDays
  }

  /// Reads what is of a certain day, so that the host must know which day it is.
  var isOfDays: Bool { targets.contains(.dailyFreeze) || targets.contains(.syntheticFreeze) }

  /// Registers as they stand stand in for a freeze; they must be read soon or not at all.
  var isSynthetic: Bool { targets.contains(.syntheticFreeze) }

  public var readsLoadProfile: Bool { targets.contains(where: \.isLoadProfile) }

  /// The task that takes the place of this one's daily freezes for meters that keep none: as the day begins, before all
  /// others. `nil` where this one has none.
  public var synthetic: AcquisitionTask? {
    guard targets.contains(.dailyFreeze), let midnight = TimeOfDay(hour: 0, minute: 0, second: nil) else { return nil }
    return AcquisitionTask(
      name: "\(name), synthetic", schedule: .daily(midnight), targets: [.syntheticFreeze], priority: 1,
      windows: windows, backfillDays: backfillDays)
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
    /// The daily freeze that the meter took as the day of the round began. 日冻结
    case dailyFreeze
    /// The energy registers as the day begins, of a meter that keeps no daily freeze of its own.
    case syntheticFreeze
    /// The meter's clock, to see how far it is off. 时钟
    case clock
    /// The records of a class of the load profile, 1...6, so many minutes apart. 负荷曲线
    case loadProfile(recordClass: Int, minutes: Int)
    /// What the meter has noted of itself: counts of events, records of those that are new, status words. 事件
    case events

    public var isLoadProfile: Bool { if case .loadProfile = self { true } else { false } }
  }
}
