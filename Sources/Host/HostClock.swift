internal import CSerial
public import Metering

/// The host's clocks, asked for one answer at a time.
///
/// Core rooms are told the time; this is where it comes from.
public enum HostClock {
  /// Now, on the boot clock.
  public static var boot: BootInstant { BootInstant(nanoseconds: cserial_boot_nanoseconds()) }

  /// Now, by the wall clock, with what the kernel says of its discipline.
  public static var wall: HostInstant {
    HostInstant(
      unixMilliseconds: cserial_unix_milliseconds(),
      clock: cserial_clock_synchronised() ? .synchronised : .unsynchronised)
  }

  /// Blocks the calling thread; only for threads that own a line.
  public static func sleep(until instant: BootInstant) { cserial_sleep_until(instant.nanoseconds) }
}
