internal import Billing
internal import FoundationEssentials
internal import Host
internal import Metering
internal import Rating
internal import Store

/// Closes billing cycles as soon as the settlement readings for them are stored.
///
/// It is a consumer of the journal: bills and its cursor move in one transaction, so that each cycle is billed
/// once, whenever the daemon was stopped.
actor BillingDesk {
  static let consumer = "billing"

  private let store: Store
  private let reader: StoreReader
  private let accounts: [Account]
  /// By account.
  private let plans: [String: Plan]
  private let now: @Sendable () -> HostInstant
  private let report: @Sendable (StationEvent) -> Void
  private let thread = OwnedThread(name: "billing")
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }
  /// What was told of an account last, so that nothing is told twice.
  private var told: [String: String] = [:]

  init(
    store: Store, accounts: [Account], plans: [String: Plan], now: @escaping @Sendable () -> HostInstant,
    report: @escaping @Sendable (StationEvent) -> Void
  ) throws(StoreError) {
    self.store = store
    reader = try StoreReader(path: store.path)
    self.accounts = accounts
    self.plans = plans
    self.now = now
    self.report = report
  }

  deinit { thread.stop() }

  /// One look at all accounts whose meters have new readings; at all of them with `all`.
  func pass(all: Bool = false) async throws(StoreError) {
    let cursor = try await store.cursor(of: Self.consumer)
    var last = cursor
    var touched: Set<MeterID> = []
    var filter = ReadingFilter()
    filter.after = cursor
    try reader.readings(filter) { stored throws(StoreError) in
      last = max(last, stored.sequence)
      if stored.reading.key.kind != .instantaneous { touched.insert(stored.reading.key.meter) }
    }
    var bills: [BillRecord] = []
    var closed: [ClosedBill] = []
    var holds: [Hold] = []
    for account in accounts where all || account.meters.contains(where: { touched.contains($0.meter) }) {
      let result = try close(account)
      bills += result.bills.map { record($0) }
      closed += result.bills
      if let hold = result.hold { holds.append(hold) }
    }
    let issues = try await store.issue(bills, consumer: Self.consumer, through: last)
    for (bill, issue) in zip(closed, issues) {
      try await store.release(account: bill.key.account, cycle: bill.key.cycle)
      let isNew: Bool
      switch issue {
      case .issued: isNew = true
      case .alreadyIssued: isNew = false
      }
      report(
        .billed(account: bill.key.account, cycle: bill.key.cycle, totalFen: bill.bill.total.fen, isNew: isNew))
    }
    for hold in holds {
      try await store.hold(hold)
      guard told.updateValue(hold.reason, forKey: hold.account) != hold.reason else { continue }
      report(.held(account: hold.account, cycle: hold.cycle, reason: hold.reason))
    }
  }

  /// Closes what is due of one account, in order; stops at the first cycle that must wait.
  private func close(_ account: Account) throws(StoreError) -> (bills: [ClosedBill], hold: Hold?) {
    var readings: [JournalReading] = []
    for meter in account.meters {
      var filter = ReadingFilter()
      filter.meter = meter.meter
      filter.kind = .settlement
      try reader.readings(filter) { stored throws(StoreError) in
        readings.append(
          JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
      }
    }
    guard let plan = plans[account.id] else { return ([], nil) }
    var lastClosed: YearMonth?
    var window: WindowState?
    try reader.bills(account: account.id) { stored throws(StoreError) in
      guard let month = YearMonth(stored.bill.cycle), lastClosed.map({ $0 <= month }) ?? true else { return }
      lastClosed = month
      window = StoredWindow.read(stored.bill.document)
    }
    var bills: [ClosedBill] = []
    let due = dueCycles(of: account, after: lastClosed, instants: readings.map(\.reading.key.instant))
    for cycle in due.ready {
      // A tier window that has ended says nothing about the next.
      let start = plan.tiers?.windowStart(of: cycle.month)
      let state = window.flatMap { $0.start == start ? $0 : nil }
      switch closeCycle(account: account, cycle: cycle, readings: readings, windowState: state, plan: plan) {
      case .bill(let bill):
        bills.append(bill)
        window = bill.windowAfter
      case .hold(let reasons):
        let text = reasons.map(\.description).joined(separator: "; ")
        return (bills, Hold(account: account.id, cycle: cycle.label, reason: text, since: now().unixMilliseconds))
      }
    }
    return (bills, nil)
  }

  private func record(_ closed: ClosedBill) -> BillRecord {
    let bill = closed.bill
    let lines = bill.lines.map { line in
      BillRecord.Line(
        text: "\(bill.name(of: line)) \(bill.chineseName(of: line)): \(bill.formula(of: line))",
        rule: line.rule.rawValue, amountFen: line.amount.fen)
    }
    return BillRecord(
      account: closed.key.account, cycle: closed.key.cycle, version: Int64(closed.key.version),
      kind: closed.key.kind.rawValue, digest: bill.inputDigest, totalFen: bill.total.fen,
      issuedAt: now().unixMilliseconds, document: Array(bill.canonicalText.utf8), lines: lines,
      readings: closed.readings)
  }
}

/// Where a tier window stood after a stored bill.
enum StoredWindow {
  private struct Document: Decodable {
    struct Tiers: Decodable {
      let window: String
      let used_after: [String]
    }
    let tiers: Tiers?
  }

  /// `nil` for a bill without tiers.
  static func read(_ document: [UInt8]) -> WindowState? {
    guard let tiers = (try? JSONDecoder().decode(Document.self, from: Data(document)))?.tiers,
      let start = YearMonth(tiers.window)
    else { return nil }
    let used = tiers.used_after.compactMap { exactDecimal($0, scale: 6) }
    guard used.count == tiers.used_after.count else { return nil }
    return WindowState(start: start, byTier: used.map { Energy(millionths: $0) })
  }
}
