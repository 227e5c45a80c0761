import Foundation
import Metering
import Testing

@testable import Store

@Suite struct AuditTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func record(_ number: Int64) -> AuditRecord {
    AuditRecord(
      at: noon + number, actor: "daemon", line: "bus1", function: "relay", target: "202311110001", outcome: "refused",
      detail: "not-allowed")
  }

  private func records(_ path: String) throws -> [StoredAudit] {
    var found: [StoredAudit] = []
    try StoreReader(path: path).audit { found.append($0) }
    return found
  }

  @Test func `records are numbered without a gap and outlast the store`() async throws {
    let store = try eager(folder.database)
    for number in 1...3 { #expect(try await store.audit(record(Int64(number))) == Int64(number)) }
    await store.close()
    let again = try eager(folder.database)
    #expect(try await again.audit(record(4)) == 4)
    #expect(try records(folder.database) == (1...4).map { StoredAudit(sequence: $0, record: record($0)) })
  }

  @Test(arguments: [
    "UPDATE audit SET outcome = 'sent' WHERE seq = 3",
    "DELETE FROM audit WHERE seq = 3",
    "DELETE FROM audit WHERE seq = 1",
    "DELETE FROM audit WHERE seq = 6",
    "DELETE FROM audit WHERE seq >= 3",
    "DELETE FROM audit",
    "UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 99",
  ])
  func `a record that is changed, taken out or moved is missed, and the store itself forbids it`(_ sql: String)
    async throws
  {
    let store = try eager(folder.database)
    for number in 1...6 { try await store.audit(record(Int64(number))) }
    await #expect(throws: StoreError.self) { try await store.execute(sql) }
    try await store.execute("DROP TRIGGER audit_as_written; DROP TRIGGER audit_stays")
    try await store.execute(sql)
    #expect(throws: StoreError.self) { try records(folder.database) }
  }

  @Test func `a record written after the end was taken out does not hide the hole`() async throws {
    let store = try eager(folder.database)
    for number in 1...3 { try await store.audit(record(Int64(number))) }
    try await store.execute("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq = 3")
    #expect(try await store.audit(record(4)) == 4)
    #expect(throws: StoreError.self) { try records(folder.database) }
  }

  @Test func `records of a store that did not note its newest yet are told, and the next is noted`() async throws {
    let store = try eager(folder.database)
    for number in 1...3 { try await store.audit(record(Int64(number))) }
    try await store.execute("DELETE FROM meta WHERE key = 'audit'")
    #expect(try records(folder.database).count == 3)
    #expect(try await store.audit(record(4)) == 4)
    #expect(try records(folder.database).count == 4)
    try await store.execute("DROP TRIGGER audit_stays; DELETE FROM audit WHERE seq = 4")
    #expect(throws: StoreError.self) { try records(folder.database) }
  }

  @Test func `a store of the first schema gets the table and keeps its readings`() async throws {
    do {
      let connection = try Connection.writing(folder.database, checkedRows: 0, checksPages: true)
      for table in [
        "event_release", "event_end", "event", "event_count", "audit", "bill_pricing", "bill_segment", "trial_result",
        "bill_correction",
        "ledger", "review_decision",
        "review", "late_read",
      ] {
        try connection.execute("DROP TABLE \(table)")
      }
      try connection.execute("ALTER TABLE gap DROP COLUMN until; ALTER TABLE gap DROP COLUMN rounds")
      try connection.execute("PRAGMA user_version = 1")
    }
    let store = try eager(folder.database)
    #expect(try await store.audit(record(1)) == 1)
  }
}
