/// A configuration text as a value: tables, keys, and the line each key stands on.
///
/// Profiles, tariffs and the daemon's configuration are read from it, whatever syntax it was written in.
public struct Document: Hashable, Sendable {
  /// Name of the file, for error messages only.
  public let file: String
  /// What stands at the top of the text.
  public let root: Table

  /// A document that a reader of some syntax has made.
  public init(file: String, root: Table) {
    self.file = file
    self.root = root
  }

  /// Starts reading at the top table.
  public func reader() -> TableReader { TableReader(table: root, path: "", file: file) }
}

/// The entries of one table.
public struct Table: Hashable, Sendable {
  /// Line of the table's header, from 1; 0 when unknown.
  public let line: Int
  /// What the table holds, by key.
  public let entries: NamedList<Entry>

  /// A table whose header stands on `line`.
  public init(line: Int, entries: NamedList<Entry>) {
    self.line = line
    self.entries = entries
  }
}

/// The name of an entry, character code by character code.
///
/// `String` holds "é" for the same whether it is one code or two; a configuration text does not.
/// Source: TOML v1.0.0, keys.
public struct TableKey: Hashable, Comparable, Sendable, ExpressibleByStringLiteral {
  /// The name as it was written.
  public let text: String

  /// The name that is written so.
  public init(_ text: String) { self.text = text }
  public init(stringLiteral text: String) { self.text = text }

  public static func == (a: Self, b: Self) -> Bool {
    // The lengths first: they tell most names apart.
    a.text.utf8.count == b.text.utf8.count && a.text.utf8.elementsEqual(b.text.utf8)
  }
  public static func < (a: Self, b: Self) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

  public func hash(into hasher: inout Hasher) {
    var (word, count): (UInt64, Int) = (0, 0)
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count &+= 1
      guard count & 7 == 0 else { continue }
      hasher.combine(word)
      word = 0
    }
    hasher.combine(word)
    hasher.combine(count)
  }
}

/// A value and the line it stands on.
public struct Entry: Hashable, Sendable {
  /// From 1; 0 when unknown.
  public let line: Int
  /// What it is.
  public let value: EntryValue

  /// A value that stands on `line`.
  public init(line: Int, value: EntryValue) {
    self.line = line
    self.value = value
  }
}

/// The kinds of value a configuration text can hold.
public indirect enum EntryValue: Hashable, Sendable {
  /// A text.
  case string(String)
  /// A whole number.
  case integer(Int64)
  /// `true` or `false`.
  case boolean(Bool)
  /// A binary fraction: never accepted, since prices and ratios must be exact; kept to say so.
  case fraction(String)
  /// A date or time written without quotes, as its text.
  case date(String)
  /// Values one after the other.
  case array([Entry])
  /// Values by key.
  case table(Table)

  /// What a person calls it.
  var kindName: String {
    switch self {
    case .string: "a string"
    case .integer: "a whole number"
    case .boolean: "true or false"
    case .fraction: "a number with a point"
    case .date: "a date"
    case .array: "a list"
    case .table: "a table"
    }
  }
}

/// What is wrong with a configuration text, and where.
public struct DocumentError: Error, Hashable, Sendable {
  /// Name of the file.
  public let file: String
  /// From 1; 0 when unknown.
  public let line: Int
  /// `line[0].meter[2].address`; empty for the whole file.
  public let key: String
  /// What is wrong there.
  public let problem: Problem

  /// A mistake at one place of a document.
  public init(file: String, line: Int, key: String, problem: Problem) {
    self.file = file
    self.line = line
    self.key = key
    self.problem = problem
  }

  /// What can be wrong in a document.
  public enum Problem: Hashable, Sendable {
    /// The text does not follow its syntax, and how.
    case syntax(String)
    /// A key that must be there is not.
    case missing
    /// A key that nobody reads; the ones that could have been meant.
    case unknownKey(known: [String])
    /// A value of another kind than its key has.
    case wrongKind(expected: String, found: String)
    /// A value of the right kind that cannot be used; the text completes "KEY: ".
    case invalid(String)
  }
}

extension DocumentError: CustomStringConvertible {
  /// `meterd.toml:12: line[0].baud: expected a whole number, found a string`
  public var description: String {
    let place = line > 0 ? "\(file):\(line)" : file
    let subject = key.isEmpty ? "" : "\(key): "
    switch problem {
    case .syntax(let detail): return "\(place): \(subject)\(detail)"
    case .missing: return "\(place): \(subject)this key is required"
    case .unknownKey(let known):
      let hint = known.isEmpty ? "" : "; keys here are \(known.sorted().joined(separator: ", "))"
      return "\(place): \(subject)unknown key\(hint)"
    case .wrongKind(let expected, let found): return "\(place): \(subject)expected \(expected), found \(found)"
    case .invalid(let detail): return "\(place): \(subject)\(detail)"
    }
  }
}
