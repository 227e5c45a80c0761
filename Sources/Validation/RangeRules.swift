internal import Metering

/// FLY for values that do not count: more than the service can have. Flagged only, for nothing is billed by them.
func range(_ reading: Reading, file: MeterFile) -> Remark? {
  let quantity = reading.key.quantity
  let value = Int128(reading.value.millionths)
  let magnitude = value < 0 ? -value : value
  let limit: String
  switch quantity.measurand {
  case .voltage:
    guard let nominal = file.nominalVoltage.map({ Int128($0) }) else { return nil }
    // Between two conductors √3 times as much stands: squares keep it exact.
    let isLine: Bool
    if case .line = quantity.part { isLine = true } else { isLine = false }
    guard value < 0 || value * value > (isLine ? 12 : 4) * nominal * nominal else { return nil }
    limit = isLine ? "0...2√3 x Un" : "0...2 x Un"
  case .current:
    guard let maximum = file.maximumCurrent, magnitude > Int128(maximum) * 2 else { return nil }
    limit = "2 x Imax"
  case .power, .demand, .maximumDemand:
    // Numbers of power are in milliwatts, as the maximum is.
    guard let maximum = file.maximumPower(phases: quantity.loadedPhases(of: file)) else { return nil }
    let percent = Int128(min(max(file.limits.runawayFlagPercent, 0), 1000))
    guard magnitude * 100 > Int128(maximum) * percent else { return nil }
    limit = "\(percent) % of Un x Imax"
  case .powerFactor:
    guard magnitude > 1_000_000 else { return nil }
    limit = "1"
  case .energy, .phaseAngle, .frequency, .temperature, .voltageDistortion, .currentDistortion, .clock, .clockDate,
    .clockTime, .freezeTime, .meterAddress, .meterNumber, .assetNumber, .rateCount, .settlementDay, .statusWord,
    .currentRatio, .voltageRatio, .meterConstant:
    return nil
  }
  return Remark(.flagged, .runaway, "\(reading.value) \(quantity.unit?.rawValue ?? "") is beyond \(limit)")
}
