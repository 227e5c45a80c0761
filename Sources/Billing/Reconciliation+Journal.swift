public import Metering
public import Rating

/// A boundary reading that a cycle which is over needs, and what became of it. 应采
public struct DueReading: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    /// In the journal, whatever the verdict on it.
    case acquired
    /// Not there, and that is noted, with its reason.
    case missing(String)
    /// Not there, and nobody has noted it.
    case lost
  }

  public let meter: MeterID
  /// Local time.
  public let at: MeterTime
  public let state: State

  public init(meter: MeterID, at: MeterTime, state: State) {
    self.meter = meter
    self.at = at
    self.state = state
  }
}

/// A usable settlement reading of the journal, and what billing made of it.
public struct SettledReading: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    /// A bill that stands rests on it.
    case rated
    /// No bill rests on it, with the reason.
    case held(String)
    /// Its cycle is billed, and the bill knows nothing of its meter then.
    case lost(cycle: String)
  }

  public let sequence: Int64
  public let meter: MeterID
  /// Local time.
  public let at: MeterTime
  public let state: State

  public init(sequence: Int64, meter: MeterID, at: MeterTime, state: State) {
    self.sequence = sequence
    self.meter = meter
    self.at = at
    self.state = state
  }
}

/// Counts a journal row by row: what validation made of each, and by which right the usable ones are.
public struct JournalCensus: Hashable, Sendable {
  private(set) var accepted: Int64 = 0
  private(set) var quarantined: Int64 = 0
  private(set) var rejected: Int64 = 0
  private(set) var measured: Int64 = 0
  private(set) var synthetic: Int64 = 0
  private(set) var approved: Int64 = 0
  private(set) var unapproved: [String] = []
  private(set) var absent: [ClosedRange<Int64>] = []
  /// The highest number among them.
  private(set) var newest: Int64 = 0

  public init() {}

  /// Takes the next row in the order of the journal.
  ///
  /// - Parameters:
  ///   - reading: the row.
  ///   - isApproved: whether a record of the audit log says that a person decided on it.
  public mutating func count(_ reading: JournalReading, isApproved: Bool) {
    if reading.sequence > newest + 1 { absent.append(newest + 1...reading.sequence - 1) }
    newest = max(newest, reading.sequence)
    switch reading.verdict.status {
    case .held: quarantined += 1
    case .rejected: rejected += 1
    case .accepted, .flagged:
      accepted += 1
      switch reading.reading.quality {
      case .actual, .confirmed: measured += 1
      case .synthetic: synthetic += 1
      case .estimated, .substituted:
        if isApproved {
          approved += 1
        } else {
          let key = reading.reading.key
          unapproved.append(
            "reading \(reading.sequence) of \(key.quantity) of \(key.meter), \(reading.reading.value), is"
              + " \(reading.reading.quality.rawValue) and usable, and nobody's word for it is in the audit log")
        }
      }
    }
  }
}

extension Reconciliation {
  /// Readings that cycles which are over need: due = acquired + missing.
  public mutating func add(_ due: [DueReading], of account: String) {
    for reading in due {
      let name = "\(account): settlement of \(reading.meter) at \(reading.at)"
      switch reading.state {
      case .acquired: compare("due", 1, 1, "")
      case .missing(let reason):
        compare("due", 1, 1, "")
        explain("due", "\(name) is missing: \(reason)")
      case .lost: compare("due", 1, 0, "\(name) is neither in the journal nor noted as missing")
      }
    }
  }

  /// Accepted settlements = rated + held.
  public mutating func add(_ settlements: [SettledReading]) {
    for reading in settlements {
      let name = "reading \(reading.sequence), settlement of \(reading.meter) at \(reading.at)"
      switch reading.state {
      case .rated: compare("settled", 1, 1, "")
      case .held(let reason):
        compare("settled", 1, 1, "")
        explain("settled", "\(name): \(reason)")
      case .lost(let cycle):
        compare("settled", 1, 0, "\(name) is accepted, \(cycle) is billed, and no bill has the meter at that time")
      }
    }
  }

  /// Acquired = accepted + quarantined + rejected, and accepted = measured + synthetic + approved.
  ///
  /// - Parameters:
  ///   - journal: the rows that are there.
  ///   - last: the highest number of a reading that something else names.
  public mutating func add(_ journal: JournalCensus, last: Int64) {
    let there = journal.accepted + journal.quarantined + journal.rejected
    if there > 0 { compare("journal", there, there, "") }
    var absent = journal.absent
    if last > journal.newest { absent.append(journal.newest + 1...last) }
    for range in absent {
      compare(
        "journal", Int64(range.count), 0,
        range.count == 1
          ? "reading \(range.lowerBound) was acquired and is not in the journal"
          : "readings \(range.lowerBound) to \(range.upperBound) were acquired and are not in the journal")
    }
    let right = journal.measured + journal.synthetic + journal.approved
    if right > 0 { compare("accepted", right, right, "") }
    for reading in journal.unapproved { compare("accepted", 1, 0, reading) }
  }

  /// Daily freezes of a segment's total against its registers, before the multiplier.
  ///
  /// - Parameters:
  ///   - freezes: number and value of each midnight of the segment, in order.
  ///   - segment: what the bill says.
  ///   - name: of the bill.
  ///   - capacity: how far the register counts, in millionths of a kWh; `nil` where that is not known.
  public mutating func add(
    freezes: [(sequence: Int64, value: RegisterValue)], of segment: IssuedSegment, on name: String, capacity: Int64?
  ) {
    guard
      let register = segment.importRegister,
      let start = exactDecimal(register.start.value, scale: 6), let stop = exactDecimal(register.stop.value, scale: 6)
    else { return }
    guard !register.rolledOver || capacity != nil else {
      leave(
        "days",
        "\(name), meter \(segment.meter): its register passed its capacity, and nobody says any more what that is")
      return
    }
    let wrap = register.rolledOver ? capacity ?? 0 : 0
    var wraps: Int64 = 0
    var sum: Int64 = 0
    for (before, after) in zip(freezes, freezes.dropFirst()) {
      var day = after.value.millionths - before.value.millionths
      if day < 0, wraps == 0, wrap > 0 {
        day += wrap
        wraps = 1
      }
      if day < 0 {
        find(
          "days",
          "\(name), meter \(segment.meter): reading \(after.sequence) is \(after.value) after \(before.value) a day before"
        )
      }
      sum += day
    }
    let used = stop - start + wrap
    compare(
      "days", sum, used,
      "\(name), meter \(segment.meter): its daily freezes, readings \(freezes.first?.sequence ?? 0) to"
        + " \(freezes.last?.sequence ?? 0), add up to \(Energy(millionths: sum)) kWh, its register to"
        + " \(Energy(millionths: used))")
  }

  /// A correction of which the store does not say any more who made it and why.
  ///
  /// - Parameter bill: a reversal, a difference bill, or the bill that was issued with a reversal.
  public mutating func add(unexplained bill: IssuedBill) {
    find(
      "corrections",
      "bill \(bill.id), \(bill.kind.rawValue) of \(bill.account) for \(bill.cycle): who made this correction and why is not"
        + " in the store; the audit log may tell: meterd audit")
  }

  /// A batch, which is what was issued for one cycle month, or for a section's: its bills against its postings, in fen.
  ///
  /// - Parameters:
  ///   - cycle: such as `2026-10` or `2026-10 of section S-01`.
  ///   - bills: its documents.
  ///   - postings: what the ledger adds up to under that cycle, of the same accounts.
  public mutating func add(batch cycle: String, bills: [IssuedBill], postings: Money) {
    let amount = Money(fen: bills.reduce(Int64(0)) { $0 &+ $1.amount.fen })
    compare(
      "batches", amount.fen, postings.fen, "\(cycle): its bills add up to \(amount), its postings to \(postings)")
    guard !bills.isEmpty else { return }
    var last: [String: IssuedBill] = [:]
    for bill in bills where last[bill.account].map({ $0.version < bill.version }) ?? true { last[bill.account] = bill }
    let energy = last.values.flatMap(\.parts).reduce(Int64(0)) { $0 &+ $1.energy.millionths }
    explain(
      "batches",
      "\(cycle): \(bills.count) documents of \(last.count) accounts, \(Energy(millionths: energy)) kWh, \(amount) yuan")
  }

  /// The chain of days against the postings of bills, and against hashes that somebody has kept.
  ///
  /// - Parameters:
  ///   - days: of all bills, see `BillDay.chain(_:zone:)`.
  ///   - bills: the numbers of all bills.
  ///   - posted: the numbers of all bills that the ledger knows.
  ///   - kept: days with their hashes; a day that came again has several.
  public mutating func add(
    _ days: [BillDay], bills: Set<Int64>, posted: Set<Int64>, kept: [(day: String, hash: String)]
  ) {
    if !bills.isEmpty {
      compare("day-chain", Int64(bills.count), days.reduce(0) { $0 + Int64($1.count) }, "a bill is on no day")
    }
    for (before, after) in zip(days, days.dropFirst()) where after.day < before.day {
      explain(
        "day-chain",
        "bill \(after.first) bears \(after.day), and bill \(before.last) before it \(before.day): the host's clock went back;"
          + " the chain goes by the numbers of bills")
    }
    for bill in posted.subtracting(bills).sorted() {
      compare("day-chain", 1, 0, "bill \(bill) was posted and is not in the store")
    }
    for (day, hash) in kept.sorted(by: { ($0.day, $0.hash) < ($1.day, $1.hash) }) {
      // A day comes again where the host's clock went back over midnight.
      let found = days.filter { $0.day == day }.map(\.hash)
      guard !found.contains(hash.lowercased()) else { continue }
      let what = found.isEmpty ? "nothing was issued" : "the hash is \(found.joined(separator: " or "))"
      find("day-chain", "\(day): \(what), kept was \(hash)")
    }
  }
}
