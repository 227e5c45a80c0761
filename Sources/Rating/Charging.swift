internal import Metering

/// A bill while the lines beside its plain energy lines are put together, in the order of the plan.
struct Charging {
  let plan: Plan
  let usage: Usage
  let supply: Supply?
  /// The billed energy of each period.
  let periods: EnergyRow
  var lines: [BillLine]
  var total: Money
  var details: BillDetails

  /// Adds what the component of `step` charges.
  mutating func add(_ step: PlanStep) throws(RatingError) {
    switch plan.components[Int(step.componentNumber)].kind {
    // Priced where the plain lines are, but for one.
    case .energy, .tierPrices, .wholeVolume, .fund: return
    case .tierAdders: if step.rule == .tierAdderInOrder { try addInOrder(step) }
    case .monthlyPrices(let prices): try add(prices, step)
    case .capacity(let charge): try add(charge, step)
    case .demand(let charge): try add(charge, step)
    case .powerFactor(let adjustment): try add(adjustment, step)
    case .export(let price): try addExport(at: price, step)
    case .minimum(let amount): try addMinimum(amount, step)
    case .lateCharge(let charge): try add(charge, step)
    }
  }

  /// Adds a line for `power`, unless it is nothing.
  mutating func add(_ step: PlanStep, _ power: Power, at price: Price) throws(RatingError) {
    try add(step, millionths: power.millionths, at: price)
  }

  /// Adds the line of so many millionths of its unit, rounded once; a line of nothing is not printed.
  mutating func add(_ step: PlanStep, millionths: Int64, at price: Price) throws(RatingError) {
    guard millionths > 0 else { return }
    var step = step
    step.price = price
    let line = BillLine(ordinal: 0, step: step, count: millionths, amount: .zero, segments: segments(of: step))
    try add(
      step, millionths: millionths, at: price,
      amount: rounding(step).quotient(line.exact, by: BillLine.exactPartsPerFen))
  }

  /// Adds a line on an amount of money, whose own amount is known.
  mutating func add(_ step: PlanStep, _ base: Money, at price: Price, amount: Int128) throws(RatingError) {
    let (millionths, overflow) = base.fen.multipliedReportingOverflow(by: 10_000)
    guard !overflow else { throw error(step, .amountTooLarge) }
    try add(step, millionths: millionths, at: price, amount: amount)
  }

  private mutating func add(
    _ step: PlanStep, millionths: Int64, at price: Price, amount: Int128
  ) throws(RatingError) {
    guard let fen = Int64(exactly: amount) else { throw error(step, .amountTooLarge) }
    let (sum, overflow) = total.fen.addingReportingOverflow(fen)
    guard !overflow else { throw error(step, .amountTooLarge) }
    var step = step
    step.price = price
    total = Money(fen: sum)
    lines.append(
      BillLine(
        ordinal: lines.count + 1, step: step, count: millionths, amount: Money(fen: fen),
        segments: segments(of: step)))
  }

  /// Where the readings stand that a line is made of: none for what is agreed, and for money.
  private func segments(of step: PlanStep) -> Range<Int> {
    switch step.rule {
    case .capacity, .capacitySuspended, .minimum, .lateOwnYear, .lateLater, .lateLeast: 0..<0
    case .energy, .energyOfPeriod, .tierPrice, .wholeVolume, .tierAdder, .tierAdderProRata, .tierAdderInOrder,
      .monthlyPrice, .monthlyPriceOfPeriod, .fund, .demandContract, .demandExcess, .demandActual, .powerFactor, .export:
      usage.segments.indices
    }
  }

  func rounding(_ step: PlanStep) -> LineRounding { plan.components[Int(step.componentNumber)].rounding }

  func error(_ step: PlanStep, _ problem: LineProblem) -> RatingError {
    let number = Int(step.componentNumber)
    return .line(plan: plan.name, component: number + 1, title: plan.components[number].title, problem)
  }

  func check(_ power: Power, _ input: SupplyInput, _ step: PlanStep) throws(RatingError) {
    guard power.isChargeable else { throw error(step, .powerOutOfRange(input, power)) }
  }
}

extension Plan {
  /// Why nothing can be billed with what a supply says, however much was used.
  ///
  /// - Parameter supply: what is agreed for it, with zero for whatever is measured.
  /// - Returns: what the plan needs of it and is missing, or what it says that the plan has nothing for; `nil` where
  ///   something can be billed.
  public func problem(of supply: Supply) -> RatingError? {
    let month = YearMonth(of: validFrom)
    guard let first = CivilDate(year: month.year, month: month.month, day: 1),
      let days = DayRange(
        from: first,
        to: CivilDate(daysSince1970: first.daysSince1970 + Int64(CivilDate.days(inMonth: month.month, of: month.year))))
    else { return nil }
    let usage = Usage(id: "", account: "", days: days, total: .zero, supply: supply)
    var periods = EnergyRow()
    do throws(RatingError) {
      var charging = Charging(
        plan: self, usage: usage, supply: supply, periods: periods, lines: [], total: .zero,
        details: try details(of: usage, &periods))
      for step in steps {
        switch components[Int(step.componentNumber)].kind {
        case .capacity, .demand, .powerFactor: try charging.add(step)
        case .energy, .tierPrices, .wholeVolume, .tierAdders, .monthlyPrices, .fund, .export, .minimum, .lateCharge:
          break
        }
      }
      return nil
    } catch {
      // What else may be wrong with a month of nothing need not be with a true one.
      switch error {
      case .line(_, _, _, .needs), .line(_, _, _, .powerOutOfRange), .notInPlan, .loss(_, .unknownTransformer),
        .loss(_, .hours), .loss(_, .lineLoss):
        return error
      default: return nil
      }
    }
  }
}

/// What a bill of a plan with more than plain energy lines knows beside its lines.
struct BillDetails: Hashable, Sendable {
  /// What the meter counted, before losses.
  var metered: Energy
  var loss = Losses()
  /// What is billed of the whole month, where the bill is for a part of it.
  var month: MonthBilled?
  var powerFactor: PowerFactorFinding?

  init(metered: Energy) { self.metered = metered }

  /// What is billed.
  var billed: Energy { metered + loss.active }
}

/// Why a line of a plan cannot be charged.
public enum LineProblem: Error, Hashable, Sendable {
  /// The supply does not say something that the line needs.
  case needs(SupplyInput)
  /// More feeds than a bill can have.
  case tooManyFeeds(Int, most: Int)
  /// Negative, beyond 10⁸ kW or kVA, or finer than the rules can share exactly.
  case powerOutOfRange(SupplyInput, Power)
  /// A charge by the month, but the usage is of more than one.
  case notOneMonth(DayRange)
  /// Prices by month, and none for this one.
  case noPrice(YearMonth)
  /// Reactive energy without any active energy.
  case onlyReactive(Energy)
  /// A debt that is not positive, beyond 10¹¹ yuan, paid before it was due, or beyond 9999 days.
  case debt(bill: String)
  /// Beyond what a bill can hold.
  case amountTooLarge
}

extension LineProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .needs(.feedCapacity): "it needs capacity of each feed of the supply, as there are several, and one has none"
    case .needs(let input): "it needs \(input.rawValue) of the supply, which is not given"
    case .tooManyFeeds(let count, let most): "the supply has \(count) feeds; \(most) are the most"
    case .powerOutOfRange(let input, let power):
      "\(input.rawValue) of the supply is \(power); it must be 0 to 100000000 with at most four decimal places"
    case .notOneMonth(let days): "it is charged by the month, but \(days) is more than one; bill each month by itself"
    case .noPrice(let month): "it has no price for \(month); add that month's price to the plan"
    case .onlyReactive(let energy):
      "\(energy) kvarh but no active energy: check the meter before charging a power factor of 0.00"
    case .debt(let bill): "the debt on \(bill) must be positive, and paid on or after the day it was due"
    case .amountTooLarge: "its amount is too large"
    }
  }
}
