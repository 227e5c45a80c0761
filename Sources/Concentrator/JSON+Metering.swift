public import Metering

extension Observation {
  /// As the public interface prints a value: numbers as decimal strings, absence as null.
  public var json: JSON {
    var members: [JSON.Member] = [
      .init("quantity", .string(quantity.name)),
      .init("obis", .optional(quantity.obis)),
      .init("value", value == .absent ? .null : .string(value.description)),
      .init("unit", .optional(quantity.unit?.rawValue)),
    ]
    if case .maximumDemand = quantity.measurand {
      members.append(.init("occurred", .optional(occurred?.description)))
    }
    switch memory {
    case .current: break
    case .settlement(let back): members.append(.init("settlement", .integer(Int64(back))))
    case .dailyFreeze(let back): members.append(.init("daily_freeze", .integer(Int64(back))))
    }
    return .object(members)
  }

  /// For people: name, value, unit, Chinese name.
  public var line: String {
    var text = "\(quantity.name)  \(value)"
    if let unit = quantity.unit, unit != .one, value != .absent { text += " \(unit.rawValue)" }
    if let occurred { text += " at \(occurred)" }
    switch memory {
    case .current: break
    case .settlement(let back): text += "  (settlement \(back) back)"
    case .dailyFreeze(let back): text += "  (daily freeze \(back) back)"
    }
    return "\(text)  \(quantity.chineseName)"
  }
}
