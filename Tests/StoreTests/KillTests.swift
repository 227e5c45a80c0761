import Foundation
import Metering
import Testing

@testable import Store

@Suite struct KillTests {
  /// Where parent and child meet: the child knows its parent's number only.
  private static func folder(of process: pid_t) -> String { "/tmp/meterd-kill-\(process)" }

  @Test func `kill -9 amid commits loses nothing that was acknowledged`() async throws {
    let folder = Self.folder(of: getpid())
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var acknowledgedBefore = 0
    for round in 0..<5 {
      await #expect(processExitsWith: .signal(SIGKILL), "round \(round)") {
        let folder = KillTests.folder(of: getppid())
        var options = Store.Options()
        options.window = 1
        options.rows = 8
        let store = try Store(path: folder + "/meterd.db", options: options)
        let record = open(folder + "/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let start = Int64.random(in: 0..<1_000_000_000) * 1000
        let limit = lseek(record, 0, SEEK_END) + 14 * Int.random(in: 20..<200)
        await withTaskGroup(of: Void.self) { group in
          for worker in Int64(0)..<16 {
            group.addTask {
              for step in Int64(0)..<60 {
                let instant = start + worker * 60 + step
                guard let judged = try? judged(instant % 1000, at: instant),
                  case .stored = try? await store.appendOne(judged, evidence: exchange())
                else { continue }
                let line = Array("\(instant)\n".utf8)
                _ = write(record, line, line.count)
                // One worker ends it all while the others wait for their commits.
                if lseek(record, 0, SEEK_END) > limit { kill(getpid(), SIGKILL) }
              }
            }
          }
        }
        kill(getpid(), SIGKILL)
      }
      let text = String(
        decoding: FileManager.default.contents(atPath: folder + "/acknowledged") ?? Data(), as: UTF8.self)
      let acknowledged = text.split(separator: "\n").compactMap { Int64($0) }
      let store = try eager(folder + "/meterd.db")
      let reader = try StoreReader(path: folder + "/meterd.db")
      #expect(try reader.verify().faults == [])
      let stored = Set(try reader.all().map(\.reading.key.instant))
      #expect(Set(acknowledged).subtracting(stored).isEmpty, "round \(round)")
      #expect(acknowledged.count >= acknowledgedBefore)
      acknowledgedBefore = acknowledged.count
      await store.close()
    }
    #expect(acknowledgedBefore > 0)
  }
}
