internal import Metering

/// A bill taken back and made again. 退补 红冲
///
/// A finished bill never changes. What was wrong is cancelled line by line by its reversal, and the same days are
/// billed anew; for small cases the difference between the two is printed instead.
public struct Correction: Hashable, Sendable {
  /// The bill that was wrong.
  public let original: Bill
  /// The original with every quantity and amount of the other sign.
  public let reversal: Bill
  /// The new bill; `nil` where nothing is billed in its place.
  public let replacement: Bill?
  /// Why it is corrected, for people.
  public let reason: String

  /// Corrects `original`, an original bill, with a new bill of the same account and days.
  ///
  /// - Throws: `CorrectionError` when the two do not belong together, or when the new bill is of the same inputs and
  ///   so nothing is to be corrected.
  public init(of original: Bill, by replacement: Bill?, reason: String) throws(CorrectionError) {
    guard original.kind == .original else { throw .notOriginal(original.usage.id) }
    if let replacement {
      guard replacement.kind == .original else { throw .notOriginal(replacement.usage.id) }
      guard original.usage.account == replacement.usage.account else {
        throw .otherAccount(original.usage.account, replacement.usage.account)
      }
      guard original.usage.days == replacement.usage.days else {
        throw .otherDays(original.usage.days, replacement.usage.days)
      }
      guard original.usage.id != replacement.usage.id else { throw .sameName(original.usage.id) }
      var renamed = replacement.usage
      renamed.id = original.usage.id
      guard renamed.inputDigest(under: replacement.plan) != original.inputDigest else { throw .nothingChanged }
    }
    guard !reason.allSatisfy(\.isWhitespace) else { throw .noReason }
    self.original = original
    reversal = original.reversed()
    self.replacement = replacement
    self.reason = reason
  }

  /// What the user pays on top, or gets back: new bill less old.
  public var amount: Money { (replacement?.total ?? .zero) + reversal.total }

  /// The lines that differ, in the order of the new bill, then what the old one alone had.
  ///
  /// Lines are the same line when component, tier, period, part, rule and price agree: one that only has another
  /// quantity is one difference, one with another price is two.
  public var differences: [LineDifference] {
    var old = reversal.lines[...]
    var result: [LineDifference] = []
    func name(_ line: BillLine) -> String { replacement?.name(of: line) ?? "" }
    for line in replacement?.lines ?? [] {
      guard let index = old.firstIndex(where: { isSame($0, line) }) else {
        result.append(LineDifference(line: line, name: name(line), millionths: line.count, amount: line.amount))
        continue
      }
      let counterpart = old.remove(at: index)
      let difference = LineDifference(
        line: line, name: name(line), millionths: line.count + counterpart.count,
        amount: line.amount + counterpart.amount)
      if difference.millionths != 0 || difference.amount != .zero { result.append(difference) }
    }
    return result
      + old.map { LineDifference(line: $0, name: reversal.name(of: $0), millionths: $0.count, amount: $0.amount) }
  }

  /// Same place on the bill and same price; components by their name, since plans may differ.
  private func isSame(_ old: BillLine, _ new: BillLine) -> Bool {
    guard let plan = replacement?.plan else { return false }
    let (a, b) = (original.plan.components[old.component], plan.components[new.component])
    return a.title == b.title && a.kindName == b.kindName && old.tier == new.tier && old.rule == new.rule
      && old.part == new.part && old.price == new.price && old.step.days == new.step.days
      && old.step.divisor == new.step.divisor
      && old.period.map { original.plan.periods[$0].name } == new.period.map { plan.periods[$0].name }
  }

  /// The correction as one line of JSON with a fixed order of keys, both bills complete in it.
  public var canonicalText: String {
    CanonicalJSON.object { json in
      json.string("corrects", original.usage.id)
      json.string("reason", reason)
      json.texts("reversal", [reversal.canonicalText])
      json.texts("replacement", replacement.map { [$0.canonicalText] } ?? [])
      json.objects("differences", differences) { json, difference in
        json.string("name", difference.name)
        json.string("quantity", decimalString(difference.millionths, decimals: places(of: difference.millionths)))
        json.string("unit", difference.line.unit.rawValue)
        json.string("price", "\(difference.line.price)")
        json.string("amount", "\(difference.amount)")
      }
      json.string("currency", "CNY")
      json.string("amount", "\(amount)")
    }
  }
}

/// By how much a line of a new bill differs from that of the old one.
public struct LineDifference: Hashable, Sendable {
  /// The new bill's line, or the reversal's where the new bill has none.
  public let line: BillLine
  /// The line's printed name.
  public let name: String
  /// New quantity less old, in millionths of the line's unit.
  public let millionths: Int64
  /// New amount less old, as printed on both bills.
  public let amount: Money
}

/// Why two bills make no correction.
public enum CorrectionError: Error, Hashable, Sendable {
  /// One of the bills is a reversal.
  case notOriginal(String)
  /// The bills are of two accounts.
  case otherAccount(String, String)
  /// The bills are not of the same days.
  case otherDays(DayRange, DayRange)
  /// The new bill must not bear the name of the one it replaces.
  case sameName(String)
  /// Same readings, same plan: billing again is a no-op.
  case nothingChanged
  /// Nobody said why.
  case noReason
}

extension CorrectionError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notOriginal(let id): "bill \(id) is a reversal; only an original is corrected, and by an original"
    case .otherAccount(let a, let b): "the bills are of two accounts, \(a) and \(b)"
    case .otherDays(let a, let b): "the bills are of different days, \(a) and \(b)"
    case .sameName(let id): "the new bill is called \(id) like the old one; give it a name of its own"
    case .nothingChanged: "the new bill is made of the same readings and plan; there is nothing to correct"
    case .noReason: "a correction needs a reason"
    }
  }
}
