public import Metering

/// A look at a meter's clock, so that later instants of it can be told.
///
/// Date and time are two items on many meters; near midnight they may be of different days, so such a pair is
/// not believed.
public struct ClockSight: Hashable, Sendable {
  public let meter: MeterTime
  /// When the answer had come.
  public let at: BootInstant
  /// How long the exchange took: the clock was looked at within it.
  public let took: BootInstant.Span

  public init(meter: MeterTime, at: BootInstant, took: BootInstant.Span = .zero) {
    self.meter = meter
    self.at = at
    self.took = max(took, .zero)
  }

  /// From a date and a time read one after the other, within 25 s; `nil` within half a minute of midnight.
  public init?(date: CivilDate, time: TimeOfDay, at: BootInstant, took: BootInstant.Span = .zero) {
    guard (30...86_370).contains(time.secondsOfDay) else { return nil }
    self.init(meter: MeterTime(date: date, time: time), at: at, took: took)
  }

  /// What the meter's clock shows at a later instant.
  public func time(at instant: BootInstant) -> MeterTime {
    MeterTime(localSeconds: meter.localSeconds + (instant - at).nanoseconds / 1_000_000_000)
  }

  /// The boundary of the settlement so many back, as it stood when the answer came.
  ///
  /// `nil` where the meter closed a month between the look and the answer, or may have: then nobody can say
  /// which month the answer is of. `duration` is the time from the question to the answer.
  public func boundary(
    _ back: Int, of day: SettlementDay, answeredAt instant: BootInstant, after duration: BootInstant.Span = .zero
  ) -> MeterTime? {
    // Five seconds for clocks that tell whole seconds and meters that close a month late, and all the time in which
    // a slow meter may have looked at its clock or its memory.
    let slack = 5 + (took + max(duration, .zero) + .milliseconds(999)).milliseconds / 1000
    let before = day.boundary(back, before: MeterTime(localSeconds: meter.localSeconds - slack))
    let after = day.boundary(back, before: MeterTime(localSeconds: time(at: instant).localSeconds + slack))
    return before == after ? before : nil
  }
}
