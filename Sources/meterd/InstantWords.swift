import Concentrator
import Metering

/// Says of words that are no instants before anything is opened that tells their zone.
func checkInstants(_ texts: String?...) throws {
  for text in texts.compactMap(\.self) { _ = try instant(text) }
}

/// An instant as people write it on a command line, in milliseconds since 1970: a date, or RFC 3339 with or without an
/// offset, `local` when left out.
func instant(_ text: String, local: ZoneOffset = .china) throws -> Int64 {
  if let date = CivilDate(text) {
    return local.unixMilliseconds(of: MeterTime(localSeconds: date.daysSince1970 * 86_400))
  }
  var rest = text[...]
  var zone = local
  if let mark = text.lastIndex(where: { "+-Z".contains($0) }), let written = ZoneOffset(text[mark...]) {
    rest = text[..<mark]
    zone = written
  }
  // As the commands print them themselves.
  var milliseconds: Int64 = 0
  if let point = rest.lastIndex(of: "."), rest[point...].utf8.count == 4,
    let written = UInt16(rest[rest.index(after: point)...])
  {
    rest = rest[..<point]
    milliseconds = Int64(written)
  }
  guard let time = MeterTime(rest) else {
    throw Complaint(
      .usage, "\"\(text)\" is no instant", "Write 2026-11-01, 2026-11-01T00:00 or 2026-11-01T00:00:00+08:00.")
  }
  return zone.unixMilliseconds(of: time) + milliseconds
}

/// One field of a CSV row by RFC 4180; what a spreadsheet would take for a formula is led by a quote mark.
func quotedField(_ field: String) -> String {
  let safe = field.first.map { "=@".contains($0) } ?? false ? "'" + field : field
  guard safe.contains(where: { ",\"\n\r".contains($0) }) else { return safe }
  return "\"\(safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
}

/// The form of a list that is asked for.
enum ListForm: String {
  case table, csv, ndjson

  init(_ name: String, json: Bool) throws {
    guard let form = ListForm(rawValue: json ? "ndjson" : name) else {
      throw Complaint(.usage, "unknown format \"\(name)\"", "Write table, csv or ndjson.")
    }
    self = form
  }

  /// Prints one row; `cells` stand in the order of the columns.
  func print(_ cells: [String], _ json: @autoclosure () -> JSON) {
    switch self {
    case .table: Swift.print(cells.joined(separator: "\t"))
    case .csv: Swift.print(cells.map(quotedField).joined(separator: ","))
    case .ndjson: Swift.print(json().text)
    }
  }

  func header(_ columns: [String]) {
    switch self {
    case .table: Swift.print(columns.joined(separator: "\t"))
    case .csv: Swift.print(columns.joined(separator: ","))
    case .ndjson: break
    }
  }
}
