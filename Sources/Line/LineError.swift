public import Metering

/// Why a line cannot be used.
public enum LineError: Error, Hashable, Sendable {
  case noSuchPort(PortAddress)
  /// The path is a file, a folder or a device without serial settings.
  case notATerminal(PortAddress)
  /// Another process holds the port.
  case busy(PortAddress)
  case notPermitted(PortAddress)
  /// The port does not keep these settings.
  case settingsRefused(PortAddress, SerialSettings, refused: Refused)
  /// Name not known, connection refused, or no answer from the serial server.
  case unreachable(PortAddress, errno: Int32)
  /// The port was there and is gone: unplugged, or the server closed the connection.
  case vanished(PortAddress)
  case inputOutput(PortAddress, operation: String, errno: Int32)
  /// Bytes keep coming that nobody asked for.
  case babble(PortAddress, bytes: Int)
  /// The line was closed by its owner.
  case closed(PortAddress)

  /// Which settings a port did not keep.
  public struct Refused: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let parityOrSize = Refused(rawValue: 1)
    public static let speed = Refused(rawValue: 2)
    public static let stopBits = Refused(rawValue: 4)
  }

  /// True where the port itself is lost and must be opened again.
  public var losesPort: Bool {
    switch self {
    case .noSuchPort, .notATerminal, .busy, .notPermitted, .unreachable, .vanished, .inputOutput, .closed: true
    case .settingsRefused, .babble: false
    }
  }
}
