package import DLT645
internal import Devices
package import Line
package import Metering
internal import Modbus
internal import ModbusClient

/// Why the Modbus engine could not be made.
public struct SpeakerError: Error, Hashable, Sendable {
  public let reason: String
}

/// Puts a question to a meter in its own protocol and tells what came of it.
///
/// Belongs to the thread of one line, with the Modbus engine that serves it.
package final class MeterSpeaker {
  private var modbus: ModbusContext
  /// Called before each exchange but the first of a question that takes several, with what is asked next.
  var giveWay: (Query) throws(LineError) -> Void = { _ in }

  /// Speaks Modbus TCP where `address` says so, else Modbus RTU.
  package init(on address: PortAddress) throws(SpeakerError) {
    do {
      modbus = try ModbusContext(address.isModbusTCP ? .tcp : .rtu)
    } catch {
      throw SpeakerError(reason: "\(error)")
    }
  }

  /// What came of a question.
  package struct Said {
    package var result: SaidResult
    package var record: ExchangeRecord
    /// A second answer to the same question came, and said something else.
    package var isContradicted = false
  }

  package enum SaidResult {
    case told(Told)
    case refused(String)
    case damaged(String)
    case silent
  }

  package struct Told {
    package let observations: [Observation]
    /// The frames that were believed.
    package let frames: [[UInt8]]
    /// The address that answered, where it was not known before.
    package var from: Address?
    /// Registers of the answer that could not be read.
    var faults: [RegisterFault] = []
    /// The bytes behind the identifier, of what an events task reads; empty of all else.
    var payload: [UInt8] = []
  }

  /// How long a second meter at the same address is waited for where it matters most.
  static let patience = BootInstant.Span.milliseconds(50)

  /// What of the silence after an answer is left for making the next request; bytes that come then are only counted.
  private static let preparation = BootInstant.Span.milliseconds(1)

  /// Asks once; no retries. Throws when the port fails.
  ///
  /// An answer is listened after for `listening`, or for the silence that the line keeps anyway. `latestDemand` is up
  /// to when a maximum demand without a year can have occurred.
  package func ask(
    _ query: Query, of meter: LineMeter, on line: Line, replyTimeout: BootInstant.Span,
    listening: BootInstant.Span = .zero, latestDemand: MeterTime? = nil
  ) throws(LineError) -> Said {
    switch (query, meter.address) {
    case (.identifier(let identifier), .dlt645(let address)):
      return try read(
        .data(identifier), from: address, meter, line, replyTimeout, listening, keepsPayload: identifier.isEventData
      ) { (payload) throws(DataError) in
        // A record of an event is kept whatever it holds, and judged where it is stored.
        identifier.isEventRecord ? [] : try identifier.observations(in: payload)
      }
    case (.profile(let span), .dlt645(let address)):
      guard let read = span.read else {
        return Said(result: .damaged("\(query) cannot be asked"), record: ExchangeRecord(nothingSentAt: line.now))
      }
      return try self.read(.profile(read), from: address, meter, line, replyTimeout, listening) {
        (payload) throws(DataError) in try read.identifier.profileObservations(in: payload)
      }
    case (.shortIdentifier(let identifier), .dlt645(let address)):
      let reader = OldReader(speaker: self, meter: meter, address: address, line: line, replyTimeout: replyTimeout)
      guard case .shortIdentifier(let times)? = meter.timesOfDemand(query) else {
        return try reader.read(identifier, listening: listening)
      }
      return try reader.readDemand(identifier, times: times, latest: latestDemand, listening: listening)
    case (.registers(let function, let start, let count), .modbus(let unit)):
      guard let request = ReadRequest(unit: unit, function: function, register: start, count: count) else {
        return Said(result: .damaged("\(query) cannot be asked"), record: ExchangeRecord(nothingSentAt: line.now))
      }
      return try read(request, query, meter, line, replyTimeout, listening)
    case (.identifier, .modbus), (.shortIdentifier, .modbus), (.profile, .modbus), (.registers, .dlt645), (.frozen, _):
      return Said(
        result: .damaged("\(query) is no question for \(meter.address)"),
        record: ExchangeRecord(nothingSentAt: line.now))
    }
  }

  /// Reads one identifier with its follow-ups; `decode` makes values of the bytes after it.
  func read<Fault: Error>(
    _ request: ReadExchange.Request, from address: Address, _ meter: LineMeter, _ line: Line,
    _ replyTimeout: BootInstant.Span, _ listening: BootInstant.Span, keepsPayload: Bool = false,
    decode: ([UInt8]) throws(Fault) -> [Observation]
  ) throws(LineError) -> Said {
    var conversation = DLT645Conversation(
      request, to: address, wakeUps: meter.wakeUps, rates: meter.profile.rates)
    let timing = ExchangeTiming(silence: meter.quietBefore, reply: replyTimeout, gap: meter.gap)
    return try carry(&conversation, on: line, meter.settings, timing, listening) { result($0, keepsPayload, decode) }
  }

  /// Runs a question to its end and listens after its answer, which a second one may turn. `result` is worked out
  /// within the silence that follows anyway.
  private func carry<Question: JudgedConversation>(
    _ conversation: inout Question, on line: Line, _ settings: SerialSettings, _ timing: ExchangeTiming,
    _ listening: BootInstant.Span, result: (Question) -> SaidResult
  ) throws(LineError) -> Said {
    let record = try line.run(&conversation, settings: settings, timing: timing)
    var said = Said(result: result(conversation), record: record, isContradicted: conversation.isContradicted)
    guard conversation.end.isAnswer else { return said }
    try line.settle(&conversation, silence: max(timing.silence - Self.preparation, listening))
    if !conversation.end.isAnswer {
      said.result = .damaged(conversation.damage)
      said.isContradicted = conversation.isContradicted
    }
    return said
  }

  private func result<Fault: Error>(
    _ conversation: DLT645Conversation, _ keepsPayload: Bool, _ decode: ([UInt8]) throws(Fault) -> [Observation]
  ) -> SaidResult {
    switch conversation.end {
    case .silent: return .silent
    case .damaged: return .damaged(conversation.damage)
    case .refused(let reason): return .refused(reason)
    case .answered:
      guard case .data(let payload, let from, let frames) = conversation.outcome else { return .silent }
      do throws(Fault) {
        let told = try decode(payload)
        return .told(Told(observations: told, frames: frames, from: from, payload: keepsPayload ? payload : []))
      } catch {
        return .damaged("\(error)")
      }
    }
  }

  private func read(
    _ request: ReadRequest, _ query: Query, _ meter: LineMeter, _ line: Line, _ replyTimeout: BootInstant.Span,
    _ listening: BootInstant.Span
  ) throws(LineError) -> Said {
    let bytes: [UInt8]
    do {
      bytes = try modbus.request(request)
    } catch {
      return Said(result: .damaged("libmodbus: \(error)"), record: ExchangeRecord(nothingSentAt: line.now))
    }
    var conversation = ModbusConversation(request, request: bytes, overTCP: modbus.framing == .tcp)
    // On a network there is no rate, whatever the meter has behind its gateway.
    let settings = modbus.framing == .tcp ? .network : meter.settings
    // A frame on a serial line ends with a silence, and the next must not begin before it.
    let silence = max(settings.frameSilence, meter.quietBefore)
    let timing = ExchangeTiming(silence: silence, reply: replyTimeout, gap: meter.gap)
    return try carry(&conversation, on: line, settings, timing, listening) { result($0, request, meter) }
  }

  private func result(_ conversation: ModbusConversation, _ request: ReadRequest, _ meter: LineMeter) -> SaidResult {
    switch conversation.end {
    case .silent: return .silent
    case .damaged: return .damaged(conversation.damage)
    case .refused(let reason): return .refused(reason)
    case .answered:
      guard let found = conversation.found else { return .silent }
      do {
        let registers = try modbus.confirm(found.frame)
        let (told, faults) = meter.observations(in: registers, from: request.register, function: request.function)
        if told.isEmpty, let fault = faults.first { return .damaged("\(fault)") }
        return .told(Told(observations: told, frames: [found.frame], faults: faults))
      } catch {
        return .damaged("\(error)")
      }
    }
  }

  /// The last frame of a whole answer to `query` in bytes that came for another reason; `nil` where there is none.
  ///
  /// A refusal does not say what it refuses, so it counts for nothing here.
  func answer(in bytes: [UInt8], to query: Query, of meter: LineMeter) -> [UInt8]? {
    switch (query, meter.address) {
    case (.identifier(let identifier), .dlt645(let address)):
      return answer(in: bytes, to: .data(identifier), from: address, meter)
    case (.shortIdentifier(let identifier), .dlt645(let address)):
      return answer(in: bytes, to: .data1997(identifier), from: address, meter)
    case (.registers(let function, let start, let count), .modbus(let unit)):
      // Over TCP a second answer has the number of its question and is no riddle.
      guard modbus.framing == .rtu,
        let request = ReadRequest(unit: unit, function: function, register: start, count: count)
      else { return nil }
      var conversation = ModbusConversation(request, request: request.rtu)
      for byte in bytes { _ = conversation.receive(byte) }
      guard case .registers = conversation.found?.reply else { return nil }
      return conversation.found?.frame
    case (.identifier, .modbus), (.shortIdentifier, .modbus), (.registers, .dlt645), (.frozen, _), (.profile, _):
      return nil
    }
  }

  private func answer(
    in bytes: [UInt8], to request: ReadExchange.Request, from address: Address, _ meter: LineMeter
  ) -> [UInt8]? {
    var conversation = DLT645Conversation(request, to: address, wakeUps: 0, rates: meter.profile.rates)
    _ = conversation.start()
    for byte in bytes { _ = conversation.receive(byte) }
    if conversation.outcome == nil { _ = conversation.timedOut() }
    switch conversation.outcome {
    case .data(_, _, let frames): return frames.last
    // Two more, that differ.
    case .failed(.contradicted): return []
    case .address, .refused, .failed, .silent, .none: return nil
    }
  }
}
