import Metering

/// Turns the times that a log carries into microseconds since 1970, line after line.
///
/// A time of day without a date counts from 1970-01-01, and goes on to the next day where it falls back. A date
/// without an offset counts as UTC: the log does not say where it was kept.
struct LogClock {
  private static let second: Int64 = 1_000_000
  private static let day = 86_400 * second

  private var midnight: Int64 = 0
  private var lastOfDay: Int64?
  private var last: Int64 = 0

  /// The instant of `text`; that of the line before where there is no time in it.
  mutating func microseconds(_ text: String?) -> Int64 {
    guard let text, let time = LogTime(text) else { return last }
    switch time {
    case .instant(let instant): last = instant
    case .ofDay(let time):
      // What was said within one second may be logged out of order.
      if let lastOfDay, time + Self.second < lastOfDay { midnight += Self.day }
      lastOfDay = time
      last = midnight + time
    }
    return last
  }
}

/// A time as logs write it, in microseconds.
///
/// | form | example |
/// |---|---|
/// | date and time, with an offset or without | `2026-01-02T03:04:05.678+08:00`, `2026/01/02 03:04:05,678` |
/// | seconds since 1970 | `1436509052.249713` |
/// | time of day | `12:00:01.123` |
enum LogTime: Equatable {
  /// Since 1970-01-01T00:00:00Z.
  case instant(Int64)
  /// Since midnight.
  case ofDay(Int64)

  /// `nil` for other texts.
  init?(_ text: some StringProtocol) {
    var rest = Substring(text.trimmed)
    if let epoch = Self.epoch(rest) {
      self = .instant(epoch)
      return
    }
    let date = Self.takeDate(&rest)
    if date != nil, rest.first == "T" || rest.first == " " { rest = rest.dropFirst().drop { $0 == " " } }
    var time: Int64 = 0
    if date == nil || !rest.isEmpty {
      guard let clock = Self.takeClock(&rest) else { return nil }
      time = clock
    }
    guard let offset = Self.offset(rest.trimmed) else { return nil }
    self = date.map { .instant($0 + time - offset) } ?? .ofDay(time)
  }

  private static func epoch(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts[0].utf8.count >= 9, let seconds = number(parts[0], 9...11),
      let fraction = parts.count == 2 ? Self.fraction(parts[1]) : 0
    else { return nil }
    return seconds * 1_000_000 + fraction
  }

  /// Midnight of the day that stands first.
  private static func takeDate(_ rest: inout Substring) -> Int64? {
    let word = rest.prefix(10)
    let parts = word.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "/" }
    guard parts.count == 3, let year = number(parts[0], 4...4), let month = number(parts[1], 2...2),
      let day = number(parts[2], 2...2),
      let midnight = MeterTime(year: Int(year), month: Int(month), day: Int(day), hour: 0, minute: 0, second: 0)
    else { return nil }
    rest = rest.dropFirst(10)
    return ZoneOffset.utc.unixMilliseconds(of: midnight) * 1000
  }

  /// The time of day that stands first, with its fraction.
  private static func takeClock(_ rest: inout Substring) -> Int64? {
    let parts = rest.prefix(8).split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = number(parts[0], 2...2), hour < 24, let minute = number(parts[1], 2...2),
      minute < 60, let second = number(parts[2], 2...2), second < 61
    else { return nil }
    var tail = rest.dropFirst(8)
    var time = ((hour * 60 + minute) * 60 + second) * 1_000_000
    if let point = tail.first, ".,:".contains(point) {
      let digits = tail.dropFirst().prefix { $0.isASCII && $0.isNumber }
      guard let fraction = digits.isEmpty ? 0 : Self.fraction(digits) else { return nil }
      time += fraction
      tail = tail.dropFirst(1 + digits.count)
    }
    // A log may end its time with a comma or a colon.
    rest = tail.first.map { ".,:".contains($0) } == true ? tail.dropFirst() : tail
    return time
  }

  /// Microseconds east of Greenwich; 0 for nothing.
  private static func offset(_ text: String) -> Int64? {
    if text.isEmpty || text == "Z" { return 0 }
    let sign: Int64 = text.hasPrefix("-") ? -1 : 1
    let digits = text.dropFirst().filter { $0 != ":" }
    guard text.hasPrefix("+") || sign < 0, let number = number(Substring(digits), 2...4), digits.count != 3 else {
      return nil
    }
    let (hours, minutes) = digits.count == 2 ? (number, 0) : (number / 100, number % 100)
    guard hours < 24, minutes < 60 else { return nil }
    return sign * (hours * 60 + minutes) * 60_000_000
  }

  /// The first six digits behind a point, as microseconds.
  private static func fraction(_ digits: Substring) -> Int64? {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return Int64(digits.prefix(6) + String(repeating: "0", count: max(0, 6 - digits.utf8.count)))
  }

  private static func number(_ digits: Substring, _ counts: ClosedRange<Int>) -> Int64? {
    guard counts.contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int64(digits)
  }
}
