extension Bill {
  /// `Tier adder, tier 2, peak`.
  public func name(of line: BillLine) -> String {
    let tier = line.tier.map { ", tier \($0)" } ?? ""
    let period = line.period.map { ", \(plan.periods[$0].title)" } ?? ""
    return plan.components[line.component].title + tier + period
  }

  /// `递增电费 第2档 峰`.
  public func chineseName(of line: BillLine) -> String {
    let tier = line.tier.map { " 第\($0)档" } ?? ""
    let period = line.period.map { " \(plan.periods[$0].titleChinese)" } ?? ""
    return plan.components[line.component].titleChinese + tier + period
  }

  /// The line's rule with its numbers: `120.00 kWh x 0.53800000 = 64.56`.
  public func formula(of line: BillLine) -> String {
    "\(line.energy.text(decimals: plan.energyDecimals)) kWh x \(line.price) = \(line.amount)"
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
    }
  }

  /// ` (above 260.00 and up to 600.00 kWh in the window from 2026-10, of which 0.00 kWh were used before)`.
  private func room(_ line: BillLine) -> String {
    guard let tiers = plan.tiers, let tier = line.tier, let tierUse else { return "" }
    let months = usage.days.months
    let grantKilowattHours = (tiers.grantPerMonth ?? .zero).millionths * Int64(usage.grantedMonths)
    func limit(_ tier: Int) -> String {
      (tiers.limit(tier, over: months) + Energy(millionths: grantKilowattHours)).text(decimals: plan.energyDecimals)
    }
    let lower = tier > 1 ? "above \(limit(tier - 2))" : ""
    let upper = tier < tiers.count ? "up to \(limit(tier - 1))" : ""
    let bounds = [lower, upper].filter { !$0.isEmpty }.joined(separator: " and ")
    let before = tierUse.before.prefix(tiers.count).reduce(.zero, +).text(decimals: plan.energyDecimals)
    return " (\(bounds) kWh in the window from \(tierUse.start), of which \(before) kWh were used before)"
  }
}
