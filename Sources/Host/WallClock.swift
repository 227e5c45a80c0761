public import Metering

/// Where labels get their time from.
public struct WallClock: Hashable, Sendable {
  /// The machine is disciplined from outside, so the kernel's own flag says nothing: a container, a tested clock.
  public let isTrusted: Bool
  /// How far it is ahead of the machine's, in milliseconds: for a test, whose meters live on a day of their own.
  public let lead: Int64

  public init(isTrusted: Bool = false, lead: Int64 = 0) {
    self.isTrusted = isTrusted
    self.lead = lead
  }

  public var now: HostInstant {
    let now = HostClock.wall
    return HostInstant(unixMilliseconds: now.unixMilliseconds + lead, clock: isTrusted ? .synchronised : now.clock)
  }
}
