public import DLT645
public import Metering

/// A meter of DL/T 645, of one edition.
///
/// It answers reads of every item that the catalogue lists, of its freezes, load profile, events and parameters, and
/// 13H if it is of 2007; it obeys every command of its edition that comes to its own address with the right password,
/// and 08H and 16H to all without a word. It refuses what it does not have with 02H and wrong passwords with 04H. To
/// foreign addresses, damaged frames, frames of other meters and functions of the other edition it says nothing.
///
/// Passwords are 123456 on the levels 0, 2 and 4 unless its habits say otherwise.
public struct SimulatedDLT645Meter: SimulatedMeter {
  /// What sets one make apart from the next.
  public struct Habits: Hashable, Sendable {
    /// From the end of a request to the start of the answer.
    public var delay = BootInstant.Span.milliseconds(50)
    /// Pause between the bytes of an answer.
    public var gap = BootInstant.Span.zero
    /// FEH before an answer, 0...7.
    public var wakeUps = 4
    /// FEH that it must hear before a request to hear the request, 0...4.
    public var neededWakeUps = 0
    /// Sent after the closing 16H. Source: Jiangsu meters send FFH.
    public var trailer: [UInt8] = []
    /// Whether `closingByte` closes a block.
    public var closesBlocks = false
    /// AAH; DDH on some.
    public var closingByte: UInt8 = 0xAA
    /// Data in one frame before a follow-up is announced, 1...195.
    public var partSize = 195
    /// Whether an answer to a wildcard carries the wildcard.
    public var keepsWildcard = false
    /// Whether 12H is refused although a follow-up was announced.
    public var refusesFollowing = false
    /// Items that this make does not have.
    public var missing: Set<DataIdentifier> = []
    public var missing1997: Set<ShortIdentifier> = []
    /// What it says to those; several bits may be set.
    public var refusal = ErrorWord.noData
    /// Functions that it refuses whatever they ask, with what it says.
    public var refusals: [UInt8: ErrorWord] = [:]
    /// Whether a 68H too many stands before an answer, as after a late turn of the line.
    public var doublesStart = false
    /// Whether the first 68H of an answer is lost on the way.
    public var losesStart = false
    /// Whether phases that it has not read as 0; else they are filled with FFH.
    public var zeroesMissingPhases = false
    /// Seconds by which its settlements and freezes appear after their boundary.
    public var memoryLag: Int64 = 0
    /// Whether a load profile without records is answered with the bare identifier; else it is refused.
    public var answersEmptyProfile = false
    /// Days that the load profile goes back.
    public var profileDays = 60
    /// Whether 08H to its own address is answered.
    public var confirmsTime = false
    /// Seconds that a 08H may move the clock.
    public var timeLimit: Int64 = 300
    /// Rates that 17H may choose.
    public var rates: Set<Int> = [600, 1200, 2400, 4800, 9600, 19_200]
    public var passwords = [0, 2, 4].compactMap { Password(level: $0, digits: "123456") }
    /// Wrong passwords in a row that lock it, and for how long.
    public var passwordTries = 3
    public var lockSeconds: Int64 = 86_400
    /// What it has noted before the line was opened, oldest first.
    public var history: [SimulatedEvent] = []
    /// What happens to it while it is asked, and has happened before.
    public var planned: [PlannedEvent] = []

    public init() {}
  }

  public let id: MeterID
  public internal(set) var address: Address
  public let edition: Edition
  public var registers: MeterRegisters
  public var habits: Habits
  public var language: MeterLanguage { .dlt645 }
  public var unit: UInt8? { nil }

  /// The parts of the last answer that did not fit into one frame.
  private var parts: [Reply] = []
  /// The last answer of a meter of 1997, for 03H.
  private var lastReply: Reply?
  var state: CommandState

  /// `address` is complete: twelve digits.
  public init(
    id: MeterID, address: Address, edition: Edition = .dlt645v2007, registers: MeterRegisters,
    habits: Habits = Habits()
  ) {
    self.id = id
    self.address = address
    self.edition = edition
    self.registers = registers
    self.habits = habits
    state = CommandState(access: MeterAccess(habits.passwords))
    for event in habits.history { happen(event) }
  }

  public mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer? {
    live(to: now)
    let wakeUps = request.prefix { $0 == 0xFE }.count
    guard wakeUps >= habits.neededWakeUps, let frame = try? Frame.decode(request.span, at: wakeUps),
      frame.control.direction == .request, let reply = reply(to: frame, in: request, at: now)
    else { return nil }
    let sender = habits.keepsWildcard ? frame.address : address
    guard var bytes = reply.frame(from: sender, wakeUps: habits.wakeUps) else { return nil }
    let start = min(max(0, habits.wakeUps), bytes.count - 1)
    if habits.doublesStart { bytes.insert(0x68, at: start) }
    if habits.losesStart { bytes.remove(at: start) }
    return Answer(bytes: bytes + habits.trailer, delay: habits.delay, gap: habits.gap)
  }

  public func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    switch edition {
    case .dlt645v2007: truth2007(quantity, memory, at: now)
    case .dlt645v1997: truth1997(quantity, memory, at: now)
    }
  }

  private func truth2007(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    guard let identifier = DataIdentifier(for: quantity, memory: memory),
      let payload = payload(of: identifier, at: now),
      let told = try? identifier.observations(in: payload, rates: registers.rateCount)
    else { return nil }
    return told.first { $0.quantity == quantity && $0.memory == memory }
  }

  private mutating func reply(to frame: Frame, in bytes: [UInt8], at now: SimulatedInstant) -> Reply? {
    guard let request = Request(frame, in: bytes.span), edition == .dlt645v1997 || frame.control.function != 0x03 else {
      return refusal(ofRead: frame) ?? obey(frame, in: bytes, at: now)
    }
    guard hears(frame.address) else { return nil }
    if let word = habits.refusals[frame.control.function] {
      return request.edition == edition ? .refusal(function: frame.control.function, word) : nil
    }
    switch (edition, request) {
    case (.dlt645v2007, .data(let identifier)):
      guard var payload = payload(of: identifier, at: now) else { return refused(frame) }
      if habits.closesBlocks, isBlock(identifier) { payload.append(habits.closingByte) }
      parts = Reply.chain(identifier, payload, partSize: habits.partSize)
      return parts.first
    case (.dlt645v2007, .profile(let read)):
      let payload = profilePayload(read, at: now)
      guard !payload.isEmpty || habits.answersEmptyProfile else { return refused(frame) }
      parts = Reply.chain(read.identifier, payload, partSize: habits.partSize)
      return parts.first
    case (.dlt645v1997, .data1997(let identifier)):
      guard var payload = payload(of: identifier, at: now) else { return refused(frame) }
      if habits.closesBlocks, identifier.di0 & 0x0F == 0x0F { payload.append(habits.closingByte) }
      parts = chain(identifier, payload)
      lastReply = parts.first
      return parts.first
    case (.dlt645v2007, .following(let identifier, let sequence)):
      return part(in: frame) { part in
        guard case .following(identifier, _, sequence, _) = part else { return false }
        return true
      }
    case (.dlt645v1997, .following1997(let identifier, let sequence)):
      return part(in: frame) { part in
        guard case .following1997(identifier, _, sequence, _) = part else { return false }
        return true
      }
    case (.dlt645v1997, .again1997(let identifier)):
      guard case .data1997(let last, let payload, let more) = lastReply, identifier == nil || identifier == last
      else { return refused(frame) }
      return .again1997(last, payload, more: more)
    case (.dlt645v2007, .address): return .address(address)
    // A meter does not know the functions of the other edition.
    case (.dlt645v2007, .data1997), (.dlt645v2007, .following1997), (.dlt645v2007, .again1997),
      (.dlt645v1997, .data), (.dlt645v1997, .profile), (.dlt645v1997, .following), (.dlt645v1997, .address):
      return nil
    }
  }

  /// A meter of 1997 also answers reads to 99..99, which is how it is asked for its address.
  private func hears(_ asked: Address) -> Bool {
    asked.matches(address) || (edition == .dlt645v1997 && asked == .broadcast)
  }

  private func part(in frame: Frame, where isAsked: (Reply) -> Bool) -> Reply {
    guard !habits.refusesFollowing, let part = parts.first(where: isAsked) else { return refused(frame) }
    return part
  }

  private func refused(_ frame: Frame) -> Reply { .refusal(function: frame.control.function, habits.refusal) }

  /// What is said to a read whose body fits nothing; no meter refuses what was not meant for it alone.
  private func refusal(ofRead frame: Frame) -> Reply? {
    guard frame.address == address else { return nil }
    switch (edition, frame.control.function) {
    case (.dlt645v2007, 0x11), (.dlt645v2007, 0x12), (.dlt645v1997, 0x01), (.dlt645v1997, 0x02), (.dlt645v1997, 0x03):
      return refused(frame)
    default: return nil
    }
  }

  private func payload(of identifier: DataIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard !habits.missing.contains(identifier) else { return nil }
    return state.parameters[identifier] ?? state.events.payload(of: identifier)
      ?? freezePayload(of: identifier, at: now) ?? cataloguePayload(of: identifier, at: now)
      ?? MeterParameters.factory(identifier)
  }

  /// What the catalogue's items of an identifier tell; `nil` where the meter has none of them.
  func cataloguePayload(of identifier: DataIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    let rates = registers.rateCount
    let told = identifier.items(rates: rates).compactMap { observation(of: $0.quantity, $0.memory, at: now) }
    // A block is there when any of its items is: the others are filled.
    guard !told.isEmpty else { return nil }
    return try? identifier.payload(told, rates: rates)
  }

  func observation(of quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    switch quantity.measurand {
    case .meterAddress, .meterNumber:
      return Observation(quantity: quantity, value: .text(address.description), memory: memory)
    case .assetNumber: return Observation(quantity: quantity, value: .text(id.text), memory: memory)
    case .statusWord(3): return Observation(quantity: quantity, value: .bits(state.supply.bits, width: 16))
    default: break
    }
    let instant = memory == .current ? now : lagged(now)
    guard let told = registers.observation(of: quantity, memory, at: instant) else { return nil }
    guard habits.zeroesMissingPhases, told.value == .absent, case .phase(let phase) = quantity.part,
      phase.rawValue > registers.phases
    else { return told }
    return Observation(quantity: quantity, value: .number(RegisterValue(millionths: 0, resolution: 1)), memory: memory)
  }

  /// The instant by which memories are counted.
  func lagged(_ now: SimulatedInstant) -> SimulatedInstant { now.advanced(bySeconds: -habits.memoryLag) }

  private func isBlock(_ identifier: DataIdentifier) -> Bool {
    [identifier.di2, identifier.di1, identifier.di0].contains(0xFF) || (identifier.di3 == 5 && identifier.di1 != 0)
  }
}

extension SimulatedDLT645Meter {
  /// The rate that the last 17H or 0CH chose; it holds from the frame after the answer.
  public var baud: Int? { state.rate?.bitsPerSecond }
}

extension Request {
  /// Whose function it is.
  fileprivate var edition: Edition {
    switch self {
    case .data, .profile, .following, .address: .dlt645v2007
    case .data1997, .following1997, .again1997: .dlt645v1997
    }
  }
}
