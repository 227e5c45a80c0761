internal import DLT645
internal import Devices
internal import Metering

/// What a meter has told of itself along the way.
struct MeterNotes {
  /// What is known of one of the settlement days that a meter may have.
  private enum Told: Hashable {
    case nothing
    /// Not set, or not there at all.
    case none
    case day(SettlementDay)
    /// Set to what cannot be followed, such as the 31st.
    case other(String)
  }

  private(set) var clock: ClockSight?
  private var days: [Told]
  /// A date, and when the question for it went out.
  private var date: (CivilDate, BootInstant)?

  /// Notes of a meter that may have so many settlement days: three in the 2007 edition, one in that of 1997.
  init(settlementDays: Int = 3) { days = [Told](repeating: .nothing, count: max(1, settlementDays)) }

  init(of meter: LineMeter) {
    if case .dlt645(.of1997, _) = meter.profile.language { self.init(settlementDays: 1) } else { self.init() }
  }

  /// Notes what was told at `now`, by an answer that took so long.
  mutating func take(_ observations: [Observation], at now: BootInstant, took: BootInstant.Span = .zero) {
    for observation in observations {
      switch (observation.quantity.measurand, observation.value) {
      case (.clock, .instant(let time)): clock = ClockSight(meter: time, at: now, took: took)
      case (.clockDate, .date(let day)): date = (day, now - took)
      case (.clockTime, .timeOfDay(let time)):
        // A date from the same minute, or none.
        if let (day, asked) = date, now - asked < .seconds(25) {
          clock = ClockSight(date: day, time: time, at: now, took: took) ?? clock
        }
        date = nil
      default: if let (told, number) = Self.settlementDay(observation) { note(told, of: number) }
      }
    }
  }

  /// True where all settlement days among these are as they were told before.
  func agree(with observations: [Observation]) -> Bool {
    observations.allSatisfy { observation in
      guard let (told, number) = Self.settlementDay(observation) else { return true }
      return days.indices.contains(Int(number) - 1) && days[Int(number) - 1] == told
    }
  }

  private static func settlementDay(_ observation: Observation) -> (Told, UInt8)? {
    guard case .settlementDay(let number) = observation.quantity.measurand else { return nil }
    switch observation.value {
    case .text(let text): return (told(text), number)
    case .absent: return (.none, number)
    default: return nil
    }
  }

  /// Goes on with a look at the clock that another question came between: its date is still to be met by its time.
  mutating func goOn(from before: MeterNotes) {
    guard before.clock == nil || clock != nil else { return }
    date = before.date ?? date
  }

  /// Notes that nobody knows any more what the meter's clock shows: it is being set, or two looks at it differ.
  mutating func forgetClock() { (clock, date) = (nil, nil) }

  /// Notes that the meter said it has no such thing.
  mutating func refused(_ query: Query) {
    switch query {
    case .identifier(let identifier) where query.isSettlementDay: note(.none, of: identifier.di0)
    case .shortIdentifier(.readingDay): note(.none, of: 1)
    case .identifier, .shortIdentifier, .frozen, .profile, .registers: break
    }
  }

  private mutating func note(_ told: Told, of number: UInt8) {
    guard days.indices.contains(Int(number) - 1) else { return }
    days[Int(number) - 1] = told
  }

  /// The only settlement day, once all have been asked for; `nil` while it is not known, and for a meter with
  /// several, where "so many back" counts all of them.
  var settlementDay: SettlementDay? {
    guard case .day(let first) = days[0], settlementDoubt == nil else { return nil }
    return first
  }

  /// Why there is no settlement day.
  var settlementDoubt: String? {
    switch days[0] {
    case .nothing, .none: return "the meter's settlement day is not known"
    case .other(let text): return "the meter's settlement day '\(text)' is not a day of every month"
    case .day: break
    }
    for (index, told) in days.enumerated().dropFirst() where told != days[0] {
      switch told {
      case .none: continue
      case .nothing: return "the meter's settlement day \(index + 1) is not known"
      case .day, .other: return "the meter has more than one settlement day"
      }
    }
    return nil
  }

  /// Up to when a maximum demand that `query` tells can have occurred, by the meter's clock; `nil` where its clock or
  /// the end of its month is not known. The 1997 edition tells no year, which follows from this.
  func latestDemand(of query: Query, at now: BootInstant) -> MeterTime? {
    guard case .shortIdentifier(let identifier) = query, identifier.isDemand, let clock else { return nil }
    if let back = identifier.monthsBack {
      return settlementDay.flatMap { clock.boundary(back, of: $0, answeredAt: now) }
    }
    // A demand that ends in this minute may be told before the clock as it was seen gets there.
    return MeterTime(localSeconds: clock.time(at: now).localSeconds + 300)
  }

  /// DDhh, as items 04000B01 to 04000B03 and C117 tell it; nines, zeros or no digits at all where none is set.
  private static func told(_ text: String) -> Told {
    if ["9999", "FFFF", "0000"].contains(text) { return .none }
    guard text.count == 4, let day = Int(text.prefix(2)), let hour = Int(text.suffix(2)),
      let settlement = SettlementDay(day: day, hour: hour)
    else { return .other(text) }
    return .day(settlement)
  }
}
