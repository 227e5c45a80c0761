public import Metering

/// What carries the bytes of a line, with the clock that goes beside it: a descriptor of this host, or meters made of
/// values whose time passes only where it is waited for.
///
/// It belongs to one line, which closes it when it fails.
public protocol Wire: AnyObject {
  /// Now, on the clock of this wire; never goes back.
  var now: BootInstant { get }
  /// Lets time pass.
  func sleep(until instant: BootInstant)

  var isOpen: Bool { get }
  /// Bytes arrive with marked parity, as termios(3) has it, and must be taken apart.
  var marksParity: Bool { get }
  func open() throws(LineError)
  func close()
  /// Changes the serial settings, where the wire has any of its own.
  func tune(_ settings: SerialSettings) throws(LineError)

  /// True when bytes can be read, false when `instant` was reached first.
  func waitReadable(until instant: BootInstant) throws(LineError) -> Bool
  /// Reads what is there into `buffer`; the count, 0 when nothing waits.
  func read(into buffer: inout [UInt8]) throws(LineError) -> Int
  func write(_ cleared: ClearedBytes, until instant: BootInstant) throws(LineError)
}
