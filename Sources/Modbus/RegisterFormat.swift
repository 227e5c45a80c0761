public import Metering

/// Why registers are not the value they should be, or a value does not go into them.
public enum RegisterError: Error, Hashable, Sendable {
  /// Another number of registers than the type has.
  case registerCount(Int, expected: Int)
  /// A half byte above 9 in a decimal number.
  case digit(UInt8)
  /// The number is beyond what a reading, or the register, can hold.
  case overflow
  /// Three registers that are no date and time.
  case dateTime([UInt16])
  /// A byte that is no printable ASCII character.
  case character(UInt8)
  /// A value of another kind than the registers hold, or one they have no pattern for.
  case kind
  /// A scale register that holds no power of ten within -10...10.
  case power(Int16)
}

extension RegisterError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .registerCount(let count, let expected):
      "\(count) \(count == 1 ? "register" : "registers"), where the value takes \(expected)"
    case .digit(let digit): "\(hexDigit(digit)) is no decimal digit"
    case .overflow: "the number is too large"
    case .dateTime(let registers): "\(registers.map(hexWord).joined(separator: " ")) is no date and time"
    case .character(let byte): "\(hexWord(UInt16(byte)).suffix(2)) is no printable character"
    case .kind: "the value does not go into these registers"
    case .power(let power): "the scale register holds \(power), which is no power from -10 to 10"
    }
  }
}

private func hexDigit(_ digit: UInt8) -> String { String(digit & 0xF, radix: 16, uppercase: true) }

/// Turns registers into a value and back, exactly.
public struct RegisterFormat: Hashable, Sendable {
  public let type: RegisterType
  public let order: WordOrder
  public let scale: Scale
  /// Patterns that stand for "no value", as the number they would make without sign and scale.
  public let absent: [UInt64]

  public init(_ type: RegisterType, order: WordOrder = .abcd, scale: Scale = .one, absent: [UInt64] = []) {
    self.type = type
    self.order = order
    self.scale = scale
    self.absent = absent
  }

  /// The value that `registers` hold.
  ///
  /// Whole numbers are scaled without a binary fraction on the way; floats are taken apart into whole numbers,
  /// scaled, and rounded half away from zero once, to millionths. Patterns of `absent`, decimal numbers filled with
  /// FFH, floats that are no number and empty texts are `.absent`.
  ///
  /// - Parameters:
  ///   - registers: as many as the type has, in the order of the wire.
  ///   - power: of ten, times which the number counts; 0 but for whole numbers with a scale register.
  /// - Returns: the value, or `.absent`.
  /// - Throws: what is wrong with the registers, or `overflow`.
  public func decode(_ registers: [UInt16], tenTo power: Int = 0) throws(RegisterError) -> Value {
    guard power == 0 || type.isWhole else { throw .kind }
    guard (-10...10).contains(power) else { throw .power(Int16(clamping: power)) }
    guard registers.count == type.registerCount else {
      throw .registerCount(registers.count, expected: type.registerCount)
    }
    let words = order.arrange(registers)
    let raw = words.prefix(4).reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
    if type.isNumber, absent.contains(raw) { return .absent }
    switch type {
    case .u16, .u32, .u64: return .number(try scale.value(mantissa: Int128(raw), tenTo: power))
    case .i16: return .number(try scale.value(mantissa: Int128(Int16(truncatingIfNeeded: raw)), tenTo: power))
    case .i32: return .number(try scale.value(mantissa: Int128(Int32(truncatingIfNeeded: raw)), tenTo: power))
    case .i64: return .number(try scale.value(mantissa: Int128(Int64(truncatingIfNeeded: raw)), tenTo: power))
    case .f32: return try float(raw, .binary32)
    case .f64: return try float(raw, .binary64)
    case .bcd16, .bcd32, .bcd64:
      if words.allSatisfy({ $0 == 0xFFFF }) { return .absent }
      return .number(try scale.value(mantissa: Int128(try decimal(raw, digits: 4 * words.count)), tenTo: power))
    case .bits(let first, let last):
      let field = raw >> UInt64(first) & (1 << UInt64(last &- first &+ 1) - 1)
      return .number(try scale.value(mantissa: Int128(field), tenTo: power))
    case .text: return try text(words)
    case .dateTime: return try instant(words)
    }
  }

  private func float(_ raw: UInt64, _ format: BinaryFormat) throws(RegisterError) -> Value {
    guard let parts = format.parts(of: raw) else { return .absent }
    return .number(try scale.value(mantissa: parts.mantissa, exponent: parts.exponent))
  }

  private func decimal(_ raw: UInt64, digits: Int) throws(RegisterError) -> UInt64 {
    var number: UInt64 = 0
    for place in (0..<digits).reversed() {
      let digit = raw >> UInt64(4 * place) & 0xF
      guard digit <= 9 else { throw .digit(UInt8(digit)) }
      number = number * 10 + digit
    }
    return number
  }

  private func text(_ words: [UInt16]) throws(RegisterError) -> Value {
    let bytes = words.flatMap { [$0.highByte, $0.lowByte] }
    if bytes.allSatisfy({ $0 == 0xFF }) { return .absent }
    var characters = bytes.prefix { $0 != 0 }
    while characters.last == 0x20 { characters.removeLast() }
    for byte in characters where !(0x20...0x7E).contains(byte) { throw .character(byte) }
    return characters.isEmpty ? .absent : .text(String(decoding: characters, as: UTF8.self))
  }

  private func instant(_ words: [UInt16]) throws(RegisterError) -> Value {
    if words.allSatisfy({ $0 == 0xFFFF }) { return .absent }
    guard
      let time = MeterTime(
        year: 2000 + Int(words[0].highByte), month: Int(words[0].lowByte), day: Int(words[1].highByte),
        hour: Int(words[1].lowByte), minute: Int(words[2].highByte), second: Int(words[2].lowByte))
    else { throw .dateTime(words) }
    return .instant(time)
  }
}
