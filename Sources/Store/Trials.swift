/// One result of a trial that a person has accepted: the bill, and what came out of rating it again. 试算结果
public struct TrialResult: Hashable, Sendable {
  /// The number of the bill that was rated again.
  public let bill: Int64
  /// Whose bill it is.
  public let account: String
  /// Fingerprint of what came out, made by who tried it.
  public let result: String

  public init(bill: Int64, account: String, result: String) {
    self.bill = bill
    self.account = account
    self.result = result
  }
}

extension Store {
  /// Notes results as accepted, and a fact where one is given, with who decided it and why, in one transaction.
  /// Results that were accepted before stay as they are.
  public func accept(
    _ results: [TrialResult], fact: (key: String, value: String)?, _ record: AuditRecord
  ) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      var isNew = false
      for result in results {
        let known = try connection.statement("SELECT id FROM trial_result WHERE bill = ?1 AND result = ?2")
          .number([.integer(result.bill), .text(result.result)])
        guard known == nil else { continue }
        isNew = true
        try connection.statement(
          "INSERT INTO trial_result(bill, account, result, actor, at_ms, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        ).run([
          .integer(result.bill), .text(result.account), .text(result.result), .text(record.actor), .integer(record.at),
          .text(record.detail),
        ])
      }
      if let fact {
        let known = try connection.statement("SELECT value FROM meta WHERE key = ?1").bind([.text(fact.key)])
        let before = try known.step() ? try known.text(0) : nil
        known.reset()
        if before != fact.value {
          isNew = true
          try connection.write(fact: fact.key, fact.value)
        }
      }
      // After a commit of unknown outcome all of it may be there.
      if isNew { _ = try connection.insert(record) }
    }
  }
}

extension StoreReader {
  /// Every result that was accepted.
  public func acceptedResults() throws(StoreError) -> Set<TrialResult> {
    let statement = try connection.prepare("SELECT bill, account, result FROM trial_result ORDER BY id")
    var found: Set<TrialResult> = []
    while try statement.step() {
      found.insert(
        TrialResult(bill: try statement.integer(0), account: try statement.text(1), result: try statement.text(2)))
    }
    return found
  }

  /// Bills of other accounts with a segment of `meter` that overlaps the time from `from` to `to`, both local as they
  /// stand in documents; in the order of issue.
  public func bills(
    ofMeter meter: String, from: String, to: String, notOf account: String
  ) throws(StoreError) -> [StoredBill] {
    let statement = try connection.prepare(
      """
      SELECT DISTINCT b.account FROM bill_segment s JOIN bill b ON b.id = s.bill
      WHERE s.meter = ?1 AND s.starts < ?3 AND s.ends > ?2 AND b.account <> ?4 ORDER BY b.account
      """)
    try statement.bind([.text(meter), .text(from), .text(to), .text(account)])
    var accounts: [String] = []
    while try statement.step() { accounts.append(try statement.text(0)) }
    // A later document of the same cycle may have cancelled the one that was found.
    var found: [StoredBill] = []
    for account in accounts {
      try bills(account: account) { stored throws(StoreError) in found.append(stored) }
    }
    return found
  }

  /// Accounts that have a document, a posting, a cycle that waits or a bill that was to be looked at, in the order of
  /// their names.
  public func accounts() throws(StoreError) -> [String] {
    let statement = try connection.prepare(
      """
      SELECT account FROM bill UNION SELECT account FROM ledger UNION SELECT account FROM hold
      UNION SELECT account FROM review ORDER BY 1
      """)
    var accounts: [String] = []
    while try statement.step() { accounts.append(try statement.text(0)) }
    return accounts
  }
}
