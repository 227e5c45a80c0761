internal import Metering
internal import Rating

/// Whether the printed lines of a bill are what their own rules make of their numbers, to the fen.
///
/// A line is its quantity times its price, for some days where it says so, rounded once. By which rounding, of which lines
/// a power-factor adjustment is a share, and to what least a minimum or a late charge is filled up, the plan says; where
/// that version of it is not at hand, each component's lines must agree with one rounding.
struct LineCheck {
  let part: IssuedPart
  /// What the part was rated under, by its digest; `nil` where it is not at hand.
  let plan: Plan?

  /// What is not right, in words, in the order of the lines.
  var problems: [String] {
    var found: [String] = []
    for (index, line) in part.lines.enumerated() {
      if let problem = printed(line) ?? amount(of: line, at: index) ?? filled(line, at: index) {
        found.append("\(line.name), \(line.formula), \(problem)")
      }
    }
    if let problem = factor { found.append(problem) }
    return found
  }

  /// 10⁻¹⁴ yuan, of which so many make a fen.
  private static let partsPerFen: Int128 = 1_000_000_000_000

  /// The component of the plan that made a line.
  private func component(of line: IssuedPart.Line) -> PlanComponent? {
    // Of two titles of which one begins like the other the longer one is meant.
    plan?.components.filter { $0.kindName == line.component && line.name.hasPrefix($0.title) }
      .max { $0.title.count < $1.title.count }
  }

  /// The formula must have the line's own quantity and amount in it.
  private func printed(_ line: IssuedPart.Line) -> String? {
    let quantity = line.formula.prefix { $0 != " " }
    guard exactDecimal(quantity, scale: 6) == line.quantity, line.formula.contains(" x \(line.price)"),
      line.formula.hasSuffix(" = \(line.amount)")
    else { return "is not the formula of \(decimalString(line.quantity)) at \(line.price), \(line.amount)" }
    return nil
  }

  /// The exact amount of a line and by what it is divided; `nil` where its numbers cannot be read.
  private func exact(_ line: IssuedPart.Line) -> (number: Int128, divisor: Int128)? {
    guard let price = Price(yuan: line.price) else { return nil }
    let product = Int128(line.quantity) * Int128(price.hundredMillionths)
    let words = line.dayShare.split(separator: " ")
    guard !words.isEmpty else { return (product, Self.partsPerFen) }
    guard words.first == "x", words.count >= 2 else { return nil }
    let share = words[1].split(separator: "/")
    guard let days = share.first.flatMap({ Int128($0) }), days >= 0, days < 100_000 else { return nil }
    guard share.count == 2 else { return words.count == 3 ? (product * days, Self.partsPerFen) : nil }
    guard let divisor = Int128(share[1]), divisor > 0, divisor < 1000 else { return nil }
    return (product * days, Self.partsPerFen * divisor)
  }

  private func isRounded(_ line: IssuedPart.Line, _ rounding: LineRounding) -> Bool {
    guard let (number, divisor) = exact(line) else { return false }
    return rounding.quotient(number, by: divisor) == Int128(line.amount.fen)
  }

  /// How a line may have been rounded: as its plan says, or either way where that is not at hand.
  private func roundings(of line: IssuedPart.Line) -> [LineRounding] {
    component(of: line).map { [$0.rounding] } ?? LineRounding.allCases
  }

  private func amount(of line: IssuedPart.Line, at index: Int) -> String? {
    if line.rule == Rule.powerFactor.rawValue { return adjusted(line, at: index) }
    return roundings(of: line).contains { isRounded(line, $0) } ? nil : "is not quantity times price, rounded once"
  }

  /// A power-factor line: a share, by the finding, of the lines in its base.
  private func adjusted(_ line: IssuedPart.Line, at index: Int) -> String? {
    let before = part.lines[..<index]
    guard let finding = part.powerFactor else { return "has no power factor on the bill that it comes of" }
    guard Price(yuan: line.price) == Price(yuan: finding.adjustment) else {
      return "is not the share \(finding.adjustment) that the bill finds"
    }
    guard let component = component(of: line), case .powerFactor(let rule) = component.kind else {
      // Of a plan that is not at hand: as printed, or before rounding over what is in a base by default.
      let base = before.filter { Self.usualBase.contains($0.component) }
      return LineRounding.allCases.contains { isRounded(line, $0) || isShare(line, of: base, $0) }
        ? nil : "is not that share of its base, rounded once"
    }
    let base = before.filter { self.component(of: $0)?.isInPowerFactorBase ?? false }
    let sum = base.reduce(Int128(0)) { $0 + Int128($1.amount.fen) }
    guard Int128(line.quantity) == sum * 10_000 else {
      return "is of another base than the lines before it, which have \(Money(fen: Int64(clamping: sum)))"
    }
    let rounding = component.rounding
    let isRight = rule.base == .printed ? isRounded(line, rounding) : isShare(line, of: base, rounding)
    return isRight ? nil : "is not that share of its base, rounded once"
  }

  private static let usualBase = [
    "energy", "tier-prices", "whole-volume", "tier-adders", "monthly-prices", "capacity", "demand",
  ]

  /// True where a line is its price times the exact amounts of others.
  private func isShare(_ line: IssuedPart.Line, of base: [IssuedPart.Line], _ rounding: LineRounding) -> Bool {
    guard let share = Price(yuan: line.price) else { return false }
    // All lengths of months, so that the parts of all lines are whole.
    let common: Int128 = 377_580
    var sum = Int128(0)
    for each in base {
      guard let (number, divisor) = exact(each), (Self.partsPerFen * common) % divisor == 0 else { return false }
      let (part, overflow) = number.multipliedReportingOverflow(by: Self.partsPerFen * common / divisor)
      guard !overflow else { return false }
      sum += part
    }
    // A share has four places: hundredths of a percent.
    let (product, overflow) = sum.multipliedReportingOverflow(by: Int128(share.hundredMillionths / 10_000))
    guard !overflow else { return false }
    return rounding.quotient(product, by: Self.partsPerFen * common * 10_000) == Int128(line.amount.fen)
  }

  /// A line that fills others up to a least must do just that.
  private func filled(_ line: IssuedPart.Line, at index: Int) -> String? {
    guard let component = component(of: line) else { return nil }
    let before = part.lines[..<index]
    switch component.kind {
    case .minimum(let least):
      // What earlier parts of the same month cost counts too.
      let sum = before.reduce(line.amount + (part.chargedBefore ?? .zero)) { $0 + $1.amount }
      return sum == least ? nil : "makes \(sum) and not the least of \(least)"
    case .lateCharge(let charge) where line.rule == Rule.lateLeast.rawValue:
      guard let least = charge.least else { return "fills up a debt that has no least charge" }
      let debt = before.filter { $0.component == line.component && $0.name == line.name }
      let sum = debt.reduce(line.amount) { $0 + $1.amount }
      return sum == least ? nil : "makes \(sum) and not the least of \(least)"
    default: return nil
    }
  }

  /// The finding of the power factor itself.
  private var factor: String? {
    guard let finding = part.powerFactor else { return nil }
    guard let active = Energy(kilowattHours: finding.active), let reactive = Energy(kilowattHours: finding.reactive),
      let factor = PowerFactor(active: active, reactive: reactive),
      let standard = PowerFactorStandard(finding.standard), let share = Price(yuan: finding.adjustment)
    else { return "its power factor cannot be read" }
    guard finding.factor == "\(factor)",
      share.hundredMillionths == Int64(standard.adjustment(at: factor)) * 10_000
    else {
      return
        "power factor \(finding.factor) and its share \(finding.adjustment) are not those of \(finding.active) kWh and"
        + " \(finding.reactive) kvarh under \(finding.standard)"
    }
    return nil
  }
}
