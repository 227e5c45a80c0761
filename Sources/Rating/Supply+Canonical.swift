internal import Metering

extension Supply {
  /// What is given, in a fixed order; what is not given leaves no trace, so that new inputs change no old digest.
  func write(to json: inout CanonicalJSON) {
    if let basicCharge { json.string("basic_charge", basicCharge.rawValue) }
    if let running { json.string("running", "\(running)") }
    if let suspended { json.string("suspended", "\(suspended)") }
    if let contracted { json.string("contracted", "\(contracted)") }
    if !feeds.isEmpty {
      json.objects("feeds", feeds) { json, feed in
        json.string("measured", "\(feed.measured)")
        if let contract = feed.contract { json.string("contract", "\(contract)") }
        if let capacity = feed.capacity { json.string("capacity", "\(capacity)") }
      }
    }
    if let monthEnergy { json.string("month_energy", monthEnergy.text(decimals: 6)) }
    if let part {
      json.object("part") { json in
        json.number("days", part.days)
        json.string("month", "\(part.month)")
        if let whole = part.whole { json.number("whole", whole) }
      }
    }
    if let reactive {
      json.object("reactive") { json in
        json.string("forward", reactive.forward.text(decimals: 6))
        json.string("reverse", reactive.reverse.text(decimals: 6))
      }
    }
    if let powerFactorStandard { json.string("power_factor_standard", powerFactorStandard.name) }
    if isExemptFromPowerFactor { json.boolean("power_factor_exempt", true) }
    if selfUse != .zero { json.string("self_use", selfUse.text(decimals: 6)) }
    if let exported { json.string("exported", exported.text(decimals: 6)) }
    if let transformer { json.object("transformer") { transformer.write(to: &$0) } }
    if let lineLoss { json.number("line_loss", lineLoss) }
    if let cycle {
      json.string("cycle_from", "\(cycle.from)")
      json.string("cycle_to", "\(cycle.to)")
    }
    if let share { json.object("cut") { share.write(to: &$0) } }
    if let month { json.object("month") { month.write(to: &$0) } }
    if let windowMonths { json.number("window_months", windowMonths) }
    if let intervals { json.object("intervals") { intervals.write(to: &$0) } }
    if !arrears.isEmpty {
      json.objects("arrears", arrears) { json, debt in
        json.string("bill", debt.bill)
        json.string("amount", "\(debt.amount)")
        json.string("due", "\(debt.due)")
        json.string("paid", "\(debt.paid)")
      }
    }
  }
}
