internal import Host
internal import Metering

/// The one writer of the store: readings, evidence, verdicts, bills, and where each consumer stands.
///
/// It runs on a thread of its own, so a slow disk stalls nobody who does not wait for an answer. What it has
/// acknowledged survives a power cut: the log is synced at each commit, and this is read back when it opens.
public actor Store {
  public nonisolated let path: String
  /// The same without links.
  private let file: String
  /// True when the last owner was killed, or the machine: it did not come to `close`.
  public nonisolated let wasLeftOpen: Bool
  let options: Options
  /// The run of the machine; boot clocks of two runs cannot be compared.
  public nonisolated let bootID: String
  /// Damaged rows that were met, by whatever connection.
  let damaged: DamagedRows
  private let thread: OwnedThread
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// Held until the store is closed.
  private var lock: LockFile?
  /// `nil` after a commit of unknown outcome, until the file could be opened again.
  private var connection: Connection?
  /// A commit failed, and what the log holds since may be in memory only.
  private var isInDoubt = false
  private var isClosed = false
  /// The last row of the journal that is known to be safe.
  private(set) var safeSequence: Int64
  /// When something was last committed, in milliseconds since 1970.
  private(set) var lastCommit: Int64?
  /// What waits for the next commit; see `append`.
  var queue = CommitQueue()
  /// For tests: the next commit fails so. A device that does it on demand is hard to come by.
  var commitFault: CommitFault?

  /// The version of SQLite at work, worth a line in the log.
  public static var sqliteVersion: String { Connection.sqliteVersion }

  /// Opens the store at `path`, or creates it.
  ///
  /// Takes the lock, refuses foreign and newer files, looks for damage in the newest rows, which `takeDamaged` then
  /// tells, brings the schema up to date and makes sure that commits are durable. Where the last owner was killed all
  /// pages are looked at before that, and damaged ones refused; after an orderly end that is left to
  /// `PageCheck`, since it takes as long as the file is large. Blocks the calling thread.
  public init(path: String, options: Options = Options()) throws(StoreError) {
    let lock = try LockFile(besides: path)
    self.lock = lock
    wasLeftOpen = lock.wasLeft
    // Whatever a link on the way leads to later, the file that the lock is of is written.
    file = lock.file
    let opened = try Connection.writing(file, checkedRows: options.checkedRows, checksPages: wasLeftOpen)
    // Rows of a process that died after a failed sync may be in the kernel's memory only; now they are on the device.
    // A reader that stands in the way of it does not stop the start.
    try? opened.checkpoint(.full)
    safeSequence = try opened.lastSequence()
    damaged = opened.damaged
    connection = opened
    self.path = path
    self.options = options
    bootID = currentBootID()
    thread = OwnedThread(name: "store")
  }

  deinit { thread.stop() }

  /// Commits what waits, empties the log into the database and lets go of both. What comes later is refused.
  ///
  /// An owner that cannot tell what an earlier one left on the lines says so with `settled`: `wasLeftOpen` then holds
  /// for the next owner as well.
  public func close(settled: Bool = true) {
    flush()
    isClosed = true
    // A reader may hold the log; it is then emptied at the next start.
    try? connection?.checkpoint(.truncating)
    connection = nil
    if settled || !wasLeftOpen { lock?.letGo() }
    lock = nil
  }

  /// Empties the log into the database. Worth doing once a day, so that the log and the next start stay short.
  public func checkpoint() throws(StoreError) { try open().checkpoint(.truncating) }

  /// The connection, opened again where it was given up.
  func open() throws(StoreError) -> Connection {
    guard !isClosed else { throw .closed(path: path) }
    if let connection { return connection }
    let opened = try Connection.writing(file, checkedRows: 0, checksPages: false)
    opened.damaged = damaged
    connection = opened
    return opened
  }
}

/// A commit that fails, with nothing of it in the file, or all of it.
enum CommitFault {
  case before(StoreError)
  case after(StoreError)
}

/// How one try of a transaction ended.
private enum Attempt<Answer> {
  case committed(Answer)
  /// Nothing of it is in the file.
  case refused(StoreError)
  /// COMMIT failed: all of it may be in the file, or nothing.
  case unknown(StoreError)
}

extension Store {
  /// One transaction: all of `body`, durably, or nothing.
  ///
  /// After a failed COMMIT nobody knows what the file holds, and syncing again would prove nothing, since the
  /// kernel forgets pages it could not write. So the file is opened anew, what the log shows is written and synced
  /// in the database file, and `body` runs a second time; it finds what is there by key. `body` must therefore be
  /// such that doing it twice does it once.
  func write<Answer>(_ body: (Connection) throws(StoreError) -> Answer) throws(StoreError) -> Answer {
    switch attempt(body) {
    case .committed(let answer): return answer
    case .refused(let error): throw error
    case .unknown:
      switch attempt(body) {
      case .committed(let answer): return answer
      case .refused(let error), .unknown(let error): throw error
      }
    }
  }

  private func attempt<Answer>(_ body: (Connection) throws(StoreError) -> Answer) -> Attempt<Answer> {
    let connection: Connection
    let answer: Answer
    let last: Int64
    do throws(StoreError) {
      connection = try open()
      if isInDoubt { try connection.checkpoint(.full) }
      isInDoubt = false
      try connection.statement("BEGIN IMMEDIATE").run()
    } catch {
      return .refused(error)
    }
    do throws(StoreError) {
      answer = try body(connection)
      last = try connection.lastSequence()
    } catch {
      giveUp(connection, after: error)
      return .refused(error)
    }
    do throws(StoreError) {
      try commit(connection)
    } catch {
      self.connection = nil
      isInDoubt = true
      return .unknown(error)
    }
    safeSequence = last
    lastCommit = HostClock.wall.unixMilliseconds
    return .committed(answer)
  }

  private func commit(_ connection: Connection) throws(StoreError) {
    let fault = commitFault
    commitFault = nil
    if case .before(let error) = fault { throw error }
    try connection.statement("COMMIT").run()
    if case .after(let error) = fault { throw error }
  }

  /// Takes the open transaction back. A connection whose file failed, or that cannot go back, is not used again.
  private func giveUp(_ connection: Connection, after error: StoreError) {
    connection.terms = Terms()
    if connection.isInTransaction { try? connection.statement("ROLLBACK").run() }
    if connection.isInTransaction || error.isOfTheFile { self.connection = nil }
  }
}

extension Connection {
  /// The number of the journal's last row, 0 in an empty one.
  ///
  /// Not the counter that SQLite keeps: it also counts rows that were refused, and the journal would have holes.
  func lastSequence() throws(StoreError) -> Int64 {
    var last = try statement("SELECT max(seq) FROM reading").number()
    if last == nil { last = try statement("SELECT seq FROM sqlite_sequence WHERE name = 'reading'").number() }
    return try next(after: last, in: "reading") - 1
  }

  /// The number after `last`, where there can be one: a damaged file may claim any.
  func next(after last: Int64?, in table: String) throws(StoreError) -> Int64 {
    let last = last ?? 0
    guard (0..<1 << 62).contains(last) else {
      throw .corrupt(path: path, detail: "\(table) cannot have a row \(last)")
    }
    return last + 1
  }

  /// The number of the next exchange.
  func nextEvidence() throws(StoreError) -> Int64 {
    try next(after: statement("SELECT max(id) FROM evidence").number(), in: "evidence")
  }
}
