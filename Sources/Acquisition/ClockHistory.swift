public import Metering

/// What is known of one meter's clock: the last look, a look a day for a fortnight, and when it was set.
///
/// Its text is what survives a restart.
public struct ClockHistory: Hashable, Sendable {
  public private(set) var last: ClockLook?
  /// The best look of each day since the clock was last set, oldest first.
  public private(set) var days: [ClockLook] = []
  /// When it was to be set, in milliseconds since 1970; the last four.
  public private(set) var settings: [Int64] = []
  /// A fault is told, and it is not set any more until it is within the limit.
  public private(set) var isFaulty = false
  /// A broadcast has not moved it.
  public internal(set) var ignoresBroadcast = false
  private var level = Level.right
  private var isDrifting = false

  private enum Level: Int, Comparable {
    case right, off, tooFar
    static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  private static let longest = 15

  public init() {}

  /// True while the last look is beyond the limit.
  public var isOff: Bool { level > .right }

  /// Takes a look in; what is to be said of it. A look that is not newer than the last one changes nothing.
  public mutating func take(_ look: ClockLook, _ rules: ClockRules, zone: ZoneOffset) -> [ClockNotice] {
    // The host's own clock was ahead, and what was seen by it says nothing.
    if let known = last, look.at < known.at - 600_000 { (last, days, isDrifting) = (nil, [], false) }
    guard last.map({ look.at > $0.at }) ?? true else { return [] }
    var notices: [ClockNotice] = []
    if let last, !look.follows(last) {
      // What meterd has set itself is told by its outcome.
      if !(settings.last.map { $0 >= last.at } ?? false) {
        notices.append(.moved(from: last.deviation, to: look.deviation))
      }
      days = []
      isDrifting = false
    }
    last = look
    keep(look, zone)
    judgeDeviation(look, rules, zone, &notices)
    judgeDrift(rules, &notices)
    return notices
  }

  private mutating func keep(_ look: ClockLook, _ zone: ZoneOffset) {
    let day = zone.local(unixMilliseconds: look.at).date
    if let newest = days.last, zone.local(unixMilliseconds: newest.at).date == day {
      if look.uncertainty < newest.uncertainty { days[days.count - 1] = look }
    } else {
      days = Array((days + [look]).suffix(Self.longest))
    }
  }

  private mutating func judgeDeviation(
    _ look: ClockLook, _ rules: ClockRules, _ zone: ZoneOffset, _ notices: inout [ClockNotice]
  ) {
    let isOver = abs(look.deviation) > rules.reportOver + look.uncertainty
    let now: Level = rules.isTooFar(look) && isOver ? .tooFar : isOver ? .off : .right
    if now > level { notices.append(.deviates(look.deviation, isTooFar: now == .tooFar)) }
    if now == .right, level > .right { notices.append(.agrees(look.deviation)) }
    level = now
    let count = settings(inMonthOf: look.at, zone)
    // What is to be set and was not put right by all settings of a month is broken, however little it is off.
    let isWrong = now > .right || rules.isSettable(look)
    if !isWrong {
      isFaulty = false
    } else if count >= ClockRules.settingsInMonth, !isFaulty {
      isFaulty = true
      notices.append(.faulty(look.deviation, settings: count))
    }
  }

  private mutating func judgeDrift(_ rules: ClockRules, _ notices: inout [ClockNotice]) {
    guard let drift, drift.days >= rules.driftDays else { return }
    let isOver = abs(drift.rate) > rules.driftOver
    if isOver, !isDrifting { notices.append(.drifts(drift.rate, days: drift.days)) }
    isDrifting = isOver
  }

  /// Milliseconds that the clock gains a day and over how many days; `nil` before three days.
  ///
  /// The median of the slopes between any two days: some looks that were misread or took long turn it nowhere.
  public var drift: (rate: Int64, days: Int64)? {
    guard let first = days.first, let end = days.last else { return nil }
    let span = (end.at - first.at) / 86_400_000
    guard span >= 3 else { return nil }
    var slopes: [Int64] = []
    for (index, earlier) in days.enumerated() {
      // Two looks just before and after midnight tell nothing.
      for later in days[(index + 1)...] where later.at - earlier.at > 72_000_000 {
        let gained = Int128(later.deviation) - Int128(earlier.deviation)
        slopes.append(Int64(clamping: gained * 86_400_000 / Int128(later.at - earlier.at)))
      }
    }
    slopes.sort()
    guard !slopes.isEmpty else { return nil }
    let middle = slopes.count / 2
    return (slopes.count % 2 == 1 ? slopes[middle] : (slopes[middle - 1] + slopes[middle]) / 2, span)
  }

  func settings(inMonthOf instant: Int64, _ zone: ZoneOffset) -> Int {
    func month(_ instant: Int64) -> CivilDate { zone.local(unixMilliseconds: instant).date.firstOfMonth() }
    return settings.count { month($0) == month(instant) }
  }

  func wasSet(onDayOf instant: Int64, _ zone: ZoneOffset) -> Bool {
    settings.contains {
      zone.local(unixMilliseconds: $0).date == zone.local(unixMilliseconds: instant).date
    }
  }

  /// Takes the last setting back: nothing was sent.
  mutating func wasNotSent() { settings = settings.dropLast() }

  /// Notes that it may have been moved just now: looks from before say nothing of how it drifts, nor that it moved.
  mutating func mayHaveMoved() { (last, days, isDrifting) = (nil, [], false) }

  /// Notes that it is about to be set.
  mutating func willBeSet(at instant: Int64) { settings = Array((settings + [instant]).suffix(4)) }
}

/// The form that is kept, such as `1 0100 -12345,620,1795348800000 -12345,620,1795348800000;-12011,501,1795262400000 -`.
extension ClockHistory {
  /// Version, marks, the last look, the looks of the days, the settings.
  public var text: String {
    func word(_ look: ClockLook) -> String { "\(look.deviation),\(look.uncertainty),\(look.at)" }
    func list(_ words: [String]) -> String { words.isEmpty ? "-" : words.joined(separator: ";") }
    let marks = [level.rawValue, isDrifting ? 1 : 0, isFaulty ? 1 : 0, ignoresBroadcast ? 1 : 0]
    return [
      "1", marks.map(String.init).joined(), last.map(word) ?? "-", list(days.map(word)),
      list(settings.map(String.init)),
    ].joined(separator: " ")
  }

  /// Reads the form that is kept; `nil` for anything else.
  public init?(_ text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 5, words[0] == "1" else { return nil }
    let marks = words[1].compactMap(\.wholeNumberValue)
    guard marks.count == 4, words[1].count == 4, let level = Level(rawValue: marks[0]),
      marks.dropFirst().allSatisfy((0...1).contains)
    else { return nil }
    func list<Item>(_ word: Substring, _ read: (Substring) -> Item?) -> [Item]? {
      guard word != "-" else { return [] }
      let parts = word.split(separator: ";", omittingEmptySubsequences: false)
      let items = parts.compactMap(read)
      return items.count == parts.count ? items : nil
    }
    guard let last = list(words[2], Self.look), last.count <= 1, let days = list(words[3], Self.look),
      days.count <= Self.longest, zip(days, days.dropFirst()).allSatisfy({ $0.at < $1.at }),
      let settings = list(words[4], Self.instant), settings.count <= 4
    else { return nil }
    self.level = level
    self.last = last.first
    self.days = days
    self.settings = settings
    (isDrifting, isFaulty, ignoresBroadcast) = (marks[1] == 1, marks[2] == 1, marks[3] == 1)
  }

  private static func look(_ word: Substring) -> ClockLook? {
    let numbers = word.split(separator: ",", omittingEmptySubsequences: false)
    guard numbers.count == 3, let deviation = Int64(numbers[0]), abs(deviation.clamped) < mostMilliseconds,
      let uncertainty = Int64(numbers[1]), (0...86_400_000).contains(uncertainty), let at = instant(numbers[2])
    else { return nil }
    return ClockLook(deviation: deviation, uncertainty: uncertainty, at: at)
  }

  private static func instant(_ word: Substring) -> Int64? {
    Int64(word).flatMap { (0..<mostMilliseconds).contains($0) ? $0 : nil }
  }

  /// The year 5138, in milliseconds since 1970: nothing that is kept is beyond.
  private static let mostMilliseconds: Int64 = 100_000_000_000_000
}

extension Int64 {
  /// Itself, or the next number that has a magnitude.
  fileprivate var clamped: Int64 { Swift.max(self, -Int64.max) }
}
