internal import DLT645
internal import Devices
public import Metering
internal import Modbus

extension LineMeter {
  /// The exchanges that get `targets`, in the order in which they must be made.
  ///
  /// Items that the meter's profile does not offer are left out. Modbus values are joined into the reads that cost
  /// the least on this line; `replyDelay` is the meter's own, measured or usual.
  public func queries(
    for targets: [AcquisitionTask.Target], replyDelay: BootInstant.Span = AssumedDelay.usual.now
  ) -> [Query] {
    switch profile.language {
    case .dlt645(.of2007, _): return identifiers(for: targets).map(Query.identifier)
    case .dlt645(.of1997, _): return shortIdentifiers(for: targets).map(Query.shortIdentifier)
    case .modbus(let map): return blocks(for: targets, map: map, replyDelay: replyDelay)
    }
  }

  /// Short questions of many shapes: any of them proves that the meter is there and in step.
  public var probes: [Query] {
    switch profile.language {
    case .dlt645(.of1997, _): return Self.probes1997
    case .dlt645(.of2007, _):
      // Time of day first: it is short, every meter has it, and no task asks for it alone.
      return [0x0400_0102, 0x0400_0101, 0x0001_0000, 0x0400_0401, 0x0002_0000, 0x0000_0000].map {
        .identifier(DataIdentifier(rawValue: $0))
      }
    case .modbus(let map):
      guard let longest = run(in: map) else {
        // Every value is read alone: one of each length, for those are all the shapes there are.
        var shapes: Set<Query.Shape> = []
        return map.registers.map(\.span).map {
          .registers(function: $0.function, start: UInt16($0.first), count: UInt16($0.count))
        }.filter { shapes.insert($0.shape).inserted }
      }
      // Even counts first: some meters refuse half a number.
      let counts =
        Array(stride(from: 2, through: longest.count, by: 2)) + Array(stride(from: 1, through: longest.count, by: 2))
      return counts.prefix(64).map {
        .registers(function: longest.function, start: UInt16(longest.first), count: UInt16($0))
      }
    }
  }

  /// The longest run of registers without a hole that the profile knows.
  private func run(in map: ModbusMap) -> RegisterRange? {
    var best: RegisterRange?
    var open: RegisterRange?
    // Values that are read alone would be refused within a longer run.
    let ranges = map.registers.filter { !map.limits.alone.contains($0.span) }.map(\.span).sorted {
      ($0.function.rawValue, $0.first) < ($1.function.rawValue, $1.first)
    }
    for range in ranges {
      if let running = open, running.function == range.function, running.end >= range.first,
        let joined = RegisterRange(
          range.function, first: running.first, count: max(running.end, range.end) - running.first),
        joined.count <= map.limits.maximumRegisters
      {
        open = joined
      } else {
        open = range
      }
      if let candidate = open, candidate.count > best?.count ?? 0 { best = candidate }
    }
    return best
  }
}

extension LineMeter {
  private func identifiers(for targets: [AcquisitionTask.Target]) -> [DataIdentifier] {
    var found: [DataIdentifier] = []
    func add(_ identifier: DataIdentifier) {
      if !found.contains(identifier) { found.append(identifier) }
    }
    let items = profile.dlt645Items
    let current = items.filter { $0.kind == .current }.map { DataIdentifier(rawValue: $0.identifier) }
    for target in targets {
      switch target {
      case .energies: current.filter { $0.di3 == 0x00 }.forEach(add)
      case .instantaneous: current.filter { $0.di3 == 0x02 || $0.di3 == 0x01 }.forEach(add)
      case .quantity(let quantity):
        let own = DataIdentifier(for: quantity)
        let telling = current.filter { tells($0, quantity) }
        if let block = telling.first { add(block) } else if let own { add(own) }
      case .settlements(let depth, let quantity):
        let kept = items.filter { item in
          item.kind == .settlement && quantity.map { tells(DataIdentifier(rawValue: item.identifier), $0) } ?? true
        }
        guard !kept.isEmpty else { continue }
        // First when the months are closed and what time it is: without both no one can say which month is told.
        [0x0400_0B01, 0x0400_0B02, 0x0400_0B03].map(DataIdentifier.init(rawValue:)).forEach(add)
        clock(in: current).forEach(add)
        for item in kept {
          for back in 1...max(1, min(depth, profile.settlements)) {
            if let bits = item.identifier(back: back) { add(DataIdentifier(rawValue: bits)) }
          }
        }
      case .clock: clock(in: current).forEach(add)
      // Read where the line has nothing else to do, by a plan of its own.
      case .loadProfile: continue
      case .events:
        let asked = eventIdentifiers(among: current)
        guard !asked.isEmpty else { continue }
        // The meter's clock dates them.
        clock(in: current).forEach(add)
        asked.forEach(add)
      case .syntheticFreeze:
        guard !items.contains(where: { $0.kind == .dailyFreeze }) else { continue }
        current.filter { $0.di3 == 0x00 }.forEach(add)
      case .dailyFreeze:
        // The time of a freeze alone is no reading; each value is read together with it.
        let frozen = items.filter { $0.kind == .dailyFreeze }.map { DataIdentifier(rawValue: $0.identifier) }
        guard !frozen.isEmpty else { continue }
        // The meter's clock made that time: it is looked at too.
        clock(in: current).forEach(add)
        frozen.filter { Query.identifier($0).freezeTime != nil }.forEach(add)
      }
    }
    return found.filter { !isCovered(told(by: $0), by: found.map(told(by:))) }
  }

  private func tells(_ identifier: DataIdentifier, _ quantity: Quantity) -> Bool {
    identifier.items(rates: profile.rates).contains { $0.quantity == quantity }
  }

  private func told(by identifier: DataIdentifier) -> Set<CatalogueItem> {
    Set(identifier.items(rates: profile.rates))
  }

  /// True where some other answer tells all of `told` and more: a single register beside its block.
  func isCovered(_ told: Set<CatalogueItem>, by others: [Set<CatalogueItem>]) -> Bool {
    !told.isEmpty && others.contains { $0.count > told.count && told.isSubset(of: $0) }
  }

  /// The clock in one item and in two: some meters refuse the one that tells both.
  private func clock(in current: [DataIdentifier]) -> [DataIdentifier] {
    let together = DataIdentifier(rawValue: 0x0400_010C)
    let apart = [0x0400_0101, 0x0400_0102].map(DataIdentifier.init(rawValue:))
    guard current.contains(together) else { return apart }
    return [together] + (apart.allSatisfy(current.contains) ? apart : [])
  }
}

extension LineMeter {
  private func blocks(
    for targets: [AcquisitionTask.Target], map: ModbusMap, replyDelay: BootInstant.Span
  ) -> [Query] {
    var wanted: [RegisterRange] = []
    for target in targets {
      if case .quantity(let quantity) = target {
        wanted += profile.modbusRegisters(for: [quantity]).map(\.span)
      } else {
        wanted += map.registers.filter { wants($0.quantity, for: [target]) }.map(\.span)
      }
    }
    guard !wanted.isEmpty else { return [] }
    let cost = WireCost(
      byteNanoseconds: settings.characterTime.nanoseconds, replyDelayNanoseconds: replyDelay.nanoseconds,
      silenceNanoseconds: settings.frameSilence.nanoseconds)
    // A profile is checked when it is read, so that every value fits into one read.
    let blocks = (try? ReadPlan(wanted, limits: map.limits, wire: cost).blocks) ?? wanted
    return blocks.map(clearOfEcho).map {
      .registers(function: $0.function, start: UInt16($0.first), count: UInt16($0.count))
    }
  }

  /// The range, or a wider one where its request would begin like its own reply; see `ReadLimits`.
  private func clearOfEcho(_ range: RegisterRange) -> RegisterRange {
    guard case .modbus(let unit) = address, case .modbus(let map) = profile.language else { return range }
    return map.limits.clearOfEcho(range, unit: unit)
  }

  /// The same question where it was made for another meter of the model, fit for this one's address.
  public func fitted(_ query: Query) -> Query {
    guard case .registers(let function, let start, 1) = query,
      let range = RegisterRange(function, first: Int(start), count: 1)
    else { return query }
    let clear = clearOfEcho(range)
    return .registers(function: function, start: UInt16(clear.first), count: UInt16(clear.count))
  }

  /// Whether one of `targets` asks for a register as it stands.
  func wants(_ quantity: Quantity, for targets: [AcquisitionTask.Target]) -> Bool {
    let isEnergy = if case .energy = quantity.measurand { true } else { false }
    return targets.contains { target in
      switch target {
      case .energies, .syntheticFreeze: isEnergy
      case .instantaneous: !isEnergy
      case .quantity(let wanted): wanted == quantity
      case .settlements, .dailyFreeze, .clock, .loadProfile, .events: false
      }
    }
  }

  /// What the registers of an answer tell, by the meter's profile, and which of them hold no value that can be.
  ///
  /// Values are read together because that is quicker; one that is broken says nothing of its neighbours.
  func observations(
    in registers: [UInt16], from first: UInt16, function: ReadFunction
  ) -> (told: [Observation], faults: [RegisterFault]) {
    guard case .modbus(let map) = profile.language,
      let block = RegisterRange(function, first: Int(first), count: registers.count)
    else { return ([], []) }
    var told: [Observation] = []
    var faults: [RegisterFault] = []
    for register in map.registers {
      do throws(RegisterError) {
        guard let value = try register.value(in: block, registers) else { continue }
        told.append(Observation(quantity: register.quantity, value: value))
      } catch {
        faults.append(RegisterFault(quantity: register.quantity, error: error))
      }
    }
    return (told, faults)
  }
}

/// A register whose bytes are no value that can be.
struct RegisterFault: Hashable, Sendable, CustomStringConvertible {
  let quantity: Quantity
  let error: RegisterError

  var description: String { "\(quantity): \(error)" }
}

extension LineMeter {
  /// The time of all exchanges that the answer to `query` takes, with their silences; for forecasts.
  public func wireTime(of query: Query, replyDelay: BootInstant.Span = AssumedDelay.usual.now) -> BootInstant.Span {
    exchanges(for: query).reduce(.zero) { time, asked in
      time + physicalLimit(of: asked, replyDelay: replyDelay, wakeUps: wakeUps)
        + (profile.language.isDLT645 ? quietBefore : .zero)
    }
  }

  /// What is asked for one answer to `query`, in this order: billing memories twice, a freeze with its time, the
  /// maximum demands of 1997 with their times.
  func exchanges(for query: Query) -> [Query] {
    var once = [query.freezeTime, query].compactMap { $0 }
    if let times = timesOfDemand(query) {
      // A demand as it stands may change while its time is read, so it is read before and after.
      once = query.isBillingMemory ? [query, times] : [query, times, query]
    }
    return query.isBillingMemory || query.isEventRecord ? once + once : once
  }

  /// The least time of one exchange on the wire: request, the meter's delay, reply, and for Modbus the silence that
  /// ends a frame. `wakeUps` are the FE bytes that the meter sends before its reply.
  public func physicalLimit(of query: Query, replyDelay: BootInstant.Span, wakeUps: Int) -> BootInstant.Span {
    // Twelve bytes of frame and four of identifier each way; two in the 1997 edition.
    let bytes: Int
    switch query {
    case .registers(_, _, let count):
      return settings.characterTime * Int64(8 + 5 + 2 * Int(count)) + replyDelay + settings.frameSilence
    case .identifier(let identifier), .frozen(let identifier, _):
      bytes = 32 + (identifier.payloadLength(rates: knownRates) ?? 4)
    case .profile(let span): bytes = 39 + span.answerBytes
    case .shortIdentifier(let identifier): bytes = 28 + payloadLength(of: identifier)
    }
    return settings.characterTime * Int64(bytes + self.wakeUps + wakeUps) + replyDelay
  }

  var knownRates: Int? { profile.rates > 0 ? profile.rates : nil }

  /// The quantities that an answer to `query` tells of a daily freeze; none for all that is none.
  public func frozenQuantities(of query: Query) -> [Quantity] {
    guard query.freezeTime != nil || query.freezeDay != nil else { return [] }
    switch query {
    case .identifier(let identifier), .frozen(let identifier, _):
      return identifier.items(rates: profile.rates).map(\.quantity).filter { $0.unit != nil }
    case .shortIdentifier, .profile, .registers: return []
    }
  }

  /// Daily freezes that the meter keeps by its profile, 1...254.
  var freezesKept: Int { min(max(profile.dailyFreezes, 1), 254) }

  /// The quantities that an answer to `query` tells as they stand now; none for kept memories.
  public func quantities(of query: Query) -> [Quantity] {
    switch query {
    case .frozen, .profile: return []
    case .identifier(let identifier):
      return identifier.items(rates: profile.rates).filter { $0.memory == .current }.map(\.quantity)
    case .shortIdentifier(let identifier):
      return identifier.items(rates: profile.rates).filter { $0.memory == .current }.map(\.quantity)
    case .registers(let function, let start, let count):
      guard case .modbus(let map) = profile.language,
        let block = RegisterRange(function, first: Int(start), count: Int(count))
      else { return [] }
      return map.registers.filter { block.contains($0.span) }.map(\.quantity)
    }
  }
}

extension DeviceProfile.Language {
  var isDLT645: Bool {
    switch self {
    case .dlt645: true
    case .modbus: false
    }
  }
}
