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
  private var isToldOfClock = false
  /// Since when readings of a cycle are missed, by account: they may be on their way.
  private var missed: [String: Missed] = [:]
  private let patience: Int64
  /// The day of the last look at all accounts; `nil` while one is owed.
  private var wholeLook: CivilDate?

  private struct Missed {
    let cycle: String
    let since: Int64
  }

  /// A desk for `accounts`, with their plans by account. A cycle may lack readings for `patience` seconds before that
  /// is said. `now` is the host's time; `report` takes what happens and must not block.
  init(
    store: Store, accounts: [Account], plans: [String: Plan], patience: Int64 = 0,
    now: @escaping @Sendable () -> HostInstant, report: @escaping @Sendable (StationEvent) -> Void
  ) throws(StoreError) {
    self.store = store
    reader = try StoreReader(path: store.path)
    self.accounts = accounts
    self.plans = plans
    self.patience = patience
    self.now = now
    self.report = report
  }

  deinit { thread.stop() }

  /// One look at all accounts whose meters have new readings; at all of them at first, once a day, and with `all`.
  ///
  /// While nobody has set the host's clock nothing is looked at; what came meanwhile is seen by the next look.
  func pass(all: Bool = false) async throws(StoreError) {
    let now = now()
    if all { wholeLook = nil }
    guard now.clock != .unsynchronised else {
      if !isToldOfClock { report(.billingWaitsForClock) }
      isToldOfClock = true
      return
    }
    isToldOfClock = false
    let today = (accounts.first?.zone ?? .china).local(unixMilliseconds: now.unixMilliseconds).date
    let isWhole = wholeLook != today
    let cursor = try await store.cursor(of: Self.consumer)
    var last = cursor
    var touched: Set<MeterID> = []
    var filter = ReadingFilter()
    filter.after = cursor
    try reader.readings(filter) { stored throws(StoreError) in
      last = max(last, stored.sequence)
      if stored.reading.key.kind != .instantaneous { touched.insert(stored.reading.key.meter) }
    }
    let looked = accounts.filter { account in
      isWhole || missed[account.id] != nil || account.meters.contains { touched.contains($0.meter) }
    }
    let standing = try reader.holds()
    var closed: [ClosedBill] = []
    var holds: [Hold] = []
    for account in looked {
      let result = try close(account, at: now)
      closed += result.bills
      if let waiting = result.waiting, isHeld(waiting, standing, at: now) {
        holds.append(waiting.hold)
      } else if result.waiting == nil {
        missed[account.id] = nil
      }
    }
    let issues = try await store.issue(
      closed.map { record($0, at: now) }, consumer: Self.consumer, through: last)
    for (bill, issue) in zip(closed, issues) {
      let isNew: Bool
      switch issue {
      case .issued: isNew = true
      case .alreadyIssued: isNew = false
      }
      report(
        .billed(account: bill.key.account, cycle: bill.key.cycle, totalFen: bill.bill.total.fen, isNew: isNew))
    }
    let ids = Set(isWhole ? standing.map(\.account) : looked.map(\.id))
    for old in standing where ids.contains(old.account) {
      guard !holds.contains(where: { ($0.account, $0.cycle) == (old.account, old.cycle) }) else { continue }
      try await store.release(account: old.account, cycle: old.cycle)
      told[old.account] = nil
    }
    for hold in holds {
      try await store.hold(hold)
      guard told.updateValue(hold.reason, forKey: hold.account) != hold.reason else { continue }
      report(.held(account: hold.account, cycle: hold.cycle, reason: hold.reason))
    }
    wholeLook = today
  }

  /// A cycle that cannot be closed now.
  private struct Waiting {
    let hold: Hold
    /// Readings are missing and nothing else is wrong.
    let isForReadings: Bool
  }

  /// Whether a cycle waits by now for longer than readings take to come.
  private func isHeld(_ waiting: Waiting, _ standing: [Hold], at now: HostInstant) -> Bool {
    let hold = waiting.hold
    guard waiting.isForReadings else {
      missed[hold.account] = nil
      return true
    }
    let known = missed[hold.account].flatMap { $0.cycle == hold.cycle ? $0 : nil }
    let since = known?.since ?? now.unixMilliseconds
    missed[hold.account] = Missed(cycle: hold.cycle, since: since)
    let isKnown = standing.contains { ($0.account, $0.cycle) == (hold.account, hold.cycle) }
    guard isKnown || now.unixMilliseconds - since >= patience * 1000 else { return false }
    missed[hold.account] = nil
    return true
  }

  /// Closes what is due of one account, in order; stops at the first cycle that must wait.
  private func close(
    _ account: Account, at now: HostInstant
  ) throws(StoreError) -> (bills: [ClosedBill], waiting: Waiting?) {
    guard let plan = plans[account.id] else { return ([], nil) }
    let readings = try boundaryReadings(of: account)
    var lastClosed: YearMonth?
    var window: WindowState?
    try reader.bills(account: account.id) { stored throws(StoreError) in
      guard let month = YearMonth(stored.bill.cycle), lastClosed.map({ $0 <= month }) ?? true else { return }
      lastClosed = month
      window = StoredWindow.read(stored.bill.document)
    }
    var bills: [ClosedBill] = []
    // Meters are asked for their settlements once a day, so what is a day old should be there.
    let due = dueCycles(
      of: account, after: lastClosed, instants: readings.map(\.reading.key.instant),
      overdueAt: now.unixMilliseconds - 86_400_000)
    for cycle in due.ready + [due.waiting].compactMap({ $0 }) {
      // A tier window that has ended says nothing about the next.
      let start = plan.tiers?.windowStart(of: cycle.month)
      let state = window.flatMap { $0.start == start ? $0 : nil }
      switch closeCycle(account: account, cycle: cycle, readings: readings, windowState: state, plan: plan) {
      case .bill(let bill):
        bills.append(bill)
        window = bill.windowAfter
      case .hold(let reasons):
        let text = reasons.map(\.description).joined(separator: "; ")
        let hold = Hold(account: account.id, cycle: cycle.label, reason: text, since: now.unixMilliseconds)
        let isForReadings = reasons.allSatisfy { if case .missingReading = $0 { true } else { false } }
        return (bills, Waiting(hold: hold, isForReadings: isForReadings))
      }
    }
    return (bills, nil)
  }

  /// Settlements, and whatever there is of the instants at which the account's meters were changed.
  private func boundaryReadings(of account: Account) throws(StoreError) -> [JournalReading] {
    var readings: [JournalReading] = []
    func add(_ filter: ReadingFilter) throws(StoreError) {
      try reader.readings(filter) { stored throws(StoreError) in
        readings.append(
          JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict))
      }
    }
    for meter in account.meters {
      var filter = ReadingFilter()
      filter.meter = meter.meter
      filter.kind = .settlement
      try add(filter)
      for time in [meter.from, meter.to].compactMap({ $0 }) {
        let instant = account.zone.unixMilliseconds(of: time)
        var filter = ReadingFilter()
        filter.meter = meter.meter
        (filter.since, filter.until) = (instant, instant + 1)
        try add(filter)
      }
    }
    return readings
  }

  private func record(_ closed: ClosedBill, at now: HostInstant) -> BillRecord {
    let bill = closed.bill
    let lines = bill.lines.map { line in
      BillRecord.Line(
        text: "\(bill.name(of: line)) \(bill.chineseName(of: line)): \(bill.formula(of: line))",
        rule: line.rule.rawValue, amountFen: line.amount.fen)
    }
    return BillRecord(
      account: closed.key.account, cycle: closed.key.cycle, version: Int64(closed.key.version),
      kind: closed.key.kind.rawValue, digest: bill.inputDigest, totalFen: bill.total.fen,
      issuedAt: now.unixMilliseconds, document: Array(bill.canonicalText.utf8), lines: lines,
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
