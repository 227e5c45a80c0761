public import Metering
internal import Modbus

/// A meter of Modbus RTU with functions 3 and 4.
public struct SimulatedModbusMeter: SimulatedMeter {
  public let id: MeterID
  /// 1...247.
  public let address: UInt8
  public var registers: MeterRegisters
  public var map: RegisterMap
  /// From the end of a request to the start of the answer.
  public var delay: BootInstant.Span
  /// Pause between the bytes of an answer.
  public var gap: BootInstant.Span
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

  public mutating func answer(_ request: [UInt8], at now: SimulatedInstant) -> Answer? {
    // Foreign units first: every meter of a line hears every request.
    guard request.first == address, let message = try? Message(rtu: request.span), !message.function.isException
    else { return nil }
    return Answer(bytes: reply(to: message, at: now).rtu, delay: delay, gap: gap)
  }

  public func truth(_ quantity: Quantity, _ memory: Memory, at now: SimulatedInstant) -> Observation? {
    guard let item = map.items.first(where: { $0.quantity == quantity && $0.memory == memory }),
      let value = try? item.format.decode(words(of: item, at: now))
    else { return nil }
    return Observation(quantity: quantity, value: value, memory: memory)
  }

  private func reply(to message: Message, at now: SimulatedInstant) -> Message {
    guard let function = ReadFunction(rawValue: message.function.rawValue) else {
      return refusal(of: message, .illegalFunction)
    }
    let payload = message.payload
    guard payload.count == 4 else { return refusal(of: message, .illegalDataValue) }
    let first = Int(payload[0]) << 8 | Int(payload[1]), count = Int(payload[2]) << 8 | Int(payload[3])
    guard count >= 1, count <= map.maximumCount else { return refusal(of: message, .illegalDataValue) }
    guard let range = RegisterRange(function, first: first, count: count), map.allows(range) else {
      return refusal(of: message, .illegalDataAddress)
    }
    return ReadReply.registers(image(of: range, at: now)).message(unit: address, function: function)
  }

  private func refusal(of message: Message, _ code: ExceptionCode) -> Message {
    Message(unit: address, function: message.function.refused, payload: [code.rawValue])
  }

  private func image(of range: RegisterRange, at now: SimulatedInstant) -> [UInt16] {
    var image = [UInt16](repeating: 0, count: range.count)
    for item in map.items(in: range) {
      for (offset, word) in words(of: item, at: now).enumerated() {
        let place = item.register + offset - range.first
        if image.indices.contains(place) { image[place] = word }
      }
    }
    return image
  }

  /// What the item's registers hold; 0 for what this meter does not measure and cannot say so.
  private func words(of item: RegisterItem, at now: SimulatedInstant) -> [UInt16] {
    let value = value(of: item, at: now)
    if let words = try? item.format.encode(value) { return words }
    return (try? item.format.encode(.absent)) ?? [UInt16](repeating: 0, count: item.format.type.registerCount)
  }

  private func value(of item: RegisterItem, at now: SimulatedInstant) -> Value {
    switch item.quantity.measurand {
    case .meterAddress: return whole(Int64(address), item)
    case .meterNumber, .assetNumber: return whole(Int64(20_260_000) + Int64(address), item)
    default: break
    }
    let value = registers.observation(of: item.quantity, item.memory, at: now)?.value ?? .absent
    guard case .number(let number) = value, item.quantity.isCumulative, number.millionths >= 0 else { return value }
    // A counter shows the steps it has finished; the codec would round to the nearest.
    let step = max(1, item.format.scale.billionths / 1000)
    let isFloat = item.format.type == .f32 || item.format.type == .f64
    let shown = isFloat ? number.millionths : number.millionths / step * step
    return .number(RegisterValue(millionths: shown, resolution: 1))
  }

  private func whole(_ number: Int64, _ item: RegisterItem) -> Value {
    item.format.type.isNumber
      ? .number(RegisterValue(millionths: number * 1_000_000, resolution: 1_000_000)) : .text(String(number))
  }
}
