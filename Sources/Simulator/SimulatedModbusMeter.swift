public import Devices
public import Metering
public import Modbus

/// A meter of Modbus: functions 1 to 6, 15, 16, 17 and 43/14, on a serial line or over TCP.
///
/// Registers of its map show what it measures. Besides them it may have settings, coils and inputs that can be set
/// from outside, and by a master where `acceptsWrites`.
public struct SimulatedModbusMeter: SimulatedMeter {
  public let id: MeterID
  /// 1...247; over TCP also 0 and 255.
  public let address: UInt8
  public var registers: MeterRegisters
  public var map: RegisterMap
  /// From the end of a request to the start of the answer.
  public var delay: BootInstant.Span
  /// Pause between the bytes of an answer.
  public var gap: BootInstant.Span

  /// Coils and discrete inputs by their numbers; what is not listed is not there.
  public var coils: [UInt16: Bool] = [:]
  public var discreteInputs: [UInt16: Bool] = [:]
  /// Holding registers besides those of the map.
  public var settings: [UInt16: UInt16] = [:]
  /// The write switch: without it a master can change nothing.
  public var acceptsWrites = false
  /// What the meter tells by function 43/14; empty for a meter that does not know the function.
  public var identification: [IdentificationObject] = []
  /// What the meter tells by function 17; `nil` for a meter that does not know the function.
  public var serverID: ServerID?
  /// Refuses every request to a function with a code, vendor codes included.
  public var refusals: [FunctionCode: ExceptionCode] = [:]
  /// Bytes of identification objects in one reply; what is more follows.
  public var objectBytes = 240

  public var language: MeterLanguage { .modbus }
  public var unit: UInt8? { address }

  public init(
    id: MeterID, address: UInt8, map: RegisterMap, registers: MeterRegisters,
    delay: BootInstant.Span = .milliseconds(30), gap: BootInstant.Span = .zero
  ) {
    self.id = id
    self.address = address
    self.map = map
    self.registers = registers
    self.delay = delay
    self.gap = gap
  }

  /// Gives the meter what a profile says of its nameplate.
  public mutating func show(_ nameplate: Nameplate) {
    identification = nameplate.objects
    // An identifier of one byte, running, and the text: what most makers send.
    serverID = nameplate.serverID.map { ServerID(bytes: [address, 0xFF] + Array($0.utf8)) }
  }

  public mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer? {
    // Foreign units first: every meter of a line hears every request.
    guard let unit = request.first, unit == address || unit == 0,
      let message = try? Message(rtu: request.span), !message.function.isException
    else { return nil }
    guard unit == address else {
      // All meters obey, and none answers.
      if acceptsWrites, let write = try? BroadcastWrite(message) { _ = apply(write.change) }
      return nil
    }
    return Answer(bytes: reply(to: message, at: now).rtu, delay: delay, gap: gap)
  }

  public func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    guard let item = map.items.first(where: { $0.quantity == quantity && $0.memory == memory }) else { return nil }
    let power = power(of: item, at: now)
    guard let value = try? item.format.decode(words(of: item, power, at: now), tenTo: power) else { return nil }
    return Observation(quantity: quantity, value: value, memory: memory)
  }

  private mutating func reply(to message: Message, at now: SimulatedInstant) -> Message {
    if let code = refusals[message.function] { return refusal(of: message, code) }
    switch message.function {
    case .readHoldingRegisters, .readInputRegisters: return registers(message, at: now)
    case .readCoils: return bits(message, of: coils)
    case .readDiscreteInputs: return bits(message, of: discreteInputs)
    case .reportServerID:
      guard let serverID, message.payload.isEmpty else { return refusal(of: message, .illegalFunction) }
      return InquiryReply.serverID(serverID).message(to: .serverID(unit: address))
    case .encapsulatedInterface: return identify(message)
    case .writeSingleCoil, .writeSingleRegister, .writeMultipleCoils, .writeMultipleRegisters: return write(message)
    default: return refusal(of: message, .illegalFunction)
    }
  }

  private func refusal(of message: Message, _ code: ExceptionCode) -> Message {
    Message(unit: address, function: message.function.refused, payload: [code.rawValue])
  }
}

extension SimulatedModbusMeter {
  /// Functions 3 and 4.
  private func registers(_ message: Message, at now: SimulatedInstant) -> Message {
    let payload = message.payload
    guard let function = ReadFunction(rawValue: message.function.rawValue), payload.count == 4 else {
      return refusal(of: message, .illegalDataValue)
    }
    let first = Int(payload[0]) << 8 | Int(payload[1]), count = Int(payload[2]) << 8 | Int(payload[3])
    guard count >= 1, count <= map.limits.maximumRegisters else { return refusal(of: message, .illegalDataValue) }
    guard let range = RegisterRange(function, first: first, count: count) else {
      return refusal(of: message, .illegalDataAddress)
    }
    let image: [UInt16]
    if map.allows(range) {
      image = self.image(of: range, at: now)
    } else if function == .holdingRegisters, let words = words(of: settings, in: range) {
      image = words
    } else {
      return refusal(of: message, .illegalDataAddress)
    }
    return ReadReply.registers(image).message(unit: address, function: function)
  }

  private func words(of settings: [UInt16: UInt16], in range: RegisterRange) -> [UInt16]? {
    let words = (range.first..<range.end).compactMap { settings[UInt16(truncatingIfNeeded: $0)] }
    return words.count == range.count ? words : nil
  }

  /// Functions 1 and 2.
  private func bits(_ message: Message, of table: [UInt16: Bool]) -> Message {
    guard !table.isEmpty else { return refusal(of: message, .illegalFunction) }
    guard let request = try? BitRequest(message) else { return refusal(of: message, .illegalDataValue) }
    let numbers = Int(request.first)..<Int(request.first) + Int(request.count)
    let bits = numbers.compactMap { table[UInt16(truncatingIfNeeded: $0)] }
    guard bits.count == numbers.count else { return refusal(of: message, .illegalDataAddress) }
    return InquiryReply.bits(bits).message(to: .bits(request))
  }

  /// Function 43 with interface 14.
  private func identify(_ message: Message) -> Message {
    guard !identification.isEmpty else { return refusal(of: message, .illegalFunction) }
    guard let request = try? IdentificationRequest(message) else { return refusal(of: message, .illegalDataValue) }
    let highest = identification.map(\.id).max() ?? 0
    let conformity: UInt8 = 0x80 | (highest > 0x7F ? 3 : highest > 2 ? 2 : 1)
    let offered: [IdentificationObject]
    switch request.access {
    case .basic: offered = identification.filter { $0.id <= 2 }
    case .regular: offered = identification.filter { $0.id <= 0x7F }
    case .extended: offered = identification
    case .individual:
      guard let one = identification.first(where: { $0.id == request.object }) else {
        return refusal(of: message, .illegalDataAddress)
      }
      return Identification(access: .individual, conformity: conformity, objects: [one]).message(unit: address)
    }
    // A stream that is begun at an object the meter does not have begins anew.
    let start = offered.firstIndex { $0.id == request.object } ?? 0
    var sent: [IdentificationObject] = []
    var bytes = 0
    for object in offered[start...] {
      guard sent.isEmpty || bytes + 2 + object.bytes.count <= objectBytes else {
        return Identification(
          access: request.access, conformity: conformity, moreFollows: true, next: object.id, objects: sent
        ).message(unit: address)
      }
      sent.append(object)
      bytes += 2 + object.bytes.count
    }
    return Identification(access: request.access, conformity: conformity, objects: sent).message(unit: address)
  }

  /// Functions 5, 6, 15 and 16.
  private mutating func write(_ message: Message) -> Message {
    guard acceptsWrites else { return refusal(of: message, .illegalFunction) }
    guard let request = try? WriteRequest(message) else { return refusal(of: message, .illegalDataValue) }
    guard apply(request.change) else { return refusal(of: message, .illegalDataAddress) }
    return WriteReply.written.message(to: request)
  }

  /// Does all of a change or nothing of it; false where it touches what is not there.
  private mutating func apply(_ change: Change) -> Bool {
    switch change {
    case .coil(let place, let isOn): set([isOn], from: place, in: &coils)
    case .coils(let first, let bits): set(bits, from: first, in: &coils)
    case .register(let place, let word): set([word], from: place, in: &settings)
    case .registers(let first, let words): set(words, from: first, in: &settings)
    }
  }

  private func set<Cell>(_ values: [Cell], from first: UInt16, in table: inout [UInt16: Cell]) -> Bool {
    let places = values.indices.map { first &+ UInt16(truncatingIfNeeded: $0) }
    guard places.allSatisfy({ table[$0] != nil }) else { return false }
    for (place, value) in zip(places, values) { table[place] = value }
    return true
  }
}

extension SimulatedModbusMeter {
  private func image(of range: RegisterRange, at now: SimulatedInstant) -> [UInt16] {
    var image = [UInt16](repeating: 0, count: range.count)
    func put(_ words: [UInt16], at register: Int) {
      for (offset, word) in words.enumerated() where image.indices.contains(register + offset - range.first) {
        image[register + offset - range.first] = word
      }
    }
    for fixed in map.fixed where fixed.function == range.function { put(fixed.words, at: fixed.register) }
    for item in map.items(in: range) {
      let power = power(of: item, at: now)
      put(words(of: item, power, at: now), at: item.register)
      if let scale = item.scaleRegister { put([UInt16(bitPattern: Int16(power))], at: scale) }
    }
    return image
  }

  /// The least power of ten, from -3 on, with which all values that share a scale register fit into their registers.
  private func power(of item: RegisterItem, at now: SimulatedInstant) -> Int {
    guard let scale = item.scaleRegister else { return 0 }
    let sharing = map.items.filter { $0.scaleRegister == scale && $0.function == item.function }
    return (-3...10).first { power in
      sharing.allSatisfy { other in
        guard case .number = value(of: other, power, at: now) else { return true }
        return (try? other.format.encode(value(of: other, power, at: now), tenTo: power)) != nil
      }
    } ?? 10
  }

  /// What the item's registers hold; 0 for what this meter does not measure and cannot say so.
  private func words(of item: RegisterItem, _ power: Int, at now: SimulatedInstant) -> [UInt16] {
    let value = value(of: item, power, at: now)
    if let words = try? item.format.encode(value, tenTo: power) { return words }
    return (try? item.format.encode(.absent)) ?? [UInt16](repeating: 0, count: item.format.type.registerCount)
  }

  private func value(of item: RegisterItem, _ power: Int, at now: SimulatedInstant) -> Value {
    switch item.quantity.measurand {
    case .meterAddress: return whole(Int64(address), item)
    case .meterNumber, .assetNumber: return whole(Int64(20_260_000) + Int64(address), item)
    default: break
    }
    let value = registers.observation(of: item.quantity, item.memory, at: now)?.value ?? .absent
    guard case .number(let number) = value, item.quantity.isCumulative, number.millionths >= 0 else { return value }
    // A counter shows the steps it has finished; the codec would round to the nearest.
    let isFloat = item.format.type == .f32 || item.format.type == .f64
    let shown = isFloat ? number.millionths : number.millionths / step(item, power) * step(item, power)
    return .number(RegisterValue(millionths: shown, resolution: 1))
  }

  /// One step of the register in millionths of the unit, 1 at least.
  private func step(_ item: RegisterItem, _ power: Int) -> Int64 {
    let one = RegisterFormat(.u16, scale: item.format.scale)
    guard case .number(let step) = try? one.decode([1], tenTo: item.format.type.isWhole ? power : 0) else { return 1 }
    return max(1, step.millionths.magnitude > 0 ? Int64(clamping: step.millionths.magnitude) : 1)
  }

  private func whole(_ number: Int64, _ item: RegisterItem) -> Value {
    item.format.type.isNumber
      ? .number(RegisterValue(millionths: number * 1_000_000, resolution: 1_000_000)) : .text(String(number))
  }
}
