internal import CSerial
public import Metering

/// Wakes a thread that waits for time to pass.
///
/// One thread waits; any may ring. A ring that comes before the wait is not lost.
public final class Doorbell: Sendable {
  let descriptor: CInt

  /// Without a descriptor left in the process the bell is mute, and waits end by time alone.
  public init() { descriptor = cserial_doorbell() }

  deinit { if descriptor >= 0 { cserial_close(descriptor) } }

  public func ring() { if descriptor >= 0 { cserial_ring(descriptor) } }

  /// Blocks until the bell rings or the boot clock reaches `instant`.
  public func wait(until instant: BootInstant) {
    if descriptor >= 0 {
      _ = cserial_wait_doorbell(descriptor, instant.nanoseconds)
    } else {
      HostClock.sleep(until: instant)
    }
  }
}
