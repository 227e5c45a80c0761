public import Metering

/// When a meter's clock is told of, and when and how it may be set. 电能表时钟管理
///
/// Source of the figures: State Grid's rules on clock management as quoted in examination questions (drift of 0.5 s a day,
/// 10 s after a setting, setting between one and fifteen minutes, not near midnight or a whole hour, a fault after two
/// settings in a month), and 300 s for the event as public concentrators have it; the five minutes around the hour are
/// ours.
public struct ClockRules: Hashable, Sendable {
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Looks and tells, and never sets.
    case off
    /// Tells what would be set, and sends nothing.
    case dryRun = "dry-run"
    case on
  }

  public var mode = Mode.off
  /// A deviation beyond this is told, milliseconds.
  public var reportOver: Int64 = 300_000
  /// A drift beyond this is told, milliseconds a day, over `driftDays` at least.
  public var driftOver: Int64 = 500
  public var driftDays: Int64 = 7
  /// What may be left after a setting, milliseconds.
  public var residual: Int64 = 10_000
  /// Only deviations between these two are set, milliseconds; beyond the second one a person must look.
  public var setOver: Int64 = 60_000
  public var setUnder: Int64 = 900_000

  /// Nobody sets a clock closer than this to midnight or a whole hour, by the host's clock and by the meter's; seconds.
  public static let quiet: Int64 = 300
  /// A broadcast reaches every meter, also those that are some minutes off; seconds.
  static let quietForAll: Int64 = 600
  /// What a meter takes from a broadcast, with some seconds left: five minutes, unverified. Milliseconds.
  static let broadcastLimit: Int64 = 290_000
  /// Settings of one meter in a calendar month; after them it is faulty where it is still to be set.
  static let settingsInMonth = 2
  /// A look is good for a setting for so long, milliseconds.
  static let freshness: Int64 = 600_000
  /// A meter that is to be set is looked at once more, and again after this where that failed; milliseconds.
  static let lookAgain: Int64 = 3_600_000

  public init() {}

  /// From when on clocks may be set again by one that shows `time`; `nil` where they may be set now.
  public static func nextAllowed(after time: MeterTime) -> MeterTime? {
    let second = (time.localSeconds % 3600 + 3600) % 3600
    guard second < quiet || second > 3600 - quiet else { return nil }
    return MeterTime(localSeconds: time.localSeconds - second + quiet + (second < quiet ? 0 : 3600))
  }

  func isSettable(_ look: ClockLook) -> Bool {
    abs(look.deviation) > setOver + look.uncertainty && abs(look.deviation) < setUnder
  }

  func isTooFar(_ look: ClockLook) -> Bool { abs(look.deviation) >= setUnder + look.uncertainty }
}

/// Something that is said of a meter's clock. Times are milliseconds.
public enum ClockNotice: Hashable, Sendable {
  /// Off by more than is allowed; `isTooFar` where meterd would not set it whatever the configuration allows.
  case deviates(Int64, isTooFar: Bool)
  /// Within the limit again.
  case agrees(Int64)
  /// Gains so many milliseconds a day, over so many days.
  case drifts(Int64, days: Int64)
  /// Somebody has set it, or it has stopped, since the look before.
  case moved(from: Int64, to: Int64)
  /// What would be done where the configuration did not say dry-run.
  case wouldSet(Int64, ClockWay)
  /// Was set and shows the time.
  case set(from: Int64, to: Int64, ClockWay)
  /// Was to be set, and what came of it is not good: `to` is `nil` where it could not be read back.
  case notSet(from: Int64, to: Int64?, ClockWay, reason: String)
  /// Off by more than is allowed after all settings of a month: it is not set any more.
  case faulty(Int64, settings: Int)
}

/// How a clock is set.
public enum ClockWay: String, Hashable, Sendable {
  /// 08H to all meters of the line. 广播校时
  case broadcast
  /// 08H to one meter, which the standard does not have and some vendors do.
  case address
  /// The time, with its date where the meter has both in one item, written with the password.
  case write
}

extension ClockNotice: CustomStringConvertible {
  public var description: String {
    switch self {
    case .deviates(let off, let isTooFar):
      "the clock is \(ClockLook.seconds(off)) s off" + (isTooFar ? ", too far for meterd to set it" : "")
    case .agrees(let off): "the clock is right again, \(ClockLook.seconds(off)) s off"
    case .drifts(let rate, let days):
      "the clock drifts by \(decimalString(rate &* 1000, decimals: 2)) s a day, over \(days) days"
    case .moved(let from, let to):
      "the clock was \(ClockLook.seconds(from)) s off and is \(ClockLook.seconds(to)) s off now: it was set, or stopped"
    case .wouldSet(let off, let way):
      "the clock is \(ClockLook.seconds(off)) s off and would be set by \(way.rawValue) (dry run)"
    case .set(let from, let to, let way):
      "the clock was set by \(way.rawValue): \(ClockLook.seconds(from)) s off before, \(ClockLook.seconds(to)) s after"
    case .notSet(let from, let to, let way, let reason):
      "the clock was not set by \(way.rawValue): \(ClockLook.seconds(from)) s off before, "
        + (to.map { "\(ClockLook.seconds($0)) s after" } ?? "not read back") + (reason.isEmpty ? "" : "; \(reason)")
    case .faulty(let off, let settings):
      "the clock is \(ClockLook.seconds(off)) s off after \(settings) settings in this month: it is faulty, and not set any more"
    }
  }
}
