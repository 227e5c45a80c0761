public import DLT645
public import Metering

/// A meter of DL/T 645, of one edition.
///
/// It answers reads of every item that the catalogue lists, 13H if it is of 2007, and refuses what it does not have
/// with 02H and what writes with 04H. To foreign addresses, damaged frames, frames of other meters and functions of
/// the other edition it says nothing.
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
    /// Whether AAH closes a block.
    public var closesBlocks = false
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

    public init() {}
  }

  public let id: MeterID
  public let address: Address
  public let edition: Edition
  public var registers: MeterRegisters
  public var habits: Habits
  public var language: MeterLanguage { .dlt645 }
  public var unit: UInt8? { nil }

  /// The parts of the last answer that did not fit into one frame.
  private var parts: [Reply] = []

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
  }

  public mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer? {
    let wakeUps = request.prefix { $0 == 0xFE }.count
    guard wakeUps >= habits.neededWakeUps, let frame = try? Frame.decode(request.span, at: wakeUps),
      frame.control.direction == .request, let reply = reply(to: frame, in: request, at: now)
    else { return nil }
    let sender = habits.keepsWildcard ? frame.address : address
    guard let bytes = reply.frame(from: sender, wakeUps: habits.wakeUps) else { return nil }
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
    let span = bytes.span
    guard hears(frame.address) else { return nil }
    switch (edition, Request(frame, in: span)) {
    case (.dlt645v2007, .data(let identifier)):
      guard var payload = payload(of: identifier, at: now) else { return refused(frame) }
      if habits.closesBlocks, isBlock(identifier) { payload.append(0xAA) }
      parts = Reply.chain(identifier, payload, partSize: habits.partSize)
      return parts.first
    case (.dlt645v1997, .data1997(let identifier)):
      guard var payload = payload(of: identifier, at: now) else { return refused(frame) }
      if habits.closesBlocks, identifier.di0 & 0x0F == 0x0F { payload.append(0xAA) }
      parts = chain(identifier, payload)
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
    case (.dlt645v2007, .address): return .address(address)
    // A meter does not know the functions of the other edition.
    case (.dlt645v2007, .data1997), (.dlt645v2007, .following1997), (.dlt645v1997, .data), (.dlt645v1997, .following),
      (.dlt645v1997, .address):
      return nil
    case (_, nil): return refusal(of: frame)
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

  /// What is said to all that is no plain read.
  private func refusal(of frame: Frame) -> Reply? {
    // No meter refuses what was not meant for it alone.
    guard frame.address == address else { return nil }
    switch (edition, frame.control.function) {
    case (.dlt645v2007, 0x11), (.dlt645v2007, 0x12), (.dlt645v1997, 0x01), (.dlt645v1997, 0x02): return refused(frame)
    case (.dlt645v2007, 0x03), (.dlt645v2007, 0x14), (.dlt645v2007, 0x16...0x1D),
      (.dlt645v1997, 0x04), (.dlt645v1997, 0x0C), (.dlt645v1997, 0x0F), (.dlt645v1997, 0x10):
      return .refusal(function: frame.control.function, .notAuthorised)
    default: return nil
    }
  }

  private func payload(of identifier: DataIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard !habits.missing.contains(identifier) else { return nil }
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
    default: return registers.observation(of: quantity, memory, at: now)
    }
  }

  private func isBlock(_ identifier: DataIdentifier) -> Bool {
    [identifier.di2, identifier.di1, identifier.di0].contains(0xFF) || (identifier.di3 == 5 && identifier.di1 != 0)
  }
}
