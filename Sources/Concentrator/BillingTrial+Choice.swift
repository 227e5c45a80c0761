/// Which rows of a trial are meant; all of them where nothing is named.
public struct TrialChoice: Hashable, Sendable {
  public var accounts: [String]
  public var plans: [String]
  /// First days of versions, `YYYY-MM-DD`.
  public var validFrom: [String]
  /// Takes rows that have no amount as well.
  public var withoutAmount: Bool

  public init(
    accounts: [String] = [], plans: [String] = [], validFrom: [String] = [], withoutAmount: Bool = false
  ) {
    self.accounts = accounts
    self.plans = plans
    self.validFrom = validFrom
    self.withoutAmount = withoutAmount
  }

  var isAll: Bool { accounts.isEmpty && plans.isEmpty && validFrom.isEmpty }

  func takes(_ row: BillingTrial.Row) -> Bool {
    guard accounts.isEmpty || accounts.contains(row.account) else { return false }
    guard !plans.isEmpty || !validFrom.isEmpty else { return true }
    return row.plans.contains {
      (plans.isEmpty || plans.contains($0.name)) && (validFrom.isEmpty || validFrom.contains($0.validFrom))
    }
  }
}

extension BillingTrial {
  /// The rows that somebody wants to see or accept by themselves, with a fingerprint of their own.
  /// - Throws: `Complaint` where a name that is asked for is none of the trial's.
  public func choosing(_ choice: TrialChoice) throws(Complaint) -> BillingTrial {
    func check(_ wanted: [String], _ known: [String], _ what: String) throws(Complaint) {
      guard let other = wanted.first(where: { !known.contains($0) }) else { return }
      throw Complaint(
        .badData, "the trial has nothing of \(what) \"\(ControlRequest.plain(other))\"",
        known.isEmpty ? "No bill was rated again." : "It has: \(Set(known).sorted().joined(separator: ", ")).")
    }
    let plans = rows.flatMap(\.plans)
    try check(choice.accounts, rows.map(\.account), "account")
    try check(choice.plans, plans.map(\.name), "plan")
    try check(choice.validFrom, plans.map(\.validFrom), "a version valid from")
    return BillingTrial(rows.filter(choice.takes), of: basis)
  }

  /// Why what is chosen cannot be accepted as it is: a row without an amount says what is to come of nobody's money.
  var unrated: Complaint? {
    guard let row = rows.first(where: { !$0.isFree && $0.againFen == nil }) else { return nil }
    let count = rows.count { !$0.isFree && $0.againFen == nil }
    let what = row.version.map { "plan \($0)" } ?? "bill \(row.bill) for \(row.cycle)"
    return Complaint(
      .badData,
      "nothing was accepted: the trial has no amount for \(what), account \(row.account)"
        + (count > 1 ? ", and for \(count - 1) more" : "") + ": \(row.reasons.joined(separator: "; "))",
      "Nobody has seen what it comes to. Accept the others with --account, --plan or --valid-from, or say --without-amount where bills may be issued by it all the same."
    )
  }
}
