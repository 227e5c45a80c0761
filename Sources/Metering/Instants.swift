/// A date and time by a meter's own clock, in the meter's local time.
///
/// It says what the meter believes, which may be wrong; it never stands in for host time.
public struct MeterTime: Hashable, Sendable {
  /// The day.
  public let date: CivilDate
  /// The time of that day.
  public let time: TimeOfDay

  /// A date and time as some meter's clock shows it.
  public init(date: CivilDate, time: TimeOfDay) {
    self.date = date
    self.time = time
  }

  /// From the numbers a meter sends; `nil` when they are no date and time.
  public init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int? = nil) {
    guard let date = CivilDate(year: year, month: month, day: day),
      let time = TimeOfDay(hour: hour, minute: minute, second: second)
    else { return nil }
    self.init(date: date, time: time)
  }

  /// Seconds since 1970-01-01 00:00 on the same clock; no zone is applied.
  public var localSeconds: Int64 { date.daysSince1970 * 86_400 + Int64(time.secondsOfDay) }

  /// The date and time `seconds` after 1970-01-01 00:00 on some clock.
  public init(localSeconds seconds: Int64) {
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = Int(seconds - day * 86_400)
    date = CivilDate(daysSince1970: day)
    time = TimeOfDay(validHour: rest / 3600, minute: rest / 60 % 60, second: rest % 60)
  }
}

extension TimeOfDay {
  /// For numbers that are in range by construction.
  init(validHour hour: Int, minute: Int, second: Int) {
    self.hour = hour
    self.minute = minute
    self.second = second
  }
}

extension MeterTime: Comparable, CustomStringConvertible {
  public static func < (a: Self, b: Self) -> Bool { a.localSeconds < b.localSeconds }

  /// `2015-10-09T00:00`, with seconds where the meter told them.
  public var description: String { "\(date)T\(time)" }

  /// Reads `2015-10-09T00:00` or `2015-10-09T00:00:00`.
  public init?(_ text: some StringProtocol) {
    guard let separator = text.firstIndex(of: "T"), let date = CivilDate(text[..<separator]),
      let time = TimeOfDay(text[text.index(after: separator)...])
    else { return nil }
    self.init(date: date, time: time)
  }
}

/// How far the host's wall clock can be trusted at an instant.
public enum ClockState: Hashable, Sendable {
  /// Disciplined by a time source now.
  case synchronised
  /// Was disciplined, and has run alone for so many seconds.
  case holdover(seconds: Int64)
  /// Never disciplined since boot: a label made with it is a guess.
  case unsynchronised
}

extension ClockState: CustomStringConvertible {
  /// `synchronised`, `holdover:SECONDS` or `unsynchronised`: the form that is stored.
  public var description: String {
    switch self {
    case .synchronised: "synchronised"
    case .holdover(let seconds): "holdover:\(seconds)"
    case .unsynchronised: "unsynchronised"
    }
  }

  /// Reads the stored form.
  public init?(_ text: some StringProtocol) {
    switch text {
    case "synchronised": self = .synchronised
    case "unsynchronised": self = .unsynchronised
    default:
      guard text.hasPrefix("holdover:"), let seconds = Int64(text.dropFirst("holdover:".count)) else { return nil }
      self = .holdover(seconds: seconds)
    }
  }
}

/// An instant by the host's wall clock, with the state of that clock.
public struct HostInstant: Hashable, Sendable {
  /// Milliseconds since 1970-01-01 00:00 UTC.
  public let unixMilliseconds: Int64
  /// How far the wall clock could be trusted then.
  public let clock: ClockState

  /// An instant as the wall clock told it.
  public init(unixMilliseconds: Int64, clock: ClockState) {
    self.unixMilliseconds = unixMilliseconds
    self.clock = clock
  }

  /// RFC 3339 with milliseconds and offset: `2026-11-22T08:00:00.000+08:00`.
  public func rfc3339(_ offset: ZoneOffset) -> String { offset.rfc3339(unixMilliseconds: unixMilliseconds) }
}

/// A fixed distance from UTC. China has used +08:00 without daylight saving since 1992.
public struct ZoneOffset: Hashable, Sendable {
  /// Minutes east of UTC, -1080...1080.
  public let minutes: Int

  /// `nil` beyond 18 hours.
  public init?(minutes: Int) {
    guard (-1080...1080).contains(minutes) else { return nil }
    self.minutes = minutes
  }

  private init(valid minutes: Int) { self.minutes = minutes }
  /// No distance.
  public static let utc = ZoneOffset(valid: 0)
  /// Eight hours east, all over China.
  public static let china = ZoneOffset(valid: 480)

  /// The local date and time at an instant, to the second.
  public func local(unixMilliseconds: Int64) -> MeterTime {
    let seconds = unixMilliseconds >= 0 ? unixMilliseconds / 1000 : (unixMilliseconds - 999) / 1000
    return MeterTime(localSeconds: seconds + Int64(minutes) * 60)
  }

  /// The instant at which clocks of this zone show `time`, in milliseconds since 1970.
  public func unixMilliseconds(of time: MeterTime) -> Int64 { (time.localSeconds - Int64(minutes) * 60) * 1000 }

  /// RFC 3339 with milliseconds: `2026-11-22T08:00:00.000+08:00`.
  public func rfc3339(unixMilliseconds: Int64) -> String {
    let millisecond = Int((unixMilliseconds % 1000 + 1000) % 1000)
    return "\(local(unixMilliseconds: unixMilliseconds)).\(padded(millisecond, 3))\(self)"
  }
}

extension ZoneOffset: CustomStringConvertible {
  /// `+08:00`.
  public var description: String {
    let magnitude = Int(minutes.magnitude)
    return "\(minutes < 0 ? "-" : "+")\(padded(magnitude / 60, 2)):\(padded(magnitude % 60, 2))"
  }

  /// Reads `+08:00` or `Z`.
  public init?(_ text: some StringProtocol) {
    if text == "Z" {
      self = .utc
      return
    }
    guard let sign = text.first, sign == "+" || sign == "-", let time = TimeOfDay(text.dropFirst()), time.second == nil
    else { return nil }
    self.init(minutes: (sign == "-" ? -1 : 1) * (time.hour * 60 + time.minute))
  }
}

/// An instant on the host's boot clock: never stepped, counts through suspend.
///
/// Schedules and time-outs use it; it labels nothing.
public struct BootInstant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the machine was started.
  public let nanoseconds: Int64
  /// So many nanoseconds after the machine was started.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

  /// The instant a span later.
  public static func + (instant: Self, span: Span) -> Self {
    Self(nanoseconds: instant.nanoseconds &+ span.nanoseconds)
  }
  /// The instant a span earlier.
  public static func - (instant: Self, span: Span) -> Self {
    Self(nanoseconds: instant.nanoseconds &- span.nanoseconds)
  }
  /// From one instant to another.
  public static func - (end: Self, start: Self) -> Span { Span(nanoseconds: end.nanoseconds &- start.nanoseconds) }

  /// A length of time in whole nanoseconds; about ±292 years.
  public struct Span: Hashable, Comparable, Sendable {
    /// Negative for a span backwards.
    public let nanoseconds: Int64
    /// So many nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// No time.
    public static let zero = Span(nanoseconds: 0)
    /// So many thousandths of a second.
    public static func milliseconds(_ count: Int64) -> Span { Span(nanoseconds: count &* 1_000_000) }
    /// So many millionths of a second.
    public static func microseconds(_ count: Int64) -> Span { Span(nanoseconds: count &* 1000) }
    /// So many seconds.
    public static func seconds(_ count: Int64) -> Span { Span(nanoseconds: count &* 1_000_000_000) }

    public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    /// Both spans, one after the other.
    public static func + (a: Self, b: Self) -> Self { Self(nanoseconds: a.nanoseconds &+ b.nanoseconds) }
    /// What one span is longer than the other.
    public static func - (a: Self, b: Self) -> Self { Self(nanoseconds: a.nanoseconds &- b.nanoseconds) }
    /// So many times the span.
    public static func * (a: Self, factor: Int64) -> Self { Self(nanoseconds: a.nanoseconds &* factor) }
    /// One of so many equal parts, cut to whole nanoseconds.
    public static func / (a: Self, divisor: Int64) -> Self {
      Self(nanoseconds: divisor == 0 ? 0 : a.nanoseconds / divisor)
    }

    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }
  }
}
