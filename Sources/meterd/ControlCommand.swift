import Acquisition
import ArgumentParser
import Concentrator
import DLT645
import Host
import Line
import Metering
import Modbus
import Store

struct ControlCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "command",
    abstract: "Changes one meter: its clock, a parameter, its relay. Only what the configuration allows.",
    discussion: """
      Everything is refused before a byte leaves unless the configuration has [control] enabled = true and the meter's \
      own allow = [...] names the function; all meters of a line at once take nothing but set-time and freeze, where \
      the line's allow-broadcast = [...] names them. Whatever is tried is in the audit log: meterd audit. A command is \
      sent once and never again by itself. The daemon must not hold the port.

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
    let station = try Station(Configuration.load(config))
    let target = try ControlTarget(meter: meter, line: line, of: station)
    let order = try ControlOrder(function, values, options(of: station), for: target)
    let permissions = station.permissions(line: target.line)
    let store: Store
    do throws(StoreError) {
      store = try Store(path: station.configuration.store)
    } catch {
      throw Complaint(error)
    }
    let trail = ControlTrail(store: store, line: target.entry.name, detail: order.summary)
    // The guard of the line says the same once more; here it is asked first, so that the record is there before the
    // first byte is.
    switch WireGuard(permissions).judge(order.bytes(to: target.entry.port), to: target.entry.port) {
    case .reads: throw Complaint(.software, "\(function.rawValue) to \(meter) would change nothing")
    case .refused(let act, let reason):
      try await trail.note(act, "refused", reason.rawValue)
      throw Complaint(.forbidden(target.entry.port, act, reason))
    case .allowed(let act):
      try await trail.note(act, "sent", "")
      let outcome = try await send(order, target, permissions, trail, act)
      await store.close()
      try report(outcome, act, target, function)
    }
  }

  private func options(of station: Station) throws -> ControlOrder.Options {
    var options = ControlOrder.Options(zone: station.configuration.zone)
    options.operatorCode = station.configuration.control.flatMap { OperatorCode($0.operatorCode) }
    options.password = try passwordFile.map(PasswordFile.read)
    options.newPassword = try newPasswordFile.map(PasswordFile.read)
    options.validUntil = validUntil
    options.isClockKnown = station.hostClockIsKnown
    return options
  }

  private func send(
    _ order: ControlOrder, _ target: ControlTarget, _ permissions: Permissions, _ trail: ControlTrail, _ act: ControlAct
  ) async throws -> Commander.Outcome {
    do throws(LineError) {
      let commander = try Commander(target.entry.port, settings: target.settings, permissions: permissions)
      let outcome = try order.send(by: commander, wakeUps: target.wakeUps, timeout: target.timeout)
      try? await trail.note(act, outcome.word, outcome.detail)
      return outcome
    } catch {
      try? await trail.note(act, "failed", "\(error)")
      throw Complaint(error)
    }
  }

  private func report(
    _ outcome: Commander.Outcome, _ act: ControlAct, _ target: ControlTarget, _ function: ControlFunction
  ) throws {
    if json {
      print(
        JSON.object([
          "line": .string(target.entry.name), "function": .string(act.function), "target": .string(act.target),
          "outcome": .string(outcome.word), "detail": .string(outcome.detail),
        ]).text)
    }
    let what = "\(act.function) to \(act.target) on \(target.entry.name)"
    switch outcome {
    case .done:
      if !json { print("\(what): done") }
      if let change = Self.change(function, values) { writeError("  \(change)\n") }
    case .silent where target.meter == nil: if !json { print("\(what): sent; nobody answers a broadcast") }
    case .silent:
      throw Complaint(
        .noAnswer, "\(what): no answer, so whether the meter obeyed is not known",
        function == .setTime
          ? "Read its clock before sending again: most meters take the time without a word, once a day, and only where their clock is off by a few minutes."
          : "Read it back before sending again.")
    case .refused(let reason):
      throw Complaint(
        .notPermitted, "\(what): the meter refuses: \(reason)",
        target.isModbus
          ? "It is there and answers. Its manual says which places may be written."
          : Self.advice(function, reason))
    case .failed(let reason):
      throw Complaint(
        .badData, "\(what): \(reason)", "Read it back before sending again; two meters may share this address.")
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
}

extension Commander.Outcome {
  /// As in the audit log.
  var word: String {
    switch self {
    case .done: "done"
    case .refused: "rejected"
    case .silent: "silent"
    case .failed: "failed"
    }
  }

  var detail: String {
    switch self {
    case .done, .silent: ""
    case .refused(let reason), .failed(let reason): reason
    }
  }
}

/// Writes the audit log of one command.
struct ControlTrail {
  let store: Store
  let line: String
  /// What is done, without any password.
  let detail: String

  func note(_ act: ControlAct, _ outcome: String, _ reason: String) async throws {
    let record = AuditRecord(
      at: HostClock.wall.unixMilliseconds, actor: Self.actor, line: line, function: act.function, target: act.target,
      outcome: outcome, detail: reason.isEmpty ? detail : "\(detail): \(reason)")
    do throws(StoreError) {
      try await store.audit(record)
    } catch {
      throw Complaint(error)
    }
  }

  /// Who is at the keyboard, also behind sudo.
  private static var actor: String {
    environment("SUDO_USER") ?? environment("USER") ?? environment("LOGNAME") ?? "uid \(userID)"
  }
}
