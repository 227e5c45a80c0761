import ArgumentParser
import Concentrator
import Glibc

@main
struct Meterd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "meterd",
    abstract: "Reads electricity meters, checks and keeps every reading, and bills exactly.",
    discussion: """
      Exit codes: 0 done, 64 usage, 65 bad data or frame, 69 no answer, 73 cannot create, 74 input/output, \
      75 try later, 77 not permitted, 78 configuration.

      EXAMPLES
        meterd demo
        meterd scan /dev/ttyUSB0
        meterd probe /dev/ttyUSB0
        meterd check --config /etc/meterd/meterd.toml
        meterd status
        meterd decode 68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16
      """,
    version: meterdVersion,
    subcommands: subcommands)

  static let subcommands: [any ParsableCommand.Type] = [
    RunCommand.self, CheckCommand.self, DemoCommand.self, SimulateCommand.self, ScanCommand.self, ProbeCommand.self,
    TraceCommand.self, DecodeCommand.self, IdentifiersCommand.self, StatusCommand.self, TopCommand.self,
    ReadCommand.self, ClockCommand.self, ReloadCommand.self, ReadingsCommand.self, MissingCommand.self,
    EventsCommand.self,
    ControlCommand.self, AuditCommand.self, BillCommand.self, ReviewCommand.self, ReconcileCommand.self,
    RateCommand.self, BenchCommand.self,
  ]

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      try finishOutput()
    } catch let complaint as Complaint {
      fflush(nil)
      writeError(complaint.description + "\n")
      Glibc.exit(complaint.status.rawValue)
    } catch {
      exit(withError: error)
    }
  }

  /// Writes what still waits to be printed. What nobody got must not count as done.
  private static func finishOutput() throws {
    let failed = fflush(nil) != 0
    let code = errno
    // A reader that has seen enough closes its end.
    guard failed, code != EPIPE else { return }
    throw Complaint(
      .inputOutput, "cannot write to standard output: \(systemError(code))",
      "What was printed is not whole. Make room, or send it elsewhere.")
  }
}
