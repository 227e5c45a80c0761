internal import Metering

/// Numbers of records: decimals as their schema has them.
///
/// A sign before a number that has none, and a number that is one but beyond what can be billed, are each told by what
/// they are.
enum RecordNumber {
  /// kWh that can be billed.
  static func energy(_ key: @autoclosure () -> String, _ text: String) throws(UsageRecordError) -> Energy {
    // What is wrong is looked for only where something is.
    if let energy = Energy(kilowattHours: text), energy.isBillable, !hasSign(text) { return energy }
    guard isDecimal(text), !isTooFine(text, places: 6) else { throw .energy(key: key(), text) }
    throw .outOfRange(key: key(), text, range: "from 0 to 10000000000 kWh\(unsigned(text))")
  }

  /// kW or kVA that can be charged.
  static func power(_ key: @autoclosure () -> String, _ text: String) throws(UsageRecordError) -> Power {
    if let power = Power(text), power.isChargeable, !hasSign(text) { return power }
    guard isDecimal(text), !isTooFine(text, places: 4) else { throw .power(key: key(), text) }
    throw .outOfRange(key: key(), text, range: "from 0 to 100000000 with at most four places\(unsigned(text))")
  }

  /// Yuan, to the fen.
  static func money(_ key: @autoclosure () -> String, _ text: String) throws(UsageRecordError) -> Money {
    if let fen = exactDecimal(text, scale: 2), !hasSign(text) { return Money(fen: fen) }
    guard isDecimal(text), !isTooFine(text, places: 2) else { throw .money(key: key(), text) }
    throw .outOfRange(key: key(), text, range: "amounts without a sign, of at most 17 digits")
  }

  private static func hasSign(_ text: String) -> Bool {
    text.utf8.first == UInt8(ascii: "+") || text.utf8.first == UInt8(ascii: "-")
  }

  /// What else to say of a zero with a minus before it.
  private static func unsigned(_ text: String) -> String {
    text.utf8.first == UInt8(ascii: "-") && !text.utf8.contains { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) }
      ? ", without a sign" : ""
  }

  /// `-12.5`: digits with at most one point between them and at most a minus before them.
  private static func isDecimal(_ text: String) -> Bool {
    let parts = (text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...])
      .split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return (1...2).contains(parts.count)
      && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }
  }

  /// True where digits that count stand behind so many places.
  private static func isTooFine(_ text: String, places: Int) -> Bool {
    guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return false }
    return text.utf8[point...].dropFirst(places + 1).contains { $0 != UInt8(ascii: "0") }
  }
}
