public import Metering

/// When a meter closes its months: the day and hour of each. 结算日
public struct SettlementDay: Hashable, Sendable {
  /// 1...28.
  public let day: Int
  /// 0...23.
  public let hour: Int

  /// `nil` for days that not every month has.
  public init?(day: Int, hour: Int) {
    guard (1...28).contains(day), (0...23).contains(hour) else { return nil }
    self.day = day
    self.hour = hour
  }

  private init(validDay day: Int, hour: Int) {
    self.day = day
    self.hour = hour
  }

  /// The first of the month at midnight, as most utilities set it.
  public static let firstOfMonth = SettlementDay(validDay: 1, hour: 0)

  /// The boundary that closed the settlement so many back, seen from `now` on the same clock; 1 is the last one.
  public func boundary(_ back: Int, before now: MeterTime) -> MeterTime {
    let thisMonth = boundary(inMonthOf: now.date)
    let last = thisMonth.localSeconds <= now.localSeconds ? 0 : 1
    return boundary(inMonthOf: now.date.firstOfMonth(addingMonths: -(last + back - 1)))
  }

  private func boundary(inMonthOf date: CivilDate) -> MeterTime {
    let first = date.firstOfMonth().daysSince1970
    return MeterTime(localSeconds: (first + Int64(day) - 1) * 86_400 + Int64(hour) * 3600)
  }
}

/// A look at a meter's clock, so that later instants of it can be told.
///
/// Date and time are two items on many meters; near midnight they may be of different days, so such a pair is
/// not believed.
public struct ClockSight: Hashable, Sendable {
  public let meter: MeterTime
  public let at: BootInstant

  public init(meter: MeterTime, at: BootInstant) {
    self.meter = meter
    self.at = at
  }

  /// From a date and a time read one after the other; `nil` within half a minute of midnight.
  public init?(date: CivilDate, time: TimeOfDay, at: BootInstant) {
    guard (30...86_370).contains(time.secondsOfDay) else { return nil }
    meter = MeterTime(date: date, time: time)
    self.at = at
  }

  /// What the meter's clock shows at a later instant.
  public func time(at instant: BootInstant) -> MeterTime {
    MeterTime(localSeconds: meter.localSeconds + (instant - at).nanoseconds / 1_000_000_000)
  }

  /// The boundary of the settlement so many back, as it stood when the answer came.
  ///
  /// `nil` where the meter closed a month between the look and the answer, or may have: then nobody can say
  /// which month the answer is of.
  public func boundary(_ back: Int, of day: SettlementDay, answeredAt instant: BootInstant) -> MeterTime? {
    let slack: Int64 = 5
    let before = day.boundary(back, before: MeterTime(localSeconds: meter.localSeconds - slack))
    let after = day.boundary(back, before: MeterTime(localSeconds: time(at: instant).localSeconds + slack))
    return before == after ? before : nil
  }
}
