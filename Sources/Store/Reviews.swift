/// A bill that waits for a person before it is issued. 待审账单
public struct ReviewRecord: Hashable, Sendable {
  public let account: String
  public let cycle: String
  /// Of what the bill is made of: a decision is about exactly this.
  public let digest: String
  public let totalFen: Int64
  /// What was found, one line each.
  public let findings: [String]
  /// Milliseconds since 1970 UTC.
  public let openedAt: Int64

  public init(account: String, cycle: String, digest: String, totalFen: Int64, findings: [String], openedAt: Int64) {
    self.account = account
    self.cycle = cycle
    self.digest = digest
    self.totalFen = totalFen
    self.findings = findings
    self.openedAt = openedAt
  }
}

/// What a person said of a bill that waits.
public struct ReviewDecision: Hashable, Sendable {
  public enum Word: String, Hashable, Sendable, CaseIterable {
    /// To be issued as it is.
    case accepted
    /// Not to be issued as it is.
    case rejected
  }

  public let word: Word
  public let actor: String
  /// Milliseconds since 1970 UTC.
  public let at: Int64
  public let reason: String

  public init(_ word: Word, actor: String, at: Int64, reason: String) {
    self.word = word
    self.actor = actor
    self.at = at
    self.reason = reason
  }
}

/// A review in the store, with the last decision on it.
public struct StoredReview: Hashable, Sendable {
  public let id: Int64
  public let review: ReviewRecord
  /// `nil` while nobody has decided.
  public let decision: ReviewDecision?
}

extension Store {
  /// Opens reviews; one of the same bill is open already and stays as it is.
  public func open(_ reviews: [ReviewRecord]) throws(StoreError) {
    guard !reviews.isEmpty else { return }
    try write { (connection) throws(StoreError) in
      for review in reviews {
        try connection.statement(
          """
          INSERT INTO review(account, cycle, digest, total_fen, findings, opened_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT(account, cycle, digest) DO NOTHING
          """
        ).run([
          .text(review.account), .text(review.cycle), .text(review.digest), .integer(review.totalFen),
          .text(review.findings.joined(separator: "\n")), .integer(review.openedAt),
        ])
      }
    }
  }

  /// Writes a decision down, with a record in the audit chain, in one transaction. A later decision takes the place of
  /// an earlier one; neither is lost.
  ///
  /// Throws `unknownReview` for a number that was never given.
  public func decide(_ id: Int64, _ decision: ReviewDecision) throws(StoreError) {
    try write { (connection) throws(StoreError) in
      guard let stored = try connection.reviews(where: "r.id = ?1", [.integer(id)]).first else {
        throw .unknownReview(id)
      }
      // After a commit of unknown outcome it may be there.
      guard stored.decision != decision else { return }
      try connection.statement(
        "INSERT INTO review_decision(review, decision, actor, at_ms, reason) VALUES (?1, ?2, ?3, ?4, ?5)"
      ).run([
        .integer(id), .text(decision.word.rawValue), .text(decision.actor), .integer(decision.at),
        .text(decision.reason),
      ])
      _ = try connection.insert(
        AuditRecord(
          at: decision.at, actor: decision.actor, line: "", function: "bill-review",
          target: "\(stored.review.account)/\(stored.review.cycle)", outcome: decision.word.rawValue,
          detail: "review \(id), \(stored.review.totalFen) fen, \(stored.review.digest.prefix(16)): \(decision.reason)")
      )
    }
  }
}

extension StoreReader {
  /// Reviews in the order in which they were opened.
  public func reviews() throws(StoreError) -> [StoredReview] { try connection.reviews(where: "1", []) }

  /// A fact about the store; `nil` when it was never noted.
  public func fact(_ key: String) throws(StoreError) -> String? {
    let statement = try connection.prepare("SELECT value FROM meta WHERE key = ?1").bind([.text(key)])
    defer { statement.reset() }
    return try statement.step() ? try statement.text(0) : nil
  }

  /// Every posting: which bill, whose, for which cycle, and how much. In their order.
  public func ledger(
    _ body: (_ bill: Int64, _ account: String, _ cycle: String, _ fen: Int64) throws(StoreError) -> Void
  ) throws(StoreError) {
    let statement = try connection.prepare("SELECT bill, account, cycle, fen FROM ledger ORDER BY seq")
    while try statement.step() {
      try body(
        statement.integer(0), statement.text(1), statement.text(2), statement.integer(3))
    }
  }
}

extension Connection {
  fileprivate func reviews(where condition: String, _ values: [SQLValue]) throws(StoreError) -> [StoredReview] {
    let statement = try statement(
      """
      SELECT r.id, r.account, r.cycle, r.digest, r.total_fen, r.findings, r.opened_ms, d.decision, d.actor, d.at_ms,
        d.reason
      FROM review r LEFT JOIN review_decision d
        ON d.id = (SELECT max(id) FROM review_decision WHERE review = r.id)
      WHERE \(condition) ORDER BY r.id
      """)
    try statement.bind(values)
    defer { statement.reset() }
    var found: [StoredReview] = []
    while try statement.step() {
      let id = try statement.integer(0)
      var decision: ReviewDecision?
      if let text = try statement.optionalText(7) {
        guard let word = ReviewDecision.Word(rawValue: text) else {
          throw .corrupt(path: path, detail: "review \(id) has the unknown decision '\(text)'")
        }
        decision = ReviewDecision(
          word, actor: try statement.text(8), at: try statement.integer(9), reason: try statement.text(10))
      }
      let lines = try statement.text(5).split(separator: "\n").map(String.init)
      found.append(
        StoredReview(
          id: id,
          review: ReviewRecord(
            account: try statement.text(1), cycle: try statement.text(2), digest: try statement.text(3),
            totalFen: try statement.integer(4), findings: lines, openedAt: try statement.integer(6)),
          decision: decision))
    }
    return found
  }
}
