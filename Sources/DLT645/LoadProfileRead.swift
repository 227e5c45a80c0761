/// What a read of the load profile asks for: some records of one class or of all. 负荷记录
///
/// Source: DL/T 645-2007, load profile, as built by published concentrators (wuhuangrui/C82_DL689).
public struct LoadProfileRead: Hashable, Sendable {
  /// Where the records begin: DI0.
  public enum Start: Hashable, Sendable {
    /// The oldest the meter has.
    case earliest
    /// The first at or after a time, 2000...2099, seconds not counted.
    case from(WireTime)
    /// The last ones before now.
    case latest
  }

  /// 0 for all classes; 1 voltage, current, frequency; 2 powers; 3 power factors; 4 energies; 5 quadrants; 6 demands.
  public let recordClass: Int
  public let start: Start
  /// 1...99, sent as two packed digits. Some meters read them as a binary number, so keep to 9 (unverified).
  public let blocks: Int

  /// `nil` where a number is out of its range.
  public init?(recordClass: Int = 0, _ start: Start, blocks: Int) {
    guard (0...6).contains(recordClass), (1...99).contains(blocks) else { return nil }
    self.recordClass = recordClass
    if case .from(let time) = start, let minute = WireTime(minuteWire: time.minuteBytes) {
      self.start = .from(minute)
    } else {
      self.start = start
    }
    self.blocks = blocks
  }

  /// From the identifier and what follows it in a request; `nil` for what is no such read.
  init?(_ identifier: DataIdentifier, _ rest: [UInt8]) {
    guard identifier.di3 == 0x06, identifier.di1 == 0, let first = rest.first, let blocks = twoDigits([first])
    else { return nil }
    let start: Start
    switch (identifier.di0, rest.count) {
    case (0x00, 1): start = .earliest
    case (0x01, 6):
      guard let time = WireTime(minuteWire: rest[1...]) else { return nil }
      start = .from(time)
    case (0x02, 1): start = .latest
    default: return nil
    }
    self.init(recordClass: Int(identifier.di2), start, blocks: blocks[0])
  }

  /// 06 class 00 start.
  public var identifier: DataIdentifier {
    let code: UInt8
    switch start {
    case .earliest: code = 0x00
    case .from: code = 0x01
    case .latest: code = 0x02
    }
    return DataIdentifier(0x06, UInt8(truncatingIfNeeded: recordClass), 0x00, code)
  }

  /// DI, N and, where it is asked from a time, mm hh DD MM YY.
  var body: [UInt8] {
    let head = identifier.wireBytes + [packed(blocks)]
    guard case .from(let time) = start else { return head }
    return head + time.minuteBytes
  }
}
