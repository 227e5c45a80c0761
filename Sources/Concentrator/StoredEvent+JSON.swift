internal import DLT645
public import Metering
public import Store

extension StoredEvent {
  /// In English, such as `Power failure`; the kind itself where the catalogue has no name for it.
  public var title: String { names?.title ?? kind }
  public var chineseTitle: String { names?.chinese ?? kind }

  private var change: StatusChange? {
    ordinal == 0 ? StatusChange(data, of: identifier) : nil
  }

  private var eventKind: EventKind? {
    EventKind(lastRecord: DataIdentifier(rawValue: identifier & 0xFFFF_FF00 | 1))
  }

  private var names: (title: String, chinese: String)? {
    change.map { ($0.title, $0.chineseTitle) } ?? eventKind.map { ($0.title, $0.chineseTitle) }
  }

  private var items: [DecodedItem] {
    change == nil ? EventRecord(data, of: DataIdentifier(rawValue: identifier)).items : []
  }

  /// One line for people: what it is, when it was, what its record says besides, and why it is held.
  public var line: String {
    var text = title
    // A meter does not say when a bit has changed.
    if let begin { text += ", \(change == nil ? "" : "seen ")\(begin)" }
    if let end { text += " to \(end)" }
    if let change { text += ", word \(word(change.before)) before and \(word(change.after)) now" }
    let told = items.filter { item in
      item.value != .absent && ![begin, end].contains { time in time.map { item.value == .instant($0) } ?? false }
    }
    for item in told.prefix(4) {
      let name = item.title.split(separator: ": ").last.map(String.init) ?? item.title
      text += ", \(name) \(item.value)\(item.unit.map { $0 == .one ? "" : " \($0.rawValue)" } ?? "")"
    }
    if told.count > 4 { text += ", and \(told.count - 4) more" }
    if let doubt { text += "; held: \(doubt)" }
    return text
  }

  private func word(_ bits: UInt32) -> String {
    hexString([UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)], separator: "")
  }

  /// As `meterd events --json` prints it.
  public func json(_ zone: ZoneOffset) -> JSON {
    let fields = items.map { item in
      JSON.object([
        "name": .string(item.name), "title": .string(item.title), "title_zh": .string(item.chineseTitle),
        "value": item.value == .absent ? .null : .string(item.value.description),
        "unit": .optional(item.unit?.rawValue),
      ])
    }
    return .object([
      "time": .string(zone.rfc3339(unixMilliseconds: heard)), "meter": .string(meter.text), "kind": .string(kind),
      "title": .string(title), "title_zh": .string(chineseTitle), "begin": .optional(begin?.description),
      "end": .optional(end?.description), "state": .string(state.rawValue), "doubt": .optional(doubt),
      "ordinal": ordinal > 0 ? .integer(ordinal) : .null, "set": change.map { .boolean($0.isSet) } ?? .null,
      "verified": .boolean(change != nil || eventKind?.isVerified ?? false),
      "identifier": .string(
        identifier > 0xFFFF
          ? "\(DataIdentifier(rawValue: identifier))"
          : "\(ShortIdentifier(rawValue: UInt16(truncatingIfNeeded: identifier)))"),
      "fields": .array(fields), "data": .string(hexString(data, separator: "")), "event": .integer(sequence),
      "frame": .integer(evidence), "begin_is": begin == nil ? .null : .string(change == nil ? "recorded" : "seen"),
    ])
  }
}
