/// When a meter closes its months: the day and hour of each. 结算日
public struct SettlementDay: Hashable, Sendable {
  /// 1...28.
  public let day: Int
  /// 0...23.
  public let hour: Int

  /// `nil` for days that not every month has.
  public init?(day: Int, hour: Int = 0) {
    guard (1...28).contains(day), (0...23).contains(hour) else { return nil }
    self.day = day
    self.hour = hour
  }

  private init(validDay day: Int, hour: Int) {
    self.day = day
    self.hour = hour
  }

  /// The first of the month at midnight, as most utilities set it.
  public static let firstOfMonth = SettlementDay(validDay: 1, hour: 0)

  /// The boundary that closed the settlement so many back, seen from `now` on the same clock; 1 is the last one.
  public func boundary(_ back: Int, before now: MeterTime) -> MeterTime {
    let thisMonth = boundary(inMonthOf: now.date)
    let last = thisMonth.localSeconds <= now.localSeconds ? 0 : 1
    return boundary(inMonthOf: now.date.firstOfMonth(addingMonths: -(last + back - 1)))
  }

  private func boundary(inMonthOf date: CivilDate) -> MeterTime {
    let first = date.firstOfMonth().daysSince1970
    return MeterTime(localSeconds: (first + Int64(day) - 1) * 86_400 + Int64(hour) * 3600)
  }
}
