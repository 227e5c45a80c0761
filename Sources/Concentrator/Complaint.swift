public import Documents
public import Line
internal import Metering

/// Exit codes of the command line, by sysexits.h.
public enum ExitStatus: Int32, Sendable {
  case usage = 64
  case badData = 65
  case noAnswer = 69
  case software = 70
  case cannotCreate = 73
  case inputOutput = 74
  case tryLater = 75
  case notPermitted = 77
  case configuration = 78
}

/// An error as a person gets it: what, where, likely cause, next step.
public struct Complaint: Error, Hashable, Sendable {
  public let status: ExitStatus
  /// What went wrong, and where; one line without a full stop.
  public let headline: String
  /// Likely cause and next step; whole sentences.
  public let advice: [String]

  public init(_ status: ExitStatus, _ headline: String, _ advice: String...) {
    self.init(status, headline, advice: advice)
  }

  public init(_ status: ExitStatus, _ headline: String, advice: [String]) {
    self.status = status
    self.headline = headline
    self.advice = advice
  }
}

extension Complaint: CustomStringConvertible {
  /// As printed: the headline, then the advice indented by two.
  public var description: String {
    (["meterd: \(headline)"] + advice.map { "  \($0)" }).joined(separator: "\n")
  }
}

extension Complaint {
  /// A mistake in a configuration, profile or tariff.
  public init(_ error: DocumentError) {
    self.init(
      .configuration, "\(error)", "Mend that line and try again: meterd check --config FILE tells what else is wrong.")
  }

  /// A port that cannot be used.
  public init(_ error: LineError) {
    switch error {
    case .noSuchPort:
      self.init(
        .inputOutput, "\(error)",
        "It may be unplugged or have another name. List the ports with: ls -l /dev/serial/by-id /dev/ttyS* /dev/ttyUSB*"
      )
    case .notATerminal:
      self.init(
        .inputOutput, "\(error)",
        "It is a file, a folder or a device without serial settings. A port is called something like /dev/ttyS1 or /dev/ttyUSB0."
      )
    case .busy(let port):
      self.init(
        .tryLater, "\(error)",
        "If meterd runs, what it reads is in its store: meterd readings. Else find the holder with: fuser -v \(port)")
    case .notPermitted:
      self.init(
        .notPermitted, "\(error)",
        "Serial ports belong to the group dialout. Add the user with: usermod -aG dialout USER, and log in again.")
    case .settingsRefused:
      self.init(
        .inputOutput, "\(error)",
        "The adapter cannot do these settings. Try another adapter, or settings that the meter and it share.")
    case .unreachable:
      self.init(
        .tryLater, "\(error)",
        "Check that the serial server is on, that host and port are right, and that no other program holds its only connection."
      )
    case .vanished:
      self.init(
        .inputOutput, "\(error)",
        "The adapter was unplugged or the serial server closed the connection. Plug it in again; meterd opens it by itself."
      )
    case .inputOutput:
      self.init(
        .inputOutput, "\(error)", "Check the adapter and its cable; the kernel log may say more: dmesg | tail")
    case .babble:
      self.init(
        .inputOutput, "\(error)",
        "A meter or adapter sends without end, or the speed is wrong. Take meters off the line one by one until it is quiet."
      )
    case .forbidden(_, let act, .notAllowed) where act.target == ControlAct.everyone:
      self.init(
        .notPermitted, "\(error)",
        "Nothing was sent. All meters of a line at once are changed only where [control] is enabled and the line's allow-broadcast = [...] names the function."
      )
    case .forbidden(_, _, .notAllowed):
      self.init(
        .notPermitted, "\(error)",
        "Nothing was sent. Meters are changed only where [control] is enabled and the meter's own allow = [...] names the function."
      )
    case .forbidden(_, _, .severalMeters):
      self.init(
        .notPermitted, "\(error)",
        "Nothing was sent. Give one meter's whole address; no configuration can allow this for several at once.")
    case .forbidden: self.init(.software, "\(error)")
    case .closed: self.init(.software, "\(error)")
    }
  }
}
