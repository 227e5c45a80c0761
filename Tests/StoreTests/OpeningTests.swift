import Foundation
import Metering
import Testing

@testable import Store

@Suite struct OpeningTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  @Test func `a new store has the settings on which durability rests`() async throws {
    let store = try eager(folder.database)
    #expect(try await store.pragma("journal_mode") == "wal")
    #expect(try await store.pragma("synchronous") == "2")
    #expect(try await store.pragma("foreign_keys") == "1")
    #expect(try await store.pragma("trusted_schema") == "0")
    #expect(try await store.pragma("cell_size_check") == "1")
    #expect(try await store.pragma("mmap_size") == "0")
    #expect(try await store.pragma("auto_vacuum") == "2")
    #expect(try await store.pragma("journal_size_limit") == "8388608")
    #expect(try await store.pragma("user_version") == "\(Schema.current)")
    #expect(try await store.pragma("application_id") == "1836348004")
    #expect(try await store.fact("device")?.count == 32)
  }

  @Test func `a weaker synchronous than FULL is refused`() throws {
    let connection = try Connection.writing(folder.database, checkedRows: 0, checksPages: true)
    try connection.execute("PRAGMA synchronous = NORMAL")
    #expect(throws: StoreError.weak(path: folder.database, setting: "synchronous", wanted: "2", found: "1")) {
      try connection.confirmDurability()
    }
  }

  @Test func `a second opener is told who has the store`() async throws {
    let first = try eager(folder.database)
    #expect(throws: StoreError.locked(path: folder.database, process: getpid())) { try eager(folder.database) }
    _ = try await first.appendOne(judged(1))
  }

  /// Another path to the store, relative to the folder, and what has to be linked to what before.
  struct Detour: Sendable, CustomTestStringConvertible {
    let path: String
    var links: [(at: String, to: String)] = []
    var testDescription: String { path }
  }

  static let detours = [
    Detour(path: "link.db", links: [(at: "link.db", to: "meterd.db")]),
    Detour(path: "sub/link.db", links: [(at: "sub/link.db", to: "../meterd.db")]),
    Detour(path: "whole.db", links: [(at: "whole.db", to: "FOLDER/meterd.db")]),
    Detour(path: "two.db", links: [(at: "two.db", to: "one.db"), (at: "one.db", to: "./sub/../meterd.db")]),
    Detour(path: "linked/meterd.db", links: [(at: "linked", to: ".")]),
    Detour(path: "linked/../meterd.db", links: [(at: "linked", to: "sub")]),
    Detour(path: "linked/back.db", links: [(at: "linked", to: "sub"), (at: "sub/back.db", to: "../meterd.db")]),
    Detour(path: ".//sub/../meterd.db"),
  ]

  @Test(arguments: detours, [true, false])
  func `a store has one writer, whatever path leads to it`(_ detour: Detour, _ isThere: Bool) async throws {
    let files = FileManager.default
    try files.createDirectory(atPath: folder.path + "/sub", withIntermediateDirectories: false)
    for link in detour.links {
      try files.createSymbolicLink(
        atPath: "\(folder.path)/\(link.at)",
        withDestinationPath: link.to.replacingOccurrences(of: "FOLDER", with: folder.path))
    }
    let other = "\(folder.path)/\(detour.path)"
    if isThere { await (try eager(folder.database)).close() }
    // The one that comes by the detour makes the store where it is not there yet.
    for (first, second) in isThere ? [(folder.database, other), (other, folder.database)] : [(other, folder.database)] {
      let owner = try eager(first)
      #expect(throws: StoreError.locked(path: second, process: getpid())) { try eager(second) }
      _ = try await owner.appendOne(judged(1))
      #expect(try StoreReader(path: folder.database).reading(1) != nil)
      await owner.close()
    }
    #expect(try files.contentsOfDirectory(atPath: folder.path).contains("meterd.db.lock"))
  }

  @Test func `a link that is led elsewhere meanwhile takes no store along`() async throws {
    let link = folder.path + "/link.db"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "meterd.db")
    let store = try eager(link)
    try FileManager.default.removeItem(atPath: link)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "other.db")
    await store.fail(.after(.diskFull(.init(path: link, operation: "COMMIT", code: 13, message: "full"))))
    _ = try? await store.appendOne(judged(1))
    _ = try await store.appendOne(judged(2, at: noon + 1))
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/other.db"))
    #expect(try StoreReader(path: folder.database).reading(1) != nil)
  }

  @Test func `a store with a second name that is no link is refused by either`() async throws {
    await (try eager(folder.database)).close()
    let other = folder.path + "/other.db"
    try FileManager.default.linkItem(atPath: folder.database, toPath: other)
    for path in [folder.database, other] {
      #expect(throws: StoreError.manyNames(path: path, count: 2)) { try eager(path) }
    }
    try FileManager.default.removeItem(atPath: other)
    await (try eager(folder.database)).close()
  }

  @Test func `a store knows whether its last owner closed it`() async throws {
    do {
      let killed = try eager(folder.database)
      #expect(!killed.wasLeftOpen)
    }
    let onlooker = try eager(folder.database)
    #expect(onlooker.wasLeftOpen)
    await onlooker.close(settled: false)
    let heir = try eager(folder.database)
    #expect(heir.wasLeftOpen)
    await heir.close()
    #expect(try !eager(folder.database).wasLeftOpen)
  }

  @Test func `a closed store can be opened by the next`() async throws {
    let first = try eager(folder.database)
    _ = try await first.appendOne(judged(1))
    await first.close()
    let second = try eager(folder.database)
    #expect(try await second.appendOne(judged(2, at: noon + 1)) == .stored(sequence: 2))
  }

  @Test func `a database of another program is refused and left alone`() throws {
    for script in ["CREATE TABLE bookmarks(url)", "PRAGMA application_id = 7"] {
      let path = folder.path + "/\(script.count).db"
      try Connection(path: path, access: .writing).execute(script)
      let before = FileManager.default.contents(atPath: path)
      #expect(throws: StoreError.foreign(path: path, applicationID: script.hasPrefix("P") ? 7 : 0)) { try eager(path) }
      #expect(throws: StoreError.foreign(path: path, applicationID: script.hasPrefix("P") ? 7 : 0)) {
        try StoreReader(path: path)
      }
      #expect(FileManager.default.contents(atPath: path) == before)
    }
  }

  @Test func `a file that is no database is refused`() throws {
    try Data("address = \"000000000161\"\n".utf8).write(to: URL(fileURLWithPath: folder.database))
    #expect(throws: StoreError.foreign(path: folder.database, applicationID: nil)) { try eager(folder.database) }
  }

  @Test func `a store of a newer meterd is refused`() throws {
    let next = Schema.current + 1
    try Connection.writing(folder.database, checkedRows: 0, checksPages: true).execute("PRAGMA user_version = \(next)")
    let newer = StoreError.newerSchema(path: folder.database, found: next, known: Schema.current)
    #expect(throws: newer) { try eager(folder.database) }
    #expect(throws: newer) { try StoreReader(path: folder.database) }
  }

  @Test func `a store of version 0 is brought to the newest, and a reader may not do it`() async throws {
    try Connection(path: folder.database, access: .writing).execute("PRAGMA application_id = \(Schema.applicationID)")
    #expect(throws: StoreError.olderSchema(path: folder.database, found: 0, known: Schema.current)) {
      try StoreReader(path: folder.database)
    }
    let store = try eager(folder.database)
    #expect(try await store.appendOne(judged(1)) == .stored(sequence: 1))
    #expect(try await store.pragma("user_version") == "\(Schema.current)")
  }

  @Test func `the next version is one more step, whole or not at all`() async throws {
    do {
      let store = try eager(folder.database)
      _ = try await store.appendOne(judged(1))
      await store.close()
    }
    let connection = try Connection(path: folder.database, access: .writing)
    let good = Migration(number: Schema.current + 1, script: "CREATE TABLE plan(id INTEGER PRIMARY KEY) STRICT")
    let bad = Migration(
      number: Schema.current + 2, script: "CREATE TABLE extra(id INTEGER PRIMARY KEY) STRICT; SELECT nothing")
    #expect(throws: StoreError.self) {
      try Schema.migrate(connection, from: Schema.current, by: Schema.migrations + [good, bad])
    }
    #expect(try connection.pragma("user_version") == "\(Schema.current + 1)")
    #expect(try connection.prepare("SELECT count(*) FROM sqlite_schema WHERE name IN ('plan', 'extra')").number() == 1)
    #expect(try connection.lastSequence() == 1)
  }

  @Test func `what cannot be opened says why`() throws {
    guard case .cannotOpen(let failure) = #expect(throws: StoreError.self, performing: { try eager("/proc/none/m.db") })
    else {
      Issue.record("opened in a folder that is not there")
      return
    }
    #expect(failure.path == "/proc/none/m.db.lock")
    #expect(failure.code == ENOENT)
    let missing = folder.path + "/none.db"
    #expect(throws: StoreError.missing(path: missing)) { try StoreReader(path: missing) }
    #expect(!FileManager.default.fileExists(atPath: missing))
  }

  @Test func `readings and bills cannot be edited, whoever asks`() async throws {
    let store = try eager(folder.database)
    _ = try await store.appendOne(judged(1), evidence: exchange())
    _ = try await store.issue([billRecord()], consumer: "billing", through: 1)
    for table in ["reading", "bill", "bill_line", "bill_reading", "term"] {
      let column = table == "term" ? "text" : table == "reading" ? "value" : table == "bill" ? "total_fen" : "bill"
      #expect(await storeError { try await store.execute("UPDATE \(table) SET \(column) = \(column)") } != nil)
      #expect(await storeError { try await store.execute("DELETE FROM \(table)") } != nil)
      #expect(
        await storeError { try await store.execute("INSERT OR REPLACE INTO \(table) SELECT * FROM \(table)") } != nil)
    }
    #expect(await storeError { try await store.execute("UPDATE evidence SET at_ms = 0") } != nil)
  }
}
