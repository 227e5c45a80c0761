/// The highest mean power over a quarter of an hour, and when that quarter ended.
public struct PeakDemand: Hashable, Sendable {
  /// 0 where no quarter has ended yet.
  public let watts: Int64
  /// Seconds since 1970-01-01 00:00 local time; `nil` where no quarter has ended yet.
  public let occurred: Int64?

  public static let none = PeakDemand(watts: 0, occurred: nil)
}

extension LoadCurve {
  /// The maximum demand between two seconds of local time: of all, then of each rate.
  ///
  /// Power is constant within an hour, so the first quarter that ended in the strongest half hour stands for it.
  /// Windows of more than 100 days are cut to their last 100.
  public func peakDemands(from: Int64, to: Int64) -> [PeakDemand] {
    var peaks = [PeakDemand](repeating: .none, count: schedule.rateCount + 1)
    let halfHour: Int64 = 1800, quarter: Int64 = 900
    var slotStart = max(from, start, to - 100 * 86_400)
    while slotStart < to {
      let (day, second) = Self.split(slotStart)
      let slot = second / halfHour
      let slotEnd = day * 86_400 + (slot + 1) * halfHour
      // The first quarter that lies wholly within the window and this half hour.
      let quarterEnd = (slotStart + quarter - 1) / quarter * quarter + quarter
      if quarterEnd <= min(to, slotEnd) {
        let watts = watts(at: quarterEnd - quarter)
        let rate = Int(schedule.rateOfHalfHour[Int(slot)])
        for index in [0, rate] where watts > peaks[index].watts {
          peaks[index] = PeakDemand(watts: watts, occurred: quarterEnd)
        }
      }
      slotStart = slotEnd
    }
    return peaks
  }
}
