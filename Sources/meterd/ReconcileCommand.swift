import ArgumentParser
import Billing
import Concentrator

struct ReconcileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile", abstract: "Follows counts, kWh and fen from the journal to the ledger.",
    discussion: """
      Every settlement that a cycle needs is acquired or noted as missing (due); every number of the journal is \
      a reading that was accepted, quarantined or rejected (journal); every accepted one was measured, taken at the \
      boundary of a meter without freezes, or approved by somebody in the audit log (accepted); every accepted settlement \
      is on a bill or waits with a reason, those of meters that no account names too (settled).

      Every cycle that is over is billed or waits; every reading on a bill is in the journal, usable, says the same and \
      is the newest; registers times multiplier are segments, daily freezes add up to them where all are there, segments \
      are usage, usage is periods and lines; each line is what its own rule makes of its numbers to the fen, shares by \
      power factor, days and least charges too; lines are bills, bills are postings; originals, reversals and new bills add \
      up to what stands; the bills of each cycle and section are their postings (batches, by the section \
      that an account has now); one cycle begins where the last ended; no \
      energy of a meter is on two bills. Accounts that are gone from the configuration are followed, too, with what their \
      meters told after the last bill. A step that compared nothing has a dash for its count and says why; so does what a \
      step had to leave out.

      Last come the days on which bills were issued, each with a hash that covers the day before. Keep it, or let the \
      receiver of bills keep it, and give it with --day: other bills are another hash. They follow the numbers of the \
      bills: where the host's clock went back over midnight, a day comes again.

      Not compared: what was handed over and acknowledged, since the store keeps nothing of it. Lines of a \
      tariff that is not at hand any more may be rounded either way. Exit code 65 at the first thing that does not \
      match; what does not match is listed, of each step the first ten, all with --json. Works beside a running daemon.

      EXAMPLES
        meterd reconcile --config /etc/meterd/meterd.toml
        meterd reconcile --config /etc/meterd/meterd.toml --cycle 2026-10 --json
        meterd reconcile --config /etc/meterd/meterd.toml --day 2026-11-01=9f86d081884c7d65...
      """)

  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Option(help: "The store, where it is another than the configuration's.")
  var store: String?

  @Option(help: "Only this cycle, such as 2026-10. Journal and days are whole.")
  var cycle: String?

  @Option(
    name: .customLong("day"), help: "A day and the hash that somebody kept of it, DAY=HASH; as often as there are.")
  var kept: [String] = []

  @Flag(help: "One JSON object a step.")
  var json = false

  /// Lines of a list that people are shown.
  private static let most = 10

  func run() throws {
    let station = try Station(Configuration.load(config))
    let reader = try StoreOption.reader(at: store ?? station.configuration.store)
    let report = try BooksCheck.report(station, reader: reader, cycle: cycle, kept: try keptHashes())
    if !json { print("step\tunit\tleft\tright\tunmatched") }
    for step in report.steps {
      if json {
        print(object(step, report.days).text)
      } else {
        // What was not compared is no pass.
        let count = step.compared == 0 && step.isBalanced ? "-" : "\(step.differences.count)"
        print("\(step.name)\t\(step.unit)\t\(step.left)\t\(step.right)\t\(count)")
        show(step.differences) { "  \($0)" }
        show(step.unchecked) { "  not compared: \($0)" }
        show(step.explained) { "  (\($0))" }
      }
    }
    if !json, !report.days.isEmpty {
      print("day\tbills\tkWh\tyuan\tfirst\tlast\thash")
      for day in report.days {
        print("\(day.day)\t\(day.count)\t\(day.energy)\t\(day.amount)\t\(day.first)\t\(day.last)\t\(day.hash)")
      }
    }
    guard let first = report.steps.first(where: { !$0.isBalanced }) else { return }
    throw Complaint(
      .badData, "the books do not balance: \(first.name), \(first.left) against \(first.right) \(first.unit)",
      "First: \(first.differences.first ?? "the sums differ")", "Nothing was changed. Each difference is listed above.")
  }

  /// The first lines of a list, and how many more there are.
  private func show(_ lines: [String], _ written: (String) -> String) {
    for line in lines.prefix(Self.most) { print(written(line)) }
    if lines.count > Self.most { print(written("and \(lines.count - Self.most) more; --json lists them")) }
  }

  private func object(_ step: ReconciliationStep, _ days: [BillDay]) -> JSON {
    var members = [
      JSON.Member("step", .string(step.name)), JSON.Member("unit", .string(step.unit)),
      JSON.Member("left", .string(step.left)), JSON.Member("right", .string(step.right)),
      JSON.Member("compared", .integer(Int64(step.compared))), JSON.Member("balanced", .boolean(step.isBalanced)),
      JSON.Member("unmatched", .array(step.differences.map(JSON.string))),
      JSON.Member("explained", .array(step.explained.map(JSON.string))),
      JSON.Member("unchecked", .array(step.unchecked.map(JSON.string))),
    ]
    if step.name == "day-chain" { members.append(JSON.Member("days", .array(days.map(object)))) }
    return .object(members)
  }

  private func object(_ day: BillDay) -> JSON {
    .object([
      "day": .string(day.day), "bills": .integer(Int64(day.count)), "kwh": .string("\(day.energy)"),
      "yuan": .string("\(day.amount)"), "first": .integer(day.first), "last": .integer(day.last),
      "hash": .string(day.hash),
    ])
  }

  /// A day may come again with another hash, so all are kept.
  private func keptHashes() throws -> [(day: String, hash: String)] {
    try kept.map { text in
      let parts = text.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[1].utf8.count == 64 else {
        throw Complaint(
          .usage, "--day takes a day and its hash, and \"\(text)\" is none",
          "Write them as meterd reconcile prints them: 2026-11-01=9f86d0...")
      }
      return (String(parts[0]), String(parts[1]))
    }
  }
}
