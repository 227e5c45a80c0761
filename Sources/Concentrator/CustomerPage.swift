internal import Billing
internal import Metering
internal import Rating
internal import Store

/// A bill as a page of text for the one who pays it, in Chinese and English. 电费通知单
struct CustomerPage {
  let lines: [String]

  /// `errors` are what the account's meters were found to have.
  init(_ bill: IssuedBill, stored: StoredBill, name: String, zone: ZoneOffset, errors: MeterErrors) {
    var text = [
      "电费账单  Electricity bill",
      "户号 Account      \(bill.account)\(name.isEmpty ? "" : "  \(name)")",
      "账期 Cycle        \(bill.cycle)",
      "单据 Document     \(bill.id)  \(Self.kind(bill.kind))",
      "出账 Issued       \(zone.local(unixMilliseconds: bill.issuedAt))",
    ]
    if let correction = stored.bill.correction {
      text.append("更正原因 Reason   \(correction.reason)")
    }
    for part in bill.parts { text += Self.part(part, isOne: bill.parts.count == 1, errors) }
    if bill.kind != .original {
      text.append("")
      text += stored.bill.lines.map { "  \(Self.right("\(Money(fen: $0.amountFen))", 12))  \($0.text)" }
    }
    text.append("")
    if bill.kind != .reversal { text.append("本期电费 Cost of the cycle    \(bill.total) 元 yuan") }
    text.append(
      bill.amount < .zero
        ? "应退 Paid back to you        \(-bill.amount) 元 yuan" : "应交 To pay                  \(bill.amount) 元 yuan")
    if bill.parts.contains(where: \.isEstimated) {
      text.append("含估抄读数, 下次实抄结清  Rests on an estimate; the next actual reading settles the difference")
    }
    lines = text
  }

  private static func kind(_ kind: IssuedKind) -> String {
    switch kind {
    case .original: "账单 bill"
    case .reversal: "红冲 reversal"
    case .difference: "差额账单 difference"
    }
  }

  private static func part(_ part: IssuedPart, isOne: Bool, _ errors: MeterErrors) -> [String] {
    var text = ["", "用电区间 Days       \(part.days.from) - \(part.days.last)", "电价 Tariff         \(part.plan.name)"]
    for segment in part.segments {
      let error = errors.error(of: segment.meter, segment.multiplier, from: segment.from, to: segment.to)
      let own = error.map { "\($0.own)" } ?? segment.multiplier
      text.append("电能表 Meter        \(segment.meter)  倍率 multiplier \(own)")
      if let error {
        text.append(
          "  计量误差 Error of the meter by inspection  \(error.percent) %  电量 energy = 计得 counted / \(error.divisor)")
      }
      for register in segment.registers {
        let name = Quantity(name: register.quantity)
        let unit = name?.unit?.rawValue ?? "kWh"
        text.append(
          "  \(name?.chineseName ?? register.quantity)  \(register.start.value) -> \(register.stop.value)  ="
            + " \(register.energy) \(unit)")
        for (word, mark) in [("起码 start", register.start), ("止码 end", register.stop)]
        where mark.quality == Quality.substituted.rawValue {
          text.append("    \(word) \(mark.value): 人工录入, 非电表自报  entered by a person, not told by the meter")
        }
      }
      if let profile = segment.profile {
        text.append(
          "  按负荷曲线分时 By the intervals of the load profile, \(profile.minutes) 分钟 minutes, \(profile.records) 点 records")
      }
      if let power = segment.demandPower { text.append("  最大需量 Maximum demand  \(power) kW") }
      if let mark = segment.demand, mark.quality == Quality.substituted.rawValue {
        text.append("    示数 reading \(mark.value): 人工录入, 非电表自报  entered by a person, not told by the meter")
      }
    }
    text.append("电量 Energy         \(part.energy) kWh")
    for line in part.lines {
      text.append("  \(right("\(line.amount)", 12))  \(line.chineseName)  \(line.name)")
      text.append("                \(line.formula)")
    }
    text.append("  \(right("\(part.total)", 12))  \(isOne ? "合计  Total" : "小计  Subtotal")")
    return text
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
