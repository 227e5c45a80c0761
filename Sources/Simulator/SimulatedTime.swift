internal import Host
public import Metering

/// An instant of the simulated world, whose clocks may run ahead of ours.
public struct SimulatedInstant: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01 00:00 UTC.
  public let unixMilliseconds: Int64

  public init(unixMilliseconds: Int64) { self.unixMilliseconds = unixMilliseconds }

  /// The instant at which clocks of `zone` show `time`.
  public init(_ time: MeterTime, zone: ZoneOffset = .china) {
    self.init(unixMilliseconds: zone.unixMilliseconds(of: time))
  }

  public static func < (a: Self, b: Self) -> Bool { a.unixMilliseconds < b.unixMilliseconds }

  /// The instant so many seconds later.
  public func advanced(bySeconds seconds: Int64) -> Self {
    Self(unixMilliseconds: unixMilliseconds &+ seconds &* 1000)
  }
}

/// What time it is in the simulated world, as a function of the host's boot clock.
public struct SimulatedClock: Hashable, Sendable {
  /// The simulated instant at `boot`.
  public let origin: SimulatedInstant
  public let boot: BootInstant
  /// Simulated seconds in one real second; 0 stands still.
  public let speed: Int64

  /// A clock that shows `origin` at `boot` and goes `speed` times as fast as the boot clock.
  public init(origin: SimulatedInstant, at boot: BootInstant, speed: Int64 = 1) {
    self.origin = origin
    self.boot = boot
    self.speed = max(0, speed)
  }

  /// A clock that shows the host's wall time now.
  public static func real(speed: Int64 = 1) -> SimulatedClock {
    SimulatedClock(
      origin: SimulatedInstant(unixMilliseconds: HostClock.wall.unixMilliseconds), at: HostClock.boot, speed: speed)
  }

  public func instant(at now: BootInstant) -> SimulatedInstant {
    let milliseconds = ((now - boot).nanoseconds / 1_000_000).multipliedReportingOverflow(by: speed)
    // Past the range of the clock time stands still rather than wraps.
    guard !milliseconds.overflow else { return origin }
    return SimulatedInstant(unixMilliseconds: origin.unixMilliseconds &+ milliseconds.partialValue)
  }
}
