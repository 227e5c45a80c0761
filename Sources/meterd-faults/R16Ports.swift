import Acquisition
import CSerial
import Glibc
import Host
import Line
import Metering
import Simulator

/// R16: what is at the path is no serial port, is taken, or may not be opened.
enum BadPorts {
  private struct Case {
    let name: String
    /// Makes what is wrong, at a path.
    let make: @Sendable (String) -> Bool
    let isRight: @Sendable (LineError) -> Bool
    let words: String
  }

  private static let cases = [
    Case(
      name: "regular file", make: { path in made(unsafe Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)) },
      isRight: { if case .notATerminal = $0 { true } else { false } }, words: "is no serial port"),
    Case(
      name: "fifo", make: { path in unsafe mkfifo(path, 0o600) == 0 },
      isRight: { if case .notATerminal = $0 { true } else { false } }, words: "is no serial port"),
    Case(
      name: "/dev/null", make: { path in unsafe symlink("/dev/null", path) == 0 },
      isRight: { if case .notATerminal = $0 { true } else { false } }, words: "is no serial port"),
    Case(
      name: "directory", make: { path in unsafe mkdir(path, 0o700) == 0 },
      isRight: { if case .notATerminal = $0 { true } else { false } }, words: "is no serial port"),
    Case(
      name: "missing", make: { _ in true }, isRight: { if case .noSuchPort = $0 { true } else { false } },
      words: "there is no port"),
    Case(
      name: "locked", make: { _ in true }, isRight: { if case .busy = $0 { true } else { false } },
      words: "in use by another program"),
    Case(
      name: "mode 000", make: { _ in true }, isRight: { if case .notPermitted = $0 { true } else { false } },
      words: "not permitted to open"),
  ]

  private static func made(_ descriptor: CInt) -> Bool {
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
  }

  /// Rests go by so many times faster: a minute of back-off is half a second.
  private static let speed: Int64 = 120

  static func run(_ dose: Dose) async throws -> [Outcome] {
    let folder = "/tmp/meterd-faults-\(getpid())"
    guard unsafe mkdir(folder, 0o755) == 0 else { throw FaultError("cannot make \(folder)") }
    defer { _ = unsafe rmdir(folder) }
    let relay = Relay()
    let far = try FarEnd(.terminal, relay)
    let beside = try Work("beside", Work.Shape(tongue: .modbus, meters: 2, rounds: 4000, speed: 1), port: far.port)
    relay.set(SlowMeters(ledger: beside.ledger))
    let over = Flag()
    let working = Task { await beside.run(limit: .seconds(600)) { _ in over.isSet } }
    var findings: [String] = []
    var isMet = true
    for each in cases {
      let before = beside.tally["accepted"]
      let (text, holds) = try await run(each, "\(folder)/port")
      // Twice in the time of a case at least, or the line beside it stands still.
      let went = beside.tally["accepted"] - before
      findings.append("\(each.name): \(text); \(went) answers on the line beside it")
      isMet = isMet && holds && went >= 2
    }
    over.set()
    await working.value
    await far.stop()
    return [
      Outcome(
        row: "R16", title: "ports that cannot be opened", trials: cases.count, what: "cases",
        isMet: isMet && beside.tally["wrong"] == 0, findings: findings)
    ]
  }

  private static func run(_ each: Case, _ path: String) async throws -> (String, Bool) {
    let far = try FarEnd(.terminal, Relay())
    let meters = Relay()
    let good = try FarEnd(.terminal, meters)
    guard case .device(let terminal) = good.port, each.make(path) else {
      throw FaultError("cannot make a \(each.name)")
    }
    let isRoot = geteuid() == 0
    var lock: CInt = -1
    switch each.name {
    case "locked":
      lock = unsafe cserial_open(terminal)
      guard lock >= 0, cserial_lock(lock) >= 0, unsafe cserial_point_link(path, terminal) == 0 else {
        throw FaultError("cannot lock \(terminal)")
      }
    case "mode 000":
      guard unsafe chmod(terminal, 0) == 0, unsafe cserial_point_link(path, terminal) == 0 else {
        throw FaultError("cannot take the rights from \(terminal)")
      }
      // Root opens anything: this case is run as nobody. All other threads go on with what they have open.
      if isRoot { guard seteuid(65_534) == 0 else { throw FaultError("cannot become nobody") } }
    default: break
    }
    let work = try Work(
      "bad", Work.Shape(tongue: .modbus, meters: 2, rounds: 50, speed: speed), port: .device(path: path))
    meters.set(PromptMeters(ledger: work.ledger))
    let error = await work.open()
    // Back-off grows to its longest meanwhile: 1 + 2 + ... + 60 s are 2 minutes of the plan.
    let over = Flag()
    let working = Task { await work.run(limit: .seconds(30)) { $0.tally["accepted"] > 0 || over.isSet } }
    try await Task.sleep(for: .milliseconds(1200))
    let none = work.tally["accepted"] == 0
    if lock >= 0 { cserial_close(lock) }
    if each.name == "mode 000" {
      if isRoot { guard seteuid(0) == 0 else { throw FaultError("cannot become root again") } }
      _ = unsafe chmod(terminal, 0o600)
    } else if lock < 0 {
      _ = unsafe unlink(path)
      _ = unsafe rmdir(path)
      guard unsafe cserial_point_link(path, terminal) == 0 else { throw FaultError("cannot mend \(path)") }
    }
    let mended = HostClock.boot
    await working.value
    let rest = (HostClock.boot - mended).nanoseconds * speed / 1_000_000_000
    await good.stop()
    await far.stop()
    _ = unsafe unlink(path)
    let words = error.map { "\($0)" } ?? "opened"
    let isClear = error.map { each.isRight($0) && words.contains(each.words) && words.contains(path) } ?? false
    // A minute of back-off, and what the machine adds to half a second.
    let holds = isClear && none && work.tally["accepted"] > 0 && rest <= 60 + 2 * speed / 10
    over.set()
    return ("\"\(words)\", read \(rest) s after it was mended (limit 60)", holds)
  }
}
