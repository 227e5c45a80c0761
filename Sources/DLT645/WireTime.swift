public import Metering

/// A date and time as commands carry it, ss mm hh DD MM YY: to the second, 2000...2099.
public struct WireTime: Hashable, Sendable {
  public let time: MeterTime

  /// Missing seconds are 0; `nil` for a year that two digits cannot tell.
  public init?(_ time: MeterTime) {
    guard (2000...2099).contains(time.date.year) else { return nil }
    self.init(valid: time)
  }

  /// From six bytes, ss first; `nil` for another count and for digits that are no date and time.
  public init?(wire bytes: some Collection<UInt8>) {
    guard bytes.count == 6, let digits = twoDigits(bytes),
      let time = MeterTime(
        year: 2000 + digits[5], month: digits[4], day: digits[3], hour: digits[2], minute: digits[1], second: digits[0])
    else { return nil }
    self.init(valid: time)
  }

  /// From five bytes without seconds, mm first, as load profiles and freezes have them.
  public init?(minuteWire bytes: some Collection<UInt8>) {
    guard bytes.count == 5 else { return nil }
    self.init(wire: [0] + Array(bytes))
  }

  private init(valid time: MeterTime) {
    self.time = MeterTime(localSeconds: time.localSeconds)
  }

  /// The last second of 2099, which stands for "without limit" in published frames.
  public static let noLimit = WireTime(valid: MeterTime(localSeconds: 4_102_444_799))

  /// ss mm hh DD MM YY.
  public var wireBytes: [UInt8] {
    [time.time.second ?? 0, time.time.minute, time.time.hour, time.date.day, time.date.month, time.date.year - 2000]
      .map(packed)
  }

  /// mm hh DD MM YY.
  public var minuteBytes: [UInt8] { Array(wireBytes.dropFirst()) }
}

extension WireTime: CustomStringConvertible {
  /// `2026-11-22T12:00:00`.
  public var description: String { time.description }
}

/// When a meter is to freeze its registers, MM DD hh mm with 99 for "every"; on the wire mm comes first. 冻结
///
/// Source: the order on the wire as in published code; the meaning of 99 is unverified.
public struct FreezePattern: Hashable, Sendable {
  /// 1...12; `nil` for every month.
  public let month: Int?
  /// 1...31; `nil` for every day.
  public let day: Int?
  /// 0...23; `nil` for every hour.
  public let hour: Int?
  /// 0...59; `nil` for at once.
  public let minute: Int?

  /// Freeze now, once.
  public static let atOnce = FreezePattern(valid: nil, nil, nil, nil)

  /// Every hour at a minute, 0...59.
  public init?(hourlyAt minute: Int) { self.init(month: nil, day: nil, hour: nil, minute: minute) }

  /// Every day at a time.
  public init?(dailyAt hour: Int, _ minute: Int) { self.init(month: nil, day: nil, hour: hour, minute: minute) }

  /// Every month on a day, 1...28, at a time.
  public init?(monthlyOn day: Int, at hour: Int, _ minute: Int) {
    guard day <= 28 else { return nil }
    self.init(month: nil, day: day, hour: hour, minute: minute)
  }

  /// From four bytes, mm first; `nil` for another count, for no time, and for a 99 behind a number.
  public init?(wire bytes: some Collection<UInt8>) {
    guard bytes.count == 4, let digits = twoDigits(bytes) else { return nil }
    let fields = digits.map { $0 == 99 ? nil : $0 }
    self.init(month: fields[3], day: fields[2], hour: fields[1], minute: fields[0])
  }

  private init?(month: Int?, day: Int?, hour: Int?, minute: Int?) {
    let fields = [month, day, hour, minute]
    let firstSet = fields.firstIndex { $0 != nil } ?? 4
    guard fields[firstSet...].allSatisfy({ $0 != nil }), month.map((1...12).contains) ?? true,
      day.map((1...31).contains) ?? true, hour.map((0...23).contains) ?? true, minute.map((0...59).contains) ?? true
    else { return nil }
    self.init(valid: month, day, hour, minute)
  }

  private init(valid month: Int?, _ day: Int?, _ hour: Int?, _ minute: Int?) {
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
  }

  /// mm hh DD MM.
  public var wireBytes: [UInt8] { [minute, hour, day, month].map { packed($0 ?? 99) } }

  /// Whether a meter with this pattern freezes at the start of a minute. Never for `atOnce`.
  public func matches(_ time: MeterTime) -> Bool {
    minute == time.time.minute && hour ?? time.time.hour == time.time.hour && day ?? time.date.day == time.date.day
      && month ?? time.date.month == time.date.month
  }
}

extension FreezePattern: CustomStringConvertible {
  /// `at once`, `hourly at minute 5`, `daily at 00:05`, `monthly on day 1 at 00:00` or `on 03-01 at 00:00`.
  public var description: String {
    guard let minute else { return "at once" }
    guard let hour else { return "hourly at minute \(minute)" }
    let time = "\(hexPair(packed(hour))):\(hexPair(packed(minute)))"
    guard let day else { return "daily at \(time)" }
    guard let month else { return "monthly on day \(day) at \(time)" }
    return "on \(hexPair(packed(month)))-\(hexPair(packed(day))) at \(time)"
  }
}

/// 0...99 as two packed digits.
func packed(_ number: Int) -> UInt8 { UInt8(truncatingIfNeeded: number / 10 % 10 * 16 + number % 10) }

/// Two digits a byte; `nil` where a nibble is none.
func twoDigits(_ bytes: some Collection<UInt8>) -> [Int]? {
  guard bytes.allSatisfy({ isDecimal(UInt64($0)) }) else { return nil }
  return bytes.map { Int($0 >> 4) * 10 + Int($0 & 0xF) }
}
