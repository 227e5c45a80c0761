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
    let store = try openStore(station.configuration.store)
    do {
      let trail = ControlTrail(store: store, line: target.entry.name)
      let (outcome, act) = try await carryOut(order, target, station.permissions(line: target.line), trail)
      try report(outcome, act, target, function)
    } catch {
      await store.close(settled: false)
      throw error
    }
    // What the daemon left behind when it was killed is still its to look after.
    await store.close(settled: false)
  }

  private func openStore(_ path: String) throws -> Store {
    do throws(StoreError) {
      return try Store(path: path)
    } catch {
      guard case .locked(let path, let process) = error else { throw Complaint(error) }
      throw Complaint(
        .tryLater, "the store \(path) is in use\(process.map { " by process \($0)" } ?? ""), and nothing was sent",
        "A command and the daemon cannot go on side by side: both write the audit log. Stop the daemon first, such as with systemctl stop meterd, and start it again afterwards."
      )
    }
  }

  /// Sends what is allowed. Whatever comes of it is in the audit log when this returns or throws.
  private func carryOut(
    _ order: ControlOrder, _ target: ControlTarget, _ permissions: Permissions, _ trail: ControlTrail
  ) async throws -> (Commander.Outcome, ControlAct) {
    if case .never(let act, let reason, let complaint) = order.form {
      try await trail.note(order, act, "refused", reason.rawValue)
      throw complaint
    }
    // The guard of the line says the same once more; here it is asked first, so that the record is there before the
    // first byte is.
    switch WireGuard(permissions).judge(order.bytes(to: target.entry.port), to: target.entry.port) {
    case .reads: throw Complaint(.software, "\(function) to \(meter) would change nothing")
    case .refused(let act, let reason):
      if let other = order.alsoNeeds, act.function == other.rawValue {
        let asked = ControlAct(function: function, target: act.target)
        try await trail.note(order, asked, "refused", "\(reason.rawValue): \(other.rawValue)")
        throw Complaint(
          .notPermitted, "\(function) of an address to \(act.target) is not allowed",
          "Nothing was sent. The meter's own allow = [...] must name \(other.rawValue) as well.")
      }
      try await trail.note(order, act, "refused", reason.rawValue)
      throw Complaint(.forbidden(target.entry.port, act, reason))
    case .allowed(let act):
      return (try await send(order, target, permissions, trail, act), act)
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
    var last = order
    do {
      let commander = try Commander(target.entry.port, settings: target.settings, permissions: permissions)
      var isReadable = true
      if case .write(let request) = order.form {
        switch try commander.prepare(request, timeout: target.timeout) {
        case .ready(let shows): isReadable = shows
        case .not(let outcome):
          try await trail.note(
            order, act, outcome.word,
            outcome.detail.isEmpty ? "nothing was sent" : "nothing was sent, \(outcome.detail)")
          throw Complaint(
            .noAnswer, "\(act.function) to \(act.target): the place cannot be read, so nothing was sent",
            "It answers \(outcome.detail.isEmpty ? "nothing" : outcome.detail). Ask it with meterd probe first.")
        }
      }
      last = try order.counted(by: commander, for: target)
      try await trail.note(last, act, "sent", "")
      last = last.renewed()
      let outcome = try Self.carry(last, commander, target, isReadable: isReadable)
      try? await trail.note(last, act, outcome.word, outcome.detail)
      return outcome
    } catch let error as LineError {
      try? await trail.note(last, act, "failed", "\(error)")
      throw Complaint(error)
    }
  }

  private static func carry(
    _ order: ControlOrder, _ commander: Commander, _ target: ControlTarget, isReadable: Bool
  ) throws(LineError) -> Commander.Outcome {
    switch order.form {
    case .command(let command, let meter):
      return try commander.carry(
        command, to: meter, edition: target.edition, wakeUps: target.wakeUps, timeout: target.timeout)
    case .broadcast(let command):
      try commander.announce(command, wakeUps: target.wakeUps)
      return .silent
    case .write(let request):
      return try commander.write(request, isReadable: isReadable, timeout: target.timeout)
    case .never(let act, let reason, _): throw .forbidden(target.entry.port, act, reason)
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
    case .unseen(let reason): if !json { print("\(what): done; \(reason)") }
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
    case .done, .unseen: "done"
    case .refused: "rejected"
    case .silent: "silent"
    case .failed: "failed"
    }
  }

  var detail: String {
    switch self {
    case .done, .silent: ""
    case .unseen(let reason), .refused(let reason), .failed(let reason): reason
    }
  }
}

/// Writes the audit log of one command.
struct ControlTrail {
  let store: Store
  let line: String

  func note(_ order: ControlOrder, _ act: ControlAct, _ outcome: String, _ reason: String) async throws {
    let detail = order.summary
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
