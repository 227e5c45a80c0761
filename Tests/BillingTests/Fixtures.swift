import Billing
import Documents
import Foundation
import Metering
import Rating
import TOML
import Testing

/// The tariff of the repository called `name`.
func tariff(_ name: String) throws -> Plan {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "tariffs")
  let text = try String(contentsOf: folder.appending(path: "\(name).toml"), encoding: .utf8)
  return try Plan(try Document(toml: text, file: "\(name).toml"))
}

func energy(_ kilowattHours: String) throws -> Energy { try #require(Energy(kilowattHours: kilowattHours)) }

func time(_ text: String) throws -> MeterTime { try #require(MeterTime(text)) }

func day(_ text: String) throws -> CivilDate { try #require(CivilDate(text)) }

func month(_ text: String) throws -> YearMonth { try #require(YearMonth(text)) }

/// Six digits before the point and two after, 13.2 kW: a 5(60) A single-phase meter.
func household(capacity: Int64 = 1_000_000_000_000, cut: CounterRange.Cut = .unknown) throws -> CounterRange {
  try #require(CounterRange(capacity: capacity, mostPerHour: 13_200_000, cut: cut))
}

func meter(_ name: String = "M-0001") throws -> MeterID { try #require(MeterID(name)) }

func account(
  _ plan: Plan, multiplier: Multiplier = .one, meters: [MeterAssignment]? = nil, grantFrom: YearMonth? = nil
) throws -> Account {
  let usual = [MeterAssignment(meter: try meter(), multiplier: multiplier, register: try household())]
  return Account(id: "A-1001", meters: meters ?? usual, plan: plan.name, grantFrom: grantFrom)
}

func cycle(_ label: String) throws -> Cycle {
  let month = try #require(YearMonth(label))
  return try #require(Cycle(month, settlement: .firstOfMonth))
}

/// Makes numbered readings; rate 0 is the total.
struct Journal {
  private(set) var readings: [JournalReading] = []

  mutating func note(
    _ value: String, at instant: String, rate: UInt8 = 0, meter name: String = "M-0001",
    kind: ReadingKind = .settlement, status: Verdict.Status = .accepted, codes: [FindingCode] = [],
    quality: Quality = .actual, resolution: Int64 = 10_000
  ) throws {
    let quantity = try #require(Quantity.energy(.importActive, rate: rate))
    try note(
      value, of: quantity, at: instant, meter: name, kind: kind, status: status, codes: codes, quality: quality,
      resolution: resolution)
  }

  mutating func note(
    _ value: String, of quantity: Quantity, at instant: String, meter name: String = "M-0001",
    kind: ReadingKind = .settlement, status: Verdict.Status = .accepted, codes: [FindingCode] = [],
    quality: Quality = .actual, occurred: String? = nil, resolution: Int64 = 10_000
  ) throws {
    let millionths = try #require(exactDecimal(value, scale: 6))
    let isDemand = if case .maximumDemand = quantity.measurand { true } else { false }
    let key = ReadingKey(
      meter: try meter(name), quantity: quantity, kind: kind,
      instant: ZoneOffset.china.unixMilliseconds(of: try time(instant)))
    let reading = Reading(
      key: key, value: RegisterValue(millionths: millionths, resolution: isDemand ? 100 : resolution), quality: quality,
      occurred: try occurred.map(time),
      hostTime: HostInstant(unixMilliseconds: key.instant + 300_000, clock: .synchronised),
      bootTime: BootInstant(nanoseconds: 0))
    let verdict = Verdict(status: status, findings: codes.map { Finding($0, "") }, ruleVersion: 1)
    readings.append(JournalReading(sequence: Int64(readings.count + 1), reading: reading, verdict: verdict))
  }

  /// Hundredths of a kWh that the rates show together at an instant.
  func sum(of rates: [UInt8], at instant: String) throws -> Int64 {
    let wanted = rates.compactMap { Quantity.energy(.importActive, rate: $0) }
    let milliseconds = ZoneOffset.china.unixMilliseconds(of: try time(instant))
    return readings.filter { $0.reading.key.instant == milliseconds && wanted.contains($0.reading.key.quantity) }
      .reduce(0) { $0 + $1.reading.value.millionths / 10_000 }
  }

  /// Readings of the total, and of peak and valley where given, at the settlement of `month`.
  mutating func settle(_ instant: String, total: String, peak: String? = nil, valley: String? = nil) throws {
    try note(total, at: instant)
    if let peak { try note(peak, at: instant, rate: 2) }
    if let valley { try note(valley, at: instant, rate: 4) }
  }
}

extension Closing {
  var closed: ClosedBill? {
    guard case .bill(let closed) = self else { return nil }
    return closed
  }

  /// The reasons in words; empty for a bill.
  var reasons: [String] {
    guard case .hold(let reasons) = self else { return [] }
    return reasons.map { "\($0)" }
  }
}

/// Closes a cycle under the one plan that there is, known to everybody.
func closeCycle(
  account: Account, cycle: Cycle, readings: some Sequence<JournalReading>, windowState: WindowState?, plan: Plan,
  version: Int = 1
) throws -> Closing {
  return closeCycle(
    account: account, cycle: cycle, readings: readings, windowState: windowState, plans: try PlanCatalogue([plan]),
    knownOn: try day("2099-01-01"), version: version)
}

extension ClosedBill {
  /// The only bill of a cycle whose rules did not change in it.
  var bill: Bill { bills[0] }
}
