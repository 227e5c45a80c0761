internal import Billing
internal import Metering
internal import Rating
internal import Store

/// What keeps the new bills of a correction by hand from being issued: the gates that every other bill passes.
struct CorrectionGate {
  private let review: Configuration.ReviewEntry
  private let accepting: Set<ReviewRule>
  /// The number that the person was shown.
  private let shown: String?

  /// What was found of a new bill that may be issued.
  struct Look {
    let cycle: String
    let findings: [ReviewFinding]
    /// Those that held it, and that the person accepts.
    let accepted: [ReviewFinding]
    /// The bill as somebody accepts it; `nil` where nothing held it.
    let review: ReviewRecord?
  }

  /// A gate for a person who accepts the findings of the rules with these names; `shown` is the beginning of the number
  /// that a refusal ended with, at least eight digits.
  ///
  /// Throws `Complaint` for a name that no rule has.
  init(_ review: Configuration.ReviewEntry, accepting names: [String], shown: String?) throws(Complaint) {
    self.review = review
    self.shown = shown
    var rules: Set<ReviewRule> = []
    for name in names {
      guard let rule = ReviewRule(rawValue: name) else {
        throw Complaint(
          .usage, "there is no review rule \"\(ControlRequest.plain(name))\"",
          "Nothing was corrected. There are \(ReviewRule.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      rules.insert(rule)
    }
    accepting = rules
  }

  /// Looks at the new bills, each after what would stand before it.
  ///
  /// A cancellation alone brings no bill to look at.
  /// - Parameters:
  ///   - corrections: in the order of their cycles.
  ///   - look: the account's bills as they stand.
  ///   - decisions: on bills that waited.
  ///   - now: milliseconds since 1970.
  /// - Returns: what was found of each new bill.
  /// - Throws: `Complaint` where one waits for a trial, or a rule holds one and what is accepted is not what was shown.
  func pass(
    _ corrections: [CycleCorrection], _ look: TrialLook, _ decisions: Decisions, at now: Int64
  ) throws(Complaint) -> [Look] {
    let id = look.account.id
    var corrected = look.standing
    var looks: [Look] = []
    var held: [String] = []
    var bills: [String] = []
    for correction in corrections {
      let old = correction.original
      guard let index = look.standing.firstIndex(where: { $0.cycle == old.cycle }),
        let place = corrected.firstIndex(where: { $0.cycle == old.cycle })
      else { continue }
      guard let new = correction.replacement else {
        corrected.remove(at: place)
        continue
      }
      if let reason = untried(new, index, look) {
        throw Complaint(
          .tryLater, "\(old.cycle) of \(id) cannot be corrected yet: \(reason)",
          "Nothing was corrected. See what it makes of the bills and accept it, then correct:"
            + " meterd bill trial --account \(id) --cycles \(look.standing.count - index)")
      }
      // A first bill it was then.
      let findings = Billing.review(new, after: Array(corrected[..<place]), limits: review.limits).findings
        .filter { $0.rule != .firstBill }
      let stored = decisions[id, "\(old.cycle)", new.digest]
      let holding =
        stored?.decision?.word == .accepted ? [] : review.holding(findings, instead: old, decisions)
      if !holding.isEmpty {
        let rejected = stored.flatMap { stored in
          stored.decision.map { "; rejected by \($0.actor): \($0.reason) (review \(stored.id))" }
        }
        held.append(
          "its bill for \(old.cycle), \(new.total) yuan instead of \(old.total):"
            + " \(holding.map(\.description).joined(separator: "; "))\(rejected ?? "")")
      }
      bills.append(
        (["\(old.cycle) \(new.digest) \(new.total)"] + findings.map(\.description)).joined(separator: "\n"))
      looks.append(
        Look(
          cycle: "\(old.cycle)", findings: findings, accepted: holding,
          review: holding.isEmpty
            ? nil
            : ReviewRecord(
              account: id, cycle: "\(old.cycle)", digest: new.digest, totalFen: new.total.fen,
              findings: holding.map(\.description), openedAt: now)))
      if let issued = IssuedBill(new, at: now) { corrected[place] = issued }
    }
    try check(looks, held, number: sha256Hex(([id] + bills).joined(separator: "\n").utf8), of: id)
    return looks
  }

  /// Holds that everything that holds a new bill is accepted, and was seen as it is now: a reading that came since may
  /// make another bill, which nobody has looked at.
  private func check(_ looks: [Look], _ held: [String], number: String, of id: String) throws(Complaint) {
    let rules = Set(looks.flatMap(\.accepted).map(\.rule))
    let isShown = shown.map { $0.utf8.count >= 8 && number.hasPrefix($0) }
    guard isShown != false, held.isEmpty || isShown == true && rules.isSubset(of: accepting) else {
      let texts = held.isEmpty ? "no rule holds a new bill of it" : held.joined(separator: "; ")
      let what =
        isShown == false
        ? "comes out as \(number.prefix(12)) now, not as \(ControlRequest.plain(shown ?? ""))" : "waits for a look"
      let words = rules.map { "--accept \($0.rawValue)" }.sorted().joined(separator: " ")
      throw Complaint(
        .tryLater, "the correction of \(id) \(what): \(texts)",
        held.isEmpty
          ? "Nothing was corrected. Where that is right, correct it without --accept and --shown."
          : "Nothing was corrected. Mend the reading or the file where it is wrong; where the bill is right, say so with"
            + " \(words) --shown \(number.prefix(12)).")
    }
  }

  /// Why a new bill waits for a trial that somebody accepts; `nil` where it does not.
  private func untried(_ new: ClosedBill, _ index: Int, _ look: TrialLook) -> String? {
    guard review.trial else { return nil }
    let row = look.again(index)
    guard row.isFree else {
      return "by tariff, program or master data alone it comes out otherwise, and nobody has accepted that:"
        + " \(row.reasons.joined(separator: "; "))"
    }
    return review.untried(new, look)
  }
}
