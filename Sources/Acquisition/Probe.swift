public import DLT645
public import Devices
internal import Host
public import Line
public import Metering
public import Modbus

/// One meter asked directly, without a plan: what a technician does on a ladder.
///
/// The same conversations as in the daemon, on a line of its own. Blocks its thread.
public final class Probe {
  let line: Line
  private let speaker: MeterSpeaker
  private let port: PortAddress
  private var heard: [Traffic] = []

  /// What one question gave.
  public struct Result: Sendable {
    public enum Outcome: Sendable {
      /// Values, and values of the same answer that cannot be, with the reason.
      case told([Observation], notBelieved: [String])
      /// What the catalogue names and no quantity stands for.
      case items([DecodedItem])
      /// Registers as they came, from the first that was asked for.
      case registers([UInt16], from: UInt16)
      case refused(String)
      /// Bytes came and are not believed.
      case damaged(String)
      case silent
    }
    /// The question, such as `DI 0001FF00`.
    public let name: String
    public let outcome: Outcome
    public let tries: Int
    /// From the first byte sent to the last received, of the last try.
    public let roundTrip: BootInstant.Span
    /// Every run of bytes on the wire.
    public let traffic: [Traffic]

    /// The same of nothing but `quantities`: a read of registers brings those that stand between as well.
    public func telling(only quantities: Set<Quantity>) -> Result {
      guard case .told(let observations, let doubts) = outcome else { return self }
      let told = observations.filter { quantities.contains($0.quantity) }
      let names = quantities.map(\.name)
      let own = doubts.filter { doubt in names.contains { doubt.contains($0) } }
      return Result(
        name: name, outcome: .told(told, notBelieved: own), tries: tries, roundTrip: roundTrip, traffic: traffic)
    }
  }

  /// What came of a first question.
  public enum Greeting: Hashable, Sendable {
    /// One meter answers; it may refuse the question.
    case here(MeterAddress)
    /// More than one answers; those that could be told apart.
    case several([MeterAddress])
    /// Bytes come that are no answer.
    case garbled
    case silent
  }

  /// Opens the port.
  public init(_ port: PortAddress, settings: SerialSettings) throws(LineError) {
    self.port = port
    line = Line(port, settings: settings, guardedBy: WireGuard())
    do throws(SpeakerError) {
      speaker = try MeterSpeaker(on: port)
    } catch {
      throw .inputOutput(port, operation: "libmodbus", errno: 0)
    }
    try line.open()
    line.onTraffic = { [weak self] in self?.heard.append($0) }
  }

  /// Asks up to `tries` times; a refusal is an answer.
  public func ask(_ query: Query, of meter: LineMeter, tries: Int) throws(LineError) -> Result {
    try repeated("\(query)", tries) { () throws(LineError) in
      let said = try speaker.ask(
        query, of: meter, on: line, replyTimeout: meter.replyLimit, listening: MeterSpeaker.patience)
      let outcome: Result.Outcome =
        switch said.result {
        case .told(let told): .told(told.observations, notBelieved: told.faults.map { "\($0)" })
        case .refused(let reason): .refused(reason)
        case .damaged(let reason): .damaged(reason)
        case .silent: .silent
        }
      return (outcome, said.record)
    }
  }

  /// Reads an item of a 1997 meter.
  public func ask(
    _ identifier: ShortIdentifier, of address: Address, settings: SerialSettings, tries: Int
  ) throws(LineError) -> Result {
    try repeated("DI \(identifier)", tries) { () throws(LineError) in
      var conversation = DLT645Conversation(.data1997(identifier), to: address, wakeUps: 4, rates: 0)
      let record = try line.run(&conversation, settings: settings, timing: Self.patientTiming)
      if conversation.end.isAnswer { try line.settle(&conversation, silence: MeterSpeaker.patience) }
      return (Self.outcome(conversation, identifier), record)
    }
  }

  private static func outcome(_ conversation: DLT645Conversation, _ identifier: ShortIdentifier) -> Result.Outcome {
    switch conversation.end {
    case .silent: return .silent
    case .refused(let reason): return .refused(reason)
    case .damaged: return .damaged(conversation.damage)
    case .answered:
      guard case .data(let payload, _, _) = conversation.outcome else { return .silent }
      do throws(DataError) {
        let told = try identifier.observations(in: payload)
        guard told.isEmpty else { return .told(told, notBelieved: []) }
        return .items(try identifier.decode(payload).items)
      } catch {
        return .damaged("\(error)")
      }
    }
  }

  /// Reads registers of a Modbus unit as they are.
  public func ask(
    _ request: ReadRequest, settings: SerialSettings, timeout: BootInstant.Span, tries: Int
  ) throws(LineError) -> Result {
    let kind = request.function == .inputRegisters ? "input" : "holding"
    return try repeated("\(kind) \(request.register)+\(request.count)", tries) { () throws(LineError) in
      var conversation = line.conversation(reading: request)
      let timing = ExchangeTiming(silence: settings.frameSilence, reply: timeout, gap: .milliseconds(100))
      let record = try line.run(&conversation, settings: settings, timing: timing)
      if conversation.end.isAnswer { try line.settle(&conversation, silence: MeterSpeaker.patience) }
      switch conversation.end {
      case .answered:
        guard case .registers(let words) = conversation.found?.reply else { return (.silent, record) }
        return (.registers(words, from: request.register), record)
      case .refused(let reason): return (.refused(reason), record)
      case .damaged: return (.damaged(conversation.damage), record)
      case .silent: return (.silent, record)
      }
    }
  }

  private func repeated(
    _ name: String, _ tries: Int, _ once: () throws(LineError) -> (Result.Outcome, ExchangeRecord)
  ) throws(LineError) -> Result {
    heard = []
    var count = 0
    while true {
      count += 1
      let (outcome, record) = try once()
      let isFinal =
        switch outcome {
        case .told, .items, .refused, .registers: true
        case .damaged, .silent: count >= tries
        }
      if isFinal {
        return Result(
          name: name, outcome: outcome, tries: count, roundTrip: record.endedAt - record.startedAt, traffic: heard)
      }
      _ = try line.quarantine(silence: .milliseconds(100))
    }
  }

  private static let patientTiming = ExchangeTiming(
    silence: ScanPlan.silence, reply: .milliseconds(1500), gap: .milliseconds(500))
}

extension Probe {
  /// Asks whether a meter is there, in one language and at one setting, up to `tries` times.
  ///
  /// Without an address a DL/T 645 meter that is alone on the line tells its own. All that was heard on the wire
  /// goes to `traffic`, for those who want to see it.
  public func greet(
    _ address: MeterAddress?, _ language: ScanPlan.Language, settings: SerialSettings, timeout: BootInstant.Span,
    tries: Int
  ) throws(LineError) -> (greeting: Greeting, traffic: [Traffic]) {
    heard = []
    var last = Greeting.silent
    for _ in 0..<tries {
      let greeting = try greet(address, language, settings, timeout)
      switch greeting {
      case .here, .several: return (greeting, heard)
      case .garbled: last = greeting
      case .silent: break
      }
      _ = try line.quarantine(silence: .milliseconds(100))
    }
    return (last, heard)
  }

  private func greet(
    _ address: MeterAddress?, _ language: ScanPlan.Language, _ settings: SerialSettings, _ timeout: BootInstant.Span
  ) throws(LineError) -> Greeting {
    let isOld = language == .dlt645of1997
    switch address {
    case .modbus(let unit):
      guard let read = ReadRequest(unit: unit, function: .holdingRegisters, register: 0, count: 2) else {
        return .silent
      }
      var conversation = line.conversation(reading: read)
      let timing = ExchangeTiming(silence: settings.frameSilence, reply: timeout, gap: .milliseconds(100))
      _ = try line.run(&conversation, settings: settings, timing: timing)
      return greeting(conversation.end, .modbus(unit: unit))
    case .dlt645(let address):
      let proof: ReadExchange.Request =
        isOld ? .data1997(ShortIdentifier(rawValue: 0x9010)) : .data(DataIdentifier(rawValue: 0x0001_0000))
      var conversation = DLT645Conversation(proof, to: address, wakeUps: 4, rates: 0)
      let timing = ExchangeTiming(silence: ScanPlan.silence, reply: timeout, gap: .milliseconds(500))
      _ = try line.run(&conversation, settings: settings, timing: timing)
      return greeting(conversation.end, .dlt645(address))
    case nil:
      guard language != .modbus else { return .silent }
      var search = AddressSearch(isOld ? .dlt645v1997 : .dlt645v2007)
      let survey = survey(settings: settings, timeout: timeout)
      while let question = search.next() {
        let heard = try survey.hear(question, settings)
        search.heard(heard)
        // Several meters, or noise: a scan tells them apart.
        if search.questionsLeft >= 99 {
          if case .replies(let replies, _) = heard, !replies.isEmpty {
            return .several(replies.map { .dlt645($0.number ?? $0.from) })
          }
          return .garbled
        }
      }
      return search.found.first.map { .here(.dlt645($0)) } ?? (search.isGarbageHeard ? .garbled : .silent)
    }
  }

  private func greeting(_ end: ConversationEnd, _ address: MeterAddress) -> Greeting {
    switch end {
    case .answered, .refused: .here(address)
    case .damaged: .garbled
    case .silent: .silent
    }
  }

  private func survey(settings: SerialSettings, timeout: BootInstant.Span, profiles: [DeviceProfile] = []) -> Survey {
    Survey(line, ScanPlan([], on: port, settings: [settings], timeout: timeout), profiles: profiles)
  }

  /// The profiles that a meter is likely to have, the best first, with what spoke for them; none where none fits.
  public func recognise(
    _ address: MeterAddress, _ language: ScanPlan.Language, settings: SerialSettings, profiles: [DeviceProfile]
  ) throws(LineError) -> [Recognition.Guess] {
    let survey = survey(settings: settings, timeout: .milliseconds(600), profiles: profiles)
    switch address {
    case .modbus(let unit): return try survey.recognise(unit, settings).guesses
    case .dlt645(let own):
      var meter = FoundMeter(language, address, settings)
      try survey.describe(&meter, at: own)
      return meter.guesses
    }
  }
}
