import ArgumentParser
import Concentrator
import Metering
import Store

struct BillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bill", abstract: "Closes cycles, shows bills, explains each fen.",
    subcommands: [Run.self, List.self, Show.self, Explain.self, Correct.self, Trial.self])

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Closes every cycle that is due, once.",
      discussion: """
        The daemon does this by itself; here without one. A cycle that was billed before stays as it is.

        EXAMPLES
          meterd bill run --config meterd.toml
          meterd bill run --config meterd.toml --section S-01
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "Only the accounts of this section.")
    var section: String?

    @Flag(help: "One JSON object a bill or hold.")
    var json = false

    func run() async throws {
      let station = try Station(Configuration.load(config))
      let events = try await BillingRun.once(station, section: section)
      let sections = station.configuration.sectionsByAccount
      var differences = 0
      for event in events {
        switch event {
        case .billed(let account, let cycle, let kind, let fen, let isNew):
          if json {
            let object: JSON = .object([
              "account": .string(account), "cycle": .string(cycle), "kind": .string(kind),
              "total": .string(yuan(fen)), "new": .boolean(isNew),
            ])
            print(object.with(section: sections[account]).text)
          } else {
            let what = kind == "original" ? "" : "  (\(kind) of a bill \(kind == "reversal" ? "红冲" : "差额"))"
            print("\(account)  \(cycle)  \(yuan(fen)) yuan\(what)\(isNew ? "" : "  (issued before)")")
          }
        case .billingWaitsForTrial(let count): differences = count
        case .held(let account, let cycle, let reason):
          if json {
            let object: JSON = .object([
              "account": .string(account), "cycle": .string(cycle), "held": .string(reason),
            ])
            print(object.with(section: sections[account]).text)
          } else {
            print("\(account)  \(cycle)  waits: \(reason)")
          }
        default: break
        }
      }
      if events.isEmpty, !json { print("nothing is due") }
      guard differences == 0 else {
        throw Complaint(
          .tryLater, "accounts were left out: \(differences) of their bills come out otherwise than they were issued",
          "Plans, engine or master data have changed. Look at meterd bill trial, and accept it with a reason where it is meant."
        )
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists issued bills, those that wait, and those that would come out otherwise now.",
      discussion: """
        With a configuration each account's bills are rated again from the readings and tariffs that count now; where \
        one comes out otherwise it is said why. With --store alone there is nothing to rate them by.

        EXAMPLES
          meterd bill list --config /etc/meterd/meterd.toml --account A-1001
          meterd bill list --config /etc/meterd/meterd.toml --section S-01
          meterd bill list --store meterd.db --json
        """)

    @OptionGroup var place: StoreOption

    @Option(help: "Only of this account.")
    var account: String?

    @Option(help: "Only of the accounts that are in this section now; needs a configuration.")
    var section: String?

    @Flag(help: "One JSON object a bill.")
    var json = false

    func run() throws {
      let hasConfiguration = place.store == nil || place.config != nil
      let configuration = try hasConfiguration ? Configuration.load(place.config ?? "/etc/meterd/meterd.toml") : nil
      var wanted = account.map { Set([$0]) }
      if let section {
        guard let configuration else {
          throw Complaint(
            .usage, "a store does not tell which accounts are in section \"\(section)\"",
            "Name the configuration that does: --config FILE.")
        }
        let members = try configuration.accounts(ofSection: section)
        wanted = wanted?.intersection(members) ?? members
      }
      let sections = configuration?.sectionsByAccount ?? [:]
      let zone = configuration?.zone ?? .china
      let reader = try place.reader()
      if !json { print("id\taccount\tcycle\tkind\ttotal\tissued\tdigest") }
      try withStore { () throws(StoreError) in
        try reader.bills(account: account) { stored throws(StoreError) in
          let bill = stored.bill
          guard wanted?.contains(bill.account) ?? true else { return }
          let issued = zone.rfc3339(unixMilliseconds: bill.issuedAt)
          if json {
            let object: JSON = .object([
              "id": .integer(stored.id), "account": .string(bill.account), "cycle": .string(bill.cycle),
              "kind": .string(bill.kind), "version": .integer(bill.version), "total": .string(yuan(bill.totalFen)),
              "currency": "CNY", "issued": .string(issued), "digest": .string(bill.digest),
              "corrects_version": bill.correction.map { .integer($0.version) } ?? .null,
              "reason": .optional(bill.correction?.reason), "actor": .optional(bill.correction?.actor),
            ])
            print(object.with(section: sections[bill.account]).text)
          } else {
            print(
              "\(stored.id)\t\(bill.account)\t\(bill.cycle)\t\(bill.kind)\t\(yuan(bill.totalFen))\t\(issued)\t\(bill.digest.prefix(12))"
            )
          }
        }
        for hold in try reader.holds() where wanted?.contains(hold.account) ?? true {
          if json {
            print(
              JSON.object([
                "account": .string(hold.account), "cycle": .string(hold.cycle), "held": .string(hold.reason),
                "since": .string(zone.rfc3339(unixMilliseconds: hold.since)),
              ]).with(section: sections[hold.account]).text)
          } else {
            print("-\t\(hold.account)\t\(hold.cycle)\twaits\t\(hold.reason)")
          }
        }
      }
      guard let configuration else { return }
      let station = try Station(configuration)
      for finding in try BillingRun.findings(station, reader: reader, accounts: wanted) {
        if json {
          print(
            JSON.object([
              "bill": .integer(finding.bill), "account": .string(finding.account), "cycle": .string(finding.cycle),
              "would_differ_by": .optional(finding.differenceFen.map(yuan)),
              "because": .array(finding.reasons.map(JSON.string)),
            ]).with(section: sections[finding.account]).text)
        } else {
          print(finding.text)
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

    @Flag(help: "The bill's document, as it was stored: one JSON object.")
    var json = false

    func run() throws {
      let reader = try place.reader()
      let stored = try findBill(id, reader)
      if json {
        print(String(decoding: stored.bill.document, as: UTF8.self))
        return
      }
      let bill = stored.bill
      print("Bill 账单 \(stored.id)  account 户号 \(bill.account)  cycle 周期 \(bill.cycle)  \(bill.kind)")
      if let correction = bill.correction {
        print("corrects version 更正版本 \(correction.version): \(correction.reason) (\(correction.actor))")
      }
      for line in bill.lines { print("  \(yuan(line.amountFen))\t\(line.text)") }
      print("  \(yuan(bill.totalFen))\tTotal 合计, yuan 元")
      print("readings \(bill.readings.map(String.init).joined(separator: " "))")
      print("digest \(bill.digest)")
    }
  }
}

extension JSON {
  /// A row with its account's section; as it is where that has none.
  fileprivate func with(section: String?) -> JSON {
    guard case .object(let members) = self, let section else { return self }
    return .object(members + [Member("section", .string(section))])
  }
}

/// Fen as yuan with two places.
func yuan(_ fen: Int64) -> String { decimalString(fen * 10_000, decimals: 2) }

func findBill(_ id: Int64, _ reader: StoreReader) throws -> StoredBill {
  guard let stored = try withStore({ () throws(StoreError) in try reader.bill(id) }) else {
    throw Complaint(.badData, "there is no bill \(id) in \(reader.path)", "meterd bill list shows the numbers.")
  }
  return stored
}
