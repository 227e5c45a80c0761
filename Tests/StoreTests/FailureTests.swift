import Foundation
import Metering
import Testing

@testable import Store

@Suite struct FailureTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  static let fault = StoreError.failed(
    StoreError.Failure(path: "", operation: "COMMIT", code: 1034, message: "disk I/O error"))

  @Test func `a failed commit whose rows are there is acknowledged once, as stored`() async throws {
    let store = try eager(folder.database)
    _ = try await store.appendOne(judged(1))
    await store.fail(.after(Self.fault))
    let batch = try Store.Submission(
      [judged(1), judged(2, at: noon + 1), judged(2, at: noon + 1)], evidence: exchange())
    #expect(
      try await store.append(batch) == [.duplicate(sequence: 1), .stored(sequence: 2), .duplicate(sequence: 2)])
    #expect(try await store.appendOne(judged(3, at: noon + 2)) == .stored(sequence: 3))
    #expect(try StoreReader(path: folder.database).verify().faults == [])
    #expect(try await store.number("SELECT count(*) FROM evidence") == 1)
  }

  @Test func `what a failed commit left is in the database file before it is acknowledged`() async throws {
    let store = try eager(folder.database)
    // While a reader is there, closing the failed connection does not empty the log.
    let reader = try StoreReader(path: folder.database)
    await store.fail(.after(Self.fault))
    #expect(try await store.appendOne(judged(1)) == .stored(sequence: 1))
    #expect(try reader.counts().readings == 1)
    // The log, whose sync is in doubt, is not copied.
    let copy = folder.path + "/copy.db"
    try FileManager.default.copyItem(atPath: folder.database, toPath: copy)
    #expect(try StoreReader(path: copy).all().map(\.reading) == [judged(1).reading])
  }

  @Test func `a failed commit that left nothing is done again`() async throws {
    let store = try eager(folder.database)
    await store.fail(.before(Self.fault))
    #expect(try await store.appendOne(judged(1), evidence: exchange()) == .stored(sequence: 1))
    #expect(try await store.appendOne(judged(1)) == .duplicate(sequence: 1))
  }

  @Test func `a full disk is said, nothing is acknowledged, and the store goes on when there is room`() async throws {
    let store = try eager(folder.database)
    _ = try await store.appendOne(judged(1))
    let pages = try await store.pragma("page_count")
    try await store.execute("PRAGMA max_page_count = \(pages)")
    var error: StoreError?
    for index in 1..<1000 where error == nil {
      error = await storeError {
        _ = try await store.appendOne(judged(1, at: noon + Int64(index)), evidence: exchange())
      }
    }
    guard case .diskFull(let failure) = error else {
      Issue.record("not a full disk: \(String(describing: error))")
      return
    }
    #expect(failure.path == folder.database)
    let kept = try StoreReader(path: folder.database).all().count
    try await store.execute("PRAGMA max_page_count = 1000000")
    #expect(try await store.appendOne(judged(1, at: noon - 1)) == .stored(sequence: Int64(kept + 1)))
    #expect(try StoreReader(path: folder.database).verify().faults == [])
  }

  @Test func `a file that may not be written is said, and the store goes on when it may`() async throws {
    let store = try eager(folder.database)
    try await store.execute("PRAGMA query_only = ON")
    guard case .readOnly = await storeError({ _ = try await store.appendOne(judged(1)) }) else {
      Issue.record("not refused as read-only")
      return
    }
    try await store.execute("PRAGMA query_only = OFF")
    #expect(try await store.appendOne(judged(1)) == .stored(sequence: 1))
  }

  @Test func `one poisoned submission does not cost the others theirs`() async throws {
    let store = try patient(folder.database)
    try await store.execute(
      """
      CREATE TRIGGER poison BEFORE INSERT ON reading WHEN NEW.value = 130000
      BEGIN SELECT RAISE(ABORT, 'poison'); END
      """)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for digits in Int64(10)..<16 {
        group.addTask { await storeError { _ = try await store.appendOne(judged(digits, at: noon + digits)) } == nil }
      }
      while await store.waiting < 6 { await Task.yield() }
      await store.flush()
      var stored = 0
      for try await success in group where success { stored += 1 }
      #expect(stored == 5)
    }
    #expect(try StoreReader(path: folder.database).all().map(\.sequence) == [1, 2, 3, 4, 5])
  }

  @Test func `words of a transaction that was taken back are learnt again`() async throws {
    let store = try eager(folder.database)
    try await store.execute(
      "CREATE TRIGGER poison BEFORE INSERT ON reading BEGIN SELECT RAISE(ABORT, 'poison'); END")
    #expect(await storeError { _ = try await store.appendOne(judged(1)) } != nil)
    try await store.execute("DROP TRIGGER poison")
    #expect(try await store.appendOne(judged(1)) == .stored(sequence: 1))
    #expect(try StoreReader(path: folder.database).all().map(\.reading) == [judged(1).reading])
  }
}
