import Acquisition
import ArgumentParser
import Concentrator
import Metering

struct ControlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "command",
    abstract: "Changes one meter: its clock, a parameter, its relay. Only what the configuration allows.",
    discussion: """
      Everything is refused before a byte leaves unless the configuration has [control] enabled = true and the meter's \
      own allow = [...] names the function; all meters of a line at once take nothing but set-time and freeze, where \
      the line's allow-broadcast = [...] names them. Whatever is sent or refused is in the audit log: meterd audit. \
      Slips of the tongue are told and not recorded. A command is sent once and never again by itself.

      Stop the daemon first, whichever port it uses, and start it again afterwards: the audit log is in the store, \
      and one process writes a store.

      FUNCTIONS AND THEIR VALUES
        set-time [2026-11-22T12:00:00]     the host's time when left out
        freeze now|MM|HH:MM|DD-HH:MM       at once, each hour, each day, each month
        write DI VALUE|hex:BYTES           a parameter; BYTES in wire order, without the 33H
        write-address ADDRESS              12 digits
        change-rate BAUD
        change-password                    --new-password-file
        clear-demand | clear-meter | clear-events [DI]
        relay trip|allow-close|close|alarm|end-alarm|keep-supply|end-keep-supply [--valid-until TIME]
        terminal-output second-pulse|demand-period|zone-switch
        write-register N VALUE... | write-registers N VALUE... | write-coil N on|off | write-coils N on|off...

      A password file holds one line, level and six digits: 2 123456. Nobody else may be able to read it.

      EXAMPLES
        meterd command M-0001 set-time --config meterd.toml
        meterd command --line bus1 all freeze now --config meterd.toml
        meterd command M-0001 write 04000B01 0100 --password-file /etc/meterd/password --config meterd.toml
        meterd command M-0007 write-register 0x0046 0x0001 --config meterd.toml
      """)

  @Argument(help: "The meter's id in the configuration, or all.")
  var meter: String

  @Argument(help: "What is done.")
  var function: String

  @Argument(help: "What it is done with.")
  var values: [String] = []

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Option(help: ArgumentHelp("The control socket of the daemon that shall do it.", valueName: "path"))
  var socket: String?

  @Option(help: "The line, where the command is for all of its meters.")
  var line: String?

  @Option(help: "A file with the level and digits of the meter's password.")
  var passwordFile: String?

  @Option(help: "A file with the level and digits of the password that shall hold from now on.")
  var newPasswordFile: String?

  @Option(
    help:
      "Until when the meter may obey relay, by its own clock; that is read first and ten minutes are added when left out."
  )
  var validUntil: String?

  @Flag(help: "One JSON object.")
  var json = false

  func run() async throws {
    guard let function = ControlFunction(rawValue: function) else {
      let names = ControlFunction.allCases.map(\.rawValue).joined(separator: ", ")
      throw Complaint(.usage, "\"\(self.function)\" is no function that changes a meter", "There are: \(names).")
    }
    let request = CommandRequest(
      meter: meter, line: line, function: function, values: values, validUntil: validUntil,
      password: try passwordFile.map(PasswordFile.read), newPassword: try newPasswordFile.map(PasswordFile.read),
      name: Self.person)
    if let socket { return try report(through(ControlClient(path: socket), request), function) }
    let station = try Station(Configuration.load(config))
    if let done = try await station.command(request, by: Self.person ?? "uid \(userID)") {
      return try report(done, function)
    }
    // Somebody holds the store: most likely the daemon, which then has the port as well.
    let path = station.configuration.controlSocket
    let client: ControlClient
    do throws(Complaint) {
      client = try ControlClient(path: path)
    } catch {
      guard error.status == .noAnswer else { throw error }
      throw Complaint(
        .tryLater, "the store \(station.configuration.store) is in use, and nothing was sent",
        "It is no daemon that holds it, or one that listens elsewhere than at \(path): give --socket PATH, or wait until the other is done."
      )
    }
    try report(through(client, request), function)
  }

  private func through(_ client: ControlClient, _ request: CommandRequest) throws -> CommandReport {
    let answer = try client.ask("command", request.members, patience: .seconds(180))
    guard let report = CommandReport(answer) else {
      throw Complaint(.badData, "the daemon at \(client.path) says what nobody understands")
    }
    return report
  }

  private func report(_ report: CommandReport, _ function: ControlFunction) throws {
    if json {
      print(
        JSON.object([
          "line": .string(report.line), "function": .string(report.function), "target": .string(report.target),
          "outcome": .string(report.outcome.rawValue), "detail": .string(report.detail),
        ]).text)
    }
    let what = "\(report.function) to \(report.target) on \(report.line)"
    switch report.outcome {
    case .done where report.detail.isEmpty:
      if !json { print("\(what): done") }
      if let change = Self.change(function, values) { writeError("  \(change)\n") }
    case .done: if !json { print("\(what): done; \(report.detail)") }
    case .silent where report.isBroadcast: if !json { print("\(what): sent; nobody answers a broadcast") }
    case .silent:
      throw Complaint(
        .noAnswer, "\(what): no answer, so whether the meter obeyed is not known",
        function == .setTime
          ? "Read its clock before sending again: most meters take the time without a word, once a day, and only where their clock is off by a few minutes."
          : "Read it back before sending again.")
    case .rejected:
      throw Complaint(
        .notPermitted, "\(what): the meter refuses: \(report.detail)",
        report.isModbus
          ? "It is there and answers. Its manual says which places may be written."
          : Self.advice(function, report.detail))
    case .failed:
      throw Complaint(
        .badData, "\(what): \(report.detail)", "Read it back before sending again; two meters may share this address.")
    }
  }
}

extension ControlCommand {
  /// What the configuration must say from now on.
  private static func change(_ function: ControlFunction, _ values: [String]) -> String? {
    guard let value = values.first else { return nil }
    switch function {
    case .changeRate: return "It now speaks at \(value) baud: say so with serial in the configuration."
    case .writeAddress: return "It now answers as \(value): say so with address in the configuration."
    default: return nil
    }
  }

  /// Why a DL/T 645 meter may refuse.
  private static func advice(_ function: ControlFunction, _ reason: String) -> String {
    if reason.contains("password") {
      return "It is there and answers. Do not try on with wrong passwords: meters lock themselves after a few."
    }
    return switch function {
    case .relay:
      "It is there and answers. It does not trip while its supply is kept (end-keep-supply ends that), and obeys nothing after --valid-until by its own clock."
    case .write: "It is there and answers. Not every item can be written: meterd identifiers DI says which."
    default: "It is there and answers; its manual says what it obeys."
    }
  }

  /// Who is at the keyboard, also behind sudo.
  private static var person: String? { environment("SUDO_USER") ?? environment("USER") ?? environment("LOGNAME") }
}
