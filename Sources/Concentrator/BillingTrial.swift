internal import Billing
internal import Rating
internal import Store

/// The last bill of each account rated again without issuing anything: what another plan file, another engine or other
/// master data would have made of the same readings. 试算
public struct BillingTrial: Sendable {
  /// One bill, as it was issued and as it comes out now.
  public struct Row: Sendable {
    public let account: String
    public let cycle: String
    /// Its number in the store.
    public let bill: Int64
    public let issuedFen: Int64
    /// `nil` where it cannot be rated now.
    public let againFen: Int64?
    /// Why it differs, or why it cannot be rated; empty where it comes out the same.
    public let reasons: [String]
    /// True where every line comes out the same.
    public let isSame: Bool
  }

  public let rows: [Row]
  /// Fingerprint of engine, plans and master data.
  public let basis: String
  /// True where this basis was tried before, and nothing differed or somebody accepted it.
  public let isAccepted: Bool

  static let fact = "billing.basis"

  /// Rates the last bill of each account again, or the last `cycles`, where the basis is another than the accepted one
  /// or `always`. `now` is in milliseconds since 1970.
  init(
    reader: StoreReader, accounts: [Account], plans: [String: PlanCatalogue], cycles: Int = 1, always: Bool = false,
    at now: Int64
  ) throws(StoreError) {
    basis = sha256Hex(ratingBasis(accounts: accounts, plans: plans).utf8)
    isAccepted = try reader.fact(Self.fact) == basis
    var rows: [Row] = []
    let book = BillBook(reader: reader)
    for account in accounts where always || !isAccepted {
      guard let plans = plans[account.id] else { continue }
      let standing = BillBook.standing(try book.documents(of: account.id))
      guard !standing.isEmpty else { continue }
      let readings = try book.readings(of: account, plans: plans, until: now)
      for (index, bill) in standing.enumerated().suffix(cycles) {
        let before = index > 0 ? standing[index - 1] : nil
        let closing = rateAgain(bill, after: before, account: account, readings: readings, plans: plans)
        rows.append(Row(bill, closing))
      }
    }
    self.rows = rows
  }

  /// Notes that this basis may be billed with.
  func accept(in store: Store, actor: String, reason: String, at: Int64) async throws(StoreError) {
    let record = AuditRecord(
      at: at, actor: actor, line: "", function: "bill-trial", target: basis, outcome: "accepted", detail: reason)
    try await store.decide(fact: Self.fact, basis, record)
  }
}

extension BillingTrial.Row {
  init(_ bill: IssuedBill, _ closing: Closing) {
    account = bill.account
    cycle = "\(bill.cycle)"
    self.bill = bill.id
    issuedFen = bill.total.fen
    switch closing {
    case .hold(let reasons):
      againFen = nil
      self.reasons = reasons.map(\.description)
      isSame = false
    case .bill(let again):
      againFen = again.total.fen
      let parts = IssuedBill(again, at: bill.issuedAt)?.parts ?? []
      isSame = again.digest == bill.digest || parts.map(\.lines) == bill.parts.map(\.lines) && !parts.isEmpty
      reasons = isSame ? [] : causes(of: parts, instead: bill.parts).map(\.description)
    }
  }
}
