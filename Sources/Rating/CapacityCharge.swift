internal import Documents

/// A price for each kVA of running capacity and month. 容量电费
public struct CapacityCharge: Hashable, Sendable {
  /// Yuan per kVA and month.
  public let price: Price
  /// What a part of a month costs.
  public let dayShare: DayShare
  /// What capacity costs that is suspended soon after it was installed.
  public let suspended: SuspendedCapacity

  init(_ reader: inout TableReader) throws(DocumentError) {
    price = try reader.price("price")
    dayShare = try reader.dayShare()
    suspended = try reader.choice("suspended", default: .free)
    guard suspended == .free || price.hundredMillionths % 2 == 0 else {
      throw reader.error("price", "half of \(price) has more than eight decimal places")
    }
  }

  func write(to json: inout CanonicalJSON) {
    json.string("price", "\(price)")
    json.string("day_share", dayShare.rawValue)
    if suspended != .free { json.string("suspended", suspended.rawValue) }
  }
}

/// What is paid for a transformer that is suspended within two years of its installation, `Supply.suspended`. 暂停容量
///
/// Source: an exam item on the rules of electricity supply of 1996, which half the charge; that later rules ask nothing is
/// unverified. So each plan says which holds.
public enum SuspendedCapacity: String, Hashable, Sendable, CaseIterable {
  /// Nothing.
  case free
  /// Half of what running capacity costs.
  case half
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
    guard rule.suspended == .half, let suspended = supply?.suspended else { return }
    try check(suspended, .suspended, step)
    guard let half = Price(hundredMillionths: rule.price.hundredMillionths / 2) else { return }
    var step = step
    step.rule = .capacitySuspended
    try add(shared(step, by: rule.dayShare), suspended, at: half)
  }
}
