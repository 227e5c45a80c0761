import ArgumentParser
import Concentrator
import Metering
import Store

struct BillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bill", abstract: "Closes cycles, shows bills, explains each fen.",
    subcommands: [Run.self, List.self, Show.self, Explain.self])

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Closes every cycle that is due, once.",
      discussion: """
        The daemon does this by itself; here without one. A cycle that was billed before stays as it is.

        EXAMPLE
          meterd bill run --config meterd.toml
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Flag(help: "One JSON object a bill or hold.")
    var json = false

    func run() async throws {
      let events = try await BillingRun.once(Station(Configuration.load(config)))
      for event in events {
        switch event {
        case .billed(let account, let cycle, let fen, let isNew):
          if json {
            let object: JSON = .object([
              "account": .string(account), "cycle": .string(cycle), "total": .string(yuan(fen)),
              "new": .boolean(isNew),
            ])
            print(object.text)
          } else {
            print("\(account)  \(cycle)  \(yuan(fen)) yuan\(isNew ? "" : "  (issued before)")")
          }
        case .held(let account, let cycle, let reason):
          if json {
            print(JSON.object(["account": .string(account), "cycle": .string(cycle), "held": .string(reason)]).text)
          } else {
            print("\(account)  \(cycle)  waits: \(reason)")
          }
        default: break
        }
      }
      if events.isEmpty, !json { print("nothing is due") }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists issued bills and those that wait.",
      discussion: """
        EXAMPLE
          meterd bill list --store meterd.db --account A-1001
        """)

    @OptionGroup var place: StoreOption

    @Option(help: "Only of this account.")
    var account: String?

    @Flag(help: "One JSON object a bill.")
    var json = false

    func run() throws {
      let reader = try place.reader()
      if !json { print("id\taccount\tcycle\tkind\ttotal\tissued\tdigest") }
      try withStore { () throws(StoreError) in
        try reader.bills(account: account) { stored throws(StoreError) in
          let bill = stored.bill
          let issued = ZoneOffset.china.rfc3339(unixMilliseconds: bill.issuedAt)
          if json {
            let object: JSON = .object([
              "id": .integer(stored.id), "account": .string(bill.account), "cycle": .string(bill.cycle),
              "kind": .string(bill.kind), "version": .integer(bill.version), "total": .string(yuan(bill.totalFen)),
              "currency": "CNY", "issued": .string(issued), "digest": .string(bill.digest),
            ])
            print(object.text)
          } else {
            print(
              "\(stored.id)\t\(bill.account)\t\(bill.cycle)\t\(bill.kind)\t\(yuan(bill.totalFen))\t\(issued)\t\(bill.digest.prefix(12))"
            )
          }
        }
        for hold in try reader.holds() where account == nil || account == hold.account {
          if json {
            print(
              JSON.object([
                "account": .string(hold.account), "cycle": .string(hold.cycle), "held": .string(hold.reason),
                "since": .string(ZoneOffset.china.rfc3339(unixMilliseconds: hold.since)),
              ]).text)
          } else {
            print("-\t\(hold.account)\t\(hold.cycle)\twaits\t\(hold.reason)")
          }
        }
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows one bill as it was issued.",
      discussion: """
        EXAMPLE
          meterd bill show 1 --store meterd.db
        """)

    @OptionGroup var place: StoreOption

    @Argument(help: "The bill's number.")
    var id: Int64

    @Flag(help: "The bill's document, as it was stored.")
    var json = false

    func run() throws {
      let reader = try place.reader()
      let stored = try find(id, reader)
      if json {
        print(String(decoding: stored.bill.document, as: UTF8.self))
        return
      }
      let bill = stored.bill
      print("Bill 账单 \(stored.id)  account 户号 \(bill.account)  cycle 周期 \(bill.cycle)  \(bill.kind)")
      for line in bill.lines { print("  \(yuan(line.amountFen))\t\(line.text)") }
      print("  \(yuan(bill.totalFen))\tTotal 合计, yuan 元")
      print("readings \(bill.readings.map(String.init).joined(separator: " "))")
      print("digest \(bill.digest)")
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Explains one bill: line, rule, segment, readings, frames.",
      discussion: """
        Rates the bill again from its readings and tells whether it comes out the same.

        EXAMPLE
          meterd bill explain 1 --config meterd.toml
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "The store, where it is another than the configuration's.")
    var store: String?

    @Argument(help: "The bill's number.")
    var id: Int64

    @Flag(help: "One JSON object.")
    var json = false

    func run() throws {
      let station = try Station(Configuration.load(config))
      var place = StoreOption()
      place.store = store ?? station.configuration.store
      place.config = nil
      let reader = try place.reader()
      let stored = try find(id, reader)
      let explanation = try BillExplanation(stored, station: station, reader: reader)
      if json {
        print(
          JSON.object([
            "bill": .integer(stored.id), "reproduced": .boolean(explanation.isReproduced),
            "explanation": .array(explanation.text.map(JSON.string)),
          ]).text)
      } else {
        for line in explanation.text { print(line) }
      }
      guard explanation.isReproduced else { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}

/// Fen as yuan with two places.
func yuan(_ fen: Int64) -> String { decimalString(fen * 10_000, decimals: 2) }

private func find(_ id: Int64, _ reader: StoreReader) throws -> StoredBill {
  guard let stored = try withStore({ () throws(StoreError) in try reader.bill(id) }) else {
    throw Complaint(.badData, "there is no bill \(id) in \(reader.path)", "meterd bill list shows the numbers.")
  }
  return stored
}
