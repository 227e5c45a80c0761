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
  private let own: SerialSettings
  /// What changed a meter or was kept back, in order: what an audit log must hold.
  public private(set) var controls: [ControlRecord] = []

  /// How a command ended.
  public enum Outcome: Hashable, Sendable {
    /// The meter says that it obeyed; for Modbus writes what was written was read back as well.
    case done
    /// The meter says that it obeyed, and refuses to show the place that was written.
    case unseen(String)
    /// The meter says no.
    case refused(String)
    /// Nobody answered: whether the meter obeyed is not known. For broadcasts this is all there is.
    case silent
    /// An answer came that cannot be believed, or another value stands in the meter than was written.
    case failed(String)
  }

  /// A frame that sets clocks has gone out, and the time that was in it.
  public private(set) var hasSetClock = false
  public private(set) var timeSent: WireTime?

  /// Nothing was sent: when the line was silent it was too late.
  public static let tooClose = Outcome.failed("nothing was sent, a whole hour is too close")

  /// Questions that went with the command, and whether each was answered: what is late of theirs may still come.
  private(set) var asked: [(query: Query, isAnswered: Bool)] = []

  /// Opens the port.
  public init(_ port: PortAddress, settings: SerialSettings, permissions: Permissions) throws(LineError) {
    line = Line(port, settings: settings, guardedBy: WireGuard(permissions))
    own = settings
    try line.open()
    line.onControl = { [weak self] in self?.controls.append($0) }
  }

  /// Speaks on a line that is another's, and open, between two of its exchanges.
  init(on line: Line, settings: SerialSettings) {
    self.line = line
    own = settings
  }

  /// Sends a DL/T 645 command to one meter. `edition` is the meter's: setting the clock is the same in both, and
  /// looking at it is not.
  ///
  /// `time` makes the time that a clock is set to, by the instant at which the last byte is through; `nil` where nothing may
  /// go out then.
  public func carry(
    _ command: Command, to meter: IndividualAddress, edition: Edition, wakeUps: Int, timeout: BootInstant.Span,
    time: ((BootInstant) -> WireTime?)? = nil
  ) throws(LineError) -> Outcome {
    let start = HostClock.boot
    var conversation = CommandConversation(
      command, to: meter, wakeUps: wakeUps, renewed: time.map { time in { time($0).map(Command.setClock) } })
    let timing = ExchangeTiming(silence: .milliseconds(30), reply: timeout, gap: .milliseconds(500))
    _ = try line.run(&conversation, settings: settings, timing: timing)
    guard !conversation.isHeldBack else { return Self.tooClose }
    let command = conversation.command
    if case .setClock(let sent) = command { (hasSetClock, timeSent) = (true, sent) }
    try line.settle(&conversation, silence: MeterSpeaker.patience)
    switch conversation.outcome {
    case .done:
      guard case .setClock(let time) = command else { return try confirmed(command, meter, wakeUps, timing) }
      return try clock(time, since: start, meter, edition, wakeUps, timing)
        ?? .failed("the meter confirmed, and its clock could not be read back")
    case .refused(let word, _, _):
      let names = word.names(in: command.edition)
      return .refused(names.isEmpty ? "\(word)" : names.joined(separator: ", "))
    case .failed(let error): return .failed("\(error)")
    case .silent, .none:
      // Many meters obey without a word, and some keep their clock without one.
      guard case .setClock(let time) = command else { return .silent }
      return try clock(time, since: start, meter, edition, wakeUps, timing) ?? .silent
    }
  }

  /// Reads back what can be read: a meter that says "done" has been seen to keep something else.
  private func confirmed(
    _ command: Command, _ meter: IndividualAddress, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> Outcome {
    let place: ReadExchange.Request
    let written: [UInt8]
    switch command {
    case .write(let parameter, _, _):
      // A meter that was given another address answers from there.
      guard parameter.identifier.rawValue != 0x0400_0401 else { return .done }
      (place, written) = (.data(parameter.identifier), parameter.data)
    case .write1997(let parameter, _): (place, written) = (.data1997(parameter.identifier), parameter.data)
    default: return .done
    }
    guard let told = try read(place, meter, wakeUps, timing) else {
      return .failed("the meter confirmed, and what was written could not be read back")
    }
    // Tables come back filled to their full length.
    return told.starts(with: written) ? .done : .failed("the meter confirmed, and another value stands there")
  }

  /// Whether the meter's clock shows what it was given, date and time; `nil` where it does not tell.
  private func clock(
    _ sent: WireTime, since start: BootInstant, _ meter: IndividualAddress, _ edition: Edition, _ wakeUps: Int,
    _ timing: ExchangeTiming
  ) throws(LineError) -> Outcome? {
    guard let shown = try instant(meter, edition, wakeUps, timing) else { return nil }
    // The meter took the time when it heard it; until it was asked, seconds may have passed.
    let passed = (HostClock.boot - start).milliseconds / 1000 + 3
    let ahead = shown.localSeconds - sent.time.localSeconds
    return (-2...passed).contains(ahead)
      ? .done
      : .failed("the meter's clock shows \(shown) after \(sent) was sent; many meters take small corrections only")
  }

  /// What the clock of a meter shows; `nil` where it does not tell.
  public func clock(
    of meter: IndividualAddress, edition: Edition, wakeUps: Int, timeout: BootInstant.Span
  ) throws(LineError) -> MeterTime? {
    let timing = ExchangeTiming(silence: .milliseconds(30), reply: timeout, gap: .milliseconds(500))
    return try instant(meter, edition, wakeUps, timing)
  }

  private func instant(
    _ meter: IndividualAddress, _ edition: Edition, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> MeterTime? {
    func told(_ identifier: UInt32) throws(LineError) -> Value? {
      switch edition {
      case .dlt645v2007:
        let identifier = DataIdentifier(rawValue: identifier)
        let payload = try read(.data(identifier), meter, wakeUps, timing)
        return payload.flatMap { (try? identifier.observations(in: $0))?.first?.value }
      case .dlt645v1997:
        let identifier = ShortIdentifier(rawValue: UInt16(truncatingIfNeeded: identifier))
        let payload = try read(.data1997(identifier), meter, wakeUps, timing)
        return payload.flatMap { (try? identifier.observations(in: $0))?.first?.value }
      }
    }
    if edition == .dlt645v2007, case .instant(let time) = try told(0x0400_010C) { return time }
    let (dateItem, timeItem): (UInt32, UInt32) =
      edition == .dlt645v2007 ? (0x0400_0101, 0x0400_0102) : (0xC010, 0xC011)
    guard case .date(let before) = try told(dateItem), case .timeOfDay(let time) = try told(timeItem) else {
      return nil
    }
    // Just after midnight the date may be of the day before.
    guard time.secondsOfDay < 300, case .date(let after) = try told(dateItem) else {
      return MeterTime(date: before, time: time)
    }
    return MeterTime(date: after, time: time)
  }

  /// The bytes after the identifier; `nil` where no sound answer came.
  private func read(
    _ request: ReadExchange.Request, _ meter: IndividualAddress, _ wakeUps: Int, _ timing: ExchangeTiming
  ) throws(LineError) -> [UInt8]? {
    var conversation = DLT645Conversation(request, to: meter.address, wakeUps: wakeUps, rates: 0)
    _ = try line.run(&conversation, settings: settings, timing: timing)
    try line.settle(&conversation, silence: MeterSpeaker.patience)
    let query: Query? =
      switch request {
      case .data(let identifier): .identifier(identifier)
      case .data1997(let identifier): .shortIdentifier(identifier)
      default: nil
      }
    if let query { asked.append((query, conversation.end.isAnswer)) }
    guard case .answered = conversation.end, case .data(let payload, _, _) = conversation.outcome else { return nil }
    return payload
  }

  /// Sends a command to all meters of the line; none of them answers.
  ///
  /// `time` as for one meter.
  public func announce(
    _ command: BroadcastCommand, wakeUps: Int, time: ((BootInstant) -> WireTime?)? = nil
  ) throws(LineError) -> Outcome {
    var made = command
    var conversation = Announcement(
      bytes: command.frame(wakeUps: wakeUps),
      renewed: time.map { time in
        { end in
          guard let time = time(end) else { return nil }
          made = .time(time)
          return made.frame(wakeUps: wakeUps)
        }
      })
    let quiet = ExchangeTiming(silence: .milliseconds(30), reply: .milliseconds(100), gap: .milliseconds(50))
    _ = try line.run(&conversation, settings: settings, timing: quiet)
    guard !conversation.isHeldBack else { return Self.tooClose }
    if case .time(let sent) = made { (hasSetClock, timeSent) = (true, sent) }
    return .silent
  }

  /// What a look at the place that shall be written has shown.
  public enum Preparation: Hashable, Sendable {
    /// The write may go out. `isReadable` is false where the meter refuses to show the place.
    case ready(isReadable: Bool)
    /// The write should not go out: nobody answers, or nothing that can be believed. Nothing was sent but the question.
    case not(Outcome)
  }

  /// Reads the place that a Modbus write shall change. It tells whether the adapter hears itself, without which the
  /// echo of a write could pass for its answer; what stands there does not matter, nor does a refusal.
  public func prepare(_ request: WriteRequest, timeout: BootInstant.Span) throws(LineError) -> Preparation {
    // A write that may not be sent is not prepared by a question either.
    if case .refused(let act, let reason) = line.judgement(of: frame(of: request)) {
      controls.append(ControlRecord(act: act, refusal: reason))
      throw .forbidden(line.address, act, reason)
    }
    switch try read(request, timeout) {
    case .value: return .ready(isReadable: true)
    case .other(.refused): return .ready(isReadable: false)
    case .other(let outcome): return .not(outcome)
    }
  }

  /// Writes to one Modbus meter and reads the place back where the meter shows it. Comes after `prepare`.
  public func write(
    _ request: WriteRequest, isReadable: Bool, timeout: BootInstant.Span
  ) throws(LineError) -> Outcome {
    let outcome = try line.put(
      request, settings: settings, replyTimeout: timeout, listening: MeterSpeaker.patience)
    switch outcome {
    case .silent: return .silent
    case .damaged(let reason): return .failed(reason)
    case .told(.exception(let code)): return .refused("\(code)")
    case .told(.written): break
    }
    guard isReadable else { return .unseen("the meter confirmed, and refuses to show this place") }
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

  private var settings: SerialSettings { line.address.isModbusTCP ? .network : own }

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
    let came = try line.put(inquiry, settings: settings, replyTimeout: timeout, listening: MeterSpeaker.patience)
    if case .registers(let request) = inquiry {
      let isAnswered = if case .told = came { true } else { false }
      asked.append(
        (.registers(function: request.function, start: request.register, count: request.count), isAnswered))
    }
    switch came {
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
