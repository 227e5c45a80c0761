/// A reading as a person gave it, by the audit log.
public struct ReadingDecision: Hashable, Sendable {
  /// Its number in the journal.
  public let reading: Int64
  /// The reading that it took the place of, and what that said; `nil` where a person entered one that was not there.
  public let instead: Instead?
  public let actor: String
  public let reason: String
  /// Milliseconds since 1970 UTC.
  public let at: Int64

  /// A version before.
  public struct Instead: Hashable, Sendable {
    public let reading: Int64
    public let value: String
  }
}

extension AuditRecord {
  /// What a person decided on a reading; `nil` for other records.
  public var readingDecision: ReadingDecision? {
    // Neither names of quantities nor values have a colon.
    guard let reading = decidedReading, let colon = detail.firstRange(of: ": ") else { return nil }
    let words = detail[..<colon.lowerBound].split(separator: " ")
    var instead: ReadingDecision.Instead?
    if function == "reading-revise", words.count > 4, let old = Int64(words[1]) {
      instead = ReadingDecision.Instead(reading: old, value: String(words[4].prefix { $0 != "," }))
    }
    return ReadingDecision(
      reading: reading, instead: instead, actor: actor, reason: String(detail[colon.upperBound...]), at: at)
  }

  /// The reading that a person's decision made, see `Store.revise` and `Store.enter`; `nil` for other records.
  public var decidedReading: Int64? {
    guard outcome == "done" else { return nil }
    switch function {
    // reading 6 of energy.import.active.total, 105.00: why
    case "reading-enter": return detail.split(separator: " ").dropFirst().first.flatMap { Int64($0) }
    // reading 6 of energy.import.active.total, 105.00, is now 9, 106.00: why
    case "reading-revise":
      return detail.firstRange(of: ", is now ").flatMap { Int64(detail[$0.upperBound...].prefix { $0 != "," }) }
    default: return nil
    }
  }
}
