public import Metering
public import Modbus
internal import Documents

/// The registers of a Modbus meter that meterd reads.
public struct ModbusMap: Hashable, Sendable {
  public let limits: ReadLimits
  /// In the order of the file; 1...512, no quantity twice.
  public let registers: [ModbusRegister]
  /// Registers by which the model is recognised; all of them must say what is expected.
  public let identity: [IdentityRegister]
  /// What the meter tells of itself when asked by functions 17 and 43/14; `nil` where it does not answer them.
  public let nameplate: Nameplate?
}

/// One value in a meter's registers.
public struct ModbusRegister: Hashable, Sendable {
  public let quantity: Quantity
  /// Numbered as on the wire, from 0.
  public let range: RegisterRange
  /// How its words become a value in the quantity's unit.
  public let format: RegisterFormat
  /// Digits before the point after which the register starts again from 0; `nil` where not known.
  public let digits: Int?
  /// Where the power of ten stands that the number is to be taken times; `nil` where there is none.
  public let scaleRegister: Int?
  public let note: String?
  public let evidence: Evidence
  /// What one read must bring: the value's registers with the scale register, since that may change at any time.
  public let span: RegisterRange

  /// The value out of the reply to a read of `block`; `nil` where it is not in it with its power of ten.
  ///
  /// A scale register that says "not implemented" makes the value absent. Throws where the registers hold no value.
  public func value(in block: RegisterRange, _ reply: [UInt16]) throws(RegisterError) -> Value? {
    guard block.contains(span), let words = block.registers(of: range, in: reply) else { return nil }
    guard let scaleRegister else { return try format.decode(words) }
    guard let place = RegisterRange(range.function, first: scaleRegister, count: 1),
      let power = block.registers(of: place, in: reply)?.first
    else { return nil }
    guard let power = try SunSpec.power(power) else { return .absent }
    return try format.decode(words, tenTo: power)
  }
}

extension TableReader {
  mutating func modbusMap(within outer: Evidence) throws(DocumentError) -> ModbusMap {
    var top = RegisterDefaults()
    top.function = try readFunction()
    top.order = try wordOrder() ?? .abcd
    top.isAlone = try optionalBoolean("alone") ?? false
    let maximum = try optionalInteger("max-registers", in: 1...125) ?? ReadRequest.maximumCount
    var forbidden: [RegisterRange] = []
    for var table in try tables("forbidden") {
      forbidden.append(try table.forbiddenRange(top))
      try table.finish()
    }
    let limits = ReadLimits(maximumRegisters: maximum, forbidden: forbidden)
    var registers: [ModbusRegister] = []
    var alone: Set<RegisterRange> = []
    for var group in try tables("group") {
      let evidence = try group.evidence(within: outer)
      let defaults = try group.registerDefaults(within: top)
      for var table in try group.tables("register") {
        let (register, isAlone) = try table.modbusRegister(defaults, limits: limits, within: evidence)
        guard !registers.contains(where: { $0.quantity == register.quantity }) else {
          throw table.error("quantity", "\(register.quantity) is given by two registers")
        }
        guard registers.count < 512 else { throw table.error("quantity", "a profile has at most 512 registers") }
        registers.append(register)
        if isAlone { alone.insert(register.span) }
        try table.finish()
      }
      try group.finish()
    }
    guard !registers.isEmpty else {
      throw error("group", "a Modbus profile needs a [[group]] with a [[group.register]]")
    }
    let complete = ReadLimits(maximumRegisters: maximum, forbidden: forbidden, alone: alone)
    if let register = registers.first(where: { !complete.allow($0.span) }) {
      throw error("group", "\(register.quantity) shares registers with a value that is read alone")
    }
    var identity: [IdentityRegister] = []
    for var table in try tables("identity") {
      identity.append(try table.identityRegister(top, limits: limits))
      try table.finish()
    }
    return ModbusMap(limits: complete, registers: registers, identity: identity, nameplate: try nameplate())
  }

  private mutating func forbiddenRange(_ top: RegisterDefaults) throws(DocumentError) -> RegisterRange {
    guard let function = try readFunction() ?? top.function else {
      throw missing("function", "\"holding\" or \"input\"")
    }
    let first = try integer("first", in: 0...65_535)
    let count = try integer("count", in: 1...65_536)
    guard let range = RegisterRange(function, first: first, count: count) else {
      throw error("count", "\(count) registers from \(first) pass 65535")
    }
    return range
  }

  private mutating func modbusRegister(
    _ group: RegisterDefaults, limits: ReadLimits, within outer: Evidence
  ) throws(DocumentError) -> (register: ModbusRegister, isAlone: Bool) {
    let evidence = try evidence(within: outer)
    let name = try string("quantity")
    guard let quantity = Quantity(name: name) else { throw error("quantity", "\"\(name)\" is no quantity") }
    let own = try registerDefaults(within: group)
    let format = try registerFormat(own, for: quantity)
    guard let function = own.function else { throw missing("function", "\"holding\" or \"input\"") }
    let first = try integer("address", in: 0...65_535)
    let count = format.type.registerCount
    guard let range = RegisterRange(function, first: first, count: count) else {
      throw error("address", "\(count) registers from \(first) pass 65535")
    }
    guard count <= limits.maximumRegisters else {
      throw error("type", "\(format.type) takes \(count) registers, and one read brings \(limits.maximumRegisters)")
    }
    guard limits.allow(range) else { throw error("address", "register \(first) lies in a forbidden range") }
    let span = try span(of: range, own, limits)
    if has("digits"), !quantity.isCumulative { throw error("digits", "\(quantity) is no counter") }
    let register = ModbusRegister(
      quantity: quantity, range: range, format: format, digits: quantity.isCumulative ? own.digits : nil,
      scaleRegister: own.scaleRegister, note: try optionalString("note"), evidence: evidence, span: span)
    return (register, own.isAlone)
  }

  /// The registers of a value with its scale register between which one read must reach.
  private func span(
    of range: RegisterRange, _ own: RegisterDefaults, _ limits: ReadLimits
  ) throws(DocumentError) -> RegisterRange {
    guard let scale = own.scaleRegister else { return range }
    guard own.type?.isWhole ?? false else {
      throw error("scale-register", "\(own.type?.description ?? "this") is no whole number, and needs no power of ten")
    }
    let first = min(range.first, scale), end = max(range.end, scale + 1)
    guard !(range.first..<range.end).contains(scale) else {
      throw error("scale-register", "register \(scale) is one of the value's own")
    }
    guard let span = RegisterRange(range.function, first: first, count: end - first), limits.allow(span) else {
      throw error(
        "scale-register",
        "registers \(first) to \(end - 1) cannot be read together, and the power may change between two reads")
    }
    return span
  }

  private func registerFormat(
    _ own: RegisterDefaults, for quantity: Quantity
  ) throws(DocumentError) -> RegisterFormat {
    guard let type = own.type else { throw missing("type", "a register type such as \"f32\"") }
    guard quantity.unit == nil || type.isNumber, (quantity.measurand == .clock) == (type == .dateTime) else {
      throw error("type", "\(type) cannot give \(quantity)")
    }
    let order = own.order ?? .abcd
    guard type.isNumber else {
      if has("scale") { throw error("scale", "\(type) is no number") }
      return RegisterFormat(type, order: order)
    }
    guard let scale = own.scale else { throw missing("scale", "a decimal such as \"0.001\"") }
    var patterns: [UInt64] = []
    for text in own.absent {
      if text == "sunspec" || text == "sunspec-accumulator" {
        guard let pattern = SunSpec.absent(type, accumulates: text == "sunspec-accumulator") else {
          throw error("no-value", "SunSpec has no pattern for \(type)")
        }
        patterns.append(pattern)
        continue
      }
      guard text.count == 4 * type.registerCount, text.allSatisfy({ $0.isHexDigit }),
        let pattern = UInt64(text, radix: 16)
      else { throw error("no-value", "\"\(text)\" is not \(4 * type.registerCount) hex digits") }
      patterns.append(pattern)
    }
    return RegisterFormat(type, order: order, scale: scale, absent: patterns)
  }
}
