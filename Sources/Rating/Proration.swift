public import Metering

/// How a use is cut where no register was frozen at the instant of a change.
public enum Proration: String, Hashable, Sendable, CaseIterable {
  /// In proportion to days; the last part gets the rest.
  case days
  /// In proportion to the months that each part touches, a part of a month counting as a whole one.
  case months
}

/// Which part of a use it is that was cut, and of what.
public struct UsageShare: Hashable, Sendable {
  /// The days of the whole use.
  public let days: DayRange
  /// kWh of the whole use.
  public let total: Energy
  /// By what it was cut.
  public let proration: Proration
  /// Which part this is, from 1. The readings of the whole use stand in the first.
  public let part: Int
  /// How many there are.
  public let parts: Int
  /// SHA-256 of the canonical text of the whole use, with the numbers of its readings, in hex.
  public let digest: String

  func write(to json: inout CanonicalJSON) {
    json.string("from", "\(days.from)")
    json.string("to", "\(days.to)")
    json.string("total", total.text(decimals: 6))
    json.string("by", proration.rawValue)
    json.number("part", part)
    json.number("parts", parts)
    json.string("digest", digest)
  }
}

extension UsageShare: CustomStringConvertible {
  public var description: String {
    "part \(part) of \(parts) of \(total) kWh from \(days), cut by \(proration.rawValue)"
      + (part > 1 ? "; the readings stand in part 1" : "")
  }
}

extension Usage {
  /// Cuts this use at `dates` into parts that add up to it exactly: each period, what is of no named one, reactive and
  /// reverse energy, each by itself.
  ///
  /// Demand, debts and what else is of the whole cycle stands in each part as it is; segments, which are readings of
  /// the whole, stand in the first. Identifiers get `/1`, `/2` and so on.
  ///
  /// - Parameters:
  ///   - dates: the first days of the parts after the first, rising, inside the days of this use.
  ///   - proration: the weights.
  ///   - decimals: of a billed kWh, 0 or 2.
  /// - Returns: one use for each part; `nil` when a date is not inside, or not after the one before, and when an energy
  ///   cannot be billed.
  public func cut(at dates: [CivilDate], by proration: Proration, decimals: Int) -> [Usage]? {
    let energies = [
      total, tolerance, supply?.reactive?.forward, supply?.reactive?.reverse, supply?.exported, supply?.selfUse,
    ]
    guard (energies.compactMap(\.self) + parts.map(\.energy)).allSatisfy(\.isBillable), parts.count <= EnergyRow.most
    else { return nil }
    var ranges: [DayRange] = []
    for (from, to) in zip([days.from] + dates, dates + [days.to]) {
      guard let range = DayRange(from: from, to: to) else { return nil }
      ranges.append(range)
    }
    let weights = ranges.map { range in
      switch proration {
      case .days: Int64(range.count)
      case .months: Int64(range.months.upperBound.index - range.months.lowerBound.index + 1)
      }
    }
    func shares(_ energy: Energy) -> [Energy] { energy.shares(weights, step: energyStep(decimals: decimals)) }
    let partShares = parts.map { shares($0.energy) }
    // The total follows from its periods, so that no part has less in all than in one of them.
    let unnamed = parts.reduce(total) { $0 - $1.energy }
    let rest = unnamed < .zero ? ranges.map { _ in Energy.zero } : shares(unnamed)
    var totals = ranges.indices.map { index in partShares.reduce(rest[index]) { $0 + $1[index] } }
    // Periods may exceed the total by a register's last digits: the last parts have so much less.
    var excess = max(.zero, -unnamed)
    for index in ranges.indices.reversed() {
      let less = min(excess, totals[index])
      totals[index] -= less
      excess -= less
    }
    let forward = (supply?.reactive?.forward).map(shares)
    let reverse = (supply?.reactive?.reverse).map(shares)
    let exported = (supply?.exported).map(shares)
    let selfUse = shares(supply?.selfUse ?? .zero)
    let digest = sha256Hex(canonicalText.utf8)
    return ranges.indices.map { index in
      var part = self
      part.id = "\(id)/\(index + 1)"
      part.days = ranges[index]
      part.total = totals[index]
      part.parts = zip(parts, partShares).map { PeriodEnergy($0.period, $1[index]) }
      if index > 0 {
        part.earlier = .nothing
        part.segments = []
      }
      var supply = supply ?? Supply()
      supply.share = UsageShare(
        days: days, total: total, proration: proration, part: index + 1, parts: ranges.count, digest: digest)
      if let forward, let reverse {
        supply.reactive = ReactiveUse(forward: forward[index], reverse: reverse[index])
      }
      supply.exported = exported?[index]
      supply.selfUse = selfUse[index]
      if index > 0 { supply.arrears = [] }
      part.supply = supply
      return part
    }
  }
}

extension Energy {
  /// Parts in proportion to `weights`, each rounded half up to `step` but never beyond what is left; the last gets the
  /// rest.
  func shares(_ weights: [Int64], step: Energy) -> [Energy] {
    let whole = weights.reduce(0, +)
    var rest = self
    return weights.indices.map { index in
      guard index < weights.count - 1 else { return rest }
      let steps = dividedHalfUp(
        Int128(millionths) * Int128(weights[index]), by: Int128(max(whole, 1)) * Int128(step.millionths))
      let part = min(rest, Energy(millionths: Int64(truncatingIfNeeded: steps) * step.millionths))
      rest -= part
      return part
    }
  }
}
