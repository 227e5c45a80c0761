import ArgumentParser
import Concentrator
import Metering
import Store

extension BillCommand {
  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Explains one bill: line, rule, segment, readings, frames.",
      discussion: """
        Rates the bill again from its readings, by the tariff as it was known when the bill was issued, and tells whether \
        it comes out the same; where it does not, the exit code is 65. --customer gives the page for the one who pays. A \
        bill that is settled by intervals is told day by day and slot by slot; --interval adds the readings and frames of \
        one of them, and --json has all.

        EXAMPLES
          meterd bill explain 1 --config meterd.toml
          meterd bill explain 1 --config meterd.toml --customer
          meterd bill explain 1 --config meterd.toml --interval 2026-10-05T08:15
          meterd bill explain 1 --config meterd.toml --json
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "The store, where it is another than the configuration's.")
    var store: String?

    @Argument(help: "The bill's number.")
    var id: Int64

    @Flag(help: "A page of text for the customer, in Chinese and English.")
    var customer = false

    @Option(help: "A time in an interval whose readings and frames are wanted, such as 2026-10-05T08:15.")
    var interval: String?

    @Flag(help: "One JSON object.")
    var json = false

    func run() throws {
      let station = try Station(Configuration.load(config))
      let reader = try StoreOption.reader(at: store ?? station.configuration.store)
      let stored = try findBill(id, reader)
      let time = try interval.map { text in
        guard let time = MeterTime(text) else {
          throw Complaint(.usage, "\"\(text)\" is no time", "Write one such as 2026-10-05T08:15.")
        }
        return time
      }
      let explanation = try BillExplanation(stored, station: station, reader: reader, interval: time)
      if customer {
        // What was issued, whatever would be rated today.
        for line in explanation.page { print(line) }
        return
      }
      if json {
        print(explanation.json.text)
      } else {
        for line in explanation.text { print(line) }
      }
      guard explanation.isReproduced else { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}
