public import Metering
internal import Rating

/// A stored reading: its number in the journal, what it says, and what validation says of it.
public struct JournalReading: Hashable, Sendable {
  public let sequence: Int64
  public let reading: Reading
  public let verdict: Verdict

  public init(sequence: Int64, reading: Reading, verdict: Verdict) {
    self.sequence = sequence
    self.reading = reading
    self.verdict = verdict
  }
}

extension RegisterMark {
  /// As a bill names a reading of the journal.
  init(_ found: JournalReading) {
    self.init(sequence: found.sequence, value: found.reading.value, quality: found.reading.quality)
  }
}

/// A register at an instant, whatever told it.
struct BoundaryPlace: Hashable {
  let meter: MeterID
  let quantity: Quantity
  /// Milliseconds since 1970.
  let instant: Int64
}

extension BoundaryPlace {
  init(_ reading: JournalReading) {
    let key = reading.reading.key
    self.init(meter: key.meter, quantity: key.quantity, instant: key.instant)
  }
}

/// The readings that can start or end a segment, by meter, quantity and instant.
///
/// A settlement goes before a daily freeze of the same instant, then what an event told, a read at the boundary of a
/// meter without freezes, and an estimate. Of two versions the later one counts, even when it is held: a doubt about
/// the best reading is not got round with the second best. The order of arrival changes nothing.
struct BoundaryReadings {
  private var best: [BoundaryPlace: JournalReading] = [:]

  init(_ readings: some Sequence<JournalReading>) {
    for candidate in readings {
      guard let rank = Self.rank(candidate.reading) else { continue }
      let place = BoundaryPlace(candidate)
      if let known = best[place], let other = Self.rank(known.reading),
        (other, -known.sequence) < (rank, -candidate.sequence)
      {
        continue
      }
      best[place] = candidate
    }
  }

  /// `nil` when there is none.
  func reading(_ meter: MeterID, _ quantity: Quantity, at instant: Int64) -> JournalReading? {
    best[BoundaryPlace(meter: meter, quantity: quantity, instant: instant)]
  }

  /// Lower is better; `nil` for readings that are of no boundary.
  private static func rank(_ reading: Reading) -> Int? {
    switch reading.key.kind {
    case .settlement: 0
    case .dailyFreeze: 1
    case .event: 2
    case .instantaneous: reading.quality == .synthetic ? 3 : nil
    case .estimate: 4
    case .profile: nil
    }
  }
}
