public import Metering

/// Everything a simulated meter measures and keeps, as a pure function of time.
///
/// There is no state but what commands set: the settlement of last month is the curve at last month's boundary. A meter asked again at
/// the same simulated instant, by this process or the next, shows the same.
public struct MeterRegisters: Hashable, Sendable {
  public let curve: LoadCurve
  /// Day of the month at which the meter settles, 1...28, and the hour, 0...23. 结算日
  public internal(set) var settlementDay: Int
  public internal(set) var settlementHour: Int
  /// The meter's clock less the true one, in seconds. It moves settlements, freezes and time stamps; the load and
  /// the rates follow the true clock, so that setting the meter's clock never takes energy back.
  public internal(set) var clockOffset: Int64
  public let zone: ZoneOffset
  /// Exported and reactive energy, in thousandths of the imported active energy.
  public let exportShare: Int64
  public let reactiveShare: Int64
  /// Millionths of the unit at which an energy register passes zero; 10^12 is 999999.99 kWh and one step.
  public let capacity: Int64
  /// 1 or 3; a single-phase meter has nothing on the others.
  public let phases: Int
  /// Tenths of a volt around which the phase voltages wander by 3 V.
  public let nominalDecivolts: Int64
  /// Rates that the meter shows besides the total, 0 up to those of its schedule.
  public let rateCount: Int
  /// Settlements and daily freezes that the meter keeps.
  public let settlementsKept: Int
  public let freezesKept: Int
  /// Second of true local time at which all was cleared; nothing is kept from before it. 电表清零
  public internal(set) var clearedAt: Int64?
  /// Second of true local time at which the running maximum demand was cleared. 最大需量清零
  public internal(set) var demandClearedAt: Int64?

  /// Values outside the ranges above are brought into them.
  public init(
    curve: LoadCurve, settlementDay: Int = 1, settlementHour: Int = 0, clockOffset: Int64 = 0,
    zone: ZoneOffset = .china, exportShare: Int64 = 0, reactiveShare: Int64 = 300,
    capacity: Int64 = 1_000_000_000_000, phases: Int = 3, rateCount: Int = 63, settlementsKept: Int = 12,
    freezesKept: Int = 62, nominalDecivolts: Int64 = 2200
  ) {
    self.curve = curve
    self.settlementDay = min(max(settlementDay, 1), 28)
    self.settlementHour = min(max(settlementHour, 0), 23)
    self.clockOffset = clockOffset
    self.zone = zone
    self.exportShare = min(max(exportShare, 0), 1000)
    self.reactiveShare = min(max(reactiveShare, 0), 1000)
    self.capacity = max(1_000_000, capacity)
    self.phases = phases == 1 ? 1 : 3
    self.nominalDecivolts = min(max(nominalDecivolts, 500), 60_000)
    self.rateCount = min(max(rateCount, 0), curve.schedule.rateCount)
    self.settlementsKept = min(max(settlementsKept, 0), 12)
    self.freezesKept = min(max(freezesKept, 0), 254)
  }

  /// What the meter's clock shows.
  public func clock(at now: SimulatedInstant) -> MeterTime {
    MeterTime(localSeconds: zone.local(unixMilliseconds: now.unixMilliseconds).localSeconds + clockOffset)
  }

  /// The second of the meter's clock that closed the settlement or took the freeze.
  ///
  /// `nil` for a memory the meter does not have, or that lies before its first day.
  public func boundary(of memory: Memory, at now: SimulatedInstant) -> Int64? {
    guard isKept(memory) else { return nil }
    let seconds = clock(at: now).localSeconds
    let boundary: Int64
    switch memory {
    case .current: return seconds
    case .settlement(let back): boundary = settlement(back: back, at: seconds)
    case .dailyFreeze(let back): boundary = (LoadCurve.split(seconds).day - Int64(back - 1)) * 86_400
    }
    return boundary - clockOffset >= firstSecond ? boundary : nil
  }

  /// The second of true local time at which the meter's memory begins.
  var firstSecond: Int64 { max(curve.start, clearedAt ?? curve.start) }

  /// The instant at which the meter's clock, as it is set now, shows so many seconds.
  func instant(ofClock seconds: Int64) -> SimulatedInstant {
    SimulatedInstant(MeterTime(localSeconds: seconds - clockOffset), zone: zone)
  }

  /// Seconds of true local time.
  func trueSeconds(at now: SimulatedInstant) -> Int64 {
    zone.local(unixMilliseconds: now.unixMilliseconds).localSeconds
  }

  /// Sets the meter's clock.
  mutating func setClock(_ time: MeterTime, at now: SimulatedInstant) {
    clockOffset = time.localSeconds - trueSeconds(at: now)
  }

  /// Whether the meter has such a memory at all.
  func isKept(_ memory: Memory) -> Bool {
    switch memory {
    case .current: true
    case .settlement(let back): back >= 1 && back <= settlementsKept
    case .dailyFreeze(let back): back >= 1 && back <= freezesKept
    }
  }

  private func settlement(back: Int, at seconds: Int64) -> Int64 {
    let today = CivilDate(daysSince1970: LoadCurve.split(seconds).day)
    let offset = Int64(settlementDay - 1) * 86_400 + Int64(settlementHour) * 3600
    let thisMonth = today.firstOfMonth().daysSince1970 * 86_400 + offset
    let months = thisMonth <= seconds ? 1 - back : -back
    return today.firstOfMonth(addingMonths: months).daysSince1970 * 86_400 + offset
  }

  /// The maximum demands of the settlement period that `memory` closed, or of the running one: total, then rates.
  func peakDemands(_ memory: Memory, at now: SimulatedInstant) -> [PeakDemand]? {
    guard let end = boundary(of: memory, at: now) else { return nil }
    let since: Int64
    switch memory {
    case .settlement(let back): since = settlement(back: back + 1, at: clock(at: now).localSeconds)
    // A freeze keeps the demand as it stood at midnight.
    case .current, .dailyFreeze: since = settlement(back: 1, at: end - 1)
    }
    let cleared = [clearedAt, demandClearedAt].compactMap { $0 }.filter { $0 <= end - clockOffset }.max()
    return curve.peakDemands(from: max(since - clockOffset, cleared ?? .min), to: end - clockOffset)
  }

  /// Millionths of a kWh, kvarh or kVAh: the total, then each rate; `nil` where the memory holds nothing.
  ///
  /// The total comes from the fine count, so that the rates, each cut to the register's step, fall short of it.
  func energies(_ flow: Flow, _ memory: Memory, at now: SimulatedInstant) -> [Int64]? {
    guard let seconds = boundary(of: memory, at: now) else { return nil }
    var rates = curve.energies(at: seconds - clockOffset)
    if let clearedAt {
      let cleared = curve.energies(at: clearedAt)
      for rate in rates.indices { rates[rate] = max(0, rates[rate] - cleared[rate]) }
    }
    let fine = rates.map { share(of: flow, $0) }
    return ([fine.reduce(0, +)] + fine).map { $0 % capacity }
  }

  private func share(of flow: Flow, _ imported: Int64) -> Int64 {
    let exported = imported / 1000 * exportShare, reactive = imported / 1000 * reactiveShare
    switch flow {
    case .importActive: return imported
    case .exportActive: return exported
    case .combinedActive: return imported + exported
    case .combinedReactive1, .importReactive, .reactiveQuadrant1: return reactive
    case .combinedReactive2, .exportReactive, .reactiveQuadrant2, .reactiveQuadrant3, .reactiveQuadrant4: return 0
    // An upper bound of the true apparent energy is enough: it grows with the others.
    case .importApparent: return imported + reactive / 4
    case .exportApparent: return exported
    }
  }
}
