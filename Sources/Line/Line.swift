public import Metering

/// The one owner of a line's wire: opens, tunes, keeps the silences, carries conversations.
///
/// Half-duplex: one conversation at a time, each to its end. Every method blocks its thread, so a line with a
/// descriptor belongs to one actor with a thread of its own. All time is the wire's.
public final class Line {
  public let address: PortAddress
  /// Settings for meters that name none of their own.
  public let settings: SerialSettings
  public private(set) var counters = LineCounters()

  /// Called with every run of bytes on the wire; for traces.
  public var onTraffic: ((Traffic) -> Void)?
  /// Called for everything that changes a meter, whether it was sent or refused; for the audit log.
  public var onControl: ((ControlRecord) -> Void)?

  /// Whether the last exchange that brought anything began with the echo of its own request.
  public private(set) var hearsItself = false

  private let sendGuard: any SendGuard

  private let wire: any Wire
  private var tuned: SerialSettings?
  /// When the last byte of either side was on the wire.
  private var lastActivity: BootInstant
  private var buffer = [UInt8](repeating: 0, count: 512)
  private var parity = ParityFilter()
  private var pace = PaceSense()
  /// All that came since it was last asked for, without marks of parity; the newest is left out where it pours in.
  private var heard: [UInt8] = []
  private static let heardLimit = 2048
  /// More than this much that nobody asked for is no late answer and no noise.
  private static let flood = 16_384
  /// Takes bytes apart as those of a UART with marked parity, though the port is a terminal without one.
  package var expectsMarks = false

  /// A line that is not open yet. Nothing goes out that `sendGuard` refuses.
  public convenience init(_ address: PortAddress, settings: SerialSettings, guardedBy sendGuard: some SendGuard) {
    self.init(address, settings: settings, guardedBy: sendGuard, over: HostWire(address))
  }

  /// A line over any wire; `address` is what it is called.
  public init(
    _ address: PortAddress, settings: SerialSettings, guardedBy sendGuard: some SendGuard, over wire: any Wire
  ) {
    self.address = address
    self.settings = settings
    self.sendGuard = sendGuard
    self.wire = wire
    lastActivity = wire.now
  }

  public var isOpen: Bool { wire.isOpen }

  /// Now, by the wire's clock.
  public var now: BootInstant { wire.now }

  /// Opens the port and takes it for this process; does nothing when it is open.
  public func open() throws(LineError) {
    guard !wire.isOpen else { return }
    try wire.open()
    do {
      try wire.tune(settings)
    } catch {
      wire.close()
      throw error
    }
    tuned = settings
    lastActivity = wire.now
    counters.opens += 1
  }

  public func close() {
    wire.close()
    tuned = nil
  }

  /// Runs a conversation to its end and returns what happened on the wire.
  ///
  /// A failure of the port closes it; the owner opens it again when it thinks fit. After a conversation that
  /// timed out or broke off, call `quarantine` before the next.
  /// - Parameters:
  ///   - conversation: what is said; its own state tells the outcome.
  ///   - settings: the meter's serial settings; the line is tuned to them first.
  ///   - timing: silences and deadlines.
  /// - Returns: times, requests and counts.
  /// - Throws: `LineError` when the port fails; never for what a meter does.
  public func run(
    _ conversation: inout some Conversation, settings: SerialSettings? = nil, timing: ExchangeTiming
  ) throws(LineError) -> ExchangeRecord {
    guard wire.isOpen else { throw .closed(address) }
    do {
      return try carry(&conversation, settings: settings ?? self.settings, timing: timing)
    } catch {
      if error.losesPort { close() }
      throw error
    }
  }

  private func carry(
    _ conversation: inout some Conversation, settings: SerialSettings, timing: ExchangeTiming
  ) throws(LineError) -> ExchangeRecord {
    if tuned != settings {
      // A port that took only half of its settings is tuned again next time.
      tuned = nil
      try wire.tune(settings)
      tuned = settings
    }
    var record = ExchangeRecord(startedAt: wire.now)
    var echo = EchoFilter()
    var step = conversation.start()
    var deadline = Deadline(timing: timing, settings: settings, sent: record.startedAt, longestReply: 0)
    while true {
      switch step {
      case .finished:
        record.echoed = echo.echoed
        if record.bytesReceived > 0, !conversation.repeatsRequest { hearsItself = echo.echoed }
        pace.note(record, characterTime: settings.characterTime)
        counters.add(record)
        return record
      case .send(var bytes, let longestReply):
        // What may not go out is refused before anybody waits; what is made later is looked at once it is made.
        let early = conversation.tellsTime && isAllowed(bytes) ? nil : try clear(bytes)
        record.bytesDiscarded += try awaitSilence(timing.silence) { for byte in $0 { note(byte) } }
        let cleared: ClearedBytes
        if let early {
          cleared = early
        } else {
          let end = wire.now + settings.characterTime * Int64(bytes.count)
          guard let made = conversation.sending(through: end) else {
            step = .finished
            continue
          }
          bytes = made
          cleared = try clear(bytes)
        }
        let start = wire.now
        try wire.write(cleared, until: start + .seconds(2))
        // The driver takes the bytes at once; the wire needs its time.
        let end = start + settings.characterTime * Int64(bytes.count)
        lastActivity = end
        if record.requests.isEmpty { record.startedAt = start }
        record.requests.append(bytes)
        record.bytesSent += bytes.count
        record.requestedAt = end
        record.firstByteAt = nil
        onTraffic?(Traffic(at: start, sent: true, bytes: bytes))
        if !conversation.repeatsRequest { echo.sent(bytes) }
        parity = ParityFilter()
        deadline = Deadline(
          timing: timing, settings: settings, sent: end, longestReply: min(longestReply, 4096) + bytes.count)
        step = .listen
      case .listen:
        let due = deadline.instant
        guard try waitReadable(until: due) else {
          var released = ConversationStep.listen
          var held: Int64 = 0
          echo.release {
            held += 1
            note($0)
            if released == .listen { released = conversation.receive($0) }
          }
          if held > 0 { record.heard(at: record.endedAt - settings.characterTime * held) }
          step = released == .listen ? conversation.timedOut() : released
          continue
        }
        let count = try read()
        guard count > 0 else { continue }
        let now = wire.now
        lastActivity = max(lastActivity, now)
        guard now <= due + Self.standstill else {
          counters.bytesLate += count
          if let onTraffic { onTraffic(Traffic(at: now, sent: false, bytes: Array(buffer[..<count]))) }
          step = conversation.timedOut()
          continue
        }
        record.endedAt = now
        record.bytesReceived += count
        deadline.received(at: now)
        if let onTraffic { onTraffic(Traffic(at: now, sent: false, bytes: Array(buffer[..<count]))) }
        step = take(count, &conversation, &echo, &record, settings.characterTime)
        if case .listen = step { rest(conversation.bytesToCome, settings, deadline) }
        if case .listen = step, record.bytesReceived > 4096 + 4 * record.requests.count * 512 {
          throw .babble(address, bytes: record.bytesReceived)
        }
      }
    }
  }

  /// So long after the time of an answer is over it may still be read, for a busy host comes late itself. Beyond that the
  /// process stood still, as under SIGSTOP or while its machine slept: nobody knows when those bytes came, and what they
  /// tell is not of now.
  private static let standstill = BootInstant.Span.seconds(2)

  /// What the guard says of bytes, without sending them.
  public func judgement(of bytes: [UInt8]) -> SendJudgement { sendGuard.judge(bytes, to: address) }

  /// Asks the guard, and tells of what changes a meter before it is sent: a record may be too many, never missing.
  private func clear(_ bytes: [UInt8]) throws(LineError) -> ClearedBytes {
    do throws(LineError) {
      let cleared = try ClearedBytes(bytes, by: sendGuard, to: address)
      if let act = cleared.act { onControl?(ControlRecord(act: act, refusal: nil)) }
      return cleared
    } catch {
      if case .forbidden(_, let act, let reason) = error { onControl?(ControlRecord(act: act, refusal: reason)) }
      throw error
    }
  }

  private func isAllowed(_ bytes: [UInt8]) -> Bool {
    if case .refused = judgement(of: bytes) { false } else { true }
  }

  /// Sleeps while bytes that are surely still to come are on the wire: waking for each of them costs more than all
  /// the rest. Only where bytes have been seen to come at the pace of the settings.
  private func rest(_ bytes: Int, _ settings: SerialSettings, _ deadline: Deadline) {
    guard bytes > 2, pace.isOfTheWire else { return }
    let coming = wire.now + settings.characterTime * Int64(bytes - 1)
    wire.sleep(until: min(coming, deadline.instant))
  }

  /// Gives the bytes just read to the conversation until it wants something else than to listen.
  ///
  /// A conversation that is finished hears the rest too: a second answer may contradict the first. What comes before
  /// a follow-up request belongs to no question and stays unread.
  private func take(
    _ count: Int, _ conversation: inout some Conversation, _ echo: inout EchoFilter, _ record: inout ExchangeRecord,
    _ characterTime: BootInstant.Span
  ) -> ConversationStep {
    var step = ConversationStep.listen
    for index in 0..<count {
      var byte = buffer[index]
      if marksParity {
        switch parity.receive(byte) {
        case .none: continue
        case .broken:
          record.charactersBroken += 1
          conversation.interrupted()
          continue
        case .byte(let plain): byte = plain
        }
      }
      var passed = 0
      echo.receive(byte) {
        note($0)
        passed += 1
        if step == .listen || step == .finished { step = conversation.receive($0) }
      }
      if passed > 0 { record.heard(at: record.endedAt - characterTime * Int64(count - index + passed - 1)) }
      if case .send = step { return step }
    }
    return step
  }

  /// Keeps a silence after a conversation has finished, and lets the conversation hear what comes in it.
  ///
  /// Two meters at one address betray themselves here: the second answer comes right after the first. The next
  /// request of this line needs the silence anyway.
  /// - Throws: `LineError` when the port fails or bytes never end.
  public func settle(_ conversation: inout some Conversation, silence: BootInstant.Span) throws(LineError) {
    guard wire.isOpen else { throw .closed(address) }
    do {
      counters.bytesTrailing += try awaitSilence(silence) { bytes in
        for byte in bytes {
          guard self.marksParity else {
            self.note(byte)
            _ = conversation.receive(byte)
            continue
          }
          switch self.parity.receive(byte) {
          case .none: break
          case .broken: conversation.interrupted()
          case .byte(let plain):
            self.note(plain)
            _ = conversation.receive(plain)
          }
        }
      }
    } catch {
      if error.losesPort { close() }
      throw error
    }
  }

  /// Reads and throws away until the line has been silent for `silence`; for use after a failure.
  ///
  /// A late answer that comes now is dropped here, and so never meets the next question; `takeHeard` has it.
  /// - Returns: how many bytes came.
  public func quarantine(silence: BootInstant.Span) throws(LineError) -> Int {
    guard wire.isOpen else { throw .closed(address) }
    do {
      lastActivity = wire.now
      let count = try awaitSilence(silence) { for byte in $0 { note(byte) } }
      counters.bytesLate += count
      return count
    } catch {
      if error.losesPort { close() }
      throw error
    }
  }

  /// Hears what comes until an instant, without a question; how many bytes came.
  ///
  /// For a line with nothing to ask: what comes late is heard when it comes.
  public func listen(until instant: BootInstant) throws(LineError) -> Int {
    guard wire.isOpen else { throw .closed(address) }
    var count = 0
    do {
      while count < Self.heardLimit, try waitReadable(until: instant) {
        let more = try read()
        guard more > 0 else { continue }
        let now = wire.now
        if let onTraffic { onTraffic(Traffic(at: now, sent: false, bytes: Array(buffer[..<more]))) }
        lastActivity = max(lastActivity, now)
        for byte in buffer[..<more] { note(byte) }
        count += more
      }
    } catch {
      if error.losesPort { close() }
      throw error
    }
    return count
  }

  /// What came since this was last called: what was before a question, its answer, what came after it.
  public func takeHeard() -> [UInt8] {
    defer { heard.removeAll(keepingCapacity: true) }
    return heard
  }

  private func note(_ byte: UInt8) { if heard.count < Self.heardLimit { heard.append(byte) } }

  /// Waits until nothing has been on the wire for `silence`, for `hear` to judge what comes; how many bytes came.
  private func awaitSilence(
    _ silence: BootInstant.Span, _ hear: (ArraySlice<UInt8>) -> Void = { _ in }
  ) throws(LineError) -> Int {
    var discarded = 0
    let giveUp = wire.now + silence + .seconds(8)
    while true {
      let quietAt = lastActivity + silence
      guard try waitReadable(until: quietAt) else { return discarded }
      let count = try read()
      guard count > 0 else { continue }
      let now = wire.now
      if let onTraffic { onTraffic(Traffic(at: now, sent: false, bytes: Array(buffer[..<count]))) }
      lastActivity = max(lastActivity, now)
      discarded += count
      hear(buffer[..<count])
      guard now < giveUp, discarded < Self.flood else { throw .babble(address, bytes: discarded) }
      // What pours in may gather for a while: to look at every byte as it comes would cost a core.
      if discarded > Self.heardLimit { wire.sleep(until: now + .milliseconds(5)) }
    }
  }

  private var marksParity: Bool { expectsMarks || wire.marksParity }

  private func waitReadable(until instant: BootInstant) throws(LineError) -> Bool {
    try wire.waitReadable(until: instant)
  }

  private func read() throws(LineError) -> Int { try wire.read(into: &buffer) }
}
