import Foundation
import Host
import Line
import Metering
import Testing

/// The trace of a line: bounded, masked, harmless.
@Suite struct TraceFileTests {
  private let folder = NSTemporaryDirectory() + "meterd-trace-\(UUID().uuidString.prefix(8))"

  private func open(
    _ path: String, limit: Int = 1 << 20, told: Told = Told(), mask: @escaping TraceFile.Mask = { _, _ in [] }
  ) throws -> TraceFile {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return TraceFile(
      path: path, limit: limit, zone: .china, heading: "line bus1", mask: mask, failed: { told.note($0) })
  }

  /// What the owner of a trace was told.
  private final class Told: Sendable {
    private let texts = Guarded<[String]>([])
    func note(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
  }

  private func written(_ file: TraceFile, _ runs: [Traffic]) async {
    for run in runs { file.buffer.note(run) }
    file.stop()
    await file.run()
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `each run is a line with its time and direction; pieces of an answer are one`() async throws {
    let path = folder + "/a.trace"
    let now = HostClock.boot
    try await written(
      open(path),
      [
        Traffic(at: now, sent: true, bytes: [0x68, 0x11]),
        Traffic(at: now + .milliseconds(50), sent: false, bytes: [1]),
        Traffic(at: now + .milliseconds(60), sent: false, bytes: [2]),
        Traffic(at: now + .milliseconds(900), sent: false, bytes: [3]),
      ])
    let lines = try text(path).split(separator: "\n")
    #expect(lines.first == "# meterd trace of line bus1")
    #expect(lines.dropFirst().map { $0.dropFirst(29) } == [" > 68 11", " < 01 02", " < 03"])
    #expect(lines.dropFirst().allSatisfy { $0.prefix(29).hasSuffix("+08:00") })
  }

  @Test func `what must not be kept is not kept`() async throws {
    let path = folder + "/b.trace"
    let file = try open(path) { bytes, isSent in bytes.map { isSent && $0 == 0x42 } }
    let now = HostClock.boot
    await written(
      file, [Traffic(at: now, sent: true, bytes: [1, 0x42, 2]), Traffic(at: now, sent: false, bytes: [0x42])])
    #expect(try text(path).split(separator: "\n").dropFirst().map { $0.dropFirst(29) } == [" > 01 ** 02", " < 42"])
  }

  @Test func `a full file becomes the old one, and no more than one is kept`() async throws {
    let path = folder + "/c.trace"
    let told = Told()
    for round in 0..<5 {
      let file = try open(path, limit: 4096, told: told)
      let now = HostClock.boot
      let runs = (0..<20).map { _ in Traffic(at: now, sent: true, bytes: [UInt8](repeating: UInt8(round), count: 30)) }
      await written(file, runs)
    }
    #expect(told.all == [])
    #expect(try text(path).count <= 4096 && text(path + ".1").count <= 4096)
    #expect(try text(path).hasPrefix("# meterd trace"))
    #expect(try text(path).hasSuffix("04 04\n") && text(path + ".1").contains("03 03"))
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder)) == ["c.trace", "c.trace.1"])
  }

  @Test(arguments: ["/dev/full", "/nowhere/at/all", "/tmp"])
  func `a file that cannot be written is told once`(_ path: String) async throws {
    let told = Told()
    let file = try open(path, told: told)
    let run = Traffic(at: HostClock.boot, sent: true, bytes: [1])
    await written(file, [run])
    // Another go after the failure says nothing more.
    await written(file, [run])
    #expect(told.all.count == 1 && told.all[0].hasPrefix("\(path): open: "))
  }

  @Test func `a file that is no trace is neither added to nor replaced`() async throws {
    let path = folder + "/e.trace"
    let told = Told()
    let file = try open(path, limit: 4096, told: told)
    try "SQLite format 3".write(toFile: path, atomically: false, encoding: .utf8)
    let run = Traffic(at: HostClock.boot, sent: true, bytes: [1])
    await written(file, [run])
    #expect(try text(path) == "SQLite format 3")
    #expect(told.all == ["\(path): open: the file is no trace"])

    let other = folder + "/f.trace"
    try "precious".write(toFile: other + ".1", atomically: false, encoding: .utf8)
    for _ in 0..<3 {
      let full = try open(other, limit: 4096, told: told)
      let now = HostClock.boot
      await written(full, (0..<20).map { _ in Traffic(at: now, sent: true, bytes: [UInt8](repeating: 7, count: 30)) })
    }
    #expect(try text(other + ".1") == "precious")
    #expect(told.all.count == 3 && told.all[2] == "\(other): rename to \(other).1: the file is no trace")
  }

  @Test func `what finds no room is let go and counted`() async throws {
    let path = folder + "/d.trace"
    let file = try open(path)
    let now = HostClock.boot
    await written(
      file, (0..<1000).map { _ in Traffic(at: now, sent: true, bytes: [UInt8](repeating: 0, count: 512)) })
    let lines = try text(path).split(separator: "\n")
    #expect(lines.count == 1 + 512 + 1)
    #expect(lines.last == "# 488 runs are missing: the disk was too slow")
  }
}
