internal import DLT645
internal import Metering

/// What a meter remembers of the commands that it obeyed.
struct CommandState: Sendable {
  var access: MeterAccess
  var parameters = MeterParameters()
  var events = EventLog()
  /// Up to which second of its clock what was planned has happened; `nil` before it was first asked.
  var livedUntil: Int64?
  var supply = SupplyState()
  /// Freezes taken at once, the last one first.
  var freezes: [SimulatedInstant] = []
  /// What is frozen by the clock, and since which second of it.
  var timedFreeze: (pattern: FreezePattern, since: Int64)?
  var rate: RateWord?
  var output = TerminalOutput.secondPulse
  /// The day of the meter's clock on which it last took the time from a 08H.
  var timeSetOn: CivilDate?
}

extension SimulatedDLT645Meter {
  /// Obeys what is no plain read, or refuses it; `nil` is silence.
  mutating func obey(_ frame: Frame, in bytes: [UInt8], at now: SimulatedInstant) -> Reply? {
    guard isMeant(frame) else { return nil }
    let function = frame.control.function
    if frame.address == .broadcast, let command = BroadcastCommand(frame, in: bytes.span) {
      obeySilently(command, at: now)
      return nil
    }
    guard frame.address != .broadcast || function == 0x0A else { return nil }
    // No meter confirms the time unless it is a habit of its make.
    guard function != 0x08 || habits.confirmsTime || Command(frame, in: bytes.span) != nil else { return nil }
    if let word = habits.refusals[function] { return .refusal(function: function, word) }
    guard let command = Command(frame, in: bytes.span) else {
      return .refusal(function: function, isStrangeLevel(frame, in: bytes) ? .notAuthorised : .other)
    }
    do throws(Refusal) {
      return try obey(command, at: now)
    } catch {
      return .refusal(function: function, error.word)
    }
  }

  /// Why a meter does not obey.
  struct Refusal: Error {
    let word: ErrorWord
    init(_ word: ErrorWord) { self.word = word }
  }

  /// Whether this meter is asked, and knows the function in its edition.
  private func isMeant(_ frame: Frame) -> Bool {
    switch (edition, frame.control.function) {
    case (.dlt645v2007, 0x15): frame.address != .broadcast && frame.address.matches(address)
    case (.dlt645v1997, 0x0A): frame.address == .broadcast || frame.address.matches(address)
    case (.dlt645v2007, 0x08), (.dlt645v2007, 0x16), (.dlt645v1997, 0x08):
      frame.address == .broadcast || frame.address == address
    case (.dlt645v1997, 0x05): frame.address == .broadcast
    case (.dlt645v2007, 0x03), (.dlt645v2007, 0x14...0x1D), (.dlt645v1997, 0x04), (.dlt645v1997, 0x0C),
      (.dlt645v1997, 0x0F), (.dlt645v1997, 0x10):
      frame.address == address
    default: false
    }
  }

  /// 03H, whose keys no meter here has, and password levels of other worlds: 98H and 99H.
  private func isStrangeLevel(_ frame: Frame, in bytes: [UInt8]) -> Bool {
    let place: Int
    switch frame.control.function {
    case 0x03: return true
    case 0x14, 0x18: place = 4
    case 0x04: place = 2
    case 0x19, 0x1A, 0x1B, 0x1C, 0x10, 0x0F: place = 0
    default: return false
    }
    return frame.dataCount >= place + 4
      && Password(wire: frame.data(from: place, in: bytes.span).prefix(4)) == nil
  }

  private mutating func obeySilently(_ command: BroadcastCommand, at now: SimulatedInstant) {
    switch command {
    case .time(let time): _ = takeTime(time, at: now)
    case .freeze(let pattern): freeze(pattern, at: now)
    // Where a meter of 1997 keeps it is its maker's affair.
    case .freeze1997: break
    }
  }

  /// The confirmation; `nil` where the meter says nothing.
  private mutating func obey(_ command: Command, at now: SimulatedInstant) throws(Refusal) -> Reply? {
    let done = Reply.done(function: command.function, [])
    switch command {
    case .write(let parameter, let password, let author):
      let isHigh = parameter.identifier.rawValue == 0x0400_0401 || parameter.identifier.rawValue == 0x0400_0402
      try admit(password, isHigh ? MeterAccess.highLevel : MeterAccess.ordinaryLevel, at: now)
      try write(parameter, author, at: now)
      return done
    case .writeAddress(let new), .writeAddress1997(let new):
      address = new.address
      return done
    case .freeze(let pattern):
      freeze(pattern, at: now)
      return done
    case .changeRate(let word), .changeRate1997(let word):
      guard habits.rates.contains(word.bitsPerSecond) else { throw Refusal(.rateFixed) }
      state.rate = word
      return .done(function: command.function, [word.rawValue])
    case .changePassword(let old, let new), .changePassword1997(let old, let new):
      try admit(old, new.level, at: now)
      state.access.passwords[new.level] = new
      return .passwordChanged(function: command.function, new)
    case .clearDemand(let password, let author):
      try admit(password, MeterAccess.ordinaryLevel, at: now)
      clearDemand(author, at: now)
      return done
    case .clearDemand1997(let password):
      try admit(password, MeterAccess.ordinaryLevel, at: now)
      clearDemand(nil, at: now)
      return done
    case .clearMeter(let password, let author):
      try admit(password, MeterAccess.highLevel, at: now)
      clearMeter(author, at: now)
      return done
    case .clearEvents(let selection, let password, let author):
      try admit(password, MeterAccess.highLevel, at: now)
      state.events.clear(selection)
      let told = selection.kind?.wireBytes ?? [0xFF, 0xFF, 0xFF, 0xFF]
      state.events.add(.eventClear, stamp(at: now) + author.wireBytes + told)
      return done
    case .supply(let action, let until, let password, let author):
      try admit(password, MeterAccess.highLevel, at: now)
      guard until.time >= registers.clock(at: now), state.supply.obey(action) else { throw Refusal(.other) }
      if action == .trip { state.events.add(.trip, stamp(at: now) + author.wireBytes) }
      if action == .close || action == .allowClose { state.events.add(.close, stamp(at: now) + author.wireBytes) }
      return done
    case .terminalOutput(let output):
      state.output = output
      return .done(function: command.function, [output.rawValue])
    case .setClock(let time):
      let isTaken = takeTime(time, at: now)
      guard habits.confirmsTime else { return nil }
      guard isTaken else { throw Refusal(.other) }
      return done
    case .write1997(let parameter, let password):
      try admit(password, MeterAccess.ordinaryLevel, at: now)
      try write(parameter, at: now)
      return done
    }
  }

  private mutating func admit(_ password: Password, _ level: Int, at now: SimulatedInstant) throws(Refusal) {
    guard state.access.admits(password, level: level, at: now, habits: habits) else { throw Refusal(.notAuthorised) }
  }
}

extension SimulatedDLT645Meter {
  /// Takes the time of a 08H as the standard has it: once a day, and where the clock is off by no more than the meter
  /// allows. The limit of five minutes is unverified.
  private mutating func takeTime(_ time: WireTime, at now: SimulatedInstant) -> Bool {
    let clock = registers.clock(at: now)
    guard state.timeSetOn != clock.date, abs(time.time.localSeconds - clock.localSeconds) <= habits.timeLimit
    else { return false }
    registers.setClock(time.time, at: now)
    state.timeSetOn = time.time.date
    return true
  }

  private mutating func freeze(_ pattern: FreezePattern, at now: SimulatedInstant) {
    guard pattern == .atOnce else {
      state.timedFreeze = (pattern, registers.clock(at: now).localSeconds)
      return
    }
    state.freezes = Array(([now] + state.freezes).prefix(Self.instantKept))
  }

  mutating func clearDemand(_ author: OperatorCode?, at now: SimulatedInstant) {
    let demands = told(0x0100_0000, at: now)
    state.events.add(.demandClear, stamp(at: now) + (author?.wireBytes ?? [0, 0, 0, 0]) + demands)
    registers.demandClearedAt = registers.trueSeconds(at: now)
  }

  private mutating func clearMeter(_ author: OperatorCode, at now: SimulatedInstant) {
    let energies = told(0x0000_0000, at: now)
    state.events.clear(.all)
    state.events.add(.meterClear, stamp(at: now) + author.wireBytes + energies)
    state.freezes = []
    if let pattern = state.timedFreeze?.pattern {
      state.timedFreeze = (pattern, registers.clock(at: now).localSeconds)
    }
    registers.clearedAt = registers.trueSeconds(at: now)
    registers.demandClearedAt = registers.clearedAt
  }

  /// The 24 registers that a clear keeps in its record: forward, reverse and the quadrants, in all and by phase.
  private func told(_ base: UInt32, at now: SimulatedInstant) -> [UInt8] {
    let codes: [UInt32] = [0x01, 0x02, 0x05, 0x06, 0x07, 0x08]
    let size = base == 0 ? 4 : 8
    return [UInt32](arrayLiteral: 0x00, 0x14, 0x28, 0x3C).flatMap { phase in
      codes.flatMap { code in
        cataloguePayload(of: DataIdentifier(rawValue: base | (code + phase) << 16), at: now)
          ?? [UInt8](repeating: 0xFF, count: size)
      }
    }
  }

  /// ss mm hh DD MM YY of the meter's clock.
  func stamp(at now: SimulatedInstant) -> [UInt8] {
    WireTime(registers.clock(at: now))?.wireBytes ?? [0, 0, 0, 0, 0, 0]
  }

  private mutating func write(
    _ parameter: Parameter, _ author: OperatorCode, at now: SimulatedInstant
  ) throws(Refusal) {
    let identifier = parameter.identifier
    let data = parameter.data
    let before = stamp(at: now)
    switch identifier.rawValue {
    case 0x0400_0101, 0x0400_0102, 0x0400_010C:
      try setClock(try? identifier.observations(in: data).first?.value, at: now)
      state.events.add(.clockSet, author.wireBytes + before + stamp(at: now))
    case 0x0400_0401:
      guard let new = Address(wire: data).flatMap({ IndividualAddress($0) }) else { throw Refusal(.other) }
      address = new.address
    case 0x0400_0B01: try setSettlement(data)
    default:
      if let word = MeterParameters.refusal(identifier, data, rates: registers.rateCount) { throw Refusal(word) }
      state.parameters[identifier] = data
    }
    state.events.add(.programming, before + author.wireBytes + identifier.wireBytes)
  }

  private mutating func write(_ parameter: ShortParameter, at now: SimulatedInstant) throws(Refusal) {
    let identifier = parameter.identifier
    let data = parameter.data
    let before = stamp(at: now)
    switch identifier.rawValue {
    case 0xC010, 0xC011: try setClock(try? identifier.observations(in: data).first?.value, at: now)
    case 0xC117: try setSettlement(data)
    default:
      if let word = MeterParameters.refusal(identifier, data) { throw Refusal(word) }
      state.parameters[identifier] = data
    }
    state.events.add(.programming, before)
  }

  private mutating func setClock(_ value: Value?, at now: SimulatedInstant) throws(Refusal) {
    let clock = registers.clock(at: now)
    switch value {
    case .date(let date): registers.setClock(MeterTime(date: date, time: clock.time), at: now)
    case .timeOfDay(let time): registers.setClock(MeterTime(date: clock.date, time: time), at: now)
    case .instant(let time): registers.setClock(time, at: now)
    default: throw Refusal(.other)
    }
  }

  /// hh DD.
  private mutating func setSettlement(_ data: [UInt8]) throws(Refusal) {
    guard data.count == 2, let hour = decimalNumber(data.prefix(1)), let day = decimalNumber(data.suffix(1)),
      let settlement = SettlementDay(day: day, hour: hour)
    else { throw Refusal(.other) }
    registers.settlementDay = settlement.day
    registers.settlementHour = settlement.hour
  }
}
