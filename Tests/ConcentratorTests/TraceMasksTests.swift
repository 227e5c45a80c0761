import Foundation
import Host
import Line
import Metering
import Testing

@testable import Concentrator

/// The daemon's trace file, with the passwords of both directions.
@Suite struct TraceMasksTests {
  @Test func `no password is kept of what is sent and of its echo, in pieces and hurt`() async throws {
    let path = NSTemporaryDirectory() + "meterd-masks-\(UUID().uuidString.prefix(8)).trace"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let masks = TraceMasks()
    let file = TraceFile(
      path: path, limit: 1 << 20, zone: .china, heading: "line bus1",
      mask: { bytes, isSent in masks.hidden(bytes, isSent: isSent) }, failed: { Issue.record("\($0)") })
    let command: [UInt8] = [
      0x68, 0x61, 0x01, 0, 0, 0, 0, 0x68, 0x19, 0x08, 0x35, 0x89, 0x67, 0x45, 0xAB, 0x89, 0x67, 0x45, 0x9D, 0x16,
    ]
    var hurt = command
    hurt[8] = 0x59
    let now = HostClock.boot
    func run(_ seconds: Int64, _ isSent: Bool, _ bytes: ArraySlice<UInt8>) -> Traffic {
      Traffic(at: now + .seconds(seconds), sent: isSent, bytes: Array(bytes))
    }
    let runs = [
      run(0, true, command[...]), run(1, false, command[..<12]), run(2, false, command[12...]),
      run(3, false, hurt[..<11]), run(4, false, hurt[11...]),
      run(5, false, [0x68, 0x61, 0x01, 0, 0, 0, 0, 0x68, 0x99, 0x00, 0xCB, 0x16]),
    ]
    for run in runs { file.buffer.note(run) }
    file.stop()
    await file.run()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst()
      .map { String($0.dropFirst(30)) }
    #expect(lines.count == runs.count)
    #expect(lines.first == "> 68 61 01 00 00 00 00 68 19 08 ** ** ** ** AB 89 67 45 ** 16")
    #expect(lines.last == "< 68 61 01 00 00 00 00 68 99 00 CB 16")
    for line in lines { #expect(!line.contains("35") && !line.contains("67 45 AB")) }
    #expect(lines[1] == "< 68 61 01 00 00 00 00 68 19 08 ** **")
    #expect(lines[2].hasPrefix("< ** ** "))
  }
}
