internal import Documents
internal import Metering

/// Prices that are published anew each month, such as those of purchase by agent, as far as they are known. 代理购电
public struct MonthlyPrices: Hashable, Sendable {
  /// The month of the first row; the others follow without a gap.
  public let first: YearMonth
  /// One for each month.
  public let rows: [PeriodPrices]

  /// The prices of `month`; `nil` before the first and after the last row.
  public subscript(month: YearMonth) -> PeriodPrices? {
    rows.indices.contains(month.index - first.index) ? rows[month.index - first.index] : nil
  }

  /// True where there is a price for a month that has days from `first` to `last`.
  func isOfAny(_ first: CivilDate, _ last: CivilDate?) -> Bool {
    let end = self.first + (rows.count - 1)
    return YearMonth(of: first) <= end && (last.map { self.first <= YearMonth(of: $0) } ?? true)
  }

  /// The `[[component.month]]` tables, and `factors` by period where the one published price floats with them.
  init(_ reader: inout TableReader, periods: [Period]) throws(DocumentError) {
    let factors = try readFactors(&reader, periods)
    let tables = try reader.tables("month")
    var first: YearMonth?
    var rows: [PeriodPrices] = []
    for table in tables {
      var table = table
      let text = try table.string("month")
      guard let month = YearMonth(text) else {
        throw table.error("month", "\"\(text)\" is no month; write it as \"2026-11\"")
      }
      let expected = (first ?? month) + rows.count
      guard month >= expected else {
        throw table.error("month", "\(month) comes twice or too late; \(expected) is next")
      }
      guard month == expected else { throw table.error("month", "gap: \(expected) is next, not \(month)") }
      var prices = try readPrices(&table, one: "price", each: "prices", periods)
      if let factors {
        guard case .same(let price) = prices else {
          throw table.error("prices", "prices by period and factors cannot both be given")
        }
        prices = .byPeriod(
          try factors.map { factor throws(DocumentError) in
            guard let floated = price.times(factor) else { throw table.error("price", "\(price) is too high to float") }
            return floated
          })
      }
      try table.finish()
      first = first ?? month
      rows.append(prices)
    }
    guard let first else { throw reader.missing("month") }
    self.first = first
    self.rows = rows
  }

  func write(to json: inout CanonicalJSON) {
    json.string("first", "\(first)")
    json.objects("months", rows) { json, prices in json.strings("prices", prices.texts) }
  }
}

/// Factors on one price in the order of the periods, in ten-thousandths; `nil` without any.
private func readFactors(_ reader: inout TableReader, _ periods: [Period]) throws(DocumentError) -> [Int64]? {
  guard var table = try reader.optionalTable("factors") else { return nil }
  var factors: [Int64] = []
  for period in periods {
    let text = try table.string(period.name)
    guard let factor = exactDecimal(text, scale: 4), (0...1_000_000).contains(factor) else {
      throw table.error(period.name, "\"\(text)\" is no factor with at most four places, such as \"1.6\"")
    }
    factors.append(factor)
  }
  try table.finish()
  guard !factors.isEmpty else { throw reader.error("factors", "factors need periods; the plan has none") }
  return factors
}

extension Charging {
  /// The lines of prices by month: one, or one for each period.
  mutating func add(_ prices: MonthlyPrices, _ step: PlanStep) throws(RatingError) {
    let month = usage.days.months.upperBound
    guard usage.days.isOneMonth else { throw error(step, .notOneMonth(usage.days)) }
    guard let row = prices[month] else { throw error(step, .noPrice(month)) }
    switch row {
    case .same(let price): try add(step, millionths: details.billed.millionths, at: price)
    case .byPeriod(let prices):
      for (period, price) in prices.enumerated() {
        var step = step
        step.rule = .monthlyPriceOfPeriod
        step.periodNumber = UInt8(truncatingIfNeeded: period + 1)
        try add(step, millionths: periods[period].millionths, at: price)
      }
    }
  }
}
