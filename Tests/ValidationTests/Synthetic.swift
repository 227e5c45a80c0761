import Metering
import Testing
import Validation

/// A synthetic meter: 220 V, 5(60) A, one phase, 999999.99 kWh. It can draw 13.2 kW, 1.1 kWh in five minutes.
let plainFile = MeterFile(
  phases: 1, nominalVoltage: 220_000_000, maximumCurrent: 60_000_000, integerDigits: 6, installedAt: noon - 86_400_000)

/// 2026-11-22 12:00 in China.
let noon: Int64 = 1_795_320_000_000
let fiveMinutes: Int64 = 300_000
let now = HostInstant(unixMilliseconds: noon, clock: .synchronised)

let imported = Quantity.energyTotal(.importActive)

func hundredths(_ digits: Int64) -> RegisterValue { RegisterValue(millionths: digits * 10_000, resolution: 10_000) }

func reading(
  _ value: RegisterValue, _ quantity: Quantity = imported, kind: ReadingKind = .instantaneous, at instant: Int64 = noon,
  meterTime: MeterTime? = nil, clock: ClockState = .synchronised, readAt: Int64? = nil,
  boot: BootInstant = BootInstant(nanoseconds: 1)
) throws -> Reading {
  let meter = try #require(MeterID("M-0001"))
  return Reading(
    key: ReadingKey(meter: meter, quantity: quantity, kind: kind, instant: instant), value: value, quality: .actual,
    meterTime: meterTime, hostTime: HostInstant(unixMilliseconds: readAt ?? instant, clock: clock),
    bootTime: boot)
}

func neighbour(_ value: RegisterValue, at instant: Int64) -> Neighbour {
  Neighbour(value: value, instant: instant, readAt: instant)
}

/// The verdict on one reading of the plain meter among neighbours of its own series.
func verdict(
  on reading: Reading, among known: [Neighbour] = [], file: MeterFile = plainFile, now: HostInstant = now
) throws -> Verdict {
  let verdicts = judge([reading], neighbours: [Series(reading.key): known], file: file, now: now)
  return try #require(verdicts.first)
}

/// Status and codes, as `held BACK SUM`.
func summary(_ verdict: Verdict) -> String {
  ([verdict.status.rawValue] + verdict.findings.map(\.code.rawValue)).joined(separator: " ")
}
