internal import Metering
internal import Rating

/// Energy of a bill that stands on a bill of another account already: an account was renamed, or a meter is named under
/// two of them, and the same kWh would be charged twice.
///
/// - Parameters:
///   - bill: not issued yet.
///   - others: what stands for other accounts, at least where it is of the same meters and times.
/// - Returns: one reason for each stretch of a meter; empty where nothing comes twice.
public func billedElsewhere(_ bill: ClosedBill, others: some Sequence<IssuedBill>) -> [HoldReason] {
  let own = bill.bills.flatMap(\.usage.segments)
  var reasons: [HoldReason] = []
  for other in others where other.account != bill.key.account {
    for there in other.parts.flatMap(\.segments) {
      let twice = own.contains { here in
        here.meter == there.meter && overlap("\(here.from)", "\(here.to)", there.from, there.to)
          && here.registers.contains { use in there.registers.contains { $0.quantity == use.quantity.name } }
      }
      guard twice else { continue }
      let reason = HoldReason.billedElsewhere(
        meter: there.meter, from: there.from, to: there.to, account: other.account, bill: other.id)
      if !reasons.contains(reason) { reasons.append(reason) }
    }
  }
  return reasons
}

/// True where two stretches of local time, as bills have them, have more than an instant in common. Seconds may be left
/// out.
func overlap(_ from: String, _ to: String, _ otherFrom: String, _ otherTo: String) -> Bool {
  func whole(_ text: String) -> String { text.utf8.count == 16 ? text + ":00" : text }
  return whole(from) < whole(otherTo) && whole(otherFrom) < whole(to)
}
