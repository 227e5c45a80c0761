/// A bill as it is issued. It never changes after that; a correction is the next version.
public struct BillRecord: Hashable, Sendable {
  public let account: String
  public let cycle: String
  /// Counts on with each document of the cycle.
  public let version: Int64
  /// What it is: `original`, `reversal` or `difference`.
  public let kind: String
  /// Digest of the document, made by who wrote it.
  public let digest: String
  public let totalFen: Int64
  /// Milliseconds since 1970 UTC.
  public let issuedAt: Int64
  /// The bill's canonical bytes.
  public let document: [UInt8]
  public let lines: [BillRecord.Line]
  /// Numbers of the readings it rests on, ascending.
  public let readings: [Int64]
  /// Which bill of the cycle it corrects; `nil` for a first one.
  public let correction: BillRecord.Correction?
  /// What decided the prices of each of its parts; empty where that was not kept.
  public let pricing: [String]
  /// Where the meters it rests on were billed; not read back, the document says it.
  public let segments: Set<BillRecord.Segment>

  public init(
    account: String, cycle: String, version: Int64 = 0, kind: String = "original", digest: String, totalFen: Int64,
    issuedAt: Int64, document: [UInt8], lines: [BillRecord.Line], readings: [Int64],
    correction: BillRecord.Correction? = nil, pricing: [String] = [], segments: Set<BillRecord.Segment> = []
  ) {
    self.pricing = pricing
    self.segments = segments
    self.correction = correction
    self.account = account
    self.cycle = cycle
    self.version = version
    self.kind = kind
    self.digest = digest
    self.totalFen = totalFen
    self.issuedAt = issuedAt
    self.document = document
    self.lines = lines
    self.readings = Set(readings).sorted()
  }

  /// Whether another run made the same bill; when it was issued does not count.
  func says(theSameAs other: BillRecord) -> Bool {
    (account, cycle, version) == (other.account, other.cycle, other.version)
      && (kind, digest, totalFen) == (other.kind, other.digest, other.totalFen)
      && (document, lines) == (other.document, other.lines) && readings == other.readings
  }
}

extension BillRecord {
  /// Who corrected which bill, and why.
  public struct Correction: Hashable, Sendable {
    /// Of the bill of the same account and cycle.
    public let version: Int64
    public let actor: String
    public let reason: String

    public init(version: Int64, actor: String, reason: String) {
      self.version = version
      self.actor = actor
      self.reason = reason
    }
  }

  /// A stretch of a meter on a bill, local times as the document has them.
  public struct Segment: Hashable, Sendable {
    public let meter: String
    public let starts: String
    public let ends: String

    public init(meter: String, starts: String, ends: String) {
      self.meter = meter
      self.starts = starts
      self.ends = ends
    }
  }

  /// One line of a bill.
  public struct Line: Hashable, Sendable {
    public let text: String
    /// The tariff's rule that made it.
    public let rule: String?
    public let amountFen: Int64

    public init(text: String, rule: String? = nil, amountFen: Int64) {
      self.text = text
      self.rule = rule
      self.amountFen = amountFen
    }
  }
}

/// A bill in the store.
public struct StoredBill: Hashable, Sendable {
  public let id: Int64
  public let bill: BillRecord
}

/// What became of a bill that was to be issued.
public enum Issue: Hashable, Sendable {
  case issued(bill: Int64)
  /// The same bill stands already; nothing was added.
  case alreadyIssued(bill: Int64)

  fileprivate var again: Issue {
    switch self {
    case .issued(let bill), .alreadyIssued(let bill): .alreadyIssued(bill: bill)
    }
  }
}

extension Store {
  /// Issues bills and moves the cursor of the one who made them, in one transaction: each takes effect once.
  ///
  /// Throws `billDiffers` when a cycle was billed with other content, and then issues none of them.
  public func issue(
    _ bills: [BillRecord], consumer: String, through sequence: Int64
  ) throws(StoreError) -> [Issue] {
    var before: Int64?
    return try write { (connection) throws(StoreError) in
      // After a commit of unknown outcome, bills above this number are of that commit.
      let last = try connection.statement("SELECT max(id) FROM bill").number() ?? 0
      let known = before ?? last
      before = known
      var issues: [Issue] = []
      for bill in bills {
        let issue = try connection.issue(bill, newerThan: known)
        issues.append(issues.contains(issue) ? issue.again : issue)
      }
      try connection.advance(consumer, through: sequence)
      return issues
    }
  }
}

extension Connection {
  fileprivate func issue(_ bill: BillRecord, newerThan known: Int64) throws(StoreError) -> Issue {
    let standing = try statement("SELECT id FROM bill WHERE account = ?1 AND cycle = ?2 AND version = ?3")
      .number([.text(bill.account), .text(bill.cycle), .integer(bill.version)])
    if let standing {
      guard let other = try self.bill(standing), other.bill.says(theSameAs: bill) else {
        throw .billDiffers(account: bill.account, cycle: bill.cycle, version: bill.version, bill: standing)
      }
      return standing > known ? .issued(bill: standing) : .alreadyIssued(bill: standing)
    }
    let id = try next(after: statement("SELECT max(id) FROM bill").number(), in: "bill")
    try statement("INSERT INTO bill VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)").run([
      .integer(id), .text(bill.account), .text(bill.cycle), .integer(bill.version), .text(bill.kind),
      .text(bill.digest), .integer(bill.totalFen), .integer(bill.issuedAt), .blob(bill.document),
      .integer(bill.checksum(id)),
    ])
    for (ordinal, line) in bill.lines.enumerated() {
      try statement("INSERT INTO bill_line VALUES (?1, ?2, ?3, ?4, ?5)").run([
        .integer(id), .integer(Int64(ordinal)), .text(line.text), SQLValue(line.rule), .integer(line.amountFen),
      ])
    }
    for reading in bill.readings {
      guard try statement("SELECT seq FROM reading WHERE seq = ?1").number([.integer(reading)]) != nil else {
        throw .unknownReading(sequence: reading)
      }
      try statement("INSERT INTO bill_reading VALUES (?1, ?2)").run([.integer(id), .integer(reading)])
    }
    for (ordinal, digest) in bill.pricing.enumerated() {
      try statement("INSERT INTO bill_pricing VALUES (?1, ?2, ?3, ?4)").run([
        .integer(id), .integer(Int64(ordinal)), .text(digest), .integer(pricingChecksum(id, Int64(ordinal), digest)),
      ])
    }
    for segment in bill.segments {
      try statement("INSERT INTO bill_segment VALUES (?1, ?2, ?3, ?4)").run([
        .text(segment.meter), .text(segment.starts), .text(segment.ends), .integer(id),
      ])
    }
    try statement("INSERT INTO ledger(bill, account, cycle, fen) VALUES (?1, ?2, ?3, ?4)").run([
      .integer(id), .text(bill.account), .text(bill.cycle), .integer(bill.totalFen),
    ])
    if let correction = bill.correction { try note(correction, of: bill, id) }
    return .issued(bill: id)
  }

  private func note(_ correction: BillRecord.Correction, of bill: BillRecord, _ id: Int64) throws(StoreError) {
    let corrected = try statement("SELECT id FROM bill WHERE account = ?1 AND cycle = ?2 AND version = ?3")
      .number([.text(bill.account), .text(bill.cycle), .integer(correction.version)])
    guard let corrected else {
      throw .unknownBill(account: bill.account, cycle: bill.cycle, version: correction.version)
    }
    try statement("INSERT INTO bill_correction VALUES (?1, ?2, ?3, ?4, ?5)").run([
      .integer(id), .integer(corrected), .text(correction.actor), .text(correction.reason),
      .integer(correction.checksum(id, corrected)),
    ])
    _ = try insert(
      AuditRecord(
        at: bill.issuedAt, actor: correction.actor, line: "", function: "bill-correct",
        target: "\(bill.account)/\(bill.cycle)", outcome: "done",
        detail: "\(bill.kind) \(id) of bill \(corrected), \(bill.totalFen) fen: \(correction.reason)"))
  }

  /// One bill with its lines and readings, after its checksum over all of them was found right.
  func bill(_ id: Int64) throws(StoreError) -> StoredBill? {
    let statement = try statement(
      """
      SELECT account, cycle, version, kind, digest, total_fen, issued_ms, document, crc FROM bill WHERE id = ?1
      """
    ).bind([.integer(id)])
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    let bill = BillRecord(
      account: try statement.text(0), cycle: try statement.text(1), version: try statement.integer(2),
      kind: try statement.text(3), digest: try statement.text(4), totalFen: try statement.integer(5),
      issuedAt: try statement.integer(6), document: try statement.blob(7), lines: try lines(ofBill: id),
      readings: try readings(ofBill: id), correction: try correction(ofBill: id),
      pricing: try pricing(ofBill: id))
    guard bill.checksum(id) == (try statement.integer(8)) else {
      throw .corrupt(path: path, detail: "bill \(id) does not match its checksum")
    }
    return StoredBill(id: id, bill: bill)
  }

  private func correction(ofBill id: Int64) throws(StoreError) -> BillRecord.Correction? {
    let statement = try statement(
      """
      SELECT b.version, c.actor, c.reason, c.corrects, c.crc FROM bill_correction c JOIN bill b ON b.id = c.corrects
      WHERE c.bill = ?1
      """)
    try statement.bind([.integer(id)])
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    let correction = BillRecord.Correction(
      version: try statement.integer(0), actor: try statement.text(1), reason: try statement.text(2))
    guard correction.checksum(id, try statement.integer(3)) == (try statement.integer(4)) else {
      throw .corrupt(path: path, detail: "the correction by bill \(id) does not match its checksum")
    }
    return correction
  }

  private func pricing(ofBill id: Int64) throws(StoreError) -> [String] {
    let statement = try statement("SELECT ordinal, digest, crc FROM bill_pricing WHERE bill = ?1 ORDER BY ordinal")
    try statement.bind([.integer(id)])
    defer { statement.reset() }
    var found: [String] = []
    while try statement.step() {
      let digest = try statement.text(1)
      guard pricingChecksum(id, try statement.integer(0), digest) == (try statement.integer(2)) else {
        throw .corrupt(path: path, detail: "the pricing of bill \(id) does not match its checksum")
      }
      found.append(digest)
    }
    return found
  }

  private func lines(ofBill id: Int64) throws(StoreError) -> [BillRecord.Line] {
    let statement = try statement("SELECT text, rule, amount_fen FROM bill_line WHERE bill = ?1 ORDER BY ordinal")
    try statement.bind([.integer(id)])
    defer { statement.reset() }
    var lines: [BillRecord.Line] = []
    while try statement.step() {
      lines.append(
        BillRecord.Line(
          text: try statement.text(0), rule: try statement.optionalText(1), amountFen: try statement.integer(2)))
    }
    return lines
  }

  private func readings(ofBill id: Int64) throws(StoreError) -> [Int64] {
    let statement = try statement("SELECT reading FROM bill_reading WHERE bill = ?1 ORDER BY reading")
    try statement.bind([.integer(id)])
    defer { statement.reset() }
    var readings: [Int64] = []
    while try statement.step() { readings.append(try statement.integer(0)) }
    return readings
  }
}

private func pricingChecksum(_ bill: Int64, _ ordinal: Int64, _ digest: String) -> Int64 {
  var sum = Checksum()
  sum.add(bill)
  sum.add(ordinal)
  sum.add(digest)
  return sum.value
}

extension BillRecord.Correction {
  fileprivate func checksum(_ bill: Int64, _ corrected: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(bill)
    sum.add(corrected)
    sum.add(actor)
    sum.add(reason)
    return sum.value
  }
}

extension BillRecord {
  fileprivate func checksum(_ id: Int64) -> Int64 {
    var sum = Checksum()
    sum.add(id)
    sum.add(account)
    sum.add(cycle)
    sum.add(version)
    sum.add(kind)
    sum.add(digest)
    sum.add(totalFen)
    sum.add(issuedAt)
    sum.add(document)
    sum.add(Int64(lines.count))
    for line in lines {
      sum.add(line.text)
      sum.add(line.rule)
      sum.add(line.amountFen)
    }
    for reading in readings { sum.add(reading) }
    return sum.value
  }
}
