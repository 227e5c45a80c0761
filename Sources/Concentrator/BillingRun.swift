internal import Acquisition
public import Billing
internal import Host
internal import Metering
internal import Rating
public import Store

/// Bills without a daemon. Each takes the store for this process and leaves it as a run that was not at the lines.
public enum BillingRun {
  /// Closes every cycle that is due.
  ///
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - section: only of its accounts; `nil` for all.
  /// - Returns: what was issued and what waits; `billingWaitsForTrial` among it where accounts were left out.
  /// - Throws: `Complaint` for a section that is none, and where the store cannot be had.
  public static func once(
    _ station: Station, section: String? = nil
  ) async throws(Complaint) -> [StationEvent] {
    var only: Set<String>?
    if let section { only = try station.configuration.accounts(ofSection: section) }
    let accounts = only
    var all: [StationEvent] = []
    let (events, tell) = AsyncStream.makeStream(of: StationEvent.self)
    try await withStore(station) { (store) throws(Complaint) in
      do throws(StoreError) {
        let clock = station.clock
        let desk = try BillingDesk(
          store: store, accounts: station.accounts, plans: station.plansByAccount,
          review: station.configuration.review, now: { clock.now }
        ) { tell.yield($0) }
        try await desk.pass(all: true, only: accounts)
      } catch {
        throw Complaint(error)
      }
    }
    tell.finish()
    for await event in events {
      if case .billingWaitsForClock = event { throw clockComplaint(station) }
      if case .billingWaitsForTrial(0) = event { continue }
      all.append(event)
    }
    return all
  }

  private static func clockComplaint(_ station: Station) -> Complaint {
    Complaint(
      .tryLater, "nothing is billed while nobody has set this machine's clock",
      "Look at timedatectl. Where the clock is set from outside, say trust-host-clock = true in \(station.configuration.file)."
    )
  }

  /// What billing again would bring: cycles that come out otherwise, and those that cannot be billed now.
  public struct Finding: Sendable {
    public let account: String
    public let cycle: String
    /// The bill that stands.
    public let bill: Int64
    /// New less old; `nil` where it cannot be billed now.
    public let differenceFen: Int64?
    /// Why.
    public let reasons: [String]

    /// `bill 3 of A-1001 for 2026-09 would be different by 1.23: reading 4711 has a newer one, ...`
    public var text: String {
      let reason = reasons.joined(separator: "; ")
      guard let differenceFen else {
        return "bill \(bill) of \(account) for \(cycle) could not be billed now: \(reason)"
      }
      return "bill \(bill) of \(account) for \(cycle) would be different by \(Money(fen: differenceFen)): \(reason)"
    }
  }

  /// Looks for issued bills that would come out otherwise, without changing anything.
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - reader: of the store.
  ///   - accounts: only these; `nil` for all.
  /// - Returns: by account, then by cycle.
  /// - Throws: `Complaint` where the store cannot be read.
  public static func findings(
    _ station: Station, reader: StoreReader, accounts: Set<String>? = nil
  ) throws(Complaint) -> [Finding] {
    var found: [Finding] = []
    do throws(StoreError) {
      for each in station.accounts where accounts?.contains(each.id) ?? true {
        guard let again = try replayed(each, station, reader, .reversal) else { continue }
        for correction in again.replay.corrections {
          found.append(
            Finding(
              account: each.id, cycle: "\(correction.original.cycle)", bill: correction.original.id,
              differenceFen: correction.amount.fen, reasons: correction.causes.map(\.description)))
        }
        for (month, reasons) in again.replay.stuck.sorted(by: { $0.key < $1.key }) {
          found.append(
            Finding(
              account: each.id, cycle: "\(month)", bill: again.standing.first { $0.cycle == month }?.id ?? 0,
              differenceFen: nil, reasons: reasons.map(\.description)))
        }
      }
    } catch {
      throw Complaint(error)
    }
    return found
  }

  /// An account's bills made again, and what of.
  private struct Replayed {
    let standing: [IssuedBill]
    let replay: Replay
    let plans: PlanCatalogue
    let readings: [JournalReading]
    let profile: ProfileReadings
  }

  private static func replayed(
    _ account: Account, _ station: Station, _ reader: StoreReader, _ form: CorrectionForm
  ) throws(StoreError) -> Replayed? {
    guard let plans = station.plansByAccount[account.id] else { return nil }
    let book = BillBook(reader: reader)
    let standing = BillBook.standing(try book.documents(of: account.id))
    guard !standing.isEmpty else { return nil }
    let now = station.clock.now.unixMilliseconds
    let readings = try book.readings(of: account, plans: plans, until: now)
    let profile = try book.profile(of: account, until: now)
    let again = replay(
      account, standing: standing, readings: readings, profile: profile, plans: plans,
      knownOn: account.zone.local(unixMilliseconds: now).date, form: form)
    return Replayed(standing: standing, replay: again, plans: plans, readings: readings, profile: profile)
  }

  /// A document that was issued by a correction.
  public struct Issued: Sendable {
    public let bill: Int64
    public let record: BillRecord
    /// What the review rules found of it, those that a person accepted among it; nothing of a reversal.
    public let findings: [ReviewFinding]
  }

  /// What a correction brought.
  public struct Corrected: Sendable {
    /// In the order of issue; nothing where all comes out the same.
    public var issued: [Issued] = []
    /// The first later correction that had to be left out, and the cycle that it waits for; `nil` where none was.
    public var waiting: Replay.Waiting?
  }

  /// Corrects a cycle of an account and every later one that comes out otherwise, in one transaction; up to one that
  /// cannot be billed now where they do not hang together.
  ///
  /// - Parameters:
  ///   - station: accounts, tariffs and review rules.
  ///   - id: the account.
  ///   - cycle: the first one, `YYYY-MM`.
  ///   - form: what they are issued as.
  ///   - accepting: names of review rules whose findings the person has looked at and accepts.
  ///   - shown: the beginning of the number that the refusal ended with which the person saw, at least eight digits.
  ///   - actor: who.
  ///   - reason: why.
  /// - Returns: what was issued, and what waits.
  /// - Throws: `Complaint` where nothing was issued: what is asked for is not there or cannot be billed, a review rule
  ///   holds a new bill, or what people changed in the books was accepted by nobody.
  public static func correct(
    _ station: Station, account id: String, from cycle: String, form: CorrectionForm, accepting: [String] = [],
    shown: String? = nil, actor: String, reason: String
  ) async throws(Complaint) -> Corrected {
    try await withStore(station) { (store) throws(Complaint) in
      try await correct(
        station, store, account: id, from: cycle, form: form, accepting: accepting, shown: shown, actor: actor,
        reason: reason)
    }
  }

  /// The same on an open store.
  static func correct(
    _ station: Station, _ store: Store, account id: String, from cycle: String, form: CorrectionForm,
    accepting: [String], shown: String?, actor: String, reason: String
  ) async throws(Complaint) -> Corrected {
    let gate = try CorrectionGate(station.configuration.review, accepting: accepting, shown: shown)
    guard let account = station.accounts.first(where: { $0.id == id }) else {
      throw Complaint(
        .usage, "\(station.configuration.file) has no account \"\(ControlRequest.plain(id))\"",
        "meterd bill list shows who was billed.")
    }
    guard let month = YearMonth(cycle) else {
      throw Complaint(
        .usage, "\"\(ControlRequest.plain(cycle))\" is no cycle", "Write the month that it closes, such as 2026-10.")
    }
    let now = station.clock.now
    guard now.clock != .unsynchronised else { throw clockComplaint(station) }
    let reader = try told { () throws(StoreError) in try StoreReader(path: store.path) }
    let found = try told { () throws(StoreError) in try replayed(account, station, reader, form) }
    guard let again = found else { return Corrected() }
    guard again.standing.contains(where: { $0.cycle == month }) else {
      throw Complaint(
        .badData, "no bill of \(id) for \(cycle) stands", "meterd bill list shows which cycles were billed.")
    }
    if let first = again.replay.corrections.first?.original.cycle, first < month {
      throw Complaint(
        .badData, "\(first) of \(id) comes out otherwise too, and \(cycle) builds on it",
        "Correct from there: meterd bill correct \(id) \(first)")
    }
    let (free, waiting) = again.replay.untilStuck(again.standing)
    if free.corrections.isEmpty || again.replay.stuck[month] != nil,
      let (stuck, reasons) = again.replay.stuck.sorted(by: { $0.key < $1.key }).first(where: { $0.key >= month })
    {
      throw Complaint(
        .badData, "\(stuck) of \(id) cannot be billed now: \(reasons.map(\.description).joined(separator: "; "))",
        "Nothing was corrected. Mend that first.")
    }
    let finally = free.standing(after: again.standing, at: now.unixMilliseconds)
    let book = BillBook(reader: reader)
    for correction in free.corrections {
      guard let new = correction.replacement else { continue }
      let others = try told { () throws(StoreError) in try book.others(than: new) }
      guard let twice = billedElsewhere(new, others: others + finally).first else { continue }
      throw Complaint(
        .badData, "\(correction.original.cycle) of \(id) would charge energy twice: \(twice)",
        "Nothing was corrected. Mend from, to or settlement-day in \(station.configuration.file).")
    }
    let (decisions, accepted) = try told { () throws(StoreError) in
      (try Decisions(reader.reviews()), try reader.acceptedResults())
    }
    let look = TrialLook(
      account: account, plans: again.plans, standing: again.standing, readings: again.readings, profile: again.profile,
      accepted: accepted, today: account.zone.local(unixMilliseconds: now.unixMilliseconds).date)
    let looks = try gate.pass(free.corrections, look, decisions, at: now.unixMilliseconds)
    let issued: [Issued]
    do throws(StoreError) {
      var records: [BillRecord] = []
      for look in looks {
        try await store.open(look.review.map { [$0] } ?? [])
        let reviews = try look.review.map { (record) throws(StoreError) in try Decisions(reader.reviews())[record] }
        guard let review = reviews ?? nil else { continue }
        let rules = look.accepted.map(\.description).joined(separator: "; ")
        try await store.decide(
          review.id,
          ReviewDecision(
            .accepted, actor: actor, at: now.unixMilliseconds, reason: "\(reason) (its correction accepts \(rules))"))
      }
      for correction in free.corrections {
        let causes = correction.causes.map(\.description).joined(separator: "; ")
        records += try BillRecord.records(
          of: correction, form: form, actor: actor, reason: "\(reason) (\(causes))", at: now.unixMilliseconds)
      }
      let cursor = try await store.cursor(of: BillingDesk.consumer)
      let issues = try await store.issue(records, consumer: BillingDesk.consumer, through: cursor)
      issued = zip(records, issues).map { record, issue in
        switch issue {
        case .issued(let bill), .alreadyIssued(let bill):
          Issued(
            bill: bill, record: record,
            findings: record.kind == IssuedKind.reversal.rawValue
              ? [] : looks.first { $0.cycle == record.cycle }?.findings ?? [])
        }
      }
    } catch {
      throw Complaint(error)
    }
    return Corrected(issued: issued, waiting: waiting)
  }

  /// The last bills of each account rated again, and all of them where they would be corrected without being asked; see
  /// `BillingTrial`.
  public static func trial(
    _ station: Station, reader: StoreReader, cycles: Int = 1
  ) throws(Complaint) -> BillingTrial {
    do throws(StoreError) {
      return try BillingTrial(
        reader: reader, accounts: station.accounts, plans: station.plansByAccount, cycles: cycles,
        all: station.configuration.review.correctsByItself, at: station.clock.now.unixMilliseconds)
    } catch {
      throw Complaint(error)
    }
  }

  /// Notes that bills may be issued by the plans, engine and master data that there are now.
  ///
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - shown: the beginning of `BillingTrial.shown` of what the person saw, at least eight digits.
  ///   - cycles: how many of the last cycles were shown.
  ///   - choice: which rows were shown and are meant.
  ///   - actor: who accepts it.
  ///   - reason: why.
  /// - Returns: how many results were accepted that were not before.
  /// - Throws: `Complaint` where what would be accepted is not what was shown, or has no amount.
  @discardableResult
  public static func acceptTrial(
    _ station: Station, shown: String, cycles: Int = 1, _ choice: TrialChoice = TrialChoice(), actor: String,
    reason: String
  ) async throws(Complaint) -> Int {
    try await withStore(station) { (store) throws(Complaint) in
      try await acceptTrial(station, store, shown: shown, cycles: cycles, choice, actor: actor, reason: reason)
    }
  }

  /// The same on an open store.
  static func acceptTrial(
    _ station: Station, _ store: Store, shown: String, cycles: Int, _ choice: TrialChoice, actor: String,
    reason: String
  ) async throws(Complaint) -> Int {
    let whole = try trial(
      station, reader: try told { () throws(StoreError) in try StoreReader(path: store.path) }, cycles: cycles)
    let trial = try whole.choosing(choice)
    guard shown.utf8.count >= 8, trial.shown.hasPrefix(shown) else {
      throw Complaint(
        .badData, "the trial comes out as \(trial.shown.prefix(12)) now, not as \(ControlRequest.plain(shown))",
        "Tariffs, master data or bills have changed since it was shown, or other cycles, accounts or plans were. Look at meterd bill trial again, and accept the number that it ends with."
      )
    }
    if !choice.withoutAmount, let unrated = trial.unrated { throw unrated }
    do throws(StoreError) {
      try await trial.accept(
        in: store, actor: actor, reason: reason, at: station.clock.now.unixMilliseconds,
        of: choice.isAll ? nil : whole)
    } catch {
      throw Complaint(error)
    }
    return trial.rows.count { !$0.isFree }
  }

  /// Decides on a bill that waits.
  ///
  /// - Throws: `Complaint` where there is no such review, or the bill that waits by now is another one.
  public static func decide(_ station: Station, review: Int64, _ decision: ReviewDecision) async throws(Complaint) {
    try await withStore(station) { (store) throws(Complaint) in
      try await decide(station, store, review: review, decision)
    }
  }

  /// The same on an open store.
  static func decide(
    _ station: Station, _ store: Store, review: Int64, _ decision: ReviewDecision
  ) async throws(Complaint) {
    let reviews = try told { () throws(StoreError) in try StoreReader(path: store.path).reviews() }
    guard let record = reviews.first(where: { $0.id == review })?.review else {
      throw Complaint(StoreError.unknownReview(review))
    }
    do throws(StoreError) {
      let clock = station.clock
      // A desk of its own, which tries the books anew.
      let desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount,
        review: station.configuration.review, now: { clock.now }, report: { _ in })
      if try await desk.isCurrent(record) { return try await store.decide(review, decision) }
    } catch {
      throw Complaint(error)
    }
    let newer = reviews.last { ($0.review.account, $0.review.cycle) == (record.account, record.cycle) }
    throw Complaint(
      .badData,
      "review \(review) is of a bill of \(record.account) for \(record.cycle) that is not the one that waits now",
      newer.map { $0.id != review } == true
        ? "It is made of other readings, terms or prices by now: decide on review \(newer?.id ?? review)."
        : "It is made of other readings, terms or prices by now, or was issued. meterd bill run shows what waits; look at that."
    )
  }

  /// Writes a new version of a reading.
  /// - Returns: its number.
  /// - Throws: `Complaint` where the reading is not the one that stands, or its register cannot show the value.
  static func revise(_ station: Station, _ store: Store, _ revision: Revision) async throws(Complaint) -> Int64 {
    let reader = try told { () throws(StoreError) in try StoreReader(path: store.path) }
    if let named = try told({ () throws(StoreError) in try reader.reading(revision.reading) }) {
      let key = named.reading.key
      var filter = ReadingFilter()
      (filter.meter, filter.quantity, filter.kind) = (key.meter, key.quantity, key.kind)
      (filter.since, filter.until) = (key.instant, key.instant + 1)
      var standing = named
      try told { () throws(StoreError) in
        try reader.readings(filter) { if $0.version > standing.version { standing = $0 } }
      }
      // The very same again, as after an answer that was lost, is no other decision.
      let isThere =
        standing.verdict.status == .accepted
        && (revision.value ?? named.reading.value).millionths == standing.reading.value.millionths
      guard standing.sequence == revision.reading || isThere else {
        throw Complaint(
          .badData,
          "reading \(revision.reading), \(named.reading.value), was replaced: reading \(standing.sequence),"
            + " \(standing.reading.value), stands",
          "Nothing was changed. Where that is wrong, correct it: meterd review correct \(standing.sequence)")
      }
      if let value = revision.value { try check(value, of: key.quantity, on: key.meter, station) }
    }
    do throws(StoreError) {
      return try await store.revise(revision)
    } catch {
      throw Complaint(error)
    }
  }

  /// Holds that a register of a meter can show a value.
  private static func check(
    _ value: RegisterValue, of quantity: Quantity, on meter: MeterID, _ station: Station
  ) throws(Complaint) {
    guard quantity.unit == .kilowattHour || quantity.unit == .kilovarHour,
      let range = station.meters.joined().first(where: { $0.id == meter })?.profile.counterRange,
      value.millionths >= range.capacity
    else { return }
    throw Complaint(
      .badData,
      "\(quantity) of meter \(meter) cannot show \(value): its register counts from 0 to below"
        + " \(range.capacity / 1_000_000)",
      "Nothing was changed. Mend the value; where it is right, energy-digits of the device profile is wrong.")
  }

  /// Writes a reading that a person took: of a meter that was taken away or put in, or of one that cannot be reached.
  ///
  /// It counts at its instant until the meter tells better. Its kind is that of estimates, its quality `substituted`.
  /// - Returns: its number.
  static func enter(
    _ station: Station, _ store: Store, meter: String, quantity: String, at time: MeterTime, value: RegisterValue,
    occurred: MeterTime? = nil, actor: String, reason: String
  ) async throws(Complaint) -> Int64 {
    guard let id = MeterID(meter), station.meters.joined().contains(where: { $0.id == id }) else {
      throw Complaint(
        .usage, "\(station.configuration.file) has no meter \"\(ControlRequest.plain(meter))\"",
        "meterd check tells what it names.")
    }
    guard let known = Quantity(name: quantity) else {
      throw Complaint(
        .usage, "\"\(ControlRequest.plain(quantity))\" is no quantity",
        "Write a name such as energy.import.active.total.")
    }
    if let id = MeterID(meter) { try check(value, of: known, on: id, station) }
    let now = station.clock.now
    let instant = station.configuration.zone.unixMilliseconds(of: time)
    guard instant <= now.unixMilliseconds + 60_000 else {
      throw Complaint(
        .badData, "\(time) is still to come: no reading can be of it",
        "Mend the date; if it is right, the clock of this host is slow.")
    }
    let key = ReadingKey(
      meter: id, quantity: known, kind: .estimate, instant: instant)
    let reading = Reading(
      key: key, value: value, quality: .substituted, occurred: occurred, hostTime: now, bootTime: HostClock.boot)
    do throws(StoreError) {
      return try await store.enter(reading, actor: actor, reason: reason, at: now.unixMilliseconds)
    } catch {
      throw Complaint(error)
    }
  }

  private static func told<Result>(_ body: () throws(StoreError) -> Result) throws(Complaint) -> Result {
    do throws(StoreError) {
      return try body()
    } catch {
      throw Complaint(error)
    }
  }

  private static func withStore<Result: Sendable>(
    _ station: Station, _ body: (Store) async throws(Complaint) -> Result
  ) async throws(Complaint) -> Result {
    let store = try told { () throws(StoreError) in try Store(path: station.configuration.store) }
    do throws(Complaint) {
      let result = try await body(store)
      await store.close(settled: false)
      return result
    } catch {
      await store.close(settled: false)
      throw error
    }
  }
}
