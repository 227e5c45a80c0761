internal import CSQLite

/// One connection to the database file, with its statements; closed exactly once.
///
/// It is not thread-safe: the store's actor, or a reader's owner, holds it alone.
@safe final class Connection {
  enum Access {
    case writing, reading
  }

  let path: String
  private let handle: OpaquePointer
  private var statements: [String: Statement] = [:]
  /// The texts that rows name by number.
  var terms = Terms()
  /// Goes on with the store where it opens another connection.
  var damaged = DamagedRows()

  init(path: String, access: Access) throws(StoreError) {
    let mode = access == .writing ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    var handle: OpaquePointer?
    let result = unsafe sqlite3_open_v2(path, &handle, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard result == SQLITE_OK, let handle = unsafe handle else {
      let error = unsafe StoreError(of: handle, result, "open", path)
      unsafe sqlite3_close_v2(handle)
      throw error
    }
    unsafe self.handle = handle
    self.path = path
    // Where it may not write, SQLite opens for reading without a word.
    if access == .writing, unsafe sqlite3_db_readonly(handle, "main") == 1 {
      throw .readOnly(
        StoreError.Failure(path: path, operation: "open", code: SQLITE_READONLY, message: "opened for reading only"))
    }
    // The writer has no rival: it waits only for readers that are just opening, or reading at a checkpoint.
    unsafe sqlite3_busy_timeout(handle, access == .writing ? 1000 : 5000)
  }

  deinit {
    statements = [:]
    unsafe sqlite3_close_v2(handle)
  }

  /// A statement that is kept for the next use. Not for what may be asked again while its rows are looked at.
  func statement(_ sql: String) throws(StoreError) -> Statement {
    if let known = statements[sql] { return known }
    let statement = try prepare(sql)
    statements[sql] = statement
    return statement
  }

  func prepare(_ sql: String) throws(StoreError) -> Statement {
    try unsafe Statement(sql, on: handle, path: path)
  }

  /// Carries out one statement after the other.
  func execute(_ script: String) throws(StoreError) {
    let result = unsafe sqlite3_exec(handle, script, nil, nil, nil)
    guard result == SQLITE_OK else { throw unsafe StoreError(of: handle, result, String(script.prefix(80)), path) }
  }

  /// Carries out a pragma and says what it answers in its first row, as text; empty where it answers nothing.
  @discardableResult
  func pragma(_ text: String) throws(StoreError) -> String {
    let statement = try prepare("PRAGMA \(text)")
    defer { statement.reset() }
    return try statement.step() ? statement.anything(0) : ""
  }

  /// Breaks off what a connection does, from any thread, for as long as the connection is there.
  @safe struct Interrupter: @unchecked Sendable {
    private let handle: OpaquePointer

    fileprivate init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    func interrupt() { unsafe sqlite3_interrupt(handle) }
  }

  var interrupter: Interrupter { unsafe Interrupter(handle) }

  static var sqliteVersion: String { unsafe String(cString: sqlite3_libversion()) }

  /// How many rows the last statement changed.
  var changes: Int64 { unsafe sqlite3_changes64(handle) }

  /// Turns on what guards against a damaged or hostile file.
  func harden(access: Access) throws(StoreError) {
    var switches: [(Int32, Int32)] = [
      (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    ].map { (Int32($0.0), $0.1) }
    // One connection checkpoints; see the store's opening.
    if access == .reading { switches.append((Int32(SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE), 1)) }
    for (option, value) in switches {
      let result = unsafe csqlite_switch(handle, option, value)
      guard result == SQLITE_OK else { throw unsafe StoreError(of: handle, result, "db_config \(option)", path) }
    }
  }

  enum Checkpoint {
    /// All that was committed goes into the database file, and is synced there.
    case full
    /// The log is emptied too; refused while somebody still reads from it.
    case truncating
  }

  /// Writes what the log holds into the database.
  func checkpoint(_ kind: Checkpoint) throws(StoreError) {
    let mode = kind == .full ? SQLITE_CHECKPOINT_FULL : SQLITE_CHECKPOINT_TRUNCATE
    let result = unsafe sqlite3_wal_checkpoint_v2(handle, nil, mode, nil, nil)
    guard result == SQLITE_OK else { throw unsafe StoreError(of: handle, result, "checkpoint", path) }
  }

  /// True between BEGIN and the end of a transaction; SQLite ends some by itself when they fail.
  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }
}

extension StoreError {
  /// True where the connection itself may have suffered; false where only this statement was refused.
  var isOfTheFile: Bool {
    switch self {
    case .failed(let failure): ![SQLITE_CONSTRAINT, SQLITE_TOOBIG, SQLITE_MISMATCH].contains(failure.code & 0xFF)
    case .cannotOpen, .corrupt, .foreign, .newerSchema, .olderSchema, .missing, .weak: true
    case .readOnly, .diskFull, .locked, .manyNames, .closed, .billDiffers, .cursorBeyondJournal, .unknownReading,
      .unknownBill, .unknownReview:
      false
    }
  }

  /// What a result code of SQLite means to the store.
  init(of connection: OpaquePointer?, _ result: Int32, _ operation: String, _ path: String) {
    let message = unsafe String(cString: sqlite3_errmsg(connection))
    let failure = Failure(path: path, operation: operation, code: result, message: message)
    switch result & 0xFF {
    case SQLITE_FULL: self = .diskFull(failure)
    case SQLITE_READONLY, SQLITE_PERM: self = .readOnly(failure)
    case SQLITE_CORRUPT: self = .corrupt(path: path, detail: message)
    case SQLITE_NOTADB: self = .foreign(path: path, applicationID: nil)
    case SQLITE_CANTOPEN: self = .cannotOpen(failure)
    default: self = .failed(failure)
    }
  }
}
