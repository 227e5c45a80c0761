public import Metering
public import Rating

/// One billing period of an account, from one settlement to the next. 结算周期
public struct Cycle: Hashable, Sendable {
  /// The month of the cycle's last day: `2026-10` closes at the settlement that ends October's consumption.
  public let month: YearMonth
  public let from: MeterTime
  public let to: MeterTime
  /// False for the part of a cycle in which an account begins or ends.
  public let isWhole: Bool

  /// The cycle of `month` under `settlement`; `nil` at the ends of the calendar.
  public init?(_ month: YearMonth, settlement: SettlementDay) {
    // A settlement on the 1st closes the month before; on any later day, the month it lies in.
    let closing = settlement.day == 1 ? month + 1 : month
    guard let from = settlement.instant(in: closing + -1), let to = settlement.instant(in: closing) else { return nil }
    self.month = month
    self.from = from
    self.to = to
    isWhole = true
  }

  /// The part of `whole` that lies between two instants; `nil` where there is none.
  fileprivate init?(_ whole: Cycle, from start: MeterTime?, to end: MeterTime?) {
    month = whole.month
    from = max(whole.from, start ?? whole.from)
    to = min(whole.to, end ?? whole.to)
    isWhole = from == whole.from && to == whole.to
    guard from < to, from.date < to.date else { return nil }
  }

  /// The month whose tier limits its last days are of. Other than `month` only for a part that ends before the month
  /// does in which the whole one would have closed.
  var tierMonth: YearMonth { DayRange(from: from.date, to: to.date)?.months.upperBound ?? month }

  /// The month that has as many days as the whole cycle: the one in which that begins. From 25 January to 25 February
  /// there are 31 days, those of January.
  func lengthMonth(settlement: SettlementDay) -> YearMonth {
    YearMonth(of: (Cycle(month, settlement: settlement) ?? self).from.date)
  }

  /// `2026-10`.
  public var label: String { "\(month)" }

  /// The cycle after this one.
  public func next(settlement: SettlementDay) -> Cycle? { Cycle(month + 1, settlement: settlement) }
}

extension SettlementDay {
  /// The settlement in `month`, local time; `nil` outside the calendar.
  public func instant(in month: YearMonth) -> MeterTime? {
    MeterTime(year: month.year, month: month.month, day: day, hour: hour, minute: 0, second: 0)
  }
}

/// What makes a bill the same bill: closing a cycle twice must not make two.
public struct BillKey: Hashable, Sendable, CustomStringConvertible {
  public let account: String
  public let cycle: String
  public let kind: Bill.Kind
  /// From 1; each correction of the cycle counts on.
  public let version: Int

  public init(account: String, cycle: String, kind: Bill.Kind = .original, version: Int = 1) {
    self.account = account
    self.cycle = cycle
    self.kind = kind
    self.version = version
  }

  /// `A-1001/2026-10/original/1`.
  public var description: String { "\(account)/\(cycle)/\(kind.rawValue)/\(version)" }
}

extension Account {
  /// The cycle that closes `month`, or what of it lies between the account's first and last day; `nil` where nothing of
  /// it does, and at the ends of the calendar.
  ///
  /// Days begin at the hour of the settlement.
  public func cycle(_ month: YearMonth) -> Cycle? {
    Cycle(month, settlement: settlement).flatMap { Cycle($0, from: begins, to: ends) }
  }

  /// When the first day begins; `nil` without one.
  public var begins: MeterTime? { from.map(start) }

  /// When the last day is over; `nil` while it goes on.
  public var ends: MeterTime? { to.map(start) }

  private func start(of day: CivilDate) -> MeterTime {
    MeterTime(localSeconds: day.daysSince1970 * 86_400 + Int64(settlement.hour) * 3600)
  }
}
