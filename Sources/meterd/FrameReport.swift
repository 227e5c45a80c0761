import Concentrator
import DLT645
import Metering
import Modbus

/// One frame of a capture, ready to be printed for people or programs.
struct FrameReport {
  let range: Range<Int>
  let isValid: Bool
  let json: JSON
  /// First the frame in one line, then its fields.
  let text: [String]

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
    json = .object([
      "protocol": .string(protocolName), "offset": .integer(Int64(frame.offset)),
      "length": .integer(Int64(frame.length)), "valid": .boolean(frame.isValid),
      "direction": .optional(frame.direction?.rawValue), "address": .optional(frame.address?.description),
      "function": .optional(frame.function), "control": .optional(control),
      "data_identifier": .optional(frame.identifier), "values": .array(frame.observations.map(\.json)),
      "exception": exception.map { .object(["code": .string($0.code), "name": .string($0.name)]) } ?? .null,
      "error": frame.error.map { .object(["code": .string($0.code), "detail": .string($0.detail)]) } ?? .null,
      "fields": .array(
        frame.fields.map { .object(["name": .string($0.name), "value": .string($0.text)]) }),
    ])
    var lines = [
      Self.headline(protocolName, frame.direction?.rawValue, bytes, range, hidden: frame.hidden)
    ]
    if let address = frame.address { lines.append("address     \(address)") }
    if let control { lines.append("control     \(control)H  \(frame.function ?? "unknown function")") }
    if let identifier = frame.identifier { lines.append("identifier  \(identifier)") }
    lines += frame.fields.map { field in
      // The column of the values, as far as the name leaves it.
      field.name + String(repeating: " ", count: max(2, 12 - field.name.count)) + field.text
    }
    lines += frame.observations.map { "value       \($0.line)" }
    if let exception { lines.append("refused     \(exception.code)H  \(exception.name)") }
    if let error = frame.error { lines.append("error       \(error.code): \(error.detail)") }
    text = lines
  }

  private init(_ frame: Modbus.AnnotatedFrame, _ bytes: [UInt8]) {
    range = frame.offset..<frame.offset + max(1, frame.length)
    isValid = frame.isValid
    let exception = frame.exception.map { (code: hexPair($0.rawValue), name: $0.name) }
    json = .object([
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
    var lines = [Self.headline(frame.framing.rawValue, frame.direction?.rawValue, bytes, range)]
    lines.append("unit        \(frame.unit)")
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
    text = lines
  }

  /// What a Modbus frame says, by name.
  private static func fields(_ fields: [Modbus.AnnotatedFrame.Field]) -> JSON {
    .array(fields.map { .object(["name": .string($0.name), "value": .string($0.value)]) })
  }

  /// `hidden` are places whose bytes are passwords.
  private static func headline(
    _ name: String, _ direction: String?, _ bytes: [UInt8], _ range: Range<Int>, hidden: [Range<Int>] = []
  ) -> String {
    let held = range.clamped(to: 0..<bytes.count)
    let pairs = held.map { index in hidden.contains { $0.contains(index) } ? ".." : hexPair(bytes[index]) }
    return
      "\(name) \(direction ?? "frame") at \(range.lowerBound), \(held.count) bytes: \(pairs.joined(separator: " "))"
  }
}

extension String {
  /// The text with spaces up to `width`, one at least.
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
