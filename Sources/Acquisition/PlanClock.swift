internal import Host
internal import Metering

/// The boot clock as plans see it. Tests let it go faster, so that rests of seconds pass in milliseconds.
package struct PlanClock: Sendable {
  private let origin: BootInstant
  private let speed: Int64

  package init(speed: Int64 = 1) { self.init(speed: speed, from: HostClock.boot) }

  init(speed: Int64 = 1, from origin: BootInstant) {
    self.origin = origin
    self.speed = speed
  }

  /// When this clock stands at an instant of the boot clock.
  func instant(at boot: BootInstant) -> BootInstant { origin + (boot - origin) * speed }

  /// When the boot clock stands at an instant of this one.
  func boot(at instant: BootInstant) -> BootInstant { origin + (instant - origin) / speed }
}
