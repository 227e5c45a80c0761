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
  let reader: StoreReader
  private let accounts: [Account]
  /// By account.
  private let plans: [String: PlanCatalogue]
  let review: Configuration.ReviewEntry
  private let now: @Sendable () -> HostInstant
  private let report: @Sendable (StationEvent) -> Void
  private let thread = OwnedThread(name: "billing")
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }
  /// What was told of a cycle that waits last, so that nothing is told twice.
  private var told: [Waits: String] = [:]
  private var isToldOfClock = false
  /// Since when readings of a cycle are missed, by account: they may be on their way.
  private var missed: [String: Missed] = [:]
  private let patience: Int64
  /// The day of the last look at all accounts; `nil` while one is owed.
  private var wholeLook: CivilDate?
  /// Accounts with bills that come out otherwise by the books alone, until somebody accepts it; `nil` before they were
  /// tried. Nobody can accept while this process has the store but by `alone`, so once is enough.
  private var blocked: [String: Blocked]?
  /// Somebody looks or decides; the others wait.
  private var isTaken = false
  private var waiters: [CheckedContinuation<Void, Never>] = []
  private var isClosed = false

  private struct Blocked {
    let bills: Int
    /// Of the first of them.
    let cycle: String
  }

  private struct Waits: Hashable {
    let account: String
    let cycle: String
  }

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
  /// While nobody has set the host's clock nothing is looked at; what came meanwhile is seen by the next look. With `only`
  /// no other accounts are looked at, and what came stays new for the look that sees to them.
  func pass(all: Bool = false, only: Set<String>? = nil) async throws(StoreError) {
    await take()
    defer { give() }
    try await look(all: all, only)
  }

  /// Lets somebody decide on bills while nothing is billed; they are tried again after that. `nil`, and nothing was done,
  /// where the desk was closed.
  func alone<Result: Sendable>(
    _ decide: @Sendable (Store) async throws(Complaint) -> Result
  ) async throws(Complaint) -> Result? {
    await take()
    defer { give() }
    guard !isClosed else { return nil }
    blocked = nil
    return try await decide(store)
  }

  /// Nobody decides here any more; who does is waited for.
  func close() async {
    await take()
    isClosed = true
    give()
  }

  private func take() async {
    while isTaken { await withCheckedContinuation { waiters.append($0) } }
    isTaken = true
  }

  private func give() {
    isTaken = false
    for waiter in waiters { waiter.resume() }
    waiters = []
  }

  private func look(all: Bool, _ only: Set<String>?) async throws(StoreError) {
    let now = now()
    if all { wholeLook = nil }
    guard now.clock != .unsynchronised else {
      if !isToldOfClock { report(.billingWaitsForClock) }
      isToldOfClock = true
      return
    }
    isToldOfClock = false
    try await tryBooks(at: now, telling: only)
    let today = (accounts.first?.zone ?? .china).local(unixMilliseconds: now.unixMilliseconds).date
    let isWhole = wholeLook != today
    let cursor = try await store.cursor(of: Self.consumer)
    var last = cursor
    var touched: Set<MeterID> = []
    // Of load profiles the oldest record of each meter: those of the month that runs wait for its end.
    var recorded: [MeterID: Int64] = [:]
    var filter = ReadingFilter()
    filter.after = cursor
    // Whose bill needs a damaged row meets it there.
    filter.passesDamaged = true
    try reader.readings(filter) { stored throws(StoreError) in
      last = max(last, stored.sequence)
      let key = stored.reading.key
      switch key.kind {
      case .instantaneous: break
      case .profile: recorded[key.meter] = min(recorded[key.meter] ?? key.instant, key.instant)
      case .dailyFreeze, .settlement, .event, .estimate: touched.insert(key.meter)
      }
    }
    let looked = accounts.filter { only?.contains($0.id) ?? true }.filter { account in
      isWhole || missed[account.id] != nil
        || account.meters.contains { assignment in
          touched.contains(assignment.meter)
            || recorded[assignment.meter].map { account.awaits(recordAt: $0, now: now.unixMilliseconds) } ?? false
        }
    }
    let standing = try reader.holds()
    let decisions = try Decisions(reader.reviews())
    let accepted = try reader.acceptedResults()
    var closed: [BillRecord] = []
    var holds: [Hold] = []
    var reviews: [ReviewRecord] = []
    var corrected: [BillRecord] = []
    var unread: Set<String> = []
    for account in looked {
      let result: Closed
      do throws(StoreError) {
        result = try close(account, decisions, accepted, at: now)
      } catch {
        // A damaged row keeps the account waiting whose it is, and no other; the day's look tries again.
        guard case .corrupt = error else { throw error }
        unread.insert(account.id)
        report(.storeFailed(reason: "billing of \(account.id): \(Complaint(error).headline)", readings: 0))
        continue
      }
      closed += result.bills
      holds += result.otherHolds
      reviews += result.reviews
      corrected += result.corrections
      if let waiting = result.waiting, isHeld(waiting, standing, at: now) {
        holds.append(waiting.hold)
      } else if result.waiting == nil {
        missed[account.id] = nil
      }
    }
    let records = corrected + closed
    let issues = try await store.issue(records, consumer: Self.consumer, through: only == nil ? last : cursor)
    try await store.open(reviews)
    for (bill, issue) in zip(records, issues) {
      let isNew: Bool
      switch issue {
      case .issued: isNew = true
      case .alreadyIssued: isNew = false
      }
      report(
        .billed(
          account: bill.account, cycle: bill.cycle, kind: bill.kind, totalFen: bill.totalFen, isNew: isNew))
    }
    // Nobody looks at an account that is gone from the configuration: what waits of it stays in the books.
    let ids = Set(looked.map(\.id))
    for old in standing where ids.contains(old.account) && !unread.contains(old.account) {
      guard !holds.contains(where: { ($0.account, $0.cycle) == (old.account, old.cycle) }) else { continue }
      try await store.release(account: old.account, cycle: old.cycle)
      told[Waits(account: old.account, cycle: old.cycle)] = nil
    }
    for hold in holds {
      try await store.hold(hold)
      guard told.updateValue(hold.reason, forKey: Waits(account: hold.account, cycle: hold.cycle)) != hold.reason else {
        continue
      }
      report(.held(account: hold.account, cycle: hold.cycle, reason: hold.reason))
    }
    if only == nil { wholeLook = today }
  }

  /// A cycle that cannot be closed now.
  struct Waiting {
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
  struct Closed {
    /// As they are stored: the intervals that a bill was made of are ten times as long, and a month's end closes all
    /// accounts at once.
    var bills: [BillRecord] = []
    var reviews: [ReviewRecord] = []
    var waiting: Waiting?
    var corrections: [BillRecord] = []
    /// Cycles whose correction waits for a person, and those that wait and keep no other waiting.
    var otherHolds: [Hold] = []
    /// Of all bills that were made, issued or not.
    var digests: Set<String> = []
  }

  /// Closes what is due of one account, in order; stops at the first cycle that must wait.
  private func close(
    _ account: Account, _ decisions: Decisions, _ accepted: Set<TrialResult>, at now: HostInstant
  ) throws(StoreError) -> Closed {
    var result = Closed()
    guard let plans = plans[account.id] else { return result }
    let book = BillBook(reader: reader)
    let today = account.zone.local(unixMilliseconds: now.unixMilliseconds).date
    let readings = try book.readings(of: account, plans: plans, until: now.unixMilliseconds)
    let documents = try book.documents(of: account.id)
    var history = BillBook.standing(documents)
    let isFirst = history.isEmpty
    let due = BillBook.due(
      of: account, billed: history.map(\.cycle), readings: readings, at: now.unixMilliseconds)
    // Of cycles that are billed nobody asks again but automatic corrections.
    let open = ([due.unread, due.waiting].compactMap(\.self) + due.ready).map(\.from).min()
    let profile =
      open == nil && !review.correctsByItself
      ? ProfileReadings()
      : try book.profile(of: account, from: review.correctsByItself ? nil : open, until: now.unixMilliseconds)
    func hold(_ cycle: String, _ reason: String) -> Hold {
      Hold(account: account.id, cycle: cycle, reason: reason, since: now.unixMilliseconds)
    }
    if let part = due.unread {
      var reasons: [HoldReason] = [.unreadStart(account: account.id, from: part.from, to: part.to)]
      if case .hold(let missing) = closeCycle(
        account: account, cycle: part, readings: readings, profile: profile, windowState: nil, plans: plans,
        knownOn: today)
      {
        reasons += missing
      }
      result.otherHolds.append(hold(part.label, reasons.map(\.description).joined(separator: "; ")))
    }
    if let blocked = blocked?[account.id] {
      // Where nothing is due it stands at the bill itself, so that it is seen before the month is over.
      let cycle = (due.ready + [due.waiting].compactMap({ $0 })).first?.label ?? blocked.cycle
      let reason =
        "\(blocked.bills) of the account's bills come out otherwise by tariff, program or master data alone; look at meterd bill trial"
      result.waiting = Waiting(hold: hold(cycle, reason), isForReadings: false)
      return result
    }
    // New cycles build on what is corrected in the same transaction.
    try correct(
      account, &history, readings, profile, plans, decisions, accepted, &result, at: now)
    for cycle in due.ready + [due.waiting].compactMap({ $0 }) {
      let before = history.filter { $0.cycle < cycle.month }
      let closing = closeCycle(
        account: account, cycle: cycle, readings: readings, profile: profile,
        windowState: before.window(before: cycle, of: account, plans: plans, knownOn: today), plans: plans,
        knownOn: today,
        // A month that was cancelled, and is the account's again, goes on counting.
        version: (documents.filter { $0.cycle == cycle.month }.map(\.version).max() ?? 0) + 1)
      var reasons: [HoldReason] = []
      switch closing {
      case .bill(let bill):
        result.digests.insert(bill.digest)
        reasons = billedElsewhere(bill, others: try book.others(than: bill) + history)
        guard reasons.isEmpty else { break }
        let look = TrialLook(
          account: account, plans: plans, standing: history, readings: readings, profile: profile,
          accepted: accepted, today: today, isFirst: isFirst)
        if let reason = review.untried(bill, look) ?? held(bill, after: before, decisions, &result.reviews, at: now) {
          result.waiting = Waiting(hold: hold(cycle.label, reason), isForReadings: false)
          return result
        }
        result.bills.append(BillRecord(bill, at: now.unixMilliseconds))
        if let issued = IssuedBill(bill, at: now.unixMilliseconds) {
          history.insert(issued, at: before.count)
        }
      case .hold(let found): reasons = found
      }
      guard reasons.isEmpty else {
        let text = reasons.map(\.description).joined(separator: "; ")
        let isForReadings = reasons.allSatisfy { reason in
          switch reason {
          case .missingReading, .missingRecords, .unfrozenRates, .unreadError: true
          default: false
          }
        }
        result.waiting = Waiting(hold: hold(cycle.label, text), isForReadings: isForReadings)
        return result
      }
    }
    return result
  }

  /// Why a bill waits for a person; `nil` where it may be issued.
  func held(
    _ bill: ClosedBill, after history: [IssuedBill], instead old: IssuedBill? = nil, _ decisions: Decisions,
    _ reviews: inout [ReviewRecord], at now: HostInstant
  ) -> String? {
    let findings = review.holding(
      Billing.review(bill, after: history, limits: review.limits).findings, instead: old, decisions)
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
  /// Compares issued bills with what this basis makes of them, once; accounts where they differ are not billed until
  /// somebody has accepted it. Told are those of the accounts `only`, or of all.
  private func tryBooks(at now: HostInstant, telling only: Set<String>? = nil) async throws(StoreError) {
    guard review.trial, blocked == nil else { return }
    guard try reader.fact(BillingTrial.fact) != BillingTrial.basis(accounts, plans) else {
      blocked = [:]
      report(.billingWaitsForTrial(differences: 0))
      return
    }
    let trial = try BillingTrial(
      reader: reader, accounts: accounts, plans: plans, all: review.correctsByItself, at: now.unixMilliseconds)
    let waiting = trial.rows.filter { !$0.isFree && $0.version == nil }
    blocked = Dictionary(grouping: waiting, by: \.account).mapValues { rows in
      Blocked(bills: rows.count, cycle: rows.map(\.cycle).min() ?? "")
    }
    report(.billingWaitsForTrial(differences: waiting.count { only?.contains($0.account) ?? true }))
    guard waiting.isEmpty else { return }
    let record = AuditRecord(
      at: now.unixMilliseconds, actor: "daemon", line: "", function: "bill-trial", target: trial.basis,
      outcome: "accepted", detail: "\(trial.rows.count) bills rated again, nothing new in them")
    try await store.accept([], fact: (BillingTrial.fact, trial.basis), record)
  }

  /// Whether the bill of a review is still what billing would make now; true where that cannot be told.
  func isCurrent(_ record: ReviewRecord) async throws(StoreError) -> Bool {
    let now = now()
    guard now.clock != .unsynchronised, let account = accounts.first(where: { $0.id == record.account }) else {
      return true
    }
    try await tryBooks(at: now)
    if blocked?[account.id] != nil { return true }
    let closed = try close(account, Decisions(reader.reviews()), reader.acceptedResults(), at: now)
    // Behind an earlier cycle that waits it is not made at all.
    if let waiting = closed.waiting?.hold.cycle, waiting < record.cycle { return true }
    return closed.digests.contains(record.digest)
  }
}

extension Configuration.ReviewEntry {
  /// What was never billed so before. Another plan is the trial's matter where there is one.
  private func isFirst(_ rule: ReviewRule) -> Bool {
    [.firstBill, .meterChanged, .multiplierChanged].contains(rule) || (rule == .planChanged && !trial)
  }

  /// Whether a finding keeps a bill from being issued.
  func holds(_ finding: ReviewFinding) -> Bool {
    switch finding.weight {
    case .stop: true
    case .note: false
    case .look:
      holding.contains(finding.rule) || firstBills && isFirst(finding.rule)
    }
  }

  /// Findings that keep a bill from being issued. Of one that stands `instead` of another, what somebody has accepted of
  /// that is no news, and a first bill that was.
  func holding(
    _ findings: [ReviewFinding], instead old: IssuedBill? = nil, _ decisions: Decisions
  ) -> [ReviewFinding] {
    let held = findings.filter(holds)
    guard let old else { return held }
    let seen = decisions[old.account, "\(old.cycle)", old.digest].flatMap { stored in
      stored.decision?.word == .accepted ? stored.review.findings : nil
    }
    return held.filter { $0.rule != .firstBill && seen?.contains($0.description) != true }
  }

  /// Why a bill waits for a trial: prices that nothing of the account was billed by, and nobody has looked at.
  func untried(_ bill: ClosedBill, _ look: TrialLook) -> String? {
    guard trial, let plan = bill.bills.map(\.plan).first(where: { !look.isFree($0) }) else { return nil }
    return
      "plan \(plan.name) valid from \(plan.validFrom) has prices or rules that nothing was billed by yet; meterd bill"
      + " trial shows what they make of the last use, and accepts them"
  }
}
