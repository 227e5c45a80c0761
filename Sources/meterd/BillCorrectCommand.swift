import ArgumentParser
import Billing
import Concentrator
import Store

extension BillCommand {
  struct Correct: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Corrects a billed cycle and every later one that follows from it.",
      discussion: """
        The cycle is billed again from the readings, tariffs and terms that count now, and so is every later cycle of \
        the account: tiers, demand and power factor follow. What comes out otherwise is corrected, all in one \
        transaction; what was issued stays as it is. --by reversal cancels each bill line by line and issues a new one; \
        --by difference issues one bill over the lines that differ. Either way the postings add up to the new bill. \
        The daemon must not be running on the store.

        EXAMPLES
          meterd bill correct A-1001 2026-09 --reason "register read again on site"
          meterd bill correct A-1001 2026-09 --by difference --reason "late notice" --json
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Argument(help: "The account.")
    var account: String

    @Argument(help: "The first cycle to correct, such as 2026-09.")
    var cycle: String

    @Option(help: "reversal or difference.")
    var by: String?

    @Option(help: "Why; it stands on the bills and in the audit log.")
    var reason: String

    @Flag(help: "One JSON object a document.")
    var json = false

    func run() async throws {
      try requireReason(reason, for: "a correction", such: "register read again on site")
      let station = try Station(Configuration.load(config))
      var form = station.configuration.review.form
      if let by {
        guard let known = CorrectionForm(rawValue: by) else {
          throw Complaint(.usage, "\"\(by)\" is no form of correction", "Write reversal or difference.")
        }
        form = known
      }
      let issued = try await BillingRun.correct(
        station, account: account, from: cycle, form: form, actor: personAtWork(), reason: reason)
      for each in issued {
        let record = each.record
        if json {
          print(
            JSON.object([
              "bill": .integer(each.bill), "account": .string(record.account), "cycle": .string(record.cycle),
              "kind": .string(record.kind), "version": .integer(record.version),
              "amount": .string(yuan(record.totalFen)), "corrects_version": .integer(record.correction?.version ?? 0),
              "reason": .optional(record.correction?.reason),
            ]).text)
        } else {
          print("\(each.bill)\t\(record.account)\t\(record.cycle)\t\(record.kind)\t\(yuan(record.totalFen))")
        }
      }
      if issued.isEmpty, !json { print("nothing to correct: every bill of \(account) comes out the same") }
    }
  }

  struct Trial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rates the last bills again without issuing anything, and compares.",
      discussion: """
        After a change of tariff files, program or master data: each account's last bills are rated again from the very \
        readings they rest on, as plans were known then. Nothing is issued until they come out the same or the \
        differences are accepted with a reason. Exit code 65 where something differs.

        EXAMPLES
          meterd bill trial --config meterd.toml
          meterd bill trial --config meterd.toml --cycles 12 --json
          meterd bill trial --config meterd.toml --accept --reason "multiplier of A-7 was wrong in the file"
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "So many of the last cycles of each account.")
    var cycles = 1

    @Flag(help: "Let bills be issued by what there is now.")
    var accept = false

    @Option(help: "Why; it stands in the audit log.")
    var reason: String?

    @Flag(help: "One JSON object a bill.")
    var json = false

    func run() async throws {
      guard cycles > 0 else { throw Complaint(.usage, "\(cycles) cycles are none", "Write --cycles 1 or more.") }
      let station = try Station(Configuration.load(config))
      if accept {
        let reason = reason ?? ""
        try requireReason(reason, for: "accepting differences", such: "new price table")
        try await BillingRun.acceptTrial(station, actor: personAtWork(), reason: reason)
      }
      let reader = try StoreOption.reader(at: station.configuration.store)
      let trial = try BillingRun.trial(station, reader: reader, cycles: cycles)
      if !json { print("account\tcycle\tbill\tissued\tagain\tdifference\twhy") }
      for row in trial.rows {
        let again = row.againFen
        if json {
          print(
            JSON.object([
              "account": .string(row.account), "cycle": .string(row.cycle), "bill": .integer(row.bill),
              "issued": .string(yuan(row.issuedFen)), "again": .optional(again.map(yuan)),
              "difference": .optional(again.map { yuan($0 - row.issuedFen) }), "same": .boolean(row.isSame),
              "because": .array(row.reasons.map(JSON.string)),
            ]).text)
        } else {
          let difference = again.map { yuan($0 - row.issuedFen) } ?? "-"
          print(
            "\(row.account)\t\(row.cycle)\t\(row.bill)\t\(yuan(row.issuedFen))\t\(again.map(yuan) ?? "-")\t\(difference)\t\(row.reasons.joined(separator: "; "))"
          )
        }
      }
      let different = trial.rows.count { !$0.isSame }
      if !json {
        print(
          "\(trial.rows.count) bills rated again, \(different) different; \(trial.isAccepted ? "accepted" : "not accepted")"
        )
      }
      guard different == 0 || trial.isAccepted else { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}

/// Who is at the keyboard, also behind sudo.
func personAtWork() -> String {
  environment("SUDO_USER") ?? environment("USER") ?? environment("LOGNAME") ?? "uid \(userID)"
}
