internal import Metering

extension Bill {
  /// `Tier adder, tier 2, peak`.
  public func name(of line: BillLine) -> String {
    let tier = line.tier.map { ", tier \($0)" } ?? ""
    let period = line.period.map { ", \(plan.periods[$0].title)" } ?? ""
    return plan.components[line.component].title + tier + period + (line.part.map { ", no. \($0)" } ?? "")
  }

  /// `递增电费 第2档 峰`.
  public func chineseName(of line: BillLine) -> String {
    let tier = line.tier.map { " 第\($0)档" } ?? ""
    let period = line.period.map { " \(plan.periods[$0].titleChinese)" } ?? ""
    return plan.components[line.component].titleChinese + tier + period + (line.part.map { " 之\($0)" } ?? "")
  }

  /// The line's rule with its numbers: `120.00 kWh x 0.53800000 = 64.56`.
  public func formula(of line: BillLine) -> String {
    "\(quantity(of: line)) \(line.unit.rawValue) x \(line.price)\(days(of: line)) = \(line.amount)"
  }

  /// How much the line is for, in its unit and in decimal.
  func quantity(of line: BillLine) -> String {
    decimalString(line.count, decimals: places(of: line))
  }

  /// Decimal places of the line's quantity.
  func places(of line: BillLine) -> Int {
    line.unit == .kilowattHour ? plan.energyDecimals : Rating.places(of: line.count)
  }

  /// ` x 10/30` for a part of a month, ` x 12 days` for days.
  func days(of line: BillLine) -> String {
    switch line.step.divisor {
    case 0: ""
    case 1: " x \(line.step.days) day\(line.step.days == 1 ? "" : "s")"
    default: " x \(line.step.days)/\(line.step.divisor)"
    }
  }

  /// Why the line has the energy and price it has, in one sentence with the numbers of this bill.
  public func explanation(of line: BillLine) -> String {
    let provenance = plan.components[line.component].provenance
    let source = "\(provenance.text)\(provenance.isPrimary ? "" : " (not a primary source)")"
    return "\(reason(for: line)); price from \(source)"
  }

  private func reason(for line: BillLine) -> String {
    let period = line.period.map { plan.periods[$0] }
    switch line.rule {
    case .energy: return "all kWh of the bill at one price"
    case .energyOfPeriod:
      guard let period else { return "all kWh of the bill" }
      let residual = line.period == plan.residualPeriod ? ": the total less the other periods" : ""
      return "kWh of the period \(period.title)\(residual)"
    case .tierPrice: return "kWh of tier \(line.tier ?? 0)\(room(line))"
    case .wholeVolume: return "all kWh of the bill, since the last one falls in tier \(line.tier ?? 0)\(room(line))"
    case .tierAdder: return "an adder on kWh of tier \(line.tier ?? 0)\(room(line))"
    case .tierAdderProRata:
      return
        "an adder on kWh of tier \(line.tier ?? 0)\(room(line)), spread over the periods in proportion to their kWh"
    case .tierAdderInOrder:
      return "an adder on kWh of tier \(line.tier ?? 0)\(room(line)), by the hours in which they were used"
    case .monthlyPrice: return "all kWh of the bill at the price of \(usage.days.months.upperBound)"
    case .monthlyPriceOfPeriod:
      return "kWh of the period \(period?.title ?? "") at its price of \(usage.days.months.upperBound)"
    case .fund: return "all kWh of the bill, collected for others"
    case .capacity: return "capacity in service\(partOfMonth(line))"
    case .capacitySuspended:
      return "capacity suspended within two years of its installation, at half the price\(partOfMonth(line))"
    case .demandContract:
      return "the contract's demand, with what its rule adds up to 105 %, measured "
        + "\(feed(line).map { "\($0.measured)" } ?? "") kW\(partOfMonth(line))"
    case .demandExcess: return "demand beyond the contract, at twice the price\(partOfMonth(line))"
    case .demandActual: return "the highest demand of the month, or the least that is paid for\(partOfMonth(line))"
    case .powerFactor:
      guard let finding = details?.powerFactor else { return "a share of the lines in its base" }
      return "power factor \(finding.factor) of \(finding.active) kWh and \(finding.reactive) kvarh, standard "
        + "\(finding.standard.name), as a share of the lines in its base"
    case .export: return "reverse energy, to the user's credit"
    case .minimum: return "what the lines before lack to the least that a bill costs"
    case .lateOwnYear: return "a debt, for each day of the year it was due in\(debt(line))"
    case .lateLater: return "a debt, for each day after the year it was due in\(debt(line))"
    case .lateLeast: return "what is missing to the least charge of a debt\(debt(line))"
    }
  }

  private func partOfMonth(_ line: BillLine) -> String {
    line.step.divisor == 0 ? ", for the whole month" : ", for \(line.step.days) of \(line.step.divisor) days"
  }

  private func feed(_ line: BillLine) -> FeedDemand? {
    let index = (line.part ?? 1) - 1
    guard let feeds = usage.supply?.feeds, feeds.indices.contains(index) else { return nil }
    return feeds[index]
  }

  private func debt(_ line: BillLine) -> String {
    guard let debts = usage.supply?.arrears, let part = line.part, debts.indices.contains(part - 1) else { return "" }
    let debt = debts[part - 1]
    return " (\(debt.bill), due \(debt.due), charged to \(debt.paid))"
  }

  /// ` (above 260.00 and up to 600.00 kWh in the window from 2026-10, of which 0.00 kWh were used before)`.
  private func room(_ line: BillLine) -> String {
    guard let tiers = plan.tiers, let tier = line.tier, let tierUse else { return "" }
    let days = usage.limitDays
    let grantKilowattHours = (tiers.grantPerMonth ?? .zero).millionths * Int64(usage.grantedMonths)
    func limit(_ tier: Int) -> String {
      (tiers.limit(tier, for: days, months: usage.windowMonths, step: plan.energyStep)
        + Energy(millionths: grantKilowattHours)).text(
          decimals: plan.energyDecimals)
    }
    let lower = tier > 1 ? "above \(limit(tier - 2))" : ""
    let upper = tier < tiers.count ? "up to \(limit(tier - 1))" : ""
    let bounds = [lower, upper].filter { !$0.isEmpty }.joined(separator: " and ")
    let before = tierUse.before.prefix(tiers.count).reduce(.zero, +).text(decimals: plan.energyDecimals)
    let share = usage.windowMonths.map { " for \($0) of \(tiers.windowLength ?? $0) months" } ?? ""
    return " (\(bounds) kWh\(share) in the window from \(tierUse.start), of which \(before) kWh were used before)"
  }
}
