extension AuditRecord {
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
