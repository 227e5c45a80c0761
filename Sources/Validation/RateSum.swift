internal import Metering

/// The readings that belong together in one answer: a total and its rates.
struct Group: Hashable {
  let flow: Flow
  let kind: ReadingKind
  let instant: Int64

  /// `nil` for what is neither a total nor a rate of an energy register.
  init?(_ reading: Reading) {
    guard case .energy(let flow) = reading.key.quantity.measurand else { return nil }
    switch reading.key.quantity.part {
    case .total, .rate: break
    case .phase, .line, .neutral, .single: return nil
    }
    self.flow = flow
    kind = reading.key.kind
    instant = reading.key.instant
  }
}

/// SUM: the groups of an answer whose total is not the sum of its rates.
func rateSums(_ answer: [Reading], file: MeterFile) -> [Group?: Remark] {
  Dictionary(grouping: answer.filter { Group($0) != nil }, by: Group.init)
    .compactMapValues { RateSum($0, file: file)?.remark }
}

/// A total beside its rates, in one answer.
///
/// Each register shows whole steps of a finer count, and inside the meter the total is the sum of n rates
/// exactly. Truncated registers then show `0 <= total - sum <= n - 1` steps, rounded ones
/// `|total - sum| <= (n + 1) / 2` steps. Anything else is a fault: mixed instants, a missed freeze.
private struct RateSum {
  let total: RegisterValue
  let rates: [RegisterValue]
  let file: MeterFile

  /// `nil` where total and rates are not all there, or one of them came with two values.
  init?(_ group: [Reading], file: MeterFile) {
    var byRate: [UInt8: RegisterValue] = [:]
    for reading in group {
      let rate: UInt8
      if case .rate(let number) = reading.key.quantity.part { rate = number } else { rate = 0 }
      let value = reading.value
      let other = byRate[rate] ?? value
      guard other.millionths == value.millionths else { return nil }
      byRate[rate] = RegisterValue(millionths: value.millionths, resolution: max(value.resolution, other.resolution))
    }
    guard let total = byRate.removeValue(forKey: 0) else { return nil }
    // A meter of unknown rates is believed to have told all of them when it told 1, 2 and so on without a hole.
    let count = max(byRate.count, file.rates ?? 2)
    let rates = (1...count).compactMap { UInt8(exactly: $0).flatMap { byRate[$0] } }
    guard rates.count == count, byRate.count == count else { return nil }
    self.total = total
    self.rates = rates
    self.file = file
  }

  var remark: Remark? {
    let sum = rates.reduce(Int128(0)) { $0 + Int128($1.millionths) }
    let step = Int128(rates.reduce(total.resolution) { max($0, $1.resolution) })
    let difference = Int128(total.millionths) - sum
    // The total starts again at zero before its rates do: it may lack whole turns.
    let turns = file.modulus.map { modulus in (1...rates.count).map { Int128($0) * Int128(modulus) } } ?? []
    guard !([0] + turns).contains(where: { isLegal(difference + $0, step: step) }) else { return nil }
    let shown = Int64(clamping: difference)
    return Remark(
      .held, .rateSum,
      "total \(total) less the sum of \(rates.count) rates is \(decimalString(shown)), of steps of \(decimalString(Int64(step)))"
    )
  }

  private func isLegal(_ difference: Int128, step: Int128) -> Bool {
    let count = Int128(rates.count)
    let truncated = difference >= 0 && difference <= (count - 1) * step
    let distance = difference < 0 ? -difference : difference
    let rounded = distance * 2 <= (count + 1) * step
    switch file.rounding {
    case .truncated: return truncated
    case .rounded: return rounded
    case nil: return truncated || rounded
    }
  }
}
