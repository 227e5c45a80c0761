public import DLT645
public import Metering

/// A meter of DL/T 645-2007.
///
/// It answers reads of every item that the catalogue lists, 13H, and refuses what it does not have with 02H and what
/// writes with 04H. To foreign addresses, damaged frames and frames of other meters it says nothing.
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
    /// What it says to those; several bits may be set.
    public var refusal = ErrorWord.noData

    public init() {}
  }

  public let id: MeterID
  public let address: Address
  public var registers: MeterRegisters
  public var habits: Habits
  public var language: MeterLanguage { .dlt645 }
  public var unit: UInt8? { nil }

  /// The parts of the last answer that did not fit into one frame.
  private var parts: [Reply] = []

  /// `address` is complete: twelve digits.
  public init(id: MeterID, address: Address, registers: MeterRegisters, habits: Habits = Habits()) {
    self.id = id
    self.address = address
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
    guard let identifier = DataIdentifier(for: quantity, memory: memory),
      let payload = payload(of: identifier, at: now),
      let told = try? identifier.observations(in: payload, rates: registers.rateCount)
    else { return nil }
    return told.first { $0.quantity == quantity && $0.memory == memory }
  }

  private mutating func reply(to frame: Frame, in bytes: [UInt8], at now: SimulatedInstant) -> Reply? {
    let span = bytes.span
    guard frame.address.matches(address) else { return nil }
    switch Request(frame, in: span) {
    case .data(let identifier):
      guard var payload = payload(of: identifier, at: now) else {
        return .refusal(function: frame.control.function, habits.refusal)
      }
      if habits.closesBlocks, isBlock(identifier) { payload.append(0xAA) }
      parts = Reply.chain(identifier, payload, partSize: habits.partSize)
      return parts.first
    case .following(let identifier, let sequence):
      let part = parts.first { part in
        guard case .following(identifier, _, sequence, _) = part else { return false }
        return true
      }
      guard let part, !habits.refusesFollowing else {
        return .refusal(function: frame.control.function, habits.refusal)
      }
      return part
    case .address: return .address(address)
    // A 2007 meter does not know the functions of 1997.
    case .data1997, .following1997: return nil
    case nil: return refusal(of: frame)
    }
  }

  /// What is said to all that is no plain read.
  private func refusal(of frame: Frame) -> Reply? {
    // No meter refuses what was not meant for it alone.
    guard frame.address == address else { return nil }
    switch frame.control.function {
    case 0x11, 0x12: return .refusal(function: frame.control.function, habits.refusal)
    case 0x03, 0x14, 0x16...0x1D: return .refusal(function: frame.control.function, .notAuthorised)
    default: return nil
    }
  }

  private func payload(of identifier: DataIdentifier, at now: SimulatedInstant) -> [UInt8]? {
    guard !habits.missing.contains(identifier) else { return nil }
    let rates = registers.rateCount
    let told = identifier.items(rates: rates).compactMap { observation(of: $0, at: now) }
    // A block is there when any of its items is: the others are filled.
    guard !told.isEmpty else { return nil }
    return try? identifier.payload(told, rates: rates)
  }

  private func observation(of item: CatalogueItem, at now: SimulatedInstant) -> Observation? {
    switch item.quantity.measurand {
    case .meterAddress, .meterNumber:
      return Observation(quantity: item.quantity, value: .text(address.description), memory: item.memory)
    case .assetNumber: return Observation(quantity: item.quantity, value: .text(id.text), memory: item.memory)
    default: return registers.observation(of: item.quantity, item.memory, at: now)
    }
  }

  private func isBlock(_ identifier: DataIdentifier) -> Bool {
    [identifier.di2, identifier.di1, identifier.di0].contains(0xFF) || (identifier.di3 == 5 && identifier.di1 != 0)
  }
}
