internal import Billing
internal import Rating
internal import Store

/// What keeps the new bills of a correction by hand from being issued: the gates that every other bill passes.
struct CorrectionGate {
  private let review: Configuration.ReviewEntry
  private let accepting: Set<ReviewRule>

  /// What was found of a new bill that may be issued.
  struct Look {
    let cycle: String
    let findings: [ReviewFinding]
    /// Those that held it, and that the person accepts.
    let accepted: [ReviewFinding]
    /// The bill as somebody accepts it; `nil` where nothing held it.
    let review: ReviewRecord?
  }

  /// A gate for a person who accepts the findings of the rules with these names.
  ///
  /// Throws `Complaint` for a name that no rule has.
  init(_ review: Configuration.ReviewEntry, accepting names: [String]) throws(Complaint) {
    self.review = review
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
  /// - Throws: `Complaint` where one waits for a trial, or a rule holds one that is not accepted.
  func pass(
    _ corrections: [CycleCorrection], _ look: TrialLook, _ decisions: Decisions, at now: Int64
  ) throws(Complaint) -> [Look] {
    let id = look.account.id
    var corrected = look.standing
    var looks: [Look] = []
    var held: [(text: String, rules: [ReviewRule])] = []
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
      let waiting = holding.filter { !accepting.contains($0.rule) }
      if !waiting.isEmpty {
        let rejected = stored.flatMap { stored in
          stored.decision.map { "; rejected by \($0.actor): \($0.reason) (review \(stored.id))" }
        }
        held.append(
          (
            "its bill for \(old.cycle), \(new.total) yuan instead of \(old.total):"
              + " \(waiting.map(\.description).joined(separator: "; "))\(rejected ?? "")", holding.map(\.rule)
          ))
      }
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
    guard held.isEmpty else {
      let rules = Set(held.flatMap(\.rules)).map(\.rawValue).sorted()
      throw Complaint(
        .tryLater, "the correction of \(id) waits for a look: \(held.map(\.text).joined(separator: "; "))",
        "Nothing was corrected. Mend the reading or the file where it is wrong; where the bill is right, say so with"
          + " \(rules.map { "--accept \($0)" }.joined(separator: " ")).")
    }
    return looks
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
