public import DLT645
public import Line
public import Metering
public import Modbus
internal import Host

/// Changes one meter directly, for a person who is allowed to. It sends once and never by itself again.
///
/// The guard of the line has the last word. Blocks its thread.
public final class Commander {
  private let line: Line
  /// What changed a meter or was kept back, in order: what an audit log must hold.
  public private(set) var controls: [ControlRecord] = []

  /// How a command ended.
  public enum Outcome: Hashable, Sendable {
    /// The meter says that it obeyed; for Modbus writes what was written was read back as well.
    case done
    /// The meter says no.
    case refused(String)
    /// Nobody answered: whether the meter obeyed is not known. For broadcasts this is all there is.
    case silent
    /// An answer came that cannot be believed, or another value stands in the meter than was written.
    case failed(String)
  }

  /// Opens the port.
  public init(_ port: PortAddress, settings: SerialSettings, permissions: Permissions) throws(LineError) {
    line = Line(port, settings: settings, guardedBy: WireGuard(permissions))
    try line.open()
    line.onControl = { [weak self] in self?.controls.append($0) }
  }

  /// Sends a DL/T 645 command to one meter of `edition`.
  public func carry(
    _ command: Command, to meter: IndividualAddress, of edition: Edition, wakeUps: Int, timeout: BootInstant.Span
  ) throws(LineError) -> Outcome {
    var conversation = CommandConversation(command, to: meter, wakeUps: wakeUps)
    let timing = ExchangeTiming(silence: .milliseconds(30), reply: timeout, gap: .milliseconds(500))
    _ = try line.run(&conversation, timing: timing)
    try line.settle(&conversation, silence: MeterSpeaker.patience)
    switch conversation.outcome {
    case .done: return try confirmed(command, meter, edition, wakeUps, timing)
    case .refused(let word, _, _):
      let names = word.names(in: command.edition)
      return .refused(names.isEmpty ? "\(word)" : names.joined(separator: ", "))
    case .failed(let error): return .failed("\(error)")
    case .silent, .none:
      guard case .setClock = command else { return .silent }
      let seen = try confirmed(command, meter, edition, wakeUps, timing)
      if case .failed = seen { return .silent }
      return seen
    }
  }

  /// Reads back what can be read: a meter that says "done" has been seen to keep something else.
  private func confirmed(
    _ command: Command, _ meter: IndividualAddress, _ edition: Edition, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> Outcome {
    let place: Place
    let written: [UInt8]
    switch command {
    case .write(let parameter, _, _):
      // A meter that was given another address answers from there.
      guard parameter.identifier.rawValue != 0x0400_0401 else { return .done }
      place = .of2007(parameter.identifier)
      written = parameter.data
    case .write1997(let parameter, _):
      place = .of1997(parameter.identifier)
      written = parameter.data
    case .setClock(let time):
      place = .timeOfDay(edition)
      return try shows(time.time.time, at: place, meter, wakeUps, timing) ?? .failed("the clock could not be read back")
    default: return .done
    }
    // Until a clock is read back it has gone on.
    if let time = place.clock(in: written) {
      return try shows(time, at: place, meter, wakeUps, timing) ?? .failed(Self.unread)
    }
    guard let told = try read(place.request, meter, wakeUps, timing) else { return .failed(Self.unread) }
    // Tables come back filled to their full length.
    return told.starts(with: written) ? .done : .failed("the meter confirmed, and another value stands there")
  }

  private static let unread = "the meter confirmed, and what was written could not be read back"

  /// Where something was written.
  private enum Place {
    case of2007(DataIdentifier)
    case of1997(ShortIdentifier)

    static func timeOfDay(_ edition: Edition) -> Place {
      edition == .dlt645v1997
        ? .of1997(ShortIdentifier(rawValue: 0xC011)) : .of2007(DataIdentifier(rawValue: 0x0400_0102))
    }

    var request: ReadExchange.Request {
      switch self {
      case .of2007(let identifier): .data(identifier)
      case .of1997(let identifier): .data1997(identifier)
      }
    }

    /// The time of day of a clock that goes; `nil` for what stands still.
    func clock(in payload: [UInt8]) -> TimeOfDay? {
      let told: [Observation]?
      switch self {
      case .of2007(let identifier):
        guard [0x0400_0102, 0x0400_010C].contains(identifier.rawValue) else { return nil }
        told = try? identifier.observations(in: payload)
      case .of1997(let identifier):
        guard identifier.rawValue == 0xC011 else { return nil }
        told = try? identifier.observations(in: payload)
      }
      switch told?.first?.value {
      case .timeOfDay(let time): return time
      case .instant(let instant): return instant.time
      default: return nil
      }
    }
  }

  /// Whether a clock goes on from `time`; `nil` where it cannot be read.
  private func shows(
    _ time: TimeOfDay, at place: Place, _ meter: IndividualAddress, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> Outcome? {
    let set = HostClock.boot
    guard let payload = try read(place.request, meter, wakeUps, timing), let shown = place.clock(in: payload) else {
      return nil
    }
    // The meter took the time when it heard it; until it was asked, seconds may have passed.
    let ahead = shown.secondsOfDay - time.secondsOfDay
    let passed = Int((HostClock.boot - set).milliseconds / 1000) + Int(timing.reply.milliseconds / 1000) + 3
    let difference = (ahead % 86_400 + 86_400) % 86_400
    return difference <= passed || difference >= 86_398
      ? .done : .failed("the meter's clock shows \(shown) after \(time) was sent")
  }

  /// What the clock of a 2007 meter shows; `nil` where it does not tell.
  public func clock(
    of meter: IndividualAddress, wakeUps: Int, timeout: BootInstant.Span
  ) throws(LineError) -> MeterTime? {
    let timing = ExchangeTiming(silence: .milliseconds(30), reply: timeout, gap: .milliseconds(500))
    let date = DataIdentifier(rawValue: 0x0400_0101), time = DataIdentifier(rawValue: 0x0400_0102)
    guard let first = try read(.data(date), meter, wakeUps, timing),
      case .date(let day) = try? date.observations(in: first).first?.value,
      let second = try read(.data(time), meter, wakeUps, timing),
      case .timeOfDay(let clock) = try? time.observations(in: second).first?.value
    else { return nil }
    return MeterTime(date: day, time: clock)
  }

  /// The bytes after the identifier; `nil` where no sound answer came.
  private func read(
    _ request: ReadExchange.Request, _ meter: IndividualAddress, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> [UInt8]? {
    var conversation = DLT645Conversation(request, to: meter.address, wakeUps: wakeUps, rates: 0)
    _ = try line.run(&conversation, timing: timing)
    try line.settle(&conversation, silence: MeterSpeaker.patience)
    guard case .answered = conversation.end, case .data(let payload, _, _) = conversation.outcome else { return nil }
    return payload
  }

  /// Sends a command to all meters of the line; none of them answers.
  public func announce(_ command: BroadcastCommand, wakeUps: Int) throws(LineError) {
    var conversation = Announcement(bytes: command.frame(wakeUps: wakeUps))
    let quiet = ExchangeTiming(silence: .milliseconds(30), reply: .milliseconds(100), gap: .milliseconds(50))
    _ = try line.run(&conversation, timing: quiet)
  }

  /// Writes to one Modbus meter, between two reads of the same place: the first also tells whether the adapter hears
  /// itself, without which the echo of a write could pass for its answer.
  public func write(_ request: WriteRequest, timeout: BootInstant.Span) throws(LineError) -> Outcome {
    // A write that may not be sent is not prepared by a question either.
    if case .refused(let act, let reason) = line.judgement(of: frame(of: request)) {
      controls.append(ControlRecord(act: act, refusal: reason))
      throw .forbidden(line.address, act, reason)
    }
    switch try read(request, timeout) {
    case .value: break
    case .other(let outcome): return outcome
    }
    let outcome = try line.put(
      request, settings: settings, replyTimeout: timeout, listening: MeterSpeaker.patience)
    switch outcome {
    case .silent: return .silent
    case .damaged(let reason): return .failed(reason)
    case .told(.exception(let code)): return .refused("\(code)")
    case .told(.written): break
    }
    switch try read(request, timeout) {
    case .value(true): return .done
    case .value(false): return .failed("the meter confirmed, and another value stands there")
    case .other(let outcome): return .failed("the meter confirmed, and reading it back gave: \(outcome)")
    }
  }

  private enum Sight {
    /// Whether what is there is what the request writes.
    case value(Bool)
    case other(Outcome)
  }

  private func frame(of request: WriteRequest) -> [UInt8] {
    line.address.isModbusTCP ? request.tcp(transaction: 0) : request.rtu
  }

  private var settings: SerialSettings { line.address.isModbusTCP ? .network : line.settings }

  private func read(_ write: WriteRequest, _ timeout: BootInstant.Span) throws(LineError) -> Sight {
    let inquiry: Inquiry?
    switch write.change {
    case .register(let place, _): inquiry = registers(write.unit, place, 1)
    case .registers(let first, let values): inquiry = registers(write.unit, first, values.count)
    case .coil(let place, _): inquiry = coils(write.unit, place, 1)
    case .coils(let first, let bits): inquiry = coils(write.unit, first, bits.count)
    }
    guard let inquiry else { return .other(.failed("what is written there cannot be read")) }
    let told: InquiryReply
    switch try line.put(inquiry, settings: settings, replyTimeout: timeout, listening: MeterSpeaker.patience) {
    case .silent: return .other(.silent)
    case .damaged(let reason): return .other(.failed(reason))
    case .told(.exception(let code)): return .other(.refused("\(code)"))
    case .told(let reply): told = reply
    }
    switch (write.change, told) {
    case (.register(_, let value), .registers(let words)): return .value(words == [value])
    case (.registers(_, let values), .registers(let words)): return .value(words == values)
    case (.coil(_, let isOn), .bits(let bits)): return .value(bits.first == isOn)
    case (.coils(_, let wanted), .bits(let bits)): return .value(bits.starts(with: wanted))
    default: return .other(.failed("another answer than was asked for"))
    }
  }

  private func registers(_ unit: UInt8, _ first: UInt16, _ count: Int) -> Inquiry? {
    ReadRequest(
      unit: unit, function: .holdingRegisters, register: first, count: UInt16(truncatingIfNeeded: count)
    ).map(Inquiry.registers)
  }

  private func coils(_ unit: UInt8, _ first: UInt16, _ count: Int) -> Inquiry? {
    BitRequest(unit: unit, function: .coils, first: first, count: UInt16(truncatingIfNeeded: count)).map(Inquiry.bits)
  }
}
