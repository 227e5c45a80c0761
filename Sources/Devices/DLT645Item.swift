internal import DLT645
internal import Documents
internal import Metering

/// Which text of the standard a meter follows.
public enum DLT645Edition: String, Hashable, Sendable {
  case of2007 = "dlt645-2007"
  case of1997 = "dlt645-1997"

  /// How many records back an identifier can say.
  var deepestRecord: Int { self == .of2007 ? 254 : 2 }
}

/// A data identifier that a DL/T 645 meter answers to.
public struct DLT645Item: Hashable, Sendable {
  /// Which memory of the meter it opens.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case current
    /// The last settlement. In the 2007 edition the lowest byte counts back from 01; in the 1997 edition two bits of
    /// DI1 say which of two months.
    case settlement
    /// The last daily freeze; its lowest byte counts back from 01. The 1997 edition has none.
    case dailyFreeze = "daily-freeze"
    /// The record of the last event of a kind; its lowest byte counts back from 01. Counters of events go by the same
    /// entry. The 1997 edition has none that are read here.
    case event
  }

  public let edition: DLT645Edition
  /// DI3 to DI0, as printed; of the 1997 edition DI1 and DI0 only.
  public let identifier: UInt32
  public let kind: Kind
  public let note: String?
  public let evidence: Evidence

  /// The identifier as printed, `0001FF00`.
  public func text(_ edition: DLT645Edition) -> String {
    let bytes = stride(from: edition == .of2007 ? 24 : 8, through: 0, by: -8)
    return hexString(bytes.map { UInt8(truncatingIfNeeded: identifier >> UInt32($0)) }, separator: "")
  }

  /// The identifier `back` records ago, 1 for the last; `nil` for current items and beyond what the edition can name:
  /// 254 records, or two months in the 1997 edition (`94xx`, then `98xx`).
  public func identifier(back: Int) -> UInt32? {
    guard kind != .current, (1...edition.deepestRecord).contains(back) else { return nil }
    switch edition {
    case .of2007: return identifier & 0xFFFF_FF00 | UInt32(back)
    case .of1997: return identifier & 0xF3FF | UInt32(back) << 10
    }
  }
}

extension TableReader {
  mutating func dlt645Items(_ edition: DLT645Edition, within outer: Evidence) throws(DocumentError) -> [DLT645Item] {
    var items: [DLT645Item] = []
    for var group in try tables("group") {
      let evidence = try group.evidence(within: outer)
      let kindName = try group.optionalString("kind") ?? DLT645Item.Kind.current.rawValue
      guard let kind = DLT645Item.Kind(rawValue: kindName) else {
        let names = DLT645Item.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        throw group.error("kind", "\"\(kindName)\" is none of \(names)")
      }
      if edition == .of1997, kind == .dailyFreeze {
        throw group.error("kind", "DL/T 645-1997 has no daily freeze")
      }
      if edition == .of1997, kind == .event {
        throw group.error("kind", "of DL/T 645-1997 no records of events are read, only status words")
      }
      for var table in try group.tables("item") {
        let item = try table.dlt645Item(kind, edition, within: evidence)
        guard !items.contains(where: { $0.identifier == item.identifier }) else {
          throw table.error("identifier", "this identifier is given twice")
        }
        guard items.count < 512 else { throw table.error("identifier", "a profile has at most 512 items") }
        items.append(item)
        try table.finish()
      }
      try group.finish()
    }
    guard !items.isEmpty else { throw error("group", "a DL/T 645 profile needs a [[group]] with a [[group.item]]") }
    return items
  }

  private mutating func dlt645Item(
    _ kind: DLT645Item.Kind, _ edition: DLT645Edition, within outer: Evidence
  ) throws(DocumentError) -> DLT645Item {
    let digits = edition == .of1997 ? 4 : 8
    let evidence = try evidence(within: outer)
    let text = try string("identifier")
    guard text.count == digits, text.allSatisfy({ $0.isHexDigit && !$0.isLowercase }),
      let identifier = UInt32(text, radix: 16)
    else { throw error("identifier", "\"\(text)\" is not \(digits) upper-case hex digits") }
    if kind != .current, edition == .of2007, identifier & 0xFF != 1 {
      throw error("identifier", "\"\(text)\" does not end in 01, the last record; earlier ones are counted from it")
    }
    if kind == .event, EventKind(lastRecord: DataIdentifier(rawValue: identifier)) == nil {
      throw error("identifier", "\"\(text)\" is no record of an event that the catalogue knows")
    }
    if kind != .current, edition == .of1997, identifier & 0x0C00 != 0x0400 {
      throw error("identifier", "\"\(text)\" is not of last month, 94xx to 97xx, A4xx to A7xx or B4xx to B7xx")
    }
    return DLT645Item(
      edition: edition, identifier: identifier, kind: kind, note: try optionalString("note"), evidence: evidence)
  }
}
