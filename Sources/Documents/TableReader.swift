/// Reads one table key by key, and at the end refuses keys that nobody asked for.
///
///     var reader = document.reader()
///     let name = try reader.string("name")
///     let baud = try reader.optionalInteger("baud", in: 300...115_200) ?? 9600
///     try reader.finish()
public struct TableReader: Sendable {
  /// What is read.
  public let table: Table
  /// Where the table stands in the file, such as `line[0]`; empty for the top.
  public let path: String
  /// Name of the file, for error messages.
  public let file: String
  /// The places of the table that were asked for.
  private var asked: [Bool]
  /// Names that were asked for and are not there.
  private var absent: [String] = []

  /// Starts reading a table that stands at `path` of a file.
  public init(table: Table, path: String, file: String) {
    self.table = table
    self.path = path
    self.file = file
    asked = Array(repeating: false, count: table.entries.count)
    // A station has a thousand tables, and most have room for so many keys.
    absent.reserveCapacity(32)
  }

  /// The path of `key` in this table.
  public func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// An error at `key`, or at the table when it has no such key.
  public func error(_ key: String, _ detail: String) -> DocumentError {
    error(key, .invalid(detail))
  }

  private func error(_ key: String, _ problem: DocumentError.Problem) -> DocumentError {
    DocumentError(file: file, line: line(of: key), key: path(of: key), problem: problem)
  }

  /// Where `key` stands in the file; the table's line when it has no such key.
  public func line(of key: String) -> Int { table.entries[TableKey(key)]?.line ?? table.line }

  private mutating func entry(_ key: String) -> Entry? {
    guard let place = table.entries.place(of: TableKey(key)) else {
      absent.append(key)
      return nil
    }
    asked[place] = true
    return table.entries.values[place]
  }

  /// True when the table has `key`; counts as asking for it only when it is read.
  public func has(_ key: String) -> Bool { table.entries[TableKey(key)] != nil }

  /// Every key of the table in the order of its lines, for tables whose keys are names.
  public var keys: [String] {
    zip(table.entries.keys, table.entries.values).sorted { ($0.1.line, $0.0) < ($1.1.line, $1.0) }.map(\.0.text)
  }

  /// True when `key` is a string in quotes, for keys that take a word or a list.
  public func isString(_ key: String) -> Bool {
    if case .string? = table.entries[TableKey(key)]?.value { true } else { false }
  }

  /// The text of a key; `nil` where it is not given.
  public mutating func optionalString(_ key: String) throws(DocumentError) -> String? {
    guard let entry = entry(key) else { return nil }
    guard case .string(let text) = entry.value else {
      throw error(key, .wrongKind(expected: "a string in quotes", found: entry.value.kindName))
    }
    return text
  }

  /// The text of a key that must be given.
  public mutating func string(_ key: String) throws(DocumentError) -> String {
    guard let text = try optionalString(key) else { throw error(key, .missing) }
    return text
  }

  /// The whole number of a key; `nil` where it is not given.
  public mutating func optionalInteger(
    _ key: String, in range: ClosedRange<Int64> = Int64.min...Int64.max
  ) throws(DocumentError) -> Int? {
    guard let entry = entry(key) else { return nil }
    guard case .integer(let number) = entry.value else {
      throw error(key, .wrongKind(expected: "a whole number", found: entry.value.kindName))
    }
    guard range.contains(number), let small = Int(exactly: number) else {
      throw error(key, "\(number) is outside \(range.lowerBound) to \(range.upperBound)")
    }
    return small
  }

  /// The whole number of a key that must be given.
  public mutating func integer(
    _ key: String, in range: ClosedRange<Int64> = Int64.min...Int64.max
  ) throws(DocumentError) -> Int {
    guard let number = try optionalInteger(key, in: range) else { throw error(key, .missing) }
    return number
  }

  /// The truth of a key; `nil` where it is not given.
  public mutating func optionalBoolean(_ key: String) throws(DocumentError) -> Bool? {
    guard let entry = entry(key) else { return nil }
    guard case .boolean(let value) = entry.value else {
      throw error(key, .wrongKind(expected: "true or false", found: entry.value.kindName))
    }
    return value
  }

  /// A list of strings; `nil` when the key is not there.
  public mutating func optionalStrings(_ key: String) throws(DocumentError) -> [String]? {
    guard let entry = entry(key) else { return nil }
    guard case .array(let items) = entry.value else {
      throw error(key, .wrongKind(expected: "a list of strings", found: entry.value.kindName))
    }
    var texts: [String] = []
    for item in items {
      guard case .string(let text) = item.value else {
        throw error(key, .wrongKind(expected: "a list of strings", found: "\(item.value.kindName) in the list"))
      }
      texts.append(text)
    }
    return texts
  }

  /// A list of whole numbers; `nil` when the key is not there.
  public mutating func optionalIntegers(
    _ key: String, in range: ClosedRange<Int64> = Int64.min...Int64.max
  ) throws(DocumentError) -> [Int]? {
    guard let entry = entry(key) else { return nil }
    guard case .array(let items) = entry.value else {
      throw error(key, .wrongKind(expected: "a list of whole numbers", found: entry.value.kindName))
    }
    var numbers: [Int] = []
    for item in items {
      guard case .integer(let number) = item.value else {
        throw error(key, .wrongKind(expected: "a list of whole numbers", found: "\(item.value.kindName) in the list"))
      }
      guard range.contains(number), let small = Int(exactly: number) else {
        throw error(key, "\(number) is outside \(range.lowerBound) to \(range.upperBound)")
      }
      numbers.append(small)
    }
    return numbers
  }

  /// One table under `key`; `nil` when the key is not there.
  public mutating func optionalTable(_ key: String) throws(DocumentError) -> TableReader? {
    guard let entry = entry(key) else { return nil }
    guard case .table(let inner) = entry.value else {
      throw error(key, .wrongKind(expected: "a table", found: entry.value.kindName))
    }
    return TableReader(table: inner, path: path(of: key), file: file)
  }

  /// The tables of a list `[[key]]`, in order; empty when the key is not there.
  public mutating func tables(_ key: String) throws(DocumentError) -> [TableReader] {
    guard let entry = entry(key) else { return [] }
    guard case .array(let items) = entry.value else {
      throw error(
        key, .wrongKind(expected: "a list of tables, written [[\(path(of: key))]]", found: entry.value.kindName))
    }
    var readers: [TableReader] = []
    for (index, item) in items.enumerated() {
      guard case .table(let inner) = item.value else {
        throw error(key, .wrongKind(expected: "a list of tables", found: "\(item.value.kindName) in the list"))
      }
      readers.append(TableReader(table: inner, path: "\(path(of: key))[\(index)]", file: file))
    }
    return readers
  }

  /// Refuses keys that were never asked for.
  public func finish() throws(DocumentError) {
    guard asked.contains(false) else { return }
    let known = zip(table.entries.keys, asked).filter(\.1).map(\.0.text) + absent
    for key in keys where table.entries.place(of: TableKey(key)).map({ !asked[$0] }) ?? false {
      throw error(key, .unknownKey(known: Set(known).sorted()))
    }
  }
}
