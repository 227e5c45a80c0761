public import Rating
internal import Metering

/// Every bill of a closed cycle in words, one after the other.
public func explain(_ closed: ClosedBill, evidence: (_ reading: Int64) -> [String] = { _ in [] }) -> [String] {
  var text: [String] = []
  if closed.bills.count > 1 {
    let cut = closed.statement.proration.map { ", use cut by \($0.rawValue) 按\($0 == .days ? "天" : "月")分摊" } ?? ""
    text.append(
      "Statement 结算单 \(closed.key): rules changed in the cycle, \(closed.bills.count) bills\(cut); total 合计 \(closed.total)"
        + " yuan 元")
  }
  for (index, bill) in closed.bills.enumerated() {
    text += explain(bill, evidence: evidence)
    if closed.others.indices.contains(index), let share = closed.others[index] {
      text.append(explain(share, of: closed.bills))
    }
    if closed.intervals.indices.contains(index), let intervals = closed.intervals[index] {
      text += explain(intervals, under: bill.plan)
    }
  }
  return text + closed.mended.map { "Meter error 计量误差 \($0)" }
}

/// Reactive and reverse energy that was cut where import energy was not.
private func explain(_ share: UsageShare, of bills: [Bill]) -> String {
  let supplies = bills.compactMap(\.usage.supply)
  func sum(_ energy: (Supply) -> Energy?, _ unit: String) -> String? {
    let parts = supplies.compactMap(energy)
    return parts.isEmpty ? nil : "\(parts.reduce(.zero, +)) \(unit)"
  }
  let whole = [
    sum({ $0.reactive?.forward }, "kvarh"), sum({ $0.reactive?.reverse }, "kvarh 反向"), sum(\.exported, "kWh 反向"),
  ].compactMap(\.self).joined(separator: ", ")
  return "Cut 分摊 reactive and reverse energy 无功及反向电量: part \(share.part) of \(share.parts) of \(whole) from"
    + " \(share.days), cut by \(share.proration.rawValue)\(share.part > 1 ? "; the readings stand in part 1" : "")"
}

/// A bill in words: each line with its rule and numbers, each segment with its readings, down to the evidence.
///
/// - Parameters:
///   - bill: what is explained.
///   - evidence: lines for the reading of a number, such as the frames it came in; none where nothing is kept.
/// - Returns: lines of text for people, without line ends.
public func explain(_ bill: Bill, evidence: (_ reading: Int64) -> [String] = { _ in [] }) -> [String] {
  let plan = bill.plan
  var text = [
    "Bill 账单 \(bill.usage.id)\(bill.kind == .reversal ? " reversed 红冲" : "")",
    "Account 户号 \(bill.usage.account), \(bill.usage.days)",
    "Plan 电价 \(plan.title) \(plan.titleChinese) (\(plan.name), valid from \(plan.validFrom))",
    "Energy 电量 \(bill.totals.energy.text(decimals: plan.energyDecimals)) kWh",
  ]
  if let share = bill.usage.supply?.share { text.append("Cut 分摊 \(share)") }
  if let losses = bill.losses {
    text.append(
      "Losses 损耗 metered \(losses.metered), transformer 变损 \(losses.transformer), line 线损 \(losses.line) kWh;"
        + " \(losses.reactive) kvarh")
  }
  if let finding = bill.powerFactor {
    text.append(
      "Power factor 功率因数 \(finding.factor) of \(finding.active) kWh and \(finding.reactive) kvarh, standard"
        + " \(finding.standard.name)")
  }
  if bill.usage.isEstimated { text.append("Estimated 估抄: the next actual reading settles the difference") }
  for line in bill.lines {
    text.append("\(line.ordinal). \(bill.name(of: line)) \(bill.chineseName(of: line))")
    text.append("   \(bill.formula(of: line))")
    text.append("   \(bill.explanation(of: line))")
    if !line.segments.isEmpty {
      text.append("   from segment \(line.segments.map { "\($0 + 1)" }.joined(separator: ", "))")
    }
  }
  text.append("Total 合计 \(bill.total) yuan 元")
  for (index, segment) in bill.usage.segments.enumerated() {
    text.append(
      "Segment 区段 \(index + 1): meter 电能表 \(segment.meter), multiplier 倍率 \(segment.multiplier),"
        + " \(segment.from) to \(segment.to)")
    for register in segment.registers { text += explain(register, segment.multiplier, evidence) }
    if let profile = segment.profile {
      text.append(
        "   load profile 负荷曲线: \(profile.records) records, \(profile.minutes) minutes apart, intervals of"
          + " \(profile.energy) kWh, newest reading \(profile.newest), digest \(profile.digest.prefix(12))")
    }
    if let demand = segment.demand {
      let when = demand.occurred.map { ", at 发生于 \($0)" } ?? ""
      text.append(
        "   maximum demand 最大需量: \(demand.mark.value) x \(segment.multiplier) = \(demand.power) kW\(when)")
      text.append("      reading 读数: \(demand.mark.sequence), \(demand.mark.value) (\(demand.mark.quality.rawValue))")
      text += evidence(demand.mark.sequence).map { "         \($0)" }
    }
  }
  return text
}

private func explain(_ register: RegisterUse, _ multiplier: Multiplier, _ evidence: (Int64) -> [String]) -> [String] {
  let rollover = register.rolledOver ? ", past its capacity 翻转" : ""
  var text = [
    "   \(register.quantity) \(register.quantity.chineseName):"
      + " (\(register.stop.value) - \(register.start.value)\(rollover)) x \(multiplier)"
      + " = \(register.energy) \(register.quantity.unit?.rawValue ?? "kWh")"
  ]
  for (word, mark) in [("start 起度", register.start), ("stop 止度", register.stop)] {
    text.append("      \(word): reading \(mark.sequence), \(mark.value) (\(mark.quality.rawValue))")
    text += evidence(mark.sequence).map { "         \($0)" }
  }
  return text
}
