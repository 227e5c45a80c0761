/// The rules of a bill once more, each as plainly as it can be written, in exact fractions. Nothing here is shared with
/// the room under test, and nothing is made to be fast.
enum PlainRules {
  /// Yuan to printed fen.
  static func fen(_ yuan: Ratio) -> Int128 { (yuan * Ratio(100)).whole }

  /// kWh of each tier between `earlier` and `earlier + use`, for limits that did not change in the window.
  static func slices(_ use: Ratio, after earlier: Ratio, limits: [Ratio]) -> [Ratio] {
    (0...limits.count).map { tier in
      let lower = tier == 0 ? Ratio.zero : limits[tier - 1]
      let from = max(earlier, lower)
      let to = tier == limits.count ? earlier + use : min(earlier + use, limits[tier])
      return max(.zero, to - from)
    }
  }

  /// kWh of each tier out of the room that is left, the grant being room in the first.
  static func headroom(_ use: Ratio, used: [Ratio], limits: [Ratio], grant: Ratio) -> [Ratio] {
    var rest = use
    var result: [Ratio] = []
    for tier in 0...limits.count {
      guard tier < limits.count else {
        result.append(rest)
        break
      }
      var room = limits[tier] - (tier == 0 ? .zero : limits[tier - 1]) - used[tier]
      if tier == 0 { room = room + grant }
      let part = min(rest, max(.zero, room))
      result.append(part)
      rest = rest - part
    }
    return result
  }

  /// `energy` spread over periods as `shares` are: from the last to the second rounded, the first gets the rest.
  static func proRata(_ energy: Ratio, over shares: [Ratio], steps: Int128) -> [Ratio] {
    let whole = shares.reduce(.zero, +)
    var result = shares.map { _ in Ratio.zero }
    var rest = energy
    for index in shares.indices.dropFirst().reversed() where whole > .zero {
      result[index] = min(rest, (energy * shares[index] / whole).rounded(steps))
      rest = rest - result[index]
    }
    result[0] = rest
    return result
  }

  /// What a contract of `c` kW and a measured demand of `m` kW cost at `price`: contract, then excess.
  static func demand(_ rule: String, c: Ratio, m: Ratio, price: Ratio) -> [Int128] {
    let edge = c * Ratio(105, 100)
    switch rule {
    case "over-105-double":
      return m <= edge ? [fen(price * c)] : [fen(price * c), fen(Ratio(2) * price * (m - edge))]
    case "over-105-double-band-paid":
      if m <= c { return [fen(price * c)] }
      return m <= edge ? [fen(price * m)] : [fen(price * edge), fen(Ratio(2) * price * (m - edge))]
    default:
      if m < c * Ratio(95, 100) { return [fen(price * c * Ratio(95, 100))] }
      return m <= edge ? [fen(price * m)] : [fen(price * c), fen(Ratio(2) * price * (m - c))]
    }
  }

  /// The power factor in hundredths: the largest k with `pf >= (2k - 1) / 200`; `nil` for nothing at all.
  static func powerFactor(_ active: Ratio, _ reactive: Ratio) -> Int? {
    guard active > .zero || reactive > .zero else { return nil }
    let (p, q) = ((active * Ratio(100)).whole, (reactive * Ratio(100)).whole)
    var best = 0
    for k in 1...100 where p * p * 40_000 >= Int128(2 * k - 1) * Int128(2 * k - 1) * (p * p + q * q) { best = k }
    return best
  }

  /// Percent of the published table, as a fraction.
  static func adjustment(_ factor: Int, standard: Int) -> Ratio { Ratio(Int128(table[factor][standard]), 10_000) }

  /// By factor, then by standard: 0.90, 0.85, 0.80; in hundredths of a percent.
  private static let table: [[Int]] = PowerFactorTests.table.split(separator: "\n").reversed().map { line in
    line.split(separator: " ").dropFirst().map { cell in
      let digits = Int(cell.filter(\.isNumber)) ?? 0
      return cell.hasPrefix("-") ? -digits : digits
    }
  }

  /// `P0 h + K Pk (P² + Q²) / (Sn² h)`.
  static func transformer(fixed: Ratio, variable: Ratio, shape: Ratio, p: Ratio, q: Ratio, sn: Int128, h: Int128)
    -> Ratio
  {
    fixed * Ratio(h) + shape * variable * (p * p + q * q) / Ratio(sn * sn * h)
  }

  /// Charges of a debt for days of its own year and later ones, and what lacks to one yuan.
  static func late(_ debt: Ratio, own: Int128, later: Int128, rates: (Ratio, Ratio), least: Int128) -> [Int128] {
    var lines: [Int128] = []
    if own > 0 { lines.append(fen(debt * rates.0 * Ratio(own))) }
    if later > 0 { lines.append(fen(debt * rates.1 * Ratio(later))) }
    let sum = lines.reduce(0, +)
    if own + later > 0, sum < least { lines.append(least - sum) }
    return lines
  }
}
