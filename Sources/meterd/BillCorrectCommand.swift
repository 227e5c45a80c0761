import ArgumentParser
import Concentrator
import Metering
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
        A running daemon carries it out. What has to be left out, as it hangs together with a cycle that cannot be \
        billed now, is told with what it waits for. New bills pass the gates that every bill passes: where a rule of \
        [review] holds one nothing is corrected until each such rule is named by --accept, with --shown and the number \
        that the refusal ends with: what is accepted is what was shown. The audit log keeps it as a review's decision. \
        What people changed in files waits for meterd bill trial; exit code 75.

        EXAMPLES
          meterd bill correct A-1001 2026-09 --reason "register read again on site"
          meterd bill correct A-1001 2026-09 --reason "register read again on site" --accept jump --shown 3f9ac2d41b07
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

    @Option(help: "A review rule whose findings are right, such as most; as often as there are some.")
    var accept: [String] = []

    @Option(help: "The number of what was looked at, as the refusal ends with it.")
    var shown: String?

    @Option(help: "Why; it stands on the bills and in the audit log.")
    var reason: String

    @Flag(help: "One JSON object a document.")
    var json = false

    func run() async throws {
      try requireReason(reason, for: "a correction", such: "register read again on site")
      let station = try Station(Configuration.load(config))
      let result = try await putThrough(
        .correct(account: account, cycle: cycle, form: by, accepting: accept, shown: shown), reason: reason,
        station: station)
      let issued = result["issued"]?.items ?? []
      for bill in issued {
        let findings = (bill["findings"]?.items ?? []).compactMap(\.word).joined(separator: "; ")
        let words =
          ["account", "cycle", "kind", "amount"].map { bill[$0]?.word ?? "?" } + (findings.isEmpty ? [] : [findings])
        print(json ? bill.text : "\(bill["bill"]?.number ?? 0)\t\(words.joined(separator: "\t"))")
      }
      if let waiting = result["waiting"], waiting != .null {
        let (cycle, stuck) = (waiting["cycle"]?.word ?? "?", waiting["waits_for"]?.word ?? "?")
        let because = (waiting["because"]?.items ?? []).compactMap(\.word).joined(separator: "; ")
        print(
          json
            ? waiting.text
            : "-\t\(account)\t\(cycle)\twaits\tits correction waits for \(stuck), which cannot be billed: \(because)")
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
        accepted is what was shown: --accept takes the number that the trial ends with. --account, --plan and \
        --valid-from, each as often as one likes, show a part of it with a number of its own, and accept that alone. A \
        row without an amount is accepted with --without-amount only: nobody has seen what it comes to. A running \
        daemon takes the decision and goes on by it. Exit code 65 where something waits for that.

        EXAMPLES
          meterd bill trial --config meterd.toml
          meterd bill trial --config meterd.toml --cycles 12 --json
          meterd bill trial --config meterd.toml --accept 3f9ac2d41b07 --reason "multiplier of A-7 was wrong in the file"
          meterd bill trial --config meterd.toml --account A-7 --account A-9
          meterd bill trial --config meterd.toml --plan home --valid-from 2027-01-01 --accept 71c0d2e9 --reason "notice 12"
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Option(help: "So many of the last cycles of each account.")
    var cycles = 1

    @Option(help: "Only of this account.")
    var account: [String] = []

    @Option(help: "Only of the plan with this name.")
    var plan: [String] = []

    @Option(help: "Only of versions of plans that are valid from this day, such as 2027-01-01.")
    var validFrom: [String] = []

    @Option(help: "Let bills be issued by what there is now: the number that the trial ends with.")
    var accept: String?

    @Flag(help: "Accept what has no amount in the trial as well.")
    var withoutAmount = false

    @Option(help: "Why; it stands in the audit log.")
    var reason: String?

    @Flag(help: "One JSON object a bill.")
    var json = false

    func run() async throws {
      let choice = TrialChoice(accounts: account, plans: plan, validFrom: validFrom, withoutAmount: withoutAmount)
      guard cycles > 0 else { throw Complaint(.usage, "\(cycles) cycles are none", "Write --cycles 1 or more.") }
      let station = try Station(Configuration.load(config))
      if let accept {
        let reason = reason ?? ""
        try requireReason(reason, for: "accepting differences", such: "new price table")
        _ = try await putThrough(
          .acceptTrial(shown: accept, cycles: cycles, choice), reason: reason, station: station)
      }
      let reader = try StoreOption.reader(at: station.configuration.store)
      let trial = try BillingRun.trial(station, reader: reader, cycles: cycles).choosing(choice)
      if !json { print("account\tcycle\tbill\tissued\tagain\tdifference\twhy") }
      for row in trial.rows { print(json ? row.json(shown: trial.shown).text : row.line) }
      if !json {
        let bills = trial.rows.filter { $0.version == nil }
        let different = bills.count { !$0.isSame }
        let versions = trial.rows.count - bills.count
        let ahead =
          versions == 0
          ? "" : ", and \(versions) \(versions == 1 ? "look" : "looks") at prices that nothing was billed by"
        let next =
          trial.isAccepted ? "nothing waits" : "not accepted: --accept \(trial.shown.prefix(12)) --reason \"...\""
        print(
          "\(bills.count) \(bills.count == 1 ? "bill" : "bills") rated again, \(different) different\(ahead); \(next)")
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
      "plans": .array(plans.map { .object(["name": .string($0.name), "valid_from": .string($0.validFrom)]) }),
      "because": .array(reasons.map(JSON.string)), "shown": .string(shown),
    ])
  }
}

/// Carries out what a person decides: on the store where nobody has it, else by the daemon that has.
func putThrough(_ act: BookOrder.Act, reason: String, station: Station) async throws -> JSON {
  let name = environment("SUDO_USER") ?? environment("USER") ?? environment("LOGNAME")
  let order = BookOrder(act, reason: reason, name: name, station: station)
  if let result = try await order.carryOut(station, user: userID) { return result }
  let path = station.configuration.controlSocket
  let client: ControlClient
  do throws(Complaint) {
    client = try ControlClient(path: path)
  } catch {
    guard error.status == .noAnswer else { throw error }
    throw Complaint(
      .tryLater, "the store \(station.configuration.store) is in use, and nothing was decided",
      "It is no daemon that holds it, or one that listens elsewhere than at \(path): wait until the other is done.")
  }
  // A trial of all bills of many accounts takes its time.
  return try client.ask("decide", order.members, patience: .seconds(600))
}
