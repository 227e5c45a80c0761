/// Why a record is no usage.
public enum UsageRecordError: Error, Hashable, Sendable {
  /// No JSON object; `offset` is the first byte that does not belong, from 0.
  case notJSON(offset: Int)
  /// Bytes that are no UTF-8, in the text that begins at `offset`.
  case notUTF8(offset: Int)
  /// A required key that is not there.
  case missing(key: String)
  /// A value of another kind than its key has.
  case kind(key: String)
  /// No whole number where one must stand.
  case integer(key: String)
  /// An empty text that names something.
  case empty(key: String)
  /// A number beyond what can be billed; `range` says what can.
  case outOfRange(key: String, String, range: String)
  /// The import energy of segments is not the total.
  case segments(sum: Energy, total: Energy)
  /// A segment, by its number from 1, that is not what its readings and its days make it.
  case segment(Int, meter: String, SegmentProblem)
  /// A key that stands there a second time.
  case twice(key: String)
  /// A key that no record has: most likely a slip of the pen, which must not change a bill in silence.
  case unknown(key: String)
  /// A text that is no date.
  case date(key: String, String)
  /// The end is not after the start.
  case notForward(from: String, to: String)
  /// A text that is no energy.
  case energy(key: String, String)
  /// No `energy.total`.
  case noTotal
  /// Earlier use is given in both ways.
  case usedBeforeTwice
  /// A text that is no power.
  case power(key: String, String)
  /// A text that is no amount.
  case money(key: String, String)
  /// A text that is none of the known ones.
  case choice(key: String, String, known: [String])
  /// Days that no month has.
  case part(days: Int, month: String)
  /// The part of a month is of a month that is not billed.
  case partOfAnotherMonth(YearMonth, of: DayRange)
  /// Something is charged by the month, the billed days are no whole one, and nothing says which part of it they are.
  case partMissing(DayRange)
  /// A text that is no date with a time.
  case time(key: String, String)
  /// A text that is none of what its key can be; with an example.
  case text(key: String, String, example: String)
  /// Periods are given, and intervals to make them of.
  case periodsTwice
  /// Intervals, but no plan is at hand to say of which period they are.
  case intervalsWithoutPlan
  /// Intervals that cannot be settled.
  case intervals(SettlementError)
}

extension UsageRecordError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notJSON(let offset): "not a JSON object on one line; byte \(offset + 1) does not belong there"
    case .notUTF8(let offset): "not UTF-8, in the text from byte \(offset + 1) on"
    case .missing(let key): "\(key): this key is required"
    case .kind(let key): "\(key): not of the kind that belongs here; numbers stand in quotes"
    case .integer(let key): "\(key): a whole number belongs here, without quotes, point or exponent, such as 3"
    case .empty(let key): "\(key): this is empty; write what it is called"
    case .outOfRange(let key, let text, let range): "\(key): \(text) is out of range: \(range)"
    case .segments(let sum, let total):
      "segments: they have \(sum) kWh of import energy in all, and energy.total says \(total); every segment belongs here,"
        + " after the multiplier"
    case .segment(let number, let meter, let problem): "segments, number \(number) of meter \(meter): \(problem)"
    case .twice(let key): "\(key): this key stands there twice"
    case .unknown(let key): "\(key): this key is not known"
    case .date(let key, let text): "\(key): \"\(text)\" is no date; write it as \"2026-11-22\""
    case .notForward(let from, let to): "to: \(to) is not after \(from)"
    case .energy(let key, let text): "\(key): \"\(text)\" is no number of kWh, such as \"123.45\""
    case .noTotal: "energy.total: this key is required"
    case .usedBeforeTwice: "used_before: give this or used_before_by_tier, not both"
    case .power(let key, let text): "\(key): \"\(text)\" is no number of kW or kVA, such as \"812.4\""
    case .money(let key, let text): "\(key): \"\(text)\" is no amount in yuan, such as \"120.50\""
    case .choice(let key, let text, let known): "\(key): \"\(text)\" is none of \(known.joined(separator: ", "))"
    case .partMissing(let days):
      "supply.part: \(days) is no whole month, and what is charged by the month must be for a part of it; say for which,"
        + " such as \"part\":{\"days\":\(days.count),\"month\":\"\(YearMonth(of: days.from))\"}"
    case .partOfAnotherMonth(let month, let days):
      "supply.part: its month \(month) is none of those billed, \(days)"
    case .part(let days, let month): "supply.part: \(days) days of \"\(month)\" are no part of a month like \"2026-10\""
    case .time(let key, let text): "\(key): \"\(text)\" is no time; write it as \"2026-11-22T00:00\""
    case .text(let key, let text, let example): "\(key): \"\(text)\" cannot be read; write it like \"\(example)\""
    case .periodsTwice: "energy: periods are made of the intervals; give only the total"
    case .intervalsWithoutPlan: "intervals: they need a plan that says which hour is of which period"
    case .intervals(let error): "intervals: \(error)"
    }
  }
}
