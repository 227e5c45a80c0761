internal import Documents
public import Metering

/// A charge for each day of a debt. 违约金
///
/// Source: rules of electricity supply of 1996, after a summary: homes 1 per mille a day; others 2 per mille in the
/// debt's own year and 3 per mille for the days after its end; less than 1 yuan is charged as 1 yuan. A debt that
/// crosses New Year has both rates, each for its own days.
public struct LateCharge: Hashable, Sendable {
  /// Of the debt, for each day in the year it was due: `0.002`.
  public let ownYear: Price
  /// Of the debt, for each later day.
  public let later: Price
  /// The least for one debt; `nil` where there is no such rule.
  public let least: Money?

  init(_ reader: inout TableReader) throws(DocumentError) {
    ownYear = try readDailyShare(&reader, "own-year")
    later = try readDailyShare(&reader, "later")
    least = try reader.optionalMoney("least")
  }

  func write(to json: inout CanonicalJSON) {
    json.string("own_year", "\(ownYear)")
    json.string("later", "\(later)")
    json.string("least", least.map { "\($0)" })
  }
}

private func readDailyShare(_ reader: inout TableReader, _ key: String) throws(DocumentError) -> Price {
  let text = try reader.string(key)
  guard let share = Price(yuan: text), (0...1_000_000).contains(share.hundredMillionths) else {
    throw reader.error(key, "\"\(text)\" is no share of a debt for a day up to 0.01, such as \"0.002\"")
  }
  return share
}

/// A debt that was paid late, or is being charged up to a day.
public struct Arrears: Hashable, Sendable {
  /// Which bill was not paid.
  public let bill: String
  /// What was owed, more than nothing and at most 10¹¹ yuan.
  public let amount: Money
  /// The last day on which it could be paid free of charge.
  public let due: CivilDate
  /// The last day that is charged.
  public let paid: CivilDate

  /// A debt; it is checked when it is charged.
  public init(bill: String, amount: Money, due: CivilDate, paid: CivilDate) {
    self.bill = bill
    self.amount = amount
    self.due = due
    self.paid = paid
  }
}

extension Charging {
  /// The lines of each debt: its days by year, and what is missing to the least charge.
  mutating func add(_ rule: LateCharge, _ step: PlanStep) throws(RatingError) {
    for (index, debt) in (supply?.arrears ?? []).enumerated() {
      var line = step
      line.part = UInt8(truncatingIfNeeded: index + 1)
      line.divisor = 1
      let days = debt.paid.daysSince1970 - debt.due.daysSince1970
      guard (1...10_000_000_000_000).contains(debt.amount.fen), (0...9999).contains(days), index < 200,
        let yearEnd = CivilDate(year: debt.due.year, month: 12, day: 31)
      else { throw error(step, .debt(bill: debt.bill)) }
      guard days > 0 else { continue }
      let own = min(days, yearEnd.daysSince1970 - debt.due.daysSince1970)
      let before = total
      for (rule, days, share) in [
        (Rule.lateOwnYear, own, rule.ownYear), (Rule.lateLater, days - own, rule.later),
      ] where days > 0 {
        line.rule = rule
        line.days = UInt16(truncatingIfNeeded: days)
        try add(line, debt.amount, at: share)
      }
      line.days = 0
      line.divisor = 0
      line.rule = .lateLeast
      if let least = rule.least, total - before < least { try add(line, before + least - total, at: .one) }
    }
  }

  /// What is missing from the sum of the lines so far to the least that a bill costs; of a month in parts, the last part
  /// has it.
  mutating func addMinimum(_ minimum: Money, _ step: PlanStep) throws(RatingError) {
    let before: Money
    switch supply?.month {
    case nil: before = .zero
    case let month?:
      guard let charged = month.charged else { return }
      before = charged
    }
    guard before + total < minimum else { return }
    try add(step, minimum - before - total, at: .one)
  }

  /// Reverse energy, paid for to the user: a line below nothing.
  mutating func addExport(at price: Price, _ step: PlanStep) throws(RatingError) {
    guard let exported = supply?.exported else { return }
    try plan.check(exported, "exported energy")
    guard let credit = Price(hundredMillionths: -price.hundredMillionths) else { throw error(step, .amountTooLarge) }
    try add(step, millionths: exported.millionths, at: credit)
  }

  /// The line of an amount of money times a share, rounded once.
  private mutating func add(_ step: PlanStep, _ base: Money, at share: Price) throws(RatingError) {
    let (millionths, overflow) = base.fen.multipliedReportingOverflow(by: 10_000)
    guard !overflow else { throw error(step, .amountTooLarge) }
    try add(step, millionths: millionths, at: share)
  }
}
