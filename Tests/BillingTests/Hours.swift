import Billing
import Documents
import Metering
import Rating
import TOML
import Testing

/// A plan with hours of its own for weekdays, weekends and holidays, what a meter recorded, and a week with all three.
enum Hours {
  static let names = ["peak", "flat", "valley", "deep"]

  /// Peak begins at `peak`; deep valley is on holidays alone. Rates 2, 3, 4, 5.
  static func plan(
    _ name: String = "hours", peak: String = "08:00", price: String = "1.0", from: String = "2023-01-01",
    to: String? = nil
  ) throws -> Plan {
    let periods = names.enumerated().map { index, name in
      "\n[[period]]\nname = \"\(name)\"\ntitle = \"\(name)\"\ntitle-zh = \"\(name)\"\nrates = [\(index + 2)]\n"
        + (name == "flat" ? "residual = true\n" : "")
    }.joined()
    let calendar = """

      [calendar]
      source = "a test"
      primary = true
      [[calendar.season]]
      name = "all"
      months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
      [[calendar.season.day]]
      types = ["weekday"]
      slots = ["00:00-\(peak) valley", "\(peak)-12:00 peak", "12:00-24:00 flat"]
      [[calendar.season.day]]
      types = ["weekend"]
      slots = ["00:00-08:00 valley", "08:00-24:00 flat"]
      [[calendar.season.day]]
      types = ["holiday"]
      slots = ["00:00-08:00 valley", "08:00-17:00 deep", "17:00-24:00 flat"]

      """
    let prices = "prices = { peak = \"\(price)\", flat = \"0.6\", valley = \"0.3\", deep = \"0.1\" }"
    return try BillingTests.plan(
      name, from: from, to: to, periods: periods, components: calendar + component("energy", prices))
  }

  /// The holidays and the worked Saturday of October 2026.
  static func list(_ year: Int = 2026) throws -> DayCalendar {
    let toml = """
      name = "days-\(year)"
      valid-from = "\(year)-01-01"
      valid-to = "\(year)-12-31"
      known-since = "2025-11-04"
      sources = ["a test"]
      holidays = ["\(year)-10-06", "\(year)-10-07"]
      workdays = ["\(year)-10-10"]
      """
    return try DayCalendar(try Document(toml: toml, file: "days.toml"))
  }

  /// Two holidays, two weekdays, a worked Saturday and a Sunday.
  static func account(
    minutes: Int? = 60, by reconciliation: Rating.Reconciliation = .residual, multiplier: Multiplier = .one,
    meters: [MeterAssignment]? = nil, terms: [SupplyTerms]? = nil, from: String = "2026-10-06",
    to: String = "2026-10-12"
  ) throws -> Account {
    let usual = [
      MeterAssignment(meter: try meter(), multiplier: multiplier, register: try household(cut: .truncated))
    ]
    let own = SupplyTerms(
      plan: "hours", intervals: minutes.map { IntervalTerms(minutes: $0, reconciliation: reconciliation) })
    return Account(
      id: "A-1001", meters: meters ?? usual, terms: terms ?? [own], from: try day(from), to: try day(to))
  }

  static func catalogue(_ plans: [Plan]? = nil, lists: [DayCalendar]? = nil) throws -> PlanCatalogue {
    try PlanCatalogue(try plans ?? [plan()], calendars: try lists ?? [list()])
  }
}

extension Journal {
  /// Records every `minutes` from one time to another, both with one; `cents` tells the register in 0.01 kWh by the seconds
  /// since the first.
  mutating func record(
    _ from: String, _ to: String, every minutes: Int64 = 60, meter name: String = "M-0001", without: Set<String> = [],
    held: Set<String> = [], _ cents: (Int64) -> Int64
  ) throws {
    let first = try time(from).localSeconds
    for seconds in stride(from: first, through: try time(to).localSeconds, by: Int64.Stride(minutes * 60)) {
      let at = MeterTime(localSeconds: seconds)
      guard !without.contains("\(at)") else { continue }
      try note(
        decimalString(cents(seconds - first) % 100_000_000 * 10_000, decimals: 2), at: "\(at)", meter: name,
        kind: .profile, status: held.contains("\(at)") ? .held : .accepted)
    }
  }

  /// The part of a cycle that lies between the account's days.
  func close(
    _ account: Account, _ plans: PlanCatalogue, month label: String = "2026-10", version: Int = 1
  ) throws -> Closing {
    closeCycle(
      account: account, cycle: try #require(account.cycle(try month(label))), readings: readings,
      profile: ProfileReadings(readings), windowState: nil, plans: plans, knownOn: try day("2099-01-01"),
      version: version)
  }
}

extension Closing {
  /// `peak 12.00, flat 66.00` of each bill, or the reasons.
  var periods: String {
    guard let closed else { return reasons.joined(separator: " | ") }
    return closed.bills.map { bill in
      zip(bill.plan.periods, bill.totals.byPeriod).map { "\($0.name) \($1)" }.joined(separator: ", ")
    }.joined(separator: " / ")
  }
}
