internal import Glibc
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
  /// The guard of the line let nothing of it out.
  case forbidden(PortAddress, ControlAct, SendJudgement.Reason)

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
    case .settingsRefused, .babble, .forbidden: false
    }
  }
}

extension LineError: CustomStringConvertible {
  /// What happened and where, for a log or the first line of a message.
  public var description: String {
    switch self {
    case .noSuchPort(let port): return "there is no port \(port)"
    case .notATerminal(let port): return "\(port) is no serial port"
    case .busy(let port): return "\(port) is in use by another program"
    case .notPermitted(let port): return "not permitted to open \(port)"
    case .settingsRefused(let port, let settings, let refused):
      var parts: [String] = []
      if refused.contains(.speed) { parts.append("the speed") }
      if refused.contains(.parityOrSize) { parts.append("parity or data bits") }
      if refused.contains(.stopBits) { parts.append("the stop bits") }
      return "\(port) does not take \(settings): it refuses \(parts.joined(separator: " and "))"
    case .unreachable(let port, let errno): return "no connection to \(port): \(Self.system(errno))"
    case .vanished(let port): return "\(port) was there and is gone"
    case .inputOutput(let port, let operation, let errno):
      return "\(port): \(operation) failed: \(Self.system(errno))"
    case .babble(let port, let bytes): return "\(port) babbles: \(bytes) bytes that nobody asked for"
    case .closed(let port): return "\(port) is closed"
    case .forbidden(let port, let act, .notAllowed):
      return "\(act.function) to \(act.target) on \(port) is not allowed"
    case .forbidden(let port, let act, .severalMeters):
      return "\(act.function) to \(act.target) on \(port) would reach several meters"
    case .forbidden(let port, _, .unintelligible): return "bytes for \(port) are no request, so they were not sent"
    }
  }

  private static func system(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
