public import Metering

/// How one item is laid out, low byte first.
///
/// Source: DL/T 645-2007 and DL/T 645-1997, data formats; which item has which is in `Catalogue`.
public enum ItemFormat: Hashable, Sendable {
  /// Packed decimal. Where it is signed, the top bit of the highest byte is the sign and no digit.
  case number(bytes: Int, decimals: Int, signed: Bool)
  /// A maximum demand, XX.XXXX, and when it occurred: mm hh DD MM YY.
  case demand(signed: Bool)
  /// WW DD MM YY; WW 00 is Sunday.
  case date
  /// ss mm hh.
  case timeOfDay
  /// ss mm hh WW DD MM YY.
  case dateTime
  /// mm hh DD MM YY.
  case minuteTime
  /// ss mm hh DD MM YY.
  case secondTime
  /// mm hh DD MM, told as the text `MM-DD hh:mm`: the year is not sent.
  case monthTime
  /// hh DD, told as the text `DDhh`: a day and hour of each month.
  case dayHour
  /// NN DD MM, told as the text `MM-DD table NN`: from this day of the year on a day table holds.
  case zone
  /// NN mm hh, told as the text `hh:mm rate NN`: from this time of day on a rate holds.
  case period
  /// NN DD MM YY, told as the text `YYYY-MM-DD table NN`: a day with a day table of its own.
  case holiday
  /// Decimal digits that are a name, not a number: leading zeros count.
  case digits(bytes: Int)
  /// Hex digits that are a name, highest byte first: identifiers, operator codes.
  case code(bytes: Int)
  /// ASCII, the last character first, padded with NUL.
  case characters(bytes: Int)
  /// A status word. One with every bit set reads as absent, since that is also how an item is filled.
  case bits(bytes: Int)
  /// Bytes whose meaning is not known, told as hex pairs in wire order.
  case raw(bytes: Int)

  /// Bytes of one item.
  public var size: Int {
    switch self {
    case .number(let bytes, _, _), .digits(let bytes), .code(let bytes), .characters(let bytes), .bits(let bytes),
      .raw(let bytes):
      bytes
    case .demand: 8
    case .date, .monthTime, .holiday: 4
    case .timeOfDay, .zone, .period: 3
    case .dateTime: 7
    case .minuteTime: 5
    case .secondTime: 6
    case .dayHour: 2
    }
  }

  /// True where the top bit is a sign.
  public var isSigned: Bool {
    switch self {
    case .number(_, _, let signed), .demand(let signed): signed
    case .date, .timeOfDay, .dateTime, .minuteTime, .secondTime, .monthTime, .dayHour, .zone, .period, .holiday,
      .digits, .code, .characters, .bits, .raw:
      false
    }
  }
}

extension ItemFormat: CustomStringConvertible {
  /// As the standard writes it: `XXXXXX.XX`, `YYMMDDhhmm`.
  public var description: String {
    switch self {
    case .number(let bytes, let decimals, _):
      let whole = String(repeating: "X", count: max(0, 2 * bytes - decimals))
      return decimals == 0 ? whole : whole + "." + String(repeating: "X", count: decimals)
    case .demand: return "XX.XXXX YYMMDDhhmm"
    case .date: return "YYMMDDWW"
    case .timeOfDay: return "hhmmss"
    case .dateTime: return "YYMMDDWWhhmmss"
    case .minuteTime: return "YYMMDDhhmm"
    case .secondTime: return "YYMMDDhhmmss"
    case .monthTime: return "MMDDhhmm"
    case .dayHour: return "DDhh"
    case .zone: return "MMDDNN"
    case .period: return "hhmmNN"
    case .holiday: return "YYMMDDNN"
    case .digits(let bytes): return "N x\(2 * bytes)"
    case .code(let bytes): return "hex x\(2 * bytes)"
    case .characters(let bytes): return "ASCII x\(bytes)"
    case .bits(let bytes): return "bits x\(8 * bytes)"
    case .raw(let bytes): return bytes == 0 ? "raw" : "raw x\(bytes)"
    }
  }
}

/// What one item says.
public struct ItemContent: Hashable, Sendable {
  public let value: Value
  /// When a maximum demand occurred, or the end of the interval that a load profile tells of.
  public let occurred: MeterTime?

  public init(_ value: Value, occurred: MeterTime? = nil) {
    self.value = value
    self.occurred = occurred
  }
}
