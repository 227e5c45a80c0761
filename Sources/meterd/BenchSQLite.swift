import CSQLite
import Concentrator
import Rating

/// The same bills by SQLite alone, as well as SQL says them: whole numbers, one pass over one table.
@safe final class BenchSQLite {
  private let handle: OpaquePointer

  /// `path` is `:memory:` for no file.
  init(path: String) throws {
    var opened: OpaquePointer?
    let result = unsafe sqlite3_open_v2(
      path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nil)
    guard result == SQLITE_OK, let opened = unsafe opened else {
      unsafe sqlite3_close_v2(opened)
      throw Complaint(.cannotCreate, "SQLite cannot open \(path) for the benchmark")
    }
    unsafe handle = opened
  }

  deinit { unsafe sqlite3_close_v2(handle) }

  func execute(_ sql: String) throws {
    guard unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
  }

  /// Carries out a statement once for each of `rows`, its numbers bound anew.
  func insert(_ sql: String, rows: Range<Int>, numbers: (Int, inout [Int64]) -> Void) throws {
    var statement = try prepare(sql)
    defer { statement.finish() }
    var values: [Int64] = []
    for row in rows {
      values.removeAll(keepingCapacity: true)
      numbers(row, &values)
      guard statement.run(values) else { throw failure(sql) }
    }
  }

  /// The whole numbers of every row that `sql` finds.
  func rows(_ sql: String, columns: Int32, _ take: ([Int64]) throws -> Void) throws {
    var statement = try prepare(sql)
    defer { statement.finish() }
    var values = [Int64](repeating: 0, count: Int(columns))
    while unsafe sqlite3_step(statement.handle) == SQLITE_ROW {
      for column in 0..<columns { values[Int(column)] = unsafe sqlite3_column_int64(statement.handle, column) }
      try take(values)
    }
  }

  /// A statement that the caller runs many times.
  func prepare(_ sql: String) throws -> Statement {
    var prepared: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(handle, sql, -1, &prepared, nil) == SQLITE_OK, let prepared = unsafe prepared
    else { throw failure(sql) }
    return unsafe Statement(handle: prepared)
  }

  @safe struct Statement {
    fileprivate let handle: OpaquePointer

    /// False where SQLite refuses.
    mutating func run(_ values: [Int64]) -> Bool {
      for (index, value) in values.enumerated() {
        unsafe sqlite3_bind_int64(handle, Int32(index + 1), value)
      }
      let result = unsafe sqlite3_step(handle)
      unsafe sqlite3_reset(handle)
      return result == SQLITE_DONE
    }

    mutating func finish() { unsafe sqlite3_finalize(handle) }
  }

  func failure(_ sql: String) -> Complaint {
    let message = unsafe String(cString: sqlite3_errmsg(handle))
    return Complaint(.software, "SQLite cannot carry out \(sql.prefix(60)): \(message)")
  }
}

extension BenchSQLite {
  /// Rows with their values as SQLite holds them, until this is gone.
  @safe final class Kept {
    fileprivate var values: [OpaquePointer?] = unsafe []
    fileprivate var columns: Int32 = 0

    deinit { unsafe values.forEach { unsafe sqlite3_value_free($0) } }
  }

  /// Keeps all rows that `sql` finds.
  func keep(_ sql: String) throws -> Kept {
    var statement = try prepare(sql)
    defer { statement.finish() }
    let kept = Kept()
    kept.columns = unsafe sqlite3_column_count(statement.handle)
    while unsafe sqlite3_step(statement.handle) == SQLITE_ROW {
      for column in 0..<kept.columns {
        unsafe kept.values.append(sqlite3_value_dup(sqlite3_column_value(statement.handle, column)))
      }
    }
    return kept
  }

  /// Writes kept rows with one prepared statement; `head` is all before the values.
  func insert(_ kept: Kept, into head: String) throws {
    guard kept.columns > 0 else { return }
    let places = (1...kept.columns).map { "?\($0)" }.joined(separator: ", ")
    var statement = try prepare("\(head) VALUES (\(places))")
    defer { statement.finish() }
    for first in stride(from: 0, to: unsafe kept.values.count, by: Int(kept.columns)) {
      for column in 0..<kept.columns {
        unsafe sqlite3_bind_value(statement.handle, column + 1, kept.values[first + Int(column)])
      }
      let result = unsafe sqlite3_step(statement.handle)
      unsafe sqlite3_reset(statement.handle)
      guard result == SQLITE_DONE else { throw failure(head) }
    }
  }

  /// Makes the table of meters.
  func fill(_ meters: Int) throws {
    try execute("CREATE TABLE usage (id INTEGER PRIMARY KEY, total INT, peak INT, valley INT)")
    try execute("BEGIN")
    try insert("INSERT INTO usage VALUES (?1, ?2, ?3, ?4)", rows: 0..<meters) { meter, values in
      let use = BenchRatingData.use(meter)
      values += [meter, use.total, use.peak, use.valley].map(Int64.init)
    }
    try execute("COMMIT")
  }

  /// Quantity and amount of each of the seven lines, in the order of the bill, out of the table of meters.
  static func lines(_ compiled: CompiledPlan) -> [(quantity: String, amount: String)] {
    let quantities = [
      "peak", "(total - peak - valley)", "valley", "max(0, min(total, 60000) - 26000)", "max(0, total - 60000)",
      "total", "total",
    ]
    return zip(quantities, compiled.prices.map(\.hundredMillionths)).map { quantity, price in
      (quantity, "((\(quantity) * \(price) + 50000000) / 100000000)")
    }
  }

  /// The query of all sums: one for each line's quantity and amount, or the digest of all lines.
  static func sums(_ compiled: CompiledPlan) -> String {
    let lines = lines(compiled)
    let each = lines.map { "sum(\($0.quantity)), sum(\($0.amount))" }.joined(separator: ", ")
    return "SELECT \(each), sum(\(lines.map(\.amount).joined(separator: " + "))) FROM usage"
  }

  static func digest(_ compiled: CompiledPlan) -> String {
    let lines = lines(compiled)
    let mixed = lines.enumerated().map { number, line in
      "(\(line.amount) * 31 + \(line.quantity)) * \(2 * number + 3) % 1000003"
    }
    return """
      SELECT sum(\(lines.map(\.amount).joined(separator: " + "))), \
      sum(\(lines.map { "(\($0.quantity) > 0)" }.joined(separator: " + "))), \
      sum((\(mixed.joined(separator: " + "))) * (id % 9973 + 1)) FROM usage
      """
  }
}
