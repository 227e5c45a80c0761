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
        readings they rest on, as plans were known then, and with correct-automatically all bills that stand, since what \
        is accepted is corrected. A version of a plan that nothing was billed by yet is shown by what it makes of the \
        last use, a plan of another name by the first cycle that waits for it. An account is not billed until its bills \
        come out the same or the differences are accepted with a reason, nor by new prices until these were. What is \
        accepted is what was shown: --accept takes the number that the trial ends with. Exit code 65 where something \
        waits for that.

        EXAMPLES
          meterd bill trial --config meterd.toml
          meterd bill trial --config meterd.toml --cycles 12 --json
          meterd bill trial --config meterd.toml --accept 3f9ac2d41b07 --reason "multiplier of A-7 was wrong in the file"
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "So many of the last cycles of each account.")
    var cycles = 1

    @Option(help: "Let bills be issued by what there is now: the number that the trial ends with.")
    var accept: String?

    @Option(help: "Why; it stands in the audit log.")
    var reason: String?

    @Flag(help: "One JSON object a bill.")
    var json = false

    func run() async throws {
      guard cycles > 0 else { throw Complaint(.usage, "\(cycles) cycles are none", "Write --cycles 1 or more.") }
      let station = try Station(Configuration.load(config))
      if let accept {
        let reason = reason ?? ""
        try requireReason(reason, for: "accepting differences", such: "new price table")
        try await BillingRun.acceptTrial(
          station, shown: accept, cycles: cycles, actor: personAtWork(), reason: reason)
      }
      let reader = try StoreOption.reader(at: station.configuration.store)
      let trial = try BillingRun.trial(station, reader: reader, cycles: cycles)
      if !json { print("account\tcycle\tbill\tissued\tagain\tdifference\twhy") }
      for row in trial.rows { print(json ? row.json(shown: trial.shown).text : row.line) }
      if !json {
        let different = trial.rows.count { !$0.isSame }
        let next =
          trial.isAccepted ? "nothing waits" : "not accepted: --accept \(trial.shown.prefix(12)) --reason \"...\""
        print("\(trial.rows.count) rated again, \(different) different; \(next)")
      }
      guard trial.isAccepted else { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}

extension BillingTrial.Row {
  fileprivate var line: String {
    let difference = againFen.map { yuan($0 - issuedFen) } ?? "-"
    let why = (reasons + (isAccepted && !isSame ? ["accepted"] : [])).joined(separator: "; ")
    return
      "\(account)\t\(cycle)\t\(bill)\t\(yuan(issuedFen))\t\(againFen.map(yuan) ?? "-")\t\(difference)\t\(why)"
  }

  fileprivate func json(shown: String) -> JSON {
    .object([
      "account": .string(account), "cycle": .string(cycle), "bill": .integer(bill), "issued": .string(yuan(issuedFen)),
      "again": .optional(againFen.map(yuan)), "difference": .optional(againFen.map { yuan($0 - issuedFen) }),
      "same": .boolean(isSame), "accepted": .boolean(isAccepted), "version": .optional(version),
      "because": .array(reasons.map(JSON.string)), "shown": .string(shown),
    ])
  }
}

/// Who is at the keyboard, also behind sudo.
func personAtWork() -> String {
  environment("SUDO_USER") ?? environment("USER") ?? environment("LOGNAME") ?? "uid \(userID)"
}
