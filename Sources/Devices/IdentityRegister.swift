internal import Documents
internal import Metering
public import Modbus

/// A register that tells which model a meter is.
public struct IdentityRegister: Hashable, Sendable {
  public let range: RegisterRange
  public let type: RegisterType
  public let order: WordOrder
  /// Any of these: the whole number, or the text.
  public let expected: [String]

  /// Whether `registers`, as they came, are of this model.
  public func matches(_ registers: [UInt16]) -> Bool {
    switch try? RegisterFormat(type, order: order).decode(registers) {
    case .some(.number(let number)):
      let whole = number.millionths / 1_000_000
      return number.millionths % 1_000_000 == 0 && expected.contains("\(whole)")
    case .some(.text(let text)): return expected.contains(text)
    case .some, .none: return false
    }
  }

  /// The registers of a meter that says the first of what is expected.
  public var registers: [UInt16] {
    let format = RegisterFormat(type, order: order)
    guard let first = expected.first else { return [] }
    let value: Value =
      type.isNumber
      ? .number(RegisterValue(millionths: (Int64(first) ?? 0) * 1_000_000, resolution: 1_000_000)) : .text(first)
    return (try? format.encode(value)) ?? []
  }
}

/// What a meter tells of itself when asked by functions 17 and 43/14.
public struct Nameplate: Hashable, Sendable {
  /// Objects of the device identification, by number: vendor name, product code, revision and so on.
  public let objects: [IdentificationObject]
  /// Text in the reply to function 17; `nil` where the meter does not answer it.
  public let serverID: String?
}

extension TableReader {
  /// Keys of `[identification]`, in the order of their object numbers.
  private static let objectKeys = [
    "vendor-name", "product-code", "revision", "vendor-url", "product-name", "model-name", "user-application-name",
  ]

  mutating func nameplate() throws(DocumentError) -> Nameplate? {
    guard var table = try optionalTable("identification") else { return nil }
    var objects: [IdentificationObject] = []
    for (id, key) in Self.objectKeys.enumerated() {
      guard let text = try table.text(key) else { continue }
      objects.append(IdentificationObject(id: UInt8(truncatingIfNeeded: id), bytes: Array(text.utf8)))
    }
    let serverID = try table.text("server-id")
    guard !objects.isEmpty || serverID != nil else {
      throw error("identification", "say what the meter answers, such as vendor-name and product-code")
    }
    try table.finish()
    return Nameplate(objects: objects, serverID: serverID)
  }

  private mutating func text(_ key: String) throws(DocumentError) -> String? {
    guard let text = try optionalString(key) else { return nil }
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw error(key, "\"\(text)\" is not 1 to 64 characters of printable ASCII")
    }
    return text
  }

  mutating func identityRegister(
    _ top: RegisterDefaults, limits: ReadLimits
  ) throws(DocumentError) -> IdentityRegister {
    if let key = ["scale", "scale-register", "no-value", "digits", "alone"].first(where: has) {
      throw error(key, "what identifies a meter is compared as it stands")
    }
    let own = try registerDefaults(within: top)
    guard let type = own.type, type != .dateTime, type != .f32, type != .f64 else {
      throw missing("type", "a whole number or a text, such as \"u16\" or \"text8\",")
    }
    guard let function = own.function else { throw missing("function", "\"holding\" or \"input\"") }
    let first = try integer("address", in: 0...65_535)
    guard let range = RegisterRange(function, first: first, count: type.registerCount), limits.allow(range) else {
      throw error("address", "\(type.registerCount) registers from \(first) cannot be read")
    }
    let expected = try optionalStrings("expect") ?? []
    guard !expected.isEmpty else { throw error("expect", "say what the register holds, such as expect = [\"71\"]") }
    let identity = IdentityRegister(range: range, type: type, order: own.order ?? .abcd, expected: expected)
    for text in expected {
      let alone = IdentityRegister(range: range, type: type, order: identity.order, expected: [text])
      let fits = Int64(text).map { (-1_000_000_000_000...1_000_000_000_000).contains($0) } ?? false
      guard !type.isNumber || fits, alone.matches(alone.registers)
      else { throw error("expect", "\"\(text)\" does not go into \(type)") }
    }
    return identity
  }
}
