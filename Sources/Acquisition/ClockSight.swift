public import Metering

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
