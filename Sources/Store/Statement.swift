internal import CSQLite

/// A value on its way into a statement.
enum SQLValue {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  init(_ number: Int64?) { self = number.map(SQLValue.integer) ?? .null }
  init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
}

/// A prepared statement; finalised exactly once. Used by the owner of its connection only.
@safe final class Statement {
  private let handle: OpaquePointer
  private let path: String
  private let sql: String

  init(_ sql: String, on connection: OpaquePointer, path: String) throws(StoreError) {
    var handle: OpaquePointer?
    let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
    let result = unsafe sqlite3_prepare_v3(connection, sql, -1, flags, &handle, nil)
    guard result == SQLITE_OK, let handle = unsafe handle else {
      throw unsafe StoreError(of: connection, result, sql, path)
    }
    unsafe self.handle = handle
    self.path = path
    self.sql = sql
  }

  deinit { unsafe sqlite3_finalize(handle) }

  /// Starts anew with `values` for `?1`, `?2` and so on.
  @discardableResult
  func bind(_ values: [SQLValue]) throws(StoreError) -> Statement {
    reset()
    for (index, value) in values.enumerated() {
      let result = bind(value, at: Int32(index + 1))
      guard result == SQLITE_OK else { throw error(result) }
    }
    return self
  }

  private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
    switch value {
    case .null: return unsafe sqlite3_bind_null(handle, index)
    case .integer(let number): return unsafe sqlite3_bind_int64(handle, index, number)
    case .text(var text):
      return text.withUTF8 { bytes in
        guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
        return unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
          unsafe csqlite_bind_text(handle, index, characters.baseAddress, count)
        }
      }
    case .blob(let blob):
      return unsafe blob.withUnsafeBytes { bytes in
        guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
        return unsafe csqlite_bind_blob(handle, index, bytes.baseAddress, count)
      }
    }
  }

  /// True when there is a row to look at, false at the end.
  func step() throws(StoreError) -> Bool {
    let result = unsafe sqlite3_step(handle)
    switch result {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      let error = error(result)
      reset()
      throw error
    }
  }

  /// Carries the statement out and lets go of it.
  func run(_ values: [SQLValue] = []) throws(StoreError) {
    try bind(values)
    while try step() {}
    reset()
  }

  /// The number in the first column of the first row; `nil` where there is no row, or it is NULL.
  func number(_ values: [SQLValue] = []) throws(StoreError) -> Int64? {
    try bind(values)
    defer { reset() }
    return try step() ? try optionalInteger(0) : nil
  }

  func reset() { _ = unsafe sqlite3_reset(handle) }

  private func error(_ result: Int32) -> StoreError {
    unsafe StoreError(of: sqlite3_db_handle(handle), result, sql, path)
  }
}

/// Columns of the row at hand. A value of another type than asked for is damage, never a guess.
extension Statement {
  func integer(_ column: Int32) throws(StoreError) -> Int64 {
    guard unsafe sqlite3_column_type(handle, column) == SQLITE_INTEGER else { throw wrongType(column) }
    return unsafe sqlite3_column_int64(handle, column)
  }

  func optionalInteger(_ column: Int32) throws(StoreError) -> Int64? { isNull(column) ? nil : try integer(column) }

  func text(_ column: Int32) throws(StoreError) -> String {
    guard unsafe sqlite3_column_type(handle, column) == SQLITE_TEXT,
      let bytes = unsafe sqlite3_column_text(handle, column)
    else { throw wrongType(column) }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func optionalText(_ column: Int32) throws(StoreError) -> String? { isNull(column) ? nil : try text(column) }

  func blob(_ column: Int32) throws(StoreError) -> [UInt8] {
    guard unsafe sqlite3_column_type(handle, column) == SQLITE_BLOB else { throw wrongType(column) }
    // An empty blob has no address.
    guard let bytes = unsafe sqlite3_column_blob(handle, column) else { return [] }
    return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
  }

  /// Whatever stands there, as text.
  func anything(_ column: Int32) -> String {
    unsafe sqlite3_column_text(handle, column).map { unsafe String(cString: $0) } ?? ""
  }

  private func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

  private func wrongType(_ column: Int32) -> StoreError {
    .corrupt(path: path, detail: "column \(column) has an unexpected type in: \(sql)")
  }
}
