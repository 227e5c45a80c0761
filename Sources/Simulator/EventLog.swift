internal import DLT645
internal import Metering

/// The counters and last ten records of a meter's events. 事件记录
///
/// Lengths of records as in wuhuangrui/C82_DL689; counters have three bytes of packed digits.
struct EventLog: Sendable {
  /// The first three bytes of an identifier.
  enum Kind: UInt32, CaseIterable, Sendable {
    case powerFail = 0x03_1100
    case voltageLossL1 = 0x03_0101
    case voltageLossL2 = 0x03_0102
    case voltageLossL3 = 0x03_0103
    case phaseFailureL1 = 0x03_0401
    case phaseFailureL2 = 0x03_0402
    case phaseFailureL3 = 0x03_0403
    case allLoss = 0x03_0500
    case programming = 0x03_3000
    case meterClear = 0x03_3001
    case demandClear = 0x03_3002
    case eventClear = 0x03_3003
    case clockSet = 0x03_3004
    case coverOpen = 0x03_300D
    case terminalCoverOpen = 0x03_300E
    /// State Grid; its counter has DI0 01H, and its records one more in DI1. What they hold is unverified.
    case trip = 0x1D_0000
    case close = 0x1E_0000

    var recordSize: Int {
      switch self {
      case .powerFail: 12
      // As long as the catalogue has it.
      case .voltageLossL1, .voltageLossL2, .voltageLossL3, .phaseFailureL1, .phaseFailureL2, .phaseFailureL3, .allLoss:
        DataIdentifier(rawValue: rawValue << 8 | 1).payloadLength() ?? 0
      case .programming: 50
      case .meterClear: 106
      case .demandClear: 202
      case .eventClear: 14
      case .clockSet: 16
      case .coverOpen, .terminalCoverOpen: 60
      case .trip, .close: 34
      }
    }

    /// The first three bytes of the identifiers of its records, and the last byte of that of its counter.
    fileprivate var records: UInt32 { isRelay ? rawValue + 1 : rawValue }
    fileprivate var counter: UInt8 { isRelay ? 1 : 0 }
    /// Its counter tells minutes as well, and of three phases those of the others.
    fileprivate var tellsMinutes: Bool { (0x03_0101...0x03_0500).contains(rawValue) }
    private var isRelay: Bool { self == .trip || self == .close }

    /// What no command erases: it would erase the trace of itself.
    var isPermanent: Bool { self == .meterClear || self == .eventClear }
  }

  private struct Entry: Sendable {
    var count: Int64 = 0
    /// How long all of them lasted.
    var minutes: Int64 = 0
    /// The last one first.
    var records: [[UInt8]] = []
  }

  private static let kept = 10
  private var entries: [Kind: Entry] = [:]

  func count(of kind: Kind) -> Int64 { entries[kind]?.count ?? 0 }
  func last(_ kind: Kind) -> [UInt8]? { entries[kind]?.records.first }

  /// Puts other bytes in the place of the record so many back, as a damaged memory does; the count stays.
  mutating func spoil(_ kind: Kind, _ back: Int, with record: [UInt8]) {
    guard entries[kind]?.records.indices.contains(back - 1) == true else { return }
    entries[kind]?.records[back - 1] = record
  }

  /// An event that happened; a record of another size than its kind's is brought to it with FFH.
  mutating func add(_ kind: Kind, _ record: [UInt8] = [], minutes: Int64 = 0) {
    entries[kind, default: Entry()].count += 1
    entries[kind, default: Entry()].minutes += minutes
    let size = kind.recordSize
    let filled = record.prefix(size) + [UInt8](repeating: 0xFF, count: max(0, size - record.count))
    entries[kind, default: Entry()].records.insert(Array(filled), at: 0)
    entries[kind, default: Entry()].records = Array(entries[kind, default: Entry()].records.prefix(Self.kept))
  }

  /// Erases what `selection` names, but for the permanent kinds.
  mutating func clear(_ selection: EventSelection) {
    for kind in Kind.allCases where !kind.isPermanent {
      if let only = selection.kind, only.rawValue >> 8 != kind.rawValue { continue }
      entries[kind] = nil
    }
  }

  /// The bytes behind an identifier; `nil` for what the meter does not keep. A record that never was is FFH.
  func payload(of identifier: DataIdentifier) -> [UInt8]? {
    switch identifier.rawValue {
    case 0x0301_0000: return total([.voltageLossL1, .voltageLossL2, .voltageLossL3])
    case 0x0304_0000: return total([.phaseFailureL1, .phaseFailureL2, .phaseFailureL3])
    case 0x0305_0000: return total([.allLoss])
    // Voltages that are too low or too high never happen here: counts and minutes, and records that never were.
    case 0x0302_0000, 0x0303_0000: return [UInt8](repeating: 0, count: 18)
    default: break
    }
    if identifier.di3 == 0x03, identifier.di2 == 0x02 || identifier.di2 == 0x03, identifier.isEventRecord {
      return identifier.payloadLength().map { [UInt8](repeating: 0xFF, count: $0) }
    }
    let head = identifier.rawValue >> 8
    if let kind = Kind(rawValue: head), !kind.tellsMinutes, identifier.di0 == kind.counter {
      return decimalBytes(count(of: kind), count: 3)
    }
    guard let kind = Kind.allCases.first(where: { $0.records == head }),
      (1...Self.kept).contains(Int(identifier.di0))
    else { return nil }
    let size = kind.recordSize
    let records = entries[kind]?.records ?? []
    let back = Int(identifier.di0) - 1
    return back < records.count ? records[back] : [UInt8](repeating: 0xFF, count: size)
  }

  /// How many there were of each kind, and how many minutes they lasted.
  private func total(_ kinds: [Kind]) -> [UInt8] {
    kinds.flatMap { decimalBytes(count(of: $0), count: 3) + decimalBytes(entries[$0]?.minutes ?? 0, count: 3) }
  }
}

/// A number as packed digits, low byte first; higher digits are cut off.
func decimalBytes(_ number: Int64, count: Int) -> [UInt8] {
  var rest = max(0, number)
  return (0..<count).map { _ in
    defer { rest /= 100 }
    return UInt8(rest % 100 / 10 * 16 + rest % 10)
  }
}

/// A number from packed digits, low byte first; `nil` where a nibble is none.
func decimalNumber(_ bytes: some Collection<UInt8>) -> Int? {
  var number = 0
  for byte in bytes.reversed() {
    guard byte >> 4 <= 9, byte & 0xF <= 9 else { return nil }
    number = number &* 100 &+ Int(byte >> 4) &* 10 &+ Int(byte & 0xF)
  }
  return number
}
