internal import Metering
public import Rating

/// What a correction is issued as.
public enum CorrectionForm: String, Hashable, Sendable, CaseIterable {
  /// The old bill is cancelled line by line, and a whole new one is issued. 红冲重开
  case reversal
  /// One bill over the lines that differ. 差额
  case difference
}

/// A line of a difference bill: new less old.
public struct LineChange: Hashable, Sendable {
  public let name: String
  public let rule: String
  /// Millionths of `unit`.
  public let quantity: Int64
  public let unit: String
  public let price: String
  public let amount: Money
}

extension IssuedBill {
  /// The document that cancels what stands after this bill: every energy, quantity and amount with the other sign.
  ///
  /// Made of the stored text alone, so it mirrors what was issued, whatever would be rated today.
  public var reversalDocument: String {
    JSONValue(parsing: standing.utf8).map { $0.mirrored.written } ?? ""
  }

  /// The lines in which `new` differs from this, in the order of the new bill, then what this alone had.
  ///
  /// Lines are the same when name, rule, price and share of days agree: one that only has another quantity is one
  /// difference, one with another price is two.
  public func differences(to new: [IssuedPart]) -> [LineChange] {
    var old = parts.flatMap(\.lines)[...]
    var changes: [LineChange] = []
    for line in new.flatMap(\.lines) {
      let index = old.firstIndex {
        $0.component == line.component && $0.name == line.name && $0.rule == line.rule && $0.price == line.price
          && $0.dayShare == line.dayShare
      }
      let before = index.map { old.remove(at: $0) }
      let change = LineChange(
        name: line.name, rule: line.rule, quantity: line.quantity - (before?.quantity ?? 0), unit: line.unit,
        price: line.price, amount: line.amount - (before?.amount ?? .zero))
      if change.quantity != 0 || change.amount != .zero { changes.append(change) }
    }
    return changes
      + old.map {
        LineChange(
          name: $0.name, rule: $0.rule, quantity: -$0.quantity, unit: $0.unit, price: $0.price, amount: -$0.amount)
      }
  }

  /// The document of a difference bill: both bills complete in it.
  public func differenceDocument(to replacement: ClosedBill, reason: String) throws(BillDocumentError) -> String {
    guard let new = JSONValue(parsing: replacement.document.utf8), let old = JSONValue(parsing: standing.utf8) else {
      throw BillDocumentError(bill: id, problem: "its document is no JSON")
    }
    let changes = differences(to: try IssuedPart.all(of: new, bill: id))
    func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
      .object(members.map { JSONValue.Member(name: $0.key, value: $0.value) })
    }
    let rows = changes.map { change in
      object([
        "name": .string(change.name),
        "quantity": .string(decimalString(change.quantity, decimals: decimalPlaces(of: change.quantity))),
        "unit": .string(change.unit), "price": .string(change.price), "amount": .string("\(change.amount)"),
      ])
    }
    return object([
      "corrects": .string((old["bill"] ?? old["statement"])?.text ?? ""), "reason": .string(reason),
      "reversal": .array([old.mirrored]), "replacement": .array([new]), "differences": .array(rows),
      "currency": .string("CNY"), "amount": .string("\(replacement.total - total)"),
    ]).written
  }
}

extension JSONValue {
  /// The reversal of a bill's or statement's document.
  fileprivate var mirrored: JSONValue {
    if self["bills"] != nil {
      return replacing("bills") { $0.mapItems(\.mirrored) }.replacing("total") { $0.mapText(negated) }
    }
    let before = zip(
      self["tiers"]?["used_after"]?.items ?? [], self["tiers"]?["used"]?.items ?? []
    ).map { after, used in JSONValue.string(difference(after.text ?? "", used.text ?? "")) }
    return replacing("kind") { _ in .string(Bill.Kind.reversal.rawValue) }
      .replacing("energy") { energies in
        .object((energies.members ?? []).map { Member(name: $0.name, value: $0.value.mapText(negated)) })
      }
      .replacing("tiers") { tiers in
        tiers.replacing("used") { $0.mapItems { $0.mapText(negated) } }.replacing("used_after") { _ in .array(before) }
      }
      .replacing("lines") { lines in
        lines.mapItems { line in
          line.replacing("quantity") { $0.mapText(negated) }.replacing("amount") { $0.mapText(negated) }
            .replacing("formula") { $0.mapText(negatedFormula) }
        }
      }
      .replacing("total") { $0.mapText(negated) }
  }
}

/// A decimal with the other sign; nothing stays nothing.
private func negated(_ text: String) -> String {
  if text.hasPrefix("-") { return String(text.dropFirst()) }
  return text.utf8.contains { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) } ? "-\(text)" : text
}

/// `120.00 kWh x 0.538 = 64.56` with quantity and result of the other sign.
private func negatedFormula(_ text: String) -> String {
  var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
  guard let last = words.indices.last, last > 0 else { return text }
  words[0] = negated(words[0])
  words[last] = negated(words[last])
  return words.joined(separator: " ")
}

/// `after` less `used`, with the places of both.
private func difference(_ after: String, _ used: String) -> String {
  guard let a = exactDecimal(after, scale: 6), let b = exactDecimal(used, scale: 6) else { return after }
  let places = after.split(separator: ".").dropFirst().first?.count ?? 0
  return decimalString(a - b, decimals: places)
}

/// Two decimal places, or four or six where millionths need them.
private func decimalPlaces(of millionths: Int64) -> Int {
  if millionths % 10_000 == 0 { return 2 }
  return millionths % 100 == 0 ? 4 : 6
}
