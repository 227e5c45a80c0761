public import Metering
internal import Rating

/// The records of load profiles that an account's intervals are made of: what the total register of import energy
/// showed every quarter, half or full hour. 负荷曲线
///
/// Kept in short, since a year of quarters is 35,000 of them. A record of the meter goes before one that a person or a
/// method made in its place (kind `estimate`); of two versions the later one counts, even when it is held. The order of
/// arrival changes nothing.
public struct ProfileReadings: Sendable {
  /// One of them, as billing needs it.
  struct Record: Sendable {
    let mark: RegisterMark
    let status: Verdict.Status
    /// False for one that was made in a record's place.
    let isOfProfile: Bool

    var isUsable: Bool { status == .accepted || status == .flagged }
  }

  private struct Place: Hashable {
    let meter: MeterID
    let instant: Int64
  }

  private var best: [Place: Record] = [:]
  /// What does not count beside them, in most places nothing.
  private var others: [Place: [Record]] = [:]
  /// Of the journal only what has at most this number.
  private var limit = Int64.max

  /// Of `readings`, those that can be part of a profile; the others do no harm.
  public init(_ readings: some Sequence<JournalReading> = []) {
    for reading in readings { insert(reading) }
  }

  /// Takes a reading of the journal in, where it can be part of a profile.
  public mutating func insert(_ found: JournalReading) {
    let key = found.reading.key
    guard key.kind == .profile || key.kind == .estimate, key.quantity == .energyTotal(.importActive) else { return }
    let record = Record(
      mark: RegisterMark(found), status: found.verdict.status, isOfProfile: key.kind == .profile)
    let place = Place(meter: key.meter, instant: key.instant)
    guard let known = best[place] else {
      best[place] = record
      return
    }
    guard known.mark.sequence != record.mark.sequence else { return }
    let isBetter = Self.isBetter(record, known)
    if isBetter { best[place] = record }
    others[place, default: []].append(isBetter ? known : record)
  }

  private static func isBetter(_ a: Record, _ b: Record) -> Bool {
    a.isOfProfile == b.isOfProfile ? a.mark.sequence > b.mark.sequence : a.isOfProfile
  }

  /// The same as they were when the journal ended with the reading of a number.
  ///
  /// Where that was the newest of those that a bill is made of, it is made of the same ones again: what was stored
  /// earlier was there, and what counted then counts among it still.
  func known(through sequence: Int64) -> ProfileReadings {
    var readings = self
    readings.limit = sequence
    return readings
  }

  /// What counts at an instant, in milliseconds since 1970; `nil` where there is nothing.
  func record(_ meter: MeterID, at instant: Int64) -> Record? {
    let place = Place(meter: meter, instant: instant)
    guard let first = best[place], first.mark.sequence > limit else { return best[place] }
    return others[place]?.filter { $0.mark.sequence <= limit }.max { Self.isBetter($1, $0) }
  }

  /// Number in the journal of what counts at an instant, in milliseconds since 1970; `nil` where there is nothing.
  public func sequence(_ meter: MeterID, at instant: Int64) -> Int64? { record(meter, at: instant)?.mark.sequence }
}
