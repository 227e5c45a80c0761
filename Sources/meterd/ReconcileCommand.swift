import ArgumentParser
import Billing
import Concentrator

struct ReconcileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile", abstract: "Follows counts, kWh and fen from the journal to the ledger.",
    discussion: """
      Every cycle that is over is billed or waits; every reading on a bill is in the journal, usable, says the same and \
      is the newest; registers times multiplier are segments, segments are usage, usage is periods and lines; quantity \
      times price are lines, lines are bills, bills are postings; originals, reversals and new bills add up to what \
      stands; one cycle begins where the last ended; no energy of a meter is on two bills. Accounts that have bills and are \
      gone from the configuration are followed, too. Exit code 65 at the first thing that does not match; all of them \
      are listed. Works beside a running daemon.

      EXAMPLES
        meterd reconcile --config /etc/meterd/meterd.toml
        meterd reconcile --config /etc/meterd/meterd.toml --cycle 2026-10 --json
      """)

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Option(help: "The store, where it is another than the configuration's.")
  var store: String?

  @Option(help: "Only this cycle, such as 2026-10.")
  var cycle: String?

  @Flag(help: "One JSON object a step.")
  var json = false

  func run() throws {
    let station = try Station(Configuration.load(config))
    let reader = try StoreOption.reader(at: store ?? station.configuration.store)
    let steps = try BooksCheck.steps(station, reader: reader, cycle: cycle)
    if !json { print("step\tunit\tleft\tright\tunmatched") }
    for step in steps {
      if json {
        print(
          JSON.object([
            "step": .string(step.name), "unit": .string(step.unit), "left": .string(step.left),
            "right": .string(step.right), "balanced": .boolean(step.isBalanced),
            "unmatched": .array(step.differences.map(JSON.string)),
          ]).text)
      } else {
        print("\(step.name)\t\(step.unit)\t\(step.left)\t\(step.right)\t\(step.differences.count)")
        for difference in step.differences { print("  \(difference)") }
      }
    }
    guard let first = steps.first(where: { !$0.isBalanced }) else { return }
    throw Complaint(
      .badData, "the books do not balance: \(first.name), \(first.left) against \(first.right) \(first.unit)",
      "First: \(first.differences.first ?? "the sums differ")", "Nothing was changed. Each difference is listed above.")
  }
}
