internal import Acquisition
public import Billing
internal import Host
public import Metering
internal import Rating
public import Store

/// Bills without a daemon. Each takes the store for this process and leaves it as a run that was not at the lines.
public enum BillingRun {
  /// Closes every cycle that is due.
  /// - Returns: what was issued and what waits; `billingWaitsForTrial` among it where accounts were left out.
  public static func once(_ station: Station) async throws(Complaint) -> [StationEvent] {
    var all: [StationEvent] = []
    let (events, tell) = AsyncStream.makeStream(of: StationEvent.self)
    try await withStore(station) { store throws(StoreError) in
      let clock = station.clock
      let desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount,
        review: station.configuration.review, now: { clock.now }
      ) { tell.yield($0) }
      try await desk.pass(all: true)
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
  ///   - account: only this one; `nil` for all.
  /// - Returns: by account, then by cycle.
  /// - Throws: `Complaint` where the store cannot be read.
  public static func findings(
    _ station: Station, reader: StoreReader, account: String? = nil
  ) throws(Complaint) -> [Finding] {
    var found: [Finding] = []
    do throws(StoreError) {
      for each in station.accounts where account.map({ $0 == each.id }) ?? true {
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

  private static func replayed(
    _ account: Account, _ station: Station, _ reader: StoreReader, _ form: CorrectionForm
  ) throws(StoreError) -> (standing: [IssuedBill], replay: Replay)? {
    guard let plans = station.plansByAccount[account.id] else { return nil }
    let book = BillBook(reader: reader)
    let standing = BillBook.standing(try book.documents(of: account.id))
    guard !standing.isEmpty else { return nil }
    let now = station.clock.now.unixMilliseconds
    let again = replay(
      account, standing: standing, readings: try book.readings(of: account, plans: plans, until: now),
      profile: try book.profile(of: account, until: now), plans: plans,
      knownOn: account.zone.local(unixMilliseconds: now).date, form: form)
    return (standing, again)
  }

  /// A document that was issued by a correction.
  public struct Issued: Sendable {
    public let bill: Int64
    public let record: BillRecord
  }

  /// Corrects a cycle of an account and every later one that comes out otherwise, in one transaction; up to one that
  /// cannot be billed now where they do not hang together.
  ///
  /// - Returns: what was issued; nothing where all comes out the same.
  public static func correct(
    _ station: Station, account id: String, from cycle: String, form: CorrectionForm, actor: String, reason: String
  ) async throws(Complaint) -> [Issued] {
    guard let account = station.accounts.first(where: { $0.id == id }) else {
      throw Complaint(
        .usage, "\(station.configuration.file) has no account \"\(id)\"", "meterd bill list shows who was billed.")
    }
    guard let month = YearMonth(cycle) else {
      throw Complaint(.usage, "\"\(cycle)\" is no cycle", "Write the month that it closes, such as 2026-10.")
    }
    let now = station.clock.now
    guard now.clock != .unsynchronised else { throw clockComplaint(station) }
    var refused: Complaint?
    var issued: [Issued] = []
    try await withStore(station) { store throws(StoreError) in
      let reader = try StoreReader(path: store.path)
      guard let again = try replayed(account, station, reader, form) else { return }
      guard again.standing.contains(where: { $0.cycle == month }) else {
        refused = Complaint(
          .badData, "no bill of \(id) for \(cycle) stands", "meterd bill list shows which cycles were billed.")
        return
      }
      if let first = again.replay.corrections.first?.original.cycle, first < month {
        refused = Complaint(
          .badData, "\(first) of \(id) comes out otherwise too, and \(cycle) builds on it",
          "Correct from there: meterd bill correct \(id) \(first)")
        return
      }
      let free = again.replay.untilStuck(again.standing).replay
      if free.corrections.isEmpty || again.replay.stuck[month] != nil,
        let (stuck, reasons) = again.replay.stuck.sorted(by: { $0.key < $1.key }).first(where: { $0.key >= month })
      {
        refused = Complaint(
          .badData, "\(stuck) of \(id) cannot be billed now: \(reasons.map(\.description).joined(separator: "; "))",
          "Nothing was corrected. Mend that first.")
        return
      }
      let book = BillBook(reader: reader)
      let finally = free.standing(after: again.standing, at: now.unixMilliseconds)
      for correction in free.corrections {
        guard let new = correction.replacement,
          let twice = billedElsewhere(new, others: try book.others(than: new) + finally).first
        else { continue }
        refused = Complaint(
          .badData, "\(correction.original.cycle) of \(id) would charge energy twice: \(twice)",
          "Nothing was corrected. Mend from, to or settlement-day in \(station.configuration.file).")
        return
      }
      var records: [BillRecord] = []
      for correction in free.corrections {
        let causes = correction.causes.map(\.description).joined(separator: "; ")
        records += try BillRecord.records(
          of: correction, form: form, actor: actor, reason: "\(reason) (\(causes))", at: now.unixMilliseconds)
      }
      let cursor = try await store.cursor(of: BillingDesk.consumer)
      let issues = try await store.issue(records, consumer: BillingDesk.consumer, through: cursor)
      for (record, issue) in zip(records, issues) {
        switch issue {
        case .issued(let bill), .alreadyIssued(let bill): issued.append(Issued(bill: bill, record: record))
        }
      }
    }
    if let refused { throw refused }
    return issued
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
  ///   - actor: who accepts it.
  ///   - reason: why.
  /// - Throws: `Complaint` where what would be accepted is not what was shown.
  public static func acceptTrial(
    _ station: Station, shown: String, cycles: Int = 1, actor: String, reason: String
  ) async throws(Complaint) {
    var refused: Complaint?
    try await withStore(station) { store throws(StoreError) in
      let now = station.clock.now.unixMilliseconds
      let trial = try BillingTrial(
        reader: try StoreReader(path: store.path), accounts: station.accounts, plans: station.plansByAccount,
        cycles: cycles, all: station.configuration.review.correctsByItself, at: now)
      guard shown.utf8.count >= 8, trial.shown.hasPrefix(shown) else {
        refused = Complaint(
          .badData, "the trial comes out as \(trial.shown.prefix(12)) now, not as \(shown)",
          "Tariffs, master data or bills have changed since it was shown, or other cycles were. Look at meterd bill trial again, and accept the number that it ends with."
        )
        return
      }
      try await trial.accept(in: store, actor: actor, reason: reason, at: now)
    }
    if let refused { throw refused }
  }

  /// Decides on a bill that waits.
  ///
  /// - Throws: `Complaint` where there is no such review, or the bill that waits by now is another one.
  public static func decide(_ station: Station, review: Int64, _ decision: ReviewDecision) async throws(Complaint) {
    var refused: Complaint?
    try await withStore(station) { store throws(StoreError) in
      let reviews = try StoreReader(path: store.path).reviews()
      guard let stored = reviews.first(where: { $0.id == review }) else { throw .unknownReview(review) }
      let record = stored.review
      let clock = station.clock
      let desk = try BillingDesk(
        store: store, accounts: station.accounts, plans: station.plansByAccount,
        review: station.configuration.review, now: { clock.now }, report: { _ in })
      guard try await desk.isCurrent(record) else {
        let newer = reviews.last { ($0.review.account, $0.review.cycle) == (record.account, record.cycle) }
        refused = Complaint(
          .badData,
          "review \(review) is of a bill of \(record.account) for \(record.cycle) that is not the one that waits now",
          newer.map { $0.id != review } == true
            ? "It is made of other readings, terms or prices by now: decide on review \(newer?.id ?? review)."
            : "It is made of other readings, terms or prices by now, or was issued. meterd bill run shows what waits; look at that."
        )
        return
      }
      try await store.decide(review, decision)
    }
    if let refused { throw refused }
  }

  /// Writes a new version of a reading.
  /// - Returns: its number.
  public static func revise(_ station: Station, _ revision: Revision) async throws(Complaint) -> Int64 {
    var number: Int64 = 0
    try await withStore(station) { store throws(StoreError) in number = try await store.revise(revision) }
    return number
  }

  /// Writes a reading that a person took: of a meter that was taken away or put in, or of one that cannot be reached.
  ///
  /// It counts at its instant until the meter tells better. Its kind is that of estimates, its quality `substituted`.
  /// - Returns: its number.
  public static func enter(
    _ station: Station, meter: String, quantity: String, at time: MeterTime, value: RegisterValue,
    occurred: MeterTime? = nil, actor: String, reason: String
  ) async throws(Complaint) -> Int64 {
    guard let id = MeterID(meter), station.meters.joined().contains(where: { $0.id == id }) else {
      throw Complaint(
        .usage, "\(station.configuration.file) has no meter \"\(meter)\"", "meterd check tells what it names.")
    }
    guard let known = Quantity(name: quantity) else {
      throw Complaint(
        .usage, "\"\(quantity)\" is no quantity", "Write a name such as energy.import.active.total.")
    }
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
    var number: Int64 = 0
    try await withStore(station) { store throws(StoreError) in
      number = try await store.enter(reading, actor: actor, reason: reason, at: now.unixMilliseconds)
    }
    return number
  }

  private static func withStore(
    _ station: Station, _ body: (Store) async throws(StoreError) -> Void
  ) async throws(Complaint) {
    do throws(StoreError) {
      let store = try Store(path: station.configuration.store)
      do throws(StoreError) {
        try await body(store)
      } catch {
        await store.close(settled: false)
        throw error
      }
      await store.close(settled: false)
    } catch {
      throw Complaint(error)
    }
  }
}
