internal import Metering
internal import Rating

extension Plan {
  /// The lowest and the highest that a kWh can cost in a month, in 10⁻⁸ yuan; `nil` where no price of the month is known.
  func priceBand(in month: YearMonth) -> ClosedRange<Int64>? {
    var (low, high) = (Int64(0), Int64(0))
    for component in components {
      switch component.kind {
      case .energy(let prices): (low, high) = (low + prices.lowest, high + prices.highest)
      case .monthlyPrices(let table):
        guard let prices = table[month] else { return nil }
        (low, high) = (low + prices.lowest, high + prices.highest)
      case .tierPrices(let prices), .wholeVolume(let prices):
        let all = prices.map(\.hundredMillionths)
        (low, high) = (low + (all.min() ?? 0), high + (all.max() ?? 0))
      case .tierAdders(let adders):
        // Of a kWh in the first tier there is none.
        low += min(0, adders.map(\.prices.lowest).min() ?? 0)
        high += max(0, adders.map(\.prices.highest).max() ?? 0)
      case .fund(let price): (low, high) = (low + price.hundredMillionths, high + price.hundredMillionths)
      case .capacity, .demand, .powerFactor, .export, .minimum, .lateCharge: break
      }
    }
    return low <= high ? low...high : nil
  }
}

extension PeriodPrices {
  private var all: [Int64] {
    switch self {
    case .same(let price): [price.hundredMillionths]
    case .byPeriod(let prices): prices.map(\.hundredMillionths)
    }
  }

  fileprivate var lowest: Int64 { all.min() ?? 0 }
  fileprivate var highest: Int64 { all.max() ?? 0 }
}
