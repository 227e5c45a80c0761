internal import Billing
internal import Metering
internal import Rating
internal import Store

/// A time at which a meter's registers are wanted.
struct MeterInstant: Hashable {
  let meter: MeterID
  /// Seconds by the local clock: a time may be written without its seconds.
  let seconds: Int64

  init(_ meter: MeterID, _ at: MeterTime) { (self.meter, seconds) = (meter, at.localSeconds) }
}

/// What became of the usable settlements of every meter, also of those that no account names.
///
/// Takes them in the one reading of the journal that the books need anyway; what each is looked up by is made once, so
/// that many which no bill rests on cost no more than as many that one does.
struct SettledCheck {
  private struct Row {
    let sequence: Int64
    let isUsable: Bool
  }

  /// When a cycle that is billed began and ended, in seconds by the local clock.
  private struct Ends: Hashable {
    let account: String
    let seconds: Int64
  }

  private let zone: ZoneOffset
  private let holds: [String: [Hold]]
  private var byMeter: [MeterID: [Account]] = [:]
  private var rated: Set<Int64> = []
  /// Both ends of every segment of bills that stand, with the cycle of those that end there.
  private var named: [MeterInstant: YearMonth?] = [:]
  private var billed: [Ends: [Cycle]] = [:]
  /// The last bill of each meter whose account is gone.
  private var gone: [MeterID: (bill: IssuedBill, to: MeterTime)] = [:]
  /// The last version of each settlement.
  private var newest: [ReadingKey: Row] = [:]

  /// `standing` are the bills that stand, of all accounts that ever had one.
  init(accounts: [Account], standing: [IssuedBill], holds: [Hold], zone: ZoneOffset) {
    self.zone = zone
    self.holds = Dictionary(grouping: holds, by: \.account)
    for account in accounts {
      for meter in Set(account.meters.map(\.meter)) { byMeter[meter, default: []].append(account) }
    }
    let known = Dictionary(accounts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for bill in standing {
      rated.formUnion(bill.readings)
      let account = known[bill.account]
      if let cycle = account?.cycle(bill.cycle) {
        for at in [cycle.from, cycle.to] {
          billed[Ends(account: bill.account, seconds: at.localSeconds), default: []].append(cycle)
        }
      }
      for segment in bill.parts.flatMap(\.segments) {
        guard let meter = MeterID(segment.meter), let from = MeterTime(segment.from), let to = MeterTime(segment.to)
        else { continue }
        named[MeterInstant(meter, from)] = named[MeterInstant(meter, from)] ?? .some(nil)
        named[MeterInstant(meter, to)] = bill.cycle
        if account == nil, gone[meter].map({ $0.to < to }) ?? true { gone[meter] = (bill, to) }
      }
    }
  }

  /// Takes the next row of the journal.
  mutating func take(_ stored: StoredReading) {
    let key = stored.reading.key
    guard key.kind == .settlement, key.quantity == .energyTotal(.importActive) else { return }
    newest[key] = Row(sequence: stored.sequence, isUsable: stored.verdict.isUsable)
  }

  /// What became of each, in the order of the journal; of one cycle those that lie in it or end it, as the account's
  /// settlement day has it.
  func readings(of month: YearMonth?) -> [SettledReading] {
    newest.filter(\.value.isUsable).sorted { $0.value.sequence < $1.value.sequence }.compactMap { key, row in
      let at = zone.local(unixMilliseconds: key.instant)
      guard month.map({ isOf($0, key.meter, at) }) ?? true else { return nil }
      return SettledReading(
        sequence: row.sequence, meter: key.meter, at: at,
        state: rated.contains(row.sequence) ? .rated : unrated(key.meter, at))
    }
  }

  private func isOf(_ month: YearMonth, _ meter: MeterID, _ at: MeterTime) -> Bool {
    var days = Set((byMeter[meter] ?? []).map(\.settlement))
    if days.isEmpty {
      // Of an account that is gone only its bills tell on which day it settled.
      if let cycle = named[MeterInstant(meter, at)] ?? nil { return cycle == month }
      days = [.firstOfMonth]
    }
    return days.contains { day in
      Cycle(month, settlement: day).map { $0.from < at && at <= $0.to } ?? false
    }
  }

  /// What became of a settlement that no bill rests on.
  private func unrated(_ meter: MeterID, _ at: MeterTime) -> SettledReading.State {
    if named[MeterInstant(meter, at)] != nil { return .held("the bill rests on another reading of that time") }
    guard let accounts = byMeter[meter] else {
      guard let (bill, to) = gone[meter] else { return .held("no account names meter \(meter)") }
      return .held(
        "no account names meter \(meter), which was billed to \(bill.account) until \(to) (bill \(bill.id)): that account is"
          + " gone from the configuration")
    }
    for account in accounts {
      let cycles = billed[Ends(account: account.id, seconds: at.localSeconds)] ?? []
      for assignment in account.meters
      where assignment.meter == meter && assignment.from.map({ $0 <= at }) ?? true
        && assignment.to.map({ at <= $0 }) ?? true
      {
        // What begins or ends just there is of the other cycle.
        let cycle = cycles.first { cycle in
          assignment.from.map { $0 < cycle.to } ?? true && assignment.to.map { cycle.from < $0 } ?? true
        }
        if let cycle { return .lost(cycle: "\(account.id) \(cycle.month)") }
      }
    }
    for account in accounts {
      let hold = holds[account.id]?.first { hold in
        guard let cycle = YearMonth(hold.cycle).flatMap({ account.cycle($0) }) else { return true }
        return cycle.from <= at
      }
      if let hold { return .held("\(account.id) \(hold.cycle) waits: \(hold.reason)") }
    }
    return .held("no cycle of \(accounts.map(\.id).joined(separator: ", ")) that is over begins or ends with it")
  }
}
