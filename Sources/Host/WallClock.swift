public import Metering

/// Where labels get their time from.
public struct WallClock: Hashable, Sendable {
  /// The machine is disciplined from outside, so the kernel's own flag says nothing: a container, a tested clock.
  public let isTrusted: Bool

  public init(isTrusted: Bool = false) { self.isTrusted = isTrusted }

  public var now: HostInstant {
    let now = HostClock.wall
    return isTrusted ? HostInstant(unixMilliseconds: now.unixMilliseconds, clock: .synchronised) : now
  }
}
