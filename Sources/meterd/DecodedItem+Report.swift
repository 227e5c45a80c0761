import Concentrator
import DLT645
import Metering

extension DecodedItem {
  /// As the public interface prints a value: like an observation where it is one, else with the item's own name.
  var json: JSON {
    if let observation { return observation.json }
    var members: [JSON.Member] = [
      .init("quantity", .string(name)), .init("obis", .optional(quantity?.obis)),
      .init("value", value == .absent ? .null : .string(value.description)), .init("unit", .optional(unit?.rawValue)),
    ]
    if let occurred { members.append(.init("occurred", .string(occurred.description))) }
    if origin != .current { members.append(.init("origin", .string("\(origin)"))) }
    let bits = setBits
    if !bits.isEmpty { members.append(.init("bits", .array(bits.map { .string($0.name) }))) }
    return .object(members)
  }

  /// For people: name, value, unit, what bits mean, Chinese name.
  var line: String {
    let bits = setBits.map { "\($0.title) \($0.chineseTitle)" }.joined(separator: ", ")
    let meaning = bits.isEmpty ? "" : "  (\(bits))"
    if let observation { return observation.line + meaning }
    var text = "\(name)  \(value)"
    if let unit, unit != .one, value != .absent { text += " \(unit.rawValue)" }
    if let occurred { text += " at \(occurred)" }
    if origin != .current { text += "  (\(origin))" }
    return "\(text)\(meaning)  \(chineseTitle)"
  }
}
