import ArgumentParser
import Concentrator
import Glibc
import Host
import Line
import Logging
import Metering
import Simulator
import Store
import UnixSignals

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Plays a whole station: simulated meters, the daemon, readings, bills.",
    discussion: """
      Three lines with twenty meters on pseudo-terminals, one of them dead and one that answers late and is never \
      believed; last month's bills from the settlement registers; one bill explained down to the frames. Ends by \
      itself. The folder stays, for a look with meterd readings and meterd bill.

      EXAMPLE
        meterd demo --seconds 30
      """)

  @Option(help: "How long the daemon polls, 5 to 110.")
  var seconds = 60

  @Option(
    help: "Where to put the station, in a folder that is made where only it is missing; one under /tmp when left out.")
  var folder: String?

  func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    guard (5...110).contains(seconds) else { throw Complaint(.usage, "--seconds takes 5 to 110") }
    if let folder { try makeFolder(folder) }
    let folder = try self.folder ?? temporaryFolder("meterd-demo")
    let file = "\(folder)/station.toml"
    let today = ZoneOffset.china.local(unixMilliseconds: HostClock.wall.unixMilliseconds).date
    try writeFile(DemoStation.toml(folder: folder, from: today.firstOfMonth(addingMonths: -1)), to: file)
    let station = try Station(Configuration.load(file))
    let lines: [LineDescription]
    let simulated: SimulatedStation
    do throws(SimulatorError) {
      lines = try Simulation.describe(station) { "\($0.port)" }
      simulated = try await SimulatedStation.open(lines, clock: Simulation.clock())
    } catch {
      throw error.complaint
    }
    print("meterd demo: \(lines.count) simulated lines, \(station.meters.joined().count) meters, in \(folder)")
    for line in station.configuration.lines {
      print("  \(line.name)  \(line.settings)  \(line.meters.count) meters  \(line.port)")
    }
    let board = DemoBoard(station.configuration, truth: Truth(lines, zone: station.configuration.zone))
    let running = try RunningStation(station) { board.note($0) }
    let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
    try await running.start()
    await watch(board, signals)
    await running.stop()
    let lost = await running.counters().values.reduce(into: LineCounters()) { $0 += $1 }
    let statistics = await simulated.stop()
    try report(board.now, statistics, lost, station, file)
  }

  /// Shows the table once a second until time is up or someone interrupts.
  private func watch(_ board: DemoBoard, _ signals: UnixSignalsSequence) async {
    let isTerminal = isatty(1) == 1
    let interrupted = Task { for await _ in signals { return } }
    let shown = Task {
      var drawn = 0
      for second in 1...seconds {
        try? await Task.sleep(for: .seconds(1))
        if Task.isCancelled { break }
        let table = DemoBoard.table(board.now, second: second)
        if isTerminal {
          if drawn > 0 { print("\u{1B}[\(drawn)A", terminator: "") }
          for line in table { print("\u{1B}[2K\(line)") }
          drawn = table.count
        } else if second % 10 == 0 || second == seconds {
          for line in table { print(line) }
        }
        fflush(nil)
      }
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await interrupted.value }
      group.addTask { await shown.value }
      await group.next()
      interrupted.cancel()
      shown.cancel()
    }
  }

  private func report(
    _ state: DemoBoard.State, _ statistics: [LineStatistics], _ lines: LineCounters, _ station: Station, _ file: String
  ) throws {
    print("\nBills of last month")
    for bill in state.billed.sorted() { print("  \(bill)") }
    let reader = try withStore { () throws(StoreError) in try StoreReader(path: station.configuration.store) }
    var first: StoredBill?
    try withStore { () throws(StoreError) in
      try reader.bills { stored throws(StoreError) in if first == nil { first = stored } }
    }
    if let first {
      print("\nOne of them explained")
      for line in try BillExplanation(first, station: station, reader: reader).text { print("  \(line)") }
    }
    let counts = state.counts
    let findings = counts.findings.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
    print("\nSummary")
    print(
      "  wire      \(statistics.reduce(0) { $0 + $1.requests }) requests, \(statistics.reduce(0) { $0 + $1.faults.total }) injected faults, \(statistics.reduce(0) { $0 + $1.brokenSilence }) broken silences"
    )
    print("  read      \(counts.read) values in \(counts.answers) believed answers")
    print(
      "  dropped   \(counts.damaged) damaged or late answers, \(counts.refused) refused, \(lines.bytesLate + lines.bytesDiscarded) bytes out of time, \(lines.echoes) echoes"
    )
    print("  stored    \(counts.stored); \(counts.duplicates) duplicates, \(counts.conflicts) conflicts")
    print(
      "  rejected  \(counts.rejected) rejected, \(counts.held) held, \(counts.flagged) flagged\(findings.isEmpty ? "" : " (\(findings.joined(separator: ", ")))")"
    )
    print("  missed    \(counts.missed) items of silent meters")
    print("  checked   \(state.right) usable values against what the meters held: \(state.wrong.count) wrong")
    print("  billed    \(counts.billed) bills, \(yuan(counts.totalFen)) yuan; \(counts.billsHeld) wait")
    print("\nLook around:")
    print("  meterd readings --config \(file) --kind settlement")
    print("  meterd bill list --config \(file)")
    for wrong in state.wrong.prefix(5) { print("  WRONG \(wrong)") }
    guard state.wrong.isEmpty, counts.stored > 0, counts.billed == station.accounts.count else {
      throw Complaint(
        .software, "the demo did not come out as it should",
        "Expected \(station.accounts.count) bills and no wrong value. With --seconds under 40 the slow line may not be through."
      )
    }
  }
}
