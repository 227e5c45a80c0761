public import Metering

/// Looks after the clocks of a station's meters: what is to be said of them, and which is to be set, when and how.
///
/// A value that is told looks and the time and never waits. Nothing is set that the configuration does not allow, while
/// nobody has set the host's clock, twice a day, or close to a whole hour.
public struct ClockCare: Sendable {
  /// A meter whose clock can be looked at.
  public struct Meter: Hashable, Sendable {
    public let id: MeterID
    public let line: String
    /// How its configuration allows it to be set by its address.
    public let ways: Set<ClockWay>
    /// Its line may be told the time as a whole.
    public let hearsBroadcast: Bool

    public init(id: MeterID, line: String, ways: Set<ClockWay> = [], hearsBroadcast: Bool = false) {
      self.id = id
      self.line = line
      self.ways = ways
      self.hearsBroadcast = hearsBroadcast
    }
  }

  /// What is to be done next.
  public enum Order: Hashable, Sendable {
    /// The last look is too old for a setting.
    case look(line: String, MeterID)
    case set(line: String, [MeterID], ClockWay)
    /// Nothing is done, only said.
    case tell(MeterID, ClockNotice)
  }

  public let rules: ClockRules
  public let meters: [Meter]
  public private(set) var histories: [MeterID: ClockHistory]
  /// The last day on which each line was told the time.
  public private(set) var broadcasts: [String: CivilDate]
  /// When a setting last came to nothing before anything was sent, by meter.
  private var triedAt: [MeterID: Int64] = [:]
  private let zone: ZoneOffset
  /// When each meter last heard the time: a look from before it comes too late.
  private var heardAt: [MeterID: Int64] = [:]
  private var lookedFor: [MeterID: Int64] = [:]
  private var toldOn: [MeterID: CivilDate] = [:]

  public init(
    _ rules: ClockRules, meters: [Meter], zone: ZoneOffset, histories: [MeterID: ClockHistory] = [:],
    broadcasts: [String: CivilDate] = [:]
  ) {
    self.rules = rules
    self.meters = meters
    self.zone = zone
    self.histories = histories
    self.broadcasts = broadcasts
  }

  /// Takes a look in; what is to be said of it.
  public mutating func take(_ look: ClockLook, of meter: MeterID) -> [ClockNotice] {
    if let heard = heardAt[meter], look.at < heard {
      // The host's clock was set back: what was noted by it before says nothing any more.
      guard look.at < heard - 600_000 else { return [] }
      heardAt[meter] = nil
    }
    return histories[meter, default: ClockHistory()].take(look, rules, zone: zone)
  }

  /// What is to be done at a time; `nil` where nothing is. Call it again until it gives `nil`: what it gave is noted.
  public mutating func next(at wall: HostInstant) -> Order? {
    guard rules.mode != .off, wall.clock != .unsynchronised else { return nil }
    for meter in meters {
      guard let (look, way) = wish(meter, at: wall.unixMilliseconds) else { continue }
      if rules.mode == .dryRun {
        let today = date(wall.unixMilliseconds)
        guard toldOn.updateValue(today, forKey: meter.id) != today else { continue }
        return .tell(meter.id, .wouldSet(look.deviation, way))
      }
      guard wall.unixMilliseconds - look.at <= ClockRules.freshness else {
        if let before = lookedFor[meter.id], abs(wall.unixMilliseconds - before) < ClockRules.lookAgain { continue }
        lookedFor[meter.id] = wall.unixMilliseconds
        return .look(line: meter.line, meter.id)
      }
      return begin(meter, way, at: wall.unixMilliseconds)
    }
    return nil
  }

  /// The last look at a meter that may and should be set on this day, however.
  private func due(_ meter: Meter, at wall: Int64) -> ClockLook? {
    guard let history = histories[meter.id], let look = history.last, rules.isSettable(look), !history.isFaulty,
      history.settings(inMonthOf: wall, zone) < ClockRules.settingsInMonth, !history.wasSet(onDayOf: wall, zone),
      triedAt[meter.id].map({ abs(wall - $0) >= 3_600_000 }) ?? true
    else { return nil }
    return look
  }

  /// How a meter is to be set now; `nil` where it is not.
  private func wish(_ meter: Meter, at wall: Int64) -> (ClockLook, ClockWay)? {
    guard let look = due(meter, at: wall) else { return nil }
    let host = zone.local(unixMilliseconds: wall)
    let shown = zone.local(unixMilliseconds: wall + look.deviation)
    guard host.isClearOfHours(with: shown, by: ClockRules.quiet) else { return nil }
    let own: ClockWay? = meter.ways.contains(.write) ? .write : meter.ways.contains(.address) ? .address : nil
    let mayHear =
      meter.hearsBroadcast && abs(look.deviation) <= ClockRules.broadcastLimit
      && broadcasts[meter.line] != date(wall) && host.isClearOfHours(with: host, by: ClockRules.quietForAll)
    let ignores = histories[meter.id]?.ignoresBroadcast ?? false
    if mayHear, own == nil || !ignores { return (look, .broadcast) }
    return own.map { (look, $0) }
  }

  private mutating func begin(_ meter: Meter, _ way: ClockWay, at wall: Int64) -> Order {
    guard way == .broadcast else {
      histories[meter.id, default: ClockHistory()].willBeSet(at: wall)
      return .set(line: meter.line, [meter.id], way)
    }
    broadcasts[meter.line] = date(wall)
    // One broadcast serves all of the line that need it, also those whose last look is older.
    let all = meters.filter { other in
      other.id == meter.id
        || other.line == meter.line
          && due(other, at: wall).map { abs($0.deviation) <= ClockRules.broadcastLimit }
            ?? false
    }
    for each in all { histories[each.id, default: ClockHistory()].willBeSet(at: wall) }
    return .set(line: meter.line, all.map(\.id), .broadcast)
  }

  /// Tells that nothing was sent: it counts for nothing, and is tried again in an hour.
  public mutating func wasNotSent(_ all: [MeterID], by way: ClockWay, on line: String, at wall: Int64) {
    if way == .broadcast { broadcasts[line] = nil }
    for meter in all {
      histories[meter]?.wasNotSent()
      triedAt[meter] = wall
    }
  }

  /// Tells that meters heard the time at `wall`, in milliseconds since 1970, whether they were named or not: a broadcast
  /// moves all of a line.
  public mutating func heardTime(_ all: [MeterID], at wall: Int64) {
    for meter in all where histories[meter] != nil || meters.contains(where: { $0.id == meter }) {
      histories[meter, default: ClockHistory()].mayHaveMoved()
      heardAt[meter] = wall
    }
  }

  /// Tells that a person has set the clock of a meter, or, where none is named, those of a line; who they are. It counts
  /// like a setting of meterd's own.
  public mutating func wasSetByPerson(_ meter: MeterID?, on line: String, at wall: Int64) -> [MeterID] {
    let all = meters.filter { $0.line == line && (meter == nil || $0.id == meter) }.map(\.id)
    for each in all { histories[each, default: ClockHistory()].willBeSet(at: wall) }
    if meter == nil { broadcasts[line] = date(wall) }
    heardTime(all, at: wall)
    return all
  }

  /// Tells what came of a setting of one meter; what is to be said of it.
  ///
  /// `before` is the look that it was set by and `look` the one after it, `nil` where there was none; `trouble` is empty
  /// where nothing speaks against it.
  public mutating func wasSet(
    _ meter: MeterID, by way: ClockWay, before: Int64, _ look: ClockLook?, trouble: String
  ) -> [ClockNotice] {
    guard let look else { return [.notSet(from: before, to: nil, way, reason: trouble)] }
    let isRight = abs(look.deviation) <= rules.residual + look.uncertainty
    if way == .broadcast { histories[meter, default: ClockHistory()].ignoresBroadcast = !isRight }
    let outcome: ClockNotice =
      isRight
      ? .set(from: before, to: look.deviation, way)
      : .notSet(from: before, to: look.deviation, way, reason: trouble)
    return [outcome] + take(look, of: meter)
  }

  private func date(_ wall: Int64) -> CivilDate { zone.local(unixMilliseconds: wall).date }
}
