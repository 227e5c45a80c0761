internal import Documents
public import Metering

/// Which period a minute of a day belongs to: season, type of day, slot of the clock. 峰谷时段
///
/// Local legal time. Slots are half-open: one that ends at 11:00 leaves 11:00 to the next.
public struct TimeOfUse: Hashable, Sendable {
  /// A stretch of the clock.
  public struct Slot: Hashable, Sendable {
    /// Minutes after midnight, from 0.
    public let from: Int
    /// Minutes after midnight at which the slot is over, up to 1440.
    public let to: Int
    /// Which of the plan's periods, from 0.
    public let period: Int

    /// `08:00-11:00`.
    public var hours: String { "\(clock(from))-\(clock(to))" }
  }

  /// Slots by month of the year, January first, and type of day.
  public let months: [[DayType: [Slot]]]
  /// Where the slots were published.
  public let provenance: Provenance

  /// The slots of a day; they cover it from midnight to midnight.
  public func slots(on date: CivilDate, of type: DayType) -> [Slot] {
    let month = months[date.month - 1]
    // A plan without event days knows the day by its weekday.
    return month[type] ?? month[DayCalendar.plainType(of: date)] ?? []
  }

  /// Weekday or weekend; `nil` where it would matter that the day may be a holiday.
  func typeWithoutCalendar(of date: CivilDate) -> DayType? {
    let month = months[date.month - 1]
    let plain = DayCalendar.plainType(of: date)
    guard let slots = month[plain], slots == month[.holiday], month[.event].map({ $0 == slots }) ?? true else {
      return nil
    }
    // A weekend that is worked is a weekday.
    return month[.weekday] == month[.weekend] ? plain : nil
  }

  /// The `[calendar]` table.
  init(_ reader: inout TableReader, periods: [Period]) throws(DocumentError) {
    var months: [[DayType: [Slot]]?] = Array(repeating: nil, count: 12)
    for season in try reader.tables("season") {
      var season = season
      let name = try season.string("name")
      guard let numbers = try season.optionalIntegers("months", in: 1...12) else { throw season.missing("months") }
      var types: [DayType: [Slot]] = [:]
      for day in try season.tables("day") {
        var day = day
        let slots = try readSlots(&day, periods)
        for text in try day.optionalStrings("types") ?? [] {
          guard let type = DayType(rawValue: text) else {
            throw day.error("types", "\"\(text)\" is no type of day; weekday, weekend, holiday and event are")
          }
          guard types[type] == nil else { throw day.error("types", "\(text) already has its slots in season \(name)") }
          types[type] = slots
        }
        try day.finish()
      }
      for type in [DayType.weekday, .weekend, .holiday] where types[type] == nil {
        throw season.error("day", "no slots for a \(type.rawValue) in season \(name)")
      }
      for month in numbers {
        guard months[month - 1] == nil else { throw season.error("months", "month \(month) is in a season already") }
        months[month - 1] = types
      }
      try season.finish()
    }
    let missing = months.indices.filter { months[$0] == nil }.map { "\($0 + 1)" }
    guard missing.isEmpty else {
      throw reader.error(
        "season", "no season has month\(missing.count == 1 ? "" : "s") \(missing.joined(separator: ", "))")
    }
    self.months = months.compactMap(\.self)
    provenance = try Provenance(&reader)
    try reader.finish()
  }

  func write(to json: inout CanonicalJSON) {
    json.objects("months", months) { json, types in
      for type in DayType.allCases {
        guard let slots = types[type] else { continue }
        json.strings(type.rawValue, slots.map { "\(clock($0.from))-\(clock($0.to)) \($0.period)" })
      }
    }
    json.provenance(provenance)
  }
}

extension Plan {
  /// True where the plan's hours on `date` depend on whether it is a special day, which only a list of them can tell.
  public func asksKindOfDay(on date: CivilDate) -> Bool {
    timeOfUse.map { $0.typeWithoutCalendar(of: date) == nil } ?? false
  }

  /// True where they do on some day of some year.
  public var asksKindOfDay: Bool {
    timeOfUse.map { hours in
      hours.months.contains { month in Set(month.values).count > 1 }
    } ?? false
  }

  /// The first time of the clock, such as `08:30`, at which a period of some day begins inside an interval of so many
  /// minutes; `nil` where there is none, and where the plan has no hours.
  public func timeInside(intervalsOf minutes: Int) -> String? {
    let starts = timeOfUse?.months.flatMap(\.values).joined().map(\.from) ?? []
    return starts.filter { $0 % max(1, minutes) != 0 }.min().map(clock)
  }
}

/// `slots`, such as `["00:00-08:00 valley", "08:00-24:00 peak"]`: the whole day without gap or overlap.
private func readSlots(_ reader: inout TableReader, _ periods: [Period]) throws(DocumentError) -> [TimeOfUse.Slot] {
  var slots: [TimeOfUse.Slot] = []
  var end = 0
  for text in try reader.optionalStrings("slots") ?? [] {
    let words = text.split(separator: " ")
    let times = words.first?.split(separator: "-") ?? []
    guard words.count == 2, times.count == 2, let from = minutes(times[0]), let to = minutes(times[1]) else {
      throw reader.error("slots", "\"\(text)\" is no slot; write it as \"08:00-11:00 peak\"")
    }
    guard let period = periods.firstIndex(where: { $0.name == words[1] }) else {
      throw reader.error("slots", "no period is called \(words[1])")
    }
    guard from <= end else { throw reader.error("slots", "gap: from \(clock(end)) to \(clock(from))") }
    guard from >= end else { throw reader.error("slots", "overlap: \"\(text)\" starts before \(clock(end))") }
    guard to > from else { throw reader.error("slots", "\"\(text)\" does not end after its start") }
    slots.append(TimeOfUse.Slot(from: from, to: to, period: period))
    end = to
  }
  guard end == 1440 else { throw reader.error("slots", "gap: from \(clock(end)) to 24:00") }
  return slots
}

/// Minutes after midnight of `08:30`, up to `24:00`; `nil` for anything else.
private func minutes(_ text: some StringProtocol) -> Int? {
  let parts = text.split(separator: ":", omittingEmptySubsequences: false)
  guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hour = UInt8(parts[0]),
    let minute = UInt8(parts[1]), minute < 60, hour < 24 || (hour == 24 && minute == 0)
  else { return nil }
  return Int(hour) * 60 + Int(minute)
}

/// `08:30`.
func clock(_ minutes: Int) -> String {
  let (hour, minute) = minutes.quotientAndRemainder(dividingBy: 60)
  return "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
}
