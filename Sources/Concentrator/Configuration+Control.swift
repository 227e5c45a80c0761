public import Acquisition
internal import Documents
internal import Metering

extension Configuration {
  static func control(_ reader: inout TableReader) throws(DocumentError) -> ControlEntry? {
    guard var table = try reader.optionalTable("control") else { return nil }
    guard let isEnabled = try table.optionalBoolean("enabled") else {
      throw table.error("enabled", "say whether meters may be changed at all: enabled = true")
    }
    let code = try table.optionalString("operator") ?? "00000000"
    guard code.utf8.count == 8, code.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      throw table.error("operator", "\"\(code)\" is no operator code; write 8 digits, as the meters shall log them")
    }
    try table.finish()
    return ControlEntry(isEnabled: isEnabled, operatorCode: code)
  }

  /// A list of functions by name, out of `known`; empty when the key is not there.
  static func functions(
    _ table: inout TableReader, _ key: String, _ known: [ControlFunction]
  ) throws(DocumentError) -> Set<ControlFunction> {
    var found: Set<ControlFunction> = []
    for text in try table.optionalStrings(key) ?? [] {
      guard let function = ControlFunction(rawValue: text), known.contains(function) else {
        let names = known.map(\.rawValue).joined(separator: ", ")
        throw table.error(key, "\"\(text)\" is no function that can be allowed here; there are \(names)")
      }
      found.insert(function)
    }
    return found
  }
}

extension Station {
  /// What may be changed on a line: nothing, unless `[control]` is enabled.
  public func permissions(line: Int) -> Permissions {
    guard configuration.control?.isEnabled == true, configuration.lines.indices.contains(line) else { return .none }
    let entry = configuration.lines[line]
    let allowed = zip(entry.meters, meters[line]).map { ($1.address, $0.allowed) }
    return Permissions(
      Dictionary(allowed, uniquingKeysWith: { $0.intersection($1) }), broadcasts: entry.broadcasts)
  }
}
