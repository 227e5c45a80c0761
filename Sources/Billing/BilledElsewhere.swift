internal import Metering
internal import Rating

/// Energy of a bill that stands on another bill already, and would be charged twice: an account was renamed, a meter is
/// named under two of them, or the settlement day was moved.
///
/// - Parameters:
///   - bill: not issued yet.
///   - others: what stands for other accounts and for other cycles of this one, at least where it is of the same meters
///     and times.
/// - Returns: one reason for each stretch of a meter; empty where nothing comes twice.
public func billedElsewhere(_ bill: ClosedBill, others: some Sequence<IssuedBill>) -> [HoldReason] {
  let own = bill.bills.flatMap(\.usage.segments)
  var reasons: [HoldReason] = []
  for other in others where other.account != bill.key.account || "\(other.cycle)" != bill.key.cycle {
    for there in other.parts.flatMap(\.segments) {
      let twice = own.contains { here in
        here.meter == there.meter && overlap("\(here.from)", "\(here.to)", there.from, there.to)
          && here.registers.contains { use in there.registers.contains { $0.quantity == use.quantity.name } }
      }
      guard twice else { continue }
      let reason: HoldReason =
        other.account == bill.key.account
        ? .billedBefore(meter: there.meter, from: there.from, to: there.to, cycle: other.cycle, bill: other.id)
        : .billedElsewhere(meter: there.meter, from: there.from, to: there.to, account: other.account, bill: other.id)
      if !reasons.contains(reason) { reasons.append(reason) }
    }
  }
  return reasons
}

/// True where two stretches of local time, as bills have them, have more than an instant in common. Seconds may be left
/// out.
func overlap(_ from: String, _ to: String, _ otherFrom: String, _ otherTo: String) -> Bool {
  wholeTime(from) < wholeTime(otherTo) && wholeTime(otherFrom) < wholeTime(to)
}

/// A local time of a bill with its seconds, which may be left out.
func wholeTime(_ text: String) -> String { text.utf8.count == 16 ? text + ":00" : text }
