internal import DLT645
internal import Devices
public import Metering

extension LineMeter {
  /// What an events task asks a meter of 2007 in each round: the counts of the kinds that its profile lists, and the status
  /// words that are among `current`, in one block where there is one.
  func eventIdentifiers(among current: [DataIdentifier]) -> [DataIdentifier] {
    var found: [DataIdentifier] = []
    // What was cleared is known before the counts that went down with it.
    let kinds = profile.eventKinds.filter(\.clearsOthers) + profile.eventKinds.filter { !$0.clearsOthers }
    for kind in kinds where !found.contains(kind.counter) { found.append(kind.counter) }
    let words = current.filter { $0.rawValue >> 8 == 0x0400_05 }
    return found + (words.contains { $0.di0 == 0xFF } ? words.filter { $0.di0 == 0xFF } : words)
  }

  /// The wire time of what one event more costs, of the kind whose record takes the longest: the record twice and the count
  /// once more. `nil` for a meter whose profile lists no records of events.
  public var timeOfOneEvent: BootInstant.Span? {
    profile.eventKinds.map { kind in
      wireTime(of: .identifier(kind.lastRecord)) + wireTime(of: .identifier(kind.counter))
    }.max()
  }
}
