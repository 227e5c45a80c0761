internal import Billing
internal import Metering
internal import Rating
public import Store

/// Bills rated again without issuing anything: what another plan file, another engine or other master data would have
/// made of the same readings, and what the last use would cost under prices that nothing was billed by yet. 试算
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
    /// Why it differs, or why it cannot be rated, and where else it began; empty where all is as it was.
    public let reasons: [String]
    /// True where everything that it charges comes out the same.
    public let isSame: Bool
    /// The version of a plan that its use was rated under to see what comes; `nil` for the bill's own.
    public let version: String?
    /// The versions of plans that it is about: those that the bill was issued by, or the one that comes.
    public let plans: [PlanMark]
    /// What came out, for whoever accepts it.
    public let result: TrialResult
    /// True where somebody has accepted exactly this before.
    public let isAccepted: Bool

    /// False where billing must wait for somebody to say that this is meant.
    public var isFree: Bool { isSame || isAccepted }

    /// A version of a plan, as tariff files name it.
    public struct PlanMark: Hashable, Sendable {
      public let name: String
      /// `YYYY-MM-DD`.
      public let validFrom: String
    }
  }

  public let rows: [Row]
  /// Fingerprint of program, engine, plans and master data.
  public let basis: String
  /// Fingerprint of the basis and of everything in `rows` that differs: what a person accepts is what was shown.
  public let shown: String

  static let fact = "billing.basis"

  /// Rates the last `cycles` bills of each account again, and all where any could be corrected without being asked.
  /// `now` is in milliseconds since 1970.
  init(
    reader: StoreReader, accounts: [Account], plans: [String: PlanCatalogue], cycles: Int = 1, all: Bool = false,
    at now: Int64
  ) throws(StoreError) {
    basis = Self.basis(accounts, plans)
    let accepted = try reader.acceptedResults()
    var rows: [Row] = []
    let book = BillBook(reader: reader)
    for account in accounts {
      guard let plans = plans[account.id] else { continue }
      let standing = BillBook.standing(try book.documents(of: account.id))
      guard !standing.isEmpty else { continue }
      let readings = try book.readings(of: account, plans: plans, until: now)
      let due = BillBook.due(of: account, billed: standing.map(\.cycle), readings: readings, at: now)
      let tried = all ? nil : standing.suffix(max(1, cycles)).first.flatMap { account.cycle($0.cycle)?.from }
      let open = ([due.unread, due.waiting].compactMap(\.self) + due.ready).map(\.from).min()
      let profile = try book.profile(of: account, from: tried.map { min($0, open ?? $0) }, until: now)
      let look = TrialLook(
        account: account, plans: plans, standing: standing, readings: readings,
        profile: profile, accepted: accepted,
        today: account.zone.local(unixMilliseconds: now).date)
      for index in standing.indices {
        let isLast = index >= standing.count - cycles
        guard all || isLast else { continue }
        let row = look.again(index)
        if isLast || !row.reasons.isEmpty { rows.append(row) }
      }
      rows += look.untried(due: due, corrects: all).map(look.ahead)
    }
    self.rows = rows
    shown = Self.fingerprint(basis, rows)
  }

  init(_ rows: [Row], of basis: String) {
    self.rows = rows
    self.basis = basis
    shown = Self.fingerprint(basis, rows)
  }

  private static func fingerprint(_ basis: String, _ rows: [Row]) -> String {
    let different = rows.filter { !$0.isSame }.map {
      "\($0.result.bill) \($0.result.result) \($0.againFen.map(String.init) ?? "none")"
    }
    return sha256Hex(([basis] + different).joined(separator: "\n").utf8)
  }

  static func basis(_ accounts: [Account], _ plans: [String: PlanCatalogue]) -> String {
    sha256Hex(ratingBasis(accounts: accounts, plans: plans, program: meterdVersion).utf8)
  }

  /// True where nothing waits for somebody to accept it.
  public var isAccepted: Bool { rows.allSatisfy(\.isFree) }

  /// Notes that what differs is meant, and that this basis may be billed with; of a part of the trial `whole` the basis
  /// only where no bill of that is left.
  func accept(
    in store: Store, actor: String, reason: String, at: Int64, of whole: BillingTrial? = nil
  ) async throws(StoreError) {
    let waiting = rows.filter { !$0.isFree }.map(\.result)
    let accepted = Set(waiting)
    let isWhole =
      whole?.rows.allSatisfy { $0.isFree || $0.version != nil || accepted.contains($0.result) } ?? true
    let accounts = Set(waiting.map(\.account)).sorted()
    let record = AuditRecord(
      at: at, actor: actor, line: "", function: "bill-trial", target: basis, outcome: "accepted",
      detail: whole == nil || waiting.isEmpty
        ? reason : "\(waiting.count) of \(accounts.joined(separator: " ")): \(reason)")
    try await store.accept(waiting, fact: isWhole ? (Self.fact, basis) : nil, record)
  }
}

/// One account's bills while they are tried.
struct TrialLook {
  let account: Account
  let plans: PlanCatalogue
  /// What stands, in the order of the cycles.
  let standing: [IssuedBill]
  let readings: [JournalReading]
  let profile: ProfileReadings
  let accepted: Set<TrialResult>
  let today: CivilDate
  /// True where no bill of the account stands in the store.
  var isFirst = false

  /// A bill rated again from its own readings, as plans were known when it was issued.
  func again(_ index: Int) -> BillingTrial.Row {
    let bill = standing[index]
    switch closing(index) {
    case .hold(let reasons):
      let texts = reasons.map(\.description)
      return row(bill, nil, texts, result: "none \(sha256Hex(texts.joined(separator: "\n").utf8))")
    case .bill(let again):
      let charges = Charges(again)
      let isSame = charges == Charges(bill.parts)
      var reasons = isSame ? [] : causes(of: again, instead: bill).map(\.description)
      if !bill.began(after: index > 0 ? standing[index - 1] : nil) {
        // No file did that, so it waits for nobody here; new documents did.
        reasons.append(
          "it was made from another point of its tier window than the cycle before it leaves now, as an earlier one was"
            + " billed or corrected after it; meterd bill correct \(account.id) \(bill.cycle) takes that up")
      }
      return row(bill, again.total, reasons, isSame: isSame, result: Self.result(of: charges))
    }
  }

  private func closing(_ index: Int) -> Closing {
    rateAgain(
      standing[index], after: index > 0 ? standing[index - 1] : nil, account: account, readings: readings,
      profile: profile, plans: plans)
  }

  /// A version of a plan that no bill of the account was rated by.
  struct Untried {
    let plan: Plan
    /// Those that wait to be billed by it; `nil` where it only comes.
    var days: DayRange?
    /// The cycle that waits for it; `nil` where none does.
    var cycle: Cycle?
  }

  /// Versions that the account's bills would be rated by and never were: those of every cycle that is due, earlier ones
  /// too, those of bills that would be corrected, and those that come by what is agreed.
  func untried(due: DueCycles, corrects: Bool) -> [Untried] {
    guard let first = standing.first?.parts.first?.days.from, let end = standing.last?.parts.last?.days.to else {
      return []
    }
    var found: [Untried] = []
    func add(_ plan: Plan, _ days: DayRange? = nil, _ cycle: Cycle? = nil) {
      let isFound = found.contains { ($0.plan.name, $0.plan.pricingDigest) == (plan.name, plan.pricingDigest) }
      if !isKnown(plan), !isFound { found.append(Untried(plan: plan, days: days, cycle: cycle)) }
    }
    for cycle in due.ready + [due.waiting].compactMap(\.self) {
      for (days, plan) in account.versions(in: cycle, plans: plans, knownOn: today) { add(plan, days, cycle) }
    }
    if corrects {
      let again = replay(
        account, standing: standing, readings: readings, profile: profile, plans: plans, knownOn: today)
      for bill in again.corrections.flatMap({ $0.replacement?.bills ?? [] }) { add(bill.plan, bill.usage.days) }
    }
    // Where a version ends an older one may hold again.
    let ends = plans.plans.compactMap(\.validTo).map { CivilDate(daysSince1970: $0.daysSince1970 + 1) }
    let changes = plans.plans.map(\.validFrom) + ends + account.terms.compactMap(\.from)
    for day in Set(changes.map { max($0, first) } + [end]).sorted() {
      guard let name = account.terms(on: day)?.plan,
        let one = DayRange(from: day, to: CivilDate(daysSince1970: day.daysSince1970 + 1)),
        let plan = plans.plan(name, for: one, knownOn: today)
      else { continue }
      add(plan)
    }
    return found
  }

  /// True where a bill of the account was rated by what decides the prices of `plan`.
  private func isKnown(_ plan: Plan) -> Bool { standing.contains { $0.isPriced(like: plan) } }

  /// True where bills may be issued by `plan`: others were, or somebody has seen what it makes of the last use.
  ///
  /// An account that has no bill yet has no last use either: its first look is free of trials, and the review of first
  /// bills is what holds it. Another version of a plan that the look itself has billed by is none of its first ones.
  func isFree(_ plan: Plan) -> Bool {
    isKnown(plan) || isFirst && !standing.contains { $0.parts.contains { $0.plan.name == plan.name } }
      || accepted.contains { $0.account == account.id && $0.result == Self.result(of: plan) }
  }

  private static func result(of plan: Plan) -> String { "plan \(plan.name) \(plan.pricingDigest)" }

  /// The use of the last bill under a version that nothing was billed by.
  func ahead(_ untried: Untried) -> BillingTrial.Row {
    let plan = untried.plan
    let index = standing.count - 1
    let bill = standing[index]
    let version = "\(plan.name) valid from \(plan.validFrom)"
    let isBilled = standing.contains { old in
      old.parts.contains { ($0.plan.name, $0.plan.validFrom) == (plan.name, "\(plan.validFrom)") }
    }
    let none = "no bill was made by \(version) \(isBilled ? "as its file says it now" : "yet")"
    func row(_ total: Money?, _ reason: String) -> BillingTrial.Row {
      self.row(bill, total, [reason], by: plan, version: version, result: Self.result(of: plan))
    }
    if let cycle = untried.cycle, !standing.contains(where: { $0.parts.contains { $0.plan.name == plan.name } }) {
      // A plan of another name may have other periods and terms: only a use that was read for it tells anything.
      return itself(cycle, none, row)
    }
    guard case .bill(let again) = closing(index), let last = again.bills.last, again.bills.count == 1 else {
      if let cycle = untried.cycle { return itself(cycle, none, row) }
      return row(nil, "\(none), and the last use cannot be rated under it as a whole")
    }
    var usage = last.usage
    if last.plan.name != plan.name { usage.earlier = .nothing }
    if let intervals = again.intervals.first ?? nil {
      // The hours of the other version may be others.
      do throws(SettlementError) {
        usage = usage.settled(by: try intervals.settled(under: plan))
      } catch {
        return row(nil, "\(none), and the last use cannot be put into its hours: \(error)")
      }
    }
    if !plan.applies(to: usage.days) {
      guard let days = untried.days ?? account.firstCycle(under: plan, from: usage.days.to) else {
        return row(nil, "\(version) does not hold for a whole cycle")
      }
      usage.days = days
      if last.windowAfter?.start != plan.tiers?.windowStart(of: days.months.upperBound) { usage.earlier = .nothing }
    }
    do throws(RatingError) {
      let bill = try rate(usage, under: plan)
      return row(bill.total, "\(none); the use of \(usage.days) at its prices")
    } catch {
      if let cycle = untried.cycle { return itself(cycle, none, row) }
      return row(nil, "\(none), and the last use cannot be rated by it: \(error)")
    }
  }

  /// The cycle that waits for a version, as it would be billed.
  private func itself(
    _ cycle: Cycle, _ none: String, _ row: (Money?, String) -> BillingTrial.Row
  ) -> BillingTrial.Row {
    let closing = closeCycle(
      account: account, cycle: cycle, readings: readings, profile: profile,
      windowState: standing.window(before: cycle, of: account, plans: plans, knownOn: today), plans: plans,
      knownOn: today)
    switch closing {
    case .bill(let bill): return row(bill.total, "\(none); \(cycle.label) is the first")
    case .hold(let reasons):
      let words = reasons.map(\.description).joined(separator: "; ")
      return row(nil, "\(none), and \(cycle.label) cannot be: \(words)")
    }
  }

  /// What an acceptance of a bill's row names that charges this.
  static func result(of charges: Charges) -> String { "again \(charges.digest)" }

  private func row(
    _ bill: IssuedBill, _ total: Money?, _ reasons: [String], isSame: Bool = false, by plan: Plan? = nil,
    version: String? = nil, result: String
  ) -> BillingTrial.Row {
    let plans =
      plan.map { [BillingTrial.Row.PlanMark(name: $0.name, validFrom: "\($0.validFrom)")] }
      ?? bill.parts.map { BillingTrial.Row.PlanMark(name: $0.plan.name, validFrom: $0.plan.validFrom) }
    let result = TrialResult(bill: bill.id, account: account.id, result: result)
    let isKnown =
      version == nil
      ? accepted.contains(result) : accepted.contains { ($0.account, $0.result) == (account.id, result.result) }
    return BillingTrial.Row(
      account: account.id, cycle: "\(bill.cycle)", bill: bill.id, issuedFen: bill.total.fen, againFen: total?.fen,
      reasons: reasons, isSame: isSame, version: version, plans: plans, result: result, isAccepted: isKnown)
  }
}

extension Account {
  /// The days of the first cycle from `day` on that a plan applies to as a whole; `nil` where there is none in two years.
  fileprivate func firstCycle(under plan: Plan, from day: CivilDate) -> DayRange? {
    let start = YearMonth(of: max(day, plan.validFrom))
    for offset in -1...24 {
      guard let cycle = Cycle(start + offset, settlement: settlement),
        let days = DayRange(from: cycle.from.date, to: cycle.to.date), days.from >= day, plan.applies(to: days)
      else { continue }
      return days
    }
    return nil
  }
}
