internal import Documents

/// A price for each kVA of running capacity and month. 容量电费
public struct CapacityCharge: Hashable, Sendable {
  /// Yuan per kVA and month.
  public let price: Price
  /// What a part of a month costs.
  public let dayShare: DayShare

  init(_ reader: inout TableReader) throws(DocumentError) {
    price = try reader.price("price")
    dayShare = try reader.dayShare()
  }

  func write(to json: inout CanonicalJSON) {
    json.string("price", "\(price)")
    json.string("day_share", dayShare.rawValue)
  }
}

extension TableReader {
  /// Required: the two rules differ by a day in most months, and a plan is dated.
  mutating func dayShare() throws(DocumentError) -> DayShare {
    guard has("day-share") else { throw missing("day-share") }
    return try choice("day-share", default: .calendar)
  }
}

extension Charging {
  /// The line of a capacity charge; none where the supply's basic charge is by demand.
  mutating func add(_ rule: CapacityCharge, _ step: PlanStep) throws(RatingError) {
    guard let mode = supply?.basicCharge else { throw error(step, .needs(.basicCharge)) }
    guard mode == .capacity else { return }
    guard let running = supply?.running else { throw error(step, .needs(.running)) }
    try check(running, .running, step)
    try add(shared(step, by: rule.dayShare), running, at: rule.price)
  }
}
