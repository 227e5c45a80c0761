public import Documents
internal import TOMLKit

extension Document {
  /// Reads a TOML text.
  ///
  /// - Parameters:
  ///   - toml: the text.
  ///   - file: its name, for messages.
  /// - Throws: `DocumentError` with the line of a syntax error or of a key given twice.
  public init(toml: String, file: String) throws(DocumentError) {
    let lines = LineIndex(toml: toml)
    if let header = lines.unnamedHeader {
      // The parser aborts the process on such a header, so it sees only what comes before: a mistake there counts first.
      _ = try parse(String(decoding: toml.utf8.prefix(header.bytesBefore), as: UTF8.self), file)
      throw DocumentError(
        file: file, line: header.line, key: "",
        problem: .syntax("not TOML: the name of a table must follow its bracket"))
    }
    let parsed = try parse(toml, file)
    self.init(file: file, root: table(parsed, path: "", lines: lines))
  }
}

private func parse(_ toml: String, _ file: String) throws(DocumentError) -> TOMLTable {
  do {
    return try TOMLTable(string: toml)
  } catch let failure as TOMLParseError {
    throw DocumentError(
      file: file, line: Int(failure.source.begin.line), key: "", problem: .syntax("not TOML: \(failure.description)"))
  } catch {
    throw DocumentError(file: file, line: 0, key: "", problem: .syntax("not TOML"))
  }
}

private func table(_ table: TOMLTable, path: String, lines: LineIndex) -> Table {
  var entries: [String: Entry] = [:]
  for key in table.keys {
    guard let value = table[key] else { continue }
    entries[key] = entry(value, path: path.isEmpty ? key : "\(path).\(key)", lines: lines)
  }
  return Table(line: lines.line(of: path), entries: entries)
}

private func entry(_ value: any TOMLValueConvertible, path: String, lines: LineIndex) -> Entry {
  let line = lines.line(of: path)
  if let inner = value.table { return Entry(line: line, value: .table(table(inner, path: path, lines: lines))) }
  if let items = value.array {
    let entries = items.enumerated().map { index, item in entry(item, path: "\(path)[\(index)]", lines: lines) }
    return Entry(line: line, value: .array(entries))
  }
  if let text = value.string { return Entry(line: line, value: .string(text)) }
  if let flag = value.bool { return Entry(line: line, value: .boolean(flag)) }
  if let number = value.int { return Entry(line: line, value: .integer(Int64(number))) }
  if let number = value.double { return Entry(line: line, value: .fraction("\(number)")) }
  return Entry(line: line, value: .date(value.debugDescription))
}
