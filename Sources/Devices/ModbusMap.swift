public import Metering
public import Modbus
internal import Documents

/// The registers of a Modbus meter that meterd reads.
public struct ModbusMap: Hashable, Sendable {
  public let limits: ReadLimits
  /// In the order of the file; 1...512, no quantity twice.
  public let registers: [ModbusRegister]
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
  public let note: String?
  public let evidence: Evidence
}

extension TableReader {
  mutating func modbusMap(within outer: Evidence) throws(DocumentError) -> ModbusMap {
    var top = RegisterDefaults()
    top.function = try readFunction()
    top.order = try wordOrder() ?? .abcd
    let maximum = try optionalInteger("max-registers", in: 1...125) ?? ReadRequest.maximumCount
    var forbidden: [RegisterRange] = []
    for var table in try tables("forbidden") {
      forbidden.append(try table.forbiddenRange(top))
      try table.finish()
    }
    let limits = ReadLimits(maximumRegisters: maximum, forbidden: forbidden)
    var registers: [ModbusRegister] = []
    for var group in try tables("group") {
      let evidence = try group.evidence(within: outer)
      let defaults = try group.registerDefaults(within: top)
      for var table in try group.tables("register") {
        let register = try table.modbusRegister(defaults, limits: limits, within: evidence)
        guard !registers.contains(where: { $0.quantity == register.quantity }) else {
          throw table.error("quantity", "\(register.quantity) is given by two registers")
        }
        guard registers.count < 512 else { throw table.error("quantity", "a profile has at most 512 registers") }
        registers.append(register)
        try table.finish()
      }
      try group.finish()
    }
    guard !registers.isEmpty else {
      throw error("group", "a Modbus profile needs a [[group]] with a [[group.register]]")
    }
    return ModbusMap(limits: limits, registers: registers)
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
  ) throws(DocumentError) -> ModbusRegister {
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
    if has("digits"), !quantity.isCumulative { throw error("digits", "\(quantity) is no counter") }
    return ModbusRegister(
      quantity: quantity, range: range, format: format, digits: quantity.isCumulative ? own.digits : nil,
      note: try optionalString("note"), evidence: evidence)
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
      guard text.count == 4 * type.registerCount, text.allSatisfy({ $0.isHexDigit }),
        let pattern = UInt64(text, radix: 16)
      else { throw error("no-value", "\"\(text)\" is not \(4 * type.registerCount) hex digits") }
      patterns.append(pattern)
    }
    return RegisterFormat(type, order: order, scale: scale, absent: patterns)
  }
}
