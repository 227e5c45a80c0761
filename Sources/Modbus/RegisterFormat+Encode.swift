public import Metering

extension RegisterFormat {
  /// The registers of a meter that shows `value`: what `decode` undoes.
  ///
  /// A number between two steps becomes the nearest one, half away from zero; a float the nearest there is, ties to
  /// the even one. `.absent` becomes the first pattern of `absent`, or what the type itself knows as no value.
  ///
  /// - Throws: `overflow` where the number does not fit the registers, `kind` where the value is of another kind.
  ///
  /// - Parameters:
  ///   - value: what the meter shows.
  ///   - power: of ten, times which the number counts; 0 but for whole numbers with a scale register.
  /// - Returns: as many registers as the type has, in the order of the wire.
  public func encode(_ value: Value, tenTo power: Int = 0) throws(RegisterError) -> [UInt16] {
    guard power == 0 || type.isWhole else { throw .kind }
    guard (-10...10).contains(power) else { throw .power(Int16(clamping: power)) }
    switch (value, type) {
    case (.absent, _): return try order.arrange(absentWords())
    case (.number(let number), _) where type.isNumber: return order.arrange(words(try raw(number, power)))
    case (.text(let text), .text(let registers)): return try order.arrange(words(text, registers))
    case (.instant(let time), .dateTime): return try order.arrange(words(time))
    default: throw .kind
    }
  }

  private func words(_ raw: UInt64) -> [UInt16] {
    (0..<type.registerCount).reversed().map { UInt16(truncatingIfNeeded: raw >> UInt64(16 * $0)) }
  }

  private func raw(_ number: RegisterValue, _ power: Int) throws(RegisterError) -> UInt64 {
    switch type {
    case .f32: return float(number, .binary32)
    case .f64: return float(number, .binary64)
    case .u16, .i16, .u32, .i32, .u64, .i64, .bcd16, .bcd32, .bcd64, .bits, .text, .dateTime: break
    }
    let steps = scale.steps(of: number.millionths, tenTo: power)
    let bits = 16 * type.registerCount
    let fits: Bool
    switch type {
    case .i16, .i32, .i64: fits = (-(Int128(1) << Int128(bits - 1))..<Int128(1) << Int128(bits - 1)).contains(steps)
    case .u16, .u32, .u64: fits = (0..<Int128(1) << Int128(bits)).contains(steps)
    case .bits(let first, let last): fits = (0..<Int128(1) << Int128(last &- first &+ 1)).contains(steps)
    case .bcd16, .bcd32, .bcd64: fits = steps >= 0
    case .f32, .f64, .text, .dateTime: fits = false
    }
    guard fits else { throw .overflow }
    switch type {
    case .bits(let first, _): return UInt64(truncatingIfNeeded: steps) << UInt64(first)
    case .bcd16, .bcd32, .bcd64: return try decimal(steps, digits: 4 * type.registerCount)
    case .u16, .i16, .u32, .i32, .u64, .i64, .f32, .f64, .text, .dateTime: return UInt64(truncatingIfNeeded: steps)
    }
  }

  private func float(_ number: RegisterValue, _ format: BinaryFormat) -> UInt64 {
    let numerator = Int128(number.millionths) * 1000
    let isNegative = scale.billionths < 0
    return format.nearest(
      numerator: isNegative ? -numerator : numerator, denominator: Int128(scale.billionths.magnitude))
  }

  private func decimal(_ steps: Int128, digits: Int) throws(RegisterError) -> UInt64 {
    var raw: UInt64 = 0
    var rest = steps
    for place in 0..<digits {
      raw |= UInt64(truncatingIfNeeded: rest % 10) << UInt64(4 * place)
      rest /= 10
    }
    guard rest == 0 else { throw .overflow }
    return raw
  }

  private func absentWords() throws(RegisterError) -> [UInt16] {
    if type.isNumber, let pattern = absent.first { return words(pattern) }
    switch type {
    case .f32: return words(0x7FC0_0000)
    case .f64: return words(0x7FF8_0000_0000_0000)
    case .bcd16, .bcd32, .bcd64, .text, .dateTime: return Array(repeating: 0xFFFF, count: type.registerCount)
    case .u16, .i16, .u32, .i32, .u64, .i64, .bits: throw .kind
    }
  }

  private func words(_ text: String, _ registers: Int) throws(RegisterError) -> [UInt16] {
    var bytes = Array(text.utf8)
    guard bytes.count <= 2 * registers else { throw .overflow }
    for byte in bytes where !(0x20...0x7E).contains(byte) { throw .character(byte) }
    bytes += Array(repeating: 0, count: 2 * registers - bytes.count)
    return (0..<registers).map { word(bytes[2 * $0], bytes[2 * $0 + 1]) }
  }

  private func words(_ time: MeterTime) throws(RegisterError) -> [UInt16] {
    guard (2000...2255).contains(time.date.year) else { throw .overflow }
    return [
      word(UInt8(time.date.year - 2000), UInt8(time.date.month)),
      word(UInt8(time.date.day), UInt8(time.time.hour)),
      word(UInt8(time.time.minute), UInt8(time.time.second ?? 0)),
    ]
  }
}
