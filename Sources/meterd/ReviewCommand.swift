import ArgumentParser
import Concentrator
import Metering
import Store

struct ReviewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "review", abstract: "Bills and readings that wait for a person.",
    discussion: """
      Which bills wait is said under [review] in the configuration. A decision is about exactly the bill that was looked \
      at: made of other readings or by another tariff it waits again. Each decision has its person, time and reason in \
      the audit log. A running daemon carries it out and goes on by it at once; only root and its own user may have it do so.
      """,
    subcommands: [List.self, Show.self, Accept.self, Reject.self, Correct.self, Enter.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists bills that wait, and what was decided.",
      discussion: """
        EXAMPLE
          meterd review list --config /etc/meterd/meterd.toml --all
        """)

    @OptionGroup var place: StoreOption

    @Flag(help: "Also those that were decided, and those whose bill has changed since.")
    var all = false

    @Flag(help: "One JSON object a review.")
    var json = false

    func run() throws {
      let zone = try place.zone()
      let reader = try place.reader()
      let (reviews, holds) = try withStore { () throws(StoreError) in (try reader.reviews(), try reader.holds()) }
      // A bill that is made of something else by now waits under a newer number, or does not wait any more.
      func isOpen(_ stored: StoredReview) -> Bool {
        let review = stored.review
        return stored.decision == nil
          && holds.contains { ($0.account, $0.cycle) == (review.account, review.cycle) }
          && reviews.last { ($0.review.account, $0.review.cycle) == (review.account, review.cycle) }?.id == stored.id
      }
      if !json { print("id\taccount\tcycle\ttotal\topened\tstate\tfindings") }
      for stored in reviews where all || isOpen(stored) {
        if json {
          print(stored.json(zone).text)
        } else {
          let review = stored.review
          let opened = zone.rfc3339(unixMilliseconds: review.openedAt)
          print(
            "\(stored.id)\t\(review.account)\t\(review.cycle)\t\(yuan(review.totalFen))\t\(opened)\t\(stored.decision?.word.rawValue ?? "open")\t\(review.findings.joined(separator: "; "))"
          )
        }
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows one bill that waits, with what was found and decided.",
      discussion: """
        EXAMPLE
          meterd review show 3 --config /etc/meterd/meterd.toml
        """)

    @OptionGroup var place: StoreOption

    @Argument(help: "The review's number.")
    var id: Int64

    @Flag(help: "One JSON object.")
    var json = false

    func run() throws {
      let zone = try place.zone()
      let reader = try place.reader()
      let reviews = try withStore { () throws(StoreError) in try reader.reviews() }
      guard let stored = reviews.first(where: { $0.id == id }) else {
        throw Complaint(StoreError.unknownReview(id))
      }
      if json {
        print(stored.json(zone).text)
        return
      }
      let review = stored.review
      print(
        "Review 待审 \(stored.id)  account 户号 \(review.account)  cycle 周期 \(review.cycle)  \(yuan(review.totalFen)) yuan 元"
      )
      for finding in review.findings { print("  \(finding)") }
      if let decision = stored.decision {
        print(
          "\(decision.word.rawValue) by \(decision.actor) at \(zone.rfc3339(unixMilliseconds: decision.at)): \(decision.reason)"
        )
      } else {
        print("not decided")
      }
      print("digest \(review.digest)")
    }
  }

  struct Accept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets a bill be issued as it is.",
      discussion: """
        EXAMPLE
          meterd review accept 3 --reason "new customer, checked against the contract"
        """)

    @OptionGroup var decision: DecisionOptions

    func run() async throws { try await decision.carryOut(.accepted) }
  }

  struct Reject: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Keeps a bill from being issued as it is.",
      discussion: """
        It is looked at again when its readings, its tariff or what is agreed have changed.

        EXAMPLE
          meterd review reject 3 --reason "multiplier is 40, not 30"
        """)

    @OptionGroup var decision: DecisionOptions

    func run() async throws { try await decision.carryOut(.rejected) }
  }

  struct Correct: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Accepts a reading that was held, or says what it should be: a new version of it.",
      discussion: """
        The number is that of the version that stands, which takes a new one; the versions before stay as they are. Bills that rest on them come out otherwise then: see meterd bill list and \
        meterd bill correct.

        EXAMPLES
          meterd review correct 4711 --reason "read on site, it is right"
          meterd review correct 4711 --value 1650.25 --reason "read on site"
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Argument(help: "The reading's number in the journal.")
    var reading: Int64

    @Option(parsing: .unconditional, help: "What the register showed; the stored value where it is left out.")
    var value: String?

    @Option(help: "Why; it stands in the audit log.")
    var reason: String

    @Flag(help: "One JSON object.")
    var json = false

    func run() async throws {
      try requireReason(reason)
      let register = try value.map(RegisterValue.init(typed:))
      let result = try await putThrough(
        .revise(reading: reading, register), reason: reason, station: Station(Configuration.load(config)))
      print(json ? result.text : "reading \(reading) is now \(result["reading"]?.number ?? 0)")
    }
  }
}

extension ReviewCommand {
  struct Enter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a reading that a person took.",
      discussion: """
        For registers of a meter that was taken away or put in, and of one that cannot be reached: each that the bill is \
        made of, at the instant at which it counts. It counts until the meter itself tells the value of that instant.

        EXAMPLES
          meterd review enter M-1 energy.import.active.total 2026-10-15T09:30 1650.25 --reason "meter changed, ticket 77"
          meterd review enter M-1 demand.import.active.total 2026-11-01T00:00 0.7123 --occurred 2026-10-20T14:15 --reason "display"
        """)

    @Option(help: "The configuration.")
    var config = "/etc/meterd/meterd.toml"

    @Argument(help: "The meter's name.")
    var meter: String

    @Argument(help: "The register, such as energy.import.active.total.")
    var quantity: String

    @Argument(help: "When it showed that, by the station's time, such as 2026-10-15T09:30.")
    var instant: String

    @Argument(help: "What it showed, in decimal.")
    var value: String

    @Option(help: "When a maximum demand occurred.")
    var occurred: String?

    @Option(help: "Why; it stands in the audit log.")
    var reason: String

    @Flag(help: "One JSON object.")
    var json = false

    func run() async throws {
      try requireReason(reason)
      let result = try await putThrough(
        .enter(
          meter: meter, quantity: quantity, at: try time(instant), try RegisterValue(typed: value),
          occurred: try occurred.map(time)), reason: reason, station: Station(Configuration.load(config)))
      print(json ? result.text : "reading \(result["reading"]?.number ?? 0) entered")
    }

    private func time(_ text: String) throws -> MeterTime {
      guard let time = MeterTime(text) ?? MeterTime("\(text)T00:00:00") else {
        throw Complaint(.usage, "\"\(text)\" is no time", "Write it as 2026-10-15T09:30 or 2026-10-15.")
      }
      return time
    }
  }
}

/// Which review, and why.
struct DecisionOptions: ParsableArguments {
  @Option(help: "The configuration.")
  var config = "/etc/meterd/meterd.toml"

  @Argument(help: "The review's number.")
  var id: Int64

  @Option(help: "Why; it stands in the audit log.")
  var reason: String

  @Flag(help: "One JSON object.")
  var json = false

  func carryOut(_ word: ReviewDecision.Word) async throws {
    try requireReason(reason)
    let result = try await putThrough(
      .review(id, word), reason: reason, station: Station(Configuration.load(config)))
    print(json ? result.text : "review \(id) \(word.rawValue)")
  }
}

/// Holds that something is said for `act`; `such` is an example of it.
func requireReason(
  _ reason: String, for act: String = "a decision", such example: String = "checked against the contract"
) throws {
  guard reason.contains(where: { !$0.isWhitespace }) else {
    throw Complaint(.usage, "\(act) needs a reason", "Say why: --reason \"\(example)\"")
  }
}

extension StoredReview {
  fileprivate func json(_ zone: ZoneOffset) -> JSON {
    .object([
      "review": .integer(id), "account": .string(review.account), "cycle": .string(review.cycle),
      "total": .string(yuan(review.totalFen)), "currency": "CNY",
      "opened": .string(zone.rfc3339(unixMilliseconds: review.openedAt)),
      "findings": .array(review.findings.map(JSON.string)), "digest": .string(review.digest),
      "decision": .optional(decision?.word.rawValue), "actor": .optional(decision?.actor),
      "decided": .optional(decision.map { zone.rfc3339(unixMilliseconds: $0.at) }),
      "reason": .optional(decision?.reason),
    ])
  }
}
