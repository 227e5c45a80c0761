public import Metering

extension MeterRegisters {
  /// What the meter holds, exactly, before a register's digits cut it; `nil` for what no such meter has.
  ///
  /// Numbers have a resolution of one millionth.
  public func observation(of quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    switch quantity.measurand {
    case .energy(let flow):
      guard let energies = energies(flow, memory, at: now) else {
        return isKept(memory) ? Observation(quantity: quantity, value: .absent, memory: memory) : nil
      }
      return energy(quantity, energies, memory)
    case .maximumDemand(let flow): return demand(quantity, flow, memory, at: now)
    case .freezeTime:
      guard case .dailyFreeze = memory, isKept(memory) else { return nil }
      let value = boundary(of: memory, at: now).map { Value.instant(MeterTime(localSeconds: $0)) }
      return Observation(quantity: quantity, value: value ?? .absent, memory: memory)
    default:
      guard memory == .current, let value = momentary(quantity, at: now) else { return nil }
      return Observation(quantity: quantity, value: value)
    }
  }

  private func energy(_ quantity: Quantity, _ energies: [Int64], _ memory: Memory) -> Observation? {
    let millionths: Int64
    switch quantity.part {
    case .total: millionths = energies[0]
    case .rate(let rate):
      guard Int(rate) <= rateCount else { return nil }
      millionths = energies[Int(rate)]
    case .phase(let phase):
      guard phase.rawValue <= phases else { return Observation(quantity: quantity, value: .absent, memory: memory) }
      // A third each; rounded so that none ever falls and together they are the total.
      let shift = Int64(phases) - Int64(phase.rawValue)
      millionths = (energies[0] + shift) / Int64(phases)
    case .line, .neutral, .single: return nil
    }
    return Observation(quantity: quantity, value: exact(millionths), memory: memory)
  }

  private func demand(
    _ quantity: Quantity, _ flow: Flow, _ memory: Memory, at now: SimulatedInstant
  ) -> Observation? {
    guard isKept(memory) else { return nil }
    guard let peaks = peakDemands(memory, at: now) else {
      return Observation(quantity: quantity, value: .absent, memory: memory)
    }
    let index: Int
    switch quantity.part {
    case .total: index = 0
    case .rate(let rate):
      guard Int(rate) <= rateCount else { return nil }
      index = Int(rate)
    case .phase, .line, .neutral, .single: return nil
    }
    guard peaks.indices.contains(index) else { return nil }
    let share: Int64
    switch flow {
    case .importActive, .combinedActive: share = 1000
    case .exportActive: share = exportShare
    case .importReactive, .combinedReactive1, .reactiveQuadrant1: share = reactiveShare
    default: share = 0
    }
    let occurred = share == 0 ? nil : peaks[index].occurred
    return Observation(
      quantity: quantity, value: exact(peaks[index].watts * share),
      occurred: occurred.map { MeterTime(localSeconds: $0 + clockOffset) }, memory: memory)
  }

  private func momentary(_ quantity: Quantity, at now: SimulatedInstant) -> Value? {
    let clock = clock(at: now)
    let moment = curve.moment(at: clock.localSeconds - clockOffset, phases: phases, nominalDecivolts: nominalDecivolts)
    let part = quantity.part
    switch quantity.measurand {
    case .voltage: return phaseValue(moment.decivolts, part, 100_000)
    case .current: return part == .neutral ? exact(0) : phaseValue(moment.milliamperes, part, 1000)
    case .power(.active): return phaseValue(moment.watts, part, 1000)
    case .power(.reactive): return phaseValue(moment.vars, part, 1000)
    case .power(.apparent): return phaseValue(moment.voltamperes, part, 1000)
    case .demand(.active): return exact(moment.watts.reduce(0, +) * 1000)
    case .demand(.reactive): return exact(moment.vars.reduce(0, +) * 1000)
    case .demand(.apparent): return exact(moment.voltamperes.reduce(0, +) * 1000)
    case .powerFactor:
      return part == .total
        ? exact(moment.powerFactor * 1000)
        : phaseValue([Int64](repeating: moment.powerFactor, count: 3), part, 1000)
    case .phaseAngle: return phaseValue([Int64](repeating: moment.decidegrees, count: 3), part, 100_000)
    case .voltageDistortion, .currentDistortion: return phaseValue([152, 148, 155], part, 10_000)
    case .frequency: return exact(moment.centihertz * 10_000)
    case .temperature: return exact(25_300_000)
    case .clock: return .instant(clock)
    case .clockDate: return .date(clock.date)
    case .clockTime: return .timeOfDay(clock.time)
    case .rateCount: return exact(Int64(rateCount) * 1_000_000)
    case .settlementDay(1):
      let dayAndHour = String(settlementDay * 100 + settlementHour)
      return .text(String(repeating: "0", count: 4 - dayAndHour.count) + dayAndHour)
    case .settlementDay: return .text("9999")
    case .statusWord: return .bits(0, width: 16)
    case .currentRatio, .voltageRatio: return exact(1_000_000)
    case .meterConstant: return exact(6_400_000_000)
    case .energy, .maximumDemand, .freezeTime, .meterAddress, .meterNumber, .assetNumber: return nil
    }
  }

  private func phaseValue(_ values: [Int64], _ part: Part, _ millionths: Int64) -> Value? {
    switch part {
    case .total, .single: return exact(values.reduce(0, +) * millionths)
    case .phase(let phase):
      guard phase.rawValue <= phases else { return .absent }
      return exact(values[Int(phase.rawValue) - 1] * millionths)
    case .line(let phase):
      // 1.732 times the phase voltage: near enough for a register that bills nothing.
      return phases == 3 ? exact(values[Int(phase.rawValue) - 1] * millionths / 1000 * 1732) : .absent
    case .rate, .neutral: return nil
    }
  }

  private func exact(_ millionths: Int64) -> Value { .number(RegisterValue(millionths: millionths, resolution: 1)) }
}
