internal import DLT645
internal import Devices
internal import Host
internal import Line
internal import Metering
internal import Modbus

/// Looks for meters on one open line, question by question. Blocks its thread.
struct Survey {
  let line: Line
  let plan: ScanPlan
  let profiles: [DeviceProfile]
  let isStopped: () -> Bool
  let tell: (ScanEvent) -> Void

  private var found: [FoundMeter] = []
  private var done = 0
  private var step = 0

  init(
    _ line: Line, _ plan: ScanPlan, profiles: [DeviceProfile], isStopped: @escaping () -> Bool = { false },
    tell: @escaping (ScanEvent) -> Void = { _ in }
  ) {
    self.line = line
    self.plan = plan
    self.profiles = profiles
    self.isStopped = isStopped
    self.tell = tell
  }

  /// All meters that answer, until the plan is through or somebody stops it.
  mutating func run() throws(LineError) -> [FoundMeter] {
    for (index, next) in plan.steps.enumerated() {
      guard !isStopped() else { break }
      step = index
      tell(.began(next))
      do throws(LineError) {
        switch next.language {
        case .dlt645of2007: try search(.dlt645v2007, next)
        case .dlt645of1997: try search(.dlt645v1997, next)
        case .modbus: try sweep(next)
        }
      } catch {
        // A port that cannot do one setting may do the next.
        guard !error.losesPort else { throw error }
        tell(.note("\(error)"))
      }
    }
    return found
  }

  /// Found before at the same rate: on a port without parity both settings reach the same meter.
  private func isKnown(_ address: MeterAddress, _ settings: SerialSettings) -> Bool {
    found.contains { $0.address == address && $0.settings.baud == settings.baud }
  }

  private mutating func took(_ left: Int) {
    done += 1
    var time = plan.questionTime(of: plan.steps[step]) * Int64(left)
    for next in plan.steps.dropFirst(step + 1) {
      time = time + plan.questionTime(of: next) * Int64(plan.questions(of: next))
    }
    tell(.progress(done: done, left: time))
  }

  private mutating func add(_ meter: FoundMeter) {
    found.append(meter)
    tell(.found(meter))
  }
}

extension Survey {
  private mutating func search(_ edition: Edition, _ step: ScanPlan.Step) throws(LineError) {
    let known = found.compactMap { meter -> Address? in
      guard case .dlt645(let address) = meter.address, meter.settings.baud == step.settings.baud else { return nil }
      return address
    }
    var search = AddressSearch(edition, isThorough: plan.isThorough, known: Set(known))
    var told = 0
    while !isStopped(), let question = search.next() {
      search.heard(try hear(question, step.settings))
      took(search.questionsLeft)
      for address in search.found.dropFirst(told) {
        var meter = FoundMeter(step.language, .dlt645(address), step.settings)
        try describe(&meter, at: address)
        add(meter)
      }
      told = search.found.count
    }
    let place = "\(step.language.rawValue) at \(step.settings)"
    if search.isNamelessThere {
      tell(.note("\(place): a meter answers with a wildcard address and can be read only alone on its line"))
    }
    for address in search.crowded { tell(.note("\(place): more than one meter has the address \(address)")) }
    for address in search.doubtful { tell(.note("\(place): \(address) was told once and gives no sound answer")) }
    if search.isNoisy {
      tell(
        .note(
          "\(place): bytes that are no frame come over and over, as noise does; meters that speak at once may not be found"
        ))
    }
    if search.isGarbageHeard, search.found.isEmpty, known.isEmpty {
      tell(.note("\(place): bytes come that are no frame; another speed or parity, or meters that speak at once"))
    }
  }

  /// Puts one question and listens until nobody can answer any more.
  func hear(
    _ question: AddressSearch.Question, _ settings: SerialSettings
  ) throws(LineError) -> AddressSearch.Heard {
    let silence = question.followsCollision ? ScanPlan.silenceAfterCollision : ScanPlan.silence
    var hearing = Hearing(question.request, to: question.address)
    let timing = ExchangeTiming(
      silence: silence, reply: plan.dlt645Timeout, gap: min(plan.dlt645Timeout, .milliseconds(500)))
    _ = try line.run(&hearing, settings: settings, timing: timing)
    return AddressSearch.Heard(hearing.bytes, broken: hearing.broken, answering: question.request)
  }

  /// How many phases and rates the meter has, and so which profile is likely its own.
  func describe(_ meter: inout FoundMeter, at address: Address) throws(LineError) {
    let isOld = meter.language == .dlt645of1997
    let voltage: ReadExchange.Request =
      isOld ? .data1997(ShortIdentifier(rawValue: 0xB612)) : .data(DataIdentifier(rawValue: 0x0201_0200))
    let second = try read(voltage, address, meter.settings)
    var evidence: [String] = []
    var phases: Int?
    switch second {
    case .number(let number) where number.millionths > 0:
      phases = 3
      evidence.append("voltage.l2 \(number) V")
    case .number, .nothing:
      phases = 1
      evidence.append("no voltage.l2")
    case .silence: meter.notes.append("it did not answer when it was asked for voltage.l2")
    }
    if !isOld,
      case .number(let rates) = try read(.data(DataIdentifier(rawValue: 0x0400_0204)), address, meter.settings)
    {
      evidence.append("\(rates) rates")
    }
    let fitting = profiles.filter { profile in
      guard case .dlt645(let edition, _) = profile.language, edition.rawValue == meter.language.rawValue else {
        return false
      }
      return phases.map { $0 == profile.phases } ?? true
    }
    // A profile of any maker's meter, unless there is none.
    let general = fitting.filter { $0.name.hasPrefix(meter.language.rawValue) }
    meter.guesses = (general.isEmpty ? fitting : general).map {
      Recognition.Guess(profile: $0.name, points: evidence.count, evidence: evidence)
    }
  }

  private enum Told {
    case number(RegisterValue)
    /// Refused, or filled.
    case nothing
    case silence
  }

  private func read(
    _ request: ReadExchange.Request, _ address: Address, _ settings: SerialSettings
  ) throws(LineError) -> Told {
    for _ in 0..<2 {
      var conversation = DLT645Conversation(request, to: address, wakeUps: 4, rates: 0)
      let timing = ExchangeTiming(
        silence: ScanPlan.silence, reply: plan.dlt645Timeout * 2, gap: .milliseconds(500))
      _ = try line.run(&conversation, settings: settings, timing: timing)
      switch conversation.outcome {
      case .refused: return .nothing
      case .data(let payload, _, _):
        let told =
          switch request {
          case .data(let identifier): try? identifier.observations(in: payload)
          case .data1997(let identifier): try? identifier.observations(in: payload)
          case .address, .profile, .again1997: [Observation]?.none
          }
        guard case .number(let number) = told?.first?.value else { return .nothing }
        return .number(number)
      case .address, .silent, .failed, nil: _ = try line.quarantine(silence: .milliseconds(100))
      }
    }
    return .silence
  }
}

extension Survey {
  private mutating func sweep(_ step: ScanPlan.Step) throws(LineError) {
    let functions: [ReadFunction] = plan.isThorough ? [.holdingRegisters, .inputRegisters] : [.holdingRegisters]
    var answering: Set<UInt8> = []
    var late: Set<UInt8> = []
    var garbled: [UInt8] = []
    let units = plan.addressableUnits
    if try isEveryUnitTheSame(units, step.settings) {
      // 1 is what most programs ask for first.
      let one = units.contains(1) ? 1 : units[0]
      tell(.note("the server answers for every unit number, each time as the same meter; only unit \(one) is listed"))
      return try addUnit(one, step, isLate: false)
    }
    var left = units.count * functions.count
    for function in functions {
      for unit in units {
        guard !isStopped() else { return }
        left -= 1
        guard !answering.contains(unit), !isKnown(.modbus(unit: unit), step.settings) else { continue }
        var (end, foreign) = try call(unit, function, step.settings)
        if case .damaged = end { (end, foreign) = try call(unit, function, step.settings) }
        switch end {
        case .answered, .refused: answering.insert(unit)
        case .damaged: garbled.append(unit)
        case .silent: break
        }
        // A unit that was asked before answers when nobody waits for it any more.
        for slow in foreign where plan.units.contains(slow) && slow != unit && !answering.contains(slow) {
          late.insert(slow)
          answering.insert(slow)
          try addUnit(slow, step, isLate: true)
        }
        took(left)
        if answering.contains(unit) { try addUnit(unit, step, isLate: late.contains(unit)) }
      }
    }
    if !garbled.isEmpty {
      let units = garbled.prefix(8).map(String.init).joined(separator: ", ")
      tell(
        .note(
          "modbus at \(step.settings): bytes that are no frame answer unit \(units); another speed or parity, or two meters with one number"
        ))
    }
  }

  private mutating func addUnit(_ unit: UInt8, _ step: ScanPlan.Step, isLate: Bool) throws(LineError) {
    guard !isKnown(.modbus(unit: unit), step.settings) else { return }
    var meter = FoundMeter(.modbus, .modbus(unit: unit), step.settings)
    if isLate {
      meter.notes.append("it answers later than \(plan.modbusTimeout.milliseconds) ms: raise reply-timeout-ms")
    }
    let (guesses, isCrowded) = try recognise(unit, step.settings)
    meter.guesses = guesses
    if isCrowded { meter.notes.append("two different answers came: two meters may have this number") }
    add(meter)
  }

  /// Asks a unit for two registers: any sound reply, refusals too, shows that it is there. Also units that answered
  /// without being asked now.
  private func call(
    _ unit: UInt8, _ function: ReadFunction, _ settings: SerialSettings
  ) throws(LineError) -> (ConversationEnd, foreign: [UInt8]) {
    guard let read = ReadRequest(unit: unit, function: function, register: 0, count: 2) else { return (.silent, []) }
    var conversation = line.conversation(reading: read)
    let timing = ExchangeTiming(
      silence: settings.frameSilence, reply: plan.modbusTimeout,
      gap: max(settings.characterTime * 20, .milliseconds(30)))
    _ = try line.run(&conversation, settings: settings, timing: timing)
    let end = conversation.end
    if case .damaged = end { _ = try line.quarantine(silence: .milliseconds(100)) }
    return (end, conversation.foreign)
  }

  /// The profiles whose registers hold what a grid has, and whether answers contradicted each other.
  func recognise(
    _ unit: UInt8, _ settings: SerialSettings
  ) throws(LineError) -> (guesses: [Recognition.Guess], isCrowded: Bool) {
    var isCrowded = false
    var known: [Query: [UInt16]] = [:]
    var refused: Set<Query> = []
    var guesses: [Recognition.Guess] = []
    for profile in profiles {
      guard case .modbus = profile.language else { continue }
      let meter = LineMeter(id: .unnamed, address: .modbus(unit: unit), profile: profile, settings: settings)
      var told: [Observation] = []
      for query in Recognition.queries(meter) {
        guard !isStopped(), case .registers(let function, let start, let count) = query else { break }
        if known[query] == nil, !refused.contains(query) {
          if let words = try registers(unit, function, start, count, settings, &isCrowded) {
            known[query] = words
          } else {
            refused.insert(query)
          }
        }
        // A profile whose first sign is not there is not the meter's.
        guard let words = known[query] else { break }
        told += meter.observations(in: words, from: start, function: function).told
      }
      guesses.append(Recognition.judge(told, profile))
    }
    return (Recognition.best(guesses), isCrowded)
  }

  private func registers(
    _ unit: UInt8, _ function: ReadFunction, _ start: UInt16, _ count: UInt16, _ settings: SerialSettings,
    _ isCrowded: inout Bool
  ) throws(LineError) -> [UInt16]? {
    guard let read = ReadRequest(unit: unit, function: function, register: start, count: count) else { return nil }
    for _ in 0..<2 {
      var conversation = line.conversation(reading: read)
      let timing = ExchangeTiming(
        silence: settings.frameSilence, reply: max(plan.modbusTimeout * 3, .milliseconds(300)),
        gap: max(settings.characterTime * 20, .milliseconds(30)))
      _ = try line.run(&conversation, settings: settings, timing: timing)
      if conversation.end.isAnswer { try line.settle(&conversation, silence: MeterSpeaker.patience) }
      isCrowded = isCrowded || conversation.isContradicted
      if case .registers(let words) = conversation.found?.reply { return words }
      if case .refused = conversation.end { return nil }
      _ = try line.quarantine(silence: .milliseconds(100))
    }
    return nil
  }
}

/// Sends one DL/T 645 question and takes down everything that comes until nobody can answer any more.
struct Hearing: Conversation {
  private let request: [UInt8]
  private(set) var bytes: [UInt8] = []
  /// Characters with wrong parity.
  private(set) var broken = 0

  init(_ request: ReadExchange.Request, to address: Address) {
    var exchange = ReadExchange(request, to: address)
    self.request = if case .send(let bytes) = exchange.start() { bytes } else { [] }
  }

  mutating func start() -> ConversationStep { .send(request, longestReply: 500) }
  mutating func receive(_ byte: UInt8) -> ConversationStep {
    if bytes.count < 4096 { bytes.append(byte) }
    return .listen
  }
  mutating func interrupted() { broken += 1 }
  mutating func timedOut() -> ConversationStep { .finished }
}
