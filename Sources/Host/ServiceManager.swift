internal import CSerial
public import Metering

/// Tells the service manager how the daemon is, by the protocol of sd_notify(3).
public struct ServiceManager: Sendable {
  private let socket: String?
  /// Time between two signs of life that the manager asks for; `nil` when it watches nothing.
  public let watchdogInterval: BootInstant.Span?

  /// From the environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
  ///
  /// - Parameters:
  ///   - environment: the variables of this process.
  ///   - processID: its number; a watchdog for another process is not ours.
  public init(environment: [String: String], processID: Int32) {
    socket = environment["NOTIFY_SOCKET"].flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    let isOurs = environment["WATCHDOG_PID"].map { $0 == String(processID) } ?? true
    let micros = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
    watchdogInterval = isOurs && micros > 0 && micros < 1_000_000_000_000 ? .microseconds(micros) : nil
  }

  /// Asks for another minute before a start is taken for hung; to be said again before it is over.
  @discardableResult
  public func askForTime() -> Bool { tell("EXTEND_TIMEOUT_USEC=60000000") }

  /// Sends lines such as `READY=1`; does nothing without a manager.
  @discardableResult
  public func tell(_ lines: String...) -> Bool {
    guard let socket else { return false }
    return unsafe cserial_notify(socket, lines.joined(separator: "\n")) == 0
  }
}
