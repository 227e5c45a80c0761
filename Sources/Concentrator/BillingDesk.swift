internal import Billing
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
  private let plans: [String: PlanCatalogue]
  private let review: Configuration.ReviewEntry
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
  /// True once the bills of this basis were compared with those that were issued, or nobody wants that.
  private var isTried = false
  private var isToldOfTrial = false

  private struct Missed {
    let cycle: String
    let since: Int64
  }

  /// A desk for `accounts`, with their plans by account. A cycle may lack readings for `patience` seconds before that
  /// is said. `now` is the host's time; `report` takes what happens and must not block.
  init(
    store: Store, accounts: [Account], plans: [String: PlanCatalogue], patience: Int64 = 0,
    review: Configuration.ReviewEntry = Configuration.ReviewEntry(),
    now: @escaping @Sendable () -> HostInstant, report: @escaping @Sendable (StationEvent) -> Void
  ) throws(StoreError) {
    self.store = store
    reader = try StoreReader(path: store.path)
    self.accounts = accounts
    self.plans = plans
    self.patience = patience
    self.review = review
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
    guard try await isFree(at: now) else { return }
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
    let decisions = try Decisions(reader.reviews())
    var closed: [ClosedBill] = []
    var holds: [Hold] = []
    var reviews: [ReviewRecord] = []
    var corrected: [BillRecord] = []
    for account in looked {
      let result = try close(account, decisions, at: now)
      closed += result.bills
      reviews += result.reviews
      corrected += result.corrections
      if let waiting = result.waiting, isHeld(waiting, standing, at: now) {
        holds.append(waiting.hold)
      } else if result.waiting == nil {
        missed[account.id] = nil
      }
    }
    let records = corrected + closed.map { BillRecord($0, at: now.unixMilliseconds) }
    let issues = try await store.issue(records, consumer: Self.consumer, through: last)
    try await store.open(reviews)
    for (bill, issue) in zip(records, issues) {
      let isNew: Bool
      switch issue {
      case .issued: isNew = true
      case .alreadyIssued: isNew = false
      }
      report(
        .billed(account: bill.account, cycle: bill.cycle, totalFen: bill.totalFen, isNew: isNew))
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

  /// What closing an account brought.
  private struct Closed {
    var bills: [ClosedBill] = []
    var reviews: [ReviewRecord] = []
    var waiting: Waiting?
    var corrections: [BillRecord] = []
  }

  /// Closes what is due of one account, in order; stops at the first cycle that must wait.
  private func close(
    _ account: Account, _ decisions: Decisions, at now: HostInstant
  ) throws(StoreError) -> Closed {
    var result = Closed()
    guard let plans = plans[account.id] else { return result }
    let book = BillBook(reader: reader)
    let readings = try book.readings(of: account, plans: plans, until: now.unixMilliseconds)
    let documents = try book.documents(of: account.id)
    var history = BillBook.standing(documents)
    // New cycles build on what is corrected in the same transaction.
    result.corrections = try corrections(of: account, &history, readings, plans, at: now)
    var window = history.last.flatMap(OpenWindow.init(after:))
    // Meters are asked for their settlements once a day, so what is a day old should be there.
    let due = dueCycles(
      of: account, after: documents.map(\.cycle).max(), instants: readings.map(\.reading.key.instant),
      overdueAt: now.unixMilliseconds - 86_400_000)
    for cycle in due.ready + [due.waiting].compactMap({ $0 }) {
      let closing = closeCycle(
        account: account, cycle: cycle, readings: readings,
        windowState: window?.state(for: cycle, of: account, plans: plans), plans: plans,
        knownOn: account.zone.local(unixMilliseconds: now.unixMilliseconds).date)
      switch closing {
      case .bill(let bill):
        if let reason = held(bill, after: history, decisions, &result.reviews, at: now) {
          let hold = Hold(account: account.id, cycle: cycle.label, reason: reason, since: now.unixMilliseconds)
          result.waiting = Waiting(hold: hold, isForReadings: false)
          return result
        }
        result.bills.append(bill)
        window = OpenWindow(after: bill)
        if let issued = IssuedBill(bill, at: now.unixMilliseconds) { history.append(issued) }
      case .hold(let reasons):
        let text = reasons.map(\.description).joined(separator: "; ")
        let hold = Hold(account: account.id, cycle: cycle.label, reason: text, since: now.unixMilliseconds)
        let isForReadings = reasons.allSatisfy { if case .missingReading = $0 { true } else { false } }
        result.waiting = Waiting(hold: hold, isForReadings: isForReadings)
        return result
      }
    }
    return result
  }

  /// Why a bill waits for a person; `nil` where it may be issued.
  private func held(
    _ bill: ClosedBill, after history: [IssuedBill], _ decisions: Decisions, _ reviews: inout [ReviewRecord],
    at now: HostInstant
  ) -> String? {
    let findings = Billing.review(bill, after: history, limits: review.limits).findings.filter(review.holds)
    guard !findings.isEmpty else { return nil }
    let lines = findings.map(\.description)
    if let stored = decisions[bill.key.account, bill.key.cycle, bill.digest], let decision = stored.decision {
      switch decision.word {
      case .accepted: return nil
      case .rejected: return "rejected by \(decision.actor): \(decision.reason) (review \(stored.id))"
      }
    }
    reviews.append(
      ReviewRecord(
        account: bill.key.account, cycle: bill.key.cycle, digest: bill.digest, totalFen: bill.total.fen,
        findings: lines, openedAt: now.unixMilliseconds))
    return "waits for a look: \(lines.joined(separator: "; ")); meterd review list shows it"
  }
}

extension BillingDesk {
  /// The bills that correct what new readings and notices make different, where the configuration says so.
  ///
  /// What people changed in the books, and what the review rules would stop, waits for a person.
  private func corrections(
    of account: Account, _ standing: inout [IssuedBill], _ readings: [JournalReading], _ plans: PlanCatalogue,
    at now: HostInstant
  ) throws(StoreError) -> [BillRecord] {
    guard review.correctsByItself, !standing.isEmpty else { return [] }
    let again = replay(
      account, standing: standing, readings: readings, plans: plans,
      knownOn: account.zone.local(unixMilliseconds: now.unixMilliseconds).date, form: review.form)
    // A cycle that cannot be billed now, such as one of a meter that is gone from the books, only stops those from it on.
    guard let first = again.corrections.first?.original.cycle, again.stuck.keys.allSatisfy({ $0 < first }),
      again.corrections.allSatisfy({ $0.causes.allSatisfy(\.isOfData) })
    else { return [] }
    var records: [BillRecord] = []
    var corrected = standing
    for correction in again.corrections {
      let old = correction.original
      let before = corrected.filter { $0.cycle < old.cycle }
      let findings = Billing.review(correction.replacement, after: before, limits: review.limits).findings
      guard findings.allSatisfy({ $0.weight != .stop }) else { return [] }
      let reason = correction.causes.map(\.description).joined(separator: "; ")
      records += try BillRecord.records(
        of: correction, form: review.form, actor: "daemon", reason: reason, at: now.unixMilliseconds)
      guard let place = corrected.firstIndex(where: { $0.cycle == old.cycle }),
        let new = IssuedBill(correction.replacement, at: now.unixMilliseconds)
      else { continue }
      corrected[place] = new
    }
    standing = corrected
    return records
  }

  /// False while bills of another basis than the last must be compared first, and the comparison shows differences that
  /// nobody has accepted.
  private func isFree(at now: HostInstant) async throws(StoreError) -> Bool {
    guard review.trial, !isTried else { return true }
    let trial = try BillingTrial(
      reader: reader, accounts: accounts, plans: plans, at: now.unixMilliseconds)
    if !trial.isAccepted {
      guard trial.rows.allSatisfy(\.isSame) else {
        let count = trial.rows.count { !$0.isSame }
        if !isToldOfTrial { report(.billingWaitsForTrial(differences: count)) }
        isToldOfTrial = true
        return false
      }
      try await trial.accept(
        in: store, actor: "daemon", reason: "\(trial.rows.count) bills rated again, all the same",
        at: now.unixMilliseconds)
    }
    isTried = true
    return true
  }
}

/// Decisions on bills that wait.
struct Decisions {
  private struct Key: Hashable {
    let account: String
    let cycle: String
    let digest: String
  }

  private let known: [Key: StoredReview]

  init(_ reviews: [StoredReview]) {
    known = Dictionary(
      reviews.map { (Key(account: $0.review.account, cycle: $0.review.cycle, digest: $0.review.digest), $0) },
      uniquingKeysWith: { _, last in last })
  }

  subscript(account: String, cycle: String, digest: String) -> StoredReview? {
    known[Key(account: account, cycle: cycle, digest: digest)]
  }
}

extension Configuration.ReviewEntry {
  /// Whether a finding keeps a bill from being issued.
  func holds(_ finding: ReviewFinding) -> Bool {
    switch finding.weight {
    case .stop: true
    case .note: false
    case .look:
      holding.contains(finding.rule)
        || (firstBills && [.firstBill, .planChanged, .meterChanged, .multiplierChanged].contains(finding.rule))
    }
  }
}
