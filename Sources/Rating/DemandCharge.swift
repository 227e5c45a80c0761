internal import Documents

/// A price for each kW of the month's highest demand. 需量电费
public struct DemandCharge: Hashable, Sendable {
  /// Yuan per kW and month, at most 500.
  public let price: Price
  /// What a part of a month costs.
  public let dayShare: DayShare
  /// What demand beyond the contract costs.
  public let excess: Excess
  /// The least that is paid for; `nil` without one.
  public let floor: Floor?
  /// The price for a high load rate; `nil` without one.
  public let discount: LoadRateDiscount?

  /// What demand beyond the contract costs. `c` is the contract, `m` the measured demand.
  public enum Excess: String, Hashable, Sendable, CaseIterable {
    /// Up to 105 % of `c` only `c` is paid; above, what is over 105 % is paid double on top of `c`.
    case over105Double = "over-105-double"
    /// What lies between 100 % and 105 % is paid like the contract; what is over 105 % double.
    case over105DoubleBandPaid = "over-105-double-band-paid"
    /// At least 95 % of `c`; up to 105 % `m` is paid; above, `c` and all that is over `c` double. Source: an
    /// exam answer on older local rules; unverified.
    case over100DoublePast105 = "over-100-double-past-105"
  }

  /// The least that is paid for, as a share of the capacity behind a feed.
  public struct Floor: Hashable, Sendable {
    /// 1...100; 40 in the rules in force.
    public let percent: Int
    /// Which value may not be less.
    public let on: Subject

    /// Which value may not be less.
    public enum Subject: String, Hashable, Sendable, CaseIterable {
      /// The contract's value; the rule in force.
      case contract
      /// The measured one, by actual demand; old textbooks.
      case measured
    }
  }

  /// Demand is cheaper for who uses much energy for each kVA. Source: price notice of the development commission, 2023
  /// no. 526, after a news report.
  public struct LoadRateDiscount: Hashable, Sendable {
    /// kWh in the month for each kVA of contracted capacity, from which on it holds: 260 in that notice.
    public let from: Energy
    /// Yuan per kW and month then.
    public let price: Price
  }

  init(_ reader: inout TableReader) throws(DocumentError) {
    price = try reader.price("price")
    guard Price(hundredMillionths: price.hundredMillionths * 2) != nil else {
      throw reader.error("price", "\(price) yuan cannot be doubled; 500 yuan per kW are the most")
    }
    dayShare = try reader.dayShare()
    excess = try reader.choice("excess", default: .over105Double)
    if var table = try reader.optionalTable("floor") {
      floor = Floor(percent: try table.integer("percent", in: 1...100), on: try table.choice("on", default: .contract))
      try table.finish()
    } else {
      floor = nil
    }
    if var table = try reader.optionalTable("load-rate") {
      guard let from = try table.optionalEnergy("from") else { throw table.missing("from") }
      discount = LoadRateDiscount(from: from, price: try table.price("price"))
      try table.finish()
    } else {
      discount = nil
    }
  }

  func write(to json: inout CanonicalJSON) {
    json.string("price", "\(price)")
    json.string("day_share", dayShare.rawValue)
    json.string("excess", excess.rawValue)
    json.number("floor_percent", floor?.percent)
    json.string("floor_on", floor?.on.rawValue)
    json.string("load_rate_from", discount.map { $0.from.text(decimals: 6) })
    json.string("load_rate_price", discount.map { "\($0.price)" })
  }

  /// What is paid once and what is paid double, in kW, for a contract and a measured demand.
  func split(contract: Power, measured: Power) -> (once: Power, double: Power) {
    let upper = contract.hundredths(105)
    switch excess {
    case .over105Double: return (contract, max(.zero, measured - upper))
    case .over105DoubleBandPaid: return (max(contract, min(measured, upper)), max(.zero, measured - upper))
    case .over100DoublePast105:
      return measured > upper
        ? (contract, measured - contract) : (max(measured, contract.hundredths(95)), .zero)
    }
  }
}

extension Charging {
  /// The lines of a demand charge, feed by feed; none where the supply's basic charge is by capacity.
  mutating func add(_ rule: DemandCharge, _ step: PlanStep) throws(RatingError) {
    guard let supply, let mode = supply.basicCharge else { throw error(step, .needs(.basicCharge)) }
    guard mode != .capacity else { return }
    guard !supply.feeds.isEmpty else { throw error(step, .needs(.feeds)) }
    guard supply.feeds.count <= 200 else { throw error(step, .tooManyFeeds(supply.feeds.count, most: 200)) }
    let step = try shared(step, by: rule.dayShare)
    let price = try demandPrice(rule, supply, step)
    for (index, feed) in supply.feeds.enumerated() {
      var line = step
      line.part = supply.feeds.count > 1 ? UInt8(truncatingIfNeeded: index + 1) : 0
      try check(feed.measured, .feeds, step)
      switch mode {
      case .capacity: return
      case .actualDemand:
        line.rule = .demandActual
        try add(line, max(feed.measured, try floor(rule, .measured, feed, step)), at: price)
      case .contractDemand:
        guard let contract = feed.contract else { throw error(step, .needs(.contract)) }
        try check(contract, .contract, step)
        let paid = rule.split(contract: max(contract, try floor(rule, .contract, feed, step)), measured: feed.measured)
        line.rule = .demandContract
        try add(line, paid.once, at: price)
        guard paid.double > .zero, let doubled = Price(hundredMillionths: price.hundredMillionths * 2) else { continue }
        line.rule = .demandExcess
        try add(line, paid.double, at: doubled)
      }
    }
  }

  /// The published price, or the one for a high load rate.
  private func demandPrice(_ rule: DemandCharge, _ supply: Supply, _ step: PlanStep) throws(RatingError) -> Price {
    guard let discount = rule.discount else { return rule.price }
    guard let capacity = supply.contracted else { throw error(step, .needs(.contracted)) }
    try check(capacity, .contracted, step)
    let energy = supply.monthEnergy ?? details.month?.billed ?? details.billed
    // kWh per kVA without dividing: both sides in 10⁻¹² kWh.
    let reached =
      capacity > .zero
      && Int128(energy.millionths) * 1_000_000 >= Int128(discount.from.millionths) * Int128(capacity.millionths)
    return reached ? discount.price : rule.price
  }

  private func floor(
    _ rule: DemandCharge, _ subject: DemandCharge.Floor.Subject, _ feed: FeedDemand, _ step: PlanStep
  ) throws(RatingError) -> Power {
    guard let floor = rule.floor, floor.on == subject else { return .zero }
    let isOnly = supply?.feeds.count == 1
    guard let capacity = feed.capacity ?? (isOnly ? supply?.contracted : nil) else {
      // What is contracted in all says nothing of one feed among several.
      throw error(step, .needs(isOnly ? .contracted : .feedCapacity))
    }
    try check(capacity, feed.capacity == nil ? .contracted : .feedCapacity, step)
    let exact = capacity.hundredths(Int64(floor.percent))
    guard exact.isChargeable else {
      throw error(step, .powerOutOfRange(feed.capacity == nil ? .contracted : .feedCapacity, capacity))
    }
    return exact
  }
}
