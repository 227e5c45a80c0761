import Metering

/// Every data identifier that is known, as rows: 数据标识.
///
/// Source: DL/T 645-2007 and DL/T 645-1997, tables of data identifiers, as in 600888/dlt645, sulfurandcu/dlt645-tool,
/// wuhuangrui/C82_DL689 and KTS-Intek/DLT645. Rows that are written from memory of the standard say so.
public enum Catalogue {
  /// The rows of an edition, in the order of their identifiers.
  public static func rows(in edition: Edition) -> [CatalogueRow] {
    switch edition {
    case .dlt645v2007: index2007.rows
    case .dlt645v1997: index1997.rows
    }
  }

  /// The row of an identifier; `nil` where the catalogue has none.
  public static func row(_ identifier: DataIdentifier) -> CatalogueRow? { index2007.row(identifier.rawValue) }
  /// The row of an identifier; `nil` where the catalogue has none.
  public static func row(_ identifier: ShortIdentifier) -> CatalogueRow? { index1997.row(UInt32(identifier.rawValue)) }

  static func layout(_ identifier: DataIdentifier) -> Layout? {
    index2007.layout(identifier.rawValue)
  }

  static func layout(_ identifier: ShortIdentifier) -> Layout? {
    index1997.layout(UInt32(identifier.rawValue))
  }

  private static let index2007 = RowIndex(
    energies + demands + prepaid + instants + events + parameters + freezes + profiles)
  private static let index1997 = RowIndex(
    energies1997 + demands1997 + variables1997 + parameters1997 + tables1997)

  /// The most settlements a meter keeps.
  static let settlements = 12
  /// DI0 of a freeze: 1 is the last. Meters keep at least 62 days (unverified); FFH means all.
  static let freezeDepth = 1...0xFE
}

/// Rows found by identifier without a look at more than a few of them.
struct RowIndex: Sendable {
  /// One span of DI1 and DI0 that a row covers.
  private struct Key {
    let first1: UInt8
    let last1: UInt8
    let first0: UInt8
    let last0: UInt8
    let row: UInt16
  }

  let rows: [CatalogueRow]
  /// Sorted by group, then by `first1`; the spans of DI1 within a group are the same or apart.
  private let keys: [Key]
  /// By DI3: 1 and the place of its 256 starts in `starts`; 0 where there is nothing.
  private let classes: [UInt8]
  /// By place and DI2, where in `keys` the group starts; the next one says where it ends.
  private let starts: [UInt16]

  init(_ unsorted: [CatalogueRow]) {
    let rows = unsorted.enumerated().sorted { a, b in
      let left = (a.element.group, a.element.di1.range.lowerBound, a.element.di0.range.lowerBound, a.offset)
      let right = (b.element.group, b.element.di1.range.lowerBound, b.element.di0.range.lowerBound, b.offset)
      return left < right
    }.map(\.element)
    var keyed: [(group: UInt16, key: Key)] = []
    for (index, row) in rows.enumerated() {
      for span1 in Self.spans(row.di1) {
        for span0 in Self.spans(row.di0) {
          keyed.append(
            (
              row.group,
              Key(
                first1: span1.lowerBound, last1: span1.upperBound, first0: span0.lowerBound, last0: span0.upperBound,
                row: UInt16(truncatingIfNeeded: index))
            ))
        }
      }
    }
    keyed.sort { ($0.group, $0.key.first1, $0.key.row) < ($1.group, $1.key.first1, $1.key.row) }
    var classes = [UInt8](repeating: 0, count: 256)
    var starts: [UInt16] = []
    var next = 0
    for di3 in Set(rows.map { UInt8(truncatingIfNeeded: $0.group >> 8) }).sorted() {
      classes[Int(di3)] = UInt8(truncatingIfNeeded: starts.count / 257 + 1)
      for di2 in 0...256 {
        while next < keyed.count, Int(keyed[next].group) < Int(di3) << 8 + di2 { next += 1 }
        starts.append(UInt16(truncatingIfNeeded: next))
      }
    }
    self.rows = rows
    keys = keyed.map(\.key)
    self.classes = classes
    self.starts = starts
  }

  private static func spans(_ selector: Selector) -> [ClosedRange<UInt8>] {
    selector.hasAll ? [selector.range, 0xFF...0xFF] : [selector.range]
  }

  /// The row of an identifier, DI3 highest.
  func row(_ bits: UInt32) -> CatalogueRow? { rowNumber(bits).map { rows[$0] } }

  func layout(_ bits: UInt32) -> Layout? {
    rowNumber(bits).flatMap { rows[$0].layout(UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)) }
  }

  private func rowNumber(_ bits: UInt32) -> Int? {
    let place = Int(classes[Int(bits >> 24)])
    guard place > 0 else { return nil }
    let at = (place - 1) * 257 + Int(bits >> 16 & 0xFF)
    var low = Int(starts[at])
    let end = Int(starts[at + 1])
    let di1 = UInt8(truncatingIfNeeded: bits >> 8)
    let di0 = UInt8(truncatingIfNeeded: bits)
    var high = end
    while low < high {
      let middle = (low + high) / 2
      if keys[middle].last1 < di1 { low = middle + 1 } else { high = middle }
    }
    while low < end, keys[low].first1 <= di1 {
      let key = keys[low]
      if key.first0 <= di0, di0 <= key.last0 { return Int(key.row) }
      low += 1
    }
    return nil
  }
}
