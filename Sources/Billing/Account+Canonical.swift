internal import Metering
public import Rating

extension Account {
  /// All that a bill follows from beside readings and plans, as one text: equal accounts, equal texts.
  var canonicalText: String {
    func text(_ value: some Any) -> String { "\(value)" }
    var lines = ["\(id) \(settlement.day) \(settlement.hour) \(zone) \(proration.rawValue)"]
    lines.append("from \(from.map(text) ?? "-") large household from \(grantFrom.map(text) ?? "-")")
    // Accounts that go on have the text that they always had.
    if let to { lines.append("to \(to)") }
    if let movedIn { lines.append("moved in \(movedIn)") }
    for meter in meters {
      lines.append(
        "meter \(meter.meter) \(meter.multiplier) \(meter.from.map(text) ?? "-") \(meter.to.map(text) ?? "-")"
          + " \(meter.register.capacity) \(meter.register.mostPerHour) \(meter.register.cut)"
          + " \(meter.reactive.forward.rawValue) \(meter.reactive.reverse?.rawValue ?? "-") \(meter.keepsSettlements)")
    }
    for term in terms {
      let agreed = [
        term.from.map(text), term.basicCharge?.rawValue, term.running.map(text), term.contracted.map(text),
        term.contractDemand.map(text), term.powerFactorStandard?.name, term.isExemptFromPowerFactor ? "exempt" : nil,
        term.transformer.map { "\($0.model) \($0.capacity) \($0.hours)" }, term.lineLoss.map(text),
        term.suspended.map { "suspended \($0)" },
      ]
      lines.append("terms \(term.plan) \(agreed.map { $0 ?? "-" }.joined(separator: " "))")
      if let intervals = term.intervals {
        lines.append("by intervals of \(intervals.minutes) \(intervals.reconciliation.rawValue)")
      }
    }
    return lines.joined(separator: "\n")
  }
}

/// What all bills of a station follow from beside readings, as one text: program, engine, plans, master data. 费率与档案基线
///
/// Where it is another than before, the last bills are rated again before anything is issued.
///
/// - Parameters:
///   - accounts: each with its plans by its name.
///   - plans: by account.
///   - program: the version of the program that bills: other code may rate otherwise.
/// - Returns: lines of text, the same for the same basis in whatever order the accounts come.
public func ratingBasis(accounts: [Account], plans: [String: PlanCatalogue], program: String) -> String {
  let rows = accounts.sorted { $0.id < $1.id }.map { account in
    let catalogue = plans[account.id]
    let lists = account.terms.contains { $0.intervals != nil } ? catalogue?.calendars ?? [] : []
    let digests = (catalogue?.plans.map(\.digest) ?? []) + lists.map(\.digest)
    return "\(account.canonicalText)\n\(digests.joined(separator: "\n"))"
  }
  return "program \(program) engine \(ratingEngineVersion)\n" + rows.joined(separator: "\n")
}
