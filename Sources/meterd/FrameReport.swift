import Concentrator
import DLT645
import Metering
import Modbus

/// One frame of a capture, ready to be printed for people or programs.
struct FrameReport {
  let range: Range<Int>
  let isValid: Bool
  /// "request" or "reply"; `nil` where the frame may be either.
  let direction: String?
  /// Everything of it in one line: protocol, direction, who, what, values.
  let summary: String
  private let members: [JSON.Member]
  private let name: String
  /// The bytes as pairs of digits; those of passwords are dots.
  private let hex: String
  private let length: Int
  /// The fields, a line each.
  private let fields: [String]

  /// One JSON object; `offset` is that of the frame in all that was read.
  func json(offset: Int, and more: [JSON.Member] = []) -> JSON {
    .object(members.map { $0.name == "offset" ? .init("offset", .integer(Int64(offset))) : $0 } + more)
  }

  /// First the frame in one line, then its fields.
  func text(offset: Int) -> [String] {
    ["\(name) \(direction ?? "frame") at \(offset), \(length) bytes: \(hex)"] + fields
  }

  /// What `bytes` hold, in the order in which it stands.
  ///
  /// Sound frames come first. What both protocols could claim goes to the longer frame, and damaged candidates
  /// count only where nothing sound covers them.
  static func all(in bytes: [UInt8], protocols: Set<Wire>) -> [FrameReport] {
    var reports: [FrameReport] = []
    if protocols.contains(.dlt645) {
      reports += DLT645.annotate(bytes).map { FrameReport($0, bytes) }
    }
    let framings = protocols.compactMap(\.framing)
    if !framings.isEmpty {
      reports += Modbus.annotate(bytes, as: Set(framings)).map { FrameReport($0, bytes) }
    }
    reports.sort { a, b in
      if a.isValid != b.isValid { return a.isValid }
      // Two delimiters seven bytes apart say more than a length that fits.
      return a.range.count > b.range.count
    }
    var kept: [FrameReport] = []
    var isTaken = [Bool](repeating: false, count: bytes.count)
    for report in reports {
      let held = report.range.clamped(to: isTaken.indices)
      guard !isTaken[held].contains(true) else { continue }
      for index in held { isTaken[index] = true }
      kept.append(report)
    }
    return kept.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  enum Wire: String, CaseIterable {
    case dlt645 = "dlt645"
    case rtu = "modbus-rtu"
    case tcp = "modbus-tcp"

    var framing: Modbus.AnnotatedFrame.Framing? {
      switch self {
      case .dlt645: nil
      case .rtu: .rtu
      case .tcp: .tcp
      }
    }
  }

  private init(_ frame: DLT645.AnnotatedFrame, _ bytes: [UInt8]) {
    range = frame.offset..<frame.offset + max(1, frame.length)
    isValid = frame.isValid
    let protocolName = frame.edition == .dlt645v2007 ? "dlt645-2007" : "dlt645-1997"
    let exception = frame.exceptionText
    let control = frame.control.map { hexPair($0.rawValue) }
    direction = frame.direction?.rawValue
    members = Self.members([
      "protocol": .string(protocolName), "offset": .integer(Int64(frame.offset)),
      "length": .integer(Int64(frame.length)), "valid": .boolean(frame.isValid),
      "direction": .optional(frame.direction?.rawValue), "address": .optional(frame.address?.description),
      "function": .optional(frame.function), "control": .optional(control),
      "data_identifier": .optional(frame.identifier), "values": .array(frame.items.map(\.json)),
      "exception": exception.map { .object(["code": .string($0.code), "name": .string($0.name)]) } ?? .null,
      "error": frame.error.map { .object(["code": .string($0.code), "detail": .string($0.detail)]) } ?? .null,
      "fields": .array(
        frame.fields.map { .object(["name": .string($0.name), "value": .string($0.text)]) }),
    ])
    name = protocolName
    hex = Self.hex(bytes, range, hidden: frame.hidden)
    length = range.clamped(to: 0..<bytes.count).count
    var lines: [String] = []
    if let address = frame.address { lines.append("address     \(address)") }
    if let code = frame.control, let control {
      let chinese = Function.find(code.function, in: frame.edition)?.chineseName
      lines.append("control     \(control)H  \(frame.function ?? "unknown function")\(chinese.map { "  \($0)" } ?? "")")
    }
    if let identifier = frame.identifier {
      let names = frame.titles.map { "  \($0.english)  \($0.chinese)" } ?? ""
      lines.append("identifier  \(identifier)\(names)")
    }
    lines += frame.fields.map { field in
      // The column of the values, as far as the name leaves it.
      field.name + String(repeating: " ", count: max(2, 12 - field.name.count)) + field.text
    }
    lines += frame.items.map { "value       \($0.line)" }
    if let exception { lines.append("refused     \(exception.code)H  \(exception.name)") }
    if let error = frame.error { lines.append("error       \(error.code): \(error.detail)") }
    fields = lines
    summary = Self.summary(
      [
        protocolName, direction, frame.address?.description, frame.function ?? control.map { "control \($0)H" },
        frame.identifier,
      ], frame.items, exception.map { "refused: \($0.name)" }, frame.error.map { "\($0.code): \($0.detail)" })
  }

  private init(_ frame: Modbus.AnnotatedFrame, _ bytes: [UInt8]) {
    range = frame.offset..<frame.offset + max(1, frame.length)
    isValid = frame.isValid
    let exception = frame.exception.map { (code: hexPair($0.rawValue), name: $0.name) }
    direction = frame.direction?.rawValue
    members = Self.members([
      "protocol": .string(frame.framing.rawValue), "offset": .integer(Int64(frame.offset)),
      "length": .integer(Int64(frame.length)), "valid": .boolean(frame.isValid),
      "direction": .optional(frame.direction?.rawValue), "unit": .integer(Int64(frame.unit)),
      "function": .optional(frame.function.name), "function_code": .integer(Int64(frame.function.rawValue)),
      "register": frame.register.map { .integer(Int64($0)) } ?? .null,
      "count": frame.count.map { .integer(Int64($0)) } ?? .null,
      "registers": frame.registers.map { .array($0.map { .integer(Int64($0)) }) } ?? .null,
      "exception": exception.map { .object(["code": .string($0.code), "name": .string($0.name)]) } ?? .null,
      "error": frame.error.map { .object(["code": .string($0.code), "detail": .string($0.description)]) } ?? .null,
      "fields": Self.fields(frame.fields),
    ])
    name = frame.framing.rawValue
    hex = Self.hex(bytes, range)
    length = range.clamped(to: 0..<bytes.count).count
    var lines = ["unit        \(frame.unit)"]
    lines.append("function    \(frame.function.rawValue)  \(frame.function.name ?? "unknown function")")
    if let register = frame.register { lines.append("register    \(register)") }
    if let count = frame.count { lines.append("count       \(count)") }
    if let registers = frame.registers {
      lines.append(
        "registers   \(registers.map { hexPair(UInt8($0 >> 8)) + hexPair(UInt8($0 & 0xFF)) }.joined(separator: " "))")
    }
    if frame.register == nil, frame.registers == nil, exception == nil {
      lines += frame.fields.map { $0.name.padded(to: 12) + $0.value }
    }
    if let exception { lines.append("refused     \(exception.code)H  \(exception.name)") }
    if let error = frame.error { lines.append("error       \(error.code): \(error.description)") }
    fields = lines
    let place = frame.register.map { "from \($0)" }
    let amount = frame.count.map { $0 == 1 ? "1 register" : "\($0) registers" }
    let words = frame.registers.map { $0.map { hexPair(UInt8($0 >> 8)) + hexPair(UInt8($0 & 0xFF)) } }
    summary = Self.summary(
      [
        name, direction, "unit \(frame.unit)", frame.function.name ?? "function \(frame.function.rawValue)", amount,
        place,
        words?.joined(separator: " "),
      ], [], exception.map { "refused: \($0.name)" }, frame.error.map { "\($0.code): \($0.description)" })
  }

  /// What a Modbus frame says, by name.
  private static func fields(_ fields: [Modbus.AnnotatedFrame.Field]) -> JSON {
    .array(fields.map { .object(["name": .string($0.name), "value": .string($0.value)]) })
  }

  /// `hidden` are places whose bytes are passwords.
  private static func hex(_ bytes: [UInt8], _ range: Range<Int>, hidden: [Range<Int>] = []) -> String {
    range.clamped(to: 0..<bytes.count).map { index in
      hidden.contains { $0.contains(index) } ? ".." : hexPair(bytes[index])
    }.joined(separator: " ")
  }

  private static func members(_ pairs: KeyValuePairs<String, JSON>) -> [JSON.Member] {
    pairs.map { JSON.Member($0.key, $0.value) }
  }

  private static func summary(_ words: [String?], _ values: [DecodedItem], _ refusal: String?, _ error: String?)
    -> String
  {
    let told = values.map { value in
      let unit = value.value == .absent ? nil : value.unit.flatMap { $0 == .one ? nil : " \($0.rawValue)" }
      return "\(value.name) \(value.value)\(unit ?? "")"
    }
    var parts = [words.compactMap(\.self).joined(separator: " ")]
    if !told.isEmpty { parts.append(told.joined(separator: ", ")) }
    parts += [refusal, error.map { "DAMAGED \($0)" }].compactMap(\.self)
    return parts.joined(separator: "  ")
  }
}

extension String {
  /// The text with spaces up to `width`, one at least.
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
