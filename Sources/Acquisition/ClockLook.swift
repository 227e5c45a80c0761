public import Line
public import Metering

/// How far a meter's clock was from the host's at one look, with the way of the answer taken out.
///
/// The meter looks at its clock between the end of the question and the beginning of its answer. So of the time from
/// the question to the last byte, the line time of the answer and half of the rest lie after the look.
public struct ClockLook: Hashable, Sendable {
  /// Meter less host, in milliseconds; positive where the meter is fast. Of the second that the meter shows, its middle.
  public let deviation: Int64
  /// How far off `deviation` may be at most, in milliseconds: half of the second that is shown, and half of the rest.
  public let uncertainty: Int64
  /// When the meter looked, by the host's wall clock, in milliseconds since 1970.
  public let at: Int64

  public init(deviation: Int64, uncertainty: Int64, at: Int64) {
    self.deviation = deviation
    self.uncertainty = uncertainty
    self.at = at
  }

  /// A look by an exchange that brought the time `shown`; `nil` for a time without seconds, and while nobody has set the
  /// host's clock.
  ///
  /// `character` is the line time of one byte; `wall` is the wall clock's time at `now`, and `zone` that of the meters'
  /// clocks.
  public init?(
    _ shown: MeterTime, by exchange: ExchangeRecord, character: BootInstant.Span, now: BootInstant, wall: HostInstant,
    zone: ZoneOffset
  ) {
    guard wall.clock != .unsynchronised, shown.time.second != nil else { return nil }
    let after = max(exchange.endedAt - exchange.requestedAt, .zero)
    let answer = min(character * Int64(exchange.bytesReceived), after)
    let half = (after - answer) / 2
    let at = wall.unixMilliseconds - (now - exchange.endedAt + answer + half).milliseconds
    self.init(
      deviation: zone.unixMilliseconds(of: shown) + 500 - at, uncertainty: 500 + half.milliseconds + 1, at: at)
  }

  /// False where no clock drifts from the one look to the other: it was set in between, or one of them was misread.
  func follows(_ earlier: ClockLook) -> Bool {
    let days = abs(at - earlier.at) / 86_400_000 + 1
    let allowed = uncertainty + earlier.uncertainty + Self.plausibleDrift * days
    return abs(deviation - earlier.deviation) <= allowed
  }

  /// Milliseconds a day: ten times what a clock may do by the rules, so that a bad one is followed as well.
  private static let plausibleDrift: Int64 = 5000

  /// Seconds with a tenth and their sign, `+12.3`.
  public static func seconds(_ milliseconds: Int64) -> String {
    (milliseconds < 0 ? "" : "+") + decimalString(milliseconds &* 1000, decimals: 1)
  }
}

extension MeterTime {
  /// True where this time and a host's are of the same hour, and neither is closer to its beginning or its end than
  /// `distance` seconds: then setting one to the other neither repeats nor leaves out a freeze. 校时避开零点和整点
  func isClearOfHours(with other: MeterTime, by distance: Int64) -> Bool {
    func isClear(_ time: MeterTime) -> Bool {
      let second = (time.localSeconds % 3600 + 3600) % 3600
      return second >= distance && second <= 3600 - distance
    }
    func hour(_ time: MeterTime) -> Int64 { time.date.daysSince1970 * 24 + Int64(time.time.hour) }
    return hour(self) == hour(other) && isClear(self) && isClear(other)
  }
}
