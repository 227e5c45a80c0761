public import Metering
internal import Modbus

/// A meter, how it misbehaves, and the rate its port is set to.
public struct BusMeter: Sendable {
  public var meter: any SimulatedMeter
  public var faults: FaultInjector
  /// Hears and speaks only at this rate, where the line can tell; `nil` hears at any.
  public let baud: Int?

  public init(_ meter: any SimulatedMeter, faults: LineFaults = .none, baud: Int? = nil) {
    self.meter = meter
    self.faults = FaultInjector(faults)
    self.baud = baud
  }
}

/// A half-duplex line and the meters on it, as a value: bytes and instants in, bytes and instants out.
///
/// Bytes of the master take their time on the wire; a request is complete when its last byte has passed; the meter
/// waits its delay and its bytes take their time again. Who speaks while another does garbles both.
public struct SimulatedBus: Sendable {
  /// A byte on its way to the master.
  private struct Coming {
    let due: BootInstant
    var byte: UInt8
    /// False for an echo, which is not on the wire.
    let isOnWire: Bool
    /// The last of a burst is handed over at its instant, the others may wait for company.
    let isLast: Bool
  }

  public var meters: [BusMeter]
  public var faults: FaultInjector
  public var clock: SimulatedClock
  /// Whether a Modbus meter ignores a request that came before t3.5 of silence.
  public var isStrict: Bool
  /// The rate of the port, where it is known.
  public var baud: Int?
  private var counted = LineStatistics()
  /// What a Modbus TCP connection has brought of the next request; `nil` on a serial line.
  private var network: NetworkRequests?

  private var pace: WirePace
  private var finder: RequestFinder
  private var coming: [Coming] = []
  private var masterEnd = BootInstant(nanoseconds: .min / 2)
  private var meterEnd = BootInstant(nanoseconds: .min / 2)
  private var lastHandover = BootInstant(nanoseconds: .min / 2)

  /// As a UART's queue: bytes within a burst are handed over this often, or one by one where they take longer.
  private static let handover = BootInstant.Span.milliseconds(4)

  public init(
    pace: WirePace, meters: [BusMeter], faults: LineFaults = .none, clock: SimulatedClock, isStrict: Bool = false
  ) {
    self.pace = pace
    self.meters = meters
    self.faults = FaultInjector(faults)
    self.clock = clock
    self.isStrict = isStrict
    finder = RequestFinder(silence: pace.silence)
  }

  /// Modbus TCP: every meter is a unit behind one server, bytes take no time, and nobody can speak across another.
  public init(network meters: [BusMeter], faults: LineFaults = .none, clock: SimulatedClock) {
    self.init(pace: WirePace(character: .zero, silence: .zero), meters: meters, faults: faults, clock: clock)
    network = NetworkRequests()
  }

  /// The line now runs at another rate.
  public mutating func change(pace: WirePace, baud: Int?) {
    self.baud = baud
    guard pace != self.pace else { return }
    self.pace = pace
    finder = RequestFinder(silence: pace.silence)
  }

  /// What happened so far, with the faults of all.
  public var statistics: LineStatistics {
    var all = counted
    all.faults += faults.counts
    for meter in meters { all.faults += meter.faults.counts }
    return all
  }

  /// The master wrote bytes at an instant.
  public mutating func listenAnew() { counted.firstHeard = nil }

  public mutating func hear(_ bytes: [UInt8], at now: BootInstant) {
    guard !bytes.isEmpty else { return }
    counted.firstHeard = counted.firstHeard ?? now
    guard network == nil else { return hearNetwork(bytes, at: now) }
    finder.units = Set(meters.compactMap(\.meter.unit))
    let echoed = faults.faults[.echo] > 0 && faults.echoes()
    var garbled = false
    for (index, byte) in bytes.enumerated() {
      let start = max(now, masterEnd)
      let quiet = start - wireEnd(before: start)
      let end = start + pace.character
      masterEnd = end
      counted.masterBytes += 1
      counted.busy = counted.busy + pace.character
      var onWire = byte
      if let hit = coming.firstIndex(where: { overlaps($0, start, end) }) {
        // What two drivers make of it is anyone's guess, only never what either of them meant.
        garbled = true
        onWire ^= coming[hit].byte | 1
        coming[hit].byte ^= byte | 1
      }
      if echoed { enqueue(Coming(due: end, byte: onWire, isOnWire: false, isLast: index == bytes.count - 1)) }
      if let request = finder.hear(onWire, quietBefore: max(.zero, quiet), end: end) { dispatch(request) }
    }
    if garbled { counted.collisions += 1 }
  }

  /// When `advance` has something to do; `nil` while the line is quiet.
  public var nextEvent: BootInstant? {
    var next = finder.silenceDue
    if let first = coming.first {
      var due = max(first.due, lastHandover + Self.handover)
      if let last = coming.first(where: \.isLast) { due = min(due, last.due) }
      next = next.map { min($0, due) } ?? due
    }
    return next
  }

  /// Hands over the bytes that have passed the wire by `now`.
  public mutating func advance(to now: BootInstant, into received: inout [UInt8]) {
    if let due = finder.silenceDue, due <= now, let request = finder.silenceFell() { dispatch(request) }
    let passed = coming.firstIndex { $0.due > now } ?? coming.count
    guard passed > 0 else { return }
    for each in coming[..<passed] {
      received.append(each.byte)
      if each.isOnWire { meterEnd = max(meterEnd, each.due) }
    }
    coming.removeFirst(passed)
    lastHandover = now
  }

  /// Someone speaks unasked: noise, an event frame, a babbling meter.
  public mutating func interject(_ bytes: [UInt8], at now: BootInstant) {
    speak(Answer(bytes: bytes, delay: .zero), after: now)
  }

  /// Bytes that the port had no room for.
  mutating func lost(_ count: Int) { counted.lostBytes += count }

  /// Forgets what is under way, as when the adapter is pulled out.
  public mutating func cut() {
    coming.removeAll()
    finder.forget()
    network?.forget()
  }

  private mutating func hearNetwork(_ bytes: [UInt8], at now: BootInstant) {
    counted.masterBytes += bytes.count
    for byte in bytes {
      guard let request = network?.hear(byte) else { continue }
      counted.requests += 1
      counted.modbusRequests += 1
      let instant = clock.instant(at: now)
      var answered = false
      for index in meters.indices where meters[index].meter.unit == request.message.unit {
        guard let answer = meters[index].meter.answer(request.message.rtu, at: instant) else { continue }
        answered = true
        var carried = answer
        if let message = try? Message(rtu: answer.bytes.span) {
          carried.bytes = message.tcp(transaction: request.transaction)
        }
        guard let sent = meters[index].faults.damage(carried, of: .modbus, overTCP: true, at: instant),
          let arrived = faults.damage(sent, of: .modbus, overTCP: true, at: instant)
        else { continue }
        counted.replies += 1
        counted.turnaround = counted.turnaround + answer.delay
        counted.meterBytes += arrived.bytes.count
        for (index, byte) in arrived.bytes.enumerated() {
          enqueue(
            Coming(due: now + arrived.delay, byte: byte, isOnWire: true, isLast: index == arrived.bytes.count - 1))
        }
      }
      if !answered { counted.unanswered += 1 }
    }
  }

  private func overlaps(_ coming: Coming, _ start: BootInstant, _ end: BootInstant) -> Bool {
    coming.isOnWire && coming.due > start && coming.due < end + pace.character
  }

  /// When the wire was last in use before `instant`.
  private func wireEnd(before instant: BootInstant) -> BootInstant {
    coming.reduce(max(masterEnd, meterEnd)) { end, each in
      each.isOnWire && each.due < instant + pace.character ? max(end, each.due) : end
    }
  }

  private mutating func enqueue(_ new: Coming) {
    let place = coming.lastIndex { $0.due <= new.due }.map { $0 + 1 } ?? 0
    coming.insert(new, at: place)
  }

  private mutating func dispatch(_ request: FoundRequest) {
    counted.requests += 1
    if request.language == .modbus {
      counted.modbusRequests += 1
      if request.quietBefore < pace.silence {
        counted.brokenSilence += 1
        if isStrict { return }
      }
    }
    let now = clock.instant(at: request.end)
    var answered = false
    for index in meters.indices where meters[index].meter.language == request.language {
      if let baud, let own = meters[index].meter.baud ?? meters[index].baud, own != baud { continue }
      guard let answer = meters[index].meter.answer(request.bytes, at: now) else { continue }
      answered = true
      guard let sent = meters[index].faults.damage(answer, of: request.language, at: now),
        let arrived = faults.damage(sent, of: request.language, at: now)
      else { continue }
      counted.replies += 1
      counted.turnaround = counted.turnaround + answer.delay
      speak(arrived, after: request.end)
    }
    if !answered { counted.unanswered += 1 }
  }

  private mutating func speak(_ answer: Answer, after end: BootInstant) {
    var start = end + answer.delay
    var hitMaster = false, hitMeter = false
    for (index, byte) in answer.bytes.enumerated() {
      let due = start + pace.character
      counted.meterBytes += 1
      counted.busy = counted.busy + pace.character
      // Most answers have the wire to themselves: nothing comes after what they have put there so far.
      let isAlone = coming.last.map { $0.due <= start } ?? true
      if !isAlone, let other = coming.firstIndex(where: { overlaps($0, start, due) }) {
        // Two drivers: where either pulls, the wire follows.
        hitMeter = true
        coming[other].byte |= byte
        start = due + answer.gap
        continue
      }
      let garbled = start < masterEnd
      hitMaster = hitMaster || garbled
      enqueue(
        Coming(
          due: due, byte: garbled ? byte ^ 0x55 : byte, isOnWire: true, isLast: index == answer.bytes.count - 1))
      start = due + answer.gap
    }
    if hitMaster { counted.collisions += 1 }
    if hitMeter { counted.meterCollisions += 1 }
  }
}
