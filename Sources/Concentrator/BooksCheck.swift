public import Billing
internal import Host
public import Metering
internal import Rating
public import Store

/// Follows every bill from the journal to the ledger.
public enum BooksCheck {
  /// Compares counts, kWh and fen at each step.
  ///
  /// - Parameters:
  ///   - station: accounts and tariffs.
  ///   - reader: of the store.
  ///   - cycle: only this one, such as `2026-10`; `nil` for all.
  ///   - now: what is over by then is due; `nil` for the station's clock.
  /// - Returns: the steps in the order of the way from readings to the ledger.
  /// - Throws: `Complaint` for a cycle that is none, and where the store cannot be read.
  public static func steps(
    _ station: Station, reader: StoreReader, cycle: String? = nil, at now: HostInstant? = nil
  ) throws(Complaint) -> [ReconciliationStep] {
    var only: YearMonth?
    if let cycle {
      guard let month = YearMonth(cycle) else {
        throw Complaint(.usage, "\"\(cycle)\" is no cycle", "Write the month that it closes, such as 2026-10.")
      }
      only = month
    }
    var books = Reconciliation()
    do throws(StoreError) {
      var postings: [Int64: Int64] = [:]
      try reader.ledger { bill, _, _, fen in postings[bill] = fen }
      let holds = try reader.holds()
      let now = (now ?? station.clock.now).unixMilliseconds
      // Accounts that were renamed or are gone from the configuration have their bills all the same.
      let known = Set(station.accounts.map(\.id))
      let gone = try reader.postedAccounts().filter { !known.contains($0) }
      for account in station.accounts + gone.map({ Account(id: $0, meters: [], terms: []) }) {
        let book = BillBook(reader: reader)
        let readings =
          try station.plansByAccount[account.id].map { (plans) throws(StoreError) in
            try book.readings(of: account, plans: plans, until: now)
          } ?? []
        var posted: [PostedBill] = []
        var documents: [IssuedBill] = []
        var named: Set<Int64> = []
        try reader.bills(account: account.id) { stored throws(StoreError) in
          let bill = try IssuedBill(stored, reader.path)
          documents.append(bill)
          guard only.map({ $0 == bill.cycle }) ?? true else { return }
          named.formUnion(bill.readings)
          posted.append(
            PostedBill(
              bill: bill, linesFen: stored.bill.lines.reduce(0) { $0 + $1.amountFen }, postedFen: postings[stored.id]))
        }
        var all = readings
        for sequence in named.subtracting(readings.map(\.sequence)).sorted() {
          guard let found = try reader.reading(sequence) else { continue }
          all.append(JournalReading(sequence: sequence, reading: found.reading, verdict: found.verdict))
        }
        let due =
          known.contains(account.id)
          ? states(of: account, documents, holds, readings, at: now) : [:]
        books.add(
          account, due: due.filter { only == nil || $0.key == only }, posted: posted, readings: all,
          profile: try book.profile(under: BillBook.standing(posted.map(\.bill)), of: account))
      }
    } catch {
      throw Complaint(error)
    }
    return books.steps
  }

  /// What became of every cycle that is over: billed, waiting, or behind one that waits.
  private static func states(
    of account: Account, _ bills: [IssuedBill], _ holds: [Hold], _ readings: [JournalReading], at now: Int64
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
      states[cycle.month] = keepsOthers ? [.held] : []
    }
    if let part = due.unread, states[part.month] == nil { states[part.month] = [] }
    return states
  }
}
