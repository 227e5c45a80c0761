public import Metering

/// Which rate counts at which half hour of a day. 日时段表
public struct RateSchedule: Hashable, Sendable {
  /// 48 rates, from 00:00; each 1...63.
  public let rateOfHalfHour: [UInt8]
  /// The highest rate in use, at least 1.
  public let rateCount: Int

  /// `nil` unless there are 48 rates, each 1...63.
  public init?(rateOfHalfHour: [UInt8]) {
    guard rateOfHalfHour.count == 48, rateOfHalfHour.allSatisfy({ (1...63).contains($0) }) else { return nil }
    self.init(valid: rateOfHalfHour)
  }

  private init(valid rates: [UInt8]) {
    rateOfHalfHour = rates
    rateCount = Int(rates.max() ?? 1)
  }

  /// Sharp 19-21, peak 8-11 and 18-19 and 21-22, valley 23-7, flat between: rates 1, 2, 4, 3.
  public static let sharpPeakFlatValley = RateSchedule(
    valid: (0..<48).map { slot in
      switch slot / 2 {
      case 19, 20: 1
      case 8, 9, 10, 18, 21: 2
      case 23, 0..<7: 4
      default: 3
      }
    })

  /// One rate all day.
  public static let single = RateSchedule(valid: [UInt8](repeating: 1, count: 48))

  /// A day for a meter that counts so many rates, held to 1...48; four are `sharpPeakFlatValley`.
  public static func day(rates: Int) -> RateSchedule {
    let count = min(max(rates, 1), 48)
    return count == 4 ? .sharpPeakFlatValley : RateSchedule(valid: (0..<48).map { UInt8($0 * count / 48 + 1) })
  }
}

/// The power that a customer draws, and so the energy that a meter has counted: pure functions of local time.
///
/// Power is constant within an hour and a multiple of 18 W, which is exactly 5 millionths of a kWh a second; so
/// energy is exact in whole millionths at every second. The pattern of four weeks repeats, which makes the energy
/// of years a few multiplications.
public struct LoadCurve: Hashable, Sendable {
  /// Seconds since 1970-01-01 00:00 local time at which the registers held `initial`.
  public let start: Int64
  /// Millionths of a kWh per rate at `start`; earlier instants show the same.
  public let initial: [Int64]
  public let schedule: RateSchedule
  public let seed: UInt64

  /// Power by hour of a mean day, in units of 18 W times 100.
  private let shape: [Int64]
  /// Per cent of the mean day for each day of the cycle.
  private let dayFactor: [Int64]
  /// Millionths of a kWh per rate before each day of the cycle, and of the whole cycle last.
  private let beforeDay: [[Int64]]

  private static let cycleDays: Int64 = 28

  /// A customer's curve made from `seed`.
  ///
  /// `scale` is per cent of a mean customer, 1...1000; 100 draws up to about 3 kW. `initial` is in millionths of a
  /// kWh per rate; `nil` takes some thousands of kWh from the seed.
  public init(
    seed: UInt64, start: MeterTime, schedule: RateSchedule = .sharpPeakFlatValley, scale: Int64 = 100,
    initial: [Int64]? = nil
  ) {
    var random = SplitMix64(seed: seed)
    let kinds = Self.shapes[Int(random.next(below: UInt64(Self.shapes.count)))]
    let size = min(max(scale, 1), 1000) * (60 + Int64(random.next(below: 80))) / 100
    let shape = kinds.map { $0 * size * (85 + Int64(random.next(below: 30))) / 100 }
    let factors = (0..<Self.cycleDays).map { day -> Int64 in
      (day % 7 >= 5 ? 80 : 100) + Int64(random.next(below: 31)) - 15
    }
    let rates = schedule.rateCount
    let held = (0..<rates).map { rate -> Int64 in
      let drawn = 200_000_000 + Int64(random.next(below: 3_000_000_000))
      guard let initial else { return drawn }
      return rate < initial.count ? max(0, initial[rate]) : 0
    }
    var before = [[Int64](repeating: 0, count: rates)]
    for factor in factors {
      var sums = before[before.count - 1]
      for slot in 0..<48 {
        sums[Int(schedule.rateOfHalfHour[slot]) - 1] += Self.units(shape[slot / 2], factor) * 9000
      }
      before.append(sums)
    }
    self.seed = seed
    self.start = start.localSeconds
    self.schedule = schedule
    self.initial = held
    self.shape = shape
    dayFactor = factors
    beforeDay = before
  }

  /// Watts at a second of local time.
  public func watts(at seconds: Int64) -> Int64 {
    let (day, second) = Self.split(seconds)
    return Self.units(shape[Int(second / 3600)], dayFactor[Int(Self.dayOfCycle(day))]) * 18
  }

  /// Millionths of a kWh counted by each rate up to a second of local time.
  public func energies(at seconds: Int64) -> [Int64] {
    guard seconds > start else { return initial }
    let now = sinceCycleZero(seconds), then = sinceCycleZero(start)
    return initial.indices.map { initial[$0] + now[$0] - then[$0] }
  }

  /// Millionths of a kWh of all rates together.
  public func energy(at seconds: Int64) -> Int64 { energies(at: seconds).reduce(0, +) }

  private func sinceCycleZero(_ seconds: Int64) -> [Int64] {
    let (day, second) = Self.split(seconds)
    let dayOfCycle = Self.dayOfCycle(day)
    let cycles = (day + 3 - dayOfCycle) / Self.cycleDays
    let whole = beforeDay[beforeDay.count - 1], before = beforeDay[Int(dayOfCycle)]
    var sums = whole.indices.map { whole[$0] * cycles + before[$0] }
    var slot = 0
    var left = second
    while left > 0 {
      let counted = min(left, 1800)
      let units = Self.units(shape[slot / 2], dayFactor[Int(dayOfCycle)])
      sums[Int(schedule.rateOfHalfHour[slot]) - 1] += units * counted * 5
      left -= counted
      slot += 1
    }
    return sums
  }

  /// Steps of 18 W; at least one, so that every register of a rate in use moves.
  private static func units(_ weight: Int64, _ factor: Int64) -> Int64 { max(1, weight * factor / 10_000) }

  /// The day since 1970 and the second in it.
  static func split(_ seconds: Int64) -> (day: Int64, second: Int64) {
    let second = (seconds % 86_400 + 86_400) % 86_400
    return ((seconds - second) / 86_400, second)
  }

  /// Day of the cycle, 0 a Monday: 1970-01-01 was a Thursday.
  private static func dayOfCycle(_ day: Int64) -> Int64 { ((day + 3) % cycleDays + cycleDays) % cycleDays }

  /// A home, a shop and a workshop, hour by hour.
  private static let shapes: [[Int64]] = [
    [2, 2, 1, 1, 1, 2, 4, 6, 5, 4, 3, 4, 5, 4, 3, 3, 4, 6, 9, 10, 10, 8, 5, 3],
    [1, 1, 1, 1, 1, 1, 1, 2, 5, 8, 9, 10, 10, 9, 9, 9, 9, 10, 10, 9, 8, 5, 2, 1],
    [1, 1, 1, 1, 1, 1, 3, 8, 10, 10, 10, 6, 5, 9, 10, 10, 9, 6, 3, 2, 2, 1, 1, 1],
  ].map { $0.map { $0 * 10 } }
}
