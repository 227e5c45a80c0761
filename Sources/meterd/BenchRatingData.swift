import Concentrator
import Documents
import Glibc
import Metering
import Rating
import TOML

/// What the benchmark of rating bills: a month of homes with tiers, three periods and two funds, seven lines a bill, and
/// as many meters as wanted, each with numbers that follow from its own number, so that any engine can make them.
enum BenchRatingData {
  /// Meters of the comparison with other engines.
  static let meters = 1_000_000
  /// Bills of one batch: their lines stay in the processor's second memory.
  static let batch = 1024

  static func plan(intervals: Bool = false) throws -> Plan {
    try Plan(try Document(toml: intervals ? toml + calendar : toml, file: "bench.toml"))
  }

  static func days() throws -> DayRange {
    guard let from = CivilDate(year: 2026, month: 10, day: 1), let to = CivilDate(year: 2026, month: 11, day: 1),
      let days = DayRange(from: from, to: to)
    else { throw Complaint(.software, "the benchmark has no days") }
    return days
  }

  /// Total, peak and valley of a meter in hundredths of a kWh: 150 to 1500 kWh.
  static func use(_ meter: Int) -> (total: Int, peak: Int, valley: Int) {
    let u = meter * 2_654_435_761 % 4_294_967_296 / 65_536
    let v = (meter + 1) * 2_246_822_519 % 4_294_967_296 / 65_536
    let total = 15_000 + u * 135_000 / 65_536
    return (total, total * (20 + v % 41) / 100, total * (10 + v / 64 % 31) / 100)
  }

  static func columns(_ meters: Range<Int>) -> UsageColumns {
    var columns = UsageColumns(totals: [])
    var (peak, valley): ([Energy], [Energy]) = ([], [])
    columns.totals.reserveCapacity(meters.count)
    peak.reserveCapacity(meters.count)
    valley.reserveCapacity(meters.count)
    for meter in meters {
      let use = use(meter)
      columns.totals.append(Energy(millionths: Int64(use.total) * 10_000))
      peak.append(Energy(millionths: Int64(use.peak) * 10_000))
      valley.append(Energy(millionths: Int64(use.valley) * 10_000))
    }
    columns.periods = ["peak": peak, "valley": valley]
    return columns
  }

  /// Sum of all bills, and a number that changes with any line of any of them.
  struct Digest: Equatable {
    var totalFen: Int64 = 0
    var lines = 0
    var digest: Int64 = 0

    mutating func add(_ sheet: BillSheet, from meter: Int) {
      for row in 0..<sheet.count {
        totalFen += sheet.totals[row].fen
        let weight = Int64((meter + row) % 9973 + 1)
        for line in sheet.lines(of: row) {
          lines += 1
          let mixed = (line.amount.fen * 31 + line.quantityMillionths / 10_000) * Int64(2 * line.kind + 3)
          digest += mixed % 1_000_003 * weight
        }
      }
    }
  }

  private static let toml = """
    name = "bench"
    title = "Homes with tiers and time of use"
    title-zh = "居民峰谷阶梯"
    currency = "CNY"
    valid-from = "2021-01-01"
    known-since = "2021-01-01"
    energy-scale = 2
    sources = ["numbers of the size that published schedules have"]
    [[period]]
    name = "peak"
    title = "Peak"
    title-zh = "峰"
    rates = [2]
    [[period]]
    name = "flat"
    title = "Flat"
    title-zh = "平"
    rates = [3]
    residual = true
    [[period]]
    name = "valley"
    title = "Valley"
    title-zh = "谷"
    rates = [4]
    [tiers]
    window = "month"
    source = "the benchmark"
    primary = true
    tier = [{ from = "0", to = "260" }, { from = "260", to = "600" }, { from = "600" }]
    [[component]]
    kind = "energy"
    title = "Energy"
    title-zh = "电度电费"
    source = "the benchmark"
    primary = true
    prices = { peak = "1.02896875", flat = "0.60886875", valley = "0.23676875" }
    [[component]]
    kind = "tier-adders"
    title = "Tier adder"
    title-zh = "递增电费"
    source = "the benchmark"
    primary = true
    tier = [{ tier = 2, adder = "0.05" }, { tier = 3, adder = "0.30" }]
    [[component]]
    kind = "fund"
    title = "Resettlement"
    title-zh = "移民后期扶持资金"
    source = "the benchmark"
    primary = true
    price = "0.0062"
    [[component]]
    kind = "fund"
    title = "Renewable energy"
    title-zh = "可再生能源电价附加"
    source = "the benchmark"
    primary = true
    price = "0.00196875"

    """

  private static let calendar = """
    [calendar]
    source = "the benchmark"
    primary = true
    [[calendar.season]]
    name = "all"
    months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    [[calendar.season.day]]
    types = ["weekday", "weekend", "holiday"]
    slots = ["00:00-08:00 valley", "08:00-10:00 flat", "10:00-12:00 peak", "12:00-14:00 flat", "14:00-19:00 peak", "19:00-24:00 flat"]

    """
}

/// Seconds of the processor that this thread has had.
func threadSeconds() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Seconds since some instant.
func wallSeconds() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The most memory that this process has had, in kB; 0 where the system does not say.
func peakKilobytes() -> Int {
  guard let text = try? TextFile.read("/proc/self/status", what: "status"),
    let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
  else { return 0 }
  return Int(String(line.filter(\.isNumber))) ?? 0
}
