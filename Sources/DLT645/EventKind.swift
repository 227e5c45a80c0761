public import Metering

/// A kind of event that meters of DL/T 645-2007 count and keep records of. 事件
///
/// Source: DL/T 645-2007, data identifiers of class 03, as in wuhuangrui/C82_DL689 and 600888/dlt645; 1D and 1E are a
/// State Grid addition. What the catalogue holds unverified is so here.
public struct EventKind: Hashable, Sendable {
  /// A stable word: `power-fail`, `voltage-loss-l1`, `cover-open`.
  public let name: String
  /// In English.
  public let title: String
  public let chineseTitle: String
  /// Tells how many there were; some tell several kinds at once.
  public let counter: DataIdentifier
  /// The record of the last one.
  public let lastRecord: DataIdentifier
  /// False where no public source bears out how a record is laid out.
  public let isVerified: Bool
  /// Which of the counts that `counter` tells.
  private let place: Int

  /// So many records a meter keeps at the most. 上1..10次
  public static let recordsKept = 10

  /// The kind whose records begin with `lastRecord`; `nil` where the catalogue has none there.
  public init?(lastRecord: DataIdentifier) {
    guard lastRecord.di0 == 1, let row = Catalogue.row(lastRecord), row.rule == .event, let heading = row.heading else {
      return nil
    }
    let counter =
      switch lastRecord.di3 {
      case 0x1D, 0x1E: DataIdentifier(lastRecord.di3, lastRecord.di2, 0, 1)
      default: DataIdentifier(lastRecord.di3, lastRecord.di2, lastRecord.di2 == 0x30 ? lastRecord.di1 : 0, 0)
      }
    let counts = counter.fields().filter(\.isCount)
    let place = row.di1.isOne ? 0 : Int(lastRecord.di1) - 1
    guard counts.indices.contains(place) else { return nil }
    self.counter = counter
    self.lastRecord = lastRecord
    self.place = place
    isVerified = row.isVerified
    let words = counts[place].name.split(separator: ".").dropFirst().filter { $0 != "count" }
    name = words.joined(separator: "-")
    let title = heading.title.hasSuffix(Self.recordTitle) ? String(heading.title.dropLast(8)) : heading.title
    let chinese = heading.chinese.hasSuffix("记录") ? String(heading.chinese.dropLast(2)) : heading.chinese
    guard case .phases = row.di1, let phase = Phase(rawValue: lastRecord.di1) else {
      // Of several counts that are no phases each has a title of its own.
      let isOne = counts.count == 1 || row.di1.isOne
      self.title = isOne ? title : counts[place].title
      chineseTitle = isOne ? chinese : counts[place].chineseTitle
      return
    }
    self.title = Part.phase(phase).title(title)
    chineseTitle = Part.phase(phase).chinese(chinese)
  }

  private static let recordTitle = ": record"

  /// Clears other events, or all that the meter has counted: where it grew no counter says how many came since.
  public var clearsOthers: Bool { [0x0330_0101, 0x0330_0301].contains(lastRecord.rawValue) }

  /// The record so many back, 1...10.
  public func record(_ back: Int) -> DataIdentifier {
    DataIdentifier(
      lastRecord.di3, lastRecord.di2, lastRecord.di1,
      UInt8(truncatingIfNeeded: min(max(back, 1), Self.recordsKept)))
  }

  /// How many records back the identifier asks; `nil` where it is no record of this kind.
  public func back(_ identifier: DataIdentifier) -> Int? {
    let back = Int(identifier.di0)
    return (1...Self.recordsKept).contains(back) && record(back) == identifier ? back : nil
  }

  /// The count that an answer to `counter` tells; `nil` where the meter does not count this kind.
  public func count(in payload: [UInt8]) throws(DataError) -> Int64? {
    let decoded = try counter.decode(payload)
    if let fault = decoded.rejected.first { throw fault }
    let counts = decoded.items.filter(\.field.isCount)
    guard counts.indices.contains(place), let count = counts[place].value.number else { return nil }
    return count.millionths / 1_000_000
  }

  /// True where a record tells when its event was over.
  public var tellsEnd: Bool { lastRecord.fields().contains { $0.hasWord("end") } }
}

/// What a record of an event says.
public struct EventRecord: Hashable, Sendable {
  /// When it happened, by the meter's clock; of a clock that was set, what it was set to. `nil` where that is not told.
  public let begin: MeterTime?
  /// When it was over; `nil` where it is not, and for what happens at once.
  public let end: MeterTime?
  /// Every item that is a value, in the order of the frame.
  public let items: [DecodedItem]
  /// Why it cannot be taken at its word; `nil` where it can.
  public let doubt: String?
  /// The meter has no such record: filled with FFH, or never written.
  public let isEmpty: Bool

  /// Reads the data behind the identifier of a record. A year has two digits and is one of 2000 to 2099.
  public init(_ payload: [UInt8], of identifier: DataIdentifier) {
    isEmpty = payload.allSatisfy { $0 == 0xFF } || payload.allSatisfy { $0 == 0 } || payload.allSatisfy { $0 == 0xEE }
    var decoded = Decoded()
    var fault: DataError?
    do throws(DataError) {
      decoded = try identifier.decode(payload)
      fault = decoded.rejected.first
    } catch {
      fault = error
    }
    items = decoded.items
    func time(_ words: [String]) -> MeterTime? {
      for word in words {
        for item in decoded.items where item.field.hasWord(word) {
          if case .instant(let time) = item.value { return time }
        }
      }
      return nil
    }
    begin = time(["start", "after"])
    end = time(["end"])
    if let fault {
      doubt = "\(fault)"
    } else {
      doubt = begin == nil ? "it does not tell when it happened" : nil
    }
  }
}

extension DataIdentifier {
  /// A record of an event.
  public var isEventRecord: Bool {
    guard (1...EventKind.recordsKept).contains(Int(di0)) else { return false }
    return di3 == 0x03 || (di3 == 0x1D || di3 == 0x1E) && di1 == 1
  }

  /// What an events task asks for besides the clock: counters and records of events, status words.
  public var isEventData: Bool {
    di3 == 0x03 || di3 == 0x1D || di3 == 0x1E || rawValue >> 8 == 0x0400_05
  }
}

extension DataField {
  fileprivate func hasWord(_ word: String) -> Bool { name.split(separator: ".").contains { $0 == word } }
  fileprivate var isCount: Bool { hasWord("count") }
}

extension Selector {
  fileprivate var isOne: Bool { if case .exact = self { true } else { false } }
}
