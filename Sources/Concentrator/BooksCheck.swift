public import Billing
internal import Host
public import Metering
internal import Rating
public import Store

/// Follows every bill from the journal to the ledger.
public enum BooksCheck {
  /// What was compared, and the days on which bills were issued.
  public struct Report: Sendable {
    /// In the order of the way from readings to the ledger.
    public let steps: [ReconciliationStep]
    /// Of all bills in the store, whatever cycle was asked for.
    public let days: [BillDay]
  }

  /// Compares counts, kWh and fen at each step.
  ///
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - reader: of the store.
  ///   - cycle: only this one, such as `2026-10`; `nil` for all. The journal and the days are always whole.
  ///   - kept: hashes of days, such as `2026-11-22`, that somebody has kept; each is looked for.
  ///   - now: what is over by then is due; `nil` for the station's clock.
  /// - Returns: the steps and the days.
  /// - Throws: `Complaint` for a cycle that is none, and where the store cannot be read.
  public static func report(
    _ station: Station, reader: StoreReader, cycle: String? = nil, kept: [(day: String, hash: String)] = [],
    at now: HostInstant? = nil
  ) throws(Complaint) -> Report {
    var only: YearMonth?
    if let cycle {
      guard let month = YearMonth(cycle) else {
        throw Complaint(.usage, "\"\(cycle)\" is no cycle", "Write the month that it closes, such as 2026-10.")
      }
      only = month
    }
    var books = BooksReader(
      station: station, reader: reader, only: only, now: (now ?? station.clock.now).unixMilliseconds)
    do throws(StoreError) {
      return try books.report(kept: kept)
    } catch {
      throw Complaint(error)
    }
  }

  /// The steps of `report`.
  public static func steps(
    _ station: Station, reader: StoreReader, cycle: String? = nil, at now: HostInstant? = nil
  ) throws(Complaint) -> [ReconciliationStep] {
    try report(station, reader: reader, cycle: cycle, at: now).steps
  }
}

/// What was issued for a cycle month to the accounts that are in a section now; `nil` for all accounts without one.
private struct Batch: Hashable, Comparable {
  let cycle: String
  let section: String?

  static func < (one: Batch, other: Batch) -> Bool {
    one.cycle == other.cycle
      ? other.section.map { (one.section ?? "") < $0 } ?? false
      : one.cycle < other.cycle
  }

  func name(amongSections: Bool) -> String {
    section.map { "\(cycle) of section \($0)" } ?? (amongSections ? "\(cycle) of accounts without section" : cycle)
  }
}

/// Reads the store for one reconciliation.
private struct BooksReader {
  let station: Station
  let reader: StoreReader
  /// Only this cycle.
  let only: YearMonth?
  /// Milliseconds since 1970.
  let now: Int64
  private var books = Reconciliation()
  private var holds: [Hold] = []
  private var gaps: [MeterID: [Gap]] = [:]
  private var documents: [String: [IssuedBill]] = [:]

  init(station: Station, reader: StoreReader, only: YearMonth?, now: Int64) {
    self.station = station
    self.reader = reader
    self.only = only
    self.now = now
  }

  private func isWanted(_ month: YearMonth) -> Bool { only.map { $0 == month } ?? true }

  mutating func report(kept: [(day: String, hash: String)]) throws(StoreError) -> BooksCheck.Report {
    let sections = station.configuration.sectionsByAccount
    var postings: [Int64: Int64] = [:]
    var batches: [Batch: Int64] = [:]
    try reader.ledger { bill, account, cycle, fen in
      postings[bill] = fen
      batches[Batch(cycle: cycle, section: sections[account]), default: 0] += fen
    }
    holds = try reader.holds()
    gaps = Dictionary(grouping: try reader.openGaps(), by: \.meter)
    // Accounts that were renamed or are gone from the configuration have their bills all the same.
    let known = Set(station.accounts.map(\.id))
    let gone = try reader.accounts().filter { !known.contains($0) }
    for account in station.accounts + gone.map({ Account(id: $0, meters: [], terms: []) }) {
      try take(account, isKnown: known.contains(account.id), postings)
    }
    try takeJournal()
    let all = documents.values.flatMap(\.self)
    let issued = Dictionary(grouping: all) { Batch(cycle: "\($0.cycle)", section: sections[$0.account]) }
    for batch in Set(issued.keys).union(batches.keys).sorted()
    where only.map({ "\($0)" == batch.cycle }) ?? true {
      books.add(
        batch: batch.name(amongSections: !sections.isEmpty), bills: issued[batch] ?? [],
        postings: Money(fen: batches[batch] ?? 0))
    }
    let days = BillDay.chain(all, zone: station.configuration.zone)
    books.add(days, bills: Set(all.map(\.id)), posted: Set(postings.keys), kept: kept)
    return BooksCheck.Report(steps: books.steps, days: days)
  }

  private mutating func take(_ account: Account, isKnown: Bool, _ postings: [Int64: Int64]) throws(StoreError) {
    let book = BillBook(reader: reader)
    let plans = station.plansByAccount[account.id]
    let readings =
      try plans.map { (plans) throws(StoreError) in try book.readings(of: account, plans: plans, until: now) } ?? []
    var posted: [PostedBill] = []
    var own: [IssuedBill] = []
    var named: Set<Int64> = []
    try reader.bills(account: account.id) { stored throws(StoreError) in
      let bill = try IssuedBill(stored, reader.path)
      let before = own.last { $0.cycle == bill.cycle }
      own.append(bill)
      guard isWanted(bill.cycle) else { return }
      // A month that was cancelled and is billed again later is no correction.
      if stored.bill.correction == nil,
        bill.kind != .original || before.map({ $0.kind == .reversal && $0.issuedAt == bill.issuedAt }) ?? false
      {
        books.add(unexplained: bill)
      }
      named.formUnion(bill.readings)
      posted.append(
        PostedBill(
          bill: bill, linesFen: stored.bill.lines.reduce(0) { $0 + $1.amountFen }, postedFen: postings[stored.id]))
    }
    documents[account.id] = own
    var all = readings
    for sequence in named.subtracting(readings.map(\.sequence)).sorted() {
      guard let found = try reader.reading(sequence) else { continue }
      all.append(JournalReading(sequence: sequence, reading: found.reading, verdict: found.verdict))
      // What else there is of its instant may count by now.
      all += try book.readings(beside: found.reading.key).filter { $0.sequence != sequence }
    }
    let due = (isKnown ? states(of: account, own, readings) : states(ofGone: account.id, own))
      .filter { isWanted($0.key) }
    books.add(
      account, due: due, posted: posted, readings: all, plans: plans?.plans ?? [],
      profile: try book.profile(under: BillBook.standing(posted.map(\.bill)), of: account))
    takeDue(account, due, readings, BillBook.standing(own))
    for bill in BillBook.standing(posted.map(\.bill)) { try takeDays(of: bill, account) }
  }

  /// What became of every cycle that is over: billed, waiting, or behind one that waits.
  private func states(
    of account: Account, _ bills: [IssuedBill], _ readings: [JournalReading]
  ) -> [YearMonth: [CycleState]] {
    var states: [YearMonth: [CycleState]] = [:]
    var last: [YearMonth: IssuedBill] = [:]
    for bill in bills { last[bill.cycle] = bill }
    // A month that was cancelled and is the account's again has to be billed like any other.
    let standing = Set(last.values.filter { !$0.parts.isEmpty }.map(\.cycle))
    for month in last.keys where standing.contains(month) || account.cycle(month) == nil {
      states[month, default: []].append(standing.contains(month) ? .billed : .cancelled)
    }
    // What waits of a month that has a bill is a correction of it, and what waited of one that was cancelled is over.
    let waiting = holds.filter { hold in
      hold.account == account.id && YearMonth(hold.cycle).map { states[$0] == nil } ?? true
    }
    for hold in waiting {
      if let month = YearMonth(hold.cycle) { states[month, default: []].append(.held) }
    }
    // A cycle behind one that waits is over and has to wait; one before all others has to be billed.
    let due = BillBook.due(of: account, billed: standing, readings: readings, at: now)
    let keepsOthers = waiting.contains { $0.cycle != due.unread?.label }
    for cycle in due.ready + [due.waiting].compactMap(\.self) where states[cycle.month] == nil {
      states[cycle.month] = keepsOthers || isYoung(cycle.to, account) ? [.held] : []
    }
    if let part = due.unread, states[part.month] == nil {
      states[part.month] = isYoung(part.to, account) ? [.held] : []
    }
    return states
  }

  /// The boundaries of every cycle that is over, each once, with what became of their readings.
  private mutating func takeDue(
    _ account: Account, _ due: [YearMonth: [CycleState]], _ readings: [JournalReading], _ standing: [IssuedBill]
  ) {
    let total = Quantity.energyTotal(.importActive)
    let there = Set(
      readings.filter { $0.reading.key.quantity == total }.map {
        MeterInstant($0.reading.key.meter, account.zone.local(unixMilliseconds: $0.reading.key.instant))
      })
    var seen: Set<MeterInstant> = []
    var found: [DueReading] = []
    for (month, states) in due.sorted(by: { $0.key < $1.key }) where states != [.cancelled] {
      guard let cycle = account.cycle(month) else { continue }
      let bill = standing.first { $0.cycle == month }
      for meter in account.meters {
        let (from, to) = (max(meter.from ?? cycle.from, cycle.from), min(meter.to ?? cycle.to, cycle.to))
        guard from < to else { continue }
        for at in [from, to] where seen.insert(MeterInstant(meter.meter, at)).inserted {
          let state: DueReading.State =
            if there.contains(MeterInstant(meter.meter, at)) {
              .acquired
            } else if let bill, !bill.names(meter.meter, at: at) {
              .missing("\(month) was billed when the account had other meters or days")
            } else if bill == nil, let reason = missing(meter.meter, account, month, at) {
              .missing(reason)
            } else {
              .lost
            }
          found.append(DueReading(meter: meter.meter, at: at, state: state))
        }
      }
    }
    books.add(found, of: account.id)
  }

  /// Why a boundary reading is not there, by the list of gaps or by what the cycle or one before it waits for.
  private func missing(_ meter: MeterID, _ account: Account, _ month: YearMonth, _ at: MeterTime) -> String? {
    let instant = account.zone.unixMilliseconds(of: at)
    let gap = gaps[meter]?.first { $0.instant <= instant + 86_400_000 && instant <= $0.until ?? $0.instant }
    if let gap { return gap.reason }
    if isYoung(at, account) { return "it fell due less than an hour ago" }
    return holds.first { hold in
      hold.account == account.id && YearMonth(hold.cycle).map { $0 <= month } ?? true
    }.map { "\($0.cycle) waits: \($0.reason)" }
  }

  /// True where a boundary is so young that its readings may still be on their way, and a bill or its hold behind them.
  private func isYoung(_ at: MeterTime, _ account: Account) -> Bool {
    account.zone.unixMilliseconds(of: at) > now - 3_600_000
  }

  /// Daily freezes beside the registers of a bill, where those of all its midnights are there.
  private mutating func takeDays(of bill: IssuedBill, _ account: Account) throws(StoreError) {
    let name = "bill \(bill.id) of \(bill.account) for \(bill.cycle)"
    for segment in bill.parts.flatMap(\.segments) where segment.importRegister != nil {
      let stretch = "\(name), meter \(segment.meter)"
      guard let meter = MeterID(segment.meter), let from = MeterTime(segment.from), let to = MeterTime(segment.to),
        from.localSeconds % 86_400 == 0, to.localSeconds % 86_400 == 0
      else {
        books.leave("days", "\(stretch): from \(segment.from) to \(segment.to) is not from midnight to midnight")
        continue
      }
      let zone = station.configuration.zone
      var filter = ReadingFilter()
      (filter.meter, filter.quantity, filter.kind) = (meter, .energyTotal(.importActive), .dailyFreeze)
      filter.since = zone.unixMilliseconds(of: from)
      filter.until = zone.unixMilliseconds(of: to) + 1
      var freezes: [Int64: (sequence: Int64, value: RegisterValue, isUsable: Bool)] = [:]
      // A later version of a key takes the place of the one before.
      try reader.readings(filter) { stored in
        freezes[stored.reading.key.instant] = (stored.sequence, stored.reading.value, stored.verdict.isUsable)
      }
      let midnights = Int64((to.localSeconds - from.localSeconds) / 86_400) + 1
      let usable = freezes.values.count(where: \.isUsable)
      guard usable == midnights, freezes.count == midnights else {
        books.leave("days", "\(stretch): \(usable) of its \(midnights) midnights have a daily freeze")
        continue
      }
      books.add(
        freezes: freezes.sorted { $0.key < $1.key }.map { ($0.value.sequence, $0.value.value) }, of: segment, on: name,
        capacity: account.meters.first { $0.meter == meter }?.register.capacity)
    }
  }
}

extension BooksReader {
  /// Every row of the journal, with what people decided on, and what became of its settlements.
  private mutating func takeJournal() throws(StoreError) {
    var approved: Set<Int64> = []
    try reader.audit { stored in
      if let reading = stored.record.decidedReading { approved.insert(reading) }
    }
    var census = JournalCensus()
    var settlements = SettledCheck(
      accounts: station.accounts, standing: documents.values.flatMap { BillBook.standing($0) }, holds: holds,
      zone: station.configuration.zone)
    try reader.readings { stored in
      census.count(
        JournalReading(sequence: stored.sequence, reading: stored.reading, verdict: stored.verdict),
        isApproved: approved.contains(stored.sequence))
      settlements.take(stored)
    }
    books.add(settlements.readings(of: only))
    books.add(census, last: documents.values.flatMap(\.self).flatMap(\.readings).max() ?? 0)
  }

  /// What became of the months of an account that is gone from the configuration: those between two that were billed
  /// were its own too.
  private mutating func states(ofGone account: String, _ bills: [IssuedBill]) -> [YearMonth: [CycleState]] {
    var states: [YearMonth: [CycleState]] = [:]
    for bill in bills { states[bill.cycle] = [bill.parts.isEmpty ? .cancelled : .billed] }
    for hold in holds where hold.account == account {
      guard let month = YearMonth(hold.cycle), states[month] == nil else { continue }
      states[month] = [.held]
      books.explain("cycles", "\(account) \(month) waits: \(hold.reason)")
    }
    let months = states.keys.map(\.index)
    if let first = months.min(), let last = months.max() {
      for index in first...last { states[YearMonth(index: index), default: []] += [] }
    }
    let billed = states.filter { $0.value == [.billed] }.keys
    let last = billed.max().map { "was billed to \($0)" } ?? "was never billed"
    books.explain(
      "cycles",
      "account \(account) is gone from the configuration and \(last): nothing bills what its meters count after that")
    books.leave("due", "account \(account) is gone from the configuration: nothing says which settlements it needs")
    return states
  }
}

extension IssuedBill {
  /// True where a segment of `meter` begins or ends at `time`, local time.
  fileprivate func names(_ meter: MeterID, at time: MeterTime) -> Bool {
    parts.flatMap(\.segments).contains { segment in
      segment.meter == meter.text
        && [segment.from, segment.to].contains { MeterTime($0)?.localSeconds == time.localSeconds }
    }
  }
}
