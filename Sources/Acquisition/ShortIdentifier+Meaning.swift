internal import DLT645
internal import Metering

extension ShortIdentifier {
  static let clockDate = ShortIdentifier(rawValue: 0xC010)
  static let clockTime = ShortIdentifier(rawValue: 0xC011)
  /// The automatic reading day, DDhh: when the meter closes its months. 自动抄表日
  static let readingDay = ShortIdentifier(rawValue: 0xC117)
  static let meterNumber = ShortIdentifier(rawValue: 0xC032)

  /// Which closed month an energy, a maximum demand or the time of one is of: 1 last month, 2 the one before.
  ///
  /// Source: DL/T 645-1997 as in wuhuangrui/C82_DL689: DI1 90H now, 94H last month, 98H the one before.
  var monthsBack: Int? {
    guard [0x9, 0xA].contains(di1 >> 4) || isDemandTime else { return nil }
    switch di1 & 0x0C {
    case 0x04: return 1
    case 0x08: return 2
    default: return nil
    }
  }

  var isEnergy: Bool { di1 >> 4 == 0x9 }

  /// A maximum demand, A0xx to ABxx.
  var isDemand: Bool { di1 >> 4 == 0xA && di1 & 0x02 == 0 }

  /// When maximum demands occurred: B0xx, B1xx, B4xx, B5xx, B8xx, B9xx.
  var isDemandTime: Bool { di1 >> 4 == 0xB && di1 & 0x02 == 0 }

  /// The identifier of the times of the maximum demands that this one gives; `nil` for all that is no demand.
  var demandTime: ShortIdentifier? { isDemand ? ShortIdentifier(rawValue: rawValue &+ 0x1000) : nil }
}

/// Month, day, hour and minute of a maximum demand: the 1997 edition tells no year.
struct YearlessTime: Hashable {
  let month: Int
  let day: Int
  let hour: Int
  let minute: Int

  /// Reads mm hh DD MM, all packed decimal, from `bytes` at `start`; `nil` where the item is filled or all 0, which
  /// both mean that there was none. Throws where the digits are no time.
  init?(_ bytes: ArraySlice<UInt8>) throws(YearlessTimeError) {
    guard bytes.count == 4 else { throw YearlessTimeError(bytes: Array(bytes)) }
    if [0x00, 0xFF, 0xEE].contains(where: { fill in bytes.allSatisfy { $0 == fill } }) { return nil }
    guard bytes.allSatisfy({ $0 >> 4 <= 9 && $0 & 0xF <= 9 }) else { throw YearlessTimeError(bytes: Array(bytes)) }
    let digits = bytes.map { Int($0 >> 4) * 10 + Int($0 & 0xF) }
    // 2024 has a 29 February.
    guard MeterTime(year: 2024, month: digits[3], day: digits[2], hour: digits[1], minute: digits[0]) != nil else {
      throw YearlessTimeError(bytes: Array(bytes))
    }
    (minute, hour, day, month) = (digits[0], digits[1], digits[2], digits[3])
  }

  /// The last such time up to `limit`, within a year; `nil` where the date was not there, as 29 February most years.
  func last(upTo limit: MeterTime) -> MeterTime? {
    for year in [limit.date.year, limit.date.year - 1] {
      if let time = MeterTime(year: year, month: month, day: day, hour: hour, minute: minute),
        time.localSeconds <= limit.localSeconds
      {
        return time
      }
    }
    return nil
  }
}

/// Four bytes that are no month, day, hour and minute.
struct YearlessTimeError: Error, Hashable {
  let bytes: [UInt8]
}

extension YearlessTimeError: CustomStringConvertible {
  var description: String { "\(hexString(bytes)) is no MMDDhhmm" }
}
