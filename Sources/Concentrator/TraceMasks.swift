internal import Acquisition
internal import Host

/// The passwords of both directions of one line, kept apart.
final class TraceMasks: Sendable {
  private let masks = Guarded((sent: PasswordMask(), received: PasswordMask()))

  func hidden(_ bytes: [UInt8], isSent: Bool) -> [Bool] {
    masks.withLock { isSent ? $0.sent.hidden(bytes) : $0.received.hidden(bytes) }
  }
}
