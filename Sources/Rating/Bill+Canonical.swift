internal import Metering

extension Bill {
  /// Fingerprint of what the bill was made of; equal for two bills of the same usage and plan, and for a reversal.
  public var inputDigest: String { usage.inputDigest(under: plan) }

  /// The bill as one line of JSON with a fixed order of keys, complete in itself: what is stored and handed over.
  public var canonicalText: String {
    var bytes: [UInt8] = []
    var writer = BillWriter(plan)
    writer.write(self, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Writes the canonical texts of many bills under one plan; what is the same on all of them is put into words once.
public struct BillWriter: Sendable {
  private let plan: Plan
  private let planMembers: [UInt8]
  private var lineMembers: [LineKey: LineMembers] = [:]

  /// Everything of a line's text that its numbers do not change.
  private struct LineMembers: Sendable {
    let beforeQuantity: [UInt8]
    let unit: String
    let rule: [UInt8]
    let afterFormula: [UInt8]
  }

  private struct LineKey: Hashable {
    let step: PlanStep
    let segments: Range<Int>
  }

  /// A writer of bills under `plan`.
  public init(_ plan: Plan) {
    self.plan = plan
    planMembers = CanonicalJSON.members { json in
      json.object("plan") { json in
        json.string("name", plan.name)
        json.string("title", plan.title)
        json.string("title_zh", plan.titleChinese)
        json.date("valid_from", plan.validFrom)
        json.string("digest", plan.digest)
      }
    }
  }

  /// Appends `bill.canonicalText`, without an end of line; `bill` is under the writer's plan.
  public mutating func write(_ bill: Bill, to bytes: inout [UInt8]) {
    guard bill.plan === plan || bill.plan == plan else {
      self = BillWriter(bill.plan)
      return write(bill, to: &bytes)
    }
    var json = CanonicalJSON(after: bytes)
    bytes = []
    json.braces { json in
      json.bill(bill, planMembers)
      json.objects("lines", bill.lines) { json, line in
        let members = members(of: line, on: bill)
        json.number("ordinal", line.ordinal)
        json.members(members.beforeQuantity)
        let places = bill.places(of: line)
        json.plain("quantity") { $0.append(millionths: line.count, places: places) }
        json.string("unit", members.unit)
        json.plain("price") { $0.append(line.price) }
        json.plain("amount") { $0.append(line.amount) }
        json.members(members.rule)
        json.plain("formula") { bytes in
          bytes.append(millionths: line.count, places: places)
          bytes.append(UInt8(ascii: " "))
          bytes.append(text: members.unit)
          bytes.append(text: " x ")
          bytes.append(line.price)
          bytes.append(text: bill.days(of: line))
          bytes.append(text: " = ")
          bytes.append(line.amount)
        }
        json.members(members.afterFormula)
      }
      json.string("currency", "CNY")
      json.plain("total") { $0.append(bill.total) }
      json.segments(bill.usage.segments)
      // A filter's caller has its intervals; who is billed from a journal has only what the bill says.
      if let intervals = bill.usage.supply?.intervals, bill.usage.segments.contains(where: { $0.profile != nil }) {
        json.object("intervals") { intervals.write(to: &$0) }
      }
      json.number("engine", ratingEngineVersion)
      json.string("digest", bill.inputDigest)
    }
    bytes = json.bytes
  }

  private mutating func members(of line: BillLine, on bill: Bill) -> LineMembers {
    var step = line.step
    (step.price, step.days, step.divisor) = (.one, 0, 0)
    let key = LineKey(step: step, segments: line.segments)
    if let known = lineMembers[key] { return known }
    let members = LineMembers(
      beforeQuantity: CanonicalJSON.members { json in
        json.string("component", plan.components[line.component].kindName)
        json.string("name", bill.name(of: line))
        json.string("name_zh", bill.chineseName(of: line))
        json.number("tier", line.tier)
        json.string("period", line.period.map { plan.periods[$0].name })
      }, unit: line.unit.rawValue, rule: CanonicalJSON.members { $0.string("rule", line.rule.rawValue) },
      afterFormula: CanonicalJSON.members { json in
        json.numbers("segments", line.segments)
        if let part = line.part { json.number("part", part) }
      })
    lineMembers[key] = members
    return members
  }
}

extension CanonicalJSON {
  /// Everything of a bill that stands before its lines.
  fileprivate mutating func bill(_ bill: Bill, _ planMembers: [UInt8]) {
    let (usage, plan) = (bill.usage, bill.plan)
    let decimals = plan.energyDecimals
    string("bill", usage.id)
    string("kind", bill.kind.rawValue)
    string("account", usage.account)
    date("from", usage.days.from)
    date("to", usage.days.to)
    boolean("estimated", usage.isEstimated)
    members(planMembers)
    let sign: Int64 = bill.kind == .original ? 1 : -1
    func signed(_ energy: Energy) -> Energy { Energy(millionths: energy.millionths * sign) }
    object("energy") { json in
      json.energy("total", signed(bill.details?.billed ?? usage.total), decimals: decimals)
      for (index, period) in plan.periods.enumerated() {
        json.energy(period.name, signed(bill.byPeriod[index]), decimals: decimals)
      }
    }
    if let tierUse = bill.tierUse, let count = plan.tiers?.count {
      object("tiers") { json in
        json.plain("window") { $0.append(text: "\(tierUse.start)") }
        json.energies("used", count: count, decimals: decimals) { signed(tierUse.used[$0]) }
        json.energies("used_after", count: count, decimals: decimals) {
          bill.kind == .original ? tierUse.before[$0] + tierUse.used[$0] : tierUse.before[$0]
        }
      }
    }
    findings(bill.losses, bill.powerFactor, decimals: decimals)
  }
}

extension CanonicalJSON {
  /// Losses and the power factor, where there are any.
  fileprivate mutating func findings(_ losses: BilledLosses?, _ factor: PowerFactorFinding?, decimals: Int) {
    if let losses {
      object("losses") { json in
        json.string("metered", losses.metered.text(decimals: decimals))
        json.string("transformer", losses.transformer.text(decimals: decimals))
        json.string("line", losses.line.text(decimals: decimals))
        json.string("reactive", losses.reactive.text(decimals: decimals))
      }
    }
    if let factor {
      object("power_factor") { json in
        json.string("active", factor.active.text(decimals: decimals))
        json.string("reactive", "\(factor.reactive)")
        json.string("factor", "\(factor.factor)")
        json.string("standard", factor.standard.name)
        json.string("adjustment", "\(Price(basisPoints: factor.adjustment))")
      }
    }
  }
}
