/// Why a simulated line cannot be opened.
public enum SimulatorError: Error, Hashable, Sendable {
  /// No pseudo-terminal; the system's error number.
  case terminal(errno: CInt)
  /// The link cannot be made: something else stands at its path, or its folder is closed.
  case link(String, errno: CInt)
  /// Nothing can listen on the port of 127.0.0.1.
  case port(UInt16, errno: CInt)
  /// The line was stopped for good.
  case stopped
  /// A meter of the description that cannot be made; says why.
  case meter(String, reason: String)
}
