internal import Documents
internal import Modbus

/// What registers have in common: said for the file, for a group, or for one register.
struct RegisterDefaults {
  var function: ReadFunction?
  var type: RegisterType?
  var order: WordOrder?
  var scale: Scale?
  /// Hex patterns of "no value"; their width is checked with the type.
  var absent: [String] = []
  /// Digits before the point of a counter.
  var digits: Int?
  /// Where the power of ten stands.
  var scaleRegister: Int?
  /// No other value may be read with it.
  var isAlone = false
}

extension TableReader {
  /// Reads what this table says, each on its own line; the rest is from `outer`.
  mutating func registerDefaults(within outer: RegisterDefaults) throws(DocumentError) -> RegisterDefaults {
    RegisterDefaults(
      function: try readFunction() ?? outer.function,
      type: try registerType() ?? outer.type,
      order: try wordOrder() ?? outer.order,
      scale: try scale() ?? outer.scale,
      absent: try optionalStrings("no-value") ?? outer.absent,
      digits: try optionalInteger("digits", in: 3...9) ?? outer.digits,
      scaleRegister: try optionalInteger("scale-register", in: 0...65_535) ?? outer.scaleRegister,
      isAlone: try optionalBoolean("alone") ?? outer.isAlone)
  }

  /// `holding` or `input`.
  mutating func readFunction() throws(DocumentError) -> ReadFunction? {
    switch try optionalString("function") {
    case nil: return nil
    case "holding": return .holdingRegisters
    case "input": return .inputRegisters
    case let name?:
      throw error("function", "\"\(name)\" is neither \"holding\" (function 3) nor \"input\" (function 4)")
    }
  }

  mutating func wordOrder() throws(DocumentError) -> WordOrder? {
    guard let name = try optionalString("order") else { return nil }
    guard let order = WordOrder(name) else {
      throw error("order", "\"\(name)\" is no order, such as ABCD, CDAB, BADC, DCBA or GHEFCDAB")
    }
    return order
  }

  private mutating func registerType() throws(DocumentError) -> RegisterType? {
    guard let name = try optionalString("type") else { return nil }
    guard let type = RegisterType(name) else {
      throw error("type", "\"\(name)\" is no register type, such as u16, i32, f32, bcd32, bits0-3, text8, datetime")
    }
    return type
  }

  private mutating func scale() throws(DocumentError) -> Scale? {
    guard let text = try optionalString("scale") else { return nil }
    guard let scale = Scale(text) else {
      throw error("scale", "\"\(text)\" is no decimal of at most nine places other than 0, up to 1000000")
    }
    return scale
  }

  /// An error for a key that neither this table nor those around it have.
  func missing(_ key: String, _ what: String) -> DocumentError { error(key, "\(what) is required here or above") }
}
