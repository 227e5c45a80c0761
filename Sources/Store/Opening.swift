/// How a store is opened: identity first, then settings, then damage, then the schema.
extension Connection {
  /// The one connection that writes and checkpoints.
  ///
  /// SQLite before 3.51.3 can damage a log that two connections write or checkpoint at once, so every other
  /// connection only reads.
  ///
  /// `checksPages` has all pages looked at, which takes as long as the file is large. `checkedRows` says how many of the
  /// newest readings are verified, and noted where they are damaged; where they all are, or a text that rows name by number
  /// is, the store is refused: what is added to it could not be read either.
  static func writing(_ path: String, checkedRows: Int, checksPages: Bool) throws(StoreError) -> Connection {
    let connection = try Connection(path: path, access: .writing)
    try connection.harden(access: .writing)
    let found = try Schema.identify(connection)
    if found == 0 { try connection.pragma("auto_vacuum = INCREMENTAL") }
    try connection.settle(access: .writing)
    if checksPages { try connection.checkPages() }
    try Schema.migrate(connection, from: found)
    if checkedRows > 0 {
      try connection.checkTerms()
      try connection.checkNewestRows(checkedRows)
    }
    return connection
  }

  /// A connection that cannot change the store, for use beside a running daemon.
  static func reading(_ path: String) throws(StoreError) -> Connection {
    guard isPresent(path) else { throw .missing(path: path) }
    let connection = try Connection(path: path, access: .reading)
    try connection.harden(access: .reading)
    let found = try Schema.identify(connection)
    guard found == Schema.current else {
      throw .olderSchema(path: path, found: found, known: Schema.current)
    }
    try connection.settle(access: .reading)
    return connection
  }

  /// Makes the settings, and reads back those on which durability rests.
  private func settle(access: Access) throws(StoreError) {
    switch access {
    case .writing:
      try pragma("journal_mode = WAL")
      try pragma("synchronous = FULL")
      try pragma("wal_autocheckpoint = 1000")
      try pragma("journal_size_limit = 8388608")
      try confirmDurability()
    case .reading: try pragma("query_only = ON")
    }
    try pragma("cell_size_check = ON")
    try pragma("mmap_size = 0")
    try pragma("temp_store = MEMORY")
    try pragma("cache_size = -4000")
    // INSERT OR REPLACE deletes; with this the triggers see it.
    try pragma("recursive_triggers = ON")
  }

  /// Refuses to go on where a power cut could take back what was acknowledged.
  func confirmDurability() throws(StoreError) {
    // 2 is FULL: the log is synced at each commit.
    let wanted = [("journal_mode", "wal"), ("synchronous", "2"), ("mmap_size", "0"), ("foreign_keys", "1")]
    for (setting, value) in wanted {
      let found = try pragma(setting)
      // A build without memory mapping answers nothing.
      guard found == value || (setting == "mmap_size" && found.isEmpty) else {
        throw .weak(path: path, setting: setting, wanted: value, found: found)
      }
    }
  }

  /// Refuses a file in which a page is damaged.
  func checkPages() throws(StoreError) {
    let answer = try pragma("quick_check(1)")
    guard answer == "ok" else { throw .corrupt(path: path, detail: answer) }
  }

  private func checkNewestRows(_ count: Int) throws(StoreError) {
    let statement = try prepare(ReadingRow.selection + " ORDER BY seq DESC LIMIT ?1")
    try statement.bind([.integer(Int64(count))])
    defer { statement.reset() }
    var (damaged, last) = (0, "")
    while try statement.step() {
      if try soundReading(statement) != nil {
        // The others are looked at for the sake of telling them.
        while try statement.step() { _ = try soundReading(statement) }
        return
      }
      damaged += 1
      if last.isEmpty { last = "\(try statement.integer(0))" }
    }
    guard damaged < Self.fewDamaged else {
      throw .corrupt(
        path: path, detail: "none of the newest \(damaged) readings, down from \(last), is as it was written")
    }
  }

  /// So many damaged rows at the end of the journal may be those of one bad page.
  private static let fewDamaged = 48

  /// Refuses a file in which a text that rows name by number is another one than its index says.
  ///
  /// A page check does not compare the two. New rows would get the number by the index, and nobody could read them.
  private func checkTerms() throws(StoreError) {
    let statement = try prepare(
      "SELECT id, text FROM term t NOT INDEXED WHERE (SELECT id FROM term WHERE text = t.text) IS NOT t.id LIMIT 1")
    defer { statement.reset() }
    guard try statement.step() else { return }
    throw .corrupt(
      path: path,
      detail:
        "term \(statement.anything(0)) reads \(statement.anything(1).debugDescription), and its index knows another text"
    )
  }
}
