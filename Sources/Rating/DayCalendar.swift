public import Documents
public import Metering

/// What kind of day a day is, for prices that differ by it.
public enum DayType: String, Hashable, Sendable, CaseIterable {
  /// Monday to Friday, and weekends that are worked.
  case weekday
  /// Saturday and Sunday.
  case weekend
  /// A public holiday by name; it goes before the other two.
  case holiday
  /// A day that the grid company declared, such as one of great heat; it goes before all others.
  case event
}

/// Which days are holidays, shifted working days and event days: a list that is published anew each year.
///
/// Dated like a plan: it is for some days, and known since one.
public struct DayCalendar: Hashable, Sendable {
  /// The list's name, such as `china-2026`.
  public let name: String
  /// First day that the list is for.
  public let validFrom: CivilDate
  /// Last day that the list is for.
  public let validTo: CivilDate
  /// The day on which the list became known.
  public let knownSince: CivilDate
  /// Where it was published, for people.
  public let sources: [String]
  /// The days that are not what their weekday says.
  public let special: [CivilDate: DayType]

  /// Reads a calendar document: `holidays`, `workdays` (weekends that are worked) and `events` are lists of dates.
  ///
  /// - Throws: `DocumentError` for a date outside the calendar's days, one in two lists, and anything unknown.
  public init(_ document: Document) throws(DocumentError) {
    var reader = document.reader()
    name = try reader.string("name")
    validFrom = try reader.date("valid-from")
    validTo = try reader.date("valid-to")
    knownSince = try reader.date("known-since")
    guard validFrom <= validTo else { throw reader.error("valid-to", "\(validTo) is before valid-from, \(validFrom)") }
    sources = try reader.optionalStrings("sources") ?? []
    guard !sources.isEmpty else { throw reader.error("sources", "say where the list was published") }
    var special: [CivilDate: DayType] = [:]
    for (key, type) in [("holidays", DayType.holiday), ("workdays", .weekday), ("events", .event)] {
      for text in try reader.optionalStrings(key) ?? [] {
        guard let date = CivilDate(text) else {
          throw reader.error(key, "\"\(text)\" is no date; write it as \"2026-11-22\"")
        }
        guard validFrom <= date, date <= validTo else {
          throw reader.error(key, "\(date) is not between \(validFrom) and \(validTo)")
        }
        guard special[date] == nil else { throw reader.error(key, "\(date) is given twice") }
        special[date] = type
      }
    }
    self.special = special
    try reader.finish()
  }

  /// One list out of several, each of which says what its days of `days` are; `special` is what they say.
  init(joining lists: [DayCalendar], days: DayRange, special: [CivilDate: DayType]) {
    name = lists.map(\.name).joined(separator: " + ")
    validFrom = days.from
    validTo = days.last
    knownSince = lists.map(\.knownSince).max() ?? days.from
    var sources: [String] = []
    for source in lists.flatMap(\.sources) where !sources.contains(source) { sources.append(source) }
    self.sources = sources
    self.special = special
  }

  /// What kind of day `date` is; `nil` outside the days that the calendar is for.
  public func type(of date: CivilDate) -> DayType? {
    guard validFrom <= date, date <= validTo else { return nil }
    return special[date] ?? Self.plainType(of: date)
  }

  /// Weekday or weekend.
  public static func plainType(of date: CivilDate) -> DayType { date.weekday >= 6 ? .weekend : .weekday }

  /// The calendar as one line of JSON with a fixed order of keys.
  public var canonicalText: String {
    CanonicalJSON.object { json in
      json.string("name", name)
      json.string("valid_from", "\(validFrom)")
      json.string("valid_to", "\(validTo)")
      json.string("known_since", "\(knownSince)")
      json.strings("sources", sources)
      json.strings("days", special.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.rawValue)" })
    }
  }

  /// SHA-256 of `canonicalText`, in hex.
  public var digest: String { sha256Hex(canonicalText.utf8) }
}
