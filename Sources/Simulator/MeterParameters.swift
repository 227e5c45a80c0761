internal import DLT645

/// What a master has written, and what stands there until it does.
struct MeterParameters: Sendable {
  private var written: [DataIdentifier: [UInt8]] = [:]
  private var writtenShort: [ShortIdentifier: [UInt8]] = [:]

  /// Bytes that were written; `nil` where nothing was.
  subscript(identifier: DataIdentifier) -> [UInt8]? {
    get { written[identifier] }
    set { written[identifier] = newValue }
  }

  subscript(identifier: ShortIdentifier) -> [UInt8]? {
    get { writtenShort[identifier] }
    set { writtenShort[identifier] = newValue }
  }

  /// The parameters of the 2007 edition that a meter of this room lets one write, as they come from the factory.
  ///
  /// Source: DL/T 645-2007, table of parameters, as in sulfurandcu/dlt645-tool.
  static func factory(_ identifier: DataIdentifier) -> [UInt8]? {
    switch identifier.rawValue {
    case 0x0400_0103: [0x15]
    case 0x0400_0104: [0x01]
    case 0x0400_0105: [0x80, 0x00]
    case 0x0400_0106, 0x0400_0107: [0, 0, 0, 0, 0]
    case 0x0400_0201, 0x0400_0202: [0x01]
    case 0x0400_0203: [0x08]
    case 0x0400_0204: [0x04]
    case 0x0400_0205: [0, 0]
    case 0x0400_0206: [0x19]
    case 0x0400_0301...0x0400_0305: [0x02]
    case 0x0400_0306, 0x0400_0307: [0x01, 0, 0]
    case 0x0400_0402: [UInt8](repeating: 0, count: 6)
    case 0x0400_0403: [UInt8](repeating: 0, count: 32)
    case 0x0400_0601: [0x05]
    case 0x0400_0602: [0x41]
    case 0x0400_0603: [0x14]
    case 0x0400_0701...0x0400_0705: [RateWord.baud2400.rawValue]
    case 0x0400_0801: [0x7F]
    case 0x0400_0802: [0x01]
    case 0x0400_0901...0x0400_0906: [0xFF]
    case 0x0400_0A01: [0x00, 0x00, 0x01, 0x01]
    case 0x0400_0A02...0x0400_0A07: [0x15, 0x00]
    case 0x0400_0B01...0x0400_0B03: [0x99, 0x99]
    case 0x0400_0E01, 0x0400_0E02: [0x99, 0x99, 0x99]
    case 0x0400_0E03: [0x40, 0x26]
    case 0x0400_0E04: [0x60, 0x17]
    case 0x0400_0F01...0x0400_0F04, 0x0400_1001...0x0400_1006: [0, 0, 0, 0]
    case 0x0401_0000, 0x0402_0000: [0x01, 0x01, 0x01]
    case 0x0401_0001...0x0401_0008, 0x0402_0001...0x0402_0008: [0x01, 0x00, 0x00]
    case 0x0403_0001...0x0403_00FE: [0, 0, 0, 0]
    default: nil
    }
  }

  static func isTable(_ identifier: DataIdentifier) -> Bool { identifier.di3 == 4 && [1, 2].contains(identifier.di2) }

  /// Why a meter with so many rates does not take these bytes; `nil` where it does.
  static func refusal(_ identifier: DataIdentifier, _ data: [UInt8], rates: Int) -> ErrorWord? {
    guard let factory = factory(identifier) else { return identifier.isCatalogued ? .other : .noData }
    if isTable(identifier) {
      guard data.count % 3 == 0 else { return .other }
      let isZones = identifier.di0 == 0
      if data.count / 3 > 14 { return isZones ? .tooManyZones : .tooManyPeriods }
      let numbers = stride(from: 0, to: data.count, by: 3).map { decimalNumber(data[$0...$0]) ?? .max }
      if isZones { return numbers.contains { $0 > 8 } ? .tooManyPeriods : nil }
      return numbers.contains { $0 > max(1, rates) } ? .tooManyTariffs : nil
    }
    guard data.count == factory.count else { return .other }
    guard identifier.di1 == 2, identifier.di2 == 0 else { return nil }
    guard let number = decimalNumber(data) else { return .other }
    switch identifier.di0 {
    case 1: return number > 14 ? .tooManyZones : nil
    case 2: return number > 8 ? .tooManyPeriods : nil
    case 3: return number > 14 ? .tooManyPeriods : nil
    // The registers of a meter are built for its rates.
    case 4: return number > max(1, rates) ? .tooManyTariffs : nil
    default: return nil
    }
  }

  /// The parameters of the 1997 edition. Source: hoanghon00/meter-dlt645-1997; most defaults are our own.
  static func factory(_ identifier: ShortIdentifier) -> [UInt8]? {
    switch identifier.rawValue {
    case 0xC032...0xC034: [UInt8](repeating: 0, count: 6)
    case 0xC117: [0x00, 0x01]
    case 0xC111: [0x15]
    case 0xC112...0xC116, 0xC118, 0xC119: [0x01]
    case 0xC211: [0x80, 0x00]
    case 0xC310...0xC312: [0x01]
    case 0xC313: [0x04]
    case 0xC314: [0x00]
    case 0xC321...0xC32E: [0x01, 0x01, 0x01]
    case 0xC331...0xC3AE where (1...0xE).contains(identifier.di0 & 0xF): [0x01, 0x00, 0x00]
    case 0xC411...0xC41E: [0, 0, 0]
    default: nil
    }
  }

  static func refusal(_ identifier: ShortIdentifier, _ data: [UInt8]) -> ErrorWord? {
    // Bit 0 is illegal data in this edition and bit 1 a wrong identifier.
    guard let factory = factory(identifier) else { return identifier.isCatalogued ? .other : .noData }
    guard data.count == factory.count, let number = decimalNumber(data) else { return .other }
    switch identifier.rawValue {
    case 0xC310: return number > 14 ? .tooManyZones : nil
    case 0xC311: return number > 8 ? .tooManyPeriods : nil
    case 0xC312: return number > 14 ? .tooManyPeriods : nil
    case 0xC313: return number > 14 ? .tooManyTariffs : nil
    default: return nil
    }
  }
}
